"""Words that name kinds of support."""

import pytest

from marketplace.providers.models import CATEGORY_LABELS, ListingCategory
from marketplace.providers.service.kind_words import kinds_named

HOME_CARE, CARE_HOME, PA = ListingCategory.HOME_CARE, ListingCategory.CARE_HOME, ListingCategory.PERSONAL_ASSISTANT


@pytest.mark.parametrize("category", list(ListingCategory))
def test_the_label_of_a_kind_names_it_in_any_case(category: ListingCategory) -> None:
    assert kinds_named(CATEGORY_LABELS[category].upper()) == (category,)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Home  care", (HOME_CARE,)),
        ("care homes", (CARE_HOME,)),
        ("care at home", (HOME_CARE,)),
        ("domicilliary care", (HOME_CARE,)),
        ("homecaer", (HOME_CARE,)),
        ("nursing hoem", (CARE_HOME,)),
        ("old people's home", (CARE_HOME,)),
        ("PAs", (PA,)),
        ("personal asistants", (PA,)),
        ("carer", (HOME_CARE, PA)),
        ("Support workers", (HOME_CARE, PA)),
        ("I need a carer for my dad", (HOME_CARE, PA)),
        ("find a care home for mum", (CARE_HOME,)),
        ("someone for nursing hoem", (CARE_HOME,)),
    ],
)
def test_a_kind_is_known_by_its_names_plural_or_with_a_wrong_letter(
    text: str, kinds: tuple[ListingCategory, ...]
) -> None:
    assert kinds_named(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "home cafe", "unpaid carers", "carers centre", "care home preston", "pat", "football", "home",
        "x" * 500, "help for mum", "mother", "to and for", "😀", "a\u202eb",
    ],
)  # fmt: skip
def test_other_texts_name_no_kind(text: str) -> None:
    assert kinds_named(text) == ()
