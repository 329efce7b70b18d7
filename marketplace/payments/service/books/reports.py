"""What the books say: spending by team against its budget, block contracts, the trial balance, the year-end."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.bookings.policies import service_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import Purpose
from marketplace.payments.books_rules import BlockUse, FinancialYear, block_use, financial_year, pay_weeks
from marketplace.payments.models import BlockContract, BudgetTeam
from marketplace.payments.repository.blocks import BlockUseRepository, VisitUse
from marketplace.payments.repository.books import BooksRepository, Position
from marketplace.payments.repository.books_teams import BudgetTeamRepository
from marketplace.payments.rules import months_between
from marketplace.payments.service.books.codes import ACCOUNT_LABELS, CostCodeService
from marketplace.providers.models import ListingCategory

STAGES = ("earned", "billed", "owed", "paid")
MEMORANDUM = frozenset({Purpose.COMMITMENT, Purpose.COMMITTED})
NO_TEAM = "No team"


class TeamSpend(msgspec.Struct, kw_only=True):
    """A team's year so far. Amounts are gross pence; credit notes are taken off."""

    team: BudgetTeam | None
    """None: what no team bears."""
    committed: int = 0
    committed_for: dict[str, int] = msgspec.field(default_factory=dict)
    """What of it is for what, pence by the entry's kind."""
    earned: int = 0
    billed: int = 0
    owed: int = 0
    paid: int = 0

    def commit(self, promised: Mapping[str, int]) -> None:
        """Add what is promised, by kind."""
        for kind, pence in promised.items():
            self.committed += pence
            self.committed_for[kind] = self.committed_for.get(kind, 0) + pence

    @property
    def name(self) -> str:
        """The team's name."""
        return self.team.name if self.team else NO_TEAM

    @property
    def budget(self) -> int | None:
        """What it may spend in the year; None: not set."""
        return self.team.yearly_pence if self.team else None

    @property
    def spent(self) -> int:
        """All that was earned, however far it has come."""
        return self.earned + self.billed + self.owed + self.paid

    @property
    def expected(self) -> int:
        """What is spent once everything committed has come in."""
        return self.spent + self.committed

    @property
    def left(self) -> int | None:
        """What is left of the budget then; below nothing when it is overspent (C16)."""
        return None if self.budget is None else self.budget - self.expected

    @property
    def share(self) -> int | None:
        """Expected spending of the budget, whole per cent, rounded down."""
        return None if not self.budget else self.expected * 100 // self.budget


class Owed(msgspec.Struct, kw_only=True):
    """What a council owed a supplier at the end of a year, for one team."""

    team: str
    cost_centre: str
    organisation: str
    earned: int = 0
    """Earned and not billed: the accrual to make."""
    billed: int = 0
    """Billed and not approved."""
    owed: int = 0
    """Approved and not paid."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.earned + self.billed + self.owed


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the trial balance."""

    purpose: Purpose
    label: str
    code: str
    debit: int
    """Its balance where that is on the debit side, pence."""
    credit: int

    @property
    def is_memorandum(self) -> bool:
        """Whether it only notes what was promised."""
        return self.purpose in MEMORANDUM


class BlockRow(msgspec.Struct, frozen=True, kw_only=True):
    """A block contract with its months that are over."""

    contract: BlockContract
    organisation: str
    team: str
    uses: list[BlockUse]
    weeks: int
    """Pay weeks that begin in the running financial year: 52 or 53 (for the days it runs)."""
    counted: tuple[int, int] = (0, 0)
    """(visits, minutes) that are counted in it."""
    waiting: tuple[int, int] = (0, 0)
    """(visits, minutes) that took place and can be counted once somebody approves them; in `uses` already."""
    single_visits: int = 0
    """Visits of the same organisation and service in its days that are paid singly, …"""
    single_pence: int = 0
    """… and their price."""

    @property
    def stranded_pence(self) -> int:
        """What unused minutes of all months cost."""
        return sum(use.stranded_pence for use in self.uses)

    @property
    def share(self) -> int:
        """Minutes used of those bought, whole per cent. Months cannot make up for each other in what is stranded."""
        bought = sum(use.bought_minutes for use in self.uses)
        return sum(use.used_minutes for use in self.uses) * 100 // bought if bought else 0


class BooksService:
    """Questions of those who read the books."""

    def __init__(self, db: AsyncSession, principal: Principal) -> None:
        principal.require(Permission.BOOKS_READ)
        self.db = db
        self.principal = principal
        self.council_id = principal.council_id
        self.books = BooksRepository(db)
        self.today = today(clock_of(db))

    async def year(self, first: int | None = None) -> FinancialYear:
        """Return the financial year that begins in a calendar year; the running one when none is named."""
        begins = await setting(self.db, self.council_id, "payments.year_starts", self.today)
        if first is None:
            return financial_year(self.today, begins)
        return financial_year(date(first, 12, 31), begins)

    async def spending(self, year: FinancialYear) -> list[TeamSpend]:
        """Return each team's year, by name; what no team bears comes last, where there is any.

        Commitments are those open now, in the running year only: what an earlier year committed has come in since.
        """
        day = min(self.today, year.last_on)
        teams = await BudgetTeamRepository(self.db).listed(self.council_id)
        rows: dict[UUID | None, TeamSpend] = {team.id: TeamSpend(team=team) for team in teams}
        rows[None] = TeamSpend(team=None)
        for position in await self.books.positions(self.council_id, year.starts_on, day):
            row = rows.get(position.team_id) or rows[None]
            setattr(row, position.stage, getattr(row, position.stage) + position.pence)
        if year.starts_on <= self.today < year.ends_on:
            for team_id, promised in (await self.books.committed(self.council_id, day)).items():
                (rows.get(team_id) or rows[None]).commit(promised)
        nobody = rows.pop(None)
        open_or_used = [
            row
            for row in rows.values()
            if row.team is None or row.team.closed_on is None or row.team.closed_on > year.starts_on or row.expected
        ]
        return [*open_or_used, nobody] if nobody.expected or not open_or_used else open_or_used

    async def of_team(self, team_id: UUID, year: FinancialYear) -> tuple[TeamSpend, list[Position]]:
        """Return a team's year, and what it is made of by supplier and kind.

        Raises:
            NotFound: No such team of this council.
        """
        team = await BudgetTeamRepository(self.db).find(self.council_id, team_id)
        day = min(self.today, year.last_on)
        found = [
            one for one in await self.books.positions(self.council_id, year.starts_on, day) if one.team_id == team_id
        ]
        row = TeamSpend(team=team)
        for position in found:
            setattr(row, position.stage, getattr(row, position.stage) + position.pence)
        if year.starts_on <= self.today < year.ends_on:
            row.commit((await self.books.committed(self.council_id, day)).get(team_id, {}))
        return row, found

    async def year_end(self, year: FinancialYear) -> list[Owed]:
        """Return what was owed to suppliers when a year ended, by team and supplier: the year-end accruals.

        What earlier years left unpaid is in it, too.
        """
        teams = {team.id: team for team in await BudgetTeamRepository(self.db).listed(self.council_id)}
        rows: dict[tuple[str, UUID], Owed] = {}
        for position in await self.books.positions(self.council_id, None, year.last_on):
            if position.stage == "paid":
                continue
            team = teams.get(position.team_id) if position.team_id else None
            name = team.name if team else NO_TEAM
            row = rows.setdefault(
                (name, position.organisation_id),
                Owed(team=name, cost_centre=team.cost_centre if team else "", organisation=position.organisation),
            )
            setattr(row, position.stage, getattr(row, position.stage) + position.pence)
        found = [row for row in rows.values() if row.earned or row.billed or row.owed]
        return sorted(found, key=lambda row: (row.team == NO_TEAM, row.team, row.organisation))

    async def trial_balance(self, day: date) -> list[BalanceLine]:
        """Return every account's balance at the end of a day; debits and credits add up to the same."""
        book = await CostCodeService(self.db).book(self.principal)
        lines = []
        for row in await self.books.trial_balance(self.council_id, day):
            one, difference = Purpose(row.purpose), row.debits - row.credits
            lines.append(
                BalanceLine(
                    purpose=one,
                    label=ACCOUNT_LABELS[one],
                    code=book.code(one, "", day),
                    debit=max(0, difference),
                    credit=max(0, -difference),
                )
            )
        order = list(ACCOUNT_LABELS)
        return sorted(lines, key=lambda line: order.index(line.purpose))

    async def blocks(self) -> list[BlockRow]:
        """Return block contracts with what each month used and what stayed unused (C12, R27).

        A visit counts in the one contract that it was counted in when it was approved. One that waits for that counts
        in the contract that is asked first. What is paid singly is shown beside it and uses nothing.
        """
        rows = await self.books.blocks(self.council_id)
        if not rows:
            return []
        contracts = sorted((row[0] for row in rows), key=lambda one: (one.starts_on, one.id))
        use = await BlockUseRepository(self.db).use(
            self.council_id, list({one.organisation_id for one in contracts}), contracts[0].starts_on, self.today
        )
        found = {one.id: _Counted() for one in contracts}
        for visits in use:
            contract_id = visits.contract_id or _first_for(contracts, visits)
            if contract_id in found:
                found[contract_id].add(visits)
        year = await self.year()
        return [
            BlockRow(
                contract=contract,
                organisation=organisation,
                team=team or NO_TEAM,
                uses=block_use(
                    contract.weekly_minutes,
                    contract.weekly_pence,
                    contract.starts_on,
                    months_between(contract.starts_on, contract.ends_on, self.today),
                    found[contract.id].days,
                ),
                weeks=_weeks(contract, year),
                counted=(found[contract.id].counted[0], found[contract.id].counted[1]),
                waiting=(found[contract.id].waiting[0], found[contract.id].waiting[1]),
                single_visits=found[contract.id].single[0],
                single_pence=found[contract.id].single[2],
            )
            for contract, organisation, team in rows
        ]


class _Counted:
    """What a contract has had."""

    def __init__(self) -> None:
        self.days: dict[date, int] = {}
        self.counted, self.waiting, self.single = [0, 0, 0], [0, 0, 0], [0, 0, 0]

    def add(self, use: VisitUse) -> None:
        """Add visits of a day: (how many, minutes, pence) by how they are paid."""
        sums = self.counted if use.contract_id else self.waiting if use.is_waiting else self.single
        for place, value in enumerate((use.visits, use.minutes, use.pence)):
            sums[place] += value
        if use.contract_id or use.is_waiting:
            self.days[use.visit_on] = self.days.get(use.visit_on, 0) + use.minutes


def _first_for(contracts: Iterable[BlockContract], use: VisitUse) -> UUID | None:
    """Return the contract that visits outside any would have been asked for first."""
    service = service_of(ListingCategory(use.category))
    for one in contracts:
        if (one.organisation_id, one.service_line) == (use.organisation_id, service) and (
            one.starts_on <= use.visit_on < one.ends_on
        ):
            return one.id
    return None


def _weeks(contract: BlockContract, year: FinancialYear) -> int:
    """Count the weeks of a contract that begin in a year; its weeks begin on the weekday of its first day."""
    starts_on, ends_on = max(contract.starts_on, year.starts_on), min(contract.ends_on, year.ends_on)
    if ends_on <= starts_on:
        return 0
    return pay_weeks(FinancialYear(starts_on, ends_on), contract.starts_on.weekday())


def totals(rows: Iterable[TeamSpend]) -> dict[str, int]:
    """Add up what teams spent, by stage."""
    listed = list(rows)
    return {name: sum(getattr(row, name) for row in listed) for name in ("committed", *STAGES, "spent", "expected")}


def months_of(rows: Sequence[BlockRow]) -> list[tuple[date, int, int, int]]:
    """Return (month, minutes bought, minutes used, pence stranded) over all contracts, the oldest first."""
    found: dict[date, list[int]] = {}
    for row in rows:
        for use in row.uses:
            sums = found.setdefault(use.month.first, [0, 0, 0])
            for place, value in enumerate((use.bought_minutes, use.used_minutes, use.stranded_pence)):
                sums[place] += value
    return [(month, sums[0], sums[1], sums[2]) for month, sums in sorted(found.items())][-24:]
