"""New terms count from their day on: visits that are written already take the new price, as far as the money goes."""

from collections.abc import Sequence
from datetime import date

from marketplace.accounts import audit
from marketplace.bookings.events import VisitsStopped
from marketplace.bookings.models import Booking, CalledOffBy, CallOffReason, Funding, SupportAgreement
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.calling_off import call_off
from marketplace.bookings.service.planning.forecast import Forecast
from marketplace.bookings.service.planning.moving import Move, Mover
from marketplace.bookings.service.planning.plan import NO_MONEY
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.service.top_ups import lower_top_up
from marketplace.core import outbox

BEYOND = "The direct payment does not reach for this visit at the new price."


class Repricing(AgreementAccess):
    """The verb that follows an agreed change of rates."""

    async def reprice(self, agreement: SupportAgreement, from_on: date) -> int:
        """Price the visits of an agreement from a day on by the terms of their day. Returns how many changed.

        What was called off keeps what was owed. Both sides saw what a week costs when they agreed. A visit that the
        direct payment does not reach at its new price is taken away in time, free of charge, and both sides are told:
        somebody who came would not be paid. Planning writes it again when more money comes in. One-off visits, which
        nothing would write again, keep their money first.
        """
        reader = VisitReader(self.db)
        question = reader.to_come(agreement.council_id, agreement.id, self.clock.now())
        visits = await reader.locked(question.where(Booking.visit_on >= from_on))
        mover = Mover(self.db, agreement, await self.views(agreement))
        before = sum(visit.cost_pence for visit in visits)
        moves = [Move(visit, visit.visit_on, visit.starts_local, visit.minutes) for visit in visits]
        moves = [
            move
            for move in mover.priced(moves)
            if (move.visit.cost_pence, move.visit.rate_pence) != (move.cost_pence, move.rate_pence)
        ]
        beyond = await self._beyond(agreement, moves)
        for move in moves:
            if move.visit not in beyond:
                move.visit.rate_pence = move.rate_pence
                lower_top_up(self.db, move.visit, move.cost_pence)
        if beyond:
            self._take_away(agreement, beyond)
        if moves:
            kept = [row for row in visits if row not in beyond]
            audit.record(
                self.db,
                None,
                "bookings.reprice_visits",
                council_id=agreement.council_id,
                subject_kind="support_agreement",
                subject_id=agreement.id,
                before={"cost_pence": before},
                after={
                    "from_on": from_on,
                    "visits": len(moves) - len(beyond),
                    "taken_away": len(beyond),
                    "cost_pence": sum(row.cost_pence for row in kept),
                },
            )
        await self.db.flush()
        return len(moves) - len(beyond)

    async def _beyond(self, agreement: SupportAgreement, moves: Sequence[Move]) -> list[Booking]:
        """Return the visits that the direct payment does not reach at their new price; it is held from here on."""
        dearer = [move for move in moves if move.cost_pence > move.visit.cost_pence]
        if agreement.funding is not Funding.DIRECT_PAYMENT or not dearer:
            return []
        purse = await purse_of(self.db, agreement.council_id, agreement.person_id, locked=True)
        if purse is None:
            return [move.visit for move in dearer]
        forecast = Forecast(purse)
        for move in moves:
            forecast.promise(move.day, move.visit.top_up_pence - move.visit.cost_pence)
        for move in moves:
            if move.cost_pence <= move.visit.cost_pence:
                forecast.promise(move.day, move.cost_pence - min(move.visit.top_up_pence, move.cost_pence))
        beyond = []
        for move in sorted(dearer, key=lambda one: (one.visit.pattern_id is not None, one.visit.starts_at)):
            pence = move.cost_pence - move.visit.top_up_pence
            if pence > forecast.free_on(move.day):
                beyond.append(move.visit)
            else:
                forecast.promise(move.day, pence)
        return beyond

    def _take_away(self, agreement: SupportAgreement, visits: Sequence[Booking]) -> None:
        call_off(
            self.db,
            [(visit, 0) for visit in visits],
            by=CalledOffBy.PLATFORM,
            user_id=None,
            reason=CallOffReason.NO_MONEY,
            words=BEYOND,
        )
        # The message says what planning would say again.
        agreement.not_planned_why = NO_MONEY
        outbox.publish(
            self.db,
            VisitsStopped(
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                person_id=agreement.person_id,
                organisation_id=agreement.organisation_id,
                from_on=min(visit.visit_on for visit in visits),
                visits=len(visits),
                why=CallOffReason.NO_MONEY.value,
                by_side=CalledOffBy.PLATFORM.value,
            ),
        )
