"""Pages of tariff books: a draft, its prices, what it would have cost, publishing it."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.law import least_wage
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.web import FormData, typed
from marketplace.payments.bands import MOST_BANDS, wage_lines
from marketplace.payments.book_preview import missing
from marketplace.payments.models import Tariff, TariffBook, TariffEvent
from marketplace.payments.repository.tariff_books import TariffBookRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.rules import CIRCUMSTANCE_LABELS, STAGE_LABELS
from marketplace.payments.service.tariff_books import PREVIEW_MONTHS, TariffBookService
from marketplace.payments.service.tariffs import price_of
from marketplace.payments.states import BookStatus
from marketplace.payments.tariff_forms import (
    EVENT_HINTS,
    EVENT_LABELS,
    ONCE,
    STAGED,
    TIMED,
    UPLIFTED,
    BookForm,
    RuleForm,
    rule_values,
)

WORDS = {
    "event_labels": EVENT_LABELS,
    "event_hints": EVENT_HINTS,
    "stage_labels": STAGE_LABELS,
    "circumstance_labels": CIRCUMSTANCE_LABELS,
    "timed": TIMED,
}


class TariffBookController(Controller):
    """Price lists of the council."""

    path = "/tariffs/books"

    @get("/new", permission=Permission.TARIFFS_SET)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask for the name, who it is for and the first day of a new price list."""
        return await _start_page(db, principal, {}, {})

    @post("/", permission=Permission.TARIFFS_SET)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Start a draft with today's prices."""

        async def action() -> str:
            form = BookForm.read(data, await _frameworks(db, principal))
            book = await TariffBookService(db).start(principal, form)
            flash(request, "The draft is made, with the prices that count now. Nobody is paid by it until you publish")
            return f"/tariffs/books/{book.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _start_page(db, principal, data, error.fields)

    @get("/{book_id:str}", permission=Permission.TARIFFS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        book_id: FromPath[str],
        months: FromQuery[int] = 6,
    ) -> Template:
        """Show a price list; a draft with what it would have cost."""
        return await _book_page(db, principal, row_id(book_id), months)

    @post("/{book_id:str}", permission=Permission.TARIFFS_SET)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        book_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a draft's name, source or first day; publish it; or throw it away."""
        wanted, does = row_id(book_id), str(data.get("action") or "change")

        async def action() -> str:
            service, expected = TariffBookService(db), _expected(data)
            if does == "publish":
                book = await service.publish(principal, wanted, expected)
                flash(request, f"The price list is published. It counts from {uk_date(book.starts_on)}")
                return f"/tariffs/books/{wanted}"
            if does == "drop":
                await service.drop(principal, wanted, expected)
                flash(request, "The draft is thrown away")
                return "/tariffs"
            form = BookForm.read(data, {"none": "", **await _frameworks(db, principal)})
            await service.change(principal, wanted, form, expected)
            flash(request, "The draft is saved")
            return f"/tariffs/books/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            values = typed(data) if does == "change" else None
            return await _book_page(db, principal, wanted, PREVIEW_MONTHS[0], values=values, errors=error.fields)

    @get("/{book_id:str}/rules/{event:str}", permission=Permission.TARIFFS_SET)
    async def rule(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        book_id: FromPath[str],
        event: FromPath[str],
    ) -> Template:
        """Show the form of one price."""
        wanted = _event(event)
        book = await _draft(db, principal, row_id(book_id))
        found = await TariffBookRepository(db).rule(book.id, wanted)
        values = (
            rule_values(found.name, price_of(found), found.once_months)
            if found
            else {"name": EVENT_LABELS[wanted], "once_months": "12" if wanted in ONCE else ""}
        )
        return await _rule_page(db, principal, book, wanted, values, {}, is_new=found is None)

    @post("/{book_id:str}/rules/{event:str}", permission=Permission.TARIFFS_SET)
    async def set_rule(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        book_id: FromPath[str],
        event: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set one price of a draft, or take it out."""
        wanted, of = row_id(book_id), _event(event)

        async def action() -> str:
            service = TariffBookService(db)
            if data.get("action") == "remove":
                await service.remove_rule(principal, wanted, of, _expected(data))
                flash(request, f"{EVENT_LABELS[of]}: the price is taken out of the draft")
            else:
                await service.set_rule(principal, wanted, RuleForm.read(of, data), _expected(data))
                flash(request, f"{EVENT_LABELS[of]}: the price is saved")
            return f"/tariffs/books/{wanted}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            book = await _draft(db, principal, wanted)
            found = await TariffBookRepository(db).rule(book.id, of)
            return await _rule_page(db, principal, book, of, typed(data), error.fields, is_new=found is None)


async def _start_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    context = {"values": values, "errors": errors, "frameworks": await _frameworks(db, principal)}
    return Template("payments/tariff_book_new.html", context=context, status_code=422 if errors else 200)


async def _book_page(
    db: AsyncSession,
    principal: Principal,
    book_id: UUID,
    months: int,
    *,
    values: FormData | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    principal.require(Permission.TARIFFS_READ)
    books, service = TariffBookRepository(db), TariffBookService(db)
    book = await books.find(principal.council_id, book_id)
    rules = (await books.rules([book.id])).get(book.id, [])
    is_draft = book.status is BookStatus.DRAFT
    now = today(clock_of(db))
    wage_pence = await least_wage(db, principal.council_id, max(book.starts_on, now))
    months = months if months in PREVIEW_MONTHS else PREVIEW_MONTHS[0]
    before = await books.current_rules(book.council_id, book.framework_id, now) if is_draft else []
    context = {
        **WORDS,
        "book": book,
        "framework_name": book.framework_id and await books.framework_name(book.council_id, book.framework_id),
        "rules": [_shown(rule, wage_pence) for rule in rules],
        "missing_events": [event for event in TariffEvent if event not in {rule.event for rule in rules}],
        "stopping": missing([rule.event for rule in before], [rule.event for rule in rules]),
        "preview": await service.preview(principal, book, rules, months, wage_pence) if is_draft and rules else None,
        "months": months,
        "all_months": PREVIEW_MONTHS,
        "wage_pence": wage_pence,
        "is_draft": is_draft,
        "may_set": principal.may(Permission.TARIFFS_SET),
        "today": now,
        "names": await AccountRepository(db).names(
            {user for user in (book.made_by_user_id, book.published_by_user_id) if user}
        ),
        "values": values
        or {
            "name": book.name,
            "source": book.source,
            "starts_on-day": str(book.starts_on.day),
            "starts_on-month": str(book.starts_on.month),
            "starts_on-year": str(book.starts_on.year),
        },
        "errors": errors or {},
    }
    return Template("payments/tariff_book.html", context=context, status_code=422 if errors else 200)


async def _rule_page(
    db: AsyncSession,
    principal: Principal,
    book: TariffBook,
    event: TariffEvent,
    values: FormData,
    errors: dict[str, str],
    *,
    is_new: bool,
) -> Template:
    context = {
        **WORDS,
        "book": book,
        "event": event,
        "values": values,
        "errors": errors,
        "is_new": is_new,
        "band_rows": range(1, MOST_BANDS + 1),
        "is_timed": event in TIMED,
        "is_staged": event in STAGED,
        "is_uplifted": event in UPLIFTED,
        "is_once": event in ONCE,
        "wage_pence": await least_wage(db, principal.council_id, max(book.starts_on, today(clock_of(db)))),
    }
    return Template("payments/tariff_rule.html", context=context, status_code=422 if errors else 200)


def _shown(rule: Tariff, wage_pence: int) -> dict[str, Any]:
    price = price_of(rule)
    return {
        "rule": rule,
        "price": price,
        "bands": list(zip(price.bands, wage_lines(price.bands, wage_pence), strict=True)),
        "is_timed": rule.event in TIMED,
    }


async def _frameworks(db: AsyncSession, principal: Principal) -> dict[str, str]:
    return {str(row.id): row.name for row in await TariffBookRepository(db).frameworks(principal.council_id)}


async def _draft(db: AsyncSession, principal: Principal, book_id: UUID) -> TariffBook:
    principal.require(Permission.TARIFFS_SET)
    book = await TariffBookRepository(db).find(principal.council_id, book_id)
    if book.status is not BookStatus.DRAFT:
        raise NotFound
    return book


def _event(text: str) -> TariffEvent:
    try:
        return TariffEvent(text)
    except ValueError:
        raise NotFound from None


def _expected(data: FormData) -> int:
    text = str(data.get("version") or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
