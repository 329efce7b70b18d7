"""Pages on which the council answers what people contest."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

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
from marketplace.matching.basis import persons_basis
from marketplace.matching.forms import AnswerForm
from marketplace.matching.models import Contest, RequirementAward
from marketplace.matching.repository import (
    ContestRepository,
    OfferRepository,
    ReferralRepository,
    ShortlistRepository,
)
from marketplace.matching.repository.care import CareOfferRepository
from marketplace.matching.service import ContestService
from marketplace.matching.states import ContestStatus
from marketplace.matching.words import CONTEST_LABELS, OFFER_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.care import CareFacts
from marketplace.providers.repository.planners import PlannerRepository

CONTESTS_PAGE = 25


class ContestController(Controller):
    """What people contest."""

    path = "/contests"

    @get("/", permission=Permission.CONTESTS_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List what waits for an answer, overdue first, then what was answered."""
        contests, on = ContestRepository(db), today(clock_of(db))
        waiting = await contests.listed(principal.council_id, is_open=True, limit=100)
        past = await contests.listed(
            principal.council_id, is_open=False, after=parse_id(after), limit=CONTESTS_PAGE + 1
        )
        context = {
            "waiting": [(row[0], row[1], row[2], row[0].answer_by < on) for row in waiting],
            "past": [(row[0], row[1], row[2], CONTEST_LABELS[row[0].status]) for row in past[:CONTESTS_PAGE]],
            "next": past[CONTESTS_PAGE - 1][0].id if len(past) > CONTESTS_PAGE else None,
        }
        return Template("matching/contests.html", context=context)

    @get("/{contest_id:str}", permission=Permission.CONTESTS_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], contest_id: FromPath[str]
    ) -> Template:
        """Show a contest beside the decision it is about."""
        contest = await ContestRepository(db).find(principal.council_id, _id(contest_id))
        return await _page(db, principal, contest, {}, {})

    @post("/{contest_id:str}/answer", permission=Permission.CONTESTS_ANSWER)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contest_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Answer: the decision is taken again, or stands with reasons."""
        contest = await ContestRepository(db).find(principal.council_id, _id(contest_id))
        try:
            form = AnswerForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, contest, data, error.fields)

        async def action() -> str:
            done = await ContestService(db).answer(principal, contest.id, form)
            is_upheld = done.status is ContestStatus.UPHELD
            flash(request, "Answered. The decision is taken again" if is_upheld else "Answered. The decision stands")
            return "/contests"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _awards(
    db: AsyncSession, awards: Sequence[RequirementAward], users: Mapping[UUID, str]
) -> list[dict[str, Any]]:
    """Return awards of care that a person contests, each with its points and who decided."""
    offers = CareOfferRepository(db)
    names = await CareFacts(db).names([award.organisation_id for award in awards])
    found = []
    for award in awards:
        offer = await offers.find(award.council_id, award.offer_id)
        found.append(
            {
                "award": award,
                "name": names.get(award.organisation_id, "Somebody who has left"),
                "decided_by": users.get(award.awarded_by_user_id, ""),
                "score": offer.scores.get("score"),
            }
        )
    return found


async def _page(
    db: AsyncSession, principal: Principal, contest: Contest, values: FormData, errors: dict[str, str]
) -> Template:
    council_id = principal.council_id
    person = await PeopleRepository(db).find(council_id, contest.person_id)
    referral = await ReferralRepository(db).find(council_id, contest.referral_id) if contest.referral_id else None
    offer = await OfferRepository(db).find(council_id, contest.offer_id) if contest.offer_id else None
    awards = await ContestService(db).contested_awards(contest)
    ids = {
        contest.made_by_user_id,
        contest.answered_by_user_id,
        *(award.awarded_by_user_id for award in awards),
        offer.decided_by_user_id if offer else None,
    }
    users = await AccountRepository(db).names({user_id for user_id in ids if user_id is not None})
    context: dict[str, Any] = {
        "contest": contest,
        "person": person,
        "referral": referral,
        "offer": offer,
        "status": CONTEST_LABELS[contest.status],
        "made_by": users.get(contest.made_by_user_id, ""),
        "answered_by": users.get(contest.answered_by_user_id, "") if contest.answered_by_user_id else "",
        "is_late": contest.status is ContestStatus.OPEN and contest.answer_by < today(clock_of(db)),
        "is_own": (offer is not None and offer.decided_by_user_id == principal.user_id)
        or any(award.awarded_by_user_id == principal.user_id for award in awards),
        "awards": await _awards(db, awards, users),
        "values": {"version": str(contest.version), **typed(values)},
        "errors": errors,
    }
    if offer is not None:
        stored = await ShortlistRepository(db).find(council_id, offer.shortlist_id)
        found = (await PlannerRepository(db).with_organisation([offer.worker_id])).get(offer.worker_id)
        context |= {
            "planner": f"{found[0].name}, {found[1].name}" if found else "Somebody who has left",
            "offer_label": OFFER_LABELS[offer.status],
            "decided_by": users.get(offer.decided_by_user_id, ""),
            "basis": persons_basis(stored, offer),
        }
    return Template("matching/contest.html", context=context, status_code=422 if errors else 200)
