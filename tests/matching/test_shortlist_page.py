"""The page of one referral: funnel, left out, other weights, alternatives, print and share."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.matching.service.sharing import Shared, read_token, share_token
from marketplace.providers.models import ListingCategory
from tests.browser import Browser, count
from tests.factories import make_listing, make_member, make_organisation, make_person
from tests.factories_brokerage import make_broker, make_case, make_planner, make_postcode, referral_form
from tests.factories_onecase import deliver_matching, make_decided


async def test_the_funnel_counts_each_planner_once_and_everybody_has_a_way_to_the_top(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    for number in range(3):
        await make_planner(db, broker.council, lat=53.77 + number / 100)
    for _ in range(2):
        await make_planner(db, broker.council, lat=54.6, radius_metres=5_000)
    await make_planner(db, broker.council, lat=None, lon=None)
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    page = await staff.open(path)
    assert "6 planners: 1 whose base nobody recorded, 2 too far, 3 fit" in page.words
    assert page.words.count("Would be first if it was") + page.words.count("No single change") == 2
    page = await staff.open(f"{path}/left-out")
    assert "Too far away (2)" in page.words
    assert "1 to 2 of 2" in page.words
    await staff.open(f"{path}/left-out?rule=within-area")
    await staff.get(f"{path}/left-out?rule=nonsense", expect=404)
    await staff.get(f"{path}/left-out?page=9", expect=404)
    await staff.get(f"{path}/left-out?page=x", expect=400)
    assert "Nobody recorded where they start from" in page.words


async def test_a_long_list_of_left_out_is_paged(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    worker, _ = await make_planner(db, broker.council)
    organisation_id = worker.organisation_id
    await db.execute(
        text(
            "INSERT INTO workers (id, organisation_id, kind, name, gender, languages, specialisms, skills, interests,"
            " postcode, town, lat, lon, radius_metres, fte_percent, bio, starts_on, created_at, version)"
            " SELECT gen_random_uuid(), organisation_id, kind, 'Far ' || n, gender, languages, specialisms, skills,"
            " interests, postcode, town, 54.9, lon, 100, fte_percent, bio, starts_on, created_at, 1"
            " FROM workers, generate_series(1, 45) AS n WHERE organisation_id = :id"
        ),
        {"id": organisation_id},
    )
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}/left-out"
    staff = await browser.signed_in(broker)
    page = await staff.open(path)
    assert "1 to 40 of 45" in page.words
    page = await staff.open(f"{path}?page=2")
    assert "41 to 45 of 45" in page.words


async def test_other_weights_show_who_moves_and_save_nothing(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Near Nell", lat=53.76)
    await make_planner(db, broker.council, name="Skilled Sam", lat=53.86, specialisms=["older"])
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}/what-if"
    staff = await browser.signed_in(broker)
    page = await staff.open(path)
    assert "Nothing here is saved" in page.words
    assert page.field("distance") == "250"
    page = await staff.open(f"{path}?distance=3000&specialism=0")
    assert "Near Nell would come first" in page.words
    assert "Up 1" in page.words
    assert "Skilled Sam stays first" in (await staff.open(f"{path}?distance=250")).words
    wrong = await staff.get(f"{path}?distance=many&quality=-1", expect=422)
    assert set(wrong.errors()) == {"distance", "quality"}
    assert wrong.field("distance") == "many"
    assert [await count(db, table) for table in ("shortlists", "weight_sets", "offers")] == [0, 0, 0]


async def test_alternatives_have_an_empty_state_and_a_way_to_the_market(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_postcode(db)
    await make_planner(db, broker.council)
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    assert f"{path}/alternatives" in (await staff.open(path)).links()
    page = await staff.open(f"{path}/alternatives")
    assert "Nothing is listed within ten miles" in page.words
    assert any(link.startswith("/market?place=PR1") for link in page.links())
    fragment = await staff.get(f"{path}/alternatives", headers={"hx-request": "true"})
    assert "<html" not in fragment.text


async def test_a_shortlist_is_printed_with_every_reason(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Near Nell")
    referral, _ = await make_case(db, broker)
    page = await (await browser.signed_in(broker)).open(f"/referrals/{referral.id}/print")
    for words in ("1. Near Nell", "How points are given", "A proposal: a named person decides", "Bo Broker"):
        assert words in page.words, words


async def test_a_stored_shortlist_is_shared_for_two_weeks_without_the_persons_name(
    browser: Browser, db: AsyncSession, clock: FixedClock, maker: Any
) -> None:
    found = await make_decided(db, person={"given_name": "Xanthippe", "family_name": "Quill"})
    stored = found.offer.shortlist_id
    path = f"/referrals/{found.referral_id}/shortlists/{stored}"
    staff, planner = await browser.signed_in(found.broker), await browser.signed_in(found.planner)
    assert "Share this shortlist" in (await staff.open(path)).words
    page = await staff.post(f"{path}/share", {"to_person": "yes"})
    await deliver_matching(db)
    assert await count(db, "messages", "template = 'shortlist_shared'") == 1
    assert await count(db, "audit_entries", "action = 'matching.share_shortlist'") == 1
    token = page.location.partition("?link=")[2]
    assert f"/shared-shortlist/{token}" in (await staff.open(page.location)).words
    shown = await browser.open(f"/shared-shortlist/{token}")
    assert "1. Pia Planner" in shown.words
    assert "Xanthippe" not in shown.text
    assert "Quill" not in shown.text
    await browser.get(f"/shared-shortlist/{token[:-4]}AAAA", expect=404)
    await planner.post(f"{path}/share", {}, expect=403)
    clock.advance(timedelta(days=15))
    await browser.get(f"/shared-shortlist/{token}", expect=404)


def test_a_link_of_another_key_or_day_leads_nowhere(clock: FixedClock) -> None:
    shared = Shared(UUID(int=1), UUID(int=2), clock.now().date())
    token = share_token("one key", shared)
    assert read_token("one key", token, shared.last_day) == shared
    assert read_token("one key", token, shared.last_day + timedelta(days=1)) is None
    assert read_token("another key", token, shared.last_day) is None
    for nonsense in ("", "a", "ä", "=" * 9, token[:-1], token + "x"):
        assert read_token("one key", nonsense, shared.last_day) is None


async def test_required_skills_are_a_rule(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Able Abi", skills=["makaton_signing", "moving"])
    await make_planner(db, broker.council, name="Other Oz", skills=["moving"])
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    wrong = await staff.post("/referrals/new", referral_form(person_id, required_skills=["juggling"]), expect=422)
    assert set(wrong.errors()) == {"required_skills"}
    page = await staff.post("/referrals/new", referral_form(person_id, required_skills=["makaton_signing"]))
    page = await staff.open(page.location)
    assert "1. Able Abi" in page.words
    assert "Does not have a skill that is required: makaton or signing" in page.words
    assert "Skills the planner must have" in page.words


async def test_pages_round_a_referral_belong_to_its_council_and_wait_for_it(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    abroad = await make_broker(db)
    social = await make_member(db, Role.SOCIAL_WORKER, found.broker.council)
    stored = found.offer.shortlist_id
    foreign, staff, reader = [await browser.signed_in(one) for one in (abroad, found.broker, social)]
    for page in ("what-if", "left-out", "print", "alternatives", "heard"):
        await foreign.get(f"/referrals/{found.referral_id}/{page}", expect=404)
    await foreign.post(f"/referrals/{found.referral_id}/shortlists/{stored}/share", {}, expect=404)
    for page in ("what-if", "left-out", "print"):
        await staff.get(f"/referrals/{found.referral_id}/{page}", expect=409)
    await reader.get(f"/referrals/{found.referral_id}/what-if", expect=403)


async def test_alternatives_name_groups_assistants_and_equipment_with_price_and_distance(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_postcode(db)
    organisation = await make_organisation(db, name="Good Neighbours")
    for category, title, pence in (
        (ListingCategory.COMMUNITY, "Tea and dominoes", 200),
        (ListingCategory.PERSONAL_ASSISTANT, "Daily help", 1_600),
        (ListingCategory.EQUIPMENT, "Grab rails", 4_000),
        (ListingCategory.HOME_CARE, "Agency visits", 2_900),
    ):
        await make_listing(db, organisation, category=category, title=title, price_pence=pence)
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}/alternatives"
    page = await (await browser.signed_in(broker)).open(path)
    for words in ("Tea and dominoes", "Daily help", "Grab rails", "£2", "A group nearby"):
        assert words in page.words, words
    assert "Agency visits" not in page.words
