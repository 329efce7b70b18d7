"""What of a visit goes to the payroll, in which pay period, and what a person enters by hand; pure."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.law import LawBook
from marketplace.bookings.models import Booking, Employment, HolidayMethod, Timesheet, TimesheetLine, TimesheetStatus
from marketplace.bookings.service.employment.forms import read_hours
from marketplace.bookings.service.employment.periods import BASIS, spans
from marketplace.bookings.service.fair_price import half_up
from marketplace.bookings.states import BookingStatus
from marketplace.core.forms import FormReader

DAY_MINUTES = 1_440
MOST_PERIODS = 1_500
PART = "You approved a part of this visit. The law asks you to pay for all the time they worked."
CALLED_OFF = "Called off too late; paid as agreed."
MORE = "You agreed a price for this visit that is more than the wage, so the price is paid."


class DayForm(msgspec.Struct, frozen=True):
    """Hours of one day, entered by hand."""

    worked_on: date
    minutes: int
    note: str

    @classmethod
    def read(cls, data: Mapping[str, Any], now: date) -> "DayForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing, or the day is to come.
        """
        form = FormReader(data)
        worked_on = form.day("worked_on", "the day") or now
        minutes = read_hours(form, "hours", "the hours")
        if minutes > DAY_MINUTES:
            form.wrong("hours", "A day has 24 hours")
        if worked_on > now:
            form.wrong("worked_on", "The day must be today or in the past")
        note = form.text("note", "the note", required=False)
        form.done()
        return cls(worked_on, minutes, note)


class SheetView(msgspec.Struct, frozen=True, kw_only=True):
    """A timesheet with its lines."""

    sheet: Timesheet
    lines: list[TimesheetLine]
    not_approved: int
    """Visits of the period or before that still wait for the person's word."""
    kinds: dict[UUID, str]

    @property
    def is_open(self) -> bool:
        """Whether it can change."""
        return self.sheet.status is TimesheetStatus.OPEN


def payable(booking: Booking, wage_pence: int) -> tuple[int, int]:
    """Return (minutes, pence) of an approved visit for the payroll.

    The wage of the job counts for the minutes approved; where the person approved more money than that (an agreed rate
    for bank holidays, or a night at a fixed price), that counts. A part approved gives that part of the minutes.
    """
    minutes = booking.claimed_minutes or booking.minutes
    approved = booking.approved_pence if booking.approved_pence is not None else booking.cost_pence
    asked = booking.claimed_pence if booking.claimed_pence is not None else booking.cost_pence
    if booking.called_off_at is not None:
        # Nobody worked: what is owed by the terms is paid, as the hours it would buy.
        minutes = min(booking.minutes, half_up(Fraction(approved * 60, wage_pence))) if wage_pence else 0
        return minutes, approved
    if booking.is_sleep_in:
        return minutes, approved
    if booking.status is BookingStatus.PART_APPROVED and asked:
        minutes = min(minutes, half_up(Fraction(minutes * approved, asked)))
    return minutes, max(half_up(Fraction(minutes * wage_pence, 60)), approved)


def note_of(booking: Booking, rate_pence: int, minutes: int, amount_pence: int) -> str:
    """Say why the pay of a visit is not its hours times the wage; "" where it is."""
    if booking.called_off_at is not None:
        return CALLED_OFF
    if booking.status is BookingStatus.PART_APPROVED:
        return PART
    return MORE if amount_pence > half_up(Fraction(minutes * rate_pence, 60)) and not booking.is_sleep_in else ""


def next_period(employment: Employment, last_end: date | None) -> tuple[date, date]:
    """Return the pay period after a day, or the first: those of the job's first day, else from that day on.

    It ends with the job.
    """
    first = last_end or employment.starts_on
    found = next(spans(first, employment.pay_every, 1))
    for start, end in spans(employment.starts_on, employment.pay_every, MOST_PERIODS):
        if start == first:
            found = (start, end)
        if start >= first:
            break
    if employment.ends_on is not None and found[0] < employment.ends_on < found[1]:
        return found[0], employment.ends_on
    return found


def holiday_pay(method: HolidayMethod, book: LawBook, amount_pence: int) -> int:
    """Return rolled-up holiday pay on an amount, which may be below nothing for a correction."""
    if method is not HolidayMethod.ROLLED_UP:
        return 0
    pay = half_up(Fraction(abs(amount_pence) * book["holiday_accrual"], BASIS))
    return pay if amount_pence >= 0 else -pay


def kind_of(line: TimesheetLine) -> str:
    """Return what a line is: "visit", "day" or "correction"."""
    if line.booking_id is not None:
        return "visit"
    return "correction" if line.corrects_id is not None else "day"
