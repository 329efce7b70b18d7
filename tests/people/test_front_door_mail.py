"""Who is told when somebody asks online for a call, and what the message leaves out."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.people import tasks_front_door
from tests.browser import Browser, count
from tests.factories import START, make_council, make_member
from tests.factories_brokerage import make_postcode

assert tasks_front_door
ASK = {"asked_by": "self", "topic": "older", "words": "Stairs are hard.", "postcode": "pr1 2he"}
CALL = {**ASK, "answer": "call", "name": "Jo Quill", "reach": "01632 900 123"}


async def run_tasks(db: AsyncSession) -> None:
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []


async def test_social_workers_hear_of_who_waits_for_a_call_without_a_name(browser: Browser, db: AsyncSession) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E07000123"])
    worker = await make_member(db, Role.SOCIAL_WORKER, council)
    await make_member(db, Role.FINANCE, council)
    await make_member(db, Role.SOCIAL_WORKER)
    worker_id = worker.user.id
    await browser.post("/ask-for-help/send", CALL)
    await run_tasks(db)
    rows = (await db.execute(text("SELECT user_id, subject, body FROM messages"))).all()
    assert [(row.user_id, row.subject) for row in rows] == [(worker_id, "Somebody asks for a call from the council")]
    contact_id = await db.scalar(text("SELECT id FROM front_door_contacts"))
    assert f"/contacts/{contact_id}" in rows[0].body
    assert not any(words in rows[0].body for words in ("Quill", "900 123", "Stairs", "PR1", "Older people"))


async def test_nobody_is_told_of_who_goes_on_alone_or_was_rung_already(browser: Browser, db: AsyncSession) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E07000123"])
    await make_member(db, Role.SOCIAL_WORKER, council)
    await browser.post("/ask-for-help/send", {**ASK, "answer": "found"})
    await browser.post("/ask-for-help/send", CALL)
    await db.execute(text("UPDATE front_door_contacts SET outcome = 'resolved', passed_to = ''"))
    await run_tasks(db)
    assert await count(db, "messages") == 0


async def test_the_councils_first_contact_hears_of_it_in_place_of_all_social_workers(
    browser: Browser, db: AsyncSession
) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E07000123"])
    await make_member(db, Role.SOCIAL_WORKER, council)
    first = {"address": "first.contact@council.example", "team": "First contact team"}
    await set_setting(db, None, council.id, "people.first_contact", first, starts_on=START)
    await browser.post("/ask-for-help/send", CALL)
    await run_tasks(db)
    rows = (await db.execute(text("SELECT user_id, to_address, body FROM messages"))).all()
    assert [(row.user_id, row.to_address) for row in rows] == [(None, first["address"])]
    contact_id, passed_to = (await db.execute(text("SELECT id, passed_to FROM front_door_contacts"))).one()
    assert passed_to == first["team"]
    assert "Hello First contact team" in rows[0].body
    assert f"/contacts/{contact_id}" in rows[0].body
    # Who reads a shared mailbox is not known: what it is about stands behind the sign-in, too.
    assert not any(words in rows[0].body for words in ("Quill", "900 123", "Stairs", "PR1", "Older people"))


@pytest.mark.parametrize("address", ["", "first contact team", None])
async def test_without_an_address_that_can_be_written_to_social_workers_hear_of_it(
    browser: Browser, db: AsyncSession, address: str | None
) -> None:
    await make_postcode(db)
    council = await make_council(db, district_codes=["E07000123"])
    worker = await make_member(db, Role.SOCIAL_WORKER, council)
    worker_id, first = worker.user.id, {"address": address, "team": ""}
    await set_setting(db, None, council.id, "people.first_contact", first, starts_on=START)
    await browser.post("/ask-for-help/send", CALL)
    await run_tasks(db)
    assert list(await db.scalars(text("SELECT user_id FROM messages"))) == [worker_id]
    assert await db.scalar(text("SELECT passed_to FROM front_door_contacts")) == "Front door"
