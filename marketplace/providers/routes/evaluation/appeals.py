"""Pages of appeals, on the council's side."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import days_ago
from marketplace.core.web import FormData, typed
from marketplace.providers.repository.evaluation import AppealRepository, DeskRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.evaluation.appeals import AppealService
from marketplace.providers.service.evaluation.desk import APPEAL_LABELS, STATUS_LABELS
from marketplace.providers.service.evaluation.forms import AppealForm
from marketplace.providers.states import AppealStatus


class AppealController(Controller):
    """Appeals against decisions."""

    path = "/accreditation/appeals"

    @get("/", permission=Permission.APPLICATIONS_READ)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List open appeals, the longest waiting first, and those that are decided."""
        rows = await AppealRepository(db).page(principal.council_id, only_open=False)
        day = today(clock_of(db))
        items: list[dict[str, Any]] = [
            {"row": row, "reference": application.reference, "name": name, "ago": days_ago(row.made_at, day)}
            for row, application, name in rows
        ]
        context = {
            "waiting": [item for item in reversed(items) if item["row"].status is AppealStatus.OPEN],
            "decided": [item for item in items if item["row"].status is not AppealStatus.OPEN],
            "labels": APPEAL_LABELS,
        }
        return Template("providers/evaluation/appeals.html", context=context)

    @get("/{appeal_id:str}", permission=Permission.APPLICATIONS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], appeal_id: FromPath[str]
    ) -> Template:
        """Show an appeal with the decision it is against."""
        return await _page(db, principal, id_of(appeal_id), {}, {})

    @post("/{appeal_id:str}", permission=Permission.APPLICATIONS_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        appeal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Uphold or dismiss it."""
        found = id_of(appeal_id)

        async def act() -> str:
            row = await AppealService(db).decide(principal, found, AppealForm.read(data))
            upheld = row.status is AppealStatus.UPHELD
            flash(request, "Upheld. The application waits for a new decision" if upheld else "Dismissed")
            return f"/accreditation/appeals/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, found, typed(data), error.fields)


async def _page(
    db: AsyncSession, principal: Principal, appeal_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service, desk = AppealService(db), DeskRepository(db)
    appeal, application = await service.find(principal, appeal_id)
    names = await AccountRepository(db).names(
        {user_id for user_id in (appeal.decided_by_user_id, application.decided_by_user_id) if user_id}
    )
    why_not = await service.why_not(principal, application) if principal.may(Permission.APPLICATIONS_DECIDE) else ""
    context = {
        "appeal": appeal,
        "application": application,
        "organisation": await desk.organisation(application.organisation_id),
        "lots": (await desk.lots([application.id])).get(application.id, []),
        "state_words": APPEAL_LABELS[appeal.status],
        "application_words": STATUS_LABELS[application.status],
        "ago": days_ago(appeal.made_at, today(clock_of(db))),
        "decided_by": names.get(appeal.decided_by_user_id, "") if appeal.decided_by_user_id else "",
        "first_by": names.get(application.decided_by_user_id, "") if application.decided_by_user_id else "",
        "is_open": appeal.status is AppealStatus.OPEN,
        "may_decide": principal.may(Permission.APPLICATIONS_DECIDE) and not why_not,
        "why_not": why_not,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/appeal.html", context=context, status_code=422 if errors else 200)
