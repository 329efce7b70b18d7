"""What can be applied for, what one has applied for, and how to begin."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import duration, uk_date, uk_datetime
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import RoundClosed
from marketplace.providers.models import Application
from marketplace.providers.repository.applications import RoundFacts
from marketplace.providers.routes.applications.common import page, read_id, read_lots, where
from marketplace.providers.service.applications.drafts import ApplicationService
from marketplace.providers.service.applications.offers import OfferService, RoundOffer
from marketplace.providers.service.applications.opened import open_application
from marketplace.providers.service.applications.sending import CLOSED_WORDS
from marketplace.providers.service.applications.steps import next_page
from marketplace.providers.service.frameworks.rounds import round_state
from marketplace.providers.states import ApplicationStatus


class ApplicationListController(Controller):
    """Own applications, and the rounds of all councils."""

    path = "/provider/applications"

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what is under way and what can be applied for."""
        rows, rounds, lots = await OfferService(db).own(principal)
        now = clock_of(db).now()
        begun = {application.round_id for application, _ in rows}
        context = {
            "applications": [
                _item(application, facts, lots.get(application.id, []), now) for application, facts in rows
            ],
            "open": [_round(facts, now) for facts in rounds if facts.round.id not in begun and _is_open(facts, now)],
            "coming": [_round(facts, now) for facts in rounds if facts.round.opens_at > now],
        }
        return page("index", None, context)

    @get("/new", permission=Permission.APPLICATIONS_OWN)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        round: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show what an application takes; who has one already goes on with it."""
        offer = await OfferService(db).offer(principal, read_id(round or ""))
        if offer.existing is not None:
            return Redirect(f"/provider/applications/{offer.existing.id}", status_code=303)
        values = {"lots": [str(offer.lots[0].lot.id)]} if len(offer.lots) == 1 else {}
        return _new_page(offer, values, {})

    @post("/", permission=Permission.APPLICATIONS_OWN)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Begin an application."""
        service, round_id = ApplicationService(db), read_id(str(data.get("round") or ""))

        async def act() -> str:
            application = await service.begin(principal, round_id, read_lots(data))
            if application.status is not ApplicationStatus.DRAFT:
                return f"/provider/applications/{application.id}"
            return next_page(await open_application(db, principal, application.id))

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _new_page(await OfferService(db).offer(principal, round_id), data, error.fields)
        except RoundClosed:
            return _new_page(await OfferService(db).offer(principal, round_id), data, {}, status=409)


def _new_page(offer: RoundOffer, values: FormData, errors: dict[str, str], *, status: int | None = None) -> Template:
    round = offer.facts.round
    shortest = min((lot.minutes for lot in offer.lots), default=5)
    longest = max((lot.minutes for lot in offer.lots), default=5)
    context = {
        "offer": offer,
        "where": where(offer.facts),
        "specification": _specification(offer.facts),
        "closed_words": CLOSED_WORDS.get(offer.state, ""),
        "time": duration(shortest)
        if shortest == longest
        else f"{duration(shortest)} to {duration(longest)} for each lot",
        "options": [
            (
                str(one.lot.id),
                f"{one.lot.code} {one.lot.name}",
                f"{one.lot.description} About {duration(one.minutes)}.".strip(),
            )
            for one in offer.lots
        ],
        "papers": _papers(offer),
        "closes": uk_datetime(round.closes_at),
    }
    return page("new", None, context, values=values, errors=errors, status=status)


def _papers(offer: RoundOffer) -> list[tuple[str, str, str, str]]:
    """Return each kind of evidence once: its label, its state, that in words, and the lots that ask for it."""
    lots: dict[str, list[str]] = {}
    found = {}
    for one in offer.lots:
        for item in one.needed:
            found[item.kind.value] = item
            lots.setdefault(item.kind.value, []).append(one.lot.code)
    is_alone = len(offer.lots) == 1
    return [
        (
            item.label,
            item.state,
            item.words,
            "" if is_alone or len(lots[kind]) == len(offer.lots) else ", ".join(lots[kind]),
        )
        for kind, item in found.items()
    ]


def _specification(facts: RoundFacts) -> str:
    return f"/frameworks/{facts.council.slug}/{facts.framework.slug}"


def _is_open(facts: RoundFacts, now: datetime) -> bool:
    return round_state(facts.round, now) in ("open", "late")


def _round(facts: RoundFacts, now: datetime) -> dict[str, Any]:
    return {
        "id": facts.round.id,
        "name": facts.round.name,
        "framework": facts.framework.name,
        "council": facts.council.short_name,
        "summary": facts.framework.summary,
        "specification": _specification(facts),
        "is_late": round_state(facts.round, now) == "late",
        "opens_at": facts.round.opens_at,
        "closes_at": facts.round.closes_at,
        "late_until": facts.round.late_until,
    }


def _item(application: Application, facts: RoundFacts, lots: Sequence[str], now: datetime) -> dict[str, Any]:
    return {
        "id": application.id,
        "reference": application.reference,
        "framework": facts.framework.name,
        "round": facts.round.name,
        "council": facts.council.short_name,
        "status": application.status,
        "lots": ", ".join(lots),
        "next": _next(application, facts, now),
    }


def _next(application: Application, facts: RoundFacts, now: datetime) -> str:
    """Say in a sentence what is next."""
    round, state = facts.round, round_state(facts.round, now)
    match application.status:
        case ApplicationStatus.DRAFT if state == "open":
            return f"Send it by {uk_datetime(round.closes_at)}"
        case ApplicationStatus.DRAFT if state == "late" and round.late_until:
            return f"The round has closed. You can send it with a reason until {uk_datetime(round.late_until)}"
        case ApplicationStatus.DRAFT:
            return "It was not sent. Your answers are kept for the next round"
        case ApplicationStatus.SUBMITTED | ApplicationStatus.EVALUATING | ApplicationStatus.MODERATED:
            return f"The council tells you by {uk_date(round.decides_on)}"
        case ApplicationStatus.AWARDED:
            return "Read what was decided"
        case ApplicationStatus.REFUSED:
            return "Read the reasons, and what you can do"
        case ApplicationStatus.WITHDRAWN:
            return "Nothing more happens with it"
