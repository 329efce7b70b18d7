"""What an hour of a personal assistant truly costs: the calculator that is shown before anybody is taken on (4.4).

True hourly cost = (wage + holiday + National Insurance + pension + sick pay + insurance + payroll + training +
recruitment) / hours of support. A year is 52 weeks from the first day, worked out pay period by pay period (`periods`),
because wages change on 1 April and the tax year on 6 April.

While the assistant is ill, the wage that is not paid pays for somebody else; so only sick pay is a cost of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from itertools import groupby

import msgspec

from marketplace.accounts.law import LawBook, legal_wage, year_start
from marketplace.bookings.models import HolidayMethod
from marketplace.bookings.service.employment.periods import (
    BASIS,
    HOUR_MINUTES,
    Job,
    Period,
    extra_pay_day,
    year_of,
)
from marketplace.bookings.service.fair_price import half_up
from marketplace.core.formats import plural, pounds, pounds_short, uk_date

FIRST_ON = date(2026, 4, 6)
"""Sick pay from the first day without a least wage began then; earlier years are not worked out."""
NOTHING = Fraction(0)


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the year's cost. The lines add up to the total; a saving is less than nothing."""

    key: str
    label: str
    how: str
    pence: int


class LawSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Pay periods under one law, where the year crosses a change."""

    starts_on: date
    ends_on: date
    periods: int
    wage_pence: int
    gross_pence: int


class ExtraPay(msgspec.Struct, frozen=True, kw_only=True):
    """A pay day more than usual in a tax year (week 53)."""

    pay_on: date
    gross_pence: int
    insurance_pence: int
    pension_pence: int

    @property
    def total_pence(self) -> int:
        """What has to be ready for it."""
        return self.gross_pence + self.insurance_pence + self.pension_pence


class EmployerCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a job costs in a year."""

    lines: tuple[CostLine, ...]
    total_pence: int
    gross_pence: int
    """Pay of the year, holiday included."""
    insurance_pence: int
    """National Insurance before the allowance."""
    allowance_pence: int
    """The part of it that the Employment Allowance pays."""
    pension_pence: int
    support_minutes: int
    """Minutes of support in the year."""
    hourly_pence: int
    """What an hour of support truly costs; half a penny up."""
    legal_wage_pence: int
    """The least wage on the first day."""
    spans: tuple[LawSpan, ...]
    """More than one where the law changes in the year."""
    extra: ExtraPay | None
    notes: tuple[str, ...]
    """What to know about the working, in sentences."""

    @property
    def weekly_pence(self) -> int:
        """A 52nd of the year, rounded up: what to keep ready for a week."""
        return -(-self.total_pence // 52)

    def pence_of(self, key: str) -> int:
        """Return a line's amount; 0 where there is no such line."""
        return sum(line.pence for line in self.lines if line.key == key)


def employer_cost(book: LawBook, job: Job) -> EmployerCost:
    """Work out what a job costs in the 52 weeks from its first day.

    Args:
        book: The law, opened at any day.
        job: The job; 1 minute a week or more, on 1 to 7 days.

    Returns:
        Pence. Each line is rounded once for the year, half a penny up.

    Raises:
        ValueError: A job without hours, or one that begins before 6 April 2026.
    """
    if job.weekly_minutes < 1 or not 1 <= job.days_a_week <= 7 or not 1 <= job.weeks_a_year <= 52:
        raise ValueError("A job has hours, on 1 to 7 days of the week and in 1 to 52 weeks of the year")
    if job.starts_on < FIRST_ON:
        raise ValueError(f"Costs are worked out from {FIRST_ON} on")
    wages, year = book.at(job.starts_on), year_of(book, job)
    taxes = book.at(year[0].pay_on)
    gross, worked = _sum(one.gross for one in year), _sum(one.worked for one in year)
    insurance, relief = _sum(one.insurance for one in year), _relief(job, year)
    pension, sick = _sum(one.pension for one in year), _sum(one.sick_pay for one in year)
    worked_minutes, leave_minutes = _sum(one.worked_minutes for one in year), _sum(one.leave_minutes for one in year)
    lines = [
        CostLine(key="worked", label="Pay for hours worked", how=_worked_words(job, worked_minutes), pence=worked),
        CostLine(key="holiday", label="Holiday pay", how=_holiday_words(wages, job), pence=gross - worked),
        CostLine(
            key="insurance", label="Employer’s National Insurance", how=_insurance_words(taxes, year), pence=insurance
        ),
    ]
    if relief:
        how = "You claim it once, for all your assistants together."
        lines.append(CostLine(key="allowance", label="Employment Allowance", how=how, pence=-relief))
    lines.append(CostLine(key="pension", label="Pension you pay", how=_pension_words(taxes, year), pence=pension))
    lines.append(CostLine(key="sick", label="Sick pay", how=_sick_words(taxes, job), pence=sick))
    lines += _own_lines(job)
    if job.has_cover:
        accrual = Fraction(wages["holiday_accrual"], BASIS)
        pay = sum((one.leave_minutes * one.wage_pence for one in year), NOTHING) / HOUR_MINUTES
        cover = half_up(pay * (1 + accrual))
        how = f"The hours of the leave at the same wage, with {_percent(wages, 'holiday_accrual')} holiday pay."
        lines.append(CostLine(key="cover", label="Somebody else during leave", how=how, pence=cover))
    total = sum(line.pence for line in lines)
    support = worked_minutes + (leave_minutes if job.has_cover else 0)
    extra = extra_pay_day(book, job)
    return EmployerCost(
        lines=tuple(lines),
        total_pence=total,
        gross_pence=gross,
        insurance_pence=insurance,
        allowance_pence=relief,
        pension_pence=pension,
        support_minutes=support,
        hourly_pence=half_up(Fraction(total * HOUR_MINUTES, support)),
        legal_wage_pence=legal_wage(book.at(job.starts_on), job.born_on),
        spans=tuple(_law_spans(year)),
        extra=None if extra is None else _extra(job, extra),
        notes=tuple(_notes(book, job, year)),
    )


def _sum(parts: Iterable[Fraction]) -> int:
    return half_up(sum(parts, NOTHING))


def _relief(job: Job, year: Sequence[Period]) -> int:
    """Return what the allowance pays of this job's insurance: by tax year, shared with others by what each owes."""
    if not job.claims_allowance:
        return 0
    relief, share = NOTHING, Fraction(job.others_insurance_pence, len(year))
    for _, group in groupby(year, key=lambda one: year_start(one.pay_on)):
        periods = list(group)
        own = sum((one.insurance for one in periods), NOTHING)
        owed = own + share * len(periods)
        if owed:
            relief += min(owed, sum((one.allowance for one in periods), NOTHING)) * own / owed
    return half_up(relief)


def _own_lines(job: Job) -> list[CostLine]:
    own = (
        ("liability", "Employers’ liability insurance", "What you entered for a year.", job.insurance_pence),
        ("payroll", "Payroll", "What you entered for a year.", job.payroll_pence),
        ("training", "Training", "What you entered for a year.", job.training_pence),
        ("recruitment", "Finding and checking somebody", "What you entered; often only once.", job.recruitment_pence),
    )
    return [CostLine(key=key, label=label, how=how, pence=pence) for key, label, how, pence in own]


def _law_spans(year: Sequence[Period]) -> list[LawSpan]:
    """Put neighbouring periods under the same wage and the same tax year together."""
    found = []
    for _, group in groupby(year, key=lambda one: (one.wage_pence, year_start(one.pay_on))):
        periods = list(group)
        found.append(
            LawSpan(
                starts_on=periods[0].starts_on,
                ends_on=periods[-1].ends_on,
                periods=len(periods),
                wage_pence=periods[0].wage_pence,
                gross_pence=_sum(one.gross for one in periods),
            )
        )
    return found


def _extra(job: Job, period: Period) -> ExtraPay:
    # The allowance is a sum for the tax year: where it pays all of the year's insurance, it mostly pays this, too.
    return ExtraPay(
        pay_on=period.pay_on,
        gross_pence=half_up(period.gross),
        insurance_pence=half_up(period.insurance),
        pension_pence=half_up(period.pension),
    )


def _hours(minutes: int) -> str:
    return f"{minutes / HOUR_MINUTES:,.2f}".rstrip("0").rstrip(".")


def _worked_words(job: Job, minutes: int) -> str:
    return f"{_hours(minutes)} hours of support in {plural(job.weeks_a_year, 'paid week')}, leave taken off."


def _holiday_words(book: LawBook, job: Job) -> str:
    accrual = _percent(book, "holiday_accrual")
    return {
        HolidayMethod.WEEKS: f"{book['holiday_weeks'] / 10:g} weeks a year: the wage goes on while they are on leave.",
        HolidayMethod.ACCRUED: f"{accrual} of the hours of each pay period, taken as paid leave later.",
        HolidayMethod.ROLLED_UP: f"{accrual} of the pay, as a line of its own with each wage. Leave is then unpaid.",
    }[job.holiday_method]


def _insurance_words(book: LawBook, year: Sequence[Period]) -> str:
    if not any(one.insurance for one in year):
        return "Nothing: the pay is under the limit, or they are under 21."
    limit = pounds_short(book["insurance_threshold"])
    return f"{_percent(book, 'insurance_rate')} of the pay above {limit} a year."


def _pension_words(book: LawBook, year: Sequence[Period]) -> str:
    if any(one.pension for one in year):
        lower, upper = pounds_short(book["pension_lower"]), pounds_short(book["pension_upper"])
        return f"{_percent(book, 'pension_employer_rate')} of the pay between {lower} and {upper} a year."
    if any(one.pension_if_asked for one in year):
        asked = pounds(_sum(one.pension_if_asked for one in year))
        return f"Nothing now. They may ask to join: you would then pay {asked} a year."
    return "Nothing: the pay is under the limit of the law. They may still ask to join, without a payment from you."


def _sick_words(book: LawBook, job: Job) -> str:
    if not job.sick_days:
        return "No sick days are reckoned with."
    flat, share = pounds(book["sick_pay"]), _percent(book, "sick_pay_share")
    return f"{plural(job.sick_days, 'day')}. A week is {flat}, or {share} of the usual pay if that is less."


def _percent(book: LawBook, key: str) -> str:
    return f"{book[key] / 100:g}%"


def _notes(book: LawBook, job: Job, year: Sequence[Period]) -> list[str]:
    notes = []
    legal = legal_wage(book.at(job.starts_on), job.born_on)
    if job.wage_pence < legal:
        notes.append(
            f"{pounds(job.wage_pence)} an hour is below the legal minimum wage of {pounds(legal)}. We worked with "
            f"{pounds(legal)}."
        )
    elif (rise := next((one for one in year if one.wage_pence > job.wage_pence), None)) is not None:
        notes.append(
            f"From {uk_date(rise.starts_on)} the legal minimum wage is {pounds(rise.wage_pence)}, more than yours. It "
            "counts from the first pay period that begins on or after the change."
        )
    if any(one.is_carried for one in year):
        notes.append("The wages from the next 1 April are not in our book yet. We went on with the last ones we know.")
    if job.weeks_a_year < 52 and job.holiday_method is HolidayMethod.WEEKS:
        notes.append(
            "For somebody who works only part of the year, the law counts holiday as "
            f"{_percent(book.at(job.starts_on), 'holiday_accrual')} of the hours. Choose one of the other two ways."
        )
    return notes
