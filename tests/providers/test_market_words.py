"""What a sentence says beside the thing that is looked for; days and times as people look for them."""

from datetime import time

import pytest

from marketplace.providers.service.market_words import read_words
from marketplace.providers.service.times import Hours, fitting_days, parts_of, short_times, slots_of


def test_the_sentence_of_the_journey_is_taken_apart() -> None:
    read = read_words("someone to help me get to football, PR1 postcode, Saturday, female, Polish")
    assert read.words == "someone to help me get to football"
    assert read.sought == "someone to me get to football"
    assert read.place == "PR1"
    assert read.wishes == {"days": ["Saturday"], "gender": ["Female"], "languages": ["Polish"]}


@pytest.mark.parametrize(
    ("typed", "words", "place"),
    [
        ("football preston", "football", "Preston"),
        ("preston football", "football", "Preston"),
        ("carer PR1 2HE", "carer", "PR1 2HE"),
        ("carer pr12he", "carer", "PR1 2HE"),
        ("dementia cafe near Lytham St Annes", "dementia cafe", "Lytham St Annes"),
        ("home care in bath", "home care", "Bath"),
        ("bath lift", "bath lift", ""),
        ("reading group", "reading group", ""),
        ("rugby", "rugby", ""),
        ("vitamin B12 injections", "vitamin B12 injections", ""),
        ("Preston", "", "Preston"),
        ("", "", ""),
    ],
)
def test_a_place_in_the_words_is_taken_out(typed: str, words: str, place: str) -> None:
    read = read_words(typed)
    assert (read.words, read.place) == (words, place)


def test_a_place_given_apart_leaves_the_words_alone() -> None:
    assert read_words("football preston", with_place=False).words == "football preston"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("company on Tuesdays", {"days": ["Tuesday"]}),
        ("help at weekends", {"days": ["Saturday", "Sunday"]}),
        ("swimming saturday morning", {"days": ["Saturday"], "times": ["morning"]}),
        ("Sunday lunch", {}),
        ("Polish speaking carer", {"languages": ["Polish"]}),
        ("Polish club", {}),
        ("English lessons", {}),
        ("someone to polish shoes", {}),
        ("sign language", {}),
        ("british sign language interpreter", {"languages": ["British Sign Language"]}),
        ("woman carer", {"gender": ["Female"]}),
        ("man with a van", {}),
        ("male or female carer", {}),
        ("night care", {}),
    ],
)
def test_only_what_can_hardly_mean_anything_else_is_taken(typed: str, taken: dict[str, list[str]]) -> None:
    assert read_words(typed).taken == taken


def test_a_day_with_a_time_is_one_wish() -> None:
    assert read_words("swimming saturday morning").wishes == {"slots": ["Saturday-morning"]}


def test_near_me_is_no_word() -> None:
    read = read_words("carer near me")
    assert (read.words, read.is_near_me) == ("carer", True)


@pytest.mark.parametrize(
    "typed", ["\u202eabc", "😀 PR1", "a" * 200, "PR1 PR2 PR3 4AA", ",,,;;;", "'’'", "near near near"]
)
def test_odd_words_do_no_harm(typed: str) -> None:
    assert len(read_words(typed).words) <= len(typed)


def test_hours_become_parts_of_the_day() -> None:
    assert parts_of(time(9), time(12)) == ["morning"]
    assert parts_of(time(9), time(12, 15)) == ["morning"]
    assert parts_of(time(9), time(17)) == ["morning", "afternoon"]
    assert parts_of(time(18), time(23, 59)) == ["evening", "night"]
    assert parts_of(time(11, 50), time(12, 5)) == ["morning"]
    hours = [Hours(5, time(9), time(12)), Hours(1, time(18), time(20))]
    assert slots_of(hours) == ["Tuesday-evening", "Saturday-morning"]
    assert fitting_days(hours, ["Saturday", "Sunday"], []) == ["Saturday"]
    assert fitting_days(hours, ["Saturday", "Tuesday"], ["evening"]) == ["Tuesday"]


def test_weekly_hours_are_one_short_line() -> None:
    week = [Hours(day, time(9), time(17)) for day in range(5)]
    assert short_times(week) == "Monday to Friday, 9am to 5pm"
    assert short_times([Hours(1, time(9), time(10)), Hours(5, time(9), time(12))]) == "Tuesday and Saturday"
    assert short_times([]) == ""


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("somebody to help my mum wash", "somebody to my mum wash"),
        ("help me", "help me"),
        ("home help", "home help"),
        ("help with shopping", "help with shopping"),
    ],
)
def test_the_asking_is_not_looked_for(text: str, sought: str) -> None:
    assert read_words(text).sought == sought
