"""Leave to pay a relative that the council took back stops the visits to come, not only new agreements."""

from datetime import date, time

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.errors import FamilyRule
from marketplace.bookings.models import FamilyException, Relation
from marketplace.bookings.service.planning.one_offs import Extra, OneOffs
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import ExceptionStatus
from marketplace.core.database import clock_of
from tests.bookings.test_agreement_family import make_employment
from tests.browser import count, events
from tests.factories_agreements import make_agreement
from tests.factories_bookings import make_scene


@pytest.mark.parametrize(
    ("status", "planned"),
    [(ExceptionStatus.ALLOWED, True), (ExceptionStatus.REFUSED, False), (None, False)],
)
async def test_visits_with_a_partner_follow_the_councils_leave(
    db: AsyncSession, status: ExceptionStatus | None, planned: bool
) -> None:
    scene = await make_scene(db, balance_pence=500_000)
    made = await make_agreement(db, scene, relation=Relation.PARTNER, lives_with=True)
    employment = await make_employment(db, scene)
    if status is not None:
        row = FamilyException(
            council_id=scene.council.id,
            employment_id=employment.id,
            person_id=scene.person.id,
            status=status,
            is_for_care=True,
            reason="Nobody else lives near",
            asked_by_user_id=scene.member.user.id,
            asked_at=clock_of(db).now(),
        )
        db.add(row)
        await db.flush()
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await db.flush()
    assert (await count(db, "bookings") > 0) is planned
    assert ("VisitsNotPlanned" in await events(db)) is not planned
    extra = Extra(visit_on=date(2027, 3, 9), starts_local=time(14), minutes=60)
    if planned:
        await OneOffs(db).request(scene.member.principal, made.agreement.id, extra)
    else:
        with pytest.raises(FamilyRule):
            await OneOffs(db).request(scene.member.principal, made.agreement.id, extra)
