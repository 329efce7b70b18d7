"""What both ways to an invoice ask: which council, and which days are filled in."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.web import FormData
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository
from marketplace.payments.routes.shared import row_id
from marketplace.payments.service.self_billing import SelfBillingService


def council_of(principal: Principal, data: FormData) -> UUID:
    """Return which council a form means: the reader's own where only one is possible."""
    text = str(data.get("council") or "")
    return row_id(text) if text else principal.council_id


def last_month(day: date) -> dict[str, str]:
    """Return the days of the last month as a form has them."""
    last = day.replace(day=1) - timedelta(days=1)
    days = {"first_on": last.replace(day=1), "last_on": last}
    return {f"{name}-{part}": str(getattr(on, part)) for name, on in days.items() for part in ("day", "month", "year")}


async def councils_of(db: AsyncSession, principal: Principal) -> list[tuple[str, str]]:
    """Return the councils to which the reader's organisation sends invoices, by name."""
    makers = await SelfBillingService(db).makers(principal)
    names = await InvoiceFactRepository(db).council_names([key for key in principal.councils if key not in makers])
    return sorted(((str(key), name) for key, name in names.items()), key=lambda item: item[1])
