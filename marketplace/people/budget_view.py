"""What the page of one's budget shows: the working, who pays which part, what is left out, what came before (P4)."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.formats import pounds, uk_date
from marketplace.core.money import half_up
from marketplace.people.budget_words import points_weekly
from marketplace.people.models import (
    Budget,
    BudgetChallenge,
    BudgetKind,
    BudgetPart,
    BudgetStatus,
    FinancialAssessment,
    Protection,
    RasVersion,
    WeeksOfYear,
)
from marketplace.people.ras import RasRepository
from marketplace.people.repository_assessments import ChargeRepository
from marketplace.people.repository_budgets import ChallengeRepository, PersonalBudgetRepository
from marketplace.people.words_assessments import BUDGET_KINDS, BUDGET_LABELS, ROUTES_WORDS

SHOWN_IN_CHART = 8
YEAR_TO_WEEK = {
    WeeksOfYear.WEEKS_52: "We divide a year by 52 weeks.",
    WeeksOfYear.DAYS_365: "We divide a year by 365 days. A week is 7 of them.",
}


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """One budget with its working."""

    budget: Budget
    version: RasVersion | None
    parts: tuple[BudgetPart, ...]
    protection: Protection | None
    points_weekly: int | None
    """What the points alone come to, pence a week."""

    @property
    def is_final(self) -> bool:
        """Whether it is agreed."""
        return self.budget.status is BudgetStatus.FINAL

    @property
    def council_weekly(self) -> int:
        """What the council pays, pence a week."""
        return self.budget.weekly_pence - self.budget.own_weekly_pence

    @property
    def protected_weekly(self) -> int:
        """What an estimate holds beyond the points, pence a week."""
        if self.protection is None or self.points_weekly is None or self.is_final:
            return 0
        return max(0, self.budget.weekly_pence - self.points_weekly)

    @property
    def shares(self) -> list[tuple[str, int, str]]:
        """The two parts for a chart."""
        own = self.budget.own_weekly_pence
        return [
            ("The council pays", self.council_weekly, pounds(self.council_weekly)),
            ("You pay", own, pounds(own)),
        ]

    @property
    def point_value(self) -> str:
        """What a point is worth a year, to the penny; the reckoning itself keeps four decimals."""
        return pounds(half_up(self.budget.point_value_pence)) if self.budget.point_value_pence is not None else ""

    @property
    def week_words(self) -> str:
        """How a year became weeks."""
        return YEAR_TO_WEEK[self.version.weeks] if self.version else ""


class BudgetsView(msgspec.Struct, frozen=True, kw_only=True):
    """All of a person's budgets."""

    current: tuple[BudgetView, ...]
    """What counts today, support first: an agreed one before an estimate, one of each kind."""
    estimates: tuple[BudgetView, ...]
    """Estimates that stand beside an agreed budget and differ from it."""
    coming: tuple[Budget, ...]
    """Agreed, and not begun."""
    history: tuple[Budget, ...]
    """All, the latest decision first."""
    challenges: tuple[BudgetChallenge, ...]
    charge: FinancialAssessment | None
    """What counts today."""
    coming_charge: FinancialAssessment | None

    @property
    def chart(self) -> list[tuple[str, int, str]]:
        """Sums for a week by the day they were decided, oldest first, for a chart."""
        rows = [row for row in self.history if row.kind is BudgetKind.SUPPORT][:SHOWN_IN_CHART]
        return [
            (f"{BUDGET_LABELS[row.status]}, {uk_date(row.created_at)}", row.weekly_pence, pounds(row.weekly_pence))
            for row in reversed(rows)
        ]

    @property
    def table(self) -> list[list[str]]:
        """The history as cells: decided on, what, state, route, a week, once, own part, until."""
        return [
            [
                uk_date(row.created_at),
                BUDGET_KINDS[row.kind],
                BUDGET_LABELS[row.status],
                ROUTES_WORDS[row.route],
                pounds(row.weekly_pence),
                pounds(row.one_off_pence) if row.one_off_pence else "None",
                pounds(row.own_weekly_pence),
                f"{uk_date(row.starts_on)} to {uk_date(row.ends_on)}" if row.ends_on else uk_date(row.starts_on),
            ]
            for row in self.history
        ]

    def challenge_of(self, budget: Budget) -> BudgetChallenge | None:
        """Return the newest challenge to a budget."""
        return next((row for row in self.challenges if row.budget_id == budget.id), None)


async def budgets_view(db: AsyncSession, council_id: UUID, person_id: UUID, on: date) -> BudgetsView:
    """Gather what the pages of budgets show. Who may see it is the caller's to ask."""
    repository = PersonalBudgetRepository(db)
    rows = await repository.of_person(council_id, person_id)
    versions = {row.id: row for row in await RasRepository(db).versions(council_id)}
    parts = await repository.parts(council_id, [row.id for row in rows])
    protection = await repository.protection(council_id, person_id)

    def view(budget: Budget) -> BudgetView:
        version = versions.get(budget.ras_version_id) if budget.ras_version_id else None
        return BudgetView(
            budget=budget,
            version=version,
            parts=tuple(part for part in parts if part.budget_id == budget.id),
            protection=protection if budget.kind is BudgetKind.SUPPORT else None,
            points_weekly=points_weekly(budget, version),
        )

    current, estimates = [], []
    for kind in BudgetKind:
        final = _first(rows, kind, BudgetStatus.FINAL, on)
        advice = _first(rows, kind, BudgetStatus.INDICATIVE, on)
        if final is not None:
            current.append(view(final))
            if advice is not None and advice.id != final.indicative_id:
                estimates.append(view(advice))
        elif advice is not None:
            current.append(view(advice))
    charges = await ChargeRepository(db).of_person(council_id, person_id)
    return BudgetsView(
        current=tuple(current),
        estimates=tuple(estimates),
        coming=tuple(row for row in rows if row.status is BudgetStatus.FINAL and row.starts_on > on),
        history=tuple(rows),
        challenges=tuple(await ChallengeRepository(db).of_person(council_id, person_id)),
        charge=next((row for row in charges if _runs(row, on)), None),
        coming_charge=next((row for row in charges if row.starts_on > on), None),
    )


def _first(rows: Sequence[Budget], kind: BudgetKind, status: BudgetStatus, on: date) -> Budget | None:
    return next((row for row in rows if row.kind is kind and row.status is status and _runs(row, on)), None)


def _runs(row: Budget | FinancialAssessment, on: date) -> bool:
    return row.starts_on <= on and (row.ends_on is None or row.ends_on > on)
