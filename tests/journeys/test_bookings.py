"""Regular support from a direct payment, walked as people would (P7 to P10)."""

import re
from collections.abc import Generator
from datetime import datetime, time, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from playwright.sync_api import expect

from marketplace.core.clock import LONDON
from tests.journeys.accreditation import path_of, send
from tests.journeys.bookings import (
    Line,
    ask_council,
    change_visit,
    count_of,
    decide,
    free_stand_in,
    listing_of,
    make_carer,
    next_monday,
    next_visit,
    press_offline,
    read_feed,
    sign_it,
    uk_day,
    wait_until,
    wait_until_gone,
    week_of,
    write_agreement,
)
from tests.journeys.conftest import Site, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ONLY_THEM = "My husband knows my signs and is there at night."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it moves the clock to the mornings of visits."""
    with serving(tmp_path_factory.mktemp("bookings"), f"bookings_{worker_id}") as served:
        yield served


@pytest.mark.parametrize(
    ("council", "scripts", "width", "partner", "cousin"),
    [("lancashire", True, 1280, "Kinga", "Dean"), ("doncaster", False, 390, "Vince", "Amina")],
    ids=["desktop", "phone-without-scripts"],
)
def test_a_relative_is_paid_only_where_the_law_lets(
    site: Site, walk: Any, council: str, scripts: bool, width: int, partner: str, cousin: str
) -> None:
    """P7: a partner needs the council's leave, a cousin who lives elsewhere needs none."""
    person, manager = walk(scripts=scripts, width=width), walk(scripts=not scripts, width=1670 - width)
    person.sign_in(f"person@{council}.example")
    spouse, first_on = listing_of(site, partner), next_monday(site)
    line = [Line((1,), "13:00", 120)]
    write_agreement(person, spouse, first_on, line, relation="partner", lives_with="yes")
    assert "unless your council says that it is necessary" in person.text
    assert "regulation 3" in person.text

    # The way round it: the job is entered with what was said already, and a manager decides.
    job = ask_council(person, first_on + timedelta(weeks=4), "13.50", ONLY_THEM)
    assert "We tell you when it decides" in person.text
    write_agreement(person, spouse, first_on, line, relation="partner", lives_with="yes")
    assert "You have asked your council" in person.text
    manager.sign_in(f"manager@{council}.example")
    decide(manager, "Nobody else can come at night.", "allow")
    assert "Allowed" in manager.text
    site.wait_for_mail(f"person@{council}.example", "decided about your relative")
    person.open(job)
    assert "Nobody else can come at night." in person.text
    write_agreement(person, spouse, first_on, line, relation="partner", lives_with="yes")
    assert "Check your agreement before you send it" in person.text

    # A cousin who lives elsewhere may be paid.
    write_agreement(person, listing_of(site, cousin), first_on, line, relation="other_relative", lives_with="no")
    assert "Check your agreement before you send it" in person.text
    sign_it(person, "Sign and send", "My full name")
    assert "It is with" in person.text


@pytest.mark.parametrize(
    ("council", "scripts", "width", "listing"),
    [("lancashire", True, 1280, "Care at home"), ("derby", False, 390, "Care with a shared")],
    ids=["desktop", "phone-without-scripts"],
)
def test_regular_visits_are_agreed_changed_paused_and_ended(
    site: Site, walk: Any, council: str, scripts: bool, width: int, listing: str
) -> None:
    """P8: mornings and evenings with two workers, from the first word to the last day."""
    person, provider = walk(scripts=scripts, width=width), walk(scripts=not scripts, width=1670 - width)
    person.sign_in(f"person@{council}.example")
    provider.sign_in(f"provider@{council}.example")
    first_on = next_monday(site)
    offered = listing_of(site, listing)

    # What waits for an answer is shown before anything new is written.
    person.open(f"/market/{offered}")
    person.follow("Agree regular support")
    assert "has sent you this agreement" in person.text
    person.follow("Say no")
    person.press("Say no")
    assert "There is a problem" in person.text
    person.fill(reason="I would rather have mornings and evenings in the week.")
    send(person, "Say no")

    # Prices, with that of bank holidays, stand there before anybody signs.
    lines = [Line((0, 2, 4), "8:00", 45, 2), Line((0, 2, 4), "6pm", 30, 2)]
    write_agreement(person, offered, first_on, lines)
    for words in (
        "On a bank holiday",
        "Bank holiday £",
        "8am, 45 minutes, two workers",
        "6pm, 30 minutes, two workers",
    ):
        assert words in person.text, person.text
    sign_it(person, "Sign and send", "Robin Example")
    agreement = path_of(person)
    provider.open("/provider/clients")
    provider.click(provider.page.locator("li.cm-result", has_text="You need to answer").get_by_role("link").first)
    provider.look()
    assert "Bank holiday £" in provider.text
    sign_it(provider, "Sign the agreement", "Robin Provider")
    person.open(agreement)
    assert "You have both signed" in person.text

    # The calendar says the same as table, drawing and feed.
    person.open(f"{agreement}/visits")
    person.sees("8am to 8:45am")
    week = first_on + timedelta(weeks=1)
    shown = week_of(person, week)
    assert shown.count("8am to 8:45am") == 3
    assert shown.count("6pm to 6:30pm") == 3
    assert "two people" in shown
    person.follow("See the month")
    assert uk_day(week) in person.text
    address, feed = read_feed(person)
    starts = [event.start.astimezone(LONDON) for event in Calendar.from_ical(feed).walk("VEVENT")]
    assert {at.date() for at in starts if at.time() == time(8)} >= {week, week + timedelta(days=2)}
    assert b"Robin" not in feed
    person.click(person.page.get_by_role("button", name=re.compile("Replace by a new address")))
    person.look()
    assert "Your new address" in person.text
    assert httpx.get(address, timeout=60).status_code == 404

    # One visit, those after it, all of them.
    change_visit(person, agreement, week, "8am", scope="one", to="9:00")
    change_visit(person, agreement, week + timedelta(days=2), "8am", scope="following", to="8:30")
    change_visit(person, agreement, week + timedelta(days=4), "6pm", scope="all", to="7pm")
    shown = week_of(person, week)
    assert [shown.count(words) for words in ("9am to 9:45am", "8:30am to", "7pm to 7:30pm", "8am to")] == [1, 1, 1, 1]
    after = week_of(person, week + timedelta(weeks=1))
    assert [after.count(words) for words in ("9am to 9:45am", "8:30am to", "7pm to 7:30pm", "8am to")] == [0, 1, 1, 2]

    # A stay in hospital from a day on, then home again.
    hospital_on = week + timedelta(weeks=1)
    person.open(agreement)
    person.follow("Pause visits for hospital or a holiday")
    person.choose("kind", "hospital")
    person.date("starts_on", hospital_on)
    send(person, "See what it comes to")
    send(person, "Pause visits")
    assert "A stay in hospital: from" in person.text
    wait_until_gone(person, hospital_on, "8:30am to")
    person.open(f"{agreement}/visits")
    person.follow(re.compile("End or lengthen this pause"))
    person.date("from_on", hospital_on + timedelta(weeks=1))
    send(person, "Save the day")
    assert "8:30am to" in week_of(person, hospital_on + timedelta(weeks=1))
    assert "8:30am to" not in week_of(person, hospital_on)

    # The last day, not before the notice that both agreed to.
    person.open(agreement)
    person.follow("End this agreement")
    person.date("last_on", site.today + timedelta(days=2))
    person.press("End the agreement")
    assert "There is a problem" in person.text
    last_on = site.today + timedelta(days=35)
    person.date("last_on", last_on)
    send(person, "End the agreement")
    assert "You gave notice" in person.text
    wait_until_gone(person, last_on + timedelta(days=7), "8:30am to")
    provider.open(f"/provider/clients/{agreement.rsplit('/', 1)[1]}")
    assert "gave notice" in provider.text


@pytest.mark.parametrize(
    ("council", "scripts", "width"),
    [("lancashire", True, 1280), ("doncaster", False, 390)],
    ids=["desktop", "phone-without-scripts"],
)
def test_who_comes_instead_is_chosen_by_the_person(
    site: Site, walk: Any, council: str, scripts: bool, width: int
) -> None:
    """P9: an assistant falls ill at 6:30; the person is told and asks whom they want, in their own order."""
    person, assistant = walk(scripts=scripts, width=width), walk(scripts=not scripts, width=1670 - width)
    person.sign_in(f"person@{council}.example")
    visit = next_visit(site, council, minutes=60, named=True, after=timedelta(hours=2.5))
    listing, stand_in = free_stand_in(site, visit)
    person.open(f"/market/{listing}")
    person.follow("Put on my list of who I ask when somebody cannot come")
    person.fill(note="Knows where the key is")
    send(person, "Add to my list")
    names = person.page.locator("main ol > li strong")
    for _ in range(names.count() - 1):
        row = person.page.locator("main ol > li", has_text="Knows where the key is")
        person.click(row.get_by_role("button", name=re.compile("Move up")))
    order = names.all_inner_texts()
    assert order[0].startswith(stand_in)
    assert order[-1] == "My cousin"

    wait_until(site, datetime.combine(visit.starts.date(), time(6, 30), LONDON))
    assistant.sign_in(f"pa@{council}.example")
    assistant.open("/today")
    # This visit: the demo may hold an earlier one of the same day, to somebody else.
    assistant.click(assistant.page.locator(f"a[href='/today/{visit.id}']"))
    assistant.look()
    assistant.press("Tell them now")
    assert "There is a problem" in assistant.text
    assistant.fill(reason="I was sick in the night.")
    # Of this visit only: other requests of the demo lapse while its clock goes on.
    asked = "bookings WHERE listing_id = :listing AND status = 'requested' AND starts_at = :at"
    send(assistant, "Tell them now")
    site.wait_for_mail(f"person@{council}.example", "cannot come")
    # Nobody is sent, and nobody is asked, until the person chooses.
    assert count_of(site, asked, listing=listing, at=visit.starts) == 0
    person.sign_in(f"person@{council}.example")
    person.open(f"/bookings/{visit.id}")
    assert "I was sick in the night." in person.text
    person.press("Choose who comes instead")
    person.look()
    assert person.page.locator("main ol > li strong").all_inner_texts() == order
    person.click(person.page.get_by_role("button", name=re.compile(f"^Ask {re.escape(stand_in)}")))
    person.look()
    assert "There is a problem" not in person.text, person.text
    assert "The request is with" in person.text
    assert count_of(site, asked, listing=listing, at=visit.starts) == 1


@pytest.mark.parametrize(
    ("council", "scripts"), [("doncaster", True), ("lancashire", False)], ids=["without-a-line", "without-scripts"]
)
def test_a_short_visit_is_paid_as_the_person_says(site: Site, walk: Any, council: str, scripts: bool) -> None:
    """P10: 20 minutes of 45, recorded on the worker's phone; approved in part, or disputed after a silence."""
    visit = next_visit(site, council, minutes=45, named=False, after=timedelta(minutes=30))
    address, name = make_carer(site, visit)
    carer, person, office = walk(scripts=scripts, width=390), walk(scripts=True, width=1280), walk(scripts=not scripts)
    office.sign_in(f"provider@{council}.example")
    office.open(f"/provider/bookings/{visit.id}")
    office.follow("Say who comes, or that somebody cannot come")
    choice = office.page.locator("select[name=worker]")
    choice.select_option(choice.locator("option", has_text=name).first.get_attribute("value"))
    send(office, "Confirm this visit")

    wait_until(site, visit.starts - timedelta(minutes=2))
    carer.sign_in(address)
    carer.open("/today")
    if scripts:
        kept = press_offline(carer, site, 20)
        # The same presses once more, as from a phone that never heard the answer.
        carer.page.evaluate("kept => localStorage.setItem('visit-presses', kept)", kept)
        carer.page.reload()
        expect(carer.page.locator("[data-visit-queue]")).to_be_hidden()
    else:
        carer.click(carer.page.locator("form[action$='/record'] button").first)
        site.move_clock(hours=20 / 60)
        carer.click(carer.page.locator("form[action$='/record'] button").first)
    assert "finished" in carer.text
    assert count_of(site, "visit_records WHERE booking_id = :id", id=visit.id) == 2

    # They ask for what was delivered; the person decides, and nothing is paid before.
    person.sign_in(f"representative@{council}.example")
    person.open("/approval-rule")
    assert person.page.locator("input[name=action][value=ask]").is_checked()
    wait_until(site, visit.starts + timedelta(minutes=50))
    page = f"/bookings/{visit.id}"
    if scripts:
        person.open(page)
        assert "for 20 minutes" in person.text
        person.follow("Pay only a part of it")
        person.fill(amount="500")
        person.press("Approve this part")
        assert "There is a problem" in person.text
        person.fill(amount="5", reason="They left after 20 minutes.")
        send(person, "Approve this part")
        assert "You approved £5.00 of" in person.text
        office.sign_in(f"provider@{council}.example")
        office.open(f"/provider/bookings/{visit.id}")
        assert "The person approved £5.00 of it" in office.text
        return
    site.move_clock(hours=24 * 8)
    site.wait_for_mail(f"representative@{council}.example", "tell us if your visit took place")
    person.sign_in(f"representative@{council}.example")
    person.open(page)
    assert "says that the visit took place" in person.text
    assert count_of(site, "bookings WHERE id = :id AND approved_pence IS NULL", id=visit.id) == 1
    person.follow("Something was wrong with this visit")
    person.press("Send")
    assert "There is a problem" in person.text
    person.fill(reason="They came for 20 minutes and not for 45.")
    send(person, "Send")
    assert "Nothing is paid from a direct payment while this is open" in person.text
