"""Steps from a referral to a plan that is signed off, as the people of a council and a planner take them."""

import re

from tests.journeys.walker import Walker

WANTS = "I want to get to the match on Saturdays and see my old friends."
OUTCOME = "I go to the match every other Saturday"


def record_referral(walker: Walker, council: str, person: str) -> tuple[str, str]:
    """Record a referral as a council worker; what is missing is named first. Returns its path and its reference."""
    walker.sign_in(f"worker@{council}")
    walker.open("/referrals/new")
    walker.fill(q=person)
    walker.press("Search")
    walker.follow(re.compile(person.split()[-1]))
    walker.press("Record referral")
    assert "There is a problem" in walker.text
    walker.choose("source", "frontline")
    walker.choose("needs", "physical")
    walker.choose("urgency", "urgent")
    walker.choose("complexity", "standard")
    walker.fill(wants=WANTS, interim_plan="A neighbour helps.", indicative_weekly_pence="115.38")
    walker.choose("person_informed", "yes")
    walker.press("Record referral")
    reference = re.search(r"R-\d{4}-\d{5}", walker.text)
    assert reference is not None
    return walker.page.url.removeprefix(walker.address).partition("?")[0], reference.group()


def offer(walker: Walker, council: str, referral: str, planner: str) -> None:
    """Offer a referral as a broker, who sees who is best placed and why."""
    walker.sign_in(f"broker@{council}")
    walker.open(referral)
    assert "Who is best placed" in walker.text
    assert "points" in walker.text
    if walker.page.get_by_role("button", name=f"Offer to {planner}").count():
        walker.press(f"Offer to {planner}")
    else:
        walker.follow(re.compile(f"Choose {planner}"))
        walker.click(walker.page.locator("main form").get_by_role("button").first)
        assert "There is a problem" in walker.text
        walker.page.locator("main textarea").first.fill("Knows the person's street and the club.")
        walker.click(walker.page.locator("main form").get_by_role("button").first)
    walker.sees(planner)


def take_on(walker: Walker, council: str, referral: str, reference: str, person: str) -> str:
    """Accept an offer as the planner, who sees no name before. Returns the path of the plan."""
    walker.sign_in(f"planner@{council}")
    walker.open("/offers")
    walker.follow(re.compile(reference))
    assert WANTS in walker.text
    assert person not in walker.text
    walker.press("Yes, I take this on")
    walker.sees(person)
    walker.open(f"/plans/for-referral/{referral.rsplit('/', 1)[1]}")
    return walker.page.url.removeprefix(walker.address).partition("?")[0]


def write_plan(walker: Walker, *, hours: str = "4") -> None:
    """Fill the plan that is open and send it for its check; what is missing is named first."""
    walker.press("Submit for quality check")
    assert "There is a problem" in walker.text
    walker.fill(
        about_me="Retired bus driver who likes company.",
        outcome__1=OUTCOME,
        what__1="A volunteer from the supporters' club comes along",
        risks="Tired on the way home: sit down at half-time.",
        money_held="No budget is needed for this.",
        information_given="Told about the bus pass and the falls class.",
        visit_hours=hours,
        visit_minutes="30",
    )
    walker.page.locator("select[name='helped_by-1']").select_option("community")
    walker.fill(weekly__1="6.50")
    walker.press("Submit for quality check")
    walker.sees("quality check")


def check_plan(walker: Walker, council: str, plan: str, *, send_back: str = "") -> None:
    """Check a plan as the quality checker; with words it is sent back, and not without."""
    walker.sign_in(f"quality@{council}")
    walker.open(f"{plan}/check")
    for number in range(1, 1 + walker.page.locator("input[type=radio][value=yes]").count()):
        walker.choose(f"criterion-{number}", "yes")
    if send_back:
        walker.choose("criterion-1", "no")
        walker.choose("decision", "return")
        walker.press("Save your check")
        assert "There is a problem" in walker.text
        walker.fill(comments=send_back)
    else:
        walker.choose("decision", "pass")
    walker.press("Save your check")
    assert "There is a problem" not in walker.text, walker.text


def agree_to_plan(walker: Walker, who: str) -> None:
    """Agree to one's plan; that it was read is said after a reminder."""
    walker.sign_in(who)
    walker.open("/my-plan")
    assert OUTCOME in walker.text
    walker.press("Yes, I agree to this plan")
    assert "There is a problem" in walker.text
    walker.choose("has_read", "yes")
    walker.press("Yes, I agree to this plan")


def sign_off(walker: Walker, council: str, plan: str) -> None:
    """Sign a plan off as the manager."""
    walker.sign_in(f"manager@{council}")
    walker.open(f"{plan}/sign-off")
    walker.choose("decision", "sign_off")
    walker.press("Save your decision")
    walker.sees("Signed off")
