"""All that decides whether an accreditation counts, read once, for rules that are told in Python."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import (
    Accreditation,
    AccreditationHold,
    Countersignature,
    Evidence,
    EvidenceKind,
    HoldCause,
    Joining,
)


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A council's countersignature under a piece of evidence."""

    council_id: str
    at: datetime
    withdrawn_at: datetime | None = None

    def holds(self, before: datetime) -> bool:
        """Whether it was given, and not withdrawn, before an instant."""
        return self.at < before and (self.withdrawn_at is None or self.withdrawn_at >= before)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence of the organisation or of one of its workers."""

    kind: EvidenceKind
    issued_on: date
    expires_on: date | None = None
    seen_at: datetime | None = None
    is_refused: bool = False
    refused_at: datetime | None = None
    signed: tuple[Signed, ...] = ()

    def was_seen(self, before: datetime) -> bool:
        """Whether some council had seen it by then."""
        return (self.seen_at is not None and self.seen_at < before) or any(one.holds(before) for one in self.signed)

    def was_refused(self, before: datetime) -> bool:
        """Whether it had been refused by then."""
        if self.refused_at is None:
            return self.is_refused
        return self.refused_at < before

    def is_in_date(self, on: date) -> bool:
        """Whether it covers a day."""
        return self.issued_on <= on and (self.expires_on is None or self.expires_on > on)

    def counts(self, on: date, before: datetime) -> bool:
        """Whether it counts for a council that trusts the others."""
        return self.was_seen(before) and not self.was_refused(before) and self.is_in_date(on)

    def counts_for(self, council_id: str, *, trusts_others: bool, on: date, before: datetime) -> bool:
        """Whether it counts for one council."""
        is_signed = any(one.council_id == council_id and one.holds(before) for one in self.signed)
        return (
            ((trusts_others and self.was_seen(before)) or is_signed)
            and not self.was_refused(before)
            and self.is_in_date(on)
        )


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Days on which an accreditation does not count, half-open, and when that was written."""

    cause: HoldCause
    starts_on: date
    ends_on: date | None
    made_at: datetime
    ended_at: datetime | None = None

    def end(self, before: datetime) -> date | None:
        """Its end as it was known before an instant."""
        return self.ends_on if self.ended_at is None or self.ended_at < before else None

    def covers(self, day: date, before: datetime) -> bool:
        """Whether it holds on a day, as known before an instant."""
        end = self.end(before)
        return self.made_at < before and self.starts_on <= day and (end is None or day < end)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides whether an accreditation counts."""

    council_id: str
    live_from: date
    live_until: date
    removed_on: date | None = None
    removed_at: datetime | None = None
    evidence: tuple[EvidenceKind, ...] = ()
    trusts_others: bool = True
    holds: tuple[Held, ...] = ()
    pieces: tuple[Piece, ...] = ()
    """Of the organisation, of all kinds that matter here."""
    registered_itself: bool = False


async def facts_of(db: AsyncSession, rows: Sequence[Accreditation]) -> dict[UUID, Facts]:
    """Return what decides about some accreditations, by id. Four questions, however many there are."""
    if not rows:
        return {}
    organisation_ids = {row.organisation_id for row in rows}
    holds: dict[UUID, list[Held]] = {}
    for hold in await db.scalars(
        select(AccreditationHold)
        .where(AccreditationHold.accreditation_id.in_([row.id for row in rows]))
        .order_by(AccreditationHold.starts_on, AccreditationHold.id)
    ):
        holds.setdefault(hold.accreditation_id, []).append(
            Held(
                cause=hold.cause,
                starts_on=hold.starts_on,
                ends_on=hold.ends_on,
                made_at=hold.made_at,
                ended_at=hold.ended_at,
            )
        )
    kinds = {EvidenceKind.LIABILITY_INSURANCE, *(EvidenceKind(kind) for row in rows for kind in row.evidence)}
    papers = (
        await db.scalars(
            select(Evidence).where(Evidence.organisation_id.in_(organisation_ids), Evidence.kind.in_(kinds))
        )
    ).all()
    signed: dict[UUID, list[Signed]] = {}
    for one in await db.scalars(
        select(Countersignature).where(Countersignature.evidence_id.in_([paper.id for paper in papers]))
    ):
        signed.setdefault(one.evidence_id, []).append(
            Signed(council_id=str(one.council_id), at=one.signed_at, withdrawn_at=one.withdrawn_at)
        )
    pieces: dict[UUID, list[Piece]] = {}
    for paper in papers:
        pieces.setdefault(paper.organisation_id, []).append(
            Piece(
                kind=paper.kind,
                issued_on=paper.issued_on,
                expires_on=paper.expires_on,
                seen_at=paper.seen_at,
                is_refused=paper.refused_because != "",
                refused_at=paper.refused_at,
                signed=tuple(signed.get(paper.id, ())),
            )
        )
    joined = set(
        await db.scalars(
            select(Joining.organisation_id).where(Joining.organisation_id.in_(organisation_ids)).distinct()
        )
    )
    return {
        row.id: Facts(
            council_id=str(row.council_id),
            live_from=row.live_from,
            live_until=row.live_until,
            removed_on=row.removed_on,
            removed_at=row.removed_at,
            evidence=tuple(EvidenceKind(kind) for kind in row.evidence),
            trusts_others=row.trusts_other_councils,
            holds=tuple(holds.get(row.id, ())),
            pieces=tuple(pieces.get(row.organisation_id, ())),
            registered_itself=row.organisation_id in joined,
        )
        for row in rows
    }
