"""The market, walked as people would: find, compare, keep, share, ask (P1)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOUGHT = "someone to help me get to football, PR1 postcode, Saturday, female, Polish"
KINDS = ("Personal assistant", "Community groups and activities", "Home care")


def search(walker: Walker) -> None:
    """Type what is sought, as a person would, and wait for the results."""
    walker.open("/market")
    walker.fill(q=SOUGHT)
    walker.press("Search")
    expect(walker.page.locator("#results")).to_contain_text("near PR1")
    walker.look()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_anybody_finds_and_compares_and_says_what_is_missing(walk: Any, scripts: bool) -> None:
    """P1 without an account: by words, by a filter, side by side."""
    walker = walk(scripts=scripts, width=1280 if scripts else 390)
    page = walker.page
    search(walker)
    assert (
        "“PR1” as the place, “Saturday” as the day, “Female” as who helps and “Polish” as the language" in walker.text
    )
    cards = page.locator(".cm-result")
    found = [" ".join(card.inner_text().split()) for card in cards.all()]
    assert all(re.search(r"£\d|Free", card) for card in found), found
    why = page.locator(".cm-result__why").all_inner_texts()
    assert len(why) == len(found)
    assert all(" away" in words for words in why), why
    assert all(re.search("Accredited by |Regulator’s rating: ", card) for card in found), found
    first = found[0]
    assert "Kinga Sowa, personal assistant · Personal assistant" in first
    assert re.search("Matches: football; .* away; free on Saturday", first), first
    chosen = [next(number for number, card in enumerate(found) if f"· {kind}" in card) for kind in KINDS]
    assert all(re.search(r"free, said|free places|\b\d+(am|pm)\b", found[number]) for number in chosen), found
    assert "Regulator’s rating: Good" in found[chosen[2]]
    before = page.url
    total = page.locator("#results").inner_text()

    # Three kinds side by side.
    for number in chosen:
        cards.nth(number).locator("input[name=ids]").check()
    walker.press("Compare the ticked ones")
    assert "/market/compare?ids=" in page.url
    walker.look()
    assert page.locator("#compare thead th").count() == 4
    assert "Kinga" in walker.text
    page.goto(before)

    # One filter: with scripts the results alone are fetched, without them the form is sent.
    if scripts:
        page.evaluate("window.hasStayed = true")
    if not scripts:
        # On a phone the filters are folded away.
        page.locator("#more-choices > summary").click()
    if not page.locator("#facet-category[open]").count():
        page.locator("#facet-category summary").click()
    page.locator("#facet-category").get_by_label("Personal assistant").check()
    if not scripts:
        walker.press("Use these filters")
    expect(page.locator("#results")).not_to_have_text(total)
    assert "category=personal_assistant" in page.url
    assert not scripts or page.evaluate("window.hasStayed")
    assert "Community groups and activities" not in " ".join(page.locator(".cm-result__by").all_inner_texts())
    assert page.locator(".cm-result__title").first.inner_text().startswith("Kinga")

    # What is missing is kept with one click.
    walker.press("Nothing here suits me")
    assert "/unmet-need/thanks/" in page.url
    walker.look()


def test_a_person_keeps_shares_and_asks(site: Site, walk: Any) -> None:
    """P1 with an account: a shortlist for the family, a saved search, a question and a first meeting."""
    person = walk(scripts=True)
    person.sign_in("person@lancashire.example")
    search(person)
    results = person.page.url.removeprefix(site.address)
    person.follow("Save Kinga")
    person.choose("list", "new")
    person.fill(name="Match days", note="Ask about the away games")
    person.press("Save")
    person.open("/shortlists")
    person.follow("Match days")
    person.follow("Share this shortlist")
    person.fill(shared_with="My sister")
    person.choose("may", "comment")
    person.date("until", site.today + timedelta(days=20))
    person.press("Make the link")
    person.look()
    shortlist = re.split("[?#]", person.page.url.removeprefix(site.address))[0]
    shared = person.page.locator("a[href*='/shared/']").get_attribute("href")

    # Somebody without an account opens the link on a phone.
    sister = walk(scripts=True, width=390)
    sister.open(shared)
    assert "Kinga" in sister.text
    assert "away games" not in sister.text
    sister.fill(written_by="Ann Example", words="She sounds like fun.")
    sister.press("Add comment")
    assert "She sounds like fun." in sister.text
    person.open(shortlist)
    assert "She sounds like fun." in person.text
    assert "Ann Example" in person.text

    # The search is kept.
    person.open(results)
    person.follow("Save this search")
    person.fill(name="Football on Saturdays")
    person.press("Save search")
    assert "Football on Saturdays" in person.text
    person.look()

    # A question to a provider, who answers from a phone without scripts.
    provider = walk(scripts=False, width=390)
    listing = own_listing(provider, "provider@lancashire.example")
    person.open(f"/market/{listing}")
    person.follow("Ask a question")
    person.fill(words="Can the same two carers come each week?")
    person.press("Send")
    question = person.page.url.removeprefix(site.address).partition("?")[0]
    person.look()
    provider.open(f"/provider{question}")
    assert "Can the same two carers come each week?" in provider.text
    provider.fill(words="Yes, we plan it so.")
    provider.press("Send")
    person.open(question)
    assert "Yes, we plan it so." in person.text

    # A first meeting with an assistant: one of the times that the person can is agreed on.
    assistant = walk(scripts=True, width=390)
    listing = own_listing(assistant, "pa@lancashire.example")
    person.open(f"/enquiries/new?listing={listing}&kind=meeting")
    person.page.locator("input[name=place]").first.check()
    person.date("wish1", site.today + timedelta(days=12))
    person.fill(wish1_time="10am", words="I would like to see if we get on.")
    person.press("Send")
    meeting = person.page.url.removeprefix(site.address).partition("?")[0]
    assistant.open(f"/provider{meeting}")
    assert "I would like to see if we get on." in assistant.text
    assistant.page.locator("input[name=wish]").first.check()
    assistant.press("Agree to this time")
    assert "You meet on" in assistant.text
    person.open(meeting)
    assert "You meet" in person.text
    assert "10am" in person.text


def own_listing(walker: Walker, who: str) -> str:
    """Sign in as a provider; returns the id of its first listing that is on the market."""
    walker.sign_in(who)
    walker.open("/provider/listings")
    walker.click(
        walker.page.locator("main .cm-result__title a[href^='/provider/listings/']:not([href*='/drafts/'])").first
    )
    walker.page.wait_for_load_state("load")
    link = walker.page.get_by_role("link", name="See it as others do").get_attribute("href")
    return str(link).rsplit("/", 1)[1]
