"""Tells of card money: visits paid on the card page, a dispute that was won, approved visits that wait to be paid."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts.models import CouncilSetting
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, local
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.models import CardDispute, CardPayee, CardPayment, CardPurpose, CardRefund
from marketplace.payments.states import CardStatus, DisputeStatus, RefundStatus
from marketplace.providers.models import PriceUnit
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Client, Council, Helper, Shop, World

STARTS = time(19, 30)
MINUTES = 60
PAID_WEEKS_AGO = (7, 6)
"""Longer ago than reconciliation looks back: the sandbox knows nothing of what the demo only tells."""
UNPAID_WEEKS_AGO = (2, 1)
REFUND_LIMIT_PENCE = 500


class _Sold(msgspec.Struct, frozen=True, kw_only=True):
    """What is bought by card: from whom, which listing, at what price, and the payee's account."""

    shop: Shop
    helper: Helper
    listing_id: UUID
    pence: int
    account: str


def make_card_money(world: World, council: Council) -> None:
    """Write a few visits that a council's example person paid, or is to pay, by card."""
    client = next((one for one in council.clients if one.is_star), None)
    sold = _sold(world, council)
    if client is None or sold is None:
        return
    for number, weeks in enumerate((*PAID_WEEKS_AGO, *UNPAID_WEEKS_AGO)):
        day = local(world.now).date() - timedelta(weeks=weeks)
        visit = _visit(world, council, client, sold, day)
        if visit is not None and weeks in PAID_WEEKS_AGO:
            _paid(world, council, client, sold, *visit, is_disputed=number == 0)


def _sold(world: World, council: Council) -> _Sold | None:
    accounts = {row["organisation_id"]: row["stripe_account_id"] for row in world.book.of(CardPayee)}
    for shop in council.shops:
        for listing_id, offer in shop.listings:
            if shop.id in accounts and shop.helpers and offer.unit is PriceUnit.HOUR:
                return _Sold(
                    shop=shop,
                    helper=shop.helpers[0],
                    listing_id=listing_id,
                    pence=offer.pence,
                    account=accounts[shop.id],
                )
    return None


def _visit(world: World, council: Council, client: Client, sold: _Sold, day: date) -> tuple[UUID, datetime] | None:
    """Write an approved visit, where the worker has no other; returns it and when it was asked for."""
    starts_at = instant(day, STARTS)
    ends_at = starts_at + timedelta(minutes=MINUTES)
    if any(
        row["worker_id"] == sold.helper.id and row["starts_at"] < ends_at and starts_at < row["ends_at"]
        for row in world.book.of(Booking)
    ):
        return None
    asked_at, approved_at = starts_at - timedelta(days=4), ends_at + timedelta(hours=12)
    moves: list[Move] = [
        (BookingStatus.REQUESTED, asked_at, client.user_id, ""),
        (BookingStatus.ACCEPTED, asked_at + timedelta(hours=3), sold.shop.user_id, ""),
        (BookingStatus.CLAIMED, ends_at + timedelta(minutes=10), sold.shop.user_id, ""),
        (BookingStatus.APPROVED, approved_at, client.user_id, ""),
    ]
    booking_id = world.book.add(
        Booking,
        asked_at,
        council_id=council.id,
        person_id=client.id,
        listing_id=sold.listing_id,
        organisation_id=sold.shop.id,
        worker_id=sold.helper.id,
        status=BookingStatus.APPROVED,
        funding=Funding.CARD,
        visit_on=day,
        starts_local=STARTS,
        starts_at=starts_at,
        ends_at=ends_at,
        minutes=MINUTES,
        rate_pence=sold.pence,
        cost_pence=sold.pence,
        approved_pence=sold.pence,
        note="",
        reason="",
        requested_at=asked_at,
        requested_by_user_id=client.user_id,
        approved_at=approved_at,
        version=len(moves),
    )
    world.book.steps("booking", council.id, booking_id, moves)
    return booking_id, asked_at


def _paid(
    world: World,
    council: Council,
    client: Client,
    sold: _Sold,
    booking_id: UUID,
    asked_at: datetime,
    *,
    is_disputed: bool,
) -> None:
    """Write the card payment of a visit, and the dispute that its payee won."""
    book, paid_at = world.book, asked_at + timedelta(minutes=4)
    moves: list[Move] = [
        (CardStatus.CREATED, asked_at, client.user_id, ""),
        (CardStatus.OPEN, asked_at + timedelta(minutes=1), None, ""),
        (CardStatus.PAID, paid_at, None, ""),
    ]
    opened_at, closed_at = paid_at + timedelta(days=6), paid_at + timedelta(days=20)
    if is_disputed:
        moves += [(CardStatus.DISPUTED, opened_at, None, ""), (CardStatus.PAID, closed_at, None, "")]
    payment_id = book.add(
        CardPayment,
        asked_at,
        council_id=council.id,
        purpose=CardPurpose.BOOKING,
        booking_id=booking_id,
        person_id=client.id,
        organisation_id=sold.shop.id,
        status=CardStatus.PAID,
        amount_pence=sold.pence,
        refunded_pence=0,
        disputed_pence=0,
        fee_pence=sold.pence * 150 // 10_000 + 20,
        stripe_account_id=sold.account,
        stripe_session_id=f"cs_test_demo_{booking_id.hex}",
        stripe_payment_intent_id=f"pi_demo_{booking_id.hex}",
        checkout_url="",
        created_at=asked_at,
        paid_at=paid_at,
    )
    book.steps("card_payment", council.id, payment_id, moves)
    received = Purpose.CARD_RECEIVED
    book.post(
        council.id,
        "card-payment",
        payment_id,
        [debit(Purpose.STRIPE_CLEARING, sold.pence), credit(received, sold.pence, sold.shop.id)],
        memo="Card payment for a visit",
        at=paid_at,
        on=local(paid_at).date(),
    )
    if not is_disputed:
        _refund_waits(world, council, payment_id, sold.pence // 2)
        return
    dispute_id = book.add(
        CardDispute,
        opened_at,
        council_id=council.id,
        payment_id=payment_id,
        stripe_dispute_id=f"dp_demo_{booking_id.hex}",
        status=DisputeStatus.WON,
        amount_pence=sold.pence,
        withheld_pence=0,
        reason="unrecognized",
        answer_by=opened_at + timedelta(days=7),
        opened_at=opened_at,
        closed_at=closed_at,
    )
    fates: list[Move] = [
        (DisputeStatus.OPEN, opened_at, None, ""),
        (DisputeStatus.UNDER_REVIEW, opened_at + timedelta(days=2), None, ""),
        (DisputeStatus.WON, closed_at, None, ""),
    ]
    book.steps("card_dispute", council.id, dispute_id, fates)
    held = Purpose.CARD_DISPUTED
    for kind, at, lines, memo in (
        (
            "card-dispute",
            opened_at,
            [debit(received, sold.pence, sold.shop.id), credit(held, sold.pence, sold.shop.id)],
            "Card payment held back by a bank",
        ),
        (
            "card-dispute-won",
            closed_at,
            [debit(held, sold.pence, sold.shop.id), credit(received, sold.pence, sold.shop.id)],
            "Card dispute won",
        ),
    ):
        book.post(council.id, kind, dispute_id, lines, memo=memo, at=at, on=local(at).date())


def _refund_waits(world: World, council: Council, payment_id: UUID, pence: int) -> None:
    """Write a refund that finance asked for and that a second person has to agree to."""
    book, at = world.book, world.at(world.today - timedelta(days=1), 14)
    # A low limit, so that the second pair of eyes is seen at the prices of the demo.
    book.add(
        CouncilSetting,
        at,
        council_id=council.id,
        key="payments.refund_limit_pence",
        value={"value": REFUND_LIMIT_PENCE},
        starts_on=world.starts_on,
        source="Scheme of delegation (example)",
        set_by_user_id=council.staff["finance"],
        set_at=world.founded_at,
    )
    refund_id = book.add(
        CardRefund,
        at,
        council_id=council.id,
        payment_id=payment_id,
        amount_pence=pence,
        status=RefundStatus.WAITING,
        reason="The visit was half as long as agreed. The provider knows.",
        asked_by_user_id=council.staff["finance"],
        asked_at=at,
        failed_why="",
        version=1,
    )
    book.steps("card_refund", council.id, refund_id, [(RefundStatus.WAITING, at, council.staff["finance"], "")])
