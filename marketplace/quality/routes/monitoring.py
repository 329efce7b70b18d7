"""Pages of contract monitoring: the organisation's returns and the council's view of all of them."""

from datetime import date
from typing import Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.models import Council
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit, typed
from marketplace.quality.models import MonitoringReturn
from marketplace.quality.repository.monitoring import LABELS, PAGE
from marketplace.quality.routes.person import id_of
from marketplace.quality.service.monitoring import MonitoringService, ReturnForm, quarter_of, quarter_words
from marketplace.quality.states import ReturnStatus

OWN: Final = "/provider/monitoring"
COUNCIL: Final = "/monitoring"
STATUS_WORDS: Final = {
    ReturnStatus.OPEN: "With the organisation",
    ReturnStatus.SENT: "To review",
    ReturnStatus.REVIEWED: "Reviewed",
    ReturnStatus.QUERIED: "Question asked",
}
OWN_WORDS: Final = {
    ReturnStatus.OPEN: "To check and send",
    ReturnStatus.SENT: "Sent",
    ReturnStatus.REVIEWED: "Reviewed by the council",
    ReturnStatus.QUERIED: "The council asks something",
}


class OwnMonitoringController(Controller):
    """The organisation's returns."""

    path = OWN

    @get("/", permission=Permission.MONITORING_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List returns to all councils."""
        rows = await MonitoringService(db).own(principal)
        names = {row.id: row.name for row in [await db.get_one(Council, one) for one in {r.council_id for r in rows}]}
        items = [
            {
                "id": row.id,
                "quarter": quarter_words(row.from_day),
                "council": names[row.council_id],
                "due_on": row.due_on,
                "status": row.status.value,
                "words": OWN_WORDS[row.status],
                "is_late": row.status is ReturnStatus.OPEN and row.due_on < today(clock_of(db)),
            }
            for row in rows
        ]
        return Template("quality/returns_own.html", context={"items": items})

    @get("/{return_id:str}", permission=Permission.MONITORING_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], return_id: FromPath[str]
    ) -> Template:
        """Show a return with what the platform counted."""
        row = await MonitoringService(db).own_one(principal, id_of(return_id))
        return await _own_page(db, row, None, {})

    @post("/{return_id:str}", permission=Permission.MONITORING_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        return_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep it for later, or send it."""
        wanted, is_sending = id_of(return_id), data.get("do") == "send"
        row = await MonitoringService(db).own_one(principal, wanted)
        try:
            form = ReturnForm.read(data, row.figures)
        except InvalidInput as error:
            return await _own_page(db, row, typed(data), error.fields)

        async def act() -> str:
            await MonitoringService(db).save(principal, wanted, form, send=is_sending)
            return OWN if is_sending else f"{OWN}/{wanted}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Sent to the council" if is_sending else "Saved. The council does not see it until you send it")
        return answer


class MonitoringController(Controller):
    """The council's view."""

    path = COUNCIL

    @get("/", permission=Permission.MONITORING_READ)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        quarter: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List the returns of a quarter, by organisation."""
        service = MonitoringService(db)
        quarters = await service.returns.quarters(principal.council_id)
        chosen = _quarter(quarter) or (quarters[0] if quarters else None)
        states = {one.value: words for one, words in STATUS_WORDS.items()}
        if status and status not in states:
            raise BadRequest
        items: list[dict[str, Any]] = []
        more = None
        if chosen is not None:
            question = service.returns.of(principal.council_id).where(MonitoringReturn.from_day == chosen)
            if status:
                question = question.where(MonitoringReturn.status == ReturnStatus(status))
            start = None
            if after:
                last = await service.find(principal, id_of(after))
                start = ((await service.organisation(last)).name, last.id)
            found = await service.returns.page(question, start)
            items = [_item(row, organisation.name, today(clock_of(db))) for row, organisation in found[:PAGE]]
            more = found[PAGE - 1][0].id if len(found) > PAGE else None
        context = {
            "items": items,
            "quarters": [(day.isoformat(), quarter_words(day)) for day in quarters],
            "chosen": chosen.isoformat() if chosen else "",
            "chosen_words": quarter_words(chosen) if chosen else "",
            "states": [("", "Any state"), *states.items()],
            "status": status or "",
            "more": more,
        }
        return Template("quality/returns.html", context=context)

    @get("/returns.csv", permission=Permission.MONITORING_READ)
    async def table(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        quarter: FromQuery[str | None] = None,
    ) -> Response[str]:
        """All returns of a quarter as a table: the platform's figures, and the organisation's where they differ."""
        service = MonitoringService(db)
        chosen = _quarter(quarter)
        if chosen is None:
            raise BadRequest
        question = service.returns.of(principal.council_id).where(MonitoringReturn.from_day == chosen)
        rows: list[list[Any]] = [["Organisation", "Quarter", "State", *LABELS.values(), "Differences", "Good", "Hard"]]
        start = None
        while True:
            found = await service.returns.page(question, start)
            for row, organisation in found[:PAGE]:
                differences = "; ".join(
                    f"{LABELS[key]}: {one['value']} ({one['why']})" for key, one in row.corrections.items()
                )
                figures = [row.figures.get(key) for key in LABELS]
                words = STATUS_WORDS[row.status]
                quarter_name = quarter_words(row.from_day)
                rows.append([organisation.name, quarter_name, words, *figures, differences, row.good, row.hard])
            if len(found) <= PAGE:
                break
            last, organisation = found[PAGE - 1]
            start = (organisation.name, last.id)
        headers = {"content-disposition": f'attachment; filename="monitoring-{chosen.isoformat()}.csv"'}
        return Response(csv_text(rows), media_type="text/csv", headers=headers)

    @get("/{return_id:str}", permission=Permission.MONITORING_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], return_id: FromPath[str]
    ) -> Template:
        """Show one return."""
        row = await MonitoringService(db).find(principal, id_of(return_id))
        return await _council_page(db, row, {}, {})

    @post("/{return_id:str}", permission=Permission.MONITORING_READ)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        return_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Accept it or ask."""
        wanted = id_of(return_id)

        async def act() -> str:
            await MonitoringService(db).decide(principal, wanted, data)
            return COUNCIL

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            row = await MonitoringService(db).find(principal, wanted)
            return await _council_page(db, row, typed(data), error.fields)
        flash(request, "Saved. The organisation is told")
        return answer


def _quarter(given: str | None) -> date | None:
    if not given:
        return None
    day = parse_day(given)
    if day is None or quarter_of(day)[0] != day:
        raise BadRequest
    return day


def _item(row: MonitoringReturn, name: str, day: date) -> dict[str, Any]:
    figures = row.figures
    return {
        "id": row.id,
        "name": name,
        "status": row.status.value,
        "words": STATUS_WORDS[row.status],
        "is_late": row.status is ReturnStatus.OPEN and row.due_on < day,
        "people": figures.get("people"),
        "visits": figures.get("visits"),
        "plans": figures.get("plans"),
        "stars": f"{figures['stars_tenths'] / 10:.1f}" if figures.get("stars_tenths") else "None",
        "worries": _worries(figures),
        "differs": len(row.corrections),
    }


def _worries(figures: dict[str, Any]) -> list[str]:
    """Say what an officer would want to look at first. Shares are of at least five, so that one bad day is none."""
    found = []
    for part, whole, words in (
        ("disputed", "visits", "Many visits disputed"),
        ("cancelled", "visits", "Many visits called off"),
        ("requests_declined", "requests", "Many requests declined"),
        ("offers_lapsed", "offers", "Many referrals not answered"),
    ):
        of = (figures.get(whole) or 0) + (figures.get(part) or 0 if whole == "visits" else 0)
        if of >= 5 and (figures.get(part) or 0) * 4 >= of:
            found.append(words)
    if (figures.get("feedback") or 0) >= 5 and (figures.get("stars_tenths") or 50) < 35:
        found.append("Low stars")
    return found


async def _own_page(
    db: AsyncSession, row: MonitoringReturn, values: FormData | None, errors: dict[str, str]
) -> Template:
    can_change = row.status in {ReturnStatus.OPEN, ReturnStatus.QUERIED}
    shown = values
    if shown is None:
        shown = {"good": row.good, "hard": row.hard, "version": row.version}
        for key, one in row.corrections.items():
            shown |= {f"figure-{key}": str(one["value"]), f"why-{key}": one["why"]}
    context = {
        "row": row,
        "council": (await db.get_one(Council, row.council_id)).name,
        "quarter": quarter_words(row.from_day),
        "words": OWN_WORDS[row.status],
        "labels": list(LABELS.items()),
        "can_change": can_change,
        "values": shown,
        "errors": errors,
    }
    return Template("quality/return_own.html", context=context, status_code=422 if errors else 200)


async def _council_page(db: AsyncSession, row: MonitoringReturn, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "row": row,
        "organisation": (await MonitoringService(db).organisation(row)).name,
        "quarter": quarter_words(row.from_day),
        "words": STATUS_WORDS[row.status],
        "labels": list(LABELS.items()),
        "can_decide": row.status in {ReturnStatus.SENT, ReturnStatus.QUERIED, ReturnStatus.REVIEWED},
        "values": {"version": row.version, **values},
        "errors": errors,
    }
    return Template("quality/return.html", context=context, status_code=422 if errors else 200)
