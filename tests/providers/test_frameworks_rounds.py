"""Rounds follow the clock in London; those who wait for them are told once."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from marketplace.core.clock import FixedClock, instant, local
from marketplace.core.models import OutboxMessage
from marketplace.core.outbox import publish
from marketplace.messaging.models import Message
from marketplace.providers.events import RoundAnnounced
from marketplace.providers.models import Application, LateRule, Round, ServiceLine
from marketplace.providers.service.frameworks.round_forms import RoundForm, next_year, working_day
from marketplace.providers.service.frameworks.rounds import round_state, takes_questions
from marketplace.providers.service.frameworks.views import round_view
from marketplace.providers.states import ApplicationStatus
from marketplace.providers.tasks.frameworks import announce_rounds, tell_round
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_organisation
from tests.factories_frameworks import (
    make_applicant,
    make_framework,
    make_interest,
    make_officer,
    make_published,
    make_round,
    make_version,
    publish_version,
    round_form,
)

CLOSES = instant(date(2027, 4, 30), time(12))


def a_round(**given: Any) -> Round:
    """A round that is not stored."""
    values: dict[str, Any] = {
        "name": "2027 round",
        "opens_at": instant(date(2027, 3, 1), time(9)),
        "questions_until": instant(date(2027, 4, 16), time(17)),
        "closes_at": CLOSES,
        "late_rule": LateRule.REFUSE,
        "late_until": None,
        "decides_on": date(2027, 6, 1),
        "starts_on": date(2027, 7, 1),
        "reopens_on": None,
        "cancelled_at": None,
        "cancelled_because": "",
    }
    return Round(**{**values, **given})


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2027, 3, 1, 8, 59, 59, tzinfo=UTC), "coming"),
        (datetime(2027, 3, 1, 9, 0, tzinfo=UTC), "open"),
        # On 30 April the clocks in London are an hour ahead: midday there is eleven o'clock UTC.
        (datetime(2027, 4, 30, 10, 59, 59, 999999, tzinfo=UTC), "open"),
        (datetime(2027, 4, 30, 11, 0, tzinfo=UTC), "closed"),
        (datetime(2027, 4, 30, 11, 0, 1, tzinfo=UTC), "closed"),
    ],
)
def test_a_round_opens_and_closes_at_its_minute_in_london(now: datetime, state: str) -> None:
    assert round_state(a_round(), now) == state


def test_late_applications_have_their_own_end() -> None:
    late = a_round(late_rule=LateRule.ACCEPT_WITH_REASON, late_until=CLOSES + timedelta(days=2))
    assert round_state(late, CLOSES) == "late"
    assert round_state(late, CLOSES + timedelta(days=2) - timedelta(microseconds=1)) == "late"
    assert round_state(late, CLOSES + timedelta(days=2)) == "closed"
    refusing = a_round(late_rule=LateRule.REFUSE, late_until=CLOSES + timedelta(days=2))
    assert round_state(refusing, CLOSES) == "closed"
    assert round_state(a_round(cancelled_at=CLOSES), CLOSES - timedelta(days=9)) == "cancelled"


def test_questions_end_at_their_minute() -> None:
    row = a_round()
    assert takes_questions(row, row.questions_until - timedelta(microseconds=1))
    assert not takes_questions(row, row.questions_until)
    assert not takes_questions(a_round(cancelled_at=CLOSES), row.opens_at)


def test_the_sentence_says_the_day_the_time_and_how_far_it_is() -> None:
    view = round_view(a_round(), datetime(2027, 4, 18, 9, tzinfo=UTC))
    assert view["sentence"] == "Closes on Friday 30 April 2027 at midday, in 12 days."
    assert view["questions"] == "Questions closed on Friday 16 April 2027 at 5pm."
    # Just before midnight UTC it is already the last day in London.
    assert "midday, today." in round_view(a_round(), datetime(2027, 4, 29, 23, 30, tzinfo=UTC))["sentence"]


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        ((28, 3), "1:30am", datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),  # The hour that is missing is an hour later.
        ((28, 3), "12:00", datetime(2027, 3, 28, 11, 0, tzinfo=UTC)),
        ((27, 3), "12:00", datetime(2027, 3, 27, 12, 0, tzinfo=UTC)),
        ((31, 10), "1:30am", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),  # Of the doubled hour the first one counts.
        ((31, 10), "5pm", datetime(2027, 10, 31, 17, 0, tzinfo=UTC)),
    ],
)
async def test_closing_across_the_clock_change(db: Any, day: tuple[int, int], at: str, utc: datetime) -> None:
    _, version = await make_published(db, await make_council(db))
    form = round_form(
        version,
        **{
            "opens-day": "8",
            "opens-month": "3",
            "questions_until-day": "12",
            "questions_until-month": "3",
            "closes-day": str(day[0]),
            "closes-month": str(day[1]),
            "closes_time": at,
            "decides_on-month": "12",
            "starts_on-month": "12",
            "starts_on-day": "31",
        },
    )
    read = RoundForm.read(form, [str(version.id)], datetime(2027, 3, 3, 10, tzinfo=UTC))
    assert read.closes_at == utc


async def test_an_officer_adds_changes_and_cancels_a_round(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    await reader.open(f"/accreditation/frameworks/{framework.id}/rounds/new")
    form = {**round_form(version), "form_id": "one-press"}
    path = (await reader.post(f"/accreditation/frameworks/{framework.id}/rounds", form)).location
    again = (await reader.post(f"/accreditation/frameworks/{framework.id}/rounds", form)).location
    assert path == again
    assert await count(db, "rounds") == 1
    page = await reader.open(path)
    assert "Opens on Monday 5 April 2027 at 9am, in 33 days." in page.words
    edit = await reader.open(f"{path}/edit")
    assert edit.field("closes_time") == "12:00"
    version_now = edit.field("version")
    await reader.post(f"{path}/edit", round_form(version, name="Renamed", version=str(version_now)))
    stale = await reader.post(f"{path}/edit", round_form(version, name="Late", version=str(version_now)), expect=409)
    stale.check()
    assert "What your colleague saved: Renamed" in stale.words
    await reader.open(f"{path}/cancel")
    wrong = await reader.post(f"{path}/cancel", {"reason": ""}, expect=422)
    assert "reason" in wrong.errors()
    await reader.post(f"{path}/cancel", {"reason": "The budget is not there."})
    assert "The budget is not there." in (await reader.open(path)).words
    public = await browser.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    assert "Cancelled on Wednesday 3 March 2027. Why: The budget is not there." in public.words
    refused = await reader.post(f"{path}/cancel", {"reason": "Again"}, expect=409)
    assert refused.title.startswith("This round can no longer be changed in this way")
    assert await count(db, "audit_entries", "action = 'providers.cancel_round'") == 1
    assert await events(db) == ["RoundAnnounced"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"closes-month": "3", "closes-day": "30"}, "closes", "It must close after it opens"),
        ({"questions_until-month": "7"}, "questions_until", "Questions must end before the round closes"),
        ({"questions_until-month": "3"}, "questions_until", "Questions must be possible until it opens, or longer"),
        ({"opens-month": "2"}, "opens", "The day it opens must be today or later"),
        ({"decides_on-month": "5", "decides_on-day": "1"}, "decides_on", "Applicants can hear at the earliest"),
        ({"starts_on-month": "6", "starts_on-day": "1"}, "starts_on", "Agreements must start on the day applicants"),
        (
            {"reopens_on-day": "1", "reopens_on-month": "5", "reopens_on-year": "2027"},
            "reopens_on",
            "The next round must open after this one closes",
        ),
        ({"late_rule": "accept_with_reason"}, "late_until", "Enter the last day for late applications"),
        (
            {
                "late_rule": "accept_with_reason",
                "late_until-day": "27",
                "late_until-month": "5",
                "late_until-year": "2027",
                "late_until_time": "12:00",
            },
            "late_until",
            "Late applications must end after the closing time",
        ),
        ({"closes_time": "teatime"}, "closes_time", "must be a time"),
        ({"closes-day": "31", "closes-month": "2"}, "closes", "must be a real date"),
        ({"closes-year": "2099"}, "closes", "within three years"),
        ({"name": "x" * 10_000}, "name", "must be 120 characters or fewer"),
        ({"version_id": "not-one"}, "version_id", "Select the version"),
        ({"late_rule": "maybe"}, "late_rule", "Select what happens to late applications"),
    ],
)
async def test_dates_that_do_not_follow_each_other_are_refused(
    browser: Browser, db: Any, change: dict[str, str], field: str, message: str
) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    form = round_form(version, **change)
    page = await reader.post(f"/accreditation/frameworks/{framework.id}/rounds", form, expect=422)
    assert message in page.errors()[field]
    assert await count(db, "rounds") == 0


async def test_a_round_needs_a_published_version_of_its_framework(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework = await make_framework(db, officer.council)
    draft = await make_version(db, framework)
    _, foreign = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    page = await reader.get(f"/accreditation/frameworks/{framework.id}/rounds/new", expect=409)
    assert "Publish a version of the specification first" in page.words
    for version in (draft, foreign):
        wrong = await reader.post(f"/accreditation/frameworks/{framework.id}/rounds", round_form(version), expect=422)
        assert "version_id" in wrong.errors()


async def test_a_closed_framework_takes_no_rounds(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council, closed_at=clock.now())
    reader = await browser.signed_in(officer)
    page = await reader.post(f"/accreditation/frameworks/{framework.id}/rounds", round_form(version), expect=409)
    assert "This framework is closed" in page.words


async def test_another_council_cannot_touch_a_round(browser: Browser, db: Any) -> None:
    officer, stranger = await make_officer(db), await make_officer(db)
    _, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    reader = await browser.signed_in(stranger)
    for path in ("", "/edit", "/extend", "/cancel"):
        await reader.get(f"/accreditation/rounds/{row.id}{path}", expect=404)
    await reader.post(f"/accreditation/rounds/{row.id}/cancel", {"reason": "No"}, expect=404)
    await reader.post(f"/accreditation/rounds/{row.id}/extend", {}, expect=404)
    assert await count(db, "rounds", "cancelled_at IS NULL") == 1


async def test_next_years_round_keeps_weekdays_and_times(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version, name="2027 round", reopens_on=date(2028, 3, 1))
    reader = await browser.signed_in(officer)
    page = await reader.open(f"/accreditation/frameworks/{framework.id}/rounds/new?after={row.id}")
    assert page.field("name") == "2028 round"
    assert (page.field("closes-day"), page.field("closes-month"), page.field("closes-year")) == ("28", "4", "2028")
    assert page.field("closes_time") == "12:00"
    assert "a year on, on the same weekdays" in page.words
    other, _ = await make_published(db, officer.council)
    await reader.get(f"/accreditation/frameworks/{other.id}/rounds/new?after={row.id}", expect=404)


def test_a_year_on_avoids_weekends_and_bank_holidays() -> None:
    values = next_year(a_round(), UUID(int=1))
    closes = date(int(values["closes-year"]), int(values["closes-month"]), int(values["closes-day"]))
    assert closes == date(2028, 4, 28)
    assert closes.weekday() == CLOSES.weekday()
    # 1 May 2028 is a bank holiday on a Monday.
    assert working_day(date(2028, 4, 29)) == date(2028, 5, 2)
    reopening = a_round(reopens_on=date(2028, 5, 1))
    moved = next_year(reopening, UUID(int=1))
    assert (moved["opens-day"], moved["opens-month"]) == ("2", "5")
    # The clocks differ, the wall does not: the round opened in winter time and reopens in summer time.
    assert moved["opens_time"] == "09:00"


async def _extend_form(reader: Browser, path: str, **given: str) -> dict[str, str]:
    page = await reader.open(f"{path}/extend")
    names = [f"{name}-{part}" for name in ("closes", "decides_on", "starts_on") for part in ("day", "month", "year")]
    values = {name: page.field(name) or "" for name in (*names, "closes_time", "version")}
    return {**values, "reason": "A bank holiday", **given}


async def test_a_round_closes_later_and_everybody_is_told(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    late = instant(date(2027, 5, 3), time(12))
    row = await make_round(
        db,
        version,
        late_rule=LateRule.ACCEPT_WITH_REASON,
        late_until=late,
        told_open_at=clock.now(),
        told_closing_at=clock.now(),
    )
    organisation, _ = await make_applicant(db)
    await make_interest(db, framework, organisation.id, "1")
    reader = await browser.signed_in(officer)
    path = f"/accreditation/rounds/{row.id}"
    same = await reader.post(f"{path}/extend", await _extend_form(reader, path), expect=422)
    assert "must be later than the present one" in same.errors()["closes"]
    form = await _extend_form(reader, path, **{"closes-day": "7", "closes-month": "5"})
    await reader.post(f"{path}/extend", form)
    kept = await db.get(Round, row.id)
    assert kept.closes_at == instant(date(2027, 5, 7), time(12))
    assert kept.late_until == late + timedelta(days=7)
    assert kept.told_closing_at is None
    assert await events(db) == ["RoundAnnounced"]
    event = RoundAnnounced(council_id=row.council_id, round_id=row.id, what="extended")
    message_id = await db.scalar(select(OutboxMessage.id))
    await tell_round(message_id, event)
    told = (await db.scalars(select(Message))).all()
    assert [message.subject for message in told] == [f"{framework.name}: the round closes later"]
    assert "Friday 7 May 2027 at midday" in told[0].body
    clock.move_to(instant(date(2027, 5, 8), time(9)))
    refused = await (await browser.signed_in(officer)).get(f"{path}/extend", expect=409)
    assert "what has closed stays closed for all alike" in refused.words


async def test_a_round_that_has_opened_cannot_be_rewritten(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    _, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    reader = await browser.signed_in(officer)
    page = await reader.post(f"/accreditation/rounds/{row.id}/edit", round_form(version, version="1"), expect=409)
    assert "It has opened" in page.words


async def test_opening_and_closing_are_announced_once(db: Any, maker: Any, clock: FixedClock) -> None:
    council = await make_council(db)
    _, version = await make_published(db, council)
    row = await make_round(db, version)
    coming = await make_round(db, version, opens_at=CLOSES - timedelta(days=1))
    await make_round(db, version, cancelled_at=clock.now(), cancelled_because="No")
    for _ in range(3):
        await announce_rounds()
    assert await events(db) == ["RoundAnnounced"]
    assert await count(db, "rounds", f"id = '{row.id}' AND told_open_at IS NOT NULL AND told_closing_at IS NULL") == 1
    clock.move_to(CLOSES - timedelta(days=7, seconds=1))
    await announce_rounds()
    assert await count(db, "outbox_messages", "event = 'RoundAnnounced'") == 1
    clock.move_to(CLOSES - timedelta(days=7))
    for _ in range(2):
        await announce_rounds()
    assert await count(db, "outbox_messages", "body ->> 'what' = 'closing'") == 1
    # A round that lasts less than the notice is announced once, with its closing date.
    clock.move_to(CLOSES - timedelta(hours=12))
    for _ in range(2):
        await announce_rounds()
    assert await count(db, "outbox_messages", f"body ->> 'round_id' = '{coming.id}'") == 1
    clock.move_to(CLOSES + timedelta(days=1))
    await announce_rounds()
    assert await count(db, "outbox_messages", "event = 'RoundAnnounced'") == 3


async def test_those_who_are_interested_accredited_or_applying_are_told(db: Any, maker: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    interested, _ = await make_applicant(db, name="Interested")
    accredited, _ = await make_applicant(db, officer.council, name="Accredited")
    applying, _ = await make_applicant(db, name="Applying")
    _stranger, _ = await make_applicant(db, officer.council, name="Stranger")
    not_any_more, _ = await make_applicant(db, name="Took it back")
    gone, _ = await make_applicant(db, name="Merged", merged_into_id=(await make_organisation(db)).id)
    await make_interest(db, framework, interested.id, "1")
    await make_interest(db, framework, not_any_more.id)
    await make_interest(db, framework, gone.id, "1")
    await make_accreditation(db, accredited, officer.council, ServiceLine.SUPPORT_PLANNING)
    for number, organisation in enumerate((applying, interested)):
        db.add(
            Application(
                council_id=officer.council.id,
                round_id=row.id,
                organisation_id=organisation.id,
                reference=f"A-{number}",
                status=ApplicationStatus.SUBMITTED if number == 0 else ApplicationStatus.DRAFT,
                created_at=clock.now(),
                updated_at=clock.now(),
            )
        )
    await db.flush()

    async def told(what: str) -> int:
        before = await count(db, "messages")
        event = RoundAnnounced(council_id=row.council_id, round_id=row.id, what=what)
        message_id = publish(db, event)
        await db.flush()
        for _ in range(2):
            await tell_round(message_id, event)
        return await count(db, "messages") - before

    assert await told("open") == 3
    # Who has sent theirs in needs no reminder.
    assert await told("closing") == 2
    assert await told("extended") == 3
    clock.move_to(CLOSES)
    assert await told("closing") == 0


async def test_everybody_finds_rounds_by_what_they_are_now(browser: Browser, db: Any, clock: FixedClock) -> None:
    empty = await browser.open("/frameworks")
    assert "No round is open" in empty.words
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council, name="Plans and money")
    row = await make_round(db, version, name="Now")
    await make_round(db, version, name="Soon", opens_at=CLOSES + timedelta(days=30), closes_at=CLOSES + timedelta(90))
    await make_round(
        db,
        version,
        name="Before",
        opens_at=CLOSES - timedelta(days=300),
        closes_at=CLOSES - timedelta(days=200),
        reopens_on=date(2027, 9, 1),
    )
    await make_round(db, version, name="Long ago", opens_at=CLOSES - timedelta(900), closes_at=CLOSES - timedelta(800))
    page = await browser.open("/frameworks")
    assert "Closes on Friday 30 April 2027 at midday, in 58 days." in page.words
    assert "Lots: 1 Support planning" in page.words
    assert "The next round is expected to open on 1 September 2027." in page.words
    assert "Long ago" not in page.words
    assert page.link(rf"^/provider/applications/new\?round={row.id}$")
    own = await browser.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    assert own.link(rf"^/provider/applications/new\?round={row.id}$")
    assert "Long ago" in own.words
    assert "You sign in first." in own.words
    clock.move_to(CLOSES)
    closed = await browser.open("/frameworks")
    assert not [link for link in closed.links() if "applications" in link]
    assert local(CLOSES).hour == 12


async def test_what_was_published_stays_with_its_round(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    await make_round(db, version, name="Old round")
    second = await make_version(db, framework, number=2, changes="New", specification="Other words")
    await publish_version(db, second)
    page = await browser.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    assert "Other words" in page.words
    assert "Specification, version 1, of Old round" in page.words
