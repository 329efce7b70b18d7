"""The law is read by date: wages from 1 April, the rest from 6 April."""

from datetime import date

import pytest

from marketplace.accounts.law import LawUnknown, age_on, law, law_book, legal_wage, tax_month, tax_week, year_start
from tests.factories_law import make_book


async def test_a_figure_is_that_of_its_day(db):
    assert await law(db, "wage_21", date(2026, 3, 31)) == 1_221
    assert await law(db, "wage_21", date(2026, 4, 1)) == 1_271
    assert await law(db, "sick_pay", date(2026, 4, 5)) == 11_875
    assert await law(db, "sick_pay", date(2026, 4, 6)) == 12_325


async def test_a_day_before_every_figure_is_refused(db):
    with pytest.raises(LawUnknown):
        await law(db, "wage_21", date(2025, 3, 31))
    with pytest.raises(LawUnknown):
        await law(db, "no_such_figure", date(2026, 4, 1))


async def test_the_book_in_the_database_is_the_book_of_the_tests(db):
    kept, made = await law_book(db, date(2026, 4, 6)), make_book(date(2026, 4, 6))
    values = {key: [(one.value, one.starts_on) for one in found] for key, found in kept.figures.items()}
    assert values == {key: [(one.value, one.starts_on) for one in found] for key, found in made.figures.items()}


def test_the_book_is_opened_at_other_days():
    book = make_book(date(2026, 4, 5))
    assert (book["wage_21"], book["sick_pay"]) == (1_271, 11_875)
    assert book.at(date(2026, 4, 6))["sick_pay"] == 12_325
    assert book.changes(date(2026, 1, 1), date(2027, 1, 1)) == [date(2026, 4, 1), date(2026, 4, 6)]


def test_a_year_that_nobody_entered_is_said():
    assert not make_book(date(2027, 3, 31)).is_carried
    assert make_book(date(2027, 4, 1)).is_carried
    assert not make_book(date(2027, 4, 1), ("wage_21", 1_300, date(2027, 4, 1))).is_carried


@pytest.mark.parametrize(
    ("born_on", "pence"),
    [
        (None, 1_271),
        (date(2005, 4, 6), 1_271),
        (date(2005, 4, 7), 1_085),
        (date(2008, 4, 6), 1_085),
        (date(2008, 4, 7), 800),
    ],
)
def test_the_wage_goes_by_age(born_on, pence):
    assert legal_wage(make_book(date(2026, 4, 6)), born_on) == pence


def test_a_leap_day_child_is_older_on_1_march():
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18


def test_tax_weeks_and_months():
    assert year_start(date(2027, 4, 5)) == date(2026, 4, 6)
    assert (tax_week(date(2026, 4, 6)), tax_week(date(2026, 4, 13))) == (1, 2)
    # 5 April is in week 53; in a leap year so is 4 April.
    assert (tax_week(date(2027, 4, 4)), tax_week(date(2027, 4, 5))) == (52, 53)
    assert (tax_week(date(2028, 4, 4)), tax_week(date(2028, 4, 5))) == (53, 53)
    assert (tax_month(date(2026, 4, 6)), tax_month(date(2026, 5, 5)), tax_month(date(2026, 5, 6))) == (1, 1, 2)
    assert (tax_month(date(2027, 1, 5)), tax_month(date(2027, 4, 5))) == (9, 12)
