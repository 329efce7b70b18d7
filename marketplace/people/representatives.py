"""Who acts for a person: asked by the person or recorded by the council, for what, until when, on what papers.

The person sees everybody who acts for them and ends it with one press; a deputy's or attorney's papers are looked at by
somebody of the council who did not record them. What may be done follows from the scopes alone
(`accounts.permissions.granted`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Permission, Principal, Role, audit
from marketplace.accounts.models import Membership, Representation, User
from marketplace.accounts.permissions import NEEDS_PAPERS, SCOPES_OF, RepresentativeKind, Scope
from marketplace.accounts.service import check_password, hash_password, link_secret, row_of_link
from marketplace.accounts.states import REPRESENTATION, RepresentationStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.store import FileStore
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.models import StoredFile
from marketplace.people.errors import AskDead, AskedAlready, EnoughHelpers, NotTheOneAsked
from marketplace.people.events import RepresentationMoved, ScopesChanged
from marketplace.people.models import Person
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_representatives import OPEN, RepresentationRepository

MOST: Final = 5
"""People who act for one person at a time (the limit that HMRC has for trusted helpers)."""
LIFE: Final = timedelta(days=14)
"""How long the link works."""
PURPOSE: Final = "act-for"

KINDS: Final = {
    RepresentativeKind.HELPER: "Helper",
    RepresentativeKind.NOMINATED: "Nominated person",
    RepresentativeKind.AUTHORISED: "Authorised person",
    RepresentativeKind.ATTORNEY: "Attorney",
    RepresentativeKind.DEPUTY: "Deputy",
}
KIND_HINTS: Final = {
    RepresentativeKind.HELPER: "Looks, searches and writes for you. You decide.",
    RepresentativeKind.NOMINATED: "Books, approves and manages the direct payment for you, because you asked them to.",
    RepresentativeKind.AUTHORISED: "Manages the direct payment of somebody who cannot decide this themselves.",
    RepresentativeKind.ATTORNEY: "Has a registered lasting power of attorney.",
    RepresentativeKind.DEPUTY: "Was appointed by the Court of Protection.",
}
SCOPES: Final = {
    Scope.PROFILE: "See and write the one page profile",
    Scope.CHOOSE: "Search, keep shortlists and ask questions",
    Scope.TALK: "Write with providers",
    Scope.PLAN: "See the plan and agree it",
    Scope.BOOK: "Agree, book, change and cancel visits",
    Scope.APPROVE: "Approve visits, so that they are paid",
    Scope.MONEY: "See the money, record payments and pay",
    Scope.EMPLOY: "Look after the duties of an employer",
}
ASKED_BY_PERSON: Final = (RepresentativeKind.HELPER, RepresentativeKind.NOMINATED, RepresentativeKind.ATTORNEY)
"""Kinds that a person asks for themselves; the others are for people who cannot."""


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, as what, for what, until when."""

    name: str
    email: str
    relationship: str
    kind: RepresentativeKind
    scopes: tuple[Scope, ...]
    ends_on: date | None

    @classmethod
    def read(cls, data: Mapping[str, Any], kinds: tuple[RepresentativeKind, ...], now: date) -> "AskForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        name = form.text("name", "their name", longest=100)
        email = form.email("email", "their e-mail address")
        relationship = form.text("relationship", "who they are", required=False, longest=100)
        kind = RepresentativeKind(form.option("kind", "how they act", [one.value for one in kinds]) or kinds[0])
        scopes, ends_on = _read_scopes(form, kind, now)
        form.done()
        return cls(name=name, email=email, relationship=relationship, kind=kind, scopes=scopes, ends_on=ends_on)


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do from now on, and until when."""

    scopes: tuple[Scope, ...]
    ends_on: date | None

    @classmethod
    def read(cls, data: Mapping[str, Any], kind: RepresentativeKind, now: date) -> "ChangeForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        scopes, ends_on = _read_scopes(form, kind, now)
        form.done()
        return cls(scopes=scopes, ends_on=ends_on)


def _read_scopes(form: FormReader, kind: RepresentativeKind, now: date) -> tuple[tuple[Scope, ...], date | None]:
    found = form.options("scopes", "what they may do", [scope.value for scope in SCOPES], required=True)
    scopes = tuple(Scope(one) for one in found)
    refused = [SCOPES[scope].lower() for scope in scopes if scope not in SCOPES_OF[kind]]
    if refused:
        form.wrong("scopes", f"A helper cannot do this: {'; '.join(refused)}. Choose another way to act, or untick it")
    # The last day is what people say; rows are half-open.
    last = form.day("last_on", "the last day", required=False)
    if last is not None and last < now:
        form.wrong("last_on", "The last day must be today or later")
    return scopes, last + timedelta(days=1) if last else None


class Asked(msgspec.Struct, frozen=True):
    """A link that works, with what its page says."""

    row: Representation
    person: Person
    council_name: str
    is_known: bool
    """The e-mail address has an account."""


class RepresentativeService:
    """The verbs of acting for somebody."""

    def __init__(self, db: AsyncSession, secret_key: str = "") -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = RepresentationRepository(db)
        self.secret_key = secret_key

    # The person

    async def ask(self, principal: Principal, form: AskForm) -> Representation:
        """Ask somebody to act for the own person. They get a link.

        Raises:
            AskedAlready, EnoughHelpers: See there.
            InvalidInput: The person cannot ask themselves.
        """
        principal.require(Permission.REPRESENTATIVES_OWN)
        return await self._ask(principal, principal.council_id, principal.need_person(), form)

    async def ask_for(self, principal: Principal, person_id: UUID, form: AskForm) -> Representation:
        """Record for the council that somebody is to act for a person, such as a deputy.

        Raises:
            NotFound: No such person in the council.
            AskedAlready, EnoughHelpers: See there.
        """
        principal.require(Permission.REPRESENTATIVES_CHECK)
        await PeopleRepository(self.db).find(principal.council_id, person_id)
        return await self._ask(principal, principal.council_id, person_id, form)

    async def _ask(self, principal: Principal, council_id: UUID, person_id: UUID, form: AskForm) -> Representation:
        asker = await AccountRepository(self.db).user(principal.user_id)
        if asker is not None and asker.email == form.email:
            raise InvalidInput({"email": "Enter the e-mail address of somebody else than yourself"})
        await self.rows.hold_person(person_id)
        standing = await self.rows.of_person(council_id, person_id, OPEN)
        if any(row.email == form.email for row in standing):
            raise AskedAlready("Change what they may do, or end it, on the page of people who act for you.")
        if len(standing) >= MOST:
            raise EnoughHelpers("End it for somebody first.")
        now = self.clock.now()
        row = Representation(
            id=new_id(),
            council_id=council_id,
            person_id=person_id,
            name=form.name,
            email=form.email,
            relationship=form.relationship,
            kind=form.kind,
            scopes=[scope.value for scope in form.scopes],
            status=RepresentationStatus.INVITED,
            starts_on=today(self.clock),
            ends_on=form.ends_on,
            invitation_ends_at=now + LIFE,
            asked_by_user_id=principal.user_id,
            asked_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        REPRESENTATION.begin(self.db, row, by=principal.user_id)
        self._note(principal, row, "people.ask_representative", after=_facts(row))
        self._publish(row)
        return row

    async def change(self, principal: Principal, row_id: UUID, form: ChangeForm) -> Representation:
        """Change what somebody may do, or until when; it counts at once.

        Raises:
            NotFound: None of the person's, or it is over.
        """
        row = await self._own(principal, row_id)
        if row.status not in OPEN:
            raise NotFound
        before = _facts(row)
        row.scopes, row.ends_on = [scope.value for scope in form.scopes], form.ends_on
        membership = await self._membership(row)
        if membership is not None:
            membership.ends_on = form.ends_on
        await self.db.flush()
        self._note(principal, row, "people.change_representative", before=before, after=_facts(row))
        outbox.publish(
            self.db, ScopesChanged(council_id=row.council_id, representation_id=row.id, person_id=row.person_id)
        )
        return row

    async def revoke(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """End it for the person, at once: who acted is signed out.

        Raises:
            NotFound: None of the person's.
            StepRefused: It is over.
        """
        row = await self._own(principal, row_id)
        await self._end(principal, row, RepresentationStatus.REVOKED, reason)
        return row

    # Who was asked

    def secret(self, row: Representation) -> str:
        """Return the secret of the link; it follows from the row and is kept nowhere."""
        return link_secret(self.secret_key, PURPOSE, row.id)

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

    # Who acts

    async def mine(self, principal: Principal) -> Representation:
        """Return what one acts by.

        Raises:
            NotFound: One acts for nobody.
        """
        row = await self.rows.of_user(principal.council_id, principal.need_person(), principal.user_id)
        if row is None:
            raise NotFound
        return row

    async def give_papers(self, principal: Principal, note: str, checked: list[CheckedFile]) -> Representation:
        """Hand in the number of an order or power, with a copy of it.

        Raises:
            NotFound: One acts for nobody, or nothing has to be looked at.
        """
        row = await self.rows.locked((await self.mine(principal)).id)
        if row.status is not RepresentationStatus.TO_CHECK:
            raise NotFound
        row.evidence_note = note
        if checked:
            stored = await FileStore(self.db).keep_checked(checked[0], by_user_id=principal.user_id)
            row.file_id = stored.id
        await self.db.flush()
        self._note(principal, row, "people.give_papers", after={"file_id": row.file_id})
        self._publish(row)
        return row

    async def give_up(self, principal: Principal) -> Representation:
        """Stop acting for the person."""
        row = await self.rows.locked((await self.mine(principal)).id)
        await self._end(principal, row, RepresentationStatus.ENDED, "They gave it up.")
        return row

    # The council

    async def find(self, principal: Principal, row_id: UUID) -> tuple[Representation, Person]:
        """Return one with its person, for the council.

        Raises:
            NotFound: None in the council.
        """
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id)
        return row, await self.db.get_one(Person, row.person_id)

    async def allow(self, principal: Principal, row_id: UUID) -> Representation:
        """Say that the papers are right.

        Raises:
            Forbidden: Who recorded it does not check it.
            InvalidInput: There are no papers yet.
        """
        row = await self._to_check(principal, row_id)
        if not row.evidence_note and row.file_id is None:
            raise InvalidInput({"decision": "There are no papers yet. Ask for them, or refuse"})
        row.checked_by_user_id, row.checked_at = principal.user_id, self.clock.now()
        await self._move(principal, row, RepresentationStatus.LIVE, "people.allow_representation")
        return row

    async def refuse(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """Say that somebody may not act, and why.

        Raises:
            Forbidden: Who recorded it does not check it.
        """
        row = await self._to_check(principal, row_id)
        row.checked_by_user_id, row.checked_at = principal.user_id, self.clock.now()
        await self._end(principal, row, RepresentationStatus.REFUSED, reason)
        return row

    async def end_for_council(self, principal: Principal, row_id: UUID, reason: str) -> Representation:
        """End it for the council, such as when an order was set aside; the person is told."""
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        await self._end(principal, row, RepresentationStatus.ENDED, reason)
        return row

    async def open_papers(self, principal: Principal, row_id: UUID) -> tuple[StoredFile, bytes]:
        """Hand the papers out to somebody who checks them; read access is noted."""
        row, _ = await self.find(principal, row_id)
        if row.file_id is None:
            raise NotFound
        self._note(principal, row, "people.open_papers")
        return await FileStore(self.db).open(row.file_id)

    # By the clock

    async def end_past(self, row_id: UUID) -> None:
        """Close one whose last day is over, or whose link nobody answered."""
        row = await self.rows.locked(row_id)
        if row.status not in OPEN:
            return
        now = self.clock.now()
        is_past = row.ends_on is not None and row.ends_on <= today(self.clock)
        is_old = (
            row.status is RepresentationStatus.INVITED
            and row.invitation_ends_at is not None
            and row.invitation_ends_at <= now
        )
        if is_past:
            await self._end(None, row, RepresentationStatus.ENDED, "The last day is over.")
        elif is_old:
            await self._end(None, row, RepresentationStatus.ENDED, "Nobody answered within 14 days.")

    async def _own(self, principal: Principal, row_id: UUID) -> Representation:
        principal.require(Permission.REPRESENTATIVES_OWN)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.person_id != principal.need_person():
            raise NotFound
        return row

    async def _to_check(self, principal: Principal, row_id: UUID) -> Representation:
        principal.require(Permission.REPRESENTATIVES_CHECK)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.asked_by_user_id == principal.user_id:
            raise Forbidden("You recorded this yourself. Somebody else looks at the papers.")
        return row

    async def _membership(self, row: Representation) -> Membership | None:
        return await self.db.get_one(Membership, row.membership_id) if row.membership_id else None

    async def _end(self, principal: Principal | None, row: Representation, to: RepresentationStatus, why: str) -> None:
        membership = await self._membership(row)
        if membership is not None:
            membership.ends_on = today(self.clock)
            await self.rows.end_sessions(membership.id)
        row.ended_at, row.reason = self.clock.now(), why
        row.ended_by_user_id = principal.user_id if principal else None
        await self._move(principal, row, to, "people.end_representation")

    async def _move(
        self,
        principal: Principal | None,
        row: Representation,
        to: RepresentationStatus,
        action: str,
        *,
        by: UUID | None = None,
    ) -> None:
        before = row.status
        REPRESENTATION.move(self.db, row, to, by=principal.user_id if principal else by)
        await self.db.flush()
        self._note(principal, row, action, before={"status": before}, after={"status": to})
        self._publish(row)

    def _publish(self, row: Representation) -> None:
        event = RepresentationMoved(
            council_id=row.council_id, representation_id=row.id, person_id=row.person_id, status=row.status.value
        )
        outbox.publish(self.db, event)

    def _note(
        self,
        principal: Principal | None,
        row: Representation,
        action: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="representation",
            subject_id=row.id,
            before=before,
            after=after,
        )


def _facts(row: Representation) -> dict[str, Any]:
    return {"kind": row.kind, "scopes": list(row.scopes), "ends_on": row.ends_on, "person_id": row.person_id}
