"""Tells the history of finance: earnings accrue, months are billed, bills approved, runs made and released."""

import hashlib
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.core.formats import uk_date
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.bacs import BacsCredit, BacsFile, is_processing_day, next_processing_day, render_bacs18
from marketplace.payments.models import (
    Accrual,
    AccrualKind,
    BankAccount,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    NumberSeries,
    Payable,
    PaymentRun,
    PaymentRunInvoice,
    PaymentRunLine,
    ReturnedItem,
    SelfBillingAgreement,
    TariffEvent,
)
from marketplace.payments.states import InvoiceStatus, LineStatus, PayableStatus, RunStatus, SelfBillingStatus
from marketplace.plans.models import Activity, ActivityTime
from marketplace.providers.models import Organisation, ServiceLine, VatCategory
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.parties import bill_parties
from marketplace.reporting.demo.plans import SignedOff
from marketplace.reporting.demo.visits import Earned
from marketplace.reporting.demo.world import Council, World, working_day

TERMS_DAYS = 30
RETURN_CODE = "B"
"""Account closed."""
AGREED_DAYS = 240
"""For how many days from today the self-billing agreements still run."""


class _Bill(msgspec.Struct, kw_only=True):
    """A self-bill as its history ended."""

    row: dict[str, Any]
    lines: list[dict[str, Any]]
    moves: list[Move]
    payable: dict[str, Any] = {}
    """What is owed, once it was approved."""
    owed: list[Move] = []


class FinanceTeller:
    """Writes the money of one council."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.accruals: list[dict[str, Any]] = []
        self.agreements: dict[UUID, UUID] = {}
        self.bills = 0
        self.runs = 0
        self.accounts = {row["organisation_id"]: row for row in world.book.of(BankAccount) if row["organisation_id"]}
        self.payer = next(row for row in world.book.of(BankAccount) if row["council_id"] == council.id)

    def accrue(self, plans: list[SignedOff], visits: list[Earned]) -> None:
        """Write what organisations earned: the tariff of plans, the cost of visits."""
        tariff = next(item for item in self.council.text.tariffs if item.event is TariffEvent.PLAN_COMPLETED)
        pays_reviews = TariffEvent.REVIEW_HELD.value in self.council.tariffs
        for plan in plans:
            self._times(plan)
            if pays_reviews and plan.number > 1:
                # Later versions of the demo come out of a review, whose fee covers them (D13).
                continue
            fee = next(pence for limit, pence in tariff.bands if limit is None or plan.visit_minutes <= limit)
            on = local(plan.at).date()
            words = f"Support plan completed on {uk_date(on)}, {_reference(plan.version_id)}"
            self._accrual(
                AccrualKind.PLAN,
                plan.version_id,
                plan.organisation_id,
                words,
                fee,
                on,
                plan.at,
                self.council.tariffs[TariffEvent.PLAN_COMPLETED.value],
                plan,
            )
            self.world.book.post(
                self.council.id,
                "plan-tariff",
                plan.version_id,
                [debit(Purpose.PLAN_SPEND, fee), credit(Purpose.ACCRUED, fee, plan.organisation_id)],
                memo=f"Tariff of a support plan, {_reference(plan.version_id)}",
                at=plan.at,
                on=on,
            )
        for visit in visits:
            words = f"Visit on {uk_date(visit.visit_on)}, {_reference(visit.booking_id)}"
            self._accrual(
                AccrualKind.VISIT,
                visit.booking_id,
                visit.organisation_id,
                words,
                visit.cost_pence,
                visit.visit_on,
                visit.at,
                None,
            )

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

    def bill(self) -> None:
        """Bill every whole month, pay the older ones, leave the last one for the sign-ins to work on."""
        self.agree()
        this_month = self.world.today.replace(day=1)
        month = self.world.starts_on.replace(day=1)
        while month < this_month:
            following = (month + timedelta(days=32)).replace(day=1)
            bills = self._bills_of(month, following)
            if following < this_month:
                self._pay_month(bills, following)
            else:
                self._leave_for_finance(bills, following)
            for bill in bills:
                bill.row["status"] = InvoiceStatus(bill.moves[-1][0])
                self.world.book.steps("invoice", self.council.id, bill.row["id"], bill.moves)
                if bill.owed:
                    bill.payable["status"] = PayableStatus(bill.owed[-1][0])
                    self.world.book.steps("payable", self.council.id, bill.payable["id"], bill.owed)
            month = following
        for series, last in (("self_bill", self.bills), ("payment_run", self.runs)):
            self.world.book.put(NumberSeries, council_id=self.council.id, series=series, last=last)

    def _times(self, plan: SignedOff) -> None:
        """Write the time that most planners record: visits, writing, travel and what is hard to tell from planning."""
        # A source of its own: what else the demo draws stays as it is.
        rng, on = random.Random(plan.version_id.int), local(plan.at).date()  # noqa: S311 - nothing secret
        if rng.random() < 0.35:
            return
        extras = rng.sample((Activity.BROKERAGE, Activity.CHOOSING, Activity.PEER_LINKS, Activity.MONEY), 2)
        shares = (
            (Activity.VISITING, plan.visit_minutes, 9),
            (Activity.WRITING, rng.randrange(60, 200, 15), 6),
            (Activity.TRAVEL, rng.randrange(20, 100, 10), 9),
            *((extra, rng.randrange(15, 90, 15), 4) for extra in extras),
        )
        for activity, minutes, days in shares:
            worked_on = working_day(on - timedelta(days=days))
            self.world.book.add(
                ActivityTime,
                plan.at,
                council_id=self.council.id,
                plan_id=plan.plan_id,
                organisation_id=plan.organisation_id,
                worker_id=plan.worker_id,
                activity=activity,
                minutes=minutes,
                worked_on=min(worked_on, on),
                entered_by_user_id=plan.user_id,
                entered_at=plan.at,
            )

    def _accrual(
        self,
        kind: AccrualKind,
        source_id: UUID,
        organisation_id: UUID,
        words: str,
        pence: int,
        on: date,
        at: datetime,
        tariff_id: UUID | None,
        plan: SignedOff | None = None,
    ) -> None:
        self.accruals.append(
            self.world.book.put(
                Accrual,
                id=self.world.book.id(at),
                council_id=self.council.id,
                organisation_id=organisation_id,
                kind=kind,
                source_id=source_id,
                tariff_id=tariff_id,
                description=words,
                amount_pence=pence,
                working=[{"words": "Fee", "pence": pence}] if plan else [],
                minutes=plan.visit_minutes if plan else None,
                person_id=plan.person_id if plan else None,
                service_line=ServiceLine.SUPPORT_PLANNING if plan else None,
                team_id=None,
                earned_on=on,
                created_at=at,
                invoice_id=None,
            )
        )

    def _bills_of(self, month: date, following: date) -> list[_Bill]:
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
            self.bills += 1
            invoice_id = self.world.book.id(issued_at)
            row = self.world.book.put(
                Invoice,
                id=invoice_id,
                council_id=self.council.id,
                organisation_id=organisation_id,
                kind=InvoiceKind.SELF_BILL,
                number=f"SB-{self.bills:06}",
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
            bills.append(_Bill(row=row, lines=lines, moves=[(InvoiceStatus.ISSUED, issued_at, finance, "")]))
        return bills

    def _pay_month(self, bills: list[_Bill], following: date) -> None:
        if not bills:
            return
        for bill in bills:
            self._approve(bill, self.world.at(working_day(following + timedelta(days=6)), 11, 20))
        made_at = self.world.at(working_day(following + timedelta(days=12)), 10, 5)
        released_at = self.world.at(working_day(following + timedelta(days=13)), 14, 40)
        is_last = (following + timedelta(days=32)).replace(day=1) >= self.world.today.replace(day=1)
        self._run(bills, made_at, released_at, has_return=is_last)

    def _leave_for_finance(self, bills: list[_Bill], following: date) -> None:
        """Leave bills to approve, one on hold, some ready for a run, and a run that waits for its second person."""
        approved_at = self.world.at(working_day(following + timedelta(days=3)), 11, 20)
        ready = bills[len(bills) * 2 // 5 :]
        for bill in ready:
            self._approve(bill, approved_at)
        waiting = bills[: len(bills) * 2 // 5]
        if len(waiting) > 1:
            why = "The hours on the bill do not fit what the person told us. Waiting for a call back."
            held_at = self.world.at(working_day(following + timedelta(days=3)), 12, 10)
            waiting[0].moves.append((InvoiceStatus.HELD, held_at, self.council.staff["finance"], why))
            waiting[0].row["hold_reason"] = why
        in_run = ready[: max(1, len(ready) // 3)]
        if in_run:
            self._run(in_run, self.world.at(working_day(following + timedelta(days=4)), 10, 5), None)

    def _approve(self, bill: _Bill, at: datetime) -> None:
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

    def _run(
        self, bills: list[_Bill], made_at: datetime, released_at: datetime | None, *, has_return: bool = False
    ) -> None:
        book, council = self.world.book, self.council
        maker, checker = council.staff["finance"], council.staff["finance-checker"]
        self.runs += 1
        number = f"PR-{self.runs:06}"
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
                (RunStatus.SUBMITTED, submitted_at, checker, _bank_reference(self.runs)),
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
            number=self.runs,
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
            submission_reference=_bank_reference(self.runs) if submitted_at else "",
            confirmed_at=confirmed_at,
            confirmed_by_user_id=maker if confirmed_at else None,
        )

    def _return(self, bill: _Bill, line: dict[str, Any], entry_id: UUID, number: str, pay_on: date) -> None:
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
            serial=f"{self.runs:06}",
            file_number=self.runs,
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

    def _audit(self, action: str, kind: str, subject_id: UUID, at: datetime, user_id: UUID, role: Role) -> None:
        self.world.book.audit(self.council.id, at, action, kind, subject_id, (user_id, role.value))


def _processing_day(pay_on: date) -> date:
    """The day on which the bank processes what arrives on `pay_on`."""
    day = pay_on - timedelta(days=1)
    while not is_processing_day(day):
        day -= timedelta(days=1)
    return day


def _bank_reference(number: int) -> str:
    return f"EXAMPLE-{number:04}"


def _reference(row_id: UUID) -> str:
    return f"reference {str(row_id)[-8:].upper()}"
