"""Life cycles of self-bills, payment runs, card payments, refunds, disputes and audits."""

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
    """Money was taken; `refunded_pence` says how much of it went back."""
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    """The card holder's bank holds it back until the dispute is decided."""
    LOST = "lost"
    """The dispute was decided for the card holder."""


CARD = Lifecycle(
    "card_payment",
    "card_payments",
    {
        CardStatus.CREATED: frozenset({CardStatus.OPEN, CardStatus.PAID, CardStatus.FAILED, CardStatus.EXPIRED}),
        CardStatus.OPEN: frozenset({CardStatus.PAID, CardStatus.FAILED, CardStatus.EXPIRED}),
        CardStatus.FAILED: frozenset({CardStatus.PAID}),
        CardStatus.EXPIRED: frozenset({CardStatus.PAID}),
        CardStatus.PAID: frozenset({CardStatus.REFUNDING, CardStatus.REFUNDED, CardStatus.DISPUTED}),
        CardStatus.REFUNDING: frozenset({CardStatus.REFUNDED, CardStatus.PAID, CardStatus.DISPUTED}),
        # A card's bank may turn a refund down days later.
        CardStatus.REFUNDED: frozenset({CardStatus.DISPUTED, CardStatus.PAID}),
        CardStatus.DISPUTED: frozenset({CardStatus.PAID, CardStatus.REFUNDED, CardStatus.LOST}),
        CardStatus.LOST: frozenset(),
    },
)


class RefundStatus(StrEnum):
    """Where a refund is."""

    WAITING = "waiting"
    """Above the limit: a second person has to agree."""
    ASKED = "asked"
    """On its way to Stripe."""
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


REFUND = Lifecycle(
    "card_refund",
    "card_refunds",
    {
        RefundStatus.WAITING: frozenset({RefundStatus.ASKED, RefundStatus.REFUSED}),
        RefundStatus.ASKED: frozenset({RefundStatus.DONE, RefundStatus.FAILED}),
        # Stripe may say in the end that the card's bank did not take it.
        RefundStatus.DONE: frozenset({RefundStatus.FAILED}),
        RefundStatus.FAILED: frozenset({RefundStatus.ASKED, RefundStatus.DONE}),
        RefundStatus.REFUSED: frozenset(),
    },
)


class DisputeStatus(StrEnum):
    """Where a card dispute is, in Stripe's order."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


DISPUTE = Lifecycle(
    "card_dispute",
    "card_disputes",
    {
        DisputeStatus.OPEN: frozenset({DisputeStatus.UNDER_REVIEW, DisputeStatus.WON, DisputeStatus.LOST}),
        DisputeStatus.UNDER_REVIEW: frozenset({DisputeStatus.WON, DisputeStatus.LOST}),
        DisputeStatus.WON: frozenset(),
        DisputeStatus.LOST: frozenset(),
    },
)


class AuditStatus(StrEnum):
    """Where the audit of a direct payment is."""

    OPEN = "open"
    ASKED = "asked"
    """The person was asked about the sampled items."""
    ANSWERED = "answered"
    CLOSED = "closed"


MONEY_AUDIT = Lifecycle(
    "direct_payment_audit",
    "direct_payment_audits",
    {
        AuditStatus.OPEN: frozenset({AuditStatus.ASKED, AuditStatus.CLOSED}),
        AuditStatus.ASKED: frozenset({AuditStatus.ANSWERED, AuditStatus.CLOSED}),
        AuditStatus.ANSWERED: frozenset({AuditStatus.ASKED, AuditStatus.CLOSED}),
        AuditStatus.CLOSED: frozenset(),
    },
)


class AuditItemStatus(StrEnum):
    """Where one question of an audit is."""

    ASKED = "asked"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    QUESTIONED = "questioned"
    """The answer does not do; the person is asked again or the sum is part of the outcome."""


AUDIT_ITEM = Lifecycle(
    "audit_item",
    "audit_items",
    {
        AuditItemStatus.ASKED: frozenset({AuditItemStatus.ANSWERED, AuditItemStatus.ACCEPTED}),
        AuditItemStatus.ANSWERED: frozenset({AuditItemStatus.ACCEPTED, AuditItemStatus.QUESTIONED}),
        AuditItemStatus.QUESTIONED: frozenset({AuditItemStatus.ANSWERED, AuditItemStatus.ACCEPTED}),
        AuditItemStatus.ACCEPTED: frozenset(),
    },
)


class AskStatus(StrEnum):
    """Where a request for more money is."""

    WAITING = "waiting"
    AGREED = "agreed"
    REFUSED = "refused"


MONEY_ASK = Lifecycle(
    "money_ask",
    "money_asks",
    {
        AskStatus.WAITING: frozenset({AskStatus.AGREED, AskStatus.REFUSED}),
        AskStatus.AGREED: frozenset(),
        AskStatus.REFUSED: frozenset(),
    },
)
