"""Pages of self-billing agreements and of VAT: a supplier's own, and finance's."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.supply import SelfBillingRepository, VatRepository
from marketplace.payments.routes.shared import PAGE, cut, row_id, take
from marketplace.payments.schemas import read_reason
from marketplace.payments.service.self_billing import FOOTING_WORDS, SelfBillingService, check_signature
from marketplace.payments.service.vat import VatForm, VatService
from marketplace.payments.service.vat_corrections import VatCorrectionService
from marketplace.payments.states import SelfBillingStatus
from marketplace.providers.models import SERVICE_LABELS, VAT_LABELS, ServiceLine, VatCategory

STATE_WORDS: dict[str, str] = {
    SelfBillingStatus.OFFERED: "Waits for your signature",
    SelfBillingStatus.SIGNED: "Signed",
    SelfBillingStatus.ENDED: "Ended",
}
STATE_LOOKS: dict[str, str] = {
    SelfBillingStatus.OFFERED: "pending",
    SelfBillingStatus.SIGNED: "approved",
    SelfBillingStatus.ENDED: "closed",
}


class OwnSelfBillingController(Controller):
    """A supplier's own agreements."""

    path = "/provider/self-billing"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the agreements with each council."""
        return await _own_page(db, principal)

    @get("/{agreement_id:str}", permission=Permission.EARNINGS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show an agreement: to sign, or what was signed."""
        return await _agreement_page(db, principal, agreement_id, {}, {})

    @post("/{agreement_id:str}/sign", permission=Permission.BANK_DETAILS_OWN)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign."""

        async def action() -> str:
            form = FormReader(data)
            name = form.text("signed_name", "your full name", required=False, longest=100)
            form.done()
            check_signature(name, form.ticked("confirmed"))
            await SelfBillingService(db).sign(principal, row_id(agreement_id), name)
            flash(request, "You have signed. The council makes out your bills from now on")
            return "/provider/self-billing"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _agreement_page(db, principal, agreement_id, typed(data), error.fields)

    @post("/{agreement_id:str}/end", permission=Permission.BANK_DETAILS_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """End a signed agreement."""

        async def action() -> str:
            reason = read_reason(data, "why it ends")
            await SelfBillingService(db).end(principal, row_id(agreement_id), reason)
            flash(request, "The agreement has ended. You send invoices yourself from now on")
            return "/provider/self-billing"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _agreement_page(db, principal, agreement_id, typed(data), error.fields)


class SelfBillingController(Controller):
    """Finance: which suppliers agreed."""

    path = "/self-billing"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        words: Annotated[str, QueryParameter(name="q", max_length=100)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=300)] = "",
    ) -> Template:
        """Show the suppliers and where each stands."""
        return await _suppliers_page(db, principal, words, after, {})

    @post("/{organisation_id:str}/offer", permission=Permission.INVOICES_APPROVE)
    async def offer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Ask a supplier to sign."""

        async def action() -> str:
            await SelfBillRepository(db).earned_here(principal.council_id, row_id(organisation_id))
            await SelfBillingService(db).offer(principal, row_id(organisation_id))
            flash(request, "We have asked the organisation to sign")
            return "/self-billing"

        return await take(request, db, principal, data, action)

    @post("/{agreement_id:str}/end", permission=Permission.INVOICES_APPROVE)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """End a supplier's agreement."""

        async def action() -> str:
            await SelfBillingRepository(db).find(principal.council_id, row_id(agreement_id))
            reason = read_reason(data, "why it ends", name=f"reason-{agreement_id}")
            await SelfBillingService(db).end(principal, row_id(agreement_id), reason)
            flash(request, "The agreement has ended")
            return "/self-billing"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _suppliers_page(db, principal, "", "", error.fields)


class OwnVatController(Controller):
    """A supplier says how VAT applies to its services."""

    path = "/provider/vat"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what was stated, and the form."""
        day = today(clock_of(db)).replace(day=1)
        values = {f"starts_on-{part}": str(getattr(day, part)) for part in ("day", "month", "year")}
        return await _own_vat_page(db, principal, values, {})

    @post("/", permission=Permission.BANK_DETAILS_OWN)
    async def state(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """State it for one service."""

        async def action() -> str:
            if not (await SelfBillRepository(db).organisation(principal.need_organisation())).vat_number:
                raise Conflict("Your organisation has no VAT number on the platform, so its bills say nothing of VAT.")
            council_id = row_id(str(data.get("council") or principal.council_id))
            await VatService(db).state(principal, council_id, VatForm.read(data))
            flash(request, "The council’s finance team looks at it before it counts")
            return "/provider/vat"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _own_vat_page(db, principal, typed(data), error.fields)


class VatController(Controller):
    """Finance looks at what suppliers state about VAT."""

    path = "/vat-treatments"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: Annotated[str, QueryParameter(name="show", max_length=10)] = "waiting",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show what waits for a look, or all."""
        return await _vat_page(db, principal, show, after, {}, {})

    @post("/{treatment_id:str}", permission=Permission.INVOICES_APPROVE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        treatment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Agree to a statement, or take it away."""

        async def action() -> str:
            wanted = row_id(treatment_id)
            await VatRepository(db).find(principal.council_id, wanted)
            words = read_reason(data, "what you looked at, or why it does not hold", name=f"seen-{wanted}")
            if data.get("outcome") == "agree":
                await VatService(db).agree(principal, wanted, words)
                flash(request, "It counts on bills from now on")
            else:
                await VatService(db).turn_down(principal, wanted, words)
                flash(request, "You have turned it down")
            return "/vat-treatments"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _vat_page(db, principal, "waiting", "", typed(data), error.fields)


async def _own_page(db: AsyncSession, principal: Principal) -> Template:
    organisation_id = principal.need_organisation()
    context = {
        "rows": await SelfBillingRepository(db).of_supplier(organisation_id, principal.councils),
        "organisation": await SelfBillRepository(db).organisation(organisation_id),
        "state_words": STATE_WORDS,
        "state_looks": STATE_LOOKS,
        "today": today(clock_of(db)),
    }
    return Template("payments/self_billing_own.html", context=context)


async def _agreement_page(
    db: AsyncSession, principal: Principal, agreement_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    principal.require(Permission.EARNINGS_OWN)
    organisation_id = principal.need_organisation()
    row = await SelfBillingRepository(db).own(organisation_id, principal.councils, row_id(agreement_id))
    names = await InvoiceFactRepository(db).council_names([row.council_id])
    context = {
        "row": row,
        "organisation": await SelfBillRepository(db).organisation(organisation_id),
        "council_label": names.get(row.council_id, "the council"),
        "state_words": STATE_WORDS,
        "state_looks": STATE_LOOKS,
        "may_sign": principal.may(Permission.BANK_DETAILS_OWN),
        "values": values,
        "errors": errors,
    }
    return Template("payments/self_billing_agreement.html", context=context, status_code=422 if errors else 200)


async def _suppliers_page(
    db: AsyncSession, principal: Principal, words: str, after: str, errors: dict[str, str]
) -> Template:
    rows, has_more = cut(
        await SelfBillingRepository(db).suppliers(
            principal.council_id, words=words.strip(), after=after, limit=PAGE + 1
        )
    )
    organisations = await SelfBillRepository(db).organisations([row.id for row in rows])
    standings = await SelfBillingService(db).standings(principal.council_id, organisations)
    context = {
        "rows": [(row, standings[row.id]) for row in organisations],
        "footing_words": FOOTING_WORDS,
        "values": {"q": words.strip()},
        "errors": errors,
        "next_after": rows[-1].name if has_more else "",
        "may_offer": principal.may(Permission.INVOICES_APPROVE),
    }
    return Template("payments/self_billing.html", context=context, status_code=422 if errors else 200)


async def _own_vat_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    principal.require(Permission.EARNINGS_OWN)
    organisation_id = principal.need_organisation()
    names = await InvoiceFactRepository(db).council_names(principal.councils)
    context = {
        "organisation": await SelfBillRepository(db).organisation(organisation_id),
        "rows": await VatRepository(db).of_supplier(organisation_id, principal.councils),
        "councils": sorted(((str(key), name) for key, name in names.items()), key=lambda item: item[1]),
        "services": [(line.value, SERVICE_LABELS[line]) for line in ServiceLine],
        "categories": [
            (kind.value, VAT_LABELS[kind]) for kind in VatCategory if kind is not VatCategory.NOT_REGISTERED
        ],
        "service_labels": SERVICE_LABELS,
        "vat_labels": VAT_LABELS,
        "may_state": principal.may(Permission.BANK_DETAILS_OWN),
        "values": values,
        "errors": errors,
    }
    return Template("payments/vat_own.html", context=context, status_code=422 if errors else 200)


async def _vat_page(
    db: AsyncSession, principal: Principal, show: str, after: str, values: FormData, errors: dict[str, str]
) -> Template:
    is_waiting = show != "all"
    rows, has_more = cut(
        await VatRepository(db).listed(principal.council_id, waiting=is_waiting, after=parse_id(after), limit=PAGE + 1)
    )
    # They stand above the list, so on its first page alone.
    sent_wrong = [] if after else await VatCorrectionService(db).waiting(principal)
    context = {
        "rows": rows,
        "is_waiting": is_waiting,
        "sent_wrong": sent_wrong[:PAGE],
        "sent_wrong_count": len(sent_wrong),
        "service_labels": SERVICE_LABELS,
        "vat_labels": VAT_LABELS,
        "may_decide": principal.may(Permission.INVOICES_APPROVE),
        "next_after": rows[-1][0].id if has_more else "",
        "values": values,
        "errors": errors,
    }
    return Template("payments/vat_treatments.html", context=context, status_code=422 if errors else 200)


ROUTES: list[Any] = [OwnSelfBillingController, SelfBillingController, OwnVatController, VatController]
