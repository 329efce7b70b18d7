"""Evidence: given, seen, refused, watched over its days (V4)."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.ids import new_id
from marketplace.providers.models import (
    Evidence,
    EvidenceKind,
    HiddenWhy,
    Joining,
    Listing,
    ListingCategory,
    Organisation,
    OrganisationKind,
    PriceUnit,
    ServiceLine,
)
from marketplace.providers.service.evidence import reminder_stage
from marketplace.providers.service.planners import PlannerService
from marketplace.providers.tasks.joining import watch_evidence
from marketplace.providers.tasks.standing import watch_standing
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import (
    Member,
    make_accreditation,
    make_council,
    make_listing,
    make_member,
    make_organisation,
    make_person_member,
    make_worker,
)
from tests.factories_join import make_evidence, run_tasks
from tests.factories_ops import make_booking

INSURANCE = {
    "kind": "liability_insurance",
    "detail": "Example Mutual, policy 77",
    "cover": "5,000,000",
    "issued_on-day": "1",
    "issued_on-month": "3",
    "issued_on-year": "2027",
    "last_day-day": "28",
    "last_day-month": "2",
    "last_day-year": "2028",
}


class World(msgspec.Struct):
    """A council, a group of it with a listing, and who looks after both."""

    organisation: Organisation
    provider: Member
    accreditor: Member
    listing: Listing


@pytest.fixture
async def world(db: AsyncSession) -> World:
    council = await make_council(db)
    organisation = await make_organisation(db, home_council_id=council.id, kind=OrganisationKind.COMMUNITY)
    return World(
        organisation,
        await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, email="group@test.example"),
        await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example"),
        await make_listing(db, organisation, category=ListingCategory.COMMUNITY),
    )


async def at(clock: FixedClock, day: date) -> None:
    clock.move_to(datetime(day.year, day.month, day.day, 10, 0, tzinfo=UTC))
    await watch_evidence()


async def read_again(db: AsyncSession, member: Member) -> Member:
    """Read a member's rows again after a page: an old session would have ended in the meantime."""
    for row in (member.user, member.membership, member.council):
        await db.refresh(row)
    return member


async def hidden_why(db: AsyncSession) -> list[str | None]:
    return list((await db.scalars(text("SELECT hidden_why FROM listings ORDER BY id"))).all())


async def test_a_provider_gives_insurance_and_the_council_sees_it(
    browser: Browser, db: AsyncSession, world: World, mailbox: Mailbox
) -> None:
    accreditor_id = world.accreditor.user.id
    provider = await browser.signed_in(world.provider)
    council = await browser.signed_in(world.accreditor)
    page = await provider.open("/provider/evidence")
    assert "Never send the certificate of a DBS check" in page.words
    assert "Not given yet" in page.words
    await provider.open("/provider/evidence/new?kind=liability_insurance")
    await provider.post("/provider/evidence", INSURANCE)
    page = await provider.open("/provider/evidence")
    assert "Waiting for the council" in page.words
    assert "£5,000,000" in page.words
    row = (await db.scalars(select(Evidence))).one()
    assert (row.issued_on, row.expires_on) == (date(2027, 3, 1), date(2028, 2, 29))
    evidence_id = row.id

    queue = await council.open("/evidence")
    await council.open(queue.link(rf"/evidence/{evidence_id}$"))
    await council.post(f"/evidence/{evidence_id}/seen")
    await db.refresh(row)
    assert row.seen_by_user_id == accreditor_id
    assert "Nothing waits" in (await council.open("/evidence")).words
    await council.post(f"/evidence/{evidence_id}/seen", expect=409)
    assert "Counts until 28 February 2028" in (await provider.open("/provider/evidence")).words
    actions = (await db.scalars(text("SELECT action FROM audit_entries WHERE subject_kind = 'evidence'"))).all()
    assert sorted(actions) == ["providers.give_evidence", "providers.see_evidence"]
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == "group@test.example"
    assert "the council has seen it" in mailbox.envelopes[-1].subject


async def test_a_refusal_needs_a_reason_and_is_told(
    browser: Browser, db: AsyncSession, world: World, mailbox: Mailbox
) -> None:
    row_id = (await make_evidence(db, world.organisation, seen_at=None)).id
    council = await browser.signed_in(world.accreditor)
    provider = await browser.signed_in(world.provider)
    page = await council.post(f"/evidence/{row_id}/refused", {"reason": ""}, expect=422)
    assert page.errors() == {"reason": "Enter the reason"}
    assert await events(db) == []
    await council.post(f"/evidence/{row_id}/refused", {"reason": "The policy names somebody else"})
    await run_tasks()
    assert "The policy names somebody else" in mailbox.envelopes[-1].body
    assert "The policy names somebody else" in (await provider.open("/provider/evidence")).words


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"detail": ""}, "detail"),
        ({"cover": "lots"}, "cover"),
        ({"kind": "employer_insurance", "cover": "4,999,999"}, "cover"),
        ({"issued_on-year": ""}, "issued_on"),
        ({"issued_on-year": "2029", "last_day-year": "2030"}, "issued_on"),
        ({"last_day-year": "2027"}, "last_day"),
        ({"last_day-year": "2060"}, "last_day"),
        ({"last_day-day": "", "last_day-month": "", "last_day-year": ""}, "last_day"),
        ({"kind": "dbs"}, "level"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    browser: Browser, db: AsyncSession, world: World, changed: dict[str, str], field: str
) -> None:
    provider = await browser.signed_in(world.provider)
    page = await provider.post("/provider/evidence", {**INSURANCE, **changed}, expect=422)
    assert field in page.errors()
    assert await count(db, "evidence") == 0
    assert await count(db, "audit_entries", "action = 'providers.give_evidence'") == 0


async def test_a_dbs_check_keeps_level_date_and_outcome_alone(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    form = {**INSURANCE, "kind": "dbs", "level": "enhanced_barred", "outcome": "clear"}
    await provider.post("/provider/evidence", form)
    row = (await db.scalars(select(Evidence))).one()
    assert row.detail == "Enhanced with barred lists. Nothing is on it"
    assert row.cover_pence is None


async def test_another_council_and_another_organisation_find_nothing(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    row_id = (await make_evidence(db, world.organisation, seen_at=None)).id
    stranger = await browser.signed_in(await make_member(db, Role.ACCREDITOR, await make_council(db)))
    assert "Nothing waits" in (await stranger.open("/evidence")).words
    await stranger.get(f"/evidence/{row_id}", expect=404)
    await stranger.post(f"/evidence/{row_id}/seen", expect=404)
    assert await count(db, "evidence", "seen_at IS NULL") == 1


async def test_a_council_that_accredits_it_looks_too(browser: Browser, db: AsyncSession, world: World) -> None:
    other = await make_council(db)
    await make_accreditation(db, world.organisation, other, ServiceLine.COMMUNITY_SUPPORT)
    row = await make_evidence(db, world.organisation, seen_at=None)
    signed_in = await browser.signed_in(await make_member(db, Role.ACCREDITOR, other))
    await signed_in.open(f"/evidence/{row.id}")


async def test_one_assistant_among_several_gives_only_what_is_about_them(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    worker = await make_worker(db, world.organisation)
    pa = await make_member(
        db, Role.PA, world.provider.council, organisation_id=world.organisation.id, worker_id=worker.id
    )
    signed_in = await browser.signed_in(pa)
    page = await signed_in.open("/provider/evidence")
    assert "Public liability insurance" not in page.words
    await signed_in.get("/provider/evidence/new?kind=liability_insurance", expect=404)
    await signed_in.post("/provider/evidence", INSURANCE, expect=404)
    form = {**INSURANCE, "kind": "dbs", "level": "enhanced", "outcome": "clear"}
    await signed_in.post("/provider/evidence", form)
    assert await count(db, "evidence", "worker_id IS NOT NULL") == 1


async def test_the_safeguarding_contact_is_changed_and_audited(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    await provider.open("/provider/evidence/safeguarding")
    wrong = {"safeguarding_name": "Sam", "safeguarding_contact": "?"}
    await provider.post("/provider/evidence/safeguarding", wrong, expect=422)
    await provider.post(
        "/provider/evidence/safeguarding", {"safeguarding_name": "Sam", "safeguarding_contact": "sam@example.org"}
    )
    assert "sam@example.org" in (await provider.open("/provider/evidence")).words
    assert await count(db, "audit_entries", "action = 'providers.set_safeguarding_contact'") == 1


@pytest.mark.parametrize(
    ("days_left", "reminded", "stage"),
    [
        (31, None, None),
        (30, None, 30),
        (30, 30, None),
        (29, None, 30),
        (14, 30, 14),
        (13, None, 14),
        (1, 14, None),
        (0, 14, 0),
        (0, None, 0),
        (-5, 30, 0),
        (-5, 0, None),
    ],
)
def test_each_reminder_is_due_once(days_left: int, reminded: int | None, stage: int | None) -> None:
    assert reminder_stage(days_left, [30, 14, 0], reminded) == stage


def test_the_last_reminder_goes_out_whatever_a_council_sets() -> None:
    assert reminder_stage(0, [60], 60) == 0
    assert reminder_stage(45, [60], None) == 60


async def test_over_the_days_up_to_the_end_and_the_renewal(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock, mailbox: Mailbox
) -> None:
    """V4 as a whole: 31, 30, 14, 1 and 0 days before the end, then the renewal."""
    end = date(2027, 6, 1)
    council_row = world.provider.council
    organisation_id, name = world.organisation.id, world.organisation.name
    row = await make_evidence(db, world.organisation, expires_on=end)
    person, member = await make_person_member(db, council_row)
    person_email = member.user.email
    broker_email = (await make_member(db, Role.BROKER, council_row, email="broker@test.example")).user.email
    advice = await make_listing(
        db, world.organisation, category=ListingCategory.ADVICE, price_unit=PriceUnit.FREE, price_pence=0
    )
    advice_id, listing_id, row_id = advice.id, world.listing.id, row.id
    await make_booking(
        db,
        council_row,
        worker=await make_worker(db, world.organisation),
        person_id=person.id,
        listing_id=world.listing.id,
        starts_at=datetime(2027, 6, 10, 9, 0, tzinfo=UTC),
    )
    await db.flush()

    async def told() -> list[tuple[str, str]]:
        before = len(mailbox.envelopes)
        await run_tasks()
        return [(item.to_address, item.subject) for item in mailbox.envelopes[before:]]

    await at(clock, end - timedelta(days=31))
    assert await told() == []
    await at(clock, end - timedelta(days=30))
    assert await told() == [("group@test.example", "Public liability insurance: it ends soon")]
    await at(clock, end - timedelta(days=30))
    assert await told() == []
    await at(clock, end - timedelta(days=14))
    assert [item[0] for item in await told()] == ["group@test.example"]
    await at(clock, end - timedelta(days=1))
    assert await told() == []
    assert set(await hidden_why(db)) == {None}

    await at(clock, end)
    messages = await told()
    theirs = [subject for address, subject in messages if address == "group@test.example"]
    assert theirs == ["Public liability insurance: it has ended"], "one message says that the listings are off, too"
    assert [subject for address, subject in messages if address == person_email] == [f"Your visits from {name} go on"]
    assert [subject for address, subject in messages if address == broker_email] == [f"{name}: no new bookings for now"]
    listings = {one.id: one.hidden_why for one in (await db.scalars(select(Listing))).all()}
    assert (listings[listing_id], listings[advice_id]) == (HiddenWhy.EVIDENCE, None)
    assert await count(db, "bookings", "status = 'accepted'") == 1
    await at(clock, end + timedelta(days=1))
    assert await told() == []
    signed_in = await browser.signed_in(await read_again(db, member))
    await signed_in.get(f"/bookings/new?listing={listing_id}", expect=404)
    await signed_in.get(f"/market/{listing_id}", expect=404)

    db.add(
        Evidence(
            id=new_id(),
            organisation_id=organisation_id,
            kind=EvidenceKind.LIABILITY_INSURANCE,
            issued_on=end,
            expires_on=date(2028, 6, 1),
            given_at=clock.now(),
        )
    )
    await db.flush()
    await watch_evidence()
    assert "evidence" in await hidden_why(db)
    renewed = (await db.scalars(select(Evidence).where(Evidence.id != row_id))).one()
    renewed_id = renewed.id
    accreditor = await browser.signed_in(await read_again(db, world.accreditor))
    await accreditor.post(f"/evidence/{renewed_id}/seen")
    assert set(await hidden_why(db)) == {None}
    messages = await told()
    assert ("group@test.example", "Your listings are back on the market") in messages
    assert (broker_email, f"{name}: new bookings are possible again") in messages


async def test_the_end_of_insurance_is_one_message_for_listings_and_accreditations(
    db: AsyncSession, world: World, clock: FixedClock, mailbox: Mailbox
) -> None:
    end, council = date(2027, 6, 1), world.provider.council
    await make_evidence(db, world.organisation, expires_on=end)
    needs = ["liability_insurance"]
    await make_accreditation(db, world.organisation, council, ServiceLine.COMMUNITY_SUPPORT, evidence=needs)
    other = await make_accreditation(db, world.organisation, council, ServiceLine.SUPPORT_PLANNING, evidence=["dbs"])
    await make_evidence(db, world.organisation, kind=EvidenceKind.DBS, expires_on=end + timedelta(days=60))
    await at(clock, end - timedelta(days=14))
    await watch_standing()
    await run_tasks()
    mailbox.envelopes.clear()

    async def told() -> list[str]:
        before = len(mailbox.envelopes)
        await watch_standing()
        await run_tasks()
        return [one.subject for one in mailbox.envelopes[before:] if one.to_address == "group@test.example"]

    # What stops for another reason is told by itself.
    await db.refresh(other)
    other.live_until = end - timedelta(days=14)
    await db.flush()
    assert await told() == ["Your accreditation for support planning does not count at present"]
    await at(clock, end)
    assert await told() == ["Public liability insurance: it has ended"]
    body = next(one.body for one in mailbox.envelopes if "it has ended" in one.subject)
    assert "Your listings are off the market" in body
    assert "- Community support for" in body


async def test_a_renewal_seen_in_time_changes_nothing_and_stops_the_reminders(
    db: AsyncSession, world: World, clock: FixedClock
) -> None:
    end = date(2027, 6, 1)
    await make_evidence(db, world.organisation, expires_on=end)
    await make_evidence(db, world.organisation, issued_on=end, expires_on=date(2028, 6, 1))
    for days in (30, 14, 1, 0, -1):
        await at(clock, end - timedelta(days=days))
    assert await events(db) == []
    assert await hidden_why(db) == [None]


async def test_taking_back_that_insurance_was_seen_hides_at_once(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    row = await make_evidence(db, world.organisation)
    council = await browser.signed_in(world.accreditor)
    await council.post(f"/evidence/{row.id}/refused", {"reason": "It was cancelled"})
    assert await hidden_why(db) == ["evidence"]


async def test_who_was_accredited_before_and_gave_no_insurance_is_left_alone(
    db: AsyncSession, world: World, clock: FixedClock
) -> None:
    await make_evidence(db, world.organisation, seen_at=None)
    await make_evidence(db, world.organisation, kind=EvidenceKind.DBS, expires_on=date(2027, 3, 1))
    await at(clock, date(2027, 4, 1))
    assert await hidden_why(db) == [None]


async def test_who_registered_itself_needs_insurance_from_the_first_day(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock
) -> None:
    now = clock.now()
    db.add(Joining(organisation_id=world.organisation.id, answers={}, created_at=now, updated_at=now, confirmed_at=now))
    await db.flush()
    await at(clock, date(2027, 3, 4))
    assert await hidden_why(db) == ["evidence"]
    row = await make_evidence(db, world.organisation, seen_at=None)
    council = await browser.signed_in(world.accreditor)
    await council.post(f"/evidence/{row.id}/seen")
    assert await hidden_why(db) == [None]


async def test_another_reason_to_be_hidden_stays(db: AsyncSession, world: World, clock: FixedClock) -> None:
    world.listing.hidden_why = HiddenWhy.COUNCIL
    await make_evidence(db, world.organisation, expires_on=date(2027, 3, 1))
    await at(clock, date(2027, 3, 4))
    assert await hidden_why(db) == ["council"]


async def test_a_council_sets_its_own_days(db: AsyncSession, world: World, clock: FixedClock) -> None:
    await make_evidence(db, world.organisation, expires_on=date(2027, 6, 1))
    council_id = world.provider.council.id
    await set_setting(db, None, council_id, "providers.evidence_reminder_days", [60], starts_on=date(2027, 1, 1))
    await at(clock, date(2027, 4, 2))
    assert await events(db) == ["EvidenceEnding"]
    await at(clock, date(2027, 5, 10))
    assert await events(db) == ["EvidenceEnding"]


async def test_planners_of_an_organisation_without_cover_get_no_new_offers(db: AsyncSession, world: World) -> None:
    council = world.provider.council
    await make_worker(db, world.organisation)
    await make_accreditation(db, world.organisation, council, ServiceLine.SUPPORT_PLANNING)
    planners = PlannerService(db)
    day = date(2027, 3, 3)

    async def accredited() -> int:
        found = await planners.candidates(council.id, from_day=day, weeks=1, plans_per_week=5)
        return len(found[0].accredited)

    assert await accredited() == 1
    await make_evidence(db, world.organisation, expires_on=day)
    assert await accredited() == 0
    assert "insurance" in str(await planners.why_not_accredited(world.organisation.id, council.id, day))


async def test_the_overview_names_what_ends_within_thirty_days(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    await make_evidence(db, world.organisation, expires_on=date(2027, 4, 2))
    await make_evidence(db, world.organisation, kind=EvidenceKind.DBS, expires_on=date(2027, 4, 3), detail="Basic")
    council = await browser.signed_in(world.accreditor)
    page = await council.open("/evidence")
    assert "Ends after 1 April 2027" in page.words
    assert "DBS check" not in page.words
