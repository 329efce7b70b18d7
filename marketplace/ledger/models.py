"""Rows of the ledger: accounts, entries and lines. Entries and lines are only ever added."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice


class Purpose(StrEnum):
    """What an account is for."""

    PLAN_SPEND = "plan_spend"
    """Council spending on support planning."""
    DIRECT_PAYMENT_SPEND = "direct_payment_spend"
    """Council spending paid into direct-payment accounts."""
    DIRECT_PAYMENT = "direct_payment"
    """What a person's direct payment still holds; owner is the person."""
    CONTRIBUTIONS = "contributions"
    """What people pay towards their own budget."""
    ACCRUED = "accrued"
    """Earned by an organisation, not yet billed; owner is the organisation."""
    PAYABLE = "payable"
    """Billed and approved, not yet paid; owner is the organisation."""
    BANK_CLEARING = "bank_clearing"
    """Sent to the bank in a payment run."""
    STRIPE_CLEARING = "stripe_clearing"
    """Taken by card, on its way to the payee through Stripe."""
    CARD_RECEIVED = "card_received"
    """Card money that belongs to a payee; owner is the organisation."""
    CARD_DISPUTED = "card_disputed"
    """Card money that a bank holds back; owner is the organisation."""
    PERSON_OWES = "person_owes"
    """Approved by a person who holds the direct payment in their own account or card, not yet recorded as paid;
    owner is the person."""
    PERSON_PAID = "person_paid"
    """Paid by people out of direct payments that they hold themselves."""
    FUND_DRAWN = "fund_drawn"
    """Spent from an Individual Service Fund; owner is the organisation that manages it."""
    WAGES_DUE = "wages_due"
    """Approved work of employed assistants that no payroll was told of yet; owner is the person, who employs them."""
    WAGES_SENT = "wages_sent"
    """Told to payrolls, for wages out of direct payments that the person does not hold."""
    COMMITMENT = "commitment"
    """What a budget team has promised suppliers and not yet accrued; owner is the team. Memorandum, with COMMITTED."""
    COMMITTED = "committed"
    """The other side of COMMITMENT; no owner."""
    BLOCK_SPEND = "block_spend"
    """Council spending on block contracts."""
    GRANT_SPEND = "grant_spend"
    """Council spending on grants to suppliers."""
    INTEREST_SPEND = "interest_spend"
    """Interest and compensation for paying late."""
    VAT_RECOVERABLE = "vat_recoverable"
    """VAT on bills that the council claims back."""


DEBIT_NORMAL = frozenset(
    {
        Purpose.PLAN_SPEND,
        Purpose.DIRECT_PAYMENT_SPEND,
        Purpose.STRIPE_CLEARING,
        Purpose.COMMITMENT,
        Purpose.BLOCK_SPEND,
        Purpose.GRANT_SPEND,
        Purpose.INTEREST_SPEND,
        Purpose.VAT_RECOVERABLE,
    }
)
"""Purposes whose balance grows on the debit side; the others grow on the credit side."""


class Side(StrEnum):
    """Side of a line."""

    DEBIT = "debit"
    CREDIT = "credit"


class LedgerAccount(Base, WithId):
    """An account: council × purpose × owner.

    `balance_pence` is kept by the database as lines are added, by the side the purpose grows on.
    `floor_pence`, where set, is the least it may hold.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint("council_id", "purpose", "owner_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("floor_pence IS NULL OR balance_pence >= floor_pence", name="floor"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose))
    owner_id: Mapped[UUID | None]
    is_debit_normal: Mapped[bool]
    is_tracked: Mapped[bool]
    """Whether `balance_pence` is kept on each line. Busy council-wide accounts are summed instead, so that
    two payments never wait for each other."""
    balance_pence: Mapped[int] = mapped_column(BigInteger, default=0)
    floor_pence: Mapped[int | None] = mapped_column(BigInteger)


class LedgerEntry(Base, WithId):
    """One business event in money."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("kind", "source_id"),
        Index("ix_ledger_entries_council_effective", "council_id", "effective_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    kind: Mapped[str] = mapped_column(Text)
    source_id: Mapped[UUID]
    memo: Mapped[str] = mapped_column(Text, default="")
    effective_on: Mapped[date]
    posted_at: Mapped[datetime]
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_entries.id"))


class LedgerLine(Base, WithId):
    """One side of an entry."""

    __tablename__ = "ledger_lines"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="positive"),
        Index("ix_ledger_lines_entry_id", "entry_id"),
        Index("ix_ledger_lines_account_id", "account_id", "id", postgresql_include=["side", "amount_pence"]),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_entries.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_accounts.id"))
    side: Mapped[Side] = mapped_column(choice(Side))
    amount_pence: Mapped[int] = mapped_column(BigInteger)
