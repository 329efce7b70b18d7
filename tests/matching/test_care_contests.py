"""The person sees who was awarded their care and why, contests it, and the council answers."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.matching import tasks_contests
from marketplace.matching.models import Requirement
from marketplace.matching.service.care import RequirementService
from tests.browser import Browser, count
from tests.factories import Member, make_member, make_person_member
from tests.factories_brokerage import make_broker
from tests.factories_care import at_end, make_care_provider, make_requirement, open_requirement, send_offer
from tests.matching.test_requirement_awards import award, hear, mark
from tests.matching.test_requirement_offers import deliver_all


async def decided(db: AsyncSession) -> tuple[Member, Member, Requirement]:
    """Care that Care 2500 won and Care 2700 did not: the broker, the person, the requirement."""
    broker = await make_broker(db)
    person, reader = await make_person_member(db, broker.council)
    row = await make_requirement(db, broker, person)
    members = [(await make_care_provider(db, broker.council, name=f"Care {rate}"))[1] for rate in (2_500, 2_700)]
    await open_requirement(db, broker, row)
    sent = [await send_offer(db, member, row, rate) for member, rate in zip(members, (2_500, 2_700), strict=True)]
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    await mark(db, broker, row, 4, 4)
    await hear(db, broker, row)
    await award(db, broker, row, sent[0])
    return broker, reader, row


async def test_the_person_sees_who_decided_on_what_basis_and_contests_with_success(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker, reader_member, row = await decided(db)
    manager_member = await make_member(db, Role.MANAGER, broker.council, name="Mo Manager")
    path = f"/my-match/care/{row.id}/say"
    clock.advance(timedelta(minutes=5))
    reader, staff, manager = [await browser.signed_in(one) for one in (reader_member, broker, manager_member)]
    page = await reader.open("/my-match")
    for words in (
        "Care 2500 brings your care from 15 March 2027",
        "Bo Broker at",
        "not a computer",
        "you said: “I do not mind who.”",
        "Mark 4 of 5",
        "rules that the council has published",
    ):
        assert words in page.words, words
    assert "Care 2700" not in page.words
    await reader.open(path)
    assert set((await reader.post(path, {"said": ""}, expect=422)).errors()) == {"said"}
    form = {"said": "They came late before", "wants": "Ask Care 2700"}
    await reader.post(path, form)
    assert (await reader.post(path, form, expect=409)).heading == "The council is looking at this already"
    assert "Somebody who did not decide answers by" in (await reader.open("/my-match")).words
    contest_id = await db.scalar(text("SELECT id FROM contests"))
    assert "Care" in (await manager.open("/contests")).words
    own = await staff.open(f"/contests/{contest_id}")
    assert "You took this decision, so a colleague answers" in own.words
    answer = {"version": "1", "outcome": "upheld", "answer": "You are right. We look again."}
    await staff.post(f"/contests/{contest_id}/answer", answer, expect=409)
    assert "Care 2500 was awarded the care by Bo Broker" in (await manager.open(f"/contests/{contest_id}")).words
    await manager.post(f"/contests/{contest_id}/answer", answer)
    assert await count(db, "requirement_awards", "taken_back_why = 'The person contested it and was right'") == 1
    assert await count(db, "requirements", "status = 'closed'") == 1
    assert await count(db, "requirement_offers", "status = 'shortlisted'") == 1
    assert await count(db, "preferences", "said = 'Ask Care 2700' AND requirement_id IS NOT NULL") == 1
    after = await reader.open("/my-match")
    assert "Care 2500 was chosen before" in after.words
    assert "You are right. We look again." in after.words
    await reader.open(path, expect=409)
    assert tasks_contests.LATE_BATCH  # Its tasks are known by its import.
    await deliver_all(db)
    subjects = " ".join(await db.scalars(text("SELECT subject FROM messages")))
    assert "a person contests who brings their care" in subjects


async def test_a_contest_about_care_may_be_kept_or_taken_back_and_strangers_find_nothing(
    browser: Browser, db: AsyncSession
) -> None:
    broker, reader_member, row = await decided(db)
    manager_member = await make_member(db, Role.MANAGER, broker.council, name="Mo Manager")
    _, stranger_member = await make_person_member(db, broker.council)
    path = f"/my-match/care/{row.id}/say"
    reader, manager, stranger = [
        await browser.signed_in(one) for one in (reader_member, manager_member, stranger_member)
    ]
    await stranger.open(path, expect=404)
    await stranger.post(path, {"said": "Mine"}, expect=404)
    await reader.post(path, {"said": "I am not sure"})
    first = await db.scalar(text("SELECT id FROM contests"))
    await reader.post(f"/my-match/contests/{first}/withdraw")
    await reader.post(path, {"said": "I am sure now"})
    second = await db.scalar(text("SELECT id FROM contests WHERE status = 'open'"))
    await manager.post(f"/contests/{second}/answer", {"version": "1", "outcome": "kept", "answer": "It fits best."})
    assert await count(db, "requirement_awards", "taken_back_at IS NULL") == 1
    page = await reader.open("/my-match")
    assert "It fits best." in page.words
    assert "I want another provider" in page.words
