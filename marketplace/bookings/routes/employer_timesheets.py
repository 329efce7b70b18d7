"""Pages of timesheets: hours on their way to the payroll."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.service.employment.forms import hours_text, read_hours
from marketplace.bookings.service.employment.timesheet_csv import COLUMNS
from marketplace.bookings.service.employment.timesheet_rules import DayForm, next_period
from marketplace.bookings.service.employment.timesheets import TimesheetService
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed

KINDS = {"visit": "Approved visit", "day": "Entered by hand", "correction": "Correction"}


class TimesheetController(Controller):
    """Timesheets of one assistant."""

    path = "/employer/{employment_id:str}/timesheets"

    @get("/", permission=Permission.EMPLOYER_OWN)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
    ) -> Template:
        """List the timesheets, and offer the next one."""
        service, now = TimesheetService(db), today(clock_of(db))
        row = await service.employments.find(principal, _id(employment_id))
        sheets = await service.sheets.of_employment(row.id)
        start, end = next_period(row, sheets[0].ends_on if sheets else None)
        may_begin = start <= now and (row.ends_on is None or start < row.ends_on)
        context = {
            "row": row,
            "sheets": sheets,
            "next": (start, end),
            "may_begin": may_begin and row.work_status == "employed",
            "columns": COLUMNS,
        }
        return Template("bookings/employer/timesheets.html", context=context)

    @post("/", permission=Permission.EMPLOYER_OWN)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin the next timesheet."""
        wanted = _id(employment_id)

        async def act() -> str:
            sheet = await TimesheetService(db).begin(principal, wanted)
            return f"/employer/{wanted}/timesheets/{sheet.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{sheet_id:str}", permission=Permission.EMPLOYER_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
    ) -> Template:
        """Show one timesheet."""
        return await _show(db, principal, _id(employment_id), _id(sheet_id), {}, {})

    @post("/{sheet_id:str}/collect", permission=Permission.EMPLOYER_OWN)
    async def collect(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Bring visits approved since onto the open timesheets."""
        wanted, sheet = _id(employment_id), _id(sheet_id)

        async def act() -> str:
            came = await TimesheetService(db).collect(principal, wanted)
            flash(request, f"{plural(came, 'line')} came onto the timesheet" if came else "There was nothing new")
            return f"/employer/{wanted}/timesheets/{sheet}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{sheet_id:str}/days", permission=Permission.EMPLOYER_OWN)
    async def add_day(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Enter hours of a day by hand."""
        wanted, sheet = _id(employment_id), _id(sheet_id)
        try:
            form = DayForm.read(data, today(clock_of(db)))

            async def act() -> str:
                await TimesheetService(db).add_day(principal, wanted, sheet, form)
                flash(request, "The day is on the timesheet")
                return f"/employer/{wanted}/timesheets/{sheet}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _show(db, principal, wanted, sheet, typed(data), error.fields)

    @post("/{sheet_id:str}/days/{line_id:str}/remove", permission=Permission.EMPLOYER_OWN)
    async def remove_day(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a hand-entered day off."""
        wanted, sheet, line = _id(employment_id), _id(sheet_id), _id(line_id)

        async def act() -> str:
            await TimesheetService(db).remove_day(principal, wanted, sheet, line)
            flash(request, "The day is off the timesheet")
            return f"/employer/{wanted}/timesheets/{sheet}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{sheet_id:str}/send", permission=Permission.EMPLOYER_OWN)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Close the timesheet for the payroll."""
        wanted, sheet = _id(employment_id), _id(sheet_id)

        async def act() -> str:
            await TimesheetService(db).send(principal, wanted, sheet)
            flash(request, "The timesheet is closed. Download it and send it to whoever runs the payroll")
            return f"/employer/{wanted}/timesheets/{sheet}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{sheet_id:str}/table.csv", permission=Permission.EMPLOYER_OWN)
    async def table(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
    ) -> Response[str]:
        """Give the table: as it was sent, to the byte, or as it is now."""
        sheet, text = await TimesheetService(db).document(principal, _id(employment_id), _id(sheet_id))
        name = f"timesheet-{sheet.starts_on:%Y-%m-%d}{'' if sheet.sent_at else '-draft'}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    @get("/{sheet_id:str}/days/{line_id:str}/correct", permission=Permission.EMPLOYER_OWN)
    async def ask_to_correct(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        line_id: FromPath[str],
    ) -> Template:
        """Ask what a day that was sent should have been."""
        ids = _id(employment_id), _id(sheet_id), _id(line_id)
        return await _correct(db, principal, ids, None, {})

    @post("/{sheet_id:str}/days/{line_id:str}/correct", permission=Permission.EMPLOYER_OWN)
    async def correct(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        employment_id: FromPath[str],
        sheet_id: FromPath[str],
        line_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put a day that was sent right, on the open timesheet."""
        wanted, sheet, line = _id(employment_id), _id(sheet_id), _id(line_id)
        try:
            form = FormReader(data)
            # Nought is what a day becomes on which nobody worked after all.
            minutes = 0 if form.raw("hours") == "0" else read_hours(form, "hours", "the hours")
            if minutes > 1_440:
                form.wrong("hours", "A day has 24 hours")
            note = form.text("note", "why")
            form.done()
        except InvalidInput as error:
            return await _correct(db, principal, (wanted, sheet, line), typed(data), error.fields)

        async def act() -> str:
            made = await TimesheetService(db).correct(principal, wanted, line, minutes, note)
            flash(request, "The correction is on the open timesheet")
            return f"/employer/{wanted}/timesheets/{made.timesheet_id}"

        return await submit(request, db, principal.actor, data, act)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _show(
    db: AsyncSession,
    principal: Principal,
    employment_id: UUID,
    sheet_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    row, view = await TimesheetService(db).show(principal, employment_id, sheet_id)
    context = {
        "row": row,
        "view": view,
        "kinds": KINDS,
        "hours": hours_text,
        "values": values,
        "errors": errors,
        "today": today(clock_of(db)),
    }
    return Template("bookings/employer/timesheet.html", context=context, status_code=422 if errors else 200)


async def _correct(
    db: AsyncSession,
    principal: Principal,
    ids: tuple[UUID, UUID, UUID],
    values: FormData | None,
    errors: dict[str, str],
) -> Template:
    service = TimesheetService(db)
    row = await service.employments.find(principal, ids[0])
    found = await service.sheets.sent_day(row.id, ids[2])
    if found is None or found[0].timesheet_id != ids[1]:
        raise NotFound
    line, minutes, _ = found
    context = {
        "row": row,
        "line": line,
        "sent": hours_text(minutes),
        "values": {"hours": hours_text(minutes)} if values is None else values,
        "errors": errors,
    }
    return Template("bookings/employer/correct.html", context=context, status_code=422 if errors else 200)
