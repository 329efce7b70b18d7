"""Deciding what somebody pays towards their support. The council decides, never a delegate (domain.md 4.1, s.79)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.law import law_book
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.people.budgets import BudgetService
from marketplace.people.charges_rules import Contribution, Means, contribution
from marketplace.people.errors import PersonHasDied
from marketplace.people.events import ChargeDecided
from marketplace.people.models import FinancialAssessment
from marketplace.people.repository_assessments import ChargeRepository

BACK_DAYS = 28
"""How far back a decision may begin: somebody is told before they owe, and four weeks is the longest post and papers
take."""
MOST_PENCE = 999_999_999


class ChargeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has and needs, and from when the decision counts."""

    starts_on: date
    means: Means
    is_light_touch: bool
    pays_all: bool
    """The person chose to pay in full rather than to say what they have."""
    reason: str

    @classmethod
    def read(cls, data: Mapping[str, Any], on: date) -> "ChargeForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        starts_on = form.day("starts_on", "the first day")
        if starts_on is not None and starts_on < on - timedelta(days=BACK_DAYS):
            form.wrong("starts_on", f"The first day must be {uk_date(on - timedelta(days=BACK_DAYS))} or later")
        light, pays_all = form.ticked("is_light_touch"), form.ticked("pays_all")
        if pays_all and not light:
            form.wrong("is_light_touch", "Somebody who does not say what they have is assessed with a light touch")
        names = {
            "capital": "the savings and other capital",
            "income": "the income for a week",
            "disregarded": "the income that does not count",
            "expenses": "the disability-related costs",
            "protected": "what must be left to live on",
        }
        # With a light touch the outcome is plain, so that figures may be left out.
        needed = set() if light else {"capital", "income", "protected"}
        found = {
            name: form.pounds(name, label, most=MOST_PENCE, required=name in needed) or 0
            for name, label in names.items()
        }
        if found["disregarded"] > found["income"]:
            form.wrong("disregarded", "The income that does not count must not be more than the income")
        reason = form.text("reason", "why this was decided", required=light, longest=2_000)
        form.done()
        return cls(
            starts_on=starts_on or on,
            means=Means(
                capital_pence=found["capital"],
                income_weekly_pence=found["income"],
                disregarded_weekly_pence=found["disregarded"],
                expenses_weekly_pence=found["expenses"],
                protected_weekly_pence=found["protected"],
            ),
            is_light_touch=light,
            pays_all=pays_all,
            reason=reason,
        )


class ChargeService:
    """The verbs of charging."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = ChargeRepository(db)
        self.budgets = BudgetService(db)

    async def work_out(self, principal: Principal, form: ChargeForm) -> Contribution:
        """Return what would follow from somebody's means by the law's figures of the first day. Nothing is kept."""
        principal.require(Permission.CHARGES_DECIDE)
        if form.pays_all:
            return Contribution(tariff_income_weekly_pence=0, contribution_weekly_pence=0, is_full_cost=True)
        return contribution(await law_book(self.db, form.starts_on), form.means)

    async def decide(self, principal: Principal, person_id: UUID, form: ChargeForm) -> FinancialAssessment:
        """Decide what somebody pays from a day on. It ends the decision before, and running budgets follow.

        Raises:
            Forbidden: Only the council's finance decides.
            NotFound: No such person in the council.
            PersonHasDied: Nothing new is charged.
            InvalidInput: A decision begins on that day already, or a later one stands.
        """
        principal.require(Permission.CHARGES_DECIDE)
        person = await self.budgets.budgets.hold(principal.council_id, person_id)
        if person.died_on is not None:
            raise PersonHasDied
        earlier = await self.rows.of_person(person.council_id, person.id)
        if earlier and earlier[0].starts_on >= form.starts_on:
            raise InvalidInput(
                {"starts_on": f"A decision begins on {uk_date(earlier[0].starts_on)}. Choose a later day"}
            )
        found = await self.work_out(principal, form)
        if earlier and (earlier[0].ends_on is None or earlier[0].ends_on > form.starts_on):
            earlier[0].ends_on = form.starts_on
            await self.db.flush()
        row = FinancialAssessment(
            council_id=person.council_id,
            person_id=person.id,
            starts_on=form.starts_on,
            **{name: getattr(form.means, name) for name in form.means.__struct_fields__},
            tariff_income_weekly_pence=found.tariff_income_weekly_pence,
            contribution_weekly_pence=found.contribution_weekly_pence,
            is_full_cost=found.is_full_cost,
            is_light_touch=form.is_light_touch,
            reason=form.reason,
            decided_by_user_id=principal.user_id,
            created_at=clock_of(self.db).now(),
        )
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "people.decide_charge",
            council_id=row.council_id,
            subject_kind="financial_assessment",
            subject_id=row.id,
            after={
                "person_id": str(person.id),
                "starts_on": row.starts_on.isoformat(),
                "contribution_weekly_pence": row.contribution_weekly_pence,
                "is_full_cost": row.is_full_cost,
                "is_light_touch": row.is_light_touch,
            },
        )
        await self.budgets.share_changed(principal, person.id, row)
        outbox.publish(
            self.db,
            ChargeDecided(council_id=row.council_id, financial_assessment_id=row.id, person_id=person.id),
        )
        return row

    async def counts_now(self, council_id: UUID, person_id: UUID) -> FinancialAssessment | None:
        """Return the decision that counts today."""
        return await self.rows.on(council_id, person_id, today(clock_of(self.db)))
