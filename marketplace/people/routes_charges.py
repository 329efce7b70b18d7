"""Pages of finance: who waits for a decision on what they pay, and the decision."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.law import law_book
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.charges import ChargeForm, ChargeService
from marketplace.people.charges_rules import Contribution
from marketplace.people.models import Person
from marketplace.people.repository_assessments import ChargeRepository
from marketplace.people.routes_budgets import person_of
from marketplace.people.views import note_view

PAGE = 25


class ChargesController(Controller):
    """Financial assessments."""

    @get("/charges", permission=Permission.CHARGES_DECIDE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str | None, QueryParameter(name="after", max_length=36)] = None,
    ) -> Template:
        """List people with a budget for whom nothing is decided."""
        rows = await ChargeRepository(db).missing(
            principal.council_id, today(clock_of(db)), after=parse_id(after or ""), limit=PAGE + 1
        )
        context = {"people": rows[:PAGE], "more": rows[PAGE - 1].id if len(rows) > PAGE else None}
        return Template("people/charges/index.html", context=context)

    @get("/people/{person_id:str}/charges", permission=Permission.CHARGES_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
    ) -> Template:
        """Show what was decided, and the form of a new decision."""
        person = await person_of(db, principal, person_id)
        await note_view(db, principal, person.id, "charges")
        return await _page(db, principal, person, {}, {})

    @post("/people/{person_id:str}/charges", permission=Permission.CHARGES_DECIDE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Show what would follow; decide it when the page was seen with the same figures."""
        person = await person_of(db, principal, person_id)
        wanted = person.id

        async def action() -> str:
            form = ChargeForm.read(data, today(clock_of(db)))
            await ChargeService(db).decide(principal, wanted, form)
            flash(request, "The decision is made, and the person is told")
            return f"/people/{wanted}/charges"

        try:
            form = ChargeForm.read(data, today(clock_of(db)))
            found = await ChargeService(db).work_out(principal, form)
            # Figures that were changed after the working was shown are shown again before anything is decided.
            if data.get("seen") != seen(found):
                return await _page(db, principal, person, data, {}, found)
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, person, data, error.fields)


ROUTES = [ChargesController]


def seen(found: Contribution) -> str:
    """Return what a page showed, to tell whether it is still what would be decided."""
    return f"{found.contribution_weekly_pence}/{found.tariff_income_weekly_pence}/{found.is_full_cost}"


async def _page(
    db: AsyncSession,
    principal: Principal,
    person: Person,
    values: Mapping[str, Any],
    errors: dict[str, str],
    found: Contribution | None = None,
) -> Template:
    on = today(clock_of(db))
    book = await law_book(db, on)
    context = {
        "person": person,
        "rows": await ChargeRepository(db).of_person(principal.council_id, person.id),
        "on": on,
        "upper": book["capital_upper_limit"],
        "lower": book["capital_lower_limit"],
        "source": book.figure("capital_upper_limit").source,
        "found": found,
        "seen": seen(found) if found else "",
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/charges/show.html", context=context, status_code=422 if errors else 200)
