"""Doing a thing once: a form sent twice, or an API call repeated with its key, has one effect and one answer."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.core.errors import StaleForm
from marketplace.core.ids import new_id
from marketplace.core.models import IdempotencyKey

FORM_ID_FIELD = "form_id"
"""Hidden field of every form that writes: a one-time id made when the page was drawn."""

LONGEST_KEY = 255


def fingerprint(*parts: Any) -> str:
    """Return a hash of what a request asks for, the same for the same content."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


async def once(
    db: AsyncSession, actor: str, key: str, print_of_request: str, action: Callable[[], Awaitable[Any]]
) -> Any:
    """Do an action the first time a key is seen, and return the first answer every other time.

    Runs in the caller's transaction: when the action fails, its key is rolled back with it and may be used again. A
    second request at the same moment waits for the first to commit.

    Args:
        db: The transaction of the request.
        actor: Who sends it: keys of different people never meet.
        key: The form's one-time id, or the Idempotency-Key header.
        print_of_request: `fingerprint` of what is asked.
        action: What to do; its answer is JSON-able.

    Raises:
        StaleForm: The key came before with another content.
    """
    taken = await db.scalar(
        insert(IdempotencyKey)
        .values(id=new_id(), actor=actor, key=key, fingerprint=print_of_request, created_at=clock_of(db).now())
        .on_conflict_do_nothing(index_elements=["actor", "key"])
        .returning(IdempotencyKey.id)
    )
    if taken is None:
        earlier = (
            await db.execute(
                select(IdempotencyKey.fingerprint, IdempotencyKey.answer).where(
                    IdempotencyKey.actor == actor, IdempotencyKey.key == key
                )
            )
        ).one()
        if earlier.fingerprint != print_of_request:
            raise StaleForm("Go back, reload the page and send the form again.")
        return earlier.answer["value"] if earlier.answer else None
    value = await action()
    await db.execute(update(IdempotencyKey).where(IdempotencyKey.id == taken).values(answer={"value": value}))
    return value


async def once_per_form(
    db: AsyncSession, actor: str, path: str, data: Mapping[str, Any], action: Callable[[], Awaitable[str]]
) -> str:
    """Take a page's form once. The action returns the address to go to, which a repeated form gets, too.

    A form without its one-time id (an old page, a hand-made request) is simply done.
    """
    key = str(data.get(FORM_ID_FIELD) or "")[:LONGEST_KEY]
    if not key:
        return await action()
    content = {name: value for name, value in data.items() if name not in {FORM_ID_FIELD, "csrf_token"}}
    address: str = await once(db, actor, key, fingerprint(path, content), action)
    return address
