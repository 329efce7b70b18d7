"""Steps from a direct payment and one's own plan to a signed review, and the look back over the whole way."""

import re
from datetime import date

from tests.journeys.accreditation import path_of, send
from tests.journeys.contact_steps import Known
from tests.journeys.walker import Walker


def set_up_payment(staff: Walker, own: Walker, person: Known, starts_on: date) -> None:
    """Set up a direct payment condition by condition, have the person agree, and start it before the plan is signed."""
    staff.open(person.path)
    send(staff, "Set up a direct payment")
    here = path_of(staff)
    staff.choose("capacity", "yes")
    staff.choose("managed_by", "self")
    staff.choose("holding", "own_account")
    staff.page.locator("input[name=frequency]").first.check()
    staff.fill(weekly="90.00", needs="Washing, and company on Saturdays.")
    staff.date("starts_on", starts_on)
    staff.press("Offer it to the person")
    assert "There is a problem" in staff.text
    staff.look()
    for key in ("asked", "not_prohibited", "can_manage", "appropriate"):
        staff.choose(f"met_{key}", "yes")
        staff.fill(**{f"why_{key}": "Talked about it at home."})
    send(staff, "Offer it to the person")
    own.open("/money/set-up")
    own.choose("answer", "yes")
    own.press("Send my answer")
    assert "There is a problem" in own.text
    own.choose("has_read", "yes")
    send(own, "Send my answer")
    staff.open(here)
    staff.press("Start the payment early")
    assert "There is a problem" in staff.text
    staff.fill(early_reason="Help is needed from next week on.")
    send(staff, "Start the payment early")
    assert "Paid before the sign-off" in staff.text


# One's own plan


def write_own_plan(own: Walker, helper: Walker, outcome: str) -> None:
    """Write one's own plan with a neighbour, who sees the parts meant alone, and share it once it is complete."""
    own.open("/my-plan/write")
    send(own, "Start my plan")
    own.open("/my-plan/write/helpers")
    own.press("Ask for help")
    assert "There is a problem" in own.text
    own.fill(name="Maud Ainsworth", days="14")
    own.choose("kind", "family")
    own.choose("sections", "risks")
    send(own, "Ask for help")
    link = own.page.locator("input[readonly]").first.input_value()
    helper.open("/" + link.partition("/help-with-plan/")[1].strip("/") + "/" + link.partition("/help-with-plan/")[2])
    assert "How I stay safe" in helper.text
    assert "money" not in helper.text.lower()
    helper.click(helper.page.locator("main .govuk-task-list a").first)
    helper.look()
    helper.fill(words="She falls in the bath. A rail helps, and I ring at nine.")
    send(helper, "Save")
    own.open("/my-plan/write/share")
    assert "These are still missing" in own.text
    assert "I ring at nine" in own.text
    own.open("/my-plan/write/about_me")
    own.fill(words="I worked at the post office for thirty years.")
    send(own, "Save")
    own.open("/my-plan/write/outcomes")
    rows = own.page.locator("textarea[name^=what-]").count()
    own.fill(outcome__1=outcome)
    for row in range(1, rows + 1):
        own.fill(**{f"what__{row}": "A personal assistant comes twice a week"})
        own.page.locator(f"select[name='helped_by-{row}']").select_option("pa")
        own.fill(**{f"weekly__{row}": "50.00"})
    send(own, "Save")
    own.open("/my-plan/write/money")
    own.fill(money_held="I do it myself with a direct payment.")
    send(own, "Save")
    own.open("/my-plan/write/share")
    own.press("Share my plan")
    assert "There is a problem" in own.text
    own.choose("is_sure", "yes")
    send(own, "Share my plan")
    assert "The council reads your plan now" in own.text


# The review


def first_review(walker: Walker, plan: str) -> str:
    """Open the first review of a plan from the plan's page. Returns the review's page."""
    walker.open(plan)
    walker.click(walker.page.locator("main a[href^='/reviews/']", has_text="First review").first)
    walker.look()
    return path_of(walker)


def hand_review_on(walker: Walker, plan: str, holder: str) -> None:
    """Give the first review of a plan to somebody of the council; that somebody is chosen is asked for."""
    first_review(walker, plan)
    walker.press("Hand on")
    assert "There is a problem" in walker.text
    choice = walker.page.locator("select[name=to] option", has_text=holder).first.get_attribute("value")
    walker.page.locator("select[name=to]").select_option(choice)
    walker.fill(reason="Knows the person from the assessment.")
    send(walker, "Hand on")
    assert holder in walker.text


def book_review(walker: Walker, plan: str, day: date) -> str:
    """Book the first review of a plan as who holds it; a missing day is asked for. Returns the review's page."""
    here = first_review(walker, plan)
    walker.press("Book this date")
    assert "There is a problem" in walker.text
    walker.date("booked_on", day)
    walker.fill(at_time="10:30", place="At home")
    send(walker, "Book this date")
    assert "At home" in walker.text
    return here


def prepare_review(walker: Walker, review: str) -> None:
    """Say who comes and what to talk about, as the person, and send it."""
    walker.open("/my-reviews")
    mine = review.replace("/reviews/", "/my-reviews/")
    assert walker.page.locator(f"main a[href='{mine}']").count() == 1
    walker.open(mine)
    walker.press("Ask them to come")
    assert "There is a problem" in walker.text
    walker.fill(name="Maud from next door", relation="my neighbour")
    send(walker, "Ask them to come")
    assert "Maud from next door" in walker.text
    walker.choose("kind", "working")
    walker.fill(words="The match on Saturdays.")
    send(walker, "Add this line")
    send(walker, "Send my answers")


def hold_review(walker: Walker, review: str, day: date, outcomes: int) -> None:
    """Write down what was found and sign for the council; how far each outcome was reached is asked for."""
    walker.open(review)
    assert "Maud from next door" in walker.text
    assert "The match on Saturdays." in walker.text
    walker.press("Record the review")
    assert "There is a problem" in walker.text
    walker.look()
    walker.date("held_on", day)
    walker.page.get_by_label("Maud from next door", exact=False).check()
    walker.fill(working="Saturdays with my friends.", not_working="Nothing.")
    for position in range(1, outcomes + 1):
        walker.page.locator(f"input[name='progress-{position}']").first.check()
    walker.choose("outcome", "go_on")
    send(walker, "Record the review")
    walker.press("Sign for the council")
    assert "There is a problem" in walker.text
    walker.choose("agrees", "yes")
    send(walker, "Sign for the council")


def sign_review(walker: Walker, review: str) -> None:
    """Read what was written down, and sign it as the person."""
    walker.open("/my-reviews")
    assert "Please read and sign" in walker.text
    walker.open(review.replace("/reviews/", "/my-reviews/"))
    assert "Saturdays with my friends." in walker.text
    walker.press("Sign my review")
    assert "There is a problem" in walker.text
    walker.choose("agrees", "yes")
    send(walker, "Sign my review")
    assert walker.page.get_by_role("button", name="Sign my review").count() == 0


# The end


def sees_the_whole_way(own: Walker, staff: Walker, person: Known, *moments: str) -> None:
    """Find each step in the person's timeline, with its day, and in that of the staff."""
    own.open("/my-timeline")
    lines = own.page.locator("main .cm-timeline__item, main .cm-timeline li").all_inner_texts()
    for words in moments:
        assert words in own.text, f"{words}: {own.text}"
    assert "Yearly review" in own.text
    assert all(re.search(r"\d{1,2} \w+ \d{4}", line) for line in lines), lines
    staff.open(f"{person.path}/timeline")
    for words in moments:
        said = words.replace("You asked the council for help", "Contact at the front door")
        assert said in staff.text or words.startswith(("The council asked", "You began")), f"{said}: {staff.text}"


def sees_who_looked(walker: Walker, *roles: str) -> None:
    """Find who read one's things, as what, and what it was."""
    walker.open("/profile/who-looked")
    for words in roles:
        assert words in walker.text, f"{words}: {walker.text}"
