"""The training record of workers: which courses, when, until when, and what is missing (R11)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.spreadsheets import Cell, csv_text
from marketplace.providers.models import EvidenceKind, Worker, WorkerKind, WorkerTraining
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.service.workforce.people import WORKER_KINDS, WorkforceService

COURSES: Final[dict[str, str]] = {
    "values": "Values and outcomes",
    "principles": "The principles of self-directed support",
    "sequence": "From referral to sign-off, step by step",
    "carers": "Involving family carers",
    "options": "Explaining the options",
    "writing": "Writing plans on the agreed paperwork",
    "broker": "What a good plan gives a broker",
    "community": "Mainstream community resources",
    "person_centred": "Person-centred practice",
    "safeguarding": "Safeguarding adults",
    "moving": "Moving and handling",
    "medicines": "Help with medicines",
    "first_aid": "First aid",
    "care_certificate": "Care Certificate",
    "other": "Another course",
}
"""Key and title. The first eight are what planners are trained in (domain.md R11), the ninth is asked of every planning
organisation (D9), the rest is what home care and personal assistants usually show."""

OTHER: Final = "other"
_CARE: Final = frozenset({"person_centred", "safeguarding", "moving", "medicines", "first_aid", "care_certificate"})
EXPECTED: Final[dict[WorkerKind, frozenset[str]]] = {
    WorkerKind.PLANNER: frozenset(COURSES) - _CARE - {OTHER} | {"person_centred", "safeguarding"},
    WorkerKind.CARE_WORKER: _CARE,
    WorkerKind.PA: frozenset({"safeguarding", "moving", "first_aid"}),
}
"""What a gap is, by what somebody does. A list to work through, no bar."""

AS_EVIDENCE: Final[dict[str, EvidenceKind]] = {
    "person_centred": EvidenceKind.PERSON_CENTRED_TRAINING,
    "safeguarding": EvidenceKind.SAFEGUARDING_TRAINING,
    "care_certificate": EvidenceKind.CARE_TRAINING,
}
"""Courses that a council also wants to see as evidence."""

SOON: Final = timedelta(days=60)
STATE_WORDS: Final = {
    "done": "Done",
    "due": "Ends soon",
    "expired": "Ended",
    "gap": "Missing",
    "none": "Not needed",
}


class TrainingForm(msgspec.Struct, frozen=True, kw_only=True):
    """A course that a worker did."""

    course: str
    title: str
    given_by: str
    done_on: date
    expires_on: date | None
    """First day on which it no longer counts; the form asks for the last day that does."""

    @classmethod
    def read(cls, data: dict[str, Any], day: date) -> "TrainingForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        course = form.option("course", "the course", COURSES)
        title = form.text("title", "what the course was", required=course == OTHER, longest=120)
        given_by = form.text("given_by", "who taught it", required=False, longest=120)
        done = form.day("done_on", "the day it was done")
        last = form.day("last_day", "the last day it counts", required=False)
        if done and done > day:
            form.wrong("done_on", "The day must be today or in the past")
        if done and last and last < done:
            form.wrong("last_day", "The last day must be the same as or after the day it was done")
        elif last and last > day + timedelta(days=3660):
            form.wrong("last_day", "The last day must be within 10 years")
        form.done()
        if done is None:
            raise AssertionError("done() refuses a form without it")
        return cls(
            course=course,
            title=title if course == OTHER else "",
            given_by=given_by,
            done_on=done,
            expires_on=last + timedelta(days=1) if last else None,
        )


class Mark(msgspec.Struct, frozen=True):
    """One worker and one course: done, due, expired, gap or none."""

    state: str
    words: str


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Workers by courses."""

    courses: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Worker, tuple[Mark, ...], int], ...]
    """Worker, a mark for each course, how many gaps."""
    gaps: tuple[int, ...]
    """Gaps by course."""

    @property
    def gap_count(self) -> int:
        """Gaps in all."""
        return sum(self.gaps)


def title_of(row: WorkerTraining) -> str:
    """Name a course."""
    return row.title or COURSES.get(row.course, row.course)


def state_of(row: WorkerTraining, day: date) -> str:
    """Say how a course stands on a day: done, due or expired."""
    if row.expires_on is None or row.expires_on - day > SOON:
        return "done"
    return "due" if row.expires_on > day else "expired"


def dates_of(row: WorkerTraining) -> str:
    """Write when a course was done and until when it counts."""
    until = f", counts until {uk_date(row.expires_on - timedelta(days=1))}" if row.expires_on else ""
    return f"{uk_date(row.done_on)}{until}"


def mark(worker: Worker, course: str, rows: Iterable[WorkerTraining], day: date) -> Mark:
    """Say how one worker stands with one course: by the one that counts longest."""
    found = sorted(rows, key=lambda row: (row.expires_on is None, row.expires_on or day, row.done_on), reverse=True)
    is_expected = course in EXPECTED[worker.kind]
    if not found:
        state = "gap" if is_expected else "none"
        return Mark(state, STATE_WORDS[state])
    best = found[0]
    state = state_of(best, day)
    if state == "expired":
        ended = uk_date(best.expires_on - timedelta(days=1)) if best.expires_on else ""
        return Mark("expired", f"Ended {ended}")
    if state == "due" and best.expires_on:
        return Mark("due", f"Until {uk_date(best.expires_on - timedelta(days=1))}")
    return Mark("done", f"Done {uk_date(best.done_on)}")


def matrix(workers: Sequence[Worker], rows: Iterable[WorkerTraining], day: date) -> Matrix:
    """Lay out who did what. Only courses that somebody needs or did are columns."""
    by_key: dict[tuple[UUID, str], list[WorkerTraining]] = {}
    for row in rows:
        by_key.setdefault((row.worker_id, row.course), []).append(row)
    used = {course for _, course in by_key} | {course for worker in workers for course in EXPECTED[worker.kind]}
    courses = tuple((key, title) for key, title in COURSES.items() if key in used and key != OTHER)
    lines = []
    gaps = [0] * len(courses)
    for worker in workers:
        marks = tuple(mark(worker, key, by_key.get((worker.id, key), ()), day) for key, _ in courses)
        missing = [
            number
            for number, (one, (key, _)) in enumerate(zip(marks, courses, strict=True))
            if one.state == "gap" or (one.state == "expired" and key in EXPECTED[worker.kind])
        ]
        for number in missing:
            gaps[number] += 1
        lines.append((worker, marks, len(missing)))
    return Matrix(courses=courses, rows=tuple(lines), gaps=tuple(gaps))


class TrainingService:
    """Keeps the training record."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.workforce = WorkforceRepository(db)

    async def of_worker(self, worker: Worker) -> Sequence[WorkerTraining]:
        """Return a worker's courses, the newest first."""
        return await self.workforce.training([worker.id])

    async def add(self, principal: Principal, worker_id: UUID, form: TrainingForm) -> WorkerTraining:
        """Note a course.

        Raises:
            NotFound: Not one of the user's workers.
        """
        _, worker = await WorkforceService(self.db).worker(principal, worker_id)
        row = WorkerTraining(
            id=new_id(),
            worker_id=worker.id,
            course=form.course,
            title=form.title,
            given_by=form.given_by,
            done_on=form.done_on,
            expires_on=form.expires_on,
            recorded_by_user_id=principal.user_id,
            recorded_at=self.clock.now(),
            removed_at=None,
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, worker, "providers.add_training", None, _facts(row))
        return row

    async def remove(self, principal: Principal, worker_id: UUID, training_id: UUID) -> WorkerTraining:
        """Take a course off the record; its row is kept.

        Raises:
            NotFound: Not one of the user's workers, or removed already.
        """
        _, worker = await WorkforceService(self.db).worker(principal, worker_id)
        row = await self.workforce.course(worker.id, training_id)
        row.removed_at = self.clock.now()
        await self.db.flush()
        self._record(principal, worker, "providers.remove_training", _facts(row), None)
        return row

    async def matrix(self, principal: Principal) -> Matrix:
        """Lay out the courses of everybody who has not left."""
        _, staff = await WorkforceService(self.db).staff(principal)
        workers = staff.current
        rows = await self.workforce.training([worker.id for worker in workers])
        return matrix(workers, rows, today(self.clock))

    async def file(self, principal: Principal) -> str:
        """Write the matrix as CSV: one line for each worker, one column for each course."""
        found = await self.matrix(principal)
        heading: list[Cell] = ["worker", "does", *(title for _, title in found.courses), "gaps"]
        lines: list[list[Cell]] = [
            [worker.name, WORKER_KINDS[worker.kind], *(one.words for one in marks), gaps]
            for worker, marks, gaps in found.rows
        ]
        return csv_text([heading, *lines])

    def _record(
        self,
        principal: Principal,
        worker: Worker,
        action: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="worker",
            subject_id=worker.id,
            before=dict(before) if before else None,
            after=dict(after) if after else None,
        )


def _facts(row: WorkerTraining) -> dict[str, Any]:
    return {
        "course": row.course,
        "title": row.title,
        "given_by": row.given_by,
        "done_on": row.done_on,
        "expires_on": row.expires_on,
    }
