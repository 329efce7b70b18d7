"""An answered question."""

import msgspec

from marketplace.providers.models import ListingCategory
from marketplace.providers.service.market.places import Where
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.market_words import Understood
from marketplace.providers.service.weekly import Purse


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """An answered question."""

    total: int
    rows: list[Result]
    alternatives: list[Result]
    facets: dict[str, dict[str, int]]
    suggestion: str | None
    is_relaxed: bool
    is_plain: bool
    """Answered by PostgreSQL, because the index is being built."""
    is_counted: bool
    """Whether the total is whole; else there are at least so many."""
    where: Where
    read: Understood
    """What the words say beside the thing looked for."""
    kinds_named: tuple[ListingCategory, ...]
    """The kinds of support that the words name."""
    wished: int
    """Results that have everything wished for; 0 when nothing was wished, or nothing has it all."""
    purse: Purse | None
