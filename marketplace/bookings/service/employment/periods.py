"""The pay periods of a year, each with the law of its day. Pure.

Two days in April matter. Wages: the rate of a pay period is the one in force on its first day (National Minimum Wage
Regulations 2015, regulation 4B), so a rise on 1 April counts from the first period that begins on it or later. Tax
year: National Insurance, pension and sick pay go by the day the wage is paid, which is the last day of the period; new
figures count from 6 April.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from marketplace.accounts.law import LawBook, age_on, legal_wage, tax_week, year_start
from marketplace.bookings.models import HolidayMethod, PayEvery

HOUR_MINUTES = 60
WEEKS = 52
BASIS = 10_000
NUMBER = {PayEvery.WEEK: 52, PayEvery.FOUR_WEEKS: 13, PayEvery.MONTH: 12}
"""Pay periods in a year of 52 weeks."""
INSURED_FROM_AGE = 21
"""Below it an employer pays no National Insurance up to a limit (Social Security Contributions and Benefits Act 1992,
section 9A)."""
ENROLLED_FROM_AGE = 22
"""Pensions Act 2008, section 3: from 22 up to the state pension age."""
PENSION_AGE, LATER_PENSION_AGE, LATER_FROM = 66, 67, date(1960, 4, 6)
"""Who was born in the year after that day reaches it some months after 66; they count as enrolled until 67, so that the
cost is rather too high than too low."""
AHEAD_PERIODS = 106
"""Two years of weeks: how far ahead a tax year with one more pay day is looked for."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the calculator knows it. Its year is 52 weeks from `starts_on`."""

    starts_on: date
    weekly_minutes: int
    """Paid minutes of a week, leave included."""
    wage_pence: int
    """For an hour; where the law asks for more in a period, that counts."""
    pay_every: PayEvery = PayEvery.WEEK
    holiday_method: HolidayMethod = HolidayMethod.WEEKS
    weeks_a_year: int = WEEKS
    """Weeks that the job covers, leave included; pay is spread evenly over the year."""
    born_on: date | None = None
    """None counts as 22 or older."""
    days_a_week: int = 5
    sick_days: int = 5
    """Days of sickness in the year that are reckoned with."""
    claims_allowance: bool = False
    others_insurance_pence: int = 0
    """National Insurance of a year for the person's other assistants, who share the allowance."""
    insurance_pence: int = 0
    payroll_pence: int = 0
    training_pence: int = 0
    recruitment_pence: int = 0
    has_cover: bool = False
    """Whether somebody else comes while the assistant is on leave, at the same wage."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One pay period: exact fractions of pence, rounded only when a year is added up."""

    starts_on: date
    ends_on: date
    """Half-open."""
    wage_pence: int
    worked_minutes: Fraction
    leave_minutes: Fraction
    insurance: Fraction
    """Before any allowance."""
    pension: Fraction
    pension_if_asked: Fraction
    """What the employer would pay if the assistant asks to join without having to be enrolled."""
    sick_pay: Fraction
    allowance: Fraction
    """The part of the year's Employment Allowance."""
    is_carried: bool

    @property
    def pay_on(self) -> date:
        """The day the wage is paid: the last of the period."""
        return self.ends_on - timedelta(days=1)

    @property
    def worked(self) -> Fraction:
        """Pay for the hours worked."""
        return self.worked_minutes * self.wage_pence / HOUR_MINUTES

    @property
    def gross(self) -> Fraction:
        """All pay, holiday included."""
        return (self.worked_minutes + self.leave_minutes) * self.wage_pence / HOUR_MINUTES


def year_of(book: LawBook, job: Job) -> list[Period]:
    """Return the pay periods of the job's year, in order."""
    return [_period(book, job, first, end) for first, end in spans(job.starts_on, job.pay_every, NUMBER[job.pay_every])]


def spans(starts_on: date, pay_every: PayEvery, count: int) -> Iterator[tuple[date, date]]:
    """Yield `count` pay periods from a day on, half-open.

    Months begin on the day of the month the first one begins on, or on the last day of a month that is shorter.
    """
    days = {PayEvery.WEEK: 7, PayEvery.FOUR_WEEKS: 28}.get(pay_every)
    for number in range(count):
        if days:
            first = starts_on + timedelta(days=days * number)
            yield first, first + timedelta(days=days)
        else:
            yield months_on(starts_on, number), months_on(starts_on, number + 1)


def months_on(day: date, count: int) -> date:
    """Return the same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    after = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (after - timedelta(days=1)).day))


def extra_pay_day(book: LawBook, job: Job) -> Period | None:
    """Return the pay period with which a tax year has one pay day more than others ("week 53"), or None.

    Looked for in the two years from the start, in tax years with pay from the first to the last of their weeks. Such a
    wage has its own week of the National Insurance threshold, as HM Revenue and Customs reckons week 53.
    """
    if job.pay_every is PayEvery.MONTH:
        return None
    number, seen = NUMBER[job.pay_every], dict[date, int]()
    for first, end in spans(job.starts_on, job.pay_every, AHEAD_PERIODS * number // WEEKS):
        tax_year = year_start(end - timedelta(days=1))
        seen[tax_year] = seen.get(tax_year, 0) + 1
        if seen[tax_year] > number and tax_week(end - timedelta(days=1)) > WEEKS:
            return _period(book, job, first, end)
    return None


def insurance_of_year(book: LawBook, wages_pence: int) -> int:
    """Return the National Insurance an employer pays for one other assistant's wages of a year, in whole pence."""
    over = max(0, wages_pence - book["insurance_threshold"])
    return (2 * over * book["insurance_rate"] + BASIS) // (2 * BASIS)


def is_enrolled_by_age(born_on: date | None, day: date) -> bool:
    """Whether somebody is of an age at which the law has them enrolled in a pension."""
    if born_on is None:
        return True
    until = PENSION_AGE if born_on < LATER_FROM else LATER_PENSION_AGE
    return ENROLLED_FROM_AGE <= age_on(born_on, day) < until


def _period(book: LawBook, job: Job, first: date, end: date) -> Period:
    wages, taxes = book.at(first), book.at(end - timedelta(days=1))
    share = Fraction(1, NUMBER[job.pay_every])
    wage = max(job.wage_pence, legal_wage(wages, job.born_on))
    paid = Fraction(job.weekly_minutes * job.weeks_a_year) * share
    leave = _leave(wages, job.holiday_method, paid)
    gross = paid * wage / HOUR_MINUTES
    pension = _pension(taxes, gross, share)
    is_due = is_enrolled_by_age(job.born_on, taxes.on) and gross >= taxes["pension_trigger"] * share
    # The average week of those in which somebody is paid: of a term-time job, not spread over the year.
    weekly = Fraction(job.weekly_minutes * wage, HOUR_MINUTES)
    return Period(
        starts_on=first,
        ends_on=end,
        wage_pence=wage,
        worked_minutes=paid - leave,
        leave_minutes=leave,
        insurance=_insurance(taxes, gross, share, job.born_on),
        pension=pension if is_due else Fraction(0),
        pension_if_asked=Fraction(0) if is_due else pension,
        sick_pay=sick_week(taxes, weekly) / job.days_a_week * job.sick_days * share,
        allowance=taxes["employment_allowance"] * share,
        is_carried=wages.is_carried,
    )


def _leave(book: LawBook, method: HolidayMethod, paid: Fraction) -> Fraction:
    if method is HolidayMethod.WEEKS:
        return paid * book["holiday_weeks"] / (10 * WEEKS)
    accrual = Fraction(book["holiday_accrual"], BASIS)
    return paid * accrual / (1 + accrual)


def _insurance(book: LawBook, gross: Fraction, share: Fraction, born_on: date | None) -> Fraction:
    is_young = born_on is not None and age_on(born_on, book.on) < INSURED_FROM_AGE
    free = book["insurance_under_21_limit" if is_young else "insurance_threshold"] * share
    return max(Fraction(0), gross - free) * book["insurance_rate"] / BASIS


def _pension(book: LawBook, gross: Fraction, share: Fraction) -> Fraction:
    band = min(gross, book["pension_upper"] * share) - book["pension_lower"] * share
    return max(Fraction(0), band) * book["pension_employer_rate"] / BASIS


def sick_week(book: LawBook, weekly: Fraction) -> Fraction:
    """Return sick pay of a week: the flat rate, or a share of average pay where that is lower (from 6 April 2026)."""
    return min(Fraction(book["sick_pay"]), weekly * book["sick_pay_share"] / BASIS)
