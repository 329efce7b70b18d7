"""Care for a person who stays unnamed until it is awarded, walked as people would (K4-K6, V7, V8)."""

import re
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership, User
from marketplace.core.clock import LONDON
from marketplace.matching.models import CareHours, Requirement
from marketplace.people.models import Person
from marketplace.providers.models import ListingCategory, Organisation
from tests.factories import make_listing
from tests.factories_accreditation import let_in
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SUMMARY = "Help to wash, dress and have breakfast. Walks with a frame and likes to take the time it takes."
OUTCOMES = "To be ready for the day by nine and to walk to the garden again."
ANSWER = "Three workers who live near come in turns, so that there is always a known face."
LOW_RATE, FAIR_RATE = "12.50", "29.00"
"""Pounds an hour: one below what the legal minimum wage costs, one above it."""
LOW_REASON = "The visits lie between two others in the same street."
SAID = "I want the ones who come with the same few faces."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it moves the clock past the time for offers."""
    with serving(tmp_path_factory.mktemp("care"), f"care_{worker_id}") as served:
        yield served


def test_providers_offer_without_a_name_and_the_award_waits_for_the_person(site: Site, walk: Any) -> None:
    """K4, K5, V7, V8: a name is found and goes; two offers, one below cost; points; heard; only the winner is told."""
    name = site.arrange(person_named)
    site.arrange(second_provider)
    site.arrange(hours_for_all)
    broker, first = walk(scripts=True), walk(scripts=True, width=390)
    second = walk(scripts=False, width=390)
    broker.sign_in("broker@lancashire.example")
    requirement = write(broker, site, name, summary=f"{SUMMARY} {name} lives near the station.")

    # K4: the name must go before anybody is asked.
    broker.open(f"{requirement}/preview")
    assert f"“{name}” looks like" in broker.text
    assert "It must go" in broker.text
    assert broker.page.locator(f"main a[href='{requirement}/providers']").count() == 0
    broker.open(f"{requirement}/providers")
    assert broker.page.get_by_role("button", name="Ask providers").count() == 0
    broker.open(f"{requirement}/edit")
    broker.fill(summary=SUMMARY)
    send(broker, "Save draft")
    broker.open(f"{requirement}/preview")
    assert "It must go" not in broker.text
    if broker.page.get_by_role("button", name="It names nobody").count():
        send(broker, "It names nobody")
    broker.open(f"{requirement}/providers")
    assert "points" in broker.text
    broker.choose("route", "lot")
    send(broker, "Ask providers")
    assert "Providers have until" in broker.text
    assert "Nobody sees what is in them before the time has ended" in broker.text
    asked = broker.page.locator("main table[aria-labelledby='asked-caption'], main table").first.inner_text()
    assert "Brightwater Home Care" in asked, asked
    assert "Ribble Hands Homecare" in asked, asked

    # V7, V8: two providers; neither reads who it is, nor who else is asked.
    path = f"/provider{requirement}"
    offer(first, "provider@lancashire.example", path, FAIR_RATE, name, rival="Ribble Hands")
    offer(second, "office@ribble-hands.example", path, LOW_RATE, name, rival="Brightwater", reason=LOW_REASON)

    # The clock ends; outcomes are marked before prices are shown.
    end_round(site, requirement)
    first.sign_in("provider@lancashire.example")
    first.open(path)
    assert "Change your offer" not in first.text
    broker.sign_in("broker@lancashire.example")
    broker.open(requirement)
    broker.sees("2 offers to compare")
    broker.open(f"{requirement}/offers")
    assert "£29.00" not in broker.text
    broker.press("Keep the marks and show prices")
    assert "There is a problem" in broker.text
    for number, choice in enumerate(broker.page.locator("main select[name^='mark-']").all()):
        choice.select_option("4" if number == 0 else "3")
    for words in broker.page.locator("main textarea[name^='why-']").all():
        words.fill("It says who comes and how the garden is reached.")
    send(broker, "Keep the marks and show prices")
    assert "£29.00 an hour" in broker.text
    assert "£12.50 an hour" in broker.text
    assert "Below the least lawful price" in broker.text
    assert LOW_REASON in broker.text
    order = broker.page.locator(".cm-results .cm-result__title").all_inner_texts()
    assert len(order) == 2

    # K5: the person is heard first, and the choice comes first.
    assert "You can award once the person was heard" in broker.text
    assert broker.page.get_by_role("button", name="Award", exact=True).count() == 0
    broker.open(f"{requirement}/heard")
    broker.press("Record what they said")
    assert "There is a problem" in broker.text
    broker.page.locator("main input[name=how]").first.check()
    broker.fill(said=SAID)
    broker.page.locator("select[name=organisation_id]").select_option(label="Brightwater Home Care")
    send(broker, "Record what they said")
    assert SAID in broker.text
    assert "The person’s choice" in broker.page.locator(".cm-results .cm-result").first.inner_text()
    broker.press("Award")
    assert "There is a problem" in broker.text
    broker.page.get_by_label(re.compile("Brightwater Home Care")).last.check()
    send(broker, "Award")
    assert "Awarded" in broker.text

    # Only the winner reads the name.
    site.wait_for_mail("provider@lancashire.example", "")
    first.open(path)
    assert "You have won this care" in first.text
    assert name in first.text
    second.sign_in("office@ribble-hands.example")
    second.open(path)
    assert "Your offer was not chosen" in second.text
    assert "Your points" in second.text
    nothing_tells(second, name, rival="Brightwater")


def test_a_need_that_nobody_meets_is_logged_widened_raised_and_asked_again(site: Site, walk: Any) -> None:
    """K6: nobody answers; the need is logged without a name; each step of the ladder; then a second round."""
    name = site.arrange(person_named)
    site.arrange(hours_for_all)
    broker, manager = walk(scripts=False), walk(scripts=True)
    broker.sign_in("broker@lancashire.example")
    requirement = write(broker, site, name, summary=SUMMARY, radius_miles="10")
    broker.open(f"{requirement}/preview")
    if broker.page.get_by_role("button", name="It names nobody").count():
        send(broker, "It names nobody")
    broker.open(f"{requirement}/providers")
    broker.choose("route", "first")
    send(broker, "Ask providers")
    end_round(site, requirement)
    broker.sign_in("broker@lancashire.example")
    broker.open(requirement)
    broker.sees("The need is not met yet")
    assert "Ways on" in broker.text

    # The reason is logged, and counted without who it is.
    broker.page.locator("select[name=unmet_reason]").select_option("no_hours")
    send(broker, "Save reason")
    reference = broker.page.locator("main h1").inner_text().removeprefix("Requirement ")
    broker.open("/requirements/unmet")
    assert reference in broker.text
    assert name not in broker.text
    manager.sign_in("manager@lancashire.example")
    manager.open("/requirements/unmet")

    # Widened and raised: a broker up to a limit, above it a manager.
    broker.open(f"{requirement}/terms")
    broker.fill(radius_miles="40", ceiling_weekly_pence="900", reason="Nobody near had hours.")
    broker.press("Change the terms")
    assert "There is a problem" in broker.text
    assert "manager" in broker.text
    broker.fill(radius_miles="40", ceiling_weekly_pence="330", reason="Nobody near had hours.")
    send(broker, "Change the terms")
    assert "£330" in broker.text
    manager.open(f"{requirement}/terms")
    manager.fill(ceiling_weekly_pence="420", reason="Two workers may be needed at first.")
    send(manager, "Change the terms")
    assert "£420" in manager.text

    # Asked again.
    broker.open(f"{requirement}/providers")
    broker.choose("route", "lot")
    send(broker, "Ask providers")
    assert "Round 2" in broker.text
    assert "Providers have until" in broker.text
    provider = walk(scripts=False, width=390)
    provider.sign_in("provider@lancashire.example")
    provider.open("/provider/requirements")
    provider.follow(re.compile(reference))
    nothing_tells(provider, name)
    provider.follow("Say no")
    provider.press("Say no")
    assert "There is a problem" in provider.text
    provider.choose("reason", "price")
    send(provider, "Say no")
    broker.open(requirement)
    assert "Said no" in broker.text


async def person_named(db: AsyncSession) -> str:
    """Return the name of Lancashire's first person, who lives in Preston."""
    wanted = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .join(User, User.id == Membership.user_id)
        .where(User.email == "person@lancashire.example")
    )
    return (await db.scalars(wanted)).one().name


async def hours_for_all(db: AsyncSession) -> None:
    """Let every company that said its hours have ten of them in every part of the week."""
    await db.execute(update(CareHours).values(free_quarters=40, awarded_quarters=0))


async def second_provider(db: AsyncSession) -> None:
    """Let another home care company cover Preston, and its office sign in."""
    office = "office@ribble-hands.example"
    await let_in(db, office)
    works = select(Membership.organisation_id).join(User, User.id == Membership.user_id).where(User.email == office)
    organisation = (await db.scalars(select(Organisation).where(Organisation.id.in_(works)))).one()
    await make_listing(db, organisation, category=ListingCategory.HOME_CARE, price_pence=2_600)


def write(broker: Walker, site: Site, name: str, **given: str) -> str:
    """Write a requirement for half an hour every morning, at most £300 a week. Returns its path."""
    broker.open("/requirements/new")
    broker.fill(q=name)
    broker.press("Search")
    broker.follow(re.compile(name.split()[-1]))
    broker.press("Save draft")
    assert "There is a problem" in broker.text
    broker.look()
    broker.choose("service_line", "home_care")
    broker.choose("urgency", "crisis")
    broker.choose("needs", "older")
    broker.page.locator("select[name='visit-0-day']").select_option("every")
    broker.fill(visit__0__start="8:00", visit__0__minutes="60", ceiling_weekly_pence="300")
    broker.fill(**{"outcomes": OUTCOMES, **given})
    starts = site.today + timedelta(days=14)
    broker.date("starts_on", starts)
    broker.date("latest_start_on", starts + timedelta(days=14))
    send(broker, "Save draft")
    requirement = path_of(broker)
    assert re.fullmatch(r"/requirements/[0-9a-f-]{36}(/preview)?", requirement), broker.text
    return requirement.removesuffix("/preview")


def offer(provider: Walker, who: str, path: str, rate: str, name: str, *, rival: str, reason: str = "") -> None:
    """Read what is asked, and offer; a price below the legal cost is refused until a reason is given (V8)."""
    provider.sign_in(who)
    provider.open("/provider/requirements")
    provider.open(path)
    nothing_tells(provider, name, rival=rival)
    assert "The lowest price never wins by itself" in provider.page.content()
    provider.open(f"{path}/offer")
    assert "Least lawful price" in provider.text
    provider.fill(rate_pence=rate, outcomes_answer=ANSWER)
    starts = re.search(r"From (\d+ \w+ \d{4}) to", provider.text)
    assert starts is not None, provider.text
    day = datetime.strptime(starts.group(1), "%d %B %Y").replace(tzinfo=LONDON).date()
    provider.date("starts_on", day)
    provider.date("valid_until", day + timedelta(days=30))
    if reason:
        provider.press("Check your offer")
        assert "There is a problem" in provider.text
        provider.look()
        provider.fill(below_cost_reason=reason)
    send(provider, "Check your offer")
    assert ("below the least lawful price" in provider.text) == bool(reason)
    send(provider, "Send offer")
    provider.open(path)
    assert "Change your offer" in provider.text
    nothing_tells(provider, name, rival=rival)


def nothing_tells(provider: Walker, name: str, rival: str = "") -> None:
    """Check that a page names neither the person nor a rival, anywhere in its source."""
    source = provider.page.content()
    for part in (*name.split(), *([rival] if rival else [])):
        assert part not in source, part


def end_round(site: Site, requirement: str) -> None:
    """Let the time for offers pass."""

    async def until(db: AsyncSession) -> datetime:
        row = (await db.scalars(select(Requirement).where(Requirement.id == requirement.rsplit("/", 1)[1]))).one()
        assert row.answer_by is not None
        return row.answer_by

    remaining = site.arrange(until) - site.now
    site.move_clock(hours=remaining.total_seconds() / 3600 + 0.1)
