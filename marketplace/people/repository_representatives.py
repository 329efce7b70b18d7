"""Questions about who acts for whom."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, func, or_, select, update

from marketplace.accounts.models import AuditEntry, Membership, Representation, SessionRow
from marketplace.accounts.permissions import Role
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.repository import Repository
from marketplace.people.models import Person

OPEN: Final = frozenset({RepresentationStatus.INVITED, RepresentationStatus.TO_CHECK, RepresentationStatus.LIVE})
"""States in which somebody acts for the person, or is about to."""
BATCH: Final = 200


class RepresentationRepository(Repository[Representation]):
    """Who acts for people of a council."""

    model_type = Representation

    async def of_person(
        self, council_id: UUID, person_id: UUID, statuses: Collection[RepresentationStatus]
    ) -> Sequence[Representation]:
        """Return who acts for a person, the newest first."""
        question = self.of(council_id).where(Representation.person_id == person_id, Representation.status.in_(statuses))
        return (await self.db.scalars(question.order_by(Representation.asked_at.desc()).limit(50))).all()

    async def of_user(self, council_id: UUID, person_id: UUID, user_id: UUID) -> Representation | None:
        """Return by what a user acts for a person."""
        question = self.of(council_id).where(
            Representation.person_id == person_id,
            Representation.user_id == user_id,
            Representation.status.in_(OPEN),
        )
        return await self.maybe(question.order_by(Representation.asked_at.desc()).limit(1))

    async def by_id(self, row_id: UUID, *, locked: bool = False) -> Representation | None:
        """Return one of any council in reach."""
        return await self.maybe(select(Representation).where(Representation.id == row_id), locked=locked)

    async def locked(self, row_id: UUID) -> Representation:
        """Return one of any council in reach, locked."""
        return await self.one(select(Representation).where(Representation.id == row_id), locked=True)

    async def hold_person(self, person_id: UUID) -> None:
        """Hold a person until the transaction ends, so that what is counted for them stays so."""
        await self.db.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))

    def to_check(self, council_id: UUID) -> Select[Representation]:
        """Start a question about those whose papers wait to be looked at."""
        return self.of(council_id).where(Representation.status == RepresentationStatus.TO_CHECK)

    async def page(
        self, question: Select[Representation], *, after: Representation | None, limit: int
    ) -> Sequence[Row[Representation, Person]]:
        """Return a page with the people, the oldest first."""
        if after is not None:
            question = question.where(
                or_(
                    Representation.asked_at > after.asked_at,
                    and_(Representation.asked_at == after.asked_at, Representation.id > after.id),
                )
            )
        rows = question.add_columns(Person).join(Person, Person.id == Representation.person_id)
        return (await self.db.execute(rows.order_by(Representation.asked_at, Representation.id).limit(limit))).all()

    async def membership(self, user_id: UUID, council_id: UUID, person_id: UUID) -> Membership | None:
        """Return the role by which a user acts or acted for a person, locked."""
        found: Membership | None = await self.db.scalar(
            select(Membership)
            .where(
                Membership.user_id == user_id,
                Membership.council_id == council_id,
                Membership.role == Role.REPRESENTATIVE,
                Membership.person_id == person_id,
            )
            .with_for_update()
        )
        return found

    async def let_go(self, membership_id: UUID) -> None:
        """Take a role off its former records, so that a new one may have it."""
        await self.db.execute(
            update(Representation).where(Representation.membership_id == membership_id).values(membership_id=None)
        )

    async def end_sessions(self, membership_id: UUID) -> None:
        """Sign out whoever is in a role."""
        await self.db.execute(delete(SessionRow).where(SessionRow.membership_id == membership_id))

    async def past(self, on: date, now: datetime) -> Sequence[Row[UUID, UUID]]:
        """Return (council, id) of those whose last day is over or whose link is too old."""
        question = (
            select(Representation.council_id, Representation.id)
            .where(
                or_(
                    and_(Representation.status.in_(OPEN), Representation.ends_on <= on),
                    and_(
                        Representation.status == RepresentationStatus.INVITED,
                        Representation.invitation_ends_at <= now,
                    ),
                )
            )
            .order_by(Representation.id)
            .limit(BATCH)
        )
        return (await self.db.execute(question)).all()

    async def done_for(self, council_id: UUID, person_id: UUID, limit: int) -> Sequence[AuditEntry]:
        """Return what others did for a person, the newest first: shown to the person."""
        question = (
            select(AuditEntry)
            .where(AuditEntry.council_id == council_id, AuditEntry.on_behalf_of == person_id)
            .order_by(AuditEntry.number.desc())
            .limit(limit)
        )
        return (await self.db.scalars(question)).all()

    async def waiting(self, council_id: UUID) -> int:
        """Count those whose papers wait."""
        question = select(func.count()).select_from(self.to_check(council_id).subquery())
        return int(await self.db.scalar(question) or 0)
