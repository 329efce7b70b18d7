"""The menu: each role finds its tasks in the order people do them, each of them once."""

import pytest

from marketplace.accounts.permissions import Role
from marketplace.accounts.principal import Principal
from marketplace.core.ids import new_id
from marketplace.web.navigation import navigation


def menu(role: Role, path: str = "/home") -> list[str]:
    council_id = new_id()
    principal = Principal(
        user_id=new_id(),
        name="Sam",
        role=role,
        council_id=council_id,
        council_name="Test",
        council_slug="test",
        councils=(council_id,),
        organisation_id=None,
        worker_id=None,
        person_id=None,
        acting_for=None,
    )
    return [text for text, _, _ in navigation(principal, path)]


@pytest.mark.parametrize("role", list(Role))
def test_no_entry_stands_twice(role: Role) -> None:
    texts = menu(role)
    assert len(texts) == len(set(texts))
    assert texts[0] == "Home"


def test_a_provider_answers_people_before_anything_else() -> None:
    assert menu(Role.PROVIDER) == [
        *("Home", "Bookings", "Questions", "Availability", "Listings", "Feedback", "Evidence", "Earnings"),
        "Find support",
    ]
    assert menu(Role.PA) == menu(Role.PROVIDER)


def test_who_chooses_support_finds_the_search_first() -> None:
    assert menu(Role.PERSON)[1] == "Find support"
    assert menu(Role.SOCIAL_WORKER)[1] == "Find support"


def test_an_accreditor_finds_what_waits_before_what_is_looked_up() -> None:
    assert menu(Role.ACCREDITOR)[:5] == ["Home", "Listing checks", "Evidence", "Register links", "Feedback"]
