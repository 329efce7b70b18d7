"""Changing visits: one of them, those from a week on, or all that have not begun.

A change by the person counts at once, and who was to come stays when they are free then; otherwise the visit stays
planned and the provider says who comes. A provider never moves a visit: it asks, and the person says yes or no
(`proposals`). A visit that was moved by itself keeps its own time when the weekly visit changes, and one that was
cancelled by itself stays cancelled: both keep their week.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts import Principal, audit
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import PatternChanged, VisitMoved
from marketplace.bookings.models import (
    Booking,
    CalledOffBy,
    CallOffReason,
    ChangeScope,
    Side,
    SupportAgreement,
    VisitPattern,
)
from marketplace.bookings.policies import FURTHEST_AHEAD, LEAST_NOTICE
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.agreements.prices import terms_on, visit_price
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.calling_off import call_off
from marketplace.bookings.service.planning.moving import Move, Moved, Mover
from marketplace.bookings.service.planning.patterns import (
    WEEK,
    day_in_week,
    holds,
    is_in_any,
    next_day,
    span_of,
)
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import TO_COME
from marketplace.core import outbox
from marketplace.core.clock import today, week_start
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import uk_datetime
from marketplace.core.holidays import bank_holidays

CHANGED = "The weekly visit was changed."


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Another time: of one visit on a day, or of a weekly visit on a weekday."""

    starts_local: time
    minutes: int
    visit_on: date | None = None
    weekday: int | None = None
    every_weeks: int = 1


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would come to, before it is made."""

    first_on: date
    """The first day that is different."""
    visits: int
    """How many written visits move."""
    before_pence: int
    after_pence: int
    """Cost of the visit, or of one usual visit of a weekly one."""
    all_before_pence: int
    all_after_pence: int
    """Cost of all written visits that move."""


class _Change(msgspec.Struct):
    """A weekly visit that changes: the new row, and what happens to each written visit."""

    monday: date
    new: VisitPattern
    kept: list[tuple[Booking, date]]
    """Visits that only change their place in the pattern: moved or called off by themselves."""
    moves: list[tuple[Move, date]]
    dropped: list[Booking]
    paused: list[tuple[Booking, date]]


class VisitChanges(AgreementAccess):
    """The verbs that move visits."""

    async def shown(
        self,
        agreement: SupportAgreement,
        side: Side,
        scope: ChangeScope,
        wanted: Wanted,
        *,
        visit: Booking | None = None,
        pattern: VisitPattern | None = None,
        from_on: date | None = None,
    ) -> Shown:
        """Say what a change would cost; nothing is written.

        Raises:
            As the change itself.
        """
        self.need_running(agreement)
        views = await self.views(agreement)
        mover = Mover(self.db, agreement, views)
        if scope is ChangeScope.ONE:
            if visit is None:
                raise NotFound
            move = await self._one(agreement, side, mover, visit, wanted)
            await mover.check([move])
            return Shown(
                first_on=min(visit.visit_on, move.day),
                visits=1,
                before_pence=visit.cost_pence,
                after_pence=move.cost_pence,
                all_before_pence=visit.cost_pence,
                all_after_pence=move.cost_pence,
            )
        if pattern is None:
            raise NotFound
        change = await self._weekly(agreement, side, mover, pattern, wanted, self._from(scope, from_on))
        moves = [move for move, _ in change.moves]
        await mover.check(moves)
        day = usual_day(change.new, change.monday)
        view = terms_on(views, day)
        before, after = (
            visit_price(view, day, minutes, pattern.workers_needed, pattern.is_sleep_in) if view else 0
            for minutes in (pattern.minutes, wanted.minutes)
        )
        return Shown(
            first_on=next_day(change.new, change.monday) or change.monday,
            visits=len(moves),
            before_pence=before,
            after_pence=after,
            all_before_pence=sum(move.visit.cost_pence for move in moves),
            all_after_pence=sum(move.cost_pence for move in moves),
        )

    async def change_one(self, principal: Principal, visit_id: UUID, wanted: Wanted, *, version: int = 0) -> Moved:
        """Move one visit, for the person.

        Raises:
            NotFound: It is not theirs, or belongs to no agreement.
            NotYet: It is too near, has begun or was called off.
            InvalidInput: The new time is not possible, or the money does not reach (`NotEnoughLeft`).
            Conflict: It changed since the form was drawn.
        """
        visit = await VisitReader(self.db).find(principal.council_id, visit_id)
        if visit.agreement_id is None or visit.person_id != principal.need_person():
            raise NotFound
        agreement = await self.of_person(principal, visit.agreement_id, to_change=True)
        return await self.apply_one(principal, agreement, visit_id, wanted, by=Side.PERSON, version=version)

    async def apply_one(
        self,
        principal: Principal,
        agreement: SupportAgreement,
        visit_id: UUID,
        wanted: Wanted,
        *,
        by: Side,
        version: int = 0,
    ) -> Moved:
        """Move one visit of a locked agreement; `by` is the side whose wish it is. Raises as `change_one`."""
        self.need_running(agreement)
        visit = await VisitReader(self.db).find(agreement.council_id, visit_id, locked=True)
        _unchanged(visit.version, version)
        mover = Mover(self.db, agreement, await self.views(agreement))
        move = await self._one(agreement, by, mover, visit, wanted)
        await mover.hold([move])
        await mover.check([move])
        before = visit.starts_at
        moved = await mover.move([move], user_id=principal.user_id)
        audit.record(
            self.db,
            principal,
            "bookings.move_visit",
            council_id=visit.council_id,
            subject_kind="booking",
            subject_id=visit.id,
            before={"starts_at": before, "cost_pence": moved.before_pence},
            after={"starts_at": visit.starts_at, "cost_pence": moved.after_pence, "asked_by": by},
        )
        outbox.publish(
            self.db,
            VisitMoved(
                council_id=visit.council_id,
                booking_id=visit.id,
                person_id=visit.person_id,
                organisation_id=visit.organisation_id,
                worker_id=visit.worker_id,
                by_side=by.value,
                from_at=before,
            ),
        )
        return moved

    async def change_weekly(
        self,
        principal: Principal,
        pattern_id: UUID,
        scope: ChangeScope,
        wanted: Wanted,
        *,
        from_on: date | None = None,
        version: int = 0,
    ) -> Moved:
        """Change a weekly visit for the person, from the week of a day on or from the next visit on.

        Raises:
            NotFound: It is not theirs.
            As `change_one`.
        """
        found = await self.rows.pattern(principal.council_id, pattern_id)
        if found is None:
            raise NotFound
        agreement = await self.of_person(principal, found.agreement_id, to_change=True)
        return await self.apply_weekly(
            principal, agreement, pattern_id, scope, wanted, by=Side.PERSON, from_on=from_on, version=version
        )

    async def apply_weekly(
        self,
        principal: Principal,
        agreement: SupportAgreement,
        pattern_id: UUID,
        scope: ChangeScope,
        wanted: Wanted,
        *,
        by: Side,
        from_on: date | None = None,
        version: int = 0,
    ) -> Moved:
        """Change a weekly visit of a locked agreement. The old row ends, a new one begins; visits move along."""
        self.need_running(agreement)
        pattern = await self.rows.pattern(agreement.council_id, pattern_id, locked=True)
        if pattern is None or pattern.agreement_id != agreement.id:
            raise NotFound
        _unchanged(pattern.version, version)
        mover = Mover(self.db, agreement, await self.views(agreement))
        change = await self._weekly(agreement, by, mover, pattern, wanted, self._from(scope, from_on))
        # Planning follows, and it holds who usually comes.
        await mover.hold([move for move, _ in change.moves], (pattern.worker_id, pattern.second_worker_id))
        await mover.check([move for move, _ in change.moves])
        self.db.add(change.new)
        pattern.ends_on = change.new.starts_on
        await self.db.flush()
        for visit, day in change.kept:
            visit.pattern_id, visit.pattern_on = change.new.id, day
        for move, day in change.moves:
            move.visit.pattern_id, move.visit.pattern_on = change.new.id, day
        await self.db.flush()
        drop = [(visit, 0) for visit in (*change.dropped, *(visit for visit, _ in change.paused))]
        call_off(
            self.db,
            drop,
            by=CalledOffBy.PERSON if by is Side.PERSON else CalledOffBy.PROVIDER,
            user_id=principal.user_id,
            reason=CallOffReason.CHANGED,
            words=CHANGED,
        )
        await self.db.flush()
        moved = await mover.move([move for move, _ in change.moves], user_id=principal.user_id)
        await Planner(self.db).plan(agreement.council_id, [agreement.person_id], only=agreement.id)
        self._note(principal, agreement, pattern, change.new, by)
        return moved

    async def add_weekly(self, principal: Principal, agreement_id: UUID, pattern: VisitPattern) -> VisitPattern:
        """Add a weekly visit to a running agreement, for the person; the provider is told and says who comes.

        Raises:
            InvalidInput: It begins in the past, or outside the agreement.
        """
        agreement = await self.of_person(principal, agreement_id, to_change=True)
        self.need_running(agreement)
        first = today(self.clock)
        if pattern.starts_on < first:
            raise InvalidInput({"starts_on": "The first day must be today or later"})
        if pattern.starts_on < agreement.starts_on or (
            agreement.ends_on is not None and pattern.starts_on >= agreement.ends_on
        ):
            raise InvalidInput({"starts_on": "The first day must be within the agreement"})
        if agreement.worker_id is not None and pattern.workers_needed > 1:
            raise InvalidInput({"workers_needed": "This agreement is with one person alone. Choose one"})
        pattern.council_id, pattern.agreement_id = agreement.council_id, agreement.id
        pattern.anchor_on = week_start(next_weekday(pattern.starts_on, pattern.weekday))
        pattern.created_at = self.clock.now()
        pattern.worker_id = agreement.worker_id
        self.db.add(pattern)
        await self.db.flush()
        await Planner(self.db).plan(agreement.council_id, [agreement.person_id], only=agreement.id)
        self._note(principal, agreement, None, pattern, Side.PERSON)
        return pattern

    def _from(self, scope: ChangeScope, from_on: date | None) -> date:
        first = today(self.clock)
        return max(first, from_on) if scope is ChangeScope.FOLLOWING and from_on else first

    async def _one(self, agreement: SupportAgreement, side: Side, mover: Mover, visit: Booking, wanted: Wanted) -> Move:
        now = self.clock.now()
        if visit.agreement_id != agreement.id or wanted.visit_on is None:
            raise NotFound
        if visit.status not in TO_COME or visit.called_off_at is not None or visit.starts_at <= now:
            raise NotYet("This visit can no longer be changed: it has begun or was called off.")
        self._need_notice(mover, side, visit)
        move = Move(visit, wanted.visit_on, wanted.starts_local, wanted.minutes)
        if move.span.starts_at < now + LEAST_NOTICE:
            raise InvalidInput({"visit_on": "The new time must be at least 2 hours from now"})
        if move.span.starts_at > now + FURTHEST_AHEAD:
            raise InvalidInput({"visit_on": "The new day must be within the next 26 weeks"})
        pauses = (await self.rows.pauses([agreement.id])).get(agreement.id, [])
        if is_in_any(pauses, move.day):
            raise InvalidInput({"visit_on": "Visits pause on that day. Choose another day, or end the pause first"})
        return mover.priced([move])[0]

    def _need_notice(self, mover: Mover, side: Side, visit: Booking) -> None:
        until = _free_until(mover, visit)
        if side is Side.PERSON and self.clock.now() > until:
            raise NotYet(
                f"You could change this visit yourself until {uk_datetime(until)}. Ask the provider for another time, "
                "or call the visit off."
            )

    async def _weekly(
        self,
        agreement: SupportAgreement,
        side: Side,
        mover: Mover,
        pattern: VisitPattern,
        wanted: Wanted,
        first: date,
    ) -> _Change:
        """Work out a change of a weekly visit: in which week it begins and where each visit goes."""
        now = self.clock.now()
        weekday = pattern.weekday if wanted.weekday is None else wanted.weekday
        monday = max(week_start(first), week_start(pattern.starts_on))
        visits = await VisitReader(self.db).of_pattern(pattern.id, monday)
        by_week = {week_start(row.pattern_on): row for row in visits if row.pattern_on}
        is_same_rhythm = wanted.every_weeks == pattern.every_weeks
        for _ in range(60):
            day = monday + timedelta(days=weekday)
            span = span_of(day, wanted.starts_local, wanted.minutes)
            visit = by_week.get(monday)
            is_late = visit is not None and (
                visit.starts_at <= now
                or (side is Side.PERSON and _is_waiting(visit, now) and now > _free_until(mover, visit))
            )
            starts = max(pattern.starts_on, agreement.starts_on)
            if not is_late and day >= starts and span.starts_at >= now + LEAST_NOTICE:
                break
            monday += WEEK
        else:
            raise NotYet("This weekly visit cannot be changed any more.")
        new = VisitPattern(
            council_id=pattern.council_id,
            agreement_id=pattern.agreement_id,
            weekday=weekday,
            starts_local=wanted.starts_local,
            minutes=wanted.minutes,
            every_weeks=wanted.every_weeks,
            anchor_on=pattern.anchor_on if is_same_rhythm else monday,
            starts_on=max(monday, pattern.starts_on),
            ends_on=pattern.ends_on,
            workers_needed=pattern.workers_needed,
            worker_id=pattern.worker_id,
            second_worker_id=pattern.second_worker_id,
            is_sleep_in=pattern.is_sleep_in,
            note=pattern.note,
            concession=pattern.concession,
            replaces_id=pattern.id,
            created_at=now,
        )
        if new.ends_on is not None and new.ends_on <= new.starts_on:
            raise NotYet("This weekly visit has ended or was changed already.")
        pauses = (await self.rows.pauses([agreement.id])).get(agreement.id, [])
        change = _Change(monday=monday, new=new, kept=[], moves=[], dropped=[], paused=[])
        for visit in visits:
            if visit.pattern_on is None or visit.pattern_on < monday:
                continue
            target = day_in_week(new, week_start(visit.pattern_on))
            is_covered = target is not None and holds(new, target) and holds(agreement, target)
            waits = _is_waiting(visit, now)
            if target is None or not is_covered:
                change.dropped += [visit] if waits else []
            elif not waits or not _is_as_planned(visit, pattern):
                change.kept.append((visit, target))
            elif is_in_any(pauses, target):
                change.paused.append((visit, target))
            else:
                change.moves.append((Move(visit, target, wanted.starts_local, wanted.minutes), target))
        mover.priced([move for move, _ in change.moves])
        return change

    def _note(
        self,
        principal: Principal,
        agreement: SupportAgreement,
        before: VisitPattern | None,
        after: VisitPattern,
        by: Side,
    ) -> None:
        audit.record(
            self.db,
            principal,
            "bookings.change_pattern",
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            before=None if before is None else _told(before),
            after={**_told(after), "from_on": after.starts_on, "asked_by": by},
        )
        outbox.publish(
            self.db,
            PatternChanged(
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                person_id=agreement.person_id,
                organisation_id=agreement.organisation_id,
                from_on=after.starts_on,
                by_side=by.value,
            ),
        )


def next_weekday(day: date, weekday: int) -> date:
    """Return the first day from a day on that is a weekday (0 is Monday)."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def usual_day(pattern: VisitPattern, first: date) -> date:
    """Return a day of a pattern that is no bank holiday, for a price that stands for the usual visit."""
    day = next_day(pattern, first) or next_weekday(first, pattern.weekday)
    while day in bank_holidays(day.year):
        day += WEEK
    return day


def _unchanged(version: int, shown: int) -> None:
    if shown and version != shown:
        raise Conflict("Somebody changed this since you opened it. Open it again, then make your change.")


def _free_until(mover: Mover, visit: Booking) -> datetime:
    view = terms_on(mover.views, visit.visit_on)
    return visit.starts_at - timedelta(hours=view.terms.free_cancel_hours if view else 0)


def _is_waiting(visit: Booking, now: datetime) -> bool:
    return visit.status in TO_COME and visit.called_off_at is None and visit.starts_at > now


def _is_as_planned(visit: Booking, pattern: VisitPattern) -> bool:
    return (visit.visit_on, visit.starts_local, visit.minutes) == (
        visit.pattern_on,
        pattern.starts_local,
        pattern.minutes,
    )


def _told(pattern: VisitPattern) -> dict[str, object]:
    names = ("weekday", "starts_local", "minutes", "every_weeks")
    return {name: getattr(pattern, name) for name in names}
