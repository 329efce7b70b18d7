"""Hearing the person: what they want is recorded, the newest counts, and offers follow it."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.matching.errors import AgainstChoice
from marketplace.matching.models import HeardHow
from marketplace.matching.service import OfferService, PreferenceService, ShortlistService
from tests.browser import Browser, count
from tests.factories import make_member, make_person
from tests.factories_brokerage import make_broker, make_case, make_planner, offer_form


def heard(**given: str) -> dict[str, str]:
    """The form on what a person said."""
    return {"how": "telephone", "said": "I know her from church", "chose": "nobody", **given}


async def test_a_named_planner_becomes_the_choice_and_the_only_one_put_forward(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Best Bea", specialisms=["older"])
    wanted, _ = await make_planner(db, broker.council, name="Wanted Wyn")
    wanted_id = wanted.id
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}"
    staff = await browser.signed_in(broker)
    wrong = await staff.post(f"{path}/heard", heard(said="", chose="planner", how="smoke"), expect=422)
    assert set(wrong.errors()) == {"said", "worker_id", "how"}
    assert await count(db, "preferences") == 0
    form = heard(chose="planner", worker_id=str(wanted_id))
    await staff.post(f"{path}/heard", form)
    page = await staff.open(path)
    assert "The person chose Wanted Wyn" in page.words
    assert "1. Wanted Wyn" in page.words
    assert "I know her from church" in page.words
    row = (await db.execute(text("SELECT worker_id, organisation_id IS NULL AS bare FROM preferences"))).one()
    assert tuple(row) == (wanted_id, False)
    assert await count(db, "audit_entries", "action = 'matching.follow_choice'") == 1
    assert await count(db, "audit_entries", "action = 'matching.record_preference'") == 1
    # Naming nobody later takes the choice back: the newest record counts.
    await staff.post(f"{path}/heard", heard(said="Anybody is fine"))
    page = await staff.open(path)
    assert "1. Best Bea" in page.words
    assert "The person chose" not in page.words
    assert "Chose Wanted Wyn" in (await staff.open(f"{path}/heard")).words


async def test_a_chosen_organisation_is_followed(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, specialisms=["older"])
    wanted, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    await PreferenceService(db).record(
        broker.principal,
        person_id=person.id,
        referral_id=referral.id,
        how=HeardHow.IN_PERSON,
        said="The people at the centre",
        organisation_id=wanted.organisation_id,
    )
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert [entry.id for entry in made.ranking.entries] == [str(wanted.id)]


async def test_an_offer_against_the_choice_is_refused(db: AsyncSession) -> None:
    broker = await make_broker(db)
    other, _ = await make_planner(db, broker.council)
    wanted, _ = await make_planner(db, broker.council)
    referral, person = await make_case(db, broker)
    form = await offer_form(db, broker, referral, person, other)
    await PreferenceService(db).record(
        broker.principal,
        person_id=person.id,
        referral_id=referral.id,
        how=HeardHow.TELEPHONE,
        said="Her",
        worker_id=wanted.id,
    )
    with pytest.raises(AgainstChoice):
        await OfferService(db).make(broker.principal, referral.id, form)
    assert await count(db, "offers") == 0


async def test_when_the_choice_cannot_others_are_ranked_and_the_reason_is_recorded(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    near, _ = await make_planner(db, broker.council, name="Near Nell")
    far, _ = await make_planner(db, broker.council, name="Far Fay", lat=54.9, radius_metres=1_000)
    near_id = near.id
    referral, person = await make_case(db, broker, chosen_worker_id=far.id)
    path = f"/referrals/{referral.id}"
    made = await ShortlistService(db).rank(referral, person, "Council")
    assert made.choice is not None
    assert "outside the area" in made.choice.cannot
    form = await offer_form(db, broker, referral, person, near)
    with pytest.raises(InvalidInput):
        await OfferService(db).make(broker.principal, referral.id, form)
    assert await count(db, "offers") == 0
    staff = await browser.signed_in(broker)
    page = await staff.open(path)
    assert "The person chose Far Fay" in page.words
    assert "who cannot take this" in page.words
    choose = await staff.open(f"{path}/offers/new?worker={near_id}")
    sent = {name: choose.field(name) for name in ("worker_id", "rank", "score", "first_day")}
    refused = await staff.post(f"{path}/offers", {**sent, "override_reason": ""}, expect=422)
    assert set(refused.errors()) == {"override_reason"}
    await staff.post(f"{path}/offers", {**sent, "override_reason": "She is happy with Nell"})
    assert await db.scalar(text("SELECT override_reason FROM offers")) == "She is happy with Nell"
    stored = await db.scalar(text("SELECT id FROM shortlists"))
    assert "Repeated now: same result" in (await staff.open(f"{path}/shortlists/{stored}")).words


async def test_only_those_who_work_with_the_person_and_the_person_record(db: AsyncSession) -> None:
    broker = await make_broker(db)
    referral, person = await make_case(db, broker)
    other_person = await make_person(db, broker.council)
    _, planner = await make_planner(db, broker.council)
    stranger = await make_member(db, Role.PERSON, broker.council, person_id=other_person.id)
    abroad = await make_broker(db)
    service = PreferenceService(db)
    asked = {"person_id": person.id, "referral_id": referral.id, "how": HeardHow.ONLINE, "said": "Me"}
    with pytest.raises(Forbidden):
        await service.record(planner.principal, **asked)
    for somebody in (stranger, abroad):
        with pytest.raises(NotFound):
            await service.record(somebody.principal, **asked)
    with pytest.raises(NotFound):
        await service.record(broker.principal, **{**asked, "person_id": other_person.id})
    with pytest.raises(InvalidInput):
        await service.record(broker.principal, **{**asked, "said": " "})
    assert await count(db, "preferences") == 0


async def test_a_double_click_records_once(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    referral, _ = await make_case(db, broker)
    path = f"/referrals/{referral.id}/heard"
    staff = await browser.signed_in(broker)
    await staff.post(path, {**heard(), "form_id": "01a20264-4b82-712f-821d-64f9cd56117a"})
    await staff.post(path, {**heard(), "form_id": "01a20264-4b82-712f-821d-64f9cd56117a"})
    assert await count(db, "preferences") == 1
