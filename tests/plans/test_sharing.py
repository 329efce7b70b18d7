"""Sharing a plan with organisations: only what was chosen, for a time, noted, taken back, ended with their role."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.outbox import publish
from marketplace.plans import tasks_sharing
from marketplace.plans.service.sharing import ROLE_ENDED, SharingService
from marketplace.plans.states import PlanStatus
from marketplace.providers.events import AccreditationChanged
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_organisation
from tests.factories_faces import make_section, make_share, make_support
from tests.factories_plans import PlanWorld, full_content, make_plan, make_plan_world

SECTIONS = ["communication", "about_me", "outcomes"]


def form(**given: Any) -> dict[str, Any]:
    last = {"last_on-day": "31", "last_on-month": "5", "last_on-year": "2027"}
    return {"sections": SECTIONS, **last, **given}


@pytest.fixture
async def person(browser: Browser, world: PlanWorld) -> Browser:
    return await browser.signed_in(world.person_user)


async def test_a_person_shares_parts_and_the_organisation_reads_those_alone(
    browser: Browser, db: AsyncSession, world: PlanWorld, person: Browser
) -> None:
    organisation, provider = await make_support(db, world)
    await db.execute(text("UPDATE people SET communication_needs = '{large_print}'"))
    _, version = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_section(db, version, "back_up", "The neighbour has a key.")
    await db.flush()
    found = await person.open("/my-shares/new?name=kind")
    page = await person.open(found.link(str(organisation.id)))
    assert page.field("last_on-month") == "5"
    await person.post(f"/my-shares/new/{organisation.id}", form())
    assert await events(db) == ["PlanShared"]
    assert await count(db, "audit_entries", "action = 'plans.share_plan'") == 1
    theirs = await browser.signed_in(provider)
    listed = await theirs.open("/shared-plans")
    assert "How to talk with me, About me, What I want, and who helps" in listed.words
    read = await theirs.open(listed.link("/shared-plans/"))
    assert "I need: Large print." in read.words
    assert "I am Ada and I love my garden." in read.words
    assert "Get to the allotment" in read.words
    for hidden in ("neighbour", "£", "direct payment", "PR1", "falls clinic"):
        assert hidden not in read.words
    file = await theirs.get(read.link("plan.pdf"))
    assert file.response.headers["content-type"] == "application/pdf"
    mine = await person.open("/my-shares")
    assert "They may read this until 31 May 2027" in mine.words
    assert "3 March 2027, 2 times" in mine.words


async def test_costs_are_read_only_with_the_money(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation, sections=["outcomes", "money"])
    await make_plan(db, world, PlanStatus.SIGNED_OFF)
    read = await (await browser.signed_in(provider)).open(f"/shared-plans/{share.id}")
    assert "It costs £80.00 a week." in read.words
    assert "A direct payment every four weeks." in read.words


async def test_drafts_are_never_read_by_an_organisation(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation)
    for status in (PlanStatus.DRAFT, PlanStatus.IN_QUALITY_CHECK, PlanStatus.AWAITING_AGREEMENT):
        await make_plan(db, world, status, content=full_content(about_me="A secret draft"))
    read = await (await browser.signed_in(provider)).open(f"/shared-plans/{share.id}")
    assert "has not agreed to a plan yet" in read.words
    assert "A secret draft" not in read.words


@pytest.mark.parametrize(
    "change",
    [
        {"starts_on": date(2027, 3, 4), "ends_on": date(2027, 3, 10)},
        {"starts_on": date(2027, 2, 1), "ends_on": date(2027, 3, 3)},
    ],
)
async def test_before_its_day_and_after_its_last_nothing_is_read(
    browser: Browser, db: AsyncSession, world: PlanWorld, change: dict[str, Any]
) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation, **change)
    theirs = await browser.signed_in(provider)
    await theirs.get(f"/shared-plans/{share.id}", expect=404)
    await theirs.get(f"/shared-plans/{share.id}/plan.pdf", expect=404)
    assert "Nobody shares a plan with you now" in (await theirs.open("/shared-plans")).words
    assert await count(db, "record_views") == 0


async def test_strangers_read_nothing(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    organisation, _ = await make_support(db, world)
    share = await make_share(db, world, organisation)
    _, rival = await make_support(db, world, "Rival Care")
    elsewhere = await make_plan_world(db, await make_council(db))
    _, far = await make_support(db, elsewhere, "Far Care")
    for member in (rival, far, world.planner):
        await (await browser.signed_in(member)).get(f"/shared-plans/{share.id}", expect=404)
    for member in (world.social_worker, world.person_user):
        await (await browser.signed_in(member)).get(f"/shared-plans/{share.id}", expect=403)
    other = await browser.signed_in(elsewhere.person_user)
    await other.get(f"/my-shares/{share.id}/end", expect=404)
    await other.post(f"/my-shares/{share.id}/end", {"version": "1"}, expect=404)
    assert await count(db, "plan_shares", "ended_at IS NULL") == 1


async def test_taken_back_it_is_gone_at_once_and_the_organisation_is_told(
    browser: Browser, db: AsyncSession, world: PlanWorld, person: Browser, drain: Any
) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation)
    page = await person.open(f"/my-shares/{share.id}/end")
    sent = {"version": page.field("version")}
    await person.post(f"/my-shares/{share.id}/end", sent)
    await (await browser.signed_in(provider)).get(f"/shared-plans/{share.id}", expect=404)
    await person.post(f"/my-shares/{share.id}/end", sent, expect=409)
    assert "This ended on 3 March 2027" in (await person.open(f"/my-shares/{share.id}/end")).words
    assert "Kind Hands: ended on 3 March 2027" in (await person.open("/my-shares")).words
    assert await drain() == [("plan_share_over", provider.user.email)]
    assert await count(db, "audit_entries", "action = 'plans.end_share'") == 1


async def test_sharing_again_takes_the_place_of_what_was_shared_before(
    db: AsyncSession, world: PlanWorld, person: Browser
) -> None:
    organisation, _ = await make_support(db, world)
    await make_share(db, world, organisation, sections=["risks"])
    await person.post(f"/my-shares/new/{organisation.id}", form(sections="week"))
    rows = (await db.execute(text("SELECT sections, ended_at IS NULL FROM plan_shares ORDER BY given_at, id"))).all()
    assert [(list(row[0]), row[1]) for row in rows] == [(["risks"], False), (["week"], True)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sections": []}, "sections"),
        ({"sections": ["about_me", "secrets"]}, "sections"),
        ({"last_on-day": "2", "last_on-month": "3"}, "last_on"),
        ({"last_on-year": "2029"}, "last_on"),
        ({"last_on-day": "31", "last_on-month": "2"}, "last_on"),
        ({"last_on-day": ""}, "last_on"),
    ],
)
async def test_a_wrong_form_is_shown_again_and_shares_nothing(
    db: AsyncSession, world: PlanWorld, person: Browser, change: dict[str, Any], field: str
) -> None:
    organisation, _ = await make_support(db, world)
    page = await person.post(f"/my-shares/new/{organisation.id}", form(**change), expect=422)
    assert set(page.errors()) == {field}
    assert page.title.startswith("Error: Share my plan with Kind Hands")
    assert await count(db, "plan_shares") == 0
    assert await events(db) == []


async def test_only_organisations_at_work_here_and_in_good_standing_are_offered(
    db: AsyncSession, world: PlanWorld, person: Browser
) -> None:
    group, _ = await make_support(db, world, "Allotment Club")
    good, _ = await make_support(db, world, "Good Care")
    bad, _ = await make_support(db, world, "Bad Care")
    nobody = await make_organisation(db, name="Nobody There")
    await make_accreditation(db, good, world.council, ServiceLine.HOME_CARE)
    await make_accreditation(
        db, bad, world.council, ServiceLine.HOME_CARE, live_from=date(2026, 1, 1), live_until=date(2027, 3, 3)
    )
    db.expunge_all()
    links = (await person.open("/my-shares/new")).links()
    for organisation, is_offered in ((group, True), (good, True), (bad, False), (nobody, False)):
        assert (f"/my-shares/new/{organisation.id}" in links) == is_offered
        await person.get(f"/my-shares/new/{organisation.id}", expect=200 if is_offered else 404)
        await person.post(f"/my-shares/new/{organisation.id}", form(), expect=303 if is_offered else 404)
    assert await count(db, "plan_shares") == 2
    assert "Nobody of that name works here" in (await person.open("/my-shares/new?name=%25")).words


async def test_with_its_approval_the_right_to_read_ends_at_once_and_both_are_told(
    browser: Browser, db: AsyncSession, world: PlanWorld, person: Browser, drain: Any
) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation)
    accreditation_id = (await make_accreditation(db, organisation, world.council, ServiceLine.HOME_CARE)).id
    theirs = await browser.signed_in(provider)
    await theirs.open(f"/shared-plans/{share.id}")
    await db.execute(text("UPDATE accreditations SET live_from = '2026-01-01', live_until = '2027-03-03'"))
    await theirs.get(f"/shared-plans/{share.id}", expect=404)
    publish(
        db,
        AccreditationChanged(
            council_id=world.council.id,
            organisation_id=organisation.id,
            accreditation_id=accreditation_id,
            service_line="homecare",
            status="removed",
        ),
    )
    told = await drain()
    assert ("plan_share_over", provider.user.email) in told
    assert ("plan_share_ended", world.person_user.user.email) in told
    assert "The council does not approve them now" in (await person.open("/my-shares")).words


async def test_the_daily_job_ends_what_ran_out_and_can_run_again(
    db: AsyncSession, world: PlanWorld, drain: Any
) -> None:
    organisation, _ = await make_support(db, world)
    await make_share(db, world, organisation)
    await make_accreditation(
        db, organisation, world.council, ServiceLine.HOME_CARE, live_from=date(2026, 1, 1), live_until=date(2027, 3, 3)
    )
    still, _ = await make_support(db, world, "Allotment Club")
    await make_share(db, world, still)
    for _ in range(2):
        await tasks_sharing.end_shares()
    await drain()
    assert await count(db, "plan_shares", "ended_at IS NOT NULL") == 1
    assert await count(db, "audit_entries", "action = 'plans.end_share'") == 1


async def test_when_a_person_dies_nothing_of_their_plan_is_read_or_shared(
    browser: Browser, db: AsyncSession, world: PlanWorld, person: Browser
) -> None:
    organisation, provider = await make_support(db, world)
    share = await make_share(db, world, organisation)
    await db.execute(text("UPDATE people SET died_on = '2027-03-02'"))
    await (await browser.signed_in(provider)).get(f"/shared-plans/{share.id}", expect=404)
    await person.post(f"/my-shares/new/{organisation.id}", form(), expect=409)
    await tasks_sharing.end_shares()
    assert await count(db, "plan_shares", "end_reason = 'The person died'") == 1


async def test_a_representative_shares_in_the_persons_name_and_reading_by_staff_of_one_firm_is_counted(
    browser: Browser, db: AsyncSession, world: PlanWorld
) -> None:
    organisation, _ = await make_support(db, world)
    await (await browser.signed_in(world.representative)).post(f"/my-shares/new/{organisation.id}", form())
    assert await count(db, "plan_shares", f"given_by_user_id = '{world.representative.user.id}'") == 1
    assert await count(db, "audit_entries", "action = 'plans.share_plan' AND on_behalf_of IS NOT NULL") == 1


async def test_the_end_of_a_role_ends_the_share_and_only_that(db: AsyncSession, world: PlanWorld) -> None:
    organisation, _ = await make_support(db, world)
    other, _ = await make_support(db, world, "Other Care")
    share, kept = await make_share(db, world, organisation), await make_share(db, world, other)
    ids = (world.council.id, world.person.id, organisation.id)
    assert await SharingService(db).end_role(*ids, ROLE_ENDED) == 1
    assert await SharingService(db).end_role(*ids, ROLE_ENDED) == 0
    assert await count(db, "plan_shares", f"id = '{share.id}' AND end_reason = '{ROLE_ENDED}'") == 1
    assert await count(db, "plan_shares", f"id = '{kept.id}' AND ended_at IS NULL") == 1
    assert await events(db) == ["PlanShareEnded"]
