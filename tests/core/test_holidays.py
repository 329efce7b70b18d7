"""Bank holidays: published, by rule, and never fetched."""

import socket
from datetime import date
from typing import Any

import pytest

from marketplace.core import holidays
from marketplace.core.holidays import bank_holidays, by_rule


def test_the_standing_rules_give_what_was_published() -> None:
    published = holidays._published_holidays()
    one_offs = {2012, 2020, 2022, 2023}
    # The list may begin and end within a year.
    whole = {day.year for day in published if len([other for other in published if other.year == day.year]) >= 8}
    assert {2024, 2025, 2026, 2027} <= whole
    for year in whole - one_offs:
        assert by_rule(year) == {day for day in published if day.year == year} == bank_holidays(year), year


def test_one_off_holidays_come_from_the_published_list() -> None:
    assert date(2022, 9, 19) in bank_holidays(2022)
    assert date(2022, 9, 19) not in by_rule(2022)


@pytest.mark.parametrize(
    "day", [date(2035, 3, 26), date(2045, 4, 10), date(2045, 12, 26)]
)  # Two Easter Mondays and a Boxing Day
def test_years_beyond_the_published_list_still_have_holidays(day: date) -> None:
    assert day in bank_holidays(day.year)


def test_bank_holidays_never_call_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("bank holidays went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    holidays._published_holidays.cache_clear()
    assert holidays._published_holidays()
