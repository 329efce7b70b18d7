"""Rows of a council's books: budget teams, cost codes, block contracts, journals for its finance system."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.database import Base, WithId, choice
from marketplace.providers.models import ServiceLine


class BudgetTeam(Base, WithId):
    """A team that holds a budget (D17)."""

    __tablename__ = "budget_teams"
    __table_args__ = (
        UniqueConstraint("council_id", "name"),
        CheckConstraint("yearly_pence >= 0", name="yearly"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    name: Mapped[str] = mapped_column(Text)
    cost_centre: Mapped[str] = mapped_column(Text)
    manager_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    yearly_pence: Mapped[int | None] = mapped_column(BigInteger)
    """What it may spend on suppliers in a financial year; None: not set."""
    outwards: Mapped[list[str]] = mapped_column(default=list)
    """Postcode areas (outward codes) whose people it serves; a person's own team row goes before."""
    is_default: Mapped[bool] = mapped_column(default=False)
    """Serves whoever no other team does."""
    closed_on: Mapped[date | None]
    created_at: Mapped[datetime]


class BudgetTeamPerson(Base, WithId):
    """A person whose costs a team bears, from a day on, whatever their postcode."""

    __tablename__ = "budget_team_people"
    __table_args__ = (
        UniqueConstraint("person_id", "starts_on"),
        Index("ix_budget_team_people_team_id", "team_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    team_id: Mapped[UUID] = mapped_column(ForeignKey("budget_teams.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    starts_on: Mapped[date]
    set_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class CostCode(Base, WithId):
    """What the council's finance system calls a kind of account, from a day on."""

    __tablename__ = "cost_codes"
    __table_args__ = (UniqueConstraint("council_id", "account", "starts_on"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    account: Mapped[str] = mapped_column(Text)
    """A ledger `Purpose`, or purpose and entry kind as "plan_spend:review-tariff"."""
    code: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date]
    set_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    set_at: Mapped[datetime]


class BlockContract(Base, WithId):
    """Hours bought in advance: paid whether used or not (C12)."""

    __tablename__ = "block_contracts"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="period"),
        CheckConstraint("weekly_minutes > 0 AND weekly_pence > 0", name="amounts"),
        Index("ix_block_contracts_council", "council_id", "starts_on"),
        Index("ix_block_contracts_organisation_id", "organisation_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    service_line: Mapped[ServiceLine] = mapped_column(choice(ServiceLine))
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("budget_teams.id"))
    name: Mapped[str] = mapped_column(Text)
    weekly_minutes: Mapped[int]
    weekly_pence: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    entered_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime]


class JournalExport(Base, WithId):
    """Ledger lines that were handed to the council's finance system: each entry once, without gaps."""

    __tablename__ = "journal_exports"
    __table_args__ = (
        UniqueConstraint("council_id", "number"),
        Index("ix_journal_exports_council", "council_id", "made_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    number: Mapped[int]
    posted_after: Mapped[datetime | None]
    """Entries posted after this instant …"""
    posted_until: Mapped[datetime]
    """… up to this one are in it."""
    line_count: Mapped[int]
    total_pence: Mapped[int] = mapped_column(BigInteger)
    """Sum of the debits, which is that of the credits."""
    sha256: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The file as it was made, compressed (zlib): teams and codes may change afterwards, its bytes never do."""
    export_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often it was taken; every time after the first has a reason in the audit log."""
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
