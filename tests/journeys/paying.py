"""Steps of the journeys of paying organisations: bills, files of visits, payment runs, documents."""

import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Locator, expect

from tests.factories_paying import VISIT_MINUTES, VISIT_PENCE, Round
from tests.journeys.accreditation import path_of, send
from tests.journeys.money_steps import pounds
from tests.journeys.walker import PASSWORD, Walker

HEADINGS = ("invoice_number", "person_reference", "visit_date", "start_time", "minutes", "amount_pounds")
INVOICE = "CC-2041"
TOO_MUCH_PENCE = 2_500
STRANGER = "SA-99999"
"""A reference that belongs to nobody."""


class Taken(NamedTuple):
    """A file that a browser downloaded."""

    name: str
    content: bytes


def refused(walker: Walker, button: str) -> None:
    """Press a button of a form that is not right yet: what is wrong is said on top."""
    walker.press(button)
    assert "There is a problem" in walker.text, walker.text
    walker.look()


def row(walker: Walker, words: str) -> Locator:
    """The first row of a table with some words in it."""
    return walker.page.locator("main tbody tr", has_text=words).first


def linked_row(walker: Walker, words: str) -> Locator:
    """The first row of a table with some words and a link in it: tables of sums have none."""
    return walker.page.locator("main tbody tr", has_text=words).filter(has=walker.page.locator("a")).first


def pounds_of(pence: int) -> str:
    """Write a sum as pages show it."""
    return f"£{pence / 100:,.2f}"


def download(walker: Walker, opener: Locator) -> Taken:
    """Click what gives a file."""
    with walker.page.expect_download() as waiting:
        opener.click()
    taken = waiting.value
    return Taken(taken.suggested_filename, Path(taken.path()).read_bytes())


def fetched(walker: Walker, path: str) -> bytes:
    """Fetch a file as the one signed in."""
    answer = walker.page.request.get(f"{walker.address}{path}")
    assert answer.status == 200, f"{path}: {answer.status}"
    return answer.body()


# Self-bills


def preview_bills(finance: Walker, first: date, last: date) -> None:
    """Ask what would be billed for some days."""
    finance.open("/self-bills/new")
    finance.date("first_on", first)
    finance.date("last_on", last)
    send(finance, "See the self-bills")


def approve_bill(finance: Walker, name: str) -> str:
    """Approve the self-bill of an organisation that waits. Returns its number."""
    finance.open("/self-bills?status=issued")
    finance.click(row(finance, name).get_by_role("link"))
    finance.look()
    found = re.search(r"S[BC]-\d{6}", finance.text)
    assert found is not None, finance.text
    send(finance, f"Approve {found.group()}")
    assert "Approved" in finance.text
    return found.group()


def sign_agreement(supplier: Walker) -> None:
    """Sign the self-billing agreement that waits; name and box are forgotten once."""
    supplier.open("/provider/self-billing")
    supplier.click(
        supplier.page.locator("main a[href^='/provider/self-billing/']", has_text="waits for your signature")
    )
    supplier.look()
    refused(supplier, "Sign the agreement")
    supplier.fill(signed_name="Robin Example")
    refused(supplier, "Sign the agreement")
    assert supplier.page.locator("input[name=signed_name]").input_value() == "Robin Example"
    supplier.page.locator("input[name=confirmed]").check()
    send(supplier, "Sign the agreement")
    assert "You have signed" in supplier.text


# Files of visits


def file_of_visits(delivered: Round) -> bytes:
    """Write a file of all visits with three bad rows at its end: one twice, one too dear, one of a stranger."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    visits = list(zip(delivered.days, delivered.starts, strict=True))
    for place, (on, at) in enumerate(visits):
        is_dear = place == len(visits) - 1
        pence = TOO_MUCH_PENCE if is_dear else VISIT_PENCE
        writer.writerow((INVOICE, delivered.reference, f"{on:%d/%m/%Y}", f"{at:%H:%M}", VISIT_MINUTES, pounds(pence)))
    on, at = visits[0]
    for reference in (delivered.reference, STRANGER):
        writer.writerow((INVOICE, reference, f"{on:%d/%m/%Y}", f"{at:%H:%M}", VISIT_MINUTES, pounds(VISIT_PENCE)))
    return out.getvalue().encode()


def file_with_a_wrong_start(delivered: Round) -> bytes:
    """Write a file of all visits; the last one has a start at which nobody came."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for place, (on, at) in enumerate(zip(delivered.days, delivered.starts, strict=True), start=1):
        start = "03:07" if place == len(delivered.days) else f"{at:%H:%M}"
        writer.writerow((INVOICE, delivered.reference, f"{on:%d/%m/%Y}", start, VISIT_MINUTES, pounds(VISIT_PENCE)))
    return out.getvalue().encode()


def open_held(walker: Walker, words: str) -> str:
    """Open the held line that has some words beside it. Returns its path."""
    walker.click(linked_row(walker, words).get_by_role("link").first)
    walker.look()
    return path_of(walker)


def send_invoice(supplier: Walker, own_number: str, until: date) -> str:
    """Invoice the approved visits of the last days; the number is forgotten once. Returns the council's number."""
    supplier.open("/provider/invoices")
    supplier.click(supplier.page.get_by_role("button", name="Invoice what was approved"))
    supplier.date("first_on", until - timedelta(days=10))
    supplier.date("last_on", until)
    refused(supplier, "See the invoice")
    supplier.fill(supplier_number=own_number)
    send(supplier, "See the invoice")
    send(supplier, f"Send invoice {own_number}")
    found = re.search(r"PI-\d{6}", supplier.text)
    assert found is not None, supplier.text
    return found.group()


# Payment runs


def propose(finance: Walker, until: date) -> None:
    """Show what could be paid of the bills due by a day."""
    finance.open(
        f"/payment-runs/new?due_until-day={until.day}&due_until-month={until.month}&due_until-year={until.year}"
    )


def make_run(finance: Walker) -> str:
    """Make a run of everything that the proposal ticked. Returns its path."""
    send(finance, "Make the payment run")
    run = path_of(finance)
    assert re.fullmatch(r"/payment-runs/[0-9a-f-]{36}", run), finance.text
    return run


def rehearse(finance: Walker) -> str:
    """Make a rehearsal of what the proposal ticked. Returns its path."""
    finance.page.get_by_label("This is a rehearsal").check()
    return make_run(finance)


def refuse_file(finance: Walker, why: str) -> None:
    """Record on the page of a run that the bank refused all of it; the call to the bank is forgotten once."""
    refused(finance, "The bank refused the whole file")
    finance.fill(why=why)
    refused(finance, "The bank refused the whole file")
    assert finance.page.locator("input[name=why]").input_value() == why
    finance.page.locator("input[name=none_paid]").check()
    send(finance, "The bank refused the whole file")


def send_bank_list(finance: Walker, content: str) -> None:
    """Read a bank's list of returned payments from a file; the file is forgotten once."""
    finance.open("/returned-payments")
    finance.follow("Read the bank’s list from a file")
    refused(finance, "Read the list")
    finance.page.locator("input[type=file]").set_input_files(
        files=[{"name": "returned.csv", "mimeType": "text/csv", "buffer": content.encode()}]
    )
    send(finance, "Read the list")


def release(checker: Walker, run: str) -> None:
    """Release a run as the second person: the password again, once typed wrongly."""
    checker.open(run)
    send(checker, "Confirm it is you, then release")
    checker.page.get_by_label("Password", exact=True).fill("not-my-password")
    refused(checker, "Continue")
    checker.page.get_by_label("Password", exact=True).fill(PASSWORD)
    checker.press("Continue")
    expect(checker.page).to_have_url(re.compile(re.escape(run)))
    checker.click(checker.page.get_by_role("button", name=re.compile("^Release £")))
    checker.look()
    assert "is released" in checker.text


def second_person(walk: Any, slug: str) -> Walker:
    """The second person of a council's finance team, on a phone without scripts."""
    checker: Walker = walk(scripts=False, width=390)
    checker.sign_in(f"finance-checker@{slug}.example")
    return checker


def take_file(finance: Walker, run: str, why: str = "") -> Taken:
    """Take the Bacs file of a run; again only with a reason."""
    finance.open(f"{run}/bacs18")
    if why:
        refused(finance, "Download the file")
        finance.fill(reason=why)
    return download(finance, finance.page.get_by_role("button", name="Download the file"))


def next_saturday(day: date) -> date:
    """Return the first Saturday after a day: no bank processes anything then."""
    return day + timedelta(days=(5 - day.weekday() - 1) % 7 + 1)


# Questions


def answer_question(finance: Walker, name: str, words: str, *, is_forgotten: bool = False) -> None:
    """Answer the question of an organisation that stands in the list which is open."""
    finance.click(row(finance, name).get_by_role("link").first)
    finance.look()
    if is_forgotten:
        refused(finance, "Send the answer")
    finance.fill(answer=words)
    send(finance, "Send the answer")
