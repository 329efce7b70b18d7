"""What a person fills in, and what the pages show of it."""

from collections.abc import Mapping
from datetime import date, time
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader

LONGEST_MINUTES = 12 * 60
SHORTEST_MINUTES = 15
LONGEST_NOTE = 1_000
ANY_WORKER = "any"
TOP_UP = "top_up"
"""The answer "from my direct payment, and the rest by card" to how a visit is paid."""


class Funding(StrEnum):
    """What pays for a booking."""

    DIRECT_PAYMENT = "direct_payment"
    CARD = "card"


class BookingForm(msgspec.Struct, frozen=True, kw_only=True):
    """A visit somebody wishes for."""

    listing_id: UUID
    visit_on: date
    starts_local: time
    """Wall-clock time in Europe/London."""
    minutes: int
    worker_id: UUID | None = None
    """None: any worker of the organisation."""
    note: str = ""
    funding: Funding | None = None
    """None: the direct payment where there is one, else card."""
    is_topped_up: bool = False
    """Whether a card pays what the direct payment does not reach."""
    shown_pence: int | None = None
    """The price that the page of answers showed; None before it was shown."""
    shown_card_pence: int | None = None
    """The card's part of it that the page of answers showed."""

    @classmethod
    def read(cls, data: Mapping[str, Any], listing_id: UUID, least_minutes: int) -> "BookingForm":
        """Read the form of a listing.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        visit_on = form.day("visit_on", "the date of the visit")
        starts_local = form.clock_time("starts_local", "the start time")
        least = max(SHORTEST_MINUTES, least_minutes)
        minutes = form.number("minutes", "the length in minutes", least=least, most=LONGEST_MINUTES)
        worker_id = None
        if form.raw("worker") not in ("", ANY_WORKER):
            worker_id = form.id("worker", "who should come")
        note = form.text("note", "your note", required=False, longest=LONGEST_NOTE)
        is_topped_up = form.raw("funding") == TOP_UP
        funding: Funding | None = Funding.DIRECT_PAYMENT
        if not is_topped_up:
            funding = form.choice("funding", "how to pay", Funding, required=False)
        form.done()
        if visit_on is None or starts_local is None:
            raise InvalidInput(form.errors)
        return cls(
            listing_id=listing_id,
            visit_on=visit_on,
            starts_local=starts_local,
            minutes=minutes,
            worker_id=worker_id,
            note=note,
            funding=funding,
            is_topped_up=is_topped_up,
            shown_pence=_shown_pence(form.raw("shown_pence")),
            shown_card_pence=_shown_pence(form.raw("shown_card_pence")),
        )

    def as_fields(self) -> dict[str, str]:
        """The same as form fields, for the hidden inputs of the page that checks answers."""
        return {
            "listing": str(self.listing_id),
            "visit_on-day": str(self.visit_on.day),
            "visit_on-month": str(self.visit_on.month),
            "visit_on-year": str(self.visit_on.year),
            "starts_local": f"{self.starts_local:%H:%M}",
            "minutes": str(self.minutes),
            "worker": str(self.worker_id) if self.worker_id else ANY_WORKER,
            "note": self.note,
            "funding": TOP_UP if self.is_topped_up else self.funding.value if self.funding else "",
        }


def _shown_pence(text: str) -> int | None:
    """Read the hidden price of the page of answers; what is no number equals no price, so it is shown again."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 11 else -1


class ReasonForm(msgspec.Struct, frozen=True):
    """Why somebody declines, cancels or disputes."""

    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any], label: str, *, required: bool) -> "ReasonForm":
        """Read the reason.

        Raises:
            InvalidInput: It is missing or too long.
        """
        form = FormReader(data)
        reason = form.text("reason", label, required=required, longest=LONGEST_NOTE)
        form.done()
        return cls(reason)
