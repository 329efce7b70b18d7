"""May a direct payment pay this relative? Regulation 3, and the council's way round it (domain.md 4.2, P7).

A direct payment must not pay a spouse, civil partner or partner, nor a close relative in the same home, unless the
council finds it necessary for the care, or for administration and management of the payment. Relatives who live
elsewhere, and others in the home, may be paid. England only: other countries have other rules.

The person asks with a reason; a manager who did not ask decides with a reason. The council may take its leave back
later: no new work begins then, and work that was done is still paid.

Source: Care and Support (Direct Payments) Regulations 2014, regulation 3.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.errors import FamilyRule, NotYours
from marketplace.bookings.events_employment import FamilyExceptionAsked, FamilyExceptionDecided
from marketplace.bookings.models import Employment, FamilyException, Funding, Relation, SupportAgreement
from marketplace.bookings.repository_employment import (
    AskedException,
    EmploymentRepository,
    ExceptionRepository,
)
from marketplace.bookings.states import FAMILY_EXCEPTION, EmploymentStatus, ExceptionStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, StepRefused
from marketplace.core.forms import FormReader

RELATION_LABELS = {
    Relation.NONE: "Not related",
    Relation.PARTNER: "Husband, wife, civil partner, or living together as a couple",
    Relation.CLOSE_RELATIVE: "Close relative, or the partner of one",
    Relation.OTHER_RELATIVE: "Another relative, such as a cousin",
}
CLOSE = (
    "Parent, child, brother, sister, aunt, uncle, grandparent, parent-in-law, son-in-law, daughter-in-law, "
    "step-parent, step-child, or the partner of one of them."
)
LONGEST = 2_000
SHOWN = 50


def needs_exception(relation: Relation, *, lives_with: bool) -> bool:
    """Whether the council has to agree first: any partner, and a close relative who lives in the same home."""
    return relation is Relation.PARTNER or (relation is Relation.CLOSE_RELATIVE and lives_with)


def is_blocked(employment: Employment, exception: FamilyException | None, on: date) -> bool:
    """Whether the rule stands in the way on a day: no leave of the council, or one that was taken back.

    A review day that went by blocks nothing: the leave stands until the council ends it.
    """
    if not needs_exception(employment.relation, lives_with=employment.lives_with):
        return False
    return exception is None or exception.status is not ExceptionStatus.ALLOWED


class ExceptionForm(msgspec.Struct, frozen=True):
    """What a person writes to the council."""

    is_for_care: bool
    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "ExceptionForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing or too long.
        """
        form = FormReader(data)
        purpose = form.option("purpose", "what you need them for", ("care", "management"))
        reason = form.text("reason", "why it has to be this person", longest=LONGEST)
        form.done()
        return cls(purpose == "care", reason)


class DecisionForm(msgspec.Struct, frozen=True):
    """What the council decides."""

    is_allowed: bool
    reason: str
    review_on: date | None

    @classmethod
    def read(cls, data: Mapping[str, Any], now: date) -> "DecisionForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing, or the review is not to come.
        """
        form = FormReader(data)
        decision = form.option("decision", "a decision", ("allow", "refuse"))
        reason = form.text("reason", "why", longest=LONGEST)
        review_on = form.day("review_on", "the day of the review", required=False)
        if review_on is not None and review_on <= now:
            form.wrong("review_on", "The day of the review must be in the future")
        form.done()
        return cls(decision == "allow", reason, review_on)


class FamilyService:
    """Asks for leave to pay a relative, and gives it."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.exceptions = ExceptionRepository(db)
        self.employments = EmploymentRepository(db)

    async def ask(self, principal: Principal, employment_id: UUID, form: ExceptionForm) -> FamilyException:
        """Ask the council.

        Raises:
            NotFound: Not this person's job.
            StepRefused: The rule does not apply, or the question is open or answered with yes already.
        """
        principal.require(Permission.EMPLOYER_OWN)
        mine = self.employments.of_person(principal.council_id, principal.need_person())
        employment = await self.employments.one(mine.where(Employment.id == employment_id), locked=True)
        newest = await self.exceptions.newest(employment.id)
        if employment.status is EmploymentStatus.ENDED or not is_blocked(employment, newest, today(self.clock)):
            raise StepRefused("You do not need to ask the council about this.")
        if newest is not None and newest.status is ExceptionStatus.ASKED:
            raise StepRefused("You have asked the council already. We tell you when it answers.")
        row = FamilyException(
            council_id=employment.council_id,
            employment_id=employment.id,
            person_id=employment.person_id,
            status=ExceptionStatus.ASKED,
            is_for_care=form.is_for_care,
            reason=form.reason,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        FAMILY_EXCEPTION.begin(self.db, row, by=principal.user_id)
        self._record(principal, "bookings.ask_family_exception", row)
        outbox.publish(self.db, FamilyExceptionAsked(**_ids(row)))
        return row

    async def withdraw(self, principal: Principal, employment_id: UUID) -> None:
        """Take the question back."""
        principal.require(Permission.EMPLOYER_OWN)
        mine = self.employments.of_person(principal.council_id, principal.need_person())
        employment = await self.employments.one(mine.where(Employment.id == employment_id), locked=True)
        row = await self.exceptions.newest(employment.id)
        if row is None:
            raise NotFound
        FAMILY_EXCEPTION.move(self.db, row, ExceptionStatus.WITHDRAWN, by=principal.user_id)
        self._record(principal, "bookings.withdraw_family_exception", row)

    async def waiting(self, principal: Principal) -> list[AskedException]:
        """Return what waits for a decision, the oldest first."""
        principal.require(Permission.EXCEPTIONS_DECIDE)
        return await self.exceptions.listed(principal.council_id, is_open=True, limit=SHOWN)

    async def settled(self, principal: Principal) -> list[AskedException]:
        """Return what was decided, the newest first."""
        principal.require(Permission.EXCEPTIONS_DECIDE)
        return await self.exceptions.listed(principal.council_id, is_open=False, limit=SHOWN)

    async def show(self, principal: Principal, exception_id: UUID) -> AskedException:
        """Return one question.

        Raises:
            NotFound: Another council's, or none.
        """
        principal.require(Permission.EXCEPTIONS_DECIDE)
        found = await self.exceptions.asked(principal.council_id, exception_id)
        if found is None:
            raise NotFound
        return found

    async def decide(self, principal: Principal, exception_id: UUID, form: DecisionForm) -> FamilyException:
        """Decide, or take an earlier leave back.

        Raises:
            NotFound: Another council's, or none.
            NotYours: Who asked, for themselves or for somebody, does not decide.
            StepRefused: It is decided already.
        """
        principal.require(Permission.EXCEPTIONS_DECIDE)
        row = await self.exceptions.find(principal.council_id, exception_id, locked=True)
        if row.asked_by_user_id == principal.user_id:
            raise NotYours("You asked for this, so somebody else decides.")
        to = ExceptionStatus.ALLOWED if form.is_allowed else ExceptionStatus.REFUSED
        before = {"status": row.status}
        FAMILY_EXCEPTION.move(self.db, row, to, by=principal.user_id, why=form.reason)
        row.decided_by_user_id = principal.user_id
        row.decided_at = self.clock.now()
        row.decision_reason = form.reason
        row.review_on = form.review_on if form.is_allowed else None
        await self.db.flush()
        self._record(principal, "bookings.decide_family_exception", row, before=before, why=form.reason)
        outbox.publish(self.db, FamilyExceptionDecided(**_ids(row), is_allowed=form.is_allowed))
        return row

    async def require_allowed(self, council_id: UUID, person_id: UUID, worker_id: UUID) -> None:
        """Refuse where the person said that an assistant is a relative whom the payment may not pay.

        For those who make agreements and bookings with a personal assistant.

        Raises:
            FamilyRule: The council has not allowed it.
        """
        employment = await self.employments.with_worker(council_id, person_id, worker_id)
        if employment is None:
            return
        if is_blocked(employment, await self.exceptions.newest(employment.id), today(self.clock)):
            raise FamilyRule

    async def blocked(self, agreements: Sequence[SupportAgreement]) -> set[UUID]:
        """Return which agreements with one assistant, all of a council, a direct payment may not pay today.

        Leave that the council took back stops what is to come, not only what is to be agreed.
        """
        ones = [row for row in agreements if row.worker_id is not None and row.funding is Funding.DIRECT_PAYMENT]
        if not ones:
            return set()
        jobs = await self.employments.live_of(ones[0].council_id, {row.person_id for row in ones})
        newest = await self.exceptions.newest_of([job.id for job in jobs]) if jobs else {}
        by_pair = {(job.person_id, job.worker_id): job for job in jobs}
        found = set()
        for row in ones:
            job = by_pair.get((row.person_id, row.worker_id))
            asks = row.relation is not None and needs_exception(row.relation, lives_with=bool(row.lives_with))
            asks = asks or (job is not None and needs_exception(job.relation, lives_with=job.lives_with))
            answer = newest.get(job.id) if job is not None else None
            if asks and (answer is None or answer.status is not ExceptionStatus.ALLOWED):
                found.add(row.id)
        return found

    def _record(
        self,
        principal: Principal,
        action: str,
        row: FamilyException,
        *,
        before: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="family_exception",
            subject_id=row.id,
            before=before,
            after={"status": row.status, "employment_id": row.employment_id, "review_on": row.review_on},
            why=why,
        )


def _ids(row: FamilyException) -> dict[str, UUID]:
    return {
        "council_id": row.council_id,
        "exception_id": row.id,
        "employment_id": row.employment_id,
        "person_id": row.person_id,
    }
