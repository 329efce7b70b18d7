"""Questions about people who move to another council, and cases that come in from one."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from marketplace.accounts.models import Council
from marketplace.core.repository import Repository
from marketplace.people.models import Assessment, AssessmentKind
from marketplace.people.states import AssessmentStatus
from marketplace.plans.models import CouncilMove, IncomingCase

MOST_SHOWN: Final = 200


class MoveRepository(Repository[CouncilMove]):
    """Moves away from a council."""

    model_type = CouncilMove

    async def open_of(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> CouncilMove | None:
        """Return the move that counts for a person."""
        question = self.of(council_id).where(CouncilMove.person_id == person_id, CouncilMove.cancelled_at.is_(None))
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return await self.maybe(question)

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[CouncilMove]:
        """Return all moves of a person, those that were called off, too."""
        question = self.of(council_id).where(CouncilMove.person_id == person_id)
        return await self.every(question.order_by(CouncilMove.recorded_at, CouncilMove.id))

    async def come(self, day: date) -> Sequence[tuple[UUID, UUID]]:
        """Return moves whose day has come and of which nobody was told: council and id, all councils of the scope."""
        question = select(CouncilMove.council_id, CouncilMove.id).where(
            CouncilMove.moves_on <= day, CouncilMove.cancelled_at.is_(None), CouncilMove.day_told_at.is_(None)
        )
        return [(row.council_id, row.id) for row in await self.db.execute(question.order_by(CouncilMove.id))]

    async def claim_day(self, council_id: UUID, move_id: UUID, at: datetime) -> CouncilMove | None:
        """Note that the day of a move has been told; None where it was told or the move was called off meanwhile.

        The version stays: a form that the person has open is none the older for it.
        """
        question = (
            update(CouncilMove)
            .where(
                CouncilMove.council_id == council_id,
                CouncilMove.id == move_id,
                CouncilMove.cancelled_at.is_(None),
                CouncilMove.day_told_at.is_(None),
            )
            .values(day_told_at=at)
            .returning(CouncilMove)
        )
        return (await self.db.scalars(question)).one_or_none()

    async def others(self, council_id: UUID) -> Sequence[Council]:
        """Return the other councils on the platform, by name."""
        return (await self.db.scalars(select(Council).where(Council.id != council_id).order_by(Council.name))).all()


class IncomingRepository(Repository[IncomingCase]):
    """Cases that other councils passed on."""

    model_type = IncomingCase

    async def latest(self, council_id: UUID) -> Sequence[IncomingCase]:
        """Return cases: those nobody started first, by the day of the move."""
        order = (IncomingCase.started_at.is_not(None), IncomingCase.moves_on, IncomingCase.id)
        return await self.every(self.of(council_id).order_by(*order).limit(MOST_SHOWN))

    async def come(self, day: date) -> Sequence[tuple[UUID, UUID]]:
        """Return cases whose day has come and of which nobody was told: council and id, all councils of the scope."""
        question = select(IncomingCase.council_id, IncomingCase.id).where(
            IncomingCase.moves_on <= day, IncomingCase.withdrawn_at.is_(None), IncomingCase.day_told_at.is_(None)
        )
        return [(row.council_id, row.id) for row in await self.db.execute(question.order_by(IncomingCase.id))]

    async def claim_day(self, council_id: UUID, case_id: UUID, at: datetime) -> IncomingCase | None:
        """Note that the day of a case has been told; None where it was told or taken back meanwhile."""
        question = (
            update(IncomingCase)
            .where(
                IncomingCase.council_id == council_id,
                IncomingCase.id == case_id,
                IncomingCase.withdrawn_at.is_(None),
                IncomingCase.day_told_at.is_(None),
            )
            .values(day_told_at=at)
            .returning(IncomingCase)
        )
        return (await self.db.scalars(question)).one_or_none()

    async def assessed(self, council_id: UUID, cases: Collection[IncomingCase]) -> set[UUID]:
        """Return the cases whose people the council has assessed since it got the copy: needs are met anew."""
        people = {case.person_id for case in cases if case.person_id is not None}
        if not people:
            return set()
        question = select(Assessment.person_id, Assessment.completed_at).where(
            Assessment.council_id == council_id,
            Assessment.person_id.in_(people),
            Assessment.kind == AssessmentKind.ADULT,
            Assessment.status.in_((AssessmentStatus.COMPLETED, AssessmentStatus.SUPERSEDED)),
        )
        done = [(row.person_id, row.completed_at) for row in await self.db.execute(question)]
        return {
            case.id
            for case in cases
            if any(who == case.person_id and at is not None and at >= case.received_at for who, at in done)
        }

    async def of_move(self, council_id: UUID, move_id: UUID) -> IncomingCase | None:
        """Return the case of a move, locked."""
        question = self.of(council_id).where(IncomingCase.move_id == move_id).with_for_update()
        return await self.maybe(question.execution_options(populate_existing=True))

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[IncomingCase]:
        """Return the cases with which a person came."""
        return await self.every(self.of(council_id).where(IncomingCase.person_id == person_id))
