"""Every verb that moves visits, and what a change would cost."""

from datetime import date

from marketplace.bookings.models import Booking, ChangeScope, Side, SupportAgreement, VisitPattern
from marketplace.bookings.service.agreements.prices import terms_on, visit_price
from marketplace.bookings.service.planning.change.one import OneVisitChanges
from marketplace.bookings.service.planning.change.rules import usual_day
from marketplace.bookings.service.planning.change.wanted import Shown, Wanted
from marketplace.bookings.service.planning.change.weekly import WeeklyChanges
from marketplace.bookings.service.planning.moving import Mover
from marketplace.bookings.service.planning.patterns import next_day
from marketplace.core.errors import NotFound


class VisitChanges(OneVisitChanges, WeeklyChanges):
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
