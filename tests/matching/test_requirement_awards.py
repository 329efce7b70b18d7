"""Comparing and awarding: marks before prices, the person heard first, shared weeks, who learns what (K5, K13)."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.errors import InvalidInput
from marketplace.matching.errors_care import (
    AwardRefused,
    CareNotAccredited,
    NotYet,
    RequirementChanged,
    RequirementNotOpen,
)
from marketplace.matching.forms_care import TermsForm
from marketplace.matching.forms_offers import AwardForm, HeardForm, Mark
from marketplace.matching.models import HeardHow, Requirement, RequirementOffer, UnmetReason, WeightPurpose, WeightSet
from marketplace.matching.service.care import AwardService, RequirementService
from marketplace.matching.states import RequirementStatus, WeightStatus
from tests.browser import Browser, count, events
from tests.factories import Member, make_person, make_person_member
from tests.factories_brokerage import make_broker
from tests.factories_care import (
    LATEST,
    STARTS,
    again,
    at_end,
    make_care_provider,
    make_requirement,
    open_requirement,
    send_offer,
    visits_of,
)
from tests.factories_standing import suspend
from tests.matching.test_requirement_offers import deliver_all
from tests.matching.test_requirements import CANARY, LEAKS


async def closed_with(
    db: AsyncSession, broker: Member, *rates: int, offers: list[dict[str, Any]] | None = None, **given: Any
) -> tuple[Requirement, list[RequirementOffer], list[Member]]:
    """A requirement whose clock has ended, with an offer at each rate."""
    members = [(await make_care_provider(db, broker.council, name=f"Care {rate}"))[1] for rate in rates]
    row = await make_requirement(db, broker, **given)
    await open_requirement(db, broker, row)
    sent = []
    for index, (member, rate) in enumerate(zip(members, rates, strict=True)):
        sent.append(await send_offer(db, member, row, rate, **((offers or [{}] * len(rates))[index])))
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    return row, sent, members


async def mark(db: AsyncSession, broker: Member, row: Requirement, *points: int) -> None:
    offers = await offers_of(db, row)
    marks = {offer.id: Mark(number, "Clear words") for offer, number in zip(offers, points, strict=True)}
    await AwardService(db).mark(broker.principal, row.id, row.version, marks)


async def offers_of(db: AsyncSession, row: Requirement) -> list[RequirementOffer]:
    made = await AwardService(db).compare(row)
    return sorted((item.offer for item in made.offers), key=lambda offer: offer.id)


async def hear(db: AsyncSession, broker: Member, row: Requirement, offer: RequirementOffer | None = None) -> None:
    form = HeardForm(
        how=HeardHow.TELEPHONE, said="I do not mind who.", organisation_id=offer.organisation_id if offer else None
    )
    await AwardService(db).hear(broker.principal, row.id, row.version, form)


async def award(db: AsyncSession, broker: Member, row: Requirement, *offers: RequirementOffer, reason: str = "") -> Any:
    form = AwardForm(offer_ids=[offer.id for offer in offers], reason=reason, version=row.version)
    return await AwardService(db).award(broker.principal, row.id, form)


async def test_marks_come_before_prices_and_points_after(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 2_500, 2_700)
    path, version, ids = f"/requirements/{row.id}", str(row.version), [offer.id for offer in sent]
    staff = await browser.signed_in(broker)
    page = await staff.open(f"{path}/offers")
    assert "A small team that comes at eight." in page.words
    assert "£25.00" not in page.text
    assert "£27.00" not in page.text
    fields = {"version": version, f"mark-{ids[0]}": "2", f"why-{ids[0]}": "Thin", f"mark-{ids[1]}": "5"}
    assert set((await staff.post(f"{path}/marks", fields, expect=422)).errors()) == {f"why-{ids[1]}"}
    await staff.post(f"{path}/marks", {**fields, f"why-{ids[1]}": "Knows the aim"})
    page = await staff.open(f"{path}/offers")
    assert page.words.index("1. Care 2700") < page.words.index("2. Care 2500")  # The lower price is not first.
    assert "£25.00 an hour, £87.50 a week" in page.words
    assert "Not rated yet: counted as the mean, 70 of 100" in page.words
    assert "Hear the person before you award" in page.words
    await staff.post(f"{path}/marks", {**fields, f"why-{ids[1]}": "Another look"}, expect=409)
    totals = (await db.execute(text("SELECT total, scores FROM requirement_offers ORDER BY id"))).all()
    assert all(sum(part["points"] for part in item.scores["score"]["parts"]) == item.total for item in totals)


async def test_an_award_needs_the_person_heard_and_tells_everybody_their_own(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    person, _ = await make_person_member(db, broker.council, **CANARY)
    members = [(await make_care_provider(db, broker.council, name=f"Care {rate}"))[1] for rate in (2_500, 2_700)]
    row = await make_requirement(db, broker, person)
    await open_requirement(db, broker, row)
    offers = [await send_offer(db, member, row, rate) for member, rate in zip(members, (2_500, 2_700), strict=True)]
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    with pytest.raises(NotYet):
        await hear(db, broker, row)
    await mark(db, broker, row, 4, 4)
    with pytest.raises(NotYet):
        await award(db, broker, row, offers[0])
    path, version, first = f"/requirements/{row.id}", str(row.version), str(offers[0].id)
    row_id = row.id
    staff = await browser.signed_in(broker)
    winner, loser = await browser.signed_in(members[0]), await browser.signed_in(members[1])
    await staff.open(f"{path}/heard")
    assert set((await staff.post(f"{path}/heard", {"version": version}, expect=422)).errors()) == {"how", "said"}
    await staff.post(f"{path}/heard", {"version": version, "how": "in_person", "said": "Whoever is kind."})
    assert "Whoever is kind." in (await staff.open(f"{path}/offers")).words
    await staff.post(f"{path}/award", {"version": version, "offer_ids": first})
    assert (await events(db))[-2:] == ["RequirementAwarded", "RequirementClosed"]
    assert "Care 2500" in (await staff.open(path)).words
    won = await winner.open(f"/provider/requirements/{row_id}")
    for words in ("Xanthippe Quillfeather", "77 Zebra Crescent", "01772 900 1234"):
        assert words in won.words
    lost = await loser.open(f"/provider/requirements/{row_id}")
    assert "Your offer was not chosen" in lost.words
    assert "The offer that was chosen has" in lost.words
    assert "Your points" in lost.words
    assert not [leak for leak in (*LEAKS, "care 2500", "£25.00", "87.50") if leak in lost.text.lower()]
    assert await count(db, "audit_entries", "action = 'matching.read_care_pack'") == 1
    await deliver_all(db)
    kinds = set(await db.scalars(text("SELECT template FROM messages")))
    assert {"requirement_won", "requirement_lost", "requirement_awarded_person"} <= kinds
    others = text("SELECT body FROM messages WHERE template <> 'requirement_awarded_person'")
    bodies = " ".join(await db.scalars(others))
    assert "quillfeather" not in bodies.lower()


async def test_not_the_first_needs_a_reason_and_the_persons_choice_none(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 2_500, 2_700)
    await mark(db, broker, row, 5, 1)
    await hear(db, broker, row)
    with pytest.raises(InvalidInput):
        await award(db, broker, row, sent[1])
    assert await count(db, "requirement_awards") == 0
    await hear(db, broker, row, sent[1])
    made = await AwardService(db).compare(row)
    assert [item.rank for item in made.offers] == [2, 1]  # The person's choice stands on top, with its own rank.
    await award(db, broker, row, sent[1])
    assert await count(db, "requirement_awards", "rank = 2 AND preference_id IS NOT NULL") == 1


async def test_an_award_is_made_once(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 2_500)
    await mark(db, broker, row, 5)
    await hear(db, broker, row)
    seen = row.version
    await award(db, broker, row, sent[0])
    form = AwardForm(offer_ids=[sent[0].id], reason="", version=seen)
    with pytest.raises(RequirementChanged):
        await AwardService(db).award(broker.principal, row.id, form)
    with pytest.raises(RequirementNotOpen):
        await award(db, broker, row, sent[0])
    assert await count(db, "requirement_awards") == 1


async def test_a_week_is_shared_so_that_every_visit_is_covered_once(db: AsyncSession) -> None:
    broker = await make_broker(db)
    members = [(await make_care_provider(db, broker.council, name=f"Care {n}"))[1] for n in range(3)]
    row = await make_requirement(db, broker, most_providers=2, split_agreed=True)
    await open_requirement(db, broker, row)
    ids = [visit.id for visit in await visits_of(db, row)]
    early = await send_offer(db, members[0], row, visit_ids=ids[:4])
    late = await send_offer(db, members[1], row, visit_ids=ids[4:])
    most = await send_offer(db, members[2], row, visit_ids=ids[1:])
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    await mark(db, broker, row, 5, 4, 3)
    await hear(db, broker, row)
    with pytest.raises(AwardRefused, match="More than one offer covers Tuesday"):
        await award(db, broker, row, early, most)
    with pytest.raises(AwardRefused, match="Nobody would come for Friday"):
        await award(db, broker, row, early)
    with pytest.raises(AwardRefused, match="not agreed to so many"):
        await award(db, broker, row, early, late, most)
    awards = await award(db, broker, row, early, late)
    assert sorted(len(item.visit_ids) for item in awards) == [3, 4]
    assert await count(db, "outbox_messages", "event = 'RequirementAwarded'") == 2
    assert await count(db, "requirement_offers", "status = 'lost'") == 1


async def test_above_the_ceiling_nothing_is_awarded_until_it_is_raised(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 4_400)
    await mark(db, broker, row, 5)
    await hear(db, broker, row)
    with pytest.raises(AwardRefused, match="above the ceiling of £150"):
        await award(db, broker, row, sent[0])
    before = sent[0].scores["score"]["parts"][0]["points"]
    terms = TermsForm(
        radius_metres=None, most_providers=1, split_agreed=False, ceiling_weekly_pence=20_000, starts_on=STARTS,
        latest_start_on=LATEST, reason="Nobody else", version=row.version,
    )  # fmt: skip
    await RequirementService(db).change_terms(broker.principal, row.id, terms)
    await AwardService(db).rescore(row)
    assert sent[0].scores["score"]["parts"][0]["points"] > before == 0
    await award(db, broker, row, sent[0])
    assert row.status is RequirementStatus.AWARDED


async def test_a_low_price_brings_points_only_with_an_accepted_reason(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    low = {"below_cost_reason": "Our workers live next door"}
    row, sent, _ = await closed_with(db, broker, 2_000, offers=[low])
    await mark(db, broker, row, 3)
    assert sent[0].scores["score"]["parts"][0]["points"] == 0
    path, version, offer_id = f"/requirements/{row.id}", str(row.version), str(sent[0].id)
    staff = await browser.signed_in(broker)
    page = await staff.open(f"{path}/offers")
    assert "Below the least lawful price" in page.words
    assert "Our workers live next door" in page.words
    fields = {"version": version, "offer_id": offer_id}
    assert set((await staff.post(f"{path}/low-price", fields, expect=422)).errors()) == {f"why-{offer_id}"}
    await staff.post(f"{path}/low-price", {**fields, f"why-{offer_id}": "Checked with their rota"})
    await again(db, sent[0])
    assert sent[0].scores["score"]["parts"][0]["points"] == 30


async def test_whoever_is_not_accredited_on_the_first_day_is_not_awarded(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 2_500)
    await mark(db, broker, row, 5)
    await hear(db, broker, row)
    await suspend(db)
    with pytest.raises(CareNotAccredited):
        await award(db, broker, row, sent[0])
    assert await count(db, "requirement_awards") == 0


async def test_an_offer_that_no_longer_stands_or_begins_in_the_past_is_not_awarded(
    db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    row, sent, _ = await closed_with(db, broker, 2_500)
    await mark(db, broker, row, 5)
    await hear(db, broker, row)
    clock.advance(timedelta(days=20))
    with pytest.raises(AwardRefused, match="which is past"):
        await award(db, broker, row, sent[0])
    clock.advance(timedelta(days=60))
    with pytest.raises(AwardRefused, match="stood until 30 April 2027"):
        await award(db, broker, row, sent[0])


async def test_taking_none_of_the_offers_logs_the_need_and_providers_can_be_asked_again(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    row, _, members = await closed_with(db, broker, 2_500)
    path, version = f"/requirements/{row.id}", str(row.version)
    staff = await browser.signed_in(broker)
    seller = await browser.signed_in(members[0])
    await staff.open(f"{path}/change/refuse")
    fields = {"version": version, "reason": "She said no", "unmet_reason": "person_declined"}
    await staff.post(f"{path}/change/refuse", fields)
    assert await count(db, "unmet_requirements", f"reason = '{UnmetReason.PERSON_DECLINED.value}' AND round = 1") == 1
    await again(db, broker, row)
    await open_requirement(db, broker, row)
    assert row.round == 2
    form = await seller.open(f"/provider{path}/offer")
    assert form.field("rate_pence") == "25.00"  # The last answers are a beginning.
    await again(db, members[0], row)
    await send_offer(db, members[0], row, 2_400)
    assert await count(db, "requirement_offers", "status = 'submitted'") == 1


async def test_weights_that_the_council_publishes_later_do_not_change_a_running_round(db: AsyncSession) -> None:
    broker = await make_broker(db)

    async def publish(number: int, starts_on: date, price: int) -> None:
        now = (await make_person(db, broker.council)).created_at
        db.add(
            WeightSet(
                council_id=broker.council.id, purpose=WeightPurpose.OFFERS, number=number,
                status=WeightStatus.PUBLISHED, values={"price": price}, starts_on=starts_on, published_at=now,
                drafted_by_user_id=broker.user.id, drafted_at=now, published_by_user_id=broker.user.id,
            )
        )  # fmt: skip
        await db.flush()

    await publish(1, date(2027, 3, 1), 20)
    row, _, _ = await closed_with(db, broker, 2_500)
    await publish(2, date(2027, 3, 2), 10)
    made = await AwardService(db).compare(row)
    assert (made.weights.version, made.weights.price, made.weights.quality) == ("2027-03-01/offers-1", 20, 25)
