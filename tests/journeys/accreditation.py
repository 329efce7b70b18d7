"""Steps of the journeys of accreditation, walked as a council's staff and an applicant would."""

import re
from datetime import date, timedelta
from urllib.parse import urlencode

from tests.factories_accreditation import Stage
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

WELCOME = "Two members meet whoever is new at the door, and one of them rings the week after."
VISITS = "We sit at one table, we cook, and whoever likes goes to the allotment."
FEEDBACK = "You show it with an example of one person. Say next time how often, and who stands in for you."
ASKED_BY_NAME = "We at the group meet on Tuesdays only. Do we have to open every day?"
ASKED = "Does a group have to open every day?"
ANSWER = "No. One day a week is enough."
OPEN_DAYS = 3
"""Days that a round of a journey is open; a site's clock is moved by little, so that the demo stays as it is."""


def path_of(walker: Walker) -> str:
    """Return the path of the page that is open."""
    return walker.page.url.removeprefix(walker.address).partition("?")[0].partition("#")[0]


def send(walker: Walker, button: str) -> None:
    """Press a button of a form that is right, and look at what comes."""
    walker.press(button)
    assert "There is a problem" not in walker.text, walker.text
    walker.look()


# What the council writes


def write_next_version(walker: Walker, stage: Stage, *, lot: str) -> str:
    """Make the next version with one more lot whose weights first do not add up; publish it. Returns its path."""
    walker.open("/accreditation/frameworks")
    walker.follow(stage.framework)
    send(walker, "Make the next version")
    version = path_of(walker)
    walker.follow("Write the texts")
    walker.fill(changes=f"Lot {lot} is new: visits at home.")
    send(walker, "Save")
    walker.open(f"{version}/lots/new")
    walker.press("Add lot")
    assert "There is a problem" in walker.text
    walker.look()
    walker.fill(code=lot, name=f"Visits {stage.letter}", agreement_months="24", pass_percent="50")
    walker.page.locator("select[name=service_line]").select_option("community_support")
    send(walker, "Add lot")
    add_scored(walker, version, lot, weight="30")
    assert "add up to 100" in walker.text
    assert walker.page.get_by_role("button", name="Publish this version").count() == 0
    walker.follow(re.compile("Change Your visits"))
    walker.fill(weight_percent="40")
    send(walker, "Save")
    walker.open(f"{version}/preview")
    walker.open(f"{version}/differences")
    walker.open(version)
    send(walker, "Publish this version")
    send(walker, "Publish")
    walker.open(version)
    assert "It never changes" in walker.text
    return version


def add_scored(walker: Walker, version: str, lot: str, *, weight: str) -> None:
    """Ask something of a lot."""
    walker.open(f"{version}/criteria/new?kind=scored")
    walker.page.locator("select[name=lot_id]").select_option(label=option_of(walker, "lot_id", lot))
    walker.fill(title="Your visits", question="What do you do on a visit?", longest_words="150", weight_percent=weight)
    walker.choose("pass_score", "2")
    send(walker, "Add")


def option_of(walker: Walker, name: str, part: str) -> str:
    """Return the words of the option that has a word in it."""
    options = walker.page.locator(f"select[name='{name}'] option").all_inner_texts()
    return next(words.strip() for words in options if part in words.split())


def add_round(walker: Walker, site: Site, stage: Stage, *, name: str, version: int) -> str:
    """Announce a round that opens tomorrow. Returns its path."""
    walker.open("/accreditation/frameworks")
    walker.follow(stage.framework)
    send(walker, "Add a round")
    walker.fill(name=name)
    walker.page.locator("select[name=version_id]").select_option(label=option_of(walker, "version_id", str(version)))
    opens = site.today + timedelta(days=1)
    moments: dict[str, tuple[date, str]] = {
        "opens": (opens, "0:01"),
        "questions_until": (opens + timedelta(days=OPEN_DAYS), "9:00"),
        "closes": (opens + timedelta(days=OPEN_DAYS), "12:00"),
    }
    for field, (day, time) in moments.items():
        walker.date(field, day)
        walker.fill(**{f"{field}_time": time})
    walker.choose("late_rule", "refuse")
    walker.date("decides_on", opens + timedelta(days=OPEN_DAYS))
    walker.date("starts_on", opens + timedelta(days=OPEN_DAYS + 2))
    send(walker, "Add round")
    assert "Opens soon" in walker.text
    return path_of(walker)


# What the applicant does


def ask_and_answer(site: Site, provider: Walker, council: Walker, stage: Stage) -> None:
    """A provider asks; the council takes out who asks and answers; everybody reads it."""
    public = f"/frameworks/{stage.council}/{stage.slug}"
    provider.open("/frameworks")
    provider.open(public)
    provider.fill(question=ASKED_BY_NAME)
    send(provider, "Send the question")
    council.open("/accreditation/questions")
    council.click(council.page.locator("main a", has_text="We at the group").first)
    council.look()
    council.fill(published_question=ASKED, answer=ANSWER)
    send(council, "Publish the answer")
    provider.open(public)
    assert ASKED in provider.text
    assert ANSWER in provider.text
    assert ASKED_BY_NAME not in provider.text
    site.wait_for_mail(stage.applicant, "question")


def start(provider: Walker, stage: Stage, lot: str) -> str:
    """Begin an application for a lot. Returns its path."""
    provider.open(f"/frameworks/{stage.council}/{stage.slug}")
    send(provider, "Check if you can apply")
    provider.press("Start now")
    assert "There is a problem" in provider.text
    tick(provider, f"Visits {stage.letter}")
    send(provider, "Start now")
    return re.sub(r"(/provider/applications/[0-9a-f-]{36}).*", r"\1", path_of(provider))


def tick(walker: Walker, words: str) -> None:
    """Tick a box by words of its label."""
    walker.page.get_by_label(re.compile(re.escape(words))).first.check()


def say_eligible(provider: Walker, application: str) -> None:
    """Answer what opens the other steps."""
    provider.open(application)
    provider.follow("Whether you can apply")
    for box in provider.page.locator("input[type=radio][value=yes]").all():
        box.check()
    send(provider, "Save and continue")


def answer_all(provider: Walker, application: str, *, declarations: bool = True) -> None:
    """Answer everything that is asked, going away once on the way."""
    say_eligible(provider, application)
    declared = (("Money troubles", ""), ("When workers are ill", ""))
    for title, words in (*(declared if declarations else ()), ("A welcome", WELCOME)):
        provider.open(application)
        provider.follow(re.compile(title))
        if words:
            provider.fill(words=words[:20])
            send(provider, "Save and come back later")
            provider.follow(re.compile(title))
            provider.fill(words=words)
        else:
            provider.choose("choice", "yes")
        send(provider, "Save and continue")
    provider.open(application)
    provider.follow(re.compile("Your visits"))
    provider.fill(words=VISITS)
    send(provider, "Save and continue")


def sign_and_send(provider: Walker, application: str) -> str:
    """Check the answers, forget the box once, then send. Returns the reference."""
    provider.open(f"{application}/check")
    assert WELCOME in provider.text
    provider.fill(name="Robin Example", role="Chair")
    provider.press("Sign and send")
    assert "There is a problem" in provider.text
    provider.fill(name="Robin Example", role="Chair")
    tick(provider, "I may sign for")
    send(provider, "Sign and send")
    assert "Application sent" in provider.text
    found = re.search(r"A-\d{4}-\d{4,}", provider.text)
    assert found is not None
    return found.group()


# How it is judged


def choose_evaluators(council: Walker, application: str, *names: str) -> None:
    """Ask people to score."""
    council.open(f"{application}/evaluators")
    for name in names:
        tick(council, name)
    council.press("Ask them")


def score(walker: Walker, who: str, reference: str, mark: int) -> None:
    """Say that there is no interest, score every answer, send."""
    walker.sign_in(who)
    walker.open("/accreditation/scoring")
    walker.click(walker.page.locator("main li", has_text=reference).get_by_role("link").first)
    walker.look()
    assert WELCOME not in walker.text
    walker.choose("has_interest", "no")
    send(walker, "Continue")
    sheet = path_of(walker)
    walker.click(walker.page.locator("main a[href*='/criteria/']").first)
    while "/criteria/" in walker.page.url:
        walker.choose("score", str(mark))
        walker.fill(comment=f"I give {mark}: it says who does what, and leaves open how often.")
        send(walker, "Save and go on")
    walker.open(sheet)
    send(walker, "Send my scores")


def stand_down(walker: Walker, who: str, reference: str) -> None:
    """Declare an interest."""
    walker.sign_in(who)
    walker.open("/accreditation/scoring")
    walker.click(walker.page.locator("main li", has_text=reference).get_by_role("link").first)
    walker.look()
    walker.choose("has_interest", "yes")
    walker.press("Continue")
    assert "There is a problem" in walker.text
    walker.choose("has_interest", "yes")
    walker.fill(interest="My sister is its treasurer.")
    send(walker, "Continue")
    assert f"{reference}: stood down" in walker.text


def moderate(council: Walker, application: str, mark: int) -> None:
    """Agree on a score for each answer."""
    council.open(f"{application}/moderation")
    for choice in council.page.locator("select[name^='score-']").all():
        choice.select_option(str(mark))
    for words in council.page.locator("textarea[name^='feedback-']").all():
        words.fill(FEEDBACK)
    send(council, "Finish and send on to the decision")


def register_of(walker: Walker, day: date, organisation: str) -> str:
    """Return what the register of a day says of an organisation, empty when it is not on it."""
    asked = urlencode({"day-day": day.day, "day-month": day.month, "day-year": day.year})
    walker.open(f"/accreditation/register?{asked}")
    rows = walker.page.locator("main tbody tr", has_text=organisation)
    return " ".join(rows.first.inner_text().split()) if rows.count() else ""


def sign(walker: Walker, name: str, role: str) -> None:
    """Sign an agreement."""
    walker.fill(name=name, role=role)
    tick(walker, "I have read the terms")
    send(walker, "Sign")


def open_offer(planner: Walker, paths: list[str]) -> str:
    """Return the first offer that can still be accepted."""
    for path in paths:
        planner.open(path)
        if planner.page.get_by_role("button", name="Yes, I take this on").count():
            return path
    raise AssertionError(f"None of {len(paths)} offers is open")
