"""Evidence: what a provider gives once for all councils, and what a council says it has seen.

What counts is that somebody at a council saw the paper, or a scan of it (`service.evidence_files`), and when. Of a DBS
check the level, the date and the outcome are kept, never the certificate (domain.md 4.3).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit, setting
from marketplace.accounts.council_settings import DEFAULTS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import EVERYWHERE, EvidenceDecided, EvidenceEnding
from marketplace.providers.models import EVIDENCE_LABELS as EVIDENCE_LABELS
from marketplace.providers.models import Countersignature, Evidence, EvidenceKind, Organisation, OrganisationKind
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.cover import CoverService
from marketplace.providers.service.joining_answers import read_safeguarding

SOON: Final = timedelta(days=30)
EARLIEST_REMINDER: Final = timedelta(days=92)
"""A setting of more days than this is taken for this many."""
REMINDERS: Final = "providers.evidence_reminder_days"
LEAST_EMPLOYER_COVER_PENCE: Final = 500_000_000
"""£5 million. Source: Employers' Liability (Compulsory Insurance) Regulations 1998, regulation 3."""

INSURANCE: Final = frozenset({EvidenceKind.LIABILITY_INSURANCE, EvidenceKind.EMPLOYER_INSURANCE})
DBS_LEVELS: Final = {
    "basic": "Basic",
    "standard": "Standard",
    "enhanced": "Enhanced",
    "enhanced_barred": "Enhanced with barred lists",
}
DBS_OUTCOMES: Final = {
    "clear": "Nothing is on it",
    "talked": "Something is on it. I will talk it over with the council",
}

_STAFF: Final = (EvidenceKind.EMPLOYER_INSURANCE, EvidenceKind.CARE_TRAINING)
_ALL: Final = (EvidenceKind.LIABILITY_INSURANCE, EvidenceKind.DBS, EvidenceKind.SAFEGUARDING_TRAINING)
_BODY: Final = (EvidenceKind.SAFEGUARDING_POLICY,)
_PLANS: Final = (EvidenceKind.PERSON_CENTRED_TRAINING, EvidenceKind.DATA_SECURITY)
EXPECTED: Final[dict[OrganisationKind, tuple[EvidenceKind, ...]]] = {
    OrganisationKind.COMMUNITY: _ALL,
    OrganisationKind.THIRD_SECTOR: (*_ALL, *_BODY, *_PLANS),
    OrganisationKind.SOLE_PA: (*_ALL, EvidenceKind.CARE_TRAINING, EvidenceKind.REFERENCES, EvidenceKind.RIGHT_TO_WORK),
    OrganisationKind.PA_SERVICE: (*_ALL, *_STAFF, *_BODY),
    OrganisationKind.HOME_CARE: (*_ALL, *_STAFF, *_BODY, EvidenceKind.DATA_SECURITY),
    OrganisationKind.EQUIPMENT: (EvidenceKind.LIABILITY_INSURANCE,),
    OrganisationKind.COUNCIL: (),
}
"""What councils usually ask to see, by the sort of body (domain.md 4.3). It is a list to work through, no bar: the bar
is `service.cover`, and the council's own look."""


class EvidenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence as it is given."""

    kind: EvidenceKind
    detail: str
    cover_pence: int | None
    issued_on: date
    expires_on: date | None
    """First day on which it no longer counts; the form asks for the last day that does."""
    worker_id: UUID | None

    @classmethod
    def read(cls, kind: EvidenceKind, data: dict[str, Any], day: date) -> "EvidenceForm":
        """Read the form for one kind.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        cover = None
        if kind is EvidenceKind.DBS:
            level = form.option("level", "the level of the check", DBS_LEVELS)
            outcome = form.option("outcome", "what the check says", DBS_OUTCOMES)
            detail = f"{DBS_LEVELS.get(level, '')}. {DBS_OUTCOMES.get(outcome, '')}"
        else:
            detail = form.text("detail", "what it is", longest=300)
        if kind in INSURANCE:
            least = LEAST_EMPLOYER_COVER_PENCE if kind is EvidenceKind.EMPLOYER_INSURANCE else 100_00
            cover = form.pounds("cover", "the cover", least=least)
        issued = form.day("issued_on", "the day it was issued" if kind not in INSURANCE else "the day it starts")
        last = form.day("last_day", "the last day it counts", required=kind in INSURANCE)
        ahead = timedelta(days=366) if kind in INSURANCE else timedelta(0)
        if issued and issued > day + ahead:
            form.wrong(
                "issued_on", "The day must be today or in the past" if not ahead else "It must start within a year"
            )
        if last and last < day:
            form.wrong("last_day", "It has ended already. Give the one that counts now")
        elif issued and last and last < issued:
            form.wrong("last_day", "The last day must be the same as or after the first day")
        elif last and last > day + timedelta(days=3660):
            form.wrong("last_day", "The last day must be within 10 years")
        worker_id = None
        if kind not in INSURANCE and form.raw("worker_id"):
            worker_id = form.id("worker_id", "who it is about", required=False)
        form.done()
        if issued is None:
            raise AssertionError("done() refuses a form without it")
        return cls(
            kind=kind,
            detail=detail,
            cover_pence=cover,
            issued_on=issued,
            expires_on=last + timedelta(days=1) if last else None,
            worker_id=worker_id,
        )


class RefuseForm(msgspec.Struct, frozen=True):
    """Why a council does not take a piece of evidence."""

    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "RefuseForm":
        """Read the form.

        Raises:
            InvalidInput: Without a reason.
        """
        form = FormReader(data)
        reason = form.text("reason", "the reason", longest=500)
        form.done()
        return cls(reason)


def state_of(row: Evidence, day: date) -> str:
    """Say in one word how a piece of evidence stands: refused, waiting, scheduled, expired, due or live."""
    if row.refused_because:
        return "refused"
    if row.expires_on is not None and row.expires_on <= day:
        return "expired"
    if row.seen_at is None:
        return "waiting"
    if row.issued_on > day:
        return "scheduled"
    if row.expires_on is not None and row.expires_on - day <= SOON:
        return "due"
    return "live"


def reminder_stage(days_left: int, reminder_days: Sequence[int], reminded: int | None) -> int | None:
    """Return which reminder is to go out now, as its number of days; None when it was sent or is not due.

    Args:
        days_left: Days until it no longer counts; 0 is the first day without it.
        reminder_days: On which days the council wants reminders. The last one, at 0, goes out whatever it says.
        reminded: The last reminder sent.

    Late is better than never: where a day was missed the reminder of that day goes out, but never two at once.
    """
    due = [stage for stage in {*reminder_days, 0} if stage >= 0 and max(days_left, 0) <= stage]
    if not due:
        return None
    stage = min(due)
    return stage if reminded is None or stage < reminded else None


class EvidenceService:
    """Gives, looks at and watches evidence."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.evidence = EvidenceRepository(db)

    # The provider

    async def own(self, principal: Principal) -> tuple[Organisation, Sequence[Evidence]]:
        """Return the user's organisation and the evidence they may see: a worker sees their own and what is for all."""
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        worker_id = None if self._speaks_for_all(principal, organisation) else principal.worker_id
        return organisation, await self.evidence.of_organisation(organisation.id, worker_id)

    def kinds_for(self, principal: Principal, organisation: Organisation) -> list[EvidenceKind]:
        """Return what this user may give: one worker among several gives what is about them."""
        if self._speaks_for_all(principal, organisation):
            return list(EvidenceKind)
        return [kind for kind in EvidenceKind if kind not in INSURANCE]

    async def give(self, principal: Principal, form: EvidenceForm) -> Evidence:
        """Give a piece of evidence, or the one that follows an older one. It counts when a council has seen it.

        Raises:
            Forbidden: The role keeps no organisation.
            NotFound: A worker of somebody else.
            InvalidInput: Not this user's to give.
        """
        organisation, _ = await self.own(principal)
        if form.kind not in self.kinds_for(principal, organisation):
            raise InvalidInput({"kind": "Only your organisation can give this"})
        worker_id = form.worker_id
        if principal.worker_id is not None and form.kind not in INSURANCE:
            worker_id = principal.worker_id
        if worker_id is not None and await self.evidence.worker(organisation.id, worker_id) is None:
            raise NotFound
        row = Evidence(
            id=new_id(),
            organisation_id=organisation.id,
            worker_id=worker_id,
            kind=form.kind,
            detail=form.detail,
            cover_pence=form.cover_pence,
            issued_on=form.issued_on,
            expires_on=form.expires_on,
            given_by_user_id=principal.user_id,
            given_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, "providers.give_evidence", organisation, row.id, after=_facts(row))
        return row

    async def set_safeguarding(self, principal: Principal, data: dict[str, Any]) -> None:
        """Change who answers for keeping people safe.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).lock(principal.need_organisation())
        if not self._speaks_for_all(principal, organisation):
            raise NotFound
        form = FormReader(data)
        wanted = read_safeguarding(form)
        form.done()
        before = {name: getattr(organisation, name) for name in wanted}
        if before == wanted:
            return
        organisation.safeguarding_name = wanted["safeguarding_name"]
        organisation.safeguarding_contact = wanted["safeguarding_contact"]
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.set_safeguarding_contact",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=organisation.id,
            before=before,
            after=wanted,
        )

    # The council

    async def see(self, principal: Principal, evidence_id: UUID) -> Evidence:
        """Say that the paper was seen. Listings that lacked it come back.

        Raises:
            NotFound: No concern of this council.
            StepRefused: Somebody decided in the meantime.
        """
        principal.require(Permission.EVIDENCE_SEE)
        row, organisation = await self.evidence.find(principal.council_id, evidence_id, locked=True)
        if row.seen_at is not None or row.refused_because:
            raise StepRefused("Somebody has decided about this already. Go back and look at it again.")
        row.seen_by_user_id, row.seen_at = principal.user_id, self.clock.now()
        self.db.add(
            Countersignature(
                id=new_id(),
                council_id=principal.council_id,
                evidence_id=row.id,
                signed_by_user_id=principal.user_id,
                signed_at=row.seen_at,
                withdrawn_by_user_id=None,
                withdrawn_at=None,
                reason="",
            )
        )
        await self._decided(principal, row, organisation, "providers.see_evidence", before={"seen_at": None}, why="")
        return row

    async def refuse(self, principal: Principal, evidence_id: UUID, form: RefuseForm) -> Evidence:
        """Say that it does not count, with the reason; also where it was seen before and that was wrong.

        Raises:
            NotFound: No concern of this council.
            StepRefused: It was refused in the meantime.
        """
        principal.require(Permission.EVIDENCE_SEE)
        row, organisation = await self.evidence.find(principal.council_id, evidence_id, locked=True)
        if row.refused_because:
            raise StepRefused("Somebody has decided about this already. Go back and look at it again.")
        before = {"seen_at": row.seen_at, "refused_because": ""}
        row.refused_because, row.refused_at = form.reason, self.clock.now()
        await self.evidence.withdraw_signature(
            principal.council_id, row.id, by_user_id=principal.user_id, at=row.refused_at, reason=form.reason
        )
        await self._decided(principal, row, organisation, "providers.refuse_evidence", before=before, why=form.reason)
        return row

    async def _decided(
        self,
        principal: Principal,
        row: Evidence,
        organisation: Organisation,
        action: str,
        *,
        before: dict[str, Any],
        why: str,
    ) -> None:
        await self.db.flush()
        after = {"seen_at": row.seen_at, "refused_because": row.refused_because}
        self._record(principal, action, organisation, row.id, before=before, after=after, why=why)
        publish(
            self.db,
            EvidenceDecided(
                council_id=principal.council_id,
                evidence_id=row.id,
                organisation_id=organisation.id,
                is_seen=not row.refused_because,
            ),
        )
        if row.kind is EvidenceKind.LIABILITY_INSURANCE:
            await CoverService(self.db).apply_insurance(organisation.id)

    # The calendar

    async def watch(self) -> int:
        """Send the reminders that are due and bring listings in line with today. Returns how many reminders.

        Runs in a transaction with scope `every`, as often as it likes: each reminder goes out once.
        """
        day = today(self.clock)
        days: dict[UUID | None, list[int]] = {None: list(DEFAULTS[REMINDERS])}
        sent = 0
        for row, organisation in await self.evidence.to_remind(day + EARLIEST_REMINDER):
            home = organisation.home_council_id
            if home is not None and home not in days:
                days[home] = [int(one) for one in await setting(self.db, home, REMINDERS, day)]
            if row.expires_on is None:
                continue
            stage = reminder_stage((row.expires_on - day).days, days[home], row.reminded_days)
            if stage is None:
                continue
            row.reminded_days = stage
            publish(
                self.db,
                EvidenceEnding(
                    council_id=home or EVERYWHERE,
                    evidence_id=row.id,
                    organisation_id=organisation.id,
                    days_left=stage,
                ),
            )
            sent += 1
        await self.db.flush()
        await CoverService(self.db).apply_to_all()
        return sent

    @staticmethod
    def _speaks_for_all(principal: Principal, organisation: Organisation) -> bool:
        """Whether a user keeps the organisation's own evidence: its people do, and who works alone is all of it."""
        return principal.role is not Role.PA or organisation.kind is OrganisationKind.SOLE_PA

    def _record(
        self,
        principal: Principal,
        action: str,
        organisation: Organisation,
        evidence_id: UUID,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="evidence",
            subject_id=evidence_id,
            before=before,
            after={**after, "organisation_id": organisation.id},
            why=why,
        )


def _facts(row: Evidence) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "worker_id": row.worker_id,
        "cover_pence": row.cover_pence,
        "issued_on": row.issued_on,
        "expires_on": row.expires_on,
    }
