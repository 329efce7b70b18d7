"""All requirements that wait, together: urgent first, why not, proof, councils apart, nothing kept."""

from datetime import time

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.forms_care import VisitLine
from marketplace.matching.models import Urgency
from marketplace.matching.service.care.together import TogetherService
from tests.browser import Browser, count
from tests.factories import make_council
from tests.factories_brokerage import make_broker
from tests.factories_care import again, make_care_provider, make_requirement, open_requirement
from tests.matching.test_fit import MORNINGS, say


async def test_the_most_urgent_gets_the_hours_and_the_others_are_told_why_not(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    _, member = await make_care_provider(db, broker.council, name="Only Care")
    await say(db, member, MORNINGS, quarters=5)  # One visit with its travel takes 3 of them, so one week fits.
    await make_care_provider(db, broker.council, name="Silent Care")
    calm = await make_requirement(db, broker)
    urgent = await make_requirement(db, broker, urgency=Urgency.CRISIS)
    long_day = [VisitLine(weekday=0, starts_local=time(8), minutes=120, workers=2)]
    heavy = await make_requirement(db, broker, visits=long_day)
    await open_requirement(db, broker, urgent)
    await make_requirement(db, broker, radius_metres=1)
    plan = await TogetherService(db).plan(broker.principal)
    lines = {line.id: line for line in plan.lines}
    assert (plan.is_worked_out, plan.is_proven, plan.gap) == (True, True, 0.0)
    assert [line.id for line in plan.placed] == [urgent.id]
    assert lines[urgent.id].name == "Only Care"
    assert lines[calm.id].why_not == "Who could take it is needed for others, or for somebody more urgent"
    assert lines[heavy.id].why_not == "Nobody has said hours for the whole week"
    assert (plan.placed_quarters, plan.quarters) == (14, 14 * 3 + 16)
    urgent_id = urgent.id
    staff = await browser.signed_in(broker)
    before = await staff.open("/requirements/plan")
    assert "4 requirements wait" in before.words
    assert await count(db, "requirement_invitations") == 2
    asked = await count(db, "requirement_invitations")
    page = await staff.open(before.link("/requirements/plan\\?work=yes"))
    assert "1 of 4" in page.words
    assert "Proven best" in page.words
    assert "Only Care" in page.words
    assert f"/requirements/{urgent_id}/fit" in page.links()
    assert await count(db, "requirement_invitations") == asked


async def test_another_councils_requirements_and_an_empty_council_are_not_mixed(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_requirement(db, broker)
    other = await make_broker(db, await make_council(db))
    staff = await browser.signed_in(other)
    assert "Nothing waits" in (await staff.open("/requirements/plan")).words
    assert "Nothing waits" in (await staff.open("/requirements/plan?work=yes")).words
    await again(db, broker)
    plan = await TogetherService(db).plan(broker.principal)
    assert [line.why_not for line in plan.lines] == ["Every provider breaks another rule, such as the area"]
