"""Commitments for what goes on: agreed weekly visits, reviews, re-plans and block contracts up to the year's end (D17).

What a council has promised changes with each visit, each signature and each death. It is therefore worked out anew, as
a whole, several times a day, and the difference to what the ledger holds is posted: one entry for a team and a kind of
promise, and none where nothing changed. What has accrued is no longer in the sum, so it is released by the same step,
and the ledger grows with the number of teams and not with that of agreements.

Plans in the making are committed case by case (`commitments.py`).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.books_rules import financial_year
from marketplace.payments.models import TariffEvent
from marketplace.payments.repository.months import BlockRepository
from marketplace.payments.repository.promises import PromisedReview, PromiseRepository
from marketplace.payments.rules import Month, block_month, months_after
from marketplace.payments.service.accruals import REVIEW_COVERS, Priced, priced
from marketplace.payments.service.books.commitments import LONGEST_MINUTES
from marketplace.plans.models import ReviewKind
from marketplace.providers.models import CATEGORY_SERVICE, ListingCategory, ServiceLine

VISITS = "visits-committed"
REVIEWS = "reviews-committed"
REPLANS = "replans-committed"
BLOCKS = "blocks-committed"
WORDS: Mapping[str, str] = {
    VISITS: "Agreed weekly visits",
    REVIEWS: "Reviews to be held",
    REPLANS: "Plans that are written anew",
    BLOCKS: "Block contracts",
}
"""Kinds of entries, as the books name them."""
MOST = 50_000
"""Reviews and plans of one council that are looked at."""

Sums = dict[UUID | None, int]


class PromiseService:
    """Keeps the ledger's commitments equal to what is promised. Repeating it does nothing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.promises = PromiseRepository(db)
        self.ledger = LedgerService(db)
        self._prices: dict[tuple[UUID, TariffEvent], Priced | None] = {}

    async def keep(self, council_id: UUID) -> int:
        """Post the differences between what a council has promised and what the ledger holds.

        Returns:
            How many entries that took.
        """
        await self.promises.hold(council_id)
        day = today(self.clock)
        ends_on = financial_year(day, await setting(self.db, council_id, "payments.year_starts", day)).ends_on
        wanted = await self.wanted(council_id, day, ends_on)
        held = await self.promises.open(council_id, list(WORDS))
        count = 0
        for kind in WORDS:
            teams = {team for of_kind, team in held if of_kind == kind} | set(wanted[kind])
            for team_id in sorted(teams, key=str):
                pence = wanted[kind].get(team_id, 0) - held.get((kind, team_id), 0)
                count += await self._post(council_id, kind, team_id, pence, day)
        return count

    async def wanted(self, council_id: UUID, day: date, ends_on: date) -> dict[str, Sums]:
        """Return what is promised up to the year's end, pence by kind and team."""
        services = {
            category.value: (CATEGORY_SERVICE.get(category) or ServiceLine.COMMUNITY_SUPPORT).value
            for category in ListingCategory
        }
        visits = await self.promises.visits(council_id, day, ends_on, services)
        return {
            VISITS: {team_id: pence for team_id, (_, pence) in visits.items()},
            REVIEWS: await self._reviews(council_id, day, ends_on),
            REPLANS: await self._replans(council_id, day),
            BLOCKS: await self._blocks(council_id, day, ends_on),
        }

    async def _reviews(self, council_id: UUID, day: date, ends_on: date) -> Sums:
        """Price reviews by today's tariff; one within the rule's months of another of the person earns nothing."""
        counts_first = await setting(self.db, council_id, "payments.first_review_earns", day)
        sums: Sums = {}
        before: dict[UUID, date] = {}
        for row in await self.promises.reviews(council_id, day, ends_on, MOST):
            found = await self._price(council_id, row.organisation_id, TariffEvent.REVIEW_HELD, day)
            if found is None or (row.kind is ReviewKind.WELFARE_CHECK and not counts_first):
                continue
            if _is_near(row, before.get(row.person_id), found.tariff.once_months):
                continue
            before[row.person_id] = row.expected_on
            sums[row.team_id] = sums.get(row.team_id, 0) + found.pence
        return sums

    async def _replans(self, council_id: UUID, day: date) -> Sums:
        """Price later versions as a re-plan where the book knows that, unless a review's fee pays for them (D13)."""
        sums: Sums = {}
        for row in await self.promises.replans(council_id, day, REVIEW_COVERS.days, MOST):
            asked = (council_id, row.organisation_id)
            if row.is_in_review and await self._price(*asked, TariffEvent.REVIEW_HELD, day) is not None:
                continue
            found = await self._price(*asked, TariffEvent.REPLAN, day) or await self._price(
                *asked, TariffEvent.PLAN_COMPLETED, day
            )
            if found is None:
                continue
            # A stage that was paid on the way is promised no longer.
            sums[row.team_id] = sums.get(row.team_id, 0) + max(0, found.pence - row.earned_pence)
        return sums

    async def _blocks(self, council_id: UUID, day: date, ends_on: date) -> Sums:
        """Price the months of block contracts that are not over, up to the year's end; others are earned by night."""
        sums: Sums = {}
        first = day.replace(day=1)
        for contract, _ in await BlockRepository(self.db).listed(council_id):
            starts_on, until = max(contract.starts_on, first), min(contract.ends_on, ends_on)
            if until > starts_on:
                part = Month(first, starts_on, until, (until - starts_on).days)
                pence = block_month(contract.weekly_pence, contract.starts_on, part)
                sums[contract.team_id] = sums.get(contract.team_id, 0) + pence
        return sums

    async def _price(self, council_id: UUID, organisation_id: UUID, event: TariffEvent, day: date) -> Priced | None:
        """Return today's price of an event for an organisation, asked once however many it has."""
        key = (organisation_id, event)
        if key not in self._prices:
            self._prices[key] = await priced(self.db, council_id, organisation_id, event, day, minutes=LONGEST_MINUTES)
        return self._prices[key]

    async def _post(self, council_id: UUID, kind: str, team_id: UUID | None, pence: int, day: date) -> bool:
        if not pence:
            return False
        promised, other = (Purpose.COMMITMENT, team_id), (Purpose.COMMITTED, None)
        into, out_of = (promised, other) if pence > 0 else (other, promised)
        posted = await self.ledger.post(
            council_id,
            kind,
            # A team's promises change many times; the instant tells its entries apart.
            uuid5(team_id or council_id, f"{kind} {self.clock.now().isoformat()}"),
            [debit(into[0], abs(pence), into[1]), credit(out_of[0], abs(pence), out_of[1])],
            memo=WORDS[kind] if pence > 0 else f"{WORDS[kind]}: came in or fell away",
            effective_on=day,
        )
        return posted is not None


def _is_near(row: PromisedReview, before: date | None, months: int | None) -> bool:
    """Whether a review comes within the rule's months of one that earned, or is expected to."""
    days: Iterable[date | None] = (row.last_on, before)
    return months is not None and any(one is not None and row.expected_on < months_after(one, months) for one in days)
