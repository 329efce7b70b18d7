"""The page of one offer and of one entry of the register. Nobody needs to sign in or gets a cookie."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import page_number
from marketplace.providers.repository.feedback import feedback_of
from marketplace.providers.routes.market import search_of
from marketplace.providers.service import figures
from marketplace.providers.service.listing_page import ListingPageService
from marketplace.providers.service.social import listing_meta, register_meta

LONGEST_LOCATION_ID = 40


@get("/market/{listing_id:str}", permission=None)
async def listing_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    visitor: NamedDependency[Principal | None],
    listing_id: FromPath[str],
    feedback: FromQuery[str | None] = None,
) -> Template:
    """Show one offer, or what there is instead where it left the market. `feedback` is the page of what people say."""
    wanted = parse_id(listing_id)
    if wanted is None:
        raise NotFound
    service = ListingPageService(db, search_of(request))
    try:
        page = await service.listing(wanted)
    except NotFound:
        around = await service.gone(wanted)
        taken_over_by = await service.taken_over_by(wanted)
        # What became part of another organisation does not come back: 410 tells search engines so.
        context = {"around": around, "taken_over_by": taken_over_by}
        return Template("providers/listing_gone.html", context=context, status_code=410 if taken_over_by else 404)
    if visitor is None or visitor.organisation_id != page.row.organisation.id:
        await figures.note(db, wanted, views=1)
    # A visitor may press the button: the booking page asks them to sign in and comes back.
    may_book = visitor is None or visitor.may(Permission.BOOKINGS_REQUEST)
    meta = listing_meta(page, request.app.state.settings.public_url)
    context = {
        "page": page,
        "may_book": may_book,
        "meta": meta,
        "feedback": await feedback_of(db, wanted, page_number(feedback)),
        "feedback_base": f"/market/{wanted}",
    }
    return Template("providers/listing.html", context=context)


@get("/market/register/{location_id:str}", permission=None)
async def register_page(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], location_id: FromPath[str]
) -> Template:
    """Show what the regulator's register says of a place."""
    if len(location_id) > LONGEST_LOCATION_ID or "\x00" in location_id:
        raise NotFound
    page = await ListingPageService(db, search_of(request)).register(location_id)
    meta = register_meta(page, request.app.state.settings.public_url)
    return Template("providers/register.html", context={"page": page, "meta": meta})
