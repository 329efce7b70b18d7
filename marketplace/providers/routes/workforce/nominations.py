"""Pages of nominating planners: an organisation's, and the council's."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.words import NEEDS, SKILLS
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.flash import flash
from marketplace.core.formats import miles
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.errors import DecidedMeanwhile
from marketplace.providers.models import Nomination, NominationStatus, Organisation, Worker, WorkerKind
from marketplace.providers.repository.nominations import PAGE, NominationRepository
from marketplace.providers.routes.workforce.common import need_id, page_start
from marketplace.providers.service.reach import reach_every_council
from marketplace.providers.service.workforce.nominations import (
    CHOICES,
    CallForm,
    CallService,
    ChoiceForm,
    NominationService,
    is_open,
    widest_range,
)
from marketplace.providers.service.workforce.people import WORKER_KINDS, WorkforceService

STATUS_WORDS = {
    NominationStatus.NOMINATED: "Waiting",
    NominationStatus.SELECTED: "Selected",
    NominationStatus.NOT_SELECTED: "Not selected",
    NominationStatus.WITHDRAWN: "Taken back",
}


class OwnNominationController(Controller):
    """Nominations of the own organisation."""

    path = "/provider/nominations"

    @get("/", permission=Permission.WORKERS_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show open calls and what became of the own nominations."""
        organisation = await NominationService(db).organisation(principal)
        repository = NominationRepository(db)
        await reach_every_council(db)
        calls = await repository.open_to(organisation.id, principal.councils, today(clock_of(db)))
        rows = await repository.of_organisation(organisation.id)
        await scope_to(db, principal.councils)
        context = {
            "calls": [{"row": call, "council": council.name} for call, council in calls],
            "rows": [
                {
                    "id": row.id,
                    "worker": worker,
                    "title": call.title,
                    "council": council.name,
                    # What is chosen is known to nobody outside before the whole call is decided.
                    "status": (
                        row.status if call.decided_at or row.status is NominationStatus.WITHDRAWN else "waiting"
                    ),
                    "words": STATUS_WORDS[row.status]
                    if call.decided_at or row.status is NominationStatus.WITHDRAWN
                    else "Waiting",
                    "reason": row.reason if call.decided_at else "",
                    "may_withdraw": call.decided_at is None and row.status is not NominationStatus.WITHDRAWN,
                    "may_mark": bool(call.decided_at)
                    and row.status is NominationStatus.SELECTED
                    and worker.kind is not WorkerKind.PLANNER
                    and worker.ends_on is None,
                }
                for row, call, worker, council in rows
            ],
        }
        return Template("providers/workforce/own_nominations.html", context=context)

    @get("/{call_id:str}", permission=Permission.WORKERS_OWN)
    async def form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], call_id: FromPath[str]
    ) -> Template:
        """Show the form to nominate somebody."""
        return await _nominate_page(db, principal, need_id(call_id), {}, {})

    @post("/{call_id:str}", permission=Permission.WORKERS_OWN)
    async def nominate(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        call_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Nominate somebody."""
        wanted = need_id(call_id)

        async def act() -> str:
            await NominationService(db).nominate(principal, wanted, data)
            return "/provider/nominations"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            db.expire_all()
            return await _nominate_page(db, principal, wanted, typed(data), error.fields)
        flash(request, "Nominated. The council tells you when it has decided")
        return answer

    @post("/{nomination_id:str}/withdraw", permission=Permission.WORKERS_OWN)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        nomination_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a nomination back."""

        async def act() -> str:
            await NominationService(db).withdraw(principal, need_id(nomination_id))
            return "/provider/nominations"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Taken back")
        return answer


class CallController(Controller):
    """Calls for planners of the own council."""

    path = "/accreditation/nominations"

    @get("/", permission=Permission.WORKFORCE_DECIDE)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """Show all calls."""
        found = await NominationRepository(db).calls(principal.council_id, page_start(after))
        shown = found[:PAGE]
        day = today(clock_of(db))
        context = {
            "calls": [
                {
                    "row": call,
                    "nominated": count,
                    "state": "decided" if call.decided_at else "open" if is_open(call, day) else "to_decide",
                }
                for call, count in shown
            ],
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/workforce/calls.html", context=context)

    @get("/new", permission=Permission.WORKFORCE_DECIDE)
    async def new(self) -> Template:
        """Show the form for a call."""
        values = {"chosen_by": "The widest range of people, and able to start quickly and work well"}
        return Template("providers/workforce/call_new.html", context={"values": values, "errors": {}})

    @post("/", permission=Permission.WORKFORCE_DECIDE)
    async def open_call(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Open a call."""
        try:
            form = CallForm.read(data, today(clock_of(db)))
        except InvalidInput as error:
            context = {"values": typed(data), "errors": error.fields}
            return Template("providers/workforce/call_new.html", context=context, status_code=422)

        async def act() -> str:
            call = await CallService(db).open(principal, form)
            return f"/accreditation/nominations/{call.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "The call is open")
        return answer

    @get("/{call_id:str}", permission=Permission.WORKFORCE_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], call_id: FromPath[str]
    ) -> Template:
        """Show who is nominated, side by side."""
        return await _call_page(db, principal, need_id(call_id), {}, {})

    @get("/{call_id:str}/{nomination_id:str}", permission=Permission.WORKFORCE_DECIDE)
    async def nomination(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        call_id: FromPath[str],
        nomination_id: FromPath[str],
    ) -> Template:
        """Show one nomination."""
        return await _choice_page(db, principal, need_id(call_id), need_id(nomination_id), {}, {})

    @post("/{call_id:str}/decide", permission=Permission.WORKFORCE_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        call_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Decide the call: everybody is told."""
        wanted = need_id(call_id)

        async def act() -> str:
            await CallService(db).decide(principal, wanted, data)
            return f"/accreditation/nominations/{wanted}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            db.expire_all()
            return await _call_page(db, principal, wanted, typed(data), error.fields)
        flash(request, "Decided. The organisations are being told")
        return answer

    @post("/{call_id:str}/{nomination_id:str}", permission=Permission.WORKFORCE_DECIDE)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        call_id: FromPath[str],
        nomination_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note what is chosen about one nomination."""
        call, nomination = need_id(call_id), need_id(nomination_id)
        try:
            form = ChoiceForm.read(data)
        except InvalidInput as error:
            return await _choice_page(db, principal, call, nomination, typed(data), error.fields)

        async def act() -> str:
            await CallService(db).choose(principal, nomination, form)
            return f"/accreditation/nominations/{call}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except (DecidedMeanwhile, StepRefused) as refusal:
            await audit.record_refusal(
                principal,
                "providers.refuse_choice",
                council_id=principal.council_id,
                subject_kind="nomination",
                subject_id=nomination,
                why=refusal.detail,
            )
            raise
        flash(request, "Noted. Nobody is told before you decide the call")
        return answer


def _person(row: Nomination, worker: Worker, organisation: Organisation) -> dict[str, Any]:
    return {
        "row": row,
        "worker": worker,
        "organisation": organisation.name,
        "does": WORKER_KINDS[worker.kind],
        "languages": ", ".join(worker.languages),
        "specialisms": ", ".join(NEEDS.get(code, code) for code in worker.specialisms) or "Not said",
        "skills": ", ".join(SKILLS.get(code, code) for code in worker.skills) or "Not said",
        "area": f"{worker.town or 'Not said'}, travels {miles(worker.radius_metres)}",
        "work": f"{worker.fte_percent}%",
        "words": STATUS_WORDS[row.status],
    }


async def _call_page(
    db: AsyncSession, principal: Principal, call_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    call, rows = await CallService(db).call(principal, call_id)
    selected = sum(1 for row, _, _ in rows if row.status is NominationStatus.SELECTED)
    context = {
        "call": call,
        "people": [_person(*row) for row in rows],
        "range": widest_range(rows),
        "selected": selected,
        "waiting": sum(1 for row, _, _ in rows if row.status is NominationStatus.NOMINATED),
        "is_open": is_open(call, today(clock_of(db))),
        "is_over": selected > call.places,
        "values": values,
        "errors": errors,
    }
    return Template("providers/workforce/call.html", context=context, status_code=422 if errors else 200)


async def _choice_page(
    db: AsyncSession,
    principal: Principal,
    call_id: UUID,
    nomination_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    call, rows = await CallService(db).call(principal, call_id)
    nominations = NominationRepository(db)
    row = await nominations.nomination(nomination_id, council_id=principal.council_id)
    person = next((one for one in rows if one[0].id == row.id), None)
    if person is None:
        # Taken back, or of another call: the list says what there is.
        return await _call_page(db, principal, call_id, {}, {})
    known = {NominationStatus.SELECTED: "select", NominationStatus.NOT_SELECTED: "not_select"}.get(row.status, "")
    context = {
        "call": call,
        "person": _person(*person),
        "may_choose": call.decided_at is None and not is_open(call, today(clock_of(db))),
        "choices": list(CHOICES.items()),
        "values": {"choice": known, "reason": row.reason, "version": str(row.version), **values},
        "errors": errors,
    }
    return Template("providers/workforce/nomination.html", context=context, status_code=422 if errors else 200)


async def _nominate_page(
    db: AsyncSession, principal: Principal, call_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    call = await NominationService(db).open_call(principal, call_id)
    _, staff = await WorkforceService(db).staff(principal)
    context = {
        "call": call,
        "workers": [(str(row.id), row.name) for row in staff.current if row.ends_on is None],
        "values": values,
        "errors": errors,
    }
    return Template("providers/workforce/nominate.html", context=context, status_code=422 if errors else 200)
