"""Pages of conflicts of interest."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.forms import ConflictForm, ReasonForm
from marketplace.matching.models import Conflict
from marketplace.matching.repository import ConflictRepository
from marketplace.matching.service import ConflictService
from marketplace.matching.words import CONFLICT_LABELS, OFFER_LABELS
from marketplace.people import PeopleRepository
from marketplace.providers.repository.planners import PlannerRepository

ENDED_PAGE = 25
EVERYBODY = "Everybody of the council"


class ConflictController(Controller):
    """Declared conflicts of interest."""

    path = "/matching/conflicts"

    @get("/", permission=Permission.REFERRALS_MATCH)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List what counts, what has ended, and the form for another."""
        return await _page(db, principal, {}, {}, after=parse_id(after))

    @post("/", permission=Permission.REFERRALS_MATCH)
    async def declare(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Declare a conflict. It counts at once; offers it touches are shown."""
        planners = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
        reference = str(data.get("person_reference") or "").strip()
        person = await PeopleRepository(db).by_reference(principal.council_id, reference) if reference else None
        try:
            form = ConflictForm.read(
                data,
                workers={row[0].id for row in planners},
                organisations={row[1].id for row in planners},
                person_id=person.id if person else None,
            )
        except InvalidInput as error:
            return await _page(db, principal, data, error.fields)

        async def action() -> str:
            conflict = await ConflictService(db).declare(principal, form)
            flash(request, "Declared. Rankings leave them out from now on")
            return f"/matching/conflicts/{conflict.id}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{conflict_id:str}", permission=Permission.REFERRALS_MATCH)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], conflict_id: FromPath[str]
    ) -> Template:
        """Show one conflict, the offers it touches, and the form that ends it."""
        conflict = await ConflictRepository(db).find(principal.council_id, _id(conflict_id))
        return await _one(db, principal, conflict, {}, {})

    @post("/{conflict_id:str}/end", permission=Permission.REFERRALS_MATCH)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        conflict_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """End a conflict, with the reason."""
        conflict = await ConflictRepository(db).find(principal.council_id, _id(conflict_id))
        try:
            form = ReasonForm.read(data)
        except InvalidInput as error:
            return await _one(db, principal, conflict, data, error.fields)

        async def action() -> str:
            await ConflictService(db).end(principal, conflict.id, form.reason)
            flash(request, "Ended. They can be proposed again")
            return "/matching/conflicts"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _page(
    db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str], after: UUID | None = None
) -> Template:
    conflicts = ConflictRepository(db)
    live = await conflicts.live(principal.council_id)
    ended = await conflicts.ended(principal.council_id, after=after, limit=ENDED_PAGE + 1)
    planners = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
    rows = [*live, *ended[:ENDED_PAGE]]
    parties, people = await _names(db, principal, rows)
    workers = [(str(row[0].id), f"{row[0].name}, {row[1].name}") for row in planners]
    organisations = list({str(row[1].id): row[1].name for row in planners}.items())
    context = {
        "live": [_line(row, parties, people) for row in live],
        "ended": [_line(row, parties, people) for row in ended[:ENDED_PAGE]],
        "next": ended[ENDED_PAGE - 1].id if len(ended) > ENDED_PAGE else None,
        "workers": workers,
        "organisations": organisations,
        "kinds": [(kind.value, label) for kind, label in CONFLICT_LABELS.items()],
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/conflicts.html", context=context, status_code=422 if errors else 200)


async def _one(
    db: AsyncSession, principal: Principal, conflict: Conflict, values: FormData, errors: dict[str, str]
) -> Template:
    parties, people = await _names(db, principal, [conflict])
    touched = await ConflictRepository(db).offers_in(conflict) if conflict.ended_at is None else []
    ids = {user_id for user_id in (conflict.declared_by_user_id, conflict.ended_by_user_id) if user_id}
    users = await AccountRepository(db).names(ids)
    context = {
        "conflict": conflict,
        "line": _line(conflict, parties, people),
        "touched": [(row[0], row[1], OFFER_LABELS[row[0].status]) for row in touched],
        "declared_by": users.get(conflict.declared_by_user_id, ""),
        "ended_by": users.get(conflict.ended_by_user_id, "") if conflict.ended_by_user_id else "",
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/conflict.html", context=context, status_code=422 if errors else 200)


async def _names(
    db: AsyncSession, principal: Principal, rows: Sequence[Conflict]
) -> tuple[dict[UUID, str], dict[UUID, str]]:
    """Return who has conflicts, by id of worker or organisation, and the people, by id."""
    workers = await PlannerRepository(db).with_organisation({row.worker_id for row in rows if row.worker_id})
    parties = {key: f"{found[0].name}, {found[1].name}" for key, found in workers.items()}
    parties |= await AccountRepository(db).organisation_names(
        {row.organisation_id for row in rows if row.organisation_id}
    )
    people = await PeopleRepository(db).names(principal.council_id, {row.person_id for row in rows if row.person_id})
    return parties, people


def _line(row: Conflict, parties: dict[UUID, str], people: dict[UUID, str]) -> dict[str, Any]:
    party = row.worker_id or row.organisation_id
    return {
        "id": row.id,
        "party": parties.get(party, "Somebody who has left") if party else "",
        "person": people.get(row.person_id, "") if row.person_id else EVERYBODY,
        "person_id": row.person_id,
        "kind": CONFLICT_LABELS[row.kind],
        "note": row.note,
        "declared_at": row.declared_at,
        "ended_at": row.ended_at,
        "ended_why": row.ended_why,
    }
