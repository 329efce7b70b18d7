"""Questions of reconciliation: what Stripe says of each payment, what the ledger says, and where they differ."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from marketplace.core.ids import new_id, parse_id
from marketplace.core.repository import Repository
from marketplace.payments.models import CardPayment, CardReconciliation, ReconciliationDifference, StripeBalanceLine
from marketplace.payments.stripe_shapes import BalanceLine

CHARGES = ("charge", "payment")
REFUNDS = ("refund", "payment_refund", "refund_failure", "payment_failure_refund")
DISPUTES = ("adjustment",)
MONEY = (*CHARGES, *REFUNDS, *DISPUTES)
"""Types of balance transactions that are about payments; payouts and Stripe's own bills are the payee's business."""


class BothSides(NamedTuple):
    """A payment at Stripe and in the ledger: pence taken, given back and held by banks, each 0 or more as a rule."""

    payment: CardPayment
    stripe_taken: int
    stripe_refunded: int
    stripe_disputed: int
    is_pounds: bool
    newest_line_at: datetime | None
    ledger_taken: int
    ledger_refunded: int
    ledger_disputed: int


class ReconciliationRepository(Repository[ReconciliationDifference]):
    """Balance lines, differences and days."""

    model_type = ReconciliationDifference

    async def accounts(self, since: datetime) -> list[str]:
        """Return connected accounts with payments since a moment, or with differences that are open."""
        differing = select(ReconciliationDifference.payment_id).where(ReconciliationDifference.settled_at.is_(None))
        rows = await self.db.scalars(
            select(CardPayment.stripe_account_id)
            .where((CardPayment.created_at >= since) | CardPayment.id.in_(differing))
            .distinct()
            .order_by(CardPayment.stripe_account_id)
        )
        return list(rows)

    async def councils(self) -> list[UUID]:
        """Return the councils in which anybody ever paid by card."""
        rows = await self.db.scalars(select(CardPayment.council_id).distinct().order_by(CardPayment.council_id))
        return list(rows)

    async def councils_of(self, account: str) -> list[UUID]:
        """Return the councils in which a payee was paid, the one of the newest payment first."""
        rows = await self.db.execute(
            select(CardPayment.council_id, func.max(CardPayment.created_at).label("last"))
            .where(CardPayment.stripe_account_id == account)
            .group_by(CardPayment.council_id)
            .order_by(text("last DESC"), CardPayment.council_id)
        )
        return [council_id for council_id, _ in rows]

    async def days(self, council_id: UUID, limit: int) -> Sequence[CardReconciliation]:
        """Return what the last days came to, newest first."""
        return (
            await self.db.scalars(
                select(CardReconciliation)
                .where(CardReconciliation.council_id == council_id)
                .order_by(CardReconciliation.on_day.desc())
                .limit(limit)
            )
        ).all()

    async def unread_days(self, council_id: UUID, days: Collection[date]) -> list[date]:
        """Return which of some days were not compared, or not with all of Stripe."""
        done = set(
            await self.db.scalars(
                select(CardReconciliation.on_day).where(
                    CardReconciliation.council_id == council_id,
                    CardReconciliation.on_day.in_(days),
                    CardReconciliation.unread_why == "",
                )
            )
        )
        return [day for day in days if day not in done]

    async def open_differences(self, council_id: UUID, *, locked: bool = False) -> Sequence[ReconciliationDifference]:
        """Return what nobody has explained yet, oldest first."""
        question = (
            self.of(council_id)
            .where(ReconciliationDifference.settled_at.is_(None))
            .order_by(ReconciliationDifference.found_on, ReconciliationDifference.id)
        )
        return await self.every(question.with_for_update() if locked else question)

    async def settled_differences(self, council_id: UUID, limit: int) -> Sequence[ReconciliationDifference]:
        """Return the last differences that are explained, newest first."""
        return await self.every(
            self.of(council_id)
            .where(ReconciliationDifference.settled_at.is_not(None))
            .order_by(ReconciliationDifference.settled_at.desc(), ReconciliationDifference.id.desc())
            .limit(limit)
        )

    async def difference(self, council_id: UUID, kind: str, subject: str) -> ReconciliationDifference | None:
        """Return a difference that was found before, locked."""
        return await self.maybe(
            self.of(council_id).where(
                ReconciliationDifference.kind == kind, ReconciliationDifference.subject == subject
            ),
            locked=True,
        )

    async def keep_lines(self, account: str, lines: Iterable[BalanceLine], now: datetime) -> int:
        """Keep balance lines that are new; returns how many were."""
        rows = [
            {
                "id": new_id(),
                "stripe_account_id": account,
                "external_id": line.id,
                "kind": line.kind,
                "source_id": line.source_id,
                "payment_intent_id": line.payment_intent_id,
                "noted_council_id": parse_id(line.council),
                "currency": line.currency,
                "amount_pence": line.amount_pence,
                "fee_pence": line.fee_pence,
                "net_pence": line.net_pence,
                "created_at": line.created_at,
                "read_at": now,
            }
            for line in lines
        ]
        kept = 0
        for start in range(0, len(rows), 500):
            added = await self.db.scalars(
                insert(StripeBalanceLine)
                .values(rows[start : start + 500])
                .on_conflict_do_nothing(index_elements=["external_id"])
                .returning(StripeBalanceLine.id)
            )
            kept += len(added.all())
        return kept

    async def note_fees(self, account: str) -> None:
        """Write the charge and Stripe's fee on payments whose charge line has come."""
        await self.db.execute(
            text(
                "UPDATE card_payments p SET stripe_charge_id = l.source_id, fee_pence = l.fee_pence "
                "FROM stripe_balance_lines l WHERE l.stripe_account_id = :account "
                "AND p.stripe_account_id = :account AND l.payment_intent_id <> '' "
                "AND l.payment_intent_id = p.stripe_payment_intent_id AND l.kind = ANY (:charges) "
                "AND p.fee_pence IS NULL"
            ),
            {"account": account, "charges": list(CHARGES)},
        )

    async def both_sides(
        self, council_id: UUID, since: datetime, until: datetime, *, also: Collection[UUID]
    ) -> list[BothSides]:
        """Return payments that moved in [since, until), or are in `also`, as Stripe and as the ledger have them."""
        rows = await self.db.execute(
            text(
                """
                WITH chosen AS (
                    SELECT p.id FROM card_payments p
                    WHERE p.council_id = :council AND (p.id = ANY (CAST(:also AS uuid[]))
                        OR (p.paid_at >= :since AND p.paid_at < :until)
                        OR EXISTS (
                            SELECT FROM stripe_balance_lines l WHERE l.payment_intent_id = p.stripe_payment_intent_id
                            AND l.stripe_account_id = p.stripe_account_id
                            AND l.created_at >= :since AND l.created_at < :until
                        )
                        OR EXISTS (
                            SELECT FROM card_refunds r WHERE r.payment_id = p.id AND r.status IN ('done', 'failed')
                            AND r.asked_at >= :since AND r.asked_at < :until
                        )
                        OR EXISTS (
                            SELECT FROM card_disputes d WHERE d.payment_id = p.id
                            AND (d.opened_at >= :since OR d.closed_at >= :since)
                        ))
                )
                SELECT p.id,
                    coalesce(s.taken, 0) AS s_taken, coalesce(-s.refunded, 0) AS s_refunded,
                    coalesce(-s.disputed, 0) AS s_disputed, coalesce(s.pounds, true) AS pounds, s.newest,
                    coalesce(taken.pence, 0) AS taken,
                    coalesce(given.pence, 0) AS given, coalesce(held.pence, 0) AS held
                FROM chosen JOIN card_payments p ON p.id = chosen.id
                LEFT JOIN LATERAL (
                    SELECT sum(l.amount_pence) FILTER (WHERE l.kind = ANY (:charges)) AS taken,
                        sum(l.amount_pence) FILTER (WHERE l.kind = ANY (:refunds)) AS refunded,
                        sum(l.amount_pence) FILTER (WHERE l.kind = ANY (:disputes)) AS disputed,
                        bool_and(l.currency = 'gbp') AS pounds, max(l.created_at) AS newest
                    FROM stripe_balance_lines l
                    WHERE p.stripe_payment_intent_id <> '' AND l.payment_intent_id = p.stripe_payment_intent_id
                        AND l.stripe_account_id = p.stripe_account_id
                ) s ON true
                LEFT JOIN LATERAL (
                    SELECT sum(n.amount_pence) AS pence FROM ledger_entries e JOIN ledger_lines n ON n.entry_id = e.id
                    WHERE e.kind = 'card-payment' AND e.source_id = p.id AND n.side = 'debit'
                ) taken ON true
                LEFT JOIN LATERAL (
                    SELECT sum(CASE WHEN e.kind = 'card-refund' THEN n.amount_pence ELSE -n.amount_pence END) AS pence
                    FROM ledger_entries e JOIN ledger_lines n ON n.entry_id = e.id AND n.side = 'debit'
                    WHERE (e.kind = 'card-refund' AND e.reverses_id IN (
                            SELECT t.id FROM ledger_entries t WHERE t.kind = 'card-payment' AND t.source_id = p.id
                        )) OR (e.kind = 'card-refund-failed'
                            AND e.source_id IN (SELECT r.id FROM card_refunds r WHERE r.payment_id = p.id))
                ) given ON true
                LEFT JOIN LATERAL (
                    SELECT sum(CASE WHEN e.kind = 'card-dispute' THEN n.amount_pence ELSE -n.amount_pence END) AS pence
                    FROM ledger_entries e JOIN ledger_lines n ON n.entry_id = e.id AND n.side = 'debit'
                    WHERE e.kind IN ('card-dispute', 'card-dispute-won')
                        AND e.source_id IN (SELECT d.id FROM card_disputes d WHERE d.payment_id = p.id)
                ) held ON true
                ORDER BY p.id
                """
            ),
            {
                "council": council_id,
                "since": since,
                "until": until,
                "also": [str(one) for one in also],
                "charges": list(CHARGES),
                "refunds": list(REFUNDS),
                "disputes": list(DISPUTES),
            },
        )
        found = rows.all()
        payments = {
            one.id: one
            for one in await self.db.scalars(select(CardPayment).where(CardPayment.id.in_([row.id for row in found])))
        }
        return [
            BothSides(
                payments[row.id],
                int(row.s_taken),
                int(row.s_refunded),
                int(row.s_disputed),
                bool(row.pounds),
                row.newest,
                int(row.taken),
                int(row.given),
                int(row.held),
            )
            for row in found
        ]

    async def strange_charges(
        self, since: datetime, accounts: Collection[str], *, also: Collection[str]
    ) -> Sequence[StripeBalanceLine]:
        """Return charges since a moment, and those named by Stripe's id, that belong to no payment of ours."""
        known = select(CardPayment.stripe_payment_intent_id).where(CardPayment.stripe_payment_intent_id.is_not(None))
        return (
            await self.db.scalars(
                select(StripeBalanceLine)
                .where(
                    or_(StripeBalanceLine.created_at >= since, StripeBalanceLine.source_id.in_(also)),
                    StripeBalanceLine.stripe_account_id.in_(accounts),
                    StripeBalanceLine.kind.in_(CHARGES),
                    StripeBalanceLine.payment_intent_id.not_in(known),
                )
                .order_by(StripeBalanceLine.created_at, StripeBalanceLine.id)
                .limit(500)
            )
        ).all()

    async def totals(self, council_id: UUID, day: date, since: datetime, until: datetime) -> tuple[int, int, int]:
        """Return what a day moved, in pence: (in the ledger, at Stripe, Stripe's fees)."""
        ledger = await self.db.scalar(
            text(
                # What banks hold back has left Stripe's balance, too: both accounts count by their sides alone.
                "SELECT coalesce(sum(CASE n.side WHEN 'debit' THEN n.amount_pence ELSE -n.amount_pence END), 0) "
                "FROM ledger_lines n JOIN ledger_entries e ON e.id = n.entry_id "
                "JOIN ledger_accounts a ON a.id = n.account_id WHERE e.council_id = :council AND e.effective_on = :day "
                "AND a.purpose IN ('stripe_clearing', 'card_disputed')"
            ),
            {"council": council_id, "day": day},
        )
        row = (
            await self.db.execute(
                text(
                    "SELECT coalesce(sum(l.amount_pence), 0) AS pence, coalesce(sum(l.fee_pence), 0) AS fee "
                    "FROM stripe_balance_lines l WHERE l.created_at >= :since AND l.created_at < :until "
                    "AND l.kind = ANY (:money) AND (l.noted_council_id = :council OR l.payment_intent_id IN ("
                    "SELECT p.stripe_payment_intent_id FROM card_payments p WHERE p.council_id = :council))"
                ),
                {"council": council_id, "since": since, "until": until, "money": list(MONEY)},
            )
        ).one()
        return int(ledger or 0), int(row.pence), int(row.fee)

    async def keep_day(self, **values: Any) -> None:
        """Write down what comparing a day came to, in place of an earlier comparison of it."""
        question = insert(CardReconciliation).values(id=new_id(), **values)
        changed = {name: getattr(question.excluded, name) for name in values if name not in ("council_id", "on_day")}
        await self.db.execute(question.on_conflict_do_update(index_elements=["council_id", "on_day"], set_=changed))
