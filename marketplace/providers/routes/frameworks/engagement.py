"""The engagement log of a council, and whether there are enough organisations."""

from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import ChangedMeanwhile
from marketplace.providers.models import EngagementEntry, EngagementKind
from marketplace.providers.repository.engagement import PAGE, EngagementRepository, QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.frameworks.common import SOMEBODY_SAVED, form_page, row_id
from marketplace.providers.service.frameworks.engagement import (
    ENGAGEMENT_LABELS,
    HELD,
    EngagementService,
    EntryForm,
    ReplyForm,
)
from marketplace.providers.service.frameworks.sufficiency import ENOUGH, RANGE, SufficiencyService
from marketplace.providers.service.frameworks.versions import VersionService
from marketplace.providers.states import FrameworkVersionStatus

PATH = "/accreditation/engagement"
MOST_ROWS = 5_000


class EngagementController(Controller):
    """Events, consultations, expressions of interest."""

    path = PATH

    @get("/", permission=Permission.FRAMEWORKS_EDIT)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """Show the log, the newest first."""
        frameworks = await VersionService(db).own(principal)
        names = {row.id: row.name for row in frameworks}
        framework_id, wanted_kind, start = _filter(framework, kind, after)
        repository = EngagementRepository(db)
        found = await repository.page(principal.council_id, framework_id=framework_id, kind=wanted_kind, after=start)
        shown = found[:PAGE]
        bodies = await QuestionRepository(db).names(row.organisation_id for row in shown if row.organisation_id)
        last = shown[-1] if len(found) > PAGE else None
        context = {
            "items": [_item(row, names, bodies) for row in shown],
            "frameworks": [(str(row.id), row.name) for row in frameworks],
            "kinds": [(one.value, label) for one, label in ENGAGEMENT_LABELS.items()],
            "framework": framework or "",
            "kind": kind or "",
            "next_after": f"{last.held_on.isoformat()}_{last.id}" if last else None,
        }
        return Template("providers/frameworks/engagement.html", context=context)

    @get("/log.csv", permission=Permission.FRAMEWORKS_EDIT)
    async def export(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give the log as a file, for the council alone: it says who expressed an interest."""
        names = {row.id: row.name for row in await VersionService(db).own(principal)}
        rows = await EngagementRepository(db).page(principal.council_id, limit=MOST_ROWS)
        bodies = await QuestionRepository(db).names(row.organisation_id for row in rows if row.organisation_id)
        heading = (
            "date", "kind", "framework", "title", "said", "done", "people", "organisations", "lots", "from", "public",
        )  # fmt: skip
        table = [
            (
                uk_date(row.held_on),
                ENGAGEMENT_LABELS[row.kind],
                names.get(row.framework_id, "") if row.framework_id else "",
                row.title,
                row.said,
                row.done,
                row.people,
                row.organisations,
                " ".join(row.lot_codes),
                bodies.get(row.organisation_id, "") if row.organisation_id else "",
                "yes" if row.is_public else "no",
            )
            for row in rows
        ]
        return Response(
            csv_text([heading, *table]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="engagement-log.csv"'},
        )

    @get("/sufficiency", permission=Permission.FRAMEWORKS_EDIT)
    async def sufficiency(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework: FromQuery[str | None] = None,
    ) -> Template:
        """Show how many organisations there are for each lot of a framework (D7)."""
        service = VersionService(db)
        frameworks = await service.own(principal)
        wanted = row_id(framework) if framework else frameworks[0].id if frameworks else None
        chosen = await service.framework(principal, wanted) if wanted else None
        figures = []
        if chosen is not None:
            versions = await service.frameworks.versions.of_framework(chosen.id)
            used = [row for row in versions if row.status is FrameworkVersionStatus.PUBLISHED] or versions
            lots = list(await service.frameworks.lots(used[0].id)) if used else []
            council = await service.frameworks.council(principal.council_id)
            figures = await SufficiencyService(db).of(chosen, lots, list(council.district_codes), today(clock_of(db)))
        context = {
            "frameworks": [(str(row.id), row.name) for row in frameworks],
            "chosen": chosen,
            "figures": figures,
            "enough": ENOUGH,
            "range": RANGE,
        }
        return Template("providers/frameworks/sufficiency.html", context=context)

    @get("/new", permission=Permission.FRAMEWORKS_EDIT)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form of a new entry."""
        values = {"framework_id": framework or "", "people": "0", "organisations": "0"}
        return form_page("entry_form", await _context(db, principal, None), values, {})

    @post("/", permission=Permission.FRAMEWORKS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Enter an event or the like."""
        context = await _context(db, principal, None)
        try:
            form = EntryForm.read(data, [one for one, _ in context["frameworks"]], today(clock_of(db)))
        except InvalidInput as error:
            return form_page("entry_form", context, data, error.fields)

        async def act() -> str:
            await EngagementService(db).add(principal, form)
            return PATH

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Entry added")
        return answer

    @get("/{entry_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], entry_id: FromPath[str]
    ) -> Template:
        """Show the form of an entry."""
        entry = await EngagementService(db).find(principal, row_id(entry_id))
        return form_page("entry_form", await _context(db, principal, entry), _values(entry), {})

    @post("/{entry_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        entry_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change an entry; of an expression of interest what the council says to it."""
        service = EngagementService(db)
        entry = await service.find(principal, row_id(entry_id), locked=True)
        context = await _context(db, principal, entry)
        form: EntryForm | ReplyForm
        try:
            if entry.kind is EngagementKind.INTEREST:
                form = ReplyForm.read(data)
            else:
                form = EntryForm.read(data, [one for one, _ in context["frameworks"]], today(clock_of(db)))
        except InvalidInput as error:
            return form_page("entry_form", context, data, error.fields)

        async def act() -> str:
            await service.change(principal, entry.id, form)
            return PATH

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except ChangedMeanwhile:
            values = {**data, "version": str(entry.version)}
            shown = {**context, "saved": True}
            return form_page("entry_form", shown, values, {"form": SOMEBODY_SAVED}, status=HTTPStatus.CONFLICT)
        flash(request, "Entry saved")
        return answer


def _filter(
    framework: str | None, kind: str | None, after: str | None
) -> tuple[UUID | None, EngagementKind | None, tuple[date, UUID] | None]:
    framework_id = row_id(framework) if framework else None
    try:
        wanted = EngagementKind(kind) if kind else None
    except ValueError:
        raise BadRequest from None
    if not after:
        return framework_id, wanted, None
    day, _, entry_id = after.partition("_")
    start = (parse_day(day), parse_id(entry_id))
    if start[0] is None or start[1] is None:
        raise BadRequest
    return framework_id, wanted, (start[0], start[1])


def _item(row: EngagementEntry, names: dict[UUID, str], bodies: dict[UUID, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": ENGAGEMENT_LABELS[row.kind],
        "title": row.title,
        "held_on": row.held_on,
        "framework": names.get(row.framework_id, "") if row.framework_id else "",
        "said": row.said,
        "done": row.done,
        "people": row.people,
        "organisations": row.organisations,
        "by": bodies.get(row.organisation_id, "") if row.organisation_id else "",
        "lots": ", ".join(row.lot_codes),
        "is_public": row.is_public,
    }


async def _context(db: AsyncSession, principal: Principal, entry: EngagementEntry | None) -> dict[str, Any]:
    frameworks = await FrameworkRepository(db).own(principal.council_id)
    is_interest = entry is not None and entry.kind is EngagementKind.INTEREST
    owner = entry.organisation_id if entry else None
    names = await QuestionRepository(db).names([owner] if owner else [])
    return {
        "entry": entry,
        "is_interest": is_interest,
        "by": names.get(owner, "") if owner else "",
        "frameworks": [(str(row.id), row.name) for row in frameworks],
        "kinds": [(one.value, ENGAGEMENT_LABELS[one]) for one in HELD],
        "saved": False,
    }


def _values(entry: EngagementEntry) -> FormData:
    return {
        "framework_id": str(entry.framework_id or ""),
        "kind": entry.kind.value,
        "held_on-day": str(entry.held_on.day),
        "held_on-month": str(entry.held_on.month),
        "held_on-year": str(entry.held_on.year),
        "title": entry.title,
        "said": entry.said,
        "done": entry.done,
        "people": str(entry.people),
        "organisations": str(entry.organisations),
        "lot_codes": ", ".join(entry.lot_codes),
        "is_public": "yes" if entry.is_public else "",
        "version": str(entry.version),
    }
