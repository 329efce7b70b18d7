"""Up to four offers side by side. Public: the address is the whole comparison, so sharing it shares nothing else."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.providers.service.comparing import MOST_COMPARED, ComparingService, read_found_ids

ROWS = (
    ("Kind of support", "category"),
    ("Price", "price"),
    ("Cost in a usual week", "weekly"),
    ("When", "when"),
    ("Where", "where"),
    ("Who it is for", "suits"),
    ("Languages", "languages"),
    ("Accredited by", "accredited"),
    ("Regulator’s rating", "rating"),
    ("Insurance and checks", "checks"),
    ("Feedback after visits", "feedback"),
    ("Room now", "room"),
)
"""Facts of the comparison: heading and the field of an offer."""


def compare_address(found_ids: list[str]) -> str:
    """Write the address that compares some offers."""
    return f"/market/compare?ids={','.join(found_ids)}" if found_ids else "/market/compare"


@get("/market/compare", permission=None)
async def compare_page(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    visitor: NamedDependency[Principal | None],
) -> Template:
    """Compare offers. Of more than four the first four are shown."""
    try:
        asked = read_found_ids(request.query_params.getall("ids", []))
    except InvalidInput as error:
        context: dict[str, Any] = {"offers": [], "errors": {"form": error.fields["ids"]}}
        return Template("providers/choosing/compare.html", context=context, status_code=422)
    wanted = asked[:MOST_COMPARED]
    found = await ComparingService(db).offers(wanted)
    here = [found_id for found_id in wanted if found_id in found]
    context = {
        "offers": [found[found_id] for found_id in here],
        "rows": ROWS,
        "errors": {},
        "gone": len(wanted) - len(here),
        "too_many": len(asked) - len(wanted),
        "room_for": MOST_COMPARED - len(here),
        "removals": {found_id: compare_address([other for other in here if other != found_id]) for found_id in here},
        "add_href": "/shortlists/add?" + "&".join(f"found={found_id}" for found_id in here),
        # A visitor is asked to sign in and comes back.
        "may_save": visitor is None or visitor.may(Permission.SAVED_OWN),
        "may_ask": visitor is None or visitor.may(Permission.ENQUIRIES_OWN),
        "may_book": visitor is None or visitor.may(Permission.BOOKINGS_REQUEST),
    }
    return Template("providers/choosing/compare.html", context=context)
