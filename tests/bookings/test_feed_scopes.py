"""A secret address of a calendar shows visits only as long as who made it may see them."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.service.planning.feeds import Feeds
from marketplace.core.errors import NotFound
from tests.factories import make_member
from tests.factories_bookings import make_booking, make_scene


async def test_a_representative_who_may_no_longer_see_visits_reads_no_calendar(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await make_booking(db, scene)
    member = await make_member(db, Role.REPRESENTATIVE, scene.council, person_id=scene.person.id)
    secret = await Feeds(db).make(member.principal)
    assert b"BEGIN:VEVENT" in await Feeds(db).read(secret, "https://site")
    await db.execute(
        text("UPDATE representations SET scopes = ARRAY['profile'] WHERE membership_id = :id"),
        {"id": member.membership.id},
    )
    with pytest.raises(NotFound):
        await Feeds(db).read(secret, "https://site")
