"""A provider's pages: what councils ask for without who it is about, the offer, saying no, the outcome (V7, V8)."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, audit
from marketplace.accounts.words import INTERESTS, SKILLS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.matching.care.scoring import PART_HOW, PART_LABELS
from marketplace.matching.care.week import hours_words, visit_words
from marketplace.matching.forms_offers import CareDeclineForm, CareOfferForm, offer_values
from marketplace.matching.models import RequirementAward
from marketplace.matching.packs_care import anonymous, care_pack, without_who
from marketplace.matching.repository.care import AwardRepository, InvitationRepository, RequirementRepository
from marketplace.matching.routes.care.pages import page, read_id
from marketplace.matching.service.care import CareOfferService
from marketplace.matching.service.care.awards import weights_for
from marketplace.matching.service.care.offers import Asked
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.matching.words_care import CARE_DECLINE_LABELS
from marketplace.providers.service.reach import reach_every_council

FOLDER = "provider_requirements"
INBOX_PAGE = 25
TABS = {"open": "To answer", "answered": "Offers you sent", "past": "Past"}
FIELDS = (
    "rate_pence",
    "scope",
    *(f"{name}-{part}" for name in ("starts_on", "valid_until") for part in ("day", "month", "year")),
    "outcomes_answer",
    "workers_answer",
    "below_cost_reason",
    "meets_gender",
    "meets_language",
    "meets_skills",
    "version",
)
"""Fields of an offer that hold one text; kept as they are while it is checked before sending."""
LISTS = ("visit_ids", "worker_skills", "worker_interests")


class ProviderRequirementController(Controller):
    """What an organisation was asked, in every council. What others were asked looks like nothing."""

    @get("/provider/requirements", permission=Permission.REQUIREMENTS_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tab: Annotated[str, QueryParameter(name="tab", max_length=20)] = "open",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List what waits for an answer, what was answered, what is over."""
        if tab not in TABS:
            raise NotFound
        organisation_id = principal.need_organisation()
        await reach_every_council(db)
        rows = await InvitationRepository(db).inbox(
            organisation_id, tab, clock_of(db).now(), after=parse_id(after), limit=INBOX_PAGE + 1
        )
        is_paged = tab != "open" and len(rows) > INBOX_PAGE
        shown = rows[:INBOX_PAGE] if tab != "open" else rows
        visits = await RequirementRepository(db).visits_of([row[1].id for row in shown])
        context = {
            "rows": [
                {
                    "id": row[1].id,
                    "reference": row[1].reference,
                    "area": row[1].outward,
                    "urgency": row[1].urgency,
                    "service_line": row[1].service_line,
                    "answer_by": row[1].answer_by,
                    "council": row[2].short_name,
                    "hours": hours_words(visits.get(row[1].id, [])),
                    "declined": row[0].declined_at,
                    "offer": row[3],
                    "status": row[1].status,
                }
                for row in shown
            ],
            "next": shown[-1][0].id if is_paged else None,
            "tab": tab,
            "tabs": list(TABS.items()),
        }
        return page("index", context, folder=FOLDER)

    @get("/provider/requirements/{requirement_id:str}", permission=Permission.REQUIREMENTS_ANSWER)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show one requirement without who it is about; to the winner with it, and the reading is written down."""
        service = CareOfferService(db)
        asked = await service.asked(principal, read_id(requirement_id))
        await service.mark_seen(asked)
        return page("show", await _context(db, principal, service, asked), folder=FOLDER)

    @get("/provider/requirements/{requirement_id:str}/offer", permission=Permission.REQUIREMENTS_ANSWER)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show the form of an offer, with the least lawful price of the week."""
        service = CareOfferService(db)
        asked = await service.asked(principal, read_id(requirement_id))
        values: FormData = {"scope": "all", "version": "0"}
        if asked.offer is not None:
            # An offer of an earlier round is a good beginning for the next one.
            values = offer_values(asked.offer, asked.offered_visits)
            values["version"] = str(asked.offer.version) if asked.live_offer else "0"
        return await _offer_form(db, service, asked, values, {})

    @post("/provider/requirements/{requirement_id:str}/offer", permission=Permission.REQUIREMENTS_ANSWER)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Check an offer against the least lawful price, then send it."""
        wanted, service = read_id(requirement_id), CareOfferService(db)
        asked = await service.asked(principal, wanted)
        on = today(clock_of(db))
        if str(data.get("step") or "") == "change":
            return await _offer_form(db, service, asked, data, {})
        if str(data.get("step") or "") != "send":
            try:
                form = CareOfferForm.read(data, asked.requirement, asked.visits, on)
            except InvalidInput as error:
                return await _offer_form(db, service, asked, data, error.fields)
            return await _check_page(db, service, asked, data, form)

        async def action() -> str:
            form = CareOfferForm.read(data, asked.requirement, asked.visits, on)
            await service.send(principal, wanted, form)
            flash(request, "Your offer is sent. You can change it until the time for offers has ended")
            return f"/provider/requirements/{wanted}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _offer_form(db, service, await service.asked(principal, wanted), data, error.fields)

    @post("/provider/requirements/{requirement_id:str}/withdraw", permission=Permission.REQUIREMENTS_ANSWER)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take an offer back while the clock runs."""
        wanted = read_id(requirement_id)

        async def action() -> str:
            await CareOfferService(db).withdraw(principal, wanted)
            flash(request, "Your offer is taken back")
            return f"/provider/requirements/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @get("/provider/requirements/{requirement_id:str}/decline", permission=Permission.REQUIREMENTS_ANSWER)
    async def ask_why(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Ask why the organisation says no."""
        asked = await CareOfferService(db).asked(principal, read_id(requirement_id))
        return _decline_page(asked, {}, {})

    @post("/provider/requirements/{requirement_id:str}/decline", permission=Permission.REQUIREMENTS_ANSWER)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say no, with a reason."""
        wanted, service = read_id(requirement_id), CareOfferService(db)

        async def action() -> str:
            await service.decline(principal, wanted, CareDeclineForm.read(data))
            flash(request, "The council knows that you cannot do this")
            return "/provider/requirements"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return _decline_page(await service.asked(principal, wanted), data, error.fields)


async def _context(db: AsyncSession, principal: Principal, service: CareOfferService, asked: Asked) -> dict[str, Any]:
    row, offer = asked.requirement, asked.offer
    weights = await weights_for(db, row)
    awards = await AwardRepository(db).of_requirement(row.council_id, row.id)
    has_won = offer is not None and offer.status is RequirementOfferStatus.WON
    lost_award = (
        await AwardRepository(db).own_taken_back(offer.organisation_id, offer.id)
        if offer is not None and offer.status is RequirementOfferStatus.WITHDRAWN
        else None
    )
    if has_won:
        audit.record(
            db,
            principal,
            "matching.read_care_pack",
            council_id=row.council_id,
            subject_kind="person",
            subject_id=row.person_id,
        )
    return {
        **await _shared(db, asked),
        "seen": anonymous(row, asked.visits, asked.person),
        "is_open": service.is_open(asked),
        "is_late": row.status is RequirementStatus.OPEN and not service.is_open(asked),
        "status": row.status,
        "offer": offer,
        "offered": [visit_words(visit) for visit in asked.visits if visit.id in asked.offered_visits],
        "declined": asked.invitation.declined_at,
        "decline_reason": asked.invitation.decline_reason,
        "pack": care_pack(asked.person) if has_won else None,
        "award": next((item for item in awards if offer is not None and item.offer_id == offer.id), None),
        "taken_back": {
            "on": lost_award.taken_back_at,
            "why": without_who(lost_award.taken_back_why, asked.person),
        }
        if lost_award is not None
        else None,
        "outcome": await _outcome(db, asked, awards),
        "weights": [(PART_LABELS[code], getattr(weights, code), PART_HOW[code]) for code in PART_LABELS],
        "weights_version": weights.version,
    }


async def _outcome(db: AsyncSession, asked: Asked, awards: Any) -> dict[str, Any] | None:
    """Return an organisation's own points, and of the winner's the total alone: no name, no price."""
    offer = asked.offer
    if offer is None or "score" not in offer.scores or not awards:
        return None
    totals = await AwardRepository(db).totals([_id(award) for award in awards])
    return {"score": offer.scores["score"], "best": max(totals, default=None), "several": len(awards) > 1}


def _id(award: RequirementAward) -> UUID:
    return award.offer_id


async def _shared(db: AsyncSession, asked: Asked) -> dict[str, Any]:
    row = asked.requirement
    council = await AccountRepository(db).council(row.council_id)
    return {
        "id": row.id,
        "reference": row.reference,
        "council": council.name if council else "",
        "answer_by": row.answer_by,
    }


async def _offer_form(
    db: AsyncSession,
    service: CareOfferService,
    asked: Asked,
    values: FormData,
    errors: dict[str, str],
    starts_on: date | None = None,
) -> Template:
    context = {
        **await _shared(db, asked),
        "seen": anonymous(asked.requirement, asked.visits, asked.person),
        "cost": await service.cost(asked, (), starts_on or asked.requirement.starts_on),
        "is_open": service.is_open(asked),
        "visit_options": [(str(visit.id), visit_words(visit)) for visit in asked.visits],
        "skills": list(SKILLS.items()),
        "interests": list(INTERESTS.items()),
    }
    return page("offer", context, values=values, errors=errors, folder=FOLDER)


async def _check_page(
    db: AsyncSession, service: CareOfferService, asked: Asked, data: FormData, form: CareOfferForm
) -> Template:
    cost, price = await service.cost(asked, form.visit_ids, form.starts_on), service.price(asked, form)
    if price < cost.total_pence and not form.below_cost_reason:
        reason = "This price is below the least lawful price. Say how it can be done, or change the price"
        return await _offer_form(db, service, asked, data, {"below_cost_reason": reason}, form.starts_on)
    context = {
        **await _shared(db, asked),
        "form": form,
        "cost": cost,
        "price": price,
        "visits": [visit_words(visit) for visit in asked.visits if visit.id in form.visit_ids],
        "hidden": [(name, str(data.get(name) or "")) for name in FIELDS if data.get(name)]
        + [(name, str(item)) for name in LISTS for item in _items(data.get(name))],
        "skills": ", ".join(SKILLS[code] for code in form.worker_skills),
        "interests": ", ".join(INTERESTS[code] for code in form.worker_interests),
    }
    return page("check", context, folder=FOLDER)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _decline_page(asked: Asked, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "id": asked.requirement.id,
        "reference": asked.requirement.reference,
        "reasons": list(CARE_DECLINE_LABELS.items()),
    }
    return page("decline", context, values=values, errors=errors, folder=FOLDER)
