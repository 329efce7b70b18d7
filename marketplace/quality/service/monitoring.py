"""Contract monitoring that fills itself: the platform counts, the organisation checks and adds its words (B16)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.models import Organisation
from marketplace.providers.service.reach import reach_every_council
from marketplace.quality.events import ReturnMoved
from marketplace.quality.models import MonitoringReturn
from marketplace.quality.repository.monitoring import LABELS, MonitoringRepository
from marketplace.quality.states import RETURN, ReturnStatus

RETURN_DAYS: Final = "quality.return_days"
REMIND: Final = timedelta(days=7)
"""How long before a return is due its organisation is reminded, once."""
MOST: Final = 1_000_000


def quarter_of(day: date) -> tuple[date, date]:
    """Return the quarter of the financial year that a day is in, half-open: April to June is the first."""
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return first, date(first.year + (first.month == 10), (first.month + 3 - 1) % 12 + 1, 1)


def last_quarter(day: date) -> tuple[date, date]:
    """Return the quarter that ended before the one a day is in."""
    return quarter_of(quarter_of(day)[0] - timedelta(days=1))


def quarter_words(from_day: date) -> str:
    """Say a quarter as councils do: "April to June 2027"."""
    last = quarter_of(from_day)[1] - timedelta(days=1)
    return f"{from_day:%B} to {last:%B %Y}"


class ReturnForm(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation says about a quarter."""

    corrections: dict[str, Any]
    good: str
    hard: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], counted: dict[str, Any]) -> "ReturnForm":
        """Read the form. A figure left empty, or as it was counted, is no correction.

        Raises:
            InvalidInput: A correction without its reason, a number out of bounds.
        """
        form = FormReader(data)
        corrections = {}
        for key, label in LABELS.items():
            if not form.raw(f"figure-{key}"):
                continue
            number = form.number(f"figure-{key}", f"the figure for {label.lower()}", least=0, most=MOST)
            if f"figure-{key}" in form.errors or number == counted.get(key):
                continue
            why = form.text(f"why-{key}", f"why your figure for {label.lower()} differs", longest=300)
            corrections[key] = {"value": number, "why": why}
        found = cls(
            corrections=corrections,
            good=form.text("good", "what went well", required=False, longest=2_000),
            hard=form.text("hard", "what was hard", required=False, longest=2_000),
            version=form.number("version", "the version", least=1, most=MOST),
        )
        form.done()
        return found


class MonitoringService:
    """Opens, fills, sends and reviews returns."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.returns = MonitoringRepository(db)

    # The calendar

    async def open_quarter(self) -> int:
        """Open the returns of the quarter that ended last, where there are none yet. Needs a scope that reaches all.

        Returns how many.
        """
        day = today(self.clock)
        from_day, until_day = last_quarter(day)
        opened = 0
        for council_id, organisations in (await self.returns.to_open(from_day, until_day)).items():
            figures = await self.returns.figures(council_id, organisations, from_day, until_day)
            days = int(await setting(self.db, council_id, RETURN_DAYS, day))
            for organisation_id in organisations:
                row = MonitoringReturn(
                    id=new_id(),
                    council_id=council_id,
                    organisation_id=organisation_id,
                    from_day=from_day,
                    until_day=until_day,
                    due_on=max(until_day, day) + timedelta(days=days),
                    status=ReturnStatus.OPEN,
                    figures=msgspec.to_builtins(figures[organisation_id]),
                    counted_at=self.clock.now(),
                )
                self.db.add(row)
                await self.db.flush()
                RETURN.begin(self.db, row, by=None)
                self._publish(row)
                opened += 1
        return opened

    async def remind(self) -> int:
        """Remind of returns that are due in a week. Needs a scope that reaches all. Returns how many."""
        rows = await self.returns.to_remind(today(self.clock) + REMIND)
        for row in rows:
            row.reminded_at = self.clock.now()
            self._publish(row)
        await self.db.flush()
        return len(rows)

    # The organisation

    async def own(self, principal: Principal) -> Sequence[MonitoringReturn]:
        """Return the organisation's returns to all councils, the newest first."""
        principal.require(Permission.MONITORING_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        return await self.returns.of_organisation(organisation_id)

    async def own_one(self, principal: Principal, return_id: UUID, *, locked: bool = False) -> MonitoringReturn:
        """Return one of them.

        Raises:
            NotFound: Not the organisation's.
        """
        principal.require(Permission.MONITORING_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        row = await self.db.get(MonitoringReturn, return_id, with_for_update=locked, populate_existing=locked)
        if row is None or row.organisation_id != organisation_id:
            raise NotFound
        return row

    async def save(self, principal: Principal, return_id: UUID, form: ReturnForm, *, send: bool) -> MonitoringReturn:
        """Keep what the organisation says, and send it to the council where that is wanted.

        Raises:
            NotFound: Not the organisation's.
            StepRefused: Sent or changed in the meantime.
        """
        row = await self.own_one(principal, return_id, locked=True)
        if row.status not in {ReturnStatus.OPEN, ReturnStatus.QUERIED} or row.version != form.version:
            raise StepRefused("Somebody has changed or sent this return in the meantime. Go back and look at it again.")
        before = {"corrections": row.corrections, "good": row.good, "hard": row.hard}
        row.corrections, row.good, row.hard = form.corrections, form.good, form.hard
        if send:
            RETURN.move(self.db, row, ReturnStatus.SENT, by=principal.user_id)
            row.sent_by_user_id, row.sent_at = principal.user_id, self.clock.now()
        await self.db.flush()
        after = {"corrections": row.corrections, "good": row.good, "hard": row.hard, "status": row.status}
        self._audit(principal, row, "quality.send_return" if send else "quality.save_return", before, after)
        if send:
            self._publish(row)
        return row

    # The council

    async def find(self, principal: Principal, return_id: UUID, *, locked: bool = False) -> MonitoringReturn:
        """Return a return of the own council.

        Raises:
            NotFound: None of this council's.
        """
        principal.require(Permission.MONITORING_READ)
        return await self.returns.find(principal.council_id, return_id, locked=locked)

    async def decide(self, principal: Principal, return_id: UUID, data: dict[str, Any]) -> MonitoringReturn:
        """Accept a return, or ask something about it.

        Raises:
            InvalidInput: Without what is asked.
            StepRefused: It is not sent, or somebody was faster.
        """
        row = await self.find(principal, return_id, locked=True)
        form = FormReader(data)
        wanted = form.option("decision", "what you decide", {"reviewed", "queried"})
        words = form.text("review", "your question", required=wanted == "queried", longest=2_000)
        version = form.number("version", "the version", least=1, most=MOST)
        form.done()
        if row.version != version:
            raise StepRefused("Somebody has changed this return in the meantime. Go back and look at it again.")
        before = {"status": row.status, "review": row.review}
        RETURN.move(self.db, row, ReturnStatus(wanted), by=principal.user_id, why=words)
        row.review = words
        row.reviewed_by_user_id, row.reviewed_at = principal.user_id, self.clock.now()
        await self.db.flush()
        self._audit(
            principal, row, "quality.review_return", before, {"status": row.status, "review": row.review}, words
        )
        self._publish(row)
        return row

    async def organisation(self, row: MonitoringReturn) -> Organisation:
        """Return whose return it is."""
        return await self.db.get_one(Organisation, row.organisation_id)

    def _publish(self, row: MonitoringReturn) -> None:
        publish(
            self.db,
            ReturnMoved(
                council_id=row.council_id,
                return_id=row.id,
                organisation_id=row.organisation_id,
                status=row.status.value,
            ),
        )

    def _audit(
        self,
        principal: Principal,
        row: MonitoringReturn,
        action: str,
        before: dict[str, Any],
        after: dict[str, Any],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="monitoring_return",
            subject_id=row.id,
            before=before,
            after=after,
            why=why,
        )
