"""Pages where workers set their usual hours and days away."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import date_range
from marketplace.core.ids import parse_id
from marketplace.core.places import METRES_PER_MILE
from marketplace.core.web import FormData, submit
from marketplace.providers.models import Worker, WorkerKind
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.times import WEEKDAYS, hours_rows
from marketplace.providers.service.workers import AbsenceForm, HoursForm, WorkerService, hours_values


class AvailabilityController(Controller):
    """A worker's own time; the provider role chooses one of the organisation's workers first."""

    path = "/availability"

    @get("/", permission=Permission.CAPACITY_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the own time, or the workers to choose from."""
        if principal.worker_id is not None:
            return await _page(db, principal, await WorkerService(db).worker(principal, None))
        workers = await WorkerRepository(db).working(principal.need_organisation(), today(clock_of(db)))
        items = [{"id": row.id, "name": row.name, "town": row.town} for row in workers]
        own = principal.may(Permission.ORGANISATION_OWN)
        return Template("providers/workers.html", context={"workers": items, "has_listings": own})

    @get("/{worker_id:str}", permission=Permission.CAPACITY_OWN)
    async def show_one(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Template:
        """Show the time of one worker."""
        return await _page(db, principal, await WorkerService(db).worker(principal, _id(worker_id)))

    @post("/{worker_id:str}/hours", permission=Permission.CAPACITY_OWN)
    async def set_hours(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take usual hours and the distance."""
        worker = await WorkerService(db).worker(principal, _id(worker_id))
        try:
            form = HoursForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, worker, hours=data, errors=error.fields)

        async def act() -> str:
            await WorkerService(db).set_hours(principal, worker.id, form)
            return _address(principal, worker)

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Your usual hours are saved")
        return answer

    @post("/{worker_id:str}/absences", permission=Permission.CAPACITY_OWN)
    async def add_absence(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note days away."""
        worker = await WorkerService(db).worker(principal, _id(worker_id))
        try:
            form = AbsenceForm.read(data, today(clock_of(db)))

            async def act() -> str:
                await WorkerService(db).add_absence(principal, worker.id, form)
                return _address(principal, worker)

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            await db.refresh(worker)
            return await _page(db, principal, worker, away=data, errors=error.fields)
        flash(request, "Your days away are saved")
        return answer

    @post("/{worker_id:str}/absences/{absence_id:str}/remove", permission=Permission.CAPACITY_OWN)
    async def remove_absence(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        absence_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take days away back."""

        async def act() -> str:
            worker = await WorkerService(db).remove_absence(principal, _id(worker_id), _id(absence_id))
            return _address(principal, worker)

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Those days are no longer days away")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _address(principal: Principal, worker: Worker) -> str:
    return "/availability" if principal.worker_id else f"/availability/{worker.id}"


async def _page(
    db: AsyncSession,
    principal: Principal,
    worker: Worker,
    *,
    hours: FormData | None = None,
    away: FormData | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    repository = WorkerRepository(db)
    rows = await repository.hours(worker.id)
    absences = await repository.absences(worker.id, today(clock_of(db)))
    typed = {**hours_values(rows), "radius_miles": str(max(1, round(worker.radius_metres / METRES_PER_MILE)))}
    context = {
        "worker": worker,
        "is_own": principal.worker_id == worker.id,
        "is_planner": worker.kind is WorkerKind.PLANNER,
        "has_listings": principal.may(Permission.ORGANISATION_OWN),
        "weekdays": list(enumerate(WEEKDAYS)),
        "summary": hours_rows(rows, "Not working"),
        "absences": [{"id": row.id, "words": date_range(row.starts_on, row.ends_on)} for row in absences],
        "values": {**typed, **(hours or {}), **(away or {})},
        "errors": errors or {},
    }
    return Template("providers/availability.html", context=context, status_code=422 if errors else 200)
