"""Our own words as taxonomies of the standard: kinds of support, needs, interests, concessions."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from marketplace.accounts.words import INTERESTS, NEEDS
from marketplace.providers.models import CATEGORY_LABELS, CONCESSIONS, Listing
from marketplace.providers.service.open_referral.ids import stable_id

VERSION: Final = "1"


class Term(NamedTuple):
    """A word of a taxonomy."""

    id: UUID
    taxonomy: str
    code: str
    label: str


class Taxonomy(NamedTuple):
    """A list of words."""

    id: UUID
    name: str
    title: str
    description: str
    terms: dict[str, Term]


def _taxonomy(name: str, title: str, description: str, words: dict[str, str]) -> Taxonomy:
    terms = {code: Term(stable_id("term", name, code), name, code, label) for code, label in words.items()}
    return Taxonomy(stable_id("taxonomy", name), name, title, description, terms)


TAXONOMIES: Final[dict[str, Taxonomy]] = {
    taxonomy.name: taxonomy
    for taxonomy in (
        _taxonomy(
            "categories",
            "Kinds of support",
            "What a service does. Every service has exactly one kind.",
            {category.value: label for category, label in CATEGORY_LABELS.items()},
        ),
        _taxonomy("needs", "Who it suits", "Groups of people and needs that a service says it is for.", NEEDS),
        _taxonomy("interests", "Interests", "Interests that a service is about or its worker shares.", INTERESTS),
        _taxonomy("concessions", "Concessions", "What may cost less, and for whom.", CONCESSIONS),
    )
}
"""All taxonomies by name."""

BY_ID: Final[dict[UUID, Taxonomy]] = {taxonomy.id: taxonomy for taxonomy in TAXONOMIES.values()}
TERMS: Final[dict[UUID, Term]] = {
    term.id: term for taxonomy in TAXONOMIES.values() for term in taxonomy.terms.values()
}  # fmt: skip

LINK_TYPES: Final = {
    "categories": "service type",
    "needs": "eligibility",
    "interests": "interest",
    "concessions": "concession",
}
"""What a term says of a service."""


def terms_of(listing: Listing) -> Iterator[Term]:
    """Give the terms of a listing; codes that are no longer in a list are left out."""
    codes = {
        "categories": [listing.category.value],
        "needs": listing.suits,
        "interests": listing.interests,
        "concessions": listing.concessions,
    }
    for name, chosen in codes.items():
        terms = TAXONOMIES[name].terms
        yield from (terms[code] for code in chosen if code in terms)


def term_document(term: Term, base: str) -> dict[str, Any]:
    """Write a term."""
    taxonomy = TAXONOMIES[term.taxonomy]
    return {
        "id": term.id,
        "name": term.label,
        "description": f"{taxonomy.title}: {term.label}",
        "taxonomy": taxonomy.title,
        "taxonomy_id": taxonomy.id,
        "term_uri": f"{base}/open-referral/taxonomy_terms/{term.id}",
        "term": term.code,
    }


def taxonomy_document(taxonomy: Taxonomy, base: str, *, is_full: bool = False) -> dict[str, Any]:
    """Write a taxonomy, with its terms when it is asked for alone."""
    document: dict[str, Any] = {
        "id": taxonomy.id,
        "name": taxonomy.title,
        "description": taxonomy.description,
        "uri": f"{base}/open-referral/taxonomies/{taxonomy.id}",
        "version": VERSION,
    }
    if is_full:
        document["taxonomy_terms"] = [term_document(term, base) for term in taxonomy.terms.values()]
    return document
