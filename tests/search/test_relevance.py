"""People find what they mean: the labelled set of benchmarks/relevance, smaller, against the embedded engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.relevance.catalogue import Offer, catalogue
from benchmarks.relevance.measure import Share, measure, words_known
from benchmarks.relevance.questions import misspelt, written_questions
from search import ListingQuery, SearchBackend
from search.spelling import meant_words, respelt
from search.synonyms import Synonyms
from search.tantivy_backend import TantivySearch

GENERATED = 1_500
KINDS = sorted({question.kind for question in written_questions()})


@pytest.fixture(scope="module")
def offers() -> list[Offer]:
    """The offers written by hand among generated ones."""
    return catalogue(GENERATED)


@pytest.fixture(scope="module")
def engine(offers: list[Offer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchBackend]:
    """An index of them."""
    search = TantivySearch(Path(tmp_path_factory.mktemp("relevance")))
    search.rebuild(offer.document for offer in offers)
    yield search
    search.close()


@pytest.fixture(scope="module")
def shares(engine: SearchBackend, offers: list[Offer]) -> dict[str, Share]:
    """Questions spelt right, by kind."""
    return {share.kind: share for share in measure(engine, offers, written_questions())}


@pytest.fixture(scope="module")
def misspelt_shares(engine: SearchBackend, offers: list[Offer], shares: dict[str, Share]) -> dict[str, Share]:
    """Misspellings of every second question that is found when it is spelt right."""
    failed = {question.text for share in shares.values() for question, _ in share.failed}
    right = [question for question in written_questions() if question.text not in failed]
    questions = misspelt(right[::2], words_known(offers, written_questions()), seed=17)
    return {share.kind: share for share in measure(engine, offers, questions)}


def failures(share: Share) -> list[str]:
    """Questions that were not answered, for the message of a failing test."""
    return [f"{question.text} ({question.right})" for question, _ in share.failed]


def test_the_set_is_large_and_names_only_what_is_offered(offers: list[Offer]) -> None:
    questions = written_questions()
    assert len(questions) >= 150
    facts = frozenset(fact for offer in offers for fact in offer.facts)
    assert [question.text for question in questions if not any(wanted <= facts for wanted in question.wanted)] == []
    assert len({fact for fact in facts if fact.startswith("@")}) == 15
    assert sum(offer.document.id.startswith("written-") for offer in offers) >= 150


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_meant_stands_in_the_first_five(shares: dict[str, Share], kind: str) -> None:
    assert shares[kind].percent >= 95 or len(shares[kind].failed) <= 1, failures(shares[kind])
    assert sum(share.found for share in shares.values()) >= 0.97 * sum(share.asked for share in shares.values())


def test_a_word_with_one_wrong_letter_finds_the_same(misspelt_shares: dict[str, Share]) -> None:
    single = [share for kind, share in misspelt_shares.items() if kind.startswith("one edit")]
    assert len(single) == 4
    assert sum(share.asked for share in single) > 300
    found, asked = sum(share.found for share in single), sum(share.asked for share in single)
    assert found >= 0.98 * asked, [text for share in single for text in failures(share)]


def test_a_long_word_with_two_wrong_letters_is_mostly_found(misspelt_shares: dict[str, Share]) -> None:
    share = misspelt_shares["two edits"]
    assert share.asked > 50
    assert share.percent >= 85, failures(share)


def test_the_same_questions_are_made_every_time(offers: list[Offer]) -> None:
    questions = written_questions()
    known = words_known(offers, questions)
    assert list(misspelt(questions, known)) == list(misspelt(questions, known))
    assert all(question.text != question.right for question in misspelt(questions, known))


class Counts:
    """An index that knows a few words."""

    words = {"beeches": 3, "chair": 40, "choir": 9, "money": 50, "monday": 5, "works": 1}  # noqa: RUF012

    def is_known(self, word: str, *, is_open: bool) -> bool:
        """See `WordCounts.is_known`."""
        return word in self.words or (is_open and any(known.startswith(word) for known in self.words))

    def near(self, word: str, typos: int) -> list[str]:
        """See `WordCounts.near`."""
        return list(self.words)

    def how_common(self, word: str) -> int:
        """See `WordCounts.how_common`."""
        return self.words.get(word, 0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("beches ", {"beches": "beeches"}),
        ("chiors ", {"chiors": "choir"}),
        ("lnuch club", {"lnuch": "lunch"}),
        ("mondy group", {"mondy": "monday"}),
        ("work ome help", {"ome": "home"}),
        ("beech", {}),
        ("hoist", {}),
        ("zzzqqqxxx", {}),
        ("pa 24x7", {}),
        ("", {}),
    ],
)
def test_misspelt_words_are_put_right_from_listings_and_synonyms(text: str, meant: dict[str, str]) -> None:
    synonyms = Synonyms([("lunch club", "dining club"), ("hoist", "lift"), ("home help", "housework")])
    found = meant_words(text, synonyms, Counts())
    assert {word: other for word, other in found.items() if word != "work"} == meant


def test_a_text_with_nothing_misspelt_is_not_written_anew() -> None:
    assert respelt("Lunch Club", {}) is None
    assert respelt("Lnuch Club!", {"lnuch": "lunch"}) == "lunch club"


def test_a_name_that_is_near_a_service_word_is_still_found(tmp_path: Path) -> None:
    offers = catalogue(0)
    search = TantivySearch(tmp_path)
    document = offers[0].document
    search.rebuild([*(offer.document for offer in offers), type(document)(id="own", name="Cleanora Partners")])
    assert search.search(ListingQuery(text="cleanora")).hits[0].id == "own"
    assert "own" in [hit.id for hit in search.search(ListingQuery(text="cleanorra")).hits]


def test_an_answer_explains_itself_with_the_word_that_was_meant(engine: SearchBackend) -> None:
    answer = engine.search(ListingQuery(text="domicilliary care"))
    assert answer.suggestion == "domiciliary care"
    assert answer.hits[0].matched
