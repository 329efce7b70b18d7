"""The council prepares a direct payment: conditions, who manages it, amount and terms (Care Act ss.31, 32; P7)."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, StepRefused, broken_constraint
from marketplace.core.formats import pounds
from marketplace.people.models import Holding
from marketplace.plans.direct_payments import TERMS_VERSION, conditions_for, first_payment
from marketplace.plans.errors import SetupChanged
from marketplace.plans.models import DirectPaymentSetup, Frequency, ManagedBy
from marketplace.plans.service.setups.rows import SetupRows, facts
from marketplace.plans.setup_forms import SetupForm
from marketplace.plans.states import SETUP, SetupStatus


class SetupService(SetupRows):
    """The council's verbs up to the answer of the person."""

    async def begin(self, principal: Principal, person_id: UUID, *, once: bool = False) -> DirectPaymentSetup:
        """Begin a set-up; while one is on its way or runs, that one is returned.

        Args:
            principal: Who prepares it for the council.
            person_id: For whom.
            once: A sum that is paid once; it may be set up beside a payment by the week that runs.

        Raises:
            NotFound: No such person in the council.
            StepRefused: The person has died, or no budget has anything left that is paid once.
        """
        principal.require(Permission.SETUPS_DECIDE)
        person = await self.held_person(principal.council_id, person_id)
        if person.died_on is not None:
            raise StepRefused("It is recorded that this person has died.")
        running = await self.setups.running(person.council_id, person.id)
        found = await self.setups.on_its_way(person.council_id, person.id) or (None if once else running)
        if found is not None:
            return found
        plan = await self.setups.plan(person.council_id, person.id, is_signed=False)
        budget = await self.budget(person.council_id, person.id, once=once)
        if once and not await self.once_left(budget):
            raise StepRefused("The budget has nothing left that is paid once.")
        row = DirectPaymentSetup(
            council_id=person.council_id,
            person_id=person.id,
            plan_id=plan.id if plan else None,
            status=SetupStatus.DRAFT,
            has_capacity=running.has_capacity if running else True,
            managed_by=running.managed_by if running else ManagedBy.SELF,
            representation_id=running.representation_id if running else None,
            conditions={},
            holding=running.holding if running else Holding.COUNCIL_HELD,
            organisation_id=running.organisation_id if running else None,
            frequency=Frequency.ONCE if once else Frequency.FOUR_WEEKLY,
            weekly_pence=budget.weekly_pence if budget and not once else 0,
            created_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            if broken_constraint(error) not in ("uq_direct_payment_setups_open", "uq_direct_payment_setups_weekly"):
                raise
            raise SetupChanged("Somebody else has just begun one.") from error
        SETUP.begin(self.db, row, by=principal.user_id)
        self.note(principal, row, "plans.begin_setup")
        return row

    async def save(self, principal: Principal, setup_id: UUID, form: SetupForm) -> DirectPaymentSetup:
        """Write down what is known so far.

        Raises:
            SetupChanged: The page showed another state of it.
            StepRefused: It is not a draft any more.
            InvalidInput: More than the budget, or somebody who may not manage it.
        """
        row = await self._draft(principal, setup_id, form.expected)
        await self._write(row, form)
        self.note(principal, row, "plans.save_setup", after=facts(row))
        return row

    async def offer(self, principal: Principal, setup_id: UUID, form: SetupForm) -> DirectPaymentSetup:
        """Save, and lay amount, frequency and terms before the person: every condition is met (s.31 or s.32).

        Raises:
            InvalidInput: What is missing, one message for each.
            SetupChanged, StepRefused: As `save`.
        """
        row = await self._draft(principal, setup_id, form.expected)
        await self._write(row, form)
        missing = await self._missing(row)
        if missing:
            raise InvalidInput(missing)
        row.terms_version, row.manager_accepted_at = TERMS_VERSION, None
        row.decided_by_user_id, row.decided_at, row.reason = principal.user_id, self.clock.now(), ""
        await self.move(principal, row, SetupStatus.OFFERED, "plans.offer_setup", after=facts(row))
        return row

    async def refuse(self, principal: Principal, setup_id: UUID, reason: str, expected: int) -> None:
        """Say that there is no direct payment, and why; the person is told, and how to challenge it."""
        row = await self.locked(principal, setup_id, expected)
        row.reason, row.decided_by_user_id, row.decided_at = reason, principal.user_id, self.clock.now()
        await self.move(principal, row, SetupStatus.REFUSED, "plans.refuse_setup")

    async def reopen(self, principal: Principal, setup_id: UUID, reason: str, expected: int) -> None:
        """Take an offer or an agreement back to a draft, because something changed: capacity, money, the manager."""
        row = await self.locked(principal, setup_id, expected)
        if row.status not in (SetupStatus.OFFERED, SetupStatus.AGREED):
            raise StepRefused("It does not lie before the person, so there is nothing to take back.")
        row.reason = reason
        await self.back(principal, row, "plans.reopen_setup")

    async def agree_on_paper(self, principal: Principal, setup_id: UUID, note: str, expected: int) -> None:
        """Record for the council that the person, and a nominee, signed the terms on paper or said so by telephone."""
        row = await self.locked(principal, setup_id, expected)
        if row.status is not SetupStatus.OFFERED:
            raise StepRefused("It does not wait for an answer now.")
        await self.check_manager(row)
        now = self.clock.now()
        if row.managed_by is not ManagedBy.SELF and row.manager_accepted_at is None:
            row.manager_accepted_at = now
        row.agreed_by_user_id, row.agreed_at = principal.user_id, now
        await self.move(principal, row, SetupStatus.AGREED, "plans.agree_setup_on_paper", why=note)

    async def _draft(self, principal: Principal, setup_id: UUID, expected: int) -> DirectPaymentSetup:
        row = await self.locked(principal, setup_id, expected)
        if row.status is not SetupStatus.DRAFT:
            raise StepRefused("It is not a draft any more. Take it back to a draft first.")
        return row

    async def _write(self, row: DirectPaymentSetup, form: SetupForm) -> None:
        fund_id = form.organisation_id if form.holding is Holding.PROVIDER_MANAGED else None
        await self.check_beside(row, form.frequency, form.holding, fund_id)
        budget = await self.budget(row.council_id, row.person_id, once=form.frequency is Frequency.ONCE)
        most = budget.weekly_pence if budget else 0
        if form.weekly_pence > most:
            raise InvalidInput({"weekly": f"The budget is {pounds(most)} a week. Enter that or less"})
        once = await self.once_left(budget)
        if form.once_pence > once:
            has = f"{pounds(once)} that is paid once. Enter that or less" if once else "nothing that is paid once"
            raise InvalidInput({"once": f"The budget has {has}"})
        row.has_capacity, row.managed_by = form.has_capacity, form.managed_by
        row.representation_id = None if form.managed_by is ManagedBy.SELF else form.representation_id
        row.conditions = {key: {"met": met, "why": why} for key, (met, why) in form.conditions.items()}
        row.holding, row.frequency, row.needs = form.holding, form.frequency, form.needs
        row.weekly_pence, row.once_pence, row.starts_on = form.weekly_pence, form.once_pence, form.starts_on
        row.organisation_id = fund_id
        own = 0
        if budget is not None and budget.weekly_pence:
            own = (2 * budget.own_weekly_pence * form.weekly_pence + budget.weekly_pence) // (2 * budget.weekly_pence)
        row.amount_pence = first_payment(form.frequency, form.weekly_pence, own, form.starts_on)
        await self.check_fund(row)
        if row.representation_id is not None:
            await self.check_manager(row)
        await self.db.flush()

    async def _missing(self, row: DirectPaymentSetup) -> dict[str, str]:
        missing = {}
        for number, one in enumerate(conditions_for(row.has_capacity), start=1):
            said = row.conditions.get(one.key) or {}
            if not said.get("met"):
                missing[f"met_{one.key}"] = f"Condition {number} has to be met before a direct payment can be offered"
            elif not said.get("why"):
                missing[f"why_{one.key}"] = f"Write how you know that condition {number} is met"
        if row.managed_by is not ManagedBy.SELF and row.representation_id is None:
            missing["representation_id"] = "Select who manages the payment"
        if row.frequency is Frequency.ONCE and not row.once_pence:
            missing["once"] = "Enter how much is paid once"
        if row.holding is Holding.PROVIDER_MANAGED and row.organisation_id is None:
            missing["organisation_id"] = "Select the organisation that is to hold the money"
        if row.frequency is not Frequency.ONCE and not row.weekly_pence:
            missing["weekly"] = "Enter how much of the budget is a direct payment"
        if not row.needs:
            missing["needs"] = "Write which needs it is for"
        if row.starts_on is None or row.starts_on < today(self.clock):
            missing["starts_on"] = "Enter the first day, today or later"
        return missing
