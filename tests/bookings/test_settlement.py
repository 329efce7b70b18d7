"""Who is owed what when a visit is approved: by who holds the direct payment, and by what a card paid already."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.checks import CHECKS, approved_visits_paid_once
from marketplace.bookings.models import Booking
from marketplace.bookings.schemas import Funding
from marketplace.bookings.service.settlement import APPROVED, NOTHING, REST, direct_part, settle
from marketplace.bookings.states import BookingStatus
from marketplace.ledger import LedgerService, Purpose
from marketplace.people.models import Holding
from tests.browser import Browser, count
from tests.factories import make_organisation
from tests.factories_bookings import Scene, make_booking, make_scene
from tests.factories_day import hold_payment

AFTER = datetime.fromisoformat("2027-03-05T11:00+00:00")


async def balance(db: AsyncSession, scene: Scene, purpose: Purpose, owner: UUID | None = None) -> int:
    return await LedgerService(db).balance(scene.council.id, purpose, owner)


@pytest.mark.parametrize(
    ("holding", "purpose"),
    [
        (None, Purpose.ACCRUED),
        (Holding.COUNCIL_HELD, Purpose.ACCRUED),
        (Holding.OWN_ACCOUNT, Purpose.PERSON_OWES),
        (Holding.PREPAID_CARD, Purpose.PERSON_OWES),
        (Holding.PROVIDER_MANAGED, Purpose.FUND_DRAWN),
    ],
)
async def test_who_holds_the_money_decides_who_is_owed(
    browser: Browser, db: AsyncSession, clock: Any, holding: Holding | None, purpose: Purpose
) -> None:
    scene = await make_scene(db)
    if holding:
        await hold_payment(db, scene, holding)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED)
    clock.move_to(AFTER)
    person = await browser.signed_in(scene.member)
    await person.post(f"/bookings/{booking.id}/approve")
    owner = scene.person.id if purpose is Purpose.PERSON_OWES else scene.organisation.id
    assert await balance(db, scene, purpose, owner) == 1_600
    assert await balance(db, scene, Purpose.DIRECT_PAYMENT, scene.person.id) == 28_400
    accrued = 1_600 if purpose is Purpose.ACCRUED else 0
    where = f"event = 'BookingApproved' AND (body ->> 'accrued_pence')::int = {accrued}"
    assert await count(db, "outbox_messages", where) == 1
    for check in CHECKS:
        assert (await check(db)).ok


async def test_a_fund_pays_other_providers_through_the_council(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await hold_payment(db, scene, Holding.PROVIDER_MANAGED, organisation_id=(await make_organisation(db)).id)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED)
    moved = await settle(db, None, booking, 1_600)
    assert moved == (1_600, 1_600, Purpose.ACCRUED)
    assert await balance(db, scene, Purpose.ACCRUED, scene.organisation.id) == 1_600


async def test_the_holding_of_the_day_of_the_visit_counts(db: AsyncSession) -> None:
    scene = await make_scene(db)
    await hold_payment(db, scene, Holding.OWN_ACCOUNT, ends_on=date(2027, 3, 5))
    before = await make_booking(db, scene, BookingStatus.CLAIMED, on=date(2027, 3, 4))
    after = await make_booking(db, scene, BookingStatus.CLAIMED)
    assert (await settle(db, None, before, 1_600)).owed_to is Purpose.PERSON_OWES
    assert (await settle(db, None, after, 1_600)).owed_to is Purpose.ACCRUED


async def test_settling_twice_moves_money_once_and_the_rest_has_its_own_entry(db: AsyncSession) -> None:
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.PART_APPROVED, approved_pence=1_000)
    assert await settle(db, None, booking, 1_000) == (1_000, 1_000, Purpose.ACCRUED)
    assert await settle(db, None, booking, 1_000) == NOTHING
    assert (await approved_visits_paid_once(db)).ok
    assert (await settle(db, None, booking, 600, kind=REST)).direct_pence == 600
    assert await settle(db, None, booking, 600, kind=REST) == NOTHING
    assert await balance(db, scene, Purpose.ACCRUED, scene.organisation.id) == 1_600
    assert await count(db, "ledger_entries", f"source_id = '{booking.id}'") == 2
    assert not (await approved_visits_paid_once(db)).ok, "the visit still says that a part was approved"


async def test_the_part_that_a_card_paid_is_used_first(db: AsyncSession) -> None:
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED, top_up_pence=400)
    assert [direct_part(booking, pence) for pence in (0, 400, 401, 1_600)] == [0, 0, 1, 1_200]
    assert (await settle(db, None, booking, 1_600)).direct_pence == 1_200


@pytest.mark.parametrize("given", [{"funding": Funding.CARD}, {"cost_pence": 0}])
async def test_what_the_direct_payment_does_not_pay_moves_nothing(db: AsyncSession, given: dict[str, Any]) -> None:
    scene = await make_scene(db)
    booking: Booking = await make_booking(db, scene, BookingStatus.CLAIMED, **given)
    assert await settle(db, None, booking, booking.cost_pence) == NOTHING
    assert await count(db, "ledger_entries", "kind LIKE 'visit-%'") == 0


async def test_an_unknown_kind_or_less_than_nothing_is_refused(db: AsyncSession) -> None:
    scene = await make_scene(db)
    booking = await make_booking(db, scene, BookingStatus.CLAIMED)
    with pytest.raises(ValueError, match="another"):
        await settle(db, None, booking, 1, kind="another")
    with pytest.raises(ValueError, match="-1 pence"):
        await settle(db, None, booking, -1, kind=APPROVED)
