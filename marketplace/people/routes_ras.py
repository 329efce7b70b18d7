"""The workbench of the resource allocation system: versions, domains, sample, preview, publishing by two roles."""

from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text, pounds_cell
from marketplace.core.web import FormData, submit, typed
from marketplace.people.models import RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.errors import RasFixed
from marketplace.people.ras.fingerprint import rerun
from marketplace.people.ras.forms import (
    MOST_ANSWERS,
    DomainForm,
    PublishForm,
    SettingsForm,
    domain_values,
    percent_words,
    read_version,
    settings_values,
)
from marketplace.people.ras.preview import preview, price, value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.sample import Sample, read_sample
from marketplace.people.ras.service import RasService, lacks
from marketplace.people.states import RasStatus

SLICE_ORDERS = [
    (SliceOrder.FIRST.value, "Before the budget is divided", "The points share what is left. They stay within it."),
    (
        SliceOrder.AFTER.value,
        "After the budget is divided",
        "The points share all of it, so the slice is promised twice.",
    ),
]
WEEKS = [
    (WeeksOfYear.WEEKS_52.value, "A year’s sum divided by 52"),
    (WeeksOfYear.DAYS_365.value, "A year’s sum times 7, divided by 365"),
]
STATUS_WORDS = {
    RasStatus.DRAFT: "Draft",
    RasStatus.PROPOSED: "Waiting for publishing",
    RasStatus.PUBLISHED: "Published",
    RasStatus.WITHDRAWN: "Given up",
}
LOOKS = {RasStatus.PROPOSED: "pending", RasStatus.PUBLISHED: "approved", RasStatus.WITHDRAWN: "closed"}


class RasController(Controller):
    """Versions of a council's points."""

    path = "/ras"

    @get("/", permission=Permission.RAS_READ)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List versions, newest first."""
        repository = RasRepository(db)
        on = today(clock_of(db))
        context = {
            "versions": await repository.versions(principal.council_id),
            "current": await repository.current(principal.council_id, on),
            "on": on,
            "may_draft": principal.may(Permission.RAS_DRAFT),
            **WORDS,
        }
        return Template("people/ras/index.html", context=context)

    @post("/new", permission=Permission.RAS_DRAFT)
    async def new(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin a draft, from another version where one is named."""
        given = str(data.get("from") or "")
        copied = parse_id(given)
        if given and copied is None:
            raise NotFound

        async def action() -> str:
            row = await RasService(db).draft(principal, copied)
            flash(request, f"Draft version {row.number} is ready to be worked on")
            return f"/ras/{row.id}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{version_id:str}", permission=Permission.RAS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        mean: Annotated[str, QueryParameter(name="mean", max_length=12)] = "",
    ) -> Template:
        """Show a version: its points, what they mean for the sample, and what can be done with it."""
        row = await _row(db, principal, version_id)
        return await _page(db, principal, row, asked=mean)

    @get("/{version_id:str}/settings", permission=Permission.RAS_DRAFT)
    async def settings(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show money, people, slice and weeks, ready to change."""
        row = await _draft(db, principal, version_id)
        return _settings_page(row, settings_values(row), {})

    @post("/{version_id:str}/settings", permission=Permission.RAS_DRAFT)
    async def change_settings(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep the settings of a draft."""
        row = await _row(db, principal, version_id)

        async def action() -> str:
            await RasService(db).change_settings(principal, row.id, SettingsForm.read(data))
            flash(request, "Settings saved")
            return f"/ras/{row.id}"

        try:
            return await _take(request, db, principal, data, action)
        except InvalidInput as error:
            return _settings_page(await _row(db, principal, version_id), data, error.fields)

    @get("/{version_id:str}/domains/{key:str}", permission=Permission.RAS_DRAFT)
    async def domain(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        key: FromPath[str],
    ) -> Template:
        """Show one domain with its answers, or an empty form."""
        row = await _draft(db, principal, version_id)
        return _domain_page(row, key, domain_values(row.domains, key, row.version), {})

    @post("/{version_id:str}/domains/{key:str}", permission=Permission.RAS_DRAFT)
    async def put_domain(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep a domain of a draft, or take it out."""
        row = await _row(db, principal, version_id)

        async def action() -> str:
            if "remove" in data:
                form = FormReader(data)
                version = read_version(form)
                form.done()
                await RasService(db).remove_domain(principal, row.id, key, version)
                flash(request, "The domain is taken out")
            else:
                await RasService(db).put_domain(principal, row.id, key, DomainForm.read(data))
                flash(request, "The domain is saved")
            return f"/ras/{row.id}"

        try:
            return await _take(request, db, principal, data, action)
        except InvalidInput as error:
            return _domain_page(await _row(db, principal, version_id), key, data, error.fields)

    @get("/{version_id:str}/sample", permission=Permission.RAS_DRAFT)
    async def sample(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Ask for a sample, and say what its file looks like."""
        return _sample_page(await _draft(db, principal, version_id), {}, None)

    @post("/{version_id:str}/sample", permission=Permission.RAS_DRAFT, **UPLOAD)
    async def load_sample(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template | Redirect:
        """Read a sample, and take it where every row is right."""
        wanted = _id(version_id)
        async with transaction(session_maker(), principal.councils) as db:
            row = await RasRepository(db).find(principal.council_id, wanted)
        form = await FileForm.read(request)
        found: Sample | None = None
        try:
            given = form.files.get("sample", [])
            if not given:
                raise InvalidInput({"sample": "Choose the file with the sample"})
            reader = FormReader(form.values)
            version = read_version(reader)
            reader.done()
            sample = found = read_sample(given[0].content, row.domains)
            async with transaction(session_maker(), principal.councils) as db:

                async def action() -> str:
                    await RasService(db).load_sample(principal, wanted, sample, version)
                    flash(request, f"The sample of {len(sample.cases):,} cases is in")
                    return f"/ras/{wanted}"

                return await submit(request, db, principal.actor, form.content, action)
        except InvalidInput as error:
            return _sample_page(row, error.fields, found)

    @get("/{version_id:str}/template.csv", permission=Permission.RAS_DRAFT)
    async def template(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Response[str]:
        """Give the heading of a sample's file, with one case as an example."""
        row = await _row(db, principal, version_id)
        heading = ["case", *(one["key"] for one in row.domains), "previous_annual", "age_band", "care_group"]
        example = ["A1", *(one["answers"][0]["key"] for one in row.domains), "5200.00", "65-74", "physical"]
        rows = [[*heading, "ethnicity", "gender"], [*example, "", ""]]
        return _csv(csv_text(rows), f"sample-for-version-{row.number}.csv")

    @get("/{version_id:str}/cases.csv", permission=Permission.RAS_READ)
    async def cases(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Response[str]:
        """Give each case with what its points come to, so that the sums can be checked elsewhere."""
        row = await _row(db, principal, version_id)
        heading = ["case", "points", "indicative_annual", "indicative_weekly", "previous_annual", "less_than_before"]
        rows: list[list[Any]] = [heading]
        for case in price(row, await RasRepository(db).cases(row)):
            previous = case.previous_annual_pence
            rows.append(
                [
                    case.reference,
                    case.points,
                    pounds_cell(case.annual_pence),
                    pounds_cell(case.weekly_pence),
                    None if previous is None else pounds_cell(previous),
                    None if previous is None else pounds_cell(case.loss_pence),
                ]
            )
        return _csv(csv_text(rows), f"version-{row.number}.csv")

    @get("/{version_id:str}/rerun", permission=Permission.RAS_READ)
    async def run_again(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Work a published version out again from its stored sample, and hold it against what is stored."""
        row = await _row(db, principal, version_id)
        if row.status is not RasStatus.PUBLISHED:
            raise NotFound
        again = rerun(row, await RasRepository(db).cases(row))
        return Template("people/ras/rerun.html", context={"row": row, "again": again, "value": value_words})

    @post("/{version_id:str}/propose", permission=Permission.RAS_DRAFT)
    async def propose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Hand a draft to the other role."""
        row = await _row(db, principal, version_id)

        async def action() -> str:
            form = FormReader(data)
            version = read_version(form)
            form.done()
            await RasService(db).propose(principal, row.id, version)
            flash(request, "Proposed. Finance is told, and decides whether to publish it")
            return f"/ras/{row.id}"

        try:
            return await _take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, await _row(db, principal, version_id), errors=error.fields, values=data)

    @post("/{version_id:str}/publish", permission=Permission.RAS_PUBLISH)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Publish a proposal from a day on."""
        row = await _row(db, principal, version_id)

        async def action() -> str:
            await RasService(db).publish(principal, row.id, PublishForm.read(data))
            flash(request, "Published. This version never changes")
            return f"/ras/{row.id}"

        try:
            return await _take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _page(db, principal, await _row(db, principal, version_id), errors=error.fields, values=data)

    @post("/{version_id:str}/send-back", permission=Permission.RAS_READ)
    async def send_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Make a proposal a draft again."""
        return await _with_reason(request, db, principal, version_id, data, RasService(db).send_back, "A draft again")

    @post("/{version_id:str}/withdraw", permission=Permission.RAS_DRAFT)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Give a version up."""
        return await _with_reason(request, db, principal, version_id, data, RasService(db).withdraw, "Given up")


WORDS: dict[str, Any] = {
    "status_words": STATUS_WORDS,
    "looks": LOOKS,
    "value": value_words,
    "percent": percent_words,
    "slice_orders": SLICE_ORDERS,
    "weeks": WEEKS,
}
ROUTES = [RasController]


async def _with_reason(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    version_id: str,
    data: FormData,
    step: Callable[[Principal, UUID, str, int], Awaitable[RasVersion]],
    done: str,
) -> Template | Redirect:
    row = await _row(db, principal, version_id)

    async def action() -> str:
        form = FormReader(data)
        reason = form.text("reason", "the reason", longest=1_000)
        version = read_version(form)
        form.done()
        await step(principal, row.id, reason, version)
        flash(request, done)
        return f"/ras/{row.id}"

    try:
        return await _take(request, db, principal, data, action)
    except InvalidInput as error:
        return await _page(db, principal, await _row(db, principal, version_id), errors=error.fields, values=data)


async def _take(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once; a refusal leaves nothing."""
    async with db.begin_nested():
        return await submit(request, db, principal.actor, data, action)


async def _page(
    db: AsyncSession,
    principal: Principal,
    row: RasVersion,
    *,
    asked: str = "",
    errors: dict[str, str] | None = None,
    values: FormData | None = None,
) -> Template:
    repository, service = RasRepository(db), RasService(db)
    cases = await repository.cases(row)
    asked_mean = _mean(asked)
    if asked and asked_mean is None:
        errors = {**(errors or {}), "mean": "Enter a mean from 0 to 100,000, like 46"}
    people = {row.made_by_user_id, row.proposed_by_user_id, row.published_by_user_id} - {None}
    names = await AccountRepository(db).names({user_id for user_id in people if user_id is not None})
    may_draft = principal.may(Permission.RAS_DRAFT)
    context = {
        "row": row,
        "preview": preview(row, cases, asked_mean),
        "missing": service.missing(row, cases) if row.status is RasStatus.DRAFT else [],
        "lacking": lacks(row, cases),
        "without_answers": sum(1 for case in cases if len(case.answers) < len(row.domains)),
        "names": names,
        "is_current": row is await repository.current(principal.council_id, today(clock_of(db))),
        "may_change": may_draft and row.status is RasStatus.DRAFT,
        "may_draft": may_draft,
        "may_publish": principal.may(Permission.RAS_PUBLISH),
        "is_own": principal.user_id in (row.made_by_user_id, row.proposed_by_user_id),
        "promised_beyond": row.slice_order is SliceOrder.AFTER and row.protection_pence > 0,
        "values": typed({"mean": asked, "version": str(row.version), **(values or {})}),
        "errors": errors or {},
        **WORDS,
    }
    return Template("people/ras/show.html", context=context, status_code=422 if errors else 200)


def _settings_page(row: RasVersion, values: FormData, errors: dict[str, str]) -> Template:
    context = {"row": row, "values": typed(values), "errors": errors, **WORDS}
    return Template("people/ras/settings.html", context=context, status_code=422 if errors else 200)


def _domain_page(row: RasVersion, key: str, values: FormData, errors: dict[str, str]) -> Template:
    if key != "new" and all(one["key"] != key for one in row.domains):
        raise NotFound
    context = {
        "row": row,
        "key": key,
        "rows": range(1, MOST_ANSWERS + 1),
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/ras/domain.html", context=context, status_code=422 if errors else 200)


def _sample_page(row: RasVersion, errors: dict[str, str], found: Sample | None) -> Template:
    context = {"row": row, "errors": errors, "sample": found}
    return Template("people/ras/sample.html", context=context, status_code=422 if errors else 200)


async def _row(db: AsyncSession, principal: Principal, version_id: str) -> RasVersion:
    """Find a version. Ask again after a refusal: what it undid is no longer in memory."""
    return await RasRepository(db).find(principal.council_id, _id(version_id))


async def _draft(db: AsyncSession, principal: Principal, version_id: str) -> RasVersion:
    """Find a version that can still be changed: nobody fills in a form that cannot be taken.

    Raises:
        RasFixed: It is no draft.
    """
    row = await _row(db, principal, version_id)
    if row.status is not RasStatus.DRAFT:
        raise RasFixed("Begin a new draft from it instead.")
    return row


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _csv(text: str, name: str) -> Response[str]:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _mean(text: str) -> Decimal | None:
    """Read a mean to try out; None where it is none."""
    try:
        value = Decimal(text.strip()) if text.strip().isascii() else Decimal("NaN")
    except InvalidOperation:
        return None
    return value.quantize(Decimal("0.0001")) if value.is_finite() and 0 <= value <= 100_000 else None
