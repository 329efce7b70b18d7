"""Background work of direct-payment accounts: the council's share on its day, and who is told what."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.payments.events import (
    HoldingSet,
    MoneyAskAnswered,
    MoneyAuditAnswered,
    MoneyAuditAsked,
    MoneyAuditClosed,
)
from marketplace.payments.models import MovementKind
from marketplace.payments.repository.asks import MoneyAskRepository
from marketplace.payments.repository.audits import MoneyAuditRepository
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.service.account.holding import HOLDING_LABELS
from marketplace.payments.service.account.shares import ShareService
from marketplace.payments.service.money_audit.service import MoneyAuditService
from marketplace.people.models import Holding
from marketplace.plans.events import SetupMoved
from marketplace.plans.states import SetupStatus


@every(timedelta(hours=1), "payments.pay_council_share")
async def pay_council_share() -> None:
    """Pay in what budgets are to bring up to today; what was paid before is left alone.

    One transaction a payment: a crash loses nothing, and nobody waits for a whole council.
    """
    async with transaction(session_maker(), "every") as db:
        council_ids = await MoneyRepository(db).council_ids()
    attempts = Attempts()
    for council_id in council_ids:
        due: list[tuple[UUID, UUID, date, int, MovementKind, date | None]] = []
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                shares = ShareService(db)
                due = [
                    (one.budget.person_id, one.budget.id, day, pence, MovementKind.COUNCIL_SHARE, paid_to)
                    for one, days in await shares.due(council_id)
                    for day, pence, paid_to in days
                ] + [
                    (row.person_id, row.id, row.starts_on, row.one_off_pence, MovementKind.ONE_OFF, None)
                    for row in await shares.once_due(council_id)
                ]
        for person_id, budget_id, day, pence, kind, paid_to in due:
            with attempts.one():
                async with transaction(session_maker(), [council_id]) as db:
                    await ShareService(db).pay(council_id, person_id, budget_id, day, pence, kind, paid_to=paid_to)
    attempts.done()


@outbox.task("payments.tell_holding", on=HoldingSet)
async def tell_holding(message_id: UUID, event: HoldingSet) -> None:
    """The person hears who holds their money from when on; so does an organisation that is to hold it."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_holding", message_id):
            holding = Holding(event.holding)
            await _tell_holding(db, event.council_id, event.person_id, holding, event.organisation_id, event.starts_on)


@outbox.task("payments.tell_holding_of_setup", on=SetupMoved)
async def tell_holding_of_setup(message_id: UUID, event: SetupMoved) -> None:
    """The same where a direct payment was set up and starts: whoever arranged it, the people concerned hear of it."""
    if event.status != SetupStatus.STARTED:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_holding_of_setup", message_id):
            return
        rows = await MoneyRepository(db).arrangements(event.council_id, event.person_id)
        if rows:
            row = rows[0]
            await _tell_holding(db, event.council_id, event.person_id, row.holding, row.organisation_id, row.starts_on)


async def _tell_holding(
    db: AsyncSession,
    council_id: UUID,
    person_id: UUID,
    holding: Holding,
    organisation_id: UUID | None,
    starts_on: date,
) -> None:
    context = await _context(db, council_id, person_id)
    name = await MoneyRepository(db).organisation_name(organisation_id) if organisation_id else ""
    context |= {"starts_on": starts_on, "words": HOLDING_LABELS[holding], "organisation_name": name}
    messaging = MessagingService(db)
    await messaging.tell(council_id, "holding_set", context, person_id=person_id)
    if organisation_id:
        await messaging.tell(council_id, "fund_to_manage", context, organisation_id=organisation_id)


@outbox.task("payments.tell_money_audit_asked", on=MoneyAuditAsked)
async def tell_money_audit_asked(message_id: UUID, event: MoneyAuditAsked) -> None:
    """The person is asked about a few payments."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_money_audit_asked", message_id):
            context = await _context(db, event.council_id, event.person_id)
            context |= {"items": event.items, "answer_by": event.answer_by}
            await MessagingService(db).tell(event.council_id, "money_audit_asked", context, person_id=event.person_id)


@outbox.task("payments.tell_money_audit_answered", on=MoneyAuditAnswered)
async def tell_money_audit_answered(message_id: UUID, event: MoneyAuditAnswered) -> None:
    """Finance hears that every question has its answer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.tell_money_audit_answered", message_id):
            context = await _context(db, event.council_id, event.person_id)
            await MessagingService(db).tell(event.council_id, "money_audit_answered", context, role=Role.FINANCE)


@outbox.task("payments.tell_money_audit_closed", on=MoneyAuditClosed)
async def tell_money_audit_closed(message_id: UUID, event: MoneyAuditClosed) -> None:
    """The person gets the outcome: usually that nothing is to pay back, else the letter with its instalments."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_money_audit_closed", message_id):
            return
        row = await MoneyAuditRepository(db).find(event.council_id, event.audit_id)
        view = await MoneyAuditService(db).view_of(row)
        context = await _context(db, event.council_id, event.person_id)
        context |= {
            "starts_on": row.starts_on,
            "last_on": view.last_on,
            "outcome": row.outcome,
            "reclaim_pence": row.reclaim_pence,
            "instalments": view.instalments,
            "keep_weeks": view.keep_weeks,
        }
        await MessagingService(db).tell(event.council_id, "money_audit_closed", context, person_id=event.person_id)


@outbox.task("payments.tell_ask_answered", on=MoneyAskAnswered)
async def tell_ask_answered(message_id: UUID, event: MoneyAskAnswered) -> None:
    """The person gets the answer; finance hears of a yes, because a request moves no money by itself."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_ask_answered", message_id):
            return
        row = await MoneyAskRepository(db).find(event.council_id, event.ask_id)
        context = await _context(db, event.council_id, event.person_id)
        context |= {
            "is_agreed": event.is_agreed,
            "amount_pence": row.amount_pence,
            "is_weekly": row.is_weekly,
            "answer": row.answer,
            "link": f"{delivery.settings().public_url}/direct-payments/{event.person_id}",
        }
        messaging = MessagingService(db)
        await messaging.tell(event.council_id, "more_money_answered", context, person_id=event.person_id)
        if event.is_agreed:
            await messaging.tell(event.council_id, "more_money_agreed", context, role=Role.FINANCE)


async def _context(db: AsyncSession, council_id: UUID, person_id: UUID) -> dict[str, Any]:
    council = await AccountRepository(db).council(council_id)
    person = await DirectPaymentRepository(db).person(council_id, person_id)
    return {
        "council_name": council.name if council else "The council",
        "reference": person.reference if person else "",
    }
