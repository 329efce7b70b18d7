"""Tells of self-bills: who agreed to them, what they say, and their approval."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.models import AccrualKind, Invoice, InvoiceKind, InvoiceLine, Payable, SelfBillingAgreement
from marketplace.payments.states import InvoiceStatus, LineStatus, PayableStatus, SelfBillingStatus
from marketplace.providers.models import Organisation, VatCategory
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.money.shared import MoneyTeller
from marketplace.reporting.demo.parties import bill_parties
from marketplace.reporting.demo.world import Council, World, working_day

TERMS_DAYS = 30
AGREED_DAYS = 240
"""For how many days from today the self-billing agreements still run."""


class Bill(msgspec.Struct, kw_only=True):
    """A self-bill as its history ended."""

    row: dict[str, Any]
    lines: list[dict[str, Any]]
    moves: list[Move]
    payable: dict[str, Any] = {}
    """What is owed, once it was approved."""
    owed: list[Move] = []


class BillTeller(MoneyTeller):
    """Writes the self-bills of one council for what was earned."""

    def __init__(self, world: World, council: Council, accruals: list[dict[str, Any]]) -> None:
        super().__init__(world, council)
        self.accruals = accruals
        self.agreements: dict[UUID, UUID] = {}
        self.written = 0

    def agree(self) -> None:
        """Let everybody who earned something sign a self-billing agreement in the demo's first days."""
        book, finance = self.world.book, self.council.staff["finance"]
        names = {row["id"]: row["name"] for row in book.of(Organisation)}
        offered_at = self.world.at(self.world.starts_on, 9, 5)
        signed_at = self.world.at(self.world.starts_on, 15, 40)
        for organisation_id in dict.fromkeys(row["organisation_id"] for row in self.accruals):
            agreement_id = book.id(offered_at)
            self.agreements[organisation_id] = agreement_id
            book.put(
                SelfBillingAgreement,
                id=agreement_id,
                council_id=self.council.id,
                organisation_id=organisation_id,
                status=SelfBillingStatus.SIGNED,
                starts_on=self.world.starts_on,
                ends_on=self.world.today + timedelta(days=AGREED_DAYS),
                vat_number="",
                offered_by_user_id=finance,
                offered_at=offered_at,
                signed_name=f"For {names[organisation_id]}",
                signed_by_user_id=None,
                signed_at=signed_at,
                ended_on=None,
                end_reason="",
            )
            moves: list[Move] = [
                (SelfBillingStatus.OFFERED, offered_at, finance, "The council asks you to agree to self-billing"),
                (SelfBillingStatus.SIGNED, signed_at, None, ""),
            ]
            book.steps("self_billing_agreement", self.council.id, agreement_id, moves)

    def bills_of(self, month: date, following: date) -> list[Bill]:
        """Make one bill for each organisation that earned something in a month and had it approved by then."""
        issued_at = self.world.at(working_day(following + timedelta(days=1)), 9, 30)
        issued_on = local(issued_at).date()
        finance = self.council.staff["finance"]
        groups: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for row in self.accruals:
            if row["earned_on"] < following and row["invoice_id"] is None and row["created_at"] <= issued_at:
                groups[row["organisation_id"]].append(row)
        bills = []
        for organisation_id, rows in groups.items():
            self.written += 1
            invoice_id = self.world.book.id(issued_at)
            row = self.world.book.put(
                Invoice,
                id=invoice_id,
                council_id=self.council.id,
                organisation_id=organisation_id,
                kind=InvoiceKind.SELF_BILL,
                number=f"SB-{self.written:06}",
                status=InvoiceStatus.ISSUED,
                period_starts_on=min(month, min(row["earned_on"] for row in rows)),
                period_ends_on=following,
                issued_on=issued_on,
                received_on=issued_on,
                due_on=issued_on + timedelta(days=TERMS_DAYS),
                net_pence=sum(row["amount_pence"] for row in rows),
                vat_pence=0,
                supplier_number="",
                buyer_reference="",
                parties=bill_parties(self.world, self.council, organisation_id),
                credits_id=None,
                self_billing_agreement_id=self.agreements[organisation_id],
                batch_id=None,
                reason="",
                submitted_by_user_id=None,
                version=1,
                total_pence=sum(row["amount_pence"] for row in rows),
                hold_reason="",
                approved_by_user_id=None,
                approved_at=None,
                created_at=issued_at,
            )
            lines: list[dict[str, Any]] = []
            for position, accrual in enumerate(sorted(rows, key=lambda row: (row["earned_on"], row["id"])), start=1):
                accrual["invoice_id"] = invoice_id
                line_id = self.world.book.id(issued_at)
                line = self.world.book.put(
                    InvoiceLine,
                    id=line_id,
                    status=LineStatus.CLEAN,
                    is_credit=False,
                    credits_line_id=None,
                    booking_id=accrual["source_id"] if accrual["kind"] is AccrualKind.VISIT else None,
                    service_on=accrual["earned_on"],
                    claimed_pence=None,
                    vat_pence=0,
                    vat_category=VatCategory.NOT_REGISTERED,
                    vat_rate=0,
                    vat_reason="",
                    asked={},
                    reason_code=None,
                    held_at=None,
                    payable_id=None,
                    council_id=self.council.id,
                    invoice_id=invoice_id,
                    accrual_id=accrual["id"],
                    position=position,
                    description=accrual["description"],
                    amount_pence=accrual["amount_pence"],
                )
                lines.append(line)
            self._audit("payments.make_self_bill", "invoice", invoice_id, issued_at, finance, Role.FINANCE)
            bills.append(Bill(row=row, lines=lines, moves=[(InvoiceStatus.ISSUED, issued_at, finance, "")]))
        return bills

    def approve(self, bill: Bill, at: datetime) -> None:
        row, finance = bill.row, self.council.staff["finance"]
        row["approved_by_user_id"], row["approved_at"] = finance, at
        bill.moves.append((InvoiceStatus.APPROVED, at, finance, ""))
        bill.payable = self.world.book.put(
            Payable,
            id=self.world.book.id(at),
            council_id=self.council.id,
            organisation_id=row["organisation_id"],
            invoice_id=row["id"],
            status=PayableStatus.OPEN,
            amount_pence=row["total_pence"],
            received_on=row["received_on"],
            due_on=row["due_on"],
            paid_on=None,
            created_at=at,
        )
        bill.owed.append((PayableStatus.OPEN, at, finance, ""))
        for line in bill.lines:
            line["payable_id"] = bill.payable["id"]
        self.world.book.post(
            self.council.id,
            "self-bill",
            row["id"],
            [
                debit(Purpose.ACCRUED, row["total_pence"], row["organisation_id"]),
                credit(Purpose.PAYABLE, row["total_pence"], row["organisation_id"]),
            ],
            memo=f"Self-bill {row['number']}",
            at=at,
            on=local(at).date(),
        )
        self._audit("payments.approve_self_bill", "invoice", row["id"], at, finance, Role.FINANCE)
