"""Every day the ledger is compared with Stripe's balance transactions, payment by payment. Nothing is absorbed.

A difference is listed until somebody says what it was, or until it is gone at a later comparison. Comparing changes no
money: what an event left out is taken up by asking Stripe for the payment, and the next comparison shows it.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import instant, today
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import Conflict
from marketplace.payments.models import CardPayment, ReconciliationDifference
from marketplace.payments.repository.card_reconciliation import BothSides, ReconciliationRepository
from marketplace.payments.service.card_calls import check_payment
from marketplace.payments.service.card_gateway import need_gateway
from marketplace.payments.stripe_gateway import GatewayError

log = structlog.get_logger(__name__)

OVERLAP = timedelta(days=3)
"""Stripe is read again this far back: a line may show late, a refund of Friday on Monday."""
SETTLING = timedelta(minutes=10)
"""What moved this short a time ago is compared next time: its event may be on its way."""
LOOK_BACK_DAYS = 7
"""Days that were never compared are made up for, so many at most."""
ACCOUNTS_FOR = timedelta(days=180)
"""How long after its last payment an account is read: refunds and disputes come months later."""

MISSING_AT_STRIPE = "missing_at_stripe"
MISSING_IN_LEDGER = "missing_in_ledger"
AMOUNT = "amount"
REFUND_AMOUNT = "refund_amount"
DISPUTE = "dispute"
UNKNOWN_ACCOUNT = "unknown_account"
GONE = "It was gone at the next comparison."


class Found(NamedTuple):
    """One thing in which the two differ."""

    kind: str
    subject: str
    payment_id: UUID | None
    ledger_pence: int
    stripe_pence: int


class AlreadySettled(Conflict):
    """Somebody explained the difference, or it went away."""

    code = "difference-settled"
    title = "This difference is settled already"


async def reconcile_days(maker: SessionMaker) -> int:
    """Compare the days that are over and were not compared, for every council. Returns how many comparisons were made.

    Raises:
        GatewayUnavailable: No gateway is set in this process.
    """
    async with transaction(maker, "every") as db:
        clock = clock_of(db)
        wanted = [today(clock) - timedelta(days=back) for back in range(LOOK_BACK_DAYS, 0, -1)]
        reconciliation = ReconciliationRepository(db)
        councils = await reconciliation.councils()
        todo = {council_id: await reconciliation.unread_days(council_id, wanted) for council_id in councils}
    first = min((day for days in todo.values() for day in days), default=None)
    if first is None:
        return 0
    unread = await read_stripe(maker, instant(first, time(0)) - OVERLAP)
    for council_id, days in todo.items():
        for day in days:
            await compare_day(maker, council_id, day, unread)
    return sum(len(days) for days in todo.values())


async def reconcile_now(maker: SessionMaker, principal: Principal) -> None:
    """Compare yesterday again for one council, when somebody does not want to wait for the night.

    Raises:
        GatewayUnavailable: No gateway is set in this process.
    """
    principal.require(Permission.CARDS_RECONCILE)
    async with transaction(maker, principal.councils) as db:
        day = today(clock_of(db)) - timedelta(days=1)
    unread = await read_stripe(maker, instant(day, time(0)) - OVERLAP)
    await compare_day(maker, principal.council_id, day, unread)


async def read_stripe(maker: SessionMaker, since: datetime) -> dict[str, str]:
    """Read the balance lines of all accounts since a moment and keep those that are new.

    Returns:
        Accounts that could not be read, with the reason by its code; `no_access:` before one that Stripe refuses.
    """
    async with transaction(maker, "every") as db:
        now = clock_of(db).now()
        accounts = await ReconciliationRepository(db).accounts(now - ACCOUNTS_FOR)
    stripe, unread = need_gateway(), {}
    for account in accounts:
        try:
            lines = await stripe.balance_lines(account or None, since, now + timedelta(seconds=1))
        except GatewayError as error:
            unread[account] = f"no_access:{error.code}" if error.http_status in (401, 403, 404) else error.code
            log.warning("card-account-unread", stripe_account=account, cause=str(error))
            continue
        async with transaction(maker, "every") as db:
            reconciliation = ReconciliationRepository(db)
            await reconciliation.keep_lines(account, lines, now)
            await reconciliation.note_fees(account)
    return unread


async def compare_day(maker: SessionMaker, council_id: UUID, day: date, unread: Mapping[str, str]) -> int:
    """Compare a council's payments around a day and list every difference. Returns how many there are.

    Payments that differ are asked for at Stripe once more, so that a lost event is made up for.
    """
    from_at, until_at = instant(day, time(0)), instant(day + timedelta(days=1), time(0))
    async with transaction(maker, [council_id]) as db:
        reconciliation, now = ReconciliationRepository(db), clock_of(db).now()
        known = await reconciliation.open_differences(council_id, locked=True)
        also = [one.payment_id for one in known if one.payment_id]
        sides = await reconciliation.both_sides(council_id, from_at - OVERLAP, until_at, also=also)
        readable = [
            one
            for one in sides
            if one.payment.stripe_account_id not in unread
            and not (one.newest_line_at and one.newest_line_at > now - SETTLING)
        ]
        found = [difference for one in readable for difference in differences_of(one)]
        strangers = [one.subject for one in known if one.kind == MISSING_IN_LEDGER and one.payment_id is None]
        found += await _strange(reconciliation, council_id, from_at - OVERLAP, strangers)
        found += await _no_access(reconciliation, council_id, unread)
        compared = {one.payment.id for one in readable}
        for difference in found:
            await _list(reconciliation, council_id, difference, today(clock_of(db)))
        listed = {(one.kind, one.subject) for one in found}
        for row in known:
            was_compared = row.payment_id in compared or row.kind == UNKNOWN_ACCOUNT or row.subject in strangers
            if was_compared and (row.kind, row.subject) not in listed:
                row.settled_at, row.settled_why = now, GONE
        ledger_pence, stripe_pence, fee_pence = await reconciliation.totals(council_id, day, from_at, until_at)
        mine = await reconciliation.accounts(now - ACCOUNTS_FOR)
        failed = sorted({why.partition(":")[2] or why for account, why in unread.items() if account in mine})
        differing = {one.payment_id for one in found}
        await reconciliation.keep_day(
            council_id=council_id,
            on_day=day,
            ledger_pence=ledger_pence,
            stripe_pence=stripe_pence,
            fee_pence=fee_pence,
            matched=len(compared - differing),
            made_at=now,
            unread_why=", ".join(failed),
        )
        to_ask = [one.payment for one in readable if one.payment.id in differing]
    for payment in to_ask:
        await _ask(maker, payment)
    return len(found)


def differences_of(sides: BothSides) -> list[Found]:
    """Compare one payment: what was taken, given back, and held by banks."""
    payment, subject = sides.payment, str(sides.payment.id)
    found = []
    if sides.ledger_taken and not sides.stripe_taken:
        found.append(Found(MISSING_AT_STRIPE, subject, payment.id, sides.ledger_taken, 0))
    elif sides.stripe_taken and not sides.ledger_taken:
        found.append(Found(MISSING_IN_LEDGER, subject, payment.id, 0, sides.stripe_taken))
    elif sides.stripe_taken != sides.ledger_taken or not sides.is_pounds:
        found.append(Found(AMOUNT, subject, payment.id, sides.ledger_taken, sides.stripe_taken))
    if sides.stripe_refunded != sides.ledger_refunded:
        found.append(Found(REFUND_AMOUNT, subject, payment.id, sides.ledger_refunded, sides.stripe_refunded))
    if sides.stripe_disputed != sides.ledger_disputed:
        found.append(Found(DISPUTE, subject, payment.id, sides.ledger_disputed, sides.stripe_disputed))
    return found


class DifferenceService:
    """People explain differences."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.differences = ReconciliationRepository(db)

    async def settle(self, principal: Principal, difference_id: UUID, why: str) -> ReconciliationDifference:
        """Say what a difference was. It stays closed as long as its sums stay the same.

        Raises:
            NotFound: Another council's.
            AlreadySettled: It is closed.
        """
        principal.require(Permission.CARDS_RECONCILE)
        row = await self.differences.find(principal.council_id, difference_id, locked=True)
        if row.settled_at is not None:
            raise AlreadySettled
        row.settled_at, row.settled_by_user_id, row.settled_why = self.clock.now(), principal.user_id, why
        audit.record(
            self.db,
            principal,
            "payments.settle_difference",
            council_id=row.council_id,
            subject_kind="reconciliation_difference",
            subject_id=row.id,
            after={"kind": row.kind, "ledger_pence": row.ledger_pence, "stripe_pence": row.stripe_pence},
            why=why,
        )
        return row


async def _strange(
    reconciliation: ReconciliationRepository, council_id: UUID, since: datetime, also: list[str]
) -> list[Found]:
    """Charges on our payees' accounts that no payment of ours explains."""
    accounts = await reconciliation.accounts(since - ACCOUNTS_FOR)
    found = []
    for line in await reconciliation.strange_charges(since, accounts, also=also):
        home = line.noted_council_id or next(iter(await reconciliation.councils_of(line.stripe_account_id)), None)
        if home == council_id:
            found.append(Found(MISSING_IN_LEDGER, line.source_id, None, 0, line.amount_pence))
    return found


async def _no_access(
    reconciliation: ReconciliationRepository, council_id: UUID, unread: Mapping[str, str]
) -> list[Found]:
    """Accounts that Stripe does not show us, where the council has payments."""
    return [
        Found(UNKNOWN_ACCOUNT, account, None, 0, 0)
        for account, why in unread.items()
        if why.startswith("no_access:") and council_id in await reconciliation.councils_of(account)
    ]


async def _list(reconciliation: ReconciliationRepository, council_id: UUID, found: Found, day: date) -> None:
    """List a difference, once; one that somebody explained opens again when its sums changed."""
    row = await reconciliation.difference(council_id, found.kind, found.subject)
    if row is None:
        reconciliation.db.add(
            ReconciliationDifference(
                council_id=council_id,
                kind=found.kind,
                subject=found.subject,
                payment_id=found.payment_id,
                ledger_pence=found.ledger_pence,
                stripe_pence=found.stripe_pence,
                found_on=day,
            )
        )
        await reconciliation.db.flush()
        log.error("card-difference", council_id=str(council_id), kind=found.kind, subject=found.subject)
        return
    sums = (found.ledger_pence, found.stripe_pence)
    is_explained = row.settled_by_user_id is not None and (row.ledger_pence, row.stripe_pence) == sums
    row.ledger_pence, row.stripe_pence = sums
    if row.settled_at is not None and not is_explained:
        row.settled_at, row.settled_by_user_id, row.settled_why, row.found_on = None, None, "", day


async def _ask(maker: SessionMaker, payment: CardPayment) -> None:
    try:
        await check_payment(maker, payment)
    except GatewayError as error:
        log.warning("card-difference-unasked", card_payment_id=str(payment.id), cause=str(error))
