"""Doing a thing once."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import SessionMaker, transaction
from marketplace.core.errors import StaleForm
from marketplace.core.idempotency import fingerprint, once, once_per_form
from tests.browser import count


async def test_the_second_call_gets_the_first_answer_and_does_nothing(db: AsyncSession) -> None:
    done: list[str] = []

    async def act() -> str:
        done.append("x")
        return f"/things/{len(done)}"

    form = {"form_id": "abc", "csrf_token": "1", "amount": "5"}
    first = await once_per_form(db, "user:1", "/things", form, act)
    second = await once_per_form(db, "user:1", "/things", {**form, "csrf_token": "2"}, act)
    assert (first, second, done) == ("/things/1", "/things/1", ["x"])


async def test_the_same_key_with_other_content_is_refused(db: AsyncSession) -> None:
    async def act() -> str:
        return "/done"

    await once_per_form(db, "user:1", "/things", {"form_id": "abc", "amount": "5"}, act)
    with pytest.raises(StaleForm):
        await once_per_form(db, "user:1", "/things", {"form_id": "abc", "amount": "6"}, act)


async def test_keys_of_different_people_never_meet(db: AsyncSession) -> None:
    async def act() -> str:
        return "mine"

    async def other() -> str:
        return "yours"

    assert await once(db, "user:1", "k", "p", act) == "mine"
    assert await once(db, "user:2", "k", "p", other) == "yours"


async def test_a_key_of_a_failed_action_may_be_used_again(db: AsyncSession, maker: SessionMaker) -> None:
    async def fail() -> str:
        raise RuntimeError("no")

    async def act() -> str:
        return "done"

    with pytest.raises(RuntimeError, match="no"):
        async with transaction(maker) as own:
            await once(own, "user:1", "k", "p", fail)
    assert await count(db, "idempotency_keys") == 0
    async with transaction(maker) as own:
        assert await once(own, "user:1", "k", "p", act) == "done"


def test_a_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
