"""Questions about referrals, offers and places of planners."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from marketplace.matching.models import CapacityReservation, Offer, Referral, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus

WAITING = (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED)


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


def places_taken(worker_id: UUID, week_on: date) -> Select[Any]:
    """Count a planner's places that are taken in a week."""
    return (
        select(func.count())
        .select_from(CapacityReservation)
        .where(CapacityReservation.worker_id == worker_id, CapacityReservation.week_on == week_on)
    )
