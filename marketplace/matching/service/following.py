"""How often proposals are followed: by month and by broker, with the reasons where they were not (UK GDPR 22A-22D)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import local
from marketplace.matching.repository import DecisionRepository

FEW = 20
"""Fewer decisions than this say little about a broker."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of a broker on a proposal: an offer, or a proposal of a waiting-list run that was rejected."""

    at: datetime
    by_user_id: UUID | None
    is_followed: bool
    reason: str
    reference: str
    rank: int | None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of a group."""

    label: str
    decisions: int
    followed: int

    @property
    def changed(self) -> int:
        """Decisions for somebody who was not proposed first, and proposals that were rejected."""
        return self.decisions - self.followed

    @property
    def changed_percent(self) -> int | None:
        """Share that was not followed, whole per cent; None without decisions."""
        return (200 * self.changed + self.decisions) // (2 * self.decisions) if self.decisions else None

    @property
    def words(self) -> str:
        """The share in words."""
        return "–" if self.changed_percent is None else f"{self.changed_percent} %"


def tally(label: str, decisions: Iterable[Decision]) -> Tally:
    """Count decisions."""
    found = list(decisions)
    return Tally(label=label, decisions=len(found), followed=sum(1 for one in found if one.is_followed))


def by_month(decisions: Sequence[Decision]) -> list[tuple[date, Tally]]:
    """Count decisions by calendar month, the earliest first; months without any between two others count too."""
    found: dict[date, list[Decision]] = {}
    for one in decisions:
        found.setdefault(local(one.at).date().replace(day=1), []).append(one)
    if not found:
        return []
    months, month = [], min(found)
    while month <= max(found):
        months.append((month, tally(f"{month:%B %Y}", found.get(month, []))))
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return months


def by_broker(decisions: Sequence[Decision]) -> list[tuple[UUID | None, Tally]]:
    """Count decisions by who took them, most decisions first."""
    found: dict[UUID | None, list[Decision]] = {}
    for one in decisions:
        found.setdefault(one.by_user_id, []).append(one)
    rows = [(user_id, tally("", rows)) for user_id, rows in found.items()]
    return sorted(rows, key=lambda row: (-row[1].decisions, str(row[0])))


def reasons(decisions: Sequence[Decision]) -> list[tuple[str, int]]:
    """Return reasons for not following, the most frequent first."""
    counted = Counter(one.reason.strip() or "No reason recorded" for one in decisions if not one.is_followed)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def warnings(whole: Tally) -> list[str]:
    """Say what the shares may mean."""
    if whole.decisions < FEW:
        return ["There are too few decisions to say anything about the share."]
    if not whole.changed:
        return [
            "Every proposal was followed. That may mean that proposals are good, or that nobody looks at them. "
            "Ask brokers to show how they checked some."
        ]
    if (whole.changed_percent or 0) >= 50:
        return ["Half of the proposals or more were not followed. The weights may not say what brokers know."]
    return []


class FollowingService:
    """Decisions of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def decisions(self, council_id: UUID, since: datetime) -> list[Decision]:
        """Return the decisions since an instant, the latest first."""
        rows = await DecisionRepository(self.db).since(council_id, since)
        return [
            Decision(
                at=row.at,
                by_user_id=row.by_user_id,
                is_followed=bool(row.is_followed),
                reason=row.reason or "",
                reference=row.reference,
                rank=row.rank,
            )
            for row in rows
        ]
