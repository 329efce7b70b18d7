"""Loads the demo: everything in one transaction, once."""

import random
from collections import Counter
from collections.abc import Callable

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.law import law, law_book
from marketplace.accounts.models import Council as CouncilRow
from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import ROLE_LABELS
from marketplace.accounts.service import hash_password
from marketplace.core.clock import Clock, SystemClock, today
from marketplace.core.database import SessionMaker, transaction
from marketplace.reporting.demo.accounts import act_on_accounts
from marketplace.reporting.demo.agreeing import make_agreeing
from marketplace.reporting.demo.agreements import make_agreements
from marketplace.reporting.demo.applications import make_applications
from marketplace.reporting.demo.assessed import make_assessed
from marketplace.reporting.demo.book import Book
from marketplace.reporting.demo.card_money import make_card_money
from marketplace.reporting.demo.care import make_care
from marketplace.reporting.demo.care_hours import make_care_hours
from marketplace.reporting.demo.choosing import tell_choosing
from marketplace.reporting.demo.content.councils import COUNCILS
from marketplace.reporting.demo.councils import make_council
from marketplace.reporting.demo.day import tell_day
from marketplace.reporting.demo.decisions import make_decisions
from marketplace.reporting.demo.demand import make_demand
from marketplace.reporting.demo.employment import make_employment
from marketplace.reporting.demo.evaluation import make_evaluation
from marketplace.reporting.demo.evidence import make_evidence
from marketplace.reporting.demo.frameworks import make_frameworks
from marketplace.reporting.demo.front_door import make_front_door
from marketplace.reporting.demo.joining import make_joining
from marketplace.reporting.demo.listings import enrich_listings
from marketplace.reporting.demo.market import Numbers, make_market
from marketplace.reporting.demo.messages import tell_messages
from marketplace.reporting.demo.money import FinanceTeller
from marketplace.reporting.demo.passports import make_passports
from marketplace.reporting.demo.people import make_people
from marketplace.reporting.demo.plan_shares import make_plan_shares
from marketplace.reporting.demo.plans import PlanTeller
from marketplace.reporting.demo.points import make_points
from marketplace.reporting.demo.profiles import act_on_profiles
from marketplace.reporting.demo.referrals import Desk
from marketplace.reporting.demo.reviews import tell_reviews
from marketplace.reporting.demo.spots import Spots
from marketplace.reporting.demo.stages import make_stages
from marketplace.reporting.demo.standing import make_standing
from marketplace.reporting.demo.stories import make_stories
from marketplace.reporting.demo.supplying import make_supplying
from marketplace.reporting.demo.talking import tell_talk
from marketplace.reporting.demo.under_way import make_under_way
from marketplace.reporting.demo.visits import VisitTeller
from marketplace.reporting.demo.waiting_list import act_on_waiting_list, make_waiting_list
from marketplace.reporting.demo.week import act_on_week, make_care_workers
from marketplace.reporting.demo.workforce import make_workforce
from marketplace.reporting.demo.world import Council, World

SEED = 2015
PASSWORD = "demo-password"  # noqa: S105 - shown on the sign-in page of a demo
Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done (0 to 1)."""


class SignIn(msgspec.Struct, frozen=True):
    """Somebody the demo can be entered as."""

    email: str
    name: str
    role: str
    council: str


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did. `created` is false when the demo was there already."""

    created: bool
    rows: int
    counts: dict[str, int]
    sign_ins: tuple[SignIn, ...]
    password: str = PASSWORD


async def load_demo(
    maker: SessionMaker, clock: Clock | None = None, *, progress: Progress | None = None, secret_key: str = ""
) -> DemoReport:
    """Load the three councils of the demo with six months of history up to now.

    Everything that varies follows from one seed and from today's date, so that dashboards always look alive. The load
    is recognised by its councils' addresses: when one of them exists, nothing is written.

    Args:
        maker: Sessions on the installation's database.
        clock: The present, where history ends; the machine's own when left out.
        progress: Told how far the load is.
        secret_key: The installation's, so that a shared shortlist has a link that opens.
    """
    note = progress or _say_nothing
    async with transaction(maker, "every") as db:
        # Two loads at once would both find nothing; the second waits here and then finds the first.
        await db.execute(text("SELECT pg_advisory_xact_lock(hashtext('demo'))"))
        slugs = [council.slug for council in COUNCILS]
        if await db.scalar(select(CouncilRow.id).where(CouncilRow.slug.in_(slugs)).limit(1)) is not None:
            return DemoReport(created=False, rows=0, counts={}, sign_ins=await _sign_ins(db))
        note("Writing six months of history", 0.0)
        world, councils = await _write_book(db, clock or SystemClock(), note, secret_key)
        book = world.book
        note("Storing it", 0.6)
        rows = await book.write(db)
        note("Working on the waiting list", 0.9)
        await act_on_waiting_list(db, councils)
        await act_on_week(db, councils)
        await act_on_accounts(db, councils)
        await act_on_profiles(db, councils)
        counts = Counter({table.name: len(kept) for table, kept in book.rows.items()})
        note("Done", 1.0)
        return DemoReport(created=True, rows=rows, counts=dict(counts), sign_ins=await _sign_ins(db))


async def _write_book(db: AsyncSession, clock: Clock, note: Progress, secret_key: str) -> tuple[World, list[Council]]:
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose, nothing secret comes from it
    now = clock.now()
    book = Book(rng, now)
    districts = [district for council in COUNCILS for district in council.districts]
    spots = await Spots.read(db, rng, districts)
    wage_pence = await law(db, "wage_21", today(clock))
    world = World(now, today(clock), rng, book, spots, await hash_password(PASSWORD), wage_pence)
    numbers = Numbers()
    councils: list[Council] = []
    for number, council_text in enumerate(COUNCILS, start=1):
        council = make_council(world, council_text, number)
        councils.append(council)
        make_market(world, council, numbers)
        make_people(world, council)
        desk, plans, visits = Desk(world, council), PlanTeller(world, council), VisitTeller(world, council)
        for story in make_stories(world, council):
            matched = desk.tell(story)
            if matched is not None:
                plans.tell(matched)
        visits.tell()
        finance = FinanceTeller(world, council)
        finance.accrue(plans.signed_off, visits.earned)
        finance.bill()
        tell_messages(world, council)
        tell_talk(world, council)
        make_demand(world, council)
        enrich_listings(world, council)
        make_evidence(world, council)
        note(f"Writing six months of history: {council_text.short_name}", 0.2 * number)
    # Last of all: what is added here shifts no date and no name of the history.
    for council in councils:
        tell_choosing(world, council, secret_key)
        make_frameworks(world, council)
    make_passports(world, councils)
    # Before the story of the accreditations: it tells their days as they are when approvals are known.
    for council in councils:
        make_workforce(world, council)
    make_standing(world, councils)
    for council in councils:
        make_applications(world, council)
        make_evaluation(world, council)
        make_joining(world, council, secret_key)
    for council in councils:
        make_decisions(world, council)
    for council in councils:
        make_waiting_list(world, council)
    for council in councils:
        make_care(world, council)
    for council in councils:
        make_care_hours(world, council)
    for council in councils:
        make_employment(world, council)
    law_of_day = await law_book(db, world.today)
    for council in councils:
        make_agreements(world, council, law_of_day)
    for council in councils:
        make_card_money(world, council)
    for council in councils:
        tell_day(world, council)
        make_care_workers(world, council)
    for council in councils:
        make_supplying(world, council)
    for council in councils:
        make_points(world, council)
        make_plan_shares(world, council)
        make_front_door(world, council)
        tell_reviews(world, council)
    for council in councils:
        make_agreeing(world, council, law_of_day, make_assessed(world, council, law_of_day))
        make_stages(world, council)
    make_under_way(world, councils)
    return world, councils


async def _sign_ins(db: AsyncSession) -> tuple[SignIn, ...]:
    rows = await db.execute(
        select(User, Membership, CouncilRow)
        .join(Membership, Membership.user_id == User.id)
        .join(CouncilRow, CouncilRow.id == Membership.council_id)
        .where(User.is_demo)
        .order_by(CouncilRow.name, Membership.id)
    )
    return tuple(
        SignIn(user.email, user.name, ROLE_LABELS[membership.role], council.short_name)
        for user, membership, council in rows
    )


def _say_nothing(what: str, share: float) -> None:
    """Take the place of a progress bar."""
