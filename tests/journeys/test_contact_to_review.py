"""The councils of the three case studies, walked from the first contact to a signed review, each in its own way."""

import re
from collections.abc import Generator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.contact_steps import (
    CHANGES,
    answer_questions,
    ask_online,
    assess,
    begin_stage,
    carer_budget,
    contact_in_mail,
    contacts_so_far,
    decide_charge,
    give_account,
    pass_on,
    postcode_in,
    put_on_new_record,
    set_estimate,
    take_contact,
)
from tests.journeys.plan_steps import (
    OUTCOME,
    agree_to_plan,
    check_plan,
    offer,
    record_referral,
    sign_off,
    take_on,
    write_plan,
)
from tests.journeys.way_steps import (
    book_review,
    hand_review_on,
    hold_review,
    prepare_review,
    sees_the_whole_way,
    sees_who_looked,
    set_up_payment,
    sign_review,
    write_own_plan,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STORY = "Somebody who had lost touch with friends goes out with them again. A volunteer of a club comes along."
WAITS = "Plan nothing long-term yet"


@pytest.fixture
def site(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str, request: pytest.FixtureRequest
) -> Generator[Site, None, None]:
    """A demo of each walk's own: its clock moves by months, and what planners were approved for ends meanwhile."""
    council = request.node.name.split("_")[1]
    with serving(tmp_path_factory.mktemp(council), f"contact_{council}_{worker_id}") as served:
        yield served


def weekday_after(day: date, days: int) -> date:
    """Return the first working day of the week some days later."""
    found = day + timedelta(days=days)
    return found + timedelta(days=max(0, 7 - found.weekday()) if found.weekday() >= 5 else 0)


def test_lancashire_front_door_stages_planner_and_a_review_within_twelve_weeks(site: Site, walk: Any) -> None:
    """L1-L18, B1, B2: nothing long-term before stage 3 or in a crisis; the planner comes back for the review."""
    council, name = "lancashire.example", "Winifred Applegarth"
    staff, other, own, visitor = (walk(scripts=True) for _ in range(4))

    # 1. Somebody asks online; the message to the social worker says no name; the contact goes on a new record.
    staff.sign_in(f"worker@{council}")
    before = contacts_so_far(staff)
    postcode = postcode_in(site, council)
    ask_online(visitor, postcode, name)
    contact = contact_in_mail(site, council, name)
    record = put_on_new_record(staff, contact, name, postcode)
    pass_on(staff, contact, "Assessment team")
    assert contacts_so_far(staff) == before + 1
    me = give_account(site, council, record)
    own.sign_in(me.email)
    own.open("/my-timeline")
    assert "You asked the council for help" in own.text
    assert "Call back" in own.text
    assert "Assessment team" in own.text

    # 2. Stages: what was tried comes before long-term support; a manager may say why not.
    own.open("/my-plan/write")
    assert "You cannot start yet" in own.text
    begin_stage(staff, me, 1)
    begin_stage(staff, me, 2, tried="The lunch club and a neighbour.", result="Goes each Tuesday.")
    assess(staff, council, me, site.today)
    send(staff, "Complete the assessment")
    assert "No budget follows from it" in staff.text
    set_estimate(staff, me, "115.38")
    assert "evidence of stage 2 is missing" in staff.text
    assert staff.page.locator("[name=weekly]").input_value() == "115.38"
    begin_stage(staff, me, 3)
    assert "ask a manager for an exception" in staff.text
    other.sign_in(f"manager@{council}")
    begin_stage(other, me, 3)
    assert "Write down why stage 3 begins without it" in other.text
    other.look()
    other.fill(exception_reason="Lives alone on a steep stair: waiting does harm.")
    send(other, "Begin this stage")
    assert "Exception by" in other.text

    # 3. The estimate, the referral, and a crisis that holds it until it is over.
    set_estimate(staff, me, "115.38")
    assert "There is a problem" not in staff.text
    own.open("/my-budget")
    assert "£115.38 a week" in own.text
    other.sign_in(f"planner@{council}")
    planner = other.page.locator(".cm-account__who strong").inner_text()
    referral, reference = record_referral(staff, council, name)
    staff.open(f"{me.path}/stages")
    staff.press("Record a crisis")
    assert "There is a problem" in staff.text
    staff.fill(crisis_reason="A fall in the night.")
    staff.date("look_again_on", site.today + timedelta(days=7))
    send(staff, "Record a crisis")
    other.sign_in(f"broker@{council}")
    other.open(referral)
    assert WAITS in other.text
    assert other.page.get_by_role("button", name=re.compile("^Offer to")).count() == 0
    other.follow("Record what was tried, or an exception")
    assert "A fall in the night." in other.text
    own.open("/my-plan/write")
    assert "First we help you to be safe" in own.text
    staff.open(f"{me.path}/stages")
    send(staff, "The crisis is over")

    # 4. Broker, planner, quality check, agreement, sign-off: the assessment's outcomes stand in the plan already.
    offer(other, council, referral, planner)
    plan = take_on(other, council, referral, reference, name)
    assert [other.page.locator(f"[name=outcome-{row}]").input_value() for row in (1, 2)] == list(CHANGES)
    write_plan(other)
    other.fill(what__2="A rail by the bath, and a helper once a week", weekly__2="40.00")
    other.page.locator("select[name='helped_by-2']").select_option("regulated")
    send(other, "Submit for quality check")
    check_plan(other, council, plan)
    agree_to_plan(own, me.email)
    sign_off(staff, council, plan)
    own.open("/my-budget")
    assert "£46.50 a week" in own.text
    assert "The plan costs less than was estimated" in own.text

    # 5. Plan of the month: no name in it, the person's yes, and everybody may read it.
    other.sign_in(f"quality@{council}")
    other.open(f"/plan-of-the-month/stories/new/{plan.rpartition('/')[2]}")
    other.fill(title="Back to the match", story=f"{name} goes out again.", why="A club helps, not a service.")
    other.press("Save and ask the person")
    assert "it tells who this is about" in other.text
    other.fill(story=STORY)
    send(other, "Save and ask the person")
    story = path_of(other)
    own.open("/my-plan/story")
    assert STORY in own.text
    own.choose("answer", "yes")
    send(own, "Send my answer")
    other.open(story)
    send(other, "Publish it for everybody")
    visitor.open("/plan-of-the-month")
    assert STORY in visitor.text
    assert name not in visitor.text

    # 6. The review, 6 to 12 weeks on, with the same planner; both sign.
    day = weekday_after(site.today, 44)
    other.sign_in(f"planner@{council}")
    review = book_review(other, plan, day)
    assert "the same person who made the plan" in other.text
    prepare_review(own, review)
    site.move_clock(hours=24 * (day - site.today).days)
    other.sign_in(f"planner@{council}")
    hold_review(other, review, day, 2)
    own.sign_in(me.email)
    sign_review(own, review)

    # 7. The whole way in both timelines, and who read.
    staff.sign_in(f"worker@{council}")
    steps = ("You asked the council for help", "Stage 1", "Stage 2", "Stage 3", "Assessment done", "Plan signed off")
    sees_the_whole_way(own, staff, me, *steps, "First idea of the budget", "Budget agreed", "First review held")
    sees_who_looked(own, "Social worker", "Quality checker", "Support planner", "Plan", "Help so far", "Review")


def test_doncaster_early_payment_own_plan_with_a_helper_and_sign_off_at_six_weeks(site: Site, walk: Any) -> None:
    """D1-D6, D16, P6: the payment starts the week after; the person plans; the plan is signed at the 6 week review."""
    council, name = "doncaster.example", "Edith Thackray"
    staff, other, own, helper = (walk(scripts=False, width=390) for _ in range(4))

    # 1. Family rings; the contact is taken with the new record; the assessment agrees on outcomes and an estimate.
    staff.sign_in(f"worker@{council}")
    worker = staff.page.locator(".cm-account__who strong").inner_text()
    before = contacts_so_far(staff)
    postcode = postcode_in(site, council)
    record = take_contact(staff, name, postcode, channel="phone", asked_by="family", team="Assessment team")
    assert contacts_so_far(staff) == before + 1
    me = give_account(site, council, record)
    own.sign_in(me.email)
    assess(staff, council, me, site.today)
    send(staff, "Complete the assessment")
    set_estimate(staff, me, "115.38")
    assert "There is a problem" not in staff.text
    own.open("/my-budget")
    assert "£115.38 a week" in own.text

    # 2. The direct payment starts before the plan is signed, with a day by which it has to be (D4, P6).
    starts_on = site.today + timedelta(days=7)
    set_up_payment(staff, own, me, starts_on)
    own.open("/my-plan")
    due = starts_on + timedelta(days=42)
    assert f"Plan sign-off due by {due.day} {due:%B %Y}" in own.text
    staff.open("/early-starts")
    assert name in staff.text

    # 3. The person writes the plan with a neighbour; the council reads it once it is shared (D1, P3).
    write_own_plan(own, helper, OUTCOME)
    staff.open("/plans")
    staff.click(staff.page.locator("main a", has_text=name).first)
    plan = path_of(staff)
    check_plan(other, council, plan)
    agree_to_plan(own, me.email)

    # 4. Six weeks on it is signed, and the first review is set; both sign that.
    site.move_clock(hours=24 * 35)
    sign_off(staff, council, plan)
    own.sign_in(me.email)
    own.open("/my-plan")
    assert "Plan sign-off due by" not in own.text
    staff.open("/early-starts")
    assert name not in staff.text
    day = weekday_after(site.today, 40)
    hand_review_on(staff, plan, worker)
    staff.sign_in(f"worker@{council}")
    review = book_review(staff, plan, day)
    prepare_review(own, review)
    site.move_clock(hours=24 * (day - site.today).days)
    staff.sign_in(f"worker@{council}")
    hold_review(staff, review, day, len(CHANGES))
    own.sign_in(me.email)
    sign_review(own, review)

    # 5. The whole way in both timelines, and who read.
    staff.sign_in(f"worker@{council}")
    steps = ("You asked the council for help", "Assessment done", "First idea of the budget", "You began to plan")
    sees_the_whole_way(own, staff, me, *steps, "Plan signed off", "Budget agreed", "First review held")
    sees_who_looked(own, "Social worker", "Quality checker", "Team manager", "Plan", "Review")


def test_derby_points_charge_final_budget_review_and_a_carers_budget(site: Site, walk: Any) -> None:
    """R1-R16: 60 points make £115.38 after the 15 per cent slice; finance decides the charge, the plan the sum."""
    council, name = "derby.example", "Sybil Marchbank"
    staff, other, own = (walk(scripts=False) for _ in range(3))

    # 1. Somebody comes to the counter; the assessment asks the questions of the points that count today.
    staff.sign_in(f"worker@{council}")
    postcode = postcode_in(site, council)
    record = take_contact(staff, name, postcode, channel="in_person", asked_by="self", team="Duty team")
    me = give_account(site, council, record)
    own.sign_in(me.email)
    here = assess(staff, council, me, site.today)
    assert "This is missing" in staff.text
    answer_questions(staff, here)
    assert "60 points so far" in staff.text
    send(staff, "Complete the assessment")
    assert "The first estimate of the budget is £115.38 a week" in staff.text
    own.open("/my-budget")
    assert "60 points" in own.text
    assert "£115.38 a week" in own.text

    # 2. What the person pays, decided by finance alone, and shown to them before anything is agreed.
    decide_charge(other, council, me, site.today)
    own.open("/my-budget")
    assert "You pay: £20.00" in own.text
    assert "The council pays: £95.38" in own.text

    # 3. The plan with a planner of the network; the final budget is what it costs, with the reason.
    other.sign_in(f"planner@{council}")
    planner = other.page.locator(".cm-account__who strong").inner_text()
    referral, reference = record_referral(staff, council, name)
    offer(other, council, referral, planner)
    plan = take_on(other, council, referral, reference, name)
    write_plan(other)
    other.fill(what__2="A rail by the bath, and a helper each morning", weekly__2="100.00")
    other.page.locator("select[name='helped_by-2']").select_option("regulated")
    send(other, "Submit for quality check")
    check_plan(other, council, plan)
    agree_to_plan(own, me.email)
    other.sign_in(f"manager@{council}")
    other.open(f"{plan}/sign-off")
    other.choose("decision", "sign_off")
    other.fill(variance_reason="The club costs less than a day centre.")
    send(other, "Save your decision")
    own.open("/my-budget")
    assert "£106.50 a week" in own.text
    assert "The club costs less than a day centre." in own.text
    staff.open(f"{me.path}/budgets")
    assert "£106.50" in staff.text
    assert "£115.38" in staff.text

    # 4. A carer says how caring weighs on them, and gets a break paid once.
    carer_budget(site, staff, other, council, me)

    # 5. The review, 6 to 8 weeks on.
    day = weekday_after(site.today, 44)
    other.sign_in(f"planner@{council}")
    review = book_review(other, plan, day)
    prepare_review(own, review)
    site.move_clock(hours=24 * (day - site.today).days)
    other.sign_in(f"planner@{council}")
    hold_review(other, review, day, 2)
    own.sign_in(me.email)
    sign_review(own, review)

    # 6. The whole way in both timelines, and who read.
    staff.sign_in(f"worker@{council}")
    steps = ("You asked the council for help", "Assessment done", "First idea of the budget", "Plan signed off")
    sees_the_whole_way(own, staff, me, *steps, "Budget agreed", "First review held")
    sees_who_looked(own, "Social worker", "Finance officer", "Support planner", "Assessment", "Review")
