"""Asking the council for more money: the managers read it, one of them answers, and the person reads the answer.

A request moves no money. What was agreed once is paid in by finance, and what was agreed for each week comes with the
next budget: both are told to finance in the moment of the answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.core import outbox
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.messaging import MessagingService, delivery
from marketplace.payments.errors import NotYourAnswer
from marketplace.payments.events import MoneyAskAnswered
from marketplace.payments.models import MoneyAsk
from marketplace.payments.repository.asks import MoneyAskRepository
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.states import MONEY_ASK, AskStatus
from marketplace.people.models import Person

MOST_WAITING = 3
"""Requests of one person that may wait at a time: more is a mistake, or belongs into one of them."""
SHOWN = 100


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """How much more is needed, how often, and why."""

    amount_pence: int
    is_weekly: bool
    reason: str


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the council answers."""

    is_agreed: bool
    answer: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "AnswerForm":
        """Read it.

        Raises:
            InvalidInput: Something is missing or too long.
        """
        form = FormReader(data)
        decision = form.option("decision", "yes or no", ("agree", "refuse"))
        answer = form.text("answer", "your answer", longest=1000)
        form.done()
        return cls(is_agreed=decision == "agree", answer=answer)


class AskService:
    """Passes requests for more money on, and the answers back."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.asks = MoneyAskRepository(db)

    async def ask(self, principal: Principal, form: AskForm) -> MoneyAsk:
        """Send a request to the council's managers. Nothing of the person's budget changes: a manager decides (P5).

        Raises:
            NotFound: No person of this council.
            InvalidInput: As many as may wait are waiting.
        """
        principal.require(Permission.MONEY_OWN)
        person_id, council_id = principal.need_person(), principal.council_id
        person = await DirectPaymentRepository(self.db).person(council_id, person_id)
        if person is None:
            raise NotFound
        if await self.asks.waiting_of_person(council_id, person_id) >= MOST_WAITING:
            message = f"{MOST_WAITING} of your requests wait for an answer. Wait for one of them first"
            raise InvalidInput({"amount": message})
        row = MoneyAsk(
            council_id=council_id,
            person_id=person_id,
            status=AskStatus.WAITING,
            amount_pence=form.amount_pence,
            is_weekly=form.is_weekly,
            reason=form.reason,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        MONEY_ASK.begin(self.db, row, by=principal.user_id)
        self._record(principal, "payments.ask_for_more", row, why=form.reason)
        context: dict[str, Any] = {
            "reference": person.reference,
            "amount_pence": form.amount_pence,
            "is_weekly": form.is_weekly,
            "reason": form.reason,
            "asked_by": principal.name,
            "acting_for": principal.acting_for or "",
            "link": f"{delivery.settings().public_url}/money-requests/{row.id}",
        }
        await MessagingService(self.db).tell(council_id, "more_money_asked", context, role=Role.MANAGER)
        return row

    async def listed(self, principal: Principal, *, is_waiting: bool) -> Sequence[Row[MoneyAsk, Person]]:
        """Return what waits, the oldest first, or the newest answers."""
        principal.require(Permission.MONEY_ASKS_ANSWER)
        return await self.asks.listed(principal.council_id, is_waiting=is_waiting, limit=SHOWN)

    async def find(self, principal: Principal, ask_id: UUID) -> tuple[MoneyAsk, Person]:
        """Return one request and who it is for.

        Raises:
            NotFound: Another council's, or none.
        """
        principal.require(Permission.MONEY_ASKS_ANSWER)
        row = await self.asks.find(principal.council_id, ask_id)
        person = await DirectPaymentRepository(self.db).person(principal.council_id, row.person_id)
        if person is None:
            raise NotFound
        return row, person

    async def answer(self, principal: Principal, ask_id: UUID, form: AnswerForm) -> MoneyAsk:
        """Answer a request; the person is told, and of a yes finance, too.

        Raises:
            NotFound: Another council's, or none.
            NotYourAnswer: Who asked, for themselves or for somebody, does not answer.
            StepRefused: It was answered before.
        """
        principal.require(Permission.MONEY_ASKS_ANSWER)
        row = await self.asks.find(principal.council_id, ask_id, locked=True)
        if row.asked_by_user_id == principal.user_id:
            raise NotYourAnswer("You asked for this, so somebody else answers.")
        before = {"status": row.status}
        to = AskStatus.AGREED if form.is_agreed else AskStatus.REFUSED
        MONEY_ASK.move(self.db, row, to, by=principal.user_id, why=form.answer)
        row.answer = form.answer
        row.answered_by_user_id, row.answered_at = principal.user_id, self.clock.now()
        await self.db.flush()
        self._record(principal, "payments.answer_money_ask", row, before=before, why=form.answer)
        outbox.publish(
            self.db,
            MoneyAskAnswered(
                council_id=row.council_id, person_id=row.person_id, ask_id=row.id, is_agreed=form.is_agreed
            ),
        )
        return row

    def _record(
        self, principal: Principal, action: str, row: MoneyAsk, *, before: dict[str, Any] | None = None, why: str
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="person",
            subject_id=row.person_id,
            before=before,
            after={
                "ask_id": row.id,
                "status": row.status,
                "amount_pence": row.amount_pence,
                "is_weekly": row.is_weekly,
            },
            why=why,
        )
