"""Questions about versions of the resource allocation system."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from marketplace.core.clock import instant
from marketplace.core.repository import Repository
from marketplace.people.models import Budget, BudgetStatus, Person, Protection, RasCase, RasMonth, RasVersion
from marketplace.people.states import RasStatus


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of people's budgets under a version on a day."""

    people: int
    points: int
    indicative_annual_pence: int
    final_weekly_pence: int
    """Of those whose final budget is agreed."""
    answered_annual_pence: int
    """What the points gave these same people, a year."""
    protection_annual_pence: int


class Allocated(msgspec.Struct, frozen=True, kw_only=True):
    """What the points give one person, and what is known of them for fairness. No name, no id."""

    annual_pence: int
    born_on: date | None
    gender: str
    ethnicity: str
    needs: list[str]


class RasRepository(Repository[RasVersion]):
    """Versions of a council."""

    model_type = RasVersion

    async def current(self, council_id: UUID, on: date) -> RasVersion | None:
        """Return the published version that counts on a day."""
        return await self.maybe(
            self.of(council_id)
            .where(
                RasVersion.status == RasStatus.PUBLISHED,
                RasVersion.starts_on <= on,
                or_(RasVersion.ends_on.is_(None), RasVersion.ends_on > on),
            )
            .order_by(RasVersion.starts_on.desc(), RasVersion.number.desc())
        )

    async def versions(self, council_id: UUID, limit: int = 200) -> Sequence[RasVersion]:
        """Return versions, newest number first."""
        return await self.every(self.of(council_id).order_by(RasVersion.number.desc()).limit(limit))

    async def next_number(self, council_id: UUID) -> int:
        """Return the number of the next version."""
        last = await self.db.scalar(select(func.max(RasVersion.number)).where(RasVersion.council_id == council_id))
        return (last or 0) + 1

    async def hold_numbers(self, council_id: UUID) -> None:
        """Let nobody else begin or publish a version in this council until the transaction ends."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('ras-version'), hashtext(:council))"),
            {"council": str(council_id)},
        )

    async def last_published(self, council_id: UUID) -> RasVersion | None:
        """Return the published version with the latest first day, locked."""
        question = self.of(council_id).where(RasVersion.status == RasStatus.PUBLISHED)
        return await self.maybe(question.order_by(RasVersion.starts_on.desc()), locked=True)

    async def forget_cases(self, version: RasVersion) -> None:
        """Delete a draft's sample."""
        await self.db.execute(
            delete(RasCase).where(RasCase.council_id == version.council_id, RasCase.ras_version_id == version.id)
        )

    async def cases(self, version: RasVersion) -> Sequence[RasCase]:
        """Return a version's sample in the order of its file."""
        question = select(RasCase).where(RasCase.council_id == version.council_id, RasCase.ras_version_id == version.id)
        return (await self.db.scalars(question.order_by(RasCase.position))).all()

    async def months(self, version: RasVersion, limit: int = 36) -> Sequence[RasMonth]:
        """Return a version's months, newest first."""
        question = select(RasMonth).where(
            RasMonth.council_id == version.council_id, RasMonth.ras_version_id == version.id
        )
        return (await self.db.scalars(question.order_by(RasMonth.month.desc()).limit(limit))).all()

    async def month(self, council_id: UUID, month_id: UUID) -> tuple[RasMonth, RasVersion]:
        """Return a month with its version."""
        question = (
            select(RasMonth, RasVersion)
            .join(RasVersion, RasVersion.id == RasMonth.ras_version_id)
            .where(RasMonth.council_id == council_id, RasMonth.id == month_id)
        )
        found = (await self.db.execute(question)).one()
        return found[0], found[1]

    async def has_month(self, version: RasVersion, month: date) -> bool:
        """Whether a month is on record."""
        question = select(RasMonth.id).where(RasMonth.ras_version_id == version.id, RasMonth.month == month)
        return await self.db.scalar(question) is not None

    async def every_published(self) -> Sequence[RasVersion]:
        """Return published versions of all councils. The transaction must reach every council."""
        question = select(RasVersion).where(RasVersion.status == RasStatus.PUBLISHED)
        return await self.every(question.order_by(RasVersion.council_id, RasVersion.number))

    async def councils_with_published(self) -> list[UUID]:
        """Return councils that have published a version. The transaction must reach every council."""
        question = select(RasVersion.council_id).where(RasVersion.status == RasStatus.PUBLISHED).distinct()
        return list((await self.db.scalars(question.order_by(RasVersion.council_id))).all())

    async def councils_in_force(self, on: date) -> set[UUID]:
        """Return councils with a version in force on a day, of those the transaction reaches."""
        question = select(RasVersion.council_id).where(
            RasVersion.status == RasStatus.PUBLISHED,
            RasVersion.starts_on <= on,
            or_(RasVersion.ends_on.is_(None), RasVersion.ends_on > on),
        )
        return set((await self.db.scalars(question)).all())

    async def standing(self, version: RasVersion, day: date) -> Standing:
        """Add up people's budgets on a day: for each person the one that counts, with the points behind it."""
        now, advice = self._in_force(version, day), aliased(Budget)
        final = now.c.status == BudgetStatus.FINAL
        sums = (
            await self.db.execute(
                select(
                    func.count(),
                    func.coalesce(func.sum(advice.points), 0),
                    func.coalesce(func.sum(advice.annual_pence), 0),
                    func.coalesce(func.sum(now.c.weekly_pence).filter(final), 0),
                    func.coalesce(func.sum(advice.annual_pence).filter(final), 0),
                )
                .select_from(now)
                .join(advice, advice.id == func.coalesce(now.c.indicative_id, now.c.id))
                .where(*_is_advice(version, advice))
            )
        ).one()
        protected = await self.db.scalar(
            select(func.coalesce(func.sum(Protection.annual_pence), 0)).where(
                Protection.council_id == version.council_id,
                Protection.ras_version_id == version.id,
                Protection.created_at < instant(day + timedelta(days=1), time(0)),
                or_(Protection.ended_on.is_(None), Protection.ended_on > day),
            )
        )
        people, points, indicative, final_weekly, answered = (int(value) for value in sums)
        return Standing(
            people=people,
            points=points,
            indicative_annual_pence=indicative,
            final_weekly_pence=final_weekly,
            answered_annual_pence=answered,
            protection_annual_pence=int(protected or 0),
        )

    async def allocated(self, version: RasVersion, day: date) -> list[Allocated]:
        """Return what the points give each person on a day, with what fairness is asked about."""
        now, advice = self._in_force(version, day), aliased(Budget)
        rows = await self.db.execute(
            select(advice.annual_pence, Person.born_on, Person.gender, Person.ethnicity, Person.needs)
            .select_from(now)
            .join(advice, advice.id == func.coalesce(now.c.indicative_id, now.c.id))
            .join(Person, Person.id == now.c.person_id)
            .where(*_is_advice(version, advice))
        )
        return [
            Allocated(
                annual_pence=row.annual_pence,
                born_on=row.born_on,
                gender=row.gender.value,
                ethnicity=row.ethnicity,
                needs=list(row.needs),
            )
            for row in rows
        ]

    def _in_force(self, version: RasVersion, day: date) -> Any:
        """Budgets in force on a day, one for each person and kind: a final one before an indicative one."""
        return (
            select(Budget.id, Budget.person_id, Budget.status, Budget.weekly_pence, Budget.indicative_id)
            .join(Person, Person.id == Budget.person_id)
            .where(
                Budget.council_id == version.council_id,
                Budget.starts_on <= day,
                or_(
                    and_(Budget.ends_on.is_(None), Budget.status != BudgetStatus.ENDED),
                    Budget.ends_on > day,
                ),
                or_(Person.died_on.is_(None), Person.died_on > day),
            )
            .ext(distinct_on(Budget.person_id, Budget.kind))
            .order_by(
                Budget.person_id,
                Budget.kind,
                (Budget.status == BudgetStatus.FINAL).desc(),
                Budget.starts_on.desc(),
                Budget.id.desc(),
            )
            .subquery()
        )


def _is_advice(version: RasVersion, advice: Any) -> list[ColumnElement[bool]]:
    """Conditions: the row came of a version's points."""
    return [advice.ras_version_id == version.id, advice.points.is_not(None), advice.annual_pence.is_not(None)]


async def current_version(db: AsyncSession, council_id: UUID, on: date) -> RasVersion | None:
    """Return the version by which a council prices points on a day, or None where it has published none."""
    return await RasRepository(db).current(council_id, on)
