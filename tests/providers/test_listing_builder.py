"""The listing builder: steps, saving and coming back, publishing by the council's rule, regulated care, two at once."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.accounts.council_settings import set_setting
from marketplace.accounts.permissions import Role
from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    HiddenWhy,
    Listing,
    ListingDraft,
    ListingHours,
    ListingRate,
    ListingVersion,
    OrganisationKind,
    PriceUnit,
    RegulatedBasis,
    VatCategory,
)
from marketplace.providers.states import DraftStatus
from tests.browser import count, events
from tests.factories import make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_listings import ANSWERS, make_draft, make_provider, register

STEPS = tuple(ANSWERS)
CARE = {"personal_care": "yes"}
TEST = [f"status{number}" for number in range(4)]


async def rule(db: Any, provider: Any, value: str) -> None:
    await set_setting(
        db, None, provider.council.id, "providers.listing_check", value, starts_on=date(2027, 1, 1)
    )  # fmt: skip


async def draft_of(db: Any) -> ListingDraft:
    newest = select(ListingDraft).order_by(ListingDraft.created_at.desc(), ListingDraft.id.desc())
    return (await db.scalars(newest)).first()


async def test_a_listing_is_written_in_steps_and_published(browser, db):
    provider = await make_provider(db)
    await rule(db, provider, "never")
    reader = await browser.signed_in(provider.member)
    await reader.open("/provider/listings")
    await reader.open("/provider/listings/new")
    at = (await reader.post("/provider/listings/new")).location
    base = at.rsplit("/", 1)[0]
    assert at.endswith("/kind")
    for version, name in enumerate(STEPS, 1):
        await reader.open(f"{base}/{name}")
        if name == "rates":
            form = {
                "version": str(version), "action": "add", "day_kind": "bank_holiday", "rate": "9",
                "starts_on-day": "1", "starts_on-month": "1", "starts_on-year": "2027",
            }  # fmt: skip
            sent = await reader.post(f"{base}/rates", form)
            assert sent.location == f"{base}/rates"
            page = await reader.open(sent.location)
            assert "Bank holiday: £9.00 from 1 January 2027" in page.words
            await reader.post(f"{base}/rates", {"version": page.field("version") or "", "action": "continue"})
            continue
        sent = await reader.post(f"{base}/{name}", {**ANSWERS[name], "version": str(version), "action": "continue"})
        if name == "what":
            assert sent.location == f"{base}/suits"
    assert sent.location == base
    page = await reader.open(base)
    assert "11 of 11 steps are done" in page.words
    preview = await reader.open(f"{base}/preview")
    assert "Preview: Lunch club in Preston" in preview.title
    assert "Within 10 miles of Preston, PR1" in preview.words
    check = await reader.open(f"{base}/check")
    assert "A carer or PA comes in free, Cheaper on a low income. Half price" in check.words
    assert "Bank holiday: £9.00 from 1 January 2027" in check.words
    assert "4 places free" in check.words
    published = await reader.post(f"{base}/finish", {"version": check.field("version") or ""})
    listing = (await db.scalars(select(Listing))).one()
    listing_id = listing.id
    assert published.location == f"/provider/listings/{listing_id}"
    assert (listing.title, listing.price_pence, listing.price_unit, listing.usual_tenths) == (
        "Lunch club in Preston", 650, PriceUnit.SESSION, 15,
    )  # fmt: skip
    assert (listing.suits, listing.concessions) == (["older", "dementia"], ["carer_free", "low_income"])
    assert (listing.town, listing.postcode_area, listing.radius_metres) == ("Preston", "PR1", 16_093)
    assert (listing.capacity_kind, listing.capacity_free) == (CapacityKind.PLACES, 4)
    assert listing.district_codes == ["E07000123"]
    assert listing.regulated_basis is RegulatedBasis.NOT_REGULATED
    assert listing.vat_category is VatCategory.NOT_REGISTERED
    rates = (await db.scalars(select(ListingRate))).all()
    assert [(row.day_kind, row.price_pence) for row in rates] == [(DayKind.BANK_HOLIDAY, 900)]
    assert sorted(row.weekday for row in await db.scalars(select(ListingHours))) == [1, 3]
    version = (await db.scalars(select(ListingVersion))).one()
    assert (version.number, version.content["title"]) == (1, "Lunch club in Preston")
    assert await count(db, "audit_entries", "action = 'providers.publish_listing'") == 1
    assert await count(db, "steps", "subject_kind = 'listing_draft'") == 2
    assert (await events(db))[-1] == "ListingChanged"
    await browser.open(f"/market/{listing_id}")
    await reader.open(f"/provider/listings/{listing_id}")


async def test_what_is_saved_is_there_when_somebody_comes_back(browser, db):
    provider = await make_provider(db)
    reader = await browser.signed_in(provider.member)
    base = (await reader.post("/provider/listings/new")).location.rsplit("/", 1)[0]
    sent = await reader.post(f"{base}/kind", {"category": "gardening", "version": "1", "action": "later"})
    assert sent.location == base
    page = await (await browser.signed_in(provider.member)).open(f"{base}/kind")
    assert page.field("category") == "gardening"
    assert "1 of 11 steps are done" in (await reader.open(base)).words
    assert "New listing without a title" in (await reader.open("/provider/listings")).words
    await reader.open(f"{base}/check", expect=422)


async def test_a_form_sent_twice_makes_one_draft_and_one_listing(browser, db):
    provider = await make_provider(db)
    await rule(db, provider, "never")
    reader = await browser.signed_in(provider.member)
    first, second = [await reader.post("/provider/listings/new", {"form_id": "twice-the-same-form"}) for _ in range(2)]
    assert first.location == second.location
    assert await count(db, "listing_drafts") == 1
    draft = await make_draft(db, provider)
    form = {"version": "1", "form_id": "published-with-two-clicks"}
    for _ in range(2):
        await reader.post(f"/provider/listings/drafts/{draft.id}/finish", form)
    assert await count(db, "listings") == 1


async def test_a_draft_changed_by_somebody_else_is_not_overwritten(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider)
    reader = await browser.signed_in(provider.member)
    base = f"/provider/listings/drafts/{draft.id}"
    await reader.post(f"{base}/what", {**ANSWERS["what"], "title": "First", "version": "1"})
    page = await reader.post(f"{base}/what", {**ANSWERS["what"], "title": "Second", "version": "1"}, expect=409)
    assert "Somebody else changed this draft" in page.words
    await reader.post(f"{base}/finish", {"version": "1"}, expect=409)
    assert (await draft_of(db)).content["what"]["title"] == "First"
    assert await count(db, "listings") == 0


WRONG = [
    ("kind", {"category": ""}, "category"),
    ("kind", {"category": "wish"}, "category"),
    ("what", {"title": ""}, "title"),
    ("what", {"title": "x" * 101}, "title"),
    ("what", {"summary": "x" * 301}, "summary"),
    ("what", {"body": "a\x00b"}, "body"),
    ("suits", {"suits": ["unicorns"]}, "suits"),
    ("care", {"personal_care": ""}, "personal_care"),
    ("price", {"price": ""}, "price"),
    ("price", {"price": "0"}, "price"),
    ("price", {"price": "lots"}, "price"),
    ("price", {"price_unit": "wish"}, "price_unit"),
    ("price", {"usual": "1.25"}, "usual"),
    ("price", {"usual": "169"}, "usual"),
    ("price", {"vat_category": ""}, "vat_category"),
    ("price", {"vat_category": "standard"}, "vat_reason"),
    ("price", {"vat_category": "exempt_welfare"}, "vat_reason"),
    ("price", {"least_minutes": "5"}, "least_minutes"),
    ("concessions", {"concessions": ["gold"]}, "concessions"),
    ("area", {"area": ""}, "area"),
    ("area", {"miles": "0"}, "miles"),
    ("area", {"miles": "1000000000"}, "miles"),
    ("area", {"postcode": "BT1 1AA"}, "postcode"),
    ("area", {"postcode": "not one"}, "postcode"),
    ("area", {"postcode": ""}, "postcode"),
    ("area", {"area": "districts"}, "districts"),
    ("hours", {"day1": "9 to whenever"}, "day1"),
    ("room", {"capacity_kind": "places", "capacity_free": "-1"}, "capacity_free"),
    ("share", {"is_open_data": ""}, "is_open_data"),
    ("rates", {"action": "add", "rate": "x"}, "rate"),
]


async def test_wrong_answers_are_refused_and_change_nothing(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider)
    before = (await draft_of(db)).content
    reader = await browser.signed_in(provider.member)
    for step, changes, field in WRONG:
        form = {**({} if step == "rates" else ANSWERS[step]), **changes, "version": "1"}
        page = await reader.post(f"/provider/listings/drafts/{draft.id}/{step}", form, expect=422)
        assert field in page.errors(), (step, changes)
        for name, value in changes.items():
            if isinstance(value, str) and "\x00" not in value and name not in ("action", "price_unit", "category"):
                assert (page.field(name) or "") in ("", value), (step, name)
    assert (await draft_of(db)).content == before
    assert await count(db, "audit_entries", "action LIKE 'providers%'") == 0


async def test_the_council_looks_at_new_listings_first_and_changes_go_live_at_once(browser, db):
    provider = await make_provider(db)
    reader = await browser.signed_in(provider.member)
    draft = await make_draft(db, provider)
    base = f"/provider/listings/drafts/{draft.id}"
    assert "Send to the council" in (await reader.open(f"{base}/check")).words
    await reader.post(f"{base}/finish", {"version": "1"})
    assert (await draft_of(db)).status is DraftStatus.SUBMITTED
    assert await events(db) == ["DraftSubmitted"]
    assert await count(db, "listings") == 0
    await reader.open(base)
    await reader.post(f"{base}/what", {**ANSWERS["what"], "version": "2"}, expect=409)
    await reader.post(f"{base}/discard", expect=409)
    await reader.post(f"{base}/take-back")
    assert (await draft_of(db)).status is DraftStatus.OPEN
    await reader.post(f"{base}/discard")
    assert (await draft_of(db)).status is DraftStatus.DISCARDED

    listing = await make_listing(db, provider.organisation, title="Old title", category="community")
    listing_id = listing.id
    at = (await reader.post(f"/provider/listings/{listing_id}/change")).location
    assert (await reader.post(f"/provider/listings/{listing_id}/change")).location == at, "one live draft"
    page = await reader.open(f"{at}/what")
    assert page.field("title") == "Old title"
    await reader.post(f"{at}/what", {**ANSWERS["what"], "version": "1"})
    assert "Publish" in (await reader.open(f"{at}/check")).words
    await reader.post(f"{at}/finish", {"version": "2"})
    changed = await db.get_one(Listing, listing_id)
    assert (changed.title, changed.price_pence, changed.radius_metres) == ("Lunch club in Preston", 1_600, 19_312)
    assert changed.confirmed_at is not None
    versions = await reader.open(f"/provider/listings/{listing_id}/versions")
    assert "Old title" in versions.words
    assert "Pat Provider" in versions.words
    assert await count(db, "listing_versions") == 2


@pytest.mark.parametrize(
    ("setting", "listing", "answers", "goes"),
    [
        ("always", {}, {}, DraftStatus.SUBMITTED),
        ("never", {}, {}, DraftStatus.PUBLISHED),
        ("first", {}, {}, DraftStatus.PUBLISHED),
        ("first", {"category": "gardening"}, {}, DraftStatus.SUBMITTED),
        ("first", {"hidden_why": HiddenWhy.COUNCIL}, {}, DraftStatus.SUBMITTED),
    ],
)
async def test_which_changes_the_council_looks_at(browser, db, setting, listing, answers, goes):
    provider = await make_provider(db)
    await rule(db, provider, setting)
    made = await make_listing(db, provider.organisation, **{"category": "community", **listing})
    draft = await make_draft(db, provider, answers=answers, listing_id=made.id)
    await (await browser.signed_in(provider.member)).post(
        f"/provider/listings/drafts/{draft.id}/finish", {"version": "1"}
    )
    assert (await draft_of(db)).status is goes


async def test_a_company_that_is_not_registered_cannot_offer_personal_care(browser, db):
    provider = await make_provider(db, kind=OrganisationKind.HOME_CARE)
    await rule(db, provider, "never")
    draft = await make_draft(db, provider)
    reader = await browser.signed_in(provider.member)
    base = f"/provider/listings/drafts/{draft.id}"
    assert (
        "An agency that only introduces workers does not have to register" in (await reader.open(f"{base}/care")).words
    )
    for answers in (CARE, {**CARE, "status": TEST}):
        page = await reader.post(f"{base}/care", {**answers, "version": "1"}, expect=422)
        assert "This is a regulated activity" in page.errors()["personal_care"]
        assert "/provider/evidence" in page.links()
    page = await reader.post(f"{base}/kind", {"category": "home_care", "version": "1"}, expect=422)
    assert "regulated activity" in page.errors()["category"]
    # What got into a draft by another way is not published either.
    other = await make_draft(db, provider, answers={"care": CARE})
    await reader.post(f"/provider/listings/drafts/{other.id}/finish", {"version": "1"}, expect=422)
    assert await count(db, "listings") == 0


async def test_a_registered_provider_offers_personal_care(browser, db):
    provider = await make_provider(db, kind=OrganisationKind.HOME_CARE)
    await register(db, provider)
    await rule(db, provider, "never")
    draft = await make_draft(db, provider, answers={"kind": {"category": "home_care"}, "care": CARE})
    reader = await browser.signed_in(provider.member)
    await reader.open(f"/provider/listings/drafts/{draft.id}/care")
    await reader.post(f"/provider/listings/drafts/{draft.id}/finish", {"version": "1"})
    assert (await db.scalars(select(Listing.regulated_basis))).one() is RegulatedBasis.REGISTERED


async def test_an_individual_whom_people_hire_passes_the_test_first(browser, db):
    provider = await make_provider(db, is_pa=True)
    await rule(db, provider, "never")
    draft = await make_draft(db, provider, answers={"kind": {"category": "personal_assistant"}})
    reader = await browser.signed_in(provider.member)
    base = f"/provider/listings/drafts/{draft.id}"
    await reader.open(f"{base}/care")
    page = await reader.post(f"{base}/care", {**CARE, "status": TEST[:3], "version": "1"}, expect=422)
    assert "no agency in between" in page.errors()["status"]
    await reader.post(f"{base}/care", {**CARE, "status": TEST, "version": "1"})
    check = await reader.open(f"{base}/check")
    assert "an individual confirmed that the person hires, pays and directs them" in check.words
    assert "This is only true while the person, or somebody who may act for them by law" in check.words
    await reader.post(f"{base}/finish", {"version": "2"})
    listing = (await db.scalars(select(Listing))).one()
    assert listing.regulated_basis is RegulatedBasis.DIRECTLY_ENGAGED
    assert listing.worker_id == provider.worker.id
    assert "You hire this person yourself" in (await browser.open(f"/market/{listing.id}")).words


async def test_somebody_with_a_company_of_their_own_is_not_directly_engaged(browser, db):
    provider = await make_provider(db, is_pa=True, company_number="07654321")
    await rule(db, provider, "never")
    draft = await make_draft(db, provider, answers={"kind": {"category": "personal_assistant"}})
    reader = await browser.signed_in(provider.member)
    path = f"/provider/listings/drafts/{draft.id}/care"
    page = await reader.post(path, {**CARE, "status": TEST, "version": "1"}, expect=422)
    assert "A limited company that supplies a worker must be registered" in page.errors()["personal_care"]


async def test_the_base_of_an_individual_is_kept_rounded(browser, db):
    provider = await make_provider(db, is_pa=True)
    await rule(db, provider, "never")
    answers = {"area": {"area": "radius", "postcode": "", "miles": "5"}, "kind": {"category": "shopping"}}
    draft = await make_draft(db, provider, answers=answers)
    reader = await browser.signed_in(provider.member)
    await reader.post(f"/provider/listings/drafts/{draft.id}/finish", {"version": "1"})
    listing = (await db.scalars(select(Listing))).one()
    assert (listing.lat, listing.lon, listing.postcode_area, listing.town) == (53.76, -2.7, "PR1", "Preston")
    version = (await db.scalars(select(ListingVersion))).one()
    assert "53.7593" not in str(version.content)
    assert "2HE" not in str(version.content)
    hours = await reader.get(f"/provider/listings/drafts/{draft.id}/hours", expect=404)
    assert hours.status == 404, "a worker's hours stay on the availability page"


async def test_a_worker_sees_and_changes_only_their_own(browser, db):
    provider = await make_provider(db, is_pa=True)
    other = await make_worker(db, provider.organisation, kind="pa")
    others_listing = await make_listing(db, provider.organisation, worker_id=other.id, title="Of a colleague")
    listing_id = others_listing.id
    draft = await make_draft(db, provider, content={**ANSWERS, "worker": str(other.id)})
    reader = await browser.signed_in(provider.member)
    assert "Of a colleague" not in (await reader.open("/provider/listings")).words
    for path in (
        f"/provider/listings/{listing_id}",
        f"/provider/listings/{listing_id}/versions",
        f"/provider/listings/{listing_id}/figures",
        f"/provider/listings/{listing_id}/still-right",
        f"/provider/listings/drafts/{draft.id}",
        f"/provider/listings/drafts/{draft.id}/what",
        f"/provider/listings/drafts/{draft.id}/preview",
    ):
        await reader.get(path, expect=404)
    for path in ("change", "pause", "resume", "still-right", "room"):
        await reader.post(f"/provider/listings/{listing_id}/{path}", {"kind": "places", "free": "1"}, expect=404)
    for path in ("finish", "discard", "take-back", "what"):
        await reader.post(f"/provider/listings/drafts/{draft.id}/{path}", {"version": "1"}, expect=404)


async def test_a_draft_of_another_organisation_is_not_found(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider)
    stranger = await make_member(
        db, Role.PROVIDER, provider.council, organisation_id=(await make_organisation(db)).id
    )  # fmt: skip
    reader = await browser.signed_in(stranger)
    for path in ("", "/what", "/check", "/preview"):
        await reader.get(f"/provider/listings/drafts/{draft.id}{path}", expect=404)
    await reader.post(f"/provider/listings/drafts/{draft.id}/finish", {"version": "1"}, expect=404)
    assert (await draft_of(db)).status is DraftStatus.OPEN


async def test_the_home_council_checks_even_where_the_role_is_held_in_another(browser, db):
    provider = await make_provider(db)
    elsewhere = await make_council(db)
    member = await make_member(db, Role.PROVIDER, elsewhere, organisation_id=provider.organisation.id)
    reader = await browser.signed_in(member)
    await rule(db, provider, "always")
    base = (await reader.post("/provider/listings/new")).location.rsplit("/", 1)[0]
    await reader.open(base)
    made = await draft_of(db)
    assert made.council_id == provider.council.id


async def test_hints_help_with_the_words_and_save_nothing(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider)
    reader = await browser.signed_in(provider.member)
    address = f"/provider/listings/drafts/{draft.id}/hints"
    form = {"title": "HOLISTIC", "summary": "We facilitate outcomes. Call 01772 900123", "body": "word " * 40}
    page = await reader.post(address, form, expect=200)
    page.check()
    for words in ("Try “help”", "has 40 words", "Leave out telephone numbers", "Try “whole-life”"):
        assert words in page.words
    assert page.field("title") == "HOLISTIC"
    alone = await reader.post(address, form, expect=200, headers={"hx-request": "true"})
    assert "<html" not in alone.text
    assert "Ideas for your text" in alone.text
    assert (await draft_of(db)).content["what"] == ANSWERS["what"]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "O’Brien & Śląsk 你好 😀", "‮txt", "{{ 7 * 7 }}"])
async def test_any_text_is_shown_as_it_is(browser, db, text):
    provider = await make_provider(db)
    draft = await make_draft(db, provider, answers={"what": {"title": text, "summary": text, "body": text}})
    reader = await browser.signed_in(provider.member)
    for page in ("", "/what", "/check", "/preview"):
        assert text in (await reader.open(f"/provider/listings/drafts/{draft.id}{page}")).words


async def test_an_assistant_changes_the_listing_that_is_theirs(browser, db):
    provider = await make_provider(db, is_pa=True)
    await rule(db, provider, "never")
    listing = await make_listing(db, provider.organisation, worker_id=provider.worker.id, district_codes=["E07000123"])
    listing_id = listing.id
    reader = await browser.signed_in(provider.member)
    base = (await reader.post(f"/provider/listings/{listing_id}/change")).location
    check = await reader.open(f"{base}/check")
    sent = await reader.post(f"{base}/finish", {"version": check.field("version") or ""})
    assert sent.location == f"/provider/listings/{listing_id}"


async def test_places_of_a_session_are_said_for_offers_to_which_people_come(browser, db):
    provider = await make_provider(db)
    await rule(db, provider, "never")
    reader = await browser.signed_in(provider.member)
    draft = await make_draft(db, provider)
    base = f"/provider/listings/drafts/{draft.id}"
    page = await reader.open(f"{base}/hours")
    assert "How many places has each session?" in page.words
    form = {"version": page.field("version") or "", "action": "continue", "session_places": "12"}
    refused = await reader.post(f"{base}/hours", form, expect=422)
    assert "when the sessions are" in refused.errors()["session_places"]
    assert "500" in (await reader.post(f"{base}/hours", {**form, **ANSWERS["hours"], "session_places": "501"},
                                       expect=422)).errors()["session_places"]  # fmt: skip
    await reader.post(f"{base}/hours", {**form, **ANSWERS["hours"]})
    check = await reader.open(f"{base}/check")
    assert "12, booked as places" in check.words
    await reader.post(f"{base}/finish", {"version": check.field("version") or ""})
    listing = (await db.scalars(select(Listing))).one()
    assert listing.session_places == 12
    again = (await reader.post(f"/provider/listings/{listing.id}/change")).location
    assert (await reader.open(f"{again.split('/kind')[0]}/hours")).field("session_places") == "12"


async def test_an_offer_that_goes_to_people_has_no_places(browser, db):
    provider = await make_provider(db)
    reader = await browser.signed_in(provider.member)
    base = (await reader.post("/provider/listings/new")).location.rsplit("/", 1)[0]
    await reader.post(f"{base}/kind", {"category": "gardening", "version": "1", "action": "later"})
    page = await reader.open(f"{base}/hours")
    assert "How many places" not in page.words
    form = {"version": page.field("version") or "", "action": "later", "session_places": "5", **ANSWERS["hours"]}
    await reader.post(f"{base}/hours", form)
