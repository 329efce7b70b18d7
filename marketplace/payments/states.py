"""Life cycles of bills, their lines, payables, payment runs, tariffs, card payments, refunds, disputes and audits."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class InvoiceStatus(StrEnum):
    """Where a self-bill, invoice or credit note is."""

    DRAFT = "draft"
    """A supplier writes it or looks at the check of its file; it has no number yet."""
    ISSUED = "issued"
    """Awaits approval by finance."""
    HELD = "held"
    """The whole bill; single lines are held on their own."""
    APPROVED = "approved"
    """Its clean lines are payable."""
    IN_RUN = "in_run"
    SENT = "sent"
    """In a released payment run."""
    PAID = "paid"
    """The bank has processed all of it that is payable."""
    CREDITED = "credited"
    """Taken back whole by credit notes before anything of it was paid."""
    REFUSED = "refused"
    """Not valid: the supplier was told why. Its lines may stand on another invoice."""
    WITHDRAWN = "withdrawn"
    """A draft that was given up."""


INVOICE = Lifecycle(
    "invoice",
    "invoices",
    {
        InvoiceStatus.DRAFT: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.WITHDRAWN}),
        InvoiceStatus.ISSUED: frozenset(
            {InvoiceStatus.APPROVED, InvoiceStatus.HELD, InvoiceStatus.CREDITED, InvoiceStatus.REFUSED}
        ),
        InvoiceStatus.HELD: frozenset({InvoiceStatus.ISSUED, InvoiceStatus.CREDITED, InvoiceStatus.REFUSED}),
        InvoiceStatus.APPROVED: frozenset({InvoiceStatus.IN_RUN, InvoiceStatus.CREDITED}),
        InvoiceStatus.IN_RUN: frozenset({InvoiceStatus.SENT, InvoiceStatus.APPROVED}),
        # A returned payment, or a held line that was agreed, makes it payable again.
        InvoiceStatus.SENT: frozenset({InvoiceStatus.PAID, InvoiceStatus.APPROVED}),
        InvoiceStatus.PAID: frozenset({InvoiceStatus.APPROVED}),
        InvoiceStatus.CREDITED: frozenset(),
        InvoiceStatus.REFUSED: frozenset(),
        InvoiceStatus.WITHDRAWN: frozenset(),
    },
)


class LineStatus(StrEnum):
    """Where a line of a bill is: clean and held in turn, refused for good. Its history is in `line_holds`."""

    CLEAN = "clean"
    HELD = "held"
    REFUSED = "refused"


class HoldReason(StrEnum):
    """Why a line is held. Suppliers see the words of `HOLD_WORDS`."""

    NO_VISIT = "no_visit"
    NOT_APPROVED = "not_approved"
    WRONG_PERSON = "wrong_person"
    NO_AGREEMENT = "no_agreement"
    AGREEMENT_ENDED = "agreement_ended"
    PRICE_ABOVE = "price_above"
    TIME_ABOVE = "time_above"
    DUPLICATE = "duplicate"
    NOT_ACCREDITED = "not_accredited"
    VAT_UNCLEAR = "vat_unclear"
    FUTURE = "future"
    QUERIED = "queried"
    IN_BLOCK = "in_block"


HOLD_WORDS: dict[HoldReason, str] = {
    HoldReason.NO_VISIT: "No visit on that day and at that time is known",
    HoldReason.NOT_APPROVED: "The person has not approved the visit yet",
    HoldReason.WRONG_PERSON: "The reference does not belong to a person you support for this council",
    HoldReason.NO_AGREEMENT: "There is no agreement for this support",
    HoldReason.AGREEMENT_ENDED: "The agreement had ended on that day",
    HoldReason.PRICE_ABOVE: "The price is above what was agreed",
    HoldReason.TIME_ABOVE: "The time is above what was recorded and allowed",
    HoldReason.DUPLICATE: "It stands on a bill already",
    HoldReason.NOT_ACCREDITED: "Your accreditation for this service did not count on that day",
    HoldReason.VAT_UNCLEAR: "The VAT does not fit what is recorded for this service",
    HoldReason.FUTURE: "The day has not come yet",
    HoldReason.QUERIED: "The council has a question",
    HoldReason.IN_BLOCK: "The visit is counted in a block contract, which is paid by the month",
}


class PayableStatus(StrEnum):
    """Where something owed is."""

    OPEN = "open"
    IN_RUN = "in_run"
    SENT = "sent"
    PAID = "paid"


PAYABLE = Lifecycle(
    "payable",
    "payables",
    {
        PayableStatus.OPEN: frozenset({PayableStatus.IN_RUN}),
        PayableStatus.IN_RUN: frozenset({PayableStatus.SENT, PayableStatus.OPEN}),
        PayableStatus.SENT: frozenset({PayableStatus.PAID, PayableStatus.OPEN}),
        PayableStatus.PAID: frozenset({PayableStatus.OPEN}),
    },
)


class RunStatus(StrEnum):
    """Where a payment run is."""

    MADE = "made"
    RELEASED = "released"
    SUBMITTED = "submitted"
    """The bank has the file."""
    CONFIRMED = "confirmed"
    """The bank has processed it."""
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    """The bank took none of it: what it would have paid is owed again."""


RUN = Lifecycle(
    "payment_run",
    "payment_runs",
    {
        RunStatus.MADE: frozenset({RunStatus.RELEASED, RunStatus.CANCELLED}),
        RunStatus.RELEASED: frozenset({RunStatus.SUBMITTED, RunStatus.REJECTED}),
        RunStatus.SUBMITTED: frozenset({RunStatus.CONFIRMED, RunStatus.REJECTED}),
        RunStatus.CONFIRMED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
        RunStatus.REJECTED: frozenset(),
    },
)
RELEASED_RUNS = (RunStatus.RELEASED, RunStatus.SUBMITTED, RunStatus.CONFIRMED)
DEAD_RUNS = (RunStatus.CANCELLED, RunStatus.REJECTED)
"""They pay nothing, and nothing they held is theirs."""


class BookStatus(StrEnum):
    """Where a tariff book is."""

    DRAFT = "draft"
    PUBLISHED = "published"


TARIFF_BOOK = Lifecycle(
    "tariff_book",
    "tariff_books",
    {BookStatus.DRAFT: frozenset({BookStatus.PUBLISHED}), BookStatus.PUBLISHED: frozenset()},
)


class ClaimStatus(StrEnum):
    """Where a claim for a tariff is."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"


CLAIM = Lifecycle(
    "tariff_claim",
    "tariff_claims",
    {
        ClaimStatus.ASKED: frozenset({ClaimStatus.AGREED, ClaimStatus.REFUSED}),
        ClaimStatus.AGREED: frozenset(),
        ClaimStatus.REFUSED: frozenset(),
    },
)


class SelfBillingStatus(StrEnum):
    """Where a self-billing agreement is."""

    OFFERED = "offered"
    SIGNED = "signed"
    ENDED = "ended"


SELF_BILLING = Lifecycle(
    "self_billing_agreement",
    "self_billing_agreements",
    {
        SelfBillingStatus.OFFERED: frozenset({SelfBillingStatus.SIGNED}),
        SelfBillingStatus.SIGNED: frozenset({SelfBillingStatus.ENDED}),
        SelfBillingStatus.ENDED: frozenset(),
    },
)


class BatchStatus(StrEnum):
    """Where an uploaded file is."""

    CHECKED = "checked"
    SENT = "sent"
    DROPPED = "dropped"


BATCH = Lifecycle(
    "invoice_batch",
    "invoice_batches",
    {
        BatchStatus.CHECKED: frozenset({BatchStatus.SENT, BatchStatus.DROPPED}),
        BatchStatus.SENT: frozenset(),
        BatchStatus.DROPPED: frozenset(),
    },
)


class PaymentQueryStatus(StrEnum):
    """Where a supplier's question is."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


PAYMENT_QUERY = Lifecycle(
    "payment_query",
    "payment_queries",
    {
        PaymentQueryStatus.OPEN: frozenset({PaymentQueryStatus.ANSWERED, PaymentQueryStatus.CLOSED}),
        PaymentQueryStatus.ANSWERED: frozenset({PaymentQueryStatus.OPEN, PaymentQueryStatus.CLOSED}),
        PaymentQueryStatus.CLOSED: frozenset(),
    },
)


class InterestStatus(StrEnum):
    """Where a claim of late interest is."""

    CLAIMED = "claimed"
    AGREED = "agreed"
    REFUSED = "refused"


LATE_INTEREST = Lifecycle(
    "late_interest",
    "late_interests",
    {
        InterestStatus.CLAIMED: frozenset({InterestStatus.AGREED, InterestStatus.REFUSED}),
        InterestStatus.AGREED: frozenset(),
        InterestStatus.REFUSED: frozenset(),
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
