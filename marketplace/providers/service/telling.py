"""Telling the people of an organisation something that concerns it as a whole."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.messaging import MessagingService
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository


async def tell_organisation(db: AsyncSession, organisation_id: UUID, template: str, context: dict[str, Any]) -> None:
    """Tell them once: in the organisation's home council where they are, else in the first they work in.

    Args:
        db: A transaction that reaches every council.
        organisation_id: Whose people are told.
        template: Name of the message in `templates/emails`.
        context: What it says; `reader_name` is added.
    """
    organisation = await OrganisationRepository(db).find(organisation_id)
    councils = await EvidenceRepository(db).councils_of_people(organisation_id)
    home = organisation.home_council_id
    for council_id in [home] if home in councils and home is not None else councils[:1]:
        await MessagingService(db).tell(council_id, template, context, organisation_id=organisation_id)
