"""Two organisations become one: a firm was taken over, or one copy turns out to be another (V15).

What is about the future goes to the one that stays: sign-ins, workers, listings, questions of people. What happened
stays where it happened: bookings, plans, invoices, accreditations with their dates, evidence with its dates, so that
"who was accredited for what on day X" is answered as before. The one that stays needs accreditation of its own.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.models import Membership
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import MergeRefused
from marketplace.providers.events import EVERYWHERE, ListingChanged, OrganisationsMerged
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    AccreditationStatus,
    ActionKind,
    Evidence,
    MergeStep,
    Organisation,
    Passport,
)
from marketplace.providers.repository.merges import MergeRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.numbers import NUMBER_LABELS
from marketplace.providers.service.standing.service import facts, tell_of
from marketplace.providers.states import (
    ACCREDITATION,
    AGREEMENT,
    APPLICATION,
    PA_APPROVAL,
    REGULATOR_LINK,
    AgreementStatus,
    ApplicationStatus,
    PaApprovalStatus,
    RegulatorLinkStatus,
)

HISTORY_DAYS: Final = 366
"""So long the people of the old organisation may still open what happened there and finish visits that were agreed."""


class MergeForm(msgspec.Struct, frozen=True):
    """A merge, decided."""

    reason: str
    moves_listings: bool
    """False takes the old one's listings off the market: the other has the same offers already."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "MergeForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        listings = form.option("listings", "what happens to the listings", ["move", "take_off"])
        reason = form.text("reason", "the reason", longest=1_000)
        if not form.ticked("sure"):
            form.wrong("sure", "Tick the box to say that you have checked both organisations")
        form.done()
        return cls(reason, listings == "move")


class Side(msgspec.Struct, frozen=True):
    """One of two organisations, with what hangs on it."""

    organisation: Organisation
    counts: dict[str, int]
    councils: frozenset[UUID]
    """Home council and those that accredit it."""


class Pair(msgspec.Struct, frozen=True):
    """Two organisations side by side, as a council sees them before it decides."""

    goes: Side
    stays: Side
    may_merge: bool
    """The council is concerned with the one that goes."""
    others: tuple[str, ...]
    """Names of other councils that are told."""
    numbers: tuple[str, ...]
    """Labels of numbers that go over."""


class MergeService:
    """Joins two organisations into one."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.merges = MergeRepository(db)

    async def pair(self, principal: Principal, from_id: UUID, into_id: UUID) -> Pair:
        """Return two organisations, and what a merge would do. Nothing is written.

        Raises:
            NotFound: One of them is not here.
            MergeRefused: They are the same, or one was merged already.
        """
        principal.require(Permission.ORGANISATIONS_MERGE)
        await scope_to(self.db, "every")
        organisations = OrganisationRepository(self.db)
        old, new = await organisations.find(from_id), await organisations.find(into_id)
        _refuse_odd(old, new)
        day, now = today(self.clock), self.clock.now()
        goes = Side(old, await self.merges.counts(old.id, day, now), frozenset(await self.merges.councils_of(old)))
        stays = Side(new, await self.merges.counts(new.id, day, now), frozenset(await self.merges.councils_of(new)))
        others = (goes.councils | stays.councils) - {principal.council_id}
        return Pair(
            goes=goes,
            stays=stays,
            may_merge=principal.council_id in goes.councils,
            others=tuple(await self.merges.council_names(set(others))),
            numbers=tuple(NUMBER_LABELS[name] for name in _moving_numbers(old, new)),
        )

    async def merge(self, principal: Principal, from_id: UUID, into_id: UUID, form: MergeForm) -> MergeStep:
        """Make two organisations one, today, in this transaction.

        Raises:
            NotFound: One of them is not here.
            MergeRefused: Not this council's to decide, the same one twice, or one was merged in the meantime.
        """
        principal.require(Permission.ORGANISATIONS_MERGE)
        await scope_to(self.db, "every")
        found = await self.merges.locked([from_id, into_id])
        if from_id not in found or into_id not in found:
            raise NotFound
        old, new = found[from_id], found[into_id]
        _refuse_odd(old, new)
        councils = await self.merges.councils_of(old)
        if principal.council_id not in councils:
            raise MergeRefused("Only the council of its base, or one that accredits it, can decide this.")
        day = today(self.clock)
        why = f"Now part of {new.name}. {form.reason}"
        moved = await self.merges.counts(old.id, day, self.clock.now())
        await self._end_standing(principal, old, day, why)
        await self._end_papers(principal, old, why)
        await self._move_links(principal, old, new)
        numbers = await self._move_numbers(old, new)
        await self._copy_evidence(principal, old, new, day)
        await self.merges.move_plain(old.id, new.id)
        listings = await self._move_listings(old, new, form)
        await self._move_people(old, new, day)
        await self.merges.exclude_too(old.id, new.id)
        for passport in await self.merges.rows(Passport, old.id):
            passport.is_published = False
        old.merged_into_id = new.id
        step = MergeStep(
            id=new_id(),
            council_id=principal.council_id,
            from_organisation_id=old.id,
            into_organisation_id=new.id,
            merged_on=day,
            reason=form.reason,
            moved={**moved, "numbers": numbers, "listings_moved": form.moves_listings},
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        self.db.add(step)
        await self.db.flush()
        for subject, after in ((old, {"merged_into_id": new.id}), (new, {"took_over_id": old.id})):
            audit.record(
                self.db,
                principal,
                "providers.merge_organisations",
                council_id=principal.council_id,
                subject_kind="organisation",
                subject_id=subject.id,
                before={"merged_into_id": None} if subject is old else None,
                after={**after, "moved": step.moved},
                why=form.reason,
            )
        publish(
            self.db,
            OrganisationsMerged(
                council_id=principal.council_id, from_organisation_id=old.id, into_organisation_id=new.id
            ),
        )
        for listing_id in listings:
            publish(self.db, ListingChanged(council_id=new.home_council_id or EVERYWHERE, listing_id=listing_id))
        return step

    def note_refusal(self, principal: Principal, from_id: UUID, into_id: UUID, why: str) -> None:
        """Write into the council's log that a merge was refused; what it wrote itself is rolled back before."""
        audit.record(
            self.db,
            principal,
            "providers.refuse_merge",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=from_id,
            after={"into_organisation_id": into_id},
            why=why,
        )

    async def _end_standing(self, principal: Principal, old: Organisation, day: date, why: str) -> None:
        """Take every accreditation away from today on, each with its council's own action and audit row."""
        now = self.clock.now()
        for row in await self.merges.standing(old.id, day):
            before = facts(row)
            row.removed_on, row.removed_at = max(day, row.live_from), now
            ACCREDITATION.move(self.db, row, AccreditationStatus.REMOVED, by=principal.user_id, why=why)
            row.reason, row.decided_by_user_id, row.decided_at = why, principal.user_id, now
            row.told_counts = False
            action = self._action(principal, row, day, why)
            self.db.add(action)
            await self.db.flush()
            tell_of(self.db, principal, row, action, "providers.remove_accreditation", before=before)

    def _action(self, principal: Principal, row: Accreditation, day: date, why: str) -> AccreditationAction:
        return AccreditationAction(
            id=new_id(),
            council_id=row.council_id,
            accreditation_id=row.id,
            organisation_id=row.organisation_id,
            kind=ActionKind.REMOVE,
            starts_on=day,
            reason=why,
            is_confidential=False,
            effects={},
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
            reply_until=None,
            reply="",
            answer="",
        )

    async def _end_papers(self, principal: Principal, old: Organisation, why: str) -> None:
        """Withdraw applications that run, end agreements and approvals: all were of the old organisation."""
        for application in await self.merges.open_applications(old.id):
            APPLICATION.move(self.db, application, ApplicationStatus.WITHDRAWN, by=principal.user_id, why=why)
        for agreement in await self.merges.open_agreements(old.id):
            to = AgreementStatus.ENDED if agreement.status is AgreementStatus.SIGNED else AgreementStatus.DECLINED
            AGREEMENT.move(self.db, agreement, to, by=principal.user_id, why=why)
        for approval in await self.merges.open_approvals(old.id):
            gone = PaApprovalStatus.WITHDRAWN
            if approval.status is PaApprovalStatus.APPROVED:
                gone = PaApprovalStatus.REMOVED
            PA_APPROVAL.move(self.db, approval, gone, by=principal.user_id, why=why)
            approval.reason, approval.decided_by_user_id = why, principal.user_id
            approval.decided_at = self.clock.now()
        await self.db.flush()

    async def _move_links(self, principal: Principal, old: Organisation, new: Organisation) -> None:
        """Hand the entry in the regulator's register over for a look, or end it where the new one has its own."""
        has_own = bool(await self.merges.links(new.id))
        for link in await self.merges.links(old.id):
            if has_own:
                why = f"{old.name} is now part of {new.name}, which has an entry of its own"
                REGULATOR_LINK.move(self.db, link, RegulatorLinkStatus.ENDED, by=principal.user_id, why=why)
                link.reason = why
                continue
            words = f"It was {old.name}’s before it became part of {new.name}."
            if link.status is not RegulatorLinkStatus.IN_REVIEW:
                REGULATOR_LINK.move(self.db, link, RegulatorLinkStatus.IN_REVIEW, by=principal.user_id, why=words)
            link.organisation_id, link.differences = new.id, [*link.differences, words]
            has_own = True
        await self.db.flush()

    async def _move_numbers(self, old: Organisation, new: Organisation) -> dict[str, str]:
        """Move numbers that the new one lacks. The regulator's is let go: it comes back when its link is confirmed."""
        moving = _moving_numbers(old, new)
        numbers = {name: str(getattr(old, name)) for name in moving}
        if old.cqc_provider_id:
            numbers["cqc_provider_id"] = old.cqc_provider_id
            old.cqc_provider_id = None
        for name in moving:
            setattr(old, name, None)
        # First let go, then taken: the numbers are unique at every moment.
        await self.db.flush()
        for name in moving:
            setattr(new, name, numbers[name])
        await self.db.flush()
        return numbers

    async def _copy_evidence(self, principal: Principal, old: Organisation, new: Organisation, day: date) -> None:
        """Give the new one copies that wait for a look: the papers name the old one, whose history they stay."""
        now = self.clock.now()
        known = {(row.kind, row.detail) for row in await self.merges.evidence(new.id, day)}
        for row in await self.merges.evidence(old.id, day):
            if (row.kind, row.detail) in known:
                continue
            self.db.add(
                Evidence(
                    id=new_id(),
                    organisation_id=new.id,
                    worker_id=row.worker_id,
                    kind=row.kind,
                    detail=f"{row.detail} (given for {old.name})"[:300],
                    cover_pence=row.cover_pence,
                    issued_on=row.issued_on,
                    expires_on=row.expires_on,
                    given_by_user_id=principal.user_id,
                    given_at=now,
                )
            )
        await self.db.flush()

    async def _move_listings(self, old: Organisation, new: Organisation, form: MergeForm) -> list[UUID]:
        listings = await self.merges.listings(old.id)
        for listing in listings:
            if form.moves_listings:
                listing.organisation_id = new.id
            else:
                listing.is_published = False
            listing.updated_at = self.clock.now()
        await self.db.flush()
        if form.moves_listings:
            await self.merges.move_conversations(old.id, new.id)
        return [listing.id for listing in listings]

    async def _move_people(self, old: Organisation, new: Organisation, day: date) -> None:
        """Let sign-ins land in the new one; a role for the old one is kept for a year, to finish what was agreed."""
        ends_on = day + timedelta(days=HISTORY_DAYS)
        there = {(row.user_id, row.council_id, row.role) for row in await self.merges.rows(Membership, new.id)}
        active = await self.merges.memberships(old.id, day)
        for row in active:
            if (row.user_id, row.council_id, row.role) in there:
                row.ends_on = min(row.ends_on or ends_on, ends_on)
                await self._open_again(row, new, day)
                continue
            past = {name: getattr(row, name) for name in ("user_id", "council_id", "role", "worker_id", "starts_on")}
            row.organisation_id = new.id
            await self.db.flush()
            self.db.add(Membership(id=new_id(), **past, organisation_id=old.id, ends_on=row.ends_on or ends_on))
        await self.db.flush()

    async def _open_again(self, row: Membership, new: Organisation, day: date) -> None:
        """Give a role for the new organisation back where it had ended: now they act for it again."""
        for other in await self.merges.rows(Membership, new.id, Membership.user_id == row.user_id):
            same = (other.council_id, other.role) == (row.council_id, row.role)
            if same and other.ends_on is not None and other.ends_on <= day:
                other.starts_on, other.ends_on, other.worker_id = day, None, row.worker_id
        await self.db.flush()


def _refuse_odd(old: Organisation, new: Organisation) -> None:
    if old.id == new.id:
        raise MergeRefused("Choose two organisations.")
    for row in (old, new):
        if row.merged_into_id is not None:
            raise MergeRefused(f"{row.name} is part of another organisation already.")


def _moving_numbers(old: Organisation, new: Organisation) -> list[str]:
    return [name for name in ("charity_number", "company_number") if getattr(old, name) and not getattr(new, name)]


def read_choice(data: Mapping[str, Any], one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Read which of two organisations stays. Returns the one that goes, then the one that stays.

    Raises:
        InvalidInput: None chosen.
    """
    form = FormReader(data)
    stays = form.option("stays", "the one that stays", [str(one), str(other)])
    form.done()
    if not stays:
        raise InvalidInput({"stays": "Select the one that stays"})
    return (other, one) if stays == str(one) else (one, other)
