"""Questions about visits and agreements."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from marketplace.bookings.models import (
    AgreementTerms,
    Booking,
    FamilyException,
    Side,
    SupportAgreement,
    VisitAlert,
    VisitWorker,
)
from marketplace.bookings.states import AgreementStatus, ExceptionStatus, TermsStatus


def bookings(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits."""
    return select(func.count()).select_from(Booking).where(*conditions)


def held_visits(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits by who is held for them, both of a double-up."""
    visits = select(func.count()).select_from(Booking).join(VisitWorker, VisitWorker.booking_id == Booking.id)
    return visits.where(*conditions)


def open_alerts(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count visits with an alert that nobody has settled."""
    return (
        select(func.count(Booking.id.distinct()))
        .select_from(VisitAlert)
        .join(Booking, Booking.id == VisitAlert.booking_id)
        .where(VisitAlert.settled_at.is_(None), *conditions)
    )


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
