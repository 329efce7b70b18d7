"""A waiting list and its planners for tests of runs and of late news."""

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.matching.forms_runs import RunForm
from marketplace.matching.models import AssignmentRun, Referral, Urgency
from marketplace.matching.run_engine import Progress, work_out
from marketplace.matching.service.runs import RunService
from marketplace.matching.solver_process import Step
from marketplace.providers.models import ServiceLine, Worker
from tests.factories import Member, make_accreditation, make_organisation
from tests.factories_brokerage import make_case, make_planner

EVERYTHING = RunForm(districts=[], urgencies=[], weeks=None, share_cap_percent=None, fairness="none")


async def solve_here(inputs: bytes) -> AsyncGenerator[Step, None]:
    """Take the place of the solver's process: the same work, in this one."""
    told: list[Progress] = []
    answer = work_out(inputs, told.append)
    yield told[-1]
    yield answer


async def carry_out(db: AsyncSession, *, only: str = "") -> list[str]:
    """Hand what stands in the outbox to its tasks, as a worker would; returns the tasks' names."""
    await db.commit()
    await scope_to(db, "every")
    deliveries = await outbox.relay(db)
    await db.commit()
    done = []
    for delivery in deliveries:
        if only and not delivery.task.startswith(only):
            continue
        await deliver(delivery)
        done.append(delivery.task)
    await renew(db)
    return done


async def renew(db: AsyncSession) -> None:
    """Reach every council again after a commit, and read afresh what the session holds."""
    await scope_to(db, "every")
    for row in list(db.identity_map.values()):
        await db.refresh(row)


async def make_list(db: AsyncSession, broker: Member) -> tuple[list[Worker], list[Referral]]:
    """Two organisations with a planner each, one plan a week each, and four people.

    Amira knows dementia and speaks Urdu; Ben is nearby. In one week each has one place.
    """
    workers = []
    for name, given in (
        ("Amira Planner", {"specialisms": ["dementia"], "languages": ["English", "Urdu"], "fte_percent": 20}),
        ("Ben Planner", {"specialisms": ["older"], "fte_percent": 20}),
    ):
        organisation = await make_organisation(db, name=f"{name.split()[0]} House")
        await make_accreditation(db, organisation, broker.council, ServiceLine.SUPPORT_PLANNING)
        worker, _ = await make_planner(db, broker.council, organisation, name=name, **given)
        workers.append(worker)
    referrals = []
    for name, given in (
        ("Cora", {"urgency": Urgency.CRISIS, "needs": ["older"]}),
        ("Dan", {"urgency": Urgency.URGENT, "needs": ["dementia"]}),
        ("Eve", {"needs": ["dementia", "older"]}),
        ("Finn", {"needs": ["older"]}),
    ):
        values: dict[str, Any] = {"person": {"given_name": name, "family_name": "Waiter"}, **given}
        referral, _ = await make_case(db, broker, **values)
        referrals.append(referral)
    return workers, referrals


async def make_run(db: AsyncSession, broker: Member, form: RunForm = EVERYTHING) -> AssignmentRun:
    """A run that was asked for and worked out; the caller has set the solver."""
    run = await RunService(db).ask(broker.principal, form)
    await carry_out(db, only="matching.work_out_run")
    await db.refresh(run)
    return run
