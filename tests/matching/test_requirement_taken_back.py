"""The winner falls through: taking awards back, who learns what, what stands again, and late news."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, NotFound
from marketplace.matching.errors_care import AwardOver, NotYet, RequirementChanged
from marketplace.matching.models import RematchAlert, RematchCause, Requirement, RequirementAward, RequirementOffer
from marketplace.matching.service.care import AwardService, RequirementService, TakingBackService
from marketplace.matching.service.care.alerts import CareAlertService
from marketplace.matching.states import AlertStatus, RequirementOfferStatus, RequirementStatus
from marketplace.matching.tasks_care_alerts import sweep_care_alerts
from marketplace.providers.events import StandingChanged
from marketplace.providers.models import Accreditation
from tests.browser import Browser, count
from tests.factories import Member, make_member, make_person_member
from tests.factories_brokerage import make_broker
from tests.factories_care import (
    again,
    at_end,
    make_care_provider,
    make_requirement,
    open_requirement,
    send_offer,
    visits_of,
)
from tests.factories_standing import suspend
from tests.matching.test_requirement_awards import award, closed_with, hear, mark
from tests.matching.test_requirement_offers import deliver_all
from tests.matching.test_requirements import CANARY, LEAKS


async def awarded(
    db: AsyncSession, broker: Member, *rates: int, **given: Any
) -> tuple[Requirement, RequirementAward, list[RequirementOffer], list[Member]]:
    """A requirement that the first of some offers has won."""
    row, sent, members = await closed_with(db, broker, *rates, **given)
    await mark(db, broker, row, *[4] * len(rates))
    await hear(db, broker, row)
    (made,) = await award(db, broker, row, sent[0])
    return row, made, sent, members


async def take_back(db: AsyncSession, broker: Member, row: Requirement, made: RequirementAward) -> None:
    await TakingBackService(db).take_back(broker.principal, row.id, row.version, made.id, "They have no staff")


async def test_an_award_is_taken_back_and_everybody_learns_their_part(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person, _ = await make_person_member(db, broker.council, **CANARY)
    members = [(await make_care_provider(db, broker.council, name=f"Care {rate}"))[1] for rate in (2_500, 2_700)]
    row = await make_requirement(db, broker, person)
    await open_requirement(db, broker, row)
    offers = [await send_offer(db, member, row, rate) for member, rate in zip(members, (2_500, 2_700), strict=True)]
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    await mark(db, broker, row, 4, 4)
    await hear(db, broker, row)
    (made,) = await award(db, broker, row, offers[0])
    path, version, row_id = f"/requirements/{row.id}", str(row.version), row.id
    back = f"{path}/awards/{made.id}/take-back"
    staff = await browser.signed_in(broker)
    winner, loser = await browser.signed_in(members[0]), await browser.signed_in(members[1])
    assert "77 Zebra Crescent" in (await winner.open(f"/provider/requirements/{row_id}")).words
    assert back in (await staff.open(path)).text
    await staff.open(back)
    assert set((await staff.post(back, {"version": version}, expect=422)).errors()) == {"reason"}
    await staff.post(back, {"version": version, "reason": "No staff for Xanthippe Quillfeather"})
    await staff.post(back, {"version": version, "reason": "Once more"}, expect=409)
    gone = await winner.open(f"/provider/requirements/{row_id}")
    assert "The council took this award back" in gone.words
    assert "No staff for" in gone.words
    assert not [leak for leak in LEAKS if leak in gone.text.lower()]
    assert "The council compares the offers" in (await loser.open(f"/provider/requirements/{row_id}")).words
    shown = await staff.open(path)
    for words in ("Awards that were taken back", "No staff for", "1 offer to compare"):
        assert words in shown.words, words
    assert await count(db, "audit_entries", "action = 'matching.take_award_back'") == 1
    assert await count(db, "requirement_awards", "taken_back_at IS NOT NULL") == 1
    await deliver_all(db)
    told = (await db.execute(text("SELECT template, body FROM messages"))).all()
    kinds = {item.template for item in told}
    assert {"requirement_taken_back", "requirement_stands_again", "requirement_taken_back_person"} <= kinds
    assert not kinds & {"requirement_won", "requirement_awarded_person"}  # Overtaken before they went out.
    to_firms = " ".join(item.body for item in told if not item.template.endswith("_person"))
    assert "quillfeather" not in to_firms.lower()


async def test_the_next_offer_is_awarded_only_after_the_person_was_heard_again(
    db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    row, made, sent, _ = await awarded(db, broker, 2_500, 2_700)
    assert sent[1].status is RequirementOfferStatus.LOST
    clock.advance(timedelta(hours=1))
    await take_back(db, broker, row, made)
    assert (row.status, sent[0].status) == (RequirementStatus.CLOSED, RequirementOfferStatus.WITHDRAWN)
    assert sent[1].status is RequirementOfferStatus.SHORTLISTED
    with pytest.raises(NotYet, match="Hear the person"):
        await award(db, broker, row, sent[1])
    await hear(db, broker, row)
    await award(db, broker, row, sent[1])
    assert row.status is RequirementStatus.AWARDED
    assert await count(db, "requirement_awards", "taken_back_at IS NULL") == 1


async def test_after_the_start_old_offers_do_not_stand_and_providers_are_asked_again(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    row, made, sent, _ = await awarded(db, broker, 2_500, 2_700)
    clock.advance(timedelta(days=20))
    path, version = f"/requirements/{row.id}", str(row.version)
    back = f"{path}/awards/{made.id}/take-back"
    staff = await browser.signed_in(broker)
    asked = await staff.open(back)
    assert "The care began on 15 March 2027" in asked.words
    await staff.post(back, {"version": version, "reason": "They stopped"})
    assert "No offer stands" in (await staff.open(path)).words
    await staff.open(f"{path}/terms")  # All terms may change: nothing is being compared.
    await again(db, broker, row, sent[1])
    assert sent[1].status is RequirementOfferStatus.LOST
    assert row.status is RequirementStatus.CLOSED
    await open_requirement(db, broker, row)
    assert (row.status, row.round) == (RequirementStatus.OPEN, 2)


async def test_of_a_shared_week_the_other_provider_keeps_its_visits(db: AsyncSession) -> None:
    broker = await make_broker(db)
    members = [(await make_care_provider(db, broker.council, name=f"Care {n}"))[1] for n in range(3)]
    row = await make_requirement(db, broker, most_providers=2, split_agreed=True)
    await open_requirement(db, broker, row)
    ids = [visit.id for visit in await visits_of(db, row)]
    early = await send_offer(db, members[0], row, visit_ids=ids[:4])
    late = await send_offer(db, members[1], row, visit_ids=ids[4:])
    other = await send_offer(db, members[2], row, visit_ids=ids[4:])
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    await mark(db, broker, row, 5, 4, 3)
    await hear(db, broker, row)
    awards = {item.offer_id: item for item in await award(db, broker, row, early, late)}
    await take_back(db, broker, row, awards[late.id])
    made = await AwardService(db).compare(row)
    assert [item.offer.id for item in made.kept] == [early.id]
    with pytest.raises(NotYet, match="awarded some of the visits"):
        await open_requirement(db, broker, row)
    with pytest.raises(NotFound):
        await award(db, broker, row, early)
    (second,) = await award(db, broker, row, other)
    assert row.status is RequirementStatus.AWARDED
    assert early.status is RequirementOfferStatus.WON
    assert len(second.visit_ids) == 3
    await take_back(db, broker, row, second)
    await take_back(db, broker, row, awards[early.id])
    assert row.status is RequirementStatus.CLOSED
    with pytest.raises(AwardOver):
        await take_back(db, broker, row, awards[early.id])
    assert await count(db, "outbox_messages", "event = 'RequirementAwardTakenBack'") == 3


async def test_strangers_and_old_pages_take_nothing_back(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, made, _, members = await awarded(db, broker, 2_500)
    service, version = TakingBackService(db), row.version
    manager = await make_member(db, Role.MANAGER, broker.council)
    await scope_to(db, "every")
    for member in (manager, members[0]):
        with pytest.raises(Forbidden):
            await service.take_back(member.principal, row.id, version, made.id, "No")
    with pytest.raises(RequirementChanged):
        await service.take_back(broker.principal, row.id, version - 1, made.id, "No")
    await scope_to(db, "every")
    other, _, _ = await closed_with(db, broker, 2_600)
    with pytest.raises(NotFound):
        await service.take_back(broker.principal, other.id, other.version, made.id, "No")
    assert await count(db, "requirement_awards", "taken_back_at IS NOT NULL") == 0


async def alerts(db: AsyncSession) -> list[RematchAlert]:
    await scope_to(db, "every")
    question = select(RematchAlert).order_by(RematchAlert.id).execution_options(populate_existing=True)
    return list((await db.scalars(question)).all())


async def test_who_may_take_no_new_work_raises_one_alert_until_the_award_is_taken_back(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    row, made, _, _ = await awarded(db, broker, 2_500)
    row_id, made_id, version, council_id = row.id, made.id, str(row.version), row.council_id
    await suspend(db)
    accreditation_id = (await db.scalars(select(Accreditation.id))).one()
    outbox.publish(
        db,
        StandingChanged(
            council_id=council_id,
            organisation_id=made.organisation_id,
            accreditation_id=accreditation_id,
            counts=False,
            why="",
        ),
    )
    await deliver_all(db)
    await sweep_care_alerts()
    (alert,) = await alerts(db)
    assert (alert.requirement_id, alert.cause, alert.status) == (row_id, RematchCause.STANDING, AlertStatus.OPEN)
    assert alert.detail == (
        "The accreditation of Care 2500 does not count on 15 March 2027, the first day of the care."
    )
    await deliver_all(db)
    assert await count(db, "messages", "template = 'requirement_alert'") == 1
    alert_id = alert.id
    staff = await browser.signed_in(broker)
    assert f"/matching/alerts/{alert_id}" in (await staff.open("/matching/alerts")).text
    page = await staff.open(f"/matching/alerts/{alert_id}")
    assert "Take the award back from Care 2500" in page.words
    assert set((await staff.post(f"/matching/alerts/{alert_id}/keep", {}, expect=422)).errors()) == {"keep_reason"}
    fields = {"version": version, "reason": "Suspended"}
    await staff.post(f"/requirements/{row_id}/awards/{made_id}/take-back", fields)
    (alert,) = await alerts(db)
    assert (alert.status, alert.handled_how) == (AlertStatus.HANDLED, "The award was taken back")
    await staff.open(f"/matching/alerts/{alert_id}")


async def test_what_a_broker_leaves_as_it_is_is_not_raised_again_and_an_ended_cause_goes(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    row, _, _, _ = await awarded(db, broker, 2_500)
    row_id, council_id = row.id, row.council_id
    clock.advance(timedelta(minutes=5))
    await suspend(db)
    assert await CareAlertService(db).look(council_id, row_id)
    assert not await CareAlertService(db).look(council_id, row_id)
    staff = await browser.signed_in(broker)
    (alert,) = await alerts(db)
    await staff.post(f"/matching/alerts/{alert.id}/keep", {"reason": "It ends on Friday"})
    await scope_to(db, "every")
    assert not await CareAlertService(db).look(council_id, row_id)
    clock.advance(timedelta(days=30))  # The care has begun: nothing is to start any more.
    assert not await CareAlertService(db).look(council_id, row_id)
    assert [item.status for item in await alerts(db)] == [AlertStatus.HANDLED]
