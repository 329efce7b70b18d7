"""Card payments as the council and payees see them: refunds, the second person, disputes."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData
from marketplace.payments.repository.card_money import CardMoneyRepository, PaidCardRepository, RefundRepository
from marketplace.payments.routes.shared import PAGE, cut, row_id, take
from marketplace.payments.service.card_refunds import RefundService, reach_of
from marketplace.payments.states import CardStatus, DisputeStatus, RefundStatus

MOST_SHOWN = 100

CARD_LABELS = {
    CardStatus.PAID: "Paid",
    CardStatus.REFUNDING: "Refund on its way",
    CardStatus.REFUNDED: "Given back",
    CardStatus.DISPUTED: "Disputed",
    CardStatus.LOST: "Dispute lost",
}
REFUND_LABELS = {
    RefundStatus.WAITING: "Waits for a second person",
    RefundStatus.ASKED: "On its way to the card",
    RefundStatus.DONE: "Given back",
    RefundStatus.FAILED: "Did not reach the card",
    RefundStatus.REFUSED: "Not agreed",
}
DISPUTE_LABELS = {
    DisputeStatus.OPEN: "Needs an answer",
    DisputeStatus.UNDER_REVIEW: "The bank is looking at it",
    DisputeStatus.WON: "Won",
    DisputeStatus.LOST: "Lost",
}
LOOKS = {
    CardStatus.PAID: "paid",
    CardStatus.REFUNDING: "in_progress",
    CardStatus.REFUNDED: "closed",
    CardStatus.DISPUTED: "suspended",
    CardStatus.LOST: "refused",
    RefundStatus.WAITING: "pending",
    RefundStatus.ASKED: "in_progress",
    RefundStatus.DONE: "paid",
    RefundStatus.FAILED: "suspended",
    RefundStatus.REFUSED: "refused",
    DisputeStatus.OPEN: "suspended",
    DisputeStatus.UNDER_REVIEW: "in_progress",
    DisputeStatus.WON: "paid",
    DisputeStatus.LOST: "refused",
}
LABELS = {
    "card_labels": CARD_LABELS,
    "refund_labels": REFUND_LABELS,
    "dispute_labels": DISPUTE_LABELS,
    "looks": LOOKS,
}
REASONS = {
    "fraudulent": "The card holder says that they did not make this payment",
    "duplicate": "The card holder says that they paid twice",
    "product_not_received": "The card holder says that nobody came",
    "product_unacceptable": "The card holder says that the visit was not as agreed",
    "credit_not_processed": "The card holder says that a refund is missing",
    "unrecognized": "The card holder does not recognise the payment",
    "general": "The card holder’s bank gave no closer reason",
}
"""Stripe's reasons of disputes in plain words."""


class RefundController(Controller):
    """Card payments, and giving them back."""

    path = "/refunds"

    @get("/", permission=Permission.REFUNDS_ASK)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """List payments that took money, newest first."""
        paid = PaidCardRepository(db)
        councils, organisation_id = reach_of(principal)
        question = paid.taken(councils, organisation_id)
        rows, more = cut(await paid.page(question, before=parse_id(before), limit=PAGE + 1))
        days = await paid.visit_days([payment for payment, _ in rows])
        disputes = await paid.disputed(councils, organisation_id, MOST_SHOWN)
        context = {
            **LABELS,
            "rows": [(payment, name, days.get(payment.id, [])) for payment, name in rows],
            "next_before": rows[-1][0].id if more else "",
            "is_payee": organisation_id is not None,
            "open_disputes": sum(1 for dispute, _ in disputes if dispute.closed_at is None),
        }
        return Template("payments/cards/refunds.html", context=context)

    @get("/payments/{payment_id:str}", permission=Permission.REFUNDS_ASK)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], payment_id: FromPath[str]
    ) -> Template:
        """Show a payment with all that came back, and the form to give more back."""
        return await _payment_page(db, principal, payment_id, {}, {})

    @post("/payments/{payment_id:str}", permission=Permission.REFUNDS_ASK)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        payment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask for a refund."""

        async def action() -> str:
            form = FormReader(data)
            amount = form.pounds("amount", "how much to give back", least=1)
            reason = form.text("reason", "why it is given back", longest=500)
            form.done()
            refund = await RefundService(db).ask(principal, row_id(payment_id), amount or 0, reason)
            waits = refund.status is RefundStatus.WAITING
            words = "waits until a second person agrees" if waits else "is on its way to the card"
            flash(request, f"The refund of {pounds(refund.amount_pence)} {words}")
            return f"/refunds/payments/{refund.payment_id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _payment_page(db, principal, payment_id, data, error.fields)

    @get("/disputes", permission=Permission.REFUNDS_ASK)
    async def disputes(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List disputes, those that need an answer first."""
        councils, organisation_id = reach_of(principal)
        rows = await PaidCardRepository(db).disputed(councils, organisation_id, MOST_SHOWN)
        context = {
            **LABELS,
            "rows": rows,
            "reasons": REASONS,
            "is_payee": organisation_id is not None,
            "today": today(clock_of(db)),
        }
        return Template("payments/cards/disputes.html", context=context)


class RefundCheckController(Controller):
    """Refunds above the limit, for a second person."""

    path = "/refunds-to-agree"

    @get("/", permission=Permission.REFUNDS_AGREE)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what waits, oldest first."""
        rows = await RefundRepository(db).waiting(principal.council_id, MOST_SHOWN)
        names = await AccountRepository(db).names(
            {refund.asked_by_user_id for refund, _, _ in rows if refund.asked_by_user_id}
        )
        return Template("payments/cards/refund_checks.html", context={**LABELS, "rows": rows, "names": names})

    @get("/{refund_id:str}", permission=Permission.REFUNDS_AGREE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], refund_id: FromPath[str]
    ) -> Template:
        """Show one with its payment."""
        return await _check_page(db, principal, refund_id, {}, {})

    @post("/{refund_id:str}", permission=Permission.REFUNDS_AGREE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        refund_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Agree, or say no with a reason."""

        async def action() -> str:
            form = FormReader(data)
            answer = form.option("answer", "whether the money should go back", ("agree", "refuse"))
            reason = form.text("reason", "why not", required=answer == "refuse", longest=500)
            form.done()
            service, wanted = RefundService(db), row_id(refund_id)
            if answer == "agree":
                await service.agree(principal, wanted)
            else:
                await service.refuse(principal, wanted, reason)
            flash(request, "The refund is on its way to the card" if answer == "agree" else "The refund is not made")
            return "/refunds-to-agree"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _check_page(db, principal, refund_id, data, error.fields)


ROUTES = [RefundController, RefundCheckController]


async def _payment_page(
    db: AsyncSession, principal: Principal, payment_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    service = RefundService(db)
    payment = await service.payment_for(principal, row_id(payment_id))
    money = CardMoneyRepository(db)
    refunds = await money.refunds(payment.id)
    askers = {one for refund in refunds for one in (refund.asked_by_user_id, refund.agreed_by_user_id) if one}
    context = {
        **LABELS,
        "payment": payment,
        "visits": (await PaidCardRepository(db).visit_days([payment])).get(payment.id, []),
        "refunds": refunds,
        "disputes": await money.disputes(payment.id),
        "reasons": REASONS,
        "names": await AccountRepository(db).names(askers),
        "left_pence": await service.left_pence(payment),
        "values": values,
        "errors": errors,
    }
    return Template("payments/cards/payment.html", context=context, status_code=422 if errors else 200)


async def _check_page(
    db: AsyncSession, principal: Principal, refund_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    refund = await RefundRepository(db).find(principal.council_id, row_id(refund_id))
    paid = PaidCardRepository(db)
    payment = await paid.find(principal.council_id, refund.payment_id)
    names = await AccountRepository(db).names({refund.asked_by_user_id} if refund.asked_by_user_id else set())
    context = {
        **LABELS,
        "refund": refund,
        "payment": payment,
        "visits": (await paid.visit_days([payment])).get(payment.id, []),
        "asked_by": next(iter(names.values()), "The platform"),
        "is_own": refund.asked_by_user_id == principal.user_id,
        "is_waiting": refund.status is RefundStatus.WAITING,
        "values": values,
        "errors": errors,
    }
    return Template("payments/cards/refund_check.html", context=context, status_code=422 if errors else 200)
