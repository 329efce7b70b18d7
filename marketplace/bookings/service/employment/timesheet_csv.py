"""The table of a timesheet for a payroll bureau. The columns are a promise: new ones come at the end."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from marketplace.accounts.law import LawBook, tax_month, tax_week, year_start
from marketplace.bookings.models import Employment, HolidayMethod, PayEvery, Timesheet, TimesheetLine
from marketplace.bookings.service.employment.periods import BASIS
from marketplace.bookings.service.fair_price import half_up
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell

COLUMNS: tuple[tuple[str, str], ...] = (
    ("employer", "The employer’s number with the council."),
    ("employee", "Name of the assistant."),
    ("employment", "The same for each timesheet of one job."),
    ("period_from", "First day of the pay period, like 2027-03-01."),
    ("period_to", "Last day of the pay period; the pay day by default."),
    ("pay_every", "week, four_weeks or month."),
    ("tax_year", "Tax year of the pay day, like 2026-27."),
    ("tax_period", "Week (1 to 53) or month (1 to 12) of the tax year of the pay day."),
    ("worked_on", "Day of the work. Before the period for what was approved late or corrected."),
    ("kind", "visit (approved by the employer), day (entered by hand) or correction (of an earlier timesheet)."),
    ("minutes", "Minutes paid. Less than nothing where a correction takes some away."),
    ("hours", "The same in hours with two decimals."),
    ("rate", "Wage for an hour, in pounds."),
    ("amount", "Pay in pounds before tax. More than hours times rate where another rate was agreed for the day."),
    ("holiday_hours", "Hours of leave that these hours add, for the method 12.07% of the hours; else empty."),
    ("holiday_pay", "Rolled-up holiday pay in pounds, on top of the amount; else empty."),
    ("note", "Anything the bureau should know."),
)
"""Each column with what it holds; the page shows the same words."""


def timesheet_csv(
    reference: str, employment: Employment, sheet: Timesheet, lines: Sequence[TimesheetLine], book: LawBook
) -> str:
    """Write a timesheet as CSV with a heading; the book is opened at the period's first day."""
    pay_on = sheet.ends_on - timedelta(days=1)
    start = year_start(pay_on).year
    period = tax_month(pay_on) if employment.pay_every is PayEvery.MONTH else tax_week(pay_on)
    rows: list[Sequence[Cell]] = [[name for name, _ in COLUMNS]]
    for line in lines:
        kind = "visit" if line.booking_id else "correction" if line.corrects_id else "day"
        rows.append(
            [
                reference,
                employment.name,
                str(employment.id),
                sheet.starts_on.isoformat(),
                pay_on.isoformat(),
                employment.pay_every.value,
                f"{start}-{(start + 1) % 100:02d}",
                period,
                line.worked_on.isoformat(),
                kind,
                line.minutes,
                _hours(line.minutes),
                pounds_cell(line.rate_pence),
                pounds_cell(line.amount_pence),
                _holiday_hours(employment.holiday_method, book, line.minutes),
                _holiday_pay(employment.holiday_method, book, line.amount_pence),
                line.note,
            ]
        )
    return csv_text(rows)


def _hours(minutes: int) -> Decimal:
    hundredths = half_up(Fraction(abs(minutes) * 100, 60))
    return Decimal(hundredths if minutes >= 0 else -hundredths).scaleb(-2)


def _share(book: LawBook, value: int) -> int:
    part = half_up(Fraction(abs(value) * book["holiday_accrual"], BASIS))
    return part if value >= 0 else -part


def _holiday_hours(method: HolidayMethod, book: LawBook, minutes: int) -> Cell:
    return _hours(_share(book, minutes)) if method is HolidayMethod.ACCRUED else None


def _holiday_pay(method: HolidayMethod, book: LawBook, amount_pence: int) -> Cell:
    return pounds_cell(_share(book, amount_pence)) if method is HolidayMethod.ROLLED_UP else None
