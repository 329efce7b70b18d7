"""What people type about a job: hours, wage and costs. The calculator and the employer's pages read the same fields."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from marketplace.bookings.models import HolidayMethod, PayEvery, Relation, WorkStatus
from marketplace.bookings.service.employment.cost import FIRST_ON
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader

MOST_WAGE_PENCE = 20_000
MOST_COST_PENCE = 5_000_000
MOST_OTHERS_PENCE = 100_000_000
MOST_MINUTES = 10_080
_HOURS = re.compile(r"^(\d{1,3})(?:[.](\d{1,2})|:([0-5]\d))?$", re.ASCII)

HOLIDAY_LABELS = {
    HolidayMethod.WEEKS: "5.6 weeks a year (same hours each week)",
    HolidayMethod.ACCRUED: "12.07% of the hours, taken as leave (hours change, or part of the year)",
    HolidayMethod.ROLLED_UP: "12.07% of the pay, paid with each wage (hours change, or part of the year)",
}
PAY_LABELS = {PayEvery.WEEK: "Every week", PayEvery.FOUR_WEEKS: "Every 4 weeks", PayEvery.MONTH: "Every month"}
STATUS_LABELS = {
    WorkStatus.EMPLOYED: "I employ them",
    WorkStatus.SELF_EMPLOYED: "They are self-employed and send me bills",
}
AGES = {"16": "16 or 17", "18": "18 to 20", "21": "21 or older"}


def read_hours(form: FormReader, name: str, label: str) -> int:
    """Read hours as people type them ("20", "7.5", "7:30"); returns minutes, 60 when they are wrong."""
    text = form.raw(name)
    if not text:
        form.wrong(name, f"Enter {label}, like 20 or 7.5")
        return 60
    match = _HOURS.match(text)
    minutes = 0
    if match:
        tenths = (match.group(2) or "").ljust(2, "0")
        minutes = int(match.group(1)) * 60 + (int(match.group(3)) if match.group(3) else (int(tenths) * 60 + 50) // 100)
    if not match or not 1 <= minutes <= MOST_MINUTES:
        form.wrong(name, f"{label[:1].upper()}{label[1:]} must be a number from 0.25 to 168, like 20 or 7.5")
        return 60
    return minutes


def hours_text(minutes: int) -> str:
    """Write minutes as `read_hours` reads them: "20", "7.5", "7:20"."""
    whole, rest = divmod(minutes, 60)
    if rest * 100 % 60:
        return f"{whole}:{rest:02d}"
    return f"{whole + rest / 60:g}"


class PayFields(msgspec.Struct, frozen=True, kw_only=True):
    """Hours, wage and yearly costs."""

    weekly_minutes: int
    wage_pence: int
    pay_every: PayEvery
    holiday_method: HolidayMethod
    weeks_a_year: int
    days_a_week: int
    sick_days: int
    claims_allowance: bool
    other_wages_pence: int
    insurance_pence: int
    payroll_pence: int
    training_pence: int
    recruitment_pence: int

    @classmethod
    def read(cls, form: FormReader) -> "PayFields":
        """Read the fields; what is wrong stands in the form."""

        def cost(name: str, label: str, most: int = MOST_COST_PENCE) -> int:
            return form.pounds(name, label, most=most, required=False) or 0

        return cls(
            weekly_minutes=read_hours(form, "hours", "the hours a week"),
            wage_pence=form.pounds("wage", "the wage for an hour", least=1, most=MOST_WAGE_PENCE) or 1,
            pay_every=form.choice("pay_every", "how often you pay", PayEvery) or PayEvery.WEEK,
            holiday_method=form.choice("holiday_method", "how holiday is worked out", HolidayMethod)
            or HolidayMethod.WEEKS,
            weeks_a_year=form.number("weeks_a_year", "the weeks of the year", least=1, most=52),
            days_a_week=form.number("days_a_week", "the days a week", least=1, most=7),
            sick_days=form.number("sick_days", "the sick days", least=0, most=260),
            claims_allowance=form.ticked("claims_allowance"),
            other_wages_pence=cost("other_wages", "the wages of your other assistants", MOST_OTHERS_PENCE),
            insurance_pence=cost("insurance", "the cost of insurance"),
            payroll_pence=cost("payroll", "the cost of payroll"),
            training_pence=cost("training", "the cost of training"),
            recruitment_pence=cost("recruitment", "the cost of finding somebody"),
        )


class CalculatorForm(msgspec.Struct, frozen=True, kw_only=True):
    """The calculator that everybody may use."""

    pay: PayFields
    starts_on: date
    age: str
    has_cover: bool

    @classmethod
    def read(cls, data: Mapping[str, Any], now: date) -> "CalculatorForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing or out of bounds.
        """
        form = FormReader(data)
        pay = PayFields.read(form)
        starts_on = form.day("starts_on", "the first day", required=False) or max(now, FIRST_ON)
        if starts_on < FIRST_ON:
            form.wrong("starts_on", f"The first day must be {uk_date(FIRST_ON)} or later")
        elif starts_on.year > now.year + 2:
            form.wrong("starts_on", "The first day must be within the next 2 years")
        age = form.option("age", "how old they are", AGES)
        has_cover = form.ticked("has_cover")
        form.done()
        return cls(pay=pay, starts_on=starts_on, age=age, has_cover=has_cover)

    @property
    def born_on(self) -> date | None:
        """A birthday that stays in the chosen ages for the whole year; None for 21 or older."""
        if self.age == "21":
            return None
        # On 1 March instead of 29 February, which most years do not have.
        year = self.starts_on.year - int(self.age)
        leap = (self.starts_on.month, self.starts_on.day) == (2, 29)
        return date(year, 3, 1) if leap else self.starts_on.replace(year=year)


class EmploymentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a person enters it."""

    pay: PayFields
    name: str
    worker: str
    """Id of an assistant of the platform, or ""."""
    born_on: date | None
    work_status: WorkStatus
    relation: Relation
    lives_with: bool
    starts_on: date
    payroll_by: str
    version: int
    """Of the row that was shown; 0 for a new one."""

    @classmethod
    def read(cls, data: Mapping[str, Any], now: date) -> "EmploymentForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing or out of bounds.
        """
        form = FormReader(data)
        name = form.text("name", "the name", longest=120)
        born_on = form.day("born_on", "the date of birth", required=False)
        starts_on = form.day("starts_on", "the first day") or max(now, FIRST_ON)
        if starts_on < FIRST_ON or starts_on.year > now.year + 2:
            form.wrong("starts_on", f"The first day must be between {uk_date(FIRST_ON)} and the end of {now.year + 2}")
        # A child may not work as a personal assistant before the end of compulsory school.
        if born_on is not None and not starts_on.year - 100 <= born_on.year <= starts_on.year - 16:
            form.wrong("born_on", "They must be 16 or older on the first day")
        status = form.choice("work_status", "if you employ them", WorkStatus) or WorkStatus.EMPLOYED
        relation = form.choice("relation", "how you are related", Relation) or Relation.NONE
        lives_with = form.option("lives_with", "if they live with you", ("yes", "no")) == "yes"
        pay = PayFields.read(form)
        payroll_by = form.text("payroll_by", "who runs the payroll", required=False, longest=120)
        version = form.number("version", "the version", least=0, most=1_000_000, required=False)
        worker = form.text("worker", "the assistant", required=False, longest=40)
        form.done()
        return cls(
            pay=pay,
            name=name,
            worker=worker,
            born_on=born_on,
            work_status=status,
            relation=relation,
            lives_with=lives_with,
            starts_on=starts_on,
            payroll_by=payroll_by,
            version=version,
        )
