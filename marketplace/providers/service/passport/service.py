"""Keeping a passport: what it shows, its address, which councils may use the evidence, and their countersignatures."""

import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import PassportShareMoved
from marketplace.providers.models import (
    EVIDENCE_LABELS,
    Countersignature,
    Evidence,
    EvidenceKind,
    Organisation,
    Passport,
    PassportShare,
)
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.passports import PassportRepository
from marketplace.providers.service.evidence import EvidenceService, state_of
from marketplace.providers.service.passport.public import PARTS, SHOWABLE
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.states import PASSPORT_SHARE, PassportShareStatus

CHOICES = {**PARTS, **{kind.value: EVIDENCE_LABELS[kind] for kind in SHOWABLE}}
"""What a page can show: value and words, in the order of the form."""
FIRST_SHOWN = ("accreditations", "registration", EvidenceKind.LIABILITY_INSURANCE.value)
TOKEN_BYTES = 16


class PassportForm(msgspec.Struct, frozen=True):
    """What the page shows, and whether there is one."""

    is_published: bool
    shows: list[str]

    @classmethod
    def read(cls, data: dict[str, Any]) -> "PassportForm":
        """Read the form.

        Raises:
            InvalidInput: Published with nothing on it.
        """
        form = FormReader(data)
        published = form.option("published", "whether the page is public", {"yes", "no"}) == "yes"
        shows = form.options("shows", "what the page shows", CHOICES, required=False)
        if published and not shows:
            form.wrong("shows", "Choose at least one thing that the page shows")
        form.done()
        return cls(published, [value for value in CHOICES if value in shows])


class Sharing(msgspec.Struct, frozen=True):
    """How a council stands to an organisation's evidence."""

    council: Council
    status: str
    """"shared", "revoked", "usual" (home or accredited there, nothing said) or "none"."""
    share: PassportShare | None


class PassportService:
    """Writes passports, for the people of an organisation and for councils."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.passports = PassportRepository(db)

    # The organisation

    async def own(self, principal: Principal) -> tuple[Organisation, Passport]:
        """Return the user's organisation and its passport; a new one is private and not stored yet.

        Raises:
            Forbidden: The role keeps no organisation.
        """
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        return organisation, await self.passports.of(organisation.id) or self._new(organisation.id)

    async def save(self, principal: Principal, form: PassportForm) -> Passport:
        """Say what the page shows, publish it or take it down."""
        organisation, row = await self._locked(principal)
        before = {"is_published": row.is_published, "shows": list(row.shows)}
        row.is_published, row.shows = form.is_published, form.shows
        await self._written(principal, organisation, row, "providers.save_passport", before)
        return row

    async def move(self, principal: Principal) -> Passport:
        """Give the page another address: old links and printed codes stop working."""
        organisation, row = await self._locked(principal)
        row.token = secrets.token_urlsafe(TOKEN_BYTES)
        await self._written(principal, organisation, row, "providers.move_passport", {})
        return row

    async def sharings(self, principal: Principal) -> Sequence[Sharing]:
        """Return every council of the installation with how it stands to the evidence, by name."""
        organisation, _ = await self.own(principal)
        await reach_every_council(self.db)
        shares = await self.passports.shares(organisation.id)
        usual = {organisation.home_council_id}
        usual |= {council.id for _, council in await self.passports.accreditations(organisation.id, today(self.clock))}
        return [
            Sharing(council, _stand(shares.get(council.id), is_usual=council.id in usual), shares.get(council.id))
            for council in await MarketRepository(self.db).councils()
        ]

    async def share(self, principal: Principal, council_id: UUID) -> PassportShare:
        """Let a council use the evidence.

        Raises:
            NotFound: No such council.
            StepRefused: It is shared already.
        """
        organisation, _ = await self.own(principal)
        return await self._to(principal, organisation, council_id, PassportShareStatus.SHARED)

    async def revoke(self, principal: Principal, council_id: UUID) -> PassportShare:
        """Take that back: the council sees nothing new from now on, and is told.

        Raises:
            NotFound: No such council.
            StepRefused: It was taken back already.
        """
        organisation, _ = await self.own(principal)
        return await self._to(principal, organisation, council_id, PassportShareStatus.REVOKED)

    async def share_quietly(self, principal: Principal, organisation: Organisation, council_id: UUID) -> None:
        """Share as part of something else that says so, such as an application; again is no error.

        The transaction reaches the council already.
        """
        share = await self.passports.share(organisation.id, council_id)
        if share is None or share.status is not PassportShareStatus.SHARED:
            await self._to(principal, organisation, council_id, PassportShareStatus.SHARED)

    # The council

    async def pieces(
        self, principal: Principal, organisation_id: UUID
    ) -> tuple[Organisation, list[tuple[Evidence, str, list[tuple[Countersignature, Council]]]]]:
        """Return an organisation's evidence as a council may see it, with its state and who signed it.

        Raises:
            NotFound: It does not share its evidence with this council.
        """
        principal.require(Permission.EVIDENCE_SEE)
        organisation = await EvidenceRepository(self.db).shared(principal.council_id, organisation_id)
        rows = await EvidenceRepository(self.db).of_organisation(organisation.id)
        signatures = await self.passports.countersignatures([row.id for row in rows])
        day = today(self.clock)
        return organisation, [(row, state_of(row, day), signatures.get(row.id, [])) for row in rows]

    async def countersign(self, principal: Principal, evidence_id: UUID) -> None:
        """Say that this council has looked at a piece of evidence itself. The first look is that of `EvidenceService`.

        Raises:
            NotFound: No concern of this council.
            StepRefused: It is signed already, does not count, or was refused.
        """
        principal.require(Permission.EVIDENCE_SEE)
        row, organisation = await EvidenceRepository(self.db).find(principal.council_id, evidence_id, locked=True)
        if await self.passports.countersignature(principal.council_id, evidence_id) is not None:
            raise StepRefused("Your council has countersigned this already.")
        if row.seen_at is None and not row.refused_because:
            await EvidenceService(self.db).see(principal, evidence_id)
            if await self.passports.countersignature(principal.council_id, evidence_id) is not None:
                return
        elif state_of(row, today(self.clock)) not in {"live", "due", "scheduled"}:
            raise StepRefused("This evidence does not count at present, so it cannot be countersigned.")
        signature = Countersignature(
            id=new_id(),
            council_id=principal.council_id,
            evidence_id=row.id,
            signed_by_user_id=principal.user_id,
            signed_at=self.clock.now(),
        )
        self.db.add(signature)
        await self.db.flush()
        self._record(principal, "providers.countersign_evidence", principal.council_id, organisation, row.id, None, {})

    async def withdraw(self, principal: Principal, evidence_id: UUID, data: dict[str, Any]) -> None:
        """Take this council's signature back, with the reason. Other councils' signatures stay.

        Raises:
            NotFound: No concern of this council, or not signed by it.
            InvalidInput: Without a reason.
        """
        principal.require(Permission.EVIDENCE_SEE)
        form = FormReader(data)
        reason = form.text("reason", "the reason", longest=500)
        form.done()
        row, organisation = await EvidenceRepository(self.db).find(principal.council_id, evidence_id, locked=True)
        signature = await self.passports.countersignature(principal.council_id, evidence_id)
        if signature is None:
            raise NotFound
        signature.withdrawn_at, signature.withdrawn_by_user_id = self.clock.now(), principal.user_id
        signature.reason = reason
        await self.db.flush()
        self._record(
            principal,
            "providers.withdraw_countersignature",
            principal.council_id,
            organisation,
            row.id,
            {"signed_at": signature.signed_at},
            {"withdrawn_at": signature.withdrawn_at},
            why=reason,
        )

    # Parts

    def _new(self, organisation_id: UUID) -> Passport:
        return Passport(
            id=new_id(),
            organisation_id=organisation_id,
            token=secrets.token_urlsafe(TOKEN_BYTES),
            is_published=False,
            shows=list(FIRST_SHOWN),
            updated_at=self.clock.now(),
        )

    async def _locked(self, principal: Principal) -> tuple[Organisation, Passport]:
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).lock(principal.need_organisation())
        row = await self.passports.of(organisation.id, locked=True)
        if row is None:
            row = self._new(organisation.id)
            self.db.add(row)
        return organisation, row

    async def _written(
        self, principal: Principal, organisation: Organisation, row: Passport, action: str, before: dict[str, Any]
    ) -> None:
        row.updated_by_user_id, row.updated_at = principal.user_id, self.clock.now()
        await self.db.flush()
        after = {"is_published": row.is_published, "shows": list(row.shows)} if before else {}
        self._record(principal, action, principal.council_id, organisation, row.id, before or None, after)

    async def _to(
        self, principal: Principal, organisation: Organisation, council_id: UUID, status: PassportShareStatus
    ) -> PassportShare:
        if await self.db.get(Council, council_id) is None:
            raise NotFound
        await OrganisationRepository(self.db).lock(organisation.id)
        await reach_council(self.db, principal, council_id)
        row = await self.passports.share(organisation.id, council_id)
        now = self.clock.now()
        before = row.status if row else None
        if row is None:
            row = PassportShare(
                id=new_id(),
                council_id=council_id,
                organisation_id=organisation.id,
                status=status,
                shared_by_user_id=principal.user_id,
                shared_at=now,
            )
            self.db.add(row)
            await self.db.flush()
            PASSPORT_SHARE.begin(self.db, row, by=principal.user_id)
        else:
            PASSPORT_SHARE.move(self.db, row, status, by=principal.user_id)
        if status is PassportShareStatus.SHARED:
            row.shared_by_user_id, row.shared_at = principal.user_id, now
            row.revoked_by_user_id, row.revoked_at = None, None
        else:
            row.revoked_by_user_id, row.revoked_at = principal.user_id, now
        await self.db.flush()
        action = "providers.share_passport" if status is PassportShareStatus.SHARED else "providers.revoke_passport"
        self._record(principal, action, council_id, organisation, row.id, {"status": before}, {"status": status})
        publish(
            self.db,
            PassportShareMoved(council_id=council_id, organisation_id=organisation.id, status=status.value),
        )
        return row

    def _record(
        self,
        principal: Principal,
        action: str,
        council_id: UUID,
        organisation: Organisation,
        subject_id: UUID,
        before: dict[str, Any] | None,
        after: dict[str, Any],
        *,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=council_id,
            subject_kind="evidence" if "evidence" in action or "countersign" in action else "passport",
            subject_id=subject_id,
            before=before,
            after={**after, "organisation_id": organisation.id},
            why=why,
        )


def _stand(share: PassportShare | None, *, is_usual: bool) -> str:
    if share is not None:
        return share.status.value
    return "usual" if is_usual else "none"
