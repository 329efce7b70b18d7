"""Rows of choosing: saved lists and their sharing, saved searches, locked results, enquiries."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.providers.states import EnquiryStatus


class SavedList(Base, WithId):
    """Offers somebody keeps together; pages call it a shortlist. (`shortlists` are the ranked ones of `matching`.)"""

    __tablename__ = "saved_lists"
    __table_args__ = (Index("ix_saved_lists_owner", "council_id", "owner_user_id", "updated_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    owner_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class SavedListItem(Base, WithId):
    """One offer on a saved list: a listing, or an entry of the register."""

    __tablename__ = "saved_list_items"
    __table_args__ = (UniqueConstraint("list_id", "found_id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    list_id: Mapped[UUID] = mapped_column(ForeignKey("saved_lists.id", ondelete="CASCADE"))
    found_id: Mapped[str] = mapped_column(Text)
    """Id as the market's results have it: a listing's id, or `cqc-` and the location's."""
    name: Mapped[str] = mapped_column(Text)
    """Its name when it was saved, for when it has left the market."""
    note: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    added_by: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Name of who added it, where it was not the owner."""
    added_at: Mapped[datetime]


class SavedListShare(Base, WithId):
    """Leave for somebody else to see a saved list: by a secret link, until a day."""

    __tablename__ = "saved_list_shares"
    __table_args__ = (
        Index("ix_saved_list_shares_list_id", "list_id"),
        Index("ix_saved_list_shares_token_hash", "token_hash", unique=True),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    list_id: Mapped[UUID] = mapped_column(ForeignKey("saved_lists.id", ondelete="CASCADE"))
    shared_with: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """As the owner calls them: "My sister", "Social worker"."""
    email: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    may_comment: Mapped[bool] = mapped_column(default=False)
    shows_notes: Mapped[bool] = mapped_column(default=False)
    """The owner's notes are shared, too."""
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_on: Mapped[date]
    """First day on which the link no longer opens."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_opened_at: Mapped[datetime | None]


class SavedListComment(Base, WithId):
    """What somebody with whom a list is shared says about it."""

    __tablename__ = "saved_list_comments"
    __table_args__ = (Index("ix_saved_list_comments_list_id", "list_id", "written_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    list_id: Mapped[UUID] = mapped_column(ForeignKey("saved_lists.id", ondelete="CASCADE"))
    found_id: Mapped[str] = mapped_column(Text, default="")
    """The offer it is about; empty for the whole list."""
    written_by: Mapped[str] = mapped_column(Text, info=PERSONAL)
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    written_at: Mapped[datetime]


class SavedSearch(Base, WithId):
    """A question to the market that is asked again for somebody, who hears when something new appears."""

    __tablename__ = "saved_searches"
    __table_args__ = (
        Index("ix_saved_searches_owner", "council_id", "owner_user_id"),
        Index("ix_saved_searches_due", "next_run_at", postgresql_where=text("is_telling")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    owner_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(Text, info=PERSONAL)
    question: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
    """Parameters of the search page: names and values."""
    is_telling: Mapped[bool] = mapped_column(default=True)
    every_days: Mapped[int] = mapped_column(default=1)
    seen_ids: Mapped[list[str]] = mapped_column(default=list)
    """What was there when it was last asked; only what is not among them is new."""
    new_ids: Mapped[list[str]] = mapped_column(default=list)
    """New since the owner last opened it."""
    next_run_at: Mapped[datetime]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class ChoiceRecord(Base, WithId):
    """A result list as it stood at a moment, kept as evidence of fair choice. Only ever added."""

    __tablename__ = "choice_records"
    __table_args__ = (Index("ix_choice_records_council", "council_id", "made_at", "id"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text, default="")
    """Of the case it is for, as the council numbers it; no name."""
    purpose: Mapped[str] = mapped_column(Text, default="")
    """What was looked for and why, in the broker's words."""
    question: Mapped[dict[str, Any]]
    results: Mapped[list[dict[str, Any]]]
    """Every result in order: id, name, provider, price, distance, rating, why it was found."""
    total: Mapped[int]
    engine: Mapped[str] = mapped_column(Text)
    """What answered, such as "tantivy" or "postgresql"."""
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 over the canonical JSON of the whole record, so that a print can be checked against the row."""
    made_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]


class EnquiryKind(StrEnum):
    """What somebody asks of a provider before they book."""

    QUESTION = "question"
    MEETING = "meeting"
    """A first meeting, to see whether they get on."""


class MeetingPlace(StrEnum):
    """Where a first meeting is. Never the person's own address: that comes with a booking."""

    PHONE = "phone"
    VIDEO = "video"
    PROVIDER = "provider"
    PUBLIC = "public"


class Enquiry(Base, WithId):
    """A question to a provider, or a first meeting with one, with what both sides write."""

    __tablename__ = "enquiries"
    __table_args__ = (
        CheckConstraint("kind = 'question' OR meeting_place IS NOT NULL", name="meeting"),
        Index("ix_enquiries_asker", "council_id", "asked_by_user_id", "updated_at"),
        Index("ix_enquiries_person", "council_id", "person_id", "updated_at"),
        Index("ix_enquiries_organisation", "organisation_id", "status", "updated_at"),
        Index("ix_enquiries_listing_id", "listing_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    listing_id: Mapped[UUID] = mapped_column(ForeignKey("listings.id"))
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    """The one worker whose listing it is: they alone of the organisation's sole-worker roles see it."""
    kind: Mapped[EnquiryKind] = mapped_column(choice(EnquiryKind))
    status: Mapped[EnquiryStatus] = mapped_column(choice(EnquiryStatus))
    asked_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    """Whom it is for: the person and who acts for them see the thread alike, as they do bookings."""
    acting_for: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Name of the person a representative asks for; not shown to the provider."""
    shown_as: Mapped[str] = mapped_column(Text, info=PERSONAL)
    """What the provider sees instead of a name until the person says more: "Somebody near Preston"."""
    meeting_place: Mapped[MeetingPlace | None] = mapped_column(choice(MeetingPlace))
    wishes: Mapped[list[str]] = mapped_column(default=list)
    """Up to three times the person can do, as ISO wall-clock times in Europe/London."""
    agreed_at: Mapped[datetime | None]
    """When the first meeting starts."""
    proposed_at: Mapped[datetime | None]
    """Another time that the provider proposes."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class EnquiryMessage(Base, WithId):
    """One thing that one side wrote."""

    __tablename__ = "enquiry_messages"
    __table_args__ = (
        Index("ix_enquiry_messages_enquiry_id", "enquiry_id", "written_at"),
        Index("ix_enquiry_messages_reported", "council_id", postgresql_where=text("reported_because <> ''")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    enquiry_id: Mapped[UUID] = mapped_column(ForeignKey("enquiries.id", ondelete="CASCADE"))
    is_providers: Mapped[bool]
    """Written by the provider's side."""
    written_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    words: Mapped[str] = mapped_column(Text, info=PERSONAL)
    written_at: Mapped[datetime]
    reported_because: Mapped[str] = mapped_column(Text, default="")
    """Why the other side reported it to the council; a broker may then read the thread."""
