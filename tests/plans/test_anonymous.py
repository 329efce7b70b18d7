"""Whether a story tells who it is about: what is refused, and what somebody should look at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.plans.anonymous import Found, known_in, names_in_entry, to_look_at


@pytest.mark.parametrize(
    ("text", "known", "found"),
    [
        ("Then ada went home.", ["Ada"], ["Ada"]),
        ("It is Ada’s garden.", ["Ada"], ["Ada"]),
        ("A parade of ducks.", ["Ada"], []),
        ("She lives near pr12he now.", ["PR1 2HE"], ["PR1 2HE"]),
        ("Call 01772 123 456.", ["01772123456"], ["01772123456"]),
        ("Mrs van der Berg likes it.", ["van der Berg"], ["van", "der", "Berg"]),
        ("It is a good plan.", ["Jo It"], []),
        ("He will swim. Will he?", ["Will"], []),
        ("Then Will swims.", ["Will"], []),
        ("She likes rose tea with rob.", ["Rose", "Rob"], []),
        ("She and Rose have tea.", ["Rose"], ["Rose"]),
        ("We met Rose’s friend.", ["Rose"], ["Rose"]),
        ("Her sister Zoë helps.", ["Zoë Łuk"], ["Zoë"]),
        ("For a long day with Lee.", ["Lee Long"], ["Lee"]),
        ("Nothing of that.", ["", "  "], []),
    ],
)
def test_what_is_known_is_found_as_a_word(text: str, known: list[str], found: list[str]) -> None:
    assert known_in(text, known) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She likes to swim. Then she rests.", []),
        ("I go there on Monday. It's good.", []),
        ("He met Barbara at the club.", [Found("A name or a place", "Barbara")]),
        ("Leyland is where he lives.", [Found("A name or a place", "Leyland")]),
        ("It began on 12 May 2026.", [Found("A day or a year", "12 May 2026")]),
        ("It began on 3/4/26 and in 1987.", [Found("A day or a year", "3/4/26"), Found("A day or a year", "1987")]),
        ("A man aged 47, now 48 years old.", [Found("An age", "aged 47"), Found("An age", "48 years old")]),
        ("He is at a@b.uk.", [Found("A way to reach somebody", "a@b.uk.")]),
        ("He is in DN1 3BU.", [Found("A way to reach somebody", "DN1 3BU")]),
        ("He lives at 12 mill lane now.", [Found("A way to reach somebody", "12 mill lane")]),
    ],
)  # fmt: skip
def test_what_looks_like_a_trace_is_listed(text: str, found: list[Found]) -> None:
    assert to_look_at(text) == found


@pytest.mark.parametrize(
    ("words", "names"),
    [("my dog Rex", ["Rex"]), ("sue", ["sue"]), ("the library ladies", []), ("Lee Long", ["Lee", "Long"]), ("", [])],
)
def test_names_are_told_from_what_people_are(words: str, names: list[str]) -> None:
    assert names_in_entry(words) == names


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_is_read_and_only_what_stands_in_it_is_named(text: str, known: list[str]) -> None:
    folded = " ".join(text.split()).lower().replace(" ", "")
    for name in known_in(text, known):
        assert name.lower().replace(" ", "")[:1] in folded
    assert all(one.text for one in to_look_at(text))
