"""Measure the embedded search: build, size, answer times and how soon an edited listing is found.

    python -m benchmarks.search_bench --listings 100000 --queries 500

Listings and questions come from a seeded generator, so two runs ask the same; no two questions of a run are alike.
Where the directory of real services lies beside the project, listings carry its names, read at run time. Prints a line
of JSON for each figure; those with a target have the ratio to it (below 1 is better). Times of the processor (`cpu`)
are there for busy machines.
"""

import argparse
import csv
import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from search.documents import ListingDocument, ListingQuery
from search.tantivy_backend import TantivySearch

# Name, latitude, longitude and share of the listings: large places of England, weighted roughly by people.
TOWNS = (
    ("London", 51.507, -0.128, 9.0), ("Birmingham", 52.48, -1.9, 2.6), ("Manchester", 53.48, -2.243, 2.7),
    ("Leeds", 53.8, -1.549, 1.8), ("Newcastle", 54.978, -1.617, 1.1), ("Liverpool", 53.408, -2.991, 1.4),
    ("Sheffield", 53.381, -1.47, 1.3), ("Bristol", 51.455, -2.588, 1.1), ("Nottingham", 52.954, -1.158, 0.8),
    ("Derby", 52.922, -1.476, 0.5), ("Doncaster", 53.523, -1.133, 0.4), ("Preston", 53.763, -2.703, 0.5),
    ("Lancaster", 54.047, -2.801, 0.2), ("Plymouth", 50.376, -4.143, 0.4), ("Norwich", 52.63, 1.297, 0.5),
    ("Southampton", 50.909, -1.404, 0.8), ("Brighton", 50.822, -0.137, 0.6), ("Carlisle", 54.892, -2.933, 0.2),
)  # fmt: skip
CATEGORIES = (
    "home-care", "live-in-care", "personal-assistant", "day-opportunities", "respite", "meals", "transport",
    "equipment", "support-planning", "advocacy", "befriending", "gardening", "cleaning",
    "supported-living", "physiotherapy", "arts",
)  # fmt: skip
WORDS = (
    (
        "support care worker carer home personal visit morning evening weekend friendly trained experienced "
        "dementia stroke autism learning disability hoist moving handling wheelchair accessible taxi shopping "
        "cooking meals cleaning garden companionship respite break night family independent living community "
        "group choir football swimming walking craft music memory cafe direct payment budget planning review "
        "advocate medication washing dressing bathing equipment rail bed chair commode scooter signing deaf "
        "blind sight hearing mobility exercise balance falls rehabilitation therapist counselling advice "
        "benefits "
    )
    .strip()
    .split(" ")
)
LANGUAGES = ("English", "Polish", "Urdu", "Punjabi", "Gujarati", "Bengali", "Arabic", "Romanian", "BSL", "Welsh")
SUITS = ("older people", "dementia", "learning disability", "autism", "mental health", "physical disability", "carers")
RATINGS = ("Outstanding", "Good", "Requires improvement", "Inadequate", "not rated")
RADII_METRES = (3_000, 5_000, 8_047, 16_093, 24_140, 32_187)
PHRASES = (
    "carer", "care worker", "wheelchair taxi", "hoist", "personal assistant", "dementia home care", "demenshia",
    "physio", "weekend choir", "gardening help", "meals", "befrending", "support plan", "night care",
    "swimming autism", "advoc", "someone to help me get to football", "moving and handling", "polish carer", "respite",
)  # fmt: skip
"""Half of the questions; the others are put together from the words of the listings, every third one misspelt."""
FILTERS_ASKED = (
    {"kind": ["regulated", "community"]}, {"has_free_capacity": ["true"]}, {"languages": ["Polish"]},
    {"days": ["Saturday"], "times": ["morning"]}, {"price_band": ["free", "10-to-20-pounds"], "kind": ["pa"]},
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIMES = ("morning", "afternoon", "evening", "night")
RUNNERS = ("community", "council", "individual", "company")
DIRECTORY = "shared/data/cqc/locations_dev.csv.gz"

TARGETS = {
    "words p50 ms": 3.0, "words p99 ms": 15.0, "build seconds": 20.0, "index megabytes": 150.0,
    "edited listing found seconds": 2.0,
}  # fmt: skip
"""For 100,000 listings."""


def real_names() -> list[str]:
    """Read names of real services, none when the directory is not beside the project."""
    for parent in Path(__file__).resolve().parents:
        if (parent / DIRECTORY).exists():
            with gzip.open(parent / DIRECTORY, "rt", encoding="utf-8") as file:
                return [row["name"] for row in csv.DictReader(file)]
    return []


def listings(number: int, seed: int = 7) -> Iterator[ListingDocument]:
    """Make listings, about 700 bytes of text each; every second one has a real name where there are any."""
    names = real_names()
    chance = random.Random(seed)  # noqa: S311
    parts = (
        "ba",
        "cor",
        "del",
        "fin",
        "gra",
        "hol",
        "jun",
        "kel",
        "lor",
        "mar",
        "nel",
        "pen",
        "ros",
        "sut",
        "tam",
        "win",
    )
    fillers = ["".join(chance.choices(parts, k=3)) for _ in range(4_000)]
    filler_weights = [1 / (rank + 20) for rank in range(len(fillers))]
    weights = [1 / (rank + 6) for rank in range(len(WORDS))]
    towns, shares = [town[:3] for town in TOWNS], [town[3] for town in TOWNS]
    for i in range(number):
        town, lat, lon = chance.choices(towns, shares)[0]
        category = chance.choice(CATEGORIES)
        words = chance.choices(WORDS, weights, k=12) + chance.choices(fillers, filler_weights, k=68)
        chance.shuffle(words)
        place = chance.random()
        days, times = chance.sample(DAYS, 3), chance.sample(TIMES, 2)
        name = f"{words[0].title()} {category.replace('-', ' ')} {town}"
        yield ListingDocument(
            id=f"{i:08x}-0000-7000-8000-{chance.getrandbits(48):012x}",
            name=chance.choice(names) if names and i % 2 else name,
            provider=f"{words[1].title()} {words[2].title()} Ltd",
            category=category,
            kind=chance.choice(("regulated", "community", "pa", "equipment")),
            summary=" ".join(words[:20]),
            body=" ".join(words[20:]),
            keywords=chance.sample(WORDS, 3),
            suits=chance.sample(SUITS, 2),
            languages=["English", *chance.sample(LANGUAGES[1:], 1)],
            gender=chance.choice((None, "female", "male")),
            town=town,
            lat=lat + chance.gauss(0, 0.12),
            lon=lon + chance.gauss(0, 0.18),
            radius_metres=chance.choice(RADII_METRES) if place < 0.9 else None,
            nationwide=place > 0.97,
            districts=[f"E{chance.randrange(300):08}"] if 0.9 <= place <= 0.97 else [],
            price_pence=chance.randrange(0, 9_000) if place < 0.8 else None,
            price_unit="hour",
            rating=chance.choice(RATINGS),
            has_free_capacity=chance.random() < 0.4,
            days=days,
            times=times,
            slots=[f"{day}-{time}" for day in days for time in times],
            run_by=chance.choice(RUNNERS),
            councils=[f"council-{number}" for number in chance.sample(range(40), 2)],
        )


def asked_text(chance: random.Random) -> str:
    """Make up what somebody types."""
    if chance.random() < 0.5:
        return chance.choice(PHRASES)
    text = " ".join(chance.sample(WORDS, chance.choice((1, 1, 2))))
    if len(text) > 5 and chance.random() < 0.33:
        at = chance.randrange(1, len(text) - 1)
        return text[:at] + text[at + 1 :]
    return text


def questions(number: int, kind: str, seed: int = 11) -> Iterator[ListingQuery]:
    """Make questions: `words` (text, point, radius, often filters), `text` or `place`."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(number):
        _, lat, lon, _ = chance.choice(TOWNS)
        has_filter = chance.random() < 0.5
        yield ListingQuery(
            text="" if kind == "place" else asked_text(chance),
            lat=None if kind == "text" else lat + chance.gauss(0, 0.05),
            lon=None if kind == "text" else lon + chance.gauss(0, 0.08),
            radius_metres=None if kind == "text" else chance.choice((3_219, 8_047, 16_093)),
            filters=chance.choice(FILTERS_ASKED) if has_filter else {},
        )


def report(figure: str, value: float, **more: float) -> None:
    """Print a figure."""
    line: dict[str, object] = {"bench": "search", "figure": figure, "value": round(value, 3), **more}
    if figure in TARGETS:
        line |= {"target": TARGETS[figure], "ratio": round(value / TARGETS[figure], 3)}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def measure(search: TantivySearch, kind: str, number: int) -> None:
    """Ask questions of a kind and report how long they took."""
    asked = list(questions(number + 20, kind))
    took, used, totals = [], [], []
    for query in asked:
        began, used_before = time.perf_counter(), time.thread_time()
        totals.append(search.search(query).total)
        used.append((time.thread_time() - used_before) * 1000)
        took.append((time.perf_counter() - began) * 1000)
    # The first questions fill the memory of a process that has just started.
    cuts, used_cuts = statistics.quantiles(took[20:], n=100), statistics.quantiles(used[20:], n=100)
    for name, at in (("p50", 49), ("p95", 94), ("p99", 98)):
        report(f"{kind} {name} ms", cuts[at], cpu=round(used_cuts[at], 3))
    report(f"{kind} mean listings found", statistics.mean(totals))


def edited(search: TantivySearch, made: Sequence[ListingDocument]) -> None:
    """Report how long it takes until an edited listing is found: written, and asked for by another reader."""
    took = []
    animals = (
        "aardvark",
        "bumblebee",
        "crocodile",
        "dromedary",
        "hippopotamus",
        "kingfisher",
        "nightingale",
        "porcupine",
    )
    for word, listing in zip(animals, made, strict=False):
        began = time.perf_counter()
        search.upsert([msgspec.structs.replace(listing, summary=f"{listing.summary} {word}")])
        # Some of the animals are also in names of real services, so the listing need not be the only one found.
        hits = search.search(ListingQuery(text=word, per_page=200)).hits
        if listing.id not in {hit.id for hit in hits}:
            raise RuntimeError(f"A listing edited to say {word!r} is not found.")
        took.append(time.perf_counter() - began)
    report("edited listing found seconds", max(took))
    began = time.perf_counter()
    search.upsert(made[:100])
    report("100 listings written seconds", time.perf_counter() - began)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = list(listings(options.listings))
        report("listings", len(made), real_names=len(real_names()))
        search = TantivySearch(Path(folder))
        began, used_before = time.perf_counter(), time.process_time()
        search.rebuild(made)
        report("build seconds", time.perf_counter() - began, cpu=round(time.process_time() - used_before, 1))
        report("index megabytes", sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6)
        began = time.perf_counter()
        search.search(ListingQuery())
        report("first answer of a process ms", (time.perf_counter() - began) * 1000)
        for kind in ("words", "text", "place"):
            measure(search, kind, options.queries)
        took = []
        for prefix in ("ca", "car", "de", "whee", "su") * 20:
            began = time.perf_counter()
            search.suggest(prefix)
            took.append((time.perf_counter() - began) * 1000)
        report("suggest p99 ms", statistics.quantiles(took, n=100)[98])
        edited(search, made)
        search.close()


if __name__ == "__main__":
    main()
