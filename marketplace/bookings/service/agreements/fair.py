"""The fair-price working of an agreement: kept with the terms, shown to both sides."""

from datetime import date
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Employment, SupportAgreement
from marketplace.bookings.service.agreements.pattern_form import WEEKDAYS
from marketplace.bookings.service.agreements.week import WeekCost
from marketplace.bookings.service.fair_price import FairVisit
from marketplace.bookings.service.fair_price_rules import delivery_of, fair_price_on
from marketplace.core.formats import uk_time
from marketplace.providers.models import Organisation


def fair_visits(week: WeekCost) -> list[FairVisit]:
    """Return the visits of a full week, those of every second week among them, one for each weekday."""
    return [
        FairVisit(
            minutes=price.line.minutes,
            price_pence=pence,
            workers=price.line.workers_needed,
            is_sleep_in=price.line.is_sleep_in,
            label=f"{WEEKDAYS[weekday]} {uk_time(price.line.starts_local)}",
        )
        for price in week.lines
        for weekday, pence in price.prices
    ]


async def working_of(
    db: AsyncSession,
    agreement: SupportAgreement,
    organisation: Organisation,
    week: WeekCost,
    on: date,
    employment: Employment | None,
) -> dict[str, Any]:
    """Work out whether the price can pay for the visits of a full week.

    Returns:
        `FairPrice` in plain values, as it is kept in `AgreementTerms.working`; empty where no visit has a worker.
    """
    visits = [visit for visit in fair_visits(week) if visit.workers]
    if not visits:
        return {}
    delivery = delivery_of(organisation.kind, employment.work_status if employment else None)
    found = await fair_price_on(
        db,
        agreement.council_id,
        on,
        visits,
        delivery=delivery,
        born_on=employment.born_on if employment else None,
    )
    plain: dict[str, Any] = msgspec.to_builtins(found)
    # Volunteers and free groups are paid by nobody here: nothing to hold a price against.
    return plain if found.price_pence else {}
