"""Pages on how often proposals are followed."""

from datetime import timedelta
from typing import Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.response import Response, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.spreadsheets import csv_text
from marketplace.matching.service.following import (
    Decision,
    FollowingService,
    by_broker,
    by_month,
    reasons,
    tally,
    warnings,
)

LOOKED_BACK = timedelta(days=365)
LATEST = 25
GONE = "Somebody who has left"


class FollowingController(Controller):
    """How brokers decide on proposals."""

    @get("/matching/decisions", permission=Permission.MATCH_READ)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show how often proposals were followed in the last year, by month and by broker, with the reasons."""
        decisions, users = await _decisions(db, principal)
        whole = tally("All", decisions)
        months = by_month(decisions)
        context = {
            "whole": whole,
            "warnings": warnings(whole),
            "months": [[one.label, one.decisions, one.followed, one.changed, one.words] for _, one in months],
            "points": [(one.label, one.changed_percent or 0, f"{one.words} of {one.decisions}") for _, one in months],
            "brokers": [
                [users.get(user_id, GONE), one.decisions, one.followed, one.changed, one.words]
                for user_id, one in by_broker(decisions)
            ],
            "reasons": [[text, number] for text, number in reasons(decisions)[:LATEST]],
            "latest": [
                [
                    one.reference,
                    uk_date(one.at),
                    users.get(one.by_user_id, GONE) if one.by_user_id else GONE,
                    str(one.rank or ""),
                    one.reason or "No reason recorded",
                ]
                for one in decisions
                if not one.is_followed
            ][:LATEST],
        }
        return Template("matching/decisions.html", context=context)

    @get("/matching/decisions.csv", permission=Permission.MATCH_READ)
    async def download(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give every decision of the last year as a spreadsheet."""
        decisions, users = await _decisions(db, principal)
        rows: list[list[Any]] = [
            [
                one.at.date().isoformat(),
                one.reference,
                users.get(one.by_user_id, GONE) if one.by_user_id else GONE,
                one.rank if one.rank is not None else "",
                "yes" if one.is_followed else "no",
                one.reason,
            ]
            for one in decisions
        ]
        return Response(
            csv_text([["Date", "Referral", "Decided by", "Rank", "Proposal followed", "Reason"], *rows]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="decisions.csv"'},
        )


async def _decisions(db: AsyncSession, principal: Principal) -> tuple[list[Decision], dict[Any, str]]:
    since = clock_of(db).now() - LOOKED_BACK
    decisions = await FollowingService(db).decisions(principal.council_id, since)
    users = await AccountRepository(db).names({one.by_user_id for one in decisions if one.by_user_id})
    return decisions, users
