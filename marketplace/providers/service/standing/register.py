"""The register of a day: who was accredited for what, and for those who did not count, why not."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.formats import uk_date
from marketplace.core.spreadsheets import csv_text
from marketplace.providers.models import SERVICE_LABELS, Accreditation, ServiceLine
from marketplace.providers.repository.standing import LONGEST_EXPORT, PAGE, RegisterRow, StandingRepository
from marketplace.providers.repository.standing_facts import facts_of
from marketplace.providers.service.standing.explain import Reason, in_words, next_change, why_not

DAY: Final = timedelta(days=1)
EXPORT_BATCH: Final = 500
COLUMNS: Final = ("organisation", "service", "lot", "accredited_from", "last_day", "counted", "why_not", "stops_on")


class RegisterLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the register."""

    accreditation_id: UUID
    organisation_id: UUID
    organisation: str
    service: str
    lot: str
    live_from: date
    last_day: date
    counts: bool
    why_not: str
    """Empty when it counts."""
    stops: str
    """When it stops counting as things stand, and why; empty when it did not count."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as it stands in the spreadsheet."""
        return (
            self.organisation,
            self.service,
            self.lot,
            self.live_from.isoformat(),
            self.last_day.isoformat(),
            "yes" if self.counts else "no",
            self.why_not,
            self.stops,
        )


class RegisterPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the register of a day."""

    day: date
    lines: list[RegisterLine]
    total: int
    counting: int
    next_after: UUID | None


class RegisterService:
    """Reads the register of the principal's council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.standing = StandingRepository(db)

    async def page(
        self,
        principal: Principal,
        day: date,
        *,
        service: ServiceLine | None,
        lot_code: str,
        after: tuple[str, UUID] | None,
    ) -> RegisterPage:
        """Return a page of the register of a day, past or to come."""
        principal.require(Permission.ORGANISATIONS_READ)
        rows = await self.standing.register(principal.council_id, day, service=service, lot_code=lot_code, after=after)
        total, counting = await self.standing.register_counts(principal.council_id, day, service, lot_code)
        shown = rows[:PAGE]
        return RegisterPage(
            day=day,
            lines=await self._lines(shown, day),
            total=total,
            counting=counting,
            next_after=shown[-1].accreditation.id if len(rows) > PAGE else None,
        )

    async def export(self, principal: Principal, day: date, *, service: ServiceLine | None, lot_code: str) -> str:
        """Return the whole register of a day as CSV; days are ISO dates."""
        principal.require(Permission.ORGANISATIONS_READ)
        lines: list[Sequence[str]] = [COLUMNS]
        after: tuple[str, UUID] | None = None
        while len(lines) < LONGEST_EXPORT:
            rows = await self.standing.register(
                principal.council_id, day, service=service, lot_code=lot_code, after=after, limit=EXPORT_BATCH
            )
            lines.extend(line.cells for line in await self._lines(rows, day))
            if len(rows) < EXPORT_BATCH:
                break
            after = (rows[-1].organisation_name, rows[-1].accreditation.id)
        return csv_text(lines)

    async def _lines(self, rows: Iterable[RegisterRow], day: date) -> list[RegisterLine]:
        found = list(rows)
        facts = await facts_of(self.db, [row.accreditation for row in found])
        return [
            RegisterLine(
                accreditation_id=row.accreditation.id,
                organisation_id=row.accreditation.organisation_id,
                organisation=row.organisation_name,
                service=SERVICE_LABELS[row.accreditation.service_line],
                lot=f"{row.lot_code} {row.lot_name}" if row.lot_code else "",
                live_from=row.accreditation.live_from,
                last_day=_last_day(row.accreditation),
                counts=row.counts,
                why_not="" if row.counts else in_words(why_not(facts[row.accreditation.id], day)),
                stops=_stops(next_change(facts[row.accreditation.id], day)) if row.counts else "",
            )
            for row in found
        ]


def _last_day(row: Accreditation) -> date:
    end = row.live_until if row.removed_on is None else min(row.live_until, row.removed_on)
    return max(end - DAY, row.live_from)


def _stops(change: tuple[date, list[Reason]] | None) -> str:
    """Say when and why it stops; nothing where its own last day, which stands beside it, comes first."""
    if change is None or any(reason.code == "period" for reason in change[1]):
        return ""
    return f"{uk_date(change[0])}: {in_words(change[1])}"
