"""What council staff type about rounds: dates and times in London, checked against each other."""

from datetime import date, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

import msgspec

from marketplace.core.clock import instant, local
from marketplace.core.forms import FormReader
from marketplace.core.holidays import bank_holidays
from marketplace.providers.models import LateRule, Round

A_YEAR: Final = timedelta(days=364)
"""52 weeks: the same weekday of the next year."""
LATE_LABELS: Final[dict[LateRule, str]] = {
    LateRule.REFUSE: "Late applications are not looked at",
    LateRule.ACCEPT_WITH_REASON: "Late applications are taken for a while, with a reason",
}
MOMENTS: Final = ("opens", "questions_until", "closes")
FURTHEST: Final = timedelta(days=3 * 366)


class RoundForm(msgspec.Struct, frozen=True, kw_only=True):
    """A round."""

    name: str
    version_id: UUID
    opens_at: datetime
    questions_until: datetime
    closes_at: datetime
    late_rule: LateRule
    late_until: datetime | None
    decides_on: date
    starts_on: date
    reopens_on: date | None
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], version_ids: list[str], now: datetime) -> Self:
        """Read the form and check that the dates follow each other.

        Args:
            data: As sent.
            version_ids: The published versions of the framework.
            now: The present.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        name = form.text("name", "the name of the round", longest=120)
        version_id = form.option("version_id", "the version of the specification", version_ids)
        opens = _moment(form, "opens", "the day it opens", "the time it opens")
        questions = _moment(form, "questions_until", "the last day for questions", "the time questions end")
        closes = _moment(form, "closes", "the day it closes", "the time it closes")
        rule = form.choice("late_rule", "what happens to late applications", LateRule)
        late = None
        if rule is LateRule.ACCEPT_WITH_REASON:
            late = _moment(form, "late_until", "the last day for late applications", "the time late applications end")
        decides_on = form.day("decides_on", "the day by which applicants hear")
        starts_on = form.day("starts_on", "the first day of the agreements")
        reopens_on = form.day("reopens_on", "the day the next round opens", required=False)
        version = form.number("version", "the version of this page", least=0, most=1_000_000, required=False)
        if opens and local(opens).date() < local(now).date():
            form.wrong("opens", "The day it opens must be today or later")
        if opens and opens > now + FURTHEST:
            form.wrong("opens", "The day it opens must be within three years")
        if opens and closes and closes <= opens:
            form.wrong("closes", "It must close after it opens")
        elif closes and closes <= now:
            form.wrong("closes", "The closing time must be in the future")
        elif closes and closes > now + FURTHEST:
            form.wrong("closes", "The day it closes must be within three years")
        if questions and opens and questions < opens:
            form.wrong("questions_until", "Questions must be possible until it opens, or longer")
        if questions and closes and questions > closes:
            form.wrong("questions_until", "Questions must end before the round closes")
        if late and closes and late <= closes:
            form.wrong("late_until", "Late applications must end after the closing time")
        last = late or closes
        if decides_on and last and decides_on < local(last).date():
            form.wrong("decides_on", "Applicants can hear at the earliest on the day the last applications come in")
        if decides_on and starts_on and starts_on < decides_on:
            form.wrong("starts_on", "Agreements must start on the day applicants hear, or later")
        if reopens_on and closes and reopens_on <= local(closes).date():
            form.wrong("reopens_on", "The next round must open after this one closes")
        form.done()
        return cls(
            name=name,
            version_id=UUID(version_id),
            opens_at=opens or now,
            questions_until=questions or now,
            closes_at=closes or now,
            late_rule=rule or LateRule.REFUSE,
            late_until=late,
            decides_on=decides_on or now.date(),
            starts_on=starts_on or now.date(),
            reopens_on=reopens_on,
            version=version,
        )


class ExtendForm(msgspec.Struct, frozen=True, kw_only=True):
    """A later closing time, and what moves with it."""

    closes_at: datetime
    decides_on: date
    starts_on: date
    reason: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], row: Round) -> Self:
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        closes = _moment(form, "closes", "the new day it closes", "the new time it closes")
        decides_on = form.day("decides_on", "the day by which applicants hear")
        starts_on = form.day("starts_on", "the first day of the agreements")
        reason = form.text("reason", "why", longest=500)
        version = form.number("version", "the version of this page", least=1, most=1_000_000)
        if closes and closes <= row.closes_at:
            form.wrong("closes", "The new closing time must be later than the present one")
        if closes and closes > row.closes_at + FURTHEST:
            form.wrong("closes", "The new closing time must be within three years")
        last = closes + (row.late_until - row.closes_at) if closes and row.late_until else closes
        if decides_on and last and decides_on < local(last).date():
            form.wrong("decides_on", "Applicants can hear at the earliest on the day the last applications come in")
        if decides_on and starts_on and starts_on < decides_on:
            form.wrong("starts_on", "Agreements must start on the day applicants hear, or later")
        if row.reopens_on and closes and row.reopens_on <= local(closes).date():
            form.wrong("closes", "The round must close before the next one opens")
        form.done()
        return cls(
            closes_at=closes or row.closes_at,
            decides_on=decides_on or row.decides_on,
            starts_on=starts_on or row.starts_on,
            reason=reason,
            version=version,
        )


def values_of(row: Round) -> dict[str, str]:
    """Return a round as its form shows it."""
    values = {
        "name": row.name,
        "version_id": str(row.version_id),
        "late_rule": row.late_rule.value,
        "version": str(row.version),
        **_moment_values("opens", row.opens_at),
        **_moment_values("questions_until", row.questions_until),
        **_moment_values("closes", row.closes_at),
        **_day_values("decides_on", row.decides_on),
        **_day_values("starts_on", row.starts_on),
    }
    if row.late_until is not None:
        values.update(_moment_values("late_until", row.late_until))
    if row.reopens_on is not None:
        values.update(_day_values("reopens_on", row.reopens_on))
    return values


def next_year(row: Round, version_id: UUID) -> dict[str, str]:
    """Suggest the round a year on: each date on the same weekday, at the same time on the wall.

    It opens on the day the round named for reopening; without one, 52 weeks later. A date that falls on a weekend or
    a bank holiday goes to the next working day.

    Returns:
        Values of the form of a new round.
    """
    opened_on = local(row.opens_at).date()
    shift = A_YEAR
    if row.reopens_on is not None:
        weeks = max(1, round((row.reopens_on - opened_on).days / 7))
        shift = timedelta(weeks=weeks)

    def moved(day: date) -> date:
        return working_day(day + shift)

    def moved_moment(name: str, moment: datetime) -> dict[str, str]:
        wall = local(moment)
        return _moment_values(name, instant(moved(wall.date()), wall.time()))

    year, following = opened_on.year, moved(opened_on).year
    name = row.name.replace(str(year), str(following)) if str(year) in row.name else f"{row.name} {following}"
    opens_on = working_day(row.reopens_on) if row.reopens_on is not None else moved(opened_on)
    values = {
        "name": name[:120],
        "version_id": str(version_id),
        "late_rule": row.late_rule.value,
        "version": "0",
        **_moment_values("opens", instant(opens_on, local(row.opens_at).time())),
        **moved_moment("questions_until", row.questions_until),
        **moved_moment("closes", row.closes_at),
        **_day_values("decides_on", moved(row.decides_on)),
        **_day_values("starts_on", moved(row.starts_on)),
    }
    if row.late_until is not None:
        values.update(moved_moment("late_until", row.late_until))
    if row.reopens_on is not None:
        values.update(_day_values("reopens_on", moved(row.reopens_on)))
    return values


def working_day(day: date) -> date:
    """Return the day, or the first one after it that is neither on a weekend nor a bank holiday."""
    while day.weekday() >= 5 or day in bank_holidays(day.year):
        day += timedelta(days=1)
    return day


def _moment(form: FormReader, name: str, day_label: str, time_label: str) -> datetime | None:
    day = form.day(name, day_label)
    at = form.clock_time(f"{name}_time", time_label)
    return instant(day, at) if day and at else None


def _moment_values(name: str, moment: datetime) -> dict[str, str]:
    wall = local(moment)
    return {**_day_values(name, wall.date()), f"{name}_time": wall.strftime("%H:%M")}


def _day_values(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}
