"""The council's side of its register of personal assistants: references, approval for a year, removal, the calendar."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.accounts.council_settings import DEFAULTS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.providers.models import (
    EVIDENCE_LABELS,
    AccreditationStatus,
    Organisation,
    PaApproval,
    PaReference,
    ServiceLine,
    StatusTest,
    Worker,
)
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.pa_register import PaRegisterRepository
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.service.evidence import reminder_stage
from marketplace.providers.service.standing.decisions import Decision, DecisionForm, DecisionService
from marketplace.providers.service.standing.service import StandingService
from marketplace.providers.service.workforce.approvals import publish_move, record
from marketplace.providers.service.workforce.conduct import CODES
from marketplace.providers.service.workforce.pa_terms import (
    KEPT,
    REFERENCES,
    REQUIRED,
    TRADING,
    Paper,
    months_after,
    papers_of,
    trading_words,
)
from marketplace.providers.states import PA_APPROVAL, PaApprovalStatus

OUTCOMES: Final = {
    "good": "Good",
    "concerns": "There are concerns",
    "no_answer": "No answer",
}
REMINDERS: Final = "providers.pa_reminder_days"
EARLIEST_REMINDER: Final = timedelta(days=120)
"""A setting of more days than this is taken for this many."""
FURTHEST_START: Final = timedelta(days=92)
"""How far ahead an approval may begin."""
ONE_YEAR: Final = 12


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one approval, as the council sees it."""

    row: PaApproval
    organisation: Organisation
    worker: Worker
    references: Sequence[PaReference]
    papers: tuple[Paper, ...]
    status_test: StatusTest | None
    trading_months: int
    first_day: date
    """The day that is proposed: today, or the day after the last year."""
    missing: tuple[str, ...]
    """What stands in the way of an approval from the proposed day."""


def last_day(row: PaApproval) -> date | None:
    """Last day of an approval."""
    return row.approved_until - timedelta(days=1) if row.approved_until else None


class PaRegisterService:
    """Decides about personal assistants for the principal's council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.register = PaRegisterRepository(db)

    async def case(self, principal: Principal, approval_id: UUID, *, locked: bool = False) -> Case:
        """Return one approval with all that belongs to it.

        Raises:
            NotFound: None of this council's, or not sent yet.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        question = self.register.of(principal.council_id).where(
            PaApproval.id == approval_id, PaApproval.applied_at.is_not(None)
        )
        row = await self.register.one(question, locked=locked)
        day = today(self.clock)
        evidence = await EvidenceRepository(self.db).of_organisation(row.organisation_id)
        workers = await WorkforceRepository(self.db).by_id([row.worker_id])
        first = await self._first_day(row, day)
        references = await self.register.references(row.id)
        months = int(await setting(self.db, row.council_id, TRADING, day))
        return Case(
            row=row,
            organisation=await OrganisationRepository(self.db).find(row.organisation_id),
            worker=workers[row.worker_id],
            references=references,
            papers=papers_of(evidence, day),
            status_test=await self.register.status_test(row.organisation_id, row.worker_id),
            trading_months=months,
            first_day=first,
            missing=await self._missing(row, references, months, first, day),
        )

    async def take_reference(
        self, principal: Principal, approval_id: UUID, reference_id: UUID, data: dict[str, Any]
    ) -> PaReference:
        """Note what somebody said who was asked about the assistant.

        Raises:
            NotFound: None of this council's.
            StepRefused: The application is decided.
            InvalidInput: With all messages.
        """
        case = await self.case(principal, approval_id, locked=True)
        self._need_open(case.row)
        row = await self.register.reference(case.row.id, reference_id)
        form = FormReader(data)
        outcome = form.option("outcome", "what came of it", OUTCOMES)
        note = form.text("note", "a note", required=outcome == "concerns", longest=2_000)
        form.done()
        before = {"outcome": row.outcome}
        row.outcome, row.note = outcome, note
        row.taken_by_user_id, row.taken_at = principal.user_id, self.clock.now()
        await self.db.flush()
        # The note stays with the council's row: the audit log keeps no words about a person.
        record(
            self.db,
            principal,
            case.row,
            "providers.take_reference",
            before=before,
            after={"reference_id": row.id, "outcome": outcome},
        )
        return row

    async def approve(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> PaApproval:
        """Approve an assistant for a year from a day, and accredit them for personal assistance.

        Raises:
            NotFound: None of this council's.
            StepRefused: It is decided, or taken back.
            InvalidInput: What is missing on that day, or an accreditation that runs already.
        """
        case = await self.case(principal, approval_id, locked=True)
        row, day = case.row, today(self.clock)
        self._need_open(row)
        form = FormReader(data)
        first = form.day("approved_from", "the first day")
        reason = form.text("reason", "the note", required=False, longest=1_000)
        if first and not day <= first <= day + FURTHEST_START:
            form.wrong("approved_from", "The first day must be today or later, and within three months")
        form.done()
        if first is None:
            raise AssertionError("done() refuses a form without it")
        missing = await self._missing(row, case.references, case.trading_months, first, day)
        if missing:
            raise InvalidInput({"form": "You cannot approve this yet: " + ". ".join(missing)})
        until = months_after(first, ONE_YEAR)
        words = reason or "On the register of personal assistants: references, checks, training and insurance seen."
        try:
            accreditation = await StandingService(self.db).award(
                principal,
                organisation_id=row.organisation_id,
                lot=None,
                service_line=ServiceLine.PERSONAL_ASSISTANCE,
                live_from=first,
                live_until=until,
                reason=words,
            )
        except InvalidInput as error:
            raise InvalidInput({"approved_from": next(iter(error.fields.values()))}) from error
        accreditation.evidence = sorted(kind.value for kind in KEPT)
        before = {"status": row.status}
        PA_APPROVAL.move(self.db, row, PaApprovalStatus.APPROVED, by=principal.user_id, why=words)
        row.accreditation_id, row.approved_from, row.approved_until = accreditation.id, first, until
        row.reason, row.reminded_days = reason, None
        self._decided(row, principal)
        await self.db.flush()
        record(
            self.db,
            principal,
            row,
            "providers.approve_pa",
            before=before,
            after={"status": row.status, "approved_from": first, "approved_until": until},
            why=words,
        )
        publish_move(self.db, row)
        return row

    async def refuse(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> PaApproval:
        """Refuse an application, with reasons that the assistant reads.

        Raises:
            NotFound: None of this council's.
            StepRefused: It is decided, or taken back.
            InvalidInput: Without a reason.
        """
        case = await self.case(principal, approval_id, locked=True)
        self._need_open(case.row)
        reason = _reason(data)
        PA_APPROVAL.move(self.db, case.row, PaApprovalStatus.REFUSED, by=principal.user_id, why=reason)
        case.row.reason = reason
        self._decided(case.row, principal)
        await self.db.flush()
        record(self.db, principal, case.row, "providers.refuse_pa", before={"status": "applied"},
               after={"status": "refused"}, why=reason)  # fmt: skip
        publish_move(self.db, case.row)
        return case.row

    async def remove(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> PaApproval:
        """Take an assistant off the register from today on, and a renewal that was to follow with it.

        The accreditation is removed as any other is: new offers and bookings stop, agreed visits go on, and the
        assistant may reply.

        Raises:
            NotFound: None of this council's.
            StepRefused: They are not approved.
            InvalidInput: Without a reason.
        """
        case = await self.case(principal, approval_id, locked=True)
        reason = _reason(data)
        for row in (case.row, *await self.register.successors(case.row.id)):
            PA_APPROVAL.move(self.db, row, PaApprovalStatus.REMOVED, by=principal.user_id, why=reason)
            row.reason = reason
            self._decided(row, principal)
            await self.db.flush()
            await self._end_accreditation(principal, row, reason)
            record(self.db, principal, row, "providers.remove_pa", before={"status": "approved"},
                   after={"status": "removed"}, why=reason)  # fmt: skip
        publish_move(self.db, case.row)
        return case.row

    async def _end_accreditation(self, principal: Principal, row: PaApproval, reason: str) -> None:
        if row.accreditation_id is None:
            return
        known = await OrganisationRepository(self.db).accreditation(row.council_id, row.accreditation_id)
        if known.status is AccreditationStatus.REMOVED or known.live_until <= today(self.clock):
            return
        form = DecisionForm(decision=Decision.REMOVE, reason=reason)
        await DecisionService(self.db).decide(principal, known.id, form)

    async def _first_day(self, row: PaApproval, day: date) -> date:
        if row.status is not PaApprovalStatus.APPLIED or row.renews_id is None:
            return row.approved_from or day
        earlier = await self.register.latest_approved(row.council_id, row.worker_id)
        return max(day, earlier.approved_until) if earlier and earlier.approved_until else day

    async def _missing(
        self, row: PaApproval, references: Sequence[PaReference], months: int, first: date, day: date
    ) -> tuple[str, ...]:
        if row.status is not PaApprovalStatus.APPLIED:
            return ()
        found = []
        good = sum(1 for one in references if one.outcome == "good")
        if good < REFERENCES:
            found.append(f"{good} of {REFERENCES} references are good")
        counted = await self.register.kinds_that_count(row.council_id, row.organisation_id, first, day)
        found.extend(
            f"{EVIDENCE_LABELS[kind]}: nothing that your council has seen counts on {uk_date(first)}"
            for kind in REQUIRED
            if kind not in counted
        )
        if row.conduct_agreed_at is None or row.conduct_version not in CODES:
            found.append("The code of conduct is not agreed to")
        if late := trading_words(row, months, first):
            found.append(late)
        return tuple(found)

    def _need_open(self, row: PaApproval) -> None:
        if row.status is not PaApprovalStatus.APPLIED:
            raise StepRefused(f"This application is {row.status.value} now. Go back and look at it again.")

    def _decided(self, row: PaApproval, principal: Principal) -> None:
        row.decided_by_user_id, row.decided_at = principal.user_id, self.clock.now()


class PaWatch:
    """What the calendar does to approvals. Runs in a transaction with scope `every`, as often as it likes."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.register = PaRegisterRepository(db)

    async def run(self) -> int:
        """End years that are over, follow accreditations that were removed, send reminders. Returns how many steps."""
        day = today(self.clock)
        return await self._end(day) + await self._follow() + await self._remind(day)

    async def _end(self, day: date) -> int:
        rows = await self.register.ended(day)
        for row, is_followed in rows:
            status = PaApprovalStatus.RENEWED if is_followed else PaApprovalStatus.LAPSED
            PA_APPROVAL.move(self.db, row, status, by=None, why="The year is over")
            await self.db.flush()
            record(self.db, None, row, "providers.end_pa_year", before={"status": "approved"}, after={"status": status})
            if not is_followed:
                publish_move(self.db, row)
        return len(rows)

    async def _follow(self) -> int:
        rows = await self.register.taken_away()
        for row, accreditation in rows:
            PA_APPROVAL.move(self.db, row, PaApprovalStatus.REMOVED, by=None, why=accreditation.reason)
            row.reason = accreditation.reason
            await self.db.flush()
            record(self.db, None, row, "providers.remove_pa", before={"status": "approved"},
                   after={"status": "removed"}, why="The accreditation was removed")  # fmt: skip
        return len(rows)

    async def _remind(self, day: date) -> int:
        days: dict[UUID, list[int]] = {}
        sent = 0
        for row in await self.register.ending(day, EARLIEST_REMINDER):
            if row.council_id not in days:
                days[row.council_id] = [
                    int(one) for one in await setting(self.db, row.council_id, REMINDERS, day) or DEFAULTS[REMINDERS]
                ]
            if row.approved_until is None:
                continue
            stage = reminder_stage((row.approved_until - day).days, days[row.council_id], row.reminded_days)
            if stage is None:
                continue
            row.reminded_days = stage
            publish_move(self.db, row, "due")
            sent += 1
        await self.db.flush()
        return sent


def _reason(data: dict[str, Any]) -> str:
    form = FormReader(data)
    reason = form.text("reason", "the reason", longest=1_000)
    form.done()
    return reason
