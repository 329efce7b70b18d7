"""Finance's workspace: what waits, what is owed and how long, what was spent on what."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.payments.books_rules import financial_year
from marketplace.payments.models import SELF_BILLED, AccrualKind
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.queries import QueryRepository
from marketplace.payments.repository.workspace import WorkspaceRepository
from marketplace.payments.states import HOLD_WORDS, InvoiceStatus, RunStatus
from marketplace.providers.models import SERVICE_LABELS

AGE_EDGES = (30, 60, 90)
AGES = ("0 to 30 days", "31 to 60 days", "61 to 90 days", "Older")
DUE_EDGES = (7, 14, 30)
DUES = ("Overdue", "In the next 7 days", "In 8 to 14 days", "In 15 to 30 days", "Later")
PARTS = ("approved", "waiting", "held")
RETURNED_DAYS = 30
YEARS = 3
MOST_DUE = 200
KIND_LABELS: dict[AccrualKind, str] = {
    AccrualKind.PLAN: "Plans",
    AccrualKind.PLAN_STAGE: "Stages of plans",
    AccrualKind.VISIT: "Visits",
    AccrualKind.REVIEW: "Reviews",
    AccrualKind.MONEY_MANAGEMENT: "Money management",
    AccrualKind.CLAIM: "Claims",
    AccrualKind.BLOCK: "Block contracts",
    AccrualKind.INTEREST: "Interest for paying late",
}


class Aged(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed to one organisation, or to all, by days since receipt."""

    name: str
    pence: tuple[int, ...]
    """One for each of `AGES`."""
    by_part: dict[str, int]
    """Pence by `PARTS`."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.pence)


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What was earned under a name in a period, less credits."""

    name: str
    count: int
    pence: int


class WorkspaceService:
    """What finance sees at once. It reads; the work is done on the pages it leads to."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = WorkspaceRepository(db)
        self.today = today(clock_of(db))

    async def overview(self, principal: Principal) -> dict[str, Any]:
        """Return all counts of the workspace as (number, pence).

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.INVOICES_READ)
        council_id = principal.council_id
        waiting = {"self_bills": (0, 0), "invoices": (0, 0), "held_bills": (0, 0)}
        for kind, status, number, pence in await self.rows.bills(council_id):
            held = status is InvoiceStatus.HELD
            name = "held_bills" if held else "self_bills" if kind in SELF_BILLED else "invoices"
            waiting[name] = (waiting[name][0] + int(number), waiting[name][1] + int(pence))
        runs = await self.rows.runs(council_id)
        held_lines = await self.rows.held(council_id)
        return {
            **waiting,
            "to_release": runs.get(RunStatus.MADE, (0, 0)),
            "to_submit": runs.get(RunStatus.RELEASED, (0, 0)),
            "to_confirm": runs.get(RunStatus.SUBMITTED, (0, 0)),
            "held": [(HOLD_WORDS[row[0]], int(row[1]), int(row[2]), row[3]) for row in held_lines],
            "held_lines": (sum(int(row[1]) for row in held_lines), sum(int(row[2]) for row in held_lines)),
            "held_answered": sum(int(row[4]) for row in held_lines),
            **await self.rows.counts(council_id, self.today - timedelta(days=RETURNED_DAYS)),
            "queries": await QueryRepository(self.db).open_figures(council_id, self.today),
            "details": len(await BankAccountRepository(self.db).waiting(council_id)),
        }

    async def due(self, principal: Principal) -> list[tuple[str, int, int]]:
        """Return (when, number, pence) of what is approved and in no run, in the order of `DUES`."""
        principal.require(Permission.INVOICES_READ)
        found = await self.rows.due(principal.council_id, self.today, DUE_EDGES)
        return [(words, *found.get(place, (0, 0))) for place, words in enumerate(DUES)]

    async def due_rows(self, principal: Principal) -> Sequence[Any]:
        """Return (payable, bill number, kind, organisation) due within the last edge, earliest first."""
        principal.require(Permission.INVOICES_READ)
        until = self.today + timedelta(days=DUE_EDGES[-1] + 1)
        return await self.rows.due_rows(principal.council_id, until, MOST_DUE)

    async def ageing(self, principal: Principal) -> tuple[Aged, list[Aged]]:
        """Return what is owed to all and to each organisation, the largest sum first.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.INVOICES_READ)
        # Two organisations may have one name: sums go by their id.
        ages: dict[UUID | None, list[int]] = defaultdict(lambda: [0] * len(AGES))
        parts: dict[UUID | None, dict[str, int]] = defaultdict(lambda: dict.fromkeys(PARTS, 0))
        names: dict[UUID, str] = {}
        rows = await self.rows.ageing(principal.council_id, self.today, AGE_EDGES)
        for organisation_id, name, part, place, pence in rows:
            names[organisation_id] = name
            for key in (None, organisation_id):
                ages[key][place] += int(pence)
                parts[key][part] += int(pence)
        every = [Aged(name=name, pence=tuple(ages[key]), by_part=parts[key]) for key, name in names.items()]
        whole = Aged(name="All organisations", pence=tuple(ages[None]), by_part=parts[None])
        return whole, sorted(every, key=lambda one: (-one.total, one.name))

    async def years(self, principal: Principal) -> list[tuple[date, date]]:
        """Return the council's financial years [first day, first day after), this one first."""
        start: str = await setting(self.db, principal.council_id, "payments.year_starts", self.today)
        year = financial_year(self.today, start)
        found = []
        for _ in range(YEARS):
            found.append((year.starts_on, year.ends_on))
            year = financial_year(year.starts_on - timedelta(days=1), start)
        return found

    async def spend(self, principal: Principal, starts_on: date, until_on: date) -> tuple[list[Spend], list[Spend]]:
        """Return what was earned in a period, less credits, by lot and by tariff; the largest first.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.INVOICES_READ)
        lots: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        tariffs: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for lot, line, tariff, kind, count, pence in await self.rows.spend(principal.council_id, starts_on, until_on):
            by_hand = f"{SERVICE_LABELS[line]}, no lot" if line else "No lot"
            for sums, name in ((lots, f"Lot {lot}" if lot else by_hand), (tariffs, tariff or KIND_LABELS[kind])):
                sums[name] = (sums[name][0] + int(count), sums[name][1] + int(pence))
        return _largest(lots), _largest(tariffs)


def _largest(sums: dict[str, tuple[int, int]]) -> list[Spend]:
    rows = [Spend(name=name, count=count, pence=pence) for name, (count, pence) in sums.items()]
    return sorted(rows, key=lambda one: (-one.pence, one.name))
