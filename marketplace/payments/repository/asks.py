"""Questions about requests for more money."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.core.repository import Repository
from marketplace.payments.models import MoneyAsk
from marketplace.payments.states import AskStatus
from marketplace.people.models import Person


class MoneyAskRepository(Repository[MoneyAsk]):
    """Requests for more money, with who they are for."""

    model_type = MoneyAsk

    async def newest_of_person(self, council_id: UUID, person_id: UUID, limit: int) -> Sequence[MoneyAsk]:
        """Return a person's requests, newest first."""
        question = self.of(council_id).where(MoneyAsk.person_id == person_id)
        return await self.every(question.order_by(MoneyAsk.asked_at.desc(), MoneyAsk.id.desc()).limit(limit))

    async def waiting_of_person(self, council_id: UUID, person_id: UUID) -> int:
        """Count a person's requests that nobody has answered."""
        question = select(func.count()).where(
            MoneyAsk.council_id == council_id, MoneyAsk.person_id == person_id, MoneyAsk.status == AskStatus.WAITING
        )
        return int(await self.db.scalar(question) or 0)

    async def listed(self, council_id: UUID, *, is_waiting: bool, limit: int) -> Sequence[Row[MoneyAsk, Person]]:
        """Return requests with their people: those that wait, the oldest first, or the newest answers."""
        question = (
            select(MoneyAsk, Person)
            .join(Person, Person.id == MoneyAsk.person_id)
            .where(MoneyAsk.council_id == council_id)
            .limit(limit)
        )
        if is_waiting:
            question = question.where(MoneyAsk.status == AskStatus.WAITING).order_by(MoneyAsk.asked_at, MoneyAsk.id)
        else:
            question = question.where(MoneyAsk.status != AskStatus.WAITING)
            question = question.order_by(MoneyAsk.answered_at.desc(), MoneyAsk.id)
        return (await self.db.execute(question)).all()
