"""Makes unmet need: half a year of wishes and searches that were met with nothing, and two councils' own words."""

import random
from datetime import timedelta

from marketplace.providers.models import ListingCategory, SynonymGroup, UnmetNeed, UnmetSource
from marketplace.reporting.demo.world import HISTORY_DAYS, Council, World

WISHES: tuple[tuple[str, str, str, str, int], ...] = (
    (ListingCategory.TRANSPORT, "wheelchair taxi", "", "evening", 9),
    (ListingCategory.TRANSPORT, "transport", "6", "morning", 5),
    (ListingCategory.PERSONAL_ASSISTANT, "female personal assistant", "56", "morning", 8),
    (ListingCategory.PERSONAL_ASSISTANT, "football", "5", "afternoon", 4),
    (ListingCategory.HOME_CARE, "night care", "0123456", "night", 7),
    (ListingCategory.HOME_CARE, "dementia home care", "", "morning evening", 6),
    (ListingCategory.GARDENING, "gardener", "", "", 5),
    (ListingCategory.DAY_OPPORTUNITY, "autism", "024", "afternoon", 4),
    (ListingCategory.COMMUNITY, "choir", "3", "evening", 2),
    (ListingCategory.SHOPPING, "meals on wheels", "56", "", 3),
    ("", "respite", "", "", 3),
)
"""Kind, words, days, parts of the day and how often, against each other."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "lancashire": ("brew and natter", "coffee morning", "social group"),
    "derby": ("allotment", "green gym", "gardening group"),
}
"""What people of an area say."""


def make_demand(world: World, council: Council) -> None:
    """Keep a council's unmet need, from a source of chance of its own: nothing else in the demo moves with it."""
    rng = random.Random(council.text.slug)  # noqa: S311 - repeatable on purpose
    districts = list(council.text.districts)
    weights = [wish[-1] for wish in WISHES]
    seen: dict[tuple[object, ...], dict[str, object]] = {}
    for _ in range(420):
        category, wanted, days, times_of_day, _weight = rng.choices(WISHES, weights)[0]
        # More in the latest weeks, and more in the first districts, as more people come to know the site.
        day = world.today - timedelta(days=int(HISTORY_DAYS * rng.random() ** 1.4))
        district = districts[int(len(districts) * rng.random() ** 1.6)]
        source = UnmetSource.SAID if rng.random() < 0.4 else UnmetSource.FEW_RESULTS
        key = (day, source, str(category), wanted, district.outward, days, times_of_day)
        if key in seen:
            seen[key]["times"] = int(str(seen[key]["times"])) + 1
            continue
        seen[key] = row = world.book.put(
            UnmetNeed, id=world.book.id(world.at(day, 12)), council_id=council.id, day=day, source=source,
            category=str(category), wanted=wanted, outward=district.outward, lad_code=district.code, days=days,
            times_of_day=times_of_day, times=1,
        )  # fmt: skip
        row["times"] = rng.randint(1, 3)
    phrases = SYNONYMS.get(council.text.slug)
    if phrases:
        at = world.at(world.today - timedelta(days=40), 10)
        world.book.add(
            SynonymGroup, at, council_id=council.id, phrases=list(phrases), note="", is_off=False,
            updated_by_user_id=council.staff["admin"], updated_at=at, version=1,
        )  # fmt: skip
