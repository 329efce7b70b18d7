"""Pages of council staff about organisations and their accreditation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.models import SERVICE_LABELS, Accreditation, Organisation, WorkerKind
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.organisations import PAGE, OrganisationRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.repository.standing_facts import facts_of
from marketplace.providers.service.listings.own import state_of
from marketplace.providers.service.organisations import (
    KIND_LABELS,
    AccreditForm,
    OrganisationForm,
    OrganisationService,
    state_words,
)
from marketplace.providers.service.standing.decisions import effect_words
from marketplace.providers.service.standing.explain import Reason, why_not
from marketplace.providers.service.words import price_words

LONGEST_SEARCH = 200


class OrganisationController(Controller):
    """Organisations: the list, one of them, a new one."""

    path = "/organisations"

    @get("/", permission=Permission.ORGANISATIONS_READ)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        q: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List organisations by name; what expires soon comes first."""
        words = (q or "").strip()[:LONGEST_SEARCH]
        repository = OrganisationRepository(db)
        day = today(clock_of(db))
        start: tuple[str, UUID] | None = None
        if after:
            wanted = parse_id(after)
            if wanted is None:
                raise BadRequest
            last = await repository.find(wanted)
            start = (last.name, last.id)
        found = await repository.page(words, start)
        shown = found[:PAGE]
        held = await repository.accreditations(principal.council_id, [row.id for row in shown])
        reasons = await _reasons(db, [row for rows in held.values() for row in rows], day)
        expiring = [] if words or after else await OrganisationService(db).expiring(principal)
        context = {
            "values": {"q": words},
            "errors": {},
            "items": [
                {
                    "id": row.id,
                    "name": row.name,
                    "kind": KIND_LABELS[row.kind],
                    "town": row.town,
                    "is_example": row.is_example,
                    "accreditations": _in_words(held.get(row.id, []), day, reasons),
                }
                for row in shown
            ],
            "expiring": [
                {
                    "id": row.id,
                    "organisation_id": organisation.id,
                    "name": organisation.name,
                    "service": SERVICE_LABELS[row.service_line],
                    "state": state_words(row, day)[1],
                }
                for row, organisation in expiring
            ],
            "next_after": shown[-1].id if len(found) > PAGE else None,
            "may_decide": principal.may(Permission.ACCREDITATION_DECIDE),
            "may_enter": principal.may(Permission.ORGANISATIONS_ENTER),
        }
        return Template("providers/organisations.html", context=context)

    @get("/new", permission=Permission.ACCREDITATION_DECIDE)
    async def new(self) -> Template:
        """Show the form for a new organisation."""
        return _new_page({}, {})

    @post("/", permission=Permission.ACCREDITATION_DECIDE)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add an organisation."""
        try:
            form = OrganisationForm.read(data)

            async def act() -> str:
                organisation = await OrganisationService(db).add(principal, form)
                return f"/organisations/{organisation.id}"

            # A refusal undoes what the action began; the page that says why is still an answer, which commits.
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _new_page(data, error.fields)
        flash(request, "Organisation added. Now say what it is accredited for")
        return answer

    @get("/{organisation_id:str}", permission=Permission.ORGANISATIONS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
    ) -> Template:
        """Show one organisation with what the council decided about it."""
        repository = OrganisationRepository(db)
        organisation = await repository.find(_id(organisation_id))
        day = today(clock_of(db))
        held = (await repository.accreditations(principal.council_id, [organisation.id])).get(organisation.id, [])
        elsewhere = await repository.elsewhere(principal.council_id, organisation.id, day)
        names = {row.id: row.name for row in await MarketRepository(db).councils()} if elsewhere else {}
        workers = await repository.workers(organisation.id)
        context = {
            "organisation": organisation,
            "kind": KIND_LABELS[organisation.kind],
            "accreditations": _in_words(held, day, await _reasons(db, held, day)),
            "elsewhere": [
                (names[row.council_id], SERVICE_LABELS[row.service_line], state_words(row, day)[1]) for row in elsewhere
            ],
            "workers": [
                (
                    row.name,
                    {WorkerKind.PLANNER: "Support planner", WorkerKind.PA: "Personal assistant"}.get(
                        row.kind, "Care worker"
                    ),
                    row.town,
                    f"{row.fte_percent}%",
                    "Left" if row.ends_on and row.ends_on <= day else "",
                )
                for row in workers
            ],
            "listings": [
                {
                    "id": row.id,
                    "title": row.title,
                    "price": price_words(row.price_pence, row.price_unit),
                    "is_seen": row.is_published and row.hidden_why is None,
                    "state": state_of(row)[1],
                }
                for row in await repository.listings(organisation.id)
            ],
            "effect": effect_words(
                await StandingRepository(db).effects(
                    principal.council_id, organisation.id, None, clock_of(db).now(), day
                )
            ),
            "merged_into": await repository.find(organisation.merged_into_id) if organisation.merged_into_id else None,
            "may_decide": principal.may(Permission.ACCREDITATION_DECIDE),
            "may_check": principal.may(Permission.LISTINGS_CHECK)
            and organisation.home_council_id == principal.council_id,
        }
        return Template("providers/organisation.html", context=context)


class AccreditationController(Controller):
    """Accrediting by hand. What is decided later is at `routes.standing`."""

    @get("/organisations/{organisation_id:str}/accreditations/new", permission=Permission.ACCREDITATION_DECIDE)
    async def new(self, db: NamedDependency[AsyncSession], organisation_id: FromPath[str]) -> Template:
        """Show the form for a new accreditation."""
        organisation = await OrganisationRepository(db).find(_id(organisation_id))
        return _accredit_page(organisation, {}, {})

    @post("/organisations/{organisation_id:str}/accreditations", permission=Permission.ACCREDITATION_DECIDE)
    async def accredit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Accredit an organisation for a service."""
        organisation = await OrganisationRepository(db).find(_id(organisation_id))
        try:
            form = AccreditForm.read(data)

            async def act() -> str:
                await OrganisationService(db).accredit(principal, organisation.id, form)
                return f"/organisations/{organisation.id}"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return _accredit_page(organisation, data, error.fields)
        flash(request, f"Accredited for {SERVICE_LABELS[form.service_line].lower()}")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _reasons(db: AsyncSession, rows: Iterable[Accreditation], day: date) -> dict[UUID, list[Reason]]:
    facts = await facts_of(db, list(rows))
    return {accreditation_id: why_not(found, day) for accreditation_id, found in facts.items()}


def _in_words(rows: Sequence[Accreditation], day: date, reasons: Mapping[UUID, list[Reason]]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "service": SERVICE_LABELS[row.service_line],
            "since": uk_date(row.live_from),
            "state": state_words(row, day, reasons[row.id])[0],
            "words": state_words(row, day, reasons[row.id])[1],
            "reason": row.reason,
        }
        for row in rows
    ]


def _new_page(values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "values": values,
        "errors": errors,
        "kinds": [(kind.value, label) for kind, label in KIND_LABELS.items()],
    }
    return Template("providers/organisation_new.html", context=context, status_code=422 if errors else 200)


def _accredit_page(organisation: Organisation, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "organisation": organisation,
        "services": [(service.value, label) for service, label in SERVICE_LABELS.items()],
        "values": values,
        "errors": errors,
    }
    return Template("providers/accreditation_new.html", context=context, status_code=422 if errors else 200)
