"""Pages of what runs by the month, and of what is given without a bill."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date, uk_month
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, typed
from marketplace.payments.models import BlockContract, ContributionKind
from marketplace.payments.repository.months import BlockRepository, MoneyManagementRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.rules import block_month, month_source, months_between
from marketplace.payments.service.months import BlockTerms, Contribution, MonthService, contributions_of
from marketplace.providers.models import SERVICE_LABELS, ServiceLine

DAY = timedelta(days=1)
KIND_LABELS: dict[ContributionKind, str] = {
    ContributionKind.MATCH_FUNDING: "Match funding",
    ContributionKind.SPACE: "Rooms and space",
    ContributionKind.STAFF_TIME: "Staff time",
    ContributionKind.EQUIPMENT: "Equipment",
    ContributionKind.JOINT_BID: "Joint bid",
}


class MoneyManagementController(Controller):
    """Who manages whose direct payment, month by month (D12)."""

    path = "/tariffs/money-management"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List arrangements and show the form."""
        return await _managed_page(db, principal, {}, {})

    @post("/", permission=Permission.BUDGETS_SET)
    async def arrange(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Arrange money management for a person."""

        async def action() -> str:
            form = FormReader(data)
            person = form.text("person", "the person’s number", longest=40)
            organisation_id = form.id("organisation", "an organisation")
            starts_on = form.day("starts_on", "the first day")
            form.done()
            if organisation_id is None or starts_on is None:  # messages were noted above
                raise InvalidInput({"starts_on": "Enter the first day"})
            await MonthService(db).arrange(principal, person, organisation_id, starts_on)
            flash(request, "Money management is arranged. Each month earns when it is over")
            return "/tariffs/money-management"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _managed_page(db, principal, typed(data), error.fields)

    @get("/{arrangement_id:str}", permission=Permission.BUDGETS_SET)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], arrangement_id: FromPath[str]
    ) -> Template:
        """Show the form that ends an arrangement."""
        row = await MoneyManagementRepository(db).find(principal.council_id, row_id(arrangement_id))
        return Template("payments/money_management_end.html", context={"row": row, "values": {}, "errors": {}})

    @post("/{arrangement_id:str}", permission=Permission.BUDGETS_SET)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        arrangement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """End an arrangement after a last day."""
        wanted = row_id(arrangement_id)

        async def action() -> str:
            form = FormReader(data)
            last_on = form.day("ends_on", "the last day")
            reason = form.text("reason", "why it ends", longest=500)
            form.done()
            await MonthService(db).end(principal, wanted, (last_on or date.min) + DAY, reason)
            flash(request, "The arrangement ends")
            return "/tariffs/money-management"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            row = await MoneyManagementRepository(db).find(principal.council_id, wanted)
            context = {"row": row, "values": typed(data), "errors": error.fields}
            return Template("payments/money_management_end.html", context=context, status_code=422)


class BlockController(Controller):
    """Hours bought in advance (C12)."""

    path = "/tariffs/blocks"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List contracts with their months, and show the form."""
        return await _block_page(db, principal, {}, {})

    @post("/", permission=Permission.BOOKS_KEEP)
    async def enter(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Enter a contract."""

        async def action() -> str:
            await MonthService(db).enter_block(principal, _block_terms(data))
            flash(request, "The block contract is entered. Each month earns when it is over")
            return "/tariffs/blocks"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _block_page(db, principal, typed(data), error.fields)


class ContributionController(Controller):
    """What is given without a bill (B18)."""

    path = "/tariffs/contributions"

    @get("/", permission=Permission.BOOKS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List contributions and show the form."""
        return await _contribution_page(db, principal, {}, {})

    @post("/", permission=Permission.BOOKS_KEEP)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record a contribution."""

        async def action() -> str:
            form = FormReader(data)
            kind = form.choice("kind", "what kind it is", ContributionKind)
            what = form.text("what", "what is given", longest=300)
            value = form.pounds("value", "its value", least=1)
            organisation_id = form.id("organisation", "who gives it", required=False)
            starts_on, last_on = form.day("starts_on", "the first day"), form.day("ends_on", "the last day")
            form.done()
            if organisation_id and organisation_id not in dict(await _organisations(db, principal)):
                raise InvalidInput({"organisation": "Select who gives it from the list"})
            if kind is None or value is None or starts_on is None or last_on is None:  # messages were noted above
                raise InvalidInput({"kind": "Select what kind it is"})
            given = Contribution(kind, what, value, organisation_id, starts_on, last_on + DAY)
            await MonthService(db).contribute(principal, given)
            flash(request, "The contribution is recorded")
            return "/tariffs/contributions"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _contribution_page(db, principal, typed(data), error.fields)


def _block_terms(data: FormData) -> BlockTerms:
    form = FormReader(data)
    name = form.text("name", "a name for the contract", longest=100)
    organisation_id = form.id("organisation", "an organisation")
    service = form.choice("service_line", "the service", ServiceLine)
    team_id = form.id("team", "a team", required=False)
    try:
        minutes = Decimal(form.raw("weekly_hours") or "x") * 60
        whole = int(minutes) if minutes == minutes.to_integral_value() and 1 <= minutes <= 600_000 else 0
    except InvalidOperation:
        whole = 0
    if not whole:
        form.wrong("weekly_hours", "The hours a week must be a number, like 40 or 37.5")
    pence = form.pounds("weekly", "the price of a week", least=1, most=100_000_000)
    starts_on, last_on = form.day("starts_on", "the first day"), form.day("ends_on", "the last day")
    form.done()
    if organisation_id is None or service is None or pence is None or starts_on is None or last_on is None:
        raise InvalidInput({"name": "Enter a name for the contract"})  # messages were noted above
    return BlockTerms(name, organisation_id, service, team_id, whole, pence, starts_on, last_on + DAY)


async def _organisations(db: AsyncSession, principal: Principal) -> list[tuple[Any, str]]:
    return await BlockRepository(db).all_organisations(principal.council_id, today(clock_of(db)))


async def _managed_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    principal.require(Permission.BOOKS_READ)
    now = today(clock_of(db))
    managed = MoneyManagementRepository(db)
    choices = await managed.organisations(principal.council_id, ServiceLine.MONEY_MANAGEMENT, now)
    context = {
        "rows": await managed.listed(principal.council_id, now),
        "organisations": [(str(one), name) for one, name in choices],
        "may_set": principal.may(Permission.BUDGETS_SET),
        "today": now,
        "values": values,
        "errors": errors,
    }
    return Template("payments/money_management.html", context=context, status_code=422 if errors else 200)


async def _block_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    blocks = BlockRepository(db)
    now = today(clock_of(db))
    paid = await blocks.paid(principal.council_id)
    context = {
        "blocks": [(row, name, _months(row, paid, now)) for row, name in await blocks.listed(principal.council_id)],
        "organisations": [(str(one), name) for one, name in await _organisations(db, principal)],
        "teams": [(str(one), name) for one, name in await blocks.teams(principal.council_id)],
        "services": [(service.value, SERVICE_LABELS[service]) for service in ServiceLine],
        "service_labels": SERVICE_LABELS,
        "may_keep": principal.may(Permission.BOOKS_KEEP),
        "values": values,
        "errors": errors,
    }
    return Template("payments/blocks.html", context=context, status_code=422 if errors else 200)


def _months(row: BlockContract, paid: dict[str, int], now: date) -> list[tuple[str, int, bool]]:
    """Return (month, pence, whether it has earned) of a contract's months that are over, the latest first."""
    found = []
    for month in months_between(row.starts_on, row.ends_on, now):
        source = str(month_source(row.id, month.first))
        pence = paid.get(source, block_month(row.weekly_pence, row.starts_on, month))
        found.append((uk_month(month.first), pence, source in paid))
    return found[::-1][:24]


async def _contribution_page(
    db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]
) -> Template:
    rows = await contributions_of(db, principal)
    context = {
        "rows": [
            (KIND_LABELS[row.kind], row.what, name or "The council", uk_date(row.starts_on), row.value_pence)
            for row, name in rows
        ],
        "total_pence": sum(row.value_pence for row, _ in rows),
        "kinds": [(kind.value, label) for kind, label in KIND_LABELS.items()],
        "organisations": [(str(one), name) for one, name in await _organisations(db, principal)],
        "may_keep": principal.may(Permission.BOOKS_KEEP),
        "values": values,
        "errors": errors,
    }
    return Template("payments/contributions.html", context=context, status_code=422 if errors else 200)
