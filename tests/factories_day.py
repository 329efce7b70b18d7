"""Rows for tests of the day itself: who holds a direct payment, workers, double-ups, activities, back-ups."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.people.models import DirectPaymentArrangement, Holding
from tests.factories_bookings import Scene


async def hold_payment(
    db: AsyncSession, scene: Scene, holding: Holding, *, organisation_id: UUID | None = None, **given: Any
) -> DirectPaymentArrangement:
    """How the scene's direct payment is held; the scene's organisation manages a fund unless another is given."""
    managed_by = (organisation_id or scene.organisation.id) if holding is Holding.PROVIDER_MANAGED else None
    values = {
        "council_id": scene.council.id,
        "person_id": scene.person.id,
        "holding": holding,
        "organisation_id": managed_by,
        "starts_on": date(2027, 1, 1),
        "set_by_user_id": scene.member.user.id,
        "set_at": clock_of(db).now(),
    }
    row = DirectPaymentArrangement(**{**values, **given})
    db.add(row)
    await db.flush()
    return row
