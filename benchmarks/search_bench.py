"""Measure the embedded search: build, size and answer times over made-up listings.

    python -m benchmarks.search_bench --listings 100000 --queries 500

Listings and questions come from a seeded generator, so two runs ask the same. Prints one line of JSON.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

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
QUESTIONS = (
    "carer", "care worker", "wheelchair taxi", "hoist", "personal assistant", "dementia home care", "demenshia",
    "physio", "weekend choir", "gardening help", "meals", "befrending", "support plan", "night care",
    "swimming autism", "advoc", "someone to help me get to football", "moving and handling", "polish carer", "respite",
)  # fmt: skip


def listings(number: int, seed: int = 7) -> Iterator[ListingDocument]:
    """Make listings, about 700 bytes of text each."""
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
        yield ListingDocument(
            id=f"{i:08x}-0000-7000-8000-{chance.getrandbits(48):012x}",
            name=f"{words[0].title()} {category.replace('-', ' ')} {town}",
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
        )


def questions(number: int, kind: str, seed: int = 11) -> Iterator[ListingQuery]:
    """Make questions: `words` (text, point and radius), `text` or `place`."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(number):
        _, lat, lon, _ = chance.choice(TOWNS)
        has_filter = chance.random() < 0.3
        yield ListingQuery(
            text="" if kind == "place" else chance.choice(QUESTIONS),
            lat=None if kind == "text" else lat + chance.gauss(0, 0.05),
            lon=None if kind == "text" else lon + chance.gauss(0, 0.08),
            radius_metres=None if kind == "text" else chance.choice((3_219, 8_047, 16_093)),
            filters={"kind": ["regulated", "community"]} if has_filter else {},
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    figures: dict[str, object] = {"listings": options.listings}
    with tempfile.TemporaryDirectory() as folder:
        made = list(listings(options.listings))
        search = TantivySearch(Path(folder))
        began, used_before = time.perf_counter(), time.process_time()
        search.rebuild(made)
        figures["build_seconds"] = round(time.perf_counter() - began, 1)
        figures["build_cpu_seconds"] = round(time.process_time() - used_before, 1)
        figures["megabytes"] = round(sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6, 1)
        began = time.perf_counter()
        search.upsert(made[:100])
        figures["upsert_100_ms"] = round((time.perf_counter() - began) * 1000)
        for kind in ("words", "text", "place"):
            asked = list(questions(options.queries, kind))
            for query in asked[:20]:
                search.search(query)
            took, used, totals = [], [], []
            for query in asked:
                began, used_before = time.perf_counter(), time.process_time()
                totals.append(search.search(query).total)
                took.append((time.perf_counter() - began) * 1000)
                used.append((time.process_time() - used_before) * 1000)
            cuts, used_cuts = statistics.quantiles(took, n=100), statistics.quantiles(used, n=100)
            figures[kind] = {
                "p50_ms": round(cuts[49], 2), "p95_ms": round(cuts[94], 2), "p99_ms": round(cuts[98], 2),
                "p50_cpu_ms": round(used_cuts[49], 2), "p99_cpu_ms": round(used_cuts[98], 2),
                "mean_hits": round(statistics.mean(totals)),
            }  # fmt: skip
        took = []
        for prefix in ("ca", "car", "de", "whee", "su") * 20:
            began = time.perf_counter()
            search.suggest(prefix)
            took.append((time.perf_counter() - began) * 1000)
        figures["suggest_p99_ms"] = round(statistics.quantiles(took, n=100)[98], 2)
        search.close()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
