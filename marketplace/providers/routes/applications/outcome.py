"""Where an application is that was sent, what was decided, and the appeal."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.models import CriterionKind
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.routes.applications.common import page, read_id
from marketplace.providers.service.applications.appeals import AppealService
from marketplace.providers.service.applications.offers import next_round
from marketplace.providers.service.applications.opened import DECIDED, UNDER_WAY, Opened, open_application
from marketplace.providers.service.frameworks.rounds import round_state
from marketplace.providers.states import ApplicationStatus


class ApplicationOutcomeController(Controller):
    """The appeal against a decision."""

    path = "/provider/applications/{application_id:str}/appeal"

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], application_id: FromPath[str]
    ) -> Template | Redirect:
        """Show the form, or the appeal that was made."""
        opened = await open_application(db, principal, read_id(application_id))
        return await _appeal_page(db, opened, {}, {})

    @post("/", permission=Permission.APPLICATIONS_OWN)
    async def appeal(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send an appeal."""
        found = read_id(application_id)

        async def act() -> str:
            await AppealService(db).appeal(principal, found, data)
            flash(request, "Your appeal is with the council")
            return f"/provider/applications/{found}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            opened = await open_application(db, principal, found)
            page_of_appeal = await _appeal_page(db, opened, data, error.fields)
            return page_of_appeal


async def _appeal_page(
    db: AsyncSession, opened: Opened, values: FormData, errors: dict[str, str]
) -> Template | Redirect:
    service, applications = AppealService(db), ApplicationRepository(db)
    appeal = await applications.appeal(opened.application.id)
    lots = list(await applications.lots(opened.application.id))
    until = await service.until(opened)
    if appeal is None and not service.is_open(opened, lots, until, appeal):
        return Redirect(opened.path, status_code=303)
    return page("appeal", opened, {"appeal": appeal, "until": until}, values=values, errors=errors)


async def status_page(db: AsyncSession, opened: Opened) -> Template:
    """Show where an application is that is no draft: sent, decided with its reasons, or withdrawn."""
    applications, service = ApplicationRepository(db), AppealService(db)
    application = opened.application
    is_decided = application.status in DECIDED
    rows = list(await applications.lots(application.id))
    appeal = await applications.appeal(application.id)
    until = await service.until(opened)
    later = await applications.later_rounds(opened.facts.framework.id, opened.facts.round.id, opened.now)
    following = next_round(later, opened.now)
    # Scores are the council's own business until it has decided.
    scores = await applications.scores(application.id) if is_decided else {}
    scored = [
        (row, opened.lot(row.lot_id), scores[row.id])
        for row in opened.of_kind(CriterionKind.SCORED)
        if row.id in scores
    ]
    needed = {row.pass_score for row, _, given in scored if row.pass_score and given.score < row.pass_score}
    context = {
        "is_decided": is_decided,
        "lots": [(lot, row) for lot in opened.lots for row in rows if row.lot_id == lot.id],
        "scores": scored,
        "least": needed.pop() if len(needed) == 1 else None,
        "appeal": appeal,
        "until": until,
        "may_appeal": service.is_open(opened, rows, until, appeal),
        "agreement_id": await applications.agreement_id(application.id)
        if application.status is ApplicationStatus.AWARDED
        else None,
        "following": following,
        "following_is_open": following is not None and round_state(following, opened.now) == "open",
        "may_take_back": application.status is ApplicationStatus.SUBMITTED and opened.round_state == "open",
        "may_withdraw": application.status in UNDER_WAY,
    }
    return page("status", opened, context)
