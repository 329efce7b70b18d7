"""Reminds employers of their duties and tells the council of those that stay open. It never touches pay.

A duty is reminded of on the days that the council set before it is due or ends (`bookings.duty_warning_days`), and on
that day. One that has to be done before the first shift is told to the council when it has been open a week too long;
insurance that has ended at once, because each day without it is against the law.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit, setting
from marketplace.accounts.law import law_book, legal_wage
from marketplace.bookings.events_employment import DutiesDue, DutiesEscalated
from marketplace.bookings.models import DutyStatus, EmployerDuty, Employment, WorkStatus
from marketplace.bookings.repository_employment import LIVE, DutyRepository, EmploymentRepository
from marketplace.bookings.service.employment.duties import BY_KEY, LIABILITY, WAGE_CHECK, next_wage_day
from marketplace.bookings.service.employment.employments import is_settled
from marketplace.bookings.states import EmploymentStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of

PATIENCE = timedelta(days=7)


def is_reminder_due(row: EmployerDuty, on: date, warning_days: Sequence[int]) -> bool:
    """Whether a duty has come nearer than one of the days since it was last reminded of.

    What is settled is looked at by the day it ends, what is open by the day it is due.
    """
    day = row.expires_on if row.status in (DutyStatus.DONE, DutyStatus.NOT_NEEDED, DutyStatus.LAPSED) else row.due_on
    if day is None or row.status is DutyStatus.NOT_NEEDED:
        return False
    marks = {*warning_days, 0}
    passed = sum((day - on).days <= mark for mark in marks)
    known = 0 if row.reminded_on is None else sum((day - row.reminded_on).days <= mark for mark in marks)
    return passed > known


def is_to_escalate(row: EmployerDuty, employment: Employment, on: date) -> bool:
    """Whether the council should hear of a duty: of a job that runs, open too long, and not told yet."""
    if employment.status is not EmploymentStatus.RUNNING or row.escalated_on is not None or is_settled(row, on):
        return False
    duty = BY_KEY.get(row.key)
    if duty is None or not duty.is_must or employment.work_status not in duty.applies_to:
        return False
    ended = row.expires_on if row.expires_on is not None and row.expires_on <= on else row.due_on
    patience = timedelta(0) if row.key == LIABILITY else PATIENCE
    return ended is not None and on >= ended + patience


class ReminderService:
    """The daily look at one job."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.duties = DutyRepository(db)

    async def look_at(self, council_id: UUID, employment_id: UUID) -> None:
        """Remind and escalate what is due. Looking again on the same day does nothing."""
        repository = EmploymentRepository(self.db)
        question = repository.of(council_id).where(Employment.id == employment_id, Employment.status.in_(LIVE))
        employment = await repository.maybe(question, locked=True)
        if employment is None:
            return
        on = today(self.clock)
        days = await setting(self.db, council_id, "bookings.duty_warning_days", on)
        rows = (await self.duties.of_employments([employment.id]))[employment.id]
        rows = [row for row in rows if row.key in BY_KEY and employment.work_status in BY_KEY[row.key].applies_to]
        await self._check_wage(employment, rows, on)
        due, told = [], []
        for row in sorted(rows, key=lambda one: list(BY_KEY).index(one.key)):
            if is_reminder_due(row, on, days):
                row.reminded_on = on
                due.append(row.key)
            if row.status is DutyStatus.DONE and not is_settled(row, on):
                self._lapse(row)
            if is_to_escalate(row, employment, on):
                row.escalated_on = on
                told.append(row.key)
        await self.db.flush()
        ids = {"council_id": council_id, "employment_id": employment.id, "person_id": employment.person_id}
        if due:
            outbox.publish(self.db, DutiesDue(**ids, keys=tuple(due), on=on))
        if told:
            outbox.publish(self.db, DutiesEscalated(**ids, keys=tuple(told)))

    async def _check_wage(self, employment: Employment, rows: Sequence[EmployerDuty], on: date) -> None:
        """Hold the wage against a new law on the day it counts: one that still fits needs nobody's time."""
        row = next((one for one in rows if one.key == WAGE_CHECK), None)
        if row is None or employment.work_status is not WorkStatus.EMPLOYED or row.expires_on != on:
            return
        book = await law_book(self.db, on)
        if not book.is_carried and employment.wage_pence >= legal_wage(book, employment.born_on):
            row.status, row.done_on = DutyStatus.DONE, on
            row.expires_on = next_wage_day(on, employment.born_on)
            row.reminded_on = None

    def _lapse(self, row: EmployerDuty) -> None:
        row.status = DutyStatus.LAPSED
        row.updated_at = self.clock.now()
        audit.record(
            self.db,
            None,
            "bookings.lapse_duty",
            council_id=row.council_id,
            subject_kind="employer_duty",
            subject_id=row.id,
            after={"key": row.key, "status": row.status, "expires_on": row.expires_on},
        )
