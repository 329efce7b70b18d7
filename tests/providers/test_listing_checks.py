"""The council's checks: the queue, a draft side by side with what is live, decisions, taking listings off."""

from marketplace.accounts.permissions import Role
from marketplace.providers.events import DraftDecided, DraftSubmitted, ListingTakenOff
from marketplace.providers.models import HiddenWhy, Listing, ListingDraft
from marketplace.providers.states import DraftStatus
from marketplace.providers.tasks import listings as tasks
from tests.browser import count, events
from tests.factories import make_listing, make_member
from tests.factories_listings import ANSWERS, make_draft, make_provider, posted


async def test_a_new_listing_waits_and_is_let_onto_the_market(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider, DraftStatus.SUBMITTED)
    checker = await browser.signed_in(provider.accreditor)
    queue = await checker.open("/listing-checks")
    assert "1 listing waits for a check" in queue.words
    assert "Lunch club in Preston" in queue.words
    page = await checker.open(f"/listing-checks/{draft.id}")
    assert "Within 10 miles of Preston, PR1" in page.words
    assert "2HE" not in page.text
    form = {"version": page.field("version"), "decision": "publish"}
    await checker.post(f"/listing-checks/{draft.id}", form)
    made = await db.get_one(ListingDraft, draft.id)
    listing = await db.get_one(Listing, made.listing_id)
    assert made.status is DraftStatus.PUBLISHED
    assert listing.checked_by_council_id == provider.council.id
    assert await events(db) == ["ListingChanged", "DraftDecided"]
    assert await count(db, "audit_entries", "action = 'providers.publish_listing'") == 1
    await checker.post(f"/listing-checks/{draft.id}", form, expect=409)
    assert await count(db, "listings") == 1
    assert "Nothing waits for a check" in (await checker.open("/listing-checks")).words
    await checker.open(f"/listing-checks/{draft.id}")


async def test_changes_stand_side_by_side_and_are_sent_back_with_a_reason(browser, db):
    provider = await make_provider(db)
    listing = await make_listing(db, provider.organisation, title="Old title", category="community")
    listing_id = listing.id
    draft = await make_draft(db, provider, DraftStatus.SUBMITTED, listing_id=listing_id)
    checker = await browser.signed_in(provider.accreditor)
    page = await checker.open(f"/listing-checks/{draft.id}")
    assert "Title Old title Lunch club in Preston" in page.words
    assert "£16.00 an hour £6.50 a session" in page.words
    address = f"/listing-checks/{draft.id}"
    for form, field in (({"decision": "return"}, "reason"), ({}, "decision"), ({"decision": "maybe"}, "decision")):
        page = await checker.post(address, {"version": "1", "reason": "", **form}, expect=422)
        assert field in page.errors()
    await checker.post(address, {"version": "2", "decision": "publish"}, expect=409)
    await checker.post(address, {"version": "1", "decision": "return", "reason": "Say what a meal costs"})
    sent_back = await db.get_one(ListingDraft, draft.id)
    assert (sent_back.status, sent_back.reason) == (DraftStatus.RETURNED, "Say what a meal costs")
    assert (await db.get_one(Listing, listing_id)).title == "Old title"
    provided = await browser.signed_in(provider.member)
    page = await provided.open(f"/provider/listings/drafts/{draft.id}")
    assert "The council asks you to change something" in page.words
    await provided.post(f"/provider/listings/drafts/{draft.id}/what", {**ANSWERS["what"], "version": "2"})


async def test_what_needs_a_second_look_is_said(browser, db):
    provider = await make_provider(db, kind="home_care")
    answers = {
        "what": {"title": "Help at home", "summary": "We help with washing. Call 01772 900123", "body": ""},
        "price": {**ANSWERS["price"], "price_unit": "hour", "vat_category": "exempt_welfare", "vat_reason": "Welfare"},
        "kind": {"category": "personal_assistant"},
    }
    draft = await make_draft(db, provider, DraftStatus.SUBMITTED, answers=answers)
    page = await (await browser.signed_in(provider.accreditor)).open(f"/listing-checks/{draft.id}")
    for words in ("“washing”", "£6.50 an hour is below the legal minimum wage", "VAT: welfare", "telephone number"):
        assert words in page.words


async def test_another_council_finds_neither_drafts_nor_listings(browser, db):
    provider, other = await make_provider(db), await make_provider(db)
    draft = await make_draft(db, provider, DraftStatus.SUBMITTED)
    listing = await make_listing(db, provider.organisation)
    listing_id = listing.id
    checker = await browser.signed_in(other.accreditor)
    assert "Lunch club" not in (await checker.open("/listing-checks")).words
    assert "No listing found" in (await checker.open("/listing-checks/listings")).words
    await checker.get(f"/listing-checks/{draft.id}", expect=404)
    await checker.get(f"/listing-checks?after={draft.id}", expect=404)
    await checker.post(f"/listing-checks/{draft.id}", {"version": "1", "decision": "publish"}, expect=404)
    await checker.get(f"/listing-checks/listings/{listing_id}", expect=404)
    for verb in ("take-off", "put-back"):
        await checker.post(f"/listing-checks/listings/{listing_id}/{verb}", {"reason": "x"}, expect=404)
    assert (await db.get_one(ListingDraft, draft.id)).status is DraftStatus.SUBMITTED
    assert (await db.get_one(Listing, listing_id)).hidden_why is None
    assert await events(db) == []


async def test_a_listing_is_taken_off_and_put_back_with_reasons(browser, db):
    provider = await make_provider(db)
    listing = await make_listing(db, provider.organisation, title="Gardening for all")
    listing_id = listing.id
    checker = await browser.signed_in(provider.accreditor)
    assert "Gardening for all" in (await checker.open("/listing-checks/listings?q=garden")).words
    assert "No listing found" in (await checker.open("/listing-checks/listings?q=%25")).words
    page = await checker.open(f"/listing-checks/listings/{listing_id}")
    page = await checker.post(f"/listing-checks/listings/{listing_id}/take-off", {"reason": ""}, expect=422)
    assert "reason" in page.errors()
    await checker.post(f"/listing-checks/listings/{listing_id}/put-back", {"reason": "x"}, expect=409)
    await checker.post(f"/listing-checks/listings/{listing_id}/take-off", {"reason": "Complaints"})
    off = await db.get_one(Listing, listing_id)
    assert (off.hidden_why, off.hidden_reason) == (HiddenWhy.COUNCIL, "Complaints")
    await browser.get(f"/market/{listing_id}", expect=404)
    provided = await browser.signed_in(provider.member)
    assert "The council says: Complaints" in (await provided.open("/provider/listings")).words
    await provided.post(f"/provider/listings/{listing_id}/still-right")
    assert (await db.get_one(Listing, listing_id)).hidden_why is HiddenWhy.COUNCIL, "the provider cannot undo it"
    await provided.open(f"/provider/listings/{listing_id}")
    await checker.post(f"/listing-checks/listings/{listing_id}/put-back", {"reason": "Put right"})
    await browser.open(f"/market/{listing_id}")
    assert await count(db, "audit_entries", "action IN ('providers.hide_listing', 'providers.show_listing')") == 2
    assert (await events(db)).count("ListingTakenOff") == 2


async def test_both_sides_are_told_once(browser, db):
    provider = await make_provider(db)
    draft = await make_draft(db, provider, DraftStatus.SUBMITTED)
    listing = await make_listing(db, provider.organisation)
    council_id, organisation_id = provider.council.id, provider.organisation.id
    submitted = DraftSubmitted(council_id=council_id, draft_id=draft.id, organisation_id=organisation_id)
    message_id = await posted(db, submitted)
    for _ in range(2):
        await tasks.tell_draft_submitted(message_id, submitted)
    assert await count(db, "messages", "template = 'listing_to_check'") == 1
    back = DraftDecided(council_id=council_id, draft_id=draft.id, organisation_id=organisation_id, is_published=False)
    await tasks.tell_draft_decided(await posted(db, back), back)
    off = ListingTakenOff(
        council_id=council_id, listing_id=listing.id, organisation_id=organisation_id, is_off=True, reason="Complaints"
    )
    await tasks.tell_listing_taken_off(await posted(db, off), off)
    assert await count(db, "messages", "template = 'listing_sent_back' AND body LIKE '%drafts%'") == 1
    assert await count(db, "messages", "template = 'listing_taken_off' AND body LIKE '%Complaints%'") == 1


async def test_only_accreditors_check(browser, db):
    provider = await make_provider(db)
    for role in (Role.BROKER, Role.FINANCE):
        reader = await browser.signed_in(await make_member(db, role, provider.council))
        await reader.get("/listing-checks", expect=403)
