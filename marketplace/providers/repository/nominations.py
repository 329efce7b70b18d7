"""Questions asked of calls for planners and of nominations (R10)."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.providers.models import (
    Accreditation,
    Application,
    Nomination,
    NominationCall,
    NominationStatus,
    Organisation,
    Worker,
)

PAGE = 50
MOST_NOMINATIONS = 300


class NominationRepository:
    """Reads calls and nominations. Calls are public; nominations are seen by their council and their organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    # The council

    async def calls(self, council_id: UUID, after: UUID | None) -> Sequence[tuple[NominationCall, int]]:
        """Return a council's calls, the newest first, with how many were nominated; one more than a page."""
        nominated = (
            select(func.count())
            .where(Nomination.call_id == NominationCall.id, Nomination.status != NominationStatus.WITHDRAWN)
            .scalar_subquery()
        )
        question = (
            select(NominationCall, nominated)
            .where(NominationCall.council_id == council_id)
            .order_by(NominationCall.id.desc())
            .limit(PAGE + 1)
        )
        if after is not None:
            question = question.where(NominationCall.id < after)
        return [(row[0], int(row[1])) for row in await self.db.execute(question)]

    async def call(self, call_id: UUID, *, council_id: UUID | None = None, locked: bool = False) -> NominationCall:
        """Return a call, of one council where that is given.

        Raises:
            NotFound: There is none.
        """
        question = select(NominationCall).where(NominationCall.id == call_id)
        if council_id is not None:
            question = question.where(NominationCall.council_id == council_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def of_call(self, call: NominationCall) -> list[tuple[Nomination, Worker, Organisation]]:
        """Return who is nominated under a call, by organisation and name."""
        rows = await self.db.execute(
            select(Nomination, Worker, Organisation)
            .join(Worker, Worker.id == Nomination.worker_id)
            .join(Organisation, Organisation.id == Nomination.organisation_id)
            .where(
                Nomination.council_id == call.council_id,
                Nomination.call_id == call.id,
                Nomination.status != NominationStatus.WITHDRAWN,
            )
            .order_by(Organisation.name, Worker.name, Nomination.id)
            .limit(MOST_NOMINATIONS)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def nomination(
        self,
        nomination_id: UUID,
        *,
        council_id: UUID | None = None,
        organisation_id: UUID | None = None,
        locked: bool = False,
    ) -> Nomination:
        """Return a nomination of a council, or of an organisation.

        Raises:
            NotFound: There is none for this reader.
        """
        if council_id is None and organisation_id is None:
            raise NotFound
        question = select(Nomination).where(Nomination.id == nomination_id)
        if council_id is not None:
            question = question.where(Nomination.council_id == council_id)
        if organisation_id is not None:
            question = question.where(Nomination.organisation_id == organisation_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    # The organisation

    async def open_to(
        self, organisation_id: UUID, councils: Collection[UUID], day: date
    ) -> list[tuple[NominationCall, Council]]:
        """Return calls that take nominations on a day, of councils that the organisation deals with."""
        question = self._calls(organisation_id, councils).where(
            NominationCall.closes_on >= day, NominationCall.decided_at.is_(None)
        )
        rows = await self.db.execute(question.order_by(NominationCall.closes_on, NominationCall.id).limit(PAGE))
        return [(row[0], row[1]) for row in rows]

    async def is_open_to(self, organisation_id: UUID, councils: Collection[UUID], call_id: UUID) -> bool:
        """Whether a call is one of a council that the organisation deals with."""
        question = self._calls(organisation_id, councils).where(NominationCall.id == call_id)
        return (await self.db.execute(question)).first() is not None

    def _calls(self, organisation_id: UUID, councils: Collection[UUID]) -> Select[NominationCall, Council]:
        return (
            select(NominationCall, Council)
            .join(Council, Council.id == NominationCall.council_id)
            .where(_deals_with(organisation_id, councils))
        )

    async def of_organisation(self, organisation_id: UUID) -> list[tuple[Nomination, NominationCall, Worker, Council]]:
        """Return an organisation's nominations in every council that the transaction reaches, the newest first."""
        rows = await self.db.execute(
            select(Nomination, NominationCall, Worker, Council)
            .join(NominationCall, NominationCall.id == Nomination.call_id)
            .join(Worker, Worker.id == Nomination.worker_id)
            .join(Council, Council.id == Nomination.council_id)
            .where(Nomination.organisation_id == organisation_id)
            .order_by(Nomination.nominated_at.desc(), Nomination.id.desc())
            .limit(200)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def earlier(self, call_id: UUID, worker_id: UUID) -> Nomination | None:
        """Return the nomination of a worker under a call, taken back or not, locked."""
        return (
            await self.db.scalars(
                select(Nomination)
                .where(Nomination.call_id == call_id, Nomination.worker_id == worker_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).first()


def _deals_with(organisation_id: UUID, councils: Collection[UUID]) -> ColumnElement[bool]:
    """Condition: the call is of a council that accredited the organisation, to which it applied, or where it works."""
    council = NominationCall.council_id
    return or_(
        council.in_(list(councils)),
        exists().where(Accreditation.organisation_id == organisation_id, Accreditation.council_id == council),
        exists().where(Application.organisation_id == organisation_id, Application.council_id == council),
        exists().where(and_(Organisation.id == organisation_id, Organisation.home_council_id == council)),
    )
