"""Weights: versions by purpose and day, drafts, previews, publishing, the public page."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.errors import InvalidInput
from marketplace.matching.engine import DEFAULT_WEIGHTS, Part
from marketplace.matching.models import WeightPurpose
from marketplace.matching.service import ShortlistService, WeightService
from marketplace.matching.weight_forms import PARTS, WeightsForm, weight_values
from tests.browser import Browser, count
from tests.factories import make_council, make_member
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner
from tests.factories_onecase import make_weights

DAY = {"starts_on-day": "3", "starts_on-month": "3", "starts_on-year": "2027"}


async def test_the_version_that_began_last_counts_and_the_usual_ones_before_any(db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    service, council_id = WeightService(db), manager.council.id
    await make_weights(db, manager, number=1, starts_on=date(2027, 1, 1), points={"distance": 111})
    await make_weights(db, manager, number=2, starts_on=date(2027, 3, 10), points={"distance": 222})
    await make_weights(db, manager, number=3, points={"distance": 333})
    before, no_row = await service.in_force(council_id, WeightPurpose.PLANNING, date(2026, 12, 31))
    assert (before, no_row) == (DEFAULT_WEIGHTS, None)
    now, row = await service.in_force(council_id, WeightPurpose.PLANNING, date(2027, 3, 9))
    assert (now.distance, now.version, row and row.number) == (111, "2027-01-01/planning-1", 1)
    then, _ = await service.in_force(council_id, WeightPurpose.PLANNING, date(2027, 3, 10))
    assert (then.distance, then.version) == (222, "2027-03-10/planning-2")
    assert (await service.in_force(council_id, WeightPurpose.CARE, date(2027, 3, 10)))[1] is None


async def test_a_ranking_counts_with_the_published_weights_and_keeps_their_version(db: AsyncSession) -> None:
    broker = await make_broker(db)
    manager = await make_member(db, Role.MANAGER, broker.council)
    await make_planner(db, broker.council, name="Near Nell", lat=53.76)
    skilled, _ = await make_planner(db, broker.council, name="Skilled Sam", lat=53.86, specialisms=["older"])
    referral, person = await make_case(db, broker)
    first = (await ShortlistService(db).rank(referral, person, "Council")).ranking.entries[0]
    assert first.id == str(skilled.id)
    await make_weights(db, manager, starts_on=date(2027, 3, 1), points={"distance": 2_000, "specialism": 0})
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert made.ranking.entries[0].id != str(skilled.id)
    offer = await make_offer(db, broker, referral, person, skilled)
    version = await db.scalar(text("SELECT weights_version FROM shortlists WHERE id = :id"), {"id": offer.shortlist_id})
    assert version == "2027-03-01/planning-1"


async def test_a_manager_drafts_checks_previews_and_publishes(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    manager = await make_member(db, Role.MANAGER, broker.council, name="Mo Manager")
    await make_planner(db, broker.council, name="Near Nell", lat=53.76)
    await make_planner(db, broker.council, name="Skilled Sam", lat=53.86, specialisms=["older"])
    await make_case(db, broker)
    theirs, staff = await browser.signed_in(manager), await browser.signed_in(broker)
    slug = manager.council.slug
    assert "The council has published none" in (await theirs.open("/matching/weights")).words
    path = (await theirs.post("/matching/weights/new", {"purpose": "planning"})).location
    # A second draft for the purpose is the first one again.
    assert (await theirs.post("/matching/weights/new", {"purpose": "planning"})).location == path
    page = await theirs.open(path)
    assert "The saved draft is the same as what is in force" in page.words
    form = {name: page.field(name) for name in weight_values(DEFAULT_WEIGHTS)} | {"version": page.field("version")}
    wrong = await theirs.post(path, {**form, "distance": "10001", "quality": "12.5", "waiting": ""}, expect=422)
    assert set(wrong.errors()) == {"distance", "quality", "waiting"}
    assert wrong.field("distance") == "10001"
    await theirs.post(path, {**form, "distance": "2000", "specialism": "10"})
    page = await theirs.open(path)
    for words in ("Near Nell", "somebody else would come first in 1", "Distance", "2,000"):
        assert words in page.words, words
    # The form that was drawn before the draft was saved is out of date.
    stale = await theirs.post(path, {**form, "distance": "1"}, expect=409)
    assert stale.heading == "Somebody else has changed this draft"
    version = page.field("version")
    early = {
        "starts_on-day": "2",
        "starts_on-month": "3",
        "starts_on-year": "2027",
        "reason": "Rural",
        "version": version,
    }
    assert set((await theirs.post(f"{path}/publish", early, expect=422)).errors()) == {"starts_on"}
    no_reason = await theirs.post(f"{path}/publish", {**DAY, "reason": "", "version": version}, expect=422)
    assert set(no_reason.errors()) == {"reason"}
    await staff.post(f"{path}/publish", {**DAY, "reason": "Rural", "version": version}, expect=403)
    await theirs.post(f"{path}/publish", {**DAY, "reason": "Roads are long here", "version": version})
    again = await theirs.post(f"{path}/publish", {**DAY, "reason": "x", "version": version}, expect=409)
    assert again.heading == "These weights are published and never change"
    assert "In force since 3 March 2027" in (await staff.open(path)).words
    assert await count(db, "audit_entries", "action = 'matching.publish_weights'") == 1
    assert await count(db, "steps", "subject_kind = 'weight_set' AND to_status = 'published'") == 1
    public = await browser.open(f"/how-we-match/{slug}")
    for words in ("2027-03-03/planning-1", "Roads are long here", "2,000", "A person decides, and you are told"):
        assert words in public.words, words


async def test_published_weights_never_change(db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    row = await make_weights(db, manager, starts_on=date(2027, 3, 1))
    with pytest.raises(DBAPIError, match="published weights never change"):
        async with db.begin_nested():
            await db.execute(text("UPDATE weight_sets SET reason = 'x' WHERE id = :id"), {"id": row.id})


async def test_a_version_cannot_begin_before_one_that_is_published(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    manager = await make_member(db, Role.MANAGER)
    await make_weights(db, manager, number=1, starts_on=date(2027, 4, 6))
    draft = await make_weights(db, manager, number=2)
    path, version = f"/matching/weights/{draft.id}", draft.version
    theirs = await browser.signed_in(manager)
    form = {**DAY, "reason": "Sooner", "version": version}
    wrong = await theirs.post(f"{path}/publish", form, expect=422)
    assert "published from 6 April 2027" in wrong.errors()["starts_on"]
    clock.advance(timedelta(days=40))


async def test_a_draft_can_be_thrown_away_and_a_published_version_not(browser: Browser, db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    draft, published = (
        (await make_weights(db, manager, number=2)).id,
        (await make_weights(db, manager, number=1, starts_on=date(2027, 3, 1))).id,
    )
    theirs = await browser.signed_in(manager)
    await theirs.post(f"/matching/weights/{published}/discard", expect=409)
    await theirs.post(f"/matching/weights/{draft}/discard")
    assert await count(db, "weight_sets") == 1


async def test_another_councils_weights_look_like_none_and_other_roles_are_refused(
    browser: Browser, db: AsyncSession
) -> None:
    manager, stranger = await make_member(db, Role.MANAGER), await make_member(db, Role.MANAGER)
    worker = await make_member(db, Role.SOCIAL_WORKER, manager.council)
    draft = (await make_weights(db, manager)).id
    slug = (await make_council(db)).slug
    theirs, staff = await browser.signed_in(stranger), await browser.signed_in(worker)
    await theirs.get(f"/matching/weights/{draft}", expect=404)
    await theirs.post(f"/matching/weights/{draft}", {"distance": "1", "version": "1"}, expect=404)
    await theirs.post("/matching/weights/new", {"purpose": "sideways"}, expect=404)
    await staff.get("/matching/weights", expect=403)
    await browser.get(f"/how-we-match/{UUID(int=1)}", expect=404)
    assert "has not published weights of its own yet" in (await browser.open(f"/how-we-match/{slug}")).words


@given(st.fixed_dictionaries({name: st.integers(-5, 10_005) for name in PARTS}))
def test_a_form_takes_whole_points_in_bounds_and_no_price_that_decides_alone(points: dict[str, int]) -> None:
    is_right = (
        all(0 <= value <= 10_000 for value in points.values())
        and sum(points.values()) > 0
        and 2 * points["price"] <= sum(points.values())
    )
    data: dict[str, Any] = {name: str(value) for name, value in points.items()}
    if is_right:
        assert WeightsForm.read(data).values == points
    else:
        with pytest.raises(InvalidInput):
            WeightsForm.read(data)


def test_every_part_has_a_weight_and_words() -> None:
    assert set(PARTS.values()) == set(Part)
    assert set(PARTS) <= set(weight_values(DEFAULT_WEIGHTS))
