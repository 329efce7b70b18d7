"""Steps that the journeys of a person's own money share: reading figures and letters, paying on the card page."""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from uuid import UUID

from playwright.sync_api import expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import LONDON
from marketplace.core.forms import FormReader
from marketplace.core.holidays import bank_holidays
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import MAIL_SECONDS, Site
from tests.journeys.walker import Walker

PAYS = "4242 4242 4242 4242"
AUTHENTICATES = "4000 0025 0000 3155"
"""A test card that asks for a second look (3-D Secure)."""
WALLET_PENCE = 30_000
"""P11: what is free to spend."""
VISIT_PENCE = 32_000
"""P11: what the visit costs."""


def pence_after(walker: Walker, label: str) -> int:
    """Return the sum that stands after some words of the page, in pence."""
    found = re.search(re.escape(label) + r"\D*?£([\d,]+\.\d\d)", walker.text)
    assert found is not None, f"{label!r} has no sum in: {walker.text}"
    return int(found.group(1).replace(",", "").replace(".", ""))


def pounds(pence: int) -> str:
    """Write a sum as a form takes it."""
    return f"{pence // 100}.{pence % 100:02}"


def name_of(walker: Walker) -> str:
    """Name of who is signed in."""
    return walker.page.locator(".cm-account__who strong").inner_text()


def letter(site: Site, to_address: str, words: str, says: str = "") -> str:
    """Wait for an e-mail with some words in its subject and others in its text; return its text, the newest's."""
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        for path in sorted((site.data_dir / "outbox").glob("*.eml"), reverse=True):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = message.get_body(("plain",))
            if body is None or to_address not in str(message["To"]) or words not in str(message["Subject"]):
                continue
            content = str(body.get_content())
            if says in " ".join(content.split()):
                return content
        time.sleep(0.1)
    raise AssertionError(f"No {words!r} with {says!r} came to {to_address}")


def account_of(finance: Walker, person: str) -> str:
    """Open a person's account as finance does. Returns its path."""
    finance.open("/direct-payments")
    finance.follow(person)
    return path_of(finance)


def leave_free(finance: Walker, account: str, pence: int) -> None:
    """Pay in or note money paid back until a sum is free."""
    finance.open(account)
    free = pence_after(finance, "Free")
    if free < pence:
        finance.fill(amount=pounds(pence - free), reason="So that it reaches")
        send(finance, "Pay in")
    elif free > pence:
        finance.open(f"{account}/reclaim")
        finance.fill(amount=pounds(free - pence), reason="A part of the surplus")
        send(finance, "Note it")
    finance.open(account)
    assert pence_after(finance, "Free") == pence


def charge(listing: str, pence_an_hour: int) -> Callable[[AsyncSession], Awaitable[None]]:
    """Return what gives a listing another price: a journey needs round sums."""

    async def write(db: AsyncSession) -> None:
        values = {"pence": pence_an_hour, "id": UUID(listing)}
        await db.execute(text("DELETE FROM listing_rates WHERE listing_id = :id"), values)
        await db.execute(text("UPDATE listings SET price_pence = :pence WHERE id = :id"), values)

    return write


def listing_of(walker: Walker, name: str) -> str:
    """Find somebody's listing as anybody does. Returns its id."""
    walker.open(f"/market?q={name.split()[0]}&radius_miles=any")
    walker.click(walker.page.locator(".cm-result__title a").first)
    walker.look()
    assert name in walker.text
    return walker.page.url.rsplit("/", 1)[1].partition("?")[0]


def pay_by_card(walker: Walker, site: Site, number: str = PAYS) -> None:
    """Fill the hosted card page, answer the bank's question if it asks one, and come back."""
    walker.fill(number=number, name="A Tester", expiry="12/40", cvc="123")
    if walker.page.locator("input[name=email]").count():
        walker.fill(email="tester@journeys.example")
    walker.click(walker.page.get_by_role("button", name=re.compile("^Pay")))
    if walker.page.get_by_role("button", name="Confirm payment").count():
        walker.click(walker.page.get_by_role("button", name="Confirm payment"))
    walker.page.wait_for_url(re.compile(re.escape(site.address)))
    walker.sees("You paid")


def stays_in(walker: Walker) -> None:
    """Check that nothing of the page sticks out of a phone's window."""
    wide = walker.page.evaluate("document.documentElement.scrollWidth") if walker.scripts else walker.width
    assert wide <= walker.width, f"{walker.page.url} is {wide} pixels wide"


def is_out(walker: Walker, path: str) -> None:
    """Check that a page leads to the sign-in."""
    walker.page.goto(f"{walker.address}{path}")
    expect(walker.page).to_have_url(re.compile("/sign-in"))


def planned(walker: Walker, agreement: str, after: datetime) -> tuple[str, datetime]:
    """Return the first visit of an agreement after an instant: its path as the person sees it, and its start.

    Bank holidays are left out: their price is another one.
    """
    walker.open(f"{agreement}/visits")
    for link in walker.page.locator("main a[href*='/change']").all():
        found = re.search(r"(\d+ \w+ \d{4}) at ([\w:]+)", link.inner_text())
        if found is None:
            continue
        day = datetime.strptime(found.group(1), "%d %B %Y").replace(tzinfo=LONDON)
        starts_at = day + time_of(found.group(2))
        if starts_at > after and day.date() not in bank_holidays(day.year):
            address = str(link.get_attribute("href"))
            return f"/bookings/{address.rsplit('/', 2)[1]}", starts_at
    raise AssertionError(f"No visit after {after} in: {walker.text}")


def time_of(words: str) -> timedelta:
    """Read a time as pages write it, since midnight."""
    form = FormReader({"at": words})
    read = form.clock_time("at", "the time")
    assert read is not None, words
    return timedelta(hours=read.hour, minutes=read.minute)


def move_to(site: Site, moment: datetime) -> None:
    """Let time pass until a moment."""
    site.move_clock(hours=(moment - site.now).total_seconds() / 3600)


def at_the_door(site: Site, worker: Walker, who: str, visit: tuple[str, datetime], *, minutes: int) -> None:
    """Start a visit three minutes late on the worker's phone, and finish it after some minutes."""
    booking, starts_at = visit
    move_to(site, starts_at + timedelta(minutes=3))
    # Nobody stays signed in for days.
    worker.sign_in(who)
    worker.open(f"/today{booking.removeprefix('/bookings')}")
    send(worker, "Start this visit")
    move_to(site, starts_at + timedelta(minutes=3 + minutes))
    worker.open(f"/today{booking.removeprefix('/bookings')}")
    send(worker, "Finish this visit")


def free_now(walker: Walker) -> int:
    """Return what the person signed in has free to spend, in pence."""
    walker.open("/money")
    return pence_after(walker, "Free to spend")


def answer_request(manager: Walker, who: str, title: str) -> None:
    """Agree to the newest request for more money as a manager does."""
    manager.sign_in(who)
    manager.follow(re.compile("requests? for more money"))
    stays_in(manager)
    manager.click(manager.page.locator("main a[href^='/money-requests/']").last)
    manager.look()
    stays_in(manager)
    assert title in manager.text
    manager.press("Save and tell the person")
    assert "There is a problem" in manager.text
    manager.choose("decision", "agree")
    manager.fill(answer="Yes, until the spring.")
    send(manager, "Save and tell the person")


def lose_account(site: Site, walker: Walker, finance: Walker, reader: str) -> None:
    """Strangers take money from an account of one's own: it is noted, the council holds the rest, the bank refunds."""
    free = free_now(walker)
    walker.open("/money/payments/new")
    walker.fill(amount="40", payee="Somebody unknown", what="Taken with my card, which was stolen")
    send(walker, "Write it down")
    assert free_now(walker) == free - 4_000
    walker.open("/acting")
    person = walker.page.locator("h1").inner_text().removeprefix("You act for ")
    finance.sign_in(f"finance@{reader.partition('@')[2]}")
    account = account_of(finance, person)
    finance.open(f"{account}/holding")
    finance.choose("holding", "council_held")
    finance.press("Arrange it")
    assert "There is a problem" in finance.text
    finance.fill(reason="The card was stolen")
    send(finance, "Arrange it")
    assert "The council holds the money and pays what the person approves" in letter(
        site, reader, "How your direct payment is held"
    )
    walker.open("/money")
    assert "The council holds the money and pays each visit after you have approved it" in walker.text
    assert walker.page.get_by_role("button", name="Write down a payment").count() == 0
    finance.open(f"{account}/payments")
    finance.follow(re.compile("Somebody unknown"))
    finance.press("Take it back")
    assert "There is a problem" in finance.text
    finance.fill(reason="The bank gave it back")
    send(finance, "Take it back")
    assert free_now(walker) == free
    walker.open("/money/payments")
    for words in ("Somebody unknown", "Taken back", "The bank gave it back"):
        assert words in walker.text, f"{words!r} is not in {walker.text}"


def name_worker(office: Walker, booking: str) -> None:
    """Say which worker comes to a visit."""
    office.open(f"/provider{booking}/workers")
    office.page.locator("select[name=worker]").select_option(index=1)
    send(office, "Confirm this visit")


def record_death(site: Site, worker: Walker, council: str, person: str) -> None:
    """Record somebody's death as a council worker does: a day to come is refused, then today."""
    worker.sign_in(f"worker@{council}")
    worker.open("/people")
    worker.fill(q=person.split()[-1])
    worker.press("Search")
    worker.follow(re.compile(f"{person.split()[-1]}, {person.split()[0]}"))
    worker.follow(re.compile("has died$"))
    worker.date("died_on", site.today + timedelta(days=1))
    worker.press("Record the death")
    assert "There is a problem" in worker.text
    worker.date("died_on", site.today)
    worker.choose("sure", "yes")
    send(worker, "Record the death")
