"""Rows for tests of standing: holds, evidence with its signatures, and the tasks that follow a change."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Accreditation,
    AccreditationHold,
    AccreditationStatus,
    Countersignature,
    Evidence,
    EvidenceKind,
    HoldCause,
    Organisation,
)


async def suspend(db: AsyncSession, row: Accreditation | None = None, starts_on: date | None = None) -> None:
    """Hold an accreditation, or every one, from today or a day on, as the service would."""
    question = select(Accreditation)
    if row is not None:
        question = question.where(Accreditation.id == row.id)
    now, day = clock_of(db).now(), today(clock_of(db))
    for found in await db.scalars(question.execution_options(populate_existing=True)):
        db.add(
            AccreditationHold(
                council_id=found.council_id,
                accreditation_id=found.id,
                cause=HoldCause.SUSPENSION,
                starts_on=starts_on or day,
                made_at=now,
            )
        )
        if (starts_on or day) <= day:
            found.status = AccreditationStatus.SUSPENDED
    await db.flush()


async def make_evidence(
    db: AsyncSession, organisation: Organisation, kind: EvidenceKind, *, signed_by: UUID | None = None, **given: Any
) -> Evidence:
    """A piece of evidence that a council saw on the day it was given."""
    now = clock_of(db).now()
    values = {
        "organisation_id": organisation.id,
        "kind": kind,
        "detail": "Policy 1",
        "issued_on": date(2027, 1, 1),
        "expires_on": None,
        "given_at": now,
        "seen_at": now,
    }
    row = Evidence(**{**values, **given})
    db.add(row)
    await db.flush()
    if signed_by is not None:
        db.add(Countersignature(council_id=signed_by, evidence_id=row.id, signed_at=now))
        await db.flush()
    return row
