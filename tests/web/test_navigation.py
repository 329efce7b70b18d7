"""The menu: each role finds its tasks in the order people do them, each of them once."""

import pytest

from marketplace.accounts.permissions import Role, Scope
from marketplace.accounts.principal import Principal
from marketplace.core.ids import new_id
from marketplace.web.navigation import HINTS, MORE, TASKS, WIDTH_PX, entries, navigation, width_px


def somebody(role: Role) -> Principal:
    council_id = new_id()
    return Principal(
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
        scopes=frozenset(Scope) if role is Role.REPRESENTATIVE else None,
    )


def items(role: Role, path: str = "/home") -> list[tuple[str, str, bool]]:
    return navigation(somebody(role), path)


def menu(role: Role) -> list[str]:
    return [text for text, _, _ in items(role)]


@pytest.mark.parametrize("role", list(Role))
def test_no_entry_stands_twice(role: Role) -> None:
    texts = menu(role)
    assert len(texts) == len(set(texts))
    assert texts[0] == "Home"


def test_a_provider_answers_people_before_anything_else() -> None:
    assert menu(Role.PROVIDER) == [
        *("Home", "Bookings", "Questions", "Requests", "Availability", "Listings", "Organisation", "Earnings"),
        *("Find support", "More"),
    ]
    assert menu(Role.PA) == menu(Role.PROVIDER)


def test_who_chooses_support_finds_the_search_first() -> None:
    assert menu(Role.PERSON)[1] == "Find support"
    assert menu(Role.SOCIAL_WORKER)[1] == "Find support"


def test_an_accreditor_finds_what_waits_before_what_is_looked_up() -> None:
    assert menu(Role.ACCREDITOR)[:5] == ["Home", "Accreditation", "Listing checks", "Evidence", "Feedback"]
    assert "Scoring" not in menu(Role.ACCREDITOR)
    assert ("Scoring", "/accreditation/scoring") in entries(somebody(Role.BROKER))[1]


@pytest.mark.parametrize(
    ("role", "path", "entry"),
    [
        (Role.PROVIDER, "/provider/evidence/new", ["Organisation"]),
        (Role.PROVIDER, "/provider/listings/new", ["Listings"]),
        (Role.ACCREDITOR, "/organisations/merges", ["Accreditation"]),
        (Role.ACCREDITOR, "/organisations/new", ["Organisations"]),
        (Role.ACCREDITOR, "/accreditation/scoring", ["Accreditation"]),
        (Role.BROKER, "/accreditation/scoring", ["More"]),
    ],
)
def test_each_page_belongs_to_one_entry(role: Role, path: str, entry: list[str]) -> None:
    assert [text for text, _, is_current in items(role, path) if is_current] == entry


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_of_each_role_fits_on_a_line_and_leads_everywhere(role: Role) -> None:
    principal = somebody(role)
    shown, folded = entries(principal)
    assert width_px(shown) <= WIDTH_PX
    assert (MORE in shown) == bool(folded)
    assert all(address in HINTS for _, address in folded)
    reachable = [address for _, address in (*shown, *folded)]
    mine = {address for permission, _, address in TASKS if principal.may(permission)}
    # What stands inside another entry of the same role has none of its own.
    assert mine - set(reachable) <= {"/accreditation/scoring", "/today"}


def test_a_page_behind_more_marks_more_in_the_menu() -> None:
    current = [text for text, _, is_current in items(Role.ACCREDITOR, "/unmet-need") if is_current]
    assert current == ["More"]


def test_links_to_the_register_belong_to_evidence() -> None:
    current = [text for text, _, is_current in items(Role.ACCREDITOR, "/regulator-links/1") if is_current]
    assert current == ["Evidence"]
