"""The steps of working a run out, each in a short transaction of its own: begin, look, note, store.

A run belongs to the worker that began it last: every step checks that, so a worker that was thought dead and comes back
changes nothing. Only this worker's steps count the tries, so `tries` tells one from another.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.models import Step
from marketplace.matching.events import RunFinished
from marketplace.matching.models import AssignmentRun, AssignmentRunFile, Proposal
from marketplace.matching.repository.runs import ProposalRepository, RunRepository
from marketplace.matching.run_engine import Answer, RunLine
from marketplace.matching.service.run_inputs import Gathered
from marketplace.matching.states import PROPOSAL, RUN, ProposalStatus, RunStatus

SILENT_AFTER = timedelta(seconds=90)
"""A run whose worker showed no sign of life for this long is begun by another. Gathering the inputs shows none."""
MOST_TRIES = 3
GAVE_UP = "The work on it was cut off three times. Please ask for it again, or for fewer areas at once."
NO_PLACE = "The person’s postcode is not in the directory, so distances cannot be measured. Correct the postcode."
BATCH = 1_000


class Begun(msgspec.Struct, frozen=True):
    """A run that this worker has."""

    run: AssignmentRun
    tries: int


class RunJob:
    """Steps of the job in one transaction each."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = RunRepository(db)

    async def begin(self, council_id: UUID, run_id: UUID) -> Begun | None:
        """Take a run. None when it is over, another worker has it, or it is not to be done any more."""
        run = await self.runs.find(council_id, run_id, locked=True)
        now = self.clock.now()
        if run.status not in (RunStatus.QUEUED, RunStatus.RUNNING):
            return None
        if run.status is RunStatus.RUNNING and run.beat_at is not None and run.beat_at > now - SILENT_AFTER:
            return None
        if run.cancel_asked_at is not None:
            self._end(run, RunStatus.CANCELLED)
            return None
        if run.tries >= MOST_TRIES:
            self._end(run, RunStatus.FAILED, GAVE_UP)
            return None
        if run.status is RunStatus.QUEUED:
            RUN.move(self.db, run, RunStatus.RUNNING, by=None)
            run.started_at = now
        run.tries, run.beat_at = run.tries + 1, now
        run.stage, run.progress_done, run.progress_total = "Reading the waiting list", 0, 0
        await self.db.flush()
        return Begun(run, run.tries)

    async def keep_inputs(self, council_id: UUID, run_id: UUID, tries: int, gathered: Gathered) -> bool:
        """Keep what the answer will be worked out from. False when the run is no longer this worker's."""
        run = await self._mine(council_id, run_id, tries)
        if run is None:
            return False
        run.cases = gathered.cases
        run.weight_set_id = gathered.weight_set_id
        stored = await self.runs.file_of(council_id, run_id)
        if stored is None:
            stored = AssignmentRunFile(id=new_id(), council_id=council_id, run_id=run_id, inputs=gathered.inputs)
            self.db.add(stored)
        else:
            stored.inputs = gathered.inputs  # A try before this one was cut off: it was never answered.
        run.beat_at = self.clock.now()
        await self.db.flush()
        return True

    async def store(self, council_id: UUID, run_id: UUID, tries: int, answer: Answer, gathered: Gathered) -> bool:
        """Keep the answer: every line is a proposal for a person to decide. Older open proposals make way.

        Returns:
            False when the run is no longer this worker's, or somebody stopped it at the last moment.
        """
        run = await self._mine(council_id, run_id, tries)
        if run is None:
            return False
        if run.cancel_asked_at is not None:
            self._end(run, RunStatus.CANCELLED)
            return False
        referral_ids = [UUID(line.case_id) for line in answer.lines] + list(gathered.without_place)
        await self._outdate(council_id, referral_ids, run)
        await self._add_proposals(run, answer.lines, gathered.without_place)
        stored = await self.runs.file_of(council_id, run_id)
        if stored is not None:
            stored.certificate = answer.certificate
        run.placed = sum(1 for line in answer.lines if line.candidate_id is not None)
        run.is_optimal = answer.is_optimal
        run.figures = {
            **msgspec.to_builtins(answer.figures),
            "weights_version": gathered.weights_version,
            "without_place": len(gathered.without_place),
        }
        run.inputs_fingerprint = answer.inputs_fingerprint
        run.result_fingerprint = answer.result_fingerprint
        self._end(run, RunStatus.DONE)
        await self.db.flush()
        return True

    async def end(self, council_id: UUID, run_id: UUID, tries: int, to: RunStatus, failure: str = "") -> bool:
        """End a run without an answer: stopped, or failed with words for people."""
        run = await self._mine(council_id, run_id, tries)
        if run is None:
            return False
        self._end(run, to, failure)
        await self.db.flush()
        return True

    async def note_repeat(
        self, council_id: UUID, run_id: UUID, *, is_same: bool | None, fingerprint: str, failure: str = ""
    ) -> None:
        """Keep what working the stored inputs out once more gave."""
        run = await self.runs.find(council_id, run_id, locked=True)
        before: dict[str, Any] = run.figures.get("repeat") or {}
        run.figures = {
            **run.figures,
            "repeat": {
                **before,
                "at": self.clock.now().isoformat(),
                "is_same": is_same,
                "fingerprint": fingerprint,
                "failure": failure,
            },
        }
        await self.db.flush()

    async def _mine(self, council_id: UUID, run_id: UUID, tries: int) -> AssignmentRun | None:
        run = await self.runs.find(council_id, run_id, locked=True)
        return run if run.status is RunStatus.RUNNING and run.tries == tries else None

    def _end(self, run: AssignmentRun, to: RunStatus, failure: str = "") -> None:
        RUN.move(self.db, run, to, by=None, why=failure)
        run.finished_at = self.clock.now()
        run.failure = failure
        run.stage = ""
        audit.record(
            self.db,
            None,
            "matching.end_run",
            council_id=run.council_id,
            subject_kind="assignment_run",
            subject_id=run.id,
            after={"status": to, "cases": run.cases, "placed": run.placed, "result": run.result_fingerprint},
            why=failure,
        )
        outbox.publish(self.db, RunFinished(council_id=run.council_id, run_id=run.id, status=to.value))

    async def _outdate(self, council_id: UUID, referral_ids: list[UUID], run: AssignmentRun) -> None:
        """Put older proposals for the same people aside, and everything left of the run that this one replaces."""
        proposals = ProposalRepository(self.db)
        why = f"Proposal {run.reference} took over"
        older: list[Proposal] = []
        for first in range(0, len(referral_ids), BATCH):
            older.extend(await proposals.open_for(council_id, referral_ids[first : first + BATCH]))
        if run.replaces_run_id is not None:
            seen = {row.id for row in older}
            rest = await proposals.open_of_run(council_id, run.replaces_run_id)
            older.extend(row for row in rest if row.id not in seen)
        for row in older:
            PROPOSAL.move(self.db, row, ProposalStatus.OUTDATED, by=None, why=why)
            row.why = why

    async def _add_proposals(self, run: AssignmentRun, lines: Iterable[RunLine], without_place: Iterable[UUID]) -> None:
        now = self.clock.now()
        rows = [_row(run, line) for line in lines]
        rows.extend(_empty_row(run, referral_id) for referral_id in without_place)
        for first in range(0, len(rows), BATCH):
            part = rows[first : first + BATCH]
            await self.db.execute(insert(Proposal), part)
            await self.db.execute(insert(Step), [_first_step(row, now) for row in part])


def _row(run: AssignmentRun, line: RunLine) -> dict[str, Any]:
    return {
        "id": new_id(),  # In the order of the lines: the list is read in the order of the ids.
        "council_id": run.council_id,
        "run_id": run.id,
        "referral_id": UUID(line.case_id),
        "status": ProposalStatus.PROPOSED,
        "worker_id": UUID(line.candidate_id) if line.candidate_id else None,
        "start_on": date.fromordinal(line.first_day) if line.first_day else None,
        "score": line.total,
        "own_rank": line.own_rank,
        "detail": {
            "metres": line.metres,
            "maximum": line.maximum,
            "eligible": line.eligible,
            "is_pinned": line.is_pinned,
            "parts": msgspec.to_builtins(line.parts),
            "code": line.code,
            "why": line.why,
        },
        "offer_id": None,
        "decided_by_user_id": None,
        "decided_at": None,
        "why": "",
    }


def _empty_row(run: AssignmentRun, referral_id: UUID) -> dict[str, Any]:
    return _row(run, RunLine(case_id=str(referral_id), tier=2, code="no_place", why=NO_PLACE))


def _first_step(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "council_id": row["council_id"],
        "subject_kind": PROPOSAL.kind,
        "subject_id": row["id"],
        "from_status": None,
        "to_status": ProposalStatus.PROPOSED.value,
        "at": at,
        "by_user_id": None,
        "why": "",
    }
