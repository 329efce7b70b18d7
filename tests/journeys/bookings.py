"""Steps of the journeys of bookings: writing agreements, asking the council, pressing at the door."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import httpx
from playwright.sync_api import expect
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.bookings.calendar import Span
from marketplace.bookings.models import BackUp, Booking
from marketplace.bookings.policies import service_of
from marketplace.bookings.repository import OfferRepository
from marketplace.core.clock import LONDON
from marketplace.providers.models import Listing, ListingCategory, Organisation
from marketplace.providers.repository.accreditations import AccreditationRepository
from tests.factories import make_member
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker


class Visit(NamedTuple):
    """One visit."""

    id: str
    starts: datetime
    """In London."""


class Line(NamedTuple):
    """One row of the form of a new agreement."""

    weekdays: tuple[int, ...]
    starts: str
    minutes: int
    workers: int = 1


def listing_of(site: Site, words: str, organisation: str = "%") -> str:
    """Return the id of a published listing by the first words of its title, or by its organisation."""

    async def look(db: AsyncSession) -> str:
        found = await db.scalar(
            text(
                "SELECT l.id FROM listings l JOIN organisations o ON o.id = l.organisation_id "
                "WHERE l.title LIKE :title AND o.name LIKE :name AND l.is_published ORDER BY l.id"
            ),
            {"title": f"{words}%", "name": organisation},
        )
        return str(found)

    return site.arrange(look)


def next_monday(site: Site) -> date:
    """The first Monday to come."""
    return site.today + timedelta(days=7 - site.today.weekday())


def write_agreement(
    walker: Walker, listing: str, first_on: date, lines: Sequence[Line], *, relation: str = "", lives_with: str = ""
) -> None:
    """Fill the form of a new agreement that the direct payment pays, and ask what it costs."""
    walker.open(f"/agreements/new?listing={listing}")
    walker.date("starts_on", first_on)
    for number, line in enumerate(lines, 1):
        name = f"visit-{number}"
        for day in line.weekdays:
            walker.choose(f"{name}-days", str(day))
        walker.fill(**{f"{name}__time": line.starts, f"{name}__minutes": str(line.minutes)})
        if line.workers > 1:
            walker.page.locator(f"select[name='{name}-workers']").select_option(str(line.workers))
    walker.choose("funding", "direct_payment")
    if relation:
        walker.choose("relation", relation)
        walker.choose("lives_with", lives_with)
    send(walker, "See what it costs")


def sign_it(walker: Walker, button: str, name: str) -> None:
    """Forget the box once, then sign."""
    walker.press(button)
    assert "There is a problem" in walker.text
    walker.page.get_by_label("I have read this and I agree to it").check()
    walker.fill(name=name)
    send(walker, button)


def ask_council(person: Walker, first_on: date, wage: str, reason: str) -> str:
    """From the page that blocks: enter the job, then ask the council. Returns the path of the job."""
    person.follow(re.compile("ask your council"))
    person.date("starts_on", first_on)
    person.fill(wage=wage)
    person.choose("work_status", "employed")
    send(person, "Save")
    job = path_of(person)
    assert "The council has to agree first" in person.text
    person.press("Ask the council")
    person.look()
    person.press("Ask the council")
    assert "There is a problem" in person.text
    person.look()
    person.choose("purpose", "care")
    person.fill(reason=reason)
    send(person, "Ask the council")
    return job


def decide(manager: Walker, reason: str, decision: str) -> None:
    """Decide about the newest question of a relative."""
    manager.open("/family-exceptions")
    manager.click(manager.page.locator("table a[href*='/family-exceptions/']").last)
    manager.look()
    manager.choose("decision", decision)
    manager.press("Save and tell the person")
    assert "There is a problem" in manager.text
    manager.choose("decision", decision)
    manager.fill(reason=reason)
    send(manager, "Save and tell the person")


# Weekly visits


def uk_day(day: date) -> str:
    """A day as the pages write it: "Monday 3 March 2027"."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def change_visit(
    walker: Walker, agreement: str, day: date, starts: str, *, scope: str, to: str, minutes: str = ""
) -> None:
    """Open a visit among those to come, ask for another time, see what it costs, then change it."""
    walker.open(f"{agreement}/visits")
    row = walker.page.locator("tbody tr", has_text=uk_day(day)).filter(has_text=f"{starts} to")
    walker.click(row.get_by_role("link"))
    walker.look()
    walker.choose("scope", scope)
    walker.fill(starts_local=to)
    if minutes:
        walker.fill(minutes=minutes)
    send(walker, "See what it costs")
    assert "A visit costs then" in walker.text
    send(walker, "Change it")


def week_of(walker: Walker, day: date) -> str:
    """Return what the calendar says of the week of a day."""
    walker.open(f"/calendar?view=week&on={day.isoformat()}")
    return walker.page.locator("main table").first.inner_text()


def wait_until_gone(walker: Walker, day: date, words: str) -> None:
    """Wait until the calendar does not say something of the week of a day any more: it follows in the background."""
    for _ in range(100):
        if words not in week_of(walker, day):
            return
        walker.page.wait_for_timeout(100)
    raise AssertionError(f"{words!r} still stands in the week of {day}")


def read_feed(walker: Walker) -> tuple[str, bytes]:
    """Make an address for one's own calendar and read it as a program would. Returns the address and what it gives."""
    walker.open("/calendar")
    walker.follow("Put visits in your own calendar")
    send(walker, "Make an address")
    address = walker.page.locator("main code").inner_text().strip()
    answer = httpx.get(address, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    return address, answer.content


# The day itself


def next_visit(site: Site, council: str, *, minutes: int, named: bool, after: timedelta) -> Visit:
    """Return the next visit of that length of an agreement of the demo, which somebody is named for or nobody is."""

    async def look(db: AsyncSession) -> Visit:
        row = (
            await db.execute(
                text(
                    "SELECT b.id, b.starts_at FROM bookings b JOIN councils c ON c.id = b.council_id "
                    "JOIN support_agreements a ON a.id = b.agreement_id WHERE c.slug = :slug AND b.status = 'planned' "
                    "AND b.minutes = :minutes AND (b.worker_id IS NOT NULL) = :named AND b.workers_needed = 1 "
                    "AND b.starts_at > :after ORDER BY b.starts_at LIMIT 1"
                ),
                {"slug": council, "minutes": minutes, "named": named, "after": site.now + after},
            )
        ).one()
        return Visit(str(row.id), row.starts_at.astimezone(LONDON))

    return site.arrange(look)


def free_stand_in(site: Site, visit: Visit) -> tuple[str, str]:
    """Return listing and name of somebody who could stand in: paid here, at work then, and not on the list yet."""

    async def look(db: AsyncSession) -> tuple[str, str]:
        booking = await db.get_one(Booking, UUID(visit.id))
        known = select(BackUp.listing_id).where(BackUp.person_id == booking.person_id, BackUp.listing_id.is_not(None))
        question = (
            select(Listing, Organisation)
            .join(Organisation, Organisation.id == Listing.organisation_id)
            .where(
                Listing.category.in_([ListingCategory.PERSONAL_ASSISTANT, ListingCategory.HOME_CARE]),
                Listing.is_published,
                Listing.hidden_why.is_(None),
                Listing.least_minutes <= booking.minutes,
                Listing.id != booking.listing_id,
                Listing.id.not_in(known),
            )
            # Another assistant rather than a company.
            .order_by(Listing.category == ListingCategory.HOME_CARE, Listing.title)
        )
        offers, accreditations = OfferRepository(db), AccreditationRepository(db)
        wanted = Span(booking.starts_at, booking.ends_at)
        for listing, organisation in (await db.execute(question)).all():
            is_paid = await accreditations.is_live(
                organisation.id, booking.council_id, service_of(listing.category), booking.visit_on, site.today
            )
            if not is_paid or not await offers.takes_new(listing.id, site.today):
                continue
            workers = await offers.workers(listing, site.today)
            calendars = await offers.calendars(workers, booking.starts_at, booking.ends_at)
            for one in calendars.values():
                if not one.is_away(booking.visit_on) and one.is_working(wanted) and not one.is_busy(wanted):
                    return str(listing.id), organisation.name
        raise AssertionError(f"Nobody in the demo could stand in on {visit.starts}")

    return site.arrange(look)


def make_carer(site: Site, visit: Visit) -> tuple[str, str]:
    """Give a care worker of a visit's organisation a sign-in. Returns address and name of the worker."""

    async def make(db: AsyncSession) -> tuple[str, str]:
        booking = await db.get_one(Booking, UUID(visit.id))
        council = await db.get_one(Council, booking.council_id)
        free = (
            "SELECT w.* FROM workers w WHERE w.organisation_id = :organisation AND w.kind = 'care_worker' "
            "AND NOT EXISTS (SELECT FROM visit_workers v WHERE v.worker_id = w.id AND v.starts_at::date = :day) "
            "ORDER BY w.name LIMIT 1"
        )
        worker = (
            await db.execute(text(free), {"organisation": booking.organisation_id, "day": visit.starts.date()})
        ).one()
        address = f"carer@{council.slug}.example"
        member = await make_member(
            db,
            Role.CARE_WORKER,
            council,
            name=worker.name,
            email=address,
            organisation_id=booking.organisation_id,
            worker_id=worker.id,
        )
        member.membership.starts_on = site.today
        same = (
            "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = :known) WHERE email = :new"
        )
        await db.execute(text(same), {"known": f"provider@{council.slug}.example", "new": address})
        return address, str(worker.name)

    return site.arrange(make)


def wait_until(site: Site, at: datetime) -> None:
    """Let the site's clock go on to an instant."""
    if at > site.now:
        site.move_clock(hours=(at - site.now).total_seconds() / 3600)


def count_of(site: Site, question: str, **values: object) -> int:
    """Count rows."""

    async def look(db: AsyncSession) -> int:
        return int(await db.scalar(text(f"SELECT count(*) FROM {question}"), values) or 0)

    return site.arrange(look)


def press_offline(carer: Walker, site: Site, minutes: int) -> str:
    """Press start and, later, finish where there is no line; both go out when there is one. Returns what was kept."""
    carer.context.clock.set_fixed_time(site.now)
    carer.context.set_offline(True)
    carer.page.locator("form[data-visit-press] button").first.click()
    queue = carer.page.locator("[data-visit-queue]")
    expect(queue).to_contain_text("Kept on this phone")
    site.move_clock(hours=minutes / 60)
    carer.context.clock.set_fixed_time(site.now)
    carer.page.locator("form[data-visit-press] button").first.click()
    expect(queue).to_contain_text("Finish")
    kept = str(carer.page.evaluate("localStorage.getItem('visit-presses')"))
    carer.context.set_offline(False)
    expect(carer.page.get_by_text(re.compile("finished"))).to_be_visible()
    return kept
