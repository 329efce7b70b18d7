"""The invariants of the whole platform, checked on live data: `marketplace check`.

The database refuses most breaches by itself; these look for what got past it: a restored backup, a repair by hand, a
mistake of ours. Each check is one name, whether it holds, how many things were looked at, and what is wrong.

A package may bring its own in a module `checks` or `checks_*` with a list `CHECKS` of functions that take a session
and return `(name, ok, checked, detail)`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.database import SessionMaker, transaction
from marketplace.core.tables import PACKAGES

LONGEST_DETAIL = 400


class Finding(msgspec.Struct, frozen=True):
    """What one check found."""

    name: str
    ok: bool
    checked: int
    detail: str = ""


Check = Callable[[AsyncSession], Awaitable[Any]]
"""Looks at every council's rows; returns a `Finding` or the same as a tuple. It writes nothing."""


def all_checks() -> list[Check]:
    """Every check: those that concern the whole, then those that packages bring."""
    from marketplace.web.invariants import CHECKS

    found: list[Check] = list(CHECKS)
    for package in (*PACKAGES, "reporting"):
        home = import_module(f"marketplace.{package}")
        for module in sorted(module.name for module in iter_modules(home.__path__)):
            if module == "checks" or module.startswith("checks_"):
                found.extend(import_module(f"{home.__name__}.{module}").CHECKS)
    return found


def name_of(check: Check) -> str:
    """The name of a check as programs see it: its function's, with hyphens."""
    return str(getattr(check, "__name__", "check")).replace("_", "-")


async def run_check(db: AsyncSession, check: Check) -> Finding:
    """Run one check in a transaction that reaches every council."""
    result = await check(db)
    _, ok, checked, detail = (
        (result.name, result.ok, result.checked, result.detail) if hasattr(result, "checked") else tuple(result)
    )
    return Finding(name_of(check), bool(ok), int(checked), str(detail)[:LONGEST_DETAIL])


async def run_checks(maker: SessionMaker) -> list[Finding]:
    """Run every check, each on one view of the data. One that fails to run is a breach, and the others go on."""
    findings = []
    for check in all_checks():
        try:
            async with transaction(maker, "every") as db:
                # A large installation takes longer than a page may.
                await db.execute(text("SET LOCAL statement_timeout = '15min'"))
                findings.append(await run_check(db, check))
        except Exception as error:
            findings.append(Finding(name_of(check), False, 0, f"The check itself failed: {type(error).__name__}"))
    return findings


async def audit_reports(maker: SessionMaker) -> AsyncGenerator[tuple[str, audit.ChainReport], None]:
    """Walk the audit chain of each council; yields the council's short name and the report."""
    async with transaction(maker, "every") as db:
        councils: list[tuple[UUID, str]] = [
            (row.id, row.slug) for row in await db.execute(text("SELECT id, slug FROM councils ORDER BY slug"))
        ]
    for council_id, slug in councils:
        async with transaction(maker, [council_id]) as db:
            yield slug, await audit.verify(db, council_id)
