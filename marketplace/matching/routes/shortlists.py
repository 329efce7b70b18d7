"""Acting on a shortlist: choosing a planner, and stored rankings that can be repeated."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.engine import load_inputs
from marketplace.matching.errors import RankingChanged, ReferralNotOpen
from marketplace.matching.forms import OfferForm
from marketplace.matching.models import Referral
from marketplace.matching.pages import LONG_LIST, shortlist_view
from marketplace.matching.repository import PreferenceRepository, ReferralRepository, ShortlistRepository
from marketplace.matching.service import OfferService, ShortlistService
from marketplace.matching.service.sharing import read_token
from marketplace.matching.service.shortlists import Choice, stored_ranking
from marketplace.matching.states import ReferralStatus
from marketplace.matching.words import HEARD_LABELS, STATUS_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.planners import PlannerRepository


class ShortlistController(Controller):
    """Choosing from a shortlist."""

    @get("/referrals/{referral_id:str}/offers/new", permission=Permission.REFERRALS_MATCH)
    async def choose(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        worker: Annotated[str, QueryParameter(name="worker", max_length=36)] = "",
    ) -> Template:
        """Show a planner who is to be chosen, and ask for the reason when that is not the first."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        return await _choice(db, principal, referral, _id(worker), {}, {})

    @post("/referrals/{referral_id:str}/offers", permission=Permission.REFERRALS_MATCH)
    async def offer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Offer the referral to the planner who was chosen."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        try:
            form = OfferForm.read(data)
        except InvalidInput as error:
            worker = _id(str(data.get("worker_id") or ""))
            return await _choice(db, principal, referral, worker, data, error.fields)

        async def action() -> str:
            await OfferService(db).make(principal, referral.id, form)
            flash(request, "The referral is offered. A place in the planner’s week is held")
            return f"/referrals/{referral.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _choice(db, principal, referral, form.worker_id, data, error.fields)

    @get("/referrals/{referral_id:str}/shortlists/{shortlist_id:str}", permission=Permission.REFERRALS_READ)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        shortlist_id: FromPath[str],
        link: Annotated[str, QueryParameter(name="link", max_length=100)] = "",
    ) -> Template:
        """Show a stored shortlist, ranked once more from its stored inputs."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        stored = await ShortlistRepository(db).find(principal.council_id, _id(shortlist_id))
        if stored.referral_id != referral.id:
            raise NotFound
        repeat = ShortlistService(db).repeat(stored)
        ranking, inputs = stored_ranking(stored), load_inputs(stored.inputs)
        without_base = [str(item) for item in stored.ranking["without_base"]]
        ids = {item.id for item in ranking.entries} | {item.id for item in ranking.left_out} | set(without_base)
        rows = await PlannerRepository(db).with_organisation([UUID(item) for item in ids])
        names = {str(worker_id): (row[0].name, row[1].name) for worker_id, row in rows.items()}
        users = await AccountRepository(db).names({stored.made_by_user_id} if stored.made_by_user_id else set())
        shared = request.app.state.settings
        # A token that we did not make is not written into the page as if we had.
        is_ours = link and read_token(shared.secret_key, link, today(clock_of(db))) is not None
        context = {
            "referral": referral,
            "link": f"{shared.public_url}/shared-shortlist/{link}" if is_ours else "",
            "may_share": principal.may(Permission.REFERRALS_RECORD),
            "stored": stored,
            "made_by": users.get(stored.made_by_user_id, "") if stored.made_by_user_id else "the platform",
            "repeat": repeat,
            "shortlist": shortlist_view(
                ranking,
                inputs.candidates,
                names,
                declined={key: date.fromisoformat(day) for key, day in stored.ranking["declined"].items()},
                without_base=without_base,
                most=LONG_LIST,
                choice=msgspec.convert(stored.ranking.get("choice"), Choice | None),
            ),
        }
        return Template("matching/stored_shortlist.html", context=context)


async def _choice(
    db: AsyncSession,
    principal: Principal,
    referral: Referral,
    worker_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    """Show one planner of today's ranking.

    Raises:
        ReferralNotOpen: The referral is not waiting.
        RankingChanged: The planner is not on the shortlist.
    """
    if referral.status is not ReferralStatus.RECEIVED:
        raise ReferralNotOpen(f"Its state is now: {STATUS_LABELS[referral.status].lower()}.")
    person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
    made = await ShortlistService(db).rank(referral, person, principal.council_name)
    view = shortlist_view(
        made.ranking, made.candidates, made.names, declined=made.declined, most=LONG_LIST, choice=made.choice
    )
    heard = await PreferenceRepository(db).latest(principal.council_id, referral_id=referral.id)
    line = next((item for item in view.lines if item.id == str(worker_id)), None)
    if line is None:
        raise RankingChanged("This planner is not on the shortlist. Look at it again.")
    context = {
        "referral": referral,
        "line": line,
        "first": view.lines[0],
        "view": view,
        "heard": heard,
        "heard_labels": HEARD_LABELS,
        "needs_reason": line.rank > 1 or bool(view.choice_cannot),
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/choose_planner.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
