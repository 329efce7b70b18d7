"""Real local offers beside a plan: what they cost for what is needed, whether a price can be had, ways out of a gap.

Nothing here touches the database or the search: it takes result cards and outcomes and returns figures and words.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from marketplace.core.formats import plural, pounds
from marketplace.plans.models import HelpKind
from marketplace.providers.models import ListingCategory, PriceUnit
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.weekly import UNCOUNTED, amount_words
from marketplace.providers.service.words import ASSISTANTS, COMMUNITY, EQUIPMENT, KIND_OF, REGULATED

GROUPS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("community", "Groups, activities and everyday help", (COMMUNITY,)),
    ("equipment", "Equipment and technology", (EQUIPMENT,)),
    ("assistants", "Personal assistants", (ASSISTANTS,)),
    ("registered", "Home care and other registered care", (REGULATED,)),
)
"""Groups of offers in the order they are shown: what needs no registered care comes first (B14)."""

HELP_OF: Final[dict[str, HelpKind]] = {
    COMMUNITY: HelpKind.COMMUNITY,
    EQUIPMENT: HelpKind.EQUIPMENT,
    ASSISTANTS: HelpKind.PA,
    REGULATED: HelpKind.REGULATED,
}
"""Who helps, by the kind of an offer that is taken into a plan."""

CATEGORIES_OF: Final[dict[HelpKind, tuple[ListingCategory, ...]]] = {
    HelpKind.PA: (ListingCategory.PERSONAL_ASSISTANT,),
    HelpKind.REGULATED: (ListingCategory.HOME_CARE,),
}
"""Whose prices an outcome's price is held against."""

COMPARED: Final = (PriceUnit.HOUR,)
"""Units in which prices of different providers can be laid side by side."""
PARTS_OF_AN_HOUR: Final = 4
MOST_WAYS: Final = 3


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A local offer for one outcome. `weekly_pence` is None for one payment and for a price on request."""

    id: str
    name: str
    provider: str
    url: str
    kind: str
    price: str
    price_pence: int | None
    price_unit: PriceUnit | None
    weekly_pence: int | None
    weekly: str
    away: str
    why: str
    is_choosable: bool
    """Whether its price can be taken into the plan: an own offer of the market with a stated price."""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """What local offers of a kind cost an hour: pence, the middle one rounded half up where there are two."""

    count: int
    least_pence: int
    middle_pence: int
    most_pence: int

    @property
    def words(self) -> str:
        """Say it: "£21.00 to £27.50 an hour; the middle of 12 offers is £24.00"."""
        if self.count == 1:
            return f"{pounds(self.least_pence)} an hour, from the only offer near"
        spread = f"{pounds(self.least_pence)} to {pounds(self.most_pence)} an hour"
        return f"{spread}; the middle of {plural(self.count, 'offer')} is {pounds(self.middle_pence)}"


class PricedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome as far as its price goes. `tenths`: units a week, in tenths; None where no offer was chosen."""

    position: int
    outcome: str
    helped_by: HelpKind | None
    weekly_pence: int
    unit_price_pence: int | None = None
    price_unit: PriceUnit | None = None
    tenths: int | None = None
    offer_name: str = ""
    is_offer_gone: bool = False
    now_pence: int | None = None
    """What the chosen offer costs for one unit today."""

    @property
    def hourly_pence(self) -> int | None:
        """Pence an hour, where it is paid by the hour."""
        return self.unit_price_pence if self.price_unit is PriceUnit.HOUR else None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A way out of a gap: what to do, what it would save a week (None: it depends), and where."""

    title: str
    words: str
    saves_pence: int | None
    href: str


def fits(results: Iterable[Result]) -> list[Fit]:
    """Take what a plan needs from result cards."""
    found = []
    for result in results:
        unit = PriceUnit(result.price_unit) if result.price_unit else None
        is_own = not result.id.startswith("cqc-")
        found.append(
            Fit(
                id=result.id,
                name=result.name,
                provider=result.provider,
                url=result.url,
                kind=KIND_OF.get(ListingCategory(result.category), COMMUNITY),
                price=f"{result.amount} {result.unit}".strip(),
                price_pence=result.price_pence,
                price_unit=unit,
                weekly_pence=result.weekly_pence,
                weekly=result.weekly,
                away=result.away,
                why=result.why,
                is_choosable=is_own and unit is not None and result.price_pence is not None,
            )
        )
    return found


def grouped(found: Iterable[Fit], each: int) -> list[tuple[str, str, list[Fit]]]:
    """Sort offers into the groups of the page, the cheapest a week first, at most `each`; empty groups fall out."""
    offers = sorted(found, key=lambda fit: (fit.weekly_pence is None, fit.weekly_pence or 0, fit.name, fit.id))
    groups = [(key, title, [fit for fit in offers if fit.kind in kinds][:each]) for key, title, kinds in GROUPS]
    return [group for group in groups if group[2]]


def band(found: Iterable[Fit]) -> Band | None:
    """Return what offers cost an hour; None without one that is paid by the hour."""
    prices = sorted(fit.price_pence for fit in found if fit.price_unit in COMPARED and fit.price_pence)
    if not prices:
        return None
    half = len(prices) // 2
    middle = prices[half] if len(prices) % 2 else (prices[half - 1] + prices[half] + 1) // 2
    return Band(count=len(prices), least_pence=prices[0], middle_pence=middle, most_pence=prices[-1])


def verdict(outcome: PricedOutcome, local: Band | None) -> str:
    """Say whether the price of an outcome can be had near, in one sentence; empty where there is nothing to compare."""
    if outcome.is_offer_gone:
        return "The offer you chose is no longer on the market. Choose another."
    if outcome.now_pence is not None and outcome.unit_price_pence not in (None, outcome.now_pence):
        return f"The price has changed to {pounds(outcome.now_pence)} since you chose it. Choose it again."
    hourly = outcome.hourly_pence
    if hourly is None or local is None:
        return ""
    if hourly < local.least_pence:
        return "Nobody near sells it at this price."
    if hourly <= local.middle_pence:
        return "You can get it near you at this price."
    return "There are cheaper offers near you."


def ways_out(
    outcomes: Sequence[PricedOutcome],
    budget_pence: int,
    offers: Mapping[int, Sequence[Fit]],
    *,
    base: str,
    ask_href: str,
) -> list[Way]:
    """Return ways to bring a plan within its budget, what saves most first; asking for more always stands at the end.

    Args:
        outcomes: All outcomes of the plan, costs in pence a week.
        budget_pence: The indicative budget a week.
        offers: Local offers by the position of the outcome they could serve.
        base: Address of the plan, in front of `/outcomes/…`.
        ask_href: Where more is asked for.
    """
    gap = sum(outcome.weekly_pence for outcome in outcomes) - budget_pence
    if gap <= 0:
        return []
    ways: list[Way] = []
    for outcome in outcomes:
        if outcome.weekly_pence:
            here = f"{base}/outcomes/{outcome.position}/offers"
            ways += _cheaper(outcome, offers.get(outcome.position, ()), here)
            ways += _fewer(outcome, gap, here)
    ways.sort(key=lambda way: -(way.saves_pence or 0))
    ways.append(
        Way(
            title="Ask for more",
            words=f"Ask the council for {pounds(gap)} a week more, and say why you need it.",
            saves_pence=None,
            href=ask_href,
        )
    )
    return ways


def _cheaper(outcome: PricedOutcome, found: Sequence[Fit], here: str) -> list[Way]:
    """Offers that cost less a week than an outcome does now: free and community ones named as such."""
    cheaper = [fit for fit in found if fit.weekly_pence is not None and fit.weekly_pence < outcome.weekly_pence]
    cheaper.sort(key=lambda fit: (fit.weekly_pence or 0, fit.name, fit.id))
    kept: list[Fit] = []
    for kind in (COMMUNITY, ASSISTANTS, REGULATED, EQUIPMENT):
        kept += [fit for fit in cheaper if fit.kind == kind][:1]
    ways = []
    for fit in kept[:MOST_WAYS]:
        weekly = fit.weekly_pence or 0
        cost = "It is free." if weekly == 0 else f"It costs {pounds(weekly)} a week."
        ways.append(
            Way(
                title=f"“{outcome.outcome}”: look at {fit.name}",
                words=f"{fit.provider}. {cost}",
                saves_pence=outcome.weekly_pence - weekly,
                href=here,
            )
        )
    return ways


def _fewer(outcome: PricedOutcome, gap: int, here: str) -> list[Way]:
    """Fewer hours of the same help, in quarters of an hour, where that alone would close the gap."""
    hourly, tenths = outcome.hourly_pence, outcome.tenths
    if not hourly or not tenths or outcome.price_unit in UNCOUNTED or outcome.weekly_pence <= gap:
        return []
    quarters = (outcome.weekly_pence - gap) * PARTS_OF_AN_HOUR // hourly
    if quarters < PARTS_OF_AN_HOUR // 2:
        return []
    hours = quarters / PARTS_OF_AN_HOUR
    saves = outcome.weekly_pence - -(-hourly * quarters // PARTS_OF_AN_HOUR)
    return [
        Way(
            title=f"“{outcome.outcome}”: take fewer hours",
            words=f"{hours:g} hours a week would fit, in place of {amount_words(tenths, PriceUnit.HOUR)}.",
            saves_pence=saves,
            href=here,
        )
    ]
