"""What follows when an accreditation is suspended or its evidence ends, walked as people would (C2, V4)."""

import re
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from marketplace.core.clock import LONDON
from tests.factories_accreditation import let_in
from tests.journeys.accreditation import open_offer, path_of, register_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SUSPENDED = "Two people did not get their records in time."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it moves the clock by weeks, which other journeys could not stand."""
    with serving(tmp_path_factory.mktemp("standing"), f"standing_{worker_id}") as served:
        yield served


def test_a_suspension_stops_what_is_new_and_leaves_what_is_agreed(site: Site, walk: Any) -> None:
    """C2: what it affects is shown first; the open offer goes, the agreed visit stays; reply, answer, reinstated."""
    # First in this file, while the offers of the demo can still be answered.
    council_slug, office = "lancashire", "office@redrose.example"
    site.arrange(lambda db: let_in(db, office))
    planner, officer = walk(scripts=False, width=390), walk(scripts=True)
    planner.sign_in(f"planner@{council_slug}.example")
    planner.open("/offers")
    links = planner.page.locator("main a[href^='/offers/']").all()
    offer = open_offer(planner, [str(link.get_attribute("href")) for link in links])
    booking = booked(site, walk, council_slug)

    officer.sign_in(f"accreditor@{council_slug}.example")
    suspend(officer, "Redrose Support CIC", "Support planning", "open offer")
    suspend(officer, "Rosie Kendal, personal assistant", "Personal assistance", "coming visit")
    planner.open(offer)
    planner.sees("The council took this offer back")
    person = walk(scripts=False, width=390)
    person.sign_in(f"person@{council_slug}.example")
    person.open(booking)
    assert "Accepted" in person.text

    # The organisation reads why and replies once; the council answers and reinstates.
    provider = walk(scripts=True, width=390)
    provider.sign_in(office)
    provider.open("/provider/standing")
    assert SUSPENDED in provider.text
    provider.press("Send the reply")
    assert "There is a problem" in provider.text
    provider.page.locator("textarea[name^='reply_']").first.fill("The records are complete since Friday.")
    send(provider, "Send the reply")
    accreditation(officer, "Redrose Support CIC", "Support planning")
    assert "The records are complete since Friday." in officer.text
    officer.page.locator("textarea[name^='answer_']").first.fill("Thank you. We looked, and they are.")
    send(officer, "Send the answer")
    accreditation(officer, "Redrose Support CIC", "Support planning")
    officer.choose("decision", "reinstate")
    officer.fill(reason="The records are complete.")
    send(officer, "Continue")
    officer.click(officer.page.locator("main form").get_by_role("button").first)
    officer.look()
    assert "Reinstated" in officer.text
    provider.open("/provider/standing")
    assert "Thank you. We looked, and they are." in provider.text

    # The register tells what counted on a day.
    assert "Counted" in register_of(officer, site.today - timedelta(days=30), "Redrose Support CIC")


def test_a_planning_organisation_is_left_out_from_the_day_its_insurance_ends(site: Site, walk: Any) -> None:
    """V4 to the broker: in the ranked list the day before, left out with the reason on the day; its plans go on."""
    organisation = "Compass Row"
    planner, broker = walk(scripts=False, width=390), walk(scripts=True)
    officer = walk(scripts=False)
    officer.sign_in("accreditor@derby.example")
    accreditation(officer, organisation, "Support planning")
    found = re.search(r"it stops on (\d+ \w+ \d{4})", officer.text)
    assert found is not None, officer.text
    stops = datetime.strptime(found.group(1), "%d %B %Y").replace(tzinfo=LONDON).date()
    broker.sign_in("broker@derby.example")
    broker.open("/referrals?status=received")
    referral = str(broker.page.locator("main a[href^='/referrals/']:not([href$='/new'])").first.get_attribute("href"))

    site.move_clock(hours=24 * ((stops - site.today).days - 1))
    broker.sign_in("broker@derby.example")
    broker.open(f"{referral}?show=all")
    ranked = broker.page.locator(".cm-results .cm-result", has_text=organisation)
    assert ranked.count() >= 1
    site.move_clock(hours=24)
    site.wait_for_mail("broker@derby.example", f"{organisation}: no new work for")
    broker.sign_in("broker@derby.example")
    broker.open(f"{referral}?show=all")
    assert ranked.count() == 0
    reasons = " ".join(broker.page.locator("main details li", has_text=organisation).all_text_contents())
    assert "Not accredited for support planning" in reasons
    officer.sign_in("accreditor@derby.example")
    assert register_of(officer, stops - timedelta(days=1), organisation) != register_of(officer, stops, organisation)

    # A plan that was begun is written on.
    planner.sign_in("planner@derby.example")
    planner.open("/plans")
    links = planner.page.locator("main a[href^='/plans/']").all()
    for path in [str(link.get_attribute("href")) for link in links]:
        planner.open(path)
        if planner.page.get_by_role("button", name="Save draft").count():
            break
    send(planner, "Save draft")


def accreditation(officer: Walker, organisation: str, service: str) -> None:
    """Open one accreditation of an organisation, from the list of organisations."""
    officer.open(f"/organisations?{urlencode({'q': organisation})}")
    officer.follow(organisation)
    officer.click(officer.page.locator("main tr", has_text=service).locator("a[href^='/accreditations/']").first)
    officer.look()


def suspend(officer: Walker, organisation: str, service: str, affected: str) -> None:
    """Suspend from today, after a look at what it affects."""
    accreditation(officer, organisation, service)
    officer.press("Continue")
    assert "There is a problem" in officer.text
    officer.choose("decision", "suspend")
    officer.fill(reason=SUSPENDED)
    send(officer, "Continue")
    assert affected in officer.text
    officer.click(officer.page.locator("main form").get_by_role("button").first)
    officer.look()
    assert "Suspended" in officer.text


def booked(site: Site, walk: Any, council_slug: str) -> str:
    """Ask an assistant for a visit, who accepts. Returns its path for the person."""
    assistant, person = walk(scripts=False, width=390), walk(scripts=False)
    assistant.sign_in(f"pa@{council_slug}.example")
    assistant.open("/provider/listings")
    listing = str(assistant.page.locator("main .cm-result__title a").first.get_attribute("href")).rsplit("/", 1)[1]
    person.sign_in(f"person@{council_slug}.example")
    person.open(f"/bookings/new?listing={listing}")
    person.click(person.page.get_by_role("link", name=re.compile(r"^\w+day \d")).nth(2))
    person.fill(minutes="60", starts_local=person.page.locator(".cm-chip").first.inner_text())
    if person.page.locator("input[name=funding][type=radio]").count():
        person.choose("funding", "direct_payment")
    person.press("Continue")
    person.press("Send request")
    booking = path_of(person)
    assert re.fullmatch(r"/bookings/[0-9a-f-]{36}", booking), person.text
    assistant.open(f"/provider{booking}")
    assistant.press("Accept this visit")
    assistant.sees("Accepted")
    return booking
