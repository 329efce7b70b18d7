"""Questions of the dashboards. Reporting stands on top, so it reads the rows of every package."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, Membership
from marketplace.bookings.models import Booking
from marketplace.bookings.states import COMMITTED, BookingStatus
from marketplace.core.models import OutboxDelivery
from marketplace.ledger import Purpose
from marketplace.ledger.models import LedgerAccount
from marketplace.matching.models import CapacityReservation, Offer, Referral, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.payments.models import Accrual, AccrualKind, BankAccount, Invoice, PaymentRun
from marketplace.payments.states import InvoiceStatus, RunStatus
from marketplace.people.models import Budget, BudgetStatus, FundingRoute
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.providers.models import Accreditation, AccreditationStatus, Worker

OPEN_REVIEWS = (ReviewStatus.DUE, ReviewStatus.BOOKED)
WAITING = (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED)


class HomeRepository:
    """Counts and sums, several in one question."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def figures(self, questions: dict[str, Select[Any]]) -> dict[str, int]:
        """Ask several questions of one number each in one go."""
        columns = [question.scalar_subquery().label(name) for name, question in questions.items()]
        row = (await self.db.execute(select(*columns))).one()
        return {name: int(value or 0) for name, value in zip(questions, row, strict=True)}

    async def next_visit(self, council_id: UUID, person_id: UUID, now: datetime) -> Booking | None:
        """Return a person's next agreed visit."""
        found: Booking | None = await self.db.scalar(
            select(Booking)
            .where(
                Booking.council_id == council_id,
                Booking.person_id == person_id,
                Booking.status == BookingStatus.ACCEPTED,
                Booking.starts_at > now,
            )
            .order_by(Booking.starts_at)
            .limit(1)
        )
        return found

    async def has_direct_payment(self, council_id: UUID, person_id: UUID, on: date) -> bool:
        """Whether a person has an agreed direct payment on a day."""
        found = await self.db.scalar(
            select(Budget.id)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.route == FundingRoute.DIRECT_PAYMENT,
                Budget.status == BudgetStatus.FINAL,
                Budget.starts_on <= on,
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .limit(1)
        )
        return found is not None

    async def worker(self, worker_id: UUID) -> Worker | None:
        """Return a worker."""
        return await self.db.get(Worker, worker_id)

    async def referrals_by_week(self, council_id: UUID, since: date) -> dict[date, int]:
        """Count referrals by the Monday of the week they came in, London time."""
        week = func.date_trunc("week", func.timezone("Europe/London", Referral.received_at))
        rows = await self.db.execute(
            select(week, func.count()).where(Referral.council_id == council_id, week >= since).group_by(week)
        )
        return {monday.date(): number for monday, number in rows}

    async def plan_spend_by_month(self, council_id: UUID, since: date) -> dict[date, int]:
        """Sum what completed plans earned, pence, by the first day of the month."""
        month = func.date_trunc("month", Accrual.earned_on)
        rows = await self.db.execute(
            select(month, func.sum(Accrual.amount_pence))
            .where(Accrual.council_id == council_id, Accrual.kind == AccrualKind.PLAN, Accrual.earned_on >= since)
            .group_by(month)
        )
        return {first.date(): int(pence) for first, pence in rows}


def referrals(council_id: UUID, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count a council's referrals."""
    return select(func.count()).select_from(Referral).where(Referral.council_id == council_id, *conditions)


def waiting_referrals(council_id: UUID, urgency: Urgency) -> Select[Any]:
    """Count referrals of an urgency that nobody has been offered."""
    return referrals(council_id, Referral.status == ReferralStatus.RECEIVED, Referral.urgency == urgency)


def overdue_referrals(council_id: UUID, today: date) -> Select[Any]:
    """Count referrals whose plan is due and for which no planner has been found."""
    return referrals(council_id, Referral.status.in_(WAITING), Referral.due_on < today)


def open_offers(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count offers that wait for an answer."""
    return select(func.count()).select_from(Offer).where(Offer.status == OfferStatus.OFFERED, *conditions)


def plans(status: PlanStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count plans whose version is in a state."""
    return (
        select(func.count())
        .select_from(PlanVersion)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .where(PlanVersion.status == status, *conditions)
    )


def overdue_reviews(today: date, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews that were not held although their window is over."""
    return (
        select(func.count())
        .select_from(Review)
        .where(Review.status.in_(OPEN_REVIEWS), Review.window_ends_on < today, *conditions)
    )


def reviews_to_book(today: date, until: date, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews without a date that are due by a day."""
    return (
        select(func.count())
        .select_from(Review)
        .where(Review.status == ReviewStatus.DUE, Review.window_ends_on >= today, Review.due_on <= until, *conditions)
    )


def bookings(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits."""
    return select(func.count()).select_from(Booking).where(*conditions)


def promised(council_id: UUID, person_id: UUID) -> Select[Any]:
    """Sum what a person's direct payment has promised and not yet paid, pence."""
    return select(func.sum(Booking.cost_pence)).where(
        Booking.council_id == council_id,
        Booking.person_id == person_id,
        Booking.status.in_(COMMITTED),
        Booking.funding == "direct_payment",
    )


def direct_payment(council_id: UUID, person_id: UUID) -> Select[Any]:
    """What a person's direct payment holds, pence."""
    return select(LedgerAccount.balance_pence).where(
        LedgerAccount.council_id == council_id,
        LedgerAccount.purpose == Purpose.DIRECT_PAYMENT,
        LedgerAccount.owner_id == person_id,
    )


def places_taken(worker_id: UUID, week_on: date) -> Select[Any]:
    """Count a planner's places that are taken in a week."""
    return (
        select(func.count())
        .select_from(CapacityReservation)
        .where(CapacityReservation.worker_id == worker_id, CapacityReservation.week_on == week_on)
    )


def earned(councils: Sequence[UUID], organisation_id: UUID, since: date) -> Select[Any]:
    """Sum what an organisation has earned since a day, pence."""
    return select(func.sum(Accrual.amount_pence)).where(
        Accrual.council_id.in_(councils), Accrual.organisation_id == organisation_id, Accrual.earned_on >= since
    )


def bills(council_id: UUID, status: InvoiceStatus) -> Select[Any]:
    """Count self-bills in a state."""
    return select(func.count()).select_from(Invoice).where(Invoice.council_id == council_id, Invoice.status == status)


def bills_pence(council_id: UUID, status: InvoiceStatus) -> Select[Any]:
    """Sum self-bills in a state, pence."""
    return select(func.sum(Invoice.total_pence)).where(Invoice.council_id == council_id, Invoice.status == status)


def unbilled_pence(council_id: UUID) -> Select[Any]:
    """Sum what was earned and is on no self-bill yet, pence."""
    return select(func.sum(Accrual.amount_pence)).where(Accrual.council_id == council_id, Accrual.invoice_id.is_(None))


def runs_to_release(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count payment runs that somebody else made and nobody has released."""
    return (
        select(func.count())
        .select_from(PaymentRun)
        .where(
            PaymentRun.council_id == council_id,
            PaymentRun.status == RunStatus.MADE,
            PaymentRun.made_by_user_id != user_id,
        )
    )


def bank_details_to_check(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count bank details of the council's organisations that somebody else entered and nobody has checked."""
    return (
        select(func.count(func.distinct(BankAccount.organisation_id)))
        .join(Accreditation, Accreditation.organisation_id == BankAccount.organisation_id)
        .where(
            Accreditation.council_id == council_id,
            BankAccount.checked_by_user_id.is_(None),
            BankAccount.live_from.is_(None),
            BankAccount.entered_by_user_id != user_id,
        )
    )


def accreditations(council_id: UUID, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count a council's accreditations."""
    return select(func.count()).select_from(Accreditation).where(Accreditation.council_id == council_id, *conditions)


def ending(from_day: date, until_day: date) -> Collection[ColumnElement[bool]]:
    """Conditions: a live accreditation of which the first day without is in `[from_day, until_day)`."""
    return (
        Accreditation.status == AccreditationStatus.LIVE,
        Accreditation.live_until >= from_day,
        Accreditation.live_until < until_day,
    )


def parked() -> Select[Any]:
    """Count messages that tasks gave up on."""
    return select(func.count()).select_from(OutboxDelivery).where(OutboxDelivery.parked_at.is_not(None))


def users(council_id: UUID, on: date) -> Select[Any]:
    """Count users with a role in a council on a day."""
    return select(func.count(func.distinct(Membership.user_id))).where(
        Membership.council_id == council_id, or_(Membership.ends_on.is_(None), Membership.ends_on > on)
    )


def changes(council_id: UUID, since: datetime) -> Select[Any]:
    """Count changes in the audit log since an instant."""
    return (
        select(func.count()).select_from(AuditEntry).where(AuditEntry.council_id == council_id, AuditEntry.at >= since)
    )
