"""The small world of the life machine: three people, an assistant, a company, finance; one rolled-back transaction."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, AsyncTransaction, async_sessionmaker

from marketplace.accounts.permissions import Role
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.agreements.forms import SignForm
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, scope_to
from marketplace.payments.service.cards import CardService
from marketplace.people.models import Holding
from tests.bookings.life_auditor import Account, Auditor, Visit
from tests.conftest import NOW
from tests.factories import Member, make_member
from tests.factories_agreements import MadeAgreement, make_agreement
from tests.factories_bookings import Scene, loose, make_scene
from tests.factories_day import Office, hold_payment, make_office

VISITS = """
SELECT id, person_id, organisation_id, agreement_id, pattern_id, status, funding, visit_on, starts_at, ends_at, minutes,
    workers_needed, cost_pence, top_up_pence, claimed_pence, approved_pence, called_off_at
FROM bookings ORDER BY starts_at, id
"""
BALANCES = """
SELECT a.purpose, a.owner_id, sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END)::bigint
FROM ledger_lines l JOIN ledger_accounts a ON a.id = l.account_id WHERE a.owner_id IS NOT NULL GROUP BY 1, 2
"""
MONDAY = date(2027, 3, 8)
HOLDS = "SELECT worker_id, booking_id, starts_at, busy_until FROM visit_workers WHERE is_holding"


class CountedIds:
    """Ids that count up, in the shape of UUIDv7: what is chosen or locked by id is so in every run."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> UUID:
        self.made += 1
        return UUID(int=0x0195_5F5B_3C00_7000_8000_0000_0000_0000 + self.made)


@dataclass
class World:
    """Rows that every run begins with, and what the auditor's book says of them then."""

    connection: AsyncConnection
    engine: AsyncEngine
    outer: AsyncTransaction
    maker: async_sessionmaker[AsyncSession]
    clock: FixedClock
    people: list[Scene]
    """Two who ask one assistant, and one with a company."""
    office: Office
    offered: MadeAgreement
    """Of the second person with the assistant; signed by the assistant alone."""
    finance: list[Member]
    """Of the assistant's council, and of the company's."""
    cards: list[tuple[Any, Any, int]]
    """Card payments that wait: (payment, visit, pence)."""

    async def close(self) -> None:
        """Undo everything."""
        await self.outer.rollback()
        await self.connection.close()
        await self.engine.dispose()


async def open_world(url: str) -> World:
    """Write the world and plan its first visits."""
    engine = make_engine(url, pool_size=1)
    connection = await engine.connect()
    outer = await connection.begin()
    clock = FixedClock(NOW)
    maker = async_sessionmaker(
        bind=connection, expire_on_commit=False, join_transaction_mode="create_savepoint", info={"clock": clock}
    )
    patterns: list[dict[str, Any]] = [
        {"weekday": 4, "starts_local": time(10), "minutes": 60},
        {"weekday": 6, "starts_local": time(14), "minutes": 90},
        {"weekday": 0, "starts_local": time(9), "minutes": 30, "workers_needed": 2, "every_weeks": 2},
    ]
    async with maker() as db, db.begin():
        await scope_to(db, "every")
        first = await make_scene(db, cards="acct_life", balance_pence=6_000)
        second = await make_scene(db, council=first.council, balance_pence=20_000)
        office = await make_office(db)
        third = office.scene
        made = await make_agreement(db, third, patterns=patterns[1:], worker_id=None, terms={"pay_basis": "actual"})
        for scene in (first, second, third):
            loose(db, await hold_payment(db, scene, Holding.COUNCIL_HELD, starts_on=NOW.date()))
        finance = [await make_member(db, Role.FINANCE, one) for one in (first.council, third.council)]
        loose(db, *(row for member in finance for row in (member.user, member.membership)))
        # The second person is offered the first one's assistant, three times a week.
        theirs = SimpleNamespace(
            council=second.council, person=second.person, member=second.member, organisation=first.organisation,
            listing=first.listing, provider=first.provider,
        )  # fmt: skip
        weekly = [{"weekday": day, "starts_local": time(11), "minutes": 60} for day in (0, 2, 4)]
        offered = await make_agreement(
            db,
            theirs,
            patterns=weekly,
            status=AgreementStatus.DRAFT,
            starts_on=MONDAY,  # type: ignore[arg-type]
        )
        await db.execute(
            text("UPDATE support_agreements SET relation = 'none', lives_with = false WHERE id = :id"),
            {"id": offered.agreement.id},
        )
        service = SupportAgreementService(db)
        view = await service.view(first.provider.principal, offered.agreement.id)
        await service.sign(first.provider.principal, offered.agreement.id, SignForm(name="Pat Helper", seen=view.seen))
        office.made = made
        await Planner(db).plan(third.council.id, [third.person.id])
        cards = await _ask(db, first)
    return World(connection, engine, outer, maker, clock, [first, second, third], office, offered, finance, cards)


async def _ask(db: AsyncSession, scene: Scene) -> list[tuple[Any, Any, int]]:
    """Ask for three visits, so that each run has one that is agreed and two that wait for a card."""
    cards = []
    for hour, funding in ((9, "direct_payment"), (12, "top_up"), (15, "card")):
        wish = scene.form(on=NOW.date() + timedelta(days=1), starts_local=f"{hour:02}:00", minutes=120, funding=funding)
        form = BookingForm.read(wish, scene.listing.id, 30)
        booking = await BookingService(db).request(scene.member.principal, form)
        if booking.status is BookingStatus.AWAITING_PAYMENT:
            payment = await CardService(db).open_payment(scene.member.principal, booking)
            cards.append((payment.id, booking.id, payment.amount_pence))
        else:
            await BookingService(db).accept(scene.provider.principal, booking.id)
    return cards


async def read(db: AsyncSession) -> tuple[list[Visit], dict[Any, int], list[Any]]:
    """Return what stands: visits, balances with an owner, who is held."""
    visits = [Visit(*row) for row in await db.execute(text(VISITS))]
    balances = {(purpose, owner): pence for purpose, owner, pence in await db.execute(text(BALANCES))}
    return visits, balances, [tuple(row) for row in await db.execute(text(HOLDS))]


async def open_book(world: World, db: AsyncSession) -> Auditor:
    """Begin the auditor's book with what the world holds."""
    auditor = Auditor(NOW.date())
    for scene, pence in zip(world.people, (6_000, 20_000, 30_000), strict=True):
        auditor.accounts[scene.person.id] = Account(pence)
    visits, balances, holds = await read(db)
    auditor.visits = {visit.id: visit for visit in visits}
    auditor.check(balances, holds)
    return auditor
