"""After the visit: a part, nobody came, the provider's answer, times put right, and the person's rule for silence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import CHECKS
from marketplace.bookings.errors import NotEnoughLeft, NotYet
from marketplace.bookings.models import Booking, RecordKind, SilenceAction
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.visits import VisitSteps
from marketplace.bookings.states import BookingStatus
from marketplace.bookings.tasks_day import mind_silence
from marketplace.core.database import scope_to
from marketplace.core.errors import StepRefused
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose
from tests.browser import Browser, count, events
from tests.factories_bookings import Scene, make_booking, make_scene
from tests.factories_day import make_office, make_planned

AFTER = datetime(2027, 3, 5, 11, tzinfo=UTC)


async def accrued(db: AsyncSession, scene: Scene) -> int:
    return await LedgerService(db).balance(scene.council.id, Purpose.ACCRUED, scene.organisation.id)


async def hold(db: AsyncSession) -> None:
    for check in CHECKS:
        found = await check(db)
        assert found.ok, found


async def test_what_is_asked_in_full_is_not_suggested_as_a_part(browser: Browser, db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED, claimed_minutes=20, claimed_pence=533)
    clock.move_to(AFTER)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/{visit.id}/part")
    assert "20 minutes of 1 hour would come to £5.33" in page.words
    assert page.field("amount") == ""


async def test_twenty_of_sixty_minutes_are_paid_in_part_and_the_rest_later(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED, claimed_minutes=20, claimed_pence=1_600)
    clock.move_to(AFTER)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/{visit.id}/part")
    assert "20 minutes of 1 hour would come to £5.33" in page.words
    assert page.field("amount") == "5.33"
    for wrong in ("0", "16.00", "99", "x"):
        page = await person.post(f"/bookings/{visit.id}/part", {"amount": wrong, "reason": "Left early"}, expect=422)
        assert "amount" in page.errors()
    form = {"amount": "5.33", "reason": "They left after 20 minutes", "form_id": "one"}
    for _ in range(2):
        await person.post(f"/bookings/{visit.id}/part", form)
    assert await accrued(db, scene) == 533
    await hold(db)
    provider = await browser.signed_in(scene.provider)
    assert "They left after 20 minutes" in (await provider.open(f"/provider/bookings/{visit.id}")).words
    page = await person.open(f"/bookings/{visit.id}")
    assert "You approved £5.33 of £16.00" in page.words
    await person.post(f"/bookings/{visit.id}/approve", {"pence": "1600"})
    await person.post(f"/bookings/{visit.id}/approve", expect=409)
    assert await accrued(db, scene) == 1_600
    assert await events(db) == ["BookingApproved", "BookingRestApproved"]
    await hold(db)
    await person.open(f"/bookings/{visit.id}")


async def test_nobody_came_moves_no_money_and_the_provider_may_answer(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.ACCEPTED)
    clock.move_to(AFTER - timedelta(minutes=1))
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{visit.id}/nobody-came", {"reason": "I waited"}, expect=409)
    clock.move_to(AFTER)
    await person.open(f"/bookings/{visit.id}/nobody-came")
    await person.post(f"/bookings/{visit.id}/nobody-came", {"reason": "I waited"})
    assert "You pay nothing" in (await person.open(f"/bookings/{visit.id}")).words
    provider = await browser.signed_in(scene.provider)
    assert "Did somebody come?" in (await provider.open(f"/provider/bookings/{visit.id}")).words
    await provider.post(f"/provider/bookings/{visit.id}/contest", {"reason": "I was there"})
    await person.post(f"/bookings/{visit.id}/approve")
    assert await accrued(db, scene) == 1_600
    assert await events(db) == ["BookingNotHeld", "BookingDisputed", "BookingApproved"]
    await hold(db)


async def test_money_promised_since_cannot_be_promised_again(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db, balance_pence=1_600)
    visit = await make_booking(db, scene, BookingStatus.NO_SHOW)
    await make_booking(db, scene, BookingStatus.ACCEPTED, minutes=45, on=visit.visit_on + timedelta(days=3))
    clock.move_to(AFTER)
    with pytest.raises(NotYet):
        await ApprovalService(db).contest(scene.provider.principal, visit.id, "I was there")
    assert await events(db) == []


async def test_who_was_recorded_at_the_door_is_disputed_not_absent(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED, actual_starts_at=AFTER - timedelta(hours=1))
    clock.move_to(AFTER)
    with pytest.raises(NotYet, match="recorded"):
        await ApprovalService(db).say_nobody_came(scene.member.principal, visit.id, "")


async def test_an_amount_that_changed_meanwhile_is_not_approved_unseen(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED, claimed_pence=1_500)
    clock.move_to(AFTER)
    with pytest.raises(NotYet, match="£15"):
        await BookingService(db).approve(scene.member.principal, visit.id, shown_pence=1_600)
    await BookingService(db).approve(scene.member.principal, visit.id, shown_pence=1_500)
    assert await accrued(db, scene) == 1_500
    await hold(db)


async def test_more_than_planned_is_paid_only_where_the_money_is_free(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db, balance_pence=2_000)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED, claimed_pence=2_400)
    clock.move_to(AFTER)
    with pytest.raises(NotEnoughLeft):
        await BookingService(db).approve(scene.member.principal, visit.id)
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    booking.claimed_pence = 2_000
    await db.flush()
    await BookingService(db).approve(scene.member.principal, visit.id)
    assert await accrued(db, scene) == 2_000
    await hold(db)


async def test_the_office_puts_times_right_and_the_claim_follows(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    office = await make_office(db)
    visit = await make_planned(db, office, status=BookingStatus.ACCEPTED, worker_id=office.workers[0].id)
    clock.move_to(AFTER)
    manager = await browser.signed_in(office.manager)
    await manager.open(f"/provider/bookings/{visit.id}/times")
    form = {"on-day": "5", "on-month": "3", "on-year": "2027", "starts": "10:00", "minutes": "30", "reason": "Forgot"}
    page = await manager.post(f"/provider/bookings/{visit.id}/times", form | {"minutes": "90"}, expect=422)
    assert page.errors() == {"minutes": "The end must be in the past"}
    await manager.post(f"/provider/bookings/{visit.id}/times", form)
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    assert (booking.status, booking.claimed_minutes, booking.claimed_pence) == (BookingStatus.CLAIMED, 30, 800)


@pytest.mark.parametrize(
    ("action", "is_recorded", "is_paid"),
    [
        (None, True, False),
        (SilenceAction.ASK, True, False),
        (SilenceAction.APPROVE_RECORDED, False, False),
        (SilenceAction.APPROVE_RECORDED, True, True),
        (SilenceAction.APPROVE, False, True),
    ],
)
async def test_silence_pays_only_by_the_persons_own_rule(
    db: AsyncSession, clock: Any, action: SilenceAction | None, is_recorded: bool, is_paid: bool
) -> None:
    office = await make_office(db)
    scene = office.scene
    visit = await make_planned(db, office, status=BookingStatus.ACCEPTED, worker_id=office.workers[0].id)
    if action:
        await ApprovalService(db).set_rule(scene.member.principal, action=action, remind_days=2, act_days=5)
    clock.move_to(AFTER)
    if is_recorded:
        for kind, minutes in ((RecordKind.START, 60), (RecordKind.FINISH, 0)):
            await RecordService(db).record(
                office.carers[0].principal,
                visit.id,
                kind,
                client_key=new_id(),
                happened_at=AFTER - timedelta(minutes=minutes),
            )
    else:
        await VisitSteps(db).claim(office.manager.principal, visit.id)
    for day in range(30):
        clock.move_to(AFTER + timedelta(days=day, hours=1))
        await mind_silence()
        await scope_to(db, "every")
        if day == 4:
            assert await count(db, "messages", "template = 'visit_reminder'") >= 1
            assert await accrued(db, scene) == 0
    booking = await db.get_one(Booking, visit.id, populate_existing=True)
    assert booking.status is (BookingStatus.APPROVED if is_paid else BookingStatus.CLAIMED)
    assert booking.is_approved_by_rule is is_paid
    assert await accrued(db, scene) == (1_600 if is_paid else 0)
    await hold(db)


async def test_a_rule_that_acts_before_the_reminder_is_refused_and_one_can_be_changed(
    browser: Browser, db: AsyncSession
) -> None:
    scene = await make_scene(db)
    person = await browser.signed_in(scene.member)
    assert "Ask me again" in (await person.open("/approval-rule")).words
    form = {"action": "approve", "remind_days": "7", "act_days": "3"}
    page = await person.post("/approval-rule", form, expect=422)
    assert set(page.errors()) == {"act_days"}
    await person.post("/approval-rule", form | {"act_days": "10"})
    assert "10 days after the provider asks" in (await person.open("/approval-rule")).words
    await person.post("/approval-rule", {"action": "ask", "remind_days": "7", "act_days": ""})
    assert await count(db, "approval_rules", "action = 'ask'") == 1


async def test_a_dispute_is_never_settled_by_silence(db: AsyncSession, clock: Any) -> None:
    scene = await make_scene(db)
    visit = await make_booking(db, scene, BookingStatus.CLAIMED)
    clock.move_to(AFTER)
    await ApprovalService(db).set_rule(scene.member.principal, action=SilenceAction.APPROVE, remind_days=1, act_days=1)
    await BookingService(db).dispute(scene.member.principal, visit.id, "They were rude")
    with pytest.raises(StepRefused):
        await ApprovalService(db).say_nobody_came(
            scene.member.principal,
            (await make_booking(db, scene, BookingStatus.APPROVED, on=visit.visit_on - timedelta(days=2))).id,
            "",
        )
    clock.advance(timedelta(days=40))
    await mind_silence()
    await scope_to(db, "every")
    assert (await db.get_one(Booking, visit.id, populate_existing=True)).status is BookingStatus.DISPUTED
