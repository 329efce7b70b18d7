"""Lets the running agreements live: visits planned ahead, who comes named for most of them, one for the care worker
today, one that nobody is named for, and one of which a part was approved.

All of it is done by the product's own services, after the rows of the history are stored.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role
from marketplace.bookings import BookingStatus, Funding, purse_of
from marketplace.bookings.events import BookingApproved
from marketplace.bookings.models import AlertKind, Booking, SupportAgreement, VisitAlert
from marketplace.bookings.repository_employment import EmploymentRepository
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import BOOKING, AgreementStatus
from marketplace.core.clock import instant, today
from marketplace.core.database import clock_of
from marketplace.core.money import half_up
from marketplace.payments.service.accruals import AccrualService
from marketplace.providers.models import Listing, PriceUnit, WorkerKind
from marketplace.reporting.demo.world import Council, Shop, World

MINUTES: Final = 45
STARTS: Final = tuple(time(hour, minute) for hour in range(9, 20) for minute in (0, 30))
"""When the care worker's visit of today may start; the first free one that is still to come, else the last free one."""
LEFT_OPEN: Final = 2
"""Of the visits of the next two weeks, these last ones have nobody named yet."""
AHEAD: Final = timedelta(days=14)
HELD_BACK_PENCE: Final = 350
WHY_PART: Final = "They came late and left early, so I pay for the time they were here."


def make_care_workers(world: World, council: Council) -> None:
    """Let somebody who works for the example provider sign in: who has most to do there."""
    shop = council.shop(council.text.provider)
    busy = [row["worker_id"] for row in world.book.of(Booking) if row["organisation_id"] == shop.id]
    helper = max(shop.helpers, key=lambda one: busy.count(one.id))
    email = f"careworker@{council.text.slug}.example"
    user_id = world.user(email, helper.hand.name, world.founded_at, is_demo=True)
    world.member(user_id, council.id, Role.CARE_WORKER, world.founded_at, organisation_id=shop.id, worker_id=helper.id)


async def act_on_week(db: AsyncSession, councils: list[Council]) -> None:
    """Plan the coming weeks of each council and let its people do what they do in a week."""
    for council in councils:
        agreed = select(SupportAgreement.person_id).where(
            SupportAgreement.council_id == council.id, SupportAgreement.status == AgreementStatus.AGREED
        )
        people = sorted(set(await db.scalars(agreed)))
        await _approve_part(db, council)
        await _today(db, council)
        await Planner(db).plan(council.id, people)
        for key in (council.text.assistant, council.text.provider):
            await _name_workers(db, council, council.shop(key))
    await db.flush()
    # Messages about made-up events go nowhere: they are history, as all the others are.
    await db.execute(text("UPDATE outbox_messages SET relayed_at = created_at WHERE relayed_at IS NULL"))


async def _approve_part(db: AsyncSession, council: Council) -> None:
    """The person behind `person@` pays a part of a visit that was shorter than agreed, where another one waits."""
    star = council.stars["person"]
    question = (
        select(Booking)
        .where(
            Booking.council_id == council.id,
            Booking.person_id == star.id,
            Booking.status == BookingStatus.CLAIMED,
            Booking.funding == Funding.DIRECT_PAYMENT,
        )
        .order_by(Booking.starts_at, Booking.id)
    )
    waiting = list(await db.scalars(question))
    person = await _principal(db, council, Role.PERSON, person_id=star.id)
    if person is None or len(waiting) < 2 or waiting[0].cost_pence <= 2 * HELD_BACK_PENCE:
        return
    pence = waiting[0].cost_pence - HELD_BACK_PENCE
    visit = await ApprovalService(db).approve_part(person, waiting[0].id, pence, WHY_PART)
    event = BookingApproved(
        council_id=visit.council_id,
        booking_id=visit.id,
        person_id=visit.person_id,
        organisation_id=visit.organisation_id,
        worker_id=visit.worker_id,
        cost_pence=pence,
        funding=visit.funding.value,
        visit_on=visit.visit_on,
        accrued_pence=0 if await EmploymentRepository(db).is_wage(visit) else pence,
    )
    await AccrualService(db).accrue_visit(event)


async def _today(db: AsyncSession, council: Council) -> None:
    """A visit of today for the care worker who signs in, with the person behind `representative@`."""
    shop, client = council.shop(council.text.provider), council.stars["represented"]
    provider = await _principal(db, council, Role.PROVIDER, organisation_id=shop.id)
    carer = await _principal(db, council, Role.CARE_WORKER, organisation_id=shop.id)
    hourly = next((one for one in shop.listings if one[1].unit is PriceUnit.HOUR), None)
    if provider is None or carer is None or hourly is None:
        return
    now, on = clock_of(db).now(), today(clock_of(db))
    listing = await db.get_one(Listing, hourly[0])
    cost = int(half_up(Decimal(hourly[1].pence) * MINUTES / 60))
    purse = await purse_of(db, council.id, client.id)
    if purse is None or purse.free_pence < cost:
        return
    to_come = [one for one in STARTS if instant(on, one) > now]
    for starts in (*to_come, *reversed([one for one in STARTS if one not in to_come])):
        starts_at = instant(on, starts)
        asked_at = min(starts_at, now) - timedelta(days=2)
        visit = Booking(
            council_id=council.id,
            person_id=client.id,
            listing_id=listing.id,
            organisation_id=shop.id,
            worker_id=carer.worker_id,
            status=BookingStatus.REQUESTED,
            funding=Funding.DIRECT_PAYMENT,
            visit_on=on,
            starts_local=starts,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=MINUTES),
            minutes=MINUTES,
            rate_pence=hourly[1].pence,
            cost_pence=cost,
            note="The side door is open.",
            requested_at=asked_at,
            requested_by_user_id=client.user_id,
        )
        try:
            async with db.begin_nested():
                db.add(visit)
                await db.flush()
        except IntegrityError:
            continue  # The worker has another visit then.
        BOOKING.begin(db, visit, by=client.user_id)
        BOOKING.move(db, visit, BookingStatus.ACCEPTED, by=provider.user_id)
        await db.flush()
        return


async def _name_workers(db: AsyncSession, council: Council, shop: Shop) -> None:
    """Name who comes for the visits of the next two weeks but the last; the very last one has an alert."""
    now = clock_of(db).now()
    question = (
        select(Booking)
        .where(
            Booking.council_id == council.id,
            Booking.organisation_id == shop.id,
            Booking.status == BookingStatus.PLANNED,
            Booking.starts_at > now,
            Booking.starts_at < now + AHEAD,
        )
        .order_by(Booking.starts_at, Booking.id)
    )
    is_company = shop.body.worker_kind is WorkerKind.CARE_WORKER
    if not is_company:
        # An assistant who has another visit then cannot come; the page for replacements tells the person.
        question = question.where(Booking.worker_id.is_not(None))
    visits = list(await db.scalars(question))
    office = await _principal(db, council, Role.PROVIDER if is_company else Role.PA, organisation_id=shop.id)
    if office is None or not visits:
        return
    crew = CrewService(db)
    for visit in visits[:-LEFT_OPEN]:
        found = [one for one in (await crew.candidates(office, visit.id)).candidates if one.is_free]
        if found:
            await crew.confirm(office, visit.id, [found[0].worker.id])
    if is_company:
        _raise(db, visits[-1], now)


def _raise(db: AsyncSession, visit: Booking, now: datetime) -> None:
    db.add(
        VisitAlert(council_id=visit.council_id, booking_id=visit.id, kind=AlertKind.NO_WORKER, detail="", raised_at=now)
    )


async def _principal(
    db: AsyncSession,
    council: Council,
    role: Role,
    *,
    organisation_id: UUID | None = None,
    person_id: UUID | None = None,
) -> Principal | None:
    question = (
        select(User, Membership)
        .join(Membership, Membership.user_id == User.id)
        .where(User.is_demo, Membership.council_id == council.id, Membership.role == role)
        .order_by(Membership.id)
        .limit(1)
    )
    if organisation_id is not None:
        question = question.where(Membership.organisation_id == organisation_id)
    if person_id is not None:
        question = question.where(Membership.person_id == person_id)
    row = (await db.execute(question)).first()
    if row is None:
        return None
    user, membership = row
    return Principal(
        user_id=user.id,
        name=user.name,
        role=role,
        council_id=council.id,
        council_name=council.text.name,
        council_slug=council.text.slug,
        councils=(council.id,),
        organisation_id=membership.organisation_id,
        worker_id=membership.worker_id,
        person_id=membership.person_id,
    )
