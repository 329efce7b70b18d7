"""Reading forms: every message at once, hostile text is only text."""

from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.words import Gender
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader


def test_every_wrong_field_is_named_at_once() -> None:
    form = FormReader({"age": "x", "when-day": "31", "when-month": "2", "when-year": "2027"})
    form.text("name", "your name")
    form.number("age", "your age", least=0, most=120)
    form.day("when", "the date of the visit")
    with pytest.raises(InvalidInput) as caught:
        form.done()
    assert caught.value.fields == {
        "name": "Enter your name",
        "age": "Your age must be a whole number, like 1",
        "when": "The date of the visit must be a real date, like 27 3 2027",
    }


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("8:30", time(8, 30)),
        ("08.30", time(8, 30)),
        ("8am", time(8)),
        ("12am", time(0)),
        ("12:15 pm", time(12, 15)),
        ("17:15", time(17, 15)),
        ("midday", time(12)),
        ("Midnight", time(0)),
        ("8", None),
        ("25:00", None),
        ("13pm", None),
        ("8:61", None),
    ],
)
def test_times_are_read_as_people_type_them(typed: str, read: time | None) -> None:
    form = FormReader({"at": typed})
    assert form.clock_time("at", "the start time") == read
    assert bool(form.errors) == (read is None)


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        (("27", "3", "2027"), date(2027, 3, 27)),
        (("29", "2", "2028"), date(2028, 2, 29)),
        (("", "3", "2027"), None),
        (("1", "1", "27"), None),
        (("\u0661", "1", "2027"), None),
    ],
)
def test_dates_come_in_three_fields(parts: tuple[str, str, str], read: date | None) -> None:
    form = FormReader(dict(zip(("d-day", "d-month", "d-year"), parts, strict=True)))
    assert form.day("d", "the date") == read
    assert bool(form.errors) == (read is None)


def test_money_has_bounds_in_words() -> None:
    form = FormReader({"a": "1,000,000,000.00", "b": "0.50", "c": "12.345"})
    form.pounds("a", "the amount")
    form.pounds("b", "the rate", least=100)
    form.pounds("c", "the fee")
    assert form.errors == {
        "a": "The amount must be £999,999,999.99 or less",
        "b": "The rate must be £1.00 or more",
        "c": "The fee must be an amount in pounds, like 75 or 75.50",
    }


def test_names_of_all_kinds_are_kept_as_typed() -> None:
    for name in ("O'Brien", "Nguyễn", "Ó Súilleabháin", "=cmd()", "Null", "<script>", "محمد", "👩🏽‍🦽"):
        assert FormReader({"name": f"  {name} "}).text("name", "your name") == name


def test_control_characters_are_refused_and_lone_surrogates_too() -> None:
    for bad in ("a\x00b", "a\x1bb", "a\ud800b"):
        form = FormReader({"name": bad})
        form.text("name", "your name")
        assert form.errors == {"name": "Your name must not hold control characters"}


def test_a_field_that_comes_twice_counts_once_and_lists_keep_the_order_of_options() -> None:
    form = FormReader({"name": ["first", "second"], "likes": ["b", "a", "zzz"]})
    assert form.raw("name") == "second"
    assert form.options("likes", "what you like", ["a", "b", "c"]) == ["a", "b"]
    assert form.errors == {"likes": "Select what you like from the list"}


VALUES = st.one_of(st.none(), st.text(max_size=60), st.lists(st.text(max_size=10), max_size=3), st.integers())


@given(st.dictionaries(st.sampled_from(["f", "f-day", "f-month", "f-year"]), VALUES))
def test_no_input_makes_reading_fail(data: dict[str, Any]) -> None:
    for read in (
        lambda form: form.text("f", "it"),
        lambda form: form.number("f", "it", least=1, most=9),
        lambda form: form.pounds("f", "it"),
        lambda form: form.day("f", "it"),
        lambda form: form.clock_time("f", "it"),
        lambda form: form.postcode("f", "it"),
        lambda form: form.email("f", "it"),
        lambda form: form.id("f", "it"),
        lambda form: form.choice("f", "it", Gender),
        lambda form: form.option("f", "it", ["a"]),
        lambda form: form.options("f", "it", ["a"]),
        lambda form: form.ticked("f"),
    ):
        read(FormReader(data))
