"""Pages where a provider keeps its own listings true: state, room, versions, figures."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural, uk_short_date
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit
from marketplace.providers.models import CATEGORY_LABELS, CapacityKind, HiddenWhy, Listing
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.rates import RateRepository
from marketplace.providers.routes.listings.pages import ROOM_KINDS
from marketplace.providers.service.figures import WeekFigures, figures_of
from marketplace.providers.service.listings.drafts import DraftService, draft_title
from marketplace.providers.service.listings.facts import differences, fact_rows
from marketplace.providers.service.listings.own import ListingService, RoomForm, state_of
from marketplace.providers.service.listings.publish import facts_now
from marketplace.providers.service.words import ROOM_UNITS, price_words, room_words
from marketplace.providers.states import DraftStatus

DRAFT_WORDS = {
    DraftStatus.OPEN: ("draft", "Draft"),
    DraftStatus.SUBMITTED: ("submitted", "With the council"),
    DraftStatus.RETURNED: ("returned", "Sent back: please change"),
}
FIGURES = (
    ("views", "Looked at"),
    ("saves", "Saved"),
    ("questions", "Questions"),
    ("bookings", "Bookings asked for"),
)


class OwnListingController(Controller):
    """The own organisation's listings."""

    path = "/provider/listings"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them, with the drafts."""
        drafts = await DraftService(db).live(principal)
        changing = {row.listing_id: row for row in drafts if row.listing_id}
        context = {
            "items": [_item(row, changing.get(row.id)) for row in await ListingService(db).own(principal)],
            "drafts": [
                {
                    "id": row.id,
                    "title": draft_title(row),
                    "state": DRAFT_WORDS[row.status],
                    "reason": row.reason if row.status is DraftStatus.RETURNED else "",
                    "updated_at": row.updated_at,
                }
                for row in drafts
                if row.listing_id is None
            ],
        }
        return Template("providers/listings/own.html", context=context)

    @get("/new", permission=Permission.ORGANISATION_OWN)
    async def start(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Say what is needed for a new listing."""
        organisation = await DraftService(db).organisation(principal)
        return Template("providers/listings/start.html", context={"organisation": organisation})

    @post("/new", permission=Permission.ORGANISATION_OWN)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin a new listing."""

        async def act() -> str:
            draft = await DraftService(db).begin(principal)
            return f"/provider/listings/drafts/{draft.id}/kind"

        return await submit(request, db, principal.actor, data, act)

    @get("/room", permission=Permission.ORGANISATION_OWN)
    async def room(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show how much room there is in each listing, to be set in one press."""
        return await _room_page(db, principal, {}, {}, None)

    @post("/{listing_id:str}/room", permission=Permission.ORGANISATION_OWN)
    async def set_room(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set the room of one listing to a number."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        try:
            form = RoomForm.read(data)
        except InvalidInput as error:
            return await _room_page(db, principal, data, error.fields, listing.id)

        async def act() -> str:
            await ListingService(db).set_room(principal, listing.id, form)
            return f"/provider/listings/room#listing-{listing.id}"

        answer = await submit(request, db, principal.actor, data, act)
        said = room_words(form.kind, form.free) or "Room is not said"
        flash(request, f"{listing.title}: {said[:1].lower()}{said[1:]}")
        return answer

    @get("/{listing_id:str}", permission=Permission.ORGANISATION_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show one with all that can be done about it."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        organisation = await DraftService(db).organisation(principal)
        facts = await facts_now(db, listing)
        context = {
            "listing": listing,
            **_item(listing, await DraftRepository(db).of_listing(organisation.id, listing.id)),
            "rows": [{"key": label, "value": words} for _, label, words in fact_rows(facts.content())],
            "has_rates": bool(await RateRepository(db).of(listing.id)),
        }
        return Template("providers/listings/one.html", context=context)

    @post("/{listing_id:str}/change", permission=Permission.ORGANISATION_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin changes, or go on with those begun."""

        async def act() -> str:
            draft = await DraftService(db).begin_change(principal, _id(listing_id))
            return f"/provider/listings/drafts/{draft.id}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{listing_id:str}/pause", permission=Permission.ORGANISATION_OWN)
    async def pause(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take one off the market for now."""

        async def act() -> str:
            listing = await ListingService(db).pause(principal, _id(listing_id))
            return f"/provider/listings/{listing.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Paused. People do not find it until you show it again")
        return answer

    @post("/{listing_id:str}/resume", permission=Permission.ORGANISATION_OWN)
    async def resume(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Show one again."""

        async def act() -> str:
            listing = await ListingService(db).resume(principal, _id(listing_id))
            return f"/provider/listings/{listing.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Shown again. Search shows it within a minute")
        return answer

    @get("/{listing_id:str}/still-right", permission=Permission.ORGANISATION_OWN)
    async def ask_still_right(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show what a listing says, and ask whether it is right: the page that the message leads to."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        facts = await facts_now(db, listing)
        context = {
            "listing": listing,
            "state": state_of(listing),
            "rows": [{"key": label, "value": words} for _, label, words in fact_rows(facts.content())],
        }
        return Template("providers/listings/still_right.html", context=context)

    @post("/{listing_id:str}/still-right", permission=Permission.ORGANISATION_OWN)
    async def still_right(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Note that a listing is still right."""

        async def act() -> str:
            await ListingService(db).confirm(principal, _id(listing_id))
            return "/provider/listings"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Thank you. We noted that it is still right")
        return answer

    @get("/{listing_id:str}/versions", permission=Permission.ORGANISATION_OWN)
    async def versions(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show who changed what, and when."""
        service = ListingService(db)
        listing = await service.find(principal, _id(listing_id))
        rows = await service.versions(principal, listing.id)
        older = {version.number: version for version, _ in rows}
        context = {
            "listing": listing,
            "versions": [
                {
                    "number": version.number,
                    "by": name or "The platform",
                    "at": version.changed_at,
                    "changes": differences(older[version.number - 1].content, version.content)
                    if version.number - 1 in older
                    else [],
                    "is_first": version.number == 1,
                }
                for version, name in rows
            ],
        }
        return Template("providers/listings/versions.html", context=context)

    @get("/{listing_id:str}/figures", permission=Permission.ORGANISATION_OWN)
    async def figures(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show how often a listing was looked at, saved, asked about and booked, by week."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        weeks = await figures_of(db, listing.id)
        context = {
            "listing": listing,
            "views": [
                (uk_short_date(week.monday), week.views, plural(week.views, "time")) for week in weeks
            ],
            "totals": [(label, str(sum(getattr(week, name) for week in weeks)), "") for name, label in FIGURES],
            "columns": [("Week from", False), *((label, True) for _, label in FIGURES)],
            "rows": [
                [uk_short_date(week.monday), *(str(getattr(week, name)) for name, _ in FIGURES)] for week in weeks
            ],
        }  # fmt: skip
        return Template("providers/listings/figures.html", context=context)

    @get("/{listing_id:str}/figures.csv", permission=Permission.ORGANISATION_OWN)
    async def figures_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Response[str]:
        """Give the same figures as a file."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        return Response(
            figures_csv(await figures_of(db, listing.id)),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="listing-figures-{listing.id}.csv"'},
        )


def figures_csv(weeks: list[WeekFigures]) -> str:
    """Write figures by week as CSV."""
    lines = [[week.monday.isoformat(), *(getattr(week, name) for name, _ in FIGURES)] for week in weeks]
    return csv_text([["week_from", *(name for name, _ in FIGURES)], *lines])


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _item(row: Listing, draft: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "category": CATEGORY_LABELS[row.category],
        "price": price_words(row.price_pence, row.price_unit),
        "state": state_of(row),
        "hidden_reason": row.hidden_reason if row.hidden_why is HiddenWhy.COUNCIL else "",
        "is_published": row.is_published,
        "is_seen": row.is_published and row.hidden_why is None,
        "room": room_words(row.capacity_kind, row.capacity_free),
        "confirmed_at": row.confirmed_at or row.updated_at,
        "draft_id": draft.id if draft else None,
        "draft_state": DRAFT_WORDS[draft.status] if draft else None,
        "draft_reason": draft.reason if draft and draft.status is DraftStatus.RETURNED else "",
    }


async def _room_page(
    db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str], wrong_id: UUID | None
) -> Template:
    rows = await ListingService(db).own(principal) if principal.may(Permission.ORGANISATION_OWN) else []
    items = [
        {
            "id": row.id,
            "title": row.title,
            "kind": row.capacity_kind.value,
            "free": row.capacity_free,
            "words": room_words(row.capacity_kind, row.capacity_free),
            "unit": ROOM_UNITS[row.capacity_kind][1] if row.capacity_kind in ROOM_UNITS else "",
            "said_at": row.capacity_said_at,
            "is_said": row.capacity_kind is not CapacityKind.NOT_SAID,
            "worker_id": row.worker_id,
            "is_wrong": row.id == wrong_id,
        }
        for row in rows
    ]
    named = {f"{name}-{wrong_id}": message for name, message in errors.items()}
    context = {"items": items, "kinds": ROOM_KINDS[:3], "errors": named, "values": values}
    return Template("providers/listings/room.html", context=context, status_code=422 if errors else 200)
