"""Tells of payment runs: made, released, sent to the bank, and a payment that came back."""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.bacs import BacsCredit, BacsFile, is_processing_day, next_processing_day, render_bacs18
from marketplace.payments.models import BankAccount, PaymentRun, PaymentRunInvoice, PaymentRunLine, ReturnedItem
from marketplace.payments.states import InvoiceStatus, PayableStatus, RunStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.money.bills import Bill
from marketplace.reporting.demo.money.shared import MoneyTeller
from marketplace.reporting.demo.world import Council, World, working_day

RETURN_CODE = "B"
"""Account closed."""


class RunTeller(MoneyTeller):
    """Writes the payment runs of one council."""

    def __init__(self, world: World, council: Council) -> None:
        super().__init__(world, council)
        self.made = 0
        self.accounts = {row["organisation_id"]: row for row in world.book.of(BankAccount) if row["organisation_id"]}
        self.payer = next(row for row in world.book.of(BankAccount) if row["council_id"] == council.id)

    def run(
        self, bills: list[Bill], made_at: datetime, released_at: datetime | None, *, has_return: bool = False
    ) -> None:
        book, council = self.world.book, self.council
        maker, checker = council.staff["finance"], council.staff["finance-checker"]
        self.made += 1
        number = f"PR-{self.made:06}"
        run_id = book.id(made_at)
        pay_on = next_processing_day(next_processing_day(local(released_at or self.world.now).date()))
        if released_at is None:
            # Leaves the second person some days before the bank needs the file.
            pay_on = next_processing_day(next_processing_day(next_processing_day(pay_on)))
        why = f"Payment run {number}"
        lines = []
        for position, bill in enumerate(bills, start=1):
            account = self.accounts[bill.row["organisation_id"]]
            line = book.put(
                PaymentRunLine,
                id=book.id(made_at),
                council_id=council.id,
                run_id=run_id,
                position=position,
                organisation_id=bill.row["organisation_id"],
                account_name=account["account_name"],
                sort_code=account["sort_code"],
                account_number=account["account_number"],
                reference=bill.row["number"],
                amount_pence=bill.row["total_pence"],
                warnings=[],
                returned_on=None,
            )
            lines.append(line)
            book.put(
                PaymentRunInvoice,
                run_id=run_id,
                payable_id=bill.payable["id"],
                invoice_id=bill.row["id"],
                line_id=line["id"],
                council_id=council.id,
            )
            bill.moves.append((InvoiceStatus.IN_RUN, made_at, maker, why))
            bill.owed.append((PayableStatus.IN_RUN, made_at, maker, why))
            if released_at is not None:
                bill.moves.append((InvoiceStatus.SENT, released_at, checker, why))
                bill.owed.append((PayableStatus.SENT, released_at, checker, why))
        moves: list[Move] = [(RunStatus.MADE, made_at, maker, "")]
        self._audit("payments.make_run", "payment_run", run_id, made_at, maker, Role.FINANCE)
        if released_at is not None:
            moves.append((RunStatus.RELEASED, released_at, checker, ""))
            self._audit("payments.release_run", "payment_run", run_id, released_at, checker, Role.FINANCE_CHECKER)
        submitted_at = confirmed_at = None
        if released_at is not None:
            entries = [self._pay(line, number, released_at) for line in lines]
            submitted_at = released_at + timedelta(minutes=35)
            confirmed_at = self.world.at(_processing_day(pay_on), 15, 10)
            moves += [
                (RunStatus.SUBMITTED, submitted_at, checker, _bank_reference(self.made)),
                (RunStatus.CONFIRMED, confirmed_at, maker, ""),
            ]
            self._audit("payments.submit_run", "payment_run", run_id, submitted_at, checker, Role.FINANCE_CHECKER)
            self._audit("payments.confirm_run", "payment_run", run_id, confirmed_at, maker, Role.FINANCE)
            for bill in bills:
                bill.moves.append((InvoiceStatus.PAID, confirmed_at, maker, why))
                bill.owed.append((PayableStatus.PAID, confirmed_at, maker, why))
                bill.payable["paid_on"] = pay_on
            if has_return:
                self._return(bills[-1], lines[-1], entries[-1], number, pay_on)
        book.steps("payment_run", council.id, run_id, moves)
        book.put(
            PaymentRun,
            id=run_id,
            council_id=council.id,
            number=self.made,
            status=RunStatus(moves[-1][0]),
            pay_on=pay_on,
            total_pence=sum(line["amount_pence"] for line in lines),
            line_count=len(lines),
            made_by_user_id=maker,
            made_at=made_at,
            released_by_user_id=checker if released_at else None,
            released_at=released_at,
            file_sha256=self._file_hash(lines, pay_on, released_at, number) if released_at else None,
            exported_at=submitted_at,
            export_count=1 if submitted_at else 0,
            cancel_reason="",
            is_rehearsal=False,
            submitted_at=submitted_at,
            submitted_by_user_id=checker if submitted_at else None,
            submission_reference=_bank_reference(self.made) if submitted_at else "",
            confirmed_at=confirmed_at,
            confirmed_by_user_id=maker if confirmed_at else None,
        )

    def _return(self, bill: Bill, line: dict[str, Any], entry_id: UUID, number: str, pay_on: date) -> None:
        """Tell of a payment that came back two days after it should have arrived: it is owed again."""
        returned_at = self.world.at(working_day(pay_on + timedelta(days=2)), 9, 20)
        finance, on = self.council.staff["finance"], local(returned_at).date()
        line["returned_on"] = on
        item_id = self.world.book.id(returned_at)
        self.world.book.put(
            ReturnedItem,
            id=item_id,
            council_id=self.council.id,
            line_id=line["id"],
            returned_on=on,
            amount_pence=line["amount_pence"],
            reference=line["reference"],
            account_ends=line["account_number"][-4:],
            code=RETURN_CODE,
            note="",
            entered_by_user_id=finance,
            entered_at=returned_at,
            settled_at=None,
            settled_note="",
        )
        self.world.book.post(
            self.council.id,
            "payment-returned",
            line["id"],
            [
                debit(Purpose.BANK_CLEARING, line["amount_pence"]),
                credit(Purpose.PAYABLE, line["amount_pence"], line["organisation_id"]),
            ],
            memo=f"Returned payment of payment run {number}",
            at=returned_at,
            on=on,
            reverses_id=entry_id,
        )
        why = "Came back from the bank: account closed"
        bill.moves.append((InvoiceStatus.APPROVED, returned_at, finance, why))
        bill.owed.append((PayableStatus.OPEN, returned_at, finance, why))
        bill.payable["paid_on"] = None
        self._audit("payments.enter_returned", "returned_item", item_id, returned_at, finance, Role.FINANCE)

    def _pay(self, line: dict[str, Any], number: str, at: datetime) -> UUID:
        return self.world.book.post(
            self.council.id,
            "payment-run-line",
            line["id"],
            [
                debit(Purpose.PAYABLE, line["amount_pence"], line["organisation_id"]),
                credit(Purpose.BANK_CLEARING, line["amount_pence"]),
            ],
            memo=f"Payment run {number}",
            at=at,
            on=local(at).date(),
        )

    def _file_hash(self, lines: list[dict[str, Any]], pay_on: date, released_at: datetime, number: str) -> str:
        """Hash the bank file of a run as its release did."""
        file = BacsFile(
            service_user_number=self.payer["service_user_number"],
            serial=f"{self.made:06}",
            file_number=self.made,
            created_on=local(released_at).date(),
            processing_on=_processing_day(pay_on),
            sort_code=self.payer["sort_code"],
            account_number=self.payer["account_number"],
            account_name=self.payer["account_name"],
            contra_narrative=number,
            credits=tuple(
                BacsCredit(
                    sort_code=line["sort_code"],
                    account_number=line["account_number"],
                    account_name=line["account_name"],
                    amount_pence=line["amount_pence"],
                    reference=line["reference"],
                )
                for line in lines
            ),
        )
        return hashlib.sha256(render_bacs18(file)).hexdigest()


def _processing_day(pay_on: date) -> date:
    """The day on which the bank processes what arrives on `pay_on`."""
    day = pay_on - timedelta(days=1)
    while not is_processing_day(day):
        day -= timedelta(days=1)
    return day


def _bank_reference(number: int) -> str:
    return f"EXAMPLE-{number:04}"
