"""Tells the history of finance month by month: what was earned is billed, approved and paid."""

from datetime import date, timedelta

from marketplace.payments.models import NumberSeries
from marketplace.payments.states import InvoiceStatus, PayableStatus
from marketplace.reporting.demo.money.bills import Bill, BillTeller
from marketplace.reporting.demo.money.earnings import EarningsTeller
from marketplace.reporting.demo.money.runs import RunTeller
from marketplace.reporting.demo.plans import SignedOff
from marketplace.reporting.demo.visits import Earned
from marketplace.reporting.demo.world import Council, World, working_day


class FinanceTeller:
    """Writes the money of one council."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.earnings = EarningsTeller(world, council)
        self.bills = BillTeller(world, council, self.earnings.accruals)
        self.runs = RunTeller(world, council)

    def accrue(self, plans: list[SignedOff], visits: list[Earned]) -> None:
        """Write what organisations earned: the tariff of plans, the cost of visits."""
        self.earnings.accrue(plans, visits)

    def bill(self) -> None:
        """Bill every whole month, pay the older ones, leave the last one for the sign-ins to work on."""
        self.bills.agree()
        this_month = self.world.today.replace(day=1)
        month = self.world.starts_on.replace(day=1)
        while month < this_month:
            following = (month + timedelta(days=32)).replace(day=1)
            bills = self.bills.bills_of(month, following)
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
        for series, last in (("self_bill", self.bills.written), ("payment_run", self.runs.made)):
            self.world.book.put(NumberSeries, council_id=self.council.id, series=series, last=last)

    def _pay_month(self, bills: list[Bill], following: date) -> None:
        if not bills:
            return
        for bill in bills:
            self.bills.approve(bill, self.world.at(working_day(following + timedelta(days=6)), 11, 20))
        made_at = self.world.at(working_day(following + timedelta(days=12)), 10, 5)
        released_at = self.world.at(working_day(following + timedelta(days=13)), 14, 40)
        is_last = (following + timedelta(days=32)).replace(day=1) >= self.world.today.replace(day=1)
        self.runs.run(bills, made_at, released_at, has_return=is_last)

    def _leave_for_finance(self, bills: list[Bill], following: date) -> None:
        """Leave bills to approve, one on hold, some ready for a run, and a run that waits for its second person."""
        approved_at = self.world.at(working_day(following + timedelta(days=3)), 11, 20)
        ready = bills[len(bills) * 2 // 5 :]
        for bill in ready:
            self.bills.approve(bill, approved_at)
        waiting = bills[: len(bills) * 2 // 5]
        if len(waiting) > 1:
            why = "The hours on the bill do not fit what the person told us. Waiting for a call back."
            held_at = self.world.at(working_day(following + timedelta(days=3)), 12, 10)
            waiting[0].moves.append((InvoiceStatus.HELD, held_at, self.council.staff["finance"], why))
            waiting[0].row["hold_reason"] = why
        in_run = ready[: max(1, len(ready) // 3)]
        if in_run:
            self.runs.run(in_run, self.world.at(working_day(following + timedelta(days=4)), 10, 5), None)
