"""What the pages of bookings share."""

from uuid import UUID

from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id


def row_id(text: str) -> UUID:
    """Read the id in an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
