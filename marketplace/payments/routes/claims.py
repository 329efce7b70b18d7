"""Pages of claims: what a supplier asks for, and what the council says to it."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.payments.repository.claims import ClaimRepository
from marketplace.payments.routes.shared import PAGE, cut, row_id, take
from marketplace.payments.service.claims import ClaimService
from marketplace.payments.states import ClaimStatus
from marketplace.payments.tariff_forms import CLAIMED, EVENT_LABELS, MOST_GRANT_PENCE, ClaimForm

CLAIM_LABELS: dict[str, str] = {
    ClaimStatus.ASKED: "Waiting for an answer",
    ClaimStatus.AGREED: "Agreed",
    ClaimStatus.REFUSED: "Refused",
}
CLAIM_LOOKS: dict[str, str] = {
    ClaimStatus.ASKED: "pending",
    ClaimStatus.AGREED: "approved",
    ClaimStatus.REFUSED: "refused",
}
WORDS = {"event_labels": EVENT_LABELS, "claim_labels": CLAIM_LABELS, "claim_looks": CLAIM_LOOKS}


class OwnClaimController(Controller):
    """Claims of the own organisation."""

    path = "/earnings/claims"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """List what was claimed and what became of it."""
        rows, has_more = cut(
            await ClaimRepository(db).own(
                principal.need_organisation(), principal.councils, before=parse_id(before), limit=PAGE + 1
            )
        )
        next_before = rows[-1][0].id if has_more else ""
        return Template("payments/claims_own.html", context={**WORDS, "rows": rows, "next_before": next_before})

    @get("/new", permission=Permission.EARNINGS_OWN)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form."""
        return await _form(db, principal, {}, {})

    @post("/", permission=Permission.EARNINGS_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send a claim."""

        async def action() -> str:
            plans, councils = await _choices(db, principal)
            await ClaimService(db).ask(principal, ClaimForm.read(data, plans, councils))
            flash(request, "Your claim is sent to the council. You will get an e-mail when it is decided")
            return "/earnings/claims"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _form(db, principal, typed(data), error.fields)


class ClaimController(Controller):
    """Claims to the council."""

    path = "/tariff-claims"

    @get("/", permission=Permission.CLAIMS_DECIDE)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        wanted: Annotated[str, QueryParameter(name="state", max_length=20)] = ClaimStatus.ASKED.value,
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """List claims by state, newest first."""
        if wanted not in CLAIM_LABELS:
            raise BadRequest
        claims = ClaimRepository(db)
        rows, has_more = cut(
            await claims.of_council(principal.council_id, ClaimStatus(wanted), before=parse_id(before), limit=PAGE + 1)
        )
        context = {
            **WORDS,
            "rows": rows,
            "state": wanted,
            "counts": await claims.counts(principal.council_id),
            "next_before": rows[-1][0].id if has_more else "",
        }
        return Template("payments/claims.html", context=context)

    @get("/{claim_id:str}", permission=Permission.CLAIMS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], claim_id: FromPath[str]
    ) -> Template:
        """Show a claim with what it would earn."""
        return await _claim_page(db, principal, row_id(claim_id), {}, {})

    @post("/{claim_id:str}", permission=Permission.CLAIMS_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        claim_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Agree to it or refuse it."""
        wanted = row_id(claim_id)

        async def action() -> str:
            form = FormReader(data)
            decision = form.option("decision", "whether you agree", ("agree", "refuse"))
            reason = form.text("reason", "a reason", required=False, longest=1_000)
            amount = form.pounds("amount", "the grant", least=1, most=MOST_GRANT_PENCE, required=False)
            form.done()
            claim = await ClaimService(db).decide(
                principal, wanted, agree=decision == "agree", reason=reason, amount_pence=amount
            )
            flash(request, f"The claim is {CLAIM_LABELS[claim.status].lower()}. The organisation is told by e-mail")
            return f"/tariff-claims/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _claim_page(db, principal, wanted, typed(data), error.fields)


async def _choices(db: AsyncSession, principal: Principal) -> tuple[dict[str, str], dict[str, str]]:
    """Return the plans and the councils that may be chosen, by id."""
    claims = ClaimRepository(db)
    plans = await claims.plans_of(principal.need_organisation(), principal.councils, principal.worker_id)
    councils = await claims.councils(principal.councils)
    return (
        {str(plan_id): f"{case}: {name}" for plan_id, case, name in plans},
        {str(council_id): name for council_id, name in councils},
    )


async def _form(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    plans, councils = await _choices(db, principal)
    context = {
        "values": values,
        "errors": errors,
        "plans": list(plans.items()),
        "councils": list(councils.items()),
        "events": [(event.value, EVENT_LABELS[event]) for event in CLAIMED],
    }
    return Template("payments/claim_new.html", context=context, status_code=422 if errors else 200)


async def _claim_page(
    db: AsyncSession, principal: Principal, claim_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    claims = ClaimRepository(db)
    claim = await claims.find(principal.council_id, claim_id)
    organisation, case, person = await claims.context(claim)
    is_open = claim.status is ClaimStatus.ASKED
    user_ids = {user for user in (claim.asked_by_user_id, claim.decided_by_user_id) if user}
    offer = await ClaimService(db).offer(claim) if is_open else None
    grant = {"amount": f"{claim.amount_pence / 100:.2f}"} if claim.amount_pence else {}
    context = {
        **WORDS,
        "claim": claim,
        "organisation": organisation,
        "case": case,
        "person": person,
        "offer": offer,
        "earned": await claims.earned(claim.id),
        "recorded_minutes": await claims.recorded_minutes(claim.plan_id) if claim.plan_id else 0,
        "names": await AccountRepository(db).names(user_ids),
        "is_own": claim.asked_by_user_id == principal.user_id,
        "is_open": is_open,
        "values": values or grant,
        "errors": errors,
    }
    return Template("payments/claim.html", context=context, status_code=422 if errors else 200)
