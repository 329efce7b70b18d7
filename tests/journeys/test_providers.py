"""How a provider comes in and keeps its evidence, walked as people would (V1-V4)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.files_corpus import phone_photo
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
SECRET = "three random words"
TRIES = 10
"""Searches until a published listing is found: two seconds and more, as an idle machine answers one in 0.1 s."""


def link_for(site: Site, address: str, walker: Walker) -> str:
    """Wait for the message to an address and return the path that it links to."""
    for _ in range(200):
        for message in sorted((site.data_dir / "outbox").glob("**/*")):
            if message.is_file():
                text = message.read_text(errors="replace").replace("=\n", "")
                found = re.search(r"/join/confirm/\w+", text)
                if found and address in text:
                    return found.group()
        walker.page.wait_for_timeout(100)
    raise AssertionError(f"No message to {address}")


def join(site: Site, walker: Walker, kind: str, name: str, address: str) -> None:
    """Register and sign in for the first time, going away in the middle and coming back."""
    walker.open("/join")
    walker.press("Start")
    walker.look()
    walker.press("Continue")
    assert "There is a problem" in walker.text
    walker.choose("kind", kind)
    walker.press("Continue")
    answer(walker, name=name)
    answer(walker, postcode="PR1 2HE")
    walker.open("/market")
    walker.open("/join")
    walker.press("Carry on with my answers")
    assert walker.page.url.endswith("/join/numbers")
    answer(walker)  # A small group has none of the numbers.
    assert walker.page.url.endswith("/join/contact")
    answer(walker, contact_name="Robin Example")
    answer(walker, email=address)
    answer(walker, phone="01632 960 001")
    answer(walker, safeguarding_name="Sam Example", safeguarding_contact="07700 900 982")
    answer(walker, password=SECRET)
    walker.look()
    assert name in walker.text
    assert "PR1 2HE" in walker.text
    walker.press("Send and confirm my e-mail address")
    walker.look()
    assert "Check your e-mail" in walker.text
    walker.open(link_for(site, address, walker))
    walker.press("Confirm my e-mail address")
    walker.page.get_by_label("E-mail address").fill(address)
    walker.page.get_by_label("Password", exact=True).fill(SECRET)
    walker.press("Sign in")
    assert walker.page.url.endswith("/provider/evidence")
    walker.look()


def answer(walker: Walker, **fields: str) -> None:
    """Fill the fields of one step and go on."""
    walker.look()
    walker.fill(**fields)
    walker.press("Continue")


def save(walker: Walker) -> None:
    """Save one step of a listing and go on to the next."""
    walker.look()
    walker.press("Save and continue")
    assert "There is a problem" not in walker.text, walker.text


@SCRIPTS
def test_a_tiny_group_joins_and_its_free_listing_is_found(site: Site, walk: Any, scripts: bool) -> None:
    """V1: registers, leaves and comes back, gives its insurance, writes a free listing; the council looks; it is found.

    At a desktop's width with scripts, at a phone's without.
    """
    walker = walk(scripts=scripts, width=1280 if scripts else 390)
    letter = "a" if scripts else "b"
    name = f"Knitters {letter}"
    join(site, walker, "community", name, f"knitters-{letter}@group.example")
    assert "Never send the certificate of a DBS check" in walker.text

    walker.open("/provider/evidence/new?kind=liability_insurance")
    walker.fill(detail="Example Mutual, policy 77", cover="5,000,000")
    walker.date("issued_on", site.today - timedelta(days=10))
    walker.date("last_day", site.today + timedelta(days=300))
    scan = {"name": "IMG_0001.JPG", "mimeType": "image/jpeg", "buffer": phone_photo()}
    walker.page.set_input_files("input[name=files]", [scan])
    walker.press("Save")
    assert "Waiting for the council" in walker.text
    walker.follow("Add or remove files")
    walker.look()
    assert "IMG_0001.jpg" in walker.text
    assert "We took out: the place where the picture was taken" in walker.text
    with walker.page.expect_download() as downloading:
        walker.page.get_by_role("link", name="IMG_0001.jpg").click()
    assert downloading.value.suggested_filename == "IMG_0001.jpg"

    # The listing, with a break after the first step.
    title = f"Knitting and a chat in Preston {letter}"
    walker.open("/provider/listings/new")
    walker.press("Start")
    walker.choose("category", "community")
    walker.press("Save and come back later")
    walker.open("/provider/listings")
    walker.follow("New listing without a title")
    assert "1 of 11 steps are done" in walker.text
    walker.click(walker.page.locator(".govuk-task-list a").nth(1))
    walker.fill(title=title, summary="Wool, tea and good company.", body="You come when you like. We lend the needles.")
    save(walker)
    walker.choose("suits", "older")
    save(walker)
    walker.choose("personal_care", "no")
    save(walker)
    walker.page.locator("select[name=price_unit]").select_option("free")
    save(walker)
    while not walker.page.url.endswith("/area"):
        # What is free has no other rates, so fewer pages may lie between.
        save(walker)
    walker.choose("area", "radius")
    walker.fill(postcode="PR1 2HE", miles="10")
    save(walker)
    walker.fill(day2="2pm to 4pm")
    save(walker)
    walker.choose("capacity_kind", "places")
    walker.fill(capacity_free="6")
    save(walker)
    walker.choose("is_open_data", "yes")
    save(walker)
    assert re.search(r"(\d+) of \1 steps are done", walker.text)
    walker.look()
    walker.press("Preview")
    walker.look()
    assert title in walker.text
    walker.page.go_back()
    walker.press("Check and send")
    walker.look()
    walker.press("Send to the council")
    assert "With the council" in walker.text
    visitor = walk(scripts=False)
    asked = f"/market?q={title.replace(' ', '+')}&postcode=PR1"
    visitor.open(asked)
    result = visitor.page.locator(".cm-result__title a", has_text=title)
    assert result.count() == 0

    # The council sees the insurance and lets the listing onto the market.
    walker.sign_in("accreditor@lancashire.example")
    walker.open("/evidence")
    walker.click(walker.page.get_by_role("row", name=re.compile(name)).get_by_role("link"))
    walker.look()
    walker.press("Mark as seen")
    assert "Marked as seen" in walker.text
    walker.open("/listing-checks")
    walker.follow(title)
    walker.choose("decision", "publish")
    walker.press("Save the decision")
    assert "There is a problem" not in walker.text, walker.text

    # A visitor finds it as soon as the index has it, and reads its page.
    for _ in range(TRIES):
        visitor.open(asked)
        if result.count():
            break
        visitor.page.wait_for_timeout(100)
    visitor.click(result)
    assert name in visitor.text
    assert "Free" in visitor.text


def test_a_company_without_registration_cannot_offer_personal_care(site: Site, walk: Any) -> None:
    """V2: an agency that gave no number of the register is told that this is a regulated activity."""
    walker = walk(scripts=False, width=390)
    join(site, walker, "home_care", "Helping Hands Example", "agency@company.example")
    walker.open("/provider/listings/new")
    walker.press("Start")
    walker.choose("category", "home_care")
    walker.press("Save and continue")
    assert "This sort of service is a regulated activity" in walker.text
    walker.choose("category", "shopping")
    save(walker)
    walker.open(f"{walker.page.url.removeprefix(site.address).rpartition('/')[0]}/care")
    walker.choose("personal_care", "yes")
    walker.press("Save and continue")
    assert "There is a problem" in walker.text
    assert "This is a regulated activity. An organisation that sends workers must be registered" in walker.text
    walker.follow("Give your registration number under Evidence")
    assert walker.page.url.endswith("/provider/evidence")


def test_an_assistant_whom_people_hire_may_offer_personal_care(walk: Any) -> None:
    """V2: allowed once all four statements of the status test are true; the listing says by what right."""
    walker = walk(scripts=True, width=390)
    walker.sign_in("pa@doncaster.example")
    walker.open("/provider/listings")
    walker.click(walker.page.locator("main .cm-result__title a").first)
    walker.press("Change this listing")
    drafted = walker.page.url.removeprefix(walker.address)
    walker.open(f"{drafted}/care")
    walker.choose("personal_care", "yes")
    boxes = walker.page.locator("input[name=status]")
    for box in boxes.all():
        box.uncheck()
    boxes.first.check()
    walker.press("Save and continue")
    assert "only if each person hires you, pays you and directs your work, with no agency in between" in walker.text
    for box in boxes.all():
        box.check()
    walker.press("Save and continue")
    assert "There is a problem" not in walker.text, walker.text
    walker.open(f"{drafted}/check")
    assert "hire" in walker.text


def test_a_provider_names_its_entry_and_the_council_looks(site: Site, walk: Any) -> None:
    """V3: an unknown number is said to be unknown; a claim in review is decided with a reason."""
    walker = walk(scripts=True)
    walker.sign_in("provider@lancashire.example")
    walker.open("/provider/evidence/registration")
    walker.fill(number="1-0000000000")
    walker.press("Find it")
    walker.look()
    assert "We cannot find this number" in walker.text
    walker.sign_in("accreditor@lancashire.example")
    walker.open("/regulator-links")
    walker.click(walker.page.locator("main table").get_by_role("link").first)
    walker.look()
    assert "What differs" in walker.text
    walker.choose("decision", "confirm")
    walker.fill(reason="The owner showed me the certificate")
    walker.press("Save the decision")
    assert "Confirmed" in walker.text
