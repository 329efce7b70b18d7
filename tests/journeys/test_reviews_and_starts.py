"""Journeys of payments before the sign-off (P6), limits and the panel, and reviews (P14)."""

import re
from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from marketplace.core.clock import LONDON
from marketplace.core.formats import uk_date
from tests.journeys.accreditation import path_of, send, tick
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import letter, move_to, name_of, stays_in
from tests.journeys.plan_steps import check_plan, sign_off
from tests.journeys.review_steps import (
    accept_payment,
    estimate,
    find_person,
    newcomer,
    plan_to_sign,
    prepare_payment,
    rule,
    say,
)
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAYS = ("desktop-with-scripts", "phone-without-scripts")
GUEST = "sister@journeys.example"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its journeys move the clock by weeks."""
    with serving(tmp_path_factory.mktemp("reviews"), f"reviews_{worker_id}") as served:
        yield served


def morning(site: Site, day: date) -> None:
    """Let time pass until nine on a day."""
    move_to(site, datetime.combine(day, time(9), LONDON))


@pytest.mark.parametrize("way", WAYS)
def test_a_payment_starts_before_the_sign_off_and_its_deadline_never_lapses_silently(
    site: Site, walk: Any, way: str
) -> None:
    """P6 and point 8: conditions one by one, the person's yes, three alerts, put off with a reason, then stopped."""
    is_phone = way == WAYS[1]
    council, family_name = ("derby.example", "Earlyphone") if is_phone else ("doncaster.example", "Earlydesk")
    rule(site, council, "plans.early_start", {"allowed": True, "days": 42})
    email, name = newcomer(site, council, family_name)
    who = {"scripts": not is_phone, "width": 390 if is_phone else 1280}
    worker, person, manager = walk(**who), walk(**who), walk(**who)
    worker.sign_in(f"worker@{council}")
    page = find_person(worker, name)
    estimate(worker, page, "60")
    starts_on = site.today + timedelta(days=7)
    setup = prepare_payment(worker, page, starts_on, frequency="monthly" if is_phone else "four_weekly")
    stays_in(worker)
    site.wait_for_mail(email, "You can have a direct payment")

    # The person reads amount, rhythm, conditions and terms, and says yes.
    person.sign_in(email)
    person.open("/money/set-up")
    stays_in(person)
    assert "for the first month" in person.text if is_phone else "£240.00 every four weeks" in person.text
    accept_payment(person)

    # It starts next week without a signed plan: that takes a reason, and shows its deadline to everybody.
    worker.open(setup)
    worker.press("Start the payment early")
    assert "There is a problem" in worker.text
    worker.fill(early_reason="Her daughter goes abroad next week.")
    send(worker, "Start the payment early")
    assert "Runs" in worker.text
    deadline = starts_on + timedelta(days=42)
    site.wait_for_mail(email, "Your direct payment starts")
    site.wait_for_mail(email, "How your direct payment is held")
    worker.open("/early-starts")
    stays_in(worker)
    assert name in worker.text
    assert uk_date(deadline) in worker.text
    for path in ("/money/set-up", "/money", "/my-plan"):
        person.open(path)
        stays_in(person)
        assert f"Plan sign-off due by {uk_date(deadline)}" in person.text

    # Told at 14 and 3 days and on the day; the money goes on.
    manager.sign_in(f"manager@{council}")
    reference = reference_of(manager, page)
    for left, words in ((14, "due in 14 days"), (3, "due in 3 days"), (0, "due today")):
        morning(site, deadline - timedelta(days=left))
        for role in ("worker", "manager"):
            site.wait_for_mail(f"{role}@{council}", f"Sign-off {words}: payment started early ({reference})")
        site.wait_for_mail(email, f"Your plan: sign-off due by {uk_date(deadline)}")
    morning(site, deadline + timedelta(days=2))
    person.sign_in(email)
    person.open("/money")
    assert "Paid in by the council" in person.text or "In your direct payment" in person.text
    assert f"Plan sign-off due by {uk_date(deadline)}" in person.text
    manager.sign_in(f"manager@{council}")
    manager.open("/early-starts")
    assert "Overdue" in manager.text

    # Only a manager puts it off, with a reason; then it is stopped, and nothing is watched any more.
    manager.follow(re.compile(name))
    stays_in(manager)
    manager.date("until", deadline)
    manager.press("Put the day off")
    assert "There is a problem" in manager.text
    until = site.today + timedelta(days=21)
    manager.date("until", until)
    manager.fill(reason="She was in hospital.")
    send(manager, "Put the day off")
    letter(site, email, "Your plan is signed later", says="She was in hospital.")
    person.open("/my-plan")
    assert f"Plan sign-off due by {uk_date(until)}" in person.text
    manager.open(setup)
    manager.press("Stop the payment")
    assert "There is a problem" in manager.text
    manager.date("ends_on", site.today)
    manager.fill(stop_reason="You asked the council to arrange it.")
    send(manager, "Stop the payment")
    site.wait_for_mail(email, "Your direct payment stops")
    manager.open("/early-starts")
    assert name not in manager.text
    person.open("/money/set-up")
    assert "has been stopped" in person.text
    assert "Plan sign-off due by" not in person.text


def reference_of(walker: Walker, person: str) -> str:
    """Return somebody's reference from their page."""
    walker.open(person)
    found = re.search(r"P\d{4,}|[A-Z]{1,3}-?\d{3,}", walker.text)
    assert found is not None, walker.text
    return found.group()


@pytest.mark.parametrize("way", WAYS)
def test_a_plan_beyond_a_limit_goes_to_the_panel_and_a_manager_and_its_review_changes_it(
    site: Site, walk: Any, way: str
) -> None:
    """Limits, panel, then P14: flagged, guests, self-review, lists by several, both sign, a new version, no money."""
    is_phone = way == WAYS[1]
    council, family_name = ("derby.example", "Reviewphone") if is_phone else ("lancashire.example", "Reviewdesk")
    rule(site, council, "plans.risk_panel", True)
    email, name = newcomer(site, council, family_name)
    who = {"scripts": not is_phone, "width": 390 if is_phone else 1280}
    walker, person, manager = walk(**who), walk(**who), walk(**who)
    walker.sign_in(f"planner@{council}")
    planner = name_of(walker)

    # A manager sets what a social worker may sign off.
    manager.sign_in(f"manager@{council}")
    manager.open("/approval-limits")
    stays_in(manager)
    manager.press("Set the limit")
    assert "There is a problem" in manager.text
    manager.choose("role", "social_worker")
    manager.choose("has_limit", "yes")
    manager.fill(weekly="5", over_budget="0")
    manager.date("starts_on", site.today)
    send(manager, "Set the limit")
    assert "£5.00 a week" in manager.text

    plan, reference = plan_to_sign(site, council, email)
    # Beyond the limit, the social worker asks the panel and passes it on; nobody signs before the panel has decided.
    walker.sign_in(f"worker@{council}")
    walker.open(f"{plan}/sign-off")
    stays_in(walker)
    assert "You sign plans off up to £5.00 a week" in walker.text
    assert walker.page.locator("input[name=decision][value=sign_off]").count() == 0
    walker.follow("Ask the risk panel about this plan")
    walker.fill(question="Is the way home safe enough?")
    walker.press("Ask the panel")
    assert "There is a problem" in walker.text
    assert walker.page.locator("[name=question]").input_value() == "Is the way home safe enough?"
    walker.fill(persons_view="I know the way. I have walked it for forty years.")
    send(walker, "Ask the panel")
    site.wait_for_mail(f"manager@{council}", f"A plan for the risk panel ({reference})")
    site.wait_for_mail(email, "Your plan and the risk panel")
    walker.open(f"{plan}/sign-off")
    walker.choose("decision", "pass_on")
    walker.press("Save your decision")
    assert "There is a problem" in walker.text
    walker.choose("decision", "pass_on")
    walker.fill(pass_on_why="A good plan. It costs little more than I may sign.")
    send(walker, "Save your decision")
    manager.open("/plan-asks")
    stays_in(manager)
    assert name in manager.text
    manager.open("/panel-cases")
    stays_in(manager)
    manager.follow(re.compile(name))
    stays_in(manager)
    manager.date("panel_on", site.today - timedelta(days=1))
    manager.press("Put it on the list")
    assert "There is a problem" in manager.text
    manager.date("panel_on", site.today)
    send(manager, "Put it on the list")
    site.wait_for_mail(f"worker@{council}", f"The risk panel has a day ({reference})")
    manager.follow(re.compile(name))
    manager.choose("supports", "yes")
    manager.press("Record the decision")
    assert "There is a problem" in manager.text
    manager.choose("supports", "yes")
    manager.fill(decision="It is her way.", members="Three of us", persons_view="I know the way.")
    send(manager, "Record the decision")
    site.wait_for_mail(f"worker@{council}", f"The risk panel has decided ({reference})")
    manager.open(f"{plan}/sign-off")
    assert "supports this plan" in manager.text
    sign_off(manager, council, plan)

    # The first review stands with the same planner, in the council's window, and is flagged in time.
    walker.sign_in(f"planner@{council}")
    walker.open("/reviews")
    walker.follow(re.compile(name))
    review = path_of(walker)
    stays_in(walker)
    assert "the same person who made the plan" in walker.text
    window = re.search(r"Window (\d+ \w+ \d{4}) to (\d+ \w+ \d{4})", walker.text)
    assert window is not None, walker.text
    closes = datetime.strptime(window.group(2), "%d %B %Y").replace(tzinfo=LONDON).date()
    morning(site, closes - timedelta(days=13))
    site.wait_for_mail(f"planner@{council}", f"Book a review by {uk_date(closes)} ({reference})")

    # The person picks who comes and says what they think; nobody reads it before it is sent.
    own = f"/my-reviews/{review.rsplit('/', 1)[1]}"
    person.sign_in(email)
    person.open("/my-reviews")
    stays_in(person)
    person.open(own)
    stays_in(person)
    assert planner in person.text
    person.press("Ask them to come")
    assert "There is a problem" in person.text
    person.fill(name="Vera", relation="my sister", email=GUEST)
    send(person, "Ask them to come")
    say(person, "working", "The match on Saturdays.")
    say(person, "wish", "To try the choir.", "Vera")
    walker.sign_in(f"planner@{council}")
    walker.open(review)
    assert "choir" not in walker.text
    send(person, "Send my answers")
    walker.open(review)
    assert "To try the choir. Vera" in walker.text
    say(walker, "not_working", "The stairs in the evening.", "Her neighbour")
    meets_on = site.today + timedelta(days=2)
    walker.press("Book this date")
    assert "There is a problem" in walker.text
    walker.date("booked_on", meets_on)
    walker.fill(at_time="10:30", place="At home")
    send(walker, "Book this date")
    site.wait_for_mail(GUEST, f"{name} would like you at a meeting")
    site.wait_for_mail(email, "Your review is on")

    # What they found: a change for more, never for less; there is no money in it.
    morning(site, meets_on + timedelta(days=1))
    walker.sign_in(f"planner@{council}")
    walker.open(review)
    assert "£" not in walker.page.locator("main").inner_text()
    walker.date("held_on", meets_on)
    walker.fill(working="The match on Saturdays.", not_working="The stairs.", changes="The choir, once a week.")
    walker.choose("progress-1", "reached")
    walker.choose("progress-2", "partly")
    walker.choose("outcome", "change_plan")
    changes_from = site.today + timedelta(days=14)
    walker.date("changes_from", changes_from)
    walker.choose("lowers", "yes")
    walker.press("Record the review")
    assert "There is a problem" in walker.text
    assert "assessment" in walker.page.locator(".govuk-error-summary").inner_text()
    walker.choose("lowers", "no")
    send(walker, "Record the review")
    tick(walker, "This is what we found and agreed")
    send(walker, "Sign for the council")
    site.wait_for_mail(email, "Please read and sign your review")
    person.sign_in(email)
    person.open(own)
    stays_in(person)
    person.press("Sign my review")
    assert "There is a problem" in person.text
    tick(person, "I have read this, or had it read to me, and it is right")
    send(person, "Sign my review")
    assert f"Your plan changes from {uk_date(changes_from)}" in person.text

    # The next version is on its way; what it costs stands against the one before.
    walker.open(review)
    walker.sees("shown here when it has been submitted")
    walker.open(plan)
    walker.sees("Submit for quality check")
    walker.fill(weekly__2="83", visit_hours="1", visit_minutes="30")
    send(walker, "Submit for quality check")
    walker.open(review)
    assert "£83.00 a week, £3.00 more than version 1 (£80.00)" in walker.text
    check_plan(walker, council, plan)
    person.open("/my-plan")
    person.choose("has_read", "yes")
    send(person, "Yes, I agree to this plan")
    manager.sign_in(f"manager@{council}")
    manager.open(f"{plan}/sign-off")
    stays_in(manager)
    assert "£83.00 a week, £3.00 more than version 1 (£80.00)" in manager.text
