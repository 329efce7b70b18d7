"""Disputes: a card holder told their bank that a payment was wrong, and the bank holds the money back."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.payments.card_events import CardDisputeChanged
from marketplace.payments.models import CardDispute, CardPayment
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.service.card_money import post_decided, post_disputed
from marketplace.payments.states import DISPUTE, DisputeStatus
from marketplace.payments.stripe_shapes import StripeDispute

RANKS = {DisputeStatus.OPEN: 0, DisputeStatus.UNDER_REVIEW: 1, DisputeStatus.WON: 2, DisputeStatus.LOST: 2}


class DisputeService:
    """What Stripe says of disputes, and what follows for the money."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = CardMoneyRepository(db)

    async def apply(self, payment: CardPayment, facts: Iterable[StripeDispute]) -> None:
        """Bring disputes to what Stripe says of each. The payment is locked and was taken.

        A dispute only moves on (open, under review, decided), so facts may come in any order.
        """
        for fact in sorted(facts, key=lambda one: one.id):
            rows = {one.stripe_dispute_id: one for one in await self.money.disputes(payment.id)}
            dispute = rows.get(fact.id) or await self._open(payment, fact)
            # What the bank took is told apart from a mere question, which may still become more.
            if fact.withheld_pence and not dispute.withheld_pence and RANKS[dispute.status] < 2:
                await self._withhold(payment, dispute, fact.withheld_pence)
            if fact.rank > RANKS[dispute.status]:
                await self._decide(payment, dispute, fact)
            dispute.answer_by = fact.answer_by or dispute.answer_by

    async def _open(self, payment: CardPayment, fact: StripeDispute) -> CardDispute:
        dispute = CardDispute(
            id=new_id(),
            council_id=payment.council_id,
            payment_id=payment.id,
            stripe_dispute_id=fact.id,
            status=DisputeStatus.OPEN,
            amount_pence=fact.amount_pence,
            withheld_pence=0,
            reason=fact.reason,
            answer_by=fact.answer_by,
            opened_at=fact.opened_at,
        )
        self.db.add(dispute)
        await self.db.flush()
        DISPUTE.begin(self.db, dispute, by=None)
        self._note(dispute, "payments.open_card_dispute", None)
        self._tell(dispute)
        return dispute

    async def _withhold(self, payment: CardPayment, dispute: CardDispute, pence: int) -> None:
        dispute.amount_pence = max(dispute.amount_pence, pence)
        dispute.withheld_pence = pence
        await self.db.flush()
        await post_disputed(self.db, payment, dispute, pence)

    async def _decide(self, payment: CardPayment, dispute: CardDispute, fact: StripeDispute) -> None:
        before = dispute.status
        to = DisputeStatus.UNDER_REVIEW
        if fact.rank == 2:
            to = DisputeStatus.LOST if fact.is_lost else DisputeStatus.WON
        DISPUTE.move(self.db, dispute, to, by=None)
        if fact.rank == 2:
            dispute.closed_at = self.clock.now()
            if dispute.withheld_pence:
                await post_decided(self.db, payment, dispute, dispute.withheld_pence)
            if to is DisputeStatus.WON:
                dispute.withheld_pence = 0
        self._note(dispute, "payments.move_card_dispute", before)
        self._tell(dispute)

    def _tell(self, dispute: CardDispute) -> None:
        event = CardDisputeChanged(
            council_id=dispute.council_id, card_dispute_id=dispute.id, status=dispute.status.value
        )
        outbox.publish(self.db, event)

    def _note(self, dispute: CardDispute, action: str, before: DisputeStatus | None) -> None:
        audit.record(
            self.db,
            None,
            action,
            council_id=dispute.council_id,
            subject_kind="card_dispute",
            subject_id=dispute.id,
            before={"status": before} if before else None,
            after={"status": dispute.status, "amount_pence": dispute.amount_pence},
        )
