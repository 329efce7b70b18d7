"""A direct payment that starts before the plan is signed off, and the deadline that never lapses silently (D4, P6)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.outbox import publish
from marketplace.plans.errors import SetupChanged
from marketplace.plans.events import EarlyStartMoved
from marketplace.plans.models import EarlyStart
from marketplace.plans.repository.setups import EarlyStartRepository


def alerts_due(sign_off_by: date, now: date, told: list[str], days_before: list[int]) -> list[str]:
    """Return the alerts that are due and not out yet, as "14:2027-04-14".

    All that are due are named, so that a day on which nothing ran loses none; the caller sends one message for them.

    Args:
        sign_off_by: The deadline.
        now: Today.
        told: What went out. An alert about an earlier deadline does not count: after an extension all come again.
        days_before: The council's setting, such as [14, 3, 0].
    """
    left = (sign_off_by - now).days
    marks = [f"{days}:{sign_off_by.isoformat()}" for days in sorted(days_before, reverse=True) if left <= days]
    return [mark for mark in marks if mark not in told]


class EarlyStartService:
    """The verbs of early starts."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = EarlyStartRepository(db)

    async def is_allowed(self, council_id: UUID) -> bool:
        """Whether the council lets a direct payment start before the sign-off."""
        return bool((await setting(self.db, council_id, "plans.early_start", today(self.clock)))["allowed"])

    async def agree(
        self, principal: Principal, person_id: UUID, plan_id: UUID | None, starts_on: date, reason: str
    ) -> EarlyStart:
        """Let a direct payment start before the sign-off; the deadline is counted from its first day.

        Raises:
            StepRefused: The council does not allow it, or one runs already.
            InvalidInput: No reason.
        """
        principal.require(Permission.SETUPS_DECIDE)
        council_id = principal.council_id
        rule = await setting(self.db, council_id, "plans.early_start", today(self.clock))
        if not rule["allowed"]:
            raise StepRefused("The plan has to be signed off first. This council starts no payment before that.")
        if await self.rows.open_of(council_id, person_id, locked=True) is not None:
            raise StepRefused("A payment was started early for this person already.")
        if not reason.strip():
            raise InvalidInput({"early_reason": "Write why the payment starts before the plan is signed off"})
        row = EarlyStart(
            council_id=council_id,
            person_id=person_id,
            plan_id=plan_id,
            starts_on=starts_on,
            sign_off_by=starts_on + timedelta(days=int(rule["days"])),
            reason=reason,
            agreed_by_user_id=principal.user_id,
            agreed_at=self.clock.now(),
            told=[],
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            if broken_constraint(error) != "uq_early_starts_open":
                raise
            raise StepRefused("Somebody else has just started a payment early for this person.") from error
        self._note(principal, row, "plans.start_early", "agreed", after={"sign_off_by": row.sign_off_by})
        return row

    async def extend(self, principal: Principal, row_id: UUID, until: date, reason: str, expected: int) -> EarlyStart:
        """Put the deadline off, with a reason: a manager alone.

        Raises:
            SetupChanged: Somebody else changed it since.
            StepRefused: It is over.
            InvalidInput: Not later than the deadline and today, or too far off.
        """
        principal.require(Permission.ASKS_DECIDE)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.version != expected:
            raise SetupChanged("Load the page again to see what it says now.")
        if row.ended_at is not None:
            raise StepRefused("This is over: the plan was signed, or the payment was stopped.")
        now = today(self.clock)
        days = int((await setting(self.db, principal.council_id, "plans.early_start", now))["days"])
        last = max(row.sign_off_by, now) + timedelta(days=days)
        if not max(row.sign_off_by, now) < until <= last:
            raise InvalidInput(
                {"until": f"The new day must be after {uk_date(max(row.sign_off_by, now))} and by {uk_date(last)}"}
            )
        before = row.sign_off_by
        row.sign_off_by, row.extended_reason, row.extended_by_user_id = until, reason, principal.user_id
        await self.db.flush()
        self._note(
            principal,
            row,
            "plans.extend_early_start",
            "extended",
            before={"sign_off_by": before},
            after={"sign_off_by": until},
        )
        return row

    async def end_of(self, principal: Principal | None, council_id: UUID, person_id: UUID, how: str) -> None:
        """End a person's early start, where one runs: "signed", "stopped" or "died"."""
        row = await self.rows.open_of(council_id, person_id, locked=True)
        if row is None:
            return
        row.ended_at, row.ended_how = self.clock.now(), how
        await self.db.flush()
        self._note(principal, row, "plans.end_early_start", how, after={"how": how})

    async def undo_death(self, council_id: UUID, person_id: UUID) -> None:
        """Watch a deadline again that a death recorded by mistake had ended."""
        row = await self.rows.ended_by_death(council_id, person_id)
        if row is None or await self.rows.open_of(council_id, person_id) is not None:
            return
        row.ended_at, row.ended_how = None, ""
        await self.db.flush()
        self._note(None, row, "plans.reopen_early_start", "agreed", after={"sign_off_by": row.sign_off_by})

    async def alert(self, row_id: UUID, council_id: UUID) -> int | None:
        """Note the alerts of an early start that are due. Returns the days left, or None when nothing is due."""
        row = await self.rows.find(council_id, row_id, locked=True)
        if row.ended_at is not None:
            return None
        now = today(self.clock)
        days_before = await setting(self.db, council_id, "plans.early_start_alert_days", now)
        due = alerts_due(row.sign_off_by, now, row.told, days_before)
        if not due:
            return None
        row.told = [*row.told, *due]
        await self.db.flush()
        return (row.sign_off_by - now).days

    def _note(self, principal: Principal | None, row: EarlyStart, action: str, what: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="early_start",
            subject_id=row.id,
            **given,
        )
        publish(
            self.db,
            EarlyStartMoved(council_id=row.council_id, early_start_id=row.id, person_id=row.person_id, what=what),
        )
