"""Working runs over the waiting list out, in the background."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from uuid import UUID

import structlog

from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import RunAsked, RunFinished, RunRepeatAsked
from marketplace.matching.repository.runs import ProposalRepository, RunRepository
from marketplace.matching.run_engine import Progress, RunRefused, read_answer
from marketplace.matching.service.open_proposals import OpenProposals
from marketplace.matching.service.run_inputs import gather
from marketplace.matching.service.run_job import SILENT_AFTER, RunJob
from marketplace.matching.solver_process import SolverBroke, Step, TookTooLong, steps
from marketplace.matching.states import RunStatus
from marketplace.messaging import MessagingService

log = structlog.get_logger(__name__)

TOO_LONG = "It took longer than nine minutes. Ask for fewer areas, or for one urgency at a time."
BROKE = "Something went wrong while it was worked out. Nothing was changed. Please ask for it again."

Solver = Callable[[bytes], AsyncGenerator[Step, None]]
_solver: Solver = steps


def use_solver(solver: Solver | None) -> None:
    """Set what works runs out (tests); None is the process of its own."""
    global _solver
    _solver = solver or steps


class _Stopped(Exception):
    """The run is not to go on here."""

    def __init__(self, *, is_asked: bool) -> None:
        super().__init__()
        self.is_asked = is_asked


@task("matching.work_out_run", on=RunAsked)
async def work_out_run(message_id: UUID, event: RunAsked) -> None:
    """Work a proposal out. Claims nothing: the run itself says whose it is, and a second message finds it taken."""
    council_id, run_id = event.council_id, event.run_id
    async with transaction(session_maker(), [council_id]) as db:
        begun = await RunJob(db).begin(council_id, run_id)
    if begun is None:
        return
    tries = begun.tries
    try:
        async with transaction(session_maker(), [council_id]) as db:
            gathered = await gather(db, begun.run)
            if not await RunJob(db).keep_inputs(council_id, run_id, tries, gathered):
                return
        answer = read_answer(await _solve(council_id, run_id, tries, gathered.inputs))
        async with transaction(session_maker(), [council_id]) as db:
            await RunJob(db).store(council_id, run_id, tries, answer, gathered)
    except _Stopped as stopped:
        if stopped.is_asked:
            await _end(council_id, run_id, tries, RunStatus.CANCELLED)
    except RunRefused as refusal:
        await _end(council_id, run_id, tries, RunStatus.FAILED, str(refusal))
    except TookTooLong:
        await _end(council_id, run_id, tries, RunStatus.FAILED, TOO_LONG)
    except Exception:
        log.exception("run-failed", run_id=str(run_id))
        await _end(council_id, run_id, tries, RunStatus.FAILED, BROKE)


async def _solve(council_id: UUID, run_id: UUID, tries: int, inputs: bytes) -> bytes:
    """Wait for the answer; note each second or so that we live and how far it is.

    Raises:
        _Stopped: Somebody asked to stop it, or the run is no longer ours.
    """
    at = Progress("Waiting for the solver", 0)
    async with contextlib.aclosing(_solver(inputs)) as work:
        async for step in work:
            if isinstance(step, bytes):
                return step
            at = step or at
            async with transaction(session_maker(), [council_id]) as db:
                asked = await RunRepository(db).beat(
                    council_id, run_id, tries, at=clock_of(db).now(), stage=at.stage, done=at.done, total=at.total
                )
            if asked is None or asked:
                raise _Stopped(is_asked=bool(asked))
    raise SolverBroke("the solver ended without an answer")


async def _end(council_id: UUID, run_id: UUID, tries: int, to: RunStatus, failure: str = "") -> None:
    async with transaction(session_maker(), [council_id]) as db:
        await RunJob(db).end(council_id, run_id, tries, to, failure)


@task("matching.repeat_run", on=RunRepeatAsked)
async def repeat_run(message_id: UUID, event: RunRepeatAsked) -> None:
    """Work the stored inputs of a run out once more and compare. Harmless when repeated."""
    async with transaction(session_maker(), [event.council_id]) as db:
        runs = RunRepository(db)
        run = await runs.find(event.council_id, event.run_id)
        stored = await runs.file_of(event.council_id, event.run_id)
    if stored is None or (run.figures.get("repeat") or {}).get("at"):
        return
    is_same: bool | None = None
    found, failure = "", ""
    try:
        async with contextlib.aclosing(_solver(stored.inputs)) as work:
            async for step in work:
                if isinstance(step, bytes):
                    answer = read_answer(step)
                    found = answer.result_fingerprint
                    is_same = found == run.result_fingerprint and (answer.inputs_fingerprint == run.inputs_fingerprint)
                    break
    except RunRefused as refusal:
        failure = str(refusal)
    except TookTooLong:
        failure = TOO_LONG
    except SolverBroke:
        log.exception("run-repeat-failed", run_id=str(run.id))
        failure = BROKE
    async with transaction(session_maker(), [event.council_id]) as db:
        await RunJob(db).note_repeat(
            event.council_id, event.run_id, is_same=is_same, fingerprint=found, failure=failure
        )


@task("matching.tell_of_run", on=RunFinished)
async def tell_of_run(message_id: UUID, event: RunFinished) -> None:
    """Tell whoever asked that a proposal is ready, or did not work. Not when somebody stopped it."""
    if event.status == RunStatus.CANCELLED.value:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_of_run", message_id):
            run = await RunRepository(db).find(event.council_id, event.run_id)
            context = {
                "reference": run.reference,
                "cases": run.cases,
                "placed": run.placed,
                "failure": run.failure,
                "link": f"{site_address()}/matching/runs/{run.id}",
            }
            name = "run_ready" if run.status is RunStatus.DONE else "run_failed"
            await MessagingService(db).tell(event.council_id, name, context, user_id=run.asked_by_user_id)


@every(timedelta(seconds=60), "matching.resume_runs")
async def resume_runs() -> None:
    """Ask again for runs whose worker died."""
    async with transaction(session_maker(), "every") as db:
        for council_id, run_id in await RunRepository(db).silent(clock_of(db).now() - SILENT_AFTER):
            outbox.publish(db, RunAsked(council_id=council_id, run_id=run_id))


@every(timedelta(hours=1), "matching.outdate_proposals")
async def outdate_proposals() -> None:
    """Put proposals aside whose referral waits no longer."""
    async with transaction(session_maker(), "every") as db:
        stale = await ProposalRepository(db).stale()
    for council_id, referral_id in stale:
        async with transaction(session_maker(), [council_id]) as db:
            await OpenProposals(db).put_aside(council_id, referral_id)
