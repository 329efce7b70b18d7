"""Calendar files (RFC 5545), written by hand: one event, in UTC, without any name."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

LONGEST_LINE: Final = 75
"""Bytes of a line, without its end (RFC 5545, 3.1)."""


def calendar_file(
    event_id: UUID,
    *,
    title: str,
    starts_at: datetime,
    minutes: int,
    made_at: datetime,
    number: int,
    place: str,
    link: str,
) -> bytes:
    """Write an event as a calendar file.

    Args:
        event_id: Stays the same when the event is sent again, so that calendars replace it.
        title: What it is; shown on locked screens, so it holds no name.
        starts_at: An aware instant. Written in UTC: a single event needs no rules of a time zone.
        minutes: Its length.
        made_at: When it last changed.
        number: Counts up with each change.
        place: Where, in words.
        link: Page with more.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Care Marketplace//Meetings//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{event_id}",
        f"DTSTAMP:{_utc(made_at)}",
        f"SEQUENCE:{number}",
        f"DTSTART:{_utc(starts_at)}",
        f"DURATION:PT{minutes}M",
        f"SUMMARY:{_text(title)}",
        f"LOCATION:{_text(place)}",
        f"URL:{link}",
        "STATUS:CONFIRMED",
        "CLASS:PRIVATE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(_folded(line) for line in lines)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> bytes:
    """Break a line after 75 bytes, never inside a character; what follows begins with a space."""
    parts: list[bytes] = []
    part = b""
    for char in line:
        piece = char.encode()
        # A line that goes on has its space among the 75 bytes.
        if len(part) + len(piece) > LONGEST_LINE - (1 if parts else 0):
            parts.append(part)
            part = b""
        part += piece
    parts.append(part)
    return b"\r\n ".join(parts) + b"\r\n"
