"""Pages of an organisation's workers: who is here, each one's page, their training."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.accounts.words import GENDER_LABELS, INTERESTS, LANGUAGES, NEEDS, SKILLS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import date_range, miles, plural, uk_date
from marketplace.core.places import METRES_PER_MILE
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import OrganisationKind, Worker, WorkerKind
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.routes.workforce.common import day_values, need_id
from marketplace.providers.service.planners import full_places
from marketplace.providers.service.times import WEEKDAYS
from marketplace.providers.service.workforce.capacity import capacity
from marketplace.providers.service.workforce.people import (
    MOST_BIO,
    WORKER_KINDS,
    WorkerForm,
    WorkforceService,
    gender_options,
)
from marketplace.providers.service.workforce.training import (
    AS_EVIDENCE,
    COURSES,
    TrainingForm,
    TrainingService,
    dates_of,
    state_of,
    title_of,
)

PLANS: str = "matching.plans_per_week"


class WorkersController(Controller):
    """The workers of the own organisation."""

    path = "/provider/workers"

    @get("/", permission=Permission.WORKERS_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show who is here now, away and gone, and what all together can take on."""
        service = WorkforceService(db)
        organisation, staff = await service.staff(principal)
        per_week = await _plans_per_week(db, principal)
        present = [*staff.here, *(row for row, _ in staff.away)]
        hours = await WorkforceRepository(db).hours([row.id for row in present if row.kind is not WorkerKind.PLANNER])
        context = {
            "organisation": organisation,
            "here": [_line(row, per_week) for row in staff.here],
            "away": [
                {**_line(row, per_week), "until": f"Back on {uk_date(absence.ends_on)}"} for row, absence in staff.away
            ],
            "coming": [{**_line(row, per_week), "from": f"From {uk_date(row.starts_on)}"} for row in staff.coming],
            "left": [
                {**_line(row, per_week), "last": uk_date(row.ends_on - timedelta(days=1))}
                for row in sorted(staff.left, key=lambda row: (row.ends_on or row.starts_on, row.name), reverse=True)
                if row.ends_on
            ],
            "plans": sum(full_places(row.fte_percent, per_week) for row in present if row.kind is WorkerKind.PLANNER),
            "has_planners": any(row.kind is WorkerKind.PLANNER for row in present),
            "week": capacity(hours),
            "weekdays": WEEKDAYS,
            "may_add": await service.may_add(principal, organisation),
            "keeps_all": service.keeps_all(principal, organisation),
            "is_alone": organisation.kind is OrganisationKind.SOLE_PA,
        }
        return Template("providers/workforce/workers.html", context=context)

    @get("/new", permission=Permission.WORKERS_OWN)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form for a new worker."""
        day = today(clock_of(db))
        values = {
            "languages": ["English"],
            "radius_miles": "15",
            "fte_percent": "100",
            **day_values("starts_on", day),
        }
        return await _form_page(db, principal, None, values, {})

    @post("/", permission=Permission.WORKERS_OWN)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a worker."""
        try:
            form = WorkerForm.read(data, today(clock_of(db)), is_new=True)

            async def act() -> str:
                worker = await WorkforceService(db).add(principal, form)
                return f"/provider/workers/{worker.id}"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form_page(db, principal, None, typed(data), error.fields)
        flash(request, "Added. Now set their usual hours")
        return answer

    @get("/training", permission=Permission.WORKERS_OWN)
    async def training(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show who did which course and what is missing."""
        found = await TrainingService(db).matrix(principal)
        return Template("providers/workforce/training.html", context={"matrix": found, "kinds": WORKER_KINDS})

    @get("/training.csv", permission=Permission.WORKERS_OWN)
    async def training_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[str]:
        """Give the same as a file."""
        return Response(
            await TrainingService(db).file(principal),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="training.csv"'},
        )

    @get("/{worker_id:str}", permission=Permission.WORKERS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Template:
        """Show one worker: what they do, when, what they learned."""
        return await _page(db, principal, need_id(worker_id), {}, {})

    @get("/{worker_id:str}/change", permission=Permission.WORKERS_OWN)
    async def change_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Template:
        """Show the form for a worker who is here. Their postcode is never shown."""
        _, worker = await WorkforceService(db).worker(principal, need_id(worker_id))
        return await _form_page(db, principal, worker, _values(worker), {})

    @post("/{worker_id:str}", permission=Permission.WORKERS_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a worker."""
        _, worker = await WorkforceService(db).worker(principal, need_id(worker_id))
        try:
            form = WorkerForm.read(data, today(clock_of(db)), is_new=False)

            async def act() -> str:
                await WorkforceService(db).change(principal, worker.id, form)
                return f"/provider/workers/{worker.id}"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            await db.refresh(worker)
            return await _form_page(
                db, principal, worker, {"version": str(worker.version), **typed(data)}, error.fields
            )
        flash(request, "Saved")
        return answer

    @post("/{worker_id:str}/planner", permission=Permission.WORKERS_OWN)
    async def make_planner(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Mark somebody as a planner whom a council selected."""

        async def act() -> str:
            worker = await WorkforceService(db).make_planner(principal, need_id(worker_id))
            return f"/provider/workers/{worker.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "They are a planner now. Check how many plans they can take on")
        return answer

    @get("/{worker_id:str}/leave", permission=Permission.WORKERS_OWN)
    async def leave_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Template:
        """Ask for the last day, and say what happens then."""
        return await _leave_page(db, principal, need_id(worker_id), {}, {})

    @post("/{worker_id:str}/leave", permission=Permission.WORKERS_OWN)
    async def leave(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note a last day."""
        found: list[int] = []

        async def act() -> str:
            found.append(await WorkforceService(db).leave(principal, need_id(worker_id), data))
            return f"/provider/workers/{need_id(worker_id)}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            db.expire_all()
            return await _leave_page(db, principal, need_id(worker_id), typed(data), error.fields)
        move = f" {plural(found[0], 'visit')} after that day: move or cancel each" if found and found[0] else ""
        flash(request, f"Last day noted.{move}")
        return answer

    @post("/{worker_id:str}/stay", permission=Permission.WORKERS_OWN)
    async def stay(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a last day back."""

        async def act() -> str:
            worker = await WorkforceService(db).stay(principal, need_id(worker_id))
            return f"/provider/workers/{worker.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "They stay. No last day is noted")
        return answer

    @post("/{worker_id:str}/training", permission=Permission.WORKERS_OWN)
    async def add_training(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note a course."""
        wanted = need_id(worker_id)
        try:
            form = TrainingForm.read(data, today(clock_of(db)))
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)

        async def act() -> str:
            await TrainingService(db).add(principal, wanted, form)
            return f"/provider/workers/{wanted}#training"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Course noted")
        return answer

    @post("/{worker_id:str}/training/{training_id:str}/remove", permission=Permission.WORKERS_OWN)
    async def remove_training(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        training_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a course off the record."""
        wanted = need_id(worker_id)

        async def act() -> str:
            await TrainingService(db).remove(principal, wanted, need_id(training_id))
            return f"/provider/workers/{wanted}#training"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Course removed")
        return answer


async def _plans_per_week(db: AsyncSession, principal: Principal) -> int:
    return int(await setting(db, principal.council_id, PLANS, today(clock_of(db))))


def _line(worker: Worker, per_week: int) -> dict[str, Any]:
    plans = full_places(worker.fte_percent, per_week)
    return {
        "id": worker.id,
        "name": worker.name,
        "does": WORKER_KINDS[worker.kind],
        "town": worker.town,
        "work": f"{worker.fte_percent}% of full time",
        "takes": f"{plural(plans, 'plan')} a week" if worker.kind is WorkerKind.PLANNER else "",
        "last_day": worker.ends_on - timedelta(days=1) if worker.ends_on else None,
    }


def _values(worker: Worker) -> dict[str, Any]:
    return {
        "kind": worker.kind.value,
        "name": worker.name,
        "gender": worker.gender.value,
        "languages": worker.languages,
        "specialisms": worker.specialisms,
        "skills": worker.skills,
        "interests": worker.interests,
        "radius_miles": str(max(1, round(worker.radius_metres / METRES_PER_MILE))),
        "fte_percent": str(worker.fte_percent),
        "bio": worker.bio,
        "version": str(worker.version),
        **day_values("starts_on", worker.starts_on),
    }


async def _form_page(
    db: AsyncSession, principal: Principal, worker: Worker | None, values: FormData, errors: dict[str, str]
) -> Template:
    service = WorkforceService(db)
    organisation = await service.organisation(principal)
    if worker is None and not await service.may_add(principal, organisation):
        raise NotFound
    is_alone = organisation.kind is OrganisationKind.SOLE_PA
    kinds = [(kind.value, words) for kind, words in WORKER_KINDS.items() if not is_alone or kind is WorkerKind.PA]
    context = {
        "worker": worker,
        "keeps_all": service.keeps_all(principal, organisation),
        "is_own": worker is not None and worker.id == principal.worker_id,
        "kinds": kinds,
        "genders": gender_options(),
        "languages": [(language, language) for language in LANGUAGES],
        "specialisms": list(NEEDS.items()),
        "skills": list(SKILLS.items()),
        "interests": list(INTERESTS.items()),
        "most_bio": MOST_BIO,
        "values": values,
        "errors": errors,
    }
    return Template("providers/workforce/worker_form.html", context=context, status_code=422 if errors else 200)


async def _page(
    db: AsyncSession, principal: Principal, worker_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = WorkforceService(db)
    organisation, worker = await service.worker(principal, worker_id)
    day = today(clock_of(db))
    repository = WorkerRepository(db)
    is_gone = worker.ends_on is not None and worker.ends_on <= day
    courses = await TrainingService(db).of_worker(worker)
    context = {
        "worker": worker,
        "does": WORKER_KINDS[worker.kind],
        "gender": GENDER_LABELS[worker.gender],
        "languages": ", ".join(worker.languages),
        "specialisms": ", ".join(NEEDS.get(code, code) for code in worker.specialisms),
        "skills": ", ".join(SKILLS.get(code, code) for code in worker.skills),
        "interests": ", ".join(INTERESTS.get(code, code) for code in worker.interests),
        "distance": miles(worker.radius_metres),
        "plans": full_places(worker.fte_percent, await _plans_per_week(db, principal)),
        "is_planner": worker.kind is WorkerKind.PLANNER,
        "week": capacity(await repository.hours(worker.id)),
        "weekdays": WEEKDAYS,
        "absences": [date_range(row.starts_on, row.ends_on) for row in await repository.absences(worker.id, day)],
        "is_gone": is_gone,
        "last_day": worker.ends_on - timedelta(days=1) if worker.ends_on else None,
        "visits_after": await service.visits_after(worker, worker.ends_on, principal) if worker.ends_on else 0,
        "keeps_all": service.keeps_all(principal, organisation),
        "may_set_hours": principal.may(Permission.CAPACITY_OWN) and not is_gone,
        "training": [
            {
                "id": row.id,
                "title": title_of(row),
                "dates": dates_of(row),
                "given_by": row.given_by,
                "state": state_of(row, day),
                "evidence": AS_EVIDENCE[row.course].value if row.course in AS_EVIDENCE else "",
            }
            for row in courses
        ],
        "courses": list(COURSES.items()),
        "values": values,
        "errors": errors,
    }
    return Template("providers/workforce/worker.html", context=context, status_code=422 if errors else 200)


async def _leave_page(
    db: AsyncSession, principal: Principal, worker_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service = WorkforceService(db)
    organisation, worker = await service.worker(principal, worker_id)
    day = today(clock_of(db))
    if not service.keeps_all(principal, organisation) or (worker.ends_on is not None and worker.ends_on <= day):
        raise NotFound
    context = {
        "worker": worker,
        "visits": await service.visits_after(worker, day, principal),
        "is_planner": worker.kind is WorkerKind.PLANNER,
        "values": values,
        "errors": errors,
    }
    return Template("providers/workforce/leave.html", context=context, status_code=422 if errors else 200)
