"""Questions about budget teams."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, any_, literal, or_, select

from marketplace.core.repository import Repository
from marketplace.payments.models import BudgetTeam, BudgetTeamPerson
from marketplace.people.models import Person


class TeamRepository(Repository[BudgetTeam]):
    """Teams that hold budgets."""

    model_type = BudgetTeam

    async def own_of(self, council_id: UUID, person_id: UUID, day: date) -> UUID | None:
        """Return the team that was named for a person on a day, unless it is closed."""
        found: UUID | None = await self.db.scalar(
            select(BudgetTeam.id)
            .join(BudgetTeamPerson, BudgetTeamPerson.team_id == BudgetTeam.id)
            .where(
                BudgetTeam.council_id == council_id,
                BudgetTeamPerson.council_id == council_id,
                BudgetTeamPerson.person_id == person_id,
                BudgetTeamPerson.starts_on <= day,
                _open_on(day),
            )
            .order_by(BudgetTeamPerson.starts_on.desc())
            .limit(1)
        )
        return found

    async def of_area(self, council_id: UUID, outward: str, day: date) -> UUID | None:
        """Return the team that serves a postcode area, else the one that serves whoever no other does."""
        found: UUID | None = await self.db.scalar(
            select(BudgetTeam.id)
            .where(
                BudgetTeam.council_id == council_id,
                or_(literal(outward) == any_(BudgetTeam.outwards), BudgetTeam.is_default),
                _open_on(day),
            )
            .order_by((literal(outward) == any_(BudgetTeam.outwards)).desc(), BudgetTeam.name, BudgetTeam.id)
            .limit(1)
        )
        return found

    async def outward_of(self, council_id: UUID, person_id: UUID) -> str:
        """Return the first half of a person's postcode; empty for a stranger."""
        postcode = await self.db.scalar(
            select(Person.postcode).where(Person.council_id == council_id, Person.id == person_id)
        )
        return outward_code(postcode or "")


def outward_code(postcode: str) -> str:
    """Return the first half of a postcode as it is stored ("PR1 2HE")."""
    return postcode.split(" ")[0]


def _open_on(day: date) -> ColumnElement[bool]:
    return or_(BudgetTeam.closed_on.is_(None), BudgetTeam.closed_on > day)
