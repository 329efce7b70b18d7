"""Questions about money audits, and about the spending that they look at."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, false, func, or_, select

from marketplace.bookings.models import Booking
from marketplace.core.repository import Repository
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine, Purpose, Side
from marketplace.payments.models import (
    AuditItem,
    DirectPaymentAudit,
    Match,
    MoneyMovement,
    MovementKind,
    MovementVisit,
    Receipt,
)
from marketplace.payments.repository.money import VISIT_ENTRIES, movement_stands
from marketplace.payments.states import AuditStatus
from marketplace.people.models import Person
from marketplace.providers.models import Organisation


class Spend(NamedTuple):
    """One thing that a direct payment paid for, as finance and the person both see it."""

    movement_id: UUID | None
    booking_id: UUID | None
    """One of the two."""
    on: date
    payee: str
    what: str
    amount_pence: int
    proven_pence: int
    """What approved visits prove of it."""
    receipts: int

    @property
    def id(self) -> UUID:
        """Id of the payment or visit."""
        found = self.movement_id or self.booking_id
        if found is None:
            raise ValueError("Spending is a payment or a visit")
        return found

    @property
    def unproven_pence(self) -> int:
        """What no visit proves."""
        return self.amount_pence - self.proven_pence


class MoneyAuditRepository(Repository[DirectPaymentAudit]):
    """Audits, what they ask about, and the spending behind them."""

    model_type = DirectPaymentAudit

    async def page(
        self, council_id: UUID, status: AuditStatus | None, *, after: UUID | None, limit: int
    ) -> Sequence[tuple[DirectPaymentAudit, Person]]:
        """Return a council's audits with their people, the newest first, from behind one on."""
        question = (
            select(DirectPaymentAudit, Person)
            .join(Person, Person.id == DirectPaymentAudit.person_id)
            .where(DirectPaymentAudit.council_id == council_id)
            .order_by(DirectPaymentAudit.id.desc())
            .limit(limit)
        )
        if status is not None:
            question = question.where(DirectPaymentAudit.status == status)
        if after is not None:
            question = question.where(DirectPaymentAudit.id < after)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[DirectPaymentAudit]:
        """Start a question about one person's audits, the newest first."""
        question = self.of(council_id).where(DirectPaymentAudit.person_id == person_id)
        return question.order_by(DirectPaymentAudit.id.desc())

    async def items(self, audit_id: UUID) -> Sequence[AuditItem]:
        """Return what an audit asks about, in the order it was sampled."""
        question = select(AuditItem).where(AuditItem.audit_id == audit_id).order_by(AuditItem.id)
        return (await self.db.scalars(question)).all()

    async def item(self, council_id: UUID, audit_id: UUID, item_id: UUID) -> AuditItem | None:
        """Return one question of an audit, read afresh. The audit is locked before, so nobody else changes it."""
        found: AuditItem | None = await self.db.scalar(
            select(AuditItem)
            .where(AuditItem.council_id == council_id, AuditItem.audit_id == audit_id, AuditItem.id == item_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found

    async def asks_about(self, movement_id: UUID | None, booking_id: UUID | None) -> bool:
        """Whether an audit asks about a payment or a visit."""
        about = [AuditItem.movement_id == movement_id] if movement_id else []
        if booking_id:
            about.append(AuditItem.booking_id == booking_id)
        question = select(exists().where(or_(false(), *about)))
        return bool(await self.db.scalar(question))

    async def has_closed(self, council_id: UUID, person_id: UUID) -> bool:
        """Whether a person's money was looked at before."""
        question = select(
            exists().where(
                DirectPaymentAudit.council_id == council_id,
                DirectPaymentAudit.person_id == person_id,
                DirectPaymentAudit.status == AuditStatus.CLOSED,
            )
        )
        return bool(await self.db.scalar(question))

    async def spending(self, council_id: UUID, person_id: UUID, starts_on: date, ends_on: date) -> list[Spend]:
        """Return what a direct payment paid for in [starts_on, ends_on): payments that stand and approved visits.

        A visit that a recorded payment paid for shows as the visit; of the payment only what is beside visits shows,
        unless nothing is: then it is all proven, and stands in the list as such.
        """
        parts = (
            select(func.coalesce(func.sum(MovementVisit.amount_pence), 0))
            .where(MovementVisit.movement_id == MoneyMovement.id)
            .correlate(MoneyMovement)
            .scalar_subquery()
        )
        receipts = (
            select(func.count())
            .select_from(Receipt)
            .where(Receipt.movement_id == MoneyMovement.id)
            .correlate(MoneyMovement)
            .scalar_subquery()
        )
        payments = await self.db.execute(
            select(MoneyMovement, parts, receipts).where(
                MoneyMovement.council_id == council_id,
                MoneyMovement.person_id == person_id,
                MoneyMovement.kind == MovementKind.PAYMENT,
                MoneyMovement.happened_on >= starts_on,
                MoneyMovement.happened_on < ends_on,
                movement_stands(),
            )
        )
        found = [
            Spend(row.id, None, row.happened_on, row.payee, row.what, row.amount_pence, int(proven), int(number))
            for row, proven, number in payments
        ]
        visit_receipts = (
            select(func.count())
            .select_from(Receipt)
            .where(Receipt.booking_id == Booking.id)
            .correlate(Booking)
            .scalar_subquery()
        )
        visits = await self.db.execute(
            select(
                Booking.id,
                func.min(LedgerEntry.effective_on),
                Organisation.name,
                Booking.visit_on,
                func.sum(LedgerLine.amount_pence),
                visit_receipts,
            )
            .join(LedgerEntry, LedgerEntry.source_id == Booking.id)
            .join(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .where(
                Booking.council_id == council_id,
                Booking.person_id == person_id,
                LedgerEntry.kind.in_(VISIT_ENTRIES),
                LedgerEntry.effective_on >= starts_on,
                LedgerEntry.effective_on < ends_on,
                LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
                LedgerLine.side == Side.DEBIT,
            )
            .group_by(Booking.id, Organisation.name, Booking.visit_on)
        )
        for booking_id, approved_on, name, visit_on, pence, number in visits:
            amount = int(pence)
            words = f"Visit on {visit_on.day} {visit_on:%B %Y}"
            found.append(Spend(None, booking_id, approved_on, name, words, amount, amount, int(number)))
        return sorted(found, key=lambda one: (one.on, one.id))

    async def corrections(self, council_id: UUID, person_id: UUID, starts_on: date, ends_on: date) -> int:
        """Return how many movements were taken back in a period."""
        question = select(func.count()).where(
            MoneyMovement.council_id == council_id,
            MoneyMovement.person_id == person_id,
            MoneyMovement.kind == MovementKind.CORRECTION,
            MoneyMovement.happened_on >= starts_on,
            MoneyMovement.happened_on < ends_on,
        )
        return int(await self.db.scalar(question) or 0)

    async def unproven(self, council_id: UUID, since: date, limit: int) -> Sequence[tuple[Person, int, int]]:
        """Return people with payments that no visit proves wholly, most money first: (person, payments, pence)."""
        parts = (
            select(func.coalesce(func.sum(MovementVisit.amount_pence), 0))
            .where(MovementVisit.movement_id == MoneyMovement.id)
            .correlate(MoneyMovement)
            .scalar_subquery()
        )
        pence = func.sum(MoneyMovement.amount_pence - parts)
        rows = await self.db.execute(
            select(Person, func.count(), pence)
            .join(MoneyMovement, MoneyMovement.person_id == Person.id)
            .where(
                MoneyMovement.council_id == council_id,
                MoneyMovement.kind == MovementKind.PAYMENT,
                MoneyMovement.match.in_((Match.UNMATCHED, Match.PARTLY)),
                MoneyMovement.happened_on >= since,
                movement_stands(),
            )
            .group_by(Person.id)
            .order_by(pence.desc(), Person.id)
            .limit(limit)
        )
        return [(row[0], int(row[1]), int(row[2])) for row in rows]
