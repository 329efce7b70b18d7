"""Journeys of money between people: P12 employing an assistant, V11 what is earned, P13 a rise, P15 who may see it."""

import csv
import io
import re
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from marketplace.core.clock import LONDON
from marketplace.core.formats import uk_date
from tests.journeys.accreditation import path_of, send, tick
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import (
    at_the_door,
    letter,
    move_to,
    name_of,
    pence_after,
    planned,
    pounds,
    stays_in,
)
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNCIL = "doncaster.example"
AUNT = "aunt@journeys.example"
PASSWORD = "three quiet words"
YEAR_AT_LEGAL_WAGE = "£13,218.40"
"""20 hours a week at £12.71 (domain.md 4.4)."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its journeys move the clock by weeks."""
    with serving(tmp_path_factory.mktemp("people"), f"money_people_{worker_id}") as served:
        yield served


def test_who_may_see_the_money_sees_nothing_else_and_is_out_at_once(site: Site, walk: Any) -> None:
    """P15: a nominated person with money alone; revoked while signed in."""
    council = "lancashire.example"
    person = walk(scripts=False, width=390)
    person.sign_in(f"person@{council}")
    name = name_of(person)
    person.open("/representatives/new")
    person.fill(name="Vera Aunt", email=AUNT, relationship="my aunt")
    person.choose("kind", "helper")
    person.choose("scopes", "money")
    person.press("Send")
    assert "There is a problem" in person.text
    person.choose("kind", "nominated")
    send(person, "Send")
    assert "Vera Aunt" in person.text

    link = re.search(r"/act-for/\S+", letter(site, AUNT, "asks you to act for them"))
    assert link is not None
    aunt = walk(scripts=True, width=390)
    aunt.open(link.group())
    stays_in(aunt)
    aunt.fill(password="short")
    aunt.press("Yes, I will")
    assert "There is a problem" in aunt.text
    aunt.fill(password=PASSWORD)
    aunt.press("Yes, I will")
    aunt.fill(email=AUNT, password=PASSWORD)
    aunt.press("Sign in")
    site.wait_for_mail(f"person@{council}", "acts for you now")
    aunt.open("/money")
    stays_in(aunt)
    assert pence_after(aunt, "Free to spend") > 0
    assert name in aunt.page.locator("body").inner_text()
    for path in ("/my-plan", "/bookings", "/profile", "/employer", "/agreements", "/representatives"):
        assert aunt.page.goto(f"{aunt.address}{path}").status in (403, 404), path
    aunt.open("/money/ask")
    aunt.fill(amount="30", reason="The fares are dearer.")
    aunt.choose("often", "weekly")
    send(aunt, "Send")

    # The person sees what was done in their name, and ends it; the open page of the aunt leads nowhere.
    person.open("/representatives")
    assert "Vera Aunt" in person.text
    person.follow(re.compile("Change or end it"))
    person.fill(reason="We fell out")
    send(person, "End it now")
    assert "can do nothing for you any more" in person.page.locator("body").inner_text()
    answer = aunt.page.goto(f"{aunt.address}/money")
    assert answer is not None
    assert answer.status in (403, 404) or "/sign-in" in aunt.page.url
    assert "Free to spend" not in aunt.page.locator("body").inner_text()


def test_a_rise_is_declined_agreed_or_lapses_and_never_comes_silently(site: Site, walk: Any) -> None:
    """P13: the demo's rise is declined; £22 is agreed; £24 shows what it does to the budget, and lapses."""
    council = "lancashire.example"
    person, pa = walk(scripts=True, width=390), walk(scripts=False)
    person.sign_in(f"person@{council}")
    pa.sign_in(f"pa@{council}")
    person.open("/agreements")
    person.follow(re.compile("Rosie"))
    agreement = path_of(person)
    stays_in(person)
    assert "£16.50 an hour" in person.text
    person.follow("Say no and keep the old terms")
    person.press("Say no")
    assert "There is a problem" in person.text
    person.fill(reason="I cannot pay more this winter.")
    send(person, "Say no")
    site.wait_for_mail(f"pa@{council}", "declined")

    offer(pa, agreement, site.today + timedelta(days=8), 22)
    site.wait_for_mail(f"person@{council}", "offers new terms")
    person.open(agreement)
    assert "£22.00 an hour" in person.text
    assert "£11.00 more each week" in person.text
    assert "Left each week" in person.text
    person.press("Agree to the new terms")
    assert "There is a problem" in person.text
    tick(person, "I have read this and I agree to it")
    person.fill(name=name_of(person))
    send(person, "Agree to the new terms")
    site.wait_for_mail(f"pa@{council}", "New terms are agreed")

    move_to(site, datetime.combine(site.today + timedelta(days=9), time(9), LONDON))
    person.sign_in(f"person@{council}")
    pa.sign_in(f"pa@{council}")
    starts_on = site.today + timedelta(days=8)
    offer(pa, agreement, starts_on, 24)
    person.open(agreement)
    assert "£22.00 an hour" in person.text
    assert "£24.00 an hour (changed)" in person.text
    assert "£4.00 more each week" in person.text
    move_to(site, datetime.combine(starts_on, time(9), LONDON))
    site.wait_for_mail(f"person@{council}", "New terms were not answered in time")
    person.sign_in(f"person@{council}")
    person.open(agreement)
    assert "£22.00 an hour" in person.text
    assert not person.page.get_by_role("button", name="Agree to the new terms").count()
    booking, _ = planned(person, agreement, site.now)
    person.open(booking)
    assert pence_after(person, "Agreed price") == 2_200


def test_an_assistant_is_employed_insurance_lapses_and_the_work_is_paid_as_it_was_done(site: Site, walk: Any) -> None:
    """P12 and V11: checklist, cost, a lapse that never stops pay, lines as worked, a stay in hospital."""
    visitor = walk(scripts=True, width=390)
    visitor.open("/employer/cost")
    visitor.fill(hours="")
    visitor.press("Work it out")
    assert "There is a problem" in visitor.text
    visitor.fill(hours="20", wage="1")
    send(visitor, "Work it out")
    assert "£1.00 an hour is below the legal minimum wage of £12.71" in visitor.text
    visitor.open("/employer/cost")
    send(visitor, "Work it out")
    stays_in(visitor)
    assert YEAR_AT_LEGAL_WAGE in visitor.text
    assert "An hour truly costs" in visitor.text

    # A new assistant: the checklist comes before the first shift.
    person = walk(scripts=False, width=390)
    person.sign_in(f"person@{COUNCIL}")
    person.open("/employer/new")
    person.fill(name="Sam Helper")
    person.press("Save")
    assert "There is a problem" in person.text
    person.date("starts_on", site.today + timedelta(days=14))
    for field, value in (("work_status", "employed"), ("relation", "none"), ("lives_with", "no")):
        person.choose(field, value)
    person.fill(hours="20", wage="12.71", insurance="96", payroll="216")
    send(person, "Save")
    job = path_of(person)
    for duty in (
        "Agree and sign a contract",
        "Check their right to work in the UK",
        "Buy employers’ liability insurance",
        "Register as an employer and set up payroll",
        "Assess them for a pension",
        "Choose how holiday is worked out",
        "Decide about a DBS check",
    ):
        assert duty in person.text
    assert "Who can help" in person.text
    assert "£96.00 a year, as you entered" in person.text
    person.open(f"{job}/duties/liability")
    person.choose("status", "done")
    person.press("Save")
    assert "There is a problem" in person.text
    person.date("last_on", site.today + timedelta(days=300))
    send(person, "Save")
    person.press("The job begins")
    assert "There is a problem" in person.text
    tick(person, "I know what the law asks me to do first")
    send(person, "The job begins")
    assert "Works for you" in person.text
    site.wait_for_mail(f"broker@{COUNCIL}", "Somebody who employs an assistant needs help")

    # The insurance of another assistant lapses: the person is told, the council is told, and the pay goes on.
    person.open("/employer")
    person.follow(re.compile("Checklist and costs of Kath"))
    kath = path_of(person)
    insurance = "Buy employers’ liability insurance"
    last_on = site.today + timedelta(days=2)
    person.follow(insurance)
    person.choose("status", "done")
    person.date("last_on", last_on)
    send(person, "Save")
    assert "We never hold pay back" not in person.text or insurance not in person.text.partition("What is to do")[0]
    worker = walk(scripts=True)
    worker.sign_in(f"worker@{COUNCIL}")
    worker.open("/employer-help")
    assert insurance not in worker.text
    move_to(site, datetime.combine(last_on + timedelta(days=1), time(9), LONDON))
    worker.sign_in(f"worker@{COUNCIL}")
    worker.open("/employer-help")
    worker.sees(insurance)
    letter(site, f"broker@{COUNCIL}", "Somebody who employs an assistant needs help", says=insurance)
    says = f"{insurance}: ended on {uk_date(last_on)}"
    letter(site, f"person@{COUNCIL}", "Something to do as an employer", says=says)
    person.sign_in(f"person@{COUNCIL}")
    person.open(kath)
    assert "Has ended" in person.text
    assert "We never hold pay back" in person.text

    # V11: within the tolerance the plan is paid; beyond it the time that was worked.
    pa = walk(scripts=False, width=390)
    pa.sign_in(f"pa@{COUNCIL}")
    person.open("/agreements")
    person.follow(re.compile("Kath"))
    agreement = path_of(person)
    whole, price, asked = worked(site, person, pa, agreement, minutes=56)
    assert asked == price
    short, price, less = worked(site, person, pa, agreement, minutes=40)
    assert less == round(price * 40 / 60)
    # Both are wages on the timesheet as they were approved, whatever is open on the checklist; no council pays them.
    wages = wages_of(site, person, kath)
    assert (wages[whole[1].date()], wages[short[1].date()]) == (pounds(asked), pounds(less))
    pa.open("/earnings")
    assert uk_date(whole[1].date()) not in pa.text

    # Hospital from tomorrow: nothing is billed from then on.
    person.open(f"{agreement}/pause")
    person.press("See what it comes to")
    assert "There is a problem" in person.text
    person.choose("kind", "hospital")
    person.date("starts_on", site.today + timedelta(days=1))
    person.press("See what it comes to")
    send(person, "Pause visits")
    site.wait_for_mail(f"pa@{COUNCIL}", "Visits pause from")
    stops_on = site.today + timedelta(days=1)
    move_to(site, datetime.combine(site.today + timedelta(days=8), time(12), LONDON))
    person.sign_in(f"person@{COUNCIL}")
    assert max(wages_of(site, person, kath)) < stops_on
    person.open(agreement)
    person.open("/calendar")
    stays_in(person)


def offer(pa: Walker, agreement: str, starts_on: date, pounds_an_hour: int) -> None:
    """Offer a new price from a day on: first too soon, then as it has to be."""
    pa.open(f"/provider/clients/{agreement.rsplit('/', 1)[1]}/change")
    pa.date("starts_on", starts_on - timedelta(days=6))
    pa.fill(rate=f"{pounds_an_hour}.00", reason="My insurance costs more.")
    main = pa.page.locator("main form button").last.inner_text()
    pa.press(main)
    assert "There is a problem" in pa.text
    pa.date("starts_on", starts_on)
    send(pa, main)
    tick(pa, "I have read this and offer it")
    pa.fill(name=name_of(pa))
    send(pa, "Sign and send")


def worked(
    site: Site, person: Walker, pa: Walker, agreement: str, *, minutes: int
) -> tuple[tuple[str, datetime], int, int]:
    """Let the next visit of an agreement take place; returns it, its agreed price and what was approved, in pence."""
    visit = booking, starts_at = planned(person, agreement, site.now)
    at_the_door(site, pa, f"pa@{COUNCIL}", visit, minutes=minutes)
    # Approval waits until the visit's planned hour is over.
    move_to(site, starts_at + timedelta(minutes=61))
    person.sign_in(f"person@{COUNCIL}")
    person.open(booking)
    price, asked = pence_after(person, "Agreed price"), pence_after(person, "They ask")
    send(person, f"Yes, this visit happened. Pay £{pounds(asked)}")
    return visit, price, asked


def wages_of(site: Site, person: Walker, job: str) -> dict[date, str]:
    """Begin every timesheet that may begin; return what each day of work earned, in pounds, as the payroll reads it."""
    person.open(f"{job}/timesheets")
    for _ in range(12):
        button = person.page.get_by_role("button", name=re.compile("^Begin the timesheet"))
        if not button.count():
            break
        person.click(button)
        person.open(f"{job}/timesheets")
    wages: dict[date, str] = {}
    for link in person.page.locator(f"main a[href^='{job}/timesheets/']").all():
        address = f"{site.address}{link.get_attribute('href')}/table.csv"
        rows = csv.DictReader(io.StringIO(person.page.request.get(address).text().lstrip("\ufeff")))
        wages |= {date.fromisoformat(row["worked_on"]): row["amount"] for row in rows}
    return wages
