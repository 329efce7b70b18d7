"""Pages of tariffs."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.web import FormData
from marketplace.payments.bands import MOST_BANDS
from marketplace.payments.models import TariffEvent
from marketplace.payments.repository.tariff_books import TariffBookRepository
from marketplace.payments.repository.tariffs import TariffRepository
from marketplace.payments.routes.shared import take
from marketplace.payments.schemas import TariffForm
from marketplace.payments.service.tariffs import ACCRUE_PLAN, TariffService, price_words
from marketplace.payments.states import BookStatus

LINKS = (
    (Permission.BOOKS_READ, "What planning really costs: time, fees and the legal wage", "/tariffs/costs"),
    (Permission.CLAIMS_DECIDE, "Claims of suppliers", "/tariff-claims"),
    (Permission.BOOKS_READ, "Money management by organisations", "/tariffs/money-management"),
    (Permission.BOOKS_READ, "Block contracts", "/tariffs/blocks"),
    (Permission.TARIFFS_READ, "Rural areas, where a price list pays more for them", "/tariffs/rural-areas"),
    (Permission.BOOKS_READ, "What is given without a bill", "/tariffs/contributions"),
)
"""Pages that belong here."""
BAND_ROWS = range(1, MOST_BANDS + 1)


class TariffController(Controller):
    """What the council pays for completed plans, by day."""

    path = "/tariffs"

    @get("/", permission=Permission.TARIFFS_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the price lists: drafts, in use, to come and past."""
        tariffs = TariffRepository(db)
        rows = await TariffBookRepository(db).newest(principal.council_id)
        rules = await TariffBookRepository(db).rules([book.id for book, _ in rows])
        plans = [
            rule
            for book, _ in rows
            for rule in rules.get(book.id, [])
            if rule.event is TariffEvent.PLAN_COMPLETED and book.status is BookStatus.PUBLISHED
        ]
        context = {
            "books": [
                {
                    "book": book,
                    "framework": framework,
                    "rules": rules.get(book.id, []),
                    "lines": [(rule.name, price_words(rule)) for rule in rules.get(book.id, [])],
                }
                for book, framework in rows
            ],
            "previews": await TariffService(db).wage_warnings(principal, plans),
            "names": await AccountRepository(db).names(
                {book.published_by_user_id for book, _ in rows if book.published_by_user_id}
            ),
            "parked": len(await tariffs.parked(principal.council_id, ACCRUE_PLAN)),
            "links": [(text, address) for permission, text, address in LINKS if principal.may(permission)],
            "today": today(clock_of(db)),
            "may_set": principal.may(Permission.TARIFFS_SET),
        }
        return Template("payments/tariffs.html", context=context)

    @get("/new", permission=Permission.TARIFFS_SET)
    async def new(self) -> Template:
        """Show the form."""
        return _form({}, {})

    @post("/new", permission=Permission.TARIFFS_SET)
    async def preview(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Show what the tariff would have cost, before it is set."""
        service = TariffService(db)
        try:
            form = TariffForm.read(data)
            ending = await service.check_start(principal, form.starts_on)
        except InvalidInput as error:
            return _form(data, error.fields)
        context = {
            "form": form,
            "values": data,
            "fields": _fields(),
            "ending": ending,
            "preview": await service.preview(principal, form.bands, form.starts_on),
        }
        return Template("payments/tariff_preview.html", context=context)

    @post("/", permission=Permission.TARIFFS_SET)
    async def set(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Set the tariff; or go back to the form with everything that was typed."""

        async def action() -> str:
            await TariffService(db).set(principal, form)
            flash(request, f"The tariff is set from {uk_date(form.starts_on)}")
            return "/tariffs"

        try:
            form = TariffForm.read(data)
            if data.get("action") == "change":
                return _form(data, {}, status_code=200)
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return _form(data, error.fields)


def _fields() -> list[str]:
    names = ["name", "starts_on-day", "starts_on-month", "starts_on-year", "source"]
    return names + [f"{part}-{row}" for row in BAND_ROWS for part in ("hours", "pounds")]


def _form(values: FormData, errors: dict[str, str], status_code: int | None = None) -> Template:
    return Template(
        "payments/tariff_new.html",
        context={"values": values, "errors": errors, "rows": BAND_ROWS},
        status_code=status_code or (422 if errors else 200),
    )
