"""Who can sign in for an organisation: giving access, ending it, and who may do that."""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import ROLE_LABELS, AccountService, Permission, Principal, Role, audit
from marketplace.accounts.models import User
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.providers.errors import LastOne, NotKeeper
from marketplace.providers.models import Organisation, OrganisationKind
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.people import KEEPERS, Access, PeopleRepository
from marketplace.providers.service.reach import reach_every_council


class Colleague(msgspec.Struct, frozen=True):
    """Somebody who acts for an organisation."""

    user_id: UUID
    name: str
    email: str
    roles: tuple[str, ...]
    """In words, with the council and the worker it is tied to."""
    since: date
    is_self: bool
    is_last: bool
    """Nobody else could keep the organisation: their access cannot be ended."""


async def own_organisation(db: AsyncSession, principal: Principal, *, locked: bool = False) -> Organisation:
    """Return the organisation whose people the user keeps, and reach its rows in every council from here on.

    Raises:
        Forbidden: The role keeps no people.
        NotKeeper: The user is one assistant among several of a service.
        NotFound: The role belongs to no organisation.
    """
    principal.require(Permission.WORKERS_OWN)
    repository = OrganisationRepository(db)
    organisation_id = principal.need_organisation()
    organisation = await (repository.lock(organisation_id) if locked else repository.find(organisation_id))
    if principal.role is Role.PA and organisation.kind is not OrganisationKind.SOLE_PA:
        raise NotKeeper("They keep its details and who can sign in for it.")
    await reach_every_council(db)
    return organisation


class PeopleService:
    """Keeps access to an organisation. Runs in scope `every` once it knows which organisation it is about."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.people = PeopleRepository(db)

    async def colleagues(self, principal: Principal) -> tuple[Organisation, list[Colleague]]:
        """Return the own organisation and who acts for it, by name."""
        organisation = await own_organisation(self.db, principal)
        rows = await self.people.access(organisation.id, today(self.clock))
        keepers = {row.user.id for row in rows if row.membership.role in KEEPERS}
        found: dict[UUID, list[Access]] = {}
        for row in rows:
            found.setdefault(row.user.id, []).append(row)
        return organisation, [
            Colleague(
                user_id=user_id,
                name=access[0].user.name,
                email=access[0].user.email,
                roles=tuple(_role_words(row) for row in access),
                since=min(row.membership.starts_on for row in access),
                is_self=user_id == principal.user_id,
                is_last=keepers == {user_id},
            )
            for user_id, access in found.items()
        ]

    async def end(self, principal: Principal, user_id: UUID) -> str:
        """End somebody's access to the own organisation at once, in every council. Returns their name.

        Raises:
            NotFound: They do not act for it.
            LastOne: Nobody would be left to keep it.
        """
        # Locked, so that two people who end each other's access cannot both be right.
        organisation = await own_organisation(self.db, principal, locked=True)
        day = today(self.clock)
        rows = await self.people.access(organisation.id, day)
        theirs = [row for row in rows if row.user.id == user_id]
        if not theirs:
            raise NotFound
        others = any(row.membership.role in KEEPERS for row in rows if row.user.id != user_id)
        if not others:
            raise LastOne("Invite somebody else first. Then you can end this access.")
        for row in theirs:
            # A role that began today is over at once, too: its last day is before its first.
            row.membership.ends_on = day
            audit.record(
                self.db,
                principal,
                "providers.end_access",
                council_id=row.membership.council_id,
                subject_kind="user",
                subject_id=user_id,
                before={"role": row.membership.role, "organisation_id": organisation.id},
                after={"ends_on": day},
            )
        await self.db.flush()
        await self.people.end_sessions([row.membership.id for row in theirs])
        return theirs[0].user.name

    async def give(
        self,
        by: Principal | None,
        user: User,
        organisation: Organisation,
        council_id: UUID,
        role: Role,
        worker_id: UUID | None = None,
    ) -> bool:
        """Give somebody a role for an organisation from today on, again where they once had it.

        Returns:
            False when they hold it already.
        """
        day = today(self.clock)
        row = await self.people.membership(user.id, council_id, role, organisation.id)
        if row is None:
            await AccountService(self.db).grant(
                by, user, council_id, role, organisation_id=organisation.id, worker_id=worker_id
            )
            return True
        if row.ends_on is None or row.ends_on > day:
            return False
        row.starts_on, row.ends_on, row.worker_id = day, None, worker_id
        await self.db.flush()
        audit.record(
            self.db,
            by,
            "accounts.grant_role",
            council_id=council_id,
            subject_kind="user",
            subject_id=user.id,
            after={"role": role, "organisation_id": organisation.id, "worker_id": worker_id},
        )
        return True


def _role_words(row: Access) -> str:
    worker = f" ({row.worker.name})" if row.worker is not None and row.worker.name != row.user.name else ""
    return f"{ROLE_LABELS[row.membership.role]}{worker}, {row.council.short_name}"
