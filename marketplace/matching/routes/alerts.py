"""Pages of late news: what may not hold, who is best placed instead, and handing back what was accepted."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.forms import LONGEST_REASON, ReasonForm
from marketplace.matching.forms_runs import HAND_BACK_REASONS, HandBackForm
from marketplace.matching.models import RematchAlert
from marketplace.matching.packs import anonymous_pack
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.repository.alerts import AlertRepository
from marketplace.matching.repository.care import AwardRepository, RequirementRepository
from marketplace.matching.service.acting import ActingService
from marketplace.matching.service.alerts import ENDED_CAUSES
from marketplace.matching.service.hand_backs import HandBackService
from marketplace.matching.states import AlertStatus, OfferStatus
from marketplace.matching.words import URGENCY_LABELS
from marketplace.matching.words_runs import ALERT_LABELS, CAUSE_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.care import CareFacts
from marketplace.providers.repository.planners import PlannerRepository

ALERTS_PAGE = 25
COUNTED_DAYS = 90


class AlertController(Controller):
    """Late news for brokers."""

    path = "/matching/alerts"

    @get("", permission=Permission.MATCH_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tab: Annotated[str, QueryParameter(name="tab", max_length=10)] = "open",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List what is to be dealt with, newest first."""
        if tab not in ("open", "past"):
            raise NotFound
        alerts = AlertRepository(db)
        rows = await alerts.listed(
            principal.council_id, is_open=tab == "open", after=parse_id(after), limit=ALERTS_PAGE + 1
        )
        is_open, past = await alerts.counts(principal.council_id)
        since = clock_of(db).now() - timedelta(days=COUNTED_DAYS)
        context = {
            "rows": rows[:ALERTS_PAGE],
            "next": rows[ALERTS_PAGE - 1][0].id if len(rows) > ALERTS_PAGE else None,
            "tab": tab,
            "tabs": [("open", "To do", is_open), ("past", "Dealt with", past)],
            "handed_back": await alerts.handed_back(principal.council_id, since),
            "days": COUNTED_DAYS,
            "cause_labels": CAUSE_LABELS,
            "alert_labels": ALERT_LABELS,
            "urgency_labels": URGENCY_LABELS,
        }
        return Template("matching/alerts.html", context=context)

    @get("/{alert_id:str}", permission=Permission.MATCH_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], alert_id: FromPath[str]
    ) -> Template:
        """Show one piece of late news, and what can be done."""
        return await _page(db, principal, await _find(db, principal, alert_id), {}, {})

    @post("/{alert_id:str}/offer", permission=Permission.REFERRALS_MATCH)
    async def offer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        alert_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Offer the referral to the planner who is proposed."""
        alert = await _find(db, principal, alert_id)
        form = FormReader(data)
        worker_id = form.id("worker_id", "a planner")
        why = form.text("why", "the reason", required=False, longest=LONGEST_REASON)
        if worker_id is None or form.errors:
            return await _page(db, principal, alert, data, form.errors)

        async def action() -> str:
            offer = await ActingService(db).offer(principal, alert.id, worker_id, why)
            flash(request, "The referral is offered. A place in the planner’s week is held")
            return f"/referrals/{offer.referral_id}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{alert_id:str}/keep", permission=Permission.REFERRALS_MATCH)
    async def keep(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        alert_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Leave things as they are, with the reason."""
        return await self._with_reason(request, db, principal, alert_id, data, "keep")

    @post("/{alert_id:str}/take-back", permission=Permission.REFERRALS_MATCH)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        alert_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Take the offer back; the referral waits again."""
        return await self._with_reason(request, db, principal, alert_id, data, "take_back")

    async def _with_reason(
        self,
        request: Request[Any, Any, Any],
        db: AsyncSession,
        principal: Principal,
        alert_id: str,
        data: FormData,
        act: str,
    ) -> Template | Redirect:
        alert = await _find(db, principal, alert_id)
        try:
            form = ReasonForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, alert, data, {f"{act}_reason": error.fields["reason"]}, act=act)

        async def action() -> str:
            if act == "keep":
                await ActingService(db).keep(principal, alert.id, form.reason)
                flash(request, "It stays as it is. Your reason is recorded")
                return "/matching/alerts"
            await ActingService(db).take_back(principal, alert.id, form.reason)
            flash(request, "The offer is taken back. The referral waits again")
            return f"/referrals/{alert.referral_id}"

        return await submit(request, db, principal.actor, data, action)


class HandBackController(Controller):
    """A planner hands back what they accepted. An offer of somebody else looks like none."""

    path = "/offers/{offer_id:str}/hand-back"

    @get("", permission=Permission.OFFERS_ANSWER)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], offer_id: FromPath[str]
    ) -> Template:
        """Ask why."""
        return await _hand_back_page(db, principal, offer_id, {}, {})

    @post("", permission=Permission.OFFERS_ANSWER)
    async def hand_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        offer_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Hand the referral back."""
        wanted = _id(offer_id)
        try:
            form = HandBackForm.read(data)
        except InvalidInput as error:
            return await _hand_back_page(db, principal, offer_id, data, error.fields)

        async def action() -> str:
            await HandBackService(db).hand_back(principal, wanted, form.reason)
            flash(request, "You have handed the referral back. The council and the person are told")
            return "/offers"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _find(db: AsyncSession, principal: Principal, alert_id: str) -> RematchAlert:
    return await AlertRepository(db).find(principal.council_id, _id(alert_id))


async def _page(
    db: AsyncSession,
    principal: Principal,
    alert: RematchAlert,
    values: FormData,
    errors: dict[str, str],
    *,
    act: str = "",
) -> Template:
    if alert.referral_id is None:
        return await _care_page(db, principal, alert, values, errors, act=act)
    referral = await ReferralRepository(db).find(principal.council_id, alert.referral_id)
    person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
    offer = await OfferRepository(db).find(principal.council_id, alert.offer_id) if alert.offer_id else None
    ids = {item for item in (alert.proposed_worker_id, offer.worker_id if offer else None) if item is not None}
    workers = await PlannerRepository(db).with_organisation(ids)
    users = await AccountRepository(db).names({alert.handled_by_user_id} if alert.handled_by_user_id else set())
    now = typed(values)
    context = {
        "alert": alert,
        "referral": referral,
        "person": person,
        "urgency": URGENCY_LABELS[referral.urgency],
        "cause": CAUSE_LABELS[alert.cause],
        "label": ALERT_LABELS[alert.status],
        "holder": workers.get(offer.worker_id) if offer else None,
        "is_accepted": offer is not None and offer.status is OfferStatus.ACCEPTED,
        "is_ended": alert.cause in ENDED_CAUSES,
        "proposed": workers.get(alert.proposed_worker_id) if alert.proposed_worker_id else None,
        "handled_by": users.get(alert.handled_by_user_id, "") if alert.handled_by_user_id else "",
        "may_act": alert.status is AlertStatus.OPEN and principal.may(Permission.REFERRALS_MATCH),
        "values": {**now, f"{act}_reason": now.get("reason", "")} if act else now,
        "errors": errors,
    }
    return Template("matching/alert.html", context=context, status_code=422 if errors else 200)


async def _care_page(
    db: AsyncSession,
    principal: Principal,
    alert: RematchAlert,
    values: FormData,
    errors: dict[str, str],
    *,
    act: str = "",
) -> Template:
    """Show late news about care that is awarded: taking an award back has a page of its own."""
    if alert.requirement_id is None:
        raise NotFound
    requirement = await RequirementRepository(db).find(principal.council_id, alert.requirement_id)
    person = await PeopleRepository(db).find(principal.council_id, requirement.person_id)
    awards = await AwardRepository(db).of_requirement(principal.council_id, requirement.id)
    names = await CareFacts(db).names([award.organisation_id for award in awards])
    users = await AccountRepository(db).names({alert.handled_by_user_id} if alert.handled_by_user_id else set())
    now = typed(values)
    is_open = alert.status is AlertStatus.OPEN
    context = {
        "alert": alert,
        "requirement": requirement,
        "person": person,
        "urgency": URGENCY_LABELS[requirement.urgency],
        "cause": CAUSE_LABELS[alert.cause],
        "label": ALERT_LABELS[alert.status],
        "awards": [(award, names.get(award.organisation_id, "Somebody who has left")) for award in awards],
        "handled_by": users.get(alert.handled_by_user_id, "") if alert.handled_by_user_id else "",
        "may_keep": is_open and principal.may(Permission.REFERRALS_MATCH),
        "may_take_back": is_open and principal.may(Permission.REQUIREMENTS_WRITE),
        "values": {**now, f"{act}_reason": now.get("reason", "")} if act else now,
        "errors": errors,
    }
    return Template("matching/care_alert.html", context=context, status_code=422 if errors else 200)


async def _hand_back_page(
    db: AsyncSession, principal: Principal, offer_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    if principal.worker_id is None:
        raise NotFound
    offer = await OfferRepository(db).for_worker(_id(offer_id), principal.worker_id, principal.councils)
    if offer.status is not OfferStatus.ACCEPTED:
        raise NotFound
    referral = await ReferralRepository(db).find(offer.council_id, offer.referral_id)
    person = await PeopleRepository(db).find(offer.council_id, referral.person_id)
    workers = await PlannerRepository(db).with_organisation([offer.worker_id])
    context = {
        "offer": offer,
        "pack": anonymous_pack(referral, person, workers[offer.worker_id][0]),
        "is_planned": referral.planned_at is not None,
        "reasons": list(HAND_BACK_REASONS.items()),
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/hand_back.html", context=context, status_code=422 if errors else 200)
