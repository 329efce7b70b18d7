"""Journeys P2-P5: a profile becomes one's own plan, a helper writes along, the council waits, the gap finds its way."""

import re
from collections.abc import Generator
from typing import Any

import pytest

from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import letter, name_of, pounds, stays_in
from tests.journeys.own_plan_steps import (
    COST_PENCE,
    LIKES,
    MATTERS,
    OUTCOMES,
    POINTS,
    SECRET,
    WEEK_PENCE,
    add_to_profile,
    ask_helper,
    assessed,
    cost_of,
    plan_of,
    reads_nothing,
    share,
    sign_off_with_reason,
    write_words,
)
from tests.journeys.plan_steps import check_plan
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["desktop", "phone-without-scripts"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: plans are written that other journeys count on not to be there."""
    with serving(tmp_path_factory.mktemp("own"), f"own_plan_{worker_id}") as served:
        yield served


@BOTH
def test_a_budget_is_understood_and_questioned(site: Site, walk: Any, scripts: bool) -> None:
    """P4: points, value, both shares, what it leaves out, when it may change, and how to challenge it."""
    council = "derby.example"
    site.arrange(assessed(council, "selffunder"))
    walker = walk(scripts=scripts, width=1280 if scripts else 390)
    walker.sign_in(f"selffunder@{council}")
    walker.follow(re.compile("budget", re.IGNORECASE))
    assert path_of(walker) == "/my-budget"
    stays_in(walker)
    said = walker.text
    for words in (
        "£115.38 a week",
        "This is a first estimate",
        "It may change until then",
        f"{POINTS} points",
        "Each point is worth £100.00 a year",
        "£6,000.00 a year",
        "The council pays: £115.38",
        "You pay: £0.00",
        "The council has not yet worked out what you pay",
        "What it does not cover",
        "care from the NHS",
        "Is this not right?",
    ):
        assert words in said, f"{words!r} is not in: {said}"
    walker.follow("Read what your assessment says")
    assert "I need help to wash." in walker.text
    walker.open("/my-budget")
    walker.follow("Tell us what is not right")
    walker.press("Send")
    assert "There is a problem" in walker.text
    walker.look()
    walker.fill(words="Nobody asked how I get to the shop.")
    send(walker, "Send")
    assert "Your budget stays as it is until then" in walker.text
    site.wait_for_mail(f"manager@{council}", "budget")
    send(walker, "Take it back")
    assert "Tell us what is not right" in walker.text
    assert "£115.38 a week" in walker.text


@BOTH
def test_a_profile_becomes_a_plan_with_help_and_finds_its_way_over_the_budget(
    site: Site, walk: Any, scripts: bool
) -> None:
    """P2, P3, P5: filled in from what was said, written with a helper, unseen, priced, agreed, changed."""
    council = "derby.example" if scripts else "doncaster.example"
    width = 1280 if scripts else 390
    person = f"selffunder@{council}"
    site.arrange(assessed(council, "selffunder"))
    walker = walk(scripts=scripts, width=width)
    walker.sign_in(person)
    name = name_of(walker)

    # P2: what was said once stands in the plan, with where it came from.
    add_to_profile(walker, "appreciated", LIKES)
    add_to_profile(walker, "important", MATTERS)
    walker.open("/profile/page")
    assert LIKES in walker.text
    walker.open("/my-plan")
    walker.follow("Write my own plan")
    send(walker, "Start my plan")
    stays_in(walker)
    for words in (
        "Filled in from your one page profile. Is it right?",
        f"Say what will happen in number 1: {OUTCOMES[0]}",
        f"Choose who helps with number 2: {OUTCOMES[1]}",
        "Say what could go wrong and what you will do",
        "Your budget is £115.38 a week",
    ):
        assert words in walker.text, f"{words!r} is not in: {walker.text}"
    walker.follow(re.compile("^About me"))
    assert "We filled this in from your one page profile" in walker.text
    box = walker.page.locator("textarea[name=words]")
    assert LIKES in box.input_value()
    assert MATTERS in box.input_value()
    box.fill(f"{box.input_value()}\n\n{SECRET}")
    send(walker, "Save and go to the next part")
    assert path_of(walker) == "/my-plan/write/people"
    walker.open("/my-plan/write/about_me")
    assert "We filled this in" not in walker.text
    assert SECRET in box.input_value()
    walker.open("/my-plan/write/needs")
    assert "I need help with buttons." in walker.page.locator("textarea[name=words]").input_value()

    # P3: the council reads nothing; a helper sees their parts alone.
    worker = walk(scripts=False)
    worker.sign_in(f"worker@{council}")
    plan = plan_of(worker, name)
    assert "The person is still writing this plan" in worker.text
    words_of_plan = (SECRET, LIKES, *OUTCOMES)
    reads_nothing(worker, plan, *words_of_plan)
    link = ask_helper(walker, "Nadia, my niece", ("people", "week"), days=3)
    stays_in(walker)
    helper = walk(scripts=not scripts, width=390 if scripts else 1280)
    helper.open(link)
    assert "People in my life" in helper.text
    assert "How I stay safe" not in helper.text
    helper.open(f"{link}/risks", 404)
    helper.open(f"{link}/about_me", 404)
    helper.open(f"{link}/people")
    helper.fill(words="Nadia rings on Sundays.")
    send(helper, "Save")
    walker.open("/my-plan/write")
    assert "Last written by Nadia, my niece" in walker.text

    # Two write in one part: both are told, nothing is lost.
    walker.open("/my-plan/write/week")
    helper.open(f"{link}/week")
    helper.fill(words="Monday: swimming with Nadia")
    send(helper, "Save")
    walker.fill(words="Friday: the club")
    walker.press("Save")
    assert "Two people wrote here at the same time. Nothing is lost." in walker.text
    assert "Monday: swimming with Nadia" in walker.text
    walker.look()
    stays_in(walker)
    walker.press("Save")
    assert "There is a problem" in walker.text
    assert walker.page.locator("textarea[name=words]").input_value() == "Friday: the club"
    walker.choose("keep", "both")
    send(walker, "Save")
    helper.open(link)
    assert "Two people wrote here at the same time" in helper.text
    helper.open(f"{link}/week")
    assert (
        helper.page.locator("textarea[name=words]").input_value() == "Monday: swimming with Nadia\n\nFriday: the club"
    )

    # The help ends by hand; what was being typed comes back to its writer.
    helper.fill(words="One more thing from Nadia")
    walker.open("/my-plan/write/helpers")
    send(walker, "End the help of Nadia, my niece")
    assert "You ended this help" in walker.text
    helper.press("Save")
    assert "This link does not work" in helper.text
    assert "One more thing from Nadia" in helper.text
    helper.open(link, 404)

    # P5: prices of real offers; £130 against £115.38 shows the gap and ways out of it.
    priced(walker, f"{COST_PENCE - WEEK_PENCE}")
    follow_up(walker, site, council, agrees=scripts)

    write_words(walker, "risks", "I may fall on the stairs. My neighbour has a key.")
    walker.open("/my-plan/write/money")
    walker.fill(money_held="I do it myself with a direct payment.")
    send(walker, "Save")
    if not scripts:
        walker.open("/my-plan/write/share")
        assert "Your plan costs more than your budget. Say why you need more" in walker.text
        assert not walker.page.get_by_role("button", name="Share my plan").count()
        walker.click(walker.page.locator("main").get_by_role("link", name="My money").first)
        walker.fill(why_over="Free groups near me do not help with washing.")
        send(walker, "Save")
    reads_nothing(worker, plan, *words_of_plan)
    walker.open("/my-plan/write/share")
    stays_in(walker)
    share(walker)
    worker.open(plan)
    assert SECRET in worker.text
    assert "£130.00" in worker.text

    # The check sends it back once, then everybody agrees.
    quality = walk(scripts=scripts)
    check_plan(quality, council, plan, send_back="Say who comes when your helper is ill.")
    walker.open("/my-plan/write")
    assert "Say who comes when your helper is ill." in walker.text
    write_words(walker, "back_up", "My sister comes when my helper is ill.")
    share(walker)
    check_plan(quality, council, plan)
    walker.open("/my-plan")
    stays_in(walker)
    assert OUTCOMES[0] in walker.text
    walker.press("Yes, I agree to this plan")
    assert "There is a problem" in walker.text
    walker.choose("has_read", "yes")
    send(walker, "Yes, I agree to this plan")
    manager = walk(scripts=scripts)
    sign_off_with_reason(manager, council, plan, "Washing every day needs this help.")
    site.wait_for_mail(person, "plan")
    walker.open("/my-budget")
    assert "£130.00 a week" in walker.text
    assert "This is agreed" in walker.text
    assert "Washing every day needs this help." in walker.text

    # Its faces, and what the law wants in it.
    manager.open(f"{plan}/summary")
    assert "s.25(1)(e)" in manager.text
    assert "£130.00" in manager.text
    walker.open("/my-plan")
    assert "Your budget is £130.00 a week" in walker.text
    for words in ("Easy Read", "Is everything in it?"):
        walker.open("/my-plan")
        walker.follow(words)
        stays_in(walker)
    assert walker.context.request.get(f"{walker.address}/my-plan/plan.pdf").body().startswith(b"%PDF")
    assert walker.context.request.get(f"{manager.address}/my-plan/easy-read.pdf").body().startswith(b"%PDF")

    # The next version, side by side with the one in place.
    walker.open("/my-plan/write")
    walker.press("Change my plan")
    walker.press("Start to change it")
    assert "There is a problem" in walker.text
    walker.fill(why="Nadia is moving near me.")
    send(walker, "Start to change it")
    write_words(walker, "people", "Nadia lives next door now.")
    worker.open(plan)
    assert "Nadia lives next door now." not in worker.text
    walker.open("/my-plan/compare")
    stays_in(walker)
    share(walker)
    worker.open(f"{plan}/compare")
    assert "rings on Sundays." in worker.text
    assert "lives next door now." in worker.text


def priced(walker: Walker, gap: str) -> None:
    """Write what is wanted, take the price of a local offer, and bring the plan to £130."""
    walker.open("/my-plan/write/outcomes")
    assert walker.page.locator("[name='outcome-1']").input_value() == OUTCOMES[0]
    walker.fill(what__1="Somebody helps me to wash and dress", weekly__1="lots", what__2="I go to a group")
    walker.page.locator("select[name='helped_by-1']").select_option("pa")
    walker.press("Save")
    assert "There is a problem" in walker.text
    assert walker.page.locator("[name='what-1']").input_value() == "Somebody helps me to wash and dress"
    walker.look()
    walker.fill(weekly__1="125")
    walker.page.locator("select[name='helped_by-2']").select_option("community")
    send(walker, "Save")
    walker.open("/my-plan/offers/prices")
    walker.click(walker.page.locator("main table a", has_text="Find help").nth(1))
    walker.fill(q="a group for company", amount="1")
    send(walker, "Look for help")
    stays_in(walker)
    titles = walker.page.locator("#listing h2").all_inner_texts()
    assert titles[0].startswith("Groups"), titles
    offer = walker.page.locator(".cm-result", has=walker.page.get_by_role("button", name="Use this price")).first
    name = offer.locator(".cm-result__title").inner_text()
    walker.click(offer.get_by_role("button", name="Use this price"))
    walker.look()
    assert f"now has the price of {name}" in walker.page.locator("body").inner_text()
    walker.open("/my-plan/write/outcomes")
    walker.fill(weekly__1=pounds(COST_PENCE - cost_of(walker, 2)))
    send(walker, "Save")
    walker.open("/my-plan/offers/prices")
    assert name in walker.text
    assert "Your plan costs £130.00 a week. Your budget is £115.38 a week. That is £14.62 a week more" in walker.text
    stays_in(walker)
    ways = walker.page.locator("#ways + ul li").all_inner_texts()
    assert len(ways) > 1, ways
    assert ways[-1].startswith("Ask for more"), ways
    assert f"£{pounds(int(gap))} a week more" in ways[-1]


def follow_up(walker: Walker, site: Site, council: str, *, agrees: bool) -> None:
    """Ask for more from the prices, and let the manager answer with a yes or a no."""
    walker.follow("Ask for more")
    walker.fill(reason="")
    walker.press("Ask the council")
    assert "There is a problem" in walker.text
    assert walker.page.locator("[name=weekly]").input_value() == "130.00"
    walker.fill(reason="I need somebody to wash me each day.")
    send(walker, "Ask the council")
    name = name_of(walker)
    chromium = walker.context.browser
    assert chromium is not None
    manager = Walker(chromium, walker.address, scripts=walker.scripts, width=walker.width)
    manager.sign_in(f"manager@{council}")
    manager.open("/plan-asks")
    manager.follow(re.compile(name))
    assert "I need somebody to wash me each day." in manager.text
    assert SECRET not in manager.text
    manager.press("Save your answer")
    assert "There is a problem" in manager.text
    manager.look()
    manager.choose("decision", "agree" if agrees else "refuse")
    if agrees:
        manager.fill(weekly="130")
    manager.fill(answer="Washing each day is needed." if agrees else "Please look at groups first.")
    send(manager, "Save your answer")
    manager.close()
    walker.open("/my-plan/offers/prices")
    if agrees:
        assert "Your budget is £130.00 a week" in walker.text
    else:
        assert "That is £14.62 a week more" in walker.text
    site.wait_for_mail(f"selffunder@{council}", "answer about the budget")
    walker.open("/my-plan/ask")
    assert ("Agreed" if agrees else "Not agreed") in walker.text


def test_a_helpers_time_runs_out_while_they_write(site: Site, walk: Any) -> None:
    """P3: a link by e-mail that works for a day. Last of all: it moves the clock."""
    council = "lancashire.example"
    walker = walk(scripts=True, width=390)
    walker.sign_in(f"selffunder@{council}")
    walker.open("/my-plan/write")
    send(walker, "Start my plan")
    link = ask_helper(walker, "Uncle Joe", ("risks",), days=1, email="joe@journeys.example")
    sent = re.search(r"/help-with-plan/[0-9a-f]+", letter(site, "joe@journeys.example", "plan"))
    assert sent is not None
    assert sent.group() == link
    helper = walk(scripts=False, width=390)
    helper.open(f"{link}/risks")
    helper.fill(words="The stairs are steep.")
    site.move_clock(hours=25)
    helper.press("Save")
    assert "This link does not work" in helper.text
    assert "The stairs are steep." in helper.text
    helper.open(link, 404)
    walker.sign_in(f"selffunder@{council}")
    walker.open("/my-plan/write/helpers")
    assert "The time for this help is over" in walker.text
    walker.open("/my-plan/write/risks")
    assert walker.page.locator("textarea[name=words]").input_value() == ""
