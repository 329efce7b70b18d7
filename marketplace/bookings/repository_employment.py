"""Questions about employment: jobs, duties, exceptions for relatives, timesheets and the visits that go onto them."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.bookings.models import (
    Booking,
    DutyStatus,
    EmployerDuty,
    Employment,
    FamilyException,
    SupportAgreement,
    Timesheet,
    TimesheetLine,
    WorkStatus,
)
from marketplace.bookings.states import SETTLED, AgreementStatus, BookingStatus, EmploymentStatus, ExceptionStatus
from marketplace.core.repository import Repository
from marketplace.ledger import Purpose, Side
from marketplace.ledger.models import LedgerAccount, LedgerEntry, LedgerLine
from marketplace.people.models import Person
from marketplace.providers.models import BOOKABLE_UNITS, Listing, Organisation, OrganisationKind, Worker

VISIT_APPROVED = "visit-approved"
"""Kind of the entry of an approval, see `service/settlement.py`."""
LIVE = (EmploymentStatus.PREPARING, EmploymentStatus.RUNNING)
_NOT_SETTLED = (
    BookingStatus.PLANNED,
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
    BookingStatus.DISPUTED,
)
OPEN_DUTY = (DutyStatus.TO_DO, DutyStatus.STARTED, DutyStatus.LAPSED)


class OpenDuty(NamedTuple):
    """A duty that the council was told of, with whose it is."""

    duty: EmployerDuty
    employment: Employment
    person: Person


class AskedException(NamedTuple):
    """A question whether a relative may be paid, with whom it is about."""

    row: FamilyException
    employment: Employment
    person: Person


class CorrectedLine(NamedTuple):
    """A line that was sent, and what corrections since have made of its minutes and its money."""

    line: TimesheetLine
    booking: Booking
    minutes: int
    amount_pence: int


class EmploymentRepository(Repository[Employment]):
    """Jobs."""

    model_type = Employment

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[Employment]:
        """Start a question about the assistants of one person."""
        return self.of(council_id).where(Employment.person_id == person_id)

    async def live(self, council_id: UUID, person_id: UUID) -> Sequence[Employment]:
        """Return a person's jobs that have not ended, the oldest first."""
        mine = self.of_person(council_id, person_id).where(Employment.status.in_(LIVE))
        return await self.every(mine.order_by(Employment.starts_on, Employment.id).limit(50))

    async def live_of(self, council_id: UUID, person_ids: Collection[UUID]) -> Sequence[Employment]:
        """Return the jobs of many people that have not ended."""
        question = self.of(council_id).where(Employment.person_id.in_(person_ids), Employment.status.in_(LIVE))
        return await self.every(question)

    async def ended(self, council_id: UUID, person_id: UUID) -> Sequence[Employment]:
        """Return a person's jobs that are over, the newest first."""
        mine = self.of_person(council_id, person_id).where(Employment.status == EmploymentStatus.ENDED)
        return await self.every(mine.order_by(Employment.ends_on.desc(), Employment.id).limit(50))

    async def with_worker(self, council_id: UUID, person_id: UUID, worker_id: UUID) -> Employment | None:
        """Return the job of a person and an assistant of the platform that has not ended."""
        mine = self.of_person(council_id, person_id)
        return await self.maybe(mine.where(Employment.worker_id == worker_id, Employment.status.in_(LIVE)))

    async def is_wage(self, booking: Booking) -> bool:
        """Whether the person employs who came to a visit, so that it is paid as a wage. The day of the visit counts."""
        mine = self.of_person(booking.council_id, booking.person_id).where(
            Employment.worker_id == booking.worker_id,
            Employment.work_status == WorkStatus.EMPLOYED,
            Employment.starts_on <= booking.visit_on,
            or_(Employment.ends_on.is_(None), Employment.ends_on > booking.visit_on),
        )
        return booking.worker_id is not None and await self.maybe(mine) is not None

    async def regular(self, employment: Employment) -> tuple[str, UUID] | None:
        """Return where the visits of a job are agreed: ("agreement", id) where they are, or ("listing", id) to do so.

        None where the assistant is not on the platform, or offers nothing that comes regularly.
        """
        if employment.worker_id is None:
            return None
        agreed = await self.db.scalar(
            select(SupportAgreement.id)
            .where(
                SupportAgreement.council_id == employment.council_id,
                SupportAgreement.person_id == employment.person_id,
                SupportAgreement.worker_id == employment.worker_id,
                SupportAgreement.status.in_((AgreementStatus.OFFERED, AgreementStatus.AGREED)),
            )
            .order_by(SupportAgreement.starts_on.desc())
            .limit(1)
        )
        if agreed is not None:
            return "agreement", agreed
        listing = await self.db.scalar(
            select(Listing.id)
            .where(
                Listing.worker_id == employment.worker_id,
                Listing.is_published,
                Listing.hidden_why.is_(None),
                Listing.price_unit.in_(BOOKABLE_UNITS),
            )
            .order_by(Listing.id)
            .limit(1)
        )
        return None if listing is None else ("listing", listing)

    async def unsent_wages(self, employment: Employment) -> tuple[date, date] | None:
        """Return the days of the first and the last visit whose wage no payroll was told of; None without any."""
        first, last = (
            await self.db.execute(
                select(func.min(Booking.visit_on), func.max(Booking.visit_on)).where(
                    Booking.council_id == employment.council_id,
                    Booking.person_id == employment.person_id,
                    Booking.worker_id == employment.worker_id,
                    Booking.visit_on >= employment.starts_on,
                    is_posted_to(Purpose.WAGES_DUE),
                    ~exists()
                    .where(TimesheetLine.booking_id == Booking.id, Timesheet.sent_at.is_not(None))
                    .where(Timesheet.id == TimesheetLine.timesheet_id),
                )
            )
        ).one()
        return None if first is None else (first, last)

    async def assistants(self, council_id: UUID, person_id: UUID) -> list[tuple[UUID, str]]:
        """Return assistants of the platform whom a person has asked before or has visits with: (id, name)."""
        rows = await self.db.execute(
            select(Worker.id, Worker.name)
            .join(Organisation, Organisation.id == Worker.organisation_id)
            .where(
                Organisation.kind == OrganisationKind.SOLE_PA,
                exists().where(
                    Booking.worker_id == Worker.id, Booking.person_id == person_id, Booking.council_id == council_id
                ),
            )
            .order_by(Worker.name, Worker.id)
            .limit(50)
        )
        return [(row.id, row.name) for row in rows]

    async def offered(self, listing_id: UUID) -> tuple[UUID, str] | None:
        """Return the assistant of a published listing of somebody who works alone: (id, name)."""
        row = (
            await self.db.execute(
                select(Worker.id, Worker.name)
                .join(Listing, Listing.worker_id == Worker.id)
                .join(Organisation, Organisation.id == Worker.organisation_id)
                .where(
                    Listing.id == listing_id,
                    Listing.is_published,
                    Listing.hidden_why.is_(None),
                    Organisation.kind == OrganisationKind.SOLE_PA,
                )
            )
        ).first()
        return None if row is None else (row.id, row.name)

    async def ids_live(self, limit: int, after: UUID | None) -> list[tuple[UUID, UUID]]:
        """Return (council, job) of every council in reach, in the order of ids, from behind one on."""
        question = select(Employment.council_id, Employment.id).where(Employment.status.in_(LIVE))
        if after is not None:
            question = question.where(Employment.id > after)
        return [(row[0], row[1]) for row in await self.db.execute(question.order_by(Employment.id).limit(limit))]


class DutyRepository(Repository[EmployerDuty]):
    """Duties of employers."""

    model_type = EmployerDuty

    async def of_employments(self, ids: Collection[UUID]) -> dict[UUID, list[EmployerDuty]]:
        """Return duties by job."""
        rows = await self.every(select(EmployerDuty).where(EmployerDuty.employment_id.in_(ids)))
        found: dict[UUID, list[EmployerDuty]] = {one: [] for one in ids}
        for row in rows:
            found[row.employment_id].append(row)
        return found

    async def escalated(self, council_id: UUID, limit: int) -> list[OpenDuty]:
        """Return duties that the council was told of and that are still open, longest first."""
        rows = await self.db.execute(
            select(EmployerDuty, Employment, Person)
            .join(Employment, Employment.id == EmployerDuty.employment_id)
            .join(Person, Person.id == Employment.person_id)
            .where(
                EmployerDuty.council_id == council_id,
                EmployerDuty.escalated_on.is_not(None),
                EmployerDuty.status.in_(OPEN_DUTY),
                Employment.status.in_(LIVE),
            )
            .order_by(EmployerDuty.escalated_on, EmployerDuty.id)
            .limit(limit)
        )
        return [OpenDuty(*row) for row in rows]


class ExceptionRepository(Repository[FamilyException]):
    """Questions whether a relative may be paid."""

    model_type = FamilyException

    async def newest(self, employment_id: UUID) -> FamilyException | None:
        """Return the newest question about a job."""
        mine = select(FamilyException).where(FamilyException.employment_id == employment_id)
        return await self.maybe(mine.order_by(FamilyException.asked_at.desc(), FamilyException.id.desc()))

    async def newest_of(self, employment_ids: Collection[UUID]) -> dict[UUID, FamilyException]:
        """Return the newest question about each job."""
        rows = await self.every(
            select(FamilyException)
            .where(FamilyException.employment_id.in_(employment_ids))
            .order_by(FamilyException.asked_at, FamilyException.id)
        )
        return {row.employment_id: row for row in rows}

    async def listed(self, council_id: UUID, *, is_open: bool, limit: int) -> list[AskedException]:
        """Return questions that wait, the oldest first; or those that are settled, the newest first."""
        order = FamilyException.asked_at if is_open else FamilyException.asked_at.desc()
        waiting = FamilyException.status == ExceptionStatus.ASKED
        rows = await self.db.execute(
            _with_person()
            .where(FamilyException.council_id == council_id, waiting if is_open else ~waiting)
            .order_by(order, FamilyException.id)
            .limit(limit)
        )
        return [AskedException(*row) for row in rows]

    async def asked(self, council_id: UUID, exception_id: UUID) -> AskedException | None:
        """Return one question with whom it is about."""
        row = (
            await self.db.execute(
                _with_person().where(FamilyException.council_id == council_id, FamilyException.id == exception_id)
            )
        ).first()
        return AskedException(*row) if row else None


class TimesheetRepository(Repository[Timesheet]):
    """Timesheets and their lines."""

    model_type = Timesheet

    async def of_employment(self, employment_id: UUID, limit: int = 60) -> Sequence[Timesheet]:
        """Return the timesheets of a job, the newest first."""
        mine = select(Timesheet).where(Timesheet.employment_id == employment_id)
        return await self.every(mine.order_by(Timesheet.starts_on.desc()).limit(limit))

    async def open_of(self, employment_id: UUID) -> Sequence[Timesheet]:
        """Return the timesheets of a job that were not sent, the oldest first."""
        mine = select(Timesheet).where(Timesheet.employment_id == employment_id, Timesheet.sent_at.is_(None))
        return await self.every(mine.order_by(Timesheet.starts_on))

    async def sent_day(self, employment_id: UUID, line_id: UUID) -> tuple[TimesheetLine, int, int] | None:
        """Return a hand-entered line of a sent timesheet, with the minutes and pence that count after corrections."""
        line = await self.db.scalar(
            select(TimesheetLine)
            .join(Timesheet, Timesheet.id == TimesheetLine.timesheet_id)
            .where(
                Timesheet.employment_id == employment_id,
                Timesheet.sent_at.is_not(None),
                TimesheetLine.id == line_id,
                TimesheetLine.booking_id.is_(None),
                TimesheetLine.corrects_id.is_(None),
            )
        )
        if line is None:
            return None
        changed = (
            await self.db.execute(
                select(
                    func.coalesce(func.sum(TimesheetLine.minutes), 0),
                    func.coalesce(func.sum(TimesheetLine.amount_pence), 0),
                ).where(TimesheetLine.corrects_id == line.id)
            )
        ).one()
        return line, line.minutes + int(changed[0]), line.amount_pence + int(changed[1])

    async def lines(self, timesheet_id: UUID) -> Sequence[TimesheetLine]:
        """Return the lines of a timesheet, by day."""
        mine = select(TimesheetLine).where(TimesheetLine.timesheet_id == timesheet_id)
        return (await self.db.scalars(mine.order_by(TimesheetLine.worked_on, TimesheetLine.id))).all()

    async def visits_to_add(self, employment: Employment, until_on: date) -> Sequence[Booking]:
        """Return a job's approved visits before a day that are on no timesheet yet."""
        worker_id = employment.worker_id
        if worker_id is None:
            return []
        question = select(Booking).where(
            Booking.council_id == employment.council_id,
            Booking.person_id == employment.person_id,
            Booking.worker_id == worker_id,
            Booking.status.in_(SETTLED),
            Booking.visit_on >= employment.starts_on,
            Booking.visit_on < until_on,
            Booking.visit_on < (employment.ends_on or until_on),
            # What went to the assistant as a provider is paid by a payment run or was drawn from a fund.
            ~is_posted_to(Purpose.ACCRUED, Purpose.FUND_DRAWN),
            ~exists().where(TimesheetLine.booking_id == Booking.id),
        )
        return (await self.db.scalars(question.order_by(Booking.starts_at, Booking.id).limit(1_000))).all()

    async def not_approved(self, employment: Employment, until_on: date) -> int:
        """Count visits before a day whose time is over and that the person has said nothing final about."""
        if employment.worker_id is None:
            return 0
        found = await self.db.scalar(
            select(func.count())
            .select_from(Booking)
            .where(
                Booking.council_id == employment.council_id,
                Booking.person_id == employment.person_id,
                Booking.worker_id == employment.worker_id,
                Booking.status.in_(_NOT_SETTLED),
                Booking.visit_on >= employment.starts_on,
                Booking.visit_on < until_on,
            )
        )
        return found or 0

    async def wages_to_send(self, employment_id: UUID) -> int:
        """Return what visits on a job's sent timesheets put among the wages due and nothing took off yet, pence."""
        sheets = select(Timesheet.id).where(Timesheet.employment_id == employment_id, Timesheet.sent_at.is_not(None))
        visits = select(TimesheetLine.booking_id).where(
            TimesheetLine.timesheet_id.in_(sheets), TimesheetLine.booking_id.is_not(None)
        )
        total = await self.db.scalar(
            select(func.coalesce(func.sum(_signed()), 0))
            .select_from(LedgerLine)
            .join(LedgerEntry, LedgerEntry.id == LedgerLine.entry_id)
            .join(LedgerAccount, LedgerAccount.id == LedgerLine.account_id)
            .where(
                LedgerAccount.purpose == Purpose.WAGES_DUE,
                or_(LedgerEntry.source_id.in_(visits), LedgerEntry.source_id.in_(sheets)),
            )
        )
        return int(total or 0)

    async def sent_visits(self, employment_id: UUID, from_on: date) -> list[CorrectedLine]:
        """Return visits on timesheets that were sent, with what corrections have made of them since."""
        correction = aliased(TimesheetLine)
        rows = await self.db.execute(
            select(TimesheetLine, Booking, correction)
            .join(Timesheet, Timesheet.id == TimesheetLine.timesheet_id)
            .join(Booking, Booking.id == TimesheetLine.booking_id)
            .outerjoin(correction, correction.corrects_id == TimesheetLine.id)
            .where(
                Timesheet.employment_id == employment_id,
                Timesheet.sent_at.is_not(None),
                TimesheetLine.worked_on >= from_on,
            )
            .order_by(TimesheetLine.worked_on, TimesheetLine.id)
        )
        found: dict[UUID, CorrectedLine] = {}
        for line, booking, put_right in rows:
            known = found.get(line.id, CorrectedLine(line, booking, line.minutes, line.amount_pence))
            if put_right is not None:
                known = known._replace(
                    minutes=known.minutes + put_right.minutes, amount_pence=known.amount_pence + put_right.amount_pence
                )
            found[line.id] = known
        return list(found.values())


def is_posted_to(*purposes: Purpose) -> ColumnElement[bool]:
    """Condition of a question about bookings: the approval put money into an account of such a purpose."""
    return (
        exists()
        .where(LedgerEntry.source_id == Booking.id, LedgerEntry.kind == VISIT_APPROVED)
        .where(LedgerLine.entry_id == LedgerEntry.id, LedgerLine.side == Side.CREDIT)
        .where(LedgerAccount.id == LedgerLine.account_id, LedgerAccount.purpose.in_(purposes))
    )


def _signed() -> ColumnElement[int]:
    return case((LedgerLine.side == Side.CREDIT, LedgerLine.amount_pence), else_=-LedgerLine.amount_pence)


def _with_person() -> Select[FamilyException, Employment, Person]:
    return (
        select(FamilyException, Employment, Person)
        .join(Employment, Employment.id == FamilyException.employment_id)
        .join(Person, Person.id == FamilyException.person_id)
    )
