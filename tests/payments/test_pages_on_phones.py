"""Lists of finance on a phone: every table stacks, and each of its cells says its column."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "payments"
STACKED = (
    *("runs.html", "run.html", "self_bills.html", "returned.html", "blocks.html", "tariff_book.html"),
    *("_bands.html", "_rule.html", "bank_checks.html", "bank_details.html"),
)


@pytest.mark.parametrize("name", STACKED)
def test_tables_stack_and_cells_say_their_column(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    tables = re.findall(r'<table class="([^"]+)"', source)
    assert tables
    assert set(tables) == {"govuk-table cm-stack"}
    silent = [cell for cell in re.findall(r"<td class=[^>]*>", source) if "data-label" not in cell]
    # A box to tick has words of its own.
    assert len(silent) == source.count("cm-stack__word")
