"""The checklist of one job: where each duty stands, what it costs, who helps, what happens if it is not done.

Nothing of it holds back pay. What is open too long is told to the council (`reminders`), so that somebody helps.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.law import LawBook, law_book, legal_wage
from marketplace.bookings.models import DutyStatus, EmployerDuty, Employment
from marketplace.bookings.repository_employment import DutyRepository, OpenDuty
from marketplace.bookings.service.employment.duties import (
    BY_KEY,
    WAGE_CHECK,
    Duty,
    duties_for,
    next_wage_day,
    words,
)
from marketplace.bookings.service.employment.employments import EmploymentService, is_settled
from marketplace.bookings.states import EmploymentStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound, StepRefused
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader

SHOWN = 50
STATES = {
    DutyStatus.TO_DO: "I have not begun",
    DutyStatus.STARTED: "I have begun",
    DutyStatus.DONE: "It is done",
    DutyStatus.NOT_NEEDED: "It is not needed here",
}


class DutyView(msgspec.Struct, frozen=True, kw_only=True):
    """A duty as the pages show it."""

    duty: Duty
    row: EmployerDuty
    what: str
    otherwise: str
    state: DutyStatus
    """As it stands today: what has ended counts as lapsed."""
    cost: str
    is_late: bool
    """Open, and its day is over."""

    @property
    def is_open(self) -> bool:
        """Whether something is to be done."""
        return self.state not in (DutyStatus.DONE, DutyStatus.NOT_NEEDED)


class DutyForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says about a duty."""

    status: DutyStatus
    done_on: date | None
    expires_on: date | None
    helper: str
    note: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any], duty: Duty, now: date) -> "DutyForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing, or a day makes no sense.
        """
        form = FormReader(data)
        status = DutyStatus(form.option("status", "where it stands", [one.value for one in STATES]) or "to_do")
        done_on = form.day("done_on", "the day it was done", required=False)
        last_on = form.day("last_on", "the last day", required=duty.key == "liability" and status is DutyStatus.DONE)
        if done_on is not None and done_on > now:
            form.wrong("done_on", "The day it was done must be today or in the past")
        if last_on is not None and last_on < now:
            form.wrong("last_on", "The last day must be today or later")
        helper = form.text("helper", "who helps you", required=False)
        note = form.text("note", "the note", required=status is DutyStatus.NOT_NEEDED, longest=1_000)
        version = form.number("version", "the version", least=0, most=1_000_000, required=False)
        form.done()
        is_done = status is DutyStatus.DONE
        return cls(
            status=status,
            done_on=(done_on or now) if is_done else None,
            expires_on=last_on + timedelta(days=1) if is_done and last_on else None,
            helper=helper,
            note=note,
            version=version,
        )


def view_of(duty: Duty, row: EmployerDuty, employment: Employment, book: LawBook) -> DutyView:
    """Put a duty and its row together for the book's day."""
    settled = is_settled(row, book.on)
    has_ended = row.status in (DutyStatus.DONE, DutyStatus.NOT_NEEDED) and not settled
    state = DutyStatus.LAPSED if has_ended else row.status
    entered = getattr(employment, duty.cost_field) if duty.cost_field else 0
    return DutyView(
        duty=duty,
        row=row,
        what=words(duty.what, book),
        otherwise=words(duty.otherwise, book),
        state=state,
        cost=f"{pounds(entered)} a year, as you entered." if entered else duty.cost,
        is_late=not settled and row.due_on is not None and row.due_on < book.on,
    )


def views_of(rows: Sequence[EmployerDuty], employment: Employment, book: LawBook) -> list[DutyView]:
    """Return the checklist of a job, in the order it is done."""
    by_key = {row.key: row for row in rows}
    return [
        view_of(duty, by_key[duty.key], employment, book)
        for duty in duties_for(employment.work_status)
        if duty.key in by_key
    ]


class ChecklistService:
    """Keeps the checklist."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.duties = DutyRepository(db)

    async def views(self, employments: Sequence[Employment]) -> dict[UUID, list[DutyView]]:
        """Return the checklist of each job."""
        rows = await self.duties.of_employments([row.id for row in employments])
        book = await law_book(self.db, today(self.clock))
        return {row.id: views_of(rows[row.id], row, book) for row in employments}

    async def view(self, principal: Principal, employment_id: UUID, key: str) -> tuple[Employment, DutyView]:
        """Return one duty of a job of one's own.

        Raises:
            NotFound: Not this person's, or nothing that applies.
        """
        employment = await EmploymentService(self.db).find(principal, employment_id)
        for view in (await self.views([employment]))[employment.id]:
            if view.duty.key == key:
                return employment, view
        raise NotFound

    async def update(self, principal: Principal, employment_id: UUID, key: str, form: DutyForm) -> EmployerDuty:
        """Say where a duty stands.

        Raises:
            NotFound: Not this person's, or nothing that applies.
            Conflict: Somebody changed it in another window.
            InvalidInput: The wage is below the law, so that its check is not done.
            StepRefused: The job is over.
        """
        employment = await EmploymentService(self.db).find(principal, employment_id, locked=True)
        if employment.status is EmploymentStatus.ENDED:
            raise StepRefused("This job is over, so nothing is to be done any more.")
        if key not in BY_KEY or employment.work_status not in BY_KEY[key].applies_to:
            raise NotFound
        of_job = self.duties.of(principal.council_id).where(EmployerDuty.employment_id == employment.id)
        row = await self.duties.one(of_job.where(EmployerDuty.key == key), locked=True)
        if form.version != row.version:
            raise Conflict("Somebody changed this in another window. Look at it again before you change it.")
        now = today(self.clock)
        expires_on = form.expires_on
        if key == WAGE_CHECK and form.status is DutyStatus.DONE:
            expires_on = await self._check_wage(employment, now)
        before = {"status": row.status, "done_on": row.done_on, "expires_on": row.expires_on}
        row.status, row.done_on, row.expires_on = form.status, form.done_on, expires_on
        row.helper, row.note = form.helper, form.note
        row.updated_at = self.clock.now()
        row.reminded_on = None
        if is_settled(row, now):
            row.escalated_on = None
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "bookings.update_duty",
            council_id=row.council_id,
            subject_kind="employer_duty",
            subject_id=row.id,
            before=before,
            after={"key": key, "status": row.status, "done_on": row.done_on, "expires_on": row.expires_on},
        )
        return row

    async def escalated(self, principal: Principal) -> list[OpenDuty]:
        """Return what the council was told of and is still open: people who need help with their duties."""
        principal.require(Permission.PEOPLE_READ)
        return await self.duties.escalated(principal.council_id, SHOWN)

    async def _check_wage(self, employment: Employment, now: date) -> date:
        on = max(now, employment.starts_on)
        legal = legal_wage(await law_book(self.db, on), employment.born_on)
        if employment.wage_pence < legal:
            message = f"The wage of {pounds(employment.wage_pence)} is below the law’s {pounds(legal)}. Change it first"
            raise InvalidInput({"status": message})
        return next_wage_day(on, employment.born_on)
