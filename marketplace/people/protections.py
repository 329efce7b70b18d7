"""Protection: what is paid beyond the points for a while, so that support can go on (domain.md 4.7).

It comes out of the slice that was kept back, and never stands without a day on which it is looked at again.
"""

from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.people.budget_parts import Working, end_budget, figures, months_on
from marketplace.people.budget_words import points_weekly
from marketplace.people.charges_rules import own_share
from marketplace.people.errors import PersonHasDied, ProtectionOver, RecordChanged
from marketplace.people.events import ProtectionChanged
from marketplace.people.models import Budget, BudgetKind, BudgetStatus, Person, Protection
from marketplace.people.ras.engine import a_year
from marketplace.people.ras.repository import RasRepository
from marketplace.people.repository_assessments import ChargeRepository
from marketplace.people.repository_budgets import PersonalBudgetRepository, ProtectionRepository

LONGEST_MONTHS: Final = 24
"""From today; beyond that nobody would remember to look."""
_ON: Final = ("id", "status", "weekly_pence", "own_weekly_pence", "financial_assessment_id", "starts_on", "created_at")
"""What a new estimate does not take over from the one before it; `version` and the like are the row's own."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a protection."""

    day: date
    """The last day of looking again, or the first day without it."""
    reason: str
    version: int


class ProtectionService:
    """Ending what is protected, or letting it go on: always somebody's decision, with a reason (R5)."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = ProtectionRepository(db)
        self.budgets = PersonalBudgetRepository(db)

    async def prolong(self, principal: Principal, protection_id: UUID, form: Decision) -> Protection:
        """Let it go on, with a later day on which it is looked at again. The person is told.

        Raises:
            NotFound: No such protection in the council.
            ProtectionOver: It has ended.
            RecordChanged: Somebody else changed it since the form was drawn.
            InvalidInput: The day is not later, or too far off; no reason.
        """
        row, _ = await self._held(principal, protection_id, form)
        on = today(clock_of(self.db))
        first, last = max(row.review_on, on), months_on(on, LONGEST_MONTHS)
        if not first < form.day <= max(last, first):
            words = f"The day must be after {uk_date(first)} and by {uk_date(last)}"
            if last <= first:
                words = f"It goes on until {uk_date(row.review_on)} already. That is as long as can be decided today"
            raise InvalidInput({"day": words})
        before, row.review_on = row.review_on, form.day
        await self._changed(principal, row, "people.prolong_protection", form, {"review_on": before.isoformat()})
        return row

    async def end(self, principal: Principal, protection_id: UUID, form: Decision) -> Protection:
        """End it from a day on: the estimate then holds the points alone. An agreed budget stays as it is.

        Raises:
            NotFound: No such protection in the council.
            ProtectionOver: It has ended.
            RecordChanged: Somebody else changed it since the form was drawn.
            InvalidInput: A day gone by or after the day of looking again; no reason.
        """
        row, person = await self._held(principal, protection_id, form)
        on = today(clock_of(self.db))
        if form.day < on:
            raise InvalidInput({"day": "The first day without it must be today or later: what was paid stays paid"})
        if form.day > max(row.review_on, on):
            raise InvalidInput(
                {"day": f"It is looked at again by {uk_date(row.review_on)}. Choose a day until then, or let it go on"}
            )
        advice = await self.budgets.indicative(person.council_id, person.id, BudgetKind.SUPPORT)
        if advice is not None and advice.id == row.budget_id:
            await self._estimate(principal, person, advice, form)
        row.ended_on = form.day
        await self._changed(principal, row, "people.end_protection", form, {"ended_on": None})
        return row

    async def _held(self, principal: Principal, protection_id: UUID, form: Decision) -> tuple[Protection, Person]:
        principal.require(Permission.PROTECTIONS_DECIDE)
        found = await self.rows.find(principal.council_id, protection_id)
        # The person first, as every verb of budgets does: two of them never wait for each other.
        person = await self.budgets.hold(principal.council_id, found.person_id)
        row = await self.rows.find(principal.council_id, protection_id, locked=True)
        if row.ended_on is not None:
            raise ProtectionOver(f"It ends on {uk_date(row.ended_on)}. The person's budget shows what counts now.")
        if person.died_on is not None:
            raise PersonHasDied
        if row.version != form.version:
            raise RecordChanged("Load the page again to see what it says now.")
        if not form.reason.strip():
            raise InvalidInput({"reason": "Write down why. The person reads it"})
        return row, person

    async def _estimate(self, principal: Principal, person: Person, advice: Budget, form: Decision) -> None:
        """Put an estimate of the points alone in the place of the one that held more."""
        version = await RasRepository(self.db).find(person.council_id, advice.ras_version_id or advice.id)
        weekly = points_weekly(advice, version) or 0
        charge = await ChargeRepository(self.db).on(person.council_id, person.id, form.day)
        end_budget(advice, form.day)
        values = advice.to_dict(exclude=set(_ON))
        budget = Budget(
            **{**values, "ends_on": None, "variance_reason": "", "decided_by_user_id": principal.user_id},
            status=BudgetStatus.INDICATIVE,
            weekly_pence=weekly,
            own_weekly_pence=own_share(charge, weekly),
            financial_assessment_id=charge.id if charge else None,
            starts_on=form.day,
            created_at=clock_of(self.db).now(),
        )
        self.db.add(budget)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "people.set_indicative_budget",
            council_id=budget.council_id,
            subject_kind="budget",
            subject_id=budget.id,
            before={"budget_id": str(advice.id), **figures(advice)},
            after={"person_id": str(person.id), **figures(budget)},
        )

    async def _changed(
        self, principal: Principal, row: Protection, action: str, form: Decision, before: dict[str, str | None]
    ) -> None:
        row.change_reason, row.changed_by_user_id = form.reason.strip(), principal.user_id
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="protection",
            subject_id=row.id,
            before=before,
            after=dict.fromkeys(before, form.day.isoformat()),
            # The reason may speak of the person; the log outlives their record, and the row keeps it.
            why="decided by hand, with a reason",
        )
        outbox.publish(
            self.db, ProtectionChanged(council_id=row.council_id, protection_id=row.id, person_id=row.person_id)
        )


async def protect(db: AsyncSession, principal: Principal, budget: Budget, working: Working | None, extra: int) -> None:
    """Keep apart what is paid beyond the points so that support can go on, with a day to look at it again.

    Args:
        db: The transaction that sets the budget.
        principal: Who sets it.
        budget: The advice, already written; protection that ran for the person ends on its first day.
        working: The points behind it; None: nothing is protected.
        extra: What the budget holds beyond the points, pence a week.
    """
    if budget.kind is not BudgetKind.SUPPORT:
        return
    day = budget.starts_on
    running = await PersonalBudgetRepository(db).protection(budget.council_id, budget.person_id)
    if running is not None:
        running.ended_on = day
        await db.flush()
    if working is None or not extra:
        return
    weeks = working.version.weeks
    previous = a_year(working.previous_weekly_pence or 0, weeks)
    months = int(await setting(db, budget.council_id, "people.protection_review_months", day))
    db.add(
        Protection(
            council_id=budget.council_id,
            person_id=budget.person_id,
            budget_id=budget.id,
            ras_version_id=working.version.id,
            annual_pence=max(1, previous - working.annual_pence),
            previous_annual_pence=previous,
            review_on=months_on(day, months),
            reason="Support cost more before than the points come to",
            agreed_by_user_id=principal.user_id,
            created_at=clock_of(db).now(),
        )
    )
    await db.flush()
