"""Checking the answers, sending them in, taking them back, withdrawing for good."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import RoundClosed
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.routes.applications.common import is_over, page, read_id, sent_sections
from marketplace.providers.service.applications.opened import Opened, open_application
from marketplace.providers.service.applications.sending import CLOSED_WORDS, Checked, SendingService
from marketplace.providers.service.applications.steps import TaskStatus, problems


class ApplicationSendingController(Controller):
    """The last pages of an application."""

    path = "/provider/applications/{application_id:str}"

    @get("/check", permission=Permission.APPLICATIONS_OWN)
    async def check(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Show all answers once more, with what is missing, and the form to send them."""
        checked = await SendingService(db).check(principal, read_id(application_id))
        if not checked.opened.is_draft:
            return Redirect(checked.opened.path, status_code=303)
        return _check_page(checked, {}, {})

    @post("/submit", permission=Permission.APPLICATIONS_OWN)
    async def send(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send it in."""
        service, found = SendingService(db), read_id(application_id)

        async def act() -> str:
            application = await service.submit(principal, found, data)
            return f"/provider/applications/{application.id}/receipt"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _check_page(await service.check(principal, found), data, error.fields)
        except RoundClosed as error:
            return await _closed_page(db, principal, await open_application(db, principal, found), error)

    @get("/receipt", permission=Permission.APPLICATIONS_OWN)
    async def receipt(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Say that it arrived, its reference, and what happens next."""
        opened = await open_application(db, principal, read_id(application_id))
        if opened.application.submitted is None:
            return Redirect(opened.path, status_code=303)
        return page("receipt", opened, {})

    @get("/answers", permission=Permission.APPLICATIONS_OWN)
    async def sent(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template:
        """Show what was sent, word for word."""
        opened = await open_application(db, principal, read_id(application_id))
        submitted = opened.application.submitted
        if submitted is None:
            raise NotFound
        return page("sent", opened, {"sections": sent_sections(submitted), "submitted": submitted})

    @post("/take-back", permission=Permission.APPLICATIONS_OWN)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take it back to change it."""

        async def act() -> str:
            application = await SendingService(db).take_back(principal, read_id(application_id))
            flash(request, "You have it back. It counts only when you send it again before the round closes")
            return f"/provider/applications/{application.id}"

        return await submit(request, db, principal.actor, data, act)

    @get("/withdraw", permission=Permission.APPLICATIONS_OWN)
    async def ask_withdraw(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Ask once more before it is withdrawn for good."""
        opened = await open_application(db, principal, read_id(application_id))
        if is_over(opened.application.status):
            return Redirect(opened.path, status_code=303)
        return page("withdraw", opened, {})

    @post("/withdraw", permission=Permission.APPLICATIONS_OWN)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Withdraw it for good."""
        found = read_id(application_id)

        async def act() -> str:
            form = FormReader(data)
            reason = form.text("reason", "the reason", required=False, longest=1_000)
            form.done()
            application = await SendingService(db).withdraw(principal, found, reason)
            flash(request, "Your application is withdrawn")
            return f"/provider/applications/{application.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            opened = await open_application(db, principal, found)
            return page("withdraw", opened, {}, values=data, errors=error.fields)


def _check_page(checked: Checked, values: FormData, errors: dict[str, str]) -> Template:
    opened = checked.opened
    left = [step for step in problems(opened) if step.status is not TaskStatus.CANNOT_START]
    context = {
        "problems": left,
        "sections": sent_sections(checked.content),
        "seen": checked.seen,
        "warnings": [item.warning for item in opened.needed if item.warning],
        "state": opened.round_state,
        "closed_words": CLOSED_WORDS.get(opened.round_state, ""),
        "asked_anew": {str(key) for key in opened.asked_anew},
        "statuses": {str(key): answer.confirmed_at is not None for key, answer in opened.every_answer.items()},
    }
    return page("check", opened, context, values=values, errors=errors)


async def _closed_page(db: AsyncSession, principal: Principal, opened: Opened, error: RoundClosed) -> Template:
    """Say clearly that it is too late, and that nothing is lost. That somebody tried is written down."""
    SendingService(db).record_refused(principal, opened, error.detail)
    later = await ApplicationRepository(db).later_rounds(opened.facts.framework.id, opened.facts.round.id, opened.now)
    context = {"closed_words": CLOSED_WORDS.get(opened.round_state, ""), "later": later}
    return page("closed", opened, context, status=409)
