"""Budget teams: who holds a budget, for whom and how much of it (D17)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.payments.books_rules import CODE, outwards_of
from marketplace.payments.models import BudgetTeam, BudgetTeamPerson
from marketplace.payments.repository.books_teams import BudgetTeamRepository
from marketplace.payments.repository.series import take_numbers

MOST_AREAS = 200
LARGEST_BUDGET_PENCE = 100_000_000_000


class TeamForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a team says of itself."""

    name: str
    cost_centre: str
    yearly_pence: int | None
    outwards: list[str]
    is_default: bool
    manager_user_id: UUID | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "TeamForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("name", "the team’s name", longest=100)
        centre = form.text("cost_centre", "the cost centre", longest=30).upper()
        if centre and not CODE.fullmatch(centre):
            form.wrong("cost_centre", "The cost centre must be letters and digits, like ASC-4100")
        yearly = form.pounds("yearly", "the budget of a year", most=LARGEST_BUDGET_PENCE, required=False)
        areas, wrong = outwards_of(form.text("outwards", "the postcode areas", required=False, longest=2_000))
        if wrong:
            form.wrong("outwards", f"{wrong[0][:20]} is not the first half of a postcode, like PR1 or DN12")
        elif len(areas) > MOST_AREAS:
            form.wrong("outwards", f"The postcode areas must be {MOST_AREAS} or fewer")
        manager = form.id("manager", "who holds the budget", required=False)
        form.done()
        return cls(
            name=name,
            cost_centre=centre,
            yearly_pence=yearly,
            outwards=areas,
            is_default=form.ticked("is_default"),
            manager_user_id=manager,
        )


class BudgetTeamService:
    """The verbs of budget teams."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.teams = BudgetTeamRepository(db)

    async def add(self, principal: Principal, form: TeamForm) -> BudgetTeam:
        """Add a team.

        Raises:
            InvalidInput: A name or postcode area that another team has.
        """
        principal.require(Permission.BOOKS_KEEP)
        await self._hold(principal)
        await self._fits(principal, form, None)
        team = BudgetTeam(
            id=new_id(),
            council_id=principal.council_id,
            **msgspec.structs.asdict(form),
            created_at=self.clock.now(),
        )
        await self._saved(team)
        self._record(principal, "payments.add_budget_team", team.id, after=_facts(team))
        return team

    async def change(self, principal: Principal, team_id: UUID, form: TeamForm) -> BudgetTeam:
        """Change an open team.

        What was posted before keeps its team. The cost centre stays, since journals have gone out with it: a team
        with another one is another team.

        Raises:
            InvalidInput: As for a new team, or another cost centre.
            Conflict: The team is closed.
        """
        principal.require(Permission.BOOKS_KEEP)
        await self._hold(principal)
        team = await self.teams.find(principal.council_id, team_id, locked=True)
        self._is_open(team)
        if form.cost_centre != team.cost_centre:
            raise InvalidInput({"cost_centre": "The cost centre stays. Close this team and add another one"})
        await self._fits(principal, form, team)
        before = _facts(team)
        for name, value in msgspec.structs.asdict(form).items():
            setattr(team, name, value)
        await self._saved(team)
        self._record(principal, "payments.change_budget_team", team.id, before=before, after=_facts(team))
        return team

    async def close(self, principal: Principal, team_id: UUID, closed_on: date) -> BudgetTeam:
        """Close a team: from that day on others bear what it bore.

        Raises:
            InvalidInput: A day in the past: what it has borne since stays with it.
            Conflict: It is closed.
        """
        principal.require(Permission.BOOKS_KEEP)
        await self._hold(principal)
        team = await self.teams.find(principal.council_id, team_id, locked=True)
        self._is_open(team)
        if closed_on < today(self.clock):
            raise InvalidInput({"closed_on": "The day must be today or later"})
        team.closed_on = closed_on
        await self.db.flush()
        self._record(principal, "payments.close_budget_team", team.id, after={"closed_on": closed_on})
        return team

    async def name_person(self, principal: Principal, team_id: UUID, reference: str, starts_on: date) -> None:
        """Let a team bear a person's costs from a day on, whatever their postcode.

        Raises:
            InvalidInput: A stranger, or a day for which a team was named already.
            Conflict: The team is closed.
        """
        principal.require(Permission.BOOKS_KEEP)
        team = await self.teams.find(principal.council_id, team_id, locked=True)
        self._is_open(team)
        person = await self.teams.person(principal.council_id, reference)
        if person is None:
            raise InvalidInput({"person": "Nobody has this number. Check it and enter it again"})
        row = BudgetTeamPerson(
            id=new_id(),
            council_id=principal.council_id,
            team_id=team.id,
            person_id=person.id,
            starts_on=starts_on,
            set_by_user_id=principal.user_id,
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            words = f"A team was named for this person from {uk_date(starts_on)} already. Enter another day"
            raise InvalidInput({"starts_on": words}) from error
        after = {"person_id": person.id, "starts_on": starts_on}
        self._record(principal, "payments.name_team_person", team.id, after=after)

    async def _hold(self, principal: Principal) -> None:
        """Let nobody else change the council's teams until the transaction ends: areas belong to one team each."""
        await take_numbers(self.db, principal.council_id, "budget_teams", 0)

    async def _fits(self, principal: Principal, form: TeamForm, own: BudgetTeam | None) -> None:
        """Check a form against the other teams; the default moves here from another team.

        Raises:
            InvalidInput: It does not fit.
        """
        others = [team for team in await self.teams.listed(principal.council_id) if own is None or team.id != own.id]
        errors: dict[str, str] = {}
        if any(team.name.casefold() == form.name.casefold() for team in others):
            errors["name"] = "Another team has this name"
        now = today(self.clock)
        still = [team for team in others if team.closed_on is None or team.closed_on > now]
        for area in form.outwards:
            holder = next((team for team in still if area in team.outwards), None)
            if holder is not None:
                errors.setdefault("outwards", f"{area} is served by {holder.name}")
        if form.manager_user_id and form.manager_user_id not in dict(await self.teams.staff(principal.council_id)):
            errors["manager"] = "Select who holds the budget from the list"
        if errors:
            raise InvalidInput(errors)
        if form.is_default:
            for team in still:
                if team.is_default:
                    team.is_default = False
                    self._record(principal, "payments.change_budget_team", team.id, after={"is_default": False})

    async def _saved(self, team: BudgetTeam) -> None:
        try:
            async with self.db.begin_nested():
                self.db.add(team)
        except IntegrityError as error:
            raise InvalidInput({"name": "Another team has this name"}) from error

    def _is_open(self, team: BudgetTeam) -> None:
        if team.closed_on is not None:
            raise Conflict("This team is closed. Add another one.")

    def _record(
        self,
        principal: Principal,
        action: str,
        team_id: UUID,
        *,
        after: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="budget_team",
            subject_id=team_id,
            before=dict(before) if before else None,
            after=dict(after),
        )


def _facts(team: BudgetTeam) -> dict[str, Any]:
    return {
        "name": team.name,
        "cost_centre": team.cost_centre,
        "yearly_pence": team.yearly_pence,
        "outwards": list(team.outwards),
        "is_default": team.is_default,
    }
