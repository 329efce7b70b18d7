"""Whose agreement it is, and what both sides may do with its visits."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.bookings.errors import NotYet
from marketplace.bookings.models import Side, SupportAgreement
from marketplace.bookings.repository_planning import AgreementReader, PlanningRepository
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.service.planning.plan import views_of
from marketplace.bookings.states import AgreementStatus
from marketplace.core.database import clock_of


class AgreementAccess:
    """Base of the verbs: finds an agreement for who asks, locked when it is to be changed."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.agreements = AgreementReader(db)
        self.rows = PlanningRepository(db)

    async def of_person(self, principal: Principal, agreement_id: UUID, *, to_change: bool = False) -> SupportAgreement:
        """Return an agreement of the person who is signed in or acted for.

        Raises:
            NotFound: It is somebody else's, or only a draft of the provider.
        """
        principal.require(Permission.BOOKINGS_REQUEST if to_change else Permission.BOOKINGS_OWN)
        question = self.agreements.of(principal.council_id).where(
            SupportAgreement.id == agreement_id, SupportAgreement.person_id == principal.need_person()
        )
        return await self.agreements.one(_shown(question), locked=to_change)

    async def of_provider(
        self, principal: Principal, agreement_id: UUID, *, to_change: bool = False
    ) -> SupportAgreement:
        """Return an agreement of an organisation, in the councils it serves; a personal assistant sees their own.

        Raises:
            NotFound: It is another organisation's, or only a draft of the person.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        question = self.agreements.every_council(principal.councils).where(
            SupportAgreement.id == agreement_id, SupportAgreement.organisation_id == principal.need_organisation()
        )
        if principal.role is Role.PA and principal.worker_id:
            question = question.where(SupportAgreement.worker_id == principal.worker_id)
        return await self.agreements.one(_shown(question), locked=to_change)

    async def of_side(
        self, principal: Principal, agreement_id: UUID, *, to_change: bool = False
    ) -> tuple[SupportAgreement, Side]:
        """Return an agreement and the side that asks: a person's or their representative's, else the provider's."""
        if principal.person_id is not None:
            return await self.of_person(principal, agreement_id, to_change=to_change), Side.PERSON
        return await self.of_provider(principal, agreement_id, to_change=to_change), Side.PROVIDER

    async def views(self, agreement: SupportAgreement) -> Sequence[TermsView]:
        """Return the agreed terms."""
        return (await views_of(self.rows, [agreement.id])).get(agreement.id, [])

    def need_running(self, agreement: SupportAgreement) -> None:
        """Refuse what only an agreed agreement allows.

        Raises:
            NotYet: It is not agreed yet, or over.
        """
        if agreement.status is not AgreementStatus.AGREED:
            raise NotYet("Visits can be changed while an agreement runs. This one does not run now.")


def _shown(question: Select[SupportAgreement]) -> Select[SupportAgreement]:
    """A draft is nobody's but its writer's; the pages of agreements show it there."""
    return question.where(SupportAgreement.status != AgreementStatus.DRAFT)
