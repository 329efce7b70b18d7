"""Writes the day itself for the people one can sign in as: who is told, who is asked, what was pressed at the door."""

from datetime import datetime, timedelta
from typing import Any, Final

from marketplace.bookings.models import (
    AlertContact,
    AlertKind,
    ApprovalRule,
    BackUp,
    Booking,
    RecordKind,
    SilenceAction,
    VisitAlert,
    VisitRecord,
)
from marketplace.bookings.states import BookingStatus
from marketplace.providers.models import ListingCategory
from marketplace.reporting.demo.world import Client, Council, World

LATE: Final = (2, 18, 0)
"""Minutes after the start on which workers press, over the visits that wait for approval."""
LONGEST_STAND_IN: Final = 60
"""Minutes of the shortest visit of somebody who could stand in."""
STAND_INS: Final = (ListingCategory.PERSONAL_ASSISTANT, ListingCategory.HOME_CARE)
SHORT: Final = (0, -25, 3)
"""Minutes by which those visits end later than planned."""
_NEW_COLUMNS: Final = ("actual_starts_at", "actual_ends_at", "claimed_minutes", "claimed_pence", "ask_again_at")


def tell_day(world: World, council: Council) -> None:
    """Keep it for the council's people of `person@` and `representative@`."""
    for row in world.book.of(Booking):
        # Every row names these, because the first row of a table decides its columns.
        for name in _NEW_COLUMNS:
            row.setdefault(name, None)
    for client in council.clients:
        if client.is_star:
            _tell_lists(world, council, client)
            _tell_door(world, council, client)


def _tell_lists(world: World, council: Council, client: Client) -> None:
    at = world.at(world.today - timedelta(days=60), 17)
    world.book.add(
        AlertContact,
        at,
        council_id=council.id,
        person_id=client.id,
        name="My neighbour",
        email="",
        phone="01632 960471",
        created_at=at,
    )
    own = {row["listing_id"] for row in world.book.of(Booking) if row["person_id"] == client.id}
    offers = [
        (listing_id, shop.body.name)
        for shop in council.shops
        for listing_id, offered in shop.listings
        # Somebody who could stand in at the door: no office that plans or keeps money, nobody for a whole night.
        if offered.kind in STAND_INS and offered.least <= LONGEST_STAND_IN
        if listing_id not in own and shop.live_until > world.today
    ][:2]
    names: list[dict[str, Any]] = [{"listing_id": one, "name": name, "phone": "", "note": ""} for one, name in offers]
    names.append({"listing_id": None, "name": "My cousin", "phone": "01632 960472", "note": "Works on Mondays"})
    for position, values in enumerate(names, start=1):
        world.book.add(BackUp, at, council_id=council.id, person_id=client.id, position=position, **values)
    world.book.add(
        ApprovalRule,
        at,
        council_id=council.id,
        person_id=client.id,
        remind_days=3,
        act_days=7,
        action=SilenceAction.ASK,
        set_by_user_id=client.user_id,
        set_at=at,
        version=1,
    )


def _tell_door(world: World, council: Council, client: Client) -> None:
    claimed = [
        row
        for row in world.book.of(Booking)
        if row["person_id"] == client.id and row["status"] == BookingStatus.CLAIMED
    ]
    users = {shop.id: shop.user_id for shop in council.shops}
    for row, late, longer in zip(claimed, LATE, SHORT, strict=False):
        starts_at: datetime = row["starts_at"] + timedelta(minutes=late)
        ends_at: datetime = row["ends_at"] + timedelta(minutes=longer)
        for kind, at in ((RecordKind.START, starts_at), (RecordKind.FINISH, ends_at)):
            world.book.add(
                VisitRecord,
                at,
                council_id=council.id,
                booking_id=row["id"],
                worker_id=row["worker_id"],
                kind=kind,
                happened_at=at,
                received_at=at,
                client_key=world.book.id(at),
                note="",
                by_user_id=users[row["organisation_id"]],
            )
        row["actual_starts_at"], row["actual_ends_at"] = starts_at, ends_at
        row["claimed_minutes"] = int((ends_at - starts_at) / timedelta(minutes=1))
        row["claimed_pence"] = row["cost_pence"]
        row["ask_again_at"] = world.now + timedelta(days=2)
        if late > 15:
            raised = row["starts_at"] + timedelta(minutes=15)
            world.book.add(
                VisitAlert,
                raised,
                council_id=council.id,
                booking_id=row["id"],
                kind=AlertKind.LATE,
                detail="",
                raised_at=raised,
                settled_at=starts_at,
            )
