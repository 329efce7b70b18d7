"""Steps of the journeys of people's own plans: an assessment, the profile, writing with a helper, prices, agreeing."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.models import Membership, User
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.models import PostcodeRow
from marketplace.people import PeopleRepository
from marketplace.people.budgets import BudgetService, Working
from marketplace.people.models import AssessmentKind
from marketplace.people.ras import current_version
from marketplace.people.repository_assessments import AssessmentRepository
from tests.factories_budgets import make_assessment
from tests.journeys.accreditation import path_of, send
from tests.journeys.walker import Walker

POINTS = 60
YEAR_PENCE = 600_000
WEEK_PENCE = 11_538
"""£115.38: 60 points at £100 make £6,000 a year, in 52 weeks (domain.md 4.7)."""
COST_PENCE = 13_000
LIKES = "I make people laugh, even on a wet Monday"
MATTERS = "I see my dog Biscuit every day"
SECRET = "Biscuit sleeps on my feet and that stays between us"
"""Words of a plan that nobody at the council may read before it is shared."""
OUTCOMES = ("Be ready by nine", "See friends on Saturdays")
"""What the assessment agreed on (`make_assessment`)."""


async def principal_of(db: AsyncSession, email: str) -> Principal:
    """Return somebody of the demo as services see them."""
    question = select(User, Membership).join(Membership, Membership.user_id == User.id).where(User.email == email)
    user, membership = (await db.execute(question.order_by(Membership.id))).first() or (None, None)
    assert user is not None
    assert membership is not None
    return Principal(
        user_id=user.id,
        name=user.name,
        role=membership.role,
        council_id=membership.council_id,
        council_name="",
        council_slug="",
        councils=(membership.council_id,),
        person_id=membership.person_id,
    )


def assessed(council: str, who: str) -> Callable[[AsyncSession], Awaitable[None]]:
    """Return what gives somebody an assessment of 60 points and an estimate of £115.38 a week; harmless again.

    A council without points says in words how it came to the same sum.
    """

    async def write(db: AsyncSession) -> None:
        person = await principal_of(db, f"{who}@{council}")
        manager = await principal_of(db, f"worker@{council}")
        found = await PeopleRepository(db).find(person.council_id, person.need_person())
        if await AssessmentRepository(db).completed(found.council_id, found.id, [AssessmentKind.ADULT]):
            return
        on = today(clock_of(db))
        # The demo of journeys knows no postcodes: without a place nothing is near.
        place = {"lat": found.lat, "lon": found.lon, "lad_code": found.lad_code}
        db.add(PostcodeRow(postcode=found.postcode, **place))
        row = await make_assessment(db, found, held_on=on - timedelta(days=2), points=POINTS)
        version = await current_version(db, found.council_id, on)
        working = None
        if version is not None:
            working = Working(points=POINTS, version=version, annual_pence=YEAR_PENCE, weekly_pence=WEEK_PENCE)
        await BudgetService(db).set_indicative(
            manager,
            found.id,
            WEEK_PENCE,
            working=working,
            assessment=row,
            reason="" if working else "Six hours of help a week at what such help costs here",
        )

    return write


# The person


def add_to_profile(walker: Walker, tool: str, words: str) -> None:
    """Add one thing to a tool of one's own profile; what is missing is named first."""
    walker.open(f"/profile/tools/{tool}")
    walker.press("Add")
    assert "There is a problem" in walker.text
    walker.fill(words=words)
    send(walker, "Add")
    assert words in walker.text


def write_words(walker: Walker, key: str, words: str) -> None:
    """Write a section of one's own plan that has one text."""
    walker.open(f"/my-plan/write/{key}")
    walker.fill(words=words)
    send(walker, "Save")


def ask_helper(walker: Walker, name: str, sections: tuple[str, ...], *, days: int, email: str = "") -> str:
    """Ask somebody to help with some sections; what is missing is named first. Returns the link, or nothing."""
    walker.open("/my-plan/write/helpers")
    walker.press("Ask for help")
    assert "There is a problem" in walker.text
    walker.look()
    walker.fill(name=name, days=str(days), email=email)
    walker.choose("kind", "family")
    for key in sections:
        walker.choose("sections", key)
    send(walker, "Ask for help")
    card = walker.page.locator(".govuk-summary-card", has_text=name)
    link = card.locator("input[readonly]").input_value()
    return re.sub(r"^https?://[^/]+", "", link)


def cost_of(walker: Walker, row: int) -> int:
    """Return what an outcome costs a week as the form of the outcomes says, in pence."""
    text = walker.page.locator(f"[name='weekly-{row}']").input_value()
    return round(float(text or 0) * 100)


def share(walker: Walker) -> None:
    """Share one's own plan with the council; that one is sure is asked for first."""
    walker.open("/my-plan/write/share")
    walker.press("Share my plan")
    assert "There is a problem" in walker.text
    walker.choose("is_sure", "yes")
    send(walker, "Share my plan")
    assert "The council reads your plan now" in walker.text


# The council


def plan_of(walker: Walker, person: str) -> str:
    """Find somebody's plan in the council's list. Returns its path."""
    walker.open("/plans")
    links = walker.page.locator("main a", has_text=person)
    walker.open(str(links.first.get_attribute("href")))
    return path_of(walker)


def reads_nothing(walker: Walker, plan: str, *words: str) -> None:
    """Check that no page of a plan gives somebody any of its words."""
    for path in ("", "/summary", "/face", "/compare", "/check", "/sign-off", "/summary.pdf", "/easy-read.pdf"):
        answer = walker.context.request.get(f"{walker.address}{plan}{path}")
        assert answer.status in (200, 403, 404, 409), f"{plan}{path}: {answer.status}"
        if path:
            assert answer.status != 200, f"{plan}{path} was handed out"
        said = answer.text()
        assert not [one for one in words if one in said], f"{plan}{path} tells what nobody shared"


def sign_off_with_reason(walker: Walker, council: str, plan: str, reason: str) -> None:
    """Sign a plan off whose cost is not the estimate: a reason is asked for first."""
    walker.sign_in(f"manager@{council}")
    walker.open(f"{plan}/sign-off")
    walker.choose("decision", "sign_off")
    walker.fill(variance_reason="")
    walker.press("Save your decision")
    assert "There is a problem" in walker.text
    walker.look()
    walker.choose("decision", "sign_off")
    walker.fill(variance_reason=reason)
    send(walker, "Save your decision")
    walker.sees("Signed off")
