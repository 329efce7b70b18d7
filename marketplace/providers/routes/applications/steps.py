"""The steps of a draft: its task list, its lots, whether one may apply, questions, evidence."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import AnswerChanged
from marketplace.providers.models import CriterionKind
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.routes.applications.common import page, read_id, read_lots, read_version
from marketplace.providers.routes.applications.outcome import status_page
from marketplace.providers.service.applications.carry import earlier_of
from marketplace.providers.service.applications.drafts import ApplicationService, Miss
from marketplace.providers.service.applications.files import AnswerFileService
from marketplace.providers.service.applications.opened import Opened, open_application
from marketplace.providers.service.applications.sending import CLOSED_WORDS
from marketplace.providers.service.applications.steps import (
    TaskStatus,
    answer_status,
    next_page,
    sections,
    word_count,
)


class ApplicationStepController(Controller):
    """A draft, step by step."""

    path = "/provider/applications/{application_id:str}"

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show the task list of a draft, or where an application is that was sent."""
        opened = await open_application(db, principal, read_id(application_id))
        if not opened.is_draft:
            return await status_page(db, opened)
        made = sections(opened)
        steps = [step for section in made for step in section.steps]
        later = await ApplicationRepository(db).later_rounds(
            opened.facts.framework.id, opened.facts.round.id, opened.now
        )
        context = {
            "sections": made,
            "done": sum(step.status is TaskStatus.DONE for step in steps),
            "total": len(steps),
            "to_confirm": sum(step.status is TaskStatus.TO_CONFIRM for step in steps),
            "to_reread": sum(step.status is TaskStatus.CHANGED for step in steps),
            "warnings": [item.warning for item in opened.needed if item.warning],
            "closed_words": CLOSED_WORDS.get(opened.round_state, ""),
            "later": later,
        }
        return page("tasks", opened, context)

    @get("/lots", permission=Permission.APPLICATIONS_OWN)
    async def ask_lots(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Ask what the application is for."""
        opened = await open_application(db, principal, read_id(application_id))
        if not opened.is_draft:
            return Redirect(opened.path, status_code=303)
        return _lots_page(opened, {"lots": [str(lot.id) for lot in opened.lots]}, {})

    @post("/lots", permission=Permission.APPLICATIONS_OWN)
    async def set_lots(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change what the application is for."""

        async def act() -> str:
            opened = await ApplicationService(db).set_lots(principal, read_id(application_id), read_lots(data))
            return _after(opened, "lots", data)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            opened = await open_application(db, principal, read_id(application_id))
            return _lots_page(opened, data, error.fields)

    @get("/eligibility", permission=Permission.APPLICATIONS_OWN)
    async def ask_eligibility(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Ask what decides about applying at all, on one page."""
        opened = await open_application(db, principal, read_id(application_id))
        if not opened.is_draft or not opened.of_kind(CriterionKind.ELIGIBILITY):
            return Redirect(opened.path, status_code=303)
        values = {str(key): answer.choice for key, answer in opened.every_answer.items()}
        return page("eligibility", opened, {"asked": _asked(opened)}, values=values)

    @post("/eligibility", permission=Permission.APPLICATIONS_OWN)
    async def check_eligibility(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Go on where one may apply; else say why not, and what would change that. Then nothing is kept."""
        misses: list[Miss] = []

        async def act() -> str:
            opened, found = await ApplicationService(db).check_eligibility(principal, read_id(application_id), data)
            misses.extend(found)
            return _after(opened, "eligibility", data)

        try:
            async with db.begin_nested() as kept:
                answer = await submit(request, db, principal.actor, data, act)
                if misses:
                    await kept.rollback()
        except InvalidInput as error:
            opened = await open_application(db, principal, read_id(application_id))
            return page("eligibility", opened, {"asked": _asked(opened)}, values=data, errors=error.fields)
        if misses:
            opened = await open_application(db, principal, read_id(application_id))
            return page("not_eligible", opened, {"misses": misses, "may_drop": len(opened.lots) > 1})
        return answer

    @get("/evidence", permission=Permission.APPLICATIONS_OWN)
    async def show_evidence(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Show which papers the application needs and how those of the organisation stand."""
        opened = await open_application(db, principal, read_id(application_id))
        if not opened.is_draft:
            return Redirect(opened.path, status_code=303)
        last = opened.needed[-1].kind.value if opened.needed else "registration"
        barred = ", ".join(f"{lot.code} {lot.name}" for lot in opened.lots if lot.needs_registration)
        return page("evidence", opened, {"next": next_page(opened, last), "barred": barred})

    @get("/questions/{criterion_id:str}", permission=Permission.APPLICATIONS_OWN)
    async def ask(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Template | Redirect:
        """Ask one question."""
        opened = await open_application(db, principal, read_id(application_id))
        criterion = ApplicationService.question(opened, read_id(criterion_id))
        if not opened.is_draft or not opened.is_eligible:
            return Redirect(opened.path, status_code=303)
        stored = opened.answer(criterion)
        values = {"choice": stored.choice, "words": stored.words} if stored else {}
        if answer_status(stored, is_asked_anew=criterion.id in opened.asked_anew) is TaskStatus.CHANGED:
            # An answer that is ticked already would be sent on without reading what is asked now.
            values["choice"] = ""
        return await _question_page(db, principal, opened, criterion.id, values, {})

    @post("/questions/{criterion_id:str}", permission=Permission.APPLICATIONS_OWN)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep an answer and lead on, which confirms an earlier one, or copy it."""
        service, found, asked = ApplicationService(db), read_id(application_id), read_id(criterion_id)
        action = FormReader(data).raw("action")

        async def act() -> str:
            if action == "copy":
                await service.copy(principal, found, asked)
                return f"/provider/applications/{found}/questions/{asked}"
            else:
                opened = await service.answer(
                    principal, found, asked, data, version=read_version(data), is_finished=action != "later"
                )
            return _after(opened, str(asked), data)

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            opened = await open_application(db, principal, found)
            return await _question_page(db, principal, opened, asked, data, error.fields)
        except AnswerChanged:
            opened = await open_application(db, principal, found)
            return await _question_page(db, principal, opened, asked, data, {}, has_changed=True)
        if action == "later":
            flash(request, "Saved. You can come back to it at any time")
        return answer


def _after(opened: Opened, step: str, data: FormData) -> str:
    return opened.path if FormReader(data).raw("action") == "later" else next_page(opened, step)


def _asked(opened: Opened) -> list[tuple[Any, Any]]:
    """Return the questions on whether one may apply, each with its lot where it concerns only one."""
    return [(row, opened.lot(row.lot_id)) for row in opened.of_kind(CriterionKind.ELIGIBILITY)]


def _lots_page(opened: Opened, values: FormData, errors: dict[str, str]) -> Template:
    options = [(str(lot.id), f"{lot.code} {lot.name}", lot.description) for lot in opened.every_lot]
    return page("lots", opened, {"options": options}, values=values, errors=errors)


async def _question_page(
    db: AsyncSession,
    principal: Principal,
    opened: Opened,
    criterion_id: UUID,
    values: FormData,
    errors: dict[str, str],
    *,
    has_changed: bool = False,
) -> Template:
    service = ApplicationService(db)
    criterion = service.question(opened, criterion_id)
    stored = opened.answer(criterion)
    source = await service.earlier(principal, opened, criterion)
    status = answer_status(stored, is_asked_anew=criterion.id in opened.asked_anew)
    context = {
        "criterion": criterion,
        "lot": opened.lot(criterion.lot_id),
        "stored": stored,
        "version": stored.version if stored else 0,
        "earlier": earlier_of(source, criterion) if source else None,
        "is_carried": stored is not None and stored.carried_from_id is not None,
        "is_to_confirm": status in (TaskStatus.TO_CONFIRM, TaskStatus.CHANGED),
        "may_copy": source is not None
        and criterion.kind is CriterionKind.SCORED
        and not (stored and stored.words)
        and not has_changed,
        "written": word_count(stored.words) if stored else 0,
        "has_changed": has_changed,
        "changed_by": await ApplicationRepository(db).user_name(stored.updated_by_user_id)
        if has_changed and stored
        else "",
        "file_names": [stored.name for stored in await AnswerFileService(db).of(opened, criterion)],
    }
    return page("question", opened, context, values=values, errors=errors, status=409 if has_changed else None)
