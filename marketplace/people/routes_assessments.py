"""Pages of assessments: begun, written section by section, saved and gone on with, completed into a budget."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.people.assessing import AWARDED, AssessmentService
from marketplace.people.assessment_view import (
    answers_page,
    assessment_page,
    cared_for_by,
    decision_page,
    index_page,
    need_page,
)
from marketplace.people.forms_assessments import (
    AnswersForm,
    AwardForm,
    DecisionForm,
    NeedForm,
    decision_values,
    need_values,
)
from marketplace.people.models import Assessment, AssessmentKind, Person
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_assessments import AssessmentRepository
from marketplace.people.views import note_view


class AssessmentController(Controller):
    """Assessments of one person."""

    path = "/people/{person_id:str}/assessments"

    @get(permission=Permission.PEOPLE_READ)
    async def index(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """List a person's assessments and offer to begin one."""
        person = await _person(db, principal, person_id)
        await note_view(db, principal, person.id, "assessment")
        return await index_page(db, principal, person, {}, {})

    @post(permission=Permission.ASSESS)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Begin an assessment."""
        person = await _person(db, principal, person_id)

        async def action() -> str:
            form = FormReader(data)
            kind = form.choice("kind", "what is assessed", AssessmentKind)
            form.done()
            row = await AssessmentService(db).begin(principal, person.id, kind or AssessmentKind.ADULT)
            return f"/people/{person.id}/assessments/{row.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await index_page(db, principal, person, data, error.fields)

    @get("/{assessment_id:str}", permission=Permission.PEOPLE_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
    ) -> Template:
        """Show an assessment, and what it lacks while it is written."""
        person, row = await _both(db, principal, person_id, assessment_id)
        await note_view(db, principal, person.id, "assessment")
        return await assessment_page(db, person, row, {}, {})

    @get("/{assessment_id:str}/answers", permission=Permission.ASSESS)
    async def ask_answers(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
    ) -> Template:
        """Show the questions of the points."""
        person, row = await _both(db, principal, person_id, assessment_id)
        values = {f"answer-{key}": answer for key, answer in row.answers.items()}
        return await answers_page(db, person, row, {**values, "version": row.version}, {})

    @post("/{assessment_id:str}/answers", permission=Permission.ASSESS)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep the answers."""
        person, row = await _both(db, principal, person_id, assessment_id)
        wanted, address = row.id, _address(person, row)

        async def action() -> str:
            version = await AssessmentService(db).version_of(row)
            form = AnswersForm.read(data, version.domains if version else [])
            await AssessmentService(db).save_answers(principal, person.id, wanted, form)
            flash(request, "The answers are saved")
            return address

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await answers_page(db, person, row, data, error.fields)

    @get("/{assessment_id:str}/needs/{need_id:str}", permission=Permission.ASSESS)
    async def ask_need(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        need_id: FromPath[str],
    ) -> Template:
        """Show the form of a need; `new` for one more."""
        person, row = await _both(db, principal, person_id, assessment_id)
        values: dict[str, Any] = {"version": row.version}
        wanted = _need_id(need_id)
        if wanted is not None:
            found = [need for need in await AssessmentRepository(db).needs(row) if need.id == wanted]
            if not found:
                raise NotFound
            values |= need_values(found[0])
        return need_page(person, row, wanted, values, {})

    @post("/{assessment_id:str}/needs/{need_id:str}", permission=Permission.ASSESS)
    async def write_need(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        need_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep a need."""
        person, row = await _both(db, principal, person_id, assessment_id)
        wanted, address, kind, row_id = _need_id(need_id), _address(person, row), row.kind, row.id

        async def action() -> str:
            await AssessmentService(db).save_need(principal, person.id, row_id, NeedForm.read(data, kind), wanted)
            flash(request, "The need is saved")
            return address

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return need_page(person, row, wanted, data, error.fields)

    @post("/{assessment_id:str}/needs/{need_id:str}/remove", permission=Permission.ASSESS)
    async def remove_need(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        need_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a need out."""
        person, row = await _both(db, principal, person_id, assessment_id)
        wanted, address, row_id = _need_id(need_id), _address(person, row), row.id
        if wanted is None:
            raise NotFound

        async def action() -> str:
            await AssessmentService(db).remove_need(principal, person.id, row_id, wanted, _version(data))
            flash(request, "The need is taken out")
            return address

        return await submit(request, db, principal.actor, data, action)

    @get("/{assessment_id:str}/decision", permission=Permission.ASSESS)
    async def ask_decision(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
    ) -> Template:
        """Show the form of what was said and decided."""
        person, row = await _both(db, principal, person_id, assessment_id)
        cared_for = await cared_for_by(db, row)
        values = {**decision_values(row), "cares_for": cared_for.reference if cared_for else "", "version": row.version}
        return decision_page(person, row, values, {})

    @post("/{assessment_id:str}/decision", permission=Permission.ASSESS)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep what was said and decided."""
        person, row = await _both(db, principal, person_id, assessment_id)
        wanted, address = row.id, _address(person, row)

        async def action() -> str:
            form = DecisionForm.read(data, today(clock_of(db)))
            await AssessmentService(db).save_decision(principal, person.id, wanted, form)
            flash(request, "What was decided is saved")
            return address

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return decision_page(person, row, data, error.fields)

    @post("/{assessment_id:str}/complete", permission=Permission.ASSESS)
    async def complete(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        assessment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Complete an assessment."""
        person, row = await _both(db, principal, person_id, assessment_id)
        wanted, address, kind = row.id, _address(person, row), row.kind

        async def action() -> str:
            form = AwardForm.read(data, has_award=kind in AWARDED)
            budget = await AssessmentService(db).complete(principal, person.id, wanted, form)
            if budget is None:
                flash(request, "The assessment is complete. No budget follows from it")
                return address
            once = f" {pounds(budget.one_off_pence)} paid once" if budget.one_off_pence else ""
            weekly = f" {pounds(budget.weekly_pence)} a week" if budget.weekly_pence or not once else ""
            flash(request, f"The assessment is complete. The first estimate of the budget is{weekly}{once}")
            return f"/people/{person.id}/budgets"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            await db.refresh(row)
            return await assessment_page(db, person, row, data, error.fields)


ROUTES = [AssessmentController]


async def _person(db: AsyncSession, principal: Principal, text: str) -> Person:
    wanted = parse_id(text)
    if wanted is None:
        raise NotFound
    return await PeopleRepository(db).find(principal.council_id, wanted)


async def _both(db: AsyncSession, principal: Principal, person: str, assessment: str) -> tuple[Person, Assessment]:
    found, wanted = await _person(db, principal, person), parse_id(assessment)
    if wanted is None:
        raise NotFound
    return found, await AssessmentRepository(db).in_person(principal.council_id, found.id, wanted)


def _address(person: Person, row: Assessment) -> str:
    return f"/people/{person.id}/assessments/{row.id}"


def _need_id(text: str) -> UUID | None:
    if text == "new":
        return None
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _version(data: FormData) -> int:
    value = FormReader(data).raw("version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
