"""What the pages of choosing share."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit


def id_of(text: str) -> UUID:
    """Read an id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def attempt(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    actor: str,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once, in a savepoint: a refusal that becomes a page with messages leaves nothing behind."""
    async with db.begin_nested():
        return await submit(request, db, actor, data, action)
