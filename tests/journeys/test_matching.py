"""From a referral to the planner, for one person and for a whole waiting list, walked as people would (K1-K3, V6)."""

import re
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership, User
from marketplace.matching.models import CapacityReservation, Referral
from marketplace.matching.states import ReferralStatus
from marketplace.providers.models import Worker
from tests.factories_accreditation import council_id_of, let_in
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WANTS = "I want to go to the allotment again and cook what grows there."
WHY_SECOND = "Has an allotment in the next street."
CONTESTED = "I know this planner from my old job and do not want to meet them at home."
WISH = "Somebody who has never worked with me."
ANSWER = "You are right. We ask somebody else, who has not met you before."
FULL_WEEK = 3
"""Plans a week at 0.6 of a full-time post, five plans a week at full time (V6)."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it gives most of a waiting list away, which other journeys count on."""
    with serving(tmp_path_factory.mktemp("matching"), f"matching_{worker_id}") as served:
        yield served


def test_a_referral_is_completed_kept_released_matched_contested_and_decided_again(site: Site, walk: Any) -> None:
    """K1-K3: what is missing is named; complex stays; reasons, what-if, the second with a reason; a contest."""
    council = "derby.example"
    worker, broker, manager = (walk(scripts=True) for _ in range(3))
    person = walk(scripts=False, width=390)
    person.sign_in(f"selffunder@{council}")
    name = person.page.locator(".cm-account__who strong").inner_text()
    person.open("/my-match")
    assert "Nobody is looked for now" in person.text

    # K1: incomplete, with the points that are missing; nobody is put forward.
    worker.sign_in(f"worker@{council}")
    worker.open("/referrals/new")
    worker.fill(q=name)
    worker.press("Search")
    worker.follow(re.compile(name.split()[-1]))
    worker.choose("source", "frontline")
    worker.choose("needs", "physical")
    worker.choose("urgency", "urgent")
    worker.choose("complexity", "complex")
    worker.fill(indicative_weekly_pence="140")
    worker.press("Record referral")
    assert "Say why this needs a council worker" in worker.text
    worker.choose("complexity", "standard")
    send(worker, "Record referral")
    referral = path_of(worker)
    assert "What the person wants, in their words" in worker.text
    assert "That the person knows what to expect" in worker.text
    broker.sign_in(f"broker@{council}")
    broker.open(referral)
    assert "No planner can be found before this is complete" in broker.text
    assert "Who is best placed" not in broker.text

    # K2: complete, and complex: it stays with the council.
    worker.open(f"{referral}/edit")
    worker.fill(wants=WANTS)
    worker.choose("required_gender", "female")
    worker.choose("person_informed", "yes")
    worker.choose("complexity", "complex")
    worker.fill(complexity_reason="Three services have to agree first.")
    send(worker, "Save changes")
    assert "The council keeps this referral" in worker.text
    broker.open(referral)
    assert "Who is best placed" not in broker.text
    assert broker.page.get_by_role("button", name=re.compile("^Offer to")).count() == 0
    broker.follow("Let the network take it")
    broker.press("Put it into the queue")
    assert "There is a problem" in broker.text
    broker.fill(reason="The three services have agreed.")
    send(broker, "Put it into the queue")

    # K3: the order with reasons, who was left out, what would change it.
    assert "Who is best placed" in broker.text
    titles = broker.page.locator(".cm-results .cm-result__title").all_inner_texts()
    assert titles[0].startswith("1. ")
    assert titles[1].startswith("2. ")
    assert "Would be first if" in broker.text
    broker.follow("See everybody who was left out, and why")
    assert broker.page.locator("#left-out tbody tr").count() >= 1
    broker.open(f"{referral}/what-if")
    assert "Nothing here is saved" in broker.text
    broker.fill(distance="0", specialism="0")
    send(broker, "Show the order")
    assert broker.page.locator("#moves tbody tr").count() >= 2
    broker.open(f"{referral}/print")
    broker.open(referral)
    assert broker.page.locator(".cm-results .cm-result__title").all_inner_texts() == titles

    # The second needs a reason.
    second = titles[1].removeprefix("2. ")
    broker.follow(re.compile(f"Choose {second}"))
    broker.press(f"Offer to {second}")
    assert "There is a problem" in broker.text
    broker.look()
    broker.page.locator("main textarea").first.fill(WHY_SECOND)
    send(broker, f"Offer to {second}")
    assert f"Offered to {second}" in broker.text
    assert WHY_SECOND in broker.text
    broker.click(broker.page.locator("main a[href*='/shortlists/']").first)
    broker.look()

    # The person reads who decided and why, and contests it.
    decider = broker.page.locator(".cm-account__who strong").inner_text()
    person.open("/my-match")
    assert f"{second} from" in person.text
    assert f"{decider}, broker at" in person.text
    assert WHY_SECOND in person.text
    assert "a computer decided" not in person.text.lower()
    person.follow("I want somebody else, or I think this is wrong")
    person.press("Send")
    assert "There is a problem" in person.text
    person.fill(said=CONTESTED, wants=WISH)
    send(person, "Send")
    assert "You asked us to look at this again" in person.text

    # Who decided cannot answer; a colleague does.
    broker.open("/contests")
    broker.follow(name)
    contest = path_of(broker)
    assert "You took this decision, so a colleague answers" in broker.text
    assert broker.page.get_by_role("button", name="Send answer").count() == 0
    manager.sign_in(f"manager@{council}")
    manager.open("/contests")
    manager.open(contest)
    assert CONTESTED in manager.text
    manager.press("Send answer")
    assert "There is a problem" in manager.text
    manager.choose("outcome", "upheld")
    manager.fill(answer=ANSWER)
    send(manager, "Send answer")
    person.open("/my-match")
    assert ANSWER in person.text
    site.wait_for_mail(f"selffunder@{council}", "answer")

    # It is decided again, with what the person wants on record.
    broker.open(referral)
    assert WISH in broker.text
    assert "Who is best placed" in broker.text
    broker.open("/matching/decisions")


def test_a_week_of_a_part_time_planner_never_takes_more_than_three_plans(site: Site, walk: Any) -> None:
    """V6: 0.6 of a post is three plans a week; what is above goes to the weeks after it, whoever asks."""
    broker = walk(scripts=False)
    name, referrals, worker_id = site.arrange(chosen_by_five)
    broker.sign_in("broker@derby.example")
    weeks = []
    for referral in referrals:
        broker.open(f"/referrals/{referral}")
        assert f"The person chose {name}" in broker.text
        send(broker, f"Offer to {name}")
        found = re.search(r"A place is held in the week of (\d+ \w+(?: \d+)?)", broker.text)
        assert found is not None, broker.text
        weeks.append(found.group(1))
    assert len(set(weeks)) >= 2, weeks
    assert max(Counter(weeks).values()) <= FULL_WEEK, weeks

    async def taken(db: AsyncSession) -> dict[Any, int]:
        held = select(CapacityReservation.week_on).where(CapacityReservation.worker_id == worker_id)
        return Counter(await db.scalars(held))

    assert max(site.arrange(taken).values()) <= FULL_WEEK


def test_a_waiting_list_is_proposed_changed_by_hand_confirmed_and_handed_back(site: Site, walk: Any) -> None:
    """The job works in the background; a pin and a veto; some lines are confirmed; one comes back."""
    council = "doncaster.example"
    broker = walk(scripts=True)
    broker.sign_in(f"broker@{council}")
    broker.open("/matching")
    broker.open("/matching/runs/new")
    broker.fill(weeks="many")
    broker.press("Work it out")
    assert "There is a problem" in broker.text
    broker.fill(weeks="1")
    send(broker, "Work it out")
    first_run = path_of(broker)
    broker.sees("Proven best")
    broker.look()
    site.wait_for_mail(f"broker@{council}", "roposal")
    broker.open(first_run)
    for words in ("Beside how it is done today", "The nearest", "Still waiting", "What is proposed"):
        assert words in broker.text, words

    # A pin and a veto, then once more.
    assert broker.page.locator("main a[href*='kind=pin']").count() >= 3
    pinned, pinned_planner = settle(broker, first_run, line=0, kind="pin")
    vetoed, vetoed_planner = settle(broker, first_run, line=1, kind="veto")
    broker.open(first_run)
    assert "2 things settled by hand" in broker.text
    send(broker, "Work it out again")
    second_run = path_of(broker)
    assert second_run != first_run
    broker.sees("Proven best")
    broker.open(second_run)
    lines = dict(planners(broker))
    assert lines[pinned] == pinned_planner
    assert lines[vetoed] != vetoed_planner

    # The same from what is stored.
    send(broker, "Work it out again from the stored inputs")
    broker.sees("every line is the same")

    # Some are confirmed; nothing ticked is an error.
    broker.open(second_run)
    broker.press("Confirm the ticked ones")
    assert "There is a problem" in broker.text
    broker.look()
    for box in broker.page.locator("main input[name=proposals]").all()[:3]:
        box.check()
    broker.press("Confirm the ticked ones")
    broker.look()
    assert "Each planner is told and has a place held" in broker.text
    offered = broker.page.locator("main li", has=broker.page.locator("a[href^='/referrals/']"))
    assert offered.count() == 3, broker.text
    words = offered.first.inner_text()
    reference, planner_name = re.search(r"(R-\d{4}-\d{5}): (.+)", words).groups()  # type: ignore[union-attr]
    referral = str(offered.first.locator("a").get_attribute("href"))

    # The planner takes it on, then cannot go on.
    address = site.arrange(lambda db: planner_address(db, planner_name))
    planner = walk(scripts=False, width=390)
    planner.sign_in(address)
    planner.open("/offers")
    planner.follow(re.compile(reference))
    planner.press("Yes, I take this on")
    planner.sees("Who you plan with")
    planner.follow("I cannot go on with this referral")
    planner.press("Hand it back")
    assert "There is a problem" in planner.text
    planner.page.locator("main input[name=reason]").first.check()
    send(planner, "Hand it back")
    assert "You have handed the referral back" in planner.text
    planner.follow(re.compile(reference))
    assert "You handed this referral back" in planner.text
    assert planner.page.get_by_text("Who you plan with").count() == 0

    # The broker reads who is best placed now, and decides.
    site.wait_for_mail(f"broker@{council}", "")
    broker.open("/matching/alerts")
    broker.sees(reference)
    broker.follow(re.compile(re.escape(reference)))
    assert "Best placed now" in broker.text
    button = broker.page.get_by_role("button", name=re.compile("^Offer to ")).first
    next_name = button.inner_text().removeprefix("Offer to ")
    assert next_name != planner_name
    send(broker, f"Offer to {next_name}")
    broker.open(referral)
    assert f"Offered to {next_name}" in broker.text


async def chosen_by_five(db: AsyncSession) -> tuple[str, list[str], Any]:
    """Let five people who wait in Derby choose a planner with 0.6 of a post.

    Returns:
        The planner's name, the referrals' ids and the planner's id.
    """
    council_id = await council_id_of(db, "derby")
    planner = (
        await db.scalars(
            select(Worker)
            .join(Membership, Membership.worker_id == Worker.id)
            .where(Membership.council_id == council_id, Worker.name == "Farid Aziz")
        )
    ).one()
    planner.fte_percent = 60
    waiting = Referral.council_id == council_id, Referral.status == ReferralStatus.RECEIVED
    plain = Referral.required_gender.is_(None), Referral.essential_language.is_(None)
    found = (await db.scalars(select(Referral).where(*waiting, *plain).order_by(Referral.id).limit(5))).all()
    for referral in found:
        referral.chosen_worker_id = planner.id
        referral.required_skills = []
        referral.excluded_organisation_ids = []
    return planner.name, [str(referral.id) for referral in found], planner.id


async def planner_address(db: AsyncSession, name: str) -> str:
    """Let a planner of Doncaster sign in; returns the address."""
    council_id = await council_id_of(db, "doncaster")
    works = select(Membership.user_id).join(Worker, Worker.id == Membership.worker_id)
    wanted = works.where(Worker.name == name, Membership.council_id == council_id)
    address = (await db.scalars(select(User.email).where(User.id.in_(wanted)))).one()
    await let_in(db, address)
    return address


def planners(broker: Walker) -> list[tuple[str, str]]:
    """Return the references of the lines on the page, each with the planner proposed, empty for nobody."""
    found = []
    for line in broker.page.locator("main .cm-result").all():
        reference = line.locator(".cm-result__title .cm-nowrap").inner_text()
        named = line.locator(".cm-result__by strong").inner_text()
        found.append((reference, "" if named.startswith("Nobody") else named))
    return found


def settle(broker: Walker, run: str, *, line: int, kind: str) -> tuple[str, str]:
    """Keep a line's planner, or rule it out. Returns the line's reference and its planner."""
    broker.open(run)
    reference, planner = [item for item in planners(broker) if item[1]][line]
    broker.click(broker.page.locator(f"main a[href*='kind={kind}']").nth(line))
    broker.look()
    broker.press("Settle it")
    assert "There is a problem" in broker.text
    broker.choose("kind", kind)
    broker.fill(why="They asked on the telephone.")
    send(broker, "Settle it")
    return reference, planner
