"""Councils beside a search: whom to ring, and whose accreditation can be ticked."""

import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from marketplace.accounts import Principal
from marketplace.accounts.models import Council
from marketplace.core.ids import parse_id
from marketplace.providers.service.market.places import MarketPlaces, Where
from marketplace.providers.service.market.results import Results
from marketplace.providers.service.market_query import MarketQuery

COUNCILS_SHOWN: Final = 8
NAMES_KEPT_SECONDS: Final = 300.0
_names: dict[str, str] = {}
_names_from: list[float] = []


class MarketCouncils(MarketPlaces):
    """Finds the councils that a page of results names."""

    async def council_to_ring(self, where: Where) -> list[Council]:
        """Return the council of a place, or all of them where the place has none; for a search that found nothing."""
        councils = [council for council in await self.market.councils() if council.contact_phone]
        own = [council for council in councils if where.lad_code in council.district_codes]
        return own or councils

    async def councils_to_choose(
        self, query: MarketQuery, results: Results, principal: Principal | None
    ) -> dict[str, str]:
        """Return the councils whose accreditation can be ticked, by id: mine, the chosen ones, or those found.

        Mine is that of the place, else that of who is signed in; with neither it may be any that the results name.
        """
        found: dict[str, str] = {}
        if results.where.council_id is not None:
            found[str(results.where.council_id)] = results.where.council_name
        elif principal is not None:
            found[str(principal.council_id)] = principal.council_name
        counts = results.facets.get("councils", {})
        others = query.chosen.get("councils", []) if found else [*query.chosen.get("councils", []), *counts]
        wanted = [one for text in others[:COUNCILS_SHOWN] if text not in found and (one := parse_id(text)) is not None]
        return found | (await self._names(wanted) if wanted else {})

    async def _names(self, ids: Sequence[UUID]) -> dict[str, str]:
        """Return the short names of councils, kept for some minutes: they stand on every page without a place."""
        now = time.monotonic()
        if _names_from and not 0 <= now - _names_from[-1] < NAMES_KEPT_SECONDS:
            _names.clear()
        if any(str(one) not in _names for one in ids):
            _names.update(await self.facts.council_names(ids))
            _names_from[:] = [now]
        return {str(one): _names[str(one)] for one in ids if str(one) in _names}
