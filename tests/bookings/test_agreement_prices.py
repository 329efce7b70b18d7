"""Prices of visits under agreed terms, case by case."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import AgreementRate, AgreementTerms, PayBasis
from marketplace.bookings.service.agreements.prices import (
    TermsView,
    claim_of,
    owed_if_called_off,
    paid_minutes,
    rate_of,
    retainer_of,
    terms_on,
    visit_price,
)
from marketplace.bookings.states import TermsStatus
from marketplace.core.clock import instant
from marketplace.core.ids import new_id
from marketplace.providers.models import DayKind, PriceUnit
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene

MONDAY, SATURDAY, SUNDAY = date(2027, 3, 1), date(2027, 3, 6), date(2027, 3, 7)
GOOD_FRIDAY, EASTER_MONDAY = date(2027, 3, 26), date(2027, 3, 29)
RATES = {DayKind.ANY: 1_600, DayKind.SATURDAY: 1_800, DayKind.SUNDAY: 2_000, DayKind.BANK_HOLIDAY: 3_200}
NO_ID = UUID(int=0)


def view_of(
    rates: dict[DayKind, int] | None = None, nights: dict[DayKind, int] | None = None, **given: Any
) -> TermsView:
    """Terms at £16 an hour with dearer weekends."""
    values = {
        "id": new_id(),
        "number": 1,
        "status": TermsStatus.AGREED,
        "starts_on": MONDAY,
        "price_unit": PriceUnit.HOUR,
        "free_cancel_hours": 24,
        "late_cancel_percent": 50,
        "retainer_percent": 25,
        "retainer_days": 14,
        "pay_basis": PayBasis.CAPPED,
        "tolerance_minutes": 5,
        "second_worker_percent": 100,
    }
    return TermsView(AgreementTerms(**{**values, **given}), RATES if rates is None else rates, nights or {})


@pytest.mark.parametrize(
    ("day", "pence"),
    [(MONDAY, 1_200), (SATURDAY, 1_350), (SUNDAY, 1_500), (GOOD_FRIDAY, 2_400), (EASTER_MONDAY, 2_400)],
)
def test_the_most_special_kind_of_day_makes_the_rate(day: date, pence: int) -> None:
    assert visit_price(view_of(), day, 45) == pence


def test_a_bank_holiday_without_a_rate_costs_what_its_weekday_costs() -> None:
    assert visit_price(view_of({DayKind.ANY: 1_600, DayKind.WEEKDAY: 1_500}), GOOD_FRIDAY, 60) == 1_500


def test_a_substitute_bank_holiday_and_a_leap_day_have_their_rates() -> None:
    # Christmas Day 2027 is a Saturday, so Monday the 27th is the holiday, too; 29 February 2028 is a Tuesday.
    assert visit_price(view_of(), date(2027, 12, 27), 60) == 3_200
    assert visit_price(view_of(), date(2028, 2, 29), 60) == 1_600


def test_a_double_up_pays_the_second_worker_by_percent() -> None:
    assert visit_price(view_of(second_worker_percent=75), MONDAY, 30, 2) == 800 + 600
    assert visit_price(view_of(second_worker_percent=0), MONDAY, 30, 2) == 800


def test_a_place_at_an_activity_costs_its_session() -> None:
    assert visit_price(view_of({DayKind.ANY: 450}, price_unit=PriceUnit.SESSION), MONDAY, 120, 0) == 450


def test_what_is_priced_by_the_visit_costs_the_same_at_any_length() -> None:
    view = view_of({DayKind.ANY: 2_200}, price_unit=PriceUnit.VISIT)
    assert visit_price(view, MONDAY, 30) == visit_price(view, MONDAY, 90) == 2_200


def test_a_free_offer_costs_nothing() -> None:
    view = view_of({}, price_unit=PriceUnit.FREE)
    assert visit_price(view, MONDAY, 60) == rate_of(view, MONDAY) == 0


def test_a_sleep_in_is_a_fixed_price_of_the_night_it_begins() -> None:
    view = view_of(nights={DayKind.ANY: 6_000, DayKind.SUNDAY: 7_500})
    assert visit_price(view, SATURDAY, 600, is_sleep_in=True) == 6_000
    assert visit_price(view, SUNDAY, 540, is_sleep_in=True) == 7_500
    assert rate_of(view, SUNDAY, True) == 7_500


def test_a_sleep_in_without_a_price_is_charged_by_its_hours() -> None:
    assert visit_price(view_of(), MONDAY, 600, is_sleep_in=True) == 16_000


def test_a_night_of_a_clock_change_costs_what_any_other_night_costs() -> None:
    rates = {DayKind.ANY: 1_600}
    spring, autumn, usual = date(2027, 3, 27), date(2027, 10, 30), date(2027, 5, 8)
    assert visit_price(view_of(rates), spring, 480) == visit_price(view_of(rates), autumn, 480)
    assert visit_price(view_of(rates), usual, 480) == visit_price(view_of(rates), spring, 480) == 12_800


def test_a_visit_of_no_length_has_no_price() -> None:
    with pytest.raises(ValueError, match="at least a minute"):
        visit_price(view_of(), MONDAY, 0)


def test_the_terms_of_a_day_are_the_agreed_ones_that_began_last() -> None:
    first = view_of()
    second = view_of(number=2, starts_on=SATURDAY)
    lapsed = view_of(number=3, starts_on=SATURDAY, status=TermsStatus.LAPSED)
    corrected = view_of(number=4, starts_on=SATURDAY)
    assert terms_on([second, lapsed, first], date(2027, 2, 28)) is None
    assert terms_on([second, lapsed, first], MONDAY) is first
    assert terms_on([second, lapsed, first], SATURDAY) is second
    assert terms_on([corrected, second, first], SUNDAY) is corrected


def test_calling_off_is_free_up_to_the_hours_agreed_and_costs_a_part_after() -> None:
    starts = instant(SATURDAY, time(10))
    assert owed_if_called_off(view_of(), starts, starts - timedelta(hours=24), 1_601) == 0
    assert owed_if_called_off(view_of(), starts, starts - timedelta(hours=23, minutes=59), 1_601) == 801


def test_a_retainer_is_owed_for_the_first_days_of_a_pause() -> None:
    assert [retainer_of(view_of(), day, 1_600) for day in (0, 1, 14, 15)] == [0, 400, 400, 0]


@pytest.mark.parametrize(
    ("basis", "actual", "minutes"),
    [
        (PayBasis.PLANNED, 20, 45),
        (PayBasis.ACTUAL, 20, 20),
        (PayBasis.ACTUAL, 70, 70),
        (PayBasis.CAPPED, 70, 45),
        (PayBasis.CAPPED, 20, 20),
        (PayBasis.ACTUAL, 41, 45),
        (PayBasis.ACTUAL, 50, 45),
    ],
)
def test_the_pay_basis_says_which_minutes_are_paid(basis: PayBasis, actual: int, minutes: int) -> None:
    assert paid_minutes(view_of(pay_basis=basis), 45, actual) == minutes
    assert claim_of(view_of(pay_basis=basis), MONDAY, 45, actual) == visit_price(view_of(), MONDAY, minutes)


def test_a_fixed_price_is_claimed_whole() -> None:
    assert claim_of(view_of({DayKind.ANY: 2_200}, price_unit=PriceUnit.VISIT), MONDAY, 45, 10) == 2_200
    assert claim_of(view_of(nights={DayKind.ANY: 6_000}), MONDAY, 600, 560, is_sleep_in=True) == 6_000
    assert claim_of(view_of(), MONDAY, 45, 0) == 0


def test_rates_of_another_version_are_left_out() -> None:
    terms = view_of().terms
    mine = AgreementRate(terms_id=terms.id, day_kind=DayKind.ANY, is_sleep_in=False, price_pence=1)
    night = AgreementRate(terms_id=terms.id, day_kind=DayKind.ANY, is_sleep_in=True, price_pence=2)
    other = AgreementRate(terms_id=NO_ID, day_kind=DayKind.SUNDAY, is_sleep_in=False, price_pence=3)
    view = TermsView.of(terms, [mine, night, other])
    assert (view.rates, view.nights) == ({DayKind.ANY: 1}, {DayKind.ANY: 2})
    assert view.rate_kind(SUNDAY) is DayKind.ANY


@given(
    rate=st.integers(0, 100_000),
    minutes=st.integers(1, 1_440),
    percent=st.integers(0, 100),
    day=st.dates(date(2027, 3, 1), date(2030, 12, 31)),
)
def test_a_double_up_costs_between_one_and_two_visits(rate: int, minutes: int, percent: int, day: date) -> None:
    view = view_of({DayKind.ANY: rate}, second_worker_percent=percent)
    one, two = visit_price(view, day, minutes), visit_price(view, day, minutes, 2)
    assert one <= two <= 2 * one


@given(
    cost=st.integers(0, 10_000_000),
    percent=st.integers(0, 100),
    hours=st.integers(0, 720),
    before=st.integers(0, 1_000 * 60),
)
def test_what_is_owed_for_a_late_call_off_is_nothing_or_its_part(
    cost: int, percent: int, hours: int, before: int
) -> None:
    starts = datetime(2027, 6, 1, 9, tzinfo=UTC)
    view = view_of(free_cancel_hours=hours, late_cancel_percent=percent)
    owed = owed_if_called_off(view, starts, starts - timedelta(minutes=before), cost)
    assert owed == (0 if before >= hours * 60 else half_up_percent(cost, percent))
    assert owed <= cost


def half_up_percent(pence: int, percent: int) -> int:
    """The same in whole numbers."""
    return (pence * percent * 2 + 100) // 200


async def test_a_made_agreement_counts_from_its_first_day(db: AsyncSession) -> None:
    made = await make_agreement(db, await make_scene(db))
    assert terms_on([made.view], made.agreement.starts_on) is not None
    assert visit_price(made.view, SUNDAY, 60) == 2_000
    assert made.patterns[0].weekday == 4
