"""The verbs of a money audit: open, ask, answer, decide, close. Finance and the person read the same rows."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.accounts.council_settings import setting_by_day
from marketplace.bookings import purse_of
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import pounds
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.errors import AuditClosed
from marketplace.payments.events import MoneyAuditAnswered, MoneyAuditAsked, MoneyAuditClosed
from marketplace.payments.models import AuditItem, DirectPaymentAudit
from marketplace.payments.repository.audits import MoneyAuditRepository, Spend
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.service.account.rules import Instalment, Surplus, instalments_of
from marketplace.payments.service.money_audit.risk import Facts, reasons_of, sample, why_ask
from marketplace.payments.states import AUDIT_ITEM, MONEY_AUDIT, AuditItemStatus, AuditStatus
from marketplace.people.income import direct_own_weekly, own_part, paydays
from marketplace.people.models import Person

LONGEST_PERIOD = timedelta(days=366)
OLD_UNPAID = timedelta(weeks=4)


class Question(msgspec.Struct, frozen=True):
    """One thing that is asked about."""

    item: AuditItem
    spend: Spend | None
    """None when the payment was taken back since."""
    receipts: list[tuple[UUID, str]]
    """(file, name) each."""


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of an audit, for finance and for the person alike."""

    row: DirectPaymentAudit
    person: Person
    spends: list[tuple[Spend, str]]
    """All spending of the period, with why it might be asked about; "" where visits prove it."""
    questions: list[Question]
    instalments: list[Instalment]
    keep_weeks: int

    @property
    def last_on(self) -> date:
        """Last day of the period."""
        return self.row.ends_on - timedelta(days=1)

    @property
    def to_answer(self) -> list[Question]:
        """What the person has not answered."""
        waiting = (AuditItemStatus.ASKED, AuditItemStatus.QUESTIONED)
        return [one for one in self.questions if one.item.status in waiting]


class CloseForm(msgspec.Struct, frozen=True, kw_only=True):
    """How an audit ends."""

    outcome: str
    reclaim_pence: int
    instalments: int


class MoneyAuditService:
    """Opens audits and takes them to their end. Each verb locks the audit first."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.audits = MoneyAuditRepository(db)

    # Finance

    async def open(self, principal: Principal, person_id: UUID, starts_on: date, ends_on: date) -> DirectPaymentAudit:
        """Look at a direct payment over [starts_on, ends_on): score it and choose what to ask about.

        Raises:
            NotFound: No person of this council with a direct payment.
            InvalidInput: A period that is not over, is too long, or another look that is still open.
        """
        principal.require(Permission.MONEY_AUDIT)
        council_id, now = principal.council_id, today(self.clock)
        accounts = DirectPaymentRepository(self.db)
        if await accounts.person(council_id, person_id) is None or not await accounts.has_account(
            council_id, person_id, now
        ):
            raise NotFound
        if ends_on > now + timedelta(days=1):
            raise InvalidInput({"last_on": "The last day must be today or in the past"})
        if not starts_on < ends_on <= starts_on + LONGEST_PERIOD:
            raise InvalidInput({"last_on": "The last day must be after the first, at most a year later"})
        # The account's lock keeps two people from opening the same look at once.
        await LedgerService(self.db).locked_balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
        newest = await self.audits.maybe(self.audits.of_person(council_id, person_id))
        if newest is not None and newest.status is not AuditStatus.CLOSED:
            raise InvalidInput({"last_on": "A check of this account is open already. Close it first"})
        facts = await self.facts(council_id, person_id, starts_on, ends_on)
        reasons = reasons_of(facts)
        row = DirectPaymentAudit(
            council_id=council_id,
            person_id=person_id,
            status=AuditStatus.OPEN,
            starts_on=starts_on,
            ends_on=ends_on,
            risk_points=sum(one.points for one in reasons),
            risk_reasons=[one.as_json() for one in reasons],
            spent_pence=facts.spent_pence,
            proven_pence=facts.proven_pence,
            surplus_pence=facts.surplus_pence,
            opened_by_user_id=principal.user_id,
            opened_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        MONEY_AUDIT.begin(self.db, row, by=principal.user_id)
        most = int(await setting(self.db, council_id, "payments.audit_sample", now))
        for spend, why in sample(facts.spends, facts.threshold_pence, most):
            item = AuditItem(
                council_id=council_id,
                audit_id=row.id,
                movement_id=spend.movement_id,
                booking_id=spend.booking_id,
                why=why,
                status=AuditItemStatus.ASKED,
            )
            self.db.add(item)
            await self.db.flush()
            AUDIT_ITEM.begin(self.db, item, by=principal.user_id)
        self._record(principal, "payments.open_money_audit", row, {"risk_points": row.risk_points})
        return row

    async def ask(self, principal: Principal, audit_id: UUID) -> DirectPaymentAudit:
        """Send the questions to the person.

        Raises:
            InvalidInput: There is nothing to ask.
            StepRefused: They were sent before, or it is closed.
        """
        principal.require(Permission.MONEY_AUDIT)
        row = await self.audits.find(principal.council_id, audit_id, locked=True)
        items = await self.audits.items(row.id)
        if not items:
            raise InvalidInput({"ask": "Visits prove everything, so there is nothing to ask. Close the check"})
        await self._send(principal, row, len(items))
        return row

    async def decide(
        self, principal: Principal, audit_id: UUID, item_id: UUID, *, is_accepted: bool, words: str
    ) -> AuditItem:
        """Accept an answer, or say what is missing; then the person is asked again.

        Raises:
            NotFound: No such question in this council.
            StepRefused: It has no answer yet, or was accepted before.
            AuditClosed: It is over.
        """
        principal.require(Permission.MONEY_AUDIT)
        row = await self._open_audit(principal.council_id, audit_id)
        item = await self._item(row, item_id)
        if not is_accepted and not words:
            raise InvalidInput({f"decision-{item_id}": "Enter what is missing"})
        to = AuditItemStatus.ACCEPTED if is_accepted else AuditItemStatus.QUESTIONED
        AUDIT_ITEM.move(self.db, item, to, by=principal.user_id)
        item.decision, item.decided_by_user_id, item.decided_at = words, principal.user_id, self.clock.now()
        await self.db.flush()
        if not is_accepted and row.status is AuditStatus.ANSWERED:
            await self._send(principal, row, 1)
        self._record(principal, "payments.decide_audit_item", row, {"item_id": item.id, "status": to}, words)
        return item

    async def close(self, principal: Principal, audit_id: UUID, form: CloseForm) -> DirectPaymentAudit:
        """End an audit with words and, where more is held than people may keep, what is asked back and how.

        Nothing is taken by this: each instalment is recorded when it has come (`MovementService.reclaim`).

        Raises:
            InvalidInput: More is asked back than the surplus, or no outcome is written.
            StepRefused: It is closed.
        """
        principal.require(Permission.MONEY_AUDIT)
        row = await self.audits.find(principal.council_id, audit_id, locked=True)
        surplus = await self.surplus(row.council_id, row.person_id)
        row.surplus_pence = surplus.surplus_pence if surplus else 0
        if form.reclaim_pence > row.surplus_pence:
            raise InvalidInput(
                {"reclaim": f"The surplus is {pounds(row.surplus_pence)} today. Ask for no more than that back"}
            )
        MONEY_AUDIT.move(self.db, row, AuditStatus.CLOSED, by=principal.user_id)
        row.outcome, row.reclaim_pence, row.instalments = form.outcome, form.reclaim_pence, form.instalments
        row.closed_by_user_id, row.closed_at = principal.user_id, self.clock.now()
        await self.db.flush()
        facts = {"reclaim_pence": form.reclaim_pence, "instalments": form.instalments}
        self._record(principal, "payments.close_money_audit", row, facts, form.outcome)
        outbox.publish(
            self.db,
            MoneyAuditClosed(
                council_id=row.council_id, person_id=row.person_id, audit_id=row.id, reclaim_pence=row.reclaim_pence
            ),
        )
        return row

    # The person

    async def answer(self, principal: Principal, audit_id: UUID, item_id: UUID, words: str) -> AuditItem:
        """Answer a question. Once all are answered finance hears of it.

        Raises:
            NotFound: Not the person's.
            AuditClosed: It is over, or was not sent yet.
            StepRefused: It was answered before.
        """
        principal.require(Permission.MONEY_OWN)
        question = self.audits.of_person(principal.council_id, principal.need_person())
        row = await self.audits.one(question.where(DirectPaymentAudit.id == audit_id), locked=True)
        if row.status not in (AuditStatus.ASKED, AuditStatus.ANSWERED):
            raise AuditClosed("Nothing is asked here now.")
        item = await self._item(row, item_id)
        AUDIT_ITEM.move(self.db, item, AuditItemStatus.ANSWERED, by=principal.user_id)
        item.answer, item.answered_by_user_id, item.answered_at = words, principal.user_id, self.clock.now()
        await self.db.flush()
        self._record(principal, "payments.answer_audit_item", row, {"item_id": item.id})
        waiting = (AuditItemStatus.ASKED, AuditItemStatus.QUESTIONED)
        if row.status is AuditStatus.ASKED and all(
            one.status not in waiting for one in await self.audits.items(row.id)
        ):
            MONEY_AUDIT.move(self.db, row, AuditStatus.ANSWERED, by=principal.user_id)
            outbox.publish(
                self.db, MoneyAuditAnswered(council_id=row.council_id, person_id=row.person_id, audit_id=row.id)
            )
        return item

    # Both

    async def view(self, principal: Principal, audit_id: UUID) -> AuditView:
        """Return everything of an audit. Finance and the person get the same.

        Raises:
            NotFound: Another council's, or another person's.
        """
        if principal.may(Permission.MONEY_AUDIT):
            row = await self.audits.find(principal.council_id, audit_id)
        else:
            principal.require(Permission.MONEY_OWN)
            question = self.audits.of_person(principal.council_id, principal.need_person())
            row = await self.audits.one(question.where(DirectPaymentAudit.id == audit_id))
        return await self.view_of(row)

    async def view_of(self, row: DirectPaymentAudit) -> AuditView:
        """Return everything of an audit that was found for its reader."""
        person = await DirectPaymentRepository(self.db).person(row.council_id, row.person_id)
        if person is None:
            raise NotFound
        opened_on = local(row.opened_at).date()
        threshold = int(await setting(self.db, row.council_id, "payments.audit_threshold_pence", opened_on))
        keep_weeks = int(await setting(self.db, row.council_id, "payments.surplus_weeks", opened_on))
        every_weeks = int(await setting(self.db, row.council_id, "payments.pay_every_weeks", opened_on))
        spends = await self.audits.spending(row.council_id, row.person_id, row.starts_on, row.ends_on)
        items = await self.audits.items(row.id)
        movement_ids = [item.movement_id for item in items if item.movement_id]
        booking_ids = [item.booking_id for item in items if item.booking_id]
        receipts = await MoneyRepository(self.db).receipts_of(movement_ids, booking_ids)
        by_id = {one.id: one for one in spends}
        questions = []
        for item in items:
            subject = item.movement_id or item.booking_id
            files = [(stored.id, stored.name) for _, stored in receipts.get(subject, [])] if subject else []
            questions.append(Question(item, by_id.get(subject) if subject else None, files))
        first_on = local(row.closed_at).date() + timedelta(days=28) if row.closed_at else opened_on
        return AuditView(
            row=row,
            person=person,
            spends=[(one, why_ask(one, threshold)) for one in spends],
            questions=questions,
            instalments=instalments_of(row.reclaim_pence, row.instalments, first_on, every_weeks),
            keep_weeks=keep_weeks,
        )

    async def surplus(self, council_id: UUID, person_id: UUID) -> Surplus | None:
        """Apply the council's surplus rule today; None without a direct payment that runs."""
        purse = await purse_of(self.db, council_id, person_id)
        if purse is None:
            return None
        weeks = int(await setting(self.db, council_id, "payments.surplus_weeks", today(self.clock)))
        return Surplus(keep_weeks=weeks, weekly_pence=purse.weekly_pence, free_pence=purse.free_pence)

    async def facts(self, council_id: UUID, person_id: UUID, starts_on: date, ends_on: date) -> Facts:
        """Gather what the score of a period is made from."""
        now = today(self.clock)
        money = MoneyRepository(self.db)
        surplus = await self.surplus(council_id, person_id)
        due, weekly_own = await self.contribution_due(council_id, person_id, starts_on, min(now, ends_on))
        paid = await money.contributed(council_id, person_id, starts_on)
        owed = await money.owed_visits(council_id, person_id)
        return Facts(
            spends=await self.audits.spending(council_id, person_id, starts_on, ends_on),
            threshold_pence=int(await setting(self.db, council_id, "payments.audit_threshold_pence", now)),
            surplus_pence=surplus.surplus_pence if surplus else 0,
            contribution_short_pence=max(0, due - paid),
            weekly_own_pence=weekly_own,
            corrections=await self.audits.corrections(council_id, person_id, starts_on, ends_on),
            old_unpaid=sum(1 for one in owed if one.visit_on < now - OLD_UNPAID),
            was_checked_before=await self.audits.has_closed(council_id, person_id),
        )

    async def contribution_due(
        self, council_id: UUID, person_id: UUID, starts_on: date, until: date
    ) -> tuple[int, int]:
        """Return what the person was to pay in themselves in [starts_on, until], and that a week now, pence."""
        now = today(self.clock)
        every_weeks = await setting_by_day(self.db, council_id, "payments.pay_every_weeks")
        budgets = await DirectPaymentRepository(self.db).budgets(council_id, person_id)
        due = sum(
            own_part(budget, day, day + timedelta(days=days))
            for budget in budgets
            for day, days in paydays(budget, starts_on - timedelta(days=1), until, every_weeks)
        )
        weekly = next((direct_own_weekly(budget) for budget in budgets if budget.starts_on <= now), 0)
        return due, weekly

    async def _send(self, principal: Principal, row: DirectPaymentAudit, items: int) -> None:
        MONEY_AUDIT.move(self.db, row, AuditStatus.ASKED, by=principal.user_id)
        now = today(self.clock)
        days = int(await setting(self.db, row.council_id, "payments.audit_answer_days", now))
        row.answer_by = now + timedelta(days=days)
        await self.db.flush()
        self._record(principal, "payments.ask_money_audit", row, {"items": items, "answer_by": row.answer_by})
        outbox.publish(
            self.db,
            MoneyAuditAsked(
                council_id=row.council_id,
                person_id=row.person_id,
                audit_id=row.id,
                items=items,
                answer_by=row.answer_by,
            ),
        )

    async def _open_audit(self, council_id: UUID, audit_id: UUID) -> DirectPaymentAudit:
        row = await self.audits.find(council_id, audit_id, locked=True)
        if row.status is AuditStatus.CLOSED:
            raise AuditClosed("This check of the money is closed.")
        return row

    async def _item(self, row: DirectPaymentAudit, item_id: UUID) -> AuditItem:
        item = await self.audits.item(row.council_id, row.id, item_id)
        if item is None:
            raise NotFound
        return item

    def _record(
        self, principal: Principal, action: str, row: DirectPaymentAudit, after: Mapping[str, object], why: str = ""
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="person",
            subject_id=row.person_id,
            after={"audit_id": row.id, **after},
            why=why,
        )


def labels_of(items: Sequence[AuditItem]) -> dict[UUID, str]:
    """Return what each question's state is called."""
    words = {
        AuditItemStatus.ASKED: "To answer",
        AuditItemStatus.ANSWERED: "Answered",
        AuditItemStatus.ACCEPTED: "Accepted",
        AuditItemStatus.QUESTIONED: "More is needed",
    }
    return {item.id: words[item.status] for item in items}
