"""New terms of an agreement, notice and end (P13)."""

from datetime import date, datetime

import pytest
from sqlalchemy import text

from marketplace.bookings.tasks_agreements import end_agreements, lapse_terms
from marketplace.core.clock import LONDON
from marketplace.core.database import scope_to
from tests.bookings.agreement_steps import (
    SIGN,
    change_form,
    day,
    mails,
    make_offer,
    offer_change,
    run_tasks,
)
from tests.browser import count, events
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene


async def test_a_rate_rise_shows_its_effect_and_counts_only_once_accepted(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await provider.open(f"/provider/clients/{made.agreement.id}/change")
    page = await provider.post(f"/provider/clients/{made.agreement.id}/change", change_form(), expect=200)
    assert "£16.00 now and £18.00 from 1 April 2027" in page.words
    await offer_change(provider, made)
    address = f"/agreements/{made.agreement.id}"
    page = await person.open(address)
    assert "Wages rise in April." in page.words
    assert "A usual week costs £16.00 now and £18.00 with the new terms: £2.00 more each week" in page.words
    assert "about £104.00 in a year" in page.words
    assert "Left each week£132.00" in page.words
    assert await count(db, "agreement_terms", "status = 'agreed'") == 1
    await person.post(f"{address}/sign", {**SIGN, "seen": page.field("seen")})
    page = await person.open(f"{address}/versions")
    assert "Version 2, from 1 April 2027" in page.words
    assert "£18.00 an hour (changed)" in page.words
    assert "Other terms were agreed from 1 April 2027" in (await person.open(address)).words
    await run_tasks(db)
    assert {template for template, _ in await mails(db)} == {"support_change_offered", "support_agreed"}


async def test_declining_a_rise_keeps_the_old_terms_and_offers_ways_on(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await offer_change(provider, made)
    address = f"/agreements/{made.agreement.id}"
    page = await person.open(f"{address}/decline")
    assert "The old terms go on" in page.words
    assert f"{address}/end" in page.links()
    await person.post(f"{address}/decline", {"reason": "Too much for my budget"})
    assert await count(db, "support_agreements", "status = 'agreed'") == 1
    page = await provider.open(f"/provider/clients/{made.agreement.id}")
    assert "Too much for my budget" in page.words
    assert "£18.00" not in page.words


async def test_a_rise_nobody_answers_lapses_and_cannot_be_signed_late(browser, db, clock):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await offer_change(provider, made)
    seen = (await person.open(f"/agreements/{made.agreement.id}")).field("seen")
    clock.move_to(datetime(2027, 4, 1, 0, 30, tzinfo=LONDON))
    person = await browser.signed_in(scene.member)
    address = f"/agreements/{made.agreement.id}"
    refused = await person.post(f"{address}/sign", {**SIGN, "seen": seen}, expect=409)
    assert "The terms before go on" in refused.words
    await lapse_terms()
    await scope_to(db, "every")
    assert await count(db, "agreement_terms", "status = 'lapsed' AND number = 2") == 1
    assert await count(db, "support_agreements", "status = 'agreed'") == 1


async def test_two_changes_at_once_are_refused_with_words(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    provider = await browser.signed_in(scene.provider)
    address = f"/provider/clients/{made.agreement.id}"
    page = await provider.post(f"{address}/change", change_form(), expect=200)
    await offer_change(provider, made)
    form = {**change_form(rate="19.00"), "action": "send", **SIGN, "seen": page.field("seen")}
    refused = await provider.post(f"{address}/change", form, expect=409)
    assert "New terms wait for an answer already" in refused.words
    await provider.post(f"{address}/withdraw")
    await offer_change(provider, made, rate="19.00")
    assert await count(db, "agreement_terms") == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (day("starts_on", date(2027, 3, 9)), "starts_on"),
        ({"rate": "16.00"}, "form"),
        (day("answer_by", date(2027, 4, 1)), "answer_by"),
        (day("answer_by", date(2027, 3, 4)), "answer_by"),
        ({"reason": ""}, "reason"),
        ({"rate": ""}, "rate"),
    ],
)
async def test_new_terms_have_rules(browser, db, given, field):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    provider = await browser.signed_in(scene.provider)
    page = await provider.post(f"/provider/clients/{made.agreement.id}/change", change_form(**given), expect=422)
    if field == "form":
        assert "Nothing is different" in page.words
    else:
        assert field in page.errors()
    assert await count(db, "agreement_terms") == 1


async def test_the_visits_changed_while_new_terms_were_read(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await offer_change(provider, made)
    address = f"/agreements/{made.agreement.id}"
    seen = (await person.open(address)).field("seen")
    await db.execute(text("UPDATE visit_patterns SET minutes = 120"))
    await person.post(f"{address}/sign", {**SIGN, "seen": seen}, expect=409)
    page = await person.open(address)
    assert "£32.00 now and £36.00" in page.words
    await person.post(f"{address}/sign", {**SIGN, "seen": page.field("seen")})


async def test_what_was_offered_differs_from_what_was_signed(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    made = await make_offer(person, scene)
    await db.execute(text("UPDATE visit_patterns SET minutes = 120"))
    address = f"/provider/clients/{made}"
    page = await provider.open(address)
    refused = await provider.post(f"{address}/sign", {**SIGN, "seen": page.field("seen")}, expect=409)
    assert "It is not what the other side signed" in refused.words


async def test_notice_by_either_side_keeps_the_days_agreed(browser, db, clock):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person = await browser.signed_in(scene.member)
    address = f"/agreements/{made.agreement.id}"
    page = await person.open(f"{address}/end")
    assert "31 March 2027 at the earliest" in page.words
    assert page.field("last_on-day") == "31"
    page = await person.post(f"{address}/end", day("last_on", date(2027, 3, 30)), expect=422)
    assert "28 days of notice" in page.errors()["last_on"]
    await person.post(f"{address}/end", {**day("last_on", date(2027, 3, 31)), "reason": "We move away"})
    refused = await person.post(f"{address}/end", day("last_on", date(2027, 4, 2)), expect=409)
    assert "It ends on 31 March 2027 already" in refused.words
    provider = await browser.signed_in(scene.provider)
    page = await provider.open(f"/provider/clients/{made.agreement.id}")
    assert "The last day is 31 March 2027" in page.words
    assert "We move away" in page.words
    clock.move_to(datetime(2027, 3, 31, 23, tzinfo=LONDON))
    await end_agreements()
    await scope_to(db, "every")
    assert await count(db, "support_agreements", "status = 'agreed'") == 1
    clock.move_to(datetime(2027, 4, 1, 1, tzinfo=LONDON))
    await end_agreements()
    await scope_to(db, "every")
    assert await count(db, "support_agreements", "status = 'ended'") == 1
    assert await events(db) == ["AgreementEnding", "AgreementEnded"]
    await run_tasks(db)
    sent = [template for template, _ in await mails(db)]
    assert (sent.count("support_ending"), sent.count("support_ended")) == (2, 2)


async def test_notice_before_the_first_day_ends_it_at_once(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(
        db, scene, starts_on=date(2027, 5, 3), terms={"notice_days": 7, "starts_on": date(2027, 5, 3)}
    )
    person = await browser.signed_in(scene.member)
    await person.post(f"/agreements/{made.agreement.id}/end", day("last_on", date(2027, 3, 10)))
    assert await count(db, "support_agreements", "status = 'ended'") == 1
    assert await events(db) == ["AgreementEnding", "AgreementEnded"]


async def test_notice_takes_back_terms_that_would_begin_after_the_end(browser, db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    await offer_change(provider, made)
    await person.post(f"/agreements/{made.agreement.id}/end", day("last_on", date(2027, 3, 31)))
    assert await count(db, "agreement_terms", "status = 'withdrawn'") == 1
