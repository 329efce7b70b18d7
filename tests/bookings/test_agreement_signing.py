"""Signing, declining, taking back and lapsing of agreements: who comes second learns what came first."""

from datetime import datetime

from sqlalchemy import text

from marketplace.bookings.states import BookingStatus
from marketplace.bookings.tasks_agreements import lapse_terms
from marketplace.core.clock import LONDON
from marketplace.core.database import scope_to
from tests.bookings.agreement_steps import SIGN, mails, make_offer, person_form, provider_form, run_tasks, sign
from tests.browser import count, events
from tests.factories_bookings import make_booking, make_scene


async def test_a_draft_is_its_writers_alone(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    sent = await person.post("/agreements/new", person_form(scene))
    draft = sent.location.rsplit("/", 1)[-1]
    await provider.get(f"/provider/clients/{draft}", expect=404)
    page = await person.get(f"/agreements/new?listing={scene.listing.id}", expect=303)
    assert page.location == sent.location


async def test_signing_a_draft_that_was_changed_in_another_tab_is_refused(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    sent = await person.post("/agreements/new", person_form(scene))
    page = await person.open(sent.location)
    form = await person.open(f"{sent.location}/edit")
    assert form.field("visit-1-minutes") in ("45", "30")
    await person.post(f"{sent.location}/edit", person_form(scene, **{"visit-1-minutes": "60"}))
    refused = await person.post(f"{sent.location}/sign", {**SIGN, "seen": page.field("seen")}, expect=409)
    assert "This agreement has changed since you read it" in refused.heading
    assert await count(db, "support_agreements", "status = 'draft'") == 1
    assert "£56.00" in (await person.open(sent.location)).words
    await sign(person, sent.location)
    await person.post(f"{sent.location}/edit", person_form(scene), expect=409)


async def test_signing_twice_has_one_effect_and_clear_words(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    made = await make_offer(person, scene)
    page = await person.get(f"/agreements/{made}/sign", expect=None)
    seen = (await provider.open(f"/provider/clients/{made}")).field("seen")
    refused = await person.post(f"/agreements/{made}/sign", {**SIGN, "seen": seen}, expect=409)
    assert "You have signed this already" in refused.words
    form = {**SIGN, "seen": seen, "form_id": "1" * 32}
    first = await provider.post(f"/provider/clients/{made}/sign", form)
    again = await provider.post(f"/provider/clients/{made}/sign", form)
    assert first.location == again.location
    late = await provider.post(f"/provider/clients/{made}/sign", {**SIGN, "seen": seen}, expect=409)
    assert "Both sides have signed it already" in late.words
    assert (await events(db)).count("AgreementAnswered") == 1
    assert page.status in (404, 405)


async def test_who_takes_back_first_wins(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    made = await make_offer(person, scene)
    seen = (await provider.open(f"/provider/clients/{made}")).field("seen")
    await person.post(f"/agreements/{made}/withdraw")
    refused = await provider.post(f"/provider/clients/{made}/sign", {**SIGN, "seen": seen}, expect=409)
    assert "taken back in the meantime" in refused.words
    refused = await person.post(f"/agreements/{made}/withdraw", expect=409)
    assert "taken back in the meantime" in refused.words


async def test_saying_no_needs_a_reason_that_the_other_side_reads(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    made = await make_offer(person, scene)
    address = f"/provider/clients/{made}"
    await provider.open(f"{address}/decline")
    page = await provider.post(f"{address}/decline", {"reason": ""}, expect=422)
    assert "reason" in page.errors()
    await provider.post(f"{address}/decline", {"reason": "No room on Mondays"})
    assert "No room on Mondays" in (await person.open(f"/agreements/{made}")).words
    await run_tasks(db)
    body = await db.scalar(text("SELECT body FROM messages WHERE template = 'support_declined'"))
    assert "No room on Mondays" in body


async def test_a_second_agreement_about_the_same_offer_is_refused(browser, db):
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    draft = (await provider.post("/provider/clients/new", provider_form(scene))).location
    await make_offer(person, scene)
    page = await provider.open(draft)
    refused = await provider.post(f"{draft}/sign", {**SIGN, "seen": page.field("seen")}, expect=409)
    assert "has sent you SA-" in refused.words
    await provider.post("/provider/clients/new", provider_form(scene), expect=409)


async def test_an_agreement_nobody_answers_lapses_after_its_first_day(browser, db, clock):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    made = await make_offer(person, scene)
    clock.move_to(datetime(2027, 3, 8, 9, tzinfo=LONDON))
    await lapse_terms()
    assert await count(db, "support_agreements", "status = 'offered'") == 1
    clock.move_to(datetime(2027, 3, 9, 9, tzinfo=LONDON))
    provider = await browser.signed_in(scene.provider)
    seen = (await provider.open(f"/provider/clients/{made}")).field("seen")
    assert seen is None
    refused = await provider.post(f"/provider/clients/{made}/sign", {**SIGN, "seen": "x"}, expect=409)
    assert "The last day to answer was 8 March 2027" in refused.words
    await lapse_terms()
    await lapse_terms()
    await scope_to(db, "every")
    assert await count(db, "support_agreements", "status = 'withdrawn'") == 1
    assert await count(db, "agreement_terms", "status = 'lapsed'") == 1
    await run_tasks(db)
    assert [template for template, _ in await mails(db)].count("support_lapsed") == 2
