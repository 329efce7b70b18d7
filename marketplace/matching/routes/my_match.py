"""A person's pages: who was asked to plan with them and why, what they want, and contesting it."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import ROLE_LABELS, AccountRepository, Permission, Principal
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.basis import counted_data, persons_basis
from marketplace.matching.engine import load_inputs
from marketplace.matching.errors import NothingToContest, ReferralNotOpen
from marketplace.matching.forms import ContestForm
from marketplace.matching.models import HeardHow, Offer, Referral
from marketplace.matching.repository import (
    ContestRepository,
    OfferRepository,
    PreferenceRepository,
    ReferralRepository,
    ShortlistRepository,
)
from marketplace.matching.routes.my_care import my_care
from marketplace.matching.service import ContestService, PreferenceService
from marketplace.matching.service.contests import CONTESTABLE
from marketplace.matching.states import ContestStatus, OfferStatus, ReferralStatus
from marketplace.matching.words import CONTEST_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.planners import PlannerRepository
from marketplace.providers.service.planners import PlannerService

YES = "Yes, I am happy with this planner."


class MyMatchController(Controller):
    """Who plans with a person, for the person or somebody who acts for them."""

    path = "/my-match"

    @get("/", permission=Permission.CONTESTS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the newest referral: who was asked, by whom, why, and what can be said about it."""
        referral = await _newest(db, principal)
        if referral is None:
            return Template("matching/my_match.html", context={"referral": None, **await my_care(db, principal)})
        council_id = principal.council_id
        offer = await _decision(db, referral)
        contests = await ContestRepository(db).of_referral(council_id, referral.id)
        heard = await PreferenceRepository(db).latest(council_id, referral_id=referral.id)
        context: dict[str, Any] = {
            "referral": referral,
            "offer": offer,
            "contests": [(row, CONTEST_LABELS[row.status]) for row in contests],
            "open": next((row for row in contests if row.status is ContestStatus.OPEN), None),
            "heard": heard,
            "slug": principal.council_slug,
            "council": principal.council_name,
            **await my_care(db, principal),
        }
        if offer is not None:
            context |= await _why(db, principal, referral, offer)
            context["said_yes"] = heard is not None and heard.worker_id == offer.worker_id
        return Template("matching/my_match.html", context=context)

    @post("/{referral_id:str}/yes", permission=Permission.CONTESTS_OWN)
    async def say_yes(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Record that the person is happy with who was asked."""
        referral = await _own(db, principal, referral_id)
        offer = await _decision(db, referral)
        if offer is None:
            raise NothingToContest("The council has not asked anybody yet.")
        worker_id = offer.worker_id

        async def action() -> str:
            await PreferenceService(db).record(
                principal,
                person_id=referral.person_id,
                referral_id=referral.id,
                how=_how(principal),
                said=YES,
                worker_id=worker_id,
            )
            flash(request, "Thank you. We have noted that you are happy with this")
            return "/my-match"

        return await submit(request, db, principal.actor, data, action)

    @get("/{referral_id:str}/say", permission=Permission.CONTESTS_OWN)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], referral_id: FromPath[str]
    ) -> Template:
        """Ask what is wrong, or what the person wants before anybody is asked."""
        referral = await _own(db, principal, referral_id)
        return await _form(db, principal, referral, {}, {})

    @post("/{referral_id:str}/say", permission=Permission.CONTESTS_OWN)
    async def say(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Contest who was asked; before anybody is asked, record what the person wants."""
        referral = await _own(db, principal, referral_id)
        planners = await _choices(db, principal)
        try:
            form = ContestForm.read(data, workers={worker_id for worker_id, _ in planners})
        except InvalidInput as error:
            return await _form(db, principal, referral, data, error.fields)

        async def action() -> str:
            if await _decision(db, referral) is not None:
                contest = await ContestService(db).make(principal, referral.id, form)
                day = f"{contest.answer_by.day} {contest.answer_by:%B}"
                flash(request, f"Thank you. Somebody who did not decide looks at it and answers by {day}")
            else:
                await PreferenceService(db).record(
                    principal,
                    person_id=referral.person_id,
                    referral_id=referral.id,
                    how=_how(principal),
                    said=form.said,
                    worker_id=form.worker_id,
                )
                flash(request, "Thank you. We look at this before we ask anybody")
            return "/my-match"

        return await submit(request, db, principal.actor, data, action)

    @post("/contests/{contest_id:str}/withdraw", permission=Permission.CONTESTS_OWN)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contest_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take back what was contested."""
        wanted = _id(contest_id)

        async def action() -> str:
            await ContestService(db).withdraw(principal, wanted)
            flash(request, "Taken back. The decision stands")
            return "/my-match"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _how(principal: Principal) -> HeardHow:
    return HeardHow.REPRESENTATIVE if principal.acting_for else HeardHow.ONLINE


async def _newest(db: AsyncSession, principal: Principal) -> Referral | None:
    referrals = await ReferralRepository(db).of_person(principal.council_id, principal.need_person())
    return next((row for row in referrals if row.status is not ReferralStatus.CLOSED), None)


async def _own(db: AsyncSession, principal: Principal, referral_id: str) -> Referral:
    """Return a referral of the person that may still be talked about.

    Raises:
        NotFound: It is somebody else's.
        ReferralNotOpen: It is closed.
    """
    referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
    if referral.person_id != principal.need_person():
        raise NotFound
    if referral.status is ReferralStatus.CLOSED:
        raise ReferralNotOpen("It is closed.")
    return referral


async def _decision(db: AsyncSession, referral: Referral) -> Offer | None:
    offers = await OfferRepository(db).of_referral(referral.council_id, referral.id)
    return next((offer for offer in offers if offer.status in CONTESTABLE), None)


async def _why(db: AsyncSession, principal: Principal, referral: Referral, offer: Offer) -> dict[str, Any]:
    """Return who was asked, who decided, on what basis, and what data counted."""
    accounts = AccountRepository(db)
    stored = await ShortlistRepository(db).find(principal.council_id, offer.shortlist_id)
    person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
    worker, organisation = (await PlannerRepository(db).with_organisation([offer.worker_id]))[offer.worker_id]
    users = await accounts.names({offer.decided_by_user_id})
    roles = await accounts.memberships(offer.decided_by_user_id, local(offer.offered_at).date())
    role = next((row[0].role for row in roles if row[0].council_id == principal.council_id), None)
    return {
        "planner": worker.name,
        "organisation": organisation.name,
        "about": worker.bio,
        "is_accepted": offer.status is OfferStatus.ACCEPTED,
        "decided_by": users.get(offer.decided_by_user_id, "Somebody who has left"),
        "decided_role": ROLE_LABELS[role].lower() if role is not None else "council worker",
        "basis": persons_basis(stored, offer),
        "data": counted_data(load_inputs(stored.inputs).case, referral, person),
    }


async def _choices(db: AsyncSession, principal: Principal) -> list[tuple[UUID, str]]:
    """Return planners whom the person may name: those whose organisation may plan for the council today."""
    on = today(clock_of(db))
    planners = await PlannerService(db).candidates(principal.council_id, from_day=on, weeks=1, plans_per_week=1)
    return [(row.worker.id, f"{row.worker.name}, {row.organisation_name}") for row in planners if row.accredited]


async def _form(
    db: AsyncSession, principal: Principal, referral: Referral, values: FormData, errors: dict[str, str]
) -> Template:
    context = {
        "referral": referral,
        "has_decision": await _decision(db, referral) is not None,
        "planners": [(str(worker_id), name) for worker_id, name in await _choices(db, principal)],
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/my_match_say.html", context=context, status_code=422 if errors else 200)
