"""The answer of who was asked: the link, yes with an account or a new one, no."""

from collections.abc import Mapping
from typing import Any

import msgspec

from marketplace.accounts import AccountRepository, AccountService, Principal, Role
from marketplace.accounts.models import Membership, Representation, User
from marketplace.accounts.permissions import NEEDS_PAPERS
from marketplace.accounts.service import check_password, hash_password, row_of_link
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.people.errors import AskDead, NotTheOneAsked
from marketplace.people.models import Person
from marketplace.people.representatives.steps import PURPOSE, RepresentationSteps


class Asked(msgspec.Struct, frozen=True):
    """A link that works, with what its page says."""

    row: Representation
    person: Person
    council_name: str
    is_known: bool
    """The e-mail address has an account."""


class AskedService(RepresentationSteps):
    """The verbs of who was asked."""

    async def opened(self, secret: str, *, locked: bool = False) -> Asked:
        """Return what a link is about. Runs in scope `every`.

        Raises:
            AskDead: It no longer works.
        """
        row_id = row_of_link(self.secret_key, PURPOSE, secret)
        row = await self.rows.by_id(row_id, locked=locked) if row_id else None
        is_over = row is None or row.status is not RepresentationStatus.INVITED or row.user_id is not None
        if row is None or is_over or row.invitation_ends_at is None or row.invitation_ends_at <= self.clock.now():
            raise AskDead("It was used, taken back, or is older than 14 days. Ask the person for a new one.")
        accounts = AccountRepository(self.db)
        council = await accounts.council(row.council_id)
        person = await self.db.get_one(Person, row.person_id)
        return Asked(row, person, council.name if council else "", await accounts.is_known(row.email))

    async def accept_signed_in(self, principal: Principal, secret: str) -> Representation:
        """Say yes with the account one is signed in with.

        Raises:
            AskDead: It no longer works.
            NotTheOneAsked: It was sent to another address.
        """
        asked = await self.opened(secret, locked=True)
        user = await AccountRepository(self.db).user(principal.user_id)
        if user is None or user.email != asked.row.email:
            raise NotTheOneAsked("Sign out, then open the link again.")
        return await self._accept(principal, asked, user)

    async def accept_new(self, secret: str, data: Mapping[str, Any]) -> Representation:
        """Say yes with a new account; the link showed that the address is theirs.

        Raises:
            AskDead: It no longer works.
            InvalidInput: The password.
            AddressTaken: The address has an account: they sign in first.
        """
        password = str(data.get("password") or "")
        if not password:
            raise InvalidInput({"password": "Enter a password"})
        check_password(password)
        asked = await self.opened(secret, locked=True)
        hashed = await hash_password(password)
        user = await AccountService(self.db).create_user(asked.row.email, asked.row.name, hashed)
        return await self._accept(None, asked, user)

    async def decline(self, secret: str) -> None:
        """Say no.

        Raises:
            AskDead: It no longer works.
        """
        asked = await self.opened(secret, locked=True)
        asked.row.answered_at = self.clock.now()
        await self._move(None, asked.row, RepresentationStatus.DECLINED, "people.decline_representation")

    async def _accept(self, principal: Principal | None, asked: Asked, user: User) -> Representation:
        row = asked.row
        membership = await self.rows.membership(user.id, row.council_id, row.person_id)
        day = today(self.clock)
        needs_papers = row.kind in NEEDS_PAPERS
        if membership is None:
            membership = Membership(
                user_id=user.id,
                council_id=row.council_id,
                role=Role.REPRESENTATIVE,
                person_id=row.person_id,
                acting_for_name=asked.person.name,
                starts_on=day,
                ends_on=row.ends_on,
            )
            self.db.add(membership)
        else:
            # They acted for the person before: the same role stands again, with a record of its own.
            await self.rows.let_go(membership.id)
            membership.starts_on, membership.ends_on = day, row.ends_on
            membership.acting_for_name = asked.person.name
        await self.db.flush()
        row.user_id, row.membership_id, row.answered_at = user.id, membership.id, self.clock.now()
        row.starts_on = day
        # Until the papers are seen the role is there, and allows nothing.
        to = RepresentationStatus.TO_CHECK if needs_papers else RepresentationStatus.LIVE
        await self._move(principal, row, to, "people.accept_representation", by=user.id)
        return row
