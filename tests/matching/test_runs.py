"""Runs over the waiting list: asked once, worked out, stopped, resumed, replaced; and what a broker makes of them."""

from collections.abc import AsyncGenerator, Iterator
from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.council_settings import set_setting
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, NotFound
from marketplace.matching import tasks_runs
from marketplace.matching.errors import (
    BreaksRule,
    ProposalDecided,
    RunNotDone,
    RunOver,
    RunReplaced,
    RunUnderWay,
)
from marketplace.matching.events import RunAsked
from marketplace.matching.forms_runs import RuleForm
from marketplace.matching.models import AssignmentRun, Proposal, Referral, RuleKind, Urgency
from marketplace.matching.repository.runs import RunRepository
from marketplace.matching.run_engine import Progress, RunRefused, unpack
from marketplace.matching.service.offers import OfferService
from marketplace.matching.service.proposals import ProposalService, accept_some
from marketplace.matching.service.run_job import RunJob
from marketplace.matching.service.run_rules import RunRules
from marketplace.matching.service.runs import RunService
from marketplace.matching.solver_process import SolverBroke, Step, TookTooLong
from marketplace.matching.states import ProposalStatus, RunStatus
from marketplace.providers.models import Worker, WorkerAbsence
from tests.browser import count
from tests.factories import Member, make_council, make_member
from tests.factories_brokerage import make_broker, make_case, make_planner, offer_form
from tests.factories_runs import EVERYTHING, carry_out, make_list, make_run, renew, solve_here


@pytest.fixture(autouse=True)
def solver() -> Iterator[None]:
    """Work runs out in this process; the tests of the real one take that back."""
    tasks_runs.use_solver(solve_here)
    yield
    tasks_runs.use_solver(None)


async def lines(db: AsyncSession, run: AssignmentRun) -> dict[str, Proposal]:
    """A run's proposals by the person's given name."""
    rows = await db.execute(
        text(
            "SELECT p.id, e.given_name FROM proposals p JOIN referrals r ON r.id = p.referral_id "
            "JOIN people e ON e.id = r.person_id WHERE p.run_id = :run ORDER BY p.id"
        ),
        {"run": run.id},
    )
    return {name: await db.get_one(Proposal, row_id) for row_id, name in rows}


async def asked(db: AsyncSession, broker: Member) -> AssignmentRun:
    return await RunService(db).ask(broker.principal, EVERYTHING)


async def begin_by_hand(db: AsyncSession, run: AssignmentRun) -> None:
    """Somebody else's worker takes the run."""
    await RunJob(db).begin(run.council_id, run.id)
    await db.flush()


# What a run proposes


async def test_a_run_places_everybody_and_proves_that_nothing_better_exists(db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    assert (run.status, run.failure, run.is_optimal) == (RunStatus.DONE, "", True)
    assert (run.cases, run.placed, run.reference) == (4, 4, "M-2027-00001")
    found = await lines(db, run)
    assert found["Dan"].worker_id == workers[0].id, "Amira knows dementia"
    starts_on = found["Cora"].start_on
    assert starts_on is not None
    assert starts_on < date(2027, 3, 8), "a crisis starts this week"
    for proposal in found.values():
        parts = proposal.detail["parts"]
        assert sum(part["points"] for part in parts) == proposal.score
        assert proposal.own_rank == 1 or proposal.detail["why"]
    practices = run.figures["practices"]
    assert set(practices) == {"proposal", "rotation", "nearest", "best_first"}
    assert practices["proposal"]["total"] >= max(item["total"] for item in practices.values())
    assert practices["proposal"]["placed"] == 4
    assert run.figures["bound"] == run.figures["total"] == sum(item.score or 0 for item in found.values())


async def test_the_most_urgent_come_first_when_places_are_short(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await set_setting(db, None, broker.council.id, "matching.horizon_weeks", 1, starts_on=date(2027, 1, 1))
    workers, _ = await make_list(db, broker)
    db.add(WorkerAbsence(worker_id=workers[1].id, starts_on=date(2027, 3, 1), ends_on=date(2027, 6, 1)))
    await db.flush()
    run = await make_run(db, broker)
    found = await lines(db, run)
    assert found["Cora"].worker_id == found["Dan"].worker_id == workers[0].id
    assert found["Eve"].worker_id is None
    assert found["Finn"].worker_id is None
    why = found["Eve"].detail["why"]
    assert ("capacity before" in why and "places" in why) or "place left" in why, why


async def test_a_person_without_a_known_place_is_told_apart(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    await make_case(db, broker, person={"given_name": "Gus", "lat": None, "lon": None})
    run = await make_run(db, broker)
    gus = (await lines(db, run))["Gus"]
    assert (run.cases, run.placed) == (5, 4)
    assert gus.worker_id is None
    assert "postcode is not in the directory" in gus.detail["why"]


async def test_only_some_areas_and_urgencies_are_looked_at(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    await make_case(db, broker, person={"given_name": "Hal", "lad_code": "E07000128"})
    form = msgspec.structs.replace(EVERYTHING, districts=["E07000123"], urgencies=["crisis", "urgent"])
    run = await make_run(db, broker, form)
    assert set(await lines(db, run)) == {"Cora", "Dan"}


async def test_the_real_process_gives_the_same_answer(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    here = await make_run(db, broker)
    here_pairs = {name: (row.worker_id, row.start_on, row.score) for name, row in (await lines(db, here)).items()}
    tasks_runs.use_solver(None)
    await RunService(db).again(broker.principal, here.id)
    assert "matching.work_out_run" in await carry_out(db, only="matching.work_out_run")
    there = (await RunRepository(db).latest(broker.council.id))[0]
    assert (there.status, there.failure) == (RunStatus.DONE, "")
    assert {n: (r.worker_id, r.start_on, r.score) for n, r in (await lines(db, there)).items()} == here_pairs
    assert (there.inputs_fingerprint, there.result_fingerprint) == (here.inputs_fingerprint, here.result_fingerprint)


async def test_places_are_kept_for_people_in_crisis(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await set_setting(db, None, broker.council.id, "matching.horizon_weeks", 1, starts_on=date(2027, 1, 1))
    await set_setting(db, None, broker.council.id, "matching.crisis_reserve_percent", 50, starts_on=date(2027, 1, 1))
    for name in ("Ann", "Bea"):
        await make_planner(db, broker.council, name=name, fte_percent=20)
    for name in ("Ivy", "Jon"):
        await make_case(db, broker, person={"given_name": name})
    run = await make_run(db, broker)
    assert (run.cases, run.placed, run.figures["held_back"]) == (2, 1, 1)
    await make_case(db, broker, urgency=Urgency.CRISIS, person={"given_name": "Kim"})
    await RunService(db).again(broker.principal, run.id)
    await carry_out(db, only="matching.work_out_run")
    newer = (await RunRepository(db).latest(broker.council.id))[0]
    assert (await lines(db, newer))["Kim"].worker_id is not None


async def test_a_cap_on_one_organisations_share_says_what_it_costs(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    plain = (await make_run(db, broker)).figures["total"]
    run = await make_run(db, broker, msgspec.structs.replace(EVERYTHING, share_cap_percent=50))
    assert run.is_optimal
    assert run.placed == 4
    assert run.figures["practices"]["proposal"]["largest_share_percent"] == 50
    assert run.figures["cap_cost_points"] == plain - run.figures["total"] >= 0


# One at a time, stopping, dying


async def test_a_council_has_one_run_at_a_time(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await asked(db, broker)
    with pytest.raises(RunUnderWay):
        await asked(db, broker)
    other = await make_broker(db)
    assert (await asked(db, other)).reference == "M-2027-00001"
    assert await count(db, "assignment_runs") == 2


async def test_who_may_not_ask_changes_nothing(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await make_run(db, broker)
    worker = await make_member(db, Role.SOCIAL_WORKER, broker.council)
    for refused in (
        RunService(db).ask(worker.principal, EVERYTHING),
        RunService(db).cancel(worker.principal, run.id),
        RunService(db).again(worker.principal, run.id),
    ):
        with pytest.raises(Forbidden):
            await refused
    stranger = await make_broker(db)
    for hidden in (
        RunService(db).cancel(stranger.principal, run.id),
        RunService(db).again(stranger.principal, run.id),
        RunService(db).ask_repeat(stranger.principal, run.id),
    ):
        with pytest.raises(NotFound):
            await hidden
    assert await count(db, "assignment_runs") == 1


async def test_a_message_that_comes_twice_works_the_run_out_once(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    before = run.finished_at
    await tasks_runs.work_out_run(UUID(int=1), RunAsked(council_id=run.council_id, run_id=run.id))
    await db.refresh(run)
    assert run.finished_at == before
    assert run.tries == 1
    assert await count(db, "proposals") == 4


async def test_a_second_worker_leaves_a_run_alone_while_the_first_lives_and_takes_it_over_when_it_died(
    db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await asked(db, broker)
    await begin_by_hand(db, run)
    await carry_out(db, only="matching.work_out_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert (run.status, run.tries) == (RunStatus.RUNNING, 1)
    clock.advance(timedelta(minutes=3))
    await tasks_runs.resume_runs()
    await carry_out(db, only="matching.work_out_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert (run.status, run.tries) == (RunStatus.DONE, 2)
    assert await count(db, "proposals") == 4
    # The first worker comes back: the run is no longer its own.
    assert not await RunJob(db).end(run.council_id, run.id, 1, RunStatus.FAILED, "late")
    assert run.status is RunStatus.DONE


async def test_a_run_that_is_cut_off_again_and_again_fails_in_plain_words(db: AsyncSession, clock: FixedClock) -> None:
    broker = await make_broker(db)
    run = await asked(db, broker)
    for _ in range(3):
        await begin_by_hand(db, run)
        clock.advance(timedelta(minutes=3))
    await carry_out(db, only="matching.work_out_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert run.status is RunStatus.FAILED
    assert "cut off three times" in run.failure


async def test_a_run_that_waits_is_stopped_at_once(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await asked(db, broker)
    await RunService(db).cancel(broker.principal, run.id)
    assert run.status is RunStatus.CANCELLED
    await carry_out(db, only="matching.work_out_run")
    assert (await db.get_one(AssignmentRun, run.id)).tries == 0
    with pytest.raises(RunOver):
        await RunService(db).cancel(broker.principal, run.id)


async def test_a_run_that_is_being_worked_out_stops_at_the_next_look(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await asked(db, broker)
    closed: list[bool] = []

    async def slow(inputs: bytes) -> AsyncGenerator[Step, None]:
        try:
            yield Progress("Finding candidates", 100)
            await RunService(db).cancel(broker.principal, run.id)
            await db.commit()
            yield None
            raise AssertionError("it went on")
        finally:
            closed.append(True)

    tasks_runs.use_solver(slow)
    await carry_out(db, only="matching.work_out_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert run.status is RunStatus.CANCELLED
    assert closed == [True]
    assert await count(db, "proposals") == 0


async def test_progress_is_written_while_it_works(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await asked(db, broker)
    seen: list[tuple[str, int]] = []

    async def telling(inputs: bytes) -> AsyncGenerator[Step, None]:
        yield Progress("Solving, round 1", 400)
        row = (await db.execute(select(AssignmentRun.stage, AssignmentRun.progress_done))).one()
        seen.append((row[0], row[1]))
        async for step in solve_here(inputs):
            yield step

    tasks_runs.use_solver(telling)
    await carry_out(db, only="matching.work_out_run")
    assert seen == [("Solving, round 1", 400)]
    assert (await db.get_one(AssignmentRun, run.id)).status is RunStatus.DONE


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RunRefused("The list needs more memory."), "needs more memory"),
        (TookTooLong(), "longer than nine minutes"),
        (SolverBroke("exit -9"), "Something went wrong"),
    ],
)
async def test_what_goes_wrong_is_said_in_plain_words(db: AsyncSession, error: Exception, words: str) -> None:
    broker = await make_broker(db)
    run = await asked(db, broker)

    async def broken(inputs: bytes) -> AsyncGenerator[Step, None]:
        yield None
        raise error

    tasks_runs.use_solver(broken)
    await carry_out(db, only="matching.work_out_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert run.status is RunStatus.FAILED
    assert words in run.failure
    assert await count(db, "proposals") == 0
    # It can be asked for again.
    tasks_runs.use_solver(solve_here)
    assert (await RunService(db).again(broker.principal, run.id)).replaces_run_id == run.id


# Confirming, rejecting


async def test_confirming_makes_offers_with_places_and_stored_rankings(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    found = await lines(db, run)
    decided = await accept_some(broker.principal, run.id, [row.id for row in found.values()])
    await renew(db)
    assert (decided.offered, decided.not_offered) == (4, 0)
    assert await count(db, "offers", "status = 'offered' AND proposal_id IS NOT NULL") == 4
    assert await count(db, "offers", f"decided_by_user_id = '{broker.user.id}'") == 4
    assert await count(db, "shortlists") == 4
    assert await count(db, "capacity_reservations") == 4
    assert await count(db, "referrals", "status = 'offered'") == 4
    for proposal in (await lines(db, run)).values():
        assert proposal.status is ProposalStatus.ACCEPTED
        assert proposal.decided_by_user_id == broker.user.id
        assert proposal.offer_id is not None
    again = await accept_some(broker.principal, run.id, [row.id for row in found.values()])
    assert again.offered == 0
    await scope_to(db, "every")
    assert await count(db, "offers") == 4


async def test_one_that_cannot_be_followed_leaves_the_others(db: AsyncSession) -> None:
    broker = await make_broker(db)
    _workers, _referrals = await make_list(db, broker)
    run = await make_run(db, broker)
    found = await lines(db, run)
    gone = found["Finn"]
    assert gone.worker_id is not None
    worker = await db.get_one(Worker, gone.worker_id)
    worker.languages = []
    referral = await db.get_one(Referral, gone.referral_id)
    referral.essential_language = "Polish"
    await db.flush()
    decided = await accept_some(broker.principal, run.id, [row.id for row in found.values()])
    await renew(db)
    assert (decided.offered, decided.not_offered) == (3, 1)
    gone = (await lines(db, run))["Finn"]
    assert gone.status is ProposalStatus.OUTDATED
    assert "Polish" in gone.why
    assert (await db.get_one(Referral, gone.referral_id)).status.value == "received"


async def test_nobody_confirms_for_another_council_or_without_the_role(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    one = (await lines(db, run))["Dan"]
    with pytest.raises(NotFound):
        await accept_some((await make_broker(db)).principal, run.id, [one.id])
    with pytest.raises(Forbidden):
        await accept_some((await make_member(db, Role.SOCIAL_WORKER, broker.council)).principal, run.id, [one.id])
    await scope_to(db, "every")
    assert await count(db, "offers") == 0


async def test_a_rejected_line_keeps_its_reason_and_the_referral_waits(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    one = (await lines(db, run))["Eve"]
    await ProposalService(db).reject(broker.principal, run.id, one.id, "She knows him")
    assert (one.status, one.why) == (ProposalStatus.REJECTED, "She knows him")
    with pytest.raises(ProposalDecided):
        await ProposalService(db).accept(broker.principal, run.id, one.id)
    assert await count(db, "offers") == 0


async def test_a_referral_offered_to_somebody_else_is_noted_as_changed(db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    found = await lines(db, run)
    from marketplace.people.models import Person

    for name, expected in (("Eve", ProposalStatus.CHANGED), ("Dan", ProposalStatus.ACCEPTED)):
        proposal = found[name]
        referral = await db.get_one(Referral, proposal.referral_id)
        person = await db.get_one(Person, referral.person_id)
        wanted = next(w for w in workers if (w.id == proposal.worker_id) == (name == "Dan"))
        offer = await OfferService(db).make(
            broker.principal, referral.id, await offer_form(db, broker, referral, person, wanted, "A better fit")
        )
        assert (proposal.status, proposal.offer_id) == (expected, offer.id)


# Pins and vetoes


async def test_a_pin_and_a_veto_are_followed_the_next_time(db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    found = await lines(db, run)
    dan, eve = found["Dan"], found["Eve"]
    rules = RunRules(db)
    pin = RuleForm(kind=RuleKind.PIN, worker_id=workers[1].id, why="They know each other")
    await rules.add(broker.principal, run.id, dan.id, pin)
    assert eve.worker_id is not None
    await rules.add(broker.principal, run.id, eve.id, RuleForm(kind=RuleKind.VETO, worker_id=eve.worker_id, why="No"))
    vetoed = eve.worker_id
    newer = await RunService(db).again(broker.principal, run.id)
    assert newer.salt == run.salt
    with pytest.raises(RunUnderWay):
        await RunService(db).ask(broker.principal, EVERYTHING)
    await carry_out(db, only="matching.work_out_run")
    newer = await db.get_one(AssignmentRun, newer.id)
    assert (newer.status, newer.failure, newer.is_optimal) == (RunStatus.DONE, "", True)
    after = await lines(db, newer)
    assert after["Dan"].worker_id == workers[1].id
    assert after["Dan"].detail["is_pinned"]
    assert after["Eve"].worker_id not in (None, vetoed)
    older = await lines(db, run)
    assert {row.status for row in older.values()} == {ProposalStatus.OUTDATED}
    assert await count(db, "assignment_rules", f"run_id = '{newer.id}'") == 2
    with pytest.raises(RunReplaced):
        await rules.add(broker.principal, run.id, dan.id, pin)
    with pytest.raises(RunReplaced):
        await RunService(db).again(broker.principal, run.id)


async def test_a_pin_that_breaks_a_rule_is_refused_with_words(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    far, _ = await make_planner(db, broker.council, name="Far Away", lat=54.5, lon=-2.7, radius_metres=5_000)
    run = await make_run(db, broker)
    one = (await lines(db, run))["Dan"]
    with pytest.raises(BreaksRule, match="miles away"):
        await RunRules(db).add(
            broker.principal, run.id, one.id, RuleForm(kind=RuleKind.PIN, worker_id=far.id, why="Please")
        )
    assert await count(db, "assignment_rules") == 0


async def test_a_referral_has_one_pin_and_rules_can_be_taken_back(db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    one = (await lines(db, run))["Dan"]
    for worker in workers:
        rule = await RunRules(db).add(
            broker.principal, run.id, one.id, RuleForm(kind=RuleKind.PIN, worker_id=worker.id, why="Why not")
        )
    assert await count(db, "assignment_rules") == 1
    with pytest.raises(NotFound):
        await RunRules(db).remove((await make_broker(db)).principal, run.id, rule.id)
    await RunRules(db).remove(broker.principal, run.id, rule.id)
    assert await count(db, "assignment_rules") == 0


async def test_pins_that_cannot_all_be_kept_fail_with_advice(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await set_setting(db, None, broker.council.id, "matching.horizon_weeks", 1, starts_on=date(2027, 1, 1))
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    found = await lines(db, run)
    for name in ("Dan", "Eve"):
        form = RuleForm(kind=RuleKind.PIN, worker_id=workers[0].id, why="Both to her")
        await RunRules(db).add(broker.principal, run.id, found[name].id, form)
    await RunService(db).again(broker.principal, run.id)
    await carry_out(db, only="matching.work_out_run")
    newer = (await RunRepository(db).latest(broker.council.id))[0]
    assert newer.status is RunStatus.FAILED
    assert "cannot all be kept" in newer.failure


# Repeating


async def test_the_stored_inputs_give_the_same_answer_again_and_a_change_shows(db: AsyncSession) -> None:
    broker = await make_broker(db)
    workers, _ = await make_list(db, broker)
    run = await make_run(db, broker)
    stored = await RunRepository(db).file_of(run.council_id, run.id)
    assert stored is not None
    assert stored.certificate
    assert len(unpack(stored.inputs).cases) == 4
    # The world goes on; what was stored does not.
    workers[0].specialisms = []
    await db.flush()
    await RunService(db).ask_repeat(broker.principal, run.id)
    await carry_out(db, only="matching.repeat_run")
    run = await db.get_one(AssignmentRun, run.id)
    assert run.figures["repeat"]["is_same"] is True
    run.result_fingerprint = "another"
    await RunService(db).ask_repeat(broker.principal, run.id)
    await carry_out(db, only="matching.repeat_run")
    assert (await db.get_one(AssignmentRun, run.id)).figures["repeat"]["is_same"] is False


async def test_only_a_finished_run_can_be_repeated(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await asked(db, broker)
    with pytest.raises(RunNotDone):
        await RunService(db).ask_repeat(broker.principal, run.id)


async def test_whoever_asked_is_told_when_it_is_ready(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    await make_run(db, broker)
    await carry_out(db, only="matching.tell_of_run")
    subjects = (await db.scalars(text("SELECT subject FROM messages"))).all()
    assert subjects == ["Proposal M-2027-00001 for the waiting list is ready"]


async def test_proposals_of_referrals_that_wait_no_longer_are_put_aside(db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, referrals = await make_list(db, broker)
    run = await make_run(db, broker)
    await db.execute(text("UPDATE referrals SET status = 'closed' WHERE id = :id"), {"id": referrals[0].id})
    await db.commit()
    await tasks_runs.outdate_proposals()
    await renew(db)
    assert (await lines(db, run))["Cora"].status is ProposalStatus.OUTDATED


async def test_other_councils_rows_are_out_of_reach(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_list(db, broker)
    run = await make_run(db, broker)
    stranger = await make_council(db)
    with pytest.raises(NotFound):
        await RunRepository(db).find(stranger.id, run.id)
