"""Gathers what a run over the waiting list needs to know: everybody who waits, and every planner with their places."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, settings_of
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.matching.forms_runs import FAIRNESS
from marketplace.matching.models import AssignmentRule, AssignmentRun, RuleKind, Urgency, WeightPurpose
from marketplace.matching.repository.runs import RuleRepository, RunRepository
from marketplace.matching.run_engine import Fixed, RunOptions, pack
from marketplace.matching.service.inputs import InputService, case_of, earliest_start
from marketplace.matching.service.weights import WeightService


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of a run, and what stays out of it."""

    inputs: bytes
    cases: int
    without_place: tuple[UUID, ...]
    """Referrals of people whose postcode is not in the directory."""
    weight_set_id: UUID | None
    weights_version: str


async def gather(db: AsyncSession, run: AssignmentRun) -> Gathered:
    """Read everything that a run depends on, as it stands now."""
    council_id, on = run.council_id, today(clock_of(db))
    council = await AccountRepository(db).council(council_id)
    if council is None:
        raise NotFound
    settings = await settings_of(db, council_id, on)
    rows = await RunRepository(db).waiting(
        council_id, districts=run.scope.get("districts") or (), urgencies=run.scope.get("urgencies") or ()
    )
    placed = [(referral, person) for referral, person in rows if person.lat is not None and person.lon is not None]
    start = earliest_start(Urgency.STANDARD, on)
    if any(referral.urgency is Urgency.CRISIS for referral, _ in placed):
        start = earliest_start(Urgency.CRISIS, on)
    horizon = int(settings["matching.horizon_weeks"])
    until = week_start(earliest_start(Urgency.STANDARD, on)) + timedelta(weeks=horizon)
    weeks = (until - week_start(start)).days // 7
    sources = InputService(db)
    pool = await sources.candidates_of(council_id, start, weeks, settings=settings)
    facts = await sources.facts_of(council_id, [referral for referral, _ in placed])
    weights, weight_set = await WeightService(db).in_force(council_id, WeightPurpose.PLANNING, on)
    cases = [
        case_of(referral, person, facts[referral.id], settings, council.name, earliest_start(referral.urgency, on))
        for referral, person in placed
    ]
    known = {case.id for case in cases}
    rules = [rule for rule in await RuleRepository(db).of_run(council_id, run.id) if str(rule.referral_id) in known]
    return Gathered(
        inputs=pack(
            cases,
            pool.candidates,
            weights,
            salt=run.salt,
            options=options_of(run.scope, settings, days_before=(earliest_start(Urgency.STANDARD, on) - start).days),
            pins=[_fixed(rule) for rule in rules if rule.kind is RuleKind.PIN],
            vetoes=[_fixed(rule) for rule in rules if rule.kind is RuleKind.VETO],
        ),
        cases=len(rows),
        without_place=tuple(referral.id for referral, person in rows if person.lat is None or person.lon is None),
        weight_set_id=weight_set.id if weight_set is not None else None,
        weights_version=weights.version,
    )


def options_of(scope: dict[str, Any], settings: dict[str, Any], *, days_before: int) -> RunOptions:
    """Return the options of a run: what the broker chose, else what the council has settled.

    Args:
        scope: What the broker chose.
        settings: The council's.
        days_before: How long before next Monday the first start of the list is: people in crisis start in the present
            week, which comes on top of the weeks that were asked for.
    """
    weeks = scope.get("weeks")
    cap = scope.get("share_cap_percent") or settings["matching.share_cap_percent"]
    return RunOptions(
        weeks=int(weeks) + (days_before > 0) if weeks else None,
        share_cap_percent=int(cap) if cap else None,
        fairness_points=FAIRNESS[scope.get("fairness") or "none"][1],
        reserve_percent=int(settings["matching.crisis_reserve_percent"]),
    )


def _fixed(rule: AssignmentRule) -> Fixed:
    return Fixed(str(rule.referral_id), str(rule.worker_id))
