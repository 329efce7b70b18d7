"""What every verb of a requirement needs: the lock, who was asked, the end of its offers, the log."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.matching.errors_care import NotYet, RequirementChanged
from marketplace.matching.events import RequirementClosed
from marketplace.matching.models import Requirement, RequirementInvitation, RequirementOffer
from marketplace.matching.repository.care import (
    CareOfferRepository,
    InvitationRepository,
    RequirementRepository,
    UnmetRepository,
)
from marketplace.matching.states import REQUIREMENT_OFFER, RequirementOfferStatus
from marketplace.matching.words_care import REQUIREMENT_LABELS
from marketplace.people import PeopleRepository


class RequirementSteps:
    """Steps that several verbs share."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.requirements = RequirementRepository(db)
        self.invitations = InvitationRepository(db)
        self.offers = CareOfferRepository(db)
        self.unmet = UnmetRepository(db)
        self.people = PeopleRepository(db)

    async def _locked(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        principal.require(Permission.REQUIREMENTS_WRITE)
        return await self.locked_as_shown(principal, requirement_id, version)

    async def locked_as_shown(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """Lock a requirement that nobody changed since a page showed it.

        Raises:
            NotFound: Another council's.
            RequirementChanged: Somebody saved it in the meantime.
        """
        row = await self.requirements.find(principal.council_id, requirement_id, locked=True)
        if row.version != version:
            raise RequirementChanged("Open it again, look at what has changed, then go on.")
        return row

    async def _asked(self, row: Requirement, *, every: bool = False) -> list[RequirementInvitation]:
        found = await self.invitations.of_requirement(row.council_id, row.id)
        return [item[0] for item in found if every or item[0].round == row.round]

    async def _end_offers(self, row: Requirement, by: UUID, why: str) -> None:
        """Let every offer that stands go without an award.

        Raises:
            NotYet: One of them is awarded some of the visits still.
        """
        offers = await self.offers.of_requirement(row.council_id, row.id, locked=True)
        if any(offer.status is RequirementOfferStatus.WON for offer in offers):
            raise NotYet("A provider is awarded some of the visits. Take that award back first, or award the rest.")
        for offer in offers:
            self.lose(offer, by, why)

    def lose(self, offer: RequirementOffer, by: UUID, why: str) -> None:
        """End one offer without an award."""
        REQUIREMENT_OFFER.move(self.db, offer, RequirementOfferStatus.LOST, by=by, why=why)

    def _tell_closed(self, row: Requirement) -> None:
        outbox.publish(
            self.db,
            RequirementClosed(council_id=row.council_id, requirement_id=row.id, status=row.status.value),
        )

    def _note(
        self,
        principal: Principal | None,
        action: str,
        row: Requirement,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="requirement",
            subject_id=row.id,
            before=before,
            after={"status": row.status, **(after or {})},
            why=why,
        )


def state_words(row: Requirement) -> str:
    """Say in which state a requirement is, for an error."""
    return f"Its state is now: {REQUIREMENT_LABELS[row.status].lower()}."
