"""Reviews as a calendar file (RFC 5545), for the calendar on a phone or at work."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from marketplace.core.clock import instant
from marketplace.plans.models import Review

MEETING = timedelta(hours=1)
"""How long a meeting stands in the calendar."""
LONGEST_LINE = 75
"""Octets of a line before it is folded."""


class Meeting(NamedTuple):
    """A booked review and what the calendar calls it: no name of the person on a facilitator's shared screen."""

    review: Review
    title: str


def calendar_file(meetings: Iterable[Meeting], made_at: datetime) -> bytes:
    """Write booked reviews as a calendar; those without a time fill their day. A new date replaces the old one."""
    stamp = _utc(made_at)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Care marketplace//Reviews//EN", "METHOD:PUBLISH"]
    for review, title in meetings:
        if review.booked_on is None:
            continue
        lines += ["BEGIN:VEVENT", f"UID:review-{review.id}", f"DTSTAMP:{stamp}", f"SEQUENCE:{review.version}"]
        if review.booked_at_time:
            starts_at = instant(review.booked_on, time.fromisoformat(review.booked_at_time))
            lines += [f"DTSTART:{_utc(starts_at)}", f"DTEND:{_utc(starts_at + MEETING)}"]
        else:
            lines += [
                f"DTSTART;VALUE=DATE:{review.booked_on:%Y%m%d}",
                f"DTEND;VALUE=DATE:{review.booked_on + timedelta(days=1):%Y%m%d}",
            ]
        lines.append(f"SUMMARY:{_escaped(title)}")
        if review.place:
            lines.append(f"LOCATION:{_escaped(review.place)}")
        lines.append("END:VEVENT")
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line)).encode()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    """Cut a line that is too long; its rest begins with a space. Letters of several octets stay whole."""
    parts, part = [], ""
    for letter in line:
        if len((part + letter).encode()) > LONGEST_LINE:
            parts.append(part)
            part = " "
        part += letter
    return [*parts, part]
