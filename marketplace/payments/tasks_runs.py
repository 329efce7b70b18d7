"""Background work of payment runs and bank details: everybody concerned is told."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import plural
from marketplace.messaging import MessagingService
from marketplace.payments.events import (
    BankDetailsChecked,
    BankDetailsEntered,
    PaymentReturned,
    PaymentRunRejected,
    PaymentRunReleased,
)
from marketplace.payments.models import BankAccount
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.repository.runs import PaymentRunRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.returned_files import RETURN_CODES
from marketplace.payments.schemas import run_number
from marketplace.payments.service.bank_details import masked
from marketplace.payments.states import RUN, RunStatus


@outbox.task("payments.send_remittances", on=PaymentRunReleased)
async def send_remittances(message_id: UUID, event: PaymentRunReleased) -> None:
    """Each payee of a released run hears what is paid, when and for which bills."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.send_remittances", message_id):
            return
        runs = PaymentRunRepository(db)
        run = await runs.find(event.council_id, event.run_id)
        lines = await runs.lines(run.id)
        names = await runs.names(line.organisation_id for line in lines)
        council_name = await _council_name(db, event.council_id)
        bills: dict[UUID, list[tuple[str, int]]] = {}
        for bill in await runs.bills(run.id):
            bills.setdefault(bill.line_id, []).append((bill.number, bill.amount_pence))
        for line in lines:
            context = {
                "council_name": council_name,
                "organisation_name": names[line.organisation_id],
                "run_number": run_number(run.number),
                "pay_on": run.pay_on,
                "reference": line.reference,
                "total_pence": line.amount_pence,
                "account": masked(line),
                "bills": bills.get(line.id, []),
            }
            await MessagingService(db).tell(
                event.council_id, "remittance_advice", context, organisation_id=line.organisation_id
            )


@outbox.task("payments.tell_rejected", on=PaymentRunRejected)
async def tell_rejected(message_id: UUID, event: PaymentRunRejected) -> None:
    """Who made and who released a run that the bank refused hear of it; its payees hear that they wait."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_rejected", message_id):
            return
        runs = PaymentRunRepository(db)
        run = await runs.find(event.council_id, event.run_id)
        [step] = [
            row for row in await SelfBillRepository(db).steps(RUN.kind, run.id) if row.to_status == RunStatus.REJECTED
        ]
        by = await AccountRepository(db).names({step.by_user_id} if step.by_user_id else set())
        messaging = MessagingService(db)
        context: dict[str, Any] = {
            "run_number": run_number(run.number),
            "payments": plural(run.line_count, "payment"),
            "total_pence": run.total_pence,
            "reason": run.cancel_reason,
            "user_name": next(iter(by.values()), "Finance"),
        }
        for user_id in (run.made_by_user_id, run.released_by_user_id):
            if user_id is not None:
                await messaging.tell(event.council_id, "run_rejected", context, user_id=user_id)
        lines = await runs.lines(run.id)
        names = await runs.names(line.organisation_id for line in lines)
        council_name = await _council_name(db, event.council_id)
        bills: dict[UUID, list[str]] = {}
        for bill in await runs.bills(run.id):
            bills.setdefault(bill.line_id, []).append(bill.number)
        for line in lines:
            told = {
                "council_name": council_name,
                "organisation_name": names[line.organisation_id],
                "pay_on": run.pay_on,
                "total_pence": line.amount_pence,
                "bills": bills.get(line.id, []),
            }
            await messaging.tell(event.council_id, "payment_delayed", told, organisation_id=line.organisation_id)


@outbox.task("payments.tell_returned", on=PaymentReturned)
async def tell_returned(message_id: UUID, event: PaymentReturned) -> None:
    """The payee hears that a payment came back, why, and what to do; finance hears, too."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_returned", message_id):
            return
        runs = PaymentRunRepository(db)
        run = await runs.find(event.council_id, event.run_id)
        line = await runs.line(event.council_id, event.line_id)
        if line is None:
            return
        organisation = await SelfBillRepository(db).organisation(event.organisation_id)
        context = {
            "council_name": await _council_name(db, event.council_id),
            "organisation_name": organisation.name,
            "total_pence": line.amount_pence,
            "returned_on": line.returned_on,
            "reason": RETURN_CODES.get(event.code, "Another reason").lower(),
            "account": masked(line),
            "run_number": run_number(run.number),
            "bills": [bill.number for bill in await runs.bills(run.id, [line.id])],
        }
        messaging = MessagingService(db)
        await messaging.tell(event.council_id, "payment_returned", context, organisation_id=event.organisation_id)
        await messaging.tell(event.council_id, "payment_returned_finance", context, role=Role.FINANCE)


@outbox.task("payments.tell_bank_details_entered", on=BankDetailsEntered)
async def tell_bank_details_entered(message_id: UUID, event: BankDetailsEntered) -> None:
    """Everybody of the organisation and its old contacts hear of new details, so that a stranger's change is noticed.

    Finance hears that there is something to check.
    """
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_bank_details_entered", message_id):
            return
        context = await _bank_context(db, event)
        messaging = MessagingService(db)
        await messaging.tell(event.council_id, "bank_details_entered", context, organisation_id=event.organisation_id)
        if context["is_change"]:
            await _tell_old_contacts(db, event, context)
        for role in (Role.FINANCE, Role.FINANCE_CHECKER):
            await messaging.tell(event.council_id, "bank_details_to_check", context, role=role)


async def _tell_old_contacts(db: AsyncSession, event: BankDetailsEntered, context: dict[str, Any]) -> None:
    """Tell whom the organisation was known by before: its office, and who entered the details that count now.

    Whoever took over an account may have thrown the others out of it first.
    """
    accounts = BankAccountRepository(db)
    organisation = await SelfBillRepository(db).organisation(event.organisation_id)
    reached = await accounts.addresses_of(event.council_id, event.organisation_id, today(clock_of(db)))
    known = await accounts.old_contacts(event.organisation_id, event.bank_account_id)
    if organisation.email:
        known.setdefault(organisation.email.lower(), organisation.name)
    for address, name in sorted(known.items()):
        if address not in reached:
            await MessagingService(db).write_to(
                event.council_id, "bank_details_entered", context, address=address, reader_name=name
            )


@outbox.task("payments.tell_bank_details_checked", on=BankDetailsChecked)
async def tell_bank_details_checked(message_id: UUID, event: BankDetailsChecked) -> None:
    """The organisation hears what became of its details."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_bank_details_checked", message_id):
            return
        context = {**await _bank_context(db, event), "reason": event.reason}
        # Details may have been stopped since: a late message must not say that they count.
        is_live = event.is_accepted and context["live_from"] is not None
        if event.is_accepted and not is_live:
            return
        template = "bank_details_live" if is_live else "bank_details_refused"
        await MessagingService(db).tell(event.council_id, template, context, organisation_id=event.organisation_id)


async def _bank_context(db: AsyncSession, event: BankDetailsEntered | BankDetailsChecked) -> dict[str, Any]:
    accounts: list[BankAccount] = list(await BankAccountRepository(db).of_organisation(event.organisation_id, 1_000))
    account = next(row for row in accounts if row.id == event.bank_account_id)
    organisation = await SelfBillRepository(db).organisation(event.organisation_id)
    return {
        "organisation_name": organisation.name,
        "council_name": await _council_name(db, event.council_id),
        "account": masked(account),
        "live_from": account.live_from,
        "is_change": any(row.live_from is not None for row in accounts if row.id != account.id),
    }


async def _council_name(db: AsyncSession, council_id: UUID) -> str:
    council = await AccountRepository(db).council(council_id)
    return council.name if council else "the council"
