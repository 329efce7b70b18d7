"""The rule on regulated care, without a database (V2)."""

import itertools

import pytest

from marketplace.providers.models import ListingCategory, OrganisationKind, RegulatedBasis
from marketplace.providers.service.regulated import (
    ALWAYS_REGULATED,
    DIRECT,
    DIRECT_FOR_PEOPLE,
    INTRODUCTIONS,
    STATUS_TEST,
    regulated_rule,
)

BODIES = [kind for kind in OrganisationKind if kind is not OrganisationKind.SOLE_PA]


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_not_registered_cannot_offer_personal_care(kind: OrganisationKind) -> None:
    for is_directly_engaged in (False, True):
        verdict = regulated_rule(ListingCategory.COMMUNITY, True, kind, False, is_directly_engaged)
        assert not verdict.allowed
        assert "This is a regulated activity" in verdict.words


@pytest.mark.parametrize("kind", list(OrganisationKind))
def test_whoever_is_registered_can_offer_it(kind: OrganisationKind) -> None:
    verdict = regulated_rule(ListingCategory.HOME_CARE, True, kind, True, False)
    assert verdict.allowed
    assert verdict.basis is RegulatedBasis.REGISTERED


def test_an_individual_whom_the_person_engages_can_offer_it_and_reads_the_test() -> None:
    verdict = regulated_rule(ListingCategory.PERSONAL_ASSISTANT, True, OrganisationKind.SOLE_PA, False, True)
    assert verdict.allowed
    assert verdict.basis is RegulatedBasis.DIRECTLY_ENGAGED
    for words in ("hires and pays you", "decides what you do", "no agency stands between you"):
        assert words in verdict.words
    assert len(STATUS_TEST) == 4


def test_somebody_who_works_through_a_company_of_their_own_is_supplied_by_it() -> None:
    verdict = regulated_rule(
        ListingCategory.PERSONAL_ASSISTANT, True, OrganisationKind.SOLE_PA, False, True, is_company=True
    )
    assert not verdict.allowed
    assert verdict.basis is RegulatedBasis.REGISTERED
    assert "A limited company that supplies a worker must be registered" in verdict.words
    # Without personal care, or registered, the company may.
    kind = OrganisationKind.SOLE_PA
    assert regulated_rule(ListingCategory.PERSONAL_ASSISTANT, False, kind, False, True, is_company=True).allowed
    assert regulated_rule(ListingCategory.PERSONAL_ASSISTANT, True, kind, True, False, is_company=True).allowed


def test_the_wording_names_control_pay_agency_and_lawful_authority() -> None:
    test = " ".join(STATUS_TEST)
    for words in ("may by law act for them", "decides what you do", "pays you", "No agency stands between you"):
        assert words in test
    for words in ("may act for them by law", "does not manage your work", "no agency stands between you"):
        assert words in DIRECT
    for words in ("no ongoing role", "set rotas", "in a worker’s place", "direct their care"):
        assert words in INTRODUCTIONS
    assert "not registered with the Care Quality Commission" in DIRECT_FOR_PEOPLE


def test_an_individual_with_an_agency_in_between_cannot() -> None:
    verdict = regulated_rule(ListingCategory.PERSONAL_ASSISTANT, True, OrganisationKind.SOLE_PA, False, False)
    assert not verdict.allowed
    assert "no agency in between" in verdict.words


@pytest.mark.parametrize("category", sorted(set(ListingCategory) - ALWAYS_REGULATED))
def test_without_personal_care_nobody_needs_a_registration(category: ListingCategory) -> None:
    for kind in OrganisationKind:
        verdict = regulated_rule(category, False, kind, False, False)
        assert verdict.allowed
        assert verdict.basis is RegulatedBasis.NOT_REGULATED


@pytest.mark.parametrize("category", sorted(ALWAYS_REGULATED))
def test_home_care_and_care_homes_are_for_registered_bodies(category: ListingCategory) -> None:
    for kind in OrganisationKind:
        assert not regulated_rule(category, False, kind, False, True).allowed
        assert regulated_rule(category, False, kind, True, False).basis is RegulatedBasis.REGISTERED


def test_whatever_is_answered_there_is_a_verdict_with_words() -> None:
    for category, kind in itertools.product(ListingCategory, OrganisationKind):
        for care, registered, engaged in itertools.product((False, True), repeat=3):
            verdict = regulated_rule(category, care, kind, registered, engaged)
            assert verdict.words
            assert not verdict.allowed or registered or kind is OrganisationKind.SOLE_PA or not care
