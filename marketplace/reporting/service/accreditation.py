"""The council's view of accreditation in one page: what waits, what ends, which rounds run, the market by area."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.formats import plural, uk_date
from marketplace.core.places.districts import DISTRICT_NAMES
from marketplace.providers.models import EVIDENCE_LABELS, SERVICE_LABELS, ServiceLine
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.service.evidence import state_of
from marketplace.reporting.repository.accreditation import EVIDENCE_PAGE, AccreditationDesk

SHOWN_ENDING: Final = 20
CLOSED_DAYS: Final = 90
"""Rounds that closed longer ago than this are no longer on the first page."""
ELSEWHERE: Final = "Elsewhere or not said"

WAITING: Final[tuple[tuple[str, str, str, str, Permission], ...]] = (
    ("evidence", "piece of evidence to look at", "pieces of evidence to look at", "/evidence", Permission.EVIDENCE_SEE),
    (
        "links",
        "link to the register to look at",
        "links to the register to look at",
        "/regulator-links",
        Permission.EVIDENCE_SEE,
    ),
    (
        "submitted",
        "application without evaluators",
        "applications without evaluators",
        "/accreditation/applications?status=submitted",
        Permission.APPLICATIONS_DECIDE,
    ),
    (
        "evaluating",
        "application being scored",
        "applications being scored",
        "/accreditation/applications?status=evaluating",
        Permission.APPLICATIONS_READ,
    ),
    (
        "moderated",
        "application to decide",
        "applications to decide",
        "/accreditation/applications?status=moderated",
        Permission.APPLICATIONS_DECIDE,
    ),
    (
        "agreements",
        "agreement to countersign",
        "agreements to countersign",
        "/accreditation/agreements",
        Permission.AGREEMENTS_SIGN,
    ),
    ("appeals", "appeal to decide", "appeals to decide", "/accreditation/appeals", Permission.APPLICATIONS_DECIDE),
    (
        "questions",
        "question about a round to answer",
        "questions about rounds to answer",
        "/accreditation/questions",
        Permission.FRAMEWORKS_EDIT,
    ),
    (
        "assistants",
        "personal assistant to approve",
        "personal assistants to approve",
        "/accreditation/pa-register",
        Permission.WORKFORCE_DECIDE,
    ),
    (
        "nominations",
        "nominated planner to choose about",
        "nominated planners to choose about",
        "/accreditation/nominations",
        Permission.WORKFORCE_DECIDE,
    ),
    (
        "joining",
        "request to join an organisation",
        "requests to join organisations",
        "/join-requests",
        Permission.ORGANISATIONS_MERGE,
    ),
    ("drafts", "listing to check", "listings to check", "/listing-checks", Permission.LISTINGS_CHECK),
    (
        "returns",
        "monitoring return to review",
        "monitoring returns to review",
        "/monitoring",
        Permission.MONITORING_READ,
    ),
    (
        "feedback",
        "piece of feedback to check",
        "pieces of feedback to check",
        "/feedback-checks",
        Permission.FEEDBACK_CHECK,
    ),
)
"""What may wait: key, words for one, words for several, where it is done, who may do it."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The page."""

    waiting: tuple[tuple[str, str], ...]
    """Words and address."""
    replies: tuple[tuple[str, str], ...]
    """Providers who replied to a decision and have no answer yet: words and address."""
    ending_counts: tuple[tuple[str, int, str], ...]
    ending: tuple[dict[str, Any], ...]
    rounds: tuple[dict[str, Any], ...]
    by_service: tuple[tuple[str, int, str], ...]
    services: tuple[str, ...]
    by_area: tuple[tuple[str, tuple[int, ...], int], ...]
    """District, organisations by service in the order of `services`, and how many of all are on the market."""
    planners: int
    workers: int


class AccreditationDeskService:
    """Reads the page and its table."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.desk = AccreditationDesk(db)
        self.clock = clock_of(db)

    async def page(self, principal: Principal) -> Desk:
        """Return the page.

        Raises:
            Forbidden: The role has nothing to do with applications.
        """
        principal.require(Permission.APPLICATIONS_READ)
        council_id, day, now = principal.council_id, today(self.clock), self.clock.now()
        counts = await self.desk.waiting(council_id)
        windows = [day + timedelta(days=days) for days in (14, 30, 90)]
        ends = await self.desk.ending(council_id, day, windows)
        names = ("In the next 14 days", "In 15 to 30 days", "In 31 to 90 days")
        rows = await EvidenceRepository(self.db).ending(council_id, day, windows[-1])
        rounds = await self.desk.rounds(council_id, now - timedelta(days=CLOSED_DAYS))
        market = await self.desk.market(council_id, day)
        planners, workers = await self.desk.workforce(council_id, day)
        services, areas = _matrix(market)
        return Desk(
            waiting=tuple(
                (plural(counts[key], one, several), href)
                for key, one, several, href, permission in WAITING
                if counts[key] and principal.may(permission)
            ),
            replies=tuple(
                (
                    f"{name} replied on {uk_date(local(replied_at).date())}",
                    f"/accreditations/{accreditation_id}" if principal.may(Permission.ACCREDITATION_DECIDE) else "",
                )
                for name, accreditation_id, replied_at in await self.desk.replies(council_id)
            ),
            ending_counts=tuple((name, number, str(number)) for name, number in zip(names, ends, strict=True)),
            ending=tuple(
                {
                    "id": str(row.id),
                    "organisation": organisation.name,
                    "organisation_id": organisation.id,
                    "label": EVIDENCE_LABELS[row.kind],
                    "last_day": row.expires_on - timedelta(days=1) if row.expires_on else None,
                    "days": (row.expires_on - day).days if row.expires_on else None,
                }
                for row, organisation in rows[:SHOWN_ENDING]
            ),
            rounds=tuple(
                {
                    "id": one.id,
                    "name": one.name,
                    "framework": framework.name,
                    "state": _round_state(one.opens_at, one.closes_at, now),
                    "opens_at": one.opens_at,
                    "closes_at": one.closes_at,
                    "drafts": drafts,
                    "sent": sent,
                }
                for one, framework, drafts, sent in rounds
            ),
            by_service=tuple(
                (SERVICE_LABELS[line], total, plural(total, "organisation"))
                for line in ServiceLine
                if (total := sum(number for service, _, number, _ in market if service is line))
            ),
            services=tuple(SERVICE_LABELS[line] for line in services),
            by_area=areas,
            planners=planners,
            workers=workers,
        )

    async def evidence_rows(self, principal: Principal) -> list[list[str]]:
        """Return all evidence of the council's organisations as rows of a table.

        Raises:
            Forbidden: The role does not look at evidence.
        """
        principal.require(Permission.EVIDENCE_SEE)
        day = today(self.clock)
        rows: list[list[str]] = []
        after: tuple[str, UUID] | None = None
        while True:
            found = await self.desk.evidence(principal.council_id, after, EVIDENCE_PAGE * 10)
            shown = found[: EVIDENCE_PAGE * 10]
            rows += [
                [
                    organisation.name,
                    EVIDENCE_LABELS[row.kind],
                    row.detail,
                    row.issued_on.isoformat(),
                    (row.expires_on - timedelta(days=1)).isoformat() if row.expires_on else "",
                    state_of(row, day),
                    row.seen_at.date().isoformat() if row.seen_at else "",
                ]
                for row, organisation in shown
            ]
            if len(found) <= len(shown):
                return rows
            after = (shown[-1][1].name, shown[-1][0].id)


def _round_state(opens_at: datetime, closes_at: datetime, now: datetime) -> tuple[str, str]:
    """Say how a round stands: a state for the coloured tag, and its words."""
    if now < opens_at:
        return "scheduled", f"Opens on {uk_date(opens_at.date())}"
    if now < closes_at:
        return "live", "Open"
    return "closed", "Closed"


def _matrix(
    market: Sequence[tuple[ServiceLine, str, int, int]],
) -> tuple[tuple[ServiceLine, ...], tuple[tuple[str, tuple[int, ...], int], ...]]:
    """Turn counts into a table: a row a district, a column a service that anybody is accredited for."""
    services = tuple(line for line in ServiceLine if any(row[0] is line for row in market))
    cells: dict[str, dict[ServiceLine, int]] = defaultdict(dict)
    shown: dict[str, int] = defaultdict(int)
    for line, code, number, on_market in market:
        name = DISTRICT_NAMES.get(code) or (f"District {code}" if code else ELSEWHERE)
        cells[name][line] = cells[name].get(line, 0) + number
        shown[name] = max(shown[name], on_market)
    order = sorted(cells, key=lambda name: (name == ELSEWHERE, name))
    return services, tuple((name, tuple(cells[name].get(line, 0) for line in services), shown[name]) for name in order)
