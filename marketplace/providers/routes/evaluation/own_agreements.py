"""Pages of agreements, on the organisation's side."""

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
from marketplace.core.web import FormData, typed
from marketplace.providers.repository.evaluation import DeskRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.routes.evaluation.agreements import facts
from marketplace.providers.service.agreement_words import SignForm
from marketplace.providers.service.agreements import AgreementService, is_late
from marketplace.providers.service.evaluation.desk import AGREEMENT_LABELS
from marketplace.providers.service.evaluation.forms import WhyForm
from marketplace.providers.states import AgreementStatus

BASE = "/provider/agreements"


class OwnAgreementController(Controller):
    """Agreements of the own organisation, with whatever council."""

    path = BASE

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them, the newest first."""
        rows = await AgreementService(db).own_list(principal)
        names = {row.id: row.name for row in await AccountRepository(db).councils()}
        day = today(clock_of(db))
        context = {
            "items": [
                {
                    "row": row,
                    "council": names.get(row.council_id, ""),
                    "words": AGREEMENT_LABELS[row.status],
                    "is_late": is_late(row, day),
                }
                for row in rows
            ]
        }
        return Template("providers/evaluation/own_agreements.html", context=context)

    @get("/{agreement_id:str}", permission=Permission.APPLICATIONS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show one with its terms and the form to sign it."""
        return await _page(db, principal, id_of(agreement_id), {}, {})

    @post("/{agreement_id:str}", permission=Permission.APPLICATIONS_OWN)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign for the organisation."""
        found = id_of(agreement_id)

        async def act() -> str:
            await AgreementService(db).sign(principal, found, SignForm.read(data))
            flash(request, "Signed. The council signs next")
            return f"{BASE}/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, found, typed(data), error.fields)

    @post("/{agreement_id:str}/decline", permission=Permission.APPLICATIONS_OWN)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say no to it, with a reason."""
        found = id_of(agreement_id)

        async def act() -> str:
            reason = WhyForm.read(data, "why you say no").reason
            await AgreementService(db).decline(principal, found, reason)
            flash(request, "Declined. The council is told why")
            return f"{BASE}/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, found, typed(data), error.fields)


async def _page(
    db: AsyncSession, principal: Principal, agreement_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service, desk = AgreementService(db), DeskRepository(db)
    row = await service.own(principal, agreement_id)
    council = await AccountRepository(db).council(row.council_id)
    steps = await desk.steps(row.council_id, [("agreement", row.id)])
    context = {
        **facts(row, today(clock_of(db))),
        "council": council.name if council else "",
        "contact": (council.contact_email or council.contact_phone) if council else "",
        "lots": await service.lots(row),
        "declined_because": next((step.why for step in steps if step.to_status == AgreementStatus.DECLINED), ""),
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/own_agreement.html", context=context, status_code=422 if errors else 200)
