"""Forms of requirements for care: the week, the rules, opening, terms, offers, marks and awards."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import INTERESTS, LANGUAGES, NEEDS, SKILLS
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.places import METRES_PER_MILE
from marketplace.matching.bands import WEEKDAYS
from marketplace.matching.forms import GENDER_RULES, LONGEST_REASON, LONGEST_TEXT, MOST_WEEKLY_PENCE, NO_RULE
from marketplace.matching.models import (
    Requirement,
    RequirementRoute,
    RequirementVisit,
    Urgency,
)
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.providers.models import ServiceLine

MOST_ROWS = 40
"""Rows of the form for the visits of a week."""
MOST_VISITS = 100
"""Visits of a week, with every day counted: 14 a day are more than anybody has."""
DAY_GROUPS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "every": ("Every day", tuple(range(7))),
    "week": ("Monday to Friday", tuple(range(5))),
    "weekend": ("Saturday and Sunday", (5, 6)),
    **{str(index): (name, (index,)) for index, name in enumerate(WEEKDAYS)},
}
"""What a row of the form may say about the day: several days at once are one visit each."""


class VisitLine(msgspec.Struct, frozen=True, kw_only=True):
    """A visit of the week as the form says it."""

    weekday: int
    starts_local: time
    minutes: int
    workers: int


class RequirementForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person needs in a week of care, as a broker writes it."""

    service_line: ServiceLine
    lot_code: str
    urgency: Urgency
    needs: list[str]
    summary: str
    outcomes: str
    required_skills: list[str]
    required_gender: str | None
    essential_language: str | None
    interests: list[str]
    excluded_organisation_ids: list[str]
    known_organisation_ids: list[str]
    chosen_organisation_id: UUID | None
    radius_metres: int | None
    most_providers: int
    split_agreed: bool
    starts_on: date
    latest_start_on: date
    ceiling_weekly_pence: int
    visits: list[VisitLine]
    version: int

    @classmethod
    def read(
        cls, data: dict[str, Any], *, organisations: Collection[UUID], lots: Collection[str], on: date
    ) -> "RequirementForm":
        """Read the form.

        Args:
            data: The form.
            organisations: Organisations that may be named.
            lots: Codes of lots that may be named.
            on: Today: no care begins before it.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        ids = [str(item) for item in organisations]
        service = form.option("service_line", "the service", [line.value for line in CARE_SERVICES])
        gender = form.option("required_gender", "the gender", (NO_RULE, *GENDER_RULES), required=False)
        most = form.number("most_providers", "how many providers", least=1, most=5)
        agreed = form.ticked("split_agreed")
        if most > 1 and not agreed:
            form.wrong("split_agreed", "Confirm that the person agrees to more than one provider, or ask for one")
        starts_on = form.day("starts_on", "the first day")
        latest = form.day("latest_start_on", "the last day for a start")
        _check_window(form, starts_on, latest, on)
        chosen = form.raw("chosen_organisation_id")
        if chosen and chosen not in ids:
            form.wrong("chosen_organisation_id", "Select the provider the person chose from the list")
        found = cls(
            service_line=ServiceLine(service) if service else ServiceLine.HOME_CARE,
            lot_code=form.option("lot_code", "the lot", lots, required=False),
            urgency=form.choice("urgency", "how urgent this is", Urgency) or Urgency.STANDARD,
            needs=form.options("needs", "what support is about", NEEDS, required=True),
            summary=form.text("summary", "a summary of the needs", longest=LONGEST_TEXT),
            outcomes=form.text("outcomes", "what should be different", longest=LONGEST_TEXT),
            required_skills=form.options("required_skills", "the skills", SKILLS),
            required_gender=None if gender in ("", NO_RULE) else gender,
            essential_language=form.option("essential_language", "the language", LANGUAGES, required=False) or None,
            interests=form.options("interests", "the interests", INTERESTS),
            excluded_organisation_ids=form.options("excluded_organisation_ids", "providers from the list", ids),
            known_organisation_ids=form.options("known_organisation_ids", "providers from the list", ids),
            chosen_organisation_id=parse_id(chosen) if chosen in ids else None,
            radius_metres=_radius(form),
            most_providers=most,
            split_agreed=agreed,
            starts_on=starts_on or on,
            latest_start_on=latest or on,
            ceiling_weekly_pence=form.pounds(
                "ceiling_weekly_pence", "the most it may cost in a week", least=1, most=MOST_WEEKLY_PENCE
            )
            or 0,
            visits=_visits(form),
            version=read_version(form),
        )
        if set(found.excluded_organisation_ids) & {*found.known_organisation_ids, chosen}:
            form.wrong("excluded_organisation_ids", "A provider cannot be both chosen or known, and not wanted")
        form.done()
        return found


class TermsForm(msgspec.Struct, frozen=True, kw_only=True):
    """What may change before providers are asked again: place, sharing, price, days (K6)."""

    radius_metres: int | None
    most_providers: int
    split_agreed: bool
    ceiling_weekly_pence: int
    starts_on: date
    latest_start_on: date
    reason: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], on: date) -> "TermsForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        most = form.number("most_providers", "how many providers", least=1, most=5)
        agreed = form.ticked("split_agreed")
        if most > 1 and not agreed:
            form.wrong("split_agreed", "Confirm that the person agrees to more than one provider, or ask for one")
        starts_on = form.day("starts_on", "the first day")
        latest = form.day("latest_start_on", "the last day for a start")
        _check_window(form, starts_on, latest, on)
        found = cls(
            radius_metres=_radius(form),
            most_providers=most,
            split_agreed=agreed,
            ceiling_weekly_pence=form.pounds(
                "ceiling_weekly_pence", "the most it may cost in a week", least=1, most=MOST_WEEKLY_PENCE
            )
            or 0,
            starts_on=starts_on or on,
            latest_start_on=latest or on,
            reason=form.text("reason", "the reason", longest=LONGEST_REASON),
            version=read_version(form),
        )
        form.done()
        return found


class OpenForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask."""

    route: RequirementRoute
    organisation_ids: list[UUID]
    reason: str
    """Why somebody else than the best placed is asked alone."""
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], ranked: Sequence[UUID]) -> "OpenForm":
        """Read the form.

        Args:
            data: The form.
            ranked: Who may be asked, best placed first.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        route = form.choice("route", "whom to ask", RequirementRoute) or RequirementRoute.LOT
        chosen = form.options("organisation_ids", "providers from the ranking", [str(item) for item in ranked])
        reason = form.text("reason", "the reason", required=False, longest=LONGEST_REASON)
        ids = [UUID(item) for item in chosen]
        if route is RequirementRoute.SEVERAL and not ids:
            form.wrong("organisation_ids", "Select at least one provider")
        if route is RequirementRoute.FIRST:
            ids = ids[:1] if len(ids) == 1 else []
            if len(chosen) > 1:
                form.wrong("organisation_ids", "Select one provider, or none for the best placed")
            elif ids and ids[0] != ranked[0] and not reason:
                form.wrong("reason", "Say why you ask somebody who is not the best placed")
        found = cls(route=route, organisation_ids=ids, reason=reason, version=read_version(form))
        form.done()
        return found


def read_version(form: FormReader) -> int:
    """Read the version that a page showed; 0, which nothing has, for what is no number."""
    text = form.raw("version")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def requirement_values(requirement: Requirement, visits: Sequence[RequirementVisit]) -> dict[str, Any]:
    """Return a requirement as the values of its form."""
    return {
        **terms_values(requirement),
        "service_line": requirement.service_line.value,
        "lot_code": requirement.lot_code,
        "urgency": requirement.urgency.value,
        "needs": requirement.needs,
        "summary": requirement.summary,
        "outcomes": requirement.outcomes,
        "required_skills": requirement.required_skills,
        "required_gender": requirement.required_gender or NO_RULE,
        "essential_language": requirement.essential_language or "",
        "interests": requirement.interests,
        "excluded_organisation_ids": requirement.excluded_organisation_ids,
        "known_organisation_ids": requirement.known_organisation_ids,
        "chosen_organisation_id": str(requirement.chosen_organisation_id or ""),
        **visit_values(visits),
    }


def terms_values(requirement: Requirement) -> dict[str, Any]:
    """Return what may change before providers are asked again as the values of its form."""
    radius = requirement.radius_metres
    return {
        "radius_miles": "" if radius is None else f"{radius / METRES_PER_MILE:.0f}",
        "most_providers": str(requirement.most_providers),
        "split_agreed": "yes" if requirement.split_agreed else "",
        "ceiling_weekly_pence": f"{requirement.ceiling_weekly_pence / 100:.2f}",
        **day_values("starts_on", requirement.starts_on),
        **day_values("latest_start_on", requirement.latest_start_on),
        "version": str(requirement.version),
    }


def day_values(name: str, day: date) -> dict[str, str]:
    """Return a date as the values of its three fields."""
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


def visit_values(visits: Sequence[RequirementVisit]) -> dict[str, str]:
    """Return visits as rows of the form: the same visit on every day is one row."""
    by_time: dict[tuple[time, int, int], list[int]] = {}
    for visit in visits:
        by_time.setdefault((visit.starts_local, visit.minutes, visit.workers), []).append(visit.weekday)
    groups = {days: code for code, (_, days) in DAY_GROUPS.items()}
    rows: list[tuple[str, time, int, int]] = []
    for (starts, minutes, workers), days in sorted(by_time.items()):
        code = groups.get(tuple(sorted(days)))
        rows += [(item, starts, minutes, workers) for item in ([code] if code else [str(day) for day in days])]
    values = {"rows": str(max(1, len(rows)))}
    for index, (code, starts, minutes, workers) in enumerate(rows):
        values |= {
            f"visit-{index}-day": code,
            f"visit-{index}-start": starts.strftime("%H:%M"),
            f"visit-{index}-minutes": str(minutes),
            f"visit-{index}-workers": str(workers),
        }
    return values


def changed_rows(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Add or remove a row of the week where the form was sent for that; None when it was sent to be kept."""
    values = dict(data)
    change = str(values.pop("change", "") or "")
    count = row_count(values)
    if change == "add":
        values["rows"] = str(min(MOST_ROWS, count + 1))
    elif change.startswith("remove-") and change.removeprefix("remove-").isdecimal():
        gone = int(change.removeprefix("remove-"))
        for index in range(gone, count):
            for part in ("day", "start", "minutes", "workers"):
                values[f"visit-{index}-{part}"] = values.get(f"visit-{index + 1}-{part}", "")
        values["rows"] = str(max(1, count - 1))
    else:
        return None
    return values


def row_count(values: Mapping[str, Any]) -> int:
    """How many rows of visits a form has, 1 to 40."""
    text = str(values.get("rows") or "1")
    return max(1, min(MOST_ROWS, int(text))) if text.isascii() and text.isdecimal() and len(text) < 4 else 1


def _visits(form: FormReader) -> list[VisitLine]:
    found: dict[tuple[int, time], VisitLine] = {}
    for index in range(row_count(form.data)):
        name, words = f"visit-{index}", f"row {index + 1}"
        if not any(form.raw(f"{name}-{part}") for part in ("day", "start", "minutes")):
            continue
        code = form.option(f"{name}-day", f"the day in {words}", DAY_GROUPS)
        starts = form.clock_time(f"{name}-start", f"the start in {words}")
        minutes = form.number(f"{name}-minutes", f"the minutes in {words}", least=15, most=1440)
        workers = form.number(f"{name}-workers", f"the workers in {words}", least=1, most=3)
        if minutes % 15:
            form.wrong(f"{name}-minutes", f"The minutes in {words} must be quarter hours, like 30 or 45")
        if not code or starts is None:
            continue
        for weekday in DAY_GROUPS[code][1]:
            if (weekday, starts) in found:
                form.wrong(f"{name}-start", f"{WEEKDAYS[weekday]} has two visits at the same time: change {words}")
                continue
            found[weekday, starts] = VisitLine(weekday=weekday, starts_local=starts, minutes=minutes, workers=workers)
    if not found:
        form.wrong("visit-0-day", "Enter at least one visit")
    elif len(found) > MOST_VISITS:
        form.wrong("visit-0-day", f"A week can have {MOST_VISITS} visits at most")
    return [found[key] for key in sorted(found)]


def _radius(form: FormReader) -> int | None:
    if not form.raw("radius_miles"):
        return None
    miles = form.number("radius_miles", "the distance in miles", least=1, most=300)
    return int(miles * METRES_PER_MILE)


def _check_window(form: FormReader, starts_on: date | None, latest: date | None, on: date) -> None:
    if starts_on and starts_on < on:
        form.wrong("starts_on", "The first day must be today or later")
    if starts_on and latest and latest < starts_on:
        form.wrong("latest_start_on", "The last day for a start must not be before the first day")
    elif starts_on and latest and latest > starts_on + timedelta(days=180):
        form.wrong("latest_start_on", "The last day for a start must be within 180 days of the first day")
