"""Files of evidence: given, listed, taken back, opened by who may; refused with an audit row."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.kinds import CleanFile, Kind
from marketplace.core.files.scanner import Verdict, use_scanner
from marketplace.core.files.store import FileStore, scan_again
from marketplace.core.models import StoredFile
from marketplace.providers.models import Evidence, EvidenceFile, EvidenceKind, Organisation, OrganisationKind
from tests.browser import Browser, Page, count
from tests.conftest import Mailbox
from tests.factories import Member, make_council, make_member, make_organisation, make_worker
from tests.factories_join import make_evidence, run_tasks
from tests.files_corpus import phone_photo
from tests.providers.test_evidence import INSURANCE

TEXT = ("files", ("policy.txt", b"Policy 77, Example Mutual", "text/plain"))


class World(msgspec.Struct):
    """A council, a group of it, and who looks after both."""

    organisation: Organisation
    provider: Member
    accreditor: Member


@pytest.fixture
async def world(db: AsyncSession) -> World:
    council = await make_council(db)
    organisation = await make_organisation(db, home_council_id=council.id, kind=OrganisationKind.COMMUNITY)
    return World(
        organisation,
        await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, email="group@test.example"),
        await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example"),
    )


async def waiting_evidence(db: AsyncSession, world: World, files: int = 0, **given: Any) -> Evidence:
    """Evidence that nobody has looked at, with some files."""
    row = await make_evidence(db, world.organisation, **{"seen_at": None, **given})
    for number in range(files):
        await add_file(db, row, f"page {number}.txt")
    return row


async def add_file(db: AsyncSession, row: Evidence, name: str, *, is_scanned: bool = True) -> StoredFile:
    clean = CleanFile(name=name, media_type=Kind.TEXT, content=name.encode())
    stored = await FileStore(db).keep_checked(CheckedFile(clean=clean, is_scanned=is_scanned), by_user_id=None)
    db.add(EvidenceFile(evidence_id=row.id, file_id=stored.id))
    await db.flush()
    return stored


async def audited(db: AsyncSession) -> list[str]:
    question = text(
        "SELECT action FROM audit_entries WHERE action LIKE '%file%' OR action LIKE '%upload%' ORDER BY number"
    )
    return list((await db.scalars(question)).all())


async def send(browser: Browser, path: str, form: dict[str, str], *files: Any, expect: int = 303) -> Page:
    return await browser.post(path, form, expect=expect, files=list(files))


async def test_insurance_is_given_with_its_scan_and_the_council_opens_it(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    council = await browser.signed_in(world.accreditor)
    page = await provider.open("/provider/evidence/new?kind=liability_insurance")
    assert 'enctype="multipart/form-data"' in page.text
    assert "Each up to 10 MB" in page.words
    photo = ("files", ("IMG_0001.JPG", phone_photo(), "image/jpeg"))
    await send(provider, "/provider/evidence", INSURANCE, photo, TEXT)
    (row_id,) = (await db.scalars(select(Evidence.id))).all()
    stored = (await db.scalars(select(StoredFile).order_by(StoredFile.name))).all()
    assert [(one.name, one.media_type, one.scan.value) for one in stored] == [
        ("IMG_0001.jpg", "image/jpeg", "clean"),
        ("policy.txt", "text/plain", "clean"),
    ]
    photo_id = stored[0].id
    own = await provider.open("/provider/evidence")
    assert "IMG_0001.jpg" in own.words
    assert "Add or remove files" in own.words
    listed = await provider.open(f"/provider/evidence/{row_id}/files")
    assert "We took out: the place where the picture was taken" in listed.words

    shown = await council.open(f"/evidence/{row_id}")
    answer = (await council.get(shown.link(rf"/evidence/{row_id}/files/{photo_id}"))).response
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].startswith('attachment; filename="IMG_0001.jpg"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert b"ExampleCamera" not in answer.content
    assert await audited(db) == [
        "providers.give_evidence_file",
        "providers.give_evidence_file",
        "providers.open_evidence_file",
    ]


async def test_a_form_without_files_works_as_before(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    # What a browser sends for a file field that was left alone.
    await send(provider, "/provider/evidence", INSURANCE, ("files", ("", b"", "application/octet-stream")))
    assert await count(db, "evidence") == 1
    assert await count(db, "stored_files") == 0


async def test_a_wrong_date_keeps_what_was_typed_and_says_that_the_file_was_not(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    page = await send(provider, "/provider/evidence", {**INSURANCE, "cover": "lots"}, TEXT, expect=422)
    assert page.errors() == {
        "cover": "The cover must be an amount in pounds, like 75 or 75.50",
        "files": "Choose your file again: it was not kept",
    }
    assert page.field("detail") == "Example Mutual, policy 77"
    assert await count(db, "stored_files") == await count(db, "evidence") == 0


async def test_a_file_that_is_not_taken_is_named_and_leaves_an_audit_row_alone(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    program = ("files", ("my policy.pdf", b"MZ\x90\x00" + bytes(100), "application/pdf"))
    page = await send(provider, "/provider/evidence", INSURANCE, TEXT, program, expect=422)
    assert page.errors()["files"].startswith("“my policy.pdf”: A program cannot be used. Send a PDF")
    assert page.field("detail") == "Example Mutual, policy 77"
    assert await count(db, "stored_files") == await count(db, "evidence") == 0
    assert await audited(db) == ["providers.refuse_evidence_file"]
    row = (
        await db.execute(text("SELECT why, after FROM audit_entries WHERE action LIKE '%refuse_evidence_file'"))
    ).one()
    assert row.why == "kind"
    assert row.after["kind"] == "liability_insurance"
    assert len(row.after["files"]) == 2
    assert "policy" not in str(row.after)


async def test_the_certificate_of_a_dbs_check_is_not_taken(browser: Browser, db: AsyncSession, world: World) -> None:
    row_id = (await waiting_evidence(db, world, kind=EvidenceKind.DBS, cover_pence=None)).id
    provider = await browser.signed_in(world.provider)
    page = await provider.open("/provider/evidence/new?kind=dbs")
    assert page.field("files") is None
    form = {**INSURANCE, "kind": "dbs", "level": "enhanced", "outcome": "clear"}
    page = await send(provider, "/provider/evidence", form, TEXT, expect=422)
    assert "Do not send the certificate: we keep its level, date and outcome only" in page.text
    page = await send(provider, f"/provider/evidence/{row_id}/files", {}, TEXT, expect=422)
    assert "Do not send the certificate" in page.text
    assert await count(db, "stored_files") == 0


async def test_files_are_added_and_removed_until_the_council_has_seen_them(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    row = await waiting_evidence(db, world)
    row_id, path = row.id, f"/provider/evidence/{row.id}/files"
    provider = await browser.signed_in(world.provider)
    council = await browser.signed_in(world.accreditor)
    assert (await send(provider, path, {}, expect=422)).errors() == {"files": "Choose a file"}
    await send(provider, path, {}, TEXT)
    file_id = (await db.scalars(select(StoredFile.id))).one()
    assert (await provider.get(f"{path}/{file_id}")).text == "Policy 77, Example Mutual"
    await provider.post(f"{path}/{file_id}/remove")
    assert await count(db, "file_contents") == 0
    assert await count(db, "stored_files", "removed_at IS NOT NULL") == 1
    await provider.get(f"{path}/{file_id}", expect=404)
    await council.get(f"/evidence/{row_id}/files/{file_id}", expect=404)
    await provider.post(f"{path}/{file_id}/remove", expect=404)
    await send(provider, path, {}, TEXT)
    await council.post(f"/evidence/{row_id}/seen")
    page = await provider.open(path)
    assert "These files cannot be changed now" in page.words
    kept_id = (await db.scalars(select(StoredFile.id).where(StoredFile.removed_at.is_(None)))).one()
    await send(provider, path, {}, TEXT, expect=409)
    await provider.post(f"{path}/{kept_id}/remove", expect=409)
    assert await count(db, "file_contents") == 1


async def test_there_can_be_five_files(browser: Browser, db: AsyncSession, world: World) -> None:
    row = await waiting_evidence(db, world, files=4)
    path = f"/provider/evidence/{row.id}/files"
    provider = await browser.signed_in(world.provider)
    page = await send(provider, path, {}, TEXT, TEXT, expect=422)
    assert page.errors() == {"files": "There can be 5 files with this. There are 4 already"}
    await send(provider, path, {}, TEXT)
    assert "Remove one before you add another" in (await provider.open(path)).words
    page = await send(provider, "/provider/evidence", INSURANCE, *[TEXT] * 6, expect=422)
    assert page.errors()["files"] == "Choose 5 files or fewer"
    assert await count(db, "stored_files") == 5


async def test_a_form_sent_twice_keeps_its_file_once(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    form = {**INSURANCE, "form_id": "one-and-the-same"}
    await send(provider, "/provider/evidence", form, TEXT)
    await send(provider, "/provider/evidence", form, TEXT)
    assert await count(db, "evidence") == await count(db, "stored_files") == 1
    other = ("files", ("policy.txt", b"Another text", "text/plain"))
    await send(provider, "/provider/evidence", form, other, expect=409)
    assert await count(db, "evidence") == await count(db, "stored_files") == 1


async def test_strangers_find_no_file(browser: Browser, db: AsyncSession, world: World) -> None:
    row = await waiting_evidence(db, world, files=1)
    mine = await waiting_evidence(db, world)
    file_id = (await db.scalars(select(StoredFile.id))).one()
    row_id, mine_id = row.id, mine.id
    other_council = await make_council(db)
    other = await make_organisation(db, home_council_id=other_council.id)
    members = [
        await make_member(db, Role.ACCREDITOR, other_council),
        await make_member(db, Role.PROVIDER, other_council, organisation_id=other.id),
        await make_member(db, Role.PROVIDER, world.provider.council, organisation_id=other.id),
    ]
    provider = await browser.signed_in(world.provider)
    strangers = [await browser.signed_in(member) for member in members]
    for stranger, pages in zip(strangers, ("/evidence", "/provider/evidence", "/provider/evidence"), strict=True):
        await stranger.get(f"{pages}/{row_id}/files/{file_id}", expect=404)
        if pages != "/evidence":
            await send(stranger, f"{pages}/{row_id}/files", {}, TEXT, expect=404)
            await stranger.post(f"{pages}/{row_id}/files/{file_id}/remove", expect=404)
    await provider.get(f"/provider/evidence/{mine_id}/files/{file_id}", expect=404)
    await provider.get(f"/evidence/{row_id}/files/{file_id}", expect=403)
    await browser.get(f"/evidence/{row_id}/files/{file_id}", expect=303)
    assert await count(db, "file_contents") == 1
    assert await audited(db) == []


async def test_one_assistant_among_several_changes_only_what_is_about_them(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    worker = await make_worker(db, world.organisation)
    pa = await make_member(
        db, Role.PA, world.provider.council, organisation_id=world.organisation.id, worker_id=worker.id
    )
    training = {"kind": EvidenceKind.CARE_TRAINING, "cover_pence": None}
    own = (await waiting_evidence(db, world, worker_id=worker.id, **training)).id
    shared = (await waiting_evidence(db, world, files=1)).id
    signed_in = await browser.signed_in(pa)
    await send(signed_in, f"/provider/evidence/{own}/files", {}, TEXT)
    page = await signed_in.open(f"/provider/evidence/{shared}/files")
    assert "These files cannot be changed now" in page.words
    await send(signed_in, f"/provider/evidence/{shared}/files", {}, TEXT, expect=404)


class Scanner:
    """Says what it is told to say."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = list(verdicts)

    async def scan(self, content: bytes) -> Verdict:
        """Say the next thing."""
        return self.verdicts.pop(0)


@pytest.fixture
def no_scanner() -> Any:
    yield
    use_scanner(None)


@pytest.mark.usefixtures("no_scanner")
async def test_a_file_waits_while_the_scanner_is_away(browser: Browser, db: AsyncSession, world: World) -> None:
    use_scanner(Scanner(Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.CLEAN))
    provider = await browser.signed_in(world.provider)
    council = await browser.signed_in(world.accreditor)
    await send(provider, "/provider/evidence", INSURANCE, TEXT)
    row_id = (await db.scalars(select(Evidence.id))).one()
    file_id = (await db.scalars(select(StoredFile.id))).one()
    page = await council.open(f"/evidence/{row_id}")
    assert "We are checking this file" in page.words
    assert not [address for address in page.links() if "/files/" in address]
    refused = await council.get(f"/evidence/{row_id}/files/{file_id}", expect=409)
    assert "We are still checking this file" in refused.title
    assert await scan_again() == 0
    assert await scan_again() == 1
    await council.get(f"/evidence/{row_id}/files/{file_id}")
    assert await scan_again() == 0


@pytest.mark.usefixtures("no_scanner")
async def test_a_virus_found_later_deletes_the_file_and_is_told(
    browser: Browser, db: AsyncSession, world: World, mailbox: Mailbox
) -> None:
    row = await waiting_evidence(db, world)
    row_id = row.id
    stored = await add_file(db, row, "policy.txt", is_scanned=False)
    file_id = stored.id
    use_scanner(Scanner(Verdict.INFECTED))
    assert await scan_again() == 1
    await run_tasks()
    assert await count(db, "file_contents") == 0
    assert await count(db, "stored_files", "scan = 'infected' AND removed_at IS NOT NULL") == 1
    assert await audited(db) == ["providers.delete_infected_file"]
    assert "had a virus in it" in mailbox.envelopes[-1].subject
    council = await browser.signed_in(world.accreditor)
    await council.get(f"/evidence/{row_id}/files/{file_id}", expect=404)
    assert "They sent no file" in (await council.open(f"/evidence/{row_id}")).words


@pytest.mark.usefixtures("no_scanner")
async def test_a_virus_found_at_once_refuses_the_file(browser: Browser, db: AsyncSession, world: World) -> None:
    use_scanner(Scanner(Verdict.INFECTED))
    provider = await browser.signed_in(world.provider)
    page = await send(provider, "/provider/evidence", INSURANCE, TEXT, expect=422)
    assert page.errors()["files"].startswith("The file has a virus in it. We did not keep it")
    assert await count(db, "stored_files") == 0
    assert await audited(db) == ["providers.refuse_evidence_file"]
