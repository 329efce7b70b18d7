"""Changing a weekly visit, and adding one: the row, and where each written visit goes."""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts import Principal, audit
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import PatternChanged
from marketplace.bookings.models import (
    Booking,
    CalledOffBy,
    CallOffReason,
    ChangeScope,
    Side,
    SupportAgreement,
    VisitPattern,
)
from marketplace.bookings.policies import LEAST_NOTICE
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.calling_off import call_off
from marketplace.bookings.service.planning.change.rules import (
    free_until,
    is_as_planned,
    is_waiting,
    need_unchanged,
    next_weekday,
)
from marketplace.bookings.service.planning.change.wanted import Wanted
from marketplace.bookings.service.planning.moving import Move, Moved, Mover
from marketplace.bookings.service.planning.patterns import WEEK, day_in_week, holds, is_in_any, span_of
from marketplace.bookings.service.planning.plan import Planner
from marketplace.core import outbox
from marketplace.core.clock import today, week_start
from marketplace.core.errors import InvalidInput, NotFound

CHANGED = "The weekly visit was changed."


class _Change(msgspec.Struct):
    """A weekly visit that changes: the new row, and what happens to each written visit."""

    monday: date
    new: VisitPattern
    kept: list[tuple[Booking, date]]
    """Visits that only change their place in the pattern: moved or called off by themselves."""
    moves: list[tuple[Move, date]]
    dropped: list[Booking]
    paused: list[tuple[Booking, date]]


class WeeklyChanges(AgreementAccess):
    """The verbs that change weekly visits."""

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
        need_unchanged(pattern.version, version)
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
                or (side is Side.PERSON and is_waiting(visit, now) and now > free_until(mover, visit))
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
            waits = is_waiting(visit, now)
            if target is None or not is_covered:
                change.dropped += [visit] if waits else []
            elif not waits or not is_as_planned(visit, pattern):
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


def _told(pattern: VisitPattern) -> dict[str, object]:
    names = ("weekday", "starts_local", "minutes", "every_weeks")
    return {name: getattr(pattern, name) for name in names}
