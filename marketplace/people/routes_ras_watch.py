"""Pages beside the workbench: the monthly watch, who gets what, and the ready reckoner for everybody."""

from decimal import Decimal
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, setting
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.people.models import RasMonth, RasVersion
from marketplace.people.ras.domains import indicative, points_of
from marketplace.people.ras.equality import of_people, of_sample
from marketplace.people.ras.preview import KINDS, price, value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.watching import ALARM_WORDS, LEAST_FOR_MEAN, WatchService
from marketplace.people.states import RasStatus

PREFIX = "answer-"
"""Before the key of a domain in the reckoner's form, so that no domain can be called as another field."""


class RasWatchController(Controller):
    """What a version costs, and whom it serves how."""

    path = "/ras"

    @get("/watch", permission=Permission.RAS_READ)
    async def watch(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version: Annotated[str, QueryParameter(name="version", max_length=36)] = "",
    ) -> Template:
        """Show how a version stands today and stood at each month's end."""
        row, published = await _chosen(db, principal, version)
        context: dict[str, Any] = {"row": row, "published": published, "value": value_words, "alarms": ALARM_WORDS}
        if row is not None:
            service = WatchService(db)
            months = await service.months(row)
            on = today(clock_of(db))
            context |= {
                "watch": await service.now(row),
                "months": [_month(month, row) for month in months],
                "line": [_month(month, row) for month in reversed(months)],
                "limits": await setting(db, row.council_id, "people.ras_alarms", on),
                "least": LEAST_FOR_MEAN,
            }
        return Template("people/ras/watch.html", context=context)

    @get("/equality", permission=Permission.RAS_READ)
    async def equality(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version: Annotated[str, QueryParameter(name="version", max_length=36)] = "",
    ) -> Template:
        """Show what the points give by group of people; small groups are held back."""
        row, published = await _chosen(db, principal, version)
        context: dict[str, Any] = {"row": row, "published": published}
        if row is not None:
            on, repository = today(clock_of(db)), RasRepository(db)
            least = int(await setting(db, row.council_id, "reporting.least_shown", on))
            context |= {
                "people": of_people(await repository.allocated(row, on), on, least),
                "sample": of_sample(price(row, await repository.cases(row)), KINDS, least),
                "least": least,
            }
        return Template("people/ras/equality.html", context=context)


class ReckonerController(Controller):
    """The ready reckoner: what somebody's points would come to. Nothing is kept (T12)."""

    path = "/ready-reckoner"

    @get("/", permission=None)
    async def index(self, db: NamedDependency[AsyncSession]) -> Template:
        """List councils that have published what a point is worth."""
        councils = {council.id: council for council in await AccountRepository(db).councils()}
        await scope_to(db, list(councils))
        found = await RasRepository(db).councils_in_force(today(clock_of(db)))
        shown = [council for council_id, council in councils.items() if council_id in found]
        return Template("people/ras/reckoner_index.html", context={"councils": shown})

    @get("/{slug:str}", permission=None, visitor_form=True)
    async def ask(self, db: NamedDependency[AsyncSession], slug: FromPath[str]) -> Template:
        """Ask the questions of the council's version in force."""
        council, row = await _in_force(db, slug)
        return _reckoner(council, row, {}, {}, None)

    @post("/{slug:str}", permission=None, visitor_form=True, status_code=200)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        slug: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Say what the answers come to. They are sent as a form, so that they stand in no address and no log."""
        council, row = await _in_force(db, slug)
        form = FormReader(data)
        answers = {one["key"]: form.raw(PREFIX + one["key"]) for one in row.domains}
        try:
            points = points_of(row, answers)
        except InvalidInput as error:
            errors = {PREFIX + key: words for key, words in error.fields.items()}
            return _reckoner(council, row, data, errors, None)
        annual_pence, weekly_pence = indicative(row, points)
        parts = []
        for domain in row.domains:
            answer = next(one for one in domain["answers"] if one["key"] == answers[domain["key"]])
            parts.append((domain["label"], answer["label"], answer["points"]))
        result = {"points": points, "annual_pence": annual_pence, "weekly_pence": weekly_pence, "parts": parts}
        return _reckoner(council, row, data, {}, result)


ROUTES = [RasWatchController, ReckonerController]


async def _chosen(db: AsyncSession, principal: Principal, wanted: str) -> tuple[RasVersion | None, list[RasVersion]]:
    """Return the version asked for, else the one in force, else the last published; and all published ones."""
    repository = RasRepository(db)
    published = [row for row in await repository.versions(principal.council_id) if row.status is RasStatus.PUBLISHED]
    if wanted:
        asked = parse_id(wanted)
        found = next((row for row in published if row.id == asked), None)
        if found is None:
            raise NotFound
        return found, published
    current = await repository.current(principal.council_id, today(clock_of(db)))
    return current or next(iter(published), None), published


async def _in_force(db: AsyncSession, slug: str) -> tuple[Council, RasVersion]:
    council = next((one for one in await AccountRepository(db).councils() if one.slug == slug), None)
    if council is None:
        raise NotFound
    # What is published is for everybody: the page reaches the rows of this council alone, and reads no person's.
    await scope_to(db, [council.id])
    row = await RasRepository(db).current(council.id, today(clock_of(db)))
    if row is None:
        raise NotFound
    return council, row


def _reckoner(
    council: Council, row: RasVersion, values: FormData, errors: dict[str, str], result: dict[str, Any] | None
) -> Template:
    context = {
        "council": council,
        "row": row,
        "questions": [
            (PREFIX + one["key"], one["label"], one["help"], [(a["key"], a["label"]) for a in one["answers"]])
            for one in row.domains
        ],
        "values": typed(values),
        "errors": errors,
        "result": result,
        "value": value_words,
    }
    headers = {"cache-control": "private, no-store"}
    status = 422 if errors else 200
    return Template("people/ras/reckoner.html", context=context, headers=headers, status_code=status)


def _month(month: RasMonth, row: RasVersion) -> dict[str, Any]:
    """Return a month as the page shows it."""
    committed = _percent(month.indicative_annual_pence, row.allocatable_pence)
    variance = _percent(month.final_annual_pence - month.answered_annual_pence, month.answered_annual_pence)
    return {
        "month": month.month,
        "people": month.people,
        "mean": round(Decimal(month.points) / month.people, 2) if month.people else "",
        "indicative_pence": month.indicative_annual_pence,
        "committed_percent": committed or Decimal(0),
        "protection_pence": month.protection_annual_pence,
        "variance_percent": variance,
        "alarms": [ALARM_WORDS[key] for key in month.alarms],
    }


def _percent(part: int, whole: int) -> Decimal | None:
    return round(Decimal(100 * part) / whole, 1) if whole else None
