"""Listings kept true: pause, still right, room from a phone, figures, and listings that nobody confirmed for long."""

from datetime import date, timedelta

from sqlalchemy import select

from marketplace.accounts.council_settings import set_setting
from marketplace.providers.events import ListingWentStale
from marketplace.providers.models import CapacityKind, HiddenWhy, Listing
from marketplace.providers.service.figures import note
from marketplace.providers.tasks import listings as tasks
from tests.browser import count, events
from tests.factories import make_listing
from tests.factories_listings import make_provider, posted


async def scene(browser, db, **given):
    provider = await make_provider(db)
    listing = await make_listing(db, provider.organisation, title="Lunch club", category="community", **given)
    return provider, listing.id, await browser.signed_in(provider.member)


async def test_one_press_pauses_and_one_shows_again(browser, db):
    _, listing_id, reader = await scene(browser, db)
    await reader.open("/provider/listings")
    for _ in range(2):
        await reader.post(f"/provider/listings/{listing_id}/pause")
    assert "Paused by you" in (await reader.open(f"/provider/listings/{listing_id}")).words
    await browser.get(f"/market/{listing_id}", expect=404)
    await reader.post(f"/provider/listings/{listing_id}/resume")
    await browser.get(f"/market/{listing_id}")
    assert await events(db) == ["ListingChanged", "ListingChanged"], "pausing twice says it once"


async def test_room_is_set_to_a_number_however_often_it_is_pressed(browser, db):
    _, listing_id, reader = await scene(browser, db)
    page = await reader.open("/provider/listings/room")
    assert "Not said" in page.words
    address = f"/provider/listings/{listing_id}/room"
    await reader.post(address, {"kind": "places", "free": "3"})
    page = await reader.open("/provider/listings/room")
    assert "3 places free" in page.words
    for _ in range(3):
        sent = await reader.post(address, {"kind": "places", "free": "4"})
    assert sent.location == f"/provider/listings/room#listing-{listing_id}"
    listing = await db.get_one(Listing, listing_id)
    assert (listing.capacity_kind, listing.capacity_free) == (CapacityKind.PLACES, 4)
    assert listing.capacity_said_at is not None
    assert await count(db, "audit_entries", "action = 'providers.set_room'") == 2
    for wrong in ({"kind": "places", "free": "-1"}, {"kind": "places", "free": "x"}, {"kind": "?", "free": "1"}, {}):
        page = await reader.post(address, wrong, expect=422)
        assert page.errors()
    await reader.post(address, {"kind": "places", "free": "0"})
    assert "No room now" in (await reader.open("/provider/listings")).words
    await reader.post(address, {"kind": "not_said"})
    assert (await db.get_one(Listing, listing_id)).capacity_free is None


async def test_figures_are_shown_as_picture_table_and_file(browser, db, clock):
    _, listing_id, reader = await scene(browser, db)
    await note(db, listing_id, views=7, saves=2)
    clock.advance(timedelta(days=-14))
    await note(db, listing_id, views=5, questions=1, bookings=1)
    clock.advance(timedelta(days=14))
    page = await reader.open(f"/provider/listings/{listing_id}/figures")
    assert "Looked at12" in page.words
    assert "<svg" in page.text
    file = await reader.get(f"/provider/listings/{listing_id}/figures.csv")
    lines = file.text.splitlines()
    assert lines[0] == "week_from,views,saves,questions,bookings"
    assert len(lines) == 13
    assert lines[-1] == "2027-03-01,7,2,0,0"
    assert lines[-3] == "2027-02-15,5,0,1,1"


async def test_a_listing_without_changes_has_an_empty_history(browser, db):
    _, listing_id, reader = await scene(browser, db)
    assert "Nothing has changed yet" in (await reader.open(f"/provider/listings/{listing_id}/versions")).words


async def test_a_stale_listing_is_asked_about_then_hidden_and_comes_back(browser, db, clock):
    provider, listing_id, reader = await scene(browser, db)
    listing_job = tasks.ask_about_listings

    async def state():
        db.expire_all()
        row = (await db.execute(select(Listing.reminded_at, Listing.hidden_why))).one()
        return row[0] is not None, row[1]

    clock.advance(timedelta(days=89))
    await listing_job()
    assert await state() == (False, None)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        await listing_job()
    assert await state() == (True, None)
    assert await events(db) == ["ListingWentStale"]
    clock.advance(timedelta(days=29))
    await listing_job()
    assert await state() == (True, None)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        await listing_job()
    assert await state() == (True, HiddenWhy.STALE)
    assert await events(db) == ["ListingWentStale", "ListingChanged", "ListingWentStale"]
    reader = await browser.signed_in(provider.member)
    page = await reader.open(f"/provider/listings/{listing_id}/still-right")
    assert "nobody has said for a long time" in page.words
    await browser.get(f"/market/{listing_id}", expect=404)
    await reader.post(f"/provider/listings/{listing_id}/still-right")
    assert await state() == (False, None)
    await browser.get(f"/market/{listing_id}")
    await listing_job()
    assert await state() == (False, None)


async def test_the_days_are_the_home_councils_and_nobody_is_hidden_without_being_asked(browser, db, clock):
    provider, _, _ = await scene(browser, db)
    await set_setting(
        db, None, provider.council.id, "providers.stale_days", {"remind": 10, "hide": 20}, starts_on=date(2027, 1, 1)
    )
    clock.advance(timedelta(days=300))
    await tasks.ask_about_listings()
    assert (await db.scalars(select(Listing.hidden_why))).one() is None
    clock.advance(timedelta(days=6))
    await tasks.ask_about_listings()
    db.expire_all()
    assert (await db.scalars(select(Listing.hidden_why))).one() is None
    clock.advance(timedelta(days=1))
    await tasks.ask_about_listings()
    db.expire_all()
    assert (await db.scalars(select(Listing.hidden_why))).one() is HiddenWhy.STALE


async def test_the_provider_is_told_with_a_link_to_one_press(browser, db):
    provider, listing_id, _ = await scene(browser, db)
    for is_hidden in (False, True):
        event = ListingWentStale(
            council_id=provider.council.id,
            listing_id=listing_id,
            organisation_id=provider.organisation.id,
            is_hidden=is_hidden,
        )
        await tasks.tell_listing_stale(await posted(db, event), event)
    link = f"%/provider/listings/{listing_id}/still-right%"
    for template in ("listing_still_right", "listing_hidden"):
        assert await count(db, "messages", f"template = '{template}' AND body LIKE '{link}'") == 1
