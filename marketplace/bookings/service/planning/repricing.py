"""New terms count from their day on: visits that are written already take the new price."""

from datetime import date

from marketplace.accounts import audit
from marketplace.bookings.models import Booking, SupportAgreement
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.moving import Move, Mover
from marketplace.bookings.service.top_ups import lower_top_up


class Repricing(AgreementAccess):
    """The verb that follows an agreed change of rates."""

    async def reprice(self, agreement: SupportAgreement, from_on: date) -> int:
        """Price the visits of an agreement from a day on by the terms of their day. Returns how many changed.

        What was called off keeps what was owed. Both sides saw what a week costs when they agreed; visits whose price
        the direct payment no longer reaches stay, and the money page says that it is short.
        """
        reader = VisitReader(self.db)
        question = reader.to_come(agreement.council_id, agreement.id, self.clock.now())
        visits = await reader.locked(question.where(Booking.visit_on >= from_on))
        mover = Mover(self.db, agreement, await self.views(agreement))
        before = sum(visit.cost_pence for visit in visits)
        changed = 0
        moves = [Move(visit, visit.visit_on, visit.starts_local, visit.minutes) for visit in visits]
        for move in mover.priced(moves):
            visit = move.visit
            if (visit.cost_pence, visit.rate_pence) != (move.cost_pence, move.rate_pence):
                visit.rate_pence = move.rate_pence
                lower_top_up(self.db, visit, move.cost_pence)
                changed += 1
        if changed:
            audit.record(
                self.db,
                None,
                "bookings.reprice_visits",
                council_id=agreement.council_id,
                subject_kind="support_agreement",
                subject_id=agreement.id,
                before={"cost_pence": before},
                after={"from_on": from_on, "visits": changed, "cost_pence": sum(row.cost_pence for row in visits)},
            )
        await self.db.flush()
        return changed
