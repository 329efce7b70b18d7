"""Agreements through the pages: written by either side, shown to whom they concern, with prices and effect."""

from datetime import date

import pytest
from sqlalchemy import select, text

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import (
    AgreementTerms,
    SupportAgreement,
)
from marketplace.bookings.states import AgreementStatus, BookingStatus, TermsStatus
from marketplace.providers.models import DayKind, ListingRate
from marketplace.providers.states import EnquiryStatus
from tests.bookings.agreement_steps import (
    ADDRESS,
    SIGN,
    TODAY,
    day,
    mails,
    make_offer,
    person_form,
    provider_form,
    run_tasks,
    sign,
)
from tests.browser import count, events
from tests.factories import make_council, make_member
from tests.factories_agreements import make_agreement, make_terms
from tests.factories_bookings import make_booking, make_scene
from tests.factories_talking import make_enquiry


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
    assert "£40.00" in page.words
    assert "Comes in each week£150.00" in page.words
    assert "Left each week£110.00" in page.words
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
    assert terms.weekly_pence == 4_000
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


async def test_nobody_second_comes_with_one_assistant_alone(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/agreements/new", person_form(scene, **{"visit-2-workers": "2"}), expect=422)
    assert set(page.errors()) == {"visit-2-days"}
    assert await count(db, "support_agreements") == 0


async def test_more_than_comes_in_is_a_warning_with_choices(browser, db):
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    sent = await person.post("/agreements/new", person_form(scene, **{"visit-1-minutes": "240"}))
    page = await person.open(sent.location)
    assert "£46.00 a week more than comes in" in page.words
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


async def test_somebody_who_asked_is_offered_an_agreement_without_being_named(browser, db):
    scene = await make_scene(db)
    enquiry = await make_enquiry(db, scene, EnquiryStatus.ANSWERED)
    provider = await browser.signed_in(scene.provider)
    page = await provider.open(f"/provider/enquiries/{enquiry.id}")
    page = await provider.open(page.link("/provider/clients/new"))
    assert "Somebody near Preston" in page.words
    form = provider_form(scene, person="", enquiry=str(enquiry.id))
    sent = await provider.post("/provider/clients/new", form)
    page = await provider.open(sent.location)
    assert "Ada Example" not in page.text
    await sign(provider, sent.location)
    person = await browser.signed_in(scene.member)
    assert "You need to answer" in (await person.open("/agreements")).words
