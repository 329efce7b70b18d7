"""What the pages of frameworks share."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar.response import Template

from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed

SOMEBODY_SAVED = (
    "A colleague saved this while you were writing. What you typed is still here. "
    "Compare it with what they saved, below the form, and save again"
)


def row_id(text: str) -> UUID:
    """Read an id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def form_page(
    template: str,
    context: dict[str, Any],
    values: FormData,
    errors: dict[str, str],
    *,
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Template:
    """Show a form; with errors the status says that nothing was saved."""
    whole = {**context, "values": typed(values), "errors": errors}
    return Template(f"providers/frameworks/{template}.html", context=whole, status_code=status if errors else 200)


def is_down(data: FormData) -> bool:
    """Whether a row is to move down; up when nothing is said."""
    return data.get("to") == "down"
