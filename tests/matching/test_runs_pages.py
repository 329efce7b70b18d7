"""Pages of runs in a browser without JavaScript: asking, watching, comparing, confirming, settling."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.matching import tasks_runs
from marketplace.matching.models import AssignmentRun
from marketplace.matching.service.run_job import RunJob
from marketplace.matching.service.runs import RunService
from tests.browser import Browser, count
from tests.factories import make_member
from tests.factories_brokerage import make_broker
from tests.factories_runs import EVERYTHING, carry_out, make_list, make_run, renew, solve_here


@pytest.fixture(autouse=True)
def solver() -> Iterator[None]:
    """Work runs out in this process."""
    tasks_runs.use_solver(solve_here)
    yield
    tasks_runs.use_solver(None)


async def test_a_broker_asks_watches_and_confirms(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    amira_house, _ben_id = workers[0].organisation_id, str(workers[1].id)
    staff = await browser.signed_in(broker)
    page = await staff.open("/matching/runs")
    assert "No proposal yet" in page.words
    form = await staff.open("/matching/runs/new")
    assert "4 referrals wait for a planner" in form.words
    wrong = await staff.post("/matching/runs", {"weeks": "99", "share_cap_percent": "0"}, expect=422)
    assert set(wrong.errors()) == {"weeks", "share_cap_percent"}
    assert wrong.field("weeks") == "99"
    sent = {"urgencies": ["crisis", "urgent", "standard"], "fairness": "none", "form_id": "a" * 32}
    first = await staff.post("/matching/runs", sent)
    again = await staff.post("/matching/runs", sent)
    assert first.location == again.location
    assert await count(db, "assignment_runs") == 1
    waiting = await staff.open(first.location)
    assert "Waiting to start" in waiting.words
    assert 'http-equiv="refresh"' in waiting.text
    busy = await staff.post("/matching/runs", {"urgencies": ["crisis"], "fairness": "none"}, expect=409)
    assert busy.title.startswith("Another proposal is being worked out")
    await carry_out(db, only="matching.work_out_run")

    page = await staff.open(first.location)
    for words in ("Proven best", "Placed", "In turn", "The nearest", "Best for each in turn", "Amira Planner"):
        assert words in page.words, page.words
    assert "http-equiv" not in page.text.split("</head>")[0].replace("charset", "")
    for question in (
        "?urgency=crisis",
        "?show=proposed",
        "?show=nobody",
        f"?organisation={amira_house}",
    ):
        await staff.open(first.location + question)
    nothing = await staff.post(f"{first.location}/accept", {}, expect=422)
    assert "proposals" in nothing.errors()
    unseen = await staff.post(f"{first.location}/accept", {"all": "yes"}, expect=422)
    assert "looked" in unseen.errors()
    ids = [str(item) for item in (await db.scalars(text("SELECT id FROM proposals ORDER BY id"))).all()]
    done = await staff.post(f"{first.location}/accept", {"proposals": ids[:2]})
    result = await staff.open(done.location)
    assert result.heading == "2 referrals are offered"
    clock.advance(timedelta(seconds=5))
    done = await staff.post(f"{first.location}/accept", {"all": "yes", "looked": "yes"})
    assert (await staff.open(done.location)).heading == "2 referrals are offered"
    assert await count(db, "offers", "status = 'offered'") == 4
    assert "Ready" in (await staff.open("/matching/runs")).words


async def test_a_line_shows_its_reasons_and_takes_pins_vetoes_and_a_no(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    _amira_house, ben_id = workers[0].organisation_id, str(workers[1].id)
    run = await make_run(db, broker)
    run_id = run.id
    staff = await browser.signed_in(broker)
    ids = [str(item) for item in (await db.scalars(text("SELECT id FROM proposals ORDER BY id"))).all()]
    address = f"/matching/runs/{run_id}/proposals/{ids[1]}"
    page = await staff.open(f"{address}?kind=pin")
    assert "How the points come about" in page.words
    assert "Who else could" in page.words
    assert page.field("kind") == "pin"
    assert page.field("worker_id")
    wrong = await staff.post(f"{address}/rules", {"kind": "pin", "worker_id": ben_id}, expect=422)
    assert set(wrong.errors()) == {"why"}
    assert wrong.field("worker_id") == ben_id
    settled: dict[str, Any] = {"kind": "pin", "worker_id": ben_id, "why": "They know each other"}
    assert (await staff.post(f"{address}/rules", settled)).location == f"/matching/runs/{run_id}"
    page = await staff.open(f"/matching/runs/{run_id}")
    assert "Settled by hand: Keep Ben Planner" in page.words
    page = await staff.open(address)
    assert "They know each other" in page.words
    rule_id = await db.scalar(text("SELECT id FROM assignment_rules"))
    again = await staff.post(f"/matching/runs/{run_id}/again")
    await carry_out(db, only="matching.work_out_run")
    newer = await staff.open(again.location)
    assert "Worked out again from M-2027-00001" in newer.words
    assert "Somebody of the council keeps" in newer.words
    older = await staff.open(f"/matching/runs/{run_id}")
    assert "takes the place of this one" in older.words
    refused = await staff.post(f"/matching/runs/{run_id}/rules/{rule_id}/remove", expect=409)
    assert refused.title.startswith("A newer proposal")
    ids = [
        str(item)
        for item in (await db.scalars(text("SELECT id FROM proposals WHERE status = 'proposed' ORDER BY id"))).all()
    ]
    line = f"{again.location}/proposals/{ids[2]}"
    wrong = await staff.post(f"{line}/reject", {}, expect=422)
    assert set(wrong.errors()) == {"reason"}
    await staff.post(f"{line}/reject", {"reason": "Not now"})
    assert "Not now" in (await staff.open(line)).words


async def test_progress_can_be_watched_and_the_run_stopped(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await RunService(db).ask(broker.principal, EVERYTHING)
    run_id = run.id
    await RunJob(db).begin(run.council_id, run.id)
    await db.execute(text("UPDATE assignment_runs SET stage = 'Solving', progress_done = 400, progress_total = 1000"))
    await db.commit()
    staff = await browser.signed_in(broker)
    fragment = await staff.get(f"/matching/runs/{run_id}/progress")
    assert "40% done" in fragment.text
    assert 'hx-trigger="every 2s"' in fragment.text
    assert "40% done" in (await staff.open(f"/matching/runs/{run_id}")).words
    await staff.post(f"/matching/runs/{run_id}/cancel")
    assert "being stopped" in (await staff.open(f"/matching/runs/{run_id}")).words
    await renew(db)
    assert (await db.get_one(AssignmentRun, run_id)).cancel_asked_at is not None


async def test_the_fragment_asks_for_the_whole_page_once_it_is_over(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await make_run(db, broker)
    run_id = run.id
    page = await (await browser.signed_in(broker)).get(f"/matching/runs/{run_id}/progress")
    assert page.response.headers["HX-Refresh"] == "true"


async def test_repeating_says_that_it_is_the_same(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    run_id = run.id
    staff = await browser.signed_in(broker)
    await staff.post(f"/matching/runs/{run_id}/repeat")
    assert "being worked out again" in (await staff.open(f"/matching/runs/{run_id}")).words
    await carry_out(db, only="matching.repeat_run")
    assert "every line is the same" in (await staff.open(f"/matching/runs/{run_id}")).words


async def test_others_see_nothing_and_cannot_act(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    run_id = run.id
    proposal_id = await db.scalar(text("SELECT id FROM proposals ORDER BY id LIMIT 1"))
    planner = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, broker.council))
    stranger = await browser.signed_in(await make_broker(db))
    for path in (f"/matching/runs/{run_id}", f"/matching/runs/{run_id}/proposals/{proposal_id}"):
        await stranger.get(path, expect=404)
    await stranger.post(f"/matching/runs/{run_id}/accept", {"proposals": str(proposal_id)}, expect=404)
    await planner.get(f"/matching/runs/{run_id}", expect=403)
    assert await count(db, "offers") == 0
