"""The council's pages of budgets: what a person has, a sum set by hand, challenges and their answers."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.budget_parts import LARGEST_WEEKLY_PENCE
from marketplace.people.budget_view import budgets_view
from marketplace.people.budgets import BudgetService
from marketplace.people.carers import CarerForm, CarerService
from marketplace.people.challenges import ChallengeService
from marketplace.people.models import BudgetChallenge, BudgetKind, FundingRoute, Person
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_budgets import ChallengeRepository, PersonalBudgetRepository
from marketplace.people.routes_my_budget import CHALLENGES, carer_page
from marketplace.people.stages import may_plan_long_term, need_free_way
from marketplace.people.views import note_view
from marketplace.people.words_assessments import BUDGET_KINDS, BUDGET_LABELS, ROUTES_WORDS

PAGE = 25


class BudgetsController(Controller):
    """Budgets of one person."""

    @get("/people/{person_id:str}/budgets", permission=Permission.PEOPLE_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show a person's budgets with their working."""
        person = await person_of(db, principal, person_id)
        await note_view(db, principal, person.id, "budget")
        return await _page(db, principal, person, {}, {})

    @post("/people/{person_id:str}/budgets", permission=Permission.ASSESS)
    async def set_by_hand(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Set an estimate by hand, with a reason."""
        person = await person_of(db, principal, person_id)
        wanted = person.id

        async def action() -> str:
            form = FormReader(data)
            kind = form.choice("kind", "what it is for", BudgetKind) or BudgetKind.SUPPORT
            route = form.choice("route", "how it is likely to be held", FundingRoute) or FundingRoute.COUNCIL_MANAGED
            weekly = form.pounds("weekly", "the sum for a week", most=LARGEST_WEEKLY_PENCE)
            once = form.pounds("one_off", "the sum paid once", most=LARGEST_WEEKLY_PENCE, required=False)
            reason = form.text("reason", "how the sum came about", longest=1_000)
            form.done()
            if kind is BudgetKind.SUPPORT and weekly:
                await need_free_way(db, principal.council_id, wanted, "weekly")
            await BudgetService(db).set_indicative(
                principal, wanted, weekly or 0, kind=kind, one_off_pence=once or 0, route=route, reason=reason
            )
            flash(request, "The estimate is set, and the person is told")
            return f"/people/{wanted}/budgets"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, person, data, error.fields)

    @get("/people/{person_id:str}/assessments/carer", permission=Permission.ASSESS)
    async def ask_carer(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show a carer's first questions to staff who take the answers down."""
        return await carer_page(db, principal, {}, {}, person=await person_of(db, principal, person_id))

    @post("/people/{person_id:str}/assessments/carer", permission=Permission.ASSESS)
    async def record_carer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Take down a carer's answers."""
        person = await person_of(db, principal, person_id)
        wanted = person.id

        async def action() -> str:
            row = await CarerService(db).record(principal, wanted, CarerForm.read(data))
            flash(request, "The second stage should follow" if row.is_eligible else "No second stage is needed now")
            return f"/people/{wanted}/assessments"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await carer_page(db, principal, data, error.fields, person=person)


class ChallengeController(Controller):
    """Challenges that wait, and their answers."""

    path = "/budget-challenges"

    @get(permission=Permission.CHALLENGES_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        answered: Annotated[bool, QueryParameter(name="answered")] = False,
        after: Annotated[str | None, QueryParameter(name="after", max_length=36)] = None,
    ) -> Template:
        """List challenges: those that wait by the day the answer is due, or those that are over."""
        rows = await ChallengeRepository(db).page(
            principal.council_id, is_open=not answered, after=parse_id(after or ""), limit=PAGE + 1
        )
        context = {
            "rows": rows[:PAGE],
            "answered": answered,
            "more": rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            "states": CHALLENGES,
            "on": today(clock_of(db)),
        }
        return Template("people/budgets/challenges.html", context=context)

    @get("/{challenge_id:str}", permission=Permission.CHALLENGES_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], challenge_id: FromPath[str]
    ) -> Template:
        """Show a challenge with the budget it is about."""
        row = await _challenge(db, principal, challenge_id)
        await note_view(db, principal, row.person_id, "budget")
        return await _answer_page(db, principal, row, {"version": row.version}, {})

    @post("/{challenge_id:str}", permission=Permission.CHALLENGES_ANSWER)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        challenge_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Answer it."""
        row = await _challenge(db, principal, challenge_id)
        wanted = row.id
        parts = len(await PersonalBudgetRepository(db).parts(principal.council_id, [row.budget_id]))

        async def action() -> str:
            form = FormReader(data)
            outcome = form.option("outcome", "whether the sum changes", ("changed", "upheld"))
            weekly, shares = None, []
            if outcome == "changed":
                weekly = form.pounds("weekly", "the new sum for a week", most=LARGEST_WEEKLY_PENCE)
                shares = _part_sums(form, parts)
            answer = form.text("answer", "the answer", longest=4_000)
            version = form.number("version", "the version", least=0, most=1_000_000_000)
            form.done()
            await ChallengeService(db).answer(
                principal, wanted, answer=answer, weekly_pence=weekly, version=version, part_pence=shares
            )
            flash(request, "The answer is sent")
            return "/budget-challenges"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            # Read anew: what a refusal undid is not known any more.
            row = await _challenge(db, principal, challenge_id)
            return await _answer_page(db, principal, row, data, error.fields)


ROUTES = [BudgetsController, ChallengeController]


async def person_of(db: AsyncSession, principal: Principal, text: str) -> Person:
    """Return the council's person of an address.

    Raises:
        NotFound: There is none.
    """
    wanted = parse_id(text)
    if wanted is None:
        raise NotFound
    return await PeopleRepository(db).find(principal.council_id, wanted)


async def _page(
    db: AsyncSession, principal: Principal, person: Person, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    context = {
        "person": person,
        "waits": await may_plan_long_term(db, principal.council_id, person.id),
        "view": await budgets_view(db, principal.council_id, person.id, today(clock_of(db))),
        "kinds": BUDGET_KINDS,
        "labels": BUDGET_LABELS,
        "routes": ROUTES_WORDS,
        "kind_options": [(kind.value, words) for kind, words in BUDGET_KINDS.items()],
        "route_options": [(route.value, words) for route, words in ROUTES_WORDS.items()],
        "challenge_states": CHALLENGES,
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/budgets/index.html", context=context, status_code=422 if errors else 200)


async def _challenge(db: AsyncSession, principal: Principal, text: str) -> BudgetChallenge:
    wanted = parse_id(text)
    if wanted is None:
        raise NotFound
    return await ChallengeRepository(db).find(principal.council_id, wanted)


def _part_sums(form: FormReader, count: int) -> list[int]:
    """Read the new sum of each part; none where all are left empty."""
    names = [f"part-{place}" for place in range(1, count + 1)]
    if not any(form.raw(name) for name in names):
        return []
    sums = [form.pounds(name, "the new sum of this part", most=LARGEST_WEEKLY_PENCE) for name in names]
    return [amount or 0 for amount in sums]


async def _answer_page(
    db: AsyncSession, principal: Principal, row: BudgetChallenge, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    context = {
        "row": row,
        "person": await PeopleRepository(db).find(principal.council_id, row.person_id),
        "budget": await PersonalBudgetRepository(db).find(principal.council_id, row.budget_id),
        "parts": await PersonalBudgetRepository(db).parts(principal.council_id, [row.budget_id]),
        "routes": ROUTES_WORDS,
        "labels": BUDGET_LABELS,
        "state": CHALLENGES[row.status.value],
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/budgets/answer.html", context=context, status_code=422 if errors else 200)
