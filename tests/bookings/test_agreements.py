"""Agreements between people and who supports them, through the pages: written, signed, changed, ended."""

from datetime import date, datetime

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import (
    AgreementTerms,
    Employment,
    FamilyException,
    HolidayMethod,
    PayEvery,
    Relation,
    SupportAgreement,
    WorkStatus,
)
from marketplace.bookings.states import AgreementStatus, BookingStatus, ExceptionStatus, TermsStatus
from marketplace.bookings.tasks_agreements import end_agreements, lapse_terms
from marketplace.core import outbox
from marketplace.core.clock import LONDON
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.providers.models import DayKind, ListingRate
from tests.browser import count, events
from tests.factories import make_council, make_member
from tests.factories_agreements import make_agreement, make_terms
from tests.factories_bookings import make_booking, make_scene

TODAY = date(2027, 3, 3)
MONDAY = date(2027, 3, 8)
ADDRESS = ("Hidden Lane", "PR1 2HE", "01772 900123")


def day(name, on):
    """The three fields of a date."""
    return {f"{name}-day": str(on.day), f"{name}-month": str(on.month), f"{name}-year": str(on.year)}


def person_form(scene, **given):
    """Monday, Wednesday and Friday at 8am for 45 minutes, and every evening with two workers."""
    fields = {
        "listing": str(scene.listing.id),
        **day("starts_on", MONDAY),
        "visit-1-days": ["0", "2", "4"],
        "visit-1-time": "8am",
        "visit-1-minutes": "45",
        "visit-1-workers": "1",
        "visit-1-every": "1",
        "visit-2-days": ["0"],
        "visit-2-time": "18:00",
        "visit-2-minutes": "30",
        "visit-2-workers": "2",
        "visit-2-every": "2",
        "notice_days": "28",
        "free_cancel_hours": "24",
        "words": "We speak Polish.",
        "funding": "direct_payment",
        "relation": "none",
        "lives_with": "no",
    }
    return fields | given


def provider_form(scene, **given):
    """The same of a provider, with prices."""
    fields = person_form(scene)
    for name in ("relation", "lives_with"):
        del fields[name]
    return (
        fields
        | {
            "person": str(scene.person.id),
            "rate": "16.00",
            "rate_sunday": "20.00",
            "rate_bank_holiday": "32.00",
            "second_worker_percent": "100",
            "late_cancel_percent": "50",
            "retainer_percent": "50",
            "retainer_days": "14",
            "pay_basis": "capped",
            "tolerance_minutes": "5",
        }
        | given
    )


SIGN = {"agree": "yes", "name": "Sam Signer"}


async def sign(browser, address, **given):
    """Sign what a page shows."""
    page = await browser.open(address)
    return await browser.post(f"{address}/sign", {**SIGN, "seen": page.field("seen"), **given})


async def run_tasks(db):
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def mails(db):
    """(template, address) of the e-mails that were queued."""
    rows = await db.execute(text("SELECT template, to_address FROM messages ORDER BY created_at, template"))
    return [tuple(row) for row in rows]


async def test_a_person_writes_signs_and_sends_and_the_assistant_signs(browser, db):
    scene = await make_scene(db)
    db.add(ListingRate(listing_id=scene.listing.id, day_kind=DayKind.BANK_HOLIDAY, price_pence=3_200, starts_on=TODAY))
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)

    offer = await person.open(f"/market/{scene.listing.id}")
    page = await person.open(offer.link(r"/agreements/new"))
    assert "£32.00 an hour" in page.words
    sent = await person.post("/agreements/new", person_form(scene))
    page = await person.open(sent.location)
    # 3 x £12.00, and £16.00 for two workers every second week.
    assert "£44.00" in page.words
    assert "Comes in each week£150.00" in page.words
    assert "Left each week£106.00" in page.words
    assert "0.2 weeks of your budget" in page.words
    assert "£24.00" in page.words, "the price on a bank holiday is shown before anything is signed"
    assert "Can this price pay for the work?" in page.words
    assert await events(db) == []

    await sign(person, sent.location)
    assert await events(db) == ["AgreementOffered"]
    agreement = (await db.scalars(select(SupportAgreement))).one()
    address = f"/provider/clients/{agreement.id}"
    inbox = await provider.open("/provider/clients")
    assert "You need to answer" in inbox.words
    page = await provider.open(address)
    assert "Somebody near Preston" in page.words
    assert "We speak Polish." in page.words
    assert "Can this price pay for the work?" in page.words
    assert not any(part in page.text for part in (*ADDRESS, "Ada Example", "Sam Signer", "Comes in each week"))

    await sign(provider, address, name="Pat Helper")
    page = await provider.open(address)
    assert "Ada Example" in page.words
    db.expire_all()
    agreement = (await db.scalars(select(SupportAgreement))).one()
    terms = (await db.scalars(select(AgreementTerms))).one()
    assert (agreement.status, terms.status) == (AgreementStatus.AGREED, TermsStatus.AGREED)
    assert agreement.worker_id == scene.worker.id
    assert agreement.reference == "SA-00001"
    assert (terms.person_signature, terms.provider_signature) == ("Sam Signer", "Pat Helper")
    assert terms.weekly_pence == 4_400
    assert len(terms.sha256) == 64
    assert terms.working["verdict"] in ("fine", "thin", "impossible")
    assert await count(db, "visit_patterns") == 4
    signed_print = terms.sha256
    page = await person.open(f"/agreements/{agreement.id}/print")
    assert signed_print in page.words
    await person.open("/agreements")
    await run_tasks(db)
    assert [template for template, _ in await mails(db)].count("support_agreed") == 2


async def test_what_is_wrong_comes_back_with_everything_that_was_typed(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = person_form(
        scene,
        **{"visit-1-time": "late", "visit-1-minutes": "5", "notice_days": "many", "visit-2-days": []},
        **day("last_on", date(2027, 3, 1)),
    )
    page = await person.post("/agreements/new", form, expect=422)
    assert set(page.errors()) >= {"visit-1-time", "visit-1-minutes", "notice_days", "visit-2-days", "last_on"}
    assert page.field("words") == "We speak Polish."
    assert await count(db, "support_agreements") == 0


async def test_visits_that_overlap_are_refused(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = person_form(scene, **{"visit-2-time": "8:30am", "visit-2-every": "1"})
    page = await person.post("/agreements/new", form, expect=422)
    assert page.errors() == {"visit-2-time": "Visit 2 overlaps visit 1 on Monday"}


async def test_another_row_is_added_without_a_script(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, action="add", rows="3"), expect=200)
    page.check()
    assert page.field("visit-4-time") == ""
    assert page.field("visit-1-time") == "8am"


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (day("starts_on", date(2027, 3, 2)), "starts_on", "It must be today or later"),
        (day("starts_on", date(2029, 3, 2)), "starts_on", "within a year"),
    ],
)
async def test_the_first_day_has_bounds(browser, db, given, field, words):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, **given), expect=422)
    assert words in page.errors()[field]
    assert await count(db, "support_agreements") == 0


async def test_without_a_direct_payment_the_way_to_pay_is_refused(browser, db):
    scene = await make_scene(db, direct_payment=False)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene), expect=422)
    assert "no direct payment" in page.errors()["funding"]


async def test_council_money_needs_an_accreditation_on_the_first_day(browser, db):
    scene = await make_scene(db)
    await db.execute(text("UPDATE accreditations SET live_until = '2027-03-08'"))
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene), expect=422)
    assert "does not pay" in page.errors()["funding"]
    await person.post("/agreements/new", person_form(scene, **day("starts_on", date(2027, 3, 7))))


async def test_an_accreditation_that_ends_before_the_signature_stops_it(browser, db):
    scene = await make_scene(db)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    made = await make_offer(person, scene)
    await db.execute(text("UPDATE accreditations SET live_until = '2027-03-05'"))
    address = f"/provider/clients/{made}"
    page = await provider.open(address)
    page = await provider.post(f"{address}/sign", {**SIGN, "seen": page.field("seen")}, expect=422)
    assert "does not pay you" in page.words
    assert await count(db, "support_agreements", "status = 'offered'") == 1


async def make_offer(person, scene, **given):
    """An agreement that a person has signed and sent; returns its id."""
    sent = await person.post("/agreements/new", person_form(scene, **given))
    await sign(person, sent.location)
    return sent.location.rsplit("/", 1)[-1]


async def make_employment(db, scene, relation=Relation.PARTNER):
    """The person takes on the assistant."""
    row = Employment(
        council_id=scene.council.id,
        person_id=scene.person.id,
        worker_id=scene.worker.id,
        name="Pat",
        status="preparing",
        work_status=WorkStatus.EMPLOYED,
        relation=relation,
        lives_with=True,
        starts_on=MONDAY,
        weekly_minutes=600,
        wage_pence=1_600,
        pay_every=PayEvery.MONTH,
        holiday_method=HolidayMethod.WEEKS,
        claims_allowance=True,
        created_by_user_id=scene.member.user.id,
        created_at=datetime(2027, 3, 1, tzinfo=LONDON),
    )
    db.add(row)
    await db.flush()
    return row


async def test_a_partner_is_blocked_with_the_way_to_ask_the_council(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, relation="partner", lives_with="yes"), expect=409)
    assert "A relative who lives with you cannot be paid" in page.heading
    assert "/employer" in page.links()
    assert await count(db, "support_agreements") == 0


@pytest.mark.parametrize(
    ("relation", "home", "allowed"),
    [
        ("partner", "no", False),
        ("close_relative", "yes", False),
        ("close_relative", "no", True),
        ("other_relative", "yes", True),
        ("other_relative", "no", True),
        ("none", "yes", True),
    ],
)
async def test_the_family_rule_looks_at_relation_and_home(browser, db, relation, home, allowed):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    form = person_form(scene, relation=relation, lives_with=home)
    await person.post("/agreements/new", form, expect=303 if allowed else 409)


@pytest.mark.parametrize(
    ("status", "expect", "words"),
    [
        (ExceptionStatus.ALLOWED, 303, ""),
        (ExceptionStatus.ASKED, 409, "You have asked your council"),
        (ExceptionStatus.REFUSED, 409, "Not enough reason"),
    ],
)
async def test_the_council_may_allow_a_relative(browser, db, status, expect, words):
    scene = await make_scene(db)
    employment = await make_employment(db, scene)
    manager = await make_member(db, Role.MANAGER, scene.council)
    db.add(
        FamilyException(
            council_id=scene.council.id,
            employment_id=employment.id,
            person_id=scene.person.id,
            status=status,
            is_for_care=True,
            reason="Nobody else can",
            asked_by_user_id=scene.member.user.id,
            asked_at=datetime(2027, 3, 1, tzinfo=LONDON),
            decided_by_user_id=manager.user.id,
            decision_reason="Not enough reason",
        )
    )
    person = await browser.signed_in(scene.member)
    form = person_form(scene, relation="partner", lives_with="yes")
    page = await person.post("/agreements/new", form, expect=expect)
    assert words in page.text


async def test_the_person_is_asked_about_the_family_when_the_assistant_wrote_it(browser, db):
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(scene.provider)
    index = await provider.open("/provider/clients")
    choose = await provider.open(index.link(r"clients/new\?person="))
    page = await provider.open(choose.link(r"listing="))
    assert page.field("rate") == "16.00"
    sent = await provider.post("/provider/clients/new", provider_form(scene))
    await sign(provider, sent.location, name="Pat Helper")
    address = f"/agreements/{sent.location.rsplit('/', 1)[-1]}"
    page = await person.open(address)
    assert "How are you related?" in page.words
    seen = page.field("seen")
    page = await person.post(f"{address}/sign", {**SIGN, "seen": seen}, expect=422)
    assert set(page.errors()) == {"relation", "lives_with"}
    related = {"relation": "close_relative", "lives_with": "yes"}
    await person.post(f"{address}/sign", {**SIGN, "seen": seen, **related}, expect=409)
    assert await count(db, "support_agreements", "status = 'offered' AND relation IS NULL") == 1
    await person.post(f"{address}/sign", {**SIGN, "seen": seen, "relation": "none", "lives_with": "no"})
    assert await count(db, "support_agreements", "status = 'agreed' AND relation = 'none'") == 1


async def test_a_representative_signs_with_both_names(browser, db):
    scene = await make_scene(db)
    member = await make_member(
        db, Role.REPRESENTATIVE, scene.council, name="Jo Rep", person_id=scene.person.id, acting_for_name="Ada Example"
    )
    rep = await browser.signed_in(member)
    sent = await rep.post("/agreements/new", person_form(scene))
    page = await rep.open(sent.location)
    assert "You sign for Ada Example" in page.words
    await sign(rep, sent.location, name="Jo Rep")
    page = await rep.open(sent.location)
    assert "Jo Rep, acting for Ada Example" in page.words
    assert await count(db, "audit_entries", f"on_behalf_of = '{scene.person.id}' AND action LIKE 'bookings.%'") == 2


async def test_strangers_other_councils_and_other_assistants_see_nothing(browser, db):
    scene = await make_scene(db)
    other = await make_scene(db)
    made = await make_agreement(db, scene)
    for member, base in ((other.member, "agreements"), (other.provider, "provider/clients")):
        stranger = await browser.signed_in(member)
        for rest in ("", "/end", "/versions", "/print"):
            await stranger.get(f"/{base}/{made.agreement.id}{rest}", expect=404)
        await stranger.post(f"/{base}/{made.agreement.id}/sign", {**SIGN, "seen": ""}, expect=404)
        await stranger.post(f"/{base}/{made.agreement.id}/withdraw", expect=404)


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


def change_form(**given):
    """£22 to £24: here £16 to £18, from 1 April."""
    return {
        **day("starts_on", date(2027, 4, 1)),
        "reason": "Wages rise in April.",
        "rate": "18.00",
        "rate_sunday": "20.00",
        "rate_bank_holiday": "32.00",
        "second_worker_percent": "100",
        "notice_days": "28",
        "free_cancel_hours": "24",
        "late_cancel_percent": "100",
        "retainer_percent": "50",
        "retainer_days": "14",
        "pay_basis": "capped",
        "tolerance_minutes": "5",
        "words": "",
    } | given


async def offer_change(provider, made, **given):
    """New terms, signed and sent."""
    address = f"/provider/clients/{made.agreement.id}"
    page = await provider.post(f"{address}/change", change_form(**given), expect=200)
    page.check()
    form = change_form(**given)
    return await provider.post(f"{address}/change", {**form, "action": "send", **SIGN, "seen": page.field("seen")})


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
    assert "The terms of now go on" in page.words
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


async def test_an_impossible_price_is_flagged_to_both_sides(browser, db):
    scene = await make_scene(db, listing={"worker_id": None})
    await db.execute(text("UPDATE organisations SET kind = 'home_care'"))
    scene.listing.worker_id = None
    await make_booking(db, scene, BookingStatus.ACCEPTED)
    provider_member = await make_member(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    person, provider = await browser.signed_in(scene.member), await browser.signed_in(provider_member)
    form = provider_form(scene, rate="9.00", rate_sunday="", rate_bank_holiday="")
    sent = await provider.post("/provider/clients/new", form)
    page = await provider.open(sent.location)
    assert "Too low" in page.words
    assert "cannot pay for these visits" in page.words
    await sign(provider, sent.location)
    page = await person.open(f"/agreements/{sent.location.rsplit('/', 1)[-1]}")
    assert "Too low" in page.words
    assert "Least lawful cost" in page.words


async def test_more_than_comes_in_is_a_warning_with_choices(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    sent = await person.post("/agreements/new", person_form(scene, **{"visit-1-minutes": "240"}))
    page = await person.open(sent.location)
    assert "£50.00 a week more than comes in" in page.words
    assert "/my-plan" in page.links()


async def test_a_listing_of_another_price_is_not_agreed_here(browser, db):
    scene = await make_scene(db, listing={"price_unit": "week"})
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/agreements/new?listing={scene.listing.id}", expect=409)
    assert "not priced by the visit" in page.words


async def test_a_provider_offers_nothing_to_somebody_it_does_not_know(browser, db):
    scene, council = await make_scene(db), await make_council(db)
    provider = await browser.signed_in(scene.provider)
    await provider.get(f"/provider/clients/new?person={scene.person.id}", expect=404)
    await provider.post("/provider/clients/new", provider_form(scene), expect=404)
    await provider.get("/provider/clients/new?enquiry=nothing", expect=404)
    assert council


async def test_offered_terms_never_change_in_the_database(db):
    scene = await make_scene(db)
    made = await make_agreement(db, scene, status=AgreementStatus.OFFERED)
    terms, _ = await make_terms(db, scene, made.agreement, number=2, status=TermsStatus.DRAFT)
    assert terms.number == 2
    with pytest.raises(Exception, match="offered terms never change"):
        async with db.begin_nested():
            await db.execute(text("UPDATE agreement_terms SET notice_days = 1 WHERE number = 1"))


async def test_nobody_signs_for_both_sides(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    made = await make_offer(person, scene)
    # The same user also works for the provider.
    both = await make_member(
        db, Role.PA, scene.council, organisation_id=scene.organisation.id, worker_id=scene.worker.id
    )
    await db.execute(
        text("UPDATE memberships SET user_id = :user WHERE id = :id"),
        {"user": scene.member.user.id, "id": both.membership.id},
    )
    other = await browser.signed_in(type(both)(scene.member.user, both.membership, scene.council))
    address = f"/provider/clients/{made}"
    page = await other.open(address)
    await other.post(f"{address}/sign", {**SIGN, "seen": page.field("seen")}, expect=403)
    assert await count(db, "support_agreements", "status = 'offered'") == 1
