"""Pages of agreements, on the council's side."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.providers.models import Agreement
from marketplace.providers.repository.agreements import WAITING, AgreementRepository
from marketplace.providers.repository.evaluation import DeskRepository
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.service.agreement_words import ExtendForm, SignForm, are_terms_true, shown_hash
from marketplace.providers.service.agreements import AgreementService, is_late
from marketplace.providers.service.evaluation.desk import AGREEMENT_LABELS
from marketplace.providers.states import AgreementStatus

PAGE = 30


class AgreementController(Controller):
    """Agreements of a council."""

    path = "/accreditation/agreements"

    @get("/", permission=Permission.APPLICATIONS_READ)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        in_state: Annotated[str | None, QueryParameter(name="status", max_length=40)] = None,
        after: Annotated[str | None, QueryParameter(name="after", max_length=100)] = None,
    ) -> Template:
        """List them, the newest first."""
        try:
            status = AgreementStatus(in_state) if in_state else None
        except ValueError:
            raise BadRequest from None
        start = parse_id(after) if after else None
        if after and start is None:
            raise BadRequest
        rows = await AgreementRepository(db).page(principal.council_id, status, start, PAGE + 1)
        day = today(clock_of(db))
        context = {
            "items": [
                {"row": row, "name": name, "words": AGREEMENT_LABELS[row.status], "is_late": is_late(row, day)}
                for row, name in rows[:PAGE]
            ],
            "states": [(item.value, words) for item, words in AGREEMENT_LABELS.items()],
            "state": in_state or "",
            "older": f"/accreditation/agreements?status={in_state or ''}&after={rows[PAGE - 1][0].id}"
            if len(rows) > PAGE
            else "",
            "values": {"status": in_state or ""},
            "errors": {},
        }
        return Template("providers/evaluation/agreements.html", context=context)

    @get("/{agreement_id:str}", permission=Permission.APPLICATIONS_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show one with its terms and signatures."""
        return await _page(db, principal, id_of(agreement_id), {}, {})

    @post("/{agreement_id:str}", permission=Permission.AGREEMENTS_SIGN)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign for the council."""
        found = id_of(agreement_id)

        async def act() -> str:
            await AgreementService(db).countersign(principal, found, SignForm.read(data))
            flash(request, "Signed. The organisation is accredited from the first day of the agreement")
            return f"/accreditation/agreements/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, found, typed(data), error.fields)

    @post("/{agreement_id:str}/next", permission=Permission.APPLICATIONS_DECIDE)
    async def offer_again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Offer its next version."""
        found = id_of(agreement_id)

        async def act() -> str:
            row = await AgreementService(db).offer_again(principal, found)
            flash(request, f"Version {row.number} is offered")
            return f"/accreditation/agreements/{row.id}"

        return await attempt(request, db, principal.actor, data, act)

    @post("/{agreement_id:str}/more-time", permission=Permission.APPLICATIONS_DECIDE)
    async def extend(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Give the organisation more time to sign."""
        found = id_of(agreement_id)

        async def act() -> str:
            await AgreementService(db).extend(principal, found, ExtendForm.read(data))
            flash(request, "The organisation has more time to sign and is told")
            return f"/accreditation/agreements/{found}"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, found, typed(data), error.fields)


def facts(row: Agreement, day: date) -> dict[str, Any]:
    """Return what both sides' pages say about an agreement."""
    return {
        "row": row,
        "words": AGREEMENT_LABELS[row.status],
        "shown_hash": shown_hash(row),
        "is_true": are_terms_true(row),
        "last_day": row.ends_on - timedelta(days=1),
        "is_late": is_late(row, day),
        "waits": row.status in WAITING,
        "is_offered": row.status is AgreementStatus.OFFERED,
        "is_theirs": row.status is AgreementStatus.PROVIDER_SIGNED,
    }


async def _page(
    db: AsyncSession, principal: Principal, agreement_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    service, desk = AgreementService(db), DeskRepository(db)
    row = await service.find(principal, agreement_id)
    application = None
    if row.application_id is not None:
        application = await desk.find_sent(principal.council_id, row.application_id)
    steps = await desk.steps(row.council_id, [("agreement", row.id)])
    may_sign = principal.may(Permission.AGREEMENTS_SIGN) and row.status is AgreementStatus.PROVIDER_SIGNED
    why_not = await service.why_not_sign(principal, application) if may_sign else ""
    context = {
        **facts(row, today(clock_of(db))),
        "organisation": await desk.organisation(row.organisation_id),
        "application": application,
        "lots": await service.lots(row),
        "versions": await AgreementRepository(db).of_reference(row),
        "labels": AGREEMENT_LABELS,
        "declined_because": next((step.why for step in steps if step.to_status == AgreementStatus.DECLINED), ""),
        "may_sign": may_sign and not why_not,
        "why_not": why_not,
        "may_offer_again": principal.may(Permission.APPLICATIONS_DECIDE) and service.may_offer_again(row),
        "may_extend": principal.may(Permission.APPLICATIONS_DECIDE) and row.status is AgreementStatus.OFFERED,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evaluation/agreement.html", context=context, status_code=422 if errors else 200)
