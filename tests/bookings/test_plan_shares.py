"""With a provider's last agreement its right to read the person's plan ends (V14)."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings import tasks_shares
from marketplace.bookings.events import AgreementEnded
from marketplace.core.database import clock_of, scope_to
from marketplace.core.outbox import publish
from marketplace.plans.models import PlanShare
from tests.browser import count
from tests.factories_agreements import MadeAgreement, make_agreement
from tests.factories_bookings import Scene, make_scene


async def _shared(db: AsyncSession, scene: Scene) -> None:
    db.add(
        PlanShare(
            council_id=scene.council.id,
            person_id=scene.person.id,
            organisation_id=scene.organisation.id,
            sections=["about_me"],
            starts_on=date(2027, 3, 1),
            ends_on=date(2027, 6, 1),
            given_by_user_id=scene.member.user.id,
            given_at=clock_of(db).now(),
        )
    )
    await db.flush()


async def _over(db: AsyncSession, made: MadeAgreement) -> AgreementEnded:
    await db.execute(text("UPDATE support_agreements SET status = 'ended' WHERE id = :id"), {"id": made.agreement.id})
    agreement = made.agreement
    return AgreementEnded(
        council_id=agreement.council_id,
        agreement_id=agreement.id,
        person_id=agreement.person_id,
        organisation_id=agreement.organisation_id,
    )


@pytest.mark.parametrize("others", [0, 1])
async def test_the_share_ends_with_the_last_agreement_of_the_two(db: AsyncSession, others: int) -> None:
    scene = await make_scene(db)
    made = await make_agreement(db, scene)
    for _ in range(others):
        await make_agreement(db, scene)
    await _shared(db, scene)
    event = await _over(db, made)
    message_id = publish(db, event)
    await db.flush()
    for _ in range(2):
        await tasks_shares.end_plan_share(message_id, event)
    await scope_to(db, "every")
    assert await count(db, "plan_shares", "end_reason = 'Their work for you ended'") == 1 - others
    assert await count(db, "outbox_messages", "event = 'PlanShareEnded'") == 1 - others


async def test_the_end_of_an_agreement_with_somebody_else_changes_nothing(db: AsyncSession) -> None:
    scene, other = await make_scene(db), await make_scene(db)
    await _shared(db, scene)
    event = await _over(db, await make_agreement(db, other))
    message_id = publish(db, event)
    await db.flush()
    await tasks_shares.end_plan_share(message_id, event)
    await scope_to(db, "every")
    assert await count(db, "plan_shares", "ended_at IS NULL") == 1
