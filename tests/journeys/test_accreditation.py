"""How a council chooses who may work, and what follows, walked as people would (C1, C2, V4, V5)."""

import re
from collections.abc import Generator
from typing import Any

import pytest

from tests.factories_accreditation import Stage, set_stage
from tests.journeys.accreditation import (
    add_round,
    answer_all,
    ask_and_answer,
    choose_evaluators,
    moderate,
    path_of,
    score,
    send,
    sign_and_send,
    stand_down,
    start,
    write_next_version,
)
from tests.journeys.conftest import Site, serving
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: it moves the clock by weeks, which other journeys could not stand."""
    with serving(tmp_path_factory.mktemp("accreditation"), f"accreditation_{worker_id}") as served:
        yield served


@pytest.fixture
def walk(site: Site, chromium: Any) -> Generator[Any, None, None]:
    """Make walkers; all leave at the end."""
    walkers: list[Walker] = []

    def make(*, scripts: bool, width: int = 1280) -> Walker:
        made = Walker(chromium, site.address, scripts=scripts, width=width)
        walkers.append(made)
        return made

    yield make
    for walker in walkers:
        walker.close()


def judged(site: Site, walk: Any, stage: Stage, *, scripts: bool, mark: int) -> tuple[Walker, Walker, str, str]:
    """C1 up to the agreed scores. Returns the council's walker, the provider's, and the application's two paths."""
    council, provider = walk(scripts=scripts), walk(scripts=scripts, width=390)
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
    stand_down(staff, f"broker@{stage.council}.example", reference, stage.organisation)
    score(staff, f"quality@{stage.council}.example", reference, mark, applicant=stage.organisation)
    council.open(application)
    assert "My sister is its treasurer." in council.text
    council.open(f"{application}/moderation", 409)
    choose_evaluators(council, application, manager)
    score(staff, f"manager@{stage.council}.example", reference, mark + 1, applicant=stage.organisation)
    moderate(council, application, mark)
    return council, provider, application, own


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_round_ends_in_an_award_that_counts_from_its_first_day(site: Site, walk: Any, scripts: bool) -> None:
    """C1, C2: written, asked, applied for, scored twice, decided, signed by both; on the market from the first day."""
    council_slug, applicant = ("doncaster", "office@shed.example") if scripts else ("derby", "office@singing.example")
    letter = "a" if scripts else "b"
    stage = site.arrange(lambda db: set_stage(db, letter, council_slug, applicant))
    council, provider, application, own = judged(site, walk, stage, scripts=scripts, mark=3)

    # Who scored cannot decide while somebody else can; who did not, decides with words to the applicant.
    manager = walk(scripts=scripts)
    manager.sign_in(f"manager@{council_slug}.example")
    manager.open(f"{application}/decision")
    assert "You scored this application, so somebody else decides" in manager.text
    council.sign_in(stage.second)
    council.open(f"{application}/decision")
    council.page.locator("input[type=radio][value=awarded]").check()
    council.fill(feedback="Welcome. We like the phone call in the week after.")
    send(council, "Decide and tell the applicant")
