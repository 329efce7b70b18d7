"""Providers' side of requirements: anonymity, the offer, the clock, the least lawful price, outcomes (V7, V8)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import CouncilSetting
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.queue import deliver
from marketplace.matching.errors_care import CareNotAccredited, OfferTooLate, RequirementChanged, RequirementNotOpen
from marketplace.matching.forms_offers import CareDeclineForm
from marketplace.matching.service.care import CareOfferService, RequirementService
from marketplace.matching.tasks_care import remind_of_requirements
from tests.browser import Browser, count, events
from tests.factories import make_council, make_member, make_person
from tests.factories_brokerage import make_broker
from tests.factories_care import (
    again,
    make_care_provider,
    make_requirement,
    offer_of,
    open_requirement,
    requirement_form,
    send_offer,
    visits_of,
)
from tests.factories_standing import suspend
from tests.matching.test_requirements import CANARY, LEAKS

NO = CareDeclineForm("price", "It cannot be done for this money")


def offer_fields(**given: Any) -> dict[str, Any]:
    """The form of an offer as a browser sends it."""
    return {
        "version": "0", "rate_pence": "26", "scope": "all",
        "starts_on-day": "15", "starts_on-month": "3", "starts_on-year": "2027",
        "valid_until-day": "30", "valid_until-month": "4", "valid_until-year": "2027",
        "outcomes_answer": "A small team that comes at eight.", "workers_answer": "Two who live near.",
        "worker_skills": ["personal_care", "cooking"],
        **given,
    }  # fmt: skip


async def test_a_provider_sees_the_care_and_never_who_it_is_for(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    person = await make_person(db, broker.council, **CANARY, appreciated="Canaryprofile")
    row = await make_requirement(db, broker, person, summary="Help to get up and wash.", interests=["football"])
    await open_requirement(db, broker, row)
    # What a broker overlooked, or what came into the record later, is still left out.
    row.summary = "Xanthippe of 77 Zebra Crescent PR1 2HE, 01772-9001234, born 5 June 1947, needs help."
    await db.flush()
    row_id = row.id
    seller = await browser.signed_in(provider)
    inbox = await seller.open("/provider/requirements")
    page = await seller.open(f"/provider/requirements/{row_id}")
    form = await seller.open(f"/provider/requirements/{row_id}/offer")
    for shown in (inbox, page, form):
        assert not [leak for leak in (*LEAKS, "canary") if leak in shown.text.lower()]
    assert "PR1" in inbox.words
    assert "needs help" in page.words
    assert "Price, up to 30 points" in page.words
    assert "£150" not in page.text  # The ceiling is the council's own.
    assert await count(db, "requirement_invitations", "seen_at IS NOT NULL") == 1


async def test_an_offer_is_checked_against_the_legal_cost_and_sent(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    row_id = row.id
    path = f"/provider/requirements/{row_id}/offer"
    seller = await browser.signed_in(provider)
    assert "Least lawful price" in (await seller.open(path)).words
    check = await seller.post(path, {**offer_fields(), "step": "check"}, expect=200)
    check.check()
    assert "£26.00 an hour, £91.00 a week" in check.words
    assert "£81.59" in check.words
    assert await count(db, "requirement_offers") == 0
    await seller.post(path, {**offer_fields(), "step": "send"})
    assert (
        await count(db, "requirement_offers", "status = 'submitted' AND weekly_pence = 9100 AND NOT is_below_cost") == 1
    )
    assert await events(db) == ["RequirementOpened", "RequirementOfferMade"]
    answered = await seller.open("/provider/requirements?tab=answered")
    assert "Sent" in answered.words
    assert "Nothing to answer now" in (await seller.open("/provider/requirements")).words
    changed = {**offer_fields(version="1", rate_pence="25"), "step": "send"}
    await seller.post(path, changed)
    assert await count(db, "requirement_offers", "rate_pence = 2500") == 1
    await seller.post(path, changed, expect=409)  # A colleague was quicker.
    await seller.post(f"/provider/requirements/{row_id}/withdraw")
    assert await count(db, "requirement_offers", "status = 'withdrawn'") == 1


async def test_a_price_below_the_legal_cost_needs_a_reason(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    path = f"/provider/requirements/{row.id}/offer"
    seller = await browser.signed_in(provider)
    low = offer_fields(rate_pence="20")
    for step in ("check", "send"):
        assert set((await seller.post(path, {**low, "step": step}, expect=422)).errors()) == {"below_cost_reason"}
    assert await count(db, "requirement_offers") == 0
    reason = {**low, "below_cost_reason": "Our workers live next door"}
    check = await seller.post(path, {**reason, "step": "check"}, expect=200)
    assert "below the least lawful price" in check.words
    await seller.post(path, {**reason, "step": "send"})
    assert await count(db, "requirement_offers", "is_below_cost AND below_cost_reason <> ''") == 1


async def test_the_legal_wage_of_the_day_counts(db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    db.add(
        CouncilSetting(
            council_id=broker.council.id, key="payments.legal_wage_pence", value={"value": 2_000},
            starts_on=date(2027, 3, 1), set_by_user_id=broker.user.id, set_at=datetime(2027, 3, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    await db.flush()
    with pytest.raises(InvalidInput):
        await send_offer(db, provider, row, 2_600)
    assert (await send_offer(db, provider, row, 3_800)).is_below_cost is False


async def test_everything_wrong_with_an_offer_is_said_at_once(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker, required_gender="female", required_skills=["peg"])
    await open_requirement(db, broker, row)
    seller = await browser.signed_in(provider)
    wrong = offer_fields(**{"rate_pence": "", "starts_on-day": "1", "valid_until-year": "2026", "outcomes_answer": ""})
    errors = (await seller.post(f"/provider/requirements/{row.id}/offer", wrong, expect=422)).errors()
    assert set(errors) == {
        "rate_pence", "starts_on", "valid_until", "outcomes_answer", "meets_gender", "meets_skills",
    }  # fmt: skip


async def test_some_visits_may_be_offered_only_where_sharing_was_agreed(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    whole = await make_requirement(db, broker)
    shared = await make_requirement(db, broker, most_providers=2, split_agreed=True)
    ids = []
    for row in (whole, shared):
        await open_requirement(db, broker, row)
        ids.append((row.id, [str(visit.id) for visit in (await visits_of(db, row))[:2]]))
    seller = await browser.signed_in(provider)
    for row_id, visits in ids:
        fields = offer_fields(scope="some", visit_ids=visits)
        await seller.post(f"/provider/requirements/{row_id}/offer", {**fields, "step": "send"})
    offers = (await db.execute(text("SELECT requirement_id, weekly_pence FROM requirement_offers"))).all()
    assert {row.requirement_id: row.weekly_pence for row in offers} == {ids[0][0]: 9_100, ids[1][0]: 2_600}
    assert await count(db, "offered_visits") == 2


async def test_an_answer_at_the_second_the_clock_ends_is_too_late(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    assert row.answer_by is not None
    row_id = row.id
    clock.move_to(row.answer_by - timedelta(microseconds=1))
    await send_offer(db, provider, row)
    clock.move_to(row.answer_by)
    service = CareOfferService(db)
    with pytest.raises(OfferTooLate):
        await service.send(provider.principal, row.id, offer_of(2_500, version=1))
    with pytest.raises(OfferTooLate):
        await service.withdraw(provider.principal, row.id)
    with pytest.raises(OfferTooLate):
        await service.decline(provider.principal, row.id, NO)
    seller = await browser.signed_in(provider)
    assert "The time for offers has ended" in (await seller.open(f"/provider/requirements/{row_id}")).words
    page = await seller.post(
        f"/provider/requirements/{row_id}/offer", {**offer_fields(version="1"), "step": "send"}, expect=409
    )
    assert "The time for offers has ended" in page.text
    assert await count(db, "requirement_offers", "rate_pence = 2600 AND status = 'submitted'") == 1


async def test_an_organisation_that_was_not_asked_sees_nothing(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    _, other = await make_care_provider(db, broker.council, lat=54.6, lon=-2.7, radius_metres=1_000)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    row_id = row.id
    with pytest.raises(NotFound):
        await send_offer(db, other, row)
    seller = await browser.signed_in(other)
    for path in ("", "/offer", "/decline"):
        await seller.get(f"/provider/requirements/{row_id}{path}", expect=404)
    for path in ("/offer", "/decline", "/withdraw"):
        await seller.post(f"/provider/requirements/{row_id}{path}", offer_fields(), expect=404)
    assert "Nothing to answer now" in (await seller.open("/provider/requirements")).words
    assert await count(db, "requirement_offers") == 0


async def test_an_organisation_of_several_councils_answers_in_each(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    organisation, _ = await make_care_provider(db, broker.council)
    elsewhere = await make_member(db, Role.PROVIDER, await make_council(db), organisation_id=organisation.id)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    row_id = row.id
    seller = await browser.signed_in(elsewhere)
    assert "PR1" in (await seller.open("/provider/requirements")).words
    await seller.post(f"/provider/requirements/{row_id}/offer", {**offer_fields(), "step": "send"})
    assert await count(db, "requirement_offers", "status = 'submitted'") == 1


async def test_without_a_live_accreditation_no_offer_is_taken(db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    await suspend(db)
    with pytest.raises(CareNotAccredited):
        await send_offer(db, provider, row)
    assert await count(db, "requirement_offers") == 0


async def test_saying_no_with_a_reason_and_thinking_better_of_it(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    row_id = row.id
    path = f"/provider/requirements/{row_id}"
    seller, staff = await browser.signed_in(provider), await browser.signed_in(broker)
    await seller.open(f"{path}/decline")
    assert set((await seller.post(f"{path}/decline", {"reason": "other"}, expect=422)).errors()) == {"more"}
    await seller.post(f"{path}/decline", {"reason": "price", "more": "Nights are missing"})
    words = (await staff.open(f"/requirements/{row_id}")).words
    assert "It cannot be done for this money: Nights are missing" in words
    await seller.post(f"{path}/offer", {**offer_fields(), "step": "send"})
    assert await count(db, "requirement_invitations", "declined_at IS NOT NULL") == 0
    await again(db, broker, row)
    with pytest.raises(RequirementNotOpen):
        await RequirementService(db).update(broker.principal, row.id, requirement_form(version=row.version))
    with pytest.raises(RequirementChanged):
        await RequirementService(db).close_early(broker.principal, row.id, row.version + 1)


async def test_providers_are_told_and_reminded_once(db: AsyncSession, clock: FixedClock) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    _, quick = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    await deliver_all(db)
    assert await count(db, "messages", "template = 'requirement_invited'") == 2
    await send_offer(db, quick, row)
    assert row.answer_by is not None
    clock.move_to(row.answer_by - timedelta(hours=5))
    await remind_of_requirements()
    assert await count(db, "messages", "template = 'requirement_reminder'") == 0
    clock.advance(timedelta(hours=2))
    await remind_of_requirements()
    await remind_of_requirements()
    assert await count(db, "messages", "template = 'requirement_reminder'") == 1


async def deliver_all(db: AsyncSession) -> None:
    """Do what the worker would: every waiting message of matching."""
    await scope_to(db, "every")
    for delivery in await outbox.relay(db):
        if delivery.task.startswith("matching."):
            await deliver(delivery)
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []
