"""Pages of standing: decisions with their effects, the right to reply, the register of a day."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Response, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound, StepRefused
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.errors import DecidedMeanwhile
from marketplace.providers.models import SERVICE_LABELS, Accreditation, HoldCause, ServiceLine
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.service.standing.decisions import (
    DECISION_LABELS,
    Decision,
    DecisionForm,
    DecisionService,
    Preview,
    allowed,
    effect_words,
)
from marketplace.providers.service.standing.own import OwnStanding
from marketplace.providers.service.standing.register import RegisterService
from marketplace.providers.service.standing.replies import ReplyService, read_words

KEPT_FIELDS = ("decision", "reason", "confidential", "suspend_on", "remove_on", "last_day")
"""What the confirm page carries on from the form, with the parts of its dates."""
NOTHING_RESTS = "Nothing is affected now: no planner, offer, request or visit rests on it."


class AccreditationDecisionController(Controller):
    """One accreditation: how it stands, and decisions about it."""

    path = "/accreditations/{accreditation_id:str}"

    @get("/", permission=Permission.ACCREDITATION_DECIDE)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        accreditation_id: FromPath[str],
    ) -> Template:
        """Show how an accreditation stands, what was decided, and what can be decided now."""
        row = await OrganisationRepository(db).accreditation(principal.council_id, _id(accreditation_id))
        return await _page(db, principal, row, {}, {})

    @post("/check", permission=Permission.ACCREDITATION_DECIDE)
    async def check(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        accreditation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Show what a decision would affect, before it is taken."""
        row = await OrganisationRepository(db).accreditation(principal.council_id, _id(accreditation_id))
        try:
            preview = await DecisionService(db).preview(principal, row.id, DecisionForm.read(data))
        except InvalidInput as error:
            return await _page(db, principal, row, data, error.fields)
        organisation = await OrganisationRepository(db).find(row.organisation_id)
        context = {
            "row": row,
            "organisation": organisation,
            "service": SERVICE_LABELS[row.service_line].lower(),
            "preview": preview,
            "label": DECISION_LABELS[preview.form.decision][0],
            "effects": _effect_lines(preview),
            "is_planned": preview.starts_on > today(clock_of(db)),
            "hidden": [(name, value) for name, value in typed(data).items() if _is_kept(name) and value],
        }
        return Template("providers/standing/confirm.html", context=context)

    @post("/", permission=Permission.ACCREDITATION_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        accreditation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Suspend, reinstate, extend or remove."""
        row = await OrganisationRepository(db).accreditation(principal.council_id, _id(accreditation_id))
        try:
            form = DecisionForm.read(data)

            async def act() -> str:
                action = await DecisionService(db).decide(principal, row.id, form)
                return f"/accreditations/{action.accreditation_id}"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            await db.refresh(row)
            return await _page(db, principal, row, data, error.fields)
        except (DecidedMeanwhile, StepRefused) as refusal:
            # In a transaction of its own: the refusal undoes everything else.
            await audit.record_refusal(
                principal,
                "providers.refuse_decision",
                council_id=principal.council_id,
                subject_kind="accreditation",
                subject_id=_id(accreditation_id),
                why=refusal.detail,
            )
            raise
        flash(request, f"{DECISION_LABELS[form.decision][0]}: done and recorded")
        return answer

    @post("/actions/{action_id:str}/answer", permission=Permission.ACCREDITATION_DECIDE)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        accreditation_id: FromPath[str],
        action_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer the provider's reply."""
        row = await OrganisationRepository(db).accreditation(principal.council_id, _id(accreditation_id))
        wanted = (await ReplyService(db).of_council(principal, _id(action_id))).id
        try:
            words = read_words(data, f"answer_{wanted}", "your answer")
        except InvalidInput as error:
            return await _page(db, principal, row, data, error.fields)

        async def act() -> str:
            await ReplyService(db).answer(principal, wanted, words)
            flash(request, "Answered. The organisation is told")
            return f"/accreditations/{row.id}"

        return await submit(request, db, principal.actor, data, act)


class OwnStandingController(Controller):
    """Where the own organisation stands with every council."""

    path = "/provider/standing"

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show accreditations, what they rest on, what ends when, and what councils decided."""
        return await _own_page(db, principal, {}, {})

    @post("/actions/{action_id:str}/reply", permission=Permission.APPLICATIONS_OWN)
    async def reply(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        action_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Reply to a decision."""
        wanted = (await ReplyService(db).own(principal, _id(action_id))).id
        try:
            words = read_words(data, f"reply_{wanted}", "your reply")
        except InvalidInput as error:
            return await _own_page(db, principal, data, error.fields)

        async def act() -> str:
            await ReplyService(db).reply(principal, wanted, words)
            flash(request, "Your reply is with the council")
            return "/provider/standing"

        return await submit(request, db, principal.actor, data, act)


class RegisterOfDayController(Controller):
    """Who was accredited for what on a day."""

    path = "/accreditation"

    @get("/register", permission=Permission.ORGANISATIONS_READ)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show the register of a day, past or to come."""
        values = dict(request.query_params)
        day, service, lot, errors = _asked(values, today(clock_of(db)))
        page = await RegisterService(db).page(
            principal, day, service=service, lot_code=lot, after=await _after(db, principal, after)
        )
        lots = await StandingRepository(db).lot_codes(principal.council_id)
        context = {
            "page": page,
            "query": f"day={day.isoformat()}&service={service.value if service else ''}&lot={lot}",
            "values": {
                "day-day": str(day.day),
                "day-month": str(day.month),
                "day-year": str(day.year),
                **({name: values.get(name, "") for name in ("day-day", "day-month", "day-year")} if errors else {}),
                "service": service.value if service else "",
                "lot": lot,
            },
            "errors": errors,
            "services": [(line.value, label) for line, label in SERVICE_LABELS.items()],
            "lots": [(code, f"{code} {name}") for code, name in lots],
            "may_decide": principal.may(Permission.ACCREDITATION_DECIDE),
            "may_see_hub": principal.may(Permission.APPLICATIONS_READ),
            "is_today": day == today(clock_of(db)),
        }
        return Template("providers/standing/register.html", context=context, status_code=422 if errors else 200)

    @get("/register.csv", permission=Permission.ORGANISATIONS_READ)
    async def export(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[str]:
        """Give the register of a day as a file."""
        day, service, lot, errors = _asked(dict(request.query_params), today(clock_of(db)))
        if errors:
            raise BadRequest
        return Response(
            await RegisterService(db).export(principal, day, service=service, lot_code=lot),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="register-{day.isoformat()}.csv"'},
        )


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _is_kept(name: str) -> bool:
    return any(name == field or name.startswith(f"{field}-") for field in KEPT_FIELDS)


def _asked(values: dict[str, Any], present: date) -> tuple[date, ServiceLine | None, str, dict[str, str]]:
    """Read day, service and lot from an address; an odd day is shown as today with a message."""
    form = FormReader(values)
    day = form.day("day", "the day", required=False)
    service = form.choice("service", "the service", ServiceLine, required=False)
    lot = form.text("lot", "the lot", required=False, longest=20)
    errors: dict[str, str] = {}
    try:
        form.done()
    except InvalidInput as error:
        errors = dict(error.fields)
    return day or present, service, lot if "lot" not in errors else "", errors


async def _after(db: AsyncSession, principal: Principal, text: str) -> tuple[str, UUID] | None:
    if not text:
        return None
    row = await OrganisationRepository(db).accreditation(principal.council_id, _id(text))
    return (await OrganisationRepository(db).find(row.organisation_id)).name, row.id


def _effect_lines(preview: Preview) -> list[str]:
    """Say what a decision does to what rests on the accreditation; what there is none of is left out."""
    effects = preview.effects
    if preview.form.decision is Decision.EXTEND:
        return ["Nothing that runs now changes. New work can be agreed for the longer time."]
    if preview.form.decision is Decision.REINSTATE:
        return ["New offers and bookings are possible again on every day on which the evidence it needs is in date."]
    if preview.others:
        return [
            f"{plural(preview.others, 'other accreditation')} for the same service goes on, so offers and bookings "
            "go on under it."
        ]
    visits = "that is agreed goes on" if effects.coming_visits == 1 else "that are agreed go on"
    lines = [
        (effects.planners, f"{plural(effects.planners, 'planner')} will get no new referrals."),
        (
            effects.open_offers,
            f"{plural(effects.open_offers, 'open offer')} will be taken back. Planners and brokers are told.",
        ),
        (
            effects.requests,
            f"{plural(effects.requests, 'request')} for visits, not answered yet, will be closed. "
            f"{'Its person is' if effects.requests == 1 else 'Their people are'} told.",
        ),
        (effects.coming_visits, f"{plural(effects.coming_visits, 'coming visit')} {visits}."),
        (
            effects.people,
            f"{plural(effects.people, 'person has', 'people have')} such visits or requests. "
            "Brokers are asked to look.",
        ),
    ]
    return [words for count, words in lines if count] or [NOTHING_RESTS]


async def _page(
    db: AsyncSession, principal: Principal, row: Accreditation, values: FormData, errors: dict[str, str]
) -> Template:
    standing = StandingRepository(db)
    clock = clock_of(db)
    day = today(clock)
    hold = await standing.open_hold(row.id, HoldCause.SUSPENSION)
    view = (await OwnStanding(db).views([row], for_provider=False))[0]
    effects = await standing.effects(row.council_id, row.organisation_id, row.service_line, clock.now(), day)
    context = {
        "organisation": await OrganisationRepository(db).find(row.organisation_id),
        "row": row,
        "view": view,
        "decisions": [(choice.value, *DECISION_LABELS[choice]) for choice in allowed(row, hold, day)],
        "can_suspend": Decision.SUSPEND in allowed(row, hold, day),
        "can_extend": Decision.EXTEND in allowed(row, hold, day),
        "effect": effect_words(effects),
        "is_over": row.live_until <= day,
        "values": typed(values),
        "errors": errors,
    }
    return Template("providers/standing/accreditation.html", context=context, status_code=422 if errors else 200)


async def _own_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    organisation, views = await OwnStanding(db).of_principal(principal)
    context = {"organisation": organisation, "views": views, "values": typed(values), "errors": errors}
    return Template("providers/standing/own.html", context=context, status_code=422 if errors else 200)
