"""What a listing costs on a day, and that bookings show, promise and take that price; figures of listings."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from marketplace.bookings.models import Booking
from marketplace.bookings.policies import price
from marketplace.core.holidays import bank_holidays
from marketplace.core.money import Pence, visit_cost
from marketplace.providers.models import DayKind, HiddenWhy, Listing, ListingRate, PriceUnit
from marketplace.providers.service.figures import figures_of, note
from marketplace.providers.service.rates import kinds_of, price_on, rate_name, rate_on, rates_shown
from tests.browser import count
from tests.factories import make_listing, make_organisation
from tests.factories_bookings import booking_id_of, make_scene

GOOD_FRIDAY = date(2027, 3, 26)
"""Hours in the scene are Monday to Friday, so a bank holiday on a Friday can be booked."""


def rate(kind: DayKind, pence: int, starts_on: date = date(2026, 1, 1), ends_on: date | None = None) -> ListingRate:
    return ListingRate(day_kind=kind, price_pence=pence, starts_on=starts_on, ends_on=ends_on)


def listing(unit: PriceUnit = PriceUnit.HOUR) -> Listing:
    return Listing(price_pence=1_000, price_unit=unit)


@pytest.mark.parametrize(
    ("day", "pence", "name"),
    [
        (date(2027, 3, 3), 1_100, "weekday rate"),
        (date(2027, 3, 6), 1_200, "Saturday rate"),
        (date(2027, 3, 7), 1_300, "Sunday rate"),
        (GOOD_FRIDAY, 2_000, "bank holiday rate"),
        (date(2027, 12, 27), 2_000, "bank holiday rate"),  # Christmas Day is a Saturday: its Monday stands for it.
        (date(2027, 12, 25), 1_200, "Saturday rate"),
        (date(2025, 12, 31), 1_000, ""),
    ],
)
def test_the_most_special_day_decides(day, pence, name):
    rates = [
        rate(DayKind.ANY, 1_050),
        rate(DayKind.WEEKDAY, 1_100),
        rate(DayKind.SATURDAY, 1_200),
        rate(DayKind.SUNDAY, 1_300),
        rate(DayKind.BANK_HOLIDAY, 2_000),
    ]
    assert price_on(listing(), rates, day) == pence
    assert rate_name(listing(), rates, day) == name


def test_a_bank_holiday_without_its_rate_costs_what_its_weekday_costs():
    assert price_on(listing(), [rate(DayKind.WEEKDAY, 1_100)], GOOD_FRIDAY) == 1_100
    assert price_on(listing(), [rate(DayKind.SATURDAY, 1_200)], GOOD_FRIDAY) == 1_000


def test_the_newest_rate_that_has_begun_and_not_ended_counts():
    old, new = rate(DayKind.ANY, 900), rate(DayKind.ANY, 1_500, date(2027, 4, 1), date(2027, 5, 1))
    assert [
        price_on(listing(), [new, old], day) for day in (date(2027, 3, 31), date(2027, 4, 1), date(2027, 5, 1))
    ] == [
        900,
        1_500,
        900,
    ]
    assert rates_shown([new, old], date(2027, 3, 3)) == [old, new]
    assert rates_shown([new, old], date(2027, 4, 3)) == [new]


def test_free_stays_free():
    assert price_on(listing(PriceUnit.FREE), [rate(DayKind.ANY, 900)], GOOD_FRIDAY) == 0
    assert rate_name(listing(PriceUnit.FREE), [rate(DayKind.BANK_HOLIDAY, 900)], GOOD_FRIDAY) == ""


DAYS = st.dates(date(2025, 1, 1), date(2029, 12, 31))
RATES = st.lists(
    st.builds(
        lambda kind, pence, starts, length: rate(
            kind, pence, starts, None if length is None else starts + timedelta(days=length)
        ),
        st.sampled_from(list(DayKind)),
        st.integers(0, 100_000),
        DAYS,
        st.none() | st.integers(1, 900),
    ),
    max_size=12,
)


@given(RATES, DAYS)
def test_a_price_is_that_of_a_rate_of_the_day_or_the_listings_own(rates, day):
    found = rate_on(rates, day)
    fitting = [
        one
        for one in rates
        if one.day_kind in kinds_of(day) and one.starts_on <= day and (one.ends_on is None or one.ends_on > day)
    ]
    assert price_on(listing(), rates, day) == (found.price_pence if found else 1_000)
    assert (found is None) == (not fitting)
    if found:
        order = kinds_of(day)
        assert all(
            (order.index(found.day_kind), -found.starts_on.toordinal())
            <= (order.index(one.day_kind), -one.starts_on.toordinal())
            for one in fitting
        )


@given(DAYS)
def test_every_day_has_a_kind_and_only_bank_holidays_are_bank_holidays(day):
    kinds = kinds_of(day)
    assert kinds[-1] is DayKind.ANY
    assert (DayKind.BANK_HOLIDAY in kinds) == (day in bank_holidays(day.year))
    assert len(kinds) == len(set(kinds))


@given(RATES, DAYS, st.integers(15, 720))
def test_the_cost_of_a_visit_follows_the_rate_of_its_day(rates, day, minutes):
    pence = price_on(listing(), rates, day)
    assert price(listing(), pence, minutes) == visit_cost(Pence(pence), minutes)
    assert price(listing(PriceUnit.VISIT), pence, minutes) == pence


async def rated(db, scene, rates):
    for kind, pence in rates.items():
        db.add(ListingRate(listing_id=scene.listing.id, day_kind=kind, price_pence=pence, starts_on=date(2027, 1, 1)))
    await db.flush()


async def test_the_price_shown_promised_and_taken_is_that_of_the_day(browser, db):
    scene = await make_scene(db)
    await rated(db, scene, {DayKind.BANK_HOLIDAY: 3_200, DayKind.SATURDAY: 2_000})
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/new?listing={scene.listing.id}&on=2027-03-05")
    assert "£16.00 an hour" in page.words
    assert "bank holiday rate £32.00" in page.words
    page = await person.open(f"/bookings/new?listing={scene.listing.id}&on={GOOD_FRIDAY}")
    assert "£32.00 an hour on Friday 26 March 2027 (bank holiday rate)" in page.words
    form = scene.form(on=GOOD_FRIDAY, minutes=90)
    check = await person.post("/bookings/new", form, expect=200)
    check.check()
    assert "£32.00 an hour (bank holiday rate)" in check.words
    assert check.field("shown_pence") == "4800"
    sent = await person.post("/bookings", form | {"shown_pence": "4800"})
    booking = await db.get_one(Booking, booking_id_of(sent.location))
    assert (booking.rate_pence, booking.cost_pence) == (3_200, 4_800)
    assert await count(db, "listing_days", f"listing_id = '{scene.listing.id}' AND bookings = 1") == 1


async def test_a_price_that_changed_since_it_was_shown_is_not_promised(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    await db.execute(update(Listing).values(price_pence=1_900))
    for shown in ("1600", "x"):
        page = await person.post("/bookings", scene.form(shown_pence=shown), expect=422)
        assert page.errors()
    assert "it is now £19.00" in (await person.post("/bookings", scene.form(shown_pence="1600"), expect=422)).words
    assert await count(db, "bookings") == 0


async def test_a_short_purse_is_told_what_the_rate_of_the_day_allows(browser, db):
    scene = await make_scene(db, balance_pence=4_000)
    await rated(db, scene, {DayKind.BANK_HOLIDAY: 3_200})
    person = await browser.signed_in(scene.member)
    page = await person.post("/bookings/new", scene.form(on=GOOD_FRIDAY, minutes=120), expect=422)
    assert "1 hour 15 minutes fits what you have left" in page.words


async def test_a_listing_off_the_market_is_not_booked(browser, db):
    scene = await make_scene(db, listing={"hidden_why": HiddenWhy.COUNCIL})
    person = await browser.signed_in(scene.member)
    await person.post("/bookings", scene.form(), expect=404)
    assert await count(db, "bookings") == 0


async def test_figures_add_up_by_week(db, clock):
    made = await make_listing(db, await make_organisation(db))
    await note(db, made.id)
    assert await count(db, "listing_days") == 0
    await note(db, made.id, views=1)
    await note(db, made.id, views=2, saves=1)
    clock.advance(timedelta(days=-7))
    await note(db, made.id, views=5, questions=1, bookings=1)
    clock.advance(timedelta(days=7))
    weeks = await figures_of(db, made.id)
    assert len(weeks) == 12
    assert (weeks[-1].monday, weeks[-1].views, weeks[-1].saves, weeks[-1].bookings) == (date(2027, 3, 1), 3, 1, 0)
    assert (weeks[-2].views, weeks[-2].questions, weeks[-2].bookings) == (5, 1, 1)
    assert weeks[0].views == 0
    assert await count(db, "listing_days") == 2
