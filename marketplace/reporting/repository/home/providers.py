"""Questions about providers: accreditations, listings, evidence, questions from people, feedback."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

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
)
from marketplace.providers.repository.evidence import concerns, has_no_successor
from marketplace.providers.repository.evidence_rules import counts_on, lacks_cover
from marketplace.providers.states import DraftStatus, EnquiryStatus, EvaluationStatus, RegulatorLinkStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus


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


def links_to_decide(council_id: UUID) -> Select[Any]:
    """Count links to the regulator's register on which a council decides."""
    return (
        select(func.count())
        .select_from(RegulatorLink)
        .where(RegulatorLink.council_id == council_id, RegulatorLink.status == RegulatorLinkStatus.IN_REVIEW)
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
