"""What moves card money in the ledger, and where that leaves a payment. The only place that posts it.

An entry is keyed by the row of its event (payment, refund, dispute), so that a fact that comes twice posts once:

- taken: Stripe clearing to the payee's card money;
- given back to the card: the other way; a refund that the card's bank turns down comes back;
- disputed: the payee's card money to what banks hold back; won, it returns; lost, it leaves Stripe clearing.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.ledger import LedgerRepository, LedgerService, Purpose, credit, debit
from marketplace.payments.models import CardDispute, CardPayment, CardRefund
from marketplace.payments.repository.card_money import CardMoneyRepository
from marketplace.payments.states import CARD, CardStatus, DisputeStatus, RefundStatus

TAKEN = "card-payment"
GIVEN_BACK = "card-refund"
TURNED_DOWN = "card-refund-failed"
DISPUTED = "card-dispute"
WON = "card-dispute-won"
LOST = "card-dispute-lost"

MONEY_STATES = (CardStatus.PAID, CardStatus.REFUNDING, CardStatus.REFUNDED, CardStatus.DISPUTED, CardStatus.LOST)
"""States in which the money was taken."""


async def post_taken(db: AsyncSession, payment: CardPayment) -> None:
    """The card was charged."""
    await LedgerService(db).post(
        payment.council_id,
        TAKEN,
        payment.id,
        [
            debit(Purpose.STRIPE_CLEARING, payment.amount_pence),
            credit(Purpose.CARD_RECEIVED, payment.amount_pence, payment.organisation_id),
        ],
        memo="Card payment for a visit" if payment.booking_id else "Card payment for visits",
    )


async def post_given_back(db: AsyncSession, payment: CardPayment, refund: CardRefund) -> None:
    """Money went back to the card."""
    await LedgerService(db).post(
        payment.council_id,
        GIVEN_BACK,
        refund.id,
        [
            debit(Purpose.CARD_RECEIVED, refund.amount_pence, payment.organisation_id),
            credit(Purpose.STRIPE_CLEARING, refund.amount_pence),
        ],
        memo="Card payment given back",
        reverses_id=await LedgerRepository(db).has_entry(TAKEN, payment.id),
    )


async def post_turned_down(db: AsyncSession, payment: CardPayment, refund: CardRefund) -> None:
    """The card's bank did not take a refund after all: the money is with the payee again."""
    ledger = LedgerRepository(db)
    given_back = await ledger.has_entry(GIVEN_BACK, refund.id)
    await LedgerService(db).post(
        payment.council_id,
        TURNED_DOWN,
        refund.id,
        [
            debit(Purpose.STRIPE_CLEARING, refund.amount_pence),
            credit(Purpose.CARD_RECEIVED, refund.amount_pence, payment.organisation_id),
        ],
        memo="Refund that the card’s bank turned down",
        reverses_id=given_back,
    )


async def post_disputed(db: AsyncSession, payment: CardPayment, dispute: CardDispute, pence: int) -> None:
    """The card holder's bank took money back until the dispute is decided."""
    await LedgerService(db).post(
        payment.council_id,
        DISPUTED,
        dispute.id,
        [
            debit(Purpose.CARD_RECEIVED, pence, payment.organisation_id),
            credit(Purpose.CARD_DISPUTED, pence, payment.organisation_id),
        ],
        memo="Card payment held back by a bank",
    )


async def post_decided(db: AsyncSession, payment: CardPayment, dispute: CardDispute, pence: int) -> None:
    """The dispute is decided: the money returns to the payee, or is gone for good."""
    is_won = dispute.status is DisputeStatus.WON
    to = (
        credit(Purpose.CARD_RECEIVED, pence, payment.organisation_id)
        if is_won
        else credit(Purpose.STRIPE_CLEARING, pence)
    )
    await LedgerService(db).post(
        payment.council_id,
        WON if is_won else LOST,
        dispute.id,
        [debit(Purpose.CARD_DISPUTED, pence, payment.organisation_id), to],
        memo="Card dispute won" if is_won else "Card dispute lost",
        reverses_id=await LedgerRepository(db).has_entry(DISPUTED, dispute.id),
    )


async def restate(db: AsyncSession, payment: CardPayment, why: str = "") -> None:
    """Bring sums and status of a paid payment to what its refunds and disputes say. It is locked.

    The status follows from the rows alone, so it does not matter in which order facts came.
    """
    await db.flush()
    money = CardMoneyRepository(db)
    refunds, disputes = await money.refunds(payment.id), await money.disputes(payment.id)
    payment.refunded_pence = sum(one.amount_pence for one in refunds if one.status is RefundStatus.DONE)
    payment.disputed_pence = min(payment.amount_pence, sum(one.withheld_pence for one in disputes))
    withheld = {one.status for one in disputes if one.withheld_pence}
    if DisputeStatus.LOST in withheld:
        target = CardStatus.LOST
    elif withheld:
        target = CardStatus.DISPUTED
    elif payment.refunded_pence == payment.amount_pence:
        target = CardStatus.REFUNDED
    elif any(one.status is RefundStatus.ASKED for one in refunds):
        target = CardStatus.REFUNDING
    else:
        target = CardStatus.PAID
    for step in _way(payment.status, target):
        CARD.move(db, payment, step, by=None, why=why)


def _way(now: CardStatus, to: CardStatus) -> list[CardStatus]:
    """The shortest chain of allowed steps between two states in which money was taken."""
    chains: list[list[CardStatus]] = [[]]
    seen = {now}
    while chains:
        chain = chains.pop(0)
        here = chain[-1] if chain else now
        if here is to:
            return chain
        for step in MONEY_STATES:
            if step not in seen and CARD.allows(here, step):
                seen.add(step)
                chains.append([*chain, step])
    return []
