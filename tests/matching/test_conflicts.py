"""Conflicts of interest: declared, ended, in the ranking at once, and in offers that are open."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.matching.engine import Rule
from marketplace.matching.errors import InConflict
from marketplace.matching.service import OfferService, ShortlistService
from marketplace.matching.states import OfferStatus
from marketplace.providers.models import ServiceLine
from tests.browser import Browser, count
from tests.factories import make_accreditation, make_member, make_organisation, make_person
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner
from tests.factories_onecase import make_conflict


async def test_a_planner_with_a_conflict_is_left_out_for_that_person_alone(db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    other, other_person = await make_case(db, broker)
    await make_conflict(db, broker, worker_id=worker.id, person_id=person.id)
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert not made.ranking.entries
    assert made.ranking.left_out[0].rules == (Rule.NO_CONFLICT,)
    assert (await ShortlistService(db).rank(other, other_person, "Council")).entry(worker.id) is not None


async def test_a_conflict_of_an_organisation_with_everybody_leaves_all_its_planners_out(db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    free, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    await make_conflict(db, broker, organisation_id=worker.organisation_id)
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert [entry.id for entry in made.ranking.entries] == [str(free.id)]


async def test_where_planners_may_not_sell_care_accredited_sellers_are_left_out(db: AsyncSession) -> None:
    broker = await make_broker(db)
    seller = await make_organisation(db)
    for line in (ServiceLine.SUPPORT_PLANNING, ServiceLine.HOME_CARE):
        await make_accreditation(db, seller, broker.council, line)
    await make_planner(db, broker.council, seller)
    referral, person = await make_case(db, broker)
    assert (await ShortlistService(db).rank(referral, person, "Council")).ranking.eligible == 1
    await set_setting(db, None, broker.council.id, "matching.planner_sells_care", "no", starts_on=date(2027, 1, 1))
    assert (await ShortlistService(db).rank(referral, person, "Council")).ranking.eligible == 0


async def test_declaring_shows_the_offers_it_touches_and_ending_needs_a_reason(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council, name="Pia Planner")
    referral, person = await make_case(db, broker)
    await make_offer(db, broker, referral, person, worker)
    referral_id = referral.id
    reference, worker_id, person_reference = referral.reference, str(worker.id), person.reference
    staff = await browser.signed_in(broker)
    assert "No conflict is declared" in (await staff.open("/matching/conflicts")).words
    form = {"party": "worker", "worker_id": worker_id, "with_whom": "person", "kind": "family", "note": "Her niece"}
    wrong = await staff.post("/matching/conflicts", {**form, "person_reference": "NOBODY"}, expect=422)
    assert set(wrong.errors()) == {"person_reference"}
    empty = await staff.post("/matching/conflicts", {}, expect=422)
    assert set(empty.errors()) == {"party", "with_whom", "kind"}
    page = await staff.post("/matching/conflicts", {**form, "person_reference": person_reference.lower()})
    path = page.location
    page = await staff.open(path)
    assert "touches offers that are open or accepted" in page.words
    assert reference in page.words
    assert "Pia Planner" in (await staff.open("/matching/conflicts")).words
    assert "A conflict of interest was declared" in (await staff.open(f"/referrals/{referral_id}")).words
    assert set((await staff.post(f"{path}/end", {"reason": ""}, expect=422)).errors()) == {"reason"}
    await staff.post(f"{path}/end", {"reason": "Moved away"})
    late = await staff.post(f"{path}/end", {"reason": "Again"}, expect=409)
    assert late.heading == "This conflict of interest has ended already"
    assert "Moved away" in (await staff.open(path)).words
    assert await count(db, "conflicts", "ended_at IS NOT NULL") == 1
    # What is said about people stays out of the log.
    assert "niece" not in str((await db.execute(text("SELECT array_agg(after::text) FROM audit_entries"))).scalar())


async def test_a_conflict_declared_after_the_offer_stops_its_acceptance(db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    offer = await make_offer(db, broker, referral, person, worker)
    conflict = await make_conflict(db, broker, worker_id=worker.id, person_id=person.id)
    with pytest.raises(InConflict):
        await OfferService(db).accept(planner.principal, offer.id)
    conflict.ended_at = clock_of(db).now()
    await db.flush()
    assert (await OfferService(db).accept(planner.principal, offer.id)).status is OfferStatus.ACCEPTED


async def test_other_councils_and_roles_do_not_reach_conflicts(browser: Browser, db: AsyncSession) -> None:
    broker, abroad = await make_broker(db), await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    conflict = (await make_conflict(db, broker, worker_id=worker.id)).id
    foreign_person = (await make_person(db, abroad.council)).reference
    social = await make_member(db, Role.SOCIAL_WORKER, broker.council)
    theirs, staff, ours = [await browser.signed_in(one) for one in (abroad, social, broker)]
    worker_id = str(worker.id)
    await theirs.get(f"/matching/conflicts/{conflict}", expect=404)
    await theirs.post(f"/matching/conflicts/{conflict}/end", {"reason": "x"}, expect=404)
    await staff.get("/matching/conflicts", expect=403)
    form = {"party": "worker", "worker_id": worker_id, "with_whom": "person", "kind": "family"}
    wrong = await ours.post("/matching/conflicts", {**form, "person_reference": foreign_person}, expect=422)
    assert set(wrong.errors()) == {"person_reference"}
    assert await count(db, "conflicts") == 1
