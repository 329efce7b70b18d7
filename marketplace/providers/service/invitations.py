"""Invitations: a link by which somebody joins an organisation that is here. It works once, for fourteen days.

The secret follows from the row's id and the installation's key, and only its hash is kept: it stands in no queue and no
stored message. A letter holds a shorter code that a person can type; whoever types it still shows by e-mail that an
address is theirs, so no account is ever made with an address that nobody checked.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Principal, Role, audit
from marketplace.accounts.service import hash_password, token_hash
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import InvitationDead, OtherAddress, TooManyInvitations
from marketplace.providers.events import InvitationSent
from marketplace.providers.models import Organisation, OrganisationInvitation, WorkerKind
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.joining_answers import read_password
from marketplace.providers.service.people import PeopleService, own_organisation

LIFE: Final = timedelta(days=14)
MOST_A_DAY: Final = 30
TRIES_PER_ADDRESS: Final = 60
"""Codes tried in a day from one network address; a code has some 59 bits."""
ROLES: Final = {
    Role.PROVIDER: "Keeps everything of the organisation: bookings, listings, evidence, money",
    Role.PLANNER: "Support planner: answers offers and writes plans",
    Role.PA: "Personal assistant: keeps their own times and visits",
    Role.CARE_WORKER: "Care worker: sees their own visits, starts and finishes them on a phone",
}
WORKER_OF: Final = {
    Role.PLANNER: WorkerKind.PLANNER,
    Role.PA: WorkerKind.PA,
    Role.CARE_WORKER: WorkerKind.CARE_WORKER,
}
_CODE: Final = re.compile(r"^[A-Z2-7]{12}$")


def secret_of(secret_key: str, invitation_id: UUID, *, is_letter: bool) -> str:
    """Return the secret of an invitation: 130 bits for a link, 12 letters and digits in groups for a letter."""
    mark = hmac.new(secret_key.encode(), b"invitation:" + invitation_id.bytes, hashlib.sha256).digest()
    text = base64.b32encode(mark).decode()
    return "-".join(text[at : at + 4] for at in (0, 4, 8)) if is_letter else text[:26].lower()


def hash_of(secret: str) -> bytes:
    """Return the hash under which a secret is kept, however a code was typed."""
    plain = re.sub(r"[^A-Za-z0-9]", "", secret).upper()
    # The letters have no 0, 1 and 8, so these can only be misread ones.
    plain = plain.translate(str.maketrans("018", "OIB"))
    return token_hash(plain if _CODE.match(plain) else secret[:100])


class InvitationForm(msgspec.Struct, frozen=True):
    """Whom to invite, as what."""

    email: str
    role: Role
    worker_id: UUID | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "InvitationForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        email = form.email("email", "the e-mail address")
        role = Role(form.option("role", "what they do", [role.value for role in ROLES]) or Role.PROVIDER)
        field = f"{role}_worker_id"
        worker_id = form.id(field, "which worker they are") if role in WORKER_OF else None
        form.done()
        return cls(email, role, worker_id)


class Opened(msgspec.Struct, frozen=True):
    """An invitation that is open, with what its page says."""

    invitation: OrganisationInvitation
    organisation: Organisation
    invited_by: str
    is_known: bool
    """The invited e-mail address has an account."""


class InvitationService:
    """Writes and accepts invitations. Runs in scope `every` once it knows whose they are."""

    def __init__(self, db: AsyncSession, secret_key: str) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.people = PeopleRepository(db)
        self.secret_key = secret_key

    async def invite(self, principal: Principal, form: InvitationForm) -> OrganisationInvitation:
        """Invite somebody to act for the own organisation.

        Raises:
            InvalidInput: They act for it already, or the worker is not one of theirs.
            TooManyInvitations: Thirty in a day.
        """
        organisation = await own_organisation(self.db, principal, locked=True)
        if form.worker_id is not None:
            workers = await WorkerRepository(self.db).working(organisation.id, today(self.clock))
            wanted = WORKER_OF[form.role]
            if not any(row.id == form.worker_id and row.kind is wanted for row in workers):
                raise InvalidInput({f"{form.role}_worker_id": "Select which worker they are from the list"})
        user = await AccountRepository(self.db).user_by_email(form.email)
        if user is not None:
            access = await self.people.access(organisation.id, today(self.clock), user_id=user.id)
            if any(row.membership.role is form.role for row in access):
                raise InvalidInput({"email": "They can sign in for you already"})
        return await self.write(principal, organisation, form.email, form.role, form.worker_id)

    async def write(
        self,
        principal: Principal,
        organisation: Organisation,
        email: str,
        role: Role,
        worker_id: UUID | None = None,
        *,
        council_id: UUID | None = None,
    ) -> OrganisationInvitation:
        """Store an invitation and have it sent; one without an e-mail address is for a letter.

        Raises:
            TooManyInvitations: Thirty in a day.
        """
        now = self.clock.now()
        if await self.people.invited_since(organisation.id, now - timedelta(days=1)) >= MOST_A_DAY:
            raise TooManyInvitations("Wait until tomorrow, or ask your council.")
        for old in await self.people.invitations(organisation.id, now):
            if email and old.email == email and old.role == role.value:
                old.revoked_at = now  # The newest link is the one that counts.
        invitation_id = new_id()
        secret = secret_of(self.secret_key, invitation_id, is_letter=not email)
        row = OrganisationInvitation(
            id=invitation_id,
            council_id=council_id or principal.council_id,
            organisation_id=organisation.id,
            email=email,
            role=role.value,
            worker_id=worker_id,
            secret_hash=hash_of(secret),
            invited_by_user_id=principal.user_id,
            invited_at=now,
            expires_at=now + LIFE,
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, "providers.invite", row)
        if email:
            self._publish(row)
        return row

    async def revoke(self, principal: Principal, invitation_id: UUID) -> None:
        """Take an invitation back.

        Raises:
            NotFound: None of theirs.
            StepRefused: It was accepted or taken back.
        """
        organisation = await own_organisation(self.db, principal)
        row = await self.people.invitation(organisation.id, invitation_id, locked=True)
        if row.accepted_at is not None or row.revoked_at is not None:
            raise StepRefused("This invitation was used or taken back already.")
        row.revoked_at = self.clock.now()
        await self.db.flush()
        self._record(principal, "providers.revoke_invitation", row)

    async def resend(self, principal: Principal, invitation_id: UUID) -> OrganisationInvitation:
        """Send a new link; the old one stops working.

        Raises:
            NotFound: None of theirs.
            StepRefused: It was accepted or taken back.
            TooManyInvitations: Thirty in a day.
        """
        organisation = await own_organisation(self.db, principal, locked=True)
        row = await self.people.invitation(organisation.id, invitation_id, locked=True)
        if row.accepted_at is not None or row.revoked_at is not None or not row.email:
            raise StepRefused("This invitation was used or taken back already.")
        row.revoked_at = self.clock.now()
        await self.db.flush()
        return await self.write(
            principal, organisation, row.email, Role(row.role), row.worker_id, council_id=row.council_id
        )

    # Who was invited

    async def opened(self, secret: str, *, locked: bool = False) -> Opened:
        """Return an invitation that still works.

        Raises:
            InvitationDead: Why it does not: "used", "revoked", "expired" or "unknown".
        """
        row = await self.people.invitation_by(hash_of(secret), locked=locked) if 0 < len(secret) <= 100 else None
        if row is None:
            raise InvitationDead("unknown")
        if row.accepted_at is not None:
            raise InvitationDead("used")
        if row.revoked_at is not None:
            raise InvitationDead("revoked")
        if row.expires_at <= self.clock.now():
            raise InvitationDead("expired")
        organisation = await OrganisationRepository(self.db).find(row.organisation_id)
        # Where the organisation was merged the invitation is to the one that took its place.
        organisation = await DuplicateRepository(self.db).standing_for(organisation)
        accounts = AccountRepository(self.db)
        names = await accounts.names({row.invited_by_user_id})
        is_known = bool(row.email) and await accounts.is_known(row.email)
        return Opened(row, organisation, names.get(row.invited_by_user_id, ""), is_known)

    async def accept_signed_in(self, principal: Principal, secret: str) -> Organisation:
        """Take an invitation with the account one is signed in with.

        Raises:
            InvitationDead: It no longer works.
            OtherAddress: It was sent to another e-mail address.
        """
        opened = await self.opened(secret, locked=True)
        user = await AccountRepository(self.db).user(principal.user_id)
        if user is None or user.email != opened.invitation.email:
            raise OtherAddress
        await self._give(principal, opened, user)
        return opened.organisation

    async def accept_new(self, secret: str, data: Mapping[str, Any]) -> Organisation:
        """Take an invitation with a new account; the link showed that the e-mail address is theirs.

        Raises:
            InvitationDead: It no longer works, or has no e-mail address (a letter).
            InvalidInput: Name or password.
            AddressTaken: The address has an account: they sign in first.
        """
        form = FormReader(data)
        name = form.text("name", "your name", longest=100)
        password = read_password(form)
        form.done()
        opened = await self.opened(secret, locked=True)
        if not opened.invitation.email:
            raise InvitationDead("unknown")
        accounts = AccountService(self.db)
        user = await accounts.create_user(opened.invitation.email, name, await hash_password(password))
        await self._give(None, opened, user)
        return opened.organisation

    async def send_to(self, secret: str, data: Mapping[str, Any], address: str) -> None:
        """Have the link of a letter's invitation sent to an e-mail address that somebody typed.

        Raises:
            InvitationDead: It no longer works, or is not a letter's.
            InvalidInput: Not an e-mail address.
            TooManyTries: Too often from one network address.
        """
        opened = await self.opened(secret, locked=True)
        letter = opened.invitation
        if letter.email:
            raise InvitationDead("unknown")
        form = FormReader(data)
        email = form.email("email", "your e-mail address")
        form.done()
        await AccountService(self.db).count_visit("invitation-send", str(letter.id), 5)
        await self.count_try(address)
        now, invitation_id = self.clock.now(), new_id()
        row = OrganisationInvitation(
            id=invitation_id,
            council_id=letter.council_id,
            organisation_id=letter.organisation_id,
            email=email,
            role=letter.role,
            worker_id=letter.worker_id,
            secret_hash=hash_of(secret_of(self.secret_key, invitation_id, is_letter=False)),
            invited_by_user_id=letter.invited_by_user_id,
            invited_at=now,
            expires_at=letter.expires_at,
        )
        self.db.add(row)
        await self.db.flush()
        self._publish(row)

    async def count_try(self, address: str) -> None:
        """Count a code that somebody typed.

        Raises:
            TooManyTries: Too many from this network address today.
        """
        await AccountService(self.db).count_visit("invitation-code", address, TRIES_PER_ADDRESS)

    async def _give(self, by: Principal | None, opened: Opened, user: Any) -> None:
        row, now = opened.invitation, self.clock.now()
        await PeopleService(self.db).give(by, user, opened.organisation, row.council_id, Role(row.role), row.worker_id)
        row.accepted_by_user_id, row.accepted_at = user.id, now
        if Role(row.role) is Role.PROVIDER:
            # The group has somebody now: codes on paper that lie about are worth nothing any more.
            for other in await self.people.invitations(row.organisation_id, now):
                if not other.email and other.id != row.id:
                    other.revoked_at = now
        await self.db.flush()
        audit.record(
            self.db,
            by,
            "providers.accept_invitation",
            council_id=row.council_id,
            subject_kind="invitation",
            subject_id=row.id,
            after={"organisation_id": opened.organisation.id, "role": row.role, "user_id": user.id},
        )

    def _record(self, principal: Principal, action: str, row: OrganisationInvitation) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="invitation",
            subject_id=row.id,
            after={"organisation_id": row.organisation_id, "role": row.role, "worker_id": row.worker_id},
        )

    def _publish(self, row: OrganisationInvitation) -> None:
        publish(
            self.db,
            InvitationSent(council_id=row.council_id, invitation_id=row.id, organisation_id=row.organisation_id),
        )
