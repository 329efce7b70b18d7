"""Giving plans and outcomes to the council's case system (L12)."""

import hashlib
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.core.spreadsheets import Cell, csv_text
from marketplace.plans.exchange_layout import ITEMS, OUTCOMES, PLANS
from marketplace.plans.models import ExchangeRun
from marketplace.plans.repository.exchange import ExchangeRepository
from marketplace.plans.service.exchange import note_run


class ExportService:
    """What goes out. Only plans in place: drafts are the person's own (P3)."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.exchange = ExchangeRepository(db)

    async def give(
        self, principal: Principal | None, council_id: UUID, what: str, format: str
    ) -> tuple[bytes, ExchangeRun]:
        """Write plans or outcomes of a council, and note that they went out.

        Args:
            principal: Who asks; None for the command line of the installation.
            council_id: Whose.
            what: A member of `EXPORTS`.
            format: A member of `FORMATS`.
        """
        if principal is not None:
            principal.require(Permission.EXCHANGE)
        started_at = clock_of(self.db).now()
        rows = await (self._plans(council_id) if what == "plans" else self._outcomes(council_id))
        content = msgspec.json.encode({what: rows}) if format == "json" else _csv(what, rows).encode()
        run = ExchangeRun(
            council_id=council_id,
            direction="out",
            what=what,
            format=format,
            sha256=hashlib.sha256(content).hexdigest(),
            rows=len(rows),
            problems=[],
            started_by_user_id=principal.user_id if principal else None,
            started_at=started_at,
            ended_at=clock_of(self.db).now(),
        )
        self.db.add(run)
        await self.db.flush()
        note_run(self.db, principal, run)
        return content, run

    async def _plans(self, council_id: UUID) -> list[dict[str, Any]]:
        items: dict[UUID, list[dict[str, str]]] = {}
        for item in await self.exchange.items(council_id):
            items.setdefault(item.plan_version_id, []).append(
                {
                    "outcome": item.outcome,
                    "what": item.what,
                    "helped_by": item.helped_by.value if item.helped_by else "",
                    "weekly_pounds": _pounds(item.weekly_pence),
                }
            )
        return [
            {
                "person_reference": person,
                "referral_reference": referral,
                "plan_id": str(plan.id),
                "version": version.number,
                "planned_by": plan.planned_by.value,
                "organisation": organisation or "",
                "signed_off_on": local(version.signed_off_at).date().isoformat() if version.signed_off_at else "",
                "items": items.get(version.id, []),
            }
            for version, plan, person, referral, organisation in await self.exchange.plans(council_id)
        ]

    async def _outcomes(self, council_id: UUID) -> list[dict[str, Any]]:
        return [
            {
                "person_reference": person,
                "referral_reference": referral,
                "review_id": str(review.id),
                "review_kind": review.kind.value,
                "held_on": review.held_on.isoformat() if review.held_on else "",
                "position": result.position,
                "outcome": result.outcome,
                "progress": result.progress.value,
            }
            for result, review, person, referral in await self.exchange.outcomes(council_id)
        ]


def _csv(what: str, rows: list[dict[str, Any]]) -> str:
    """Write rows as CSV; a plan has a line for each of its items, or one with empty cells where it has none."""
    if what == "outcomes":
        names = [column.name for column in OUTCOMES]
        return csv_text([names, *([row[name] for name in names] for row in rows)])
    names, parts = [column.name for column in PLANS], [column.name for column in ITEMS]
    lines: list[list[Cell]] = [[*names, *parts]]
    for row in rows:
        lines += [
            [*(row[name] for name in names), *(item.get(name, "") for name in parts)] for item in row["items"] or [{}]
        ]
    return csv_text(lines)


def _pounds(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02}"
