"""The employer's pages: one's own assistants with their checklist, and whom the council should help."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.routes.employer_cost import FIRST_VALUES
from marketplace.bookings.routes.employer_pages import duty_page, entered, form_page, job_page
from marketplace.bookings.service.employment.checklist import ChecklistService, DutyForm
from marketplace.bookings.service.employment.duties import BY_KEY
from marketplace.bookings.service.employment.employments import EmploymentService
from marketplace.bookings.service.employment.family import ExceptionForm, FamilyService, is_blocked
from marketplace.bookings.service.employment.forms import (
    EmploymentForm,
)
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed


class EmployerController(Controller):
    """The person's own assistants, or those of the person acted for."""

    path = "/employer"

    @get("/", permission=Permission.EMPLOYER_OWN)
    async def hub(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List the assistants with what is open."""
        service, now = EmploymentService(db), today(clock_of(db))
        person_id = principal.need_person()
        live = await service.employments.live(principal.council_id, person_id)
        costs, checks = await service.costs(live), await ChecklistService(db).views(live)
        exceptions = await service.exceptions.newest_of([row.id for row in live])
        rows = [
            {
                "row": row,
                "cost": costs.get(row.id),
                "open": [view for view in checks[row.id] if view.is_open and view.duty.is_must],
                "later": [view for view in checks[row.id] if view.is_open and not view.duty.is_must],
                "is_blocked": is_blocked(row, exceptions.get(row.id), now),
            }
            for row in live
        ]
        context = {
            "rows": rows,
            "ended": await service.employments.ended(principal.council_id, person_id),
            "total_pence": sum(cost.total_pence for cost in costs.values()),
        }
        return Template("bookings/employer/hub.html", context=context)

    @get("/new", permission=Permission.EMPLOYER_OWN)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing: FromQuery[str | None] = None,
        relation: FromQuery[str | None] = None,
        lives_with: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form for a new assistant; that of a listing, and what was said of them before, are filled in."""
        values: FormData = {**FIRST_VALUES, "relation": relation or "", "lives_with": lives_with or ""}
        wanted = parse_id(listing or "")
        offered = await EmploymentService(db).employments.offered(wanted) if wanted else None
        if offered is not None:
            values |= {"listing": str(wanted), "worker": str(offered[0]), "name": offered[1]}
        return await form_page(db, principal, None, values, {})

    @post("/", permission=Permission.EMPLOYER_OWN)
    async def create(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Enter an assistant."""
        try:
            form = EmploymentForm.read(data, today(clock_of(db)))

            async def act() -> str:
                row = await EmploymentService(db).create(principal, form, parse_id(str(data.get("listing") or "")))
                flash(request, "Saved. This is what is to do before the first shift")
                return f"/employer/{row.id}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await form_page(db, principal, None, typed(data), error.fields)

    @get("/{employment_id:str}", permission=Permission.EMPLOYER_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
    ) -> Template:
        """Show one assistant: what is to do, what it costs, what the council said."""
        return await job_page(db, principal, _id(employment_id), {})

    @get("/{employment_id:str}/change", permission=Permission.EMPLOYER_OWN)
    async def ask_to_change(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
    ) -> Template:
        """Show the form with what was entered."""
        row = await EmploymentService(db).find(principal, _id(employment_id))
        return await form_page(db, principal, row, entered(row), {})

    @post("/{employment_id:str}/change", permission=Permission.EMPLOYER_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change what was entered."""
        wanted = _id(employment_id)
        try:
            form = EmploymentForm.read(data, today(clock_of(db)))

            async def act() -> str:
                await EmploymentService(db).change(principal, wanted, form)
                flash(request, "Saved")
                return f"/employer/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            row = await EmploymentService(db).find(principal, wanted)
            return await form_page(db, principal, row, typed(data), error.fields)

    @post("/{employment_id:str}/start", permission=Permission.EMPLOYER_OWN)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say that the first shift may come."""
        wanted = _id(employment_id)

        async def act() -> str:
            knows = FormReader(data).ticked("knows")
            await EmploymentService(db).start(principal, wanted, knows_what_is_open=knows)
            flash(request, "The job runs now")
            return f"/employer/{wanted}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await job_page(db, principal, wanted, error.fields)

    @get("/{employment_id:str}/end", permission=Permission.EMPLOYER_OWN)
    async def ask_to_end(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
    ) -> Template:
        """Ask for the last day."""
        row = await EmploymentService(db).find(principal, _id(employment_id))
        return Template("bookings/employer/end.html", context={"row": row, "values": {}, "errors": {}})

    @post("/{employment_id:str}/end", permission=Permission.EMPLOYER_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Write down that the job is over."""
        wanted, service = _id(employment_id), EmploymentService(db)
        try:
            form = FormReader(data)
            last_on = form.day("last_on", "the last day")
            form.done()

            async def act() -> str:
                await service.end(principal, wanted, (last_on or today(clock_of(db))) + timedelta(days=1))
                flash(request, "The job is over. Send the last timesheet, and pay the leave that is left")
                return f"/employer/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            context = {"row": await service.find(principal, wanted), "values": typed(data), "errors": error.fields}
            return Template("bookings/employer/end.html", context=context, status_code=422)

    @get("/{employment_id:str}/duties/{key:str}", permission=Permission.EMPLOYER_OWN)
    async def duty(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        key: FromPath[str],
    ) -> Template:
        """Show one duty: what it is, who helps, what happens if not."""
        return await duty_page(db, principal, _id(employment_id), key, None, {})

    @post("/{employment_id:str}/duties/{key:str}", permission=Permission.EMPLOYER_OWN)
    async def update_duty(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say where a duty stands."""
        wanted = _id(employment_id)
        if key not in BY_KEY:
            raise NotFound
        try:
            form = DutyForm.read(data, BY_KEY[key], today(clock_of(db)))

            async def act() -> str:
                await ChecklistService(db).update(principal, wanted, key, form)
                flash(request, "Saved")
                return f"/employer/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await duty_page(db, principal, wanted, key, typed(data), error.fields)

    @get("/{employment_id:str}/exception", permission=Permission.EMPLOYER_OWN)
    async def ask_exception(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
    ) -> Template:
        """Explain the rule about relatives and show the form."""
        row = await EmploymentService(db).find(principal, _id(employment_id))
        return Template("bookings/employer/exception_ask.html", context={"row": row, "values": {}, "errors": {}})

    @post("/{employment_id:str}/exception", permission=Permission.EMPLOYER_OWN)
    async def send_exception(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask the council, or take the question back."""
        wanted = _id(employment_id)
        if data.get("action") == "withdraw":

            async def withdraw() -> str:
                await FamilyService(db).withdraw(principal, wanted)
                flash(request, "You took your question back")
                return f"/employer/{wanted}"

            return await submit(request, db, principal.actor, data, withdraw)
        try:
            form = ExceptionForm.read(data)
        except InvalidInput as error:
            row = await EmploymentService(db).find(principal, wanted)
            context = {"row": row, "values": typed(data), "errors": error.fields}
            return Template("bookings/employer/exception_ask.html", context=context, status_code=422)

        async def act() -> str:
            await FamilyService(db).ask(principal, wanted, form)
            flash(request, "We have asked the council. We tell you when it decides")
            return f"/employer/{wanted}"

        return await submit(request, db, principal.actor, data, act)


@get("/employer-help", permission=Permission.PEOPLE_READ)
async def employer_help(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show the council whose duties have been open too long."""
    found = await ChecklistService(db).escalated(principal)
    rows = [(BY_KEY[one.duty.key], one) for one in found if one.duty.key in BY_KEY]
    return Template("bookings/employer/help.html", context={"rows": rows})


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
