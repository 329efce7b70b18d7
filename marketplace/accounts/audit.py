"""The audit log: one row a change, in the same transaction; a hash chain per council shows that none was touched.

Rows are written without their hash, so that two changes in a council never wait for each other. The scheduler seals
them in order soon after; `marketplace audit verify` walks the seals.
"""

import hashlib
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry, AuditSeal
from marketplace.accounts.principal import Principal
from marketplace.core.database import SessionMaker, clock_of, session_maker, transaction

SEAL_BATCH = 2_000
FIRST = b"\x00" * 32
"""What stands before the first seal of a council."""


def record(
    db: AsyncSession,
    principal: Principal | None,
    action: str,
    *,
    council_id: UUID,
    subject_kind: str,
    subject_id: UUID,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str = "",
) -> None:
    """Write who changed what. `principal` is None for the platform's own work.

    Args:
        db: The transaction of the change.
        principal: Who did it.
        action: `package.verb_object`.
        council_id: Whose row it is.
        subject_kind: Kind of row, such as "booking".
        subject_id: Its id.
        before: Values that changed, as they were (ids and plain values).
        after: The same values as they are now.
        why: The reason given.
    """
    db.add(
        AuditEntry(
            council_id=council_id,
            at=clock_of(db).now(),
            user_id=principal.user_id if principal else None,
            role=principal.role.value if principal else None,
            on_behalf_of=principal.person_id if principal and principal.acting_for else None,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            before=_plain(before),
            after=_plain(after),
            why=why,
        )
    )


async def record_refusal(
    principal: Principal | None,
    action: str,
    *,
    council_id: UUID,
    subject_kind: str,
    subject_id: UUID,
    why: str,
    detail: dict[str, Any] | None = None,
    maker: SessionMaker | None = None,
) -> None:
    """Write that something was refused, in a transaction of its own: the one that is refused is rolled back.

    Call it where no other transaction of the request is open, or where what follows needs nothing of it.

    Args:
        principal: Who tried.
        action: `package.verb_object`, such as "providers.refuse_upload".
        council_id: Where it is shown.
        subject_kind: Kind of the row that it was about.
        subject_id: Its id.
        why: The reason, as the person read it.
        detail: Ids and plain values that help to see what was tried.
        maker: Where sessions come from; this process's own when left out.
    """
    councils = {council_id, *(principal.councils if principal else ())}
    async with transaction(maker or session_maker(), councils) as db:
        record(
            db,
            principal,
            action,
            council_id=council_id,
            subject_kind=subject_kind,
            subject_id=subject_id,
            after=detail,
            why=why,
        )


def entry_hash(previous: bytes, entry: AuditEntry) -> bytes:
    """Return the SHA-256 over the seal before and the entry's canonical JSON."""
    content = {
        "number": entry.number,
        "id": str(entry.id),
        "council_id": str(entry.council_id),
        "at": entry.at.astimezone(UTC).isoformat(),
        "user_id": str(entry.user_id) if entry.user_id else None,
        "role": entry.role,
        "on_behalf_of": str(entry.on_behalf_of) if entry.on_behalf_of else None,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": str(entry.subject_id),
        "before": entry.before,
        "after": entry.after,
        "why": entry.why,
    }
    return hashlib.sha256(previous + msgspec.json.encode(content, order="deterministic")).digest()


async def seal(db: AsyncSession, council_id: UUID) -> int:
    """Seal a council's waiting entries. Returns how many. The transaction must reach that council.

    The chain follows the order of sealing; an entry committed late simply comes later in it.
    """
    await db.execute(text("SELECT pg_advisory_xact_lock(hashtext('audit-seal'), hashtext(:c))"), {"c": str(council_id)})
    last = (
        await db.execute(
            select(AuditSeal).where(AuditSeal.council_id == council_id).order_by(AuditSeal.sequence.desc()).limit(1)
        )
    ).scalar_one_or_none()
    sequence, previous = (last.sequence, last.hash) if last else (0, FIRST)
    waiting = (
        await db.scalars(
            select(AuditEntry)
            .outerjoin(AuditSeal, AuditSeal.entry_number == AuditEntry.number)
            .where(AuditEntry.council_id == council_id, AuditSeal.entry_number.is_(None))
            .order_by(AuditEntry.number)
            .limit(SEAL_BATCH)
        )
    ).all()
    for entry in waiting:
        sequence += 1
        previous = entry_hash(previous, entry)
        db.add(AuditSeal(council_id=council_id, sequence=sequence, entry_number=entry.number, hash=previous))
    await db.flush()
    return len(waiting)


class ChainReport(msgspec.Struct, frozen=True):
    """What a walk along a council's chain found."""

    council_id: UUID
    entries: int
    unsealed: int
    broken_at: int | None
    """Sequence number of the first seal that does not fit, or None."""


async def verify(db: AsyncSession, council_id: UUID) -> ChainReport:
    """Walk a council's chain from its start, in batches."""
    previous, sequence, entries = FIRST, 0, 0
    while True:
        rows = (
            await db.execute(
                select(AuditSeal, AuditEntry)
                .outerjoin(AuditEntry, AuditEntry.number == AuditSeal.entry_number)
                .where(AuditSeal.council_id == council_id, AuditSeal.sequence > sequence)
                .order_by(AuditSeal.sequence)
                .limit(SEAL_BATCH)
            )
        ).all()
        for seal_row, entry in rows:
            sequence += 1
            if seal_row.sequence != sequence or entry is None or entry_hash(previous, entry) != seal_row.hash:
                return ChainReport(council_id, entries, 0, sequence)
            previous = seal_row.hash
            entries += 1
        if len(rows) < SEAL_BATCH:
            break
        db.expunge_all()
    unsealed = await db.scalar(
        select(func.count())
        .select_from(AuditEntry)
        .outerjoin(AuditSeal, AuditSeal.entry_number == AuditEntry.number)
        .where(AuditEntry.council_id == council_id, AuditSeal.entry_number.is_(None))
    )
    return ChainReport(council_id, entries, unsealed or 0, None)


def _plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """Make values JSON-able: dates and times as ISO text, ids and enumerations as text."""
    if values is None:
        return None
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)
