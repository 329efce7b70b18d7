"""Hours of a pay period on their way to the payroll.

Approved visits come onto the timesheet by themselves, each on one only; other days are entered by hand. Once sent, a
timesheet never changes (the database refuses it): a visit approved later, or more of it, goes onto the next one as a
line of its own. The table that was sent is kept to the byte, with its SHA-256.
"""

from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.accounts.law import LawBook, law_book, legal_wage
from marketplace.bookings.events_employment import TimesheetSent
from marketplace.bookings.models import (
    Employment,
    Timesheet,
    TimesheetLine,
    TimesheetStatus,
    WorkStatus,
)
from marketplace.bookings.repository_employment import TimesheetRepository
from marketplace.bookings.service.employment.employments import EmploymentService
from marketplace.bookings.service.employment.timesheet_csv import timesheet_csv
from marketplace.bookings.service.employment.timesheet_rules import (
    DAY_MINUTES,
    DayForm,
    SheetView,
    holiday_pay,
    kind_of,
    next_period,
    note_of,
    payable,
)
from marketplace.bookings.service.employment.wages import settle_wages
from marketplace.bookings.service.fair_price import half_up
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.people.models import Person

CORRECTED_FOR = timedelta(days=730)
"""How long after a visit its timesheet is put right by itself."""


class TimesheetService:
    """Timesheets of one's own assistants."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.sheets = TimesheetRepository(db)
        self.employments = EmploymentService(db)
        self._known_book: LawBook | None = None

    async def begin(self, principal: Principal, employment_id: UUID) -> Timesheet:
        """Open the timesheet of the next pay period and put approved visits onto it.

        Raises:
            NotFound: Not this person's.
            StepRefused: The period has not begun, the job has no more of them, or no wages are paid for it. What is
                still to do, or not allowed, never stops a timesheet: who worked is paid.
        """
        employment = await self.employments.find(principal, employment_id, locked=True)
        if employment.work_status is not WorkStatus.EMPLOYED:
            raise StepRefused("Somebody who is self-employed sends bills, so there is no timesheet.")
        known = await self.sheets.of_employment(employment.id, limit=1)
        start, end = next_period(employment, known[0].ends_on if known else None)
        if start > today(self.clock) or (employment.ends_on is not None and start >= employment.ends_on):
            raise StepRefused("The next pay period has not begun, so there is no timesheet for it yet.")
        sheet = Timesheet(
            council_id=employment.council_id,
            employment_id=employment.id,
            starts_on=start,
            ends_on=end,
            status=TimesheetStatus.OPEN,
        )
        self.db.add(sheet)
        await self.db.flush()
        await self._collect(employment)
        self._record(principal, "bookings.begin_timesheet", sheet)
        return sheet

    async def show(self, principal: Principal, employment_id: UUID, sheet_id: UUID) -> tuple[Employment, SheetView]:
        """Return a timesheet as it stands.

        Raises:
            NotFound: Not this person's.
        """
        employment = await self.employments.find(principal, employment_id)
        sheet = await self._sheet(employment, sheet_id)
        lines = list(await self.sheets.lines(sheet.id))
        waiting = await self.sheets.not_approved(employment, min(sheet.ends_on, today(self.clock)))
        view = SheetView(
            sheet=sheet, lines=lines, not_approved=waiting, kinds={line.id: kind_of(line) for line in lines}
        )
        return employment, view

    async def collect(self, principal: Principal, employment_id: UUID) -> int:
        """Put visits approved since onto the open timesheets. Returns how many lines came."""
        employment = await self.employments.find(principal, employment_id, locked=True)
        return await self._collect(employment)

    async def add_day(self, principal: Principal, employment_id: UUID, sheet_id: UUID, form: DayForm) -> TimesheetLine:
        """Enter hours of a day by hand.

        Raises:
            NotFound: Not this person's.
            StepRefused: It was sent.
            InvalidInput: The day is outside the job, or after the pay period, or would have more than 24 hours.
        """
        employment, sheet = await self._open(principal, employment_id, sheet_id)
        is_after = employment.ends_on is not None and form.worked_on >= employment.ends_on
        if form.worked_on < employment.starts_on or is_after:
            raise InvalidInput({"worked_on": "The day must be within the time they work for you"})
        if form.worked_on >= sheet.ends_on:
            raise InvalidInput({"worked_on": "The day is after this pay period. Put it onto the next timesheet"})
        lines = await self.sheets.lines(sheet.id)
        if sum(line.minutes for line in lines if line.worked_on == form.worked_on) + form.minutes > DAY_MINUTES:
            raise InvalidInput({"hours": "That would be more than 24 hours on one day"})
        rate = await self._rate(employment, sheet, form.worked_on)
        line = TimesheetLine(
            council_id=sheet.council_id,
            timesheet_id=sheet.id,
            worked_on=form.worked_on,
            minutes=form.minutes,
            rate_pence=rate,
            amount_pence=half_up(Fraction(form.minutes * rate, 60)),
            note=form.note,
        )
        self.db.add(line)
        await self._add_up(employment, sheet)
        self._record(principal, "bookings.add_timesheet_day", sheet, {"worked_on": form.worked_on})
        return line

    async def remove_day(self, principal: Principal, employment_id: UUID, sheet_id: UUID, line_id: UUID) -> None:
        """Take a day that was entered by hand off an open timesheet.

        Raises:
            NotFound: Not this person's, or a line that came by itself.
            StepRefused: It was sent.
        """
        employment, sheet = await self._open(principal, employment_id, sheet_id)
        line = next((one for one in await self.sheets.lines(sheet.id) if one.id == line_id), None)
        if line is None or line.booking_id is not None:
            raise NotFound
        await self.db.delete(line)
        await self._add_up(employment, sheet)
        self._record(principal, "bookings.remove_timesheet_day", sheet, {"worked_on": line.worked_on})

    async def correct(
        self, principal: Principal, employment_id: UUID, line_id: UUID, minutes: int, note: str
    ) -> TimesheetLine:
        """Put a hand-entered day of a sent timesheet right, on the open one.

        Args:
            principal: The person.
            employment_id: The job.
            line_id: The line that was sent.
            minutes: What it should have been, 0 to 1,440.
            note: Why.

        Raises:
            NotFound: Not this person's, or no such day on a timesheet that was sent.
            StepRefused: No timesheet is open, or nothing changes.
        """
        employment = await self.employments.find(principal, employment_id, locked=True)
        found = await self.sheets.sent_day(employment.id, line_id)
        if found is None:
            raise NotFound
        line, counted, paid = found
        sheet = await self._first_open(employment)
        if sheet is None:
            raise StepRefused("Begin the next timesheet first: the correction goes onto it.")
        if minutes == counted:
            raise StepRefused("That is what was sent, so there is nothing to correct.")
        correction = TimesheetLine(
            council_id=sheet.council_id,
            timesheet_id=sheet.id,
            corrects_id=line.id,
            worked_on=line.worked_on,
            minutes=minutes - counted,
            rate_pence=line.rate_pence,
            amount_pence=half_up(Fraction(minutes * line.rate_pence, 60)) - paid,
            note=note,
        )
        self.db.add(correction)
        await self._add_up(employment, sheet)
        self._record(principal, "bookings.correct_timesheet_day", sheet, {"line_id": line.id, "minutes": minutes})
        return correction

    async def send(self, principal: Principal, employment_id: UUID, sheet_id: UUID) -> Timesheet:
        """Close a timesheet: its table is kept as it is now.

        Raises:
            NotFound: Not this person's.
            StepRefused: It was sent already, or an earlier one is still open.
        """
        employment, sheet = await self._open(principal, employment_id, sheet_id)
        first = await self._first_open(employment)
        if first is not None and first.id != sheet.id:
            raise StepRefused("An earlier timesheet is still open. Send that one first.")
        await self._collect(employment)
        lines = await self.sheets.lines(sheet.id)
        person = await self.db.get_one(Person, employment.person_id)
        book = await law_book(self.db, sheet.starts_on)
        sheet.document = timesheet_csv(person.reference, employment, sheet, lines, book)
        sheet.sha256 = sha256(sheet.document.encode()).hexdigest()
        sheet.sent_at, sheet.sent_by_user_id = self.clock.now(), principal.user_id
        sheet.status = TimesheetStatus.SENT
        await self.db.flush()
        await settle_wages(self.db, principal, employment, sheet)
        self._record(principal, "bookings.send_timesheet", sheet, {"sha256": sheet.sha256})
        outbox.publish(
            self.db,
            TimesheetSent(
                council_id=sheet.council_id,
                employment_id=employment.id,
                person_id=employment.person_id,
                timesheet_id=sheet.id,
            ),
        )
        return sheet

    async def document(self, principal: Principal, employment_id: UUID, sheet_id: UUID) -> tuple[Timesheet, str]:
        """Return the table: as it was sent, or as it would be sent now.

        Raises:
            NotFound: Not this person's.
        """
        employment = await self.employments.find(principal, employment_id)
        sheet = await self._sheet(employment, sheet_id)
        if sheet.status is TimesheetStatus.SENT:
            return sheet, sheet.document
        person = await self.db.get_one(Person, employment.person_id)
        book = await law_book(self.db, sheet.starts_on)
        return sheet, timesheet_csv(person.reference, employment, sheet, await self.sheets.lines(sheet.id), book)

    async def _collect(self, employment: Employment) -> int:
        """Bring visits and corrections onto open timesheets, each onto the first that fits. The job is locked."""
        came = 0
        now = today(self.clock)
        for sheet in await self.sheets.open_of(employment.id):
            for booking in await self.sheets.visits_to_add(employment, sheet.ends_on):
                rate = await self._rate(employment, sheet, booking.visit_on)
                minutes, amount = payable(booking, rate)
                if not minutes and not amount:
                    continue
                note = note_of(booking, rate, minutes, amount)
                self._add_line(sheet, booking.visit_on, minutes, rate, amount, note=note, booking_id=booking.id)
                came += 1
            await self.db.flush()
            for sent in await self.sheets.sent_visits(employment.id, now - CORRECTED_FOR):
                minutes, amount = payable(sent.booking, sent.line.rate_pence)
                if (minutes, amount) != (sent.minutes, sent.amount_pence):
                    change = minutes - sent.minutes, amount - sent.amount_pence
                    note = "Approved since the timesheet was sent."
                    worked_on, rate = sent.line.worked_on, sent.line.rate_pence
                    self._add_line(sheet, worked_on, change[0], rate, change[1], note=note, corrects_id=sent.line.id)
                    came += 1
            await self._add_up(employment, sheet)
        return came

    def _add_line(
        self, sheet: Timesheet, worked_on: date, minutes: int, rate: int, amount: int, *, note: str, **link: UUID
    ) -> None:
        self.db.add(
            TimesheetLine(
                council_id=sheet.council_id,
                timesheet_id=sheet.id,
                worked_on=worked_on,
                minutes=minutes,
                rate_pence=rate,
                amount_pence=amount,
                note=note,
                **link,
            )
        )

    async def _rate(self, employment: Employment, sheet: Timesheet, worked_on: date) -> int:
        # A wage goes by the first day of its pay period; a day of an earlier period by itself, never too little.
        book = await self._book(min(sheet.starts_on, worked_on))
        return max(employment.wage_pence, legal_wage(book, employment.born_on))

    async def _book(self, on: date) -> LawBook:
        if self._known_book is None:
            self._known_book = await law_book(self.db, on)
        return self._known_book.at(on)

    async def _sheet(self, employment: Employment, sheet_id: UUID, *, locked: bool = False) -> Timesheet:
        question = self.sheets.of(employment.council_id).where(
            Timesheet.employment_id == employment.id, Timesheet.id == sheet_id
        )
        return await self.sheets.one(question, locked=locked)

    async def _open(self, principal: Principal, employment_id: UUID, sheet_id: UUID) -> tuple[Employment, Timesheet]:
        employment = await self.employments.find(principal, employment_id, locked=True)
        sheet = await self._sheet(employment, sheet_id, locked=True)
        if sheet.status is TimesheetStatus.SENT:
            raise StepRefused("This timesheet was sent, so it never changes. Corrections go onto the next one.")
        return employment, sheet

    async def _first_open(self, employment: Employment) -> Timesheet | None:
        return next(iter(await self.sheets.open_of(employment.id)), None)

    async def _add_up(self, employment: Employment, sheet: Timesheet) -> None:
        await self.db.flush()
        lines = await self.sheets.lines(sheet.id)
        book = await self._book(sheet.starts_on)
        sheet.minutes = sum(line.minutes for line in lines)
        sheet.gross_pence = sum(
            line.amount_pence + holiday_pay(employment.holiday_method, book, line.amount_pence) for line in lines
        )
        await self.db.flush()

    def _record(self, principal: Principal, action: str, sheet: Timesheet, more: dict[str, Any] | None = None) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=sheet.council_id,
            subject_kind="timesheet",
            subject_id=sheet.id,
            after={"status": sheet.status, "minutes": sheet.minutes, "gross_pence": sheet.gross_pence, **(more or {})},
        )
