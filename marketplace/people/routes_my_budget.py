"""A person's own budget: what it is, how it came about, what it leaves out, how to challenge it (P4)."""

from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.assessment_view import assessment_facts
from marketplace.people.budget_view import budgets_view
from marketplace.people.carers import CarerForm, CarerService
from marketplace.people.challenges import ChallengeService
from marketplace.people.models import AssessmentKind, Budget
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_assessments import FOR_PLANS, AssessmentRepository
from marketplace.people.repository_budgets import PersonalBudgetRepository
from marketplace.people.views import note_view
from marketplace.people.words_assessments import (
    BUDGET_KINDS,
    CARER_QUESTIONS,
    CHALLENGE_COLOURS,
    CHALLENGE_LABELS,
    KINDS,
    ROUTES_WORDS,
)

NOT_COVERED = (
    "help to get back on your feet, such as after a stay in hospital: the first 6 weeks are free",
    "aids, and small changes to your home that cost up to £1,000: these are free",
    "care from the NHS",
    "rent, food, heating and other bills",
)
"""Source: Care and Support (Personal Budget: Exclusion of Costs) Regulations 2014; Care and Support (Preventing Needs
for Care and Support) Regulations 2014, regulation 4; Care Act 2014, section 22."""
CHALLENGES = {status.value: (CHALLENGE_COLOURS[status], words) for status, words in CHALLENGE_LABELS.items()}


class MyBudgetController(Controller):
    """One's own budget."""

    path = "/my-budget"

    @get(permission=Permission.BUDGET_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what counts, and how it came about."""
        person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
        await note_view(db, principal, person.id, "budget")
        on = today(clock_of(db))
        rows = AssessmentRepository(db)
        carer = await rows.completed(principal.council_id, person.id, [AssessmentKind.CARER_STAGE_1])
        context = {
            "person": person,
            "view": await budgets_view(db, principal.council_id, person.id, on),
            "has_assessment": await rows.completed(principal.council_id, person.id, FOR_PLANS) is not None,
            "carer": carer,
            "not_covered": NOT_COVERED,
            "kinds": BUDGET_KINDS,
            "routes": ROUTES_WORDS,
            "challenge_states": CHALLENGES,
            "challenge_days": await setting(db, principal.council_id, "people.challenge_days", on),
        }
        return Template("people/budgets/mine.html", context=context)

    @get("/assessment", permission=Permission.BUDGET_OWN)
    async def assessment(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what one's assessment says."""
        person = await PeopleRepository(db).find(principal.council_id, principal.need_person())
        row = await AssessmentRepository(db).completed(principal.council_id, person.id, FOR_PLANS)
        if row is None:
            raise NotFound
        await note_view(db, principal, person.id, "assessment")
        facts = await assessment_facts(db, row)
        context = {"person": person, "row": row, "kind": KINDS[row.kind], "change": "", **facts}
        return Template("people/budgets/my_assessment.html", context=context)

    @get("/carer", permission=Permission.BUDGET_OWN)
    async def ask_carer(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the first questions for carers."""
        await PeopleRepository(db).find(principal.council_id, principal.need_person())
        return await carer_page(db, principal, {}, {})

    @post("/carer", permission=Permission.BUDGET_OWN)
    async def record_carer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep what the carer says."""

        async def action() -> str:
            row = await CarerService(db).record_own(principal, CarerForm.read(data))
            if row.is_eligible:
                flash(request, "Thank you. A social worker looks at this next and gets in touch with you")
            else:
                flash(request, "Thank you. Look below at help that every carer can have")
            return "/my-budget#carer"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await carer_page(db, principal, data, error.fields)

    @get("/{budget_id:str}/challenge", permission=Permission.BUDGET_OWN)
    async def ask_challenge(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], budget_id: FromPath[str]
    ) -> Template:
        """Ask what is not right."""
        return await _challenge_page(db, principal, await _own(db, principal, budget_id), {}, {})

    @post("/{budget_id:str}/challenge", permission=Permission.BUDGET_OWN)
    async def challenge(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        budget_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep what is not right."""
        budget = await _own(db, principal, budget_id)
        wanted = budget.id

        async def action() -> str:
            form = FormReader(data)
            words = form.text("words", "what is not right", longest=4_000)
            form.done()
            await ChallengeService(db).ask(principal, wanted, words)
            flash(request, "We have your message. Somebody else than before looks at the sum")
            return "/my-budget"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _challenge_page(db, principal, budget, data, error.fields)

    @post("/challenges/{challenge_id:str}/withdraw", permission=Permission.BUDGET_OWN)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        challenge_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a challenge back."""
        wanted = parse_id(challenge_id)
        if wanted is None:
            raise NotFound

        async def action() -> str:
            await ChallengeService(db).withdraw(principal, wanted)
            flash(request, "You have taken your question back. The sum stays as it is")
            return "/my-budget"

        return await submit(request, db, principal.actor, data, action)


ROUTES = [MyBudgetController]


async def carer_page(
    db: AsyncSession,
    principal: Principal,
    values: Mapping[str, Any],
    errors: dict[str, str],
    *,
    person: Any = None,
) -> Template:
    """Show the first stage's questions: the carer's own page, or the page of a person for staff."""
    rules = await setting(db, principal.council_id, "people.carers", today(clock_of(db)))
    context = {
        "person": person,
        "questions": [
            {
                "key": question["key"],
                "label": question["label"],
                "options": [(one["key"], one["label"]) for one in question["answers"]],
            }
            for question in CARER_QUESTIONS
        ],
        "offers": rules["offers"],
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/budgets/carer.html", context=context, status_code=422 if errors else 200)


async def _own(db: AsyncSession, principal: Principal, text: str) -> Budget:
    wanted = parse_id(text)
    if wanted is None:
        raise NotFound
    budget = await PersonalBudgetRepository(db).find(principal.council_id, wanted)
    if budget.person_id != principal.need_person():
        raise NotFound
    return budget


async def _challenge_page(
    db: AsyncSession, principal: Principal, budget: Budget, values: FormData, errors: dict[str, str]
) -> Template:
    days = await setting(db, principal.council_id, "people.challenge_days", today(clock_of(db)))
    context = {"budget": budget, "days": days, "values": typed(values), "errors": errors}
    return Template("people/budgets/challenge.html", context=context, status_code=422 if errors else 200)
