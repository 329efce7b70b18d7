"""Citizen pages are read at the age of eleven or twelve: Flesch-Kincaid grade 6 at most, page by page.

Two ways, as neither sees all: every page of a person that has no id in its address is opened and measured, in a
council where something is there to read; and the templates of citizen pages are measured with all their branches, so
that a text which shows once a year counts, too.
"""

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import GRANTS, Permission, Role
from marketplace.people.models import PartOfDay, ProfileTool
from marketplace.plans.models import CouncilMove
from marketplace.plans.states import PlanStatus
from tests.browser import Browser
from tests.conftest import NOW
from tests.factories import make_budget
from tests.factories_plans import make_plan, make_plan_world
from tests.factories_profile import make_entry
from tests.readability import blocks_of, blocks_of_template, grade_of, hardest, syllables
from tests.web.test_permissions import routes_of

HIGHEST = 6.0
"""Grade of a citizen page (issue 8, "Done means")."""
HARDEST = 14.0
"""Grade of a single sentence: a few name an Act or an office as it is called."""
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

BY_HAND = {
    1: "plan you help them time each care week would your ones walked helped through thought changed",
    2: "money council picture morning table little letters going quiet people wanted needed visit only places agreed",
    3: "important together media beautiful decision family afternoon assessment idea anything organised",
    4: "information everybody community appreciate independent january",
    5: "representative university",
    6: "accessibility",
}

PUBLIC = (
    "/how-it-works",
    "/market",
    "/accessibility",
    "/cookies",
    "/privacy",
    "/plan-of-the-month",
    "/ready-reckoner",
    "/ask-for-help",
    "/home",
)
"""Pages that citizens read though no permission of a person guards them; one that is not there is left out."""
CITIZEN = """
people/profile.html people/profile/*.html people/contact/*.html people/representatives/*.html plans/my_*.html
plans/no_plan.html plans/moving/mine.html
plans/moving/_answer.html plans/plan_of_the_month.html bookings/*.html bookings/agreements/*.html bookings/day/*.html
bookings/employer/*.html bookings/visits/*.html bookings/talk/*.html payments/money/*.html payments/cards/*.html
accounts/*.html static_pages/*.html matching/my_*.html quality/mine.html quality/new.html reporting/home.html
errors/*.html
"""
"""Templates that citizens read, by their place."""
STAFF = frozenset(
    {
        "accounts/audit.html",
        "bookings/employer/exceptions.html",
        "bookings/talk/reported_index.html",
        "bookings/talk/reported_reason.html",
        "bookings/talk/reported_show.html",
        "payments/cards/disputes.html",
        "payments/cards/reconciliation.html",
        "payments/cards/refund_checks.html",
        "payments/money/funds.html",
        "people/profile/council.html",
        "people/representatives/check.html",
        "people/representatives/to_check.html",
    }
)
"""Templates beside them that only the council or organisations read."""


@pytest.mark.parametrize(("number", "words"), BY_HAND.items())
def test_syllables_are_counted_as_people_say_them(number: int, words: str) -> None:
    assert {word: syllables(word) for word in words.split()} == dict.fromkeys(words.split(), number)


def test_an_easy_and_a_hard_text_are_told_apart() -> None:
    easy = grade_of(["We will call you on Monday. You can bring a friend with you."])
    hard = grade_of(
        ["Authorisation of retrospective expenditure necessitates consideration by the designated committee"]
    )
    assert easy.level < 2
    assert hard.level > 18
    assert (easy.words, easy.sentences, easy.syllables) == (13, 2, 14)


async def test_every_page_of_a_person_is_easy_to_read(browser: Browser, db: AsyncSession) -> None:
    world = await make_plan_world(db)
    await make_plan(db, world, PlanStatus.AWAITING_AGREEMENT)
    await make_budget(db, world.person)
    await make_entry(db, world.person, ProfileTool.PEOPLE, "Sue", circle=1)
    await make_entry(db, world.person, ProfileTool.WEEK, "I swim", weekday=1, part_of_day=PartOfDay.MORNING)
    db.add(
        CouncilMove(
            council_id=world.council.id,
            person_id=world.person.id,
            moves_on=date(2027, 4, 1),
            to_name="Rutland",
            recorded_by_user_id=world.social_worker.user.id,
            recorded_at=NOW,
        )
    )
    mine = await browser.signed_in(world.person_user)
    theirs = GRANTS[Role.PERSON] - {Permission.SIGNED_IN, Permission.DASHBOARD}
    paths = {
        address
        for method, address, permission in routes_of(browser.litestar)
        if method == "GET" and permission in theirs and not re.search(r"[0-9a-f]{8}-|/1$", address)
    }
    measured, wrong = 0, []
    assert "You move to Rutland" in (await mine.open("/my-move")).words
    for path in sorted(paths | set(PUBLIC)):
        page = await mine.get(path, expect=None)
        if page.status != 200 or "text/html" not in page.response.headers["content-type"]:
            continue
        blocks = list(blocks_of(page.tree.find(".//main")))
        level = grade_of(blocks).level
        measured += 1
        if level > HIGHEST:
            wrong.append((path, round(level, 1), hardest(blocks)))
    assert wrong == []
    assert measured > 35


@pytest.mark.parametrize("place", CITIZEN.split())
def test_every_branch_of_a_citizen_template_is_easy_to_read(place: str) -> None:
    found = [path for path in sorted(TEMPLATES.glob(place)) if path.relative_to(TEMPLATES).as_posix() not in STAFF]
    wrong = []
    for path in found:
        blocks = list(blocks_of_template(path.read_text()))
        level = grade_of(blocks).level
        hard = [one for one in hardest(blocks) if one[0] > HARDEST]
        if level > HIGHEST or hard:
            wrong.append((path.name, round(level, 1), hard or hardest(blocks)))
    assert wrong == []
