"""Small helpers that every package's routes share."""

import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import Request
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import BadRequest
from marketplace.core.idempotency import once_per_form

FormData = dict[str, Any]
"""A form as it arrives: texts, or a list of texts where a field came several times."""

LARGEST_PAGE = 10_000


async def submit(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    actor: str,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once and send the browser on (Post/Redirect/Get). The action returns the address."""
    address = await once_per_form(db, actor, request.url.path, data, action)
    return Redirect(address, status_code=303)


def typed(data: FormData) -> FormData:
    """Return what was typed, to show it again: without the control characters that no page may hold."""
    return {
        name: [_printable(item) for item in value] if isinstance(value, list) else _printable(value)
        for name, value in data.items()
    }


def _printable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(char for char in value if char in "\n\r\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def page_number(text: str | None) -> int:
    """Read a page number from an address; 1 when it is absent.

    Raises:
        BadRequest: Not a number from 1 to 10,000.
    """
    if not text:
        return 1
    if not text.isascii() or not text.isdecimal() or len(text) > 5 or not 1 <= int(text) <= LARGEST_PAGE:
        raise BadRequest
    return int(text)


def local_path(text: str | None, default: str) -> str:
    """Return an address of this site to go on to, or the default: never another host."""
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text or "\n" in text or "\r" in text:
        return default
    return text
