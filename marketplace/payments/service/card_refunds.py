"""Giving card money back: asked for, agreed by a second person above the limit, sent, and what Stripe says of it."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.core.formats import pounds
from marketplace.core.ids import new_id, parse_id
from marketplace.payments.card_events import CardRefundAsked, CardRefundEnded, CardRefundWaits
from marketplace.payments.errors import NothingToRefund, OwnRefund
from marketplace.payments.models import CardPayment, CardRefund
from marketplace.payments.repository.card_money import CardMoneyRepository, PaidCardRepository, RefundRepository
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.service.card_money import post_given_back, post_turned_down, restate
from marketplace.payments.states import REFUND, CardStatus, RefundStatus
from marketplace.payments.stripe_shapes import StripeRefund

REFUNDABLE = frozenset({CardStatus.PAID, CardStatus.REFUNDING})


class RefundService:
    """The verbs of refunds. Each locks the payment (after its visits) before it counts what is left."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.cards = CardRepository(db)
        self.money = CardMoneyRepository(db)

    async def payment_for(self, principal: Principal, payment_id: UUID, *, locked: bool = False) -> CardPayment:
        """Return a payment that took money: any of the council for finance, its own for a payee.

        Raises:
            NotFound: Not theirs.
        """
        principal.require(Permission.REFUNDS_ASK)
        paid = PaidCardRepository(self.db)
        question = paid.taken(*reach_of(principal)).where(CardPayment.id == payment_id)
        if locked and await self.cards.locked_under_visits(payment_id) is None:
            raise NotFound
        return await paid.one(question)

    async def left_pence(self, payment: CardPayment, *, also_withheld: bool = False) -> int:
        """Return what may still be given back: nothing that is on its way already or that a bank holds.

        With `also_withheld`, what a bank holds until it decides counts as there.
        """
        is_withheld = also_withheld and payment.status is CardStatus.DISPUTED
        if payment.status not in REFUNDABLE and not is_withheld:
            return 0
        promised = await self.money.promised_pence(payment.id)
        return max(0, payment.amount_pence - promised - (0 if is_withheld else payment.disputed_pence))

    async def ask(self, principal: Principal, payment_id: UUID, amount_pence: int, reason: str) -> CardRefund:
        """Ask for a refund. Above the council's limit a second person has to agree before Stripe is told.

        The limit counts everything that people asked for of a payment and nobody else agreed to, so that a sum in parts
        is the same sum, whoever asks for which part.

        Raises:
            NotFound: Not a payment of theirs that took money.
            NothingToRefund: Nothing is left of it.
            InvalidInput: More than is left.
        """
        payment = await self.payment_for(principal, payment_id, locked=True)
        left = await self.left_pence(payment)
        if not left:
            raise NothingToRefund
        if not 0 < amount_pence <= left:
            raise InvalidInput({"amount": f"You can give back 1p to {pounds(left)} of this payment"})
        alone = sum(
            one.amount_pence
            for one in await self.money.refunds(payment.id)
            if one.asked_by_user_id is not None
            and one.agreed_by_user_id is None
            and one.status in (RefundStatus.ASKED, RefundStatus.DONE)
        )
        limit = int(await setting(self.db, payment.council_id, "payments.refund_limit_pence", today(self.clock)))
        needs_second = alone + amount_pence > limit
        refund = await self._add(
            payment, amount_pence, RefundStatus.WAITING if needs_second else RefundStatus.ASKED, reason, principal
        )
        if needs_second:
            outbox.publish(self.db, CardRefundWaits(council_id=payment.council_id, card_refund_id=refund.id))
        return refund

    async def give_back(self, payment: CardPayment, amount_pence: int, why: str) -> CardRefund | None:
        """Ask for a refund by the platform's own rules. The payment is locked; returns None when nothing is left."""
        amount = min(amount_pence, await self.left_pence(payment))
        return await self._add(payment, amount, RefundStatus.ASKED, why, None) if amount > 0 else None

    async def agree(self, principal: Principal, refund_id: UUID) -> CardRefund:
        """Agree to a refund that somebody else asked for.

        Raises:
            OwnRefund: They asked for it themselves.
            StepRefused: It does not wait any more.
        """
        refund, payment = await self._waiting(principal, refund_id)
        if refund.asked_by_user_id == principal.user_id:
            raise OwnRefund
        refund.agreed_by_user_id, refund.agreed_at = principal.user_id, self.clock.now()
        self._move(principal, refund, RefundStatus.ASKED, "payments.agree_card_refund")
        self._tell_stripe(refund)
        await restate(self.db, payment)
        return refund

    async def refuse(self, principal: Principal, refund_id: UUID, reason: str) -> CardRefund:
        """Say no to a refund; also whoever asked may think better of it.

        Raises:
            StepRefused: It does not wait any more.
        """
        refund, _ = await self._waiting(principal, refund_id)
        refund.failed_why = reason
        self._move(principal, refund, RefundStatus.REFUSED, "payments.refuse_card_refund", reason)
        return refund

    async def note_sent(self, refund_id: UUID, stripe_refund_id: str) -> None:
        """Write down under which id Stripe has a refund. The money moved when Stripe's event says so."""
        found = await self.money.refund_with_payment(refund_id)
        if found is not None and found[0].stripe_refund_id is None:
            await self.cards.locked_under_visits(found[1].id)
            await self.db.refresh(found[0])
            found[0].stripe_refund_id = found[0].stripe_refund_id or stripe_refund_id

    async def fail(self, refund_id: UUID, why: str) -> None:
        """Stripe will not give a refund back, for sure: people have to look at it."""
        found = await self.money.refund_with_payment(refund_id)
        if found is None:
            return
        payment = await self.cards.locked_under_visits(found[1].id)
        await self.db.refresh(found[0])
        if payment is not None and found[0].status is RefundStatus.ASKED:
            self._end(found[0], RefundStatus.FAILED, why)
            await restate(self.db, payment, "Stripe could not refund the card.")

    async def apply(self, payment: CardPayment, facts: Iterable[StripeRefund]) -> None:
        """Bring refunds to what Stripe says of each. The payment is locked and was taken.

        A refund goes from pending to done to failed and never back, so facts may come in any order.
        """
        for fact in sorted(facts, key=lambda one: one.id):
            refund = await self._row_of(payment, fact)
            if refund is None:
                continue
            if fact.is_done and refund.status in (RefundStatus.ASKED, RefundStatus.WAITING):
                self._end(refund, RefundStatus.DONE, "")
                await post_given_back(self.db, payment, refund)
            elif fact.has_failed and refund.status is RefundStatus.DONE:
                self._end(refund, RefundStatus.FAILED, fact.failure or fact.status)
                await post_turned_down(self.db, payment, refund)
            elif fact.has_failed and refund.status is RefundStatus.ASKED:
                self._end(refund, RefundStatus.FAILED, fact.failure or fact.status)

    async def _row_of(self, payment: CardPayment, fact: StripeRefund) -> CardRefund | None:
        """Find the row of a refund, or write one for a refund made by hand; None while that only waits."""
        rows = await self.money.refunds(payment.id)
        for row in rows:
            if row.stripe_refund_id == fact.id:
                return row
        ours = parse_id(fact.our_id)
        for row in rows:
            # Refunds from before had no id of Stripe's: the one of the same sum is it.
            is_old = row.status is RefundStatus.DONE and not row.reason and row.amount_pence == fact.amount_pence
            if row.stripe_refund_id is None and (row.id == ours or is_old):
                row.stripe_refund_id = fact.id
                await self.db.flush()
                return row
        if not fact.is_done and not fact.has_failed:
            return None
        if fact.is_done:
            await self._make_room(payment, fact.amount_pence)
        row = CardRefund(
            id=new_id(),
            council_id=payment.council_id,
            payment_id=payment.id,
            amount_pence=fact.amount_pence,
            # A failure that comes first is kept, too: an older event must not take the refund for done.
            status=RefundStatus.ASKED if fact.is_done else RefundStatus.FAILED,
            reason="Made at Stripe.",
            asked_at=self.clock.now(),
            stripe_refund_id=fact.id,
            failed_why="" if fact.is_done else fact.failure or fact.status,
        )
        await self._insert(row)
        return row

    async def _make_room(self, payment: CardPayment, amount_pence: int) -> None:
        """Money that did go back at Stripe comes before what we only meant to give back."""
        room = payment.amount_pence - await self.money.promised_pence(payment.id)
        for status, ended in ((RefundStatus.WAITING, RefundStatus.REFUSED), (RefundStatus.ASKED, RefundStatus.FAILED)):
            for row in await self.money.refunds(payment.id):
                if room < amount_pence and row.status is status:
                    self._end(row, ended, "The money had been given back at Stripe already.")
                    room += row.amount_pence
        await self.db.flush()

    async def _add(
        self, payment: CardPayment, amount_pence: int, status: RefundStatus, reason: str, principal: Principal | None
    ) -> CardRefund:
        refund = CardRefund(
            id=new_id(),
            council_id=payment.council_id,
            payment_id=payment.id,
            amount_pence=amount_pence,
            status=status,
            reason=reason,
            asked_by_user_id=principal.user_id if principal else None,
            asked_at=self.clock.now(),
        )
        await self._insert(refund)
        payment.refund_id = refund.id
        _note(self.db, principal, refund, "payments.ask_card_refund", None, reason)
        if status is RefundStatus.ASKED:
            self._tell_stripe(refund)
            await restate(self.db, payment, reason if principal is None else "")
        return refund

    async def _insert(self, refund: CardRefund) -> None:
        """Write a refund; the database counts once more that it fits."""
        try:
            async with self.db.begin_nested():
                self.db.add(refund)
        except IntegrityError as error:
            if broken_constraint(error) == "refunds_within_captured":
                raise NothingToRefund from error
            raise
        REFUND.begin(self.db, refund, by=refund.asked_by_user_id)

    def _tell_stripe(self, refund: CardRefund) -> None:
        event = CardRefundAsked(
            council_id=refund.council_id, card_payment_id=refund.payment_id, card_refund_id=refund.id
        )
        outbox.publish(self.db, event)

    async def _waiting(self, principal: Principal, refund_id: UUID) -> tuple[CardRefund, CardPayment]:
        principal.require(Permission.REFUNDS_AGREE)
        refunds = RefundRepository(self.db)
        found = await refunds.find(principal.council_id, refund_id)
        payment = await self.cards.locked_under_visits(found.payment_id)
        if payment is None:
            raise NotFound
        return await refunds.find(principal.council_id, refund_id, locked=True), payment

    def _move(
        self, principal: Principal | None, refund: CardRefund, to: RefundStatus, action: str, why: str = ""
    ) -> None:
        before = refund.status
        REFUND.move(self.db, refund, to, by=principal.user_id if principal else None, why=why)
        _note(self.db, principal, refund, action, before, why)

    def _end(self, refund: CardRefund, to: RefundStatus, why: str) -> None:
        """Stripe has spoken."""
        if refund.status is RefundStatus.WAITING and to is RefundStatus.DONE:
            # Somebody gave it back at Stripe before the second person here agreed.
            self._move(None, refund, RefundStatus.ASKED, "payments.send_card_refund")
        verb = {RefundStatus.DONE: "finish", RefundStatus.FAILED: "fail"}.get(to, "refuse")
        refund.failed_why = why
        self._move(None, refund, to, f"payments.{verb}_card_refund", why)
        outbox.publish(
            self.db,
            CardRefundEnded(council_id=refund.council_id, card_refund_id=refund.id, is_done=to is RefundStatus.DONE),
        )


def reach_of(principal: Principal) -> tuple[list[UUID], UUID | None]:
    """Return whose card payments somebody may see: (councils, payee), the payee being None for the council's staff."""
    if principal.role in (Role.PROVIDER, Role.PA):
        return list(principal.councils), principal.need_organisation()
    return [principal.council_id], None


def _note(
    db: AsyncSession,
    principal: Principal | None,
    refund: CardRefund,
    action: str,
    before: RefundStatus | None,
    why: str,
) -> None:
    audit.record(
        db,
        principal,
        action,
        council_id=refund.council_id,
        subject_kind="card_refund",
        subject_id=refund.id,
        before={"status": before} if before else None,
        after={"status": refund.status, "amount_pence": refund.amount_pence},
        why=why,
    )
