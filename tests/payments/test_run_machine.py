"""Runs, the bank and what comes back, in any order, beside a plain book of who is owed what."""

from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker
from marketplace.core.errors import PlatformError
from marketplace.ledger import Purpose
from marketplace.payments.checks import ledger_equals_open_items
from marketplace.payments.checks_runs import CHECKS
from marketplace.payments.models import PaymentRunLine
from marketplace.payments.returned_files import ReturnedRow
from marketplace.payments.schemas import FileFormat, RunForm
from marketplace.payments.service.returns import ReturnsService
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.service.runs import PaymentRunService
from tests.conftest import NOW
from tests.factories_payment_runs import PROCESSED, another_payee, make_credit
from tests.factories_payments import PAY_ON, Money, balance, make_money, payables_of

ACTIONS = ("bill", "credit", "make", "rehearse", "release", "cancel", "submit", "confirm", "reject", "return")
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7)), min_size=4, max_size=14)


class Book:
    """What an auditor would write down: the payables of each payee and where they are."""

    def __init__(self, payees: list[Money]) -> None:
        self.payees = payees
        self.pence: dict[UUID, int] = {}
        self.owner: dict[UUID, UUID] = {}
        self.place: dict[UUID, str] = {}
        self.runs: list[dict[str, Any]] = []

    def owes(self, owner: UUID) -> int:
        """What the council's books must show as owed to a payee."""
        return sum(self.pence[item] for item, place in self.place.items()
                   if self.owner[item] == owner and place in ("open", "in_run"))  # fmt: skip

    def chosen(self) -> dict[UUID, list[UUID]]:
        """What a run of everything due would pay, by payee."""
        found: dict[UUID, list[UUID]] = {}
        for payee in self.payees:
            owner = payee.organisation.id
            items = [item for item, place in self.place.items() if place == "open" and self.owner[item] == owner]
            if sum(self.pence[item] for item in items) > 0:
                found[owner] = items
        return found

    def at_bank(self) -> int:
        """What has left and not come back."""
        return sum(self.pence[item] for item, place in self.place.items() if place in ("sent", "paid"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(steps=STEPS)
async def test_books_agree_with_an_auditor_whatever_is_done(
    db: AsyncSession, maker: SessionMaker, clock: FixedClock, steps: list[tuple[str, int]]
) -> None:
    clock.move_to(NOW)
    attempt = await db.begin_nested()
    money = await make_money(db, name="Alpha")
    book = Book([money, await another_payee(db, money, 1, name="Beta")])
    for action, number in (("bill", 0), ("bill", 1), *steps):
        await act(db, clock, book, action, number)
        for payee in book.payees:
            owner = payee.organisation.id
            assert await balance(db, money.council.id, Purpose.PAYABLE, owner) == book.owes(owner), action
        assert await balance(db, money.council.id, Purpose.BANK_CLEARING) == book.at_bank(), action
    await db.flush()
    facts = [await check(db) for check in (*CHECKS, ledger_equals_open_items)]
    assert [f"{fact.name}: {fact.detail}" for fact in facts if not fact.ok] == []
    rows = await db.execute(text("SELECT id, status FROM payables WHERE council_id = :c"), {"c": money.council.id})
    assert {row.id: row.status for row in rows} == book.place
    await attempt.rollback()


async def act(db: AsyncSession, clock: FixedClock, book: Book, action: str, number: int) -> None:
    """Do one thing for real and in the book; what the real services refuse must be refused by the book, too."""
    money, payee = book.payees[0], book.payees[number % 2]
    if action == "bill":
        bill = await payee.bill(db, 1_000 * (number + 1))
        [item] = await payables_of(db, bill)
        enter(book, item, payee, 1_000 * (number + 1))
        payee_bills(book).setdefault(payee.organisation.id, []).append(bill)
    elif action == "credit":
        bills = payee_bills(book)[payee.organisation.id]
        credit = await make_credit(db, payee, bills[number % len(bills)], 700 * (number + 1))
        enter(book, credit.id, payee, -700 * (number + 1))
    elif action in ("make", "rehearse"):
        await make(db, clock, book, is_rehearsal=action == "rehearse")
    elif book.runs:
        run = book.runs[number % len(book.runs)]
        expected = allowed(run, action, clock)
        try:
            async with db.begin_nested():
                await move(db, clock, money, run, action, number)
                done = True
        except PlatformError:
            done = False
        for kept in book.payees:
            for row in (kept.council, kept.organisation, kept.finance.user, kept.checker.user, kept.provider.user):
                await db.refresh(row)
            for member in (kept.finance, kept.checker, kept.provider):
                await db.refresh(member.membership)
        for bills in payee_bills(book).values():
            for bill in bills:
                await db.refresh(bill)
        assert done == expected, (action, run)
        if done:
            settle(book, run, action, number)


def payee_bills(book: Book) -> dict[UUID, list[Any]]:
    """The bills of each payee, to take back parts of."""
    found: dict[UUID, list[Any]] = book.__dict__.setdefault("bills", {})
    return found


def enter(book: Book, item: UUID, payee: Money, pence: int) -> None:
    book.pence[item], book.owner[item], book.place[item] = pence, payee.organisation.id, "open"


async def make(db: AsyncSession, clock: FixedClock, book: Book, *, is_rehearsal: bool) -> None:
    chosen = book.chosen()
    form = RunForm(PAY_ON, due_until=PAY_ON.replace(year=2028), is_rehearsal=is_rehearsal)
    if not chosen or clock.now() != NOW:
        return
    run = await PaymentRunService(db).make(book.payees[0].finance.principal, form)
    assert run.total_pence == sum(book.pence[item] for items in chosen.values() for item in items)
    lines = (await db.scalars(select(PaymentRunLine).where(PaymentRunLine.run_id == run.id))).all()
    entry = {"id": run.id, "is_rehearsal": is_rehearsal, "state": "made", "total": run.total_pence, "back": set()}
    entry["lines"] = [(line.id, line.amount_pence, chosen[line.organisation_id]) for line in lines]
    book.runs.append(entry)
    if not is_rehearsal:
        for items in chosen.values():
            book.place.update(dict.fromkeys(items, "in_run"))


def allowed(run: dict[str, Any], action: str, clock: FixedClock) -> bool:
    """Whether the book lets a run take a step."""
    if action == "cancel":
        return bool(run["state"] == "made")
    if run["is_rehearsal"]:
        return False
    if action == "release":
        return run["state"] == "made" and clock.now() == NOW
    if action == "submit":
        return bool(run["state"] == "released")
    if action == "confirm":
        return bool(run["state"] == "submitted")
    if action == "reject":
        return run["state"] in ("released", "submitted") and not run["back"]
    return run["state"] in ("released", "submitted", "confirmed") and len(run["back"]) < len(run["lines"])


async def move(
    db: AsyncSession, clock: FixedClock, money: Money, run: dict[str, Any], action: str, number: int
) -> None:
    finance = money.finance.principal
    if action == "release":
        await PaymentRunService(db).release(money.checker.principal, run["id"])
    elif action == "cancel":
        await PaymentRunService(db).cancel(finance, run["id"], "Not now")
    elif action == "submit":
        await RunSubmissionService(db).export(finance, run["id"], FileFormat.BACS, "Again")
        await RunSubmissionService(db).submit(finance, run["id"], "BANK")
    elif action == "confirm":
        if run["state"] == "submitted":
            clock.move_to(PROCESSED)
        await RunSubmissionService(db).confirm(finance, run["id"], run["total"])
    elif action == "reject":
        await RunSubmissionService(db).reject(finance, run["id"], "The bank took none of it")
    else:
        line_id, pence, _ = waiting(run, number)
        item = ReturnedRow(clock.now().date(), pence, "", "", "B")
        await ReturnsService(db).enter(finance, item, line_id)


def waiting(run: dict[str, Any], number: int) -> Any:
    """A payment of a run that has not come back; the first where all have."""
    left = [line for line in run["lines"] if line[0] not in run["back"]] or run["lines"]
    return left[number % len(left)]


def settle(book: Book, run: dict[str, Any], action: str, number: int) -> None:
    """Write a step that was taken into the book."""
    after = {"release": "released", "cancel": "cancelled", "submit": "submitted", "confirm": "confirmed"}
    after["reject"] = "rejected"
    places = {"release": "sent", "cancel": "open", "confirm": "paid", "reject": "open"}
    if action == "return":
        line_id, _, items = waiting(run, number)
        run["back"].add(line_id)
        book.place.update(dict.fromkeys(items, "open"))
        return
    run["state"] = after[action]
    if action in places and not run["is_rehearsal"]:
        for line_id, _, items in run["lines"]:
            if line_id not in run["back"]:
                book.place.update(dict.fromkeys(items, places[action]))
