"""How a council chooses who may work, and what follows, walked as people would (C1, C2, V5)."""

import re
from collections.abc import Generator
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import pytest

from marketplace.core.clock import LONDON
from tests.factories_accreditation import HEALTH, Stage, council_id_of, set_stage
from tests.journeys.accreditation import (
    FEEDBACK,
    OPEN_DAYS,
    add_round,
    answer_all,
    ask_and_answer,
    choose_evaluators,
    moderate,
    path_of,
    register_of,
    say_eligible,
    score,
    send,
    sign,
    sign_and_send,
    stand_down,
    start,
    tick,
    write_next_version,
)
from tests.journeys.conftest import Site, serving
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFUSED = "The answers do not reach what the specification asks for."
TRIES = 50
"""Looks at the market until the index has followed: five seconds and more."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it moves the clock by weeks, which other journeys could not stand."""
    with serving(tmp_path_factory.mktemp("accreditation"), f"accreditation_{worker_id}") as served:
        yield served


class Judged(NamedTuple):
    """An application whose scores are agreed, and who walks on with it."""

    council: Walker
    provider: Walker
    application: str
    """Its path for the council."""
    own: str
    """Its path for the provider."""


def judged(site: Site, walk: Any, stage: Stage, *, council_has_scripts: bool, mark: int) -> Judged:
    """C1 up to the agreed scores: one side of it with scripts, the other without; the provider at a phone's width."""
    scripts = council_has_scripts
    council, provider = walk(scripts=scripts), walk(scripts=not scripts, width=390)
    council.sign_in(f"accreditor@{stage.council}.example")
    write_next_version(council, stage, lot="B")
    add_round(council, site, stage, name=f"First round {stage.letter}", version=2)
    site.move_clock(hours=24)
    council.sign_in(f"accreditor@{stage.council}.example")
    provider.sign_in(stage.applicant)
    ask_and_answer(site, provider, council, stage)
    own = start(provider, stage, "B")
    answer_all(provider, own)
    reference = sign_and_send(provider, own)

    # Two evaluators; who works for the applicant cannot be one, who has an interest stands down.
    council.open("/accreditation/applications")
    council.follow(re.compile(re.escape(stage.organisation)))
    application = path_of(council)
    assert reference in council.text
    quality, broker, manager = (stage.names[key] for key in ("quality", "broker", "manager"))
    choose_evaluators(council, application, stage.insider, quality)
    assert f"{stage.insider} works or has worked for this organisation" in council.text
    council.look()
    choose_evaluators(council, application, quality, broker)
    staff = walk(scripts=scripts)
    stand_down(staff, f"broker@{stage.council}.example", reference)
    score(staff, f"quality@{stage.council}.example", reference, mark)
    council.open(f"{application}/evaluators")
    assert "My sister is its treasurer." in council.text
    council.open(f"{application}/moderation", 409)
    choose_evaluators(council, application, manager)
    score(staff, f"manager@{stage.council}.example", reference, mark + 1)
    moderate(council, application, mark)
    return Judged(council, provider, application, own)


def test_a_round_ends_in_an_award_that_counts_from_its_first_day(site: Site, walk: Any) -> None:
    """C1, C2: written, asked, applied for, scored twice, decided, signed by both; on the market from the first day."""
    council_slug, applicant = "doncaster", "office@shed.example"
    stage = site.arrange(lambda db: set_stage(db, "one", council_slug, applicant))
    council, provider, application, own = judged(site, walk, stage, council_has_scripts=True, mark=3)

    # Who scored cannot decide while somebody else can; who did not, decides with words to the applicant.
    manager = walk(scripts=True)
    manager.sign_in(f"manager@{council_slug}.example")
    manager.open(f"{application}/decision")
    assert "You scored this application, so somebody else decides" in manager.text
    council.sign_in(stage.second)
    council.open(f"{application}/decision")
    council.page.locator("input[type=radio][value=awarded]").check()
    council.fill(feedback="Welcome. We like the phone call in the week after.")
    send(council, "Decide and tell the applicant")

    # Both sides sign; the organisation first.
    provider.open(own)
    assert "Welcome. We like the phone call" in provider.text
    assert FEEDBACK in provider.text
    provider.follow("Read and sign the agreement")
    assert "Say early when something changes" in provider.text
    provider.press("Sign")
    assert "There is a problem" in provider.text
    sign(provider, "Robin Example", "Chair")
    agreement = path_of(provider).replace("/provider/", "/accreditation/")
    council.open(agreement)
    assert "You decided about this application, so somebody else signs" in council.text
    council.sign_in(f"accreditor@{council_slug}.example")
    council.open(agreement)
    sign(council, "Lee Example", "Head of commissioning")
    first_day = site.today + timedelta(days=OPEN_DAYS + 2)
    assert f"{first_day.day} {first_day:%B %Y}" in council.text

    # Nothing counts before the first day; on it, the market and the register have the organisation.
    council_id = site.arrange(lambda db: council_id_of(db, council_slug))
    found = f"/market?q={stage.organisation.replace(' ', '+')}&councils={council_id}&radius_miles=any"
    site.move_clock(hours=24 * (OPEN_DAYS + 1))
    visitor = walk(scripts=False)
    visitor.open(found)
    result = visitor.page.locator(".cm-result", has_text=stage.organisation)
    assert result.count() == 0
    site.move_clock(hours=24)
    council.sign_in(stage.second)
    assert "community support" in register_of(council, first_day, stage.organisation).lower()
    assert register_of(council, first_day - timedelta(days=1), stage.organisation) == ""
    for _ in range(TRIES):
        visitor.open(found)
        if result.count():
            break
        visitor.page.wait_for_timeout(100)
    assert result.count()


def test_a_refusal_is_explained_appealed_and_the_next_round_begins_where_this_one_ended(site: Site, walk: Any) -> None:
    """V5: reasons for each answer, an appeal to somebody else, declarations carried over, nothing after closing."""
    council_slug, applicant = "derby", "office@lunch.example"
    stage = site.arrange(lambda db: set_stage(db, "two", council_slug, applicant))
    council, provider, application, own = judged(site, walk, stage, council_has_scripts=False, mark=1)
    council.open(f"{application}/decision")
    council.page.locator("input[type=radio][value=refused]").check()
    reason = council.page.locator("textarea[name^='reason-']")
    assert "The score is 20%. The pass mark is 50%." in reason.input_value()
    reason.fill(f"{reason.input_value()} {REFUSED}")
    send(council, "Decide and tell the applicant")

    # The provider reads why, answer by answer, and appeals.
    provider.open(own)
    assert REFUSED in provider.text
    assert provider.text.count(FEEDBACK) == 2
    assert "A welcome: 1 of 5" in provider.text
    assert "At least 2 of 5 is needed" in provider.text
    send(provider, "Appeal")
    provider.press("Send the appeal")
    assert "There is a problem" in provider.text
    provider.fill(grounds="Our first answer says who meets whoever is new, and who rings.")
    send(provider, "Send the appeal")

    # Who decided cannot decide the appeal; somebody without a part in it does.
    council.open("/accreditation/appeals")
    council.follow(re.compile(re.escape(stage.organisation)))
    appeal = path_of(council)
    assert council.page.get_by_role("button", name="Decide").count() == 0
    council.sign_in(stage.second)
    council.open(appeal)
    council.choose("outcome", "dismissed")
    council.fill(decision="The answer says who, not how often. The scores stand.")
    send(council, "Decide")
    provider.open(own)
    assert "Your appeal was dismissed: the decision stands." in provider.text
    provider.follow("See your appeal")
    assert "The answer says who, not how often." in provider.text

    # The next round has a new version, in which one declaration is worded differently.
    council.open("/accreditation/frameworks")
    council.follow(stage.framework)
    send(council, "Make the next version")
    third = path_of(council)
    council.follow(re.compile("Change When workers are ill"))
    council.fill(question=f"{HEALTH} You tell each person who comes instead.")
    send(council, "Save")
    council.open(f"{third}/text")
    council.fill(changes="You tell people who comes instead.")
    send(council, "Save")
    send(council, "Publish this version")
    send(council, "Publish")
    site.move_clock(hours=24 * OPEN_DAYS)
    council.sign_in(stage.second)
    add_round(council, site, stage, name=f"Second round {stage.letter}", version=3)
    site.move_clock(hours=24)

    # What was declared comes along; what is new stands out and waits for an answer of its own.
    provider.sign_in(applicant)
    provider.open(own)
    send(provider, "Apply again in the next round")
    tick(provider, f"Visits {stage.letter}")
    send(provider, "Start now")
    again = re.sub(r"(/provider/applications/[0-9a-f-]{36}).*", r"\1", path_of(provider))
    assert again != own
    say_eligible(provider, again)
    provider.open(again)
    assert "from an earlier round, for you to confirm" in provider.text
    provider.follow(re.compile("Money troubles"))
    assert "the question is the same" in provider.text
    send(provider, "Save and continue")
    provider.open(again)
    provider.follow(re.compile("When workers are ill"))
    assert "You tell each person who comes instead." in provider.text
    assert "You tell each person who comes instead." in provider.page.locator(".cm-wording ins").first.inner_text()
    provider.choose("choice", "no")
    provider.fill(words="Not yet: from January we ring everybody before nine.")
    send(provider, "Save and continue")
    answer_all(provider, again, declarations=False)
    sign_and_send(provider, again)

    # It is taken back to be changed, and comes too late.
    closes = datetime.combine(site.today + timedelta(days=OPEN_DAYS), time(12), LONDON)
    site.move_clock(hours=(closes - site.now) / timedelta(hours=1) - 1)
    provider.sign_in(applicant)
    provider.open(again)
    send(provider, "Take it back to change it")
    provider.open(f"{again}/check")
    provider.fill(name="Robin Example", role="Chair")
    tick(provider, "I may sign for")
    site.move_clock(hours=1.1)
    provider.press("Sign and send")
    provider.look()
    assert "This application was not sent" in provider.text
