"""A person's care: who was awarded it, who decided, on what basis, and contesting that."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.errors import NothingToContest
from marketplace.matching.forms import ContestForm
from marketplace.matching.models import Requirement
from marketplace.matching.repository import ContestRepository
from marketplace.matching.repository.care import AwardRepository, RequirementRepository
from marketplace.matching.service import ContestService
from marketplace.matching.states import ContestStatus
from marketplace.matching.words import CONTEST_LABELS
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.providers.repository.care import CareFacts


async def my_care(db: AsyncSession, principal: Principal) -> dict[str, Any]:
    """Return the newest requirement for which somebody was awarded the person's care, with all that is told of it."""
    rows = await AwardRepository(db).of_person(principal.council_id, principal.need_person())
    if not rows:
        return {"care": None}
    requirement = rows[0][1]
    mine = [row for row in rows if row[1].id == requirement.id]
    names = await CareFacts(db).names([row[0].organisation_id for row in mine])
    deciders = {row[0].awarded_by_user_id for row in mine}
    users = await AccountRepository(db).names(deciders)
    contests = await ContestRepository(db).about_care(principal.council_id, principal.need_person())
    about = [row for row in contests if row.requirement_id == requirement.id]
    lines: list[dict[str, Any]] = [
        {
            "award": award,
            "name": names.get(award.organisation_id, "Somebody who has left"),
            "decided_by": users.get(award.awarded_by_user_id, "Somebody who has left"),
            "said": heard.said,
            "is_choice": heard.organisation_id == award.organisation_id,
            "score": offer.scores.get("score"),
        }
        for award, _, offer, heard in mine
    ]
    return {
        "care": {
            "id": requirement.id,
            "service": CARE_SERVICES.get(requirement.service_line, requirement.service_line.value),
            "awards": [line for line in lines if line["award"].taken_back_at is None],
            "taken_back": [line for line in lines if line["award"].taken_back_at is not None],
            "open": next((row for row in about if row.status is ContestStatus.OPEN), None),
            "contests": [(row, CONTEST_LABELS[row.status]) for row in about],
            "council": principal.council_name,
            "slug": principal.council_slug,
        }
    }


class MyCareController(Controller):
    """Contesting who brings one's care, for the person or somebody who acts for them."""

    path = "/my-match/care/{requirement_id:str}/say"

    @get("", permission=Permission.CONTESTS_OWN)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], requirement_id: FromPath[str]
    ) -> Template:
        """Ask what is wrong."""
        return _form(await _own(db, principal, requirement_id), {}, {})

    @post("", permission=Permission.CONTESTS_OWN)
    async def say(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Contest who was awarded the care."""
        requirement = await _own(db, principal, requirement_id)
        try:
            form = ContestForm.read(data, workers=())
        except InvalidInput as error:
            return _form(requirement, data, error.fields)

        async def action() -> str:
            contest = await ContestService(db).make_about_care(principal, requirement.id, form)
            day = f"{contest.answer_by.day} {contest.answer_by:%B}"
            flash(request, f"Thank you. Somebody who did not decide looks at it and answers by {day}")
            return "/my-match"

        return await submit(request, db, principal.actor, data, action)


async def _own(db: AsyncSession, principal: Principal, requirement_id: str) -> Requirement:
    """Return a requirement of the person that is awarded.

    Raises:
        NotFound: It is somebody else's, or none.
        NothingToContest: Nobody is chosen, or not any more.
    """
    wanted = parse_id(requirement_id)
    if wanted is None:
        raise NotFound
    requirement = await RequirementRepository(db).find(principal.council_id, wanted)
    if requirement.person_id != principal.need_person():
        raise NotFound
    if not await AwardRepository(db).of_requirement(requirement.council_id, requirement.id):
        raise NothingToContest("Nobody is chosen to bring your care now.")
    return requirement


def _form(requirement: Requirement, values: FormData, errors: dict[str, str]) -> Template:
    context = {"requirement": requirement, "values": typed(values), "errors": errors}
    return Template("matching/my_care_say.html", context=context, status_code=422 if errors else 200)
