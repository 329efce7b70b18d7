"""Questions about who acts for an organisation: memberships, invitations, requests to be let in."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, SessionRow, User
from marketplace.accounts.permissions import Role
from marketplace.core.errors import NotFound
from marketplace.providers.models import JoinRequest, JoinRequestStatus, Organisation, OrganisationInvitation, Worker

KEEPERS = (Role.PROVIDER, Role.PA)
"""Roles that keep an organisation: one of them must be left."""
PAGE = 50


class Access(NamedTuple):
    """Somebody's role for an organisation."""

    user: User
    membership: Membership
    council: Council
    worker: Worker | None


class PeopleRepository:
    """Reads in scope `every`; every question names the organisation, or the council where a council asks."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def access(self, organisation_id: UUID, on: date, *, user_id: UUID | None = None) -> Sequence[Access]:
        """Return who may sign in for an organisation on a day, by name."""
        question = (
            select(User, Membership, Council, Worker)
            .join(Membership, Membership.user_id == User.id)
            .join(Council, Council.id == Membership.council_id)
            .outerjoin(Worker, Worker.id == Membership.worker_id)
            .where(
                Membership.organisation_id == organisation_id,
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
            .order_by(User.name, User.id, Membership.id)
            .limit(200)
        )
        if user_id is not None:
            question = question.where(User.id == user_id)
        return [Access(*row) for row in await self.db.execute(question)]

    async def has_keeper(self, organisation_id: UUID, on: date) -> bool:
        """Whether anybody can sign in to keep an organisation on a day."""
        rows = await self.access(organisation_id, on)
        return any(row.membership.role in KEEPERS for row in rows)

    async def membership(self, user_id: UUID, council_id: UUID, role: Role, organisation_id: UUID) -> Membership | None:
        """Return the row of somebody's role for an organisation, ended or not, locked: there is one at most."""
        question = select(Membership).where(
            Membership.user_id == user_id,
            Membership.council_id == council_id,
            Membership.role == role,
            Membership.organisation_id == organisation_id,
            Membership.person_id.is_(None),
        )
        return (await self.db.scalars(question.with_for_update())).first()

    async def end_sessions(self, membership_ids: Sequence[UUID]) -> None:
        """Sign somebody out of some of their roles."""
        await self.db.execute(delete(SessionRow).where(SessionRow.membership_id.in_(membership_ids)))

    async def invitations(self, organisation_id: UUID, now: datetime) -> Sequence[OrganisationInvitation]:
        """Return an organisation's invitations that were not accepted and not withdrawn, the newest first."""
        question = select(OrganisationInvitation).where(
            OrganisationInvitation.organisation_id == organisation_id,
            OrganisationInvitation.accepted_at.is_(None),
            OrganisationInvitation.revoked_at.is_(None),
        )
        return (await self.db.scalars(question.order_by(OrganisationInvitation.id.desc()).limit(PAGE))).all()

    async def invited_since(self, organisation_id: UUID, since: datetime) -> int:
        """Count an organisation's invitations since a moment."""
        question = select(func.count()).where(
            OrganisationInvitation.organisation_id == organisation_id, OrganisationInvitation.invited_at >= since
        )
        return await self.db.scalar(question) or 0

    async def invitation(
        self, organisation_id: UUID, invitation_id: UUID, *, locked: bool = False
    ) -> OrganisationInvitation:
        """Return an organisation's invitation.

        Raises:
            NotFound: There is none, or it is another organisation's.
        """
        question = select(OrganisationInvitation).where(
            OrganisationInvitation.id == invitation_id, OrganisationInvitation.organisation_id == organisation_id
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def invitation_by(self, secret_hash: bytes, *, locked: bool = False) -> OrganisationInvitation | None:
        """Return the invitation that a secret opens, whatever became of it."""
        question = select(OrganisationInvitation).where(OrganisationInvitation.secret_hash == secret_hash)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).first()

    async def requests(
        self, *, organisation_id: UUID | None = None, council_id: UUID | None = None
    ) -> Sequence[tuple[JoinRequest, Organisation]]:
        """Return requests that wait, of an organisation or a council, the oldest first."""
        question = (
            select(JoinRequest, Organisation)
            .join(Organisation, Organisation.id == JoinRequest.organisation_id)
            .where(JoinRequest.status == JoinRequestStatus.WAITING)
            .order_by(JoinRequest.asked_at, JoinRequest.id)
            .limit(200)
        )
        if organisation_id is not None:
            question = question.where(JoinRequest.organisation_id == organisation_id)
        if council_id is not None:
            question = question.where(JoinRequest.council_id == council_id)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def to_remind(self, asked_before: datetime) -> Sequence[JoinRequest]:
        """Return requests of every council that wait since a moment, whose reminder is not sent, locked."""
        question = (
            select(JoinRequest)
            .where(
                JoinRequest.status == JoinRequestStatus.WAITING,
                JoinRequest.reminded_at.is_(None),
                JoinRequest.asked_at < asked_before,
            )
            .order_by(JoinRequest.asked_at, JoinRequest.id)
            .limit(500)
            .with_for_update(skip_locked=True)
        )
        return (await self.db.scalars(question)).all()

    async def decided(self, council_id: UUID) -> Sequence[tuple[JoinRequest, Organisation]]:
        """Return a council's last requests that were decided, the newest first."""
        question = (
            select(JoinRequest, Organisation)
            .join(Organisation, Organisation.id == JoinRequest.organisation_id)
            .where(JoinRequest.council_id == council_id, JoinRequest.status != JoinRequestStatus.WAITING)
            .order_by(JoinRequest.decided_at.desc(), JoinRequest.id)
            .limit(20)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def request(self, request_id: UUID, *, locked: bool = False) -> JoinRequest:
        """Return a request.

        Raises:
            NotFound: There is none in reach.
        """
        question = select(JoinRequest).where(JoinRequest.id == request_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def waits(self, organisation_id: UUID, email: str) -> bool:
        """Whether an e-mail address waits for an answer of an organisation."""
        question = select(
            exists().where(
                JoinRequest.organisation_id == organisation_id,
                JoinRequest.email == email,
                JoinRequest.status == JoinRequestStatus.WAITING,
            )
        )
        return bool(await self.db.scalar(question))

    async def kept(self, organisation_ids: Sequence[UUID], on: date) -> set[UUID]:
        """Return those of some organisations for which somebody can sign in to keep them on a day."""
        question = (
            select(Membership.organisation_id)
            .join(User, User.id == Membership.user_id)
            .where(
                Membership.organisation_id.in_(organisation_ids),
                Membership.role.in_(KEEPERS),
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
        )
        return {found for found in await self.db.scalars(question) if found is not None}
