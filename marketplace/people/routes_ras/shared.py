"""What several pages of the workbench need: a version, words for it, a form taken once."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.people.models import RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.errors import RasFixed
from marketplace.people.ras.forms import percent_words
from marketplace.people.ras.preview import value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.states import RasStatus

SLICE_ORDERS = [
    (SliceOrder.FIRST.value, "Before the budget is divided", "The points share what is left. They stay within it."),
    (
        SliceOrder.AFTER.value,
        "After the budget is divided",
        "The points share all of it, so the slice is promised twice.",
    ),
]
WEEKS = [
    (WeeksOfYear.WEEKS_52.value, "A year’s sum divided by 52"),
    (WeeksOfYear.DAYS_365.value, "A year’s sum times 7, divided by 365"),
]
STATUS_WORDS = {
    RasStatus.DRAFT: "Draft",
    RasStatus.PROPOSED: "Waiting for publishing",
    RasStatus.PUBLISHED: "Published",
    RasStatus.WITHDRAWN: "Given up",
}
LOOKS = {RasStatus.PROPOSED: "pending", RasStatus.PUBLISHED: "approved", RasStatus.WITHDRAWN: "closed"}
WORDS: dict[str, Any] = {
    "status_words": STATUS_WORDS,
    "looks": LOOKS,
    "value": value_words,
    "percent": percent_words,
    "slice_orders": SLICE_ORDERS,
    "weeks": WEEKS,
}


def read_id(text: str) -> UUID:
    """Read the id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def version_of(db: AsyncSession, principal: Principal, version_id: str) -> RasVersion:
    """Find a version. Ask again after a refusal: what it undid is no longer in memory."""
    return await RasRepository(db).find(principal.council_id, read_id(version_id))


async def draft_of(db: AsyncSession, principal: Principal, version_id: str) -> RasVersion:
    """Find a version that can still be changed: nobody fills in a form that cannot be taken.

    Raises:
        RasFixed: It is no draft.
    """
    row = await version_of(db, principal, version_id)
    if row.status is not RasStatus.DRAFT:
        raise RasFixed("Begin a new draft from it instead.")
    return row


async def take(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once; a refusal leaves nothing."""
    async with db.begin_nested():
        return await submit(request, db, principal.actor, data, action)
