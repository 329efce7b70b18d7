"""Contract monitoring: counted by the platform, checked by the organisation, reviewed by the council (B16)."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.providers.models import ServiceLine
from marketplace.quality.models import MonitoringReturn
from marketplace.quality.repository.monitoring import LABELS, Figures
from marketplace.quality.service.monitoring import MonitoringService, last_quarter, quarter_of, quarter_words
from marketplace.quality.tasks import open_returns
from tests.browser import count
from tests.factories import make_accreditation, make_council, make_member, make_organisation
from tests.factories_bookings import loose, make_booking, make_scene
from tests.factories_join import run_tasks

QUARTER = (date(2026, 10, 1), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("day", "first", "after"),
    [
        (date(2027, 1, 1), date(2027, 1, 1), date(2027, 4, 1)),
        (date(2027, 3, 31), date(2027, 1, 1), date(2027, 4, 1)),
        (date(2026, 12, 31), date(2026, 10, 1), date(2027, 1, 1)),
        (date(2028, 2, 29), date(2028, 1, 1), date(2028, 4, 1)),
        (date(2027, 8, 15), date(2027, 7, 1), date(2027, 10, 1)),
    ],
)
def test_quarters_follow_the_calendar(day, first, after):
    assert quarter_of(day) == (first, after)


def test_the_last_quarter_and_its_name():
    assert last_quarter(date(2027, 3, 3)) == QUARTER
    assert quarter_words(date(2026, 10, 1)) == "October to December 2026"


def test_every_figure_has_its_words():
    assert list(LABELS) == list(Figures.__struct_fields__)


async def scene_with_return(db, clock, browser):
    """A provider with two visits in the last quarter, and the return that was opened for it."""
    scene = await make_scene(db)
    council, organisation = scene.member.council, scene.organisation
    accreditor = await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example")
    provider = await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, email="p@test.example")
    await make_accreditation(db, organisation, council, ServiceLine.EQUIPMENT, live_from=date(2026, 1, 1))
    other = await make_organisation(db)
    stranger = await make_member(db, Role.PROVIDER, council, organisation_id=other.id, email="s@test.example")
    for day in (date(2026, 10, 1), date(2026, 12, 31), date(2027, 1, 1)):
        await make_booking(db, scene, BookingStatus.APPROVED, on=day)
    await make_booking(db, scene, BookingStatus.CANCELLED, on=date(2026, 11, 2))
    browsers = [await browser.signed_in(member) for member in (provider, accreditor, stranger)]
    loose(db, council, organisation)
    await open_returns()
    row = (await db.scalars(select(MonitoringReturn).where(MonitoringReturn.organisation_id == organisation.id))).one()
    return (*browsers, row.id, row)


async def test_visits_of_the_quarter_are_counted_by_their_day_in_london(db, clock, browser):
    *_, row = await scene_with_return(db, clock, browser)

    assert (row.from_day, row.until_day) == QUARTER
    assert row.figures["visits"] == 2
    assert row.figures["people"] == 1
    assert row.figures["minutes"] == 120
    assert row.figures["plans"] == 0
    assert row.figures["stars_tenths"] is None


async def test_returns_are_opened_once_and_only_for_those_accredited_in_the_quarter(db, clock, browser):
    council = await make_council(db)
    before, during, after = [await make_organisation(db) for _ in range(3)]
    line = ServiceLine.COMMUNITY_SUPPORT
    await make_accreditation(db, before, council, line, live_from=date(2026, 1, 1), live_until=date(2026, 10, 1))
    await make_accreditation(db, during, council, line, live_from=date(2026, 12, 31), live_until=date(2028, 1, 1))
    await make_accreditation(db, after, council, line, live_from=date(2027, 1, 1), live_until=date(2028, 1, 1))
    wanted = during.id

    await open_returns()
    await open_returns()

    assert list(await db.scalars(select(MonitoringReturn.organisation_id))) == [wanted]
    clock.move_to(datetime(2027, 4, 1, 0, 30, tzinfo=UTC))
    await open_returns()
    assert await count(db, "monitoring_returns", "from_day = '2027-01-01'") == 2


async def test_the_organisation_corrects_with_a_reason_sends_and_the_council_asks(db, clock, browser, mailbox):
    provider, council, stranger, return_id, _ = await scene_with_return(db, clock, browser)
    path = f"/provider/monitoring/{return_id}"
    page = await provider.open(path)
    assert "October to December 2026" in page.heading
    form = {"version": page.field("version"), "figure-visits": "3", "good": "Nobody waited.", "do": "send"}

    wrong = await provider.post(path, form, expect=422)
    assert wrong.errors() == {"why-visits": "Enter why your figure for visits that took place differs"}
    assert wrong.field("good") == "Nobody waited."
    await provider.post(path, {**form, "why-visits": "One was written down late"}, expect=303)
    await provider.post(path, {**form, "why-visits": "Again"}, expect=409)

    assert (await stranger.client.get(path)).status_code == 404
    assert "1 figure differs" in (await council.open("/monitoring")).words
    seen = await council.open(f"/monitoring/{return_id}")
    assert "3: One was written down late" in seen.words
    asked = {"version": seen.field("version"), "decision": "queried", "review": ""}
    assert (await council.post(f"/monitoring/{return_id}", asked, expect=422)).errors().keys() == {"review"}
    await council.post(f"/monitoring/{return_id}", {**asked, "review": "Which day was it?"}, expect=303)
    await run_tasks({"quality.tell_return", "messaging.deliver"})
    assert "Which day was it?" in mailbox.envelopes[-1].body
    assert "Which day was it?" in (await provider.open(path)).words


async def test_the_table_of_a_quarter_holds_both_figures(db, clock, browser):
    provider, council, _, return_id, _ = await scene_with_return(db, clock, browser)
    form = {"version": "1", "figure-people": "2", "why-people": "=A couple", "good": "-", "hard": "", "do": "send"}
    await provider.post(f"/provider/monitoring/{return_id}", form, expect=303)

    text = (await council.client.get("/monitoring/returns.csv?quarter=2026-10-01")).text

    assert text.startswith("Organisation,Quarter,State,People supported,")
    assert "People supported: 2 (=A couple)" in text
    assert (await council.client.get("/monitoring/returns.csv?quarter=2026-10-02")).status_code == 400
    assert (await council.client.get("/monitoring?status=nonsense")).status_code == 400


async def test_a_reminder_goes_out_once_a_week_before(db, clock: FixedClock, browser, mailbox):
    *_, row = await scene_with_return(db, clock, browser)
    due_on = row.due_on
    assert due_on == date(2027, 4, 2)
    await run_tasks({"quality.tell_return", "messaging.deliver"})
    clock.move_to(datetime(2027, 3, 26, 9, tzinfo=UTC))

    await open_returns()
    await open_returns()
    await run_tasks({"quality.tell_return", "messaging.deliver"})

    subjects = [mail.subject for mail in mailbox.envelopes if mail.to_address == "p@test.example"]
    assert [("due soon" in subject) for subject in subjects] == [False, True]


async def test_another_council_sees_nothing(db, clock, browser):
    _, _, _, return_id, _ = await scene_with_return(db, clock, browser)
    other = await browser.signed_in(await make_member(db, Role.ACCREDITOR, email="else@test.example"))

    assert (await other.client.get(f"/monitoring/{return_id}")).status_code == 404
    assert "No returns yet" in (await other.open("/monitoring")).words
    assert await MonitoringService(db).returns.quarters(return_id) == []
