"""Rows of the resource allocation system for tests: a published version with the worked example's sample."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.database import clock_of
from marketplace.people.models import RasCase, RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.fingerprint import fingerprint
from marketplace.people.states import RAS, RasStatus

WORKED_POINTS = (40, 45) * 100
"""200 cases with a mean of 42.5 (domain.md 4.7)."""

DOMAINS: list[dict[str, Any]] = [
    {
        "key": "washing",
        "label": "Washing and dressing",
        "help": "How you manage on most days.",
        "answers": [
            {"key": "alone", "label": "I manage on my own", "points": 0},
            {"key": "some", "label": "I need help once a day", "points": 20},
            {"key": "much", "label": "I need help several times a day", "points": 40},
        ],
    },
    {
        "key": "people",
        "label": "Seeing people",
        "help": "",
        "answers": [
            {"key": "often", "label": "I see people as often as I like", "points": 0},
            {"key": "rarely", "label": "I need help to see people", "points": 20},
        ],
    },
]


async def make_ras_version(
    db: AsyncSession,
    council: Council,
    *,
    status: RasStatus = RasStatus.PUBLISHED,
    sample: Sequence[int] = WORKED_POINTS,
    **given: Any,
) -> RasVersion:
    """A version, published unless said otherwise: £100.00 a point, from 2,000 people, £10,000,000 and 15 %."""
    now = clock_of(db).now()
    values: dict[str, Any] = {
        "number": 1,
        "title": "Points for everybody",
        "domains": DOMAINS,
        "budget_pence": 1_000_000_000,
        "people_count": 2_000,
        "slice_basis_points": 1_500,
        "slice_order": SliceOrder.FIRST,
        "weeks": WeeksOfYear.WEEKS_52,
        "sample_count": len(sample),
        "mean_points": Decimal("42.5"),
        "total_points": Decimal(85_000),
        "allocatable_pence": 850_000_000,
        "protection_pence": 150_000_000,
        "point_value_pence": Decimal(10_000),
        "starts_on": date(2027, 1, 1),
        "ends_on": None,
        "made_at": now,
    }
    row = RasVersion(council_id=council.id, status=RasStatus.DRAFT, **{**values, **given})
    db.add(row)
    await db.flush()
    RAS.begin(db, row, by=None)
    cases = [
        RasCase(
            council_id=council.id,
            ras_version_id=row.id,
            position=place,
            reference=f"case-{place:03}",
            answers={},
            domain_points={"washing": points - points // 2, "people": points // 2},
            points=points,
            previous_annual_pence=None,
            age_band="",
            care_group="",
            ethnicity="",
            gender="",
        )
        for place, points in enumerate(sample, start=1)
    ]
    db.add_all(cases)
    if status is RasStatus.PUBLISHED:
        row.fingerprint = fingerprint(row, cases)
    await db.flush()
    # The database keeps a published version as it is, so its sample comes first.
    for step in {RasStatus.PROPOSED: (RasStatus.PROPOSED,), RasStatus.PUBLISHED: (RasStatus.PROPOSED, status)}.get(
        status, ()
    ):
        RAS.move(db, row, step, by=None)
    await db.flush()
    return row
