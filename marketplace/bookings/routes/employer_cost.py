"""The calculator for everybody: what an hour of a personal assistant truly costs, before one is taken on."""

from datetime import date
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.law import law_book, legal_wage
from marketplace.bookings.service.employment.cost import FIRST_ON, employer_cost
from marketplace.bookings.service.employment.family import CLOSE, RELATION_LABELS
from marketplace.bookings.service.employment.forms import (
    AGES,
    HOLIDAY_LABELS,
    PAY_LABELS,
    STATUS_LABELS,
    CalculatorForm,
    PayFields,
)
from marketplace.bookings.service.employment.periods import Job, insurance_of_year
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.web import FormData, typed

FIRST_VALUES = {
    "hours": "20",
    "pay_every": "week",
    "holiday_method": "weeks",
    "weeks_a_year": "52",
    "days_a_week": "5",
    "sick_days": "5",
    "age": "21",
}
OPTIONS = {
    "pay_options": [(key.value, words) for key, words in PAY_LABELS.items()],
    "holiday_options": [(key.value, words) for key, words in HOLIDAY_LABELS.items()],
    "status_options": [(key.value, words) for key, words in STATUS_LABELS.items()],
    "relation_options": [
        (key.value, words, CLOSE if key == "close_relative" else "") for key, words in RELATION_LABELS.items()
    ],
    "age_options": list(AGES.items()),
}


@get("/employer/cost", permission=None)
async def calculator(request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Template:
    """Show what an hour truly costs. All stands in the address, so that it can be kept and shared."""
    given: FormData = typed(dict(request.query_params))
    now = max(today(clock_of(db)), FIRST_ON)
    book = await law_book(db, now)
    legal = {age: legal_wage(book, _born(now, age)) for age in AGES}
    values: FormData = {**FIRST_VALUES, "wage": f"{legal['21'] / 100:.2f}", **given}
    context: dict[str, Any] = {"values": values, "errors": {}, "cost": None, "legal": legal, "today": now, **OPTIONS}
    if "hours" not in given:
        return Template("bookings/employer/calculator.html", context=context)
    try:
        form = CalculatorForm.read(given, now)
    except InvalidInput as error:
        context["errors"] = error.fields
        return Template("bookings/employer/calculator.html", context=context, status_code=422)
    context["cost"] = employer_cost(book, _job(form, insurance_of_year(book, form.pay.other_wages_pence)))
    context["starts_on"] = form.starts_on
    return Template("bookings/employer/calculator.html", context=context)


def _born(on: date, age: str) -> date | None:
    return None if age == "21" else date(on.year - int(age) - 1, on.month, min(on.day, 28))


def _job(form: CalculatorForm, others_insurance_pence: int) -> Job:
    pay: PayFields = form.pay
    return Job(
        starts_on=form.starts_on,
        weekly_minutes=pay.weekly_minutes,
        wage_pence=pay.wage_pence,
        pay_every=pay.pay_every,
        holiday_method=pay.holiday_method,
        weeks_a_year=pay.weeks_a_year,
        born_on=form.born_on,
        days_a_week=pay.days_a_week,
        sick_days=pay.sick_days,
        claims_allowance=pay.claims_allowance,
        others_insurance_pence=others_insurance_pence,
        insurance_pence=pay.insurance_pence,
        payroll_pence=pay.payroll_pence,
        training_pence=pay.training_pence,
        recruitment_pence=pay.recruitment_pence,
        has_cover=form.has_cover,
    )
