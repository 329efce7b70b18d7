"""Questions about accounts."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Row, any_, column, delete, func, literal, or_, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import (
    Attempt,
    AttemptKind,
    AuditEntry,
    Council,
    Membership,
    PasswordReset,
    Representation,
    SessionRow,
    User,
)
from marketplace.accounts.permissions import SCOPES_OF, Scope
from marketplace.accounts.states import RepresentationStatus

# Organisations belong to `providers`, which stands above this package; only their names and merges are read here.
_ORGANISATIONS = table("organisations", column("id"), column("name"), column("merged_into_id"))


class AccountRepository:
    """Users, memberships and sessions. Reads across councils: signing in comes before a council is known."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def user_by_email(self, email: str) -> User | None:
        """Return the active user with an e-mail address (lower case)."""
        found: User | None = await self.db.scalar(select(User).where(User.email == email, User.is_active))
        return found

    async def is_known(self, email: str) -> bool:
        """Whether an e-mail address (lower case) has an account, active or not."""
        return await self.db.scalar(select(User.id).where(User.email == email)) is not None

    async def user(self, user_id: UUID) -> User | None:
        """Return a user by id."""
        return await self.db.get(User, user_id)

    async def memberships(self, user_id: UUID, on: date) -> Sequence[Row[Membership, Council]]:
        """Return a user's roles on a day, each with its council, oldest first; those for a merged organisation last."""
        return (
            await self.db.execute(
                select(Membership, Council)
                .join(Council, Council.id == Membership.council_id)
                .outerjoin(_ORGANISATIONS, _ORGANISATIONS.c.id == Membership.organisation_id)
                .where(
                    Membership.user_id == user_id,
                    Membership.starts_on <= on,
                    or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                )
                .order_by(_ORGANISATIONS.c.merged_into_id.is_not(None), Membership.id)
            )
        ).all()

    async def organisation_names(self, ids: set[UUID]) -> dict[UUID, str]:
        """Return names of organisations that roles are for, by id."""
        rows = await self.db.execute(
            select(_ORGANISATIONS.c.id, _ORGANISATIONS.c.name).where(_ORGANISATIONS.c.id.in_(ids))
        )
        return {row.id: row.name for row in rows}

    async def session(self, token_hash: bytes) -> Row[SessionRow, User, Membership, Council] | None:
        """Return a session with its user, role and council."""
        return (
            await self.db.execute(
                select(SessionRow, User, Membership, Council)
                .join(User, User.id == SessionRow.user_id)
                .join(Membership, Membership.id == SessionRow.membership_id)
                .join(Council, Council.id == Membership.council_id)
                .where(SessionRow.token_hash == token_hash)
            )
        ).first()

    async def scopes(self, membership_id: UUID, on: date) -> frozenset[Scope]:
        """Return what a representative's membership allows on a day; nothing when it does not stand."""
        question = select(Representation).where(
            Representation.membership_id == membership_id,
            Representation.status == RepresentationStatus.LIVE,
            Representation.starts_on <= on,
            or_(Representation.ends_on.is_(None), Representation.ends_on > on),
        )
        found: Representation | None = await self.db.scalar(question)
        if found is None:
            return frozenset()
        return frozenset(Scope(scope) for scope in found.scopes) & SCOPES_OF[found.kind]

    async def councils_of_organisation(self, organisation_id: UUID) -> list[UUID]:
        """Return the councils in which somebody acts for an organisation."""
        rows = await self.db.scalars(
            select(Membership.council_id).where(Membership.organisation_id == organisation_id).distinct()
        )
        return sorted(rows)

    async def end_sessions(self, user_id: UUID) -> None:
        """Sign a user out everywhere."""
        await self.db.execute(delete(SessionRow).where(SessionRow.user_id == user_id))

    async def attempts_since(self, kind: AttemptKind, key_hash: bytes, since: datetime) -> int:
        """Count tries under a key."""
        count = await self.db.scalar(
            select(func.count()).where(Attempt.kind == kind, Attempt.key_hash == key_hash, Attempt.at >= since)
        )
        return count or 0

    async def reset(self, token_hash: bytes) -> PasswordReset | None:
        """Return a reset by its link's hash, locked."""
        found: PasswordReset | None = await self.db.scalar(
            select(PasswordReset).where(PasswordReset.token_hash == token_hash).with_for_update()
        )
        return found

    async def reset_by_id(self, reset_id: UUID) -> Row[PasswordReset, User] | None:
        """Return a reset with its user."""
        return (
            await self.db.execute(
                select(PasswordReset, User)
                .join(User, User.id == PasswordReset.user_id)
                .where(PasswordReset.id == reset_id)
            )
        ).first()

    async def councils(self) -> Sequence[Council]:
        """Return all councils by name."""
        return (await self.db.scalars(select(Council).order_by(Council.name))).all()

    async def council(self, council_id: UUID) -> Council | None:
        """Return a council by id."""
        return await self.db.get(Council, council_id)

    async def council_of_district(self, lad_code: str) -> Council | None:
        """Return the council that serves a district by its ONS code."""
        return (
            await self.db.scalars(
                select(Council).where(literal(lad_code) == any_(Council.district_codes)).order_by(Council.name).limit(1)
            )
        ).first()

    async def names(self, user_ids: set[UUID]) -> dict[UUID, str]:
        """Return names of users by id."""
        rows = await self.db.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
        return {row.id: row.name for row in rows}

    async def demo_sign_ins(self) -> Sequence[Row[User, Membership, Council]]:
        """Return the demo's users with role and council, for the sign-in page."""
        return (
            await self.db.execute(
                select(User, Membership, Council)
                .join(Membership, Membership.user_id == User.id)
                .join(Council, Council.id == Membership.council_id)
                .where(User.is_demo)
                .order_by(Council.name, Membership.id)
            )
        ).all()

    async def audit_of(self, council_id: UUID, *, before: int | None, limit: int) -> Sequence[AuditEntry]:
        """Return a council's newest audit entries, older than a number."""
        question = select(AuditEntry).where(AuditEntry.council_id == council_id)
        if before is not None:
            question = question.where(AuditEntry.number < before)
        return (await self.db.scalars(question.order_by(AuditEntry.number.desc()).limit(limit))).all()
