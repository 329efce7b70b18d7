"""Challenging a budget, and the council's answer (P4; domain.md 4.1: the final sum can be challenged)."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import pounds
from marketplace.core.holidays import SATURDAY, bank_holidays
from marketplace.people.budget_parts import LARGEST_WEEKLY_PENCE, Part, split_anew
from marketplace.people.budgets import BudgetService
from marketplace.people.errors import BudgetGone, ChallengeOpen, RecordChanged
from marketplace.people.events import BudgetChallenged
from marketplace.people.models import Budget, BudgetChallenge, BudgetKind, BudgetStatus, ChallengeStatus
from marketplace.people.repository_budgets import ChallengeRepository, PersonalBudgetRepository
from marketplace.people.stages import need_free_way


class ChallengeService:
    """The verbs of challenges."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = ChallengeRepository(db)
        self.budgets = PersonalBudgetRepository(db)

    async def ask(self, principal: Principal, budget_id: UUID, words: str) -> BudgetChallenge:
        """Say that one's budget is not right. It stays as it is until the council has answered.

        Raises:
            NotFound: Not one's own budget.
            BudgetGone: It was replaced.
            ChallengeOpen: One waits for its answer already.
            InvalidInput: No words.
        """
        principal.require(Permission.BUDGET_OWN)
        person = await self.budgets.hold(principal.council_id, principal.need_person())
        budget = await self.budgets.find(principal.council_id, budget_id)
        if budget.person_id != person.id:
            raise NotFound
        if not words.strip():
            raise InvalidInput({"words": "Tell us what is not right"})
        on = today(clock_of(self.db))
        if not _stands(budget, on):
            raise BudgetGone("Look at the one that counts now. You can ask about that.")
        if await self.rows.open_of(person.council_id, [budget.id]) is not None:
            raise ChallengeOpen
        days = int(await setting(self.db, person.council_id, "people.challenge_days", on))
        row = BudgetChallenge(
            council_id=person.council_id,
            person_id=person.id,
            budget_id=budget.id,
            status=ChallengeStatus.OPEN,
            words=words.strip(),
            asked_by_user_id=principal.user_id,
            asked_at=clock_of(self.db).now(),
            answer_by=working_days_on(on, days),
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "people.challenge_budget", row)
        return row

    async def withdraw(self, principal: Principal, challenge_id: UUID) -> BudgetChallenge:
        """Take one's own challenge back.

        Raises:
            NotFound: Not one's own.
            RecordChanged: It was answered meanwhile.
        """
        principal.require(Permission.BUDGET_OWN)
        person = await self.budgets.hold(principal.council_id, principal.need_person())
        row = await self.rows.find(principal.council_id, challenge_id, locked=True)
        if row.person_id != person.id:
            raise NotFound
        if row.status is not ChallengeStatus.OPEN:
            raise RecordChanged("The council has answered. Look at the answer.")
        row.status = ChallengeStatus.WITHDRAWN
        await self.db.flush()
        self._note(principal, "people.withdraw_challenge", row)
        return row

    async def answer(
        self,
        principal: Principal,
        challenge_id: UUID,
        *,
        answer: str,
        weekly_pence: int | None,
        version: int,
        part_pence: Sequence[int] = (),
    ) -> BudgetChallenge:
        """Answer a challenge: with another sum, or with why the sum stays.

        Args:
            principal: Who answers; never who set the sum.
            challenge_id: Which one.
            answer: What the person reads.
            weekly_pence: The new sum for a week; None where it stays.
            version: The challenge as the page showed it.
            part_pence: The new sum of each part of a mixed budget, in their order; none: shared as before.

        Raises:
            NotFound: None of the council's.
            RecordChanged: It was answered or taken back meanwhile.
            BudgetGone: Another sum was wanted for a budget that was replaced.
            InvalidInput: No words, the sum as it was, parts that do not add up, somebody who set the sum themselves, or
                long-term support that has to wait (B1, B2): an answer leads nobody past the stages.
        """
        principal.require(Permission.CHALLENGES_ANSWER)
        found = await self.rows.find(principal.council_id, challenge_id)
        await self.budgets.hold(principal.council_id, found.person_id)
        row = await self.rows.find(principal.council_id, challenge_id, locked=True)
        if row.status is not ChallengeStatus.OPEN or row.version != version:
            raise RecordChanged("Somebody has answered it, or it was taken back. Open it again.")
        budget = await self.budgets.find(principal.council_id, row.budget_id)
        if budget.decided_by_user_id == principal.user_id:
            raise InvalidInput({"answer": "You set this sum. Somebody else answers"})
        if not answer.strip():
            raise InvalidInput({"answer": "Write down what was looked at and why"})
        row.status = ChallengeStatus.UPHELD
        if weekly_pence is not None:
            await self._change(principal, budget, weekly_pence, answer.strip(), part_pence)
            row.status = ChallengeStatus.CHANGED
        row.answer = answer.strip()
        row.answered_by_user_id = principal.user_id
        row.answered_at = clock_of(self.db).now()
        await self.db.flush()
        self._note(principal, "people.answer_challenge", row)
        return row

    async def _change(
        self, principal: Principal, budget: Budget, weekly_pence: int, answer: str, part_pence: Sequence[int]
    ) -> None:
        on = today(clock_of(self.db))
        if not _stands(budget, on):
            raise BudgetGone("Answer without another sum: the newer budget can be challenged, too.")
        if weekly_pence == budget.weekly_pence:
            raise InvalidInput({"weekly": "Enter another sum than the one it was, or say that it stays"})
        if weekly_pence > LARGEST_WEEKLY_PENCE:
            raise InvalidInput({"weekly": "The sum for a week is too large"})
        # Support that runs was let through once, and putting its sum right begins nothing new.
        runs = budget.status is BudgetStatus.FINAL and budget.weekly_pence
        if budget.kind is BudgetKind.SUPPORT and weekly_pence and not runs:
            await need_free_way(self.db, budget.council_id, budget.person_id, "weekly")
        service = BudgetService(self.db)
        if budget.status is BudgetStatus.FINAL:
            ends_on, every_weeks, is_monthly = budget.ends_on, budget.pay_every_weeks, budget.pays_monthly
            follower = await service.make_final(
                principal,
                budget.person_id,
                weekly_pence,
                await self._parts(budget, weekly_pence, part_pence),
                answer,
                max(on, budget.starts_on),
                kind=budget.kind,
                route=budget.route,
            )
            # What was not asked about stays: how often it is paid, and its last day.
            follower.pay_every_weeks, follower.pays_monthly = every_weeks, is_monthly
            if ends_on is None or ends_on > follower.starts_on:
                follower.ends_on = ends_on
            await self.db.flush()
        else:
            await service.set_indicative(
                principal,
                budget.person_id,
                weekly_pence,
                kind=budget.kind,
                one_off_pence=budget.one_off_pence,
                route=budget.route,
                reason=answer,
            )

    async def _parts(self, budget: Budget, weekly_pence: int, part_pence: Sequence[int]) -> list[Part]:
        """Return the parts of a mixed budget with the new sum shared among them: nobody's route is lost by asking."""
        parts = [
            Part(route=part.route, weekly_pence=part.weekly_pence, what_for=part.what_for)
            for part in await self.budgets.parts(budget.council_id, [budget.id])
        ]
        if not part_pence or not parts:
            return split_anew(parts, weekly_pence) if parts else []
        if len(part_pence) != len(parts) or sum(part_pence) != weekly_pence:
            raise InvalidInput({"part-1": f"The parts must add up to {pounds(weekly_pence)}"})
        return [
            Part(route=part.route, weekly_pence=amount, what_for=part.what_for)
            for part, amount in zip(parts, part_pence, strict=True)
        ]

    def _note(self, principal: Principal, action: str, row: BudgetChallenge) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="budget_challenge",
            subject_id=row.id,
            after={"status": row.status.value, "budget_id": str(row.budget_id)},
        )
        outbox.publish(
            self.db,
            BudgetChallenged(
                council_id=row.council_id, challenge_id=row.id, person_id=row.person_id, status=row.status.value
            ),
        )


def working_days_on(day: date, days: int) -> date:
    """Return the day that many working days after a day."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY and day not in bank_holidays(day.year)
    return day


def _stands(budget: Budget, on: date) -> bool:
    return budget.status is not BudgetStatus.ENDED and (budget.ends_on is None or budget.ends_on > on)
