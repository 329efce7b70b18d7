"""Finds the background tasks of all packages, and holds those that belong to the installation as a whole."""

from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import text

from marketplace.accounts.service import AccountService
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.files.store import scan_again
from marketplace.core.schedule import every
from marketplace.core.tables import PACKAGES

KEYS_KEPT = timedelta(days=30)
"""How long a repeated form or API call is recognised."""

MESSAGES_KEPT = timedelta(days=90)
"""How long handled outbox messages can be looked up."""

BATCH = 5_000


def import_tasks() -> None:
    """Import `tasks`, `tasks_*` of each package, so that its listeners and jobs are registered."""
    for package in (*PACKAGES, "reporting"):
        home = import_module(f"marketplace.{package}")
        for module in iter_modules(home.__path__):
            if module.name == "tasks" or module.name.startswith("tasks_"):
                import_module(f"{home.__name__}.{module.name}")


@every(timedelta(days=1), "accounts.forget_old")
async def forget_old_sign_ins() -> None:
    """Delete sessions, links and counted tries that no longer matter."""
    async with transaction(session_maker(), "every") as db:
        await AccountService(db).forget_old()


@every(timedelta(days=1), "core.forget_idempotency_keys")
async def forget_idempotency_keys() -> None:
    """Delete keys of forms and calls that nobody will repeat any more."""
    await _delete_in_batches(
        "DELETE FROM idempotency_keys WHERE id IN ("
        "SELECT id FROM idempotency_keys WHERE created_at < :before ORDER BY created_at LIMIT :batch)",
        KEYS_KEPT,
    )


@every(timedelta(minutes=2), "core.scan_files")
async def scan_files() -> None:
    """Ask the virus scanner about files that came while it was away."""
    await scan_again()


@every(timedelta(days=1), "core.forget_outbox")
async def forget_outbox() -> None:
    """Delete messages that every listener has handled; what is open or parked stays, however old."""
    await _delete_in_batches(
        "DELETE FROM outbox_messages WHERE number IN ("
        "SELECT number FROM outbox_messages m WHERE relayed_at < :before AND NOT EXISTS ("
        "SELECT FROM outbox_deliveries d WHERE d.message_id = m.id AND d.handled_at IS NULL)"
        " ORDER BY number LIMIT :batch)",
        MESSAGES_KEPT,
    )


async def _delete_in_batches(statement: str, kept: timedelta) -> None:
    """Delete a few at a time: a long transaction would hold up what needs the same rows, and vacuum."""
    while True:
        async with transaction(session_maker(), "every") as db:
            before = clock_of(db).now() - kept
            result = await db.execute(text(statement), {"before": before, "batch": BATCH})
        if getattr(result, "rowcount", 0) < BATCH:
            return
