"""Asks the questions as the market's page does and counts which are answered among the first five."""

from collections.abc import Iterable
from typing import Final

import msgspec

from benchmarks.relevance.catalogue import Offer
from benchmarks.relevance.questions import Question
from marketplace.providers.service.kind_words import kinds_named
from search import ListingQuery, SearchBackend

FIRST: Final = 5


class Share(msgspec.Struct):
    """How the questions of one kind were answered."""

    kind: str
    asked: int = 0
    found: int = 0
    on_top: int = 0
    """Answered by the very first result."""
    failed: list[tuple[Question, list[str]]] = msgspec.field(default_factory=list)
    """Questions not answered, with the names of what came instead."""

    @property
    def percent(self) -> float:
        """Share found, in percent."""
        return 100 * self.found / self.asked


def asked(question: Question) -> ListingQuery:
    """Write a question as the page does: words that name a kind of support are taken as that kind."""
    categories = [category.value for category in kinds_named(question.text)]
    return ListingQuery(text="" if categories else question.text, categories=categories, per_page=FIRST)


def measure(search: SearchBackend, offers: Iterable[Offer], questions: Iterable[Question]) -> list[Share]:
    """Ask and count, by kind in the order asked."""
    by_id = {offer.document.id: offer for offer in offers}
    shares: dict[str, Share] = {}
    for question in questions:
        share = shares.setdefault(question.kind, Share(question.kind))
        hits = [by_id[hit.id] for hit in search.search(asked(question)).hits]
        share.asked += 1
        share.on_top += bool(hits) and question.is_answered_by(hits[0])
        if any(question.is_answered_by(offer) for offer in hits):
            share.found += 1
        else:
            share.failed.append((question, [offer.document.name for offer in hits]))
    return list(shares.values())


def words_known(offers: Iterable[Offer], questions: Iterable[Question]) -> frozenset[str]:
    """Folded words of the listings and of what people type."""
    from search.words import words_of

    texts = [f"{offer.document.name} {offer.document.summary}" for offer in offers]
    return frozenset(word for text in [*texts, *(question.text for question in questions)] for word in words_of(text))
