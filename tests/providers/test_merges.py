"""Two organisations become one: what moves, what ends, what stays as history, and who may decide it (V15)."""

from datetime import date, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.accounts.models import AuditEntry, Council, Membership
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    AccreditationStatus,
    Agreement,
    Application,
    Evidence,
    Listing,
    MergeStep,
    Organisation,
    PaApproval,
    RegulatorLink,
    ServiceLine,
    Worker,
)
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.service.duplicates import DuplicateService
from marketplace.providers.service.numbers import name_key
from marketplace.providers.states import (
    AGREEMENT,
    PA_APPROVAL,
    REGULATOR_LINK,
    AgreementStatus,
    ApplicationStatus,
    PaApprovalStatus,
    RegulatorLinkStatus,
)
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import (
    Member,
    make_accreditation,
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_worker,
)
from tests.factories_evaluation import make_bench
from tests.factories_join import make_evidence, run_tasks
from tests.factories_people import make_provider

FORM = {"listings": "move", "reason": "The firm was taken over", "sure": "yes"}
TODAY = date(2027, 3, 3)


async def two(db: AsyncSession, council: Council) -> tuple[Organisation, Member, Organisation]:
    """A firm with everything, and the one that takes it over."""
    old, keeper = await make_provider(db, council, name="Old Firm", charity_number="1234567", company_number="01234567")
    new = await make_organisation(db, name="New Firm", home_council_id=council.id, charity_number="7654321")
    worker = await make_worker(db, old)
    await make_listing(db, old, worker_id=worker.id)
    await make_listing(db, old)
    await make_accreditation(db, old, council, ServiceLine.HOME_CARE)
    await make_evidence(db, old)
    return old, keeper, new


def test_names_are_compared_without_what_tells_nothing() -> None:
    same = {"Age Well Ltd", "AGE  WELL LIMITED", "Age-Well", "The Age Well C.I.C.", "Âge Well"}
    assert {name_key(name) for name in same} == {"agewell"}
    assert name_key("Age & Well") == name_key("Age and Well")
    assert name_key("Age Well 2") != "agewell"
    assert name_key("The Ltd") == "theltd"


async def test_pairs_that_may_be_one_are_found_for_the_council_concerned(browser: Browser, db: AsyncSession) -> None:
    council, elsewhere = await make_council(db), await make_council(db)
    await make_organisation(db, name="Twin Club", postcode="PR1 2HE", home_council_id=council.id)
    await make_organisation(db, name="twin club Ltd", postcode="PR1 2HE", home_council_id=elsewhere.id)
    await make_organisation(db, name="Phone A", phone="01632 960001", town="A", home_council_id=council.id)
    await make_organisation(db, name="Phone B", phone="(01632) 960 001", town="B", home_council_id=council.id)
    await make_organisation(db, name="Alone", postcode="PR1 9ZZ", home_council_id=council.id)
    none = await make_council(db)
    pairs = await DuplicateService(db).suspected(council.id)
    assert [{pair.one.name, pair.other.name} for pair in pairs] == [
        {"Twin Club", "twin club Ltd"},
        {"Phone A", "Phone B"},
    ]
    assert len(await DuplicateService(db).suspected(elsewhere.id)) == 1
    assert await DuplicateService(db).suspected(none.id) == []
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    page = await officer.open("/organisations/merges")
    assert "Same name and postcode" in page.words
    await officer.open(page.link("merges/compare").replace("&amp;", "&"))
    assert "Alone" in (await officer.open("/organisations/merges/choose?q=alone")).words


async def test_a_merge_moves_the_future_and_leaves_the_past(
    browser: Browser, db: AsyncSession, mailbox: Mailbox
) -> None:
    council, elsewhere = await make_council(db), await make_council(db, name="Other Council")
    old, keeper, new = await two(db, council)
    await make_accreditation(db, old, elsewhere, ServiceLine.HOME_CARE)
    await make_member(db, Role.ACCREDITOR, elsewhere, email="accreditor@elsewhere.example")
    old_id, new_id, keeper_id, council_id = old.id, new.id, keeper.user.id, council.id
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    provider = await browser.signed_in(keeper)
    compare = await officer.open(f"/organisations/merges/compare?one={old_id}&other={new_id}")
    assert "Old Firm" in compare.words
    chosen = {"one": str(old_id), "other": str(new_id)}
    assert list((await officer.post("/organisations/merges/compare", chosen, expect=422)).errors()) == ["stays"]
    where = (await officer.post("/organisations/merges/compare", {**chosen, "stays": str(new_id)})).location
    assert where == f"/organisations/merges/{old_id}/{new_id}"
    page = await officer.open(where)
    assert "1 person" in page.words
    assert "Other Council" in page.words
    assert set((await officer.post(where, {"listings": "move"}, expect=422)).errors()) == {"reason", "sure"}
    assert (await officer.post(where, FORM)).location == f"/organisations/{new_id}"

    # The future.
    assert set(await db.scalars(select(Worker.organisation_id))) == {new_id}
    assert set(await db.scalars(select(Listing.organisation_id))) == {new_id}
    roles = await AccountRepository(db).memberships(keeper_id, TODAY)
    assert [row.organisation_id for row, _ in roles] == [new_id, old_id]
    assert roles[1][0].ends_on == TODAY + timedelta(days=366)
    assert "New Firm" in (await provider.open("/provider/details")).text
    assert "Old Firm" in (await provider.open("/account")).words
    row = await db.get(Organisation, new_id)
    assert row is not None
    assert (row.charity_number, row.company_number) == ("7654321", "01234567")
    copy = (await db.scalars(select(Evidence).where(Evidence.organisation_id == new_id))).one()
    assert (copy.seen_at, copy.detail) == (None, "Example Mutual, policy 1234 (given for Old Firm)")

    # What ended.
    for accreditation in await db.scalars(select(Accreditation)):
        assert (accreditation.status, accreditation.removed_on) == (AccreditationStatus.REMOVED, TODAY)
    actions = (await db.scalars(select(AccreditationAction))).all()
    assert {action.kind.value for action in actions} == {"remove"}
    assert len({action.council_id for action in actions}) == 2
    standing = AccreditationRepository(db)
    assert not await standing.is_live(old_id, council_id, ServiceLine.HOME_CARE, TODAY)
    assert not await standing.is_live(new_id, council_id, ServiceLine.HOME_CARE, TODAY)

    # The past.
    assert await standing.is_live(old_id, council_id, ServiceLine.HOME_CARE, TODAY - timedelta(days=1))
    original = (await db.scalars(select(Evidence).where(Evidence.organisation_id == old_id))).one()
    assert original.seen_at is not None
    step = (await db.scalars(select(MergeStep))).one()
    assert (step.from_organisation_id, step.into_organisation_id, step.merged_on) == (old_id, new_id, TODAY)
    assert step.moved["numbers"] == {"company_number": "01234567"}
    entries = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "providers.merge_organisations"))).all()
    assert {entry.subject_id for entry in entries} == {old_id, new_id}

    # Who hears of it.
    found = await events(db)
    assert {"OrganisationsMerged", "ListingChanged", "AccreditationActed"} <= set(found)
    await run_tasks()
    assert any(
        one.to_address == "accreditor@elsewhere.example" and "is now part of New Firm" in one.subject
        for one in mailbox.envelopes
    )
    assert "now part of New Firm" in (await officer.open(f"/organisations/{old_id}")).words
    await officer.post(where, FORM, expect=409)
    assert await count(db, "organisation_merges") == 1
    form = {
        "service_line": "home_care",
        "live_from-day": "4",
        "live_from-month": "3",
        "live_from-year": "2027",
        "last_day-day": "3",
        "last_day-month": "3",
        "last_day-year": "2028",
        "reason": "Once more",
    }
    page = await officer.post(f"/organisations/{old_id}/accreditations", form, expect=422)
    assert "merged into another" in page.words


async def test_listings_that_are_taken_off_say_whose_they_are_now(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    old, _, new = await two(db, council)
    listing_id = (await db.scalars(select(Listing.id).where(Listing.worker_id.is_(None)))).one()
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    await officer.post(f"/organisations/merges/{old.id}/{new.id}", {**FORM, "listings": "take_off"})
    page = await browser.open(f"/market/{listing_id}", expect=410)
    assert "is now part of New Firm" in page.words
    assert await count(db, "listings", "is_published") == 0


async def test_only_councils_concerned_may_merge_and_trying_is_recorded(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    old, _, new = await two(db, council)
    where = f"/organisations/merges/{old.id}/{new.id}"
    itself = f"/organisations/merges/{old.id}/{old.id}"
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR))
    broker = await browser.signed_in(await make_member(db, Role.BROKER, council))
    assert "cannot decide this" in (await officer.open(where)).words
    page = await officer.post(where, FORM, expect=409)
    assert "council of its base" in page.words
    assert await count(db, "audit_entries", "action = 'providers.refuse_merge'") == 1
    await officer.open(itself, expect=409)
    await broker.open(where, expect=403)
    assert await count(db, "organisations", "merged_into_id IS NOT NULL") == 0
    assert await count(db, "organisation_merges") == 0


async def test_somebody_who_acts_for_both_keeps_one_role_and_the_past(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    old, keeper, new = await two(db, council)
    await db.execute(
        text(
            "INSERT INTO memberships (id, user_id, council_id, role, organisation_id, acting_for_name, starts_on) "
            "SELECT gen_random_uuid(), user_id, council_id, role, :new, '', starts_on FROM memberships "
            "WHERE user_id = :u"
        ),
        {"new": new.id, "u": keeper.user.id},
    )
    keeper_id, old_id, new_id = keeper.user.id, old.id, new.id
    officer = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council))
    await officer.post(f"/organisations/merges/{old_id}/{new_id}", FORM)
    roles = await AccountRepository(db).memberships(keeper_id, TODAY)
    assert [row.organisation_id for row, _ in roles] == [new_id, old_id]
    assert await count(db, "memberships", f"user_id = '{keeper_id}'") == 2
    rows = (await db.scalars(select(Membership).where(Membership.organisation_id == old_id))).all()
    assert [row.ends_on for row in rows] == [TODAY + timedelta(days=366)]


async def test_what_runs_for_the_old_one_is_ended_with_its_steps(browser: Browser, db: AsyncSession) -> None:
    bench = await make_bench(db)
    old, council = bench.organisation, bench.council
    old.home_council_id = council.id
    new = await make_organisation(db, name="New Firm", home_council_id=council.id)
    worker = await make_worker(db, old)
    now = clock_of(db).now()
    agreement = Agreement(
        council_id=council.id,
        organisation_id=old.id,
        lot_ids={"lots": []},
        reference="AG-1",
        status=AgreementStatus.SIGNED,
        terms="Terms",
        terms_hash=b"-",
        starts_on=TODAY - timedelta(days=30),
        ends_on=TODAY + timedelta(days=300),
        created_at=now,
    )
    approval = PaApproval(
        council_id=council.id,
        organisation_id=old.id,
        worker_id=worker.id,
        status=PaApprovalStatus.APPROVED,
        route="six_months",
        conduct_version="1",
        approved_from=TODAY - timedelta(days=30),
        approved_until=TODAY + timedelta(days=335),
        started_at=now,
        applied_at=now,
    )
    link = RegulatorLink(
        council_id=council.id,
        organisation_id=old.id,
        provider_id="1-101234567",
        status=RegulatorLinkStatus.MATCHED,
        register_name="Old Firm",
        register_status="registered",
        read_at=now,
    )
    db.add_all([agreement, approval, link])
    old.cqc_provider_id = "1-101234567"
    await db.flush()
    for cycle, row in ((AGREEMENT, agreement), (PA_APPROVAL, approval), (REGULATOR_LINK, link)):
        cycle.begin(db, row, by=None)
    new_id = new.id
    officer = await browser.signed_in(bench.lead)
    await officer.post(f"/organisations/merges/{old.id}/{new.id}", FORM)
    assert (await db.scalars(select(Application.status))).one() == ApplicationStatus.WITHDRAWN
    assert (await db.scalars(select(Agreement.status))).one() == AgreementStatus.ENDED
    assert (await db.scalars(select(PaApproval.status))).one() == PaApprovalStatus.REMOVED
    moved = (await db.scalars(select(RegulatorLink))).one()
    # It is a claim again: whether the entry is the new one's somebody looks at.
    assert (moved.organisation_id, moved.status) == (new_id, RegulatorLinkStatus.IN_REVIEW)
    assert await count(db, "organisations", "cqc_provider_id IS NOT NULL") == 0
    assert await count(db, "steps", "why LIKE 'Now part of New Firm%'") == 3
