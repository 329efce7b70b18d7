"""Questions about the lists that the books are kept by: budget teams with their people, cost codes."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.accounts.models import Membership, User
from marketplace.core.repository import Repository
from marketplace.payments.models import BudgetTeam, BudgetTeamPerson, CostCode
from marketplace.people.models import Person

MOST = 200


class BudgetTeamRepository(Repository[BudgetTeam]):
    """Teams that hold budgets."""

    model_type = BudgetTeam

    async def listed(self, council_id: UUID) -> Sequence[BudgetTeam]:
        """Return a council's teams, open ones first, by name."""
        return await self.every(
            self.of(council_id).order_by(BudgetTeam.closed_on.is_not(None), BudgetTeam.name, BudgetTeam.id).limit(MOST)
        )

    async def people_counts(self, council_id: UUID) -> dict[UUID, int]:
        """Return how many people were named for each team."""
        rows = await self.db.execute(
            select(BudgetTeamPerson.team_id, func.count())
            .where(BudgetTeamPerson.council_id == council_id)
            .group_by(BudgetTeamPerson.team_id)
        )
        return {row[0]: int(row[1]) for row in rows}

    async def people(self, team: BudgetTeam) -> Sequence[Row[str, str, date]]:
        """Return (name, reference, first day) of people named for a team, the latest first."""
        name = func.trim(Person.given_name + " " + Person.family_name)
        return (
            await self.db.execute(
                select(name.label("name"), Person.reference, BudgetTeamPerson.starts_on)
                .join(Person, Person.id == BudgetTeamPerson.person_id)
                .where(BudgetTeamPerson.council_id == team.council_id, BudgetTeamPerson.team_id == team.id)
                .order_by(BudgetTeamPerson.starts_on.desc(), BudgetTeamPerson.id)
                .limit(MOST)
            )
        ).all()

    async def person(self, council_id: UUID, reference: str) -> Person | None:
        """Return a council's person by the number they quote."""
        found: Person | None = await self.db.scalar(
            select(Person).where(Person.council_id == council_id, func.upper(Person.reference) == reference.upper())
        )
        return found

    async def staff(self, council_id: UUID) -> list[tuple[UUID, str]]:
        """Return (user, name) of those who work for a council, by name."""
        rows = await self.db.execute(
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.council_id == council_id,
                Membership.organisation_id.is_(None),
                Membership.person_id.is_(None),
                Membership.worker_id.is_(None),
            )
            .group_by(User.id, User.name)
            .order_by(User.name, User.id)
            .limit(MOST)
        )
        return [(row[0], row[1]) for row in rows]


class CostCodeRepository(Repository[CostCode]):
    """What the council's finance system calls the accounts."""

    model_type = CostCode

    async def listed(self, council_id: UUID) -> Sequence[CostCode]:
        """Return every code, by account, the latest first."""
        return await self.every(
            self.of(council_id).order_by(CostCode.account, CostCode.starts_on.desc(), CostCode.id).limit(5 * MOST)
        )
