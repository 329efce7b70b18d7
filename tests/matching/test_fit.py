"""Who has the hours for a week: alone, shared with consent, nobody, other times, asking from the page."""

from datetime import time

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.bands import SLOTS, slot
from marketplace.matching.forms_care import VisitLine
from marketplace.matching.forms_hours import HoursForm
from marketplace.matching.models import Requirement
from marketplace.matching.service.care.fit import FitService
from marketplace.matching.service.care.hours import CareHoursService
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count, events
from tests.factories import Member, make_council
from tests.factories_brokerage import make_broker
from tests.factories_care import again, make_care_provider, make_requirement, week

MORNINGS = {slot(day, 0) for day in range(7)}
WEEKDAY_MORNINGS = {slot(day, 0) for day in range(5)}
WEEKEND_MORNINGS = MORNINGS - WEEKDAY_MORNINGS


async def say(db: AsyncSession, provider: Member, slots: set[int], quarters: int = 4) -> None:
    """Say that some slots are free."""
    wanted = tuple(quarters if number in slots else 0 for number in range(SLOTS))
    await CareHoursService(db).say(provider.principal, HoursForm(service_line=ServiceLine.HOME_CARE, quarters=wanted))


async def shared_by_two(db: AsyncSession, broker: Member, **given: object) -> tuple[Requirement, list[Member]]:
    """A week of mornings that two providers could take together and none alone."""
    members = []
    for name, slots in (("Weekday Care", WEEKDAY_MORNINGS), ("Weekend Care", WEEKEND_MORNINGS)):
        _, member = await make_care_provider(db, broker.council, name=name)
        await say(db, member, slots)
        members.append(member)
    return await make_requirement(db, broker, **given), members


async def test_who_can_take_the_whole_week_comes_first_and_can_be_asked(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    organisation, member = await make_care_provider(db, broker.council, name="Whole Care")
    await say(db, member, MORNINGS)
    row, _ = await shared_by_two(db, broker)
    await make_care_provider(db, broker.council, name="Silent Care")
    path, version, wanted = f"/requirements/{row.id}", str(row.version), str(organisation.id)
    staff = await browser.signed_in(broker)
    page = await staff.open(f"{path}/fit")
    assert "Who can take the whole week" in page.words
    assert "Ask Whole Care" in page.words
    assert "Shared by" not in page.words  # One provider for the whole week is better than two.
    assert "Who has not said its free hours" in page.words
    assert page.field("organisation_ids") == wanted
    await staff.post(f"{path}/open", {"version": version, "route": "several", "organisation_ids": wanted})
    assert await count(db, "requirement_invitations") == 1
    assert "RequirementOpened" in await events(db)
    page = await staff.open(f"{path}/fit")
    assert "Providers are being asked now" in page.words
    assert "Ask Whole Care" not in page.words


async def test_sharing_without_consent_says_what_it_would_bring_and_asks_nobody(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    row, _ = await shared_by_two(db, broker)
    page = await (await browser.signed_in(broker)).open(f"/requirements/{row.id}/fit")
    assert "The best with one provider: 5 of 7 visits" in page.words
    assert "Shared by two: 7 of 7 visits" in page.words
    assert "Proven best" in page.words
    assert "needs the person’s consent" in page.words
    assert "It would cover 2 more visits a week" in page.words
    assert "Ask these" not in page.words


async def test_with_consent_the_two_are_asked_from_the_page(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, members = await shared_by_two(db, broker, most_providers=2, split_agreed=True)
    path, version = f"/requirements/{row.id}", str(row.version)
    ids = [str(member.membership.organisation_id) for member in members]
    staff = await browser.signed_in(broker)
    page = await staff.open(f"{path}/fit")
    assert "Ask these 2 providers" in page.words
    assert "A: Weekday Care, 2.5 hours a week" in page.words
    assert "Saturday 8am, 30 minutes" in page.words
    await staff.post(f"{path}/open", {"version": version, "route": "several", "organisation_ids": ids})
    assert await count(db, "requirement_invitations") == 2


async def test_visits_that_nobody_can_take_and_what_would_help(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, member = await make_care_provider(db, broker.council, name="Day Care")
    await say(db, member, MORNINGS | {slot(1, 2)})
    visits = [*week(), VisitLine(weekday=1, starts_local=time(18), minutes=45, workers=1)]
    row = await make_requirement(db, broker, visits=visits, radius_metres=16_093)
    page = await (await browser.signed_in(broker)).open(f"/requirements/{row.id}/fit")
    assert "Tuesday evening, 6pm: nobody within 10 miles has said that it has the hours" in page.words
    assert "Tuesday 6pm, 45 minutes: on Tuesday afternoon instead, Day Care has the hours" in page.words


async def test_two_workers_at_once_are_shared_by_two_providers_only_with_consent(db: AsyncSession) -> None:
    broker = await make_broker(db)
    for name in ("First Care", "Second Care"):
        _, member = await make_care_provider(db, broker.council, name=name)
        await say(db, member, MORNINGS, quarters=3)
    visits = week(0, workers=2)
    alone = await make_requirement(db, broker, visits=visits)
    together = await make_requirement(db, broker, visits=visits, most_providers=2, split_agreed=True)
    before, after = [await FitService(db).of(broker.principal, row) for row in (alone, together)]
    assert (len(before.nobody), after.nobody) == (1, [])
    assert after.shared[-1].lines == [("Monday 8am, 30 minutes, 2 workers", "First Care (A) and Second Care (B)")]
    assert after.shared[-1].week[0].cells[0][0].letters == "AB"


async def test_a_place_that_is_not_known_and_another_council(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row = await make_requirement(db, broker)
    other = await make_broker(db, await make_council(db))
    path = f"/requirements/{row.id}/fit"
    assert "Nobody fits" in (await (await browser.signed_in(broker)).open(path)).words
    await again(db, other)
    await (await browser.signed_in(other)).get(path, expect=404)
