"""Rows of referrals: the referral, stored shortlists, offers and the places they take."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.accounts.models import PERSONAL
from marketplace.core.database import Base, WithId, choice
from marketplace.matching.states import OfferStatus, ReferralStatus


class Urgency(StrEnum):
    """How soon somebody needs a plan."""

    CRISIS = "crisis"
    URGENT = "urgent"
    STANDARD = "standard"


class Complexity(StrEnum):
    """Whether the network of planners may take the case (L4)."""

    STANDARD = "standard"
    COMPLEX = "complex"


class ReferralSource(StrEnum):
    """Which team refers (L3, L5)."""

    FRONTLINE = "frontline"
    ACTIVE_INTERVENTION = "active_intervention"
    REABLEMENT = "reablement"
    SELF = "self"


class Referral(Base, WithId):
    """A person who needs a support plan."""

    __tablename__ = "referrals"
    __table_args__ = (
        Index("ix_referrals_queue", "council_id", "status", "received_at", "id"),
        Index("ix_referrals_person_id", "person_id"),
        UniqueConstraint("council_id", "reference"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    reference: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    status: Mapped[ReferralStatus] = mapped_column(choice(ReferralStatus))
    source: Mapped[ReferralSource] = mapped_column(choice(ReferralSource))
    urgency: Mapped[Urgency] = mapped_column(choice(Urgency))
    complexity: Mapped[Complexity] = mapped_column(choice(Complexity))
    complexity_reason: Mapped[str] = mapped_column(Text, default="")
    needs: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    wants: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    """What the person wants, in their words."""
    interim_plan: Mapped[str] = mapped_column(Text, default="", info=PERSONAL)
    communication_needs: Mapped[list[str]] = mapped_column(default=list, info=PERSONAL)
    required_gender: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    essential_language: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    required_skills: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"), info=PERSONAL)
    """Keys of `accounts.words.SKILLS` without which nobody can take it."""
    indicative_weekly_pence: Mapped[int] = mapped_column(BigInteger)
    person_informed: Mapped[bool] = mapped_column(default=False)
    """The person knows what to expect from planning and agreed to share the pack (L9)."""
    chosen_worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    excluded_organisation_ids: Mapped[list[str]] = mapped_column(default=list)
    previous_worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id"))
    received_at: Mapped[datetime]
    due_on: Mapped[date]
    """Day by which the plan is due (council setting, L7)."""
    recorded_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    closed_reason: Mapped[str] = mapped_column(Text, default="")
    planned_at: Mapped[datetime | None]
    """When its first plan was signed off: the planner's work is done, so late news of the planner no longer matters."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this name


class Shortlist(Base, WithId):
    """One ranking of planners for one referral, with all that is needed to repeat it."""

    __tablename__ = "shortlists"
    __table_args__ = (Index("ix_shortlists_referral_id", "referral_id", "made_at"),)

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    made_at: Mapped[datetime]
    made_by_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    weights_version: Mapped[str] = mapped_column(Text)
    inputs: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
    """The engine's inputs: codes and ids, and where the person lives."""
    ranking: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(Text)


class Offer(Base, WithId):
    """A referral offered to one planner."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "uq_offers_open_referral",
            "referral_id",
            unique=True,
            postgresql_where=text("status IN ('offered', 'accepted')"),
        ),
        Index("ix_offers_worker_id", "worker_id", "status"),
        Index("ix_offers_organisation_id", "organisation_id", "status"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referrals.id"))
    shortlist_id: Mapped[UUID] = mapped_column(ForeignKey("shortlists.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    status: Mapped[OfferStatus] = mapped_column(choice(OfferStatus))
    rank: Mapped[int]
    score: Mapped[int]
    override_reason: Mapped[str] = mapped_column(Text, default="")
    """Why a broker chose somebody who is not first (L8, K3)."""
    proposal_id: Mapped[UUID | None] = mapped_column(ForeignKey("proposals.id", use_alter=True))
    """The proposal of a waiting-list run that a broker confirmed."""
    handed_back_at: Mapped[datetime | None]
    hand_back_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    decided_by_user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    offered_at: Mapped[datetime]
    answer_by: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    decline_reason: Mapped[str] = mapped_column(Text, default="")


class CapacityReservation(Base, WithId):
    """One of a planner's places in one week. The unique key is what stops a place being given twice."""

    __tablename__ = "capacity_reservations"
    __table_args__ = (
        UniqueConstraint("worker_id", "week_on", "place"),
        CheckConstraint("place >= 1", name="place"),
        CheckConstraint("EXTRACT(ISODOW FROM week_on) = 1", name="monday"),
        Index("ix_capacity_reservations_offer_id", "offer_id"),
    )

    council_id: Mapped[UUID] = mapped_column(ForeignKey("councils.id"))
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("workers.id"))
    week_on: Mapped[date]
    """Monday of the week."""
    place: Mapped[int]
    """1 to the planner's plans a week."""
    offer_id: Mapped[UUID] = mapped_column(ForeignKey("offers.id"))
