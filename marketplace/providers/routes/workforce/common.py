"""What the pages of the workforce share."""

from datetime import date
from uuid import UUID

from marketplace.core.errors import BadRequest, NotFound
from marketplace.core.ids import parse_id


def need_id(text: str) -> UUID:
    """Read an id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def page_start(text: str | None) -> UUID | None:
    """Read the key of a page's start.

    Raises:
        BadRequest: It is none.
    """
    found = parse_id(text) if text else None
    if text and found is None:
        raise BadRequest
    return found


def day_values(name: str, day: date | None) -> dict[str, str]:
    """Write a day as the three fields of a form."""
    if day is None:
        return {}
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}
