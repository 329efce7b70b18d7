"""What the pages of payments share."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_datetime
from marketplace.core.ids import parse_id
from marketplace.core.models import Step
from marketplace.core.web import FormData, submit
from marketplace.payments.states import InvoiceStatus, RunStatus

PAGE = 50

BILL_LABELS: dict[str, str] = {
    InvoiceStatus.ISSUED: "Waiting for approval",
    InvoiceStatus.HELD: "On hold",
    InvoiceStatus.APPROVED: "Approved",
    InvoiceStatus.IN_RUN: "In a payment run",
    InvoiceStatus.SENT: "Sent to the bank",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.CREDITED: "Credited",
    InvoiceStatus.REFUSED: "Refused",
    InvoiceStatus.DRAFT: "Not sent yet",
    InvoiceStatus.WITHDRAWN: "Given up",
}
RUN_LABELS: dict[str, str] = {
    RunStatus.MADE: "Waiting for release",
    RunStatus.RELEASED: "Released",
    RunStatus.SUBMITTED: "With the bank",
    RunStatus.CONFIRMED: "Paid",
    RunStatus.CANCELLED: "Cancelled",
    RunStatus.REJECTED: "Refused by the bank",
}
LOOKS: dict[str, str] = {
    InvoiceStatus.ISSUED: "pending",
    InvoiceStatus.HELD: "suspended",
    InvoiceStatus.APPROVED: "approved",
    InvoiceStatus.IN_RUN: "in_progress",
    InvoiceStatus.SENT: "in_progress",
    InvoiceStatus.PAID: "paid",
    InvoiceStatus.CREDITED: "closed",
    InvoiceStatus.REFUSED: "closed",
    InvoiceStatus.DRAFT: "draft",
    InvoiceStatus.WITHDRAWN: "closed",
    RunStatus.MADE: "pending",
    RunStatus.RELEASED: "approved",
    RunStatus.SUBMITTED: "in_progress",
    RunStatus.CONFIRMED: "paid",
    RunStatus.CANCELLED: "cancelled",
    RunStatus.REJECTED: "refused",
}
"""Which known state a state of ours looks like: its colour."""

LABELS = {"bill_labels": BILL_LABELS, "run_labels": RUN_LABELS, "looks": LOOKS}


def row_id(text: str) -> UUID:
    """Read the id of a row in an address.

    Raises:
        NotFound: It is no id.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def take(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    action: Callable[[], Awaitable[str]],
) -> Redirect:
    """Take a form once; when it is refused, nothing of it stays, even where the route shows the page again."""
    async with db.begin_nested():
        return await submit(request, db, principal.actor, data, action)


def confirm_first(path: str) -> Redirect:
    """Ask for the password again, then come back to a page."""
    return Redirect(f"/confirm-it-is-you?next={path}", status_code=303)


async def timeline_of(db: AsyncSession, steps: Sequence[Step], labels: dict[str, str]) -> list[dict[str, str]]:
    """Write the steps of a row for a timeline, newest first."""
    names = await AccountRepository(db).names({step.by_user_id for step in steps if step.by_user_id})
    return [
        {
            "title": labels.get(step.to_status, step.to_status),
            "when": uk_datetime(step.at),
            "at": step.at.isoformat(),
            "by": names.get(step.by_user_id, "") if step.by_user_id else "The platform",
            "text": step.why,
        }
        for step in reversed(steps)
    ]


def cut(rows: Sequence[Any], size: int = PAGE) -> tuple[Sequence[Any], bool]:
    """Return a page of rows that were asked for with one more, and whether there are more."""
    return rows[:size], len(rows) > size


def texts(data: FormData, name: str) -> list[str]:
    """Return the texts of a field that may come several times."""
    value = data.get(name, [])
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    return [str(item) for item in items if str(item)]
