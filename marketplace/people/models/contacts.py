"""Rows of the front door: contacts and how they ended, the three stages, times of crisis (T9, R16, B1, B2)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice


class ContactChannel(StrEnum):
    """How somebody came to the council."""

    PHONE = "phone"
    ONLINE = "online"
    IN_PERSON = "in_person"
    """At the counter, a community delivery point or at home (B5)."""
    LETTER = "letter"
    PROFESSIONAL = "professional"
    """A doctor, hospital, school or another council."""


class ContactAsker(StrEnum):
    """Who asked."""

    SELF = "self"
    FAMILY = "family"
    CARER = "carer"
    PROFESSIONAL = "professional"
    OTHER = "other"


class ContactOutcome(StrEnum):
    """How a contact ended."""

    RESOLVED = "resolved"
    """Answered at once: nothing more to do."""
    SIGNPOSTED = "signposted"
    """Told of services and groups that can help without an assessment."""
    SHORT_TERM = "short_term"
    """Short-term support was arranged (B7, T11)."""
    PASSED_ON = "passed_on"
    """To a team, for an assessment or something only they can do."""
    WITHDRAWN = "withdrawn"


class FrontDoorContact(Base, WithId):
    """A contact at the front door, of somebody known or not yet known. Recorded for market shaping, too (T9)."""

    __tablename__ = "front_door_contacts"
    __table_args__ = (
        CheckConstraint("(outcome = 'passed_on') = (passed_to <> '')", name="passed_to"),
        Index("ix_front_door_contacts_council", "council_id", "taken_at", "id"),
        Index("ix_front_door_contacts_person_id", "person_id", "taken_at"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    """None: nobody's record was needed."""
    channel: Mapped[ContactChannel] = mapped_column(choice(ContactChannel))
    asked_by: Mapped[ContactAsker] = mapped_column(choice(ContactAsker))
    topic: Mapped[str] = mapped_column(Text)
    """Key of `accounts.words.NEEDS`, or "other"."""
    words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    outcome: Mapped[ContactOutcome] = mapped_column(choice(ContactOutcome))
    outcome_words: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    passed_to: Mapped[str] = mapped_column(Text, default="")
    """Team it was passed on to."""
    listing_ids: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    """Listings the person was told of."""
    is_crisis: Mapped[bool] = mapped_column(default=False)
    told_means_tested: Mapped[bool] = mapped_column(default=False)
    """The person was told early that the council's help is means-tested (T9, T13)."""
    lad_code: Mapped[str] = mapped_column(Text, default="")
    asker_name: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Who is to be called back, where nobody's record was needed."""
    asker_reach: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Their telephone number or e-mail address."""
    taken_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """None: the person did it online."""
    taken_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class PersonStage(Base, WithId):
    """A stage somebody is in: 1 promoting independence, 2 regaining it and making safe, 3 living with support (B1)."""

    __tablename__ = "person_stages"
    __table_args__ = (
        CheckConstraint("stage BETWEEN 1 AND 3", name="stage"),
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="period"),
        Index("uq_person_stages_open", "person_id", unique=True, postgresql_where=text("ended_on IS NULL")),
        Index("ix_person_stages_person_id", "person_id", "started_on"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    stage: Mapped[int]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    tried: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What was tried in this stage: the evidence before stage 3."""
    result: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What came of it."""
    exception_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """Why an earlier stage was left out."""
    exception_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    started_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Crisis(Base, WithId):
    """A time of crisis: nothing long-term is planned in it (B2), unless a manager lets it with a reason."""

    __tablename__ = "crises"
    __table_args__ = (
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="period"),
        Index("uq_crises_open", "person_id", unique=True, postgresql_where=text("ended_on IS NULL")),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    reason: Mapped[str] = mapped_column(Text, info=PERSONAL)
    started_on: Mapped[date]
    look_again_on: Mapped[date]
    ended_on: Mapped[date | None]
    started_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    ended_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    override_reason: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    override_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name
