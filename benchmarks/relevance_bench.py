"""Measure how well search finds what people mean, by kind of question, and name the questions that fail.

    python -m benchmarks.relevance_bench --generated 20000

Listings, questions and misspellings are made from seeds, so two runs ask the same. Prints a line for each kind, the
failures below it, and one line of JSON at the end. Exits with 1 when a target is missed.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.relevance.catalogue import catalogue
from benchmarks.relevance.measure import measure, words_known
from benchmarks.relevance.questions import listed_misspellings, misspelt, written_questions
from search.tantivy_backend import TantivySearch

TARGET: Final = 95.0
"""Percent of the questions of a kind with an intended listing or category in the first five."""
TARGETS: Final = {"one edit": 98.0, "two edits": 85.0}
"""Instead, by the beginning of the kind."""


def target_of(kind: str) -> float:
    """Percent that a kind has to reach."""
    return next((least for start, least in TARGETS.items() if kind.startswith(start)), TARGET)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=20_000, help="listings beside those written by hand")
    options = parser.parse_args()
    offers = catalogue(options.generated)
    questions = written_questions()
    known = words_known(offers, questions)
    with tempfile.TemporaryDirectory() as folder:
        search = TantivySearch(Path(folder))
        search.rebuild(offer.document for offer in offers)
        shares = measure(search, offers, questions)
        # What is not found when it is spelt right says nothing of misspellings.
        failed = {question.text for share in shares for question, _ in share.failed}
        right = [question for question in questions if question.text not in failed]
        shares += measure(search, offers, [*misspelt(right, known), *listed_misspellings(right, known)])
        search.close()
    figures: dict[str, float] = {}
    missed = 0
    for share in shares:
        least = target_of(share.kind)
        missed += share.percent < least
        figures[share.kind] = round(share.percent, 1)
        sys.stdout.write(
            f"{share.kind:28} {share.percent:5.1f} % in the first five (target {least:.0f}), "
            f"{100 * share.on_top / share.asked:5.1f} % on top, {share.asked} questions\n"
        )
        for question, names in share.failed:
            meant = f" ({question.right})" if question.right else ""
            sys.stdout.write(f"    {question.text}{meant}: {'; '.join(names[:3]) or 'nothing'}\n")
    sys.stdout.write(json.dumps({"listings": len(offers), "percent_in_first_five": figures}) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
