"""The photo of who comes: given with consent, cut square, seen by those who have to do with the worker alone."""

import io

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.inspection import inspect
from marketplace.core.files.kinds import FileRefused
from marketplace.core.files.store import FileStore
from marketplace.core.models import FileContent
from marketplace.providers.models import Worker
from marketplace.providers.service.workforce.photos import PHOTO_LIMITS, SQUARE_PIXELS
from tests.browser import Browser, Page, count
from tests.factories import make_council, make_member, make_organisation, make_worker
from tests.factories_agreements import make_agreement
from tests.factories_bookings import Scene, loose, make_booking, make_scene
from tests.files_corpus import phone_photo


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    return await make_scene(db)


async def give(browser: Browser, worker: Worker, *, content: bytes = b"", consent: str = "yes", expect: int) -> Page:
    photo = ("photo", ("me.jpg", content or phone_photo(), "image/jpeg"))
    return await browser.post(
        f"/provider/workers/{worker.id}/photo", {"consent": consent}, expect=expect, files=[photo]
    )


async def with_photo(db: AsyncSession, worker: Worker) -> str:
    """Put a photo on a worker; returns its address."""
    clean = inspect("me.jpg", phone_photo(), PHOTO_LIMITS)
    stored = await FileStore(db).keep_checked(CheckedFile(clean=clean, is_scanned=True), by_user_id=None)
    row = await db.get_one(Worker, worker.id)
    row.photo_file_id = stored.id
    await db.flush()
    loose(db, row)
    return f"/workers/{worker.id}/photo"


@pytest.mark.parametrize("size", [(900, 600), (200, 700), (64, 64)])
def test_a_photo_is_cut_square_and_made_no_larger(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "PNG")
    kept = inspect("x.png", out.getvalue(), PHOTO_LIMITS)
    side = min(SQUARE_PIXELS, *size)
    assert Image.open(io.BytesIO(kept.content)).size == (side, side)


def test_only_pictures_are_photos() -> None:
    with pytest.raises(FileRefused, match="Choose a photo"):
        inspect("x.txt", b"No picture at all", PHOTO_LIMITS)


async def test_a_photo_needs_consent_and_a_picture(browser: Browser, db: AsyncSession, scene: Scene) -> None:
    provider = await browser.signed_in(scene.provider)
    page = await provider.open(f"/provider/workers/{scene.worker.id}/photo")
    assert "agree" in page.words
    refused = await give(provider, scene.worker, consent="", expect=422)
    assert "agrees to this" in refused.errors()["consent"]
    text = await give(provider, scene.worker, content=b"only words", expect=422)
    assert "Choose a photo" in text.errors()["photo"]
    empty = await provider.post(f"/provider/workers/{scene.worker.id}/photo", {}, expect=422)
    assert set(empty.errors()) == {"photo", "consent"}
    assert await count(db, "stored_files") == 0


async def test_a_photo_is_kept_replaced_and_removed_with_its_content(
    browser: Browser, db: AsyncSession, scene: Scene
) -> None:
    provider = await browser.signed_in(scene.provider)
    await give(provider, scene.worker, expect=303)
    page = await provider.open(f"/provider/workers/{scene.worker.id}")
    assert f'alt="Photo of {scene.worker.name}"' in page.text
    handed = await provider.get(f"/workers/{scene.worker.id}/photo")
    assert handed.response.headers["content-type"] == "image/jpeg"
    await give(provider, scene.worker, expect=303)
    assert len((await db.scalars(select(FileContent.file_id))).all()) == 1, "the first one is deleted"
    await provider.post(f"/provider/workers/{scene.worker.id}/photo/remove", {})
    assert await count(db, "file_contents") == 0
    assert await count(db, "audit_entries", "action LIKE 'providers.%worker_photo'") == 3
    await provider.get(f"/workers/{scene.worker.id}/photo", expect=404)


async def test_another_organisation_changes_nobodys_photo(browser: Browser, db: AsyncSession, scene: Scene) -> None:
    other = await make_organisation(db)
    stranger = await make_member(db, Role.PROVIDER, scene.council, organisation_id=other.id)
    theirs = await browser.signed_in(stranger)
    await give(theirs, scene.worker, expect=404)
    await theirs.post(f"/provider/workers/{scene.worker.id}/photo/remove", {}, expect=404)
    await theirs.get(f"/workers/{scene.worker.id}/photo", expect=404)


@pytest.mark.parametrize(
    ("status", "expect"),
    [(BookingStatus.REQUESTED, 404), (BookingStatus.ACCEPTED, 200), (BookingStatus.CANCELLED, 404)],
)
async def test_a_person_sees_who_comes_once_it_is_confirmed(
    browser: Browser, db: AsyncSession, scene: Scene, status: BookingStatus, expect: int
) -> None:
    address = await with_photo(db, scene.worker)
    booking = await make_booking(db, scene, status)
    person = await browser.signed_in(scene.member)
    await person.get(address, expect=expect)
    alt = f'alt="Photo of {scene.worker.name}"'
    for path in ("/bookings", f"/bookings/{booking.id}", f"/calendar?view=week&on={booking.visit_on}"):
        assert (alt in (await person.open(path)).text) is (expect == 200), path


async def test_without_a_photo_the_initials_stand_there(browser: Browser, db: AsyncSession, scene: Scene) -> None:
    booking = await make_booking(db, scene, BookingStatus.ACCEPTED)
    page = await (await browser.signed_in(scene.member)).open(f"/bookings/{booking.id}")
    letters = "".join(word[0] for word in scene.worker.name.split())
    assert f">{letters}</span>" in page.text


async def test_an_agreement_entitles_and_nothing_else_does(browser: Browser, db: AsyncSession, scene: Scene) -> None:
    address = await with_photo(db, scene.worker)
    stranger = await make_scene(db, council=scene.council)
    await (await browser.signed_in(stranger.member)).get(address, expect=404)
    person = await browser.signed_in(scene.member)
    await person.get(address, expect=404)
    made = await make_agreement(db, scene)
    expected = 200 if made.agreement.worker_id == scene.worker.id else 404
    await person.get(address, expect=expected)
    staff = await make_member(db, Role.BROKER, scene.council)
    await (await browser.signed_in(staff)).get(address)
    elsewhere = await make_member(db, Role.BROKER, await make_council(db))
    await (await browser.signed_in(elsewhere)).get(address, expect=404)
    colleague = await make_worker(db, scene.organisation)
    worker = await make_member(
        db, Role.CARE_WORKER, scene.council, organisation_id=scene.organisation.id, worker_id=colleague.id
    )
    await (await browser.signed_in(worker)).get(address)
    await browser.get(address, expect=303)
