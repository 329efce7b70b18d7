"""Pages of the front door for council staff: take a contact, say how it ended, see how the front door does.

They name offers on the market, so the package that reads every other one serves them.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit, typed
from marketplace.people import PeopleRepository
from marketplace.people.front_door import MONTHS, FrontDoorService
from marketplace.people.front_door_forms import ContactForm, EndForm
from marketplace.people.models import ContactOutcome, FrontDoorContact
from marketplace.people.repository_contacts import PAGE, ContactCounts
from marketplace.people.routes import search_people, search_words
from marketplace.people.words import ASKERS, CHANNELS, OUTCOME_COLOURS, OUTCOMES, TOPICS
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.service.listing_facts import district_name
from marketplace.reporting.repository.contacts import MOST_TICKED, OfferWords

CHOICES: dict[str, Any] = {
    "channels": [(kind.value, label) for kind, label in CHANNELS.items()],
    "askers": [(kind.value, label) for kind, label in ASKERS.items()],
    "outcomes": [(kind.value, label) for kind, label in OUTCOMES.items()],
    "topics": list(TOPICS.items()),
}
LABELS: dict[str, Any] = {
    "channel_labels": CHANNELS,
    "asker_labels": ASKERS,
    "outcome_labels": OUTCOMES,
    "outcome_colours": OUTCOME_COLOURS,
    "topic_labels": TOPICS,
}


class ContactController(Controller):
    """Contacts at the front door."""

    path = "/contacts"

    @get("/", permission=Permission.CONTACTS_TAKE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        outcome: Annotated[str, QueryParameter(name="outcome", max_length=20)] = "",
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List contacts, the latest first."""
        if outcome and outcome not in list(ContactOutcome):
            raise BadRequest
        wanted = ContactOutcome(outcome) if outcome else None
        rows = await FrontDoorService(db).page(principal, wanted, parse_id(after or ""))
        shown = rows[:PAGE]
        context = {
            "rows": shown,
            "names": await PeopleRepository(db).names(
                principal.council_id, {row.person_id for row in shown if row.person_id}
            ),
            "more": shown[-1].id if len(rows) > PAGE else None,
            "values": {"outcome": outcome},
            **CHOICES,
            **LABELS,
        }
        return Template("people/front_door/index.html", context=context)

    @get("/new", permission=Permission.CONTACTS_TAKE)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person: Annotated[str, QueryParameter(name="person", max_length=36)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Ask whom it is about, then what was asked and how it ended. "nobody": no record is needed."""
        if not person:
            found = await search_people(db, principal, "", parse_id(after))
            return Template("people/front_door/choose_person.html", context=found)
        return await _form(db, principal, {"person": person}, {})

    @post("/new/person", permission=Permission.CONTACTS_TAKE, status_code=200)
    async def search_person(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Search the person. A form, because names do not belong into addresses."""
        words, after = search_words(data)
        context = await search_people(db, principal, words, after)
        return Template("people/front_door/choose_person.html", context=context)

    @post("/new", permission=Permission.CONTACTS_TAKE)
    async def take(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record a contact; the button beside the search only looks for offers."""
        person_id = await _person_id(db, principal, data)
        if data.get("find"):
            return await _form(db, principal, data, {})
        offers = await _on_market(db, data)

        async def action() -> str:
            row = await FrontDoorService(db).take(principal, person_id, ContactForm.read(data, offers))
            flash(request, "The contact is recorded")
            return f"/contacts/{row.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _form(db, principal, data, error.fields)

    @get("/figures", permission=Permission.CONTACTS_TAKE)
    async def figures(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Show how many contacts were resolved at once, against the target."""
        page = await FrontDoorService(db).figures(principal, _months(request))
        areas = await _districts(db, principal)
        tables = [
            ("by-month", "By month", "Month", [(_month(row.key), row) for row in page.by_month]),
            ("by-channel", "By channel", "Channel", [(_channel(row), row) for row in page.by_channel]),
            (
                "by-area",
                "By area",
                "Area",
                [(areas.get(row.key, row.key) or "Not known", row) for row in page.by_area],
            ),
        ]
        context = {"page": page, "periods": [(str(n), f"{n} months") for n in MONTHS], "tables": tables}
        return Template("people/front_door/figures.html", context=context)

    @get("/figures.csv", permission=Permission.CONTACTS_TAKE)
    async def figures_csv(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[str]:
        """Give the figures as a file."""
        page = await FrontDoorService(db).figures(principal, _months(request))
        heading = (
            "by",
            "key",
            "contacts",
            "resolved_at_once",
            "per_cent",
            "short_term",
            "passed_on",
            "repeats",
            "told",
        )
        rows = [
            (by, row.key, row.contacts, row.at_once, row.percent, row.short_term, row.passed_on, row.repeats, row.told)
            for by, counts in (("month", page.by_month), ("channel", page.by_channel), ("area", page.by_area))
            for row in counts
        ]
        return Response(
            csv_text([heading, *rows]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="front-door.csv"'},
        )

    @get("/{contact_id:str}", permission=Permission.CONTACTS_TAKE)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contact_id: FromPath[str],
        person: Annotated[str, QueryParameter(name="person", max_length=36)] = "",
    ) -> Template:
        """Show a contact; who read it is noted for the person."""
        row, earlier = await FrontDoorService(db).read(principal, _id(contact_id))
        return await _page(db, principal, row, earlier, _end_values(row), {}, found=parse_id(person or ""))

    @get("/{contact_id:str}/person", permission=Permission.CONTACTS_TAKE)
    async def ask_whose(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contact_id: FromPath[str],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Ask whose contact it was."""
        return await _whose(db, principal, _id(contact_id), "", parse_id(after))

    @post("/{contact_id:str}/person", permission=Permission.CONTACTS_TAKE, status_code=200)
    async def search_whose(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contact_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Search the person. A form, because names do not belong into addresses."""
        return await _whose(db, principal, _id(contact_id), *search_words(data))

    @post("/{contact_id:str}/record", permission=Permission.CONTACTS_TAKE)
    async def put_on_record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contact_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Put a contact on somebody's record."""
        wanted, person_id = _id(contact_id), _id(str(data.get("person") or ""))

        async def action() -> str:
            await FrontDoorService(db).put_on_record(principal, wanted, person_id)
            flash(request, "The contact is on the record now")
            return f"/contacts/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{contact_id:str}", permission=Permission.CONTACTS_TAKE)
    async def change_end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        contact_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Change how it ended."""
        service, wanted = FrontDoorService(db), _id(contact_id)
        row, earlier = await service.read(principal, wanted)
        if data.get("find"):
            return await _page(db, principal, row, earlier, data, {})
        offers = {**await _on_market(db, data), **dict.fromkeys(row.listing_ids, "")}

        async def action() -> str:
            await service.change_end(principal, wanted, EndForm.read(data, offers))
            flash(request, "The contact is changed")
            return f"/contacts/{wanted}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, row, earlier, data, error.fields)


async def _form(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    person_id = await _person_id(db, principal, values)
    person = await PeopleRepository(db).find(principal.council_id, person_id) if person_id else None
    context = {
        "person": person,
        "values": {"channel": "phone", **typed(values)} if "channel" not in values else typed(values),
        "errors": errors,
        "offers": await _offers(db, values),
        **CHOICES,
    }
    return Template("people/front_door/new.html", context=context, status_code=422 if errors else 200)


async def _whose(db: AsyncSession, principal: Principal, contact_id: UUID, words: str, after: UUID | None) -> Template:
    row, _ = await FrontDoorService(db).read(principal, contact_id)
    context = {**await search_people(db, principal, words, after), "contact": row}
    return Template("people/front_door/choose_person.html", context=context)


async def _page(
    db: AsyncSession,
    principal: Principal,
    row: FrontDoorContact,
    earlier: FrontDoorContact | None,
    values: FormData,
    errors: dict[str, str],
    found: UUID | None = None,
) -> Template:
    user_id, people = row.taken_by_user_id, PeopleRepository(db)
    whose = await people.find(principal.council_id, found) if found is not None and row.person_id is None else None
    context = {
        "whose": whose,
        "row": row,
        "earlier": earlier,
        "person": await PeopleRepository(db).find(principal.council_id, row.person_id) if row.person_id else None,
        "taken_by": (await AccountRepository(db).names({user_id})).get(user_id, "") if user_id else "",
        "told_of": await OfferWords(db).named(row.listing_ids),
        "area": (await _districts(db, principal)).get(row.lad_code, row.lad_code) or "Not known",
        "values": typed(values),
        "errors": errors,
        "offers": await _offers(db, values),
        **CHOICES,
        **LABELS,
    }
    return Template("people/front_door/show.html", context=context, status_code=422 if errors else 200)


async def _offers(db: AsyncSession, values: FormData) -> list[tuple[str, str]]:
    """Return the offers that the page shows with a box: those ticked, then those found."""
    words = FormReader(values).raw("offer_words")[:60].replace("\x00", "")
    found = await OfferWords(db).like(words, today(clock_of(db)))
    ticked = await OfferWords(db).named([str(item) for item in _ticked(values)])
    return list({**ticked, **found}.items())


async def _on_market(db: AsyncSession, data: FormData) -> dict[str, str]:
    return await OfferWords(db).on_market(_ticked(data), today(clock_of(db)))


def _ticked(data: FormData) -> list[UUID]:
    value = data.get("listing_ids", [])
    ids = [parse_id(str(item)) for item in (value if isinstance(value, list) else [value])]
    return [item for item in ids if item is not None][:MOST_TICKED]


async def _person_id(db: AsyncSession, principal: Principal, data: FormData) -> UUID | None:
    """Read whom it is about; somebody of another council is not found."""
    text = str(data.get("person") or "")
    if text == "nobody":
        return None
    found = await PeopleRepository(db).find(principal.council_id, _id(text))
    return found.id


async def _districts(db: AsyncSession, principal: Principal) -> dict[str, str]:
    council = await AccountRepository(db).council(principal.council_id)
    codes = council.district_codes if council is not None else []
    authorities = await ListingPageRepository(db).authorities(codes)
    return {code: district_name(code, authorities) for code in codes}


def _end_values(row: FrontDoorContact) -> FormData:
    return {
        "outcome": row.outcome.value,
        "outcome_words": row.outcome_words,
        "passed_to": row.passed_to,
        "listing_ids": row.listing_ids,
        "told_means_tested": "yes" if row.told_means_tested else "",
        "version": str(row.version),
    }


def _month(key: str) -> str:
    """Write "2027-03" as "March 2027"."""
    return f"{date.fromisoformat(f'{key}-01'):%B %Y}"


def _channel(row: ContactCounts) -> str:
    return next((label for kind, label in CHANNELS.items() if kind.value == row.key), row.key)


def _months(request: Request[Any, Any, Any]) -> int:
    text = request.query_params.get("months") or "12"
    if text not in {str(number) for number in MONTHS}:
        raise BadRequest
    return int(text)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
