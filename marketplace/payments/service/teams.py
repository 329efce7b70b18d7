"""Whose budget bears a cost (D17)."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.payments.repository.teams import TeamRepository


async def team_of(db: AsyncSession, council_id: UUID, person_id: UUID | None, on: date) -> UUID | None:
    """Return the budget team that bears a person's costs on a day.

    A team named for the person goes before the one that serves their postcode area, and that before the council's
    default team, which also bears what is nobody's in particular. A closed team bears nothing more.

    Returns:
        The team, or None where the council keeps none that fits.
    """
    teams = TeamRepository(db)
    if person_id is not None:
        own = await teams.own_of(council_id, person_id, on)
        if own is not None:
            return own
    outward = await teams.outward_of(council_id, person_id) if person_id else ""
    return await teams.of_area(council_id, outward, on)
