"""Prices of a plan against real local offers: what is shown first, what is taken, what is said, ways out of a gap."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.plans.content import ItemContent
from marketplace.plans.errors import PlanChanged, PlanNotEditable
from marketplace.plans.models import HelpKind, PlanItem
from marketplace.plans.offers import Band, Fit, PricedOutcome, band, grouped, verdict, ways_out
from marketplace.plans.service import PlanService
from marketplace.plans.service.pricing import ChoiceForm, PricingService
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import ListingCategory, PriceUnit
from tests.factories import make_listing, make_organisation
from tests.factories_market import make_postcode, open_index, searching
from tests.factories_plans import full_content, make_plan

HOUR = PriceUnit.HOUR


def a_fit(name: str = "Ribble Care", **values: Any) -> Fit:
    """An assistant at £16 an hour for two hours."""
    given = {
        "id": name,
        "name": name,
        "provider": "P",
        "url": "/market/x",
        "kind": "pa",
        "price": "£16 an hour",
        "price_pence": 1_600,
        "price_unit": HOUR,
        "weekly_pence": 3_200,
        "weekly": "£32 a week",
        "away": "1 mile",
        "why": "",
        "is_choosable": True,
    }
    return Fit(**{**given, **values})


def an_outcome(**values: Any) -> PricedOutcome:
    """Five hours of registered care at £26."""
    given: dict[str, Any] = {
        "position": 1,
        "outcome": "Get to football",
        "helped_by": HelpKind.REGULATED,
        "weekly_pence": 13_000,
        "unit_price_pence": 2_600,
        "price_unit": HOUR,
        "tenths": 50,
        "now_pence": 2_600,
    }
    return PricedOutcome(**{**given, **values})


def test_help_without_registration_comes_first_and_the_cheapest_of_each_kind():
    found = [
        a_fit("Agency", kind="regulated", weekly_pence=5_000),
        a_fit("Dear assistant", weekly_pence=4_000),
        a_fit("Assistant", weekly_pence=3_000),
        a_fit("Club", kind="community", weekly_pence=0),
        a_fit("Ask us", kind="community", weekly_pence=None),
    ]
    groups = grouped(found, 5)
    assert [key for key, _, _ in groups] == ["community", "assistants", "registered"]
    assert [fit.name for fit in groups[0][2]] == ["Club", "Ask us"]
    assert [fit.name for fit in groups[1][2]] == ["Assistant", "Dear assistant"]


def test_the_middle_of_an_even_number_of_prices_is_rounded_up():
    assert band([a_fit(price_pence=1_500), a_fit(price_pence=1_601)]) == Band(
        count=2, least_pence=1_500, middle_pence=1_551, most_pence=1_601
    )
    assert band([a_fit(price_unit=PriceUnit.WEEK)]) is None


def test_a_price_is_judged_by_what_is_near():
    near = Band(count=3, least_pence=2_000, middle_pence=2_600, most_pence=3_000)
    assert verdict(an_outcome(unit_price_pence=1_900, now_pence=None), near) == "Nobody near sells it at this price."
    assert verdict(an_outcome(), near) == "You can get it near you at this price."
    assert verdict(an_outcome(unit_price_pence=2_900, now_pence=None), near) == "There are cheaper offers near you."
    assert verdict(an_outcome(now_pence=2_700), near).startswith("The price has changed to £27")
    assert "no longer on the market" in verdict(an_outcome(is_offer_gone=True), near)
    assert verdict(an_outcome(unit_price_pence=None, price_unit=None, now_pence=None), near) == ""


def test_a_gap_has_ways_out_and_never_a_dead_end():
    """P5: £130 a week against £115.38 leaves £14.62."""
    ways = ways_out(
        [an_outcome()],
        11_538,
        {1: [a_fit("Club", kind="community", weekly_pence=0), a_fit("Assistant", weekly_pence=8_000)]},
        base="/plans/x",
        ask_href="/ask",
    )
    assert [way.saves_pence for way in ways] == [13_000, 5_000, 1_950, None]
    assert ways[2].words == "4.25 hours a week would fit, in place of 5 hours."
    assert ways[-1].words == "Ask the council for £14.62 a week more, and say why you need it."
    assert ways_out([an_outcome(weekly_pence=11_538)], 11_538, {}, base="", ask_href="") == []


@given(
    st.lists(st.integers(0, 50_000), min_size=1, max_size=6),
    st.integers(0, 60_000),
    st.lists(st.integers(0, 50_000), max_size=5),
)
def test_what_a_way_saves_is_never_more_than_the_outcome_costs(costs: list[int], budget: int, offers: list[int]):
    outcomes = [
        an_outcome(position=place, weekly_pence=cost, unit_price_pence=2_000, tenths=max(1, cost // 200))
        for place, cost in enumerate(costs, start=1)
    ]
    found = [a_fit(f"F{place}", weekly_pence=cost) for place, cost in enumerate(offers)]
    ways = ways_out(outcomes, budget, dict.fromkeys(range(1, 7), found), base="", ask_href="/ask")
    gap = sum(costs) - budget
    assert bool(ways) == (gap > 0)
    for way in ways[:-1]:
        assert way.saves_pence is not None
        assert 0 < way.saves_pence <= max(costs)
        if "fewer hours" in way.title:
            assert way.saves_pence >= gap


async def _items(db, version):
    return (
        await db.scalars(select(PlanItem).where(PlanItem.plan_version_id == version.id).order_by(PlanItem.position))
    ).all()


async def test_an_offer_taken_sets_price_kind_and_cost_and_stays_when_the_plan_is_saved(db, world):
    listing = await make_listing(db, await make_organisation(db), title="Match day help")
    plan, version = await make_plan(db, world)
    service = PricingService(db, None)
    form = ChoiceForm(listing_id=listing.id, tenths=35, expected=version.version)
    await service.choose(world.planner.principal, plan.id, 1, form)
    item = (await _items(db, version))[0]
    assert (item.weekly_pence, item.unit_price_pence, item.price_unit) == (5_600, 1_600, "hour")
    assert (item.helped_by, item.listing_id) == (HelpKind.PA, listing.id)
    content = full_content(
        items=(
            ItemContent(row=1, outcome=item.outcome, what="New words", helped_by=HelpKind.PA, weekly_pence=5_600),
            ItemContent(row=2, outcome="Typed", what="x", helped_by=HelpKind.PA, weekly_pence=5_600),
        )
    )
    await PlanService(db).save(world.planner.principal, plan.id, content, version.version)
    saved = {one.outcome: one for one in await _items(db, version)}
    assert saved[item.outcome].listing_id == listing.id
    assert saved["Typed"].listing_id is None


async def test_a_cost_typed_over_an_offers_is_no_longer_the_offers(db, world):
    listing = await make_listing(db, await make_organisation(db))
    plan, version = await make_plan(db, world)
    form = ChoiceForm(listing_id=listing.id, tenths=20, expected=version.version)
    await PricingService(db, None).choose(world.planner.principal, plan.id, 1, form)
    outcome = (await _items(db, version))[0].outcome
    content = full_content(
        items=(ItemContent(row=1, outcome=outcome, what="x", helped_by=HelpKind.PA, weekly_pence=3_100),)
    )
    await PlanService(db).save(world.planner.principal, plan.id, content, version.version)
    assert [one.listing_id for one in await _items(db, version)] == [None]


async def test_an_offer_is_refused_when_it_is_gone_states_no_price_or_the_plan_moved_on(db, world):
    gone = await make_listing(db, await make_organisation(db), is_published=False)
    unpriced = await make_listing(db, await make_organisation(db), category=ListingCategory.COMMUNITY, price_pence=0)
    plan, version = await make_plan(db, world)
    service, planner = PricingService(db, None), world.planner.principal
    for listing in (gone, unpriced):
        with pytest.raises(InvalidInput):
            await service.choose(
                planner, plan.id, 1, ChoiceForm(listing_id=listing.id, tenths=None, expected=version.version)
            )
    with pytest.raises(PlanChanged):
        await service.choose(planner, plan.id, 1, ChoiceForm(listing_id=gone.id, tenths=None, expected=99))
    with pytest.raises(NotFound):
        await service.choose(
            planner, plan.id, 77, ChoiceForm(listing_id=gone.id, tenths=None, expected=version.version)
        )
    sent, submitted = await make_plan(db, world, PlanStatus.IN_QUALITY_CHECK)
    with pytest.raises(PlanNotEditable):
        await service.choose(
            planner, sent.id, 1, ChoiceForm(listing_id=gone.id, tenths=None, expected=submitted.version)
        )


async def test_a_planner_finds_help_takes_its_price_and_sees_ways_to_close_the_gap(
    browser, db, world, maker, settings, tmp_path
):
    world.person.postcode = "PR1 2HE"
    await make_postcode(db)
    club = await make_listing(
        db,
        await make_organisation(db, name="Allotment Friends"),
        title="Allotment club",
        category=ListingCategory.COMMUNITY,
        price_unit=PriceUnit.FREE,
        price_pence=0,
    )
    helper = await make_listing(db, await make_organisation(db, name="Helping Hands"), title="Allotment helper")
    content = full_content(
        items=(
            ItemContent(row=1, outcome="Allotment", what="Go there", helped_by=HelpKind.REGULATED, weekly_pence=13_000),
        )
    )
    plan, _ = await make_plan(db, world, content=content)
    plan_id, club_id, helper_id = plan.id, club.id, helper.id
    browser = await searching(browser, maker, settings, open_index(tmp_path))
    await scope_to(db, "every")  # Building the index left its own scope on the shared connection.
    browser = await browser.signed_in(world.planner)
    page = await browser.open(f"/plans/{plan_id}/prices")
    assert "£14.62 a week more than the budget" in page.words
    assert "Ask the council for £14.62 a week more" in page.words
    page = await browser.open(f"/plans/{plan_id}/outcomes/1/offers")
    assert page.words.index("Allotment club") < page.words.index("Allotment helper")
    page = await browser.open(f"/plans/{plan_id}/outcomes/1/offers?q=allotment&amount=many", expect=422)
    assert "amount" in page.errors()
    page = await browser.open(f"/plans/{plan_id}/outcomes/1/offers?q=allotment&amount=3")
    version = page.field("version")
    await browser.post(
        f"/plans/{plan_id}/outcomes/1/offers",
        {"version": version, "listing": str(helper_id), "amount": "3"},
        expect=303,
    )
    page = await browser.open(f"/plans/{plan_id}/prices")
    assert "£48.00 a week" in page.words
    assert "3 hours at £16.00" in page.words
    refused = await browser.post(
        f"/plans/{plan_id}/outcomes/1/offers", {"version": version, "listing": str(club_id)}, expect=409
    )
    assert refused.response.status_code == 409
    await browser.open(f"/plans/{plan_id}/outcomes/9/offers", expect=404)


async def test_nobody_else_looks_for_offers_in_a_plan(browser, db, world):
    plan, _ = await make_plan(db, world, PlanStatus.IN_QUALITY_CHECK)
    plan_id = plan.id
    planner, reader = await browser.signed_in(world.planner), await browser.signed_in(world.social_worker)
    await planner.open(f"/plans/{plan_id}/prices", expect=404)
    await planner.open(f"/plans/{plan_id}/outcomes/1/offers", expect=404)
    await reader.open(f"/plans/{plan_id}/prices", expect=403)
