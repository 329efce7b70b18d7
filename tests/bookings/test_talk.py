"""A person and their provider write to each other about an agreement: who reads it, what is told, what is reported."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import AuditEntry
from marketplace.accounts.permissions import Role, Scope
from marketplace.bookings.models import Funding, Side, SupportAgreement
from marketplace.bookings.states import SUPPORT_AGREEMENT, AgreementStatus
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of, scope_to
from marketplace.core.queue import deliver
from marketplace.messaging.models import Channel, Message, Thread, ThreadFile, ThreadMessage
from marketplace.messaging.threads import MOST_A_DAY
from marketplace.web.tasks import import_tasks
from tests.browser import Browser, Page, count, events
from tests.conftest import Mailbox
from tests.factories import Member, make_member, make_worker
from tests.factories_bookings import Scene, loose, make_scene
from tests.messaging.test_contact import prefer

import_tasks()  # What was published is handled by listeners of several packages.

SECRET_WORDS = "My knee hurts when I climb the stairs"
PAPER = ("files", ("steps.txt", b"One step at a time.\n", "text/plain"))
TO: dict[AgreementStatus, tuple[AgreementStatus, ...]] = {
    AgreementStatus.DRAFT: (),
    AgreementStatus.OFFERED: (AgreementStatus.OFFERED,),
    AgreementStatus.AGREED: (AgreementStatus.OFFERED, AgreementStatus.AGREED),
    AgreementStatus.ENDED: (AgreementStatus.OFFERED, AgreementStatus.AGREED, AgreementStatus.ENDED),
    AgreementStatus.DECLINED: (AgreementStatus.OFFERED, AgreementStatus.DECLINED),
}


async def agreement_of(
    db: AsyncSession, scene: Scene, status: AgreementStatus = AgreementStatus.AGREED, **given: Any
) -> SupportAgreement:
    """An agreement between the scene's two sides."""
    values: dict[str, Any] = {
        "council_id": scene.council.id,
        "reference": f"SA-{await count(db, 'support_agreements') + 1:05}",
        "person_id": scene.person.id,
        "organisation_id": scene.organisation.id,
        "listing_id": scene.listing.id,
        "worker_id": scene.worker.id,
        "funding": Funding.DIRECT_PAYMENT,
        "status": AgreementStatus.DRAFT,
        "written_by": Side.PROVIDER,
        "starts_on": date(2027, 3, 1),
        "created_by_user_id": scene.provider.user.id,
        "created_at": clock_of(db).now(),
    }
    row = SupportAgreement(**{**values, **given})
    db.add(row)
    await db.flush()
    SUPPORT_AGREEMENT.begin(db, row, by=scene.provider.user.id)
    for step in TO[status]:
        SUPPORT_AGREEMENT.move(db, row, step, by=scene.provider.user.id)
    await db.flush()
    loose(db, row)
    return row


async def member_of(db: AsyncSession, role: Role, scene: Scene, **given: Any) -> Member:
    member = await make_member(db, role, scene.council, **given)
    loose(db, member.user, member.membership)
    return member


async def write(
    browser: Browser,
    path: str,
    words: str = SECRET_WORDS,
    *,
    files: Sequence[Any] = (),
    expect: int = 303,
    **form: str,
) -> Page:
    if not files:
        return await browser.post(path, {"words": words, **form}, expect=expect)
    return await browser.post(path, {"words": words, **form}, expect=expect, files=list(files))


async def relay(db: AsyncSession) -> None:
    await db.flush()
    while deliveries := await outbox.relay(db):
        for item in deliveries:
            await deliver(item)
    await scope_to(db, "every")


async def the_message(db: AsyncSession) -> ThreadMessage:
    question = select(ThreadMessage).order_by(ThreadMessage.written_at.desc(), ThreadMessage.id.desc()).limit(1)
    row: ThreadMessage = (await db.scalars(question.execution_options(populate_existing=True))).one()
    db.expunge(row)
    return row


async def both(browser: Browser, scene: Scene, agreement_id: UUID) -> tuple[Browser, str, Browser, str]:
    return (
        await browser.signed_in(scene.member),
        f"/agreements/{agreement_id}/talk",
        await browser.signed_in(scene.provider),
        f"/provider/clients/{agreement_id}/talk",
    )


async def test_both_sides_write_read_and_see_what_is_new(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    assert "Nothing yet" in (await mine.open(own)).words
    await write(mine, own)
    page = await theirs.open("/provider/talk")
    assert "1 new" in page.words
    assert client in page.links()
    page = await theirs.open(client)
    assert SECRET_WORDS in page.words
    assert scene.person.name in page.words
    assert "Nothing new" in (await theirs.open("/provider/talk")).words
    await write(theirs, client, "Shall we use the lift?")
    assert "1 new" in (await mine.open("/talk")).words
    page = await mine.open(own)
    assert page.words.index("use the lift") < page.words.index(SECRET_WORDS)
    assert "Nothing new" in (await mine.open("/talk")).words
    assert await count(db, "threads") == 1
    written = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "messaging.write_thread"))).all()
    assert len(written) == 2
    assert SECRET_WORDS not in str([entry.after for entry in written])


async def test_the_other_side_hears_that_there_is_something_and_not_what(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(mine, own)
    await relay(db)
    [mail] = mailbox.envelopes
    assert mail.to_address == scene.provider.user.email
    assert mail.subject == "You have a new message"
    assert client in mail.body
    for word in (SECRET_WORDS, scene.person.given_name, scene.person.family_name):
        assert word not in mail.subject + mail.body
    # More that is not read yet is no more news that day, and news again the day after.
    clock.advance(timedelta(minutes=10))
    await write(mine, own, "One more thing")
    await relay(db)
    assert len(mailbox.envelopes) == 1
    clock.advance(timedelta(minutes=1))
    await theirs.open(client)
    await write(mine, own, "And another")
    await relay(db)
    assert len(mailbox.envelopes) == 2
    await write(theirs, client, "I come at ten")
    await relay(db)
    assert mailbox.envelopes[-1].to_address == scene.member.user.email
    assert own in mailbox.envelopes[-1].body
    assert "I come at ten" not in mailbox.envelopes[-1].body


async def test_unread_news_is_told_again_the_next_day(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    own = f"/agreements/{agreement.id}/talk"
    for days in (0, 2):
        clock.advance(timedelta(days=days))
        await write(await browser.signed_in(scene.member), own)
        await relay(db)
    assert len(mailbox.envelopes) == 2


async def test_a_person_who_wants_texts_hears_by_text(browser: Browser, db: AsyncSession, mailbox: Mailbox) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    loose(db, await prefer(db, scene.person, Channel.TEXT))
    await write(await browser.signed_in(scene.provider), f"/provider/clients/{agreement.id}/talk")
    await relay(db)
    [text] = mailbox.envelopes
    assert text.channel is Channel.TEXT
    assert SECRET_WORDS not in text.body
    assert scene.organisation.name not in text.body


async def test_a_double_click_writes_once_and_empty_words_are_refused(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, *_ = await both(browser, scene, agreement.id)
    for _ in range(2):
        await write(mine, own, form_id="c" * 32)
    await write(mine, own, "Something else", form_id="c" * 32, expect=409)
    assert await count(db, "thread_messages") == 1
    assert (await events(db)).count("ThreadWritten") == 1
    assert set((await write(mine, own, "", expect=422)).errors()) == {"words"}
    page = await write(mine, own, "x" * 4_001, expect=422)
    assert set(page.errors()) == {"words"}
    assert page.field("words") == "x" * 4_001
    assert await count(db, "thread_messages") == 1


async def test_strangers_find_nothing(browser: Browser, db: AsyncSession) -> None:
    scene, other = await make_scene(db), await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(mine, own, files=[PAPER])
    file_id = (await file_ids(db))[0]
    message = await the_message(db)
    person, provider = await browser.signed_in(other.member), await browser.signed_in(other.provider)
    colleague = await make_worker(db, scene.organisation)
    loose(db, colleague)
    assistant = await browser.signed_in(
        await member_of(db, Role.PA, scene, organisation_id=scene.organisation.id, worker_id=colleague.id)
    )
    for stranger, path in ((person, own), (provider, client), (assistant, client)):
        await stranger.get(path, expect=404)
        await write(stranger, path, expect=404)
        await stranger.get(f"{path}/files/{file_id}", expect=404)
        await stranger.get(f"{path}/messages/{message.id}/report", expect=404)
        await stranger.post(f"{path}/messages/{message.id}/report", {"words": "wrong"}, expect=404)
    assert "no agreements yet" in (await assistant.open("/provider/talk")).words
    assert "no agreements yet" in (await person.open("/talk")).words
    for role in (Role.BROKER, Role.SOCIAL_WORKER, Role.FINANCE):
        staff = await browser.signed_in(await member_of(db, role, scene))
        for path in (own, client, "/talk", "/provider/talk"):
            await staff.get(path, expect=403)
    await mine.get(client, expect=403)
    await theirs.get(own, expect=403)
    assert await count(db, "thread_messages") == 1


async def file_ids(db: AsyncSession) -> list[UUID]:
    return list((await db.scalars(select(ThreadFile.file_id))).all())


async def test_a_providers_people_see_all_its_agreements(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    keeper = await member_of(db, Role.PROVIDER, scene, organisation_id=scene.organisation.id)
    await (await browser.signed_in(keeper)).open(f"/provider/clients/{agreement.id}/talk")


async def test_who_acts_for_a_person_writes_within_their_scope_and_it_shows(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    own = f"/agreements/{agreement.id}/talk"
    given = {"person_id": scene.person.id, "acting_for_name": scene.person.name}
    talker = await member_of(db, Role.REPRESENTATIVE, scene, name="Rosa Bright", scopes=[Scope.TALK], **given)
    payer = await member_of(db, Role.REPRESENTATIVE, scene, name="Max Money", scopes=[Scope.MONEY], **given)
    await (await browser.signed_in(payer)).get(own, expect=403)
    hers = await browser.signed_in(talker)
    await hers.open(own)
    await write(hers, own)
    theirs = await browser.signed_in(scene.provider)
    page = await theirs.open(f"/provider/clients/{agreement.id}/talk")
    assert f"Rosa Bright, for {scene.person.name}" in page.words
    entry = (await db.scalars(select(AuditEntry).where(AuditEntry.action == "messaging.write_thread"))).one()
    assert (entry.user_id, entry.on_behalf_of) == (talker.user.id, scene.person.id)


@pytest.mark.parametrize(
    ("status", "ends_on", "may_write"),
    [
        (AgreementStatus.OFFERED, None, True),
        (AgreementStatus.AGREED, None, True),
        (AgreementStatus.DECLINED, None, False),
        # Today is 3 March 2027; 90 days before it is 3 December 2026.
        (AgreementStatus.ENDED, date(2026, 12, 4), True),
        (AgreementStatus.ENDED, date(2026, 12, 3), False),
        (AgreementStatus.AGREED, date(2026, 12, 3), False),
    ],
)
async def test_writing_stops_90_days_after_the_end_and_reading_stays(
    browser: Browser, db: AsyncSession, status: AgreementStatus, ends_on: date | None, may_write: bool
) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene, status, starts_on=date(2026, 6, 1), ends_on=ends_on)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    for browser_of, path in ((mine, own), (theirs, client)):
        page = await browser_of.open(path)
        assert ("nobody can write here any more" not in page.words) == may_write
        assert (page.field("words") is not None) == may_write
        await write(browser_of, path, expect=303 if may_write else 409)
    assert await count(db, "thread_messages") == (2 if may_write else 0)


async def test_what_one_side_drafts_is_no_conversation_yet(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene, AgreementStatus.DRAFT)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await mine.get(own, expect=404)
    await theirs.get(client, expect=404)


async def test_a_provider_learns_the_name_when_both_have_agreed(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene, AgreementStatus.OFFERED)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(mine, own)
    for path in (client, "/provider/talk"):
        page = await theirs.open(path)
        assert scene.person.family_name not in page.words


async def test_nobody_writes_to_somebody_who_cannot_read_it(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    membership = await db.get_one(type(scene.member.membership), scene.member.membership.id)
    membership.ends_on = date(2027, 3, 1)
    await db.flush()
    theirs, client = await browser.signed_in(scene.provider), f"/provider/clients/{agreement.id}/talk"
    assert "does not use the site" in (await theirs.open(client)).words
    await write(theirs, client, expect=409)
    await member_of(db, Role.REPRESENTATIVE, scene, person_id=scene.person.id, scopes=[Scope.TALK])
    await write(theirs, client)


async def test_files_come_with_a_message_and_bad_ones_do_not(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(mine, own, files=[PAPER])
    page = await theirs.open(client)
    answer = await theirs.client.get(page.link("/files/"))
    assert answer.content == b"One step at a time.\n"
    assert "attachment" in answer.headers["content-disposition"]
    assert await count(db, "audit_entries", "action = 'messaging.open_thread_file'") == 1
    bad = ("files", ("run.exe", b"MZ\x90\x00", "application/octet-stream"))
    assert set((await write(mine, own, files=[bad], expect=422)).errors()) == {"files"}
    assert set((await write(mine, own, files=[PAPER] * 4, expect=422)).errors()) == {"files"}
    assert await count(db, "thread_messages") == 1
    assert await count(db, "stored_files") == 1
    # A file of another conversation is not there.
    other = await agreement_of(db, scene)
    await write(theirs, f"/provider/clients/{other.id}/talk")
    await theirs.get(f"/provider/clients/{other.id}/talk/files/{(await file_ids(db))[0]}", expect=404)


async def test_a_reported_conversation_is_read_with_a_reason_and_settled(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, clock: FixedClock
) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    broker = await member_of(db, Role.BROKER, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(theirs, client, "Give me your card and PIN", files=[PAPER])
    message = await the_message(db)
    staff = await browser.signed_in(broker)
    reported = f"/reported-talk/{message.thread_id}"
    await staff.get(reported, expect=404)
    assert "No reported messages" in (await staff.open("/reported-talk")).words
    address = f"{own}/messages/{message.id}/report"
    await theirs.get(f"{client}/messages/{message.id}/report", expect=404)
    assert address in (await mine.open(own)).links()
    await mine.open(address)
    assert set((await mine.post(address, {"words": ""}, expect=422)).errors()) == {"words"}
    for _ in range(2):
        await mine.post(address, {"words": "This is a trick"})
    assert (await events(db)).count("ThreadReported") == 1
    assert "You reported this message" in (await mine.open(own)).words
    assert "reported" not in (await theirs.open(client)).words.lower().replace("one of you reports", "")
    await relay(db)
    mail = next(envelope for envelope in mailbox.envelopes if envelope.to_address == broker.user.email)
    assert reported in mail.body
    assert "PIN" not in mail.body
    assert "trick" not in mail.body

    assert agreement.reference in (await staff.open("/reported-talk")).words
    page = await staff.open(reported)
    assert "PIN" not in page.words
    file_path = f"{reported}/files/{(await file_ids(db))[0]}"
    await staff.get(file_path, expect=404)
    await staff.post(f"{reported}/settle", {"done": "Rang them"}, expect=404)
    assert set((await staff.post(f"{reported}/open", {"why": ""}, expect=422)).errors()) == {"why"}
    await staff.post(f"{reported}/open", {"why": "A report of a trick"})
    page = await staff.open(reported)
    assert "PIN" in page.words
    assert "This is a trick" in page.words
    await staff.get(file_path)
    assert await count(db, "audit_entries", "action = 'messaging.read_thread' AND why = 'A report of a trick'") == 1
    # Another broker gives a reason of their own.
    second = await browser.signed_in(await member_of(db, Role.BROKER, scene))
    assert "PIN" not in (await second.open(reported)).words
    await staff.post(f"{reported}/settle", {"done": "Rang them and the provider"})
    assert "No reported messages" in (await staff.open("/reported-talk")).words
    await staff.get(reported, expect=404)
    await staff.get(file_path, expect=404)
    row = await the_message(db)
    assert row.report_settled_at == clock.now()
    await mine.post(address, {"words": "And again"})
    assert (await the_message(db)).report_settled_at is None


async def test_reports_stay_with_their_council_and_its_brokers(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, theirs, client = await both(browser, scene, agreement.id)
    await write(theirs, client)
    message = await the_message(db)
    await mine.post(f"{own}/messages/{message.id}/report", {"words": "Odd"})
    reported = f"/reported-talk/{message.thread_id}"
    elsewhere = await make_member(db, Role.BROKER)
    loose(db, elsewhere.user, elsewhere.membership, elsewhere.council)
    other = await browser.signed_in(elsewhere)
    assert "No reported messages" in (await other.open("/reported-talk")).words
    await other.get(reported, expect=404)
    await other.post(f"{reported}/open", {"why": "curious"}, expect=404)
    for role in (Role.SOCIAL_WORKER, Role.MANAGER, Role.FINANCE):
        staff = await browser.signed_in(await member_of(db, role, scene))
        await staff.get("/reported-talk", expect=403)
        await staff.get(reported, expect=403)
    await mine.get("/reported-talk", expect=403)


async def test_long_conversations_are_read_page_by_page(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, *_ = await both(browser, scene, agreement.id)
    await write(mine, own, "Number00")
    thread_id = (await the_message(db)).thread_id
    for number in range(1, 45):
        db.add(
            ThreadMessage(
                council_id=scene.council.id,
                thread_id=thread_id,
                is_providers=number % 2 == 0,
                written_by_user_id=scene.provider.user.id,
                words=f"Number{number:02}",
                # Several at the same instant: the key tells them apart.
                written_at=clock.now() + timedelta(seconds=number // 5),
            )
        )
    await db.flush()
    seen: list[str] = []
    page = await mine.open(own)
    for _ in range(3):
        seen += [word for word in page.words.split() if word.startswith("Number")]
        older = [link for link in page.links() if "?before=" in link]
        if older:
            page = await mine.open(older[0])
    assert sorted(seen) == [f"Number{number:02}" for number in range(45)]


async def test_a_day_has_its_share_of_messages(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    scene = await make_scene(db)
    agreement = await agreement_of(db, scene)
    mine, own, *_ = await both(browser, scene, agreement.id)
    await write(mine, own)
    thread_id = (await the_message(db)).thread_id
    db.add_all(
        ThreadMessage(
            council_id=scene.council.id,
            thread_id=thread_id,
            is_providers=False,
            written_by_user_id=scene.member.user.id,
            words="Again",
            written_at=clock.now(),
        )
        for _ in range(MOST_A_DAY - 1)
    )
    await db.flush()
    await write(mine, own, expect=429)
    clock.advance(timedelta(days=1, minutes=1))
    await write(await browser.signed_in(scene.member), own)


async def test_conversations_are_listed_page_by_page(browser: Browser, db: AsyncSession, clock: FixedClock) -> None:
    scene = await make_scene(db)
    for _ in range(23):
        await agreement_of(db, scene)
    mine = await browser.signed_in(scene.member)
    first = await mine.open("/talk")
    second = await mine.open(first.link(r"/talk\?after="))
    found = [link for page in (first, second) for link in page.links() if link.startswith("/agreements/")]
    assert len(found) == len(set(found)) == 23
    assert await count(db, "threads") == 0
    assert (await db.scalars(select(Thread))).all() == []
    assert (await db.scalars(select(Message))).all() == []
