"""Measure a payment run of 10,000 payments: proposal, making, release, file, the bank's report.

    python -m benchmarks.payment_run_bench --payables 10000

One payable for each of as many organisations, each with bank details and an approved bill, on an embedded PostgreSQL
that keeps its promises (fsync on). Every step is the service's own, in a transaction of its own, as from a page.
`seconds` is the sum of all steps, `megabytes` the most that this process ever held, imports and the library's caches
included. The file is rendered again in another session and must be the same bytes, and every fact about payment runs
must hold at the end. Prints one line of JSON for each figure; `ratio` is to the target (below 1 is better).
"""

import argparse
import asyncio
import json
import logging
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import insert, text

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.core.ids import new_id
from marketplace.core.migrate import upgrade
from marketplace.ledger import LedgerService, Posting, Purpose, credit, debit
from marketplace.payments.checks_runs import CHECKS
from marketplace.payments.models import BankAccount, Invoice, InvoiceKind, InvoiceLine, Payable
from marketplace.payments.schemas import FileFormat, RunForm
from marketplace.payments.service.proposals import ProposalService
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.states import InvoiceStatus, LineStatus, PayableStatus
from marketplace.providers.models import Organisation, OrganisationKind
from marketplace.web.embedded import EmbeddedPostgres
from tests.factories import Member, make_council, make_member
from tests.factories_payments import make_paying_account

NOW = datetime(2027, 3, 3, 10, tzinfo=UTC)
PROCESSED = datetime(2027, 3, 8, 10, tzinfo=UTC)
PAY_ON = date(2027, 3, 8)
DUE_ON = date(2027, 3, 10)
BATCH = 1_000
MOST_SECONDS = 60.0
MOST_MEGABYTES = 400.0

T = TypeVar("T")


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--payables", type=int, default=10_000)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="payment-run-bench-"))
    server = EmbeddedPostgres(folder, durable=True, database="bench")
    server.start()
    try:
        asyncio.run(_measure(str(server.socket_dir), options.payables))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(sockets: str, payables: int) -> None:
    address = f"postgresql+asyncpg://postgres@/bench?host={sockets}"
    await asyncio.to_thread(upgrade, address)
    engine = make_engine(address, pool_size=2)
    clock = FixedClock(NOW)
    maker = make_session_maker(engine, clock)
    finance, checker, total_pence = await _world(maker, payables)
    await _analyze(address)
    seconds: dict[str, float] = {}

    async def step(name: str, work: Callable[[Any], Awaitable[T]]) -> T:
        begin = time.perf_counter()
        async with transaction(maker, [finance.council.id]) as db:
            answer = await work(db)
        seconds[name] = round(time.perf_counter() - begin, 2)
        return answer

    proposal = await step("propose", lambda db: ProposalService(db).propose(finance.principal, DUE_ON))
    is_whole = len(proposal.payable) == payables and proposal.total_pence == total_pence
    del proposal
    form = RunForm(PAY_ON, due_until=DUE_ON)
    run = await step("make", lambda db: PaymentRunService(db).make(finance.principal, form))
    await step("release", lambda db: PaymentRunService(db).release(checker.principal, run.id))
    await step("take", lambda db: RunSubmissionService(db).export(finance.principal, run.id, FileFormat.BACS, ""))
    first = await step("render", lambda db: PaymentRunService(db).file_bytes(run.id, FileFormat.BACS))
    await step("submit", lambda db: RunSubmissionService(db).submit(finance.principal, run.id, "BENCH"))
    clock.move_to(PROCESSED)
    await step("confirm", lambda db: RunSubmissionService(db).confirm(finance.principal, run.id, total_pence))
    again = await step("render_again", lambda db: PaymentRunService(db).file_bytes(run.id, FileFormat.BACS))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole = sum(seconds.values())
    await _analyze(address)
    async with transaction(maker, "every") as db:
        broken = [fact.name for fact in [await check(db) for check in CHECKS] if not fact.ok]
        cleared = await db.scalar(
            text(
                "SELECT sum(l.amount_pence) FROM ledger_lines l JOIN ledger_accounts a ON a.id = l.account_id "
                "WHERE a.purpose = 'bank_clearing'"
            )
        )
    await engine.dispose()
    _print("payment-run-seconds", round(whole, 2), MOST_SECONDS, payables=payables, steps=seconds)
    _print("payment-run-megabytes", round(megabytes, 1), MOST_MEGABYTES)
    _print("payment-run-bytes", len(first), None, same=first == again)
    if not is_whole or first != again or broken or cleared != total_pence:
        sys.exit(f"The run is wrong: {broken or 'bytes or totals differ'}")
    if whole > MOST_SECONDS or megabytes > MOST_MEGABYTES:
        sys.exit("The run misses its target.")


async def _analyze(address: str) -> None:
    """Let the server know how large its tables are, as its own housekeeping does within minutes."""
    engine = make_engine(address, app_role=False, pool_size=1)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
    await engine.dispose()


async def _world(maker: SessionMaker, payables: int) -> tuple[Member, Member, int]:
    """Write a council that owes something to as many organisations; returns its maker, its checker and the sum."""
    async with transaction(maker, "every") as db:
        council = await make_council(db)
        await make_paying_account(db, council)
        finance = await make_member(db, Role.FINANCE, council)
        checker = await make_member(db, Role.FINANCE_CHECKER, council)
    total_pence = 0
    for start in range(0, payables, BATCH):
        numbers = range(start + 1, min(start + BATCH, payables) + 1)
        total_pence += sum(_pence(number) for number in numbers)
        async with transaction(maker, "every") as db:
            await _owe(db, council.id, finance.user.id, numbers)
    return finance, checker, total_pence


async def _owe(db: Any, council_id: UUID, finance_id: UUID, numbers: range) -> None:
    """Write organisations with one approved bill each, posted as its approval would."""
    rows = [(number, new_id(), new_id(), new_id()) for number in numbers]
    await db.execute(
        insert(Organisation),
        [
            {
                "id": owner,
                "name": f"Helping Hands {number:05}",
                "kind": OrganisationKind.THIRD_SECTOR,
                "created_at": NOW,
            }
            for number, owner, _, _ in rows
        ],
    )
    await db.execute(
        insert(BankAccount),
        [
            {
                "organisation_id": owner,
                "account_name": f"Helping Hands {number:05} Förderverein",
                "sort_code": "200415",
                "account_number": f"{10_000_000 + number}",
                "live_from": date(2027, 1, 2),
                "created_at": NOW,
            }
            for number, owner, _, _ in rows
        ],
    )
    await db.execute(
        insert(Invoice),
        [
            {
                "id": invoice_id,
                "council_id": council_id,
                "organisation_id": owner,
                "kind": InvoiceKind.SELF_BILL,
                "number": f"SB-{number:06}",
                "status": InvoiceStatus.APPROVED,
                "period_starts_on": date(2027, 1, 1),
                "period_ends_on": date(2027, 2, 1),
                "issued_on": date(2027, 2, 8),
                "received_on": date(2027, 2, 8),
                "due_on": DUE_ON,
                "net_pence": _pence(number),
                "total_pence": _pence(number),
                "approved_by_user_id": finance_id,
                "approved_at": NOW,
                "created_at": NOW,
            }
            for number, owner, invoice_id, _ in rows
        ],
    )
    await db.execute(
        insert(Payable),
        [
            {
                "id": payable_id,
                "council_id": council_id,
                "organisation_id": owner,
                "invoice_id": invoice_id,
                "status": PayableStatus.OPEN,
                "amount_pence": _pence(number),
                "received_on": date(2027, 2, 8),
                "due_on": DUE_ON,
                "created_at": NOW,
            }
            for number, owner, invoice_id, payable_id in rows
        ],
    )
    await db.execute(
        insert(InvoiceLine),
        [
            {
                "council_id": council_id,
                "invoice_id": invoice_id,
                "position": 1,
                "status": LineStatus.CLEAN,
                "description": "Support plan",
                "amount_pence": _pence(number),
                "payable_id": payable_id,
            }
            for number, _, invoice_id, payable_id in rows
        ],
    )
    postings = (
        Posting(
            invoice_id,
            (debit(Purpose.PLAN_SPEND, _pence(number)), credit(Purpose.PAYABLE, _pence(number), owner)),
        )
        for number, owner, invoice_id, _ in rows
    )
    await LedgerService(db).post_many(council_id, "self-bill", postings, memo="Self-bill")


def _pence(number: int) -> int:
    """What the numbered organisation is owed."""
    return 7_500 + number * 37 % 90_000


def _print(name: str, value: float, target: float | None, **more: object) -> None:
    line: dict[str, object] = {"figure": name, "value": value, "target": target}
    if target is not None:
        line["ratio"] = round(value / target, 3)
    sys.stdout.write(json.dumps(line | more) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
