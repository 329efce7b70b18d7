"""Reads what the fair-price guard needs: the law on a day, the council's settings, who delivers."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings import settings_of
from marketplace.accounts.law import law_book
from marketplace.bookings.models import WorkStatus
from marketplace.bookings.service.fair_price import Delivery, FairPrice, FairVisit, PriceRules, fair_price
from marketplace.providers.models import OrganisationKind


def delivery_of(kind: OrganisationKind, work_status: WorkStatus | None = None) -> Delivery:
    """Return how somebody delivers: a personal assistant by their status in law, everybody else as a company.

    An assistant whose status nobody recorded counts as self-employed: they set the price of their listing themselves.
    """
    if kind is not OrganisationKind.SOLE_PA:
        return Delivery.COMPANY
    return Delivery.EMPLOYED if work_status is WorkStatus.EMPLOYED else Delivery.SELF_EMPLOYED


async def price_rules(db: AsyncSession, council_id: UUID, on: date) -> PriceRules:
    """Return the council's settings of a day."""
    settings = await settings_of(db, council_id, on)
    percent = settings["matching.employer_cost_percent"]
    return PriceRules(
        travel_minutes=int(settings["matching.travel_minutes_per_visit"]),
        on_cost_percent=None if percent is None else int(percent),
        running_percent=int(settings["bookings.running_cost_percent"]),
    )


async def fair_price_on(
    db: AsyncSession,
    council_id: UUID,
    on: date,
    visits: Sequence[FairVisit],
    *,
    delivery: Delivery,
    born_on: date | None = None,
) -> FairPrice:
    """Work out a fair price with the law and the settings of a day: two questions to the database."""
    rules = await price_rules(db, council_id, on)
    return fair_price(await law_book(db, on), on, visits, delivery=delivery, rules=rules, born_on=born_on)
