"""Gives accreditations their story: how each began, what some rest on, and one that is suspended with a reply."""

from datetime import timedelta
from typing import Any

from marketplace.accounts.permissions import Role
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    AccreditationHold,
    AccreditationStatus,
    ActionKind,
    EvidenceKind,
    HoldCause,
    ServiceLine,
)
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, World

SUSPENDED_DAYS_AGO = 6
REPLIED_DAYS_AGO = 2
REPLY_DAYS = 10

RESTS_ON = [
    EvidenceKind.DBS.value,
    EvidenceKind.LIABILITY_INSURANCE.value,
    EvidenceKind.SAFEGUARDING_TRAINING.value,
]
"""What the first organisation of each council must show; its insurance ends in a fortnight (`demo.evidence`)."""

REASON = (
    "Two people asked for their money records and did not get them within the 10 days that the agreement sets. "
    "New people wait until the records are in order."
)
REPLY = (
    "We are sorry. The worker who kept these records left in the spring and we had not handed the files over. Both "
    "people have their records now, and a second worker reads along from this month. Please look at our new rota."
)


def make_standing(world: World, councils: list[Council]) -> None:
    """Write how every accreditation began; let some rest on evidence; suspend one, with a reply that waits."""
    suspended = _to_suspend(world, councils[0])
    first = {council.shops[0].id for council in councils}
    for row in list(world.book.of(Accreditation)):
        row["evidence"] = RESTS_ON if row["organisation_id"] in first else row.get("evidence", [])
        moves: list[Move] = [(AccreditationStatus.LIVE.value, row["decided_at"], row["decided_by_user_id"], "")]
        _act(world, row, ActionKind.AWARD, row["decided_at"], row["reason"])
        if row is suspended:
            moves.append(_suspend(world, councils[0], row))
        world.book.steps("accreditation", row["council_id"], row["id"], moves)


def _to_suspend(world: World, council: Council) -> dict[str, Any] | None:
    """Choose the money management of the council's second planning organisation: nobody books it by the visit."""
    shops = [shop for shop in council.shops if ServiceLine.MONEY_MANAGEMENT in shop.body.services][1:2]
    return next(
        (
            row
            for row in world.book.of(Accreditation)
            if shops and row["organisation_id"] == shops[0].id and row["service_line"] is ServiceLine.MONEY_MANAGEMENT
        ),
        None,
    )


def _suspend(world: World, council: Council, row: dict[str, Any]) -> Move:
    day = world.today - timedelta(days=SUSPENDED_DAYS_AGO)
    at, officer = world.at(day, 15), council.staff["accreditor"]
    shop = next(shop for shop in council.shops if shop.id == row["organisation_id"])
    row["status"], row["reason"] = AccreditationStatus.SUSPENDED, REASON
    row["decided_at"] = at
    world.book.add(
        AccreditationHold,
        at,
        council_id=council.id,
        accreditation_id=row["id"],
        cause=HoldCause.SUSPENSION,
        starts_on=day,
        ends_on=None,
        made_at=at,
        ended_at=None,
    )
    action = _act(world, row, ActionKind.SUSPEND, at, REASON)
    action["effects"] = {"planners": 0, "open_offers": 0, "coming_visits": 0, "requests": 0, "people": 0}
    action["reply_until"] = day + timedelta(days=REPLY_DAYS)
    action["reply"], action["replied_by_user_id"] = REPLY, shop.user_id
    action["replied_at"] = world.at(world.today - timedelta(days=REPLIED_DAYS_AGO), 11)
    world.book.audit(
        council.id,
        at,
        "providers.suspend_accreditation",
        "accreditation",
        row["id"],
        (officer, Role.ACCREDITOR.value),
        after={"status": "suspended"},
        why=REASON,
    )
    return AccreditationStatus.SUSPENDED.value, at, officer, REASON


def _act(world: World, row: dict[str, Any], kind: ActionKind, at: Any, reason: str) -> dict[str, Any]:
    """Keep a decision; returns its row, which may be changed until the book is written."""
    world.book.add(
        AccreditationAction,
        at,
        council_id=row["council_id"],
        accreditation_id=row["id"],
        organisation_id=row["organisation_id"],
        kind=kind,
        starts_on=row["live_from"] if kind is ActionKind.AWARD else at.date(),
        reason=reason,
        is_confidential=False,
        effects={},
        made_by_user_id=row["decided_by_user_id"],
        made_at=at,
        reply_until=None,
        reply="",
        replied_by_user_id=None,
        replied_at=None,
        answer="",
        answered_by_user_id=None,
        answered_at=None,
        version=1,
    )
    return world.book.of(AccreditationAction)[-1]
