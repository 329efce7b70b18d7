"""Sending applications: at the closing minute, twice, late, taken back, withdrawn; drafts are remembered (C1)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.providers.models import Application, LateRule
from marketplace.providers.states import ApplicationStatus
from marketplace.providers.tasks.applications import remind_drafts
from tests.browser import Browser, count, events
from tests.providers.test_applications import CLOSES, SIGNED, World, begin, fill, send, sign_in, world

__all__ = ["world"]


async def test_sending_what_was_changed_in_the_meantime_is_refused(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    seen = (await provider.open(f"{path}/check")).field("seen") or ""
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await provider.post(question, {"version": (await provider.open(question)).field("version") or "", "words": "New."})
    await provider.post(f"{path}/submit", {"seen": seen, **SIGNED}, expect=409)
    assert await count(db, "applications", "status = 'submitted'") == 0
    assert await events(db) == []


async def test_sending_twice_sends_once(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    seen = (await provider.open(f"{path}/check")).field("seen") or ""
    for _ in range(2):
        page = await provider.post(f"{path}/submit", {"seen": seen, **SIGNED})
        assert page.location == f"{path}/receipt"
    assert sorted(await events(db)) == ["ApplicationMoved", "PassportShareMoved"]
    assert await count(db, "passport_shares", "status = 'shared'") == 1, "the council may look at the evidence"
    assert await count(db, "audit_entries", "action = 'providers.submit_application'") == 1


async def test_the_signer_must_say_who_they_are(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    page = await send(provider, path, expect=422, name="", role="", agree="")
    assert set(page.errors()) == {"name", "role", "agree"}
    assert await count(db, "applications", "status = 'draft'") == 1


@pytest.mark.parametrize(("at", "arrives"), [(CLOSES - timedelta(microseconds=1), True), (CLOSES, False)])
async def test_the_closing_minute_is_judged_by_the_server_clock(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock, at: datetime, arrives: bool
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    clock.move_to(CLOSES - timedelta(minutes=1))
    provider = await sign_in(browser, db, world.provider)
    seen = (await provider.open(f"{path}/check")).field("seen") or ""
    clock.move_to(at)
    page = await provider.post(f"{path}/submit", {"seen": seen, **SIGNED}, expect=303 if arrives else 409)
    assert await count(db, "applications", "status = 'submitted'") == arrives
    if not arrives:
        page.check()
        assert page.heading == "This application was not sent"
        assert "Your answers are kept" in page.words
        assert await events(db) == []
        assert await count(db, "audit_entries", "action = 'providers.refuse_late_application'") == 1
        # What is typed after closing is not lost either.
        question = f"{path}/questions/{world.offer.ids['outcomes']}"
        version = (await provider.open(question)).field("version") or ""
        await provider.post(question, {"version": version, "words": "Typed too late."})
        assert await count(db, "application_answers", "words = 'Typed too late.'") == 1
        assert "This round has closed" in (await provider.open(path)).words


async def test_a_late_application_needs_a_reason_where_the_rule_takes_it(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock
) -> None:
    world.offer.round.late_rule = LateRule.ACCEPT_WITH_REASON
    world.offer.round.late_until = CLOSES + timedelta(days=2)
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    clock.move_to(CLOSES + timedelta(hours=1))
    provider = await sign_in(browser, db, world.provider)
    assert "You can still send this until" in (await provider.open(path)).words
    page = await send(provider, path, expect=422)
    assert page.errors() == {"late_reason": "Enter why it comes late"}
    await send(provider, path, late_reason="The power was cut.")
    row = (await db.scalars(select(Application))).one()
    assert (row.is_late, row.late_reason) == (True, "The power was cut.")
    await provider.post(f"{path}/take-back", expect=409)
    assert await count(db, "applications", "status = 'submitted'") == 1


async def test_an_application_is_taken_back_changed_and_sent_again_before_closing(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    await send(provider, path)
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await provider.post(question, {"version": "1", "words": "Sneaked in."}, expect=409)
    await provider.post(f"{path}/take-back")
    row = (await db.scalars(select(Application))).one()
    assert row.status is ApplicationStatus.DRAFT
    assert row.submitted is None
    kept = await db.scalar(text("SELECT before FROM audit_entries WHERE action = 'providers.take_application_back'"))
    assert kept["submitted"]["answers"][2]["words"] == "We listen and then plan."
    await provider.post(
        question, {"version": (await provider.open(question)).field("version") or "", "words": "Better."}
    )
    await send(provider, path)
    await db.refresh(row)
    assert row.submitted is not None
    assert row.submitted["answers"][2]["words"] == "Better."


async def test_withdrawing_is_for_good(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    page = await provider.open(f"{path}/withdraw")
    assert "you cannot apply again in this round" in page.words
    await provider.post(f"{path}/withdraw", {"reason": "We found other work"})
    assert "You withdrew this application" in (await provider.open(path)).words
    assert await begin(provider, world.offer) == path
    await provider.post(f"{path}/withdraw", {}, expect=409)
    assert await count(db, "applications", "status = 'withdrawn'") == 1


async def test_drafts_are_reminded_once_in_the_last_three_days(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock
) -> None:
    await begin(await browser.signed_in(world.provider), world.offer)
    clock.move_to(CLOSES - timedelta(days=3, minutes=1))
    await remind_drafts()
    assert await count(db, "messages") == 0
    clock.move_to(CLOSES - timedelta(days=3))
    await remind_drafts()
    clock.advance(timedelta(hours=1))
    await remind_drafts()
    assert (await db.scalars(text("SELECT subject FROM messages"))).all() == [
        "Your application A-2027-0001 is not sent yet"
    ]


async def test_a_round_that_was_called_off_takes_nothing(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await fill(provider, path, world.offer)
    world.offer.round.cancelled_at, world.offer.round.cancelled_because = CLOSES, "The budget was cut."
    await db.flush()
    assert "The budget was cut." in (await provider.open(path)).words
    await provider.post(f"{path}/submit", {"seen": "", **SIGNED}, expect=409)
    assert await count(db, "applications", "status = 'submitted'") == 0
