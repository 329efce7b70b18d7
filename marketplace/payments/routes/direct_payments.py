"""Direct payments: the person's own money page, and finance's list of accounts."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.bookings import Purse, purse_of, purses_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds, uk_month
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.payments.repository.audits import MoneyAuditRepository
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.routes.money_shared import csv_answer, month_of
from marketplace.payments.service.account.holding import HOLDING_LABELS, HoldingService
from marketplace.payments.service.account.rules import Surplus, weeks_ahead
from marketplace.payments.service.direct_payments import (
    LARGEST_PAYMENT_PENCE,
    DirectPaymentService,
    FundingSource,
    next_month,
    previous_month,
)
from marketplace.people.models import Holding
from marketplace.plans.repository.setups import EarlyStartRepository, SetupRepository

PAGE = 50
OWN_WORDS = {
    Holding.COUNCIL_HELD: "The council holds the money and pays each visit after you have approved it.",
    Holding.OWN_ACCOUNT: "You hold the money in your own bank account. You pay, and write down here what you paid.",
    Holding.PREPAID_CARD: "You hold the money on a prepaid card. You pay with it, and write down here what you paid.",
    Holding.PROVIDER_MANAGED: "An organisation holds the money for you (Individual Service Fund).",
}
CARDS_SHOWN = 20


class MoneyController(Controller):
    """A person's own money, or that of the person acted for."""

    path = "/money"

    @get("/", permission=Permission.MONEY_OWN)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show what is in the direct payment, what is promised, and the statement of a month."""
        person_id, now = principal.need_person(), today(clock_of(db))
        service = DirectPaymentService(db)
        chosen = month_of(month, now)
        purse = await purse_of(db, principal.council_id, person_id)
        has_account = purse is not None or await service.accounts.has_account(principal.council_id, person_id, now)
        spending = await service.spending(principal.council_id, person_id) if has_account else []
        held = await HoldingService(db).on(principal.council_id, person_id, now)
        audits = MoneyAuditRepository(db)
        context = {
            "early": await EarlyStartRepository(db).open_of(principal.council_id, person_id),
            "coming_on": None if has_account else await SetupRepository(db).coming_on(person_id, now),
            "purse": purse,
            "held": held,
            "holding_words": OWN_WORDS[held.holding],
            "manager_name": await manager_name_of(db, held.organisation_id),
            "ahead": weeks_ahead(purse) if purse else [],
            "surplus": await surplus_of(db, principal.council_id, purse),
            "newest_audit": await audits.maybe(audits.of_person(principal.council_id, person_id)),
            "has_account": has_account,
            "statement": await service.statement(principal.council_id, person_id, chosen) if has_account else None,
            "before": previous_month(chosen),
            "next": next_month(chosen) if next_month(chosen) <= now else None,
            "chart": [(uk_month(day), pence, pounds(pence)) for day, pence in spending],
            "spent_pence": sum(pence for _, pence in spending),
            "cards": await CardRepository(db).newest_of_person(principal.council_id, person_id, CARDS_SHOWN),
        }
        return Template("payments/money/mine.html", context=context)

    @get("/statement.csv", permission=Permission.MONEY_OWN)
    async def download(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        month: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Give the statement of a month for a spreadsheet."""
        chosen = month_of(month, today(clock_of(db)))
        return await csv_answer(db, principal.council_id, principal.need_person(), chosen)


class DirectPaymentController(Controller):
    """Direct payments as finance sees them."""

    path = "/direct-payments"

    @get("/", permission=Permission.BUDGETS_SET)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List people with a direct payment and what is left in it."""
        accounts = DirectPaymentRepository(db)
        council_id = principal.council_id
        cursor_id = parse_id(after or "")
        cursor = await accounts.person(council_id, cursor_id) if cursor_id else None
        holders = await accounts.holders(council_id, today(clock_of(db)), after=cursor, limit=PAGE + 1)
        shown = holders[:PAGE]
        purses = await purses_of(db, council_id, [holder.person.id for holder in shown])
        context = {
            "rows": [(holder, purses.get(holder.person.id)) for holder in shown],
            "is_first": cursor is None,
            "more": shown[-1].person.id if len(holders) > PAGE else None,
        }
        return Template("payments/money/list.html", context=context)

    @get("/{person_id:str}", permission=Permission.BUDGETS_SET)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        month: FromQuery[str | None] = None,
    ) -> Template:
        """Show one account and the form to pay in."""
        return await _account_page(db, principal, _id(person_id), month, {"source": "council"}, {})

    @post("/{person_id:str}", permission=Permission.BUDGETS_SET)
    async def fund(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note money that was paid in."""
        wanted = _id(person_id)
        form = FormReader(data)
        amount = form.pounds("amount", "the amount", least=1, most=LARGEST_PAYMENT_PENCE)
        source = form.choice("source", "whose money it is", FundingSource)
        reason = form.text("reason", "what it is for", longest=500)
        try:
            form.done()
        except InvalidInput as error:
            return await _account_page(db, principal, wanted, None, data, error.fields)
        if amount is None or source is None:
            raise NotFound

        async def act() -> str:
            await DirectPaymentService(db).fund(principal, wanted, amount, reason, source)
            flash(request, f"{pounds(amount)} paid in")
            return f"/direct-payments/{wanted}"

        return await submit(request, db, principal.actor, data, act)


ROUTES = [MoneyController, DirectPaymentController]


async def _account_page(
    db: AsyncSession,
    principal: Principal,
    person_id: UUID,
    month: str | None,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    service, now = DirectPaymentService(db), today(clock_of(db))
    person = await service.accounts.person(principal.council_id, person_id)
    if person is None or not await service.accounts.has_account(principal.council_id, person_id, now):
        raise NotFound
    chosen = month_of(month, now)
    purse = await purse_of(db, principal.council_id, person_id)
    held = await HoldingService(db).on(principal.council_id, person_id, now)
    context = {
        "person": person,
        "purse": purse,
        "held": held,
        "holding_words": HOLDING_LABELS[held.holding],
        "manager_name": await manager_name_of(db, held.organisation_id),
        "surplus": await surplus_of(db, principal.council_id, purse),
        "statement": await service.statement(principal.council_id, person_id, chosen),
        "before": previous_month(chosen),
        "next": next_month(chosen) if next_month(chosen) <= now else None,
        "values": values,
        "errors": errors,
    }
    return Template("payments/money/account.html", context=context, status_code=422 if errors else 200)


async def surplus_of(db: AsyncSession, council_id: UUID, purse: Purse | None) -> Surplus | None:
    """Apply the council's surplus rule to a purse."""
    if purse is None:
        return None
    weeks = int(await setting(db, council_id, "payments.surplus_weeks", purse.today))
    return Surplus(keep_weeks=weeks, weekly_pence=purse.weekly_pence, free_pence=purse.free_pence)


async def manager_name_of(db: AsyncSession, organisation_id: UUID | None) -> str:
    """Return who manages a fund; "" when nobody does."""
    return await MoneyRepository(db).organisation_name(organisation_id) if organisation_id else ""


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
