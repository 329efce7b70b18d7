"""Runs over the waiting list: asked once, worked out, stopped, resumed, replaced; and what a broker makes of them."""

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.queue import deliver
from marketplace.matching import tasks_runs
from marketplace.matching.models import AssignmentRun, Proposal
from marketplace.matching.states import ProposalStatus, RunStatus
from tests.browser import Browser, count
from tests.factories_brokerage import make_broker
from tests.factories_runs import EVERYTHING, carry_out, make_list, make_run, solve_here


@pytest.fixture(autouse=True)
def solver() -> Iterator[None]:
    """Work runs out in this process; a test of the real one takes it back."""
    tasks_runs.use_solver(solve_here)
    yield
    tasks_runs.use_solver(None)


async def test_a_run_proposes_for_everybody_and_says_why(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    assert (run.status, run.failure) == (RunStatus.DONE, "")
    print(run.figures)
    for row in (await db.execute(text("SELECT worker_id, own_rank, start_on, detail FROM proposals ORDER BY id"))):
        print(row)
    assert run.is_optimal
    assert run.cases == run.placed == 4


async def test_the_real_process_gives_the_same_answer(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    tasks_runs.use_solver(None)
    run = await make_run(db, broker)
    assert (run.status, run.failure) == (RunStatus.DONE, "")
    assert run.placed == 4
