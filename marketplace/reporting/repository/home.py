"""Questions of the dashboards. Reporting stands on top, so it reads the rows of every package."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from marketplace.accounts.models import AuditEntry, Membership, Representation
from marketplace.accounts.states import RepresentationStatus
from marketplace.bookings.models import (
    AgreementTerms,
    Booking,
    FamilyException,
    Side,
    SupportAgreement,
    VisitAlert,
    VisitWorker,
)
from marketplace.bookings.states import AgreementStatus, BookingStatus, ExceptionStatus, TermsStatus
from marketplace.core.models import OutboxDelivery
from marketplace.matching.models import CapacityReservation, Offer, Referral, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.payments.models import (
    SELF_BILLED,
    Accrual,
    AccrualKind,
    BankAccount,
    CardRefund,
    DirectPaymentAudit,
    Invoice,
    MoneyAsk,
    Payable,
    PaymentRun,
    ReconciliationDifference,
)
from marketplace.payments.states import AskStatus, AuditStatus, InvoiceStatus, PayableStatus, RefundStatus, RunStatus
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Enquiry,
    EnquiryMessage,
    Evaluation,
    Evidence,
    HiddenWhy,
    Listing,
    ListingDraft,
    Organisation,
    RegulatorLink,
    Worker,
)
from marketplace.providers.repository.evidence import concerns, has_no_successor
from marketplace.providers.repository.evidence_rules import counts_on, lacks_cover
from marketplace.providers.states import DraftStatus, EnquiryStatus, EvaluationStatus, RegulatorLinkStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus

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


def reviews_to_sign(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews that are written down and wait for a signature."""
    return select(func.count()).select_from(Review).where(Review.status == ReviewStatus.HELD, *conditions)


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


def terms_to_answer(by: Side, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count agreements, and new terms of those that run, that the other side signed."""
    return (
        select(func.count())
        .select_from(AgreementTerms)
        .join(SupportAgreement, SupportAgreement.id == AgreementTerms.agreement_id)
        .where(
            AgreementTerms.status == TermsStatus.OFFERED,
            AgreementTerms.offered_by == by,
            SupportAgreement.status.in_((AgreementStatus.OFFERED, AgreementStatus.AGREED)),
            *conditions,
        )
    )


def open_alerts(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits with an alert that nobody has settled."""
    return (
        select(func.count(Booking.id.distinct()))
        .select_from(VisitAlert)
        .join(Booking, Booking.id == VisitAlert.booking_id)
        .where(VisitAlert.settled_at.is_(None), *conditions)
    )


def audits(status: AuditStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count looks at direct payments that are in a state."""
    return select(func.count()).select_from(DirectPaymentAudit).where(DirectPaymentAudit.status == status, *conditions)


def refunds_to_agree(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count card refunds that wait for somebody else than who asked for them."""
    return (
        select(func.count())
        .select_from(CardRefund)
        .where(
            CardRefund.council_id == council_id,
            CardRefund.status == RefundStatus.WAITING,
            CardRefund.asked_by_user_id.is_distinct_from(user_id),
        )
    )


def card_differences(council_id: UUID) -> Select[Any]:
    """Count open differences between the ledger and Stripe."""
    return (
        select(func.count())
        .select_from(ReconciliationDifference)
        .where(ReconciliationDifference.council_id == council_id, ReconciliationDifference.settled_at.is_(None))
    )


def family_exceptions(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count requests to pay a relative in the same home that wait for somebody else than who asked."""
    return (
        select(func.count())
        .select_from(FamilyException)
        .where(
            FamilyException.council_id == council_id,
            FamilyException.status == ExceptionStatus.ASKED,
            FamilyException.asked_by_user_id.is_distinct_from(user_id),
        )
    )


def money_asks(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count requests for more money that wait for somebody else than who asked."""
    return (
        select(func.count())
        .select_from(MoneyAsk)
        .where(
            MoneyAsk.council_id == council_id,
            MoneyAsk.status == AskStatus.WAITING,
            MoneyAsk.asked_by_user_id != user_id,
        )
    )


def papers_to_check(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count representatives whose papers wait for somebody else than who recorded them."""
    return (
        select(func.count())
        .select_from(Representation)
        .where(
            Representation.council_id == council_id,
            Representation.status == RepresentationStatus.TO_CHECK,
            Representation.asked_by_user_id != user_id,
        )
    )


def held_visits(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits by who is held for them, both of a double-up."""
    visits = select(func.count()).select_from(Booking).join(VisitWorker, VisitWorker.booking_id == Booking.id)
    return visits.where(*conditions)


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


def bills(council_id: UUID, status: InvoiceStatus, *extra: ColumnElement[bool]) -> Select[Any]:
    """Count bills of all kinds in a state, or of those that `extra` keeps."""
    wanted = (Invoice.council_id == council_id, Invoice.status == status, *extra)
    return select(func.count()).select_from(Invoice).where(*wanted)


def self_bills_to_approve(council_id: UUID) -> Select[Any]:
    """Count self-bills that wait for an approval, as the workspace of finance does."""
    return bills(council_id, InvoiceStatus.ISSUED, Invoice.kind.in_(SELF_BILLED))


def invoices_to_approve(council_id: UUID) -> Select[Any]:
    """Count suppliers' own invoices and credit notes that wait for an approval."""
    return bills(council_id, InvoiceStatus.ISSUED, Invoice.kind.not_in(SELF_BILLED))


def ready_to_pay(council_id: UUID) -> Select[Any]:
    """Count bills of which something is owed and in no run; credit notes are taken off and not counted."""
    return select(func.count(Payable.invoice_id.distinct())).where(
        Payable.council_id == council_id, Payable.status == PayableStatus.OPEN, Payable.amount_pence > 0
    )


def ready_to_pay_pence(council_id: UUID) -> Select[Any]:
    """Sum what is owed and in no run, pence: credit notes are taken off."""
    return select(func.sum(Payable.amount_pence)).where(
        Payable.council_id == council_id, Payable.status == PayableStatus.OPEN
    )


def unbilled_pence(council_id: UUID) -> Select[Any]:
    """Sum what was earned and is on no self-bill yet, pence."""
    return select(func.sum(Accrual.amount_pence)).where(Accrual.council_id == council_id, Accrual.invoice_id.is_(None))


def runs_to_release(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count payment runs that somebody else made and nobody has released."""
    return select(func.count()).select_from(PaymentRun).where(*_to_release(council_id, user_id))


def runs_to_release_pence(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Sum the payment runs that somebody else made and nobody has released, pence."""
    return select(func.sum(PaymentRun.total_pence)).where(*_to_release(council_id, user_id))


def _to_release(council_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        PaymentRun.council_id == council_id,
        PaymentRun.status == RunStatus.MADE,
        PaymentRun.is_rehearsal.is_(False),
        PaymentRun.made_by_user_id != user_id,
    )


def bank_details_to_check(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count the council's organisations whose newest bank details wait for this person.

    Nobody checked them, and somebody else entered them and made the call about them.
    """
    later = aliased(BankAccount)
    is_replaced = exists(
        select(later.id).where(later.organisation_id == BankAccount.organisation_id, later.id > BankAccount.id)
    )
    return (
        select(func.count(func.distinct(BankAccount.organisation_id)))
        .join(Accreditation, Accreditation.organisation_id == BankAccount.organisation_id)
        .where(
            Accreditation.council_id == council_id,
            BankAccount.checked_by_user_id.is_(None),
            BankAccount.live_from.is_(None),
            BankAccount.entered_by_user_id != user_id,
            BankAccount.called_by_user_id.is_distinct_from(user_id),
            ~is_replaced,
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


def drafts(status: DraftStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count drafts of listings in a state."""
    return select(func.count()).select_from(ListingDraft).where(ListingDraft.status == status, *conditions)


def listings_to_confirm(organisation_id: UUID, worker_id: UUID | None) -> Select[Any]:
    """Count own listings whose provider was asked whether they are still right, and those hidden for want of an answer.

    With a worker only that worker's.
    """
    said_at = func.coalesce(Listing.confirmed_at, Listing.updated_at)
    asked = and_(Listing.hidden_why.is_(None), Listing.reminded_at > said_at)
    question = (
        select(func.count())
        .select_from(Listing)
        .where(
            Listing.organisation_id == organisation_id,
            Listing.is_published,
            or_(asked, Listing.hidden_why == HiddenWhy.STALE),
        )
    )
    return question if worker_id is None else question.where(Listing.worker_id == worker_id)


def open_enquiries(councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None) -> Select[Any]:
    """Count questions and requests for first meetings that wait for an organisation, or for one of its workers."""
    question = (
        select(func.count())
        .select_from(Enquiry)
        .where(
            Enquiry.council_id.in_(councils),
            Enquiry.organisation_id == organisation_id,
            Enquiry.status == EnquiryStatus.OPEN,
        )
    )
    return question if worker_id is None else question.where(Enquiry.worker_id == worker_id)


def reported_enquiries(council_id: UUID) -> Select[Any]:
    """Count the threads of a council in which a message is reported."""
    return select(func.count(func.distinct(EnquiryMessage.enquiry_id))).where(
        EnquiryMessage.council_id == council_id, EnquiryMessage.reported_because != ""
    )


def to_score(user_id: UUID) -> Select[Any]:
    """Count applications that somebody was asked to score and has not sent the scores of."""
    return (
        select(func.count())
        .select_from(Evaluation)
        .where(
            Evaluation.evaluator_user_id == user_id,
            Evaluation.status.in_([EvaluationStatus.ASSIGNED, EvaluationStatus.SCORING]),
        )
    )


def feedback(status: FeedbackStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count feedback in a state."""
    return select(func.count()).select_from(Feedback).where(Feedback.status == status, *conditions)


def evidence_to_see(council_id: UUID) -> Select[Any]:
    """Count evidence that waits for a council's look."""
    return (
        select(func.count())
        .select_from(Evidence)
        .join(Organisation, Organisation.id == Evidence.organisation_id)
        .where(Evidence.seen_at.is_(None), Evidence.refused_because == "", concerns(council_id))
    )


def evidence_to_renew(organisation_id: UUID, worker_id: UUID | None, day: date, until: date) -> Select[Any]:
    """Count an organisation's evidence that counts, ends by a day (included) and has no successor yet.

    With a worker only theirs and what is for all.
    """
    question = (
        select(func.count())
        .select_from(Evidence)
        .where(
            Evidence.organisation_id == organisation_id,
            counts_on(day),
            Evidence.expires_on <= until,
            has_no_successor(),
        )
    )
    return (
        question
        if worker_id is None
        else question.where(or_(Evidence.worker_id.is_(None), Evidence.worker_id == worker_id))
    )


def lacking_cover(organisation_id: UUID, day: date) -> Select[Any]:
    """1 when an organisation falls under the rule on insurance and has none on a day, else 0."""
    return select(case((lacks_cover(organisation_id, day), 1), else_=0))


def listings_begun(organisation_id: UUID, worker_id: UUID | None) -> Select[Any]:
    """Count own listings, on the market or not, and drafts on their way; with a worker only that worker's."""
    listings = select(Listing.id).where(Listing.organisation_id == organisation_id)
    drafts = select(ListingDraft.id).where(
        ListingDraft.organisation_id == organisation_id, ListingDraft.status != DraftStatus.DISCARDED
    )
    if worker_id is not None:
        listings = listings.where(Listing.worker_id == worker_id)
        drafts = drafts.where(ListingDraft.content["worker"].astext == str(worker_id))
    return select(func.count()).select_from(listings.union(drafts).subquery())


def links_to_decide(council_id: UUID) -> Select[Any]:
    """Count links to the regulator's register on which a council decides."""
    return (
        select(func.count())
        .select_from(RegulatorLink)
        .where(RegulatorLink.council_id == council_id, RegulatorLink.status == RegulatorLinkStatus.IN_REVIEW)
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
