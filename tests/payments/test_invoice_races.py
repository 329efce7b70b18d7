"""Two people at once: one visit on one bill, one line agreed once, one payable (real transactions)."""

import asyncio
from datetime import time

from sqlalchemy import select

from marketplace.accounts import Principal
from marketplace.core.database import SessionMaker, transaction
from marketplace.core.errors import Conflict, Forbidden, InvalidInput
from marketplace.ledger import Purpose
from marketplace.payments.models import Invoice, InvoiceLine
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.service.bills import BillService
from marketplace.payments.service.credit_notes import CreditNoteService
from marketplace.payments.service.holds import HoldService
from marketplace.payments.service.invoices import InvoiceService
from marketplace.payments.states import HoldReason
from tests.browser import count
from tests.factories_invoices import Supply, file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, balance
from tests.payments.test_money_chain import broken, real

__all__ = ["real"]


async def world(real: SessionMaker) -> Supply:
    """A supplier with two approved visits, committed."""
    async with transaction(real, "every") as db:
        supply = await make_supply(db)
        await supply.visits(db, [{}, {"starts_local": time(18)}])
    return supply


async def test_a_file_and_an_invoice_sent_at_once_bill_each_visit_once(real: SessionMaker) -> None:
    supply = await world(real)
    principal, council = supply.provider.principal, supply.money.council.id
    async with transaction(real, [council]) as db:
        batch = await InvoiceService(db).check_file(principal, council, "x.csv", file_of(row_of(supply)))

    async def send_file() -> int:
        async with transaction(real, [council]) as db:
            return len(await InvoiceService(db).send_file(principal, batch.id))

    async def send_delivered() -> int:
        async with transaction(real, [council]) as db:
            return (await InvoiceService(db).send_delivered(principal, council, FEBRUARY, "A-1", 3_600)).total_pence

    answers = await asyncio.gather(send_file(), send_delivered(), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, int)]) == 1
    assert len([answer for answer in answers if isinstance(answer, InvalidInput)]) == 1
    async with transaction(real, "every") as db:
        assert await count(db, "invoices", "number = 'PI-000001'") == 1
        assert await count(db, "number_series", "series = 'provider_invoice' AND last = 1") == 1
        assert await broken(db) == []


async def test_two_approvals_of_one_bill_at_once_make_it_payable_once(real: SessionMaker) -> None:
    supply = await world(real)
    council, owner = supply.money.council.id, supply.money.organisation.id
    first, second = supply.finance.principal, supply.money.checker.principal
    async with transaction(real, [council]) as db:
        invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")

    async def approve(who: Principal) -> Invoice:
        async with transaction(real, [council]) as db:
            return await BillService(db).approve(who, invoice.id)

    answers = await asyncio.gather(approve(first), approve(first), approve(second), return_exceptions=True)
    # Who may approve hears that it is done, however often they ask; nothing of it happens twice.
    done = [answer for answer in answers if isinstance(answer, Invoice)]
    refused = [answer for answer in answers if isinstance(answer, Conflict | Forbidden)]
    assert done
    assert len(done) + len(refused) == 3
    async with transaction(real, "every") as db:
        assert await count(db, "payables") == 1
        assert await count(db, "ledger_entries", "kind = 'provider-invoice'") == 1
        assert await count(db, "steps", "subject_kind = 'invoice' AND to_status = 'approved'") == 1
        assert await balance(db, council, Purpose.PAYABLE, owner) == 3_600
        assert await balance(db, council, Purpose.ACCRUED, owner) == 0
        assert await broken(db) == []


async def test_two_finance_users_approve_agree_and_take_back_once(real: SessionMaker) -> None:
    supply = await world(real)
    council = supply.money.council.id
    first, second = supply.finance.principal, supply.money.checker.principal
    async with transaction(real, [council]) as db:
        invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
        held = (await BillRepository(db).lines(invoice.id))[1].id
        await HoldService(db).hold(first, invoice.id, [held], HoldReason.QUERIED, "Which visit?")

    async def approve(who: object) -> Invoice:
        async with transaction(real, [council]) as db:
            return await BillService(db).approve(first if who is first else second, invoice.id)

    await asyncio.gather(approve(first), approve(second), return_exceptions=True)

    async def agree() -> InvoiceLine:
        async with transaction(real, [council]) as db:
            return await HoldService(db).agree(first, held, "Yes")

    async def refuse() -> InvoiceLine:
        async with transaction(real, [council]) as db:
            return await HoldService(db).refuse(first, held, "No")

    answers = await asyncio.gather(agree(), refuse(), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, InvoiceLine)]) == 1
    assert len([answer for answer in answers if isinstance(answer, Conflict)]) == 1
    async with transaction(real, "every") as db:
        assert await count(db, "ledger_entries", "kind = 'provider-invoice'") == 1
        assert await count(db, "line_holds", "ended_at IS NOT NULL") == 1
        assert await broken(db) == []
        paid = await db.scalar(select(InvoiceLine.id).where(InvoiceLine.payable_id.is_not(None)).limit(1))
    assert paid is not None

    async def take_back(number: str) -> int:
        async with transaction(real, [council]) as db:
            note = await CreditNoteService(db).send(
                supply.provider.principal, invoice.id, {paid: 1_000}, "Shorter", number
            )
            return note.total_pence

    answers = await asyncio.gather(take_back("C-1"), take_back("C-2"), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, int)] == [1_000]
    assert len([answer for answer in answers if isinstance(answer, InvalidInput)]) == 1
    async with transaction(real, "every") as db:
        assert await broken(db) == []
