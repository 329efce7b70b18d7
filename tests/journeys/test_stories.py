"""The two stories, walked as people would: with scripts and without."""

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from marketplace.core.clock import LONDON
from tests.journeys.conftest import Site
from tests.journeys.plan_steps import (
    agree_to_plan,
    check_plan,
    offer,
    record_referral,
    sign_off,
    take_on,
    write_plan,
)
from tests.journeys.walker import Walker
from tests.payments.bacs_reader import read_bacs18

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])


def name_of(walker: Walker) -> str:
    """Name of who is signed in."""
    return walker.page.locator(".cm-account__who strong").inner_text()


@SCRIPTS
def test_a_referral_becomes_a_plan_and_a_payment(site: Site, walk: Any, scripts: bool) -> None:
    council = "lancashire.example" if scripts else "derby.example"
    walker = walk(scripts=scripts)
    walker.sign_in(f"selffunder@{council}")
    person = name_of(walker)
    walker.sign_in(f"planner@{council}")
    planner = name_of(walker)

    # 1. A council worker records the referral; 2. a broker offers it to who is best placed; 3. the planner sees no
    # name before accepting, then completes the plan, which is checked, agreed to and signed off.
    referral, reference = record_referral(walker, council, person)
    offer(walker, council, referral, planner)
    plan = take_on(walker, council, referral, reference, person)
    write_plan(walker)
    check_plan(walker, council, plan)
    agree_to_plan(walker, f"selffunder@{council}")
    sign_off(walker, council, plan)

    # 5. The review stands with the same planner.
    walker.sign_in(f"planner@{council}")
    walker.open("/reviews")
    walker.sees(person)

    # 4. The tariff accrues once, is billed, approved, and leaves in a run made by one and released by another.
    walker.open("/earnings")
    today = datetime.now(LONDON).date()
    walker.sees(f"completed on {today.day} {today:%B %Y}, reference")
    earned = re.search(f"completed on {today.day} {today:%B %Y}, (reference [0-9A-F]{{8}})", walker.text)
    assert earned is not None
    walker.sign_in(f"finance@{council}")
    walker.open("/self-bills/new")
    walker.date("first_on", today.replace(day=1))
    walker.date("last_on", today)
    walker.press("See the self-bills")
    walker.look()
    walker.click(walker.page.locator("main form button").last)
    walker.open("/self-bills?status=issued")
    links = walker.page.locator("main table a").all()
    addresses = [link.get_attribute("href") for link in links]
    ours = None
    for address in addresses:
        walker.open(str(address))
        if earned.group(1) in walker.text:
            ours = str(address)
            break
    assert ours is not None, addresses
    number = re.search(r"SB-\d{6}", walker.text)
    assert number is not None
    walker.press(f"Approve {number.group()}")
    walker.sees("Approved")
    walker.open(
        f"/payment-runs/new?due_until-day={today.day}&due_until-month={today.month}&due_until-year={today.year + 1}"
    )
    for box in walker.page.locator("input[name=bills]").all():
        label = walker.page.locator(f"label[for='{box.get_attribute('id')}']").inner_text()
        box.set_checked(number.group() in label)
    walker.press("Make the payment run")
    run = walker.page.url.removeprefix(site.address).partition("?")[0]
    assert re.fullmatch(r"/payment-runs/[0-9a-f-]{36}", run), walker.text
    assert walker.page.get_by_role("button", name=re.compile("Release")).count() == 0
    walker.sign_in(f"finance-checker@{council}")
    walker.open(run)
    walker.click(walker.page.get_by_role("button", name="Confirm it is you, then release"))
    walker.page.get_by_label("Password", exact=True).fill("demo-password")
    walker.press("Continue")
    walker.click(walker.page.get_by_role("button", name=re.compile("^Release")))
    walker.sees("Released")
    walker.open(f"{run}/bacs18")
    with walker.page.expect_download() as download:
        walker.page.get_by_role("button", name="Download the file").click()
    content = Path(download.value.path()).read_bytes()
    read = read_bacs18(content)
    paid = sum(payment.amount_pence for payment in read.credits)
    assert paid == read.contra.amount_pence
    walker.open(run)
    assert f"£{paid / 100:,.2f}" in walker.text
    assert hashlib.sha256(content).hexdigest() in walker.text.replace(" ", "")


def test_a_self_funder_pays_by_card_and_is_refunded_after_cancelling(site: Site, walk: Any) -> None:
    # Before the story that moves the clock: the card sandbox keeps the machine's time.
    pa = walk(scripts=True)
    pa.sign_in("pa@derby.example")
    name = name_of(pa)
    walker = walk(scripts=True, width=390)
    walker.open(f"/market?q={name.split()[0]}&radius_miles=any")
    walker.click(walker.page.locator(".cm-result__title a").first)
    walker.look()
    assert name in walker.text
    listing = walker.page.url.rsplit("/", 1)[1].partition("?")[0]
    walker.sign_in("selffunder@derby.example")
    walker.open(f"/bookings/new?listing={listing}")
    walker.follow(re.compile(r"^\w+day \d"))
    walker.fill(minutes="60", starts_local=walker.page.locator(".cm-chip").first.inner_text())
    walker.press("Continue")
    walker.press("Continue to payment")

    # The hosted card page: a declined card first, then one that pays.
    number = walker.page.locator("input[name=number]")
    number.fill("4000 0000 0000 0002")
    card_rest(walker)
    walker.click(walker.page.get_by_role("button", name=re.compile("^Pay")))
    number.fill("4242 4242 4242 4242")
    card_rest(walker)
    walker.click(walker.page.get_by_role("button", name=re.compile("^Pay")))
    walker.page.wait_for_url(re.compile(re.escape(site.address)))
    walker.sees("You paid")
    payment = walker.page.url.removeprefix(site.address)
    walker.follow("See the visit")
    booking = walker.page.url.removeprefix(site.address).partition("?")[0]
    walker.sees("Requested")

    # The provider sees the request; the person cancels in time and gets everything back.
    pa.open(f"/provider{booking}")
    walker.open(f"{booking}/cancel")
    walker.press("Cancel this visit")
    walker.sees("Cancelled")
    walker.open(payment)
    walker.sees("goes back to your card")


@SCRIPTS
def test_a_visit_is_found_booked_delivered_approved_and_paid_from_the_direct_payment(
    site: Site, walk: Any, scripts: bool
) -> None:
    council = "lancashire.example" if scripts else "doncaster.example"
    pa = walk(scripts=scripts)
    pa.sign_in(f"pa@{council}")
    name = name_of(pa)

    # Anybody searches, misspelt, and opens a listing.
    walker = walk(scripts=scripts)
    walker.open("/")
    walker.fill(q="personel asistant")
    walker.press("Search")
    walker.look()
    assert "result" in walker.text
    walker.open(f"/market?q={name.split()[0]}&radius_miles=any")
    walker.click(walker.page.locator(".cm-result__title a").first)
    walker.look()
    assert name in walker.text
    listing = walker.page.url.rsplit("/", 1)[1].partition("?")[0]
    walker.click(walker.page.locator("a", has_text="Ask to book"))
    assert "/sign-in?next=" in walker.page.url

    # The person books; the money is checked and shown first.
    walker.sign_in(f"person@{council}")
    walker.open("/money")
    walker.open(f"/bookings/new?listing={listing}")
    walker.follow(re.compile(r"^\w+day \d"))
    walker.fill(minutes="60", starts_local=walker.page.locator(".cm-chip").first.inner_text())
    if walker.page.locator("input[name=funding][type=radio]").count():
        walker.choose("funding", "direct_payment")
    walker.press("Continue")
    walker.look()
    assert "left to spend" in walker.text
    walker.press("Send request")
    booking = walker.page.url.removeprefix(site.address).partition("?")[0]
    assert re.fullmatch(r"/bookings/[0-9a-f-]{36}", booking), walker.text

    # The assistant accepts.
    pa.open("/provider/bookings")
    pa.open(f"/provider{booking}")
    pa.press("Accept this visit")
    pa.sees("Accepted")

    # After the visit the person approves it, and the statement shows it.
    site.move_clock(hours=24 * 9)
    walker.sign_in(f"person@{council}")
    walker.open(booking)
    walker.click(walker.page.get_by_role("button", name=re.compile("^Yes, this visit happened")).first)
    walker.sees("Approved")
    walker.open("/money")
    assert "Visit" in walker.text


def test_insurance_ends_and_what_is_agreed_goes_on(site: Site, walk: Any) -> None:
    """V4: a reminder 30 days before, off the market after the last day, the person with a visit to come is told."""
    # Last of all: it moves the clock by weeks.
    pa = walk(scripts=False, width=390)
    pa.sign_in("pa@derby.example")
    name = name_of(pa)
    pa.open("/provider/evidence")
    found = re.search(r"Public liability insurance Seen\. (?:Counts until|Ends after) (\d+ \w+ \d{4})", pa.text)
    assert found is not None, pa.text
    last_day = datetime.strptime(found.group(1), "%d %B %Y").replace(tzinfo=LONDON).date()
    pa.open("/provider/listings")
    listing = str(pa.page.locator("main .cm-result__title a").first.get_attribute("href")).rsplit("/", 1)[1]
    site.move_clock(hours=24 * max(0, (last_day - site.today).days - 29))
    site.wait_for_mail("pa@derby.example", "Public liability insurance: it ends soon")

    # On the last day somebody asks for a visit that comes after it, and the assistant accepts.
    site.move_clock(hours=24 * (last_day - site.today).days)
    walker = walk(scripts=True, width=390)
    walker.open(f"/market/{listing}")
    walker.sign_in("person@derby.example")
    walker.open(f"/bookings/new?listing={listing}")
    walker.click(walker.page.get_by_role("link", name=re.compile(r"^\w+day \d")).nth(2))
    walker.fill(minutes="60", starts_local=walker.page.locator(".cm-chip").first.inner_text())
    if walker.page.locator("input[name=funding][type=radio]").count():
        walker.choose("funding", "direct_payment")
    walker.press("Continue")
    walker.press("Send request")
    booking = walker.page.url.removeprefix(site.address).partition("?")[0]
    assert re.fullmatch(r"/bookings/[0-9a-f-]{36}", booking), walker.text
    pa.sign_in("pa@derby.example")
    pa.open(f"/provider{booking}")
    pa.press("Accept this visit")
    pa.sees("Accepted")

    # The day after, nobody can book any more; the visit stands and the person knows.
    site.move_clock(hours=24)
    site.wait_for_mail("pa@derby.example", "Public liability insurance: it has ended")
    site.wait_for_mail("person@derby.example", f"Your visits from {name}")
    site.wait_for_mail("broker@derby.example", "no new bookings for now")
    visitor = walk(scripts=False)
    visitor.open(f"/market/{listing}", 404)
    visitor.open(f"/market?q={name.split()[0]}&radius_miles=any")
    assert name not in visitor.text
    walker.sign_in("person@derby.example")
    walker.open(booking)
    assert "Accepted" in walker.text


def card_rest(walker: Walker) -> None:
    """Fill what a card page asks besides the number."""
    walker.fill(name="A Tester", expiry="12/40", cvc="123")
    if walker.page.locator("input[name=email]").count():
        walker.fill(email="tester@journeys.example")
