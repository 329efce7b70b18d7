"""Refusals that leave an audit row though the request that was refused is undone."""

from typing import Any
from uuid import UUID

from marketplace.accounts import Principal, audit
from marketplace.core.database import session_maker, transaction


async def record_refusal(
    principal: Principal,
    action: str,
    *,
    council_id: UUID,
    subject_kind: str,
    subject_id: UUID,
    why: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write who was refused what and why, in a transaction of its own."""
    async with transaction(session_maker(), [council_id]) as own:
        audit.record(
            own,
            principal,
            action,
            council_id=council_id,
            subject_kind=subject_kind,
            subject_id=subject_id,
            after={"refused": True, **(detail or {})},
            why=why,
        )
