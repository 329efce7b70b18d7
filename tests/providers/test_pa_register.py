"""The register of personal assistants: applied, checked, approved for a year, renewed, lapsed, removed, and public."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import session_maker, transaction
from marketplace.providers.models import (
    EvidenceKind,
    OrganisationKind,
    PaApproval,
    PaReference,
    ServiceLine,
)
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.service.workforce.conduct import CODES, CURRENT
from marketplace.providers.service.workforce.figures import Held
from marketplace.providers.service.workforce.pa_register import PaWatch
from marketplace.providers.service.workforce.pa_terms import months_after
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_bookings import loose
from tests.factories_join import make_evidence, run_tasks
from tests.factories_workers import Desk, audit_actions, give_papers, make_desk, spy_refusals

OWN, COUNCIL = "/provider/pa-approval", "/accreditation/pa-register"
ROUTE = {
    "route": "six_months",
    "trading_since-day": "1",
    "trading_since-month": "6",
    "trading_since-year": "2026",
}
REFERENCES = {
    "name1": "Ada One",
    "knows1": "I helped her father",
    "contact1": "01772 900111",
    "name2": "Ben Two",
    "knows2": "We worked together",
    "contact2": "ben@test.example",
}
TODAY = {"approved_from-day": "3", "approved_from-month": "3", "approved_from-year": "2027"}


@pytest.fixture
async def desk(db: AsyncSession, browser: Browser) -> Desk:
    return await make_desk(db, browser, OrganisationKind.SOLE_PA, name="Robin Helps")


async def started(desk: Desk) -> str:
    page = await desk.provider.post(OWN, {"council_id": str(desk.council.id)}, expect=303)
    return page.location.rsplit("/", 1)[1]


async def applied(db: AsyncSession, desk: Desk, *, papers_until: date = date(2029, 1, 1)) -> str:
    """Fill everything in and send it; returns the id."""
    found = await started(desk)
    await give_papers(db, desk.organisation, papers_until)
    for part, form in (("route", ROUTE), ("references", REFERENCES), ("conduct", {"agreed": "yes"})):
        await desk.provider.post(f"{OWN}/{found}/{part}", form, expect=303)
    await desk.provider.post(f"{OWN}/{found}/send", {"true": "yes"}, expect=303)
    return found


async def take_references(db: AsyncSession, desk: Desk, approval: str, outcome: str = "good") -> None:
    rows = await db.scalars(select(PaReference.id).where(PaReference.approval_id == UUID(approval)))
    for row in rows.all():
        form = {"outcome": outcome, "note": "Kind and on time"}
        await desk.accreditor.post(f"{COUNCIL}/{approval}/references/{row}", form, expect=303)


async def approved(db: AsyncSession, desk: Desk, **given: Any) -> str:
    found = await applied(db, desk, **given)
    await take_references(db, desk, found)
    await desk.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=303)
    return found


async def status_of(db: AsyncSession, approval: str) -> str:
    return str(await db.scalar(select(PaApproval.status).where(PaApproval.id == UUID(approval))))


async def counts(db: AsyncSession, desk: Desk, day: date) -> bool:
    return await AccreditationRepository(db).is_live(
        desk.organisation.id, desk.council.id, ServiceLine.PERSONAL_ASSISTANCE, day
    )


async def watch() -> int:
    async with transaction(session_maker(), "every") as db:
        return await PaWatch(db).run()


async def test_from_the_first_page_to_the_public_register(
    browser: Browser, db: AsyncSession, clock: FixedClock, desk: Desk, mailbox: Mailbox
) -> None:
    page = await desk.provider.open(OWN)
    assert "two people who can speak for you" in page.words
    found = await started(desk)
    assert "Not started" in (await desk.provider.open(f"{OWN}/{found}")).words
    for part in ("route", "references", "conduct"):
        await desk.provider.open(f"{OWN}/{found}/{part}")
    refused = await desk.provider.post(f"{OWN}/{found}/send", {}, expect=422)
    assert "Name 2 people who can speak for you" in refused.words
    assert "public liability insurance, DBS check" in refused.words.replace("dbs", "DBS")
    await desk.accreditor.get(f"{COUNCIL}/{found}", expect=404)  # not sent yet
    await give_papers(db, desk.organisation)
    for part, form in (("route", ROUTE), ("references", REFERENCES), ("conduct", {"agreed": "yes"})):
        await desk.provider.post(f"{OWN}/{found}/{part}", form, expect=303)
    await desk.provider.post(f"{OWN}/{found}/send", {"true": "yes"}, expect=303)

    await desk.accreditor.open(COUNCIL)
    page = await desk.accreditor.open(f"{COUNCIL}/{found}")
    assert "01772 900111" in page.words
    assert "0 of 2 references are good" in page.words
    early = await desk.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=422)
    assert "You cannot approve this yet" in early.words
    await take_references(db, desk, found)
    assert "Nothing is missing" in (await desk.accreditor.open(f"{COUNCIL}/{found}")).words
    await desk.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=303)
    await run_tasks()

    theirs = [mail.subject for mail in mailbox.envelopes if mail.subject.startswith("You ")]
    assert len(theirs) == 1, "one message says that the approval makes the accreditation"
    assert theirs[0].startswith("You are on the register of")
    assert await counts(db, desk, date(2027, 3, 3))
    row = (await db.execute(select(PaApproval.approved_from, PaApproval.approved_until))).one()
    assert tuple(row) == (date(2027, 3, 3), date(2028, 3, 3))
    listing = await make_listing(db, desk.organisation)
    loose(db, listing)
    public = await browser.open("/pa-register?words=robin+preston")
    assert "Robin Helps" in public.words
    assert public.link(f"/market/{listing.id}")
    assert public.response.headers["x-robots-tag"] == "noindex"
    assert "PR1" not in public.text
    assert "01772" not in public.text
    assert "Robin Helps" not in (await browser.open("/pa-register?words=nobody")).words
    own = await desk.provider.open(f"{OWN}/{found}")
    assert "Kind and on time" not in own.text
    actions = await audit_actions(db)
    assert {"providers.send_pa_approval", "providers.take_reference", "providers.approve_pa"} <= set(actions)
    # What was said about a person stands in no audit row.
    assert not await count(db, "audit_entries", "coalesce(after::text, '') LIKE '%Kind and on%'")


async def test_only_what_counts_today_is_on_the_public_register(
    browser: Browser, db: AsyncSession, clock: FixedClock, desk: Desk
) -> None:
    await approved(db, desk, papers_until=date(2027, 9, 1))
    clock.move_to(datetime(2027, 8, 31, 9, tzinfo=UTC))
    assert "Robin Helps" in (await browser.open("/pa-register")).words
    clock.move_to(datetime(2027, 9, 1, 9, tzinfo=UTC))
    assert "Robin Helps" not in (await browser.open("/pa-register")).words
    assert not await counts(db, desk, date(2027, 9, 1))


async def test_a_year_is_reminded_renewed_and_goes_on_without_a_gap(
    db: AsyncSession, clock: FixedClock, desk: Desk, mailbox: Mailbox
) -> None:
    first = await approved(db, desk)
    await desk.provider.get(f"{OWN}/{first}/renew", expect=404)  # too early
    await desk.later(clock, datetime(2028, 1, 4, 9, tzinfo=UTC))
    assert await watch() == 1
    assert await watch() == 0
    await run_tasks()
    assert any("ends soon" in str(mail) for mail in mailbox.envelopes)
    page = await desk.provider.open(f"{OWN}/{first}/renew")
    assert "Ada One and Ben Two" in page.words
    wrong = await desk.provider.post(f"{OWN}/{first}/renew", {"has_changed": "yes"}, expect=422)
    assert set(wrong.errors()) == {"changes", "agreed"}
    form = {"has_changed": "yes", "changes": "I learned to use a hoist", "agreed": "yes"}
    page = await desk.provider.post(f"{OWN}/{first}/renew", form, expect=303)
    second = page.location.rsplit("/", 1)[1]
    await desk.provider.post(f"{OWN}/{first}/renew", form, expect=409)
    assert await status_of(db, second) == "applied"
    await desk.later(clock, datetime(2028, 2, 3, 9, tzinfo=UTC))
    assert await watch() == 0  # it is asked for: no further reminder
    page = await desk.accreditor.open(f"{COUNCIL}/{second}")
    assert "I learned to use a hoist" in page.words
    # References are carried over with what came of them, and the first day follows the old year.
    assert "Nothing is missing" in page.words
    assert page.field("approved_from-month") == "3"
    early = {"approved_from-day": "1", "approved_from-month": "3", "approved_from-year": "2028"}
    clash = await desk.accreditor.post(f"{COUNCIL}/{second}/approve", early, expect=422)
    assert "There is already an accreditation" in clash.errors()["approved_from"]
    follows = {"approved_from-day": "3", "approved_from-month": "3", "approved_from-year": "2028"}
    await desk.accreditor.post(f"{COUNCIL}/{second}/approve", follows, expect=303)
    for day in (datetime(2028, 3, 2, 9, tzinfo=UTC), datetime(2028, 3, 3, 9, tzinfo=UTC)):
        clock.move_to(day)
        await watch()
        assert await counts(db, desk, day.date())
    assert await status_of(db, first) == "renewed"
    assert await status_of(db, second) == "approved"


async def test_a_year_that_is_not_renewed_lapses(
    browser: Browser, db: AsyncSession, clock: FixedClock, desk: Desk, mailbox: Mailbox
) -> None:
    found = await approved(db, desk)
    for day, steps in ((4, 1), (20, 0)):
        clock.move_to(datetime(2028, 1, day, 9, tzinfo=UTC))
        assert await watch() == steps
    clock.move_to(datetime(2028, 2, 20, 9, tzinfo=UTC))
    assert await watch() == 1  # 14 days; the one at 30 was missed and is not sent late
    await desk.later(clock, datetime(2028, 3, 3, 0, 30, tzinfo=UTC))
    assert not await counts(db, desk, date(2028, 3, 3))
    assert "Robin Helps" not in (await browser.open("/pa-register")).words
    assert await watch() == 1
    await run_tasks()
    assert await status_of(db, found) == "lapsed"
    assert any("has ended" in str(mail) for mail in mailbox.envelopes)
    assert "Robin Helps" in (await desk.accreditor.open(f"{COUNCIL}?view=ended")).words
    again = await started(desk)
    page = await desk.provider.open(f"{OWN}/{again}/references")
    assert page.field("name1") == "Ada One"
    assert await count(db, "pa_references", f"approval_id = '{again}' AND outcome = ''") == 2


async def test_a_removal_ends_the_accreditation_and_a_renewal_with_it(
    browser: Browser, db: AsyncSession, clock: FixedClock, desk: Desk, mailbox: Mailbox
) -> None:
    first = await approved(db, desk)
    await desk.later(clock, datetime(2028, 2, 1, 9, tzinfo=UTC))
    form = {"has_changed": "no", "agreed": "yes"}
    second = (await desk.provider.post(f"{OWN}/{first}/renew", form, expect=303)).location.rsplit("/", 1)[1]
    follows = {"approved_from-day": "3", "approved_from-month": "3", "approved_from-year": "2028"}
    await desk.accreditor.post(f"{COUNCIL}/{second}/approve", follows, expect=303)
    page = await desk.accreditor.post(f"{COUNCIL}/{first}/remove", {}, expect=422)
    assert page.errors() == {"reason-remove": "Enter the reason"}
    await run_tasks()
    mailbox.envelopes.clear()
    await desk.accreditor.post(f"{COUNCIL}/{first}/remove", {"reason": "Took money"}, expect=303)
    await run_tasks()
    subjects = [mail.subject for mail in mailbox.envelopes]
    assert not [subject for subject in subjects if "taken you off" in subject]
    assert "Your accreditation for personal assistance is removed" in subjects

    assert (await status_of(db, first), await status_of(db, second)) == ("removed", "removed")
    assert not await counts(db, desk, date(2028, 2, 1))
    assert not await counts(db, desk, date(2028, 3, 5))
    assert "Took money" in (await desk.provider.open(f"{OWN}/{first}")).words
    assert "Robin Helps" not in (await browser.open("/pa-register")).words


async def test_a_refusal_has_reasons_and_leaves_no_accreditation(
    db: AsyncSession, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await applied(db, desk)
    await take_references(db, desk, found, "concerns")
    page = await desk.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=422)
    assert "0 of 2 references are good" in page.words
    await desk.accreditor.post(f"{COUNCIL}/{found}/refuse", {"reason": "A reference raised concerns"}, expect=303)
    refused = spy_refusals(monkeypatch)
    await desk.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=409)
    assert refused == ["providers.refuse_pa_decision"]
    assert await count(db, "accreditations") == 0
    assert "A reference raised concerns" in (await desk.provider.open(f"{OWN}/{found}")).words
    assert await started(desk) != found


async def test_evidence_must_count_on_the_first_day(db: AsyncSession, desk: Desk) -> None:
    found = await applied(db, desk, papers_until=date(2027, 3, 20))
    await take_references(db, desk, found)
    late = {"approved_from-day": "25", "approved_from-month": "3", "approved_from-year": "2027"}
    page = await desk.accreditor.post(f"{COUNCIL}/{found}/approve", late, expect=422)
    assert "DBS check: nothing that your council has seen counts on 25 March 2027" in page.words
    await make_evidence(db, desk.organisation, kind=EvidenceKind.DBS, seen_at=None, expires_on=date(2029, 1, 1))
    page = await desk.accreditor.post(f"{COUNCIL}/{found}/approve", late, expect=422)
    assert "DBS check: nothing" in page.words  # given, but nobody looked at it


async def test_the_usual_route_needs_its_months_and_the_starter_route_does_not(db: AsyncSession, desk: Desk) -> None:
    found = await started(desk)
    young = {**ROUTE, "trading_since-month": "12"}
    page = await desk.provider.post(f"{OWN}/{found}/route", young, expect=422)
    assert "Until 1 June 2027 choose" in page.errors()["trading_since"]
    await desk.provider.post(f"{OWN}/{found}/route", {"route": "starter"}, expect=303)
    assert (await db.execute(select(PaApproval.route, PaApproval.trading_since))).one() == ("starter", None)


async def test_references_are_two_other_people(db: AsyncSession, desk: Desk) -> None:
    found = await started(desk)
    same = {**REFERENCES, "name1": "Robin Alone", "name2": "robin alone"}
    page = await desk.provider.post(f"{OWN}/{found}/references", same, expect=422)
    assert set(page.errors()) == {"name1", "name2"}
    await desk.provider.post(f"{OWN}/{found}/references", REFERENCES, expect=303)
    await desk.provider.post(f"{OWN}/{found}/references", {**REFERENCES, "name2": "Cy Three"}, expect=303)
    names = await db.scalars(select(PaReference.name).order_by(PaReference.id))
    assert sorted(names.all()) == ["Ada One", "Cy Three"]


async def test_it_is_taken_back_changed_and_withdrawn(db: AsyncSession, desk: Desk) -> None:
    found = await applied(db, desk)
    await desk.provider.post(f"{OWN}/{found}/route", {"route": "starter"}, expect=409)
    await desk.provider.post(f"{OWN}/{found}/take-back", {}, expect=303)
    await desk.accreditor.get(f"{COUNCIL}/{found}", expect=404)
    await desk.provider.post(f"{OWN}/{found}/route", {"route": "starter"}, expect=303)
    await desk.provider.post(f"{OWN}/{found}/withdraw", {}, expect=303)
    await desk.provider.post(f"{OWN}/{found}/send", {"true": "yes"}, expect=409)
    assert await status_of(db, found) == "withdrawn"


async def test_one_application_at_a_time(db: AsyncSession, desk: Desk) -> None:
    await started(desk)
    await desk.provider.post(OWN, {"council_id": str(desk.council.id)}, expect=409)
    assert await count(db, "pa_approvals") == 1
    page = await desk.provider.post(OWN, {"council_id": ""}, expect=422)
    assert set(page.errors()) == {"council_id"}


async def test_the_status_check_is_shown_with_its_reference_and_the_wording(db: AsyncSession, desk: Desk) -> None:
    found = await started(desk)
    page = await desk.provider.open(f"{OWN}/{found}")
    assert "is a matter of fact" in page.words
    assert "Most personal assistants are employees" in page.words
    assert "never direct your care" in page.words
    form = {"outcome": "employed", "reference": "3K8 9QX", "taken_on-day": "1", "taken_on-month": "3"}
    await desk.provider.post("/provider/evidence/status-tests", {**form, "taken_on-year": "2027"}, expect=303)
    assert "Employed for tax purposes, 3K8 9QX" in (await desk.provider.open(f"{OWN}/{found}")).words


async def test_others_do_not_get_in(browser: Browser, db: AsyncSession, desk: Desk) -> None:
    found = await applied(db, desk)
    other = await make_desk(db, browser, OrganisationKind.SOLE_PA)
    for path in ("", "/renew", "/conduct"):
        await other.provider.get(f"{OWN}/{found}{path}", expect=404)
    await other.provider.post(f"{OWN}/{found}/withdraw", {}, expect=404)
    await other.accreditor.get(f"{COUNCIL}/{found}", expect=404)
    await other.accreditor.post(f"{COUNCIL}/{found}/approve", TODAY, expect=404)
    company = await make_desk(db, browser, OrganisationKind.HOME_CARE)
    await company.provider.get(OWN, expect=404)
    assert await status_of(db, found) == "applied"


async def test_an_assistant_applies_to_another_council_too(browser: Browser, db: AsyncSession, desk: Desk) -> None:
    other = await make_council(db)
    member = await make_member(db, Role.ACCREDITOR, other)
    loose(db, other, member.user, member.membership)
    page = await desk.provider.post(OWN, {"council_id": str(other.id)}, expect=303)
    found = page.location.rsplit("/", 1)[1]
    await give_papers(db, desk.organisation)
    for part, form in (("route", ROUTE), ("references", REFERENCES), ("conduct", {"agreed": "yes"})):
        await desk.provider.post(f"{OWN}/{found}/{part}", form, expect=303)
    await desk.provider.post(f"{OWN}/{found}/send", {"true": "yes"}, expect=303)
    assert "Robin Helps" in (await (await browser.signed_in(member)).open(COUNCIL)).words
    assert "Robin Helps" not in (await desk.accreditor.open(COUNCIL)).words
    assert await count(db, "passport_shares", f"council_id = '{other.id}' AND status = 'shared'") == 1


async def test_figures_hold_small_numbers_back(browser: Browser, db: AsyncSession, desk: Desk) -> None:
    page = await desk.accreditor.open("/accreditation/workforce")
    assert "fewer than 5" in page.words
    for number in range(6):
        body = await make_organisation(db, home_council_id=desk.council.id, kind=OrganisationKind.COMMUNITY)
        for _ in range(9 if number else 10):
            await make_worker(db, body, hours=[])
    page = await desk.accreditor.open("/accreditation/workforce")
    file = await desk.accreditor.get("/accreditation/workforce.csv")
    assert file.text.splitlines()[-1] == "3 March 2027,fewer than 5,5"
    assert "Preston" in page.words


def test_a_sum_with_a_held_back_part_is_rounded() -> None:
    held = Held(5)
    assert held.total([8, 3, 0]) == (10, "about 10")
    assert held.total([2, 1]) == (0, "fewer than 5")
    assert held.total([8, 6]) == (14, "14")


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2027, 3, 3), 12, date(2028, 3, 3)),
    ],
)
def test_months_after_a_day(day: date, months: int, after: date) -> None:
    assert months_after(day, months) == after


def test_the_code_of_conduct_has_ten_points() -> None:
    assert len(CODES[CURRENT]) == 10
