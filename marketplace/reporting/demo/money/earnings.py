"""Tells what organisations earned: the tariff of plans, the cost of visits, the time that planners record."""

import random
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.clock import local
from marketplace.core.formats import uk_date
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.models import Accrual, AccrualKind, TariffEvent
from marketplace.plans.models import Activity, ActivityTime
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.plans import SignedOff
from marketplace.reporting.demo.visits import Earned
from marketplace.reporting.demo.world import Council, World, working_day


class EarningsTeller:
    """Writes what was earned in one council; `accruals` is what can be billed."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.accruals: list[dict[str, Any]] = []

    def accrue(self, plans: list[SignedOff], visits: list[Earned]) -> None:
        """Write what organisations earned: the tariff of plans, the cost of visits."""
        tariff = next(item for item in self.council.text.tariffs if item.event is TariffEvent.PLAN_COMPLETED)
        pays_reviews = TariffEvent.REVIEW_HELD.value in self.council.tariffs
        for plan in plans:
            self._times(plan)
            if pays_reviews and plan.number > 1:
                # Later versions of the demo come out of a review, whose fee covers them (D13).
                continue
            fee = next(pence for limit, pence in tariff.bands if limit is None or plan.visit_minutes <= limit)
            on = local(plan.at).date()
            words = f"Support plan completed on {uk_date(on)}, {_reference(plan.version_id)}"
            self._accrual(
                AccrualKind.PLAN,
                plan.version_id,
                plan.organisation_id,
                words,
                fee,
                on,
                plan.at,
                self.council.tariffs[TariffEvent.PLAN_COMPLETED.value],
                plan,
            )
            self.world.book.post(
                self.council.id,
                "plan-tariff",
                plan.version_id,
                [debit(Purpose.PLAN_SPEND, fee), credit(Purpose.ACCRUED, fee, plan.organisation_id)],
                memo=f"Tariff of a support plan, {_reference(plan.version_id)}",
                at=plan.at,
                on=on,
            )
        for visit in visits:
            words = f"Visit on {uk_date(visit.visit_on)}, {_reference(visit.booking_id)}"
            self._accrual(
                AccrualKind.VISIT,
                visit.booking_id,
                visit.organisation_id,
                words,
                visit.cost_pence,
                visit.visit_on,
                visit.at,
                None,
            )

    def _times(self, plan: SignedOff) -> None:
        """Write the time that most planners record: visits, writing, travel and what is hard to tell from planning."""
        # A source of its own: what else the demo draws stays as it is.
        rng, on = random.Random(plan.version_id.int), local(plan.at).date()  # noqa: S311 - nothing secret
        if rng.random() < 0.35:
            return
        extras = rng.sample((Activity.BROKERAGE, Activity.CHOOSING, Activity.PEER_LINKS, Activity.MONEY), 2)
        shares = (
            (Activity.VISITING, plan.visit_minutes, 9),
            (Activity.WRITING, rng.randrange(60, 200, 15), 6),
            (Activity.TRAVEL, rng.randrange(20, 100, 10), 9),
            *((extra, rng.randrange(15, 90, 15), 4) for extra in extras),
        )
        for activity, minutes, days in shares:
            worked_on = working_day(on - timedelta(days=days))
            self.world.book.add(
                ActivityTime,
                plan.at,
                council_id=self.council.id,
                plan_id=plan.plan_id,
                organisation_id=plan.organisation_id,
                worker_id=plan.worker_id,
                activity=activity,
                minutes=minutes,
                worked_on=min(worked_on, on),
                entered_by_user_id=plan.user_id,
                entered_at=plan.at,
            )

    def _accrual(
        self,
        kind: AccrualKind,
        source_id: UUID,
        organisation_id: UUID,
        words: str,
        pence: int,
        on: date,
        at: datetime,
        tariff_id: UUID | None,
        plan: SignedOff | None = None,
    ) -> None:
        self.accruals.append(
            self.world.book.put(
                Accrual,
                id=self.world.book.id(at),
                council_id=self.council.id,
                organisation_id=organisation_id,
                kind=kind,
                source_id=source_id,
                tariff_id=tariff_id,
                description=words,
                amount_pence=pence,
                working=[{"words": "Fee", "pence": pence}] if plan else [],
                minutes=plan.visit_minutes if plan else None,
                person_id=plan.person_id if plan else None,
                service_line=ServiceLine.SUPPORT_PLANNING if plan else None,
                team_id=None,
                earned_on=on,
                created_at=at,
                invoice_id=None,
            )
        )


def _reference(row_id: UUID) -> str:
    return f"reference {str(row_id)[-8:].upper()}"
