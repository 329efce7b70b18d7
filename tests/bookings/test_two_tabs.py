"""Forms of agreements and visits that are clicked twice, sent from two tabs, or sent again with other content."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import ChangeScope, PauseKind
from marketplace.bookings.service.agreements.forms import SignForm
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.planning.change import Wanted
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.workers import CrewService
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.database import make_engine, make_session_maker, transaction
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from tests.bookings.agreement_steps import SIGN, person_form, provider_form
from tests.browser import Browser, application
from tests.conftest import NOW, admin, clone_database
from tests.factories_agreements import MadeAgreement, make_agreement
from tests.factories_bookings import Scene, loose, make_booking, make_scene
from tests.factories_day import make_office, make_planned
from tests.two_tabs import Prepare, Try, count, prints, sent_again, sent_at_once

FRIDAY, NEXT = date(2027, 3, 5), date(2027, 3, 12)


def on(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


async def weekly(db: AsyncSession) -> tuple[Scene, MadeAgreement]:
    """An agreement with planned visits on Fridays at ten."""
    scene = await make_scene(db, balance_pence=500_000)
    made = await make_agreement(db, scene)
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    return scene, made


async def visit_on(db: AsyncSession, scene: Scene, day: date = NEXT) -> UUID:
    question = "SELECT id FROM bookings WHERE visit_on = :day AND person_id = :person"
    found = await db.scalar(text(question), {"day": day, "person": scene.person.id})
    assert isinstance(found, UUID)
    return found


async def offered(db: AsyncSession) -> tuple[Scene, MadeAgreement]:
    scene = await make_scene(db)
    made = await make_agreement(db, scene, status=AgreementStatus.OFFERED)
    return scene, made


async def sign(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    made = await make_agreement(db, scene, status=AgreementStatus.DRAFT, starts_on=date(2027, 3, 8))
    # As if the person had said it before.
    said = text("UPDATE support_agreements SET relation = 'none', lives_with = false WHERE id = :id")
    await db.execute(said, {"id": made.agreement.id})
    service = SupportAgreementService(db)
    view = await service.view(scene.provider.principal, made.agreement.id)
    await service.sign(scene.provider.principal, made.agreement.id, SignForm(name="Pat Helper", seen=view.seen))
    view = await service.view(scene.member.principal, made.agreement.id)
    form = {**SIGN, "seen": view.seen}
    effect = ("agreement_terms", "status = 'agreed'")
    return Try(scene.member, f"/agreements/{made.agreement.id}/sign", form, effect, {"name": "Somebody Else"})


async def decline(db: AsyncSession, clock: Any) -> Try:
    scene, made = await offered(db)
    path = f"/agreements/{made.agreement.id}/decline"
    effect = ("support_agreements", "status = 'declined'")
    return Try(scene.member, path, {"reason": "Too dear"}, effect, {"reason": "Too far"})


async def withdraw(db: AsyncSession, clock: Any) -> Try:
    scene, made = await offered(db)
    path = f"/provider/clients/{made.agreement.id}/withdraw"
    return Try(scene.provider, path, {}, ("support_agreements", "status = 'withdrawn'"))


async def write(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    other = {"words": "We speak Welsh."}
    return Try(scene.member, "/agreements/new", person_form(scene), ("support_agreements", "true"), other)


async def write_for_a_client(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    await make_booking(db, scene, BookingStatus.APPROVED)
    other = {"rate": "17.00"}
    return Try(scene.provider, "/provider/clients/new", provider_form(scene), ("support_agreements", "true"), other)


async def give_notice(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    form = {**on("last_on", date(2027, 4, 30)), "reason": "We move"}
    effect = ("support_agreements", "ends_on IS NOT NULL")
    return Try(scene.member, f"/agreements/{made.agreement.id}/end", form, effect, {"reason": "We stay"})


async def change(db: AsyncSession, scope: ChangeScope, effect: tuple[str, str]) -> Try:
    scene, made = await weekly(db)
    visit = await visit_on(db, scene)
    version = await db.scalar(text("SELECT version FROM bookings WHERE id = :id"), {"id": visit})
    form = {
        **on("visit_on", date(2027, 3, 11)), "starts_local": "2pm", "minutes": "60", "every_weeks": "1",
        "scope": scope.value, "version": str(version), "pattern_version": "1", "action": "save",
    }  # fmt: skip
    path = f"/agreements/{made.agreement.id}/visits/{visit}/change"
    return Try(scene.member, path, form, effect, {"minutes": "90"})


async def change_one(db: AsyncSession, clock: Any) -> Try:
    return await change(db, ChangeScope.ONE, ("audit_entries", "action = 'bookings.move_visit'"))


async def change_following(db: AsyncSession, clock: Any) -> Try:
    return await change(db, ChangeScope.FOLLOWING, ("visit_patterns", "true"))


async def ask_for_another_time(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    fields = {**on("visit_on", date(2027, 3, 11)), "starts_local": "2pm", "minutes": "60", "scope": "one"}
    path = f"/provider/clients/{made.agreement.id}/visits/{await visit_on(db, scene)}/change"
    form = {**fields, "reason": "Training", "action": "save"}
    return Try(scene.provider, path, form, ("visit_proposals", "status = 'asked'"), {"reason": "Ill"})


async def proposal(db: AsyncSession) -> tuple[Scene, MadeAgreement, UUID]:
    scene, made = await weekly(db)
    wanted = Wanted(visit_on=date(2027, 3, 11), starts_local=time(14), minutes=60)
    row = await Proposals(db).ask(
        scene.provider.principal, made.agreement.id, ChangeScope.ONE, wanted, visit_id=await visit_on(db, scene)
    )
    return scene, made, row.id


async def say_yes(db: AsyncSession, clock: Any) -> Try:
    scene, made, asked = await proposal(db)
    path = f"/agreements/{made.agreement.id}/visits/asked/{asked}"
    return Try(scene.member, path, {"answer": "yes"}, ("bookings", "visit_on = '2027-03-11'"), {"answer": "no"})


async def take_a_question_back(db: AsyncSession, clock: Any) -> Try:
    scene, made, asked = await proposal(db)
    path = f"/provider/clients/{made.agreement.id}/visits/asked/{asked}/withdraw"
    return Try(scene.provider, path, {}, ("visit_proposals", "status = 'withdrawn'"))


async def add_weekly(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    fields = {"starts_local": "8am", "minutes": "30", "every_weeks": "2", "workers_needed": "1", "weekdays": ["0", "2"]}
    form = {**fields, **on("starts_on", date(2027, 3, 8))}
    path = f"/agreements/{made.agreement.id}/visits/add"
    effect = ("visit_patterns", "minutes = 30")
    return Try(scene.member, path, form, effect, {"minutes": "45"}, tab=303, effects=2)


async def extra(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db, balance_pence=1_600)
    made = await make_agreement(db, scene, patterns=())
    form = {**on("visit_on", date(2027, 3, 9)), "starts_local": "3pm", "minutes": "60", "note": "", "action": "save"}
    path = f"/agreements/{made.agreement.id}/visits/extra"
    # The money is enough for one.
    return Try(scene.member, path, form, ("bookings", "true"), {"minutes": "30"}, tab=422)


async def stop_weekly(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    form = {"version": "1", **on("from_on", date(2027, 3, 15))}
    path = f"/agreements/{made.agreement.id}/visits/weekly/{made.patterns[0].id}/stop"
    return Try(scene.member, path, form, ("visit_patterns", "ends_on IS NOT NULL"), on("from_on", date(2027, 3, 22)))


async def pause(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    form = {"kind": "holiday", **on("starts_on", date(2027, 3, 8)), "note": "", "action": "save"}
    path = f"/agreements/{made.agreement.id}/pause"
    return Try(scene.member, path, form, ("agreement_pauses", "true"), {"kind": "hospital"}, tab=422)


async def resume(db: AsyncSession, clock: Any) -> Try:
    scene, made = await weekly(db)
    row = await Pauses(db).pause(scene.member.principal, made.agreement.id, PauseKind.HOLIDAY, date(2027, 3, 8), None)
    path = f"/agreements/{made.agreement.id}/visits/pauses/{row.id}/resume"
    effect = ("agreement_pauses", "ends_on IS NOT NULL")
    other = on("from_on", date(2027, 3, 22))
    return Try(scene.member, path, on("from_on", date(2027, 3, 15)), effect, other, tab=422)


async def over(db: AsyncSession, clock: Any, status: BookingStatus = BookingStatus.CLAIMED) -> tuple[Scene, str]:
    """A visit whose time is over."""
    scene = await make_scene(db)
    visit = await make_booking(db, scene, status)
    clock.move_to(visit.ends_at + timedelta(hours=1))
    return scene, f"/bookings/{visit.id}"


async def approve(db: AsyncSession, clock: Any) -> Try:
    scene, path = await over(db, clock)
    return Try(scene.member, f"{path}/approve", {"pence": "1600"}, ("ledger_entries", "kind = 'visit-approved'"))


async def approve_part(db: AsyncSession, clock: Any) -> Try:
    scene, path = await over(db, clock)
    form = {"amount": "5.33", "reason": "They left early"}
    effect = ("ledger_entries", "kind = 'visit-approved'")
    return Try(scene.member, f"{path}/part", form, effect, {"amount": "6.00"})


async def dispute(db: AsyncSession, clock: Any) -> Try:
    scene, path = await over(db, clock)
    effect = ("bookings", "status = 'disputed'")
    return Try(scene.member, f"{path}/dispute", {"reason": "Rude"}, effect, {"reason": "Late"})


async def nobody_came(db: AsyncSession, clock: Any) -> Try:
    scene, path = await over(db, clock, BookingStatus.ACCEPTED)
    effect = ("bookings", "status = 'no_show'")
    return Try(scene.member, f"{path}/nobody-came", {"reason": "I waited"}, effect, {"reason": "I slept"})


async def cancel(db: AsyncSession, clock: Any) -> Try:
    scene, _ = await weekly(db)
    path = f"/bookings/{await visit_on(db, scene)}/cancel"
    effect = ("bookings", "status = 'cancelled'")
    return Try(scene.member, path, {"reason": "Away", "shown": "free-0"}, effect, {"reason": "Ill"})


async def press_start(db: AsyncSession, clock: Any) -> Try:
    office = await make_office(db)
    visit = await make_planned(db, office)
    await CrewService(db).confirm(office.manager.principal, visit.id, [office.workers[0].id])
    clock.move_to(visit.starts_at + timedelta(minutes=2))
    loose(db, visit)
    form = {"kind": "start", "client_key": str(new_id())}
    # The phone's own key makes it one even where the page's does not.
    return Try(office.carers[0], f"/today/{visit.id}/record", form, ("visit_records", "true"), tab=303, is_same=True)


async def add_a_back_up(db: AsyncSession, clock: Any) -> Try:
    scene = await make_scene(db)
    form = {"name": "Aunt Jo", "phone": "01772 900124", "note": ""}
    return Try(scene.member, "/back-ups", form, ("back_ups", "true"), {"name": "Uncle Jo"}, tab=303)


CASES: tuple[Prepare, ...] = (
    sign, decline, withdraw, write, write_for_a_client, give_notice, change_one, change_following,
    ask_for_another_time, say_yes, take_a_question_back, add_weekly, extra, stop_weekly, pause, resume, approve,
    approve_part, dispute, nobody_came, cancel, press_start, add_a_back_up,
)  # fmt: skip


@pytest.mark.parametrize("prepare", CASES, ids=lambda one: one.__name__)
async def test_a_form_counts_once_however_often_it_is_sent(
    browser: Browser, db: AsyncSession, clock: Any, prepare: Prepare
) -> None:
    await sent_again(browser, db, await prepare(db, clock))


@pytest.mark.usefixtures("mailbox")
async def test_tabs_that_send_at_the_same_instant_end_in_one_effect(
    worker_id: str, settings: Settings, clock: FixedClock
) -> None:
    name = f"tabs_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=8)
    maker = make_session_maker(engine, clock)
    app, _ = application(settings, maker, clock)
    try:
        for prepare in CASES:
            clock.move_to(NOW)
            async with transaction(maker, "every") as db:
                one = await prepare(db, clock)
            await sent_at_once(app, maker, settings, clock, one)
    finally:
        await engine.dispose()
        await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_what_became_late_while_the_page_was_open_is_not_cancelled_unseen(
    browser: Browser, db: AsyncSession, clock: Any
) -> None:
    scene, _ = await weekly(db)
    visit = await visit_on(db, scene, FRIDAY)
    mine = await browser.signed_in(scene.member)
    page = await mine.open(f"/bookings/{visit}/cancel")
    assert "Cancelling is free now" in page.words
    clock.move_to(datetime(2027, 3, 5, 9, tzinfo=UTC))
    mine = await browser.signed_in(scene.member)
    form = {"reason": "I am ill", "shown": page.field("shown")}
    assert form["shown"] == "free-0"
    before = await prints(db)
    again = await mine.post(f"/bookings/{visit}/cancel", form, expect=409)
    again.check()
    assert "£16.00 is still owed" in again.words
    assert "has changed since you opened the page" in again.words
    assert again.field("reason") == "I am ill"
    assert await prints(db) == before
    await mine.post(f"/bookings/{visit}/cancel", {**form, "shown": again.field("shown")})
    assert await count(db, ("bookings", "called_off_at IS NOT NULL AND cost_pence = 1600")) == 1


async def test_what_a_pause_costs_is_seen_before_it_is_owed(browser: Browser, db: AsyncSession, clock: Any) -> None:
    scene, made = await weekly(db)
    clock.move_to(datetime(2027, 3, 5, 9, tzinfo=UTC))
    mine = await browser.signed_in(scene.member)
    path = f"/agreements/{made.agreement.id}/pause"
    form = {"kind": "other", **on("starts_on", FRIDAY), **on("ends_on", date(2027, 3, 6)), "note": ""}
    page = await mine.post(path, form, expect=200)
    await db.execute(text("UPDATE bookings SET cost_pence = 2400 WHERE visit_on = '2027-03-05'"))
    saved = {**form, "shown_pence": page.field("shown_pence"), "action": "save"}
    assert "£24.00 is owed now" in (await mine.post(path, saved, expect=422)).errors()["starts_on"]
    page = await mine.post(path, form, expect=200)
    await mine.post(path, {**saved, "shown_pence": page.field("shown_pence")})
    assert await count(db, ("agreement_pauses", "true")) == 1
