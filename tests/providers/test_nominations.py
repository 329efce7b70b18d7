"""Nominating and selecting planners: calls, nominations, choices with reasons, and when who is told."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.providers.models import Nomination, OrganisationKind, ServiceLine, Worker, WorkerKind
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_accreditation, make_council, make_member, make_organisation, make_worker
from tests.factories_bookings import loose
from tests.factories_join import run_tasks
from tests.factories_workers import Desk, audit_actions, make_desk, spy_refusals

CALL = {
    "title": "Two planners for Preston",
    "about": "Write plans with people",
    "chosen_by": "The widest range",
    "places": "1",
    "closes_on-day": "10",
    "closes_on-month": "3",
    "closes_on-year": "2027",
}

CLOSED = datetime(2027, 3, 11, 9, tzinfo=UTC)
"""The day after the last one."""


@pytest.fixture
async def desk(db: AsyncSession, browser: Browser) -> Desk:
    return await make_desk(db, browser, OrganisationKind.THIRD_SECTOR)


async def opened(desk: Desk) -> str:
    """Open a call; returns its id."""
    page = await desk.accreditor.post("/accreditation/nominations", CALL, expect=303)
    return page.location.rsplit("/", 1)[1]


async def nominated(db: AsyncSession, desk: Desk, call: str, *, name: str, **given: object) -> UUID:
    """Nominate a new worker; returns the nomination's id."""
    worker = await make_worker(db, desk.organisation, name=name, kind=WorkerKind.CARE_WORKER, **given)
    worker_id = worker.id
    form = {"worker_id": str(worker_id), "statement": f"{name} listens well", "agreed": "yes"}
    await desk.provider.post(f"/provider/nominations/{call}", form, expect=303)
    row = await db.scalar(select(Nomination.id).where(Nomination.worker_id == worker_id))
    assert row is not None
    return row


async def choose(desk: Desk, call: str, row: UUID, choice: str, version: int = 1, expect: int = 303) -> None:
    form = {"choice": choice, "reason": f"Because {choice}", "version": str(version)}
    await desk.accreditor.post(f"/accreditation/nominations/{call}/{row}", form, expect=expect)


async def test_from_a_call_to_a_planner(
    browser: Browser, db: AsyncSession, clock: FixedClock, desk: Desk, mailbox: Mailbox
) -> None:
    call = await opened(desk)
    assert "Two planners for Preston" in (await desk.provider.open("/provider/nominations")).words
    await desk.provider.open(f"/provider/nominations/{call}")
    first = await nominated(db, desk, call, name="Ann First", languages=["English", "Urdu"], specialisms=["dementia"])
    second = await nominated(db, desk, call, name="Bob Second")
    await run_tasks()
    assert len([mail for mail in mailbox.envelopes if "A new nomination" in str(mail)]) == 2
    await choose(desk, call, first, "select", expect=409)  # it is still open
    await desk.later(clock, CLOSED)
    page = await desk.accreditor.open(f"/accreditation/nominations/{call}")
    assert "Ann First listens well" in page.words
    assert "UrduLanguage01" in page.words.replace(" ", "")  # nobody selected yet, one nominated
    await desk.accreditor.open(f"/accreditation/nominations/{call}/{first}")
    await choose(desk, call, first, "select")
    page = await desk.accreditor.post(f"/accreditation/nominations/{call}/decide", {}, expect=422)
    assert "1 nomination waits for your choice" in page.words
    await choose(desk, call, second, "not_select")

    # Before the call is decided nobody outside sees a choice.
    assert "Because select" not in (await desk.provider.open("/provider/nominations")).words
    await desk.accreditor.post(f"/accreditation/nominations/{call}/decide", {}, expect=303)
    await run_tasks()
    texts = [str(mail) for mail in mailbox.envelopes]
    assert len([mail for mail in texts if "was selected" in mail]) == 1
    assert len([mail for mail in texts if "was not selected" in mail]) == 1
    page = await desk.provider.open("/provider/nominations")
    assert "Because select" in page.words
    planner = await db.scalar(select(Worker.id).where(Worker.name == "Ann First"))
    assert await db.scalar(select(Worker.kind).where(Worker.id == planner)) is WorkerKind.CARE_WORKER
    await desk.provider.post(f"/provider/workers/{planner}/planner", {}, expect=303)
    assert await db.scalar(select(Worker.kind).where(Worker.id == planner)) is WorkerKind.PLANNER
    await desk.accreditor.post(f"/accreditation/nominations/{call}/decide", {}, expect=409)
    assert {"providers.open_call", "providers.nominate_planner", "providers.choose_nomination",
            "providers.decide_call", "providers.change_worker"} <= set(await audit_actions(db))  # fmt: skip


async def test_more_than_the_places_needs_a_reason(db: AsyncSession, clock: FixedClock, desk: Desk) -> None:
    call = await opened(desk)
    rows = [await nominated(db, desk, call, name=name) for name in ("Ann", "Bob")]
    await desk.later(clock, CLOSED)
    for row in rows:
        await choose(desk, call, row, "select")
    address = f"/accreditation/nominations/{call}/decide"
    page = await desk.accreditor.post(address, {}, expect=422)
    assert page.errors() == {"over_reason": "You selected 2 for 1 place. Say why, or select fewer"}
    await desk.accreditor.post(address, {"over_reason": "Both bring what nobody else does"}, expect=303)
    assert await count(db, "nomination_calls", "reason LIKE 'Both%' AND decided_at IS NOT NULL") == 1


async def test_two_who_choose_at_once(
    db: AsyncSession, clock: FixedClock, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await opened(desk)
    row = await nominated(db, desk, call, name="Ann")
    await desk.later(clock, CLOSED)
    await choose(desk, call, row, "select", version=1)
    refused = spy_refusals(monkeypatch)
    await choose(desk, call, row, "not_select", version=1, expect=409)
    assert await db.scalar(text("SELECT status FROM nominations")) == "selected"
    assert refused == ["providers.refuse_choice"]


async def test_a_nomination_is_taken_back_and_put_forward_again(
    db: AsyncSession, clock: FixedClock, desk: Desk
) -> None:
    call = await opened(desk)
    row = await nominated(db, desk, call, name="Ann")
    worker = await db.scalar(select(Nomination.worker_id))
    form = {"worker_id": str(worker), "statement": "Again", "agreed": "yes"}
    page = await desk.provider.post(f"/provider/nominations/{call}", form, expect=422)
    assert page.errors() == {"worker_id": "Ann is nominated already"}
    await desk.provider.post(f"/provider/nominations/{row}/withdraw", {}, expect=303)
    await desk.provider.post(f"/provider/nominations/{row}/withdraw", {}, expect=409)
    await desk.provider.post(f"/provider/nominations/{call}", form, expect=303)
    assert await db.scalar(text("SELECT status || ' ' || statement FROM nominations")) == "nominated Again"
    await desk.later(clock, CLOSED)
    page = await desk.provider.post(f"/provider/nominations/{call}", form, expect=409)
    assert "The last day for nominations was 10 March 2027" in page.words


async def test_only_organisations_that_deal_with_the_council_may_nominate(
    browser: Browser, db: AsyncSession, desk: Desk
) -> None:
    call = await opened(desk)
    other = await make_council(db)
    far = await make_organisation(db, home_council_id=other.id)
    worker = await make_worker(db, far)
    member = await make_member(db, Role.PROVIDER, other, organisation_id=far.id)
    loose(db, other, far, worker, member.user, member.membership)
    provider = await browser.signed_in(member)
    form = {"worker_id": str(worker.id), "statement": "Good", "agreed": "yes"}

    assert "Two planners" not in (await provider.open("/provider/nominations")).words
    await provider.get(f"/provider/nominations/{call}", expect=404)
    await provider.post(f"/provider/nominations/{call}", form, expect=404)
    # Once the council has accredited it, it may: though nobody of it signs in there.
    council = await db.get_one(Council, desk.council.id)
    await make_accreditation(db, far, council, ServiceLine.HOME_CARE)
    await provider.post(f"/provider/nominations/{call}", form, expect=303)
    assert "Two planners" in (await provider.open("/provider/nominations")).words
    row = await db.scalar(select(Nomination.id))
    # A nomination of somebody else is not there.
    await desk.provider.post(f"/provider/nominations/{row}/withdraw", {}, expect=404)
    stranger = await make_member(db, Role.ACCREDITOR, other)
    loose(db, stranger.user, stranger.membership)
    await (await browser.signed_in(stranger)).get(f"/accreditation/nominations/{call}", expect=404)


async def test_what_is_missing_is_said(db: AsyncSession, desk: Desk) -> None:
    call = await opened(desk)
    gone = await make_worker(db, desk.organisation, name="Gone", ends_on=date(2027, 4, 1))
    loose(db, gone)
    page = await desk.provider.post(f"/provider/nominations/{call}", {}, expect=422)
    assert set(page.errors()) == {"worker_id", "statement", "agreed"}
    form = {"worker_id": str(gone.id), "statement": "Good", "agreed": "yes"}
    page = await desk.provider.post(f"/provider/nominations/{call}", form, expect=422)
    assert page.errors() == {"worker_id": "Gone leaves or has left. Choose somebody else"}
    page = await desk.accreditor.post("/accreditation/nominations", {**CALL, "closes_on-year": "2026"}, expect=422)
    assert set(page.errors()) == {"closes_on"}
    await desk.accreditor.open("/accreditation/nominations")
    await desk.accreditor.open("/accreditation/nominations/new")
