"""Journeys of a person's own money: P11, what a card paid and comes back, an account of one's own, a death (P15)."""

import re
from collections.abc import Generator
from typing import Any

import pytest

from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import (
    AUTHENTICATES,
    VISIT_PENCE,
    WALLET_PENCE,
    account_of,
    answer_request,
    at_the_door,
    charge,
    free_now,
    leave_free,
    letter,
    listing_of,
    lose_account,
    name_of,
    name_worker,
    pay_by_card,
    pence_after,
    planned,
    pounds,
    record_death,
    stays_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOURS = 4
REFUND_PENCE = 15_000
"""Above what one person may give back alone."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its journeys move the clock by weeks."""
    with serving(tmp_path_factory.mktemp("money"), f"money_{worker_id}") as served:
        yield served


def test_a_visit_dearer_than_the_wallet_leads_on_and_the_rest_is_paid_by_card(site: Site, walk: Any) -> None:
    """P11: £300 free, a visit of £320: refused with every way out, then the rest by card; weeks explain the surplus."""
    council = "derby.example"
    pa, finance = walk(scripts=False), walk(scripts=False)
    pa.sign_in(f"pa@{council}")
    listing = listing_of(pa, name_of(pa))
    site.arrange(charge(listing, VISIT_PENCE // HOURS))
    walker = walk(scripts=True, width=390)
    walker.sign_in(f"person@{council}")
    finance.sign_in(f"finance@{council}")
    account = account_of(finance, name_of(walker))

    # Only money that is arranged to come counts, so finance arranges it.
    finance.open(f"{account}/holding")
    finance.choose("holding", "council_held")
    finance.fill(reason="Their own choice at the review")
    send(finance, "Arrange it")

    # More than eight weeks of the budget are in it: the rule says how much, in pounds and weeks.
    walker.open("/money")
    stays_in(walker)
    assert "You may keep up to 8 weeks of the budget" in walker.text
    assert "your next money, which pays for them" in walker.text
    assert re.search(r"That is £[\d,.]+ \([\d.]+ weeks?\) more", walker.text)
    leave_free(finance, account, WALLET_PENCE)
    walker.open("/money")
    assert pence_after(walker, "Free to spend") == WALLET_PENCE
    assert "is free now, so nothing is to go back" in walker.text

    # Too dear: what was typed stays, and every way out is named.
    walker.open(f"/bookings/new?listing={listing}&minutes={HOURS * 60}")
    walker.follow(re.compile(r"^\w+day \d"))
    starts = walker.page.locator(".cm-chip").first.inner_text()
    walker.fill(minutes=str(HOURS * 60), starts_local=starts, note="Bring the ball")
    walker.choose("funding", "direct_payment")
    walker.press("Continue")
    walker.look()
    stays_in(walker)
    assert "There is a problem" in walker.text
    assert walker.page.locator("textarea[name=note]").input_value() == "Bring the ball"
    for way in (
        "choose a shorter visit: 3 hours 45 minutes fits",
        "or later, when £",
        "look for support that costs less or is free",
        "cancel another visit",
        "ask the council for more money",
        "use what you have left and pay the rest, £20.00, by card",
        "pay for all of this visit by card",
    ):
        assert way in walker.text, f"{way!r} is not in {walker.text}"
    asking = walker.page.get_by_role("link", name="ask the council for more money").get_attribute("href")

    # The rest by card, with the bank's second look.
    walker.choose("funding", "top_up")
    send(walker, "Continue")
    assert "You then have £0.00 left to spend" in walker.text
    assert pence_after(walker, "By card, now") == VISIT_PENCE - WALLET_PENCE
    walker.press("Continue to payment")
    pay_by_card(walker, site, AUTHENTICATES)
    walker.follow("See the visit")
    walker.sees("Requested")
    booking = path_of(walker)
    walker.open("/money")
    assert pence_after(walker, "Free to spend") == 0
    pa.open(f"/provider{booking}")
    send(pa, "Accept this visit")

    # The council is asked for what was missing.
    walker.open(str(asking))
    assert walker.page.locator("input[name=amount]").input_value() == "20.00"
    walker.press("Send")
    assert "There is a problem" in walker.text
    walker.choose("often", "once")
    walker.fill(reason="The visits are longer in winter.")
    send(walker, "Send")
    assert "Waits for an answer" in walker.text
    site.wait_for_mail(f"manager@{council}", "A person asks for more money")
    answer_request(walk(scripts=True, width=390), f"manager@{council}", "£20.00, once")
    site.wait_for_mail(f"person@{council}", "The council has answered about more money")
    letter(site, f"finance@{council}", "More money agreed", says="£20.00, once")
    walker.open("/money/ask")
    assert "Yes, until the spring." in walker.text


def test_a_card_payment_goes_back_in_parts_when_a_second_person_agrees(site: Site, walk: Any) -> None:
    """A refund above the limit waits; who asked cannot agree; the comparison with Stripe finds every penny."""
    council = "derby.example"
    pa, finance, checker = walk(scripts=False, width=390), walk(scripts=True), walk(scripts=True, width=390)
    pa.sign_in(f"pa@{council}")
    listing = listing_of(pa, name_of(pa))
    site.arrange(charge(listing, VISIT_PENCE // HOURS))
    walker = walk(scripts=True)
    walker.sign_in(f"selffunder@{council}")
    walker.open(f"/bookings/new?listing={listing}&minutes={HOURS * 60}")
    walker.click(walker.page.get_by_role("link", name=re.compile(r"^\w+day \d")).nth(1))
    walker.fill(minutes=str(HOURS * 60), starts_local=walker.page.locator(".cm-chip").last.inner_text())
    send(walker, "Continue")
    walker.press("Continue to payment")
    pay_by_card(walker, site)
    payment = path_of(walker)
    pa.open("/refunds")
    pa.click(pa.page.locator("main table a").first)
    pa.fill(amount="400", reason="She was ill for half of it")
    pa.press("Give back")
    assert "There is a problem" in pa.text
    assert pa.page.locator("input[name=amount]").input_value() == "400"
    pa.fill(amount=pounds(REFUND_PENCE), reason="She was ill for half of it")
    send(pa, "Give back")
    assert "Waits" in pa.text or "agree" in pa.text
    walker.open(payment)
    assert "£150.00" not in walker.text

    finance.sign_in(f"finance@{council}")
    finance.open("/refunds-to-agree", 403)
    checker.sign_in(f"finance-checker@{council}")
    checker.open("/refunds-to-agree")
    stays_in(checker)
    checker.click(checker.page.locator("main tr", has_text=f"£{pounds(REFUND_PENCE)}").get_by_role("link"))
    checker.look()
    checker.press("Send")
    assert "There is a problem" in checker.text
    checker.choose("answer", "agree")
    send(checker, "Send")
    finance.open("/refunds")
    finance.click(finance.page.locator("main tr", has_text=f"£{pounds(VISIT_PENCE)}").get_by_role("link"))
    finance.sees("Given back £150.00")
    walker.open(payment)
    walker.sees("£150.00")
    site.wait_for_mail(f"selffunder@{council}", "back")

    finance.open("/card-reconciliation")
    send(finance, "Compare yesterday again")
    assert "There is nothing to explain" in finance.text


def test_a_person_who_holds_the_money_proves_it_by_visits_and_answers_an_audit(site: Site, walk: Any) -> None:
    """Own account: an audit answered with a receipt, a visit paid and matched, statements; then P15, a death."""
    council = "doncaster.example"
    walker, finance = walk(scripts=True, width=390), walk(scripts=False)
    walker.sign_in(f"representative@{council}")
    finance.sign_in(f"finance@{council}")

    # The council asks about what no visit proves; the person sees what it sees.
    walker.open("/money/audits")
    walker.click(walker.page.locator("main a").first)
    walker.look()
    stays_in(walker)
    audit = path_of(walker)
    assert "You see here everything that the council sees" in walker.text
    assert "Needs no paper" in walker.text
    walker.click(walker.page.get_by_role("button", name="Send this answer").first)
    assert "There is a problem" in walker.text
    receipt = {"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"Green gym 24.50"}
    for number, words in enumerate(("A month of the green gym", "Pots for the club")):
        form = walker.page.locator("main form", has=walker.page.get_by_role("button", name="Send this answer")).first
        form.locator("textarea").fill(words)
        if number == 0:
            form.locator("input[type=file]").set_input_files(files=[receipt])
        send(walker, "Send this answer")
    assert "receipt.txt" in walker.text
    site.wait_for_mail(f"finance@{council}", "Answers about a direct payment")

    # Finance asks once more about one, accepts, and closes it; the person reads the outcome.
    finance.open(f"/money-audits/{audit.rsplit('/', 1)[1]}")
    finance.page.locator("input[name^='decision-']").last.fill("Who went to the club?")
    finance.click(finance.page.get_by_role("button", name="Ask again").last)
    assert "There is a problem" not in finance.text
    walker.open(audit)
    assert "Who went to the club?" in walker.text
    walker.page.locator("main form textarea").first.fill("Both of us went.")
    send(walker, "Send this answer")
    finance.open(f"/money-audits/{audit.rsplit('/', 1)[1]}")
    for _ in range(2):
        send(finance, "Accept")
    finance.press("Close the check")
    assert "There is a problem" in finance.text
    finance.fill(outcome="All is in order. Thank you.")
    send(finance, "Close the check")
    walker.open(audit)
    assert "All is in order. Thank you." in walker.text
    assert "Nothing is to be paid back" in walker.text

    # A visit takes place and is approved; the payment is written down with it and needs no receipt.
    office = walk(scripts=False)
    office.sign_in(f"provider@{council}")
    walker.open("/agreements")
    walker.click(walker.page.locator("main a[href^='/agreements/']").first)
    agreement = path_of(walker)
    visit = booking, _ = planned(walker, agreement, site.now)
    name_worker(office, booking)
    at_the_door(site, office, f"provider@{council}", visit, minutes=45)
    walker.sign_in(f"representative@{council}")
    walker.open(booking)
    price = pence_after(walker, "They ask")
    send(walker, f"Yes, this visit happened. Pay £{pounds(price)}")
    walker.open("/money/payments")
    assert "Every visit that you approved is written down as paid" not in walker.text
    walker.open("/money/payments/new")
    stays_in(walker)
    walker.fill(amount="9000", payee="Don Valley Carers")
    walker.press("Write it down")
    assert "There is a problem" in walker.text
    walker.open("/money/payments/new")
    walker.page.locator("input[name=visits]").first.check()
    walker.fill(amount=pounds(price), payee="Don Valley Carers")
    send(walker, "Write it down")
    assert "Proven by visits" in walker.text
    walker.page.locator("input[type=file]").first.set_input_files(files=[receipt])
    send(walker, "Keep it")
    assert "receipt.txt" in walker.text
    walker.open("/money/payments")
    assert "Every visit that you approved is written down as paid" in walker.text

    # One that was written down by mistake is taken back: both stay in the book.
    free = free_now(walker)
    walker.open("/money/payments/new")
    walker.fill(amount="5", payee="The wrong shop", what="Soup")
    send(walker, "Write it down")
    assert free_now(walker) == free - 500
    walker.open("/money/payments")
    walker.click(walker.page.get_by_role("link", name=re.compile("The wrong shop")).first)
    walker.fill(reason="It was from my own purse")
    send(walker, "Take it back")
    assert free_now(walker) == free
    month = f"{site.today:%Y-%m}"
    pdf = walker.page.request.get(f"{site.address}/money/statement.pdf?month={month}")
    assert pdf.body().startswith(b"%PDF"), pdf.status
    table = walker.page.request.get(f"{site.address}/money/statement.csv?month={month}").text()
    assert "The wrong shop" in table

    # P15: the account is lost. What was taken from it is written down; the council holds the money from then on, and
    # puts right what the bank gave back.
    lose_account(site, walker, finance, f"representative@{council}")

    # P15: the person dies. What is to come stops, what took place is paid, and the words are kind.
    visit = booking, _ = planned(walker, agreement, site.now)
    name_worker(office, booking)
    at_the_door(site, office, f"provider@{council}", visit, minutes=45)
    walker.sign_in(f"representative@{council}")
    later, _ = planned(walker, agreement, site.now)
    walker.open("/acting")
    record_death(
        site, walk(scripts=False), council, walker.page.locator("h1").inner_text().removeprefix("You act for ")
    )
    news = letter(site, f"representative@{council}", "We are sorry for your loss")
    assert "There is no hurry" in news
    assert "tell the workers gently" in letter(site, f"provider@{council}", "Sad news about agreement")
    walker.open(later)
    walker.sees("This visit is cancelled")
    walker.open("/money")
    walker.open(booking)
    price = pence_after(walker, "They ask")
    send(walker, f"Yes, this visit happened. Pay £{pounds(price)}")
    office.open(f"/provider{later}")
    assert "Accept" not in office.text
