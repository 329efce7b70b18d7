"""What a visit costs under agreed terms. Nothing here reads or writes a row; every part of bookings prices by this.

Three rules hold for every price:

- A visit is priced by the day it starts on, Europe/London, even if it runs over midnight: a sleep-in from Saturday to
  Sunday costs what Saturday costs.
- It is priced by the minutes that were planned, as on the wall: a night on which the clocks change costs what any other
  night costs, although it lasts an hour more or less. An agreement that pays for actual minutes differs after the
  visit only (`claim_of`).
- It is rounded once, half a penny up, so that the visits of a week add up to the week.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Self

import msgspec

from marketplace.bookings.models import AgreementRate, AgreementTerms, PayBasis
from marketplace.bookings.states import TermsStatus
from marketplace.core.money import Pence, half_up, visit_cost
from marketplace.providers.models import DayKind, PriceUnit
from marketplace.providers.service.rates import kinds_of

MINUTE = timedelta(minutes=1)


class TermsView(msgspec.Struct, frozen=True):
    """One version of an agreement's terms with its rates; `rates[day_kind]` and `nights[day_kind]` are pence."""

    terms: AgreementTerms
    rates: Mapping[DayKind, int]
    """Price of a unit, by kind of day; always holds `DayKind.ANY` unless the offer is free."""
    nights: Mapping[DayKind, int] = MappingProxyType({})
    """Fixed price of a sleep-in, by kind of day; empty when no sleep-ins were agreed."""

    @classmethod
    def of(cls, terms: AgreementTerms, rates: Iterable[AgreementRate]) -> Self:
        """Put a version together with its rows of rates, in any order; rates of other versions are left out."""
        mine = [rate for rate in rates if rate.terms_id == terms.id]
        return cls(
            terms,
            {rate.day_kind: rate.price_pence for rate in mine if not rate.is_sleep_in},
            {rate.day_kind: rate.price_pence for rate in mine if rate.is_sleep_in},
        )

    def rate(self, day: date, *, is_sleep_in: bool = False) -> int | None:
        """Return the rate of the most special kind of a day, in pence for a unit or a night; None: not agreed."""
        rates = self.nights if is_sleep_in else self.rates
        return next((rates[kind] for kind in kinds_of(day) if kind in rates), None)

    def rate_kind(self, day: date, *, is_sleep_in: bool = False) -> DayKind | None:
        """Return which kind of day the rate of a day is for; None when none was agreed."""
        rates = self.nights if is_sleep_in else self.rates
        return next((kind for kind in kinds_of(day) if kind in rates), None)

    @property
    def is_hourly(self) -> bool:
        """Whether the length of a visit makes its price."""
        return self.terms.price_unit is PriceUnit.HOUR


def terms_on(all_terms: Iterable[TermsView], day: date) -> TermsView | None:
    """Return the terms that count on a day: of those agreed the one that began last; None before the first."""
    counting = [view for view in all_terms if view.terms.status is TermsStatus.AGREED and view.terms.starts_on <= day]
    return max(counting, key=lambda view: (view.terms.starts_on, view.terms.number), default=None)


def rate_of(view: TermsView, day: date, is_sleep_in: bool = False) -> Pence:
    """Return what goes into `Booking.rate_pence` for a visit that starts on a day: pence for a unit or a night.

    A sleep-in without a price of its own costs what its hours cost. 0 for what is free.
    """
    rate = view.rate(day, is_sleep_in=is_sleep_in)
    if rate is None:
        rate = view.rate(day)
    return Pence(0 if rate is None or view.terms.price_unit is PriceUnit.FREE else rate)


def visit_price(view: TermsView, day: date, minutes: int, workers_needed: int = 1, is_sleep_in: bool = False) -> Pence:
    """Return what a visit costs.

    Args:
        view: The terms of that day (`terms_on`).
        day: The day it starts on, Europe/London.
        minutes: Planned length as on the wall, 1 or more.
        workers_needed: 2 for a double-up, whose second worker costs `second_worker_percent` of the first; 0 (a place at
            an activity) costs what 1 costs.
        is_sleep_in: A night at a fixed price, whatever its length. Without such a price its hours are charged.

    Returns:
        Pence for everybody who comes.

    Raises:
        ValueError: A visit of no length.
    """
    first = _first_worker(view, day, minutes, is_sleep_in)
    return Pence(first + second_worker(view, first) if workers_needed == 2 else first)


def second_worker(view: TermsView, first_pence: int) -> Pence:
    """Return what the second worker of a double-up costs when the first costs `first_pence`."""
    return _percent(first_pence, view.terms.second_worker_percent)


def owed_if_called_off(view: TermsView, visit_start: datetime, now: datetime, cost: int) -> Pence:
    """Return what is owed when the person calls a visit off at `now`.

    Nothing up to `free_cancel_hours` before the start, counted in real hours; after that `late_cancel_percent` of the
    cost. A provider who calls off is owed nothing, which the caller knows.
    """
    if now <= visit_start - timedelta(hours=view.terms.free_cancel_hours):
        return Pence(0)
    return _percent(cost, view.terms.late_cancel_percent)


def retainer_of(view: TermsView, day_of_pause: int, cost: int) -> Pence:
    """Return what is owed for a visit in a pause, to keep the place.

    Args:
        view: The terms of that day.
        day_of_pause: 1 on the first day of the pause.
        cost: What the visit would have cost, in pence.
    """
    if not 1 <= day_of_pause <= view.terms.retainer_days:
        return Pence(0)
    return _percent(cost, view.terms.retainer_percent)


def paid_minutes(view: TermsView, planned_minutes: int, actual_minutes: int) -> int:
    """Return the minutes that a visit is paid by (domain.md 4.6): planned, actual, or actual up to the plan.

    A length within `tolerance_minutes` of the plan is paid as planned, so that a wait at the door costs nobody pay.
    """
    basis = view.terms.pay_basis
    if basis is PayBasis.PLANNED or abs(actual_minutes - planned_minutes) <= view.terms.tolerance_minutes:
        return planned_minutes
    if basis is PayBasis.CAPPED:
        return min(planned_minutes, actual_minutes)
    return actual_minutes


def claim_of(
    view: TermsView,
    day: date,
    planned_minutes: int,
    actual_minutes: int,
    workers_needed: int = 1,
    is_sleep_in: bool = False,
) -> Pence:
    """Return what a provider may claim for a visit of `actual_minutes` by the pay basis of the terms, in pence.

    By actual minutes this may be more than the plan: nothing beyond what was set aside is taken unless the person
    agrees to it. A fixed price (a visit, a session, a night) is claimed whole. 0 for a visit of no length.
    """
    planned = visit_price(view, day, planned_minutes, workers_needed, is_sleep_in)
    if not view.is_hourly or (is_sleep_in and view.rate(day, is_sleep_in=True) is not None):
        return planned
    minutes = paid_minutes(view, planned_minutes, actual_minutes)
    if minutes < 1:
        return Pence(0)
    return visit_price(view, day, minutes, workers_needed, is_sleep_in)


def _first_worker(view: TermsView, day: date, minutes: int, is_sleep_in: bool) -> Pence:
    if minutes < 1:
        raise ValueError("A visit lasts at least a minute")
    rate = rate_of(view, day, is_sleep_in)
    is_night = is_sleep_in and view.rate(day, is_sleep_in=True) is not None
    return visit_cost(rate, minutes) if view.is_hourly and not is_night else rate


def _percent(pence: int, percent: int) -> Pence:
    return half_up(Decimal(pence) * percent / 100)
