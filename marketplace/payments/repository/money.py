"""Questions about what moved a direct payment, and how it is held."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from marketplace.bookings.models import Booking
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.models import StoredFile
from marketplace.core.repository import Repository
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine, Purpose, Side
from marketplace.payments.models import Match, MoneyMovement, MovementKind, MovementVisit, Receipt
from marketplace.people.models import Budget, BudgetStatus, DirectPaymentArrangement, FundingRoute, Person
from marketplace.providers.models import Listing, Organisation, ServiceLine
from marketplace.providers.repository.accreditations import is_accredited

ENTRY = "money-movement"
"""Kind of the ledger entry of a movement; its source is the movement."""

VISIT_ENTRIES = ("visit-approved", "visit-approved-rest")
"""Kinds of the entries that an approved visit posts (`bookings.service.settlement`)."""


class OwedVisit(NamedTuple):
    """An approved visit that the person pays themselves."""

    booking_id: UUID
    visit_on: date
    organisation_name: str
    title: str
    approved_pence: int
    left_pence: int
    """Not yet recorded as paid."""
    approved_on: date
    """Day on which its money became owed."""


class BudgetDue(NamedTuple):
    """A budget whose schedule pays in by itself."""

    budget: Budget
    from_day: date
    """First day of the person's first arrangement."""
    died_on: date | None
    paid_until: date | None
    """Day of the last payment that the schedule made."""


class MoneyRepository(Repository[MoneyMovement]):
    """Movements, the visits they paid for, receipts and arrangements."""

    model_type = MoneyMovement

    # Movements

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[MoneyMovement]:
        """Start a question about one person's movements."""
        return self.of(council_id).where(MoneyMovement.person_id == person_id)

    def of_organisation(self, councils: Collection[UUID], organisation_id: UUID) -> Select[MoneyMovement]:
        """Start a question about what an organisation recorded of the funds that it manages."""
        return select(MoneyMovement).where(
            MoneyMovement.council_id.in_(councils), MoneyMovement.organisation_id == organisation_id
        )

    async def page(self, question: Select[MoneyMovement], *, after: UUID | None, limit: int) -> Sequence[MoneyMovement]:
        """Return movements, the newest recorded first, from behind one on."""
        if after is not None:
            question = question.where(MoneyMovement.id < after)
        return await self.every(question.order_by(MoneyMovement.id.desc()).limit(limit))

    async def reversals(self, movement_ids: Collection[UUID]) -> dict[UUID, MoneyMovement]:
        """Return what took movements back, by the movement taken back."""
        rows = await self.db.scalars(select(MoneyMovement).where(MoneyMovement.reverses_id.in_(movement_ids)))
        return {row.reverses_id: row for row in rows if row.reverses_id}

    async def by_ids(self, movement_ids: Collection[UUID]) -> dict[UUID, MoneyMovement]:
        """Return movements by id."""
        rows = await self.db.scalars(select(MoneyMovement).where(MoneyMovement.id.in_(movement_ids)))
        return {row.id: row for row in rows}

    async def insert_payday(
        self, council_id: UUID, person_id: UUID, budget_id: UUID, day: date, pence: int, kind: MovementKind
    ) -> UUID | None:
        """Write down what a budget's schedule brings on a day. None when that was done before."""
        found: UUID | None = await self.db.scalar(
            insert(MoneyMovement)
            .values(
                id=new_id(),
                council_id=council_id,
                person_id=person_id,
                kind=kind,
                is_in=True,
                amount_pence=pence,
                happened_on=day,
                payee="",
                what="",
                match=Match.NOT_NEEDED,
                budget_id=budget_id,
                recorded_at=clock_of(self.db).now(),
            )
            .on_conflict_do_nothing(
                index_elements=["budget_id", "happened_on", "kind"], index_where=MoneyMovement.budget_id.is_not(None)
            )
            .returning(MoneyMovement.id)
        )
        return found

    async def note_paid_to(self, council_id: UUID, budget_id: UUID, paid_to: date) -> None:
        """Note on a budget the first day for which its share was not paid in yet; it only goes forward."""
        await self.db.execute(
            update(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.id == budget_id,
                or_(Budget.paid_to.is_(None), Budget.paid_to < paid_to),
            )
            .values(paid_to=paid_to)
        )

    async def is_recorded(
        self,
        council_id: UUID,
        person_id: UUID,
        kind: MovementKind,
        amount_pence: int,
        happened_on: date,
        payee: str,
    ) -> bool:
        """Whether such a payment, or money that came back, is recorded already and stands."""
        question = select(
            exists().where(
                MoneyMovement.council_id == council_id,
                MoneyMovement.person_id == person_id,
                MoneyMovement.kind == kind,
                MoneyMovement.amount_pence == amount_pence,
                MoneyMovement.happened_on == happened_on,
                func.lower(MoneyMovement.payee) == payee.lower(),
                movement_stands(),
            )
        )
        return bool(await self.db.scalar(question))

    async def net_paid(self, council_id: UUID, person_id: UUID) -> int:
        """Return what was recorded as paid out less what came back, of movements that stand, pence."""
        sign = case((MoneyMovement.is_in, -MoneyMovement.amount_pence), else_=MoneyMovement.amount_pence)
        total = await self.db.scalar(
            select(func.coalesce(func.sum(sign), 0)).where(
                MoneyMovement.council_id == council_id,
                MoneyMovement.person_id == person_id,
                MoneyMovement.kind.in_((MovementKind.PAYMENT, MovementKind.REFUND)),
                movement_stands(),
            )
        )
        return int(total or 0)

    async def contributed(self, council_id: UUID, person_id: UUID, from_day: date) -> int:
        """Return the own contribution recorded from a day on, of movements that stand, pence."""
        total = await self.db.scalar(
            select(func.coalesce(func.sum(MoneyMovement.amount_pence), 0)).where(
                MoneyMovement.council_id == council_id,
                MoneyMovement.person_id == person_id,
                MoneyMovement.kind == MovementKind.CONTRIBUTION,
                MoneyMovement.happened_on >= from_day,
                movement_stands(),
            )
        )
        return int(total or 0)

    async def lowest_from(self, account_id: UUID, day: date) -> int:
        """Return the least that an account held at the end of any day from one on, today's last entry included."""
        sign = case((LedgerLine.side == Side.CREDIT, LedgerLine.amount_pence), else_=-LedgerLine.amount_pence)
        by_day = (
            select(func.greatest(LedgerEntry.effective_on, day).label("day"), func.sum(sign).label("pence"))
            .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
            .where(LedgerLine.account_id == account_id)
            .group_by("day")
            .subquery()
        )
        # Everything up to the day itself is one step; each later day another.
        running = select(func.sum(by_day.c.pence).over(order_by=by_day.c.day).label("held"), by_day.c.day).subquery()
        start = await self.db.scalar(
            select(func.coalesce(func.sum(sign), 0))
            .select_from(LedgerLine)
            .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
            .where(LedgerLine.account_id == account_id, LedgerEntry.effective_on <= day)
        )
        least = await self.db.scalar(select(func.min(running.c.held)))
        return min(int(start or 0), int(least if least is not None else 0))

    # Visits that people pay themselves

    async def owed_visits(self, council_id: UUID, person_id: UUID) -> list[OwedVisit]:
        """Return approved visits that are not recorded as paid in full, the oldest first."""
        posted = (
            select(
                LedgerEntry.source_id.label("booking_id"),
                func.sum(LedgerLine.amount_pence).label("pence"),
                func.max(LedgerEntry.effective_on).label("approved_on"),
            )
            .join(LedgerLine, LedgerLine.entry_id == LedgerEntry.id)
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .where(
                LedgerAccount.council_id == council_id,
                LedgerAccount.purpose == Purpose.PERSON_OWES,
                LedgerAccount.owner_id == person_id,
                LedgerLine.side == Side.CREDIT,
                LedgerEntry.kind.in_(VISIT_ENTRIES),
            )
            .group_by(LedgerEntry.source_id)
            .subquery()
        )
        paid = (
            select(func.coalesce(func.sum(MovementVisit.amount_pence), 0))
            .join(MoneyMovement, MoneyMovement.id == MovementVisit.movement_id)
            .where(MovementVisit.booking_id == posted.c.booking_id, movement_stands())
            .correlate(posted)
            .scalar_subquery()
        )
        left = posted.c.pence - paid
        rows = await self.db.execute(
            select(
                Booking.id,
                Booking.visit_on,
                Organisation.name,
                Listing.title,
                posted.c.pence,
                left,
                posted.c.approved_on,
            )
            .join(posted, posted.c.booking_id == Booking.id)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .join(Listing, Listing.id == Booking.listing_id)
            .where(left > 0)
            .order_by(Booking.starts_at, Booking.id)
            .limit(200)
        )
        return [OwedVisit(row[0], row[1], row[2], row[3], int(row[4]), int(row[5]), row[6]) for row in rows]

    async def visits_of(self, movement_ids: Collection[UUID]) -> dict[UUID, list[tuple[Booking, str, int]]]:
        """Return which visits payments paid for: `found[movement_id]` as (visit, organisation, pence)."""
        rows = await self.db.execute(
            select(MovementVisit.movement_id, Booking, Organisation.name, MovementVisit.amount_pence)
            .join(Booking, Booking.id == MovementVisit.booking_id)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .where(MovementVisit.movement_id.in_(movement_ids))
            .order_by(Booking.starts_at, Booking.id)
        )
        found: dict[UUID, list[tuple[Booking, str, int]]] = {}
        for movement_id, booking, name, pence in rows:
            found.setdefault(movement_id, []).append((booking, name, int(pence)))
        return found

    # Receipts

    async def receipts_of(
        self, movement_ids: Collection[UUID], booking_ids: Collection[UUID] = ()
    ) -> dict[UUID, list[tuple[Receipt, StoredFile]]]:
        """Return the receipts of payments and visits that are still there, the oldest first, by payment or visit."""
        rows = await self.db.execute(
            select(Receipt, StoredFile)
            .join(StoredFile, StoredFile.id == Receipt.file_id)
            .where(
                or_(Receipt.movement_id.in_(movement_ids), Receipt.booking_id.in_(booking_ids)),
                StoredFile.removed_at.is_(None),
            )
            .order_by(Receipt.added_at, Receipt.file_id)
        )
        found: dict[UUID, list[tuple[Receipt, StoredFile]]] = {}
        for receipt, stored in rows:
            if subject := receipt.movement_id or receipt.booking_id:
                found.setdefault(subject, []).append((receipt, stored))
        return found

    async def receipt(self, councils: Collection[UUID], file_id: UUID) -> Receipt | None:
        """Return a receipt of some councils."""
        found: Receipt | None = await self.db.scalar(
            select(Receipt).where(Receipt.council_id.in_(councils), Receipt.file_id == file_id)
        )
        return found

    # How it is held

    async def arrangements(self, council_id: UUID, person_id: UUID) -> Sequence[DirectPaymentArrangement]:
        """Return how a person's direct payment was and is to be held, the newest first."""
        question = select(DirectPaymentArrangement).where(
            DirectPaymentArrangement.council_id == council_id, DirectPaymentArrangement.person_id == person_id
        )
        return (await self.db.scalars(question.order_by(DirectPaymentArrangement.starts_on.desc()))).all()

    async def fund_managers(self, council_id: UUID, on: date) -> Sequence[Organisation]:
        """Return organisations that may hold Individual Service Funds: accredited for money management."""
        question = select(Organisation).where(
            is_accredited(Organisation.id, council_id, ServiceLine.MONEY_MANAGEMENT, on)
        )
        return (await self.db.scalars(question.order_by(Organisation.name, Organisation.id).limit(500))).all()

    async def organisation_name(self, organisation_id: UUID) -> str:
        """Return the name of an organisation."""
        return str(await self.db.scalar(select(Organisation.name).where(Organisation.id == organisation_id)) or "")

    async def funds_of(
        self, councils: Collection[UUID], organisation_id: UUID, person_id: UUID | None = None
    ) -> Sequence[tuple[DirectPaymentArrangement, Person, int]]:
        """Return the funds that an organisation manages or managed, with the person and the balance, by name."""
        question = (
            select(DirectPaymentArrangement, Person, func.coalesce(LedgerAccount.balance_pence, 0))
            .join(Person, Person.id == DirectPaymentArrangement.person_id)
            .outerjoin(
                LedgerAccount,
                and_(
                    LedgerAccount.council_id == Person.council_id,
                    LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
                    LedgerAccount.owner_id == Person.id,
                ),
            )
            .where(
                DirectPaymentArrangement.council_id.in_(councils),
                DirectPaymentArrangement.organisation_id == organisation_id,
            )
            .order_by(Person.family_name, Person.id, DirectPaymentArrangement.starts_on.desc())
            .limit(500)
        )
        if person_id is not None:
            question = question.where(Person.id == person_id)
        return [(row[0], row[1], int(row[2])) for row in await self.db.execute(question)]

    # The schedule

    async def council_ids(self) -> Sequence[UUID]:
        """Return councils with direct payments that pay in by themselves. The transaction must reach all councils."""
        question = select(DirectPaymentArrangement.council_id).distinct()
        return (await self.db.scalars(question.order_by(DirectPaymentArrangement.council_id))).all()

    async def schedules(self, council_id: UUID, on: date) -> list[BudgetDue]:
        """Return direct payments that pay in by themselves: budgets of people for whom a holding was arranged."""
        first = (
            select(DirectPaymentArrangement.person_id, func.min(DirectPaymentArrangement.starts_on).label("day"))
            .where(DirectPaymentArrangement.council_id == council_id)
            .group_by(DirectPaymentArrangement.person_id)
            .subquery()
        )
        paid = (
            select(func.max(MoneyMovement.happened_on))
            .where(MoneyMovement.budget_id == Budget.id, MoneyMovement.kind == MovementKind.COUNCIL_SHARE)
            .correlate(Budget)
            .scalar_subquery()
        )
        rows = await self.db.execute(
            select(Budget, first.c.day, Person.died_on, paid)
            .join(first, first.c.person_id == Budget.person_id)
            .join(Person, Person.id == Budget.person_id)
            .where(
                Budget.council_id == council_id,
                Budget.status == BudgetStatus.FINAL,
                Budget.route == FundingRoute.DIRECT_PAYMENT,
                Budget.starts_on <= on,
                or_(Budget.ends_on.is_(None), Budget.ends_on > first.c.day),
            )
            .order_by(Budget.person_id, Budget.starts_on)
        )
        return [BudgetDue(*row) for row in rows]

    async def once_due(self, council_id: UUID, on: date) -> Sequence[Budget]:
        """Return budgets with a sum that is paid once on their first day and was not paid yet.

        As with the weekly share, only where it was arranged who holds the money: before, the council pays by hand.
        Who had died by that day gets nothing more.
        """
        first = (
            select(func.min(DirectPaymentArrangement.starts_on))
            .where(
                DirectPaymentArrangement.council_id == council_id,
                DirectPaymentArrangement.person_id == Budget.person_id,
            )
            .correlate(Budget)
            .scalar_subquery()
        )
        is_paid = exists().where(MoneyMovement.budget_id == Budget.id, MoneyMovement.kind == MovementKind.ONE_OFF)
        question = (
            select(Budget)
            .join(Person, Person.id == Budget.person_id)
            .where(
                Budget.council_id == council_id,
                Budget.status == BudgetStatus.FINAL,
                Budget.route == FundingRoute.DIRECT_PAYMENT,
                Budget.one_off_pence > 0,
                Budget.starts_on <= on,
                Budget.starts_on >= first,
                or_(Person.died_on.is_(None), Person.died_on > Budget.starts_on),
                ~is_paid,
            )
        )
        return (await self.db.scalars(question.order_by(Budget.person_id, Budget.starts_on))).all()


def movement_stands() -> ColumnElement[bool]:
    """Condition: nothing took the movement back."""
    other = aliased(MoneyMovement)
    return ~exists().where(other.reverses_id == MoneyMovement.id).correlate(MoneyMovement)
