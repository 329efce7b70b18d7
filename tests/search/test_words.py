"""Words, units, synonyms and guesses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.synonyms import DEFAULT_GROUPS, PhraseFinder, Synonyms
from search.units import MAX_UNITS, Explainer, Unit, units_of
from search.words import clean, fold, stem, typo_distance, typos_allowed, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("O’Brien's CAFÉ", ["obriens", "cafe"]),
        ("Nguyễn, Ó Súilleabháin", ["nguyen", "o", "suilleabhain"]),
        ("day-care_centre/24h", ["day", "care", "centre", "24h"]),
        ("\x00\ud800 \U0001f3b6", []),
        ("ﬁne ①", ["fine", "1"]),
        ("straße", ["strasse"]),
        ("x" * 90, ["x" * 40, "x" * 40, "x" * 10]),
    ],
)
def test_texts_are_folded_and_cut(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_becomes_words_that_stay_the_same(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    clean(text).encode()
    fold(text).encode()


def test_stems_join_the_forms_of_a_word() -> None:
    assert stem("hoists") == stem("hoist")
    assert stem("carers") == stem("carer")
    assert stem("swimming") == stem("swim")
    assert stem("רעות") == "רעות"


@pytest.mark.parametrize(("word", "typos"), [("car", 0), ("care", 1), ("respite", 1), ("dementia", 2), ("pr11aa", 0)])
def test_longer_words_may_hold_more_typos(word: str, typos: int) -> None:
    assert typos_allowed(word) == typos


@pytest.mark.parametrize(
    ("word", "other", "distance"),
    [
        ("respite", "respite", 0),
        ("respite", "respit", 1),
        ("respite", "respiet", 1),
        ("respite", "rispete", 2),
        ("respite", "despites", 2),
        ("respite", "hospice", None),
        ("", "ab", 2),
    ],
)
def test_typos_are_counted_with_swaps(word: str, other: str, distance: int | None) -> None:
    assert typo_distance(word, other, 2) == distance
    assert typo_distance(other, word, 2) == distance


@settings(deadline=None)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.integers(0, 2))
def test_a_limit_only_cuts_off_larger_distances(word: str, other: str, limit: int) -> None:
    whole = typo_distance(word, other, 8)
    assert whole is not None
    assert typo_distance(word, other, limit) == (whole if whole <= limit else None)


def test_units_join_known_phrases_and_drop_small_words() -> None:
    units = units_of("looking for a support worker for the football", Synonyms.default())
    assert [unit.words for unit in units] == [("support", "worker"), ("football",)]
    assert ("carer",) in units[0].synonyms
    assert [unit.is_prefix for unit in units] == [False, True]


def test_small_words_alone_are_asked_for() -> None:
    assert [unit.words for unit in units_of("for me ", Synonyms.default())] == [("for",), ("me",)]


def test_help_and_get_are_small_words_outside_known_phrases() -> None:
    def asked(text: str) -> list[tuple[str, ...]]:
        return [unit.words for unit in units_of(text, Synonyms.default())]

    assert asked("someone to help me get to football") == [("football",)]
    assert asked("home help ") == [("home", "help")]
    assert asked("help") == [("help",)]


def test_a_space_closes_the_last_word_and_long_questions_are_cut() -> None:
    assert not units_of("swim ", Synonyms([]))[-1].is_prefix
    assert len(units_of(" ".join(f"word{n}" for n in range(50)), Synonyms([]))) == MAX_UNITS


def test_own_synonyms_join_the_usual_ones() -> None:
    synonyms = Synonyms.default([("warm hub", "warm space"), ("carer", "befriender in kind")])
    assert synonyms.longest(["warm", "hubs"]) == (2, (("warm", "space"),))
    assert ("befriender", "in", "kind") in synonyms.longest(["carers"])[1]
    assert ("care", "worker") in synonyms.longest(["carers"])[1]
    assert synonyms.longest(["unheard"]) == (0, ())


def test_the_usual_groups_are_folded_words_without_repetition() -> None:
    for group in DEFAULT_GROUPS:
        assert len(group) == len(set(group)) > 1
        assert all(" ".join(words_of(phrase)) == phrase for phrase in group)


def test_phrases_are_found_in_stemmed_text() -> None:
    finder = PhraseFinder(Synonyms.default([("warm hub", "warm and well")]).terms())
    stems = [stem(word) for word in ["our", "care", "workers", "run", "warm", "and", "well", "hubs"]]
    assert finder.terms_in(stems) == ["care_worker", "warm_and_well"]
    assert finder.terms_in([]) == []


def test_an_explanation_prefers_what_was_asked() -> None:
    unit = Unit(("carer",), (("care", "worker"), ("support", "worker")))
    assert Explainer([unit]).matched(["carers", "care", "worker"]) == ["carers"]
    assert Explainer([unit]).matched(["support", "workers"]) == ["support workers"]
    assert Explainer([unit]).matched(["carre"]) == ["carre"]
    assert Explainer([unit], {"carer"}).matched(["carre"]) == []
    assert Explainer([unit]).matched([]) == []
