"""Planning against a plain model of days: the same visits, each once, after any changes, pauses and runs."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import CalledOffBy, CallOffReason, ChangeScope, PauseKind, SupportAgreement
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Conflict, InvalidInput, StepRefused
from tests.conftest import NOW
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, make_scene

TODAY = NOW.date()
HORIZON = timedelta(weeks=8)
MONDAY = TODAY - timedelta(days=TODAY.weekday())
BASES = ((0, time(9), 60, 1), (3, time(15), 30, 2))
"""Weekly visits to begin with: weekday, start, minutes, rhythm."""


class Weeks:
    """The plain model: what one weekly visit does in each week, `at[monday]` is (day, start) or None when it is off."""

    def __init__(self, weekday: int, start: time, every: int) -> None:
        self.rule = [(MONDAY, weekday, start, every, MONDAY)]
        """(from this Monday on, weekday, start, rhythm, anchor), the last one wins."""
        self.single: dict[date, tuple[date, time] | None] = {}
        """Weeks in which the visit was moved or cancelled by itself."""
        self.ends_on: date | None = None
        self.starts_on = MONDAY
        """First day of the rule that counts last."""

    def usual(self, monday: date) -> tuple[date, time] | None:
        """What the rule says for a week."""
        rules = [rule for rule in self.rule if rule[0] <= monday]
        if not rules:
            return None
        _, weekday, start, every, anchor = rules[-1]
        if (monday - anchor).days // 7 % every:
            return None
        day = monday + timedelta(days=weekday)
        return None if self.ends_on is not None and day >= self.ends_on else (day, start)

    def of_week(self, monday: date) -> tuple[date, time] | None:
        """What takes place in a week."""
        return self.single[monday] if monday in self.single else self.usual(monday)


_day = st.integers(0, 40)
_change = st.tuples(
    st.just("weekly"), st.integers(0, 1), _day, st.integers(0, 6), st.integers(7, 20), st.sampled_from((0, 1, 2))
)
_one = st.tuples(st.just("one"), st.integers(0, 1), st.integers(1, 6), st.integers(0, 6), st.integers(7, 20))
_cancel = st.tuples(st.just("cancel"), st.integers(0, 1), st.integers(1, 6))
_pause = st.tuples(st.just("pause"), _day, st.none() | st.integers(1, 25))
_resume = st.tuples(st.just("resume"), _day)
_stop = st.tuples(st.just("stop"), st.integers(0, 1), _day)
_end = st.tuples(st.just("end"), _day)
_run = st.tuples(st.just("run"))
OPERATIONS = st.lists(
    st.one_of(_change, _change, _one, _cancel, _pause, _pause, _resume, _resume, _stop, _end, _run), max_size=9
)


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    """Somebody with money enough, and a provider whose terms charge nothing for calling off."""
    return await make_scene(db, balance_pence=5_000_000)


@settings(max_examples=45, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(OPERATIONS)
async def test_visits_are_those_of_a_plain_model_of_days(
    db: AsyncSession, scene: Scene, clock: FixedClock, operations: list[tuple[object, ...]]
) -> None:
    outer = await db.begin_nested()
    try:
        await _play(db, scene, operations)
    finally:
        await outer.rollback()
        db.expunge_all()


async def _play(db: AsyncSession, scene: Scene, operations: list[tuple[object, ...]]) -> None:
    patterns = [
        {"weekday": weekday, "starts_local": start, "minutes": minutes, "every_weeks": every}
        for weekday, start, minutes, every in BASES
    ]
    made = await make_agreement(
        db, scene, patterns=patterns, terms={"free_cancel_hours": 0, "retainer_days": 0, "retainer_percent": 0}
    )
    agreement_id = made.agreement.id
    models = [Weeks(weekday, start, every) for weekday, start, _, every in BASES]
    pauses: list[list[date | None]] = []
    ended: date | None = None
    chains: list[list[UUID]] = [[pattern.id] for pattern in made.patterns]
    planner, person = Planner(db), scene.member.principal
    await planner.plan(scene.council.id, [scene.person.id])

    def is_off(day: date) -> bool:
        return any(start <= day and (end is None or day < end) for start, end in pauses if start is not None)

    def expected() -> list[tuple[date, time]]:
        found = []
        for model in models:
            for week in range(9):
                monday = MONDAY + timedelta(weeks=week)
                at = model.of_week(monday)
                if at is None:
                    continue
                if is_off(at[0]) or datetime.combine(*at) <= datetime.combine(TODAY, time(10)):
                    continue
                if at[0] >= TODAY + HORIZON or (ended is not None and at[0] >= ended):
                    continue
                found.append(at)
        return sorted(found)

    for operation in operations:
        kind, *numbers = operation
        try:
            async with db.begin_nested():
                if kind == "run":
                    await planner.plan(scene.council.id, [scene.person.id])
                elif kind == "weekly":
                    await _change_weekly(db, person, models, chains, ended, *numbers)
                elif kind in ("one", "cancel"):
                    await _change_single(db, person, models, chains, *numbers)
                elif kind == "pause":
                    start = TODAY + timedelta(days=numbers[0])  # type: ignore[arg-type]
                    end = None if numbers[1] is None else start + timedelta(days=numbers[1])  # type: ignore[arg-type]
                    await Pauses(db).pause(person, agreement_id, PauseKind.HOLIDAY, start, end)
                    pauses.append([start, end])
                    for model in models:
                        # A visit that was moved into the pause is gone for good, unless its usual day is inside, too.
                        for monday, at in list(model.single.items()):
                            if at is not None and start <= at[0] and (end is None or at[0] < end):
                                usual = model.usual(monday)
                                inside = usual is not None and start <= usual[0] and (end is None or usual[0] < end)
                                if inside:
                                    del model.single[monday]
                                else:
                                    model.single[monday] = None
                elif kind == "resume" and pauses:
                    on = TODAY + timedelta(days=numbers[0])  # type: ignore[arg-type]
                    row = (
                        await db.execute(
                            text(
                                "SELECT id, starts_on, ends_on FROM agreement_pauses WHERE agreement_id = :id "
                                "ORDER BY starts_on LIMIT 1"
                            ),
                            {"id": agreement_id},
                        )
                    ).one()
                    await Pauses(db).resume(person, agreement_id, row.id, on)
                    pauses.remove([row.starts_on, row.ends_on])
                    if on > row.starts_on:
                        pauses.append([row.starts_on, on])
                elif kind == "stop":
                    which, step = int(numbers[0]), int(numbers[1])  # type: ignore[call-overload]
                    on = TODAY + timedelta(days=step)
                    await Pauses(db).stop_weekly(person, chains[which][-1], on)
                    _stop_model(models[which], on)
                elif kind == "end" and ended is None:
                    on = TODAY + timedelta(days=numbers[0])  # type: ignore[arg-type]
                    await db.execute(
                        text("UPDATE support_agreements SET ends_on = :on WHERE id = :id"),
                        {"on": on, "id": agreement_id},
                    )
                    agreement = await db.get_one(SupportAgreement, agreement_id, populate_existing=True)
                    await Pauses(db).stop_all(
                        agreement, on, by=CalledOffBy.PERSON, reason=CallOffReason.AGREEMENT_ENDED, words=""
                    )
                    ended = on
        except StepRefused:
            raise  # Every step of a visit is one that its life cycle has.
        except (Conflict, InvalidInput):
            pass
    await db.flush()
    if ended is None or ended > TODAY:
        await planner.plan(scene.council.id, [scene.person.id])
        again = await planner.plan(scene.council.id, [scene.person.id])
        assert again.written == 0
    rows = await db.execute(
        text(
            "SELECT visit_on, starts_local FROM bookings WHERE agreement_id = :id AND status = 'planned' "
            "AND called_off_at IS NULL AND visit_on < :until ORDER BY 1, 2"
        ),
        {"id": agreement_id, "until": TODAY + HORIZON},
    )
    assert [(row[0], row[1]) for row in rows] == expected()


async def _change_weekly(
    db: AsyncSession,
    person: Any,
    models: list[Weeks],
    chains: list[list[UUID]],
    ended: date | None,
    which: int,
    step: int,
    weekday: int,
    hour: int,
    rhythm: int,
) -> None:
    model, (_, _, minutes, _) = models[which], BASES[which]
    _, _, _, every, anchor = model.rule[-1]
    wanted = Wanted(weekday=weekday, starts_local=time(hour), minutes=minutes, every_weeks=rhythm or every)
    scope = ChangeScope.FOLLOWING if step else ChangeScope.ALL
    first = TODAY + timedelta(days=step)
    await VisitChanges(db).change_weekly(person, chains[which][-1], scope, wanted, from_on=first)
    monday = max(first - timedelta(days=first.weekday()), model.starts_on)
    while datetime.combine(monday + timedelta(days=weekday), time(hour)) < datetime.combine(TODAY, time(12)):
        monday += timedelta(weeks=1)
    same = wanted.every_weeks == every
    model.rule.append((monday, weekday, time(hour), wanted.every_weeks, anchor if same else monday))
    model.starts_on = monday
    for week in [one for one in model.single if one >= monday]:
        usual = model.usual(week)
        if usual is None or (ended is not None and usual[0] >= ended):
            del model.single[week]
    _tidy(model)
    new = await db.execute(
        text("SELECT id FROM visit_patterns WHERE replaces_id = :id ORDER BY created_at DESC"),
        {"id": chains[which][-1]},
    )
    chains[which].append(new.scalar_one())


async def _change_single(
    db: AsyncSession, person: Any, models: list[Weeks], chains: list[list[UUID]], which: int, week: int, *to: int
) -> None:
    monday = MONDAY + timedelta(weeks=week)
    found = await db.execute(
        text(
            "SELECT id FROM bookings WHERE pattern_id = ANY(:chain) AND pattern_on >= :monday "
            "AND pattern_on < :monday + 7 AND status = 'planned' AND called_off_at IS NULL"
        ),
        {"chain": chains[which], "monday": monday},
    )
    visit_id = found.scalar_one_or_none()
    if visit_id is None:
        return
    if not to:
        await db.execute(text("UPDATE bookings SET status = 'cancelled' WHERE id = :id"), {"id": visit_id})
        models[which].single[monday] = None
        return
    day, start = monday + timedelta(days=to[0]), time(to[1])
    wanted = Wanted(visit_on=day, starts_local=start, minutes=BASES[which][2])
    await VisitChanges(db).change_one(person, visit_id, wanted)
    models[which].single[monday] = (day, start)
    _tidy(models[which])


def _tidy(model: Weeks) -> None:
    """A visit that was moved to where the rule has it is a usual one again."""
    for monday, at in list(model.single.items()):
        if at is not None and at == model.usual(monday):
            del model.single[monday]


def _stop_model(model: Weeks, on: date) -> None:
    keys = {monday: model.usual(monday) for monday in model.single}
    for monday, usual in keys.items():
        if usual is not None and usual[0] >= max(on, model.starts_on):
            del model.single[monday]
    model.ends_on = max(on, model.starts_on)
