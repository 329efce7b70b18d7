"""The condition that says who may do what for whom on a day, against the same rule told in plain Python."""

from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import instant
from marketplace.providers.models import (
    Accreditation,
    AccreditationHold,
    AccreditationStatus,
    Countersignature,
    Evidence,
    EvidenceKind,
    HoldCause,
    Joining,
    ServiceLine,
)
from marketplace.providers.repository.accreditations import is_accredited, live_on
from marketplace.providers.repository.standing_facts import Facts, Held, facts_of
from marketplace.providers.service.standing.explain import next_change, usable_days, why_not
from tests.factories import make_council, make_organisation

MONDAY = date(2027, 3, 1)
DAYS = 12
KINDS = [EvidenceKind.LIABILITY_INSURANCE, EvidenceKind.DBS, EvidenceKind.SAFEGUARDING_POLICY]

days = st.integers(-1, DAYS).map(lambda number: MONDAY + timedelta(days=number))
moments = st.builds(
    lambda day, hour, minute: instant(day, time(hour, minute)),
    days,
    st.sampled_from([0, 9, 23]),
    st.sampled_from([0, 30]),
)
maybe_day, maybe_moment = st.none() | days, st.none() | moments
lengths = st.integers(1, DAYS).map(lambda number: timedelta(days=number))
holds = st.fixed_dictionaries(
    {
        "cause": st.just(HoldCause.SUSPENSION),
        "starts_on": days,
        "length": st.none() | st.integers(0, 5).map(lambda number: timedelta(days=number)),
        "made_at": moments,
        "ended_at": maybe_moment,
    }
)
signatures = st.fixed_dictionaries({"council": st.integers(0, 1), "signed_at": moments, "withdrawn_at": maybe_moment})
pieces = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "issued_on": days,
        "length": st.none() | lengths,
        "seen_at": maybe_moment,
        "refused_because": st.sampled_from(["", "", "Out of date"]),
        "refused_at": maybe_moment,
        "signed": st.lists(signatures, max_size=2, unique_by=lambda one: one["council"]),
    }
)
worlds = st.fixed_dictionaries(
    {
        "live_from": days,
        "length": lengths,
        "removed_on": maybe_day,
        "removed_at": maybe_moment,
        "evidence": st.lists(st.sampled_from(KINDS), max_size=3, unique=True),
        "trusts_other_councils": st.booleans(),
        "registered_itself": st.booleans(),
        "holds": st.lists(holds, max_size=2),
        "pieces": st.lists(pieces, max_size=4),
    }
)
questions = st.lists(st.tuples(days, maybe_day, maybe_moment), min_size=4, max_size=8)


async def build(db: AsyncSession, councils: list[Any], world: dict[str, Any]) -> Accreditation:
    """Write a world down."""
    organisation = await make_organisation(db)
    now = instant(MONDAY, time(8))
    row = Accreditation(
        council_id=councils[0].id,
        organisation_id=organisation.id,
        service_line=ServiceLine.HOME_CARE,
        status=AccreditationStatus.LIVE,
        live_from=world["live_from"],
        live_until=world["live_from"] + world["length"],
        removed_on=world["removed_on"],
        removed_at=world["removed_at"],
        evidence=[kind.value for kind in world["evidence"]],
        trusts_other_councils=world["trusts_other_councils"],
        decided_at=now,
    )
    db.add(row)
    await db.flush()
    is_open = False
    for hold in world["holds"]:
        if hold["length"] is None and is_open:
            continue  # One hold of a cause is open at a time.
        is_open = is_open or hold["length"] is None
        db.add(
            AccreditationHold(
                council_id=councils[0].id,
                accreditation_id=row.id,
                cause=hold["cause"],
                starts_on=hold["starts_on"],
                ends_on=None if hold["length"] is None else hold["starts_on"] + hold["length"],
                made_at=hold["made_at"],
                ended_at=None if hold["length"] is None else hold["ended_at"],
            )
        )
    for piece in world["pieces"]:
        paper = Evidence(
            organisation_id=organisation.id,
            kind=piece["kind"],
            issued_on=piece["issued_on"],
            expires_on=None if piece["length"] is None else piece["issued_on"] + piece["length"],
            given_at=now,
            seen_at=piece["seen_at"],
            refused_because=piece["refused_because"],
            refused_at=piece["refused_at"] if piece["refused_because"] else None,
        )
        db.add(paper)
        await db.flush()
        for one in piece["signed"]:
            db.add(
                Countersignature(
                    council_id=councils[one["council"]].id,
                    evidence_id=paper.id,
                    signed_at=one["signed_at"],
                    withdrawn_at=one["withdrawn_at"],
                )
            )
    if world["registered_itself"]:
        db.add(Joining(organisation_id=organisation.id, created_at=now, updated_at=now))
    await db.flush()
    return row


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(found=st.lists(worlds, min_size=1, max_size=4), asked=questions)
async def test_the_database_and_the_plain_rule_agree(
    db: AsyncSession, found: list[dict[str, Any]], asked: list[tuple[date, date | None, datetime | None]]
) -> None:
    councils = [await make_council(db), await make_council(db)]
    rows = [await build(db, councils, world) for world in found]
    facts = await facts_of(db, rows)
    columns = [live_on(day, on, before) for day, on, before in asked]
    answers = {
        answer[0]: answer[1:]
        for answer in await db.execute(
            select(Accreditation.id, *columns).where(Accreditation.id.in_([row.id for row in rows]))
        )
    }
    for row in rows:
        for answer, (day, on, before) in zip(answers[row.id], asked, strict=True):
            reasons = why_not(facts[row.id], day, on, before)
            assert answer is (not reasons), (day, on, before, reasons)
            service = is_accredited(row.organisation_id, row.council_id, row.service_line, day, on, before)
            assert await db.scalar(select(service)) is answer


def facts_without_evidence(world: dict[str, Any]) -> Facts:
    """The facts of a world, as read from nowhere."""
    return Facts(
        council_id="here",
        live_from=world["live_from"],
        live_until=world["live_from"] + world["length"],
        removed_on=world["removed_on"],
        holds=tuple(
            Held(
                cause=hold["cause"],
                starts_on=hold["starts_on"],
                ends_on=None if hold["length"] is None else hold["starts_on"] + hold["length"],
                made_at=instant(MONDAY - timedelta(days=30), time(9)),
            )
            for hold in world["holds"]
        ),
    )


@given(world=worlds, start=days)
def test_the_next_change_is_the_first_day_on_which_it_does_not_count(world: dict[str, Any], start: date) -> None:
    facts = facts_without_evidence(world)
    if why_not(facts, start):
        return
    change = next_change(facts, start)
    assert change is not None
    day, reasons = change
    assert reasons == why_not(facts, day)
    assert all(not why_not(facts, start + timedelta(days=step)) for step in range((day - start).days))


@given(world=worlds, on=days)
def test_the_days_given_to_matching_are_those_on_which_it_counts(world: dict[str, Any], on: date) -> None:
    facts = facts_without_evidence(world)
    if any(reason.code != "period" for reason in why_not(facts, on)):
        return
    periods = usable_days(facts, facts.holds, on)
    for step in range(-2, 3 * DAYS):
        day = MONDAY + timedelta(days=step)
        if day >= on:
            is_in = any(start <= day < until for start, until in periods)
            assert is_in is (not why_not(facts, day, on)), day
