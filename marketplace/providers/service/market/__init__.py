"""The market as anybody sees it: find a place, ask the index (or PostgreSQL while there is none), read the rows."""

from marketplace.providers.service.market.places import Where
from marketplace.providers.service.market.results import Results
from marketplace.providers.service.market.service import MarketService

__all__ = ["MarketService", "Results", "Where"]
