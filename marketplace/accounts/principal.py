"""Who is asking: a user in one role, and on whose behalf."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts.errors import ConfirmFirst
from marketplace.accounts.permissions import COUNCIL_ROLES, ROLE_LABELS, Permission, Role, Scope, granted
from marketplace.core.errors import Forbidden, NotFound

CONFIRMED_FOR = timedelta(minutes=10)
"""How long a password that was given again counts."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in user as services see them.

    `council_id` is the council the role is held in. `councils` are those whose rows the user may reach: one for council
    staff and people, several for a provider that serves several. `organisation_id`, `worker_id` and `person_id` say for
    whom the role acts; a representative's `person_id` is the person acted for.
    """

    user_id: UUID
    name: str
    role: Role
    council_id: UUID
    council_name: str
    council_slug: str
    councils: tuple[UUID, ...]
    session_id: UUID | None = None
    organisation_id: UUID | None = None
    worker_id: UUID | None = None
    person_id: UUID | None = None
    theme: str = "teal"
    acting_for: str | None = None
    """Name of the person a representative acts for."""
    scopes: frozenset[Scope] | None = None
    """What a representative may do for them; None for every other role."""
    confirmed_at: datetime | None = None
    """When they last gave their password again in this session."""

    @property
    def actor(self) -> str:
        """The name under which one-time form ids of this user are kept."""
        return f"user:{self.user_id}"

    @property
    def role_label(self) -> str:
        """The role in words."""
        return ROLE_LABELS[self.role]

    @property
    def is_council(self) -> bool:
        """Whether the user works for the council or a body it delegates to."""
        return self.role in COUNCIL_ROLES

    def may(self, permission: Permission) -> bool:
        """Whether the role grants a permission; for a representative, within what the person gave them."""
        return permission in granted(self.role, self.scopes)

    def require(self, permission: Permission) -> None:
        """Refuse unless the role grants a permission.

        Raises:
            Forbidden: It does not.
        """
        if not self.may(permission):
            if self.scopes is not None:
                raise Forbidden(f"{self.acting_for} has not asked you to do this for them.")
            raise Forbidden(f"Your role ({self.role_label.lower()}) does not include this.")

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the password was given again within the last ten minutes.

        Who acts without a session, from the command line, has no password to give.
        """
        return self.session_id is None or (self.confirmed_at is not None and now < self.confirmed_at + CONFIRMED_FOR)

    def require_confirmed(self, now: datetime) -> None:
        """Refuse what moves money unless the password was given again a moment ago: a screen may be left open.

        Raises:
            ConfirmFirst: It was not.
        """
        if not self.is_confirmed(now):
            raise ConfirmFirst("Enter your password again, then go on.")

    def need_person(self) -> UUID:
        """Return the person the user is or acts for.

        Raises:
            NotFound: The role is not a person's.
        """
        if self.person_id is None:
            raise NotFound
        return self.person_id

    def need_organisation(self) -> UUID:
        """Return the organisation the user acts for.

        Raises:
            NotFound: The role belongs to no organisation.
        """
        if self.organisation_id is None:
            raise NotFound
        return self.organisation_id
