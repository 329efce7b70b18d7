"""A provider asks for a review of the plan of somebody with whom it has an agreement."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.states import AgreementStatus
from marketplace.core.errors import NotFound
from marketplace.people import PeopleRepository
from marketplace.people.models import Person
from marketplace.plans.review_forms import AskForm
from marketplace.plans.service.review_sides import ask_as_supporter


class ReviewAskService:
    """Asking, with the agreement as the ground for it."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def person(self, principal: Principal, agreement_id: UUID) -> Person:
        """Return whom an agreement of the reader's organisation supports now.

        Raises:
            NotFound: It is somebody else's, or it is not agreed or over.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        view = await SupportAgreementService(self.db).view(principal, agreement_id)
        if view.agreement.status is not AgreementStatus.AGREED:
            raise NotFound
        if view.agreement.organisation_id != principal.need_organisation():
            raise NotFound
        return await PeopleRepository(self.db).find(view.agreement.council_id, view.agreement.person_id)

    async def ask(self, principal: Principal, agreement_id: UUID, form: AskForm) -> UUID:
        """Ask for a review.

        Returns:
            The review.

        Raises:
            Conflict: One that was asked for is still to be held, or no version is in place.
            NotFound: The agreement is somebody else's, or it is not agreed or over.
        """
        person = await self.person(principal, agreement_id)
        return await ask_as_supporter(self.db, principal, person.council_id, person.id, form)
