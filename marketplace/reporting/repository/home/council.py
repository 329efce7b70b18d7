"""Questions about the council's own desk: representatives, users, changes, tasks that gave up."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from marketplace.accounts.models import AuditEntry, Membership, Representation
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.models import OutboxDelivery


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


def parked() -> Select[Any]:
    """Count messages that tasks gave up on."""
    return select(func.count()).select_from(OutboxDelivery).where(OutboxDelivery.parked_at.is_not(None))
