"""Questions about indicative and final budgets, their parts, what is protected, and challenges."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_

from marketplace.accounts.models import AuditEntry
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.people.models import (
    Budget,
    BudgetChallenge,
    BudgetKind,
    BudgetPart,
    BudgetStatus,
    ChallengeStatus,
    Person,
    Protection,
)


class PersonalBudgetRepository(Repository[Budget]):
    """Personal budgets and how they came about."""

    model_type = Budget

    async def hold(self, council_id: UUID, person_id: UUID) -> Person:
        """Let nobody else change this person's budgets until the transaction ends.

        Raises:
            NotFound: There is no such person in the council.
        """
        question = select(Person).where(Person.council_id == council_id, Person.id == person_id)
        person = await self.db.scalar(question.with_for_update().execution_options(populate_existing=True))
        if person is None:
            raise NotFound
        return person

    async def indicative(self, council_id: UUID, person_id: UUID, kind: BudgetKind) -> Budget | None:
        """Return the advice that counts now."""
        return await self.maybe(
            self.of(council_id)
            .where(Budget.person_id == person_id, Budget.kind == kind, Budget.status == BudgetStatus.INDICATIVE)
            .order_by(Budget.starts_on.desc(), Budget.id.desc())
        )

    async def finals(self, council_id: UUID, person_id: UUID, kind: BudgetKind, since: date) -> Sequence[Budget]:
        """Return agreed budgets that run on a day or begin after it, oldest first."""
        question = self.of(council_id).where(
            Budget.person_id == person_id,
            Budget.kind == kind,
            Budget.status == BudgetStatus.FINAL,
            or_(Budget.ends_on.is_(None), Budget.ends_on > since),
        )
        return await self.every(question.order_by(Budget.starts_on, Budget.id))

    async def of_answer(self, row: BudgetChallenge, kind: BudgetKind) -> Budget | None:
        """Return the agreed budget that an answer to a challenge made; None where it made none."""
        question = self.of(row.council_id).where(
            Budget.person_id == row.person_id,
            Budget.kind == kind,
            Budget.status == BudgetStatus.FINAL,
            Budget.decided_by_user_id == row.answered_by_user_id,
            Budget.created_at >= row.asked_at,
            Budget.created_at <= row.answered_at,
        )
        return await self.maybe(question.order_by(Budget.created_at.desc(), Budget.id.desc()))

    async def of_person(self, council_id: UUID, person_id: UUID, limit: int = 200) -> Sequence[Budget]:
        """Return all of a person's budgets, the latest decision first."""
        question = self.of(council_id).where(Budget.person_id == person_id)
        return await self.every(question.order_by(Budget.created_at.desc(), Budget.id.desc()).limit(limit))

    async def parts(self, council_id: UUID, budget_ids: Iterable[UUID]) -> Sequence[BudgetPart]:
        """Return the parts of some budgets, in order."""
        question = select(BudgetPart).where(
            BudgetPart.council_id == council_id, BudgetPart.budget_id.in_(list(budget_ids))
        )
        return (await self.db.scalars(question.order_by(BudgetPart.budget_id, BudgetPart.position))).all()

    async def protections(self, council_id: UUID, person_id: UUID) -> Sequence[Protection]:
        """Return what was protected for a person, newest first."""
        question = select(Protection).where(Protection.council_id == council_id, Protection.person_id == person_id)
        return (await self.db.scalars(question.order_by(Protection.created_at.desc(), Protection.id.desc()))).all()

    async def protection(self, council_id: UUID, person_id: UUID) -> Protection | None:
        """Return the protection that runs."""
        rows = await self.protections(council_id, person_id)
        return next((row for row in rows if row.ended_on is None), None)


class ProtectionRepository(Repository[Protection]):
    """What people are paid beyond their points."""

    model_type = Protection

    async def page(self, council_id: UUID, after: UUID | None, limit: int) -> list[tuple[Protection, Person]]:
        """Return what runs, with its people, by the day it is looked at again."""
        question = (
            select(Protection, Person)
            .join(Person, Person.id == Protection.person_id)
            .where(Protection.council_id == council_id, Protection.ended_on.is_(None), Person.died_on.is_(None))
        )
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(tuple_(Protection.review_on, Protection.id) > (last.review_on, last.id))
        rows = await self.db.execute(question.order_by(Protection.review_on, Protection.id).limit(limit))
        return [(row[0], row[1]) for row in rows]

    async def to_remind(self, on: date, mark: str) -> list[tuple[UUID, UUID]]:
        """Return what is to be looked at again by a day, and whose day nobody was reminded of: councils and ids.

        Args:
            on: The day in London.
            mark: Action of the audit row that says it was done, with the day it was done for.
        """
        question = (
            select(Protection.council_id, Protection.id)
            .join(Person, Person.id == Protection.person_id)
            .where(Protection.review_on <= on, Protection.ended_on.is_(None), Person.died_on.is_(None), ~_marked(mark))
            .order_by(Protection.review_on, Protection.id)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def is_marked(self, row: Protection, mark: str) -> bool:
        """Whether somebody was reminded of the day on which this is looked at again: ask with the row locked."""
        question = select(Protection.id).where(Protection.id == row.id, _marked(mark))
        return await self.db.scalar(question) is not None


def _marked(mark: str) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            AuditEntry.subject_kind == "protection",
            AuditEntry.subject_id == Protection.id,
            AuditEntry.action == mark,
            # A later day that somebody sets has a reminder of its own.
            AuditEntry.after["review_on"].as_string() == func.to_char(Protection.review_on, "YYYY-MM-DD"),
        )
        .correlate(Protection)
    )


class ChallengeRepository(Repository[BudgetChallenge]):
    """Challenges to budgets."""

    model_type = BudgetChallenge

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[BudgetChallenge]:
        """Return a person's challenges, newest first."""
        question = self.of(council_id).where(BudgetChallenge.person_id == person_id)
        return await self.every(question.order_by(BudgetChallenge.asked_at.desc(), BudgetChallenge.id.desc()).limit(50))

    async def open_of(self, council_id: UUID, budget_ids: Iterable[UUID]) -> BudgetChallenge | None:
        """Return the challenge to one of some budgets that waits for an answer."""
        return await self.maybe(
            self.of(council_id).where(
                BudgetChallenge.budget_id.in_(list(budget_ids)), BudgetChallenge.status == ChallengeStatus.OPEN
            )
        )

    async def page(
        self, council_id: UUID, *, is_open: bool, after: UUID | None, limit: int
    ) -> list[tuple[BudgetChallenge, Person]]:
        """Return challenges with their people: open ones by the day the answer is due, others newest first."""
        question = (
            select(BudgetChallenge, Person)
            .join(Person, Person.id == BudgetChallenge.person_id)
            .where(
                BudgetChallenge.council_id == council_id,
                (BudgetChallenge.status == ChallengeStatus.OPEN).is_(is_open),
            )
        )
        last = await self.find(council_id, after) if after is not None else None
        if is_open:
            key = tuple_(BudgetChallenge.answer_by, BudgetChallenge.id)
            question = question.where(key > (last.answer_by, last.id)) if last else question
            question = question.order_by(BudgetChallenge.answer_by, BudgetChallenge.id)
        else:
            question = question.where(BudgetChallenge.id < last.id) if last else question
            question = question.order_by(BudgetChallenge.id.desc())
        return [(row[0], row[1]) for row in await self.db.execute(question.limit(limit))]
