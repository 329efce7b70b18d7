"""Questions asked of how people want to be told things."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import column, or_, select, table

from marketplace.accounts.models import Council, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.repository import Repository
from marketplace.messaging.models import ContactPreference

# People belong to `people`, which stands above this package. Only how to address one is wanted here; row-level
# security limits it to the councils in reach.
_PEOPLE = table(
    "people", column("id"), column("council_id"), column("given_name"), column("family_name"), column("died_on")
)


class Addressed(NamedTuple):
    """Whom a message is for."""

    name: str
    died_on: date | None


class ContactRepository(Repository[ContactPreference]):
    """Contact preferences and whom they are of."""

    model_type = ContactPreference

    async def of_person(self, council_id: UUID, person_id: UUID, *, locked: bool = False) -> ContactPreference | None:
        """Return a person's preference, or None for e-mail and plain print."""
        return await self.maybe(self.of(council_id).where(ContactPreference.person_id == person_id), locked=locked)

    async def own_user(self, council_id: UUID, person_id: UUID) -> User | None:
        """Return the account of the person themselves; None for somebody who is offline."""
        on = today(clock_of(self.db))
        question = (
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.council_id == council_id,
                Membership.person_id == person_id,
                Membership.role == Role.PERSON,
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
            .order_by(User.id)
            .limit(1)
        )
        found: User | None = (await self.db.scalars(question)).first()
        return found

    async def addressed(self, council_id: UUID, person_id: UUID) -> Addressed | None:
        """Return the name of a person of a council."""
        question = select(_PEOPLE.c.given_name, _PEOPLE.c.family_name, _PEOPLE.c.died_on).where(
            _PEOPLE.c.council_id == council_id, _PEOPLE.c.id == person_id
        )
        row = (await self.db.execute(question)).first()
        return Addressed(f"{row[0]} {row[1]}".strip(), row[2]) if row else None

    async def council(self, council_id: UUID) -> Council:
        """Return a council: its name and number stand in texts and letters."""
        return await self.db.get_one(Council, council_id)
