"""Pages where a provider keeps its own listings true."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.models import CATEGORY_LABELS, Listing
from marketplace.providers.service.listings import UNIT_LABELS, ListingForm, ListingService, form_values
from marketplace.providers.service.words import price_words


class OwnListingController(Controller):
    """The own organisation's listings."""

    path = "/provider/listings"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them."""
        items = [
            {
                "id": row.id,
                "title": row.title,
                "category": CATEGORY_LABELS[row.category],
                "price": price_words(row.price_pence, row.price_unit),
                "is_published": row.is_published,
                "updated_at": row.updated_at,
            }
            for row in await ListingService(db).own(principal)
        ]
        return Template("providers/own_listings.html", context={"items": items})

    @get("/{listing_id:str}", permission=Permission.ORGANISATION_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], listing_id: FromPath[str]
    ) -> Template:
        """Show the form of one."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        return _page(listing, form_values(listing), {})

    @post("/{listing_id:str}", permission=Permission.ORGANISATION_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change one."""
        listing = await ListingService(db).find(principal, _id(listing_id))
        try:
            form = ListingForm.read(data)
        except InvalidInput as error:
            return _page(listing, data, error.fields)

        async def act() -> str:
            await ListingService(db).change(principal, listing.id, form)
            return "/provider/listings"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Listing saved. Search shows the change within a minute")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _page(listing: Listing, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "listing": listing,
        "category": CATEGORY_LABELS[listing.category],
        "units": [(unit.value, label) for unit, label in UNIT_LABELS.items()],
        "values": values,
        "errors": errors,
    }
    return Template("providers/own_listing.html", context=context, status_code=422 if errors else 200)
