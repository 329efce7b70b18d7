"""The person is told who was asked and why, says yes or contests, and somebody who did not decide answers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.matching.tasks_contests import remind_of_contests
from tests.browser import Browser, count, events
from tests.factories import make_member, make_person
from tests.factories_brokerage import make_broker, make_planner
from tests.factories_onecase import deliver_matching, make_decided


async def test_the_person_sees_who_was_asked_who_decided_why_and_what_counted(
    browser: Browser, db: AsyncSession
) -> None:
    found = await make_decided(db, person={"interests": ["football"]})
    reader = await browser.signed_in(found.reader)
    page = await reader.open("/my-match")
    for words in (
        "was asked to plan with you",
        "Pia Planner from Helping Hands",
        "Bo Broker, broker at",
        "decided this on 3 March 2027",
        "Has worked with people with needs of later life",
        "What we looked at about you",
        "PR1 2HE",
        "Yes, I am happy with this",
    ):
        assert words in page.words, words
    await reader.post(f"/my-match/{found.referral_id}/yes")
    assert "You said yes to this" in (await reader.open("/my-match")).words
    row = (await db.execute(text("SELECT how, said FROM preferences"))).one()
    assert tuple(row) == ("online", "Yes, I am happy with this planner.")


async def test_the_person_is_told_by_e_mail_once_somebody_was_asked(db: AsyncSession, maker: Any) -> None:
    await make_decided(db)
    await deliver_matching(db)
    rows = (await db.execute(text("SELECT template, body FROM messages ORDER BY template"))).all()
    assert [row.template for row in rows] == ["decision_told", "offer_made"]
    assert "/my-match" in rows[0].body
    assert "Pia" not in rows[0].body
    assert "DecisionTold" in await events(db)


async def test_before_anybody_is_asked_the_person_says_whom_they_want(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    staff, reader = await browser.signed_in(found.broker), await browser.signed_in(found.reader)
    worker_id = str(found.worker.id)
    await staff.post(f"/referrals/{found.referral_id}/change/withdraw", {"reason": "Wrong week"})
    page = await reader.open("/my-match")
    assert "Nobody has been asked yet" in page.words
    await reader.open(f"/my-match/{found.referral_id}/say")
    form = {"said": "She knows my mother", "worker_id": worker_id}
    await reader.post(f"/my-match/{found.referral_id}/say", form)
    assert await count(db, "contests") == 0
    assert await count(db, "referrals", "chosen_worker_id IS NOT NULL") == 1


async def test_a_contest_that_is_right_takes_the_offer_back_with_the_wish_on_record(
    browser: Browser, db: AsyncSession
) -> None:
    found = await make_decided(db)
    wanted, _ = await make_planner(db, found.broker.council, name="Wanted Wyn")
    wanted_id, path = wanted.id, f"/my-match/{found.referral_id}/say"
    reader, manager, decider = [await browser.signed_in(one) for one in (found.reader, found.manager, found.broker)]
    wrong = await reader.post(path, {"said": "", "worker_id": str(UUID(int=3))}, expect=422)
    assert set(wrong.errors()) == {"said", "worker_id"}
    form = {"said": "I want a woman I know", "wants": "Ask Wyn", "worker_id": str(wanted_id)}
    await reader.post(path, form)
    second = await reader.post(path, form, expect=409)
    assert second.heading == "The council is looking at this already"
    assert await count(db, "contests", "answer_by = '2027-03-13'") == 1
    assert "You asked us to look at this again" in (await reader.open("/my-match")).words
    contest = str(await db.scalar(text("SELECT id FROM contests")))
    assert "The person contests this" in (await decider.open(f"/referrals/{found.referral_id}")).words
    assert "You took this decision, so a colleague answers" in (await decider.open(f"/contests/{contest}")).words
    answer = {"outcome": "upheld", "answer": "You are right. We ask Wyn.", "version": "1"}
    own = await decider.post(f"/contests/{contest}/answer", answer, expect=409)
    assert own.heading == "Somebody else answers this"
    assert await count(db, "contests", "status = 'open'") == 1
    missing = await manager.post(f"/contests/{contest}/answer", {"outcome": "", "answer": ""}, expect=422)
    assert set(missing.errors()) == {"outcome", "answer"}
    await manager.post(f"/contests/{contest}/answer", answer)
    assert await count(db, "contests", "status = 'upheld'") == 1
    assert await count(db, "offers", "status = 'withdrawn'") == 1
    assert await count(db, "referrals", "status = 'received'") == 1
    assert await count(db, "capacity_reservations") == 0
    chosen = await db.scalar(text("SELECT chosen_worker_id FROM referrals WHERE id = :id"), {"id": found.referral_id})
    assert chosen == wanted_id
    late = await manager.post(f"/contests/{contest}/answer", answer, expect=409)
    assert late.heading == "This has been answered"
    assert "1. Wanted Wyn" in (await decider.open(f"/referrals/{found.referral_id}")).words
    assert "Our answer on 3 March 2027" in (await reader.open("/my-match")).words
    assert "You are right. We ask Wyn." in (await manager.open(f"/contests/{contest}")).words


async def test_a_contest_of_an_accepted_offer_hands_it_back(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    reader, manager, theirs = [await browser.signed_in(one) for one in (found.reader, found.manager, found.planner)]
    await theirs.post(f"/offers/{found.offer_id}/accept")
    assert "plans with you" in (await reader.open("/my-match")).words
    await reader.post(f"/my-match/{found.referral_id}/say", {"said": "We do not get on", "wants": "A woman"})
    contest = str(await db.scalar(text("SELECT id FROM contests")))
    await manager.post(f"/contests/{contest}/answer", {"outcome": "upheld", "answer": "Yes", "version": "1"})
    assert await count(db, "offers", "status = 'withdrawn' AND handed_back_at IS NOT NULL") == 1
    assert await count(db, "referrals", "status = 'received'") == 1
    assert await count(db, "preferences", "said = 'A woman'") == 1
    assert "OfferHandedBack" in await events(db)


async def test_a_decision_that_stands_is_answered_with_reasons_and_everybody_is_told(
    browser: Browser, db: AsyncSession, clock: FixedClock, maker: Any
) -> None:
    found = await make_decided(db)
    council_id = found.broker.council.id
    reader, manager = await browser.signed_in(found.reader), await browser.signed_in(found.manager)
    await reader.post(f"/my-match/{found.referral_id}/say", {"said": "Too young"})
    assert "Overdue" not in (await manager.open("/contests")).words
    await deliver_matching(db)
    assert await count(db, "messages", "template = 'contest_made'") == 1
    clock.advance(timedelta(days=11))
    manager = await browser.signed_in(await make_member(db, Role.MANAGER, await db.get_one(Council, council_id)))
    assert "Overdue" in (await manager.open("/contests")).words
    await remind_of_contests()
    assert await count(db, "messages", "template = 'contest_made' AND subject LIKE 'Overdue%'") >= 1
    contest = str(await db.scalar(text("SELECT id FROM contests")))
    await manager.post(f"/contests/{contest}/answer", {"outcome": "kept", "answer": "Age is no rule", "version": "1"})
    await deliver_matching(db)
    assert await count(db, "messages", "template = 'contest_answered'") == 1
    assert await count(db, "offers", "status = 'offered'") == 1
    assert "decision stands" in (await manager.open("/contests")).words
    assert await count(db, "audit_entries", "action = 'matching.answer_contest'") == 1


async def test_a_person_takes_a_contest_back(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    reader = await browser.signed_in(found.reader)
    await reader.post(f"/my-match/{found.referral_id}/say", {"said": "Too young"})
    contest = str(await db.scalar(text("SELECT id FROM contests")))
    await reader.post(f"/my-match/contests/{contest}/withdraw")
    await reader.post(f"/my-match/contests/{contest}/withdraw", expect=409)
    assert await count(db, "contests", "status = 'withdrawn'") == 1


async def test_strangers_and_other_councils_find_nothing(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    neighbour = await make_person(db, found.broker.council)
    other = await make_member(db, Role.PERSON, found.broker.council, person_id=neighbour.id)
    abroad = await make_member(db, Role.MANAGER)
    reader, stranger, foreign, staff = [
        await browser.signed_in(one) for one in (found.reader, other, abroad, await make_broker(db))
    ]
    await reader.post(f"/my-match/{found.referral_id}/say", {"said": "Too young"})
    contest = str(await db.scalar(text("SELECT id FROM contests")))
    await stranger.get(f"/my-match/{found.referral_id}/say", expect=404)
    await stranger.post(f"/my-match/{found.referral_id}/say", {"said": "x"}, expect=404)
    await stranger.post(f"/my-match/{found.referral_id}/yes", expect=404)
    await stranger.post(f"/my-match/contests/{contest}/withdraw", expect=404)
    assert "Nobody is looked for now" in (await stranger.open("/my-match")).words
    await foreign.get(f"/contests/{contest}", expect=404)
    await foreign.post(f"/contests/{contest}/answer", {"outcome": "kept", "answer": "x", "version": "1"}, expect=404)
    await staff.get("/my-match", expect=403)
    await reader.get("/contests", expect=403)
    assert await count(db, "contests", "status = 'open'") == 1


async def test_a_representative_speaks_for_the_person(browser: Browser, db: AsyncSession) -> None:
    found = await make_decided(db)
    member = await make_member(
        db, Role.REPRESENTATIVE, found.broker.council, person_id=found.person.id, acting_for_name=found.person.name
    )
    theirs = await browser.signed_in(member)
    await theirs.open("/my-match")
    await theirs.post(f"/my-match/{found.referral_id}/yes")
    assert await count(db, "preferences", "how = 'representative'") == 1


async def test_the_planner_sees_the_basis_of_their_own_place_and_nothing_of_others(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_planner(db, broker.council, name="Rival Rex")
    found = await make_decided(db, person={"interests": ["football"], "languages": ["English", "Urdu"]})
    theirs = await browser.signed_in(found.planner)
    page = await theirs.open(f"/offers/{found.offer_id}")
    assert "Why the council asks you" in page.words
    assert "How points are given" in page.words
    assert "You share no interests that are recorded" in page.words
    for hidden in ("Rival Rex", "football", "Urdu", "shortlist"):
        assert hidden not in page.words, hidden
