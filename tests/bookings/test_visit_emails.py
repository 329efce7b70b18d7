"""E-mails about weekly visits: every one can be written, in every case."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from marketplace.messaging.service import write

DAY, AT = date(2027, 3, 12), datetime(2027, 3, 12, 10, tzinfo=UTC)
USUAL: dict[str, Any] = {
    "reader_name": "Sam",
    "organisation": "Helping Hands",
    "reference": "SA-00001",
    "link": "http://testserver/x",
    "from_on": DAY,
    "starts_on": DAY,
    "ends_on": None,
    "visits": 40,
    "words": "The visit would be an hour later.",
    "answer_by": AT,
    "answer": "",
    "from_at": AT,
    "starts_at": AT,
}
CASES: list[tuple[str, dict[str, Any]]] = [
    *[(f"visits_{name}", {"to_provider": side}) for name in ("paused", "resumed", "stopped") for side in (True, False)],
    ("visits_paused", {"to_provider": True, "ends_on": DAY}),
    ("visits_changed", {}),
    *[("visit_moved", {"has_worker": has}) for has in (True, False)],
    *[
        (name, {"why": why})
        for name in ("visits_not_planned", "visits_not_planned_council")
        for why in ("no_money", "not_accredited", "budget_ended", "activity_full")
    ],
    ("visit_change_asked", {}),
    *[
        ("visit_change_answered", {"outcome": outcome, "answer": words})
        for outcome in ("accepted", "declined", "withdrawn", "lapsed")
        for words in ("", "No, thank you")
    ],
    ("visits_stopped_council", {}),
    *[("visits_beyond_money", {"to_provider": side, "visits": number}) for side in (True, False) for number in (1, 2)],
    ("visits_stopped_died", {}),
    *[("death_undone", {"to_provider": side}) for side in (True, False)],
    ("visits_to_settle", {"visits": "2 visits"}),
    ("visits_stopped_died_provider", {}),
    ("visits_stopped_died_provider", {"visits": 0}),
]


@pytest.mark.parametrize(("template", "more"), CASES)
def test_an_email_has_a_subject_and_a_body(template: str, more: dict[str, Any]) -> None:
    subject, body = write(template, USUAL | more)
    assert subject
    assert "{" not in subject + body
    assert body.startswith("Hello Sam")
