"""Life cycles of self-bills, payment runs and card payments."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class InvoiceStatus(StrEnum):
    """Where a self-bill or invoice is."""

    ISSUED = "issued"
    """Awaits approval by finance."""
    HELD = "held"
    APPROVED = "approved"
    IN_RUN = "in_run"
    SENT = "sent"
    """In a released payment run."""
    CREDITED = "credited"


INVOICE = Lifecycle(
    "invoice",
    "invoices",
    {
        InvoiceStatus.ISSUED: frozenset({InvoiceStatus.APPROVED, InvoiceStatus.HELD, InvoiceStatus.CREDITED}),
        InvoiceStatus.HELD: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.CREDITED}),
        InvoiceStatus.APPROVED: frozenset({InvoiceStatus.IN_RUN}),
        InvoiceStatus.IN_RUN: frozenset({InvoiceStatus.SENT, InvoiceStatus.APPROVED}),
        InvoiceStatus.SENT: frozenset(),
        InvoiceStatus.CREDITED: frozenset(),
    },
)


class RunStatus(StrEnum):
    """Where a payment run is."""

    MADE = "made"
    RELEASED = "released"
    CANCELLED = "cancelled"


RUN = Lifecycle(
    "payment_run",
    "payment_runs",
    {
        RunStatus.MADE: frozenset({RunStatus.RELEASED, RunStatus.CANCELLED}),
        RunStatus.RELEASED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
    },
)


class CardStatus(StrEnum):
    """Where a card payment is. Money has moved when Stripe's event says so."""

    CREATED = "created"
    OPEN = "open"
    """The person is at the hosted card page."""
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


CARD = Lifecycle(
    "card_payment",
    "card_payments",
    {
        CardStatus.CREATED: frozenset({CardStatus.OPEN, CardStatus.PAID, CardStatus.FAILED, CardStatus.EXPIRED}),
        CardStatus.OPEN: frozenset({CardStatus.PAID, CardStatus.FAILED, CardStatus.EXPIRED}),
        CardStatus.FAILED: frozenset({CardStatus.PAID}),
        CardStatus.EXPIRED: frozenset({CardStatus.PAID}),
        CardStatus.PAID: frozenset({CardStatus.REFUNDING, CardStatus.REFUNDED}),
        CardStatus.REFUNDING: frozenset({CardStatus.REFUNDED, CardStatus.PAID}),
        CardStatus.REFUNDED: frozenset(),
    },
)
