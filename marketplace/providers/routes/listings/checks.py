"""Pages where the council looks at listings: what waits, one draft, the listings it looks after."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import days_ago
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import CATEGORY_LABELS, HiddenWhy
from marketplace.providers.repository.drafts import DraftRepository
from marketplace.providers.repository.listings import ListingRepository
from marketplace.providers.routes.listings.pages import preview_of
from marketplace.providers.service.listings.answers import read_draft
from marketplace.providers.service.listings.checks import (
    CheckService,
    Decision,
    DecisionForm,
    read_reason,
    warnings_about,
)
from marketplace.providers.service.listings.drafts import draft_title
from marketplace.providers.service.listings.facts import differences, fact_rows
from marketplace.providers.service.listings.forms import category_in
from marketplace.providers.service.listings.own import state_of
from marketplace.providers.service.listings.publish import facts_now
from marketplace.providers.service.words import price_words
from marketplace.providers.states import DraftStatus

PAGE = 25


class ListingCheckController(Controller):
    """The checks of the own council."""

    path = "/listing-checks"

    @get("/", permission=Permission.LISTINGS_CHECK)
    async def queue(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits, longest first."""
        drafts = DraftRepository(db)
        mark = await drafts.find(principal.council_id, _id(after)) if after else None
        rows = await drafts.waiting(principal.council_id, after=mark, limit=PAGE + 1)
        day = today(clock_of(db))
        items = []
        for draft, organisation in rows[:PAGE]:
            category = category_in(draft.content)
            items.append(
                {
                    "id": draft.id,
                    "title": draft_title(draft),
                    "organisation": organisation.name,
                    "category": CATEGORY_LABELS[category] if category else "",
                    "is_new": draft.listing_id is None,
                    "age": days_ago(local(draft.submitted_at or draft.updated_at).date(), day),
                }
            )
        context = {
            "items": items,
            "total": await drafts.waiting_count(principal.council_id),
            "next_after": rows[PAGE - 1][0].id if len(rows) > PAGE else None,
        }
        return Template("providers/listings/checks.html", context=context)

    @get("/listings", permission=Permission.LISTINGS_CHECK)
    async def looked_after(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        q: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List the listings that the council looks after."""
        listings = ListingRepository(db)
        words = "".join(char for char in (q or "") if char.isprintable()).strip()[:100]
        mark = None
        if after:
            listing, _ = await listings.of_council(principal.council_id, _id(after))
            mark = (listing.title, listing.id)
        rows = await listings.looked_after(principal.council_id, words=words, after=mark, limit=PAGE + 1)
        context = {
            "q": words,
            "items": [
                {
                    "id": listing.id,
                    "title": listing.title,
                    "organisation": organisation.name,
                    "category": CATEGORY_LABELS[listing.category],
                    "price": price_words(listing.price_pence, listing.price_unit),
                    "state": state_of(listing),
                }
                for listing, organisation in rows[:PAGE]
            ],
            "next_after": rows[PAGE - 1][0].id if len(rows) > PAGE else None,
        }
        return Template("providers/listings/looked_after.html", context=context)

    @get("/listings/{listing_id:str}", permission=Permission.LISTINGS_CHECK)
    async def listing(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show one listing, to take it off the market or put it back."""
        return await _listing_page(db, principal, _id(listing_id), {}, {})

    @post("/listings/{listing_id:str}/take-off", permission=Permission.LISTINGS_CHECK)
    async def take_off(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take a listing off the market."""
        found = _id(listing_id)
        await CheckService(db).listing(principal, found)
        try:
            reason = read_reason(data)
        except InvalidInput as error:
            return await _listing_page(db, principal, found, typed(data), error.fields)

        async def act() -> str:
            await CheckService(db).take_off(principal, found, reason)
            return f"/listing-checks/listings/{found}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Off the market. The provider is told why")
        return answer

    @post("/listings/{listing_id:str}/put-back", permission=Permission.LISTINGS_CHECK)
    async def put_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put back what the council took off."""
        found = _id(listing_id)
        await CheckService(db).listing(principal, found)
        try:
            reason = read_reason(data)
        except InvalidInput as error:
            return await _listing_page(db, principal, found, typed(data), error.fields)

        async def act() -> str:
            await CheckService(db).put_back(principal, found, reason)
            return f"/listing-checks/listings/{found}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Back on the market. The provider is told")
        return answer

    @get("/{draft_id:str}", permission=Permission.LISTINGS_CHECK)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], draft_id: FromPath[str]
    ) -> Template:
        """Show a draft with what it changes."""
        return await _draft_page(db, principal, _id(draft_id), {}, {})

    @post("/{draft_id:str}", permission=Permission.LISTINGS_CHECK)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        draft_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Publish it, or send it back."""
        found = _id(draft_id)
        await CheckService(db).find(principal, found)
        try:
            form = DecisionForm.read(data)

            async def act() -> str:
                await CheckService(db).decide(principal, found, form)
                return "/listing-checks"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            own: dict[str, str] = {name: error.fields[name] for name in ("decision", "reason") if name in error.fields}
            # What is wrong with the draft itself stands under the one question that this page asks.
            errors = own or {"decision": next(iter(error.fields.values()))}
            return await _draft_page(db, principal, found, typed(data), errors)
        is_published = form.decision is Decision.PUBLISH
        flash(request, "On the market now" if is_published else "Sent back to the provider, with your reason")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _draft_page(
    db: AsyncSession, principal: Principal, draft_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    opened = await CheckService(db).find(principal, draft_id)
    context: dict[str, Any] = {
        "opened": opened,
        "organisation": opened.context.organisation,
        "is_waiting": opened.draft.status is DraftStatus.SUBMITTED,
        "values": values,
        "errors": errors,
        "changes": [],
        "warnings": [],
        "missing": "",
    }
    try:
        facts, room = await read_draft(db, opened.content, opened.context)
    except InvalidInput as error:
        context["missing"] = ". ".join(error.fields.values())
    else:
        content = facts.content()
        live = opened.context.listing
        if live is not None:
            context["changes"] = differences((await facts_now(db, live)).content(), content)
        context["warnings"] = await warnings_about(db, principal.council_id, facts, opened)
        context["rows"] = [{"key": label, "value": words} for _, label, words in fact_rows(content)]
        context |= preview_of(opened, content, room)
    return Template("providers/listings/check_draft.html", context=context, status_code=422 if errors else 200)


async def _listing_page(
    db: AsyncSession, principal: Principal, listing_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    listing, organisation = await CheckService(db).listing(principal, listing_id)
    reader = FormReader(values)
    context = {
        "listing": listing,
        "organisation": organisation,
        "state": state_of(listing),
        "is_off": listing.hidden_why is HiddenWhy.COUNCIL,
        "rows": [
            {"key": label, "value": words} for _, label, words in fact_rows((await facts_now(db, listing)).content())
        ],
        "values": {"reason": reader.raw("reason")},
        "errors": errors,
    }
    return Template("providers/listings/check_listing.html", context=context, status_code=422 if errors else 200)
