"""The job itself: entered by the person, begun, changed, ended; what it costs with the law of its days."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.law import LawBook, law_book, legal_wage
from marketplace.bookings.errors import FamilyRule
from marketplace.bookings.events_employment import EmploymentStarted
from marketplace.bookings.models import DutyStatus, EmployerDuty, Employment, WorkStatus
from marketplace.bookings.repository_employment import (
    LIVE,
    DutyRepository,
    EmploymentRepository,
    ExceptionRepository,
    TimesheetRepository,
)
from marketplace.bookings.service.employment.cost import FIRST_ON, EmployerCost, employer_cost
from marketplace.bookings.service.employment.duties import DUTIES, WAGE_CHECK, due_on, duties_for, next_wage_day
from marketplace.bookings.service.employment.family import is_blocked
from marketplace.bookings.service.employment.forms import EmploymentForm
from marketplace.bookings.service.employment.periods import Job, insurance_of_year
from marketplace.bookings.states import EMPLOYMENT, EmploymentStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, StepRefused
from marketplace.core.formats import pounds, uk_date
from marketplace.core.ids import parse_id

ENDED_DUTIES = (DutyStatus.DONE, DutyStatus.NOT_NEEDED)


def job_of(employment: Employment, on: date, others_insurance_pence: int = 0) -> Job:
    """Return a job as the calculator takes it, for the 52 weeks from a day."""
    return Job(
        starts_on=max(employment.starts_on, on, FIRST_ON),
        weekly_minutes=max(1, employment.weekly_minutes),
        wage_pence=employment.wage_pence,
        pay_every=employment.pay_every,
        holiday_method=employment.holiday_method,
        weeks_a_year=employment.weeks_a_year,
        born_on=employment.born_on,
        days_a_week=employment.days_a_week,
        sick_days=employment.sick_days,
        claims_allowance=employment.claims_allowance,
        others_insurance_pence=others_insurance_pence,
        insurance_pence=employment.insurance_pence,
        payroll_pence=employment.payroll_pence,
        training_pence=employment.training_pence,
        recruitment_pence=employment.recruitment_pence,
    )


def costs_of(book: LawBook, employments: Sequence[Employment], on: date) -> dict[UUID, EmployerCost]:
    """Work out what a person's employed assistants cost together: they share one Employment Allowance.

    The wages of others that were entered with a job count as those of one more assistant.
    """
    employed = [row for row in employments if row.work_status is WorkStatus.EMPLOYED]
    alone = {row.id: employer_cost(book, job_of(row, on)) for row in employed}
    found = {}
    for row in employed:
        others = sum(alone[other.id].insurance_pence for other in employed if other.id != row.id)
        others += insurance_of_year(book.at(max(on, FIRST_ON)), row.other_wages_pence)
        found[row.id] = employer_cost(book, job_of(row, on, others))
    return found


class EmploymentService:
    """The assistants of the person who is signed in, or acted for."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.employments = EmploymentRepository(db)
        self.duties = DutyRepository(db)
        self.exceptions = ExceptionRepository(db)
        self.sheets = TimesheetRepository(db)

    def of_person(self, principal: Principal) -> Select[Employment]:
        """Start a question about the person's own assistants."""
        principal.require(Permission.EMPLOYER_OWN)
        return self.employments.of_person(principal.council_id, principal.need_person())

    async def find(self, principal: Principal, employment_id: UUID, *, locked: bool = False) -> Employment:
        """Return one of them.

        Raises:
            NotFound: Somebody else's, or none.
        """
        return await self.employments.one(
            self.of_person(principal).where(Employment.id == employment_id), locked=locked
        )

    async def costs(self, employments: Sequence[Employment]) -> dict[UUID, EmployerCost]:
        """Return what each employed assistant costs in the year from today."""
        on = today(self.clock)
        return costs_of(await law_book(self.db, on), employments, on)

    async def cost(self, employment: Employment) -> EmployerCost | None:
        """Return what one costs, the allowance shared with the others; None for somebody who is self-employed."""
        live = list(await self.employments.live(employment.council_id, employment.person_id))
        if all(row.id != employment.id for row in live):
            live.append(employment)
        return (await self.costs(live)).get(employment.id)

    async def create(self, principal: Principal, form: EmploymentForm, listing_id: UUID | None = None) -> Employment:
        """Enter a new assistant with everything that is to be done.

        Args:
            principal: The person, or who acts for them.
            form: What they entered.
            listing_id: The assistant's offer, where the person came from it.

        Raises:
            InvalidInput: The wage is below the law, or the assistant of the platform is unknown to this person.
            Conflict: There is a job with this assistant already.
        """
        principal.require(Permission.EMPLOYER_OWN)
        person_id = principal.need_person()
        worker_id = await self._worker(principal, form, listing_id)
        await self._check_wage(form)
        row = Employment(
            council_id=principal.council_id,
            person_id=person_id,
            worker_id=worker_id,
            status=EmploymentStatus.PREPARING,
            starts_on=form.starts_on,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
            **_values(form),
        )
        self.db.add(row)
        await self.db.flush()
        EMPLOYMENT.begin(self.db, row, by=principal.user_id)
        self._add_duties(row)
        await self.db.flush()
        self._record(principal, "bookings.create_employment", row, after=_values(form))
        return row

    async def change(self, principal: Principal, employment_id: UUID, form: EmploymentForm) -> Employment:
        """Change what was entered. A new status of the job brings its own duties.

        Raises:
            NotFound: Not this person's.
            Conflict: Somebody changed it in another window.
            InvalidInput: The wage is below the law, or the job would begin after visits that were approved.
            FamilyRule: A job that runs would become one that the payment may not pay; the council is asked first.
            StepRefused: It is over, or wages that no payroll was told of yet would be lost.
        """
        row = await self.find(principal, employment_id, locked=True)
        if row.status is EmploymentStatus.ENDED:
            raise StepRefused("This job is over, so it can no longer be changed.")
        if form.version != row.version:
            raise Conflict("Somebody changed this in another window. Look at it again before you change it.")
        await self._check_wage(form)
        await self._keep_wages(row, form)
        values = _values(form)
        before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        if row.status is EmploymentStatus.PREPARING:
            row.starts_on = form.starts_on
        elif is_blocked(row, await self.exceptions.newest(row.id), today(self.clock)) and (
            before["relation"] != row.relation or before["lives_with"] != row.lives_with
        ):
            raise FamilyRule
        await self._fit_duties(row)
        await self.db.flush()
        changed = {name: value for name, value in values.items() if before[name] != value}
        self._record(
            principal, "bookings.change_employment", row, before={name: before[name] for name in changed}, after=changed
        )
        return row

    async def start(self, principal: Principal, employment_id: UUID, *, knows_what_is_open: bool) -> Employment:
        """Say that the first shift may come.

        What is still to do does not stop it, but has to be seen: the law asks the person, not the platform.

        Raises:
            NotFound: Not this person's.
            FamilyRule: The council has not allowed this relative.
            InvalidInput: Something that must be done first is open and the person has not said that they know.
            StepRefused: It runs already, or is over.
        """
        row = await self.find(principal, employment_id, locked=True)
        if is_blocked(row, await self.exceptions.newest(row.id), today(self.clock)):
            raise FamilyRule
        still = await self.open_musts(row)
        if still and not knows_what_is_open:
            raise InvalidInput({"knows": "Say that you know what the law asks you to do first"})
        EMPLOYMENT.move(self.db, row, EmploymentStatus.RUNNING, by=principal.user_id)
        now = today(self.clock)
        for duty in (await self.duties.of_employments([row.id]))[row.id]:
            if duty.key in still:
                duty.escalated_on = now  # The council hears of it with the start.
        self._record(principal, "bookings.start_employment", row, after={"open": still})
        outbox.publish(
            self.db,
            EmploymentStarted(
                council_id=row.council_id, employment_id=row.id, person_id=row.person_id, open_keys=tuple(still)
            ),
        )
        await self.db.flush()
        return row

    async def end(self, principal: Principal, employment_id: UUID, ends_on: date) -> Employment:
        """Write down that a job is over. Hours that were worked still go onto a timesheet and are paid.

        Args:
            principal: The person.
            employment_id: The job.
            ends_on: The first day without it, up to tomorrow.

        Raises:
            NotFound: Not this person's.
            InvalidInput: The last day is before the first or a visit whose wage is not paid yet, or to come.
            StepRefused: It is over already.
        """
        row = await self.find(principal, employment_id, locked=True)
        last = ends_on - timedelta(days=1)
        if row.status is EmploymentStatus.RUNNING and last < row.starts_on:
            raise InvalidInput({"last_on": "The last day must not be before the first"})
        if last > today(self.clock):
            raise InvalidInput({"last_on": "The last day must be today or in the past. Come back when it has come"})
        unsent = await self.employments.unsent_wages(row)
        if unsent is not None and last < unsent[1]:
            words = f"You approved a visit of theirs on {uk_date(unsent[1])}, so the last day is that day or later"
            raise InvalidInput({"last_on": words})
        EMPLOYMENT.move(self.db, row, EmploymentStatus.ENDED, by=principal.user_id)
        # A job that never began has no day: it ends on the day after its first, so that the period is one.
        row.ends_on = max(ends_on, row.starts_on + timedelta(days=1))
        self._record(principal, "bookings.end_employment", row, after={"ends_on": row.ends_on})
        await self.db.flush()
        return row

    async def open_musts(self, row: Employment) -> list[str]:
        """Return keys of what has to be done before the first shift and is not."""
        on = today(self.clock)
        rows = {duty.key: duty for duty in (await self.duties.of_employments([row.id]))[row.id]}
        return [
            duty.key for duty in duties_for(row.work_status) if duty.is_must and not is_settled(rows.get(duty.key), on)
        ]

    async def assistants(self, principal: Principal, listing_id: UUID | None = None) -> list[tuple[UUID, str]]:
        """Return assistants of the platform whom the person may enter: (id, name).

        Those they have asked before, and whose offer `listing_id` is: somebody who may not be paid yet, because the
        council has to allow it first, has no visits with the person.
        """
        known = await self.employments.assistants(principal.council_id, principal.need_person())
        offered = await self.employments.offered(listing_id) if listing_id else None
        return known if offered is None or offered in known else [offered, *known]

    async def _worker(self, principal: Principal, form: EmploymentForm, listing_id: UUID | None) -> UUID | None:
        if not form.worker:
            return None
        worker_id = parse_id(form.worker)
        known = await self.assistants(principal, listing_id)
        if worker_id is None or worker_id not in {one for one, _ in known}:
            # Without anybody to choose from there is no list on the page.
            raise InvalidInput({"worker" if known else "name": "Select an assistant from the list"})
        if await self.employments.with_worker(principal.council_id, principal.need_person(), worker_id):
            raise Conflict("You have entered this assistant already. Look under your assistants.")
        return worker_id

    async def _check_wage(self, form: EmploymentForm) -> None:
        if form.work_status is not WorkStatus.EMPLOYED:
            return
        on = max(form.starts_on, today(self.clock), FIRST_ON)
        legal = legal_wage(await law_book(self.db, on), form.born_on)
        if form.pay.wage_pence < legal:
            raise InvalidInput({"wage": f"The wage must be {pounds(legal)} an hour or more: that is the law"})

    async def _keep_wages(self, row: Employment, form: EmploymentForm) -> None:
        """Refuse a change after which nobody would pay for visits that were approved already."""
        unsent = await self.employments.unsent_wages(row)
        if row.status is EmploymentStatus.PREPARING and unsent is not None and unsent[0] < form.starts_on:
            words = f"You approved a visit of theirs on {uk_date(unsent[0])}, so the job begins on that day or before"
            raise InvalidInput({"starts_on": words})
        if row.work_status is WorkStatus.EMPLOYED is not form.work_status and (
            unsent is not None or await self.sheets.wages_to_send(row.id)
        ):
            raise StepRefused(
                "You approved visits whose wage is still to be paid. Send their timesheet to the payroll first, then "
                "you can change how they work for you."
            )

    def _add_duties(self, row: Employment, known: Sequence[str] = ()) -> None:
        now = self.clock.now()
        for duty in duties_for(row.work_status):
            if duty.key in known:
                continue
            # The wage was held against the law when the job was entered.
            is_done = duty.key == WAGE_CHECK
            checked_on = max(row.starts_on, today(self.clock))
            self.db.add(
                EmployerDuty(
                    council_id=row.council_id,
                    employment_id=row.id,
                    key=duty.key,
                    status=DutyStatus.DONE if is_done else DutyStatus.TO_DO,
                    due_on=due_on(duty, row.starts_on),
                    done_on=today(self.clock) if is_done else None,
                    expires_on=next_wage_day(checked_on, row.born_on) if is_done else None,
                    helper="",
                    updated_at=now,
                )
            )

    async def _fit_duties(self, row: Employment) -> None:
        rows = (await self.duties.of_employments([row.id]))[row.id]
        self._add_duties(row, [duty.key for duty in rows])
        days = {duty.key: due_on(duty, row.starts_on) for duty in DUTIES}
        for duty in rows:
            duty.due_on = days.get(duty.key, duty.due_on)

    def _record(
        self,
        principal: Principal,
        action: str,
        row: Employment,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="employment",
            subject_id=row.id,
            before=before,
            after={"status": row.status, **(after or {})},
        )


def is_settled(row: EmployerDuty | None, on: date) -> bool:
    """Whether a duty is done, or not needed, and has not ended by a day."""
    if row is None or row.status not in ENDED_DUTIES:
        return False
    return row.expires_on is None or row.expires_on > on


def _values(form: EmploymentForm) -> dict[str, Any]:
    pay = msgspec.structs.asdict(form.pay)
    return {
        **pay,
        "name": form.name,
        "born_on": form.born_on,
        "work_status": form.work_status,
        "relation": form.relation,
        "lives_with": form.lives_with,
        "payroll_by": form.payroll_by,
    }


__all__ = ["ENDED_DUTIES", "LIVE", "EmploymentService", "costs_of", "is_settled", "job_of"]
