"""Signing in and out, sessions and passwords."""

import asyncio
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.accounts.errors import AddressTaken, ResetLinkDead, SignInRefused, TooManyTries
from marketplace.accounts.events import PasswordChanged, PasswordResetRequested
from marketplace.accounts.models import Attempt, AttemptKind, Council, Membership, PasswordReset, SessionRow, User
from marketplace.accounts.permissions import COUNCIL_ROLES, PROVIDER_ROLES, Role
from marketplace.accounts.principal import Principal
from marketplace.accounts.repository import AccountRepository
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.core.ids import new_id, parse_id

STAFF_IDLE = timedelta(minutes=30)
CITIZEN_IDLE = timedelta(hours=2)
LONGEST_SESSION = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
RESET_LIFE = timedelta(minutes=30)
SIGN_IN_WINDOW = timedelta(minutes=5)
SIGN_INS_PER_ACCOUNT = 10
SIGN_INS_PER_ADDRESS = 100
RESETS_A_DAY = 5
JOINS_PER_EMAIL = 5
JOINS_PER_ADDRESS = 40
"""Registrations sent in a day from one network address: a whole charity may share one."""
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

_hasher = PasswordHash((Argon2Hasher(),))
_nobody: str | None = None


def use_hasher(hasher: Argon2Hasher) -> None:
    """Set the password hasher of this process (tests use a cheap one)."""
    global _hasher, _nobody
    _hasher, _nobody = PasswordHash((hasher,)), None


async def hash_password(password: str) -> str:
    """Hash a password, off the event loop: it takes half a second of work by design."""
    return await asyncio.to_thread(_hasher.hash, password)


async def _is_right(password: str, stored: str | None) -> bool:
    """Compare a password; an unknown user costs the same time as a known one."""
    global _nobody
    if stored is None:
        if _nobody is None:
            _nobody = await hash_password(secrets.token_urlsafe(16))
        await asyncio.to_thread(_hasher.verify, password, _nobody)
        return False
    return await asyncio.to_thread(_hasher.verify, password, stored)


def key_hash(*parts: str) -> bytes:
    """Return a hash under which tries are counted, so that no address or e-mail is stored."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def token_hash(token: str) -> bytes:
    """Return what is stored of a secret that a browser or a link holds."""
    return hashlib.sha256(token.encode()).digest()


def reset_token(secret_key: str, reset_id: UUID) -> str:
    """Return the secret of a reset link. It follows from the id, so that it need not stand in a queue."""
    mark = hmac.new(secret_key.encode(), b"password-reset:" + reset_id.bytes, hashlib.sha256).hexdigest()
    return f"{reset_id.hex}{mark}"


def link_secret(secret_key: str, purpose: str, row_id: UUID) -> str:
    """Return the secret of a link about a row, for one purpose. It follows from the id, so it is stored nowhere."""
    mark = hmac.new(secret_key.encode(), f"{purpose}:".encode() + row_id.bytes, hashlib.sha256).hexdigest()
    return f"{row_id.hex}{mark}"


def row_of_link(secret_key: str, purpose: str, secret: str) -> UUID | None:
    """Return the row that a link's secret is about; None where we did not make it for this purpose."""
    row_id = parse_id(secret[:32])
    if row_id is None or not hmac.compare_digest(secret.encode(), link_secret(secret_key, purpose, row_id).encode()):
        return None
    return row_id


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: the cookie's secret and who it is for."""

    token: str
    principal: Principal


class AccountService:
    """The verbs of accounts. Works across councils: it runs in a transaction with scope `every`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.accounts = AccountRepository(db)

    async def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Check a password and open a session with a fresh secret.

        Raises:
            TooManyTries: Ten failures in five minutes for the account, or a hundred from the address.
            SignInRefused: Wrong, unknown, inactive or without a role today.
        """
        now = self.clock.now()
        keys = (key_hash("account", email), key_hash("address", address))
        for key, most in zip(keys, (SIGN_INS_PER_ACCOUNT, SIGN_INS_PER_ADDRESS), strict=True):
            if await self.accounts.attempts_since(AttemptKind.SIGN_IN, key, now - SIGN_IN_WINDOW) >= most:
                raise TooManyTries
        user = await self.accounts.user_by_email(email)
        right = await _is_right(password, user.password_hash if user else None)
        roles = await self.accounts.memberships(user.id, today(self.clock)) if user and right else []
        if user is None or not roles:
            raise SignInRefused({"email": "Check your e-mail address and password"})
        membership, council = roles[0]
        return await self._open(user, membership, council, now)

    async def note_failed_sign_in(self, email: str, address: str) -> None:
        """Count a failure. Runs in a transaction of its own, which outlives the refusal."""
        now = self.clock.now()
        for key in (key_hash("account", email), key_hash("address", address)):
            self.db.add(Attempt(kind=AttemptKind.SIGN_IN, key_hash=key, at=now))
        await self.db.execute(delete(Attempt).where(Attempt.at < now - timedelta(days=2)))

    async def confirm(self, principal: Principal, password: str) -> None:
        """Take the password again; for ten minutes the session may do what moves money.

        Raises:
            TooManyTries: Ten failures in five minutes.
            InvalidInput: The password is wrong.
        """
        now = self.clock.now()
        user = await self.accounts.user(principal.user_id)
        key = key_hash("account", user.email if user else "")
        if await self.accounts.attempts_since(AttemptKind.SIGN_IN, key, now - SIGN_IN_WINDOW) >= SIGN_INS_PER_ACCOUNT:
            raise TooManyTries
        if user is None or not await _is_right(password, user.password_hash):
            raise InvalidInput({"password": "Check your password"})
        await self.db.execute(update(SessionRow).where(SessionRow.id == principal.session_id).values(confirmed_at=now))
        audit.record(
            self.db,
            principal,
            "accounts.confirm_identity",
            council_id=principal.council_id,
            subject_kind="user",
            subject_id=user.id,
        )

    async def switch(self, principal: Principal, membership_id: UUID) -> SignedIn:
        """Change to another of the user's roles: a new session, the old one ends.

        Raises:
            NotFound: The role is not the user's today.
        """
        user = await self.accounts.user(principal.user_id)
        for membership, council in await self.accounts.memberships(principal.user_id, today(self.clock)):
            if membership.id == membership_id and user is not None:
                if principal.session_id:
                    await self.db.execute(delete(SessionRow).where(SessionRow.id == principal.session_id))
                return await self._open(user, membership, council, self.clock.now())
        raise NotFound

    async def sign_out(self, principal: Principal) -> None:
        """End the session on the server."""
        await self.db.execute(delete(SessionRow).where(SessionRow.id == principal.session_id))

    async def principal_of(self, token: str) -> Principal | None:
        """Return who a session cookie stands for; None when it is unknown, idle too long or at its end."""
        now = self.clock.now()
        found = await self.accounts.session(token_hash(token))
        if found is None:
            return None
        session, user, membership, council = found
        idle = STAFF_IDLE if membership.role in COUNCIL_ROLES else CITIZEN_IDLE
        over = membership.ends_on is not None and membership.ends_on <= today(self.clock)
        if session.expires_at <= now or session.last_seen_at + idle <= now or not user.is_active or over:
            return None
        if session.last_seen_at + TOUCH_EVERY <= now:
            await self.db.execute(update(SessionRow).where(SessionRow.id == session.id).values(last_seen_at=now))
        return await self._principal(session.id, user, membership, council, session.confirmed_at)

    async def request_reset(self, email: str, secret_key: str) -> None:
        """Send a link to choose a new password. Says nothing about whether the address has an account."""
        now = self.clock.now()
        key = key_hash("reset", email)
        tries = await self.accounts.attempts_since(AttemptKind.RESET, key, now - timedelta(days=1))
        self.db.add(Attempt(kind=AttemptKind.RESET, key_hash=key, at=now))
        user = await self.accounts.user_by_email(email)
        if user is None or tries >= RESETS_A_DAY:
            return
        roles = await self.accounts.memberships(user.id, today(self.clock))
        if not roles:
            return
        reset = _new_reset(user.id, now, secret_key)
        self.db.add(reset)
        outbox.publish(self.db, PasswordResetRequested(council_id=roles[0][1].id, reset_id=reset.id))

    async def is_reset_live(self, token: str) -> bool:
        """Whether a reset link may still be used."""
        reset = await self.accounts.reset(token_hash(token))
        return reset is not None and reset.used_at is None and reset.expires_at > self.clock.now()

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password by a link, once, and sign the user out everywhere.

        Raises:
            ResetLinkDead: Used, too old or unknown.
            InvalidInput: Too short or too long.
        """
        now = self.clock.now()
        reset = await self.accounts.reset(token_hash(token))
        if reset is None or reset.used_at is not None or reset.expires_at <= now:
            raise ResetLinkDead("Ask for a new link. A link works once, for 30 minutes.")
        check_password(password)
        user = await self.accounts.user(reset.user_id)
        roles = await self.accounts.memberships(reset.user_id, today(self.clock))
        if user is None or not roles:
            raise ResetLinkDead
        reset.used_at = now
        user.password_hash = await hash_password(password)
        user.password_set_at = now
        await self.accounts.end_sessions(user.id)
        council_id = roles[0][1].id
        audit.record(
            self.db, None, "accounts.reset_password", council_id=council_id, subject_kind="user", subject_id=user.id
        )
        outbox.publish(self.db, PasswordChanged(council_id=council_id, user_id=user.id))

    async def may_join(self, email: str, address: str) -> bool:
        """Count a registration and say whether its e-mail address may be written to.

        Raises:
            TooManyTries: Too many from this network address today.
        """
        now = self.clock.now()
        # Kept among the requests for links, which they are like; the keys tell the two apart.
        from_email, from_address = key_hash("join", email), key_hash("join-address", address)
        since = now - timedelta(days=1)
        if await self.accounts.attempts_since(AttemptKind.RESET, from_address, since) >= JOINS_PER_ADDRESS:
            raise TooManyTries
        tries = await self.accounts.attempts_since(AttemptKind.RESET, from_email, since)
        self.db.add_all([Attempt(kind=AttemptKind.RESET, key_hash=key, at=now) for key in (from_email, from_address)])
        return tries < JOINS_PER_EMAIL

    async def count_visit(self, what: str, who: str, most: int) -> None:
        """Count something that a visitor does, and refuse it where the same one did it too often today.

        Args:
            what: Name of the thing, such as "join-start".
            who: A network address, or what else tells visitors apart; kept as a hash.
            most: How often in 24 hours.

        Raises:
            TooManyTries: It was done that often already.
        """
        now, key = self.clock.now(), key_hash(what, who)
        if await self.accounts.attempts_since(AttemptKind.RESET, key, now - timedelta(days=1)) >= most:
            raise TooManyTries
        self.db.add(Attempt(kind=AttemptKind.RESET, key_hash=key, at=now))

    async def create_user(self, email: str, name: str, password_hash: str) -> User:
        """Add somebody who can sign in once they hold a role.

        Args:
            email: Lower case, and known to be theirs.
            name: Their name.
            password_hash: Of `hash_password`.

        Raises:
            AddressTaken: Somebody has this address already, active or not.
        """
        now = self.clock.now()
        user = User(id=new_id(), email=email, name=name, password_hash=password_hash, created_at=now)
        user.password_set_at = now
        try:
            async with self.db.begin_nested():
                self.db.add(user)
        except IntegrityError as error:
            if broken_constraint(error) == "uq_users_email":
                raise AddressTaken from error
            raise
        return user

    async def grant(
        self,
        by: Principal | None,
        user: User,
        council_id: UUID,
        role: Role,
        *,
        organisation_id: UUID | None = None,
        worker_id: UUID | None = None,
    ) -> Principal:
        """Give a user a role from today on. Returns who they are in it.

        Args:
            by: Who gives it; None where somebody registered themselves.
            user: Who receives it.
            council_id: Where it is held.
            role: The role.
            organisation_id: The organisation it acts for.
            worker_id: The worker it is, for a personal assistant.

        Raises:
            NotFound: No such council.
        """
        council = await self.accounts.council(council_id)
        if council is None:
            raise NotFound
        membership = Membership(
            id=new_id(),
            user_id=user.id,
            council_id=council_id,
            role=role,
            organisation_id=organisation_id,
            worker_id=worker_id,
            starts_on=today(self.clock),
        )
        self.db.add(membership)
        await self.db.flush()
        audit.record(
            self.db,
            by,
            "accounts.grant_role",
            council_id=council_id,
            subject_kind="user",
            subject_id=user.id,
            after={"role": role, "organisation_id": organisation_id, "worker_id": worker_id},
        )
        return await self._principal(None, user, membership, council)

    async def roles_of(self, email: str) -> list[Principal]:
        """Return somebody in each role they hold today: for commands that somebody runs under their own name."""
        user = await self.accounts.user_by_email(email.strip().lower())
        if user is None:
            return []
        rows = await self.accounts.memberships(user.id, today(self.clock))
        return [await self._principal(None, user, row[0], row[1]) for row in rows]

    async def forget_old(self) -> None:
        """Delete sessions, links and tries that no longer matter."""
        now = self.clock.now()
        await self.db.execute(delete(SessionRow).where(SessionRow.expires_at < now))
        await self.db.execute(delete(PasswordReset).where(PasswordReset.expires_at < now - timedelta(days=30)))
        await self.db.execute(delete(Attempt).where(Attempt.at < now - timedelta(days=2)))

    async def _open(self, user: User, membership: Membership, council: Council, now: datetime) -> SignedIn:
        token = secrets.token_urlsafe(32)
        session = SessionRow(
            token_hash=token_hash(token),
            user_id=user.id,
            membership_id=membership.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LONGEST_SESSION,
        )
        self.db.add(session)
        await self.db.flush()
        principal = await self._principal(session.id, user, membership, council)
        # Signing in is for nobody else yet, also where somebody acts for a person.
        themselves = msgspec.structs.replace(principal, acting_for=None)
        audit.record(
            self.db, themselves, "accounts.sign_in", council_id=council.id, subject_kind="user", subject_id=user.id
        )
        return SignedIn(token, principal)

    async def _principal(
        self,
        session_id: UUID | None,
        user: User,
        membership: Membership,
        council: Council,
        confirmed_at: datetime | None = None,
    ) -> Principal:
        councils = [council.id]
        if membership.role in PROVIDER_ROLES and membership.organisation_id:
            councils = await self.accounts.councils_of_organisation(membership.organisation_id)
        scopes = None
        if membership.role is Role.REPRESENTATIVE:
            scopes = await self.accounts.scopes(membership.id, today(self.clock))
        return Principal(
            user_id=user.id,
            name=user.name,
            role=membership.role,
            council_id=council.id,
            council_name=council.name,
            council_slug=council.slug,
            councils=tuple(councils),
            session_id=session_id,
            organisation_id=membership.organisation_id,
            worker_id=membership.worker_id,
            person_id=membership.person_id,
            theme=council.theme,
            acting_for=membership.acting_for_name if membership.role is Role.REPRESENTATIVE else None,
            scopes=scopes,
            confirmed_at=confirmed_at,
        )


def _new_reset(user_id: UUID, now: datetime, secret_key: str) -> PasswordReset:
    reset_id = new_id()
    return PasswordReset(
        id=reset_id,
        user_id=user_id,
        created_at=now,
        expires_at=now + RESET_LIFE,
        token_hash=token_hash(reset_token(secret_key, reset_id)),
    )


def check_password(password: str) -> None:
    """Refuse a password that is too short or too long (NCSC: length, no composition rules).

    Raises:
        InvalidInput: On the field `password`.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput(
            {"password": f"Your password must be between {SHORTEST_PASSWORD} and {LONGEST_PASSWORD} characters"}
        )
