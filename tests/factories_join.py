"""Rows and steps for tests of joining, evidence and the register."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.events import decode
from marketplace.providers.models import Evidence, EvidenceKind, Organisation
from marketplace.web.tasks import import_tasks


async def run_tasks(names: Collection[str] | None = None) -> list[str]:
    """Do all background work that waits, and what follows from it. Returns the names of the tasks that ran.

    Args:
        names: Only these tasks; every one but those of the search index when left out.
    """
    import_tasks()
    ran = []
    while True:
        async with transaction(session_maker()) as db:
            deliveries = await outbox.relay(db)
        if not deliveries:
            # Tasks share the test's connection and left their own scope on it.
            async with transaction(session_maker(), "every"):
                return ran
        for item in deliveries:
            if item.task in names if names is not None else not item.task.startswith(("providers.index", "ledger.")):
                await outbox.LISTENERS[item.task].function(item.message_id, decode(item.event, item.body))
                ran.append(item.task)


async def make_evidence(db: AsyncSession, organisation: Organisation, **given: Any) -> Evidence:
    """Liability insurance of £5 million that was seen and lasts another half year."""
    now = clock_of(db).now()
    values: dict[str, Any] = {
        "organisation_id": organisation.id,
        "kind": EvidenceKind.LIABILITY_INSURANCE,
        "detail": "Example Mutual, policy 1234",
        "cover_pence": 500_000_000,
        "issued_on": date(2026, 9, 1),
        "expires_on": date(2027, 9, 1),
        "given_at": now - timedelta(days=30),
        "seen_at": now - timedelta(days=29),
    }
    row = Evidence(**{**values, **given})
    db.add(row)
    await db.flush()
    return row
