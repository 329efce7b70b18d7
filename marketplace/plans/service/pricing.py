"""Prices of a plan from real local offers: what there is for an outcome, taking its price, the plan as a whole."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.places import METRES_PER_MILE
from marketplace.plans.errors import PlanChanged, PlanNotEditable
from marketplace.plans.models import HelpKind, PlanItem, PlanVersion
from marketplace.plans.offers import HELP_OF, Band, Fit, PricedOutcome, band, fits
from marketplace.plans.policies import planner_scope
from marketplace.plans.repository import PlanRepository
from marketplace.plans.states import EDITABLE
from marketplace.providers.models import ListingCategory, PriceUnit
from marketplace.providers.repository.market_facts import MarketFacts
from marketplace.providers.service.market import MarketService
from marketplace.providers.service.weekly import UNCOUNTED, read_tenths, usual_tenths, weekly_cost
from marketplace.providers.service.words import ASSISTANTS, COMMUNITY, EQUIPMENT, KIND_OF, REGULATED
from search import AsyncSearch

RADIUS_METRES: Final = round(10 * METRES_PER_MILE)
SHOWN: Final = 5
"""Offers of each group on the page of an outcome."""
BAND_OFFERS: Final = 40
"""Offers of a kind, the nearest first, whose prices make up what is usual near."""
LONGEST_QUESTION: Final = 200


class OfferQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: words and units a week, in tenths."""

    words: str = ""
    tenths: int | None = None

    @classmethod
    def read(cls, data: Any) -> "OfferQuestion":
        """Read the question; empty words look for what is near.

        Raises:
            InvalidInput: An amount that is none.
        """
        form = FormReader(data)
        words = form.text("q", "what you are looking for", required=False, longest=LONGEST_QUESTION)
        amount = form.raw("amount")
        tenths = read_tenths(amount) if amount else None
        if amount and tenths is None:
            form.wrong("amount", "Hours or times a week must be a number from 0.1 to 168, like 2 or 2.5")
        form.done()
        return cls(words=words, tenths=tenths)


class ChoiceForm(msgspec.Struct, frozen=True, kw_only=True):
    """An offer taken for an outcome."""

    listing_id: UUID
    tenths: int | None
    expected: int

    @classmethod
    def read(cls, data: Any) -> "ChoiceForm":
        """Read the form.

        Raises:
            InvalidInput: No offer, or an amount that is none.
        """
        form = FormReader(data)
        listing_id = parse_id(form.raw("listing"))
        if listing_id is None:
            form.wrong("listing", "Choose an offer")
        amount = form.raw("amount")
        tenths = read_tenths(amount) if amount else None
        if amount and tenths is None:
            form.wrong("amount", "Hours or times a week must be a number from 0.1 to 168, like 2 or 2.5")
        version = form.raw("version")
        form.done()
        assert listing_id is not None  # noqa: S101 - `done` has refused it
        expected = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0
        return cls(listing_id=listing_id, tenths=tenths, expected=expected)


class PricingService:
    """Local offers and the prices of a plan's outcomes."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.plans = PlanRepository(db)
        self.facts = MarketFacts(db)
        self.market = MarketService(db, search)

    async def offers(self, postcode: str, question: OfferQuestion) -> list[Fit]:
        """Find local offers of every kind for an outcome, community help first looked for (B14)."""
        if not postcode:
            return []
        wanted = [(kind, question.words, SHOWN) for kind in (COMMUNITY, EQUIPMENT, ASSISTANTS, REGULATED)]
        lists = await self.market.nearest(postcode, wanted, radius_metres=RADIUS_METRES, wanted_tenths=question.tenths)
        return fits(result for found in lists for result in found)

    async def around(self, postcode: str, question: OfferQuestion) -> tuple[list[Fit], dict[HelpKind, Band | None]]:
        """Find, with one look round, what could serve an outcome instead and what assistants and care cost an hour.

        Args:
            postcode: Where the person lives; "" finds nothing.
            question: What a group or activity is looked for with, and how much a week the costs are worked out for.

        Returns:
            Offers of all kinds, and the prices an hour by who helps.
        """
        if not postcode:
            return [], {}
        wanted = [(COMMUNITY, question.words, SHOWN), (ASSISTANTS, "", BAND_OFFERS), (REGULATED, "", BAND_OFFERS)]
        lists = await self.market.nearest(postcode, wanted, radius_metres=RADIUS_METRES, wanted_tenths=question.tenths)
        groups, assistants, registered = (fits(found) for found in lists)
        bands = {HELP_OF[ASSISTANTS]: band(assistants), HELP_OF[REGULATED]: band(registered)}
        return [*groups, *assistants, *registered], bands

    async def outcomes(self, items: Sequence[PlanItem]) -> list[PricedOutcome]:
        """Read the outcomes of a plan with what their chosen offers cost today."""
        chosen = [item.listing_id for item in items if item.listing_id is not None]
        rows = await self.facts.cards(chosen, today(self.clock)) if chosen else {}
        return [_outcome(item, rows.get(item.listing_id) if item.listing_id else None) for item in items]

    async def choose(self, principal: Principal, plan_id: UUID, position: int, form: ChoiceForm) -> str:
        """Take an offer's price into an outcome, for so much of it a week; returns the offer's name.

        Raises:
            NotFound: No such plan or outcome for this writer.
            InvalidInput: The offer has left the market or states no price.
            PlanChanged: The plan was saved from elsewhere since.
            PlanNotEditable: It has been submitted.
        """
        _, version = await self.plans.locked(planner_scope(principal), plan_id)
        return await self.take(principal, version, position, form)

    async def take(self, principal: Principal, version: PlanVersion, position: int, form: ChoiceForm) -> str:
        """Take an offer into an outcome of a version that the caller has locked and whose writer asks; see `choose`."""
        if version.status not in EDITABLE:
            raise PlanNotEditable("It has been submitted. You can change it again if it is sent back to you.")
        if version.version != form.expected:
            raise PlanChanged("Load the page again to see what it says now.")
        item = next((one for one in await self.plans.items(version.id) if one.position == position), None)
        if item is None:
            raise NotFound
        day = today(self.clock)
        row = (await self.facts.cards([form.listing_id], day)).get(form.listing_id)
        if row is None:
            raise InvalidInput({"listing": "This offer has left the market. Choose another"})
        category, unit = ListingCategory(row.category), PriceUnit(row.price_unit)
        price: int | None = 0 if unit is PriceUnit.FREE else (row.price_pence or None)
        if price is None:
            raise InvalidInput({"listing": "This offer states no price. Ask the provider first, then type the cost"})
        tenths = None if unit in UNCOUNTED else form.tenths or row.usual_tenths or usual_tenths(category, unit, day)
        cost = weekly_cost(price, unit, category, day, wanted_tenths=tenths)
        item.listing_id, item.unit_price_pence, item.price_unit, item.priced_on = row.id, price, unit.value, day
        item.weekly_quantity = Decimal(tenths) / 10 if tenths is not None else None
        item.weekly_pence = cost.pence or 0
        item.helped_by = HELP_OF.get(KIND_OF.get(category, COMMUNITY), HelpKind.COMMUNITY)
        if not item.what:
            item.what = f"{row.title}, from {row.provider}"
        version.updated_at = self.clock.now()
        # The row's version must move even within one tick of the clock.
        flag_modified(version, "updated_at")
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "plans.choose_offer",
            council_id=version.council_id,
            subject_kind="plan_version",
            subject_id=version.id,
            after={"outcome": position, "listing": str(row.id), "weekly_pence": item.weekly_pence},
        )
        return f"{row.title}, from {row.provider}"


def question_of(item: PlanItem) -> OfferQuestion:
    """Return what is looked for first for an outcome: its own words, and as much as it has now."""
    tenths = int(item.weekly_quantity * 10) if item.weekly_quantity is not None else None
    return OfferQuestion(words=item.outcome[:LONGEST_QUESTION], tenths=tenths)


def _outcome(item: PlanItem, row: Any) -> PricedOutcome:
    unit = PriceUnit(item.price_unit) if item.price_unit else None
    now = None if row is None else 0 if row.price_unit is PriceUnit.FREE else row.price_pence
    return PricedOutcome(
        position=item.position,
        outcome=item.outcome,
        helped_by=item.helped_by,
        weekly_pence=item.weekly_pence,
        unit_price_pence=item.unit_price_pence,
        price_unit=unit,
        tenths=int(item.weekly_quantity * 10) if item.weekly_quantity is not None else None,
        offer_name=f"{row.title}, from {row.provider}" if row is not None else "",
        is_offer_gone=item.listing_id is not None and row is None,
        now_pence=now,
    )
