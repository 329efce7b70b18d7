"""Listings to search in: the offers written by hand (`offers.txt`) and any number of generated ones around them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from marketplace.accounts.words import INTERESTS, NEEDS
from marketplace.providers.models import CATEGORY_LABELS, ListingCategory
from marketplace.providers.service.words import KIND_OF
from search import ListingDocument

FOLDER: Final = Path(__file__).parent

TOWNS: Final[dict[str, tuple[float, float]]] = {
    "Preston": (53.76, -2.70), "Lancaster": (54.05, -2.80), "Derby": (52.92, -1.48), "Doncaster": (53.52, -1.13),
    "Chorley": (53.65, -2.63), "Blackpool": (53.82, -3.05), "Burnley": (53.79, -2.24), "Leyland": (53.69, -2.69),
    "Chesterfield": (53.24, -1.43), "Buxton": (53.26, -1.91), "Matlock": (53.14, -1.55), "Accrington": (53.75, -2.36),
    "Morecambe": (54.07, -2.87), "Ormskirk": (53.57, -2.89), "Mexborough": (53.49, -1.28), "Ilkeston": (52.97, -1.31),
    "Skelmersdale": (53.55, -2.78), "Glossop": (53.44, -1.95), "Nelson": (53.84, -2.21), "Clitheroe": (53.87, -2.39),
}  # fmt: skip
"""Names with a point somewhere inside (degrees, two decimals)."""

TOPICS: Final[tuple[tuple[str, str, str], ...]] = (
    ("homecare", "home_care", "Home care"), ("homecare livein", "home_care", "Live-in care"),
    ("homecare night", "home_care", "Night care"), ("homecare respite", "home_care", "Respite care at home"),
    ("homecare dementia", "home_care", "Dementia care at home"), ("pa", "personal_assistant", "Personal assistant"),
    ("pa driver", "personal_assistant", "Personal assistant who drives"), ("planner", "support_planning", "Plans"),
    ("planner brokerage", "support_planning", "Brokerage"), ("payroll", "money_management", "Payroll service"),
    ("managed", "money_management", "Managed accounts"), ("football", "community", "Walking football"),
    ("choir", "community", "Community choir"), ("art", "community", "Art class"),
    ("gym", "community", "Seated exercise"),
    ("memorycafe", "community", "Memory café"), ("lunchclub", "community", "Lunch club"),
    ("befriending", "community", "Befriending"), ("swimming", "community", "Swimming for all"),
    ("carersgroup", "community", "Carers' group"), ("gardenclub", "community", "Community garden"),
    ("daycentre", "day_opportunity", "Day centre"), ("job", "day_opportunity", "Job coaching"),
    ("hoist", "equipment", "Hoists and slings"), ("stairlift", "equipment", "Stairlifts"),
    ("rails", "equipment", "Grab rails"), ("wheelchair", "equipment", "Wheelchair hire"),
    ("scooter", "equipment", "Mobility scooters"), ("bed", "equipment", "Profiling beds"),
    ("telecare", "telecare", "Pendant alarms"), ("telecare falls", "telecare", "Falls sensors"),
    ("gardener", "gardening", "Gardening"), ("cleaner", "gardening", "Cleaning"), ("handyman", "gardening", "Odd jobs"),
    ("shopping", "shopping", "Shopping service"), ("meals", "shopping", "Meal delivery"),
    ("taxi", "transport", "Wheelchair taxi"), ("volunteer car", "transport", "Car scheme"),
    ("minibus", "transport", "Community minibus"), ("benefits", "advice", "Benefits advice"),
    ("advocacy", "advice", "Advocacy"), ("carersadvice", "advice", "Advice for carers"),
    ("counselling", "advice", "Counselling"), ("carehome", "care_home", "Residential home"),
    ("carehome nursing", "care_home", "Nursing home"), ("supported", "supported_living", "Supported living"),
    ("extracare", "supported_living", "Extra care flats"), ("physio", "other_regulated", "Physiotherapy"),
    ("footcare", "other_regulated", "Foot care"), ("nurses", "other_regulated", "Community nursing"),
)  # fmt: skip
"""Tags, category and words of what generated listings offer."""

_MAKERS: Final = (
    "Ashgrove", "Beacon", "Copper Beech", "Dovetail", "Elderflower", "Fellside", "Greenbank", "Harrier", "Ivy",
    "Juniper", "Kingfisher", "Larkrise", "Millstone", "Nightingale", "Oakleaf", "Pennine", "Quarry", "Rowan", "Skylark",
    "Thornbury", "Umbrella", "Valley", "Westgate", "Yarrow",
)  # fmt: skip
_REMARKS: Final = (
    "Ring us for a chat, there is no charge for asking.", "Our people have all been checked and trained.",
    "We have worked in the area for over ten years.", "Family members are welcome to come along.",
    "We can start within a week, sometimes on the same day.", "Ask about help with the cost if money is tight.",
    "We work beside nurses, social workers and the hospital.", "There is step-free access and parking outside.",
    "Tell us what matters to you and we do it your way.", "Somebody answers the telephone every day of the week.",
    "We also know good gardeners, cleaners and drivers and pass on their names.",
    "Bring a carer or friend free of charge.", "Tea and biscuits are always on the go.",
    "We write down what we agree in large print if you like.", "Your care plan tells us how you want things done.",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Offer(msgspec.Struct, frozen=True):
    """A listing and what it stands for."""

    document: ListingDocument
    facts: frozenset[str]
    """Its tags, and `@category`, `town:…`, `lang:…`, `day:…`, `for:…`, `gender:…`."""


def catalogue(number: int, seed: int = 3) -> list[Offer]:
    """Give the offers written by hand and so many generated ones."""
    return [*_written(), *_generated(number, seed)]


def _written() -> Iterator[Offer]:
    category = ""
    lines = (FOLDER / "offers.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("["):
            category = line.strip("[]")
        elif line and not line.startswith("#"):
            tags, town, title, text, options = (part.strip() for part in f"{line} ".split("|"))
            chosen = {name: values.split(",") for name, _, values in (one.partition("=") for one in options.split())}
            yield _offer(f"written-{number:04}", tags, category, town, title, text, chosen)


def _generated(number: int, seed: int) -> Iterator[Offer]:
    chance = random.Random(seed)  # noqa: S311
    towns = list(TOWNS)
    for i in range(number):
        tags, category, thing = chance.choice(TOPICS)
        town, maker = chance.choice(towns), chance.choice(_MAKERS)
        title = chance.choice((f"{thing} {town}", f"{maker} {thing}", f"{thing} with {maker}", maker))
        text = f"{thing} in {town} and the villages around. {' '.join(chance.sample(_REMARKS, 3))}"
        options = {
            "suits": chance.sample(list(NEEDS), chance.randrange(3)),
            "languages": ["English"],
            "days": sorted(chance.sample(_DAYS, chance.randrange(4)), key=_DAYS.index),
        }
        yield _offer(f"made-{i:06}", tags, category, town, title, text, options, provider=f"{maker} {town}")


def _offer(
    listing_id: str,
    tags: str,
    category: str,
    town: str,
    title: str,
    text: str,
    options: dict[str, list[str]],
    provider: str = "",
) -> Offer:
    suits, days = options.get("suits", []), options.get("days", [])
    languages = [language.replace("-", " ") for language in options.get("languages", ["English"])]
    gender = options.get("gender", [None])[0]
    lat, lon = TOWNS[town]
    # Shaped as the marketplace shapes a listing for its index: the label, the days and "weekend" are keywords.
    weekend = ["weekend"] if {"Saturday", "Sunday"} & set(days) else []
    document = ListingDocument(
        id=listing_id,
        name=title,
        provider=provider,
        category=category,
        kind=KIND_OF[ListingCategory(category)],
        summary=text,
        keywords=[CATEGORY_LABELS[ListingCategory(category)], *days, *weekend],
        suits=[NEEDS[code] for code in suits],
        languages=languages,
        interests=[INTERESTS[code] for code in options.get("interests", [])],
        gender=gender,
        town=town,
        lat=lat,
        lon=lon,
        radius_metres=16_000,
        days=days,
    )
    facts = [
        *tags.split(), f"@{category}", f"town:{town.lower()}", *(f"for:{code}" for code in suits),
        *(f"lang:{language.replace(' ', '-')}" for language in languages), *(f"day:{day}" for day in days),
        f"gender:{gender}",
    ]  # fmt: skip
    return Offer(document, frozenset(facts))
