"""What the employer's pages show: a job, its form, one duty."""

from datetime import date, timedelta
from uuid import UUID

from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.bookings.models import DutyStatus, Employment, WorkStatus
from marketplace.bookings.routes.employer_cost import OPTIONS
from marketplace.bookings.service.employment.checklist import STATES, ChecklistService
from marketplace.bookings.service.employment.cost import EmployerCost
from marketplace.bookings.service.employment.employments import EmploymentService
from marketplace.bookings.service.employment.family import RELATION_LABELS, is_blocked
from marketplace.bookings.service.employment.forms import (
    HOLIDAY_LABELS,
    PAY_LABELS,
    STATUS_LABELS,
    hours_text,
)
from marketplace.bookings.states import EmploymentStatus, ExceptionStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import StepRefused
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData

DUTY_TAGS = {
    DutyStatus.TO_DO: ("waiting", "To do"),
    DutyStatus.STARTED: ("started", "Begun"),
    DutyStatus.DONE: ("approved", "Done"),
    DutyStatus.NOT_NEEDED: ("ended", "Not needed"),
    DutyStatus.LAPSED: ("expired", "Has ended"),
}
"""State of a duty as (colour word, text) of a tag."""


def entered(row: Employment) -> FormData:
    """Return a job as its form holds it."""

    def money(pence: int) -> str:
        return f"{pence / 100:.2f}" if pence else ""

    values: FormData = {
        "name": row.name,
        "work_status": row.work_status.value,
        "relation": row.relation.value,
        "lives_with": "yes" if row.lives_with else "no",
        "hours": hours_text(row.weekly_minutes),
        "wage": money(row.wage_pence),
        "pay_every": row.pay_every.value,
        "holiday_method": row.holiday_method.value,
        "weeks_a_year": row.weeks_a_year,
        "days_a_week": row.days_a_week,
        "sick_days": row.sick_days,
        "claims_allowance": "yes" if row.claims_allowance else "",
        "other_wages": money(row.other_wages_pence),
        "insurance": money(row.insurance_pence),
        "payroll": money(row.payroll_pence),
        "training": money(row.training_pence),
        "recruitment": money(row.recruitment_pence),
        "payroll_by": row.payroll_by,
        "version": row.version,
    }
    return values | day_fields("starts_on", row.starts_on) | day_fields("born_on", row.born_on)


def day_fields(name: str, day: date | None) -> FormData:
    """Return a day as a form holds it; nothing without one."""
    return {} if day is None else {f"{name}-day": day.day, f"{name}-month": day.month, f"{name}-year": day.year}


async def form_page(
    db: AsyncSession, principal: Principal, row: Employment | None, values: FormData, errors: dict[str, str]
) -> Template:
    """Show the form of a job; None for a new one.

    Raises:
        StepRefused: It is over.
    """
    if row is not None and row.status is EmploymentStatus.ENDED:
        raise StepRefused("This job is over, so it can no longer be changed.")
    assistants = await EmploymentService(db).assistants(principal, parse_id(str(values.get("listing") or "")))
    context = {
        "row": row,
        "values": values,
        "errors": errors,
        "assistants": [(str(one), name) for one, name in assistants],
        **OPTIONS,
    }
    return Template("bookings/employer/form.html", context=context, status_code=422 if errors else 200)


async def job_page(db: AsyncSession, principal: Principal, employment_id: UUID, errors: dict[str, str]) -> Template:
    """Show one assistant: what is to do, what it costs, what the council said."""
    service, now = EmploymentService(db), today(clock_of(db))
    row = await service.find(principal, employment_id)
    is_over = row.status is EmploymentStatus.ENDED
    cost: EmployerCost | None = None if is_over else await service.cost(row)
    views = (await ChecklistService(db).views([row]))[row.id]
    exception = await service.exceptions.newest(row.id)
    context = {
        "row": row,
        "cost": cost,
        "views": views,
        "tags": DUTY_TAGS,
        "open": [view for view in views if view.is_open and view.duty.is_must],
        "exception": exception,
        "is_asked": exception is not None and exception.status is ExceptionStatus.ASKED,
        "is_blocked": is_blocked(row, exception, now),
        "regular": None if is_over else await service.employments.regular(row),
        "is_over": is_over,
        "is_employed": row.work_status is WorkStatus.EMPLOYED,
        "relation": RELATION_LABELS[row.relation],
        "status": STATUS_LABELS[row.work_status],
        "pay_every": PAY_LABELS[row.pay_every],
        "holiday": HOLIDAY_LABELS[row.holiday_method],
        "hours": hours_text(row.weekly_minutes),
        "today": now,
        "starts_on": max(row.starts_on, now),
        "errors": errors,
    }
    return Template("bookings/employer/show.html", context=context, status_code=422 if errors else 200)


async def duty_page(
    db: AsyncSession,
    principal: Principal,
    employment_id: UUID,
    key: str,
    values: FormData | None,
    errors: dict[str, str],
) -> Template:
    """Show one duty, with what is known of it or what was typed."""
    row, view = await ChecklistService(db).view(principal, employment_id, key)
    if values is None:
        values = {"status": view.row.status.value, "helper": view.row.helper, "note": view.row.note}
        values |= {"version": view.row.version, **day_fields("done_on", view.row.done_on)}
        if view.row.expires_on:
            values |= day_fields("last_on", view.row.expires_on - timedelta(days=1))
    context = {
        "row": row,
        "view": view,
        "tags": DUTY_TAGS,
        "states": [(status.value, words) for status, words in STATES.items()],
        "values": values,
        "errors": errors,
    }
    return Template("bookings/employer/duty.html", context=context, status_code=422 if errors else 200)
