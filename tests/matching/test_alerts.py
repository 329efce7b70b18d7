"""Late news: found by events and by the nightly look, one alert a cause, and what people do about it."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, NotFound
from marketplace.matching.errors import AlertClosed, AlreadyPlanned, OfferClosed
from marketplace.matching.events import OfferDeclined
from marketplace.matching.models import Offer, Referral, RematchAlert, RematchCause
from marketplace.matching.repository.runs import note_planned
from marketplace.matching.service.acting import ActingService
from marketplace.matching.service.hand_backs import HandBackService
from marketplace.matching.service.offers import OfferService
from marketplace.matching.states import AlertStatus, OfferStatus, ReferralStatus
from marketplace.matching.tasks_alerts import propose_after_decline, sweep_alerts
from marketplace.people.models import Person
from marketplace.providers.models import Worker
from marketplace.providers.service.workers import AbsenceForm, WorkerService
from tests.browser import Browser, count
from tests.factories import Member, make_accreditation, make_member
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner
from tests.factories_runs import carry_out, renew
from tests.factories_standing import suspend


class Scene:
    """A referral that Ann Away accepted, and Bea Best, who could take it, too."""

    broker: Member
    ann: Worker
    planner: Member
    bea: Worker
    referral: Referral
    person: Person
    offer: Offer


async def make_scene(db: AsyncSession, *, is_accepted: bool = True) -> Scene:
    scene = Scene()
    scene.broker = await make_broker(db)
    scene.ann, scene.planner = await make_planner(db, scene.broker.council, name="Ann Away", specialisms=["older"])
    scene.bea, _ = await make_planner(db, scene.broker.council, name="Bea Best")
    scene.referral, scene.person = await make_case(db, scene.broker)
    scene.offer = await make_offer(db, scene.broker, scene.referral, scene.person, scene.ann)
    if is_accepted:
        await OfferService(db).accept(scene.planner.principal, scene.offer.id)
    await db.flush()
    await carry_out(db, only="nothing")
    return scene


async def alerts(db: AsyncSession) -> list[RematchAlert]:
    await scope_to(db, "every")
    return list((await db.scalars(select(RematchAlert).order_by(RematchAlert.id))).all())


async def go_away(db: AsyncSession, scene: Scene, first: date, last: date) -> None:
    """Ann notes days away."""
    await WorkerService(db).add_absence(scene.planner.principal, None, AbsenceForm(first, last + timedelta(days=1)))
    await carry_out(db, only="matching.")


async def test_a_planner_who_is_away_in_the_week_of_a_place_raises_one_alert_with_a_proposal(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    (alert,) = await alerts(db)
    assert (alert.cause, alert.status) == (RematchCause.ABSENCE, AlertStatus.OPEN)
    assert alert.proposed_worker_id == scene.bea.id
    assert alert.proposed_score
    assert alert.detail == "Ann Away is away from 1 March 2027 to 31 March 2027."
    assert scene.person.family_name not in alert.detail
    await carry_out(db, only="matching.tell_broker_of_alert")
    assert "rematch" not in str((await db.scalars(text("SELECT subject FROM messages"))).all()).lower()
    assert await count(db, "messages", "subject LIKE '%somebody else may be needed'") == 1
    # Looking again, by the nightly job too, raises nothing new.
    await sweep_alerts()
    assert len(await alerts(db)) == 1


async def test_days_away_elsewhere_raise_nothing(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 4, 12), date(2027, 4, 16))
    assert await alerts(db) == []


async def test_an_alert_goes_when_its_cause_ends(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    absence_id = await db.scalar(text("SELECT id FROM worker_absences"))
    await WorkerService(db).remove_absence(scene.planner.principal, None, absence_id)
    await carry_out(db, only="matching.")
    (alert,) = await alerts(db)
    assert (alert.status, alert.handled_how) == (AlertStatus.GONE, "The cause has ended")


async def test_a_planner_who_leaves_or_works_less_is_found_by_the_nightly_look(db: AsyncSession) -> None:
    scene = await make_scene(db)
    scene.ann.fte_percent = 0
    await db.commit()
    await sweep_alerts()
    (alert,) = await alerts(db)
    assert alert.cause is RematchCause.CAPACITY
    assert "0 places" in alert.detail
    scene.ann.ends_on = date(2027, 3, 5)
    await db.commit()
    await sweep_alerts()
    await renew(db)
    found = {row.cause: row.status for row in await alerts(db)}
    assert found == {RematchCause.CAPACITY: AlertStatus.GONE, RematchCause.LEFT: AlertStatus.OPEN}


async def test_a_finished_plan_raises_nothing(db: AsyncSession, clock: FixedClock) -> None:
    scene = await make_scene(db)
    await note_planned(db, scene.broker.council.id, scene.referral.id, clock.now())
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    assert await alerts(db) == []


async def test_an_organisation_that_may_not_take_new_work_raises_an_alert_for_what_it_holds(db: AsyncSession) -> None:
    scene = await make_scene(db)
    accreditation = await db.scalar(
        text("SELECT id FROM accreditations WHERE organisation_id = :id"), {"id": scene.ann.organisation_id}
    )
    from marketplace.providers.models import Accreditation

    await suspend(db, await db.get_one(Accreditation, accreditation))
    await db.commit()
    await sweep_alerts()
    (alert,) = await alerts(db)
    assert alert.cause is RematchCause.STANDING
    assert "suspended" in alert.detail


async def test_a_no_leaves_a_fresh_proposal_without_who_said_it(db: AsyncSession) -> None:
    scene = await make_scene(db, is_accepted=False)
    await OfferService(db).decline(scene.planner.principal, scene.offer.id, "I have no time that week")
    await carry_out(db, only="matching.")
    (alert,) = await alerts(db)
    assert (alert.cause, alert.proposed_worker_id) == (RematchCause.DECLINED, scene.bea.id)
    assert alert.detail == "Ann Away said no: I have no time that week."
    assert await count(db, "offers") == 1, "nothing is sent by itself"
    # The same message again raises nothing.
    event = OfferDeclined(
        council_id=scene.broker.council.id,
        offer_id=scene.offer.id,
        referral_id=scene.referral.id,
        worker_id=scene.ann.id,
        organisation_id=scene.ann.organisation_id,
    )
    message_id = await db.scalar(text("SELECT id FROM outbox_messages WHERE event = 'OfferDeclined'"))
    await propose_after_decline(UUID(str(message_id)), event)
    assert len(await alerts(db)) == 1


async def test_offering_from_its_alert_takes_one_step_and_closes_it(db: AsyncSession) -> None:
    scene = await make_scene(db, is_accepted=False)
    await OfferService(db).decline(scene.planner.principal, scene.offer.id, "No time")
    await carry_out(db, only="matching.")
    (alert,) = await alerts(db)
    offer = await ActingService(db).offer(scene.broker.principal, alert.id, scene.bea.id, "")
    assert (offer.worker_id, offer.status) == (scene.bea.id, OfferStatus.OFFERED)
    assert (alert.status, alert.handled_how) == (AlertStatus.HANDLED, "Offered to Bea Best")
    assert alert.handled_by_user_id == scene.broker.user.id
    with pytest.raises(AlertClosed):
        await ActingService(db).offer(scene.broker.principal, alert.id, scene.bea.id, "")


async def test_offering_to_another_planner_takes_it_from_the_first_and_tells_the_person(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    (alert,) = await alerts(db)
    await ActingService(db).offer(scene.broker.principal, alert.id, scene.bea.id, "")
    first = await db.get_one(Offer, scene.offer.id)
    assert first.status is OfferStatus.WITHDRAWN
    assert first.handed_back_at is not None
    assert await count(db, "capacity_reservations") == 1
    assert scene.referral.status is ReferralStatus.OFFERED
    done = await carry_out(db, only="matching.")
    assert "matching.tell_person_of_hand_back" in done
    assert [row.status for row in await alerts(db)] == [AlertStatus.HANDLED], "the referral has gone on already"


async def test_keeping_the_planner_needs_a_reason_and_is_not_asked_again(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    (alert,) = await alerts(db)
    await ActingService(db).keep(scene.broker.principal, alert.id, "The visit was on Monday")
    await db.commit()
    await sweep_alerts()
    (alert,) = await alerts(db)
    assert (alert.status, alert.handled_how) == (AlertStatus.HANDLED, "Left as it is: The visit was on Monday")


async def test_taking_back_puts_the_referral_into_the_queue(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    (alert,) = await alerts(db)
    await ActingService(db).take_back(scene.broker.principal, alert.id, "She is ill")
    assert scene.referral.status is ReferralStatus.RECEIVED
    assert await count(db, "capacity_reservations") == 0
    await carry_out(db, only="matching.")
    assert [(row.cause, row.status) for row in await alerts(db)] == [
        (RematchCause.ABSENCE, AlertStatus.HANDLED),
        (RematchCause.HANDED_BACK, AlertStatus.OPEN),
    ]


async def test_only_brokers_of_the_council_act(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    (alert,) = await alerts(db)
    with pytest.raises(NotFound):
        await ActingService(db).keep((await make_broker(db)).principal, alert.id, "Mine")
    with pytest.raises(Forbidden):
        await ActingService(db).keep(
            (await make_member(db, Role.SOCIAL_WORKER, scene.broker.council)).principal, alert.id, "Mine"
        )
    assert alert.status is AlertStatus.OPEN


async def test_a_planner_hands_back_and_is_left_out_from_then_on(browser: Browser, db: AsyncSession) -> None:
    scene = await make_scene(db)
    offer_id, referral_id, bea_id = scene.offer.id, scene.referral.id, scene.bea.id
    planner = await browser.signed_in(scene.planner)
    staff = await browser.signed_in(scene.broker)
    page = await planner.open(f"/offers/{offer_id}")
    address = page.link("hand-back")
    await planner.open(address)
    wrong = await planner.post(address, {"reason": "other"}, expect=422)
    assert set(wrong.errors()) == {"more"}
    await planner.post(address, {"reason": "ill", "more": ""})
    await renew(db)
    assert scene.offer.hand_back_reason == "I am ill or away"
    assert scene.referral.status is ReferralStatus.RECEIVED
    assert await count(db, "capacity_reservations") == 0
    assert "You handed this referral back" in (await planner.open(f"/offers/{offer_id}")).words
    await planner.get(address, expect=404)
    await carry_out(db, only="matching.")
    (alert,) = await alerts(db)
    alert_id = alert.id
    assert (alert.cause, alert.proposed_worker_id) == (RematchCause.HANDED_BACK, bea_id)
    page = await staff.open(f"/referrals/{referral_id}")
    assert "Declined this referral" in page.words or "Handed" in page.words
    page = await staff.open("/matching/alerts")
    assert "Handed back" in page.words
    assert "Bea Best" in page.words
    page = await staff.open(f"/matching/alerts/{alert_id}")
    wrong = await staff.post(f"/matching/alerts/{alert_id}/keep", {}, expect=422)
    assert set(wrong.errors()) == {"keep_reason"}
    sent = await staff.post(f"/matching/alerts/{alert_id}/offer", {"worker_id": str(bea_id)})
    assert sent.location == f"/referrals/{referral_id}"
    assert "Dealt with (1)" in (await staff.open("/matching/alerts?tab=past")).words


async def test_what_is_planned_or_not_accepted_cannot_be_handed_back(db: AsyncSession, clock: FixedClock) -> None:
    scene = await make_scene(db, is_accepted=False)
    with pytest.raises(OfferClosed):
        await HandBackService(db).hand_back(scene.planner.principal, scene.offer.id, "No")
    await OfferService(db).accept(scene.planner.principal, scene.offer.id)
    await note_planned(db, scene.broker.council.id, scene.referral.id, clock.now())
    with pytest.raises(AlreadyPlanned):
        await HandBackService(db).hand_back(scene.planner.principal, scene.offer.id, "No")
    _, other = await make_planner(db, scene.broker.council, name="Other")
    with pytest.raises(NotFound):
        await HandBackService(db).hand_back(other.principal, scene.offer.id, "No")
    assert scene.offer.status is OfferStatus.ACCEPTED


async def test_late_news_of_a_planner_reaches_every_council_that_gave_them_work(db: AsyncSession) -> None:
    scene = await make_scene(db)
    other = await make_broker(db)
    from marketplace.providers.models import Organisation, ServiceLine

    organisation = await db.get_one(Organisation, scene.ann.organisation_id)
    await make_accreditation(db, organisation, other.council, ServiceLine.SUPPORT_PLANNING)
    referral, person = await make_case(db, other)
    await make_offer(db, other, referral, person, scene.ann)
    await carry_out(db, only="nothing")
    await go_away(db, scene, date(2027, 3, 1), date(2027, 3, 31))
    assert {row.council_id for row in await alerts(db)} == {scene.broker.council.id, other.council.id}
