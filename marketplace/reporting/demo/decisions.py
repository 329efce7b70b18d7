"""Decisions in the demo: published weights, what people said, a contest that waits and one answered, conflicts."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.matching.engine import DEFAULT_WEIGHTS
from marketplace.matching.models import (
    Conflict,
    ConflictKind,
    Contest,
    HeardHow,
    Offer,
    Preference,
    Referral,
    WeightPurpose,
    WeightSet,
)
from marketplace.matching.states import ContestStatus, OfferStatus, ReferralStatus, WeightStatus
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, World

CONTEST_DAYS: Final = 10

WEIGHTS: Final[dict[str, tuple[dict[str, int], str]]] = {
    "lancashire": (
        {"distance": 340, "specialism": 200, "interests": 80, "waiting": 80, "fair_spread": 40, "continuity": 150},
        "Lancashire is large and rural, and a visit takes three to six hours with the way. Distance therefore counts "
        "more than elsewhere, and a few points keep the work spread between planners.",
    ),
    "derby": (
        {"distance": 120, "specialism": 200, "interests": 300, "language": 80, "continuity": 150, "quality": 90},
        "Our staff keep a register of what they enjoy. People told us that a shared interest is how a good plan "
        "begins, and in a city nobody is far away.",
    ),
    "doncaster": (
        {"distance": 180, "specialism": 240, "interests": 120, "continuity": 240, "price": 0, "quality": 120},
        "People choose their own planner, and that comes before any points. For those who do not choose, experience "
        "and somebody they know count most. The price does not count at all.",
    ),
}
"""Points that differ from the usual ones, and why, by the council's address."""


def make_decisions(world: World, council: Council) -> None:
    """Tell what was decided about how to decide, and what people made of it."""
    _weights(world, council)
    decided = _decided(world, council)
    _heard(world, council, decided)
    _contests(world, council, decided)
    _conflicts(world, council)


def _weights(world: World, council: Council) -> None:
    """Weights published some days ago, in force from today: rankings of past days keep the version they had."""
    found = WEIGHTS.get(council.text.slug)
    if found is None:
        return
    points, reason = found
    values = msgspec.to_builtins(DEFAULT_WEIGHTS)
    del values["version"]
    drafted_at = world.at(world.today - timedelta(days=12), 10, 20)
    published_at = world.at(world.today - timedelta(days=5), 15, 5)
    manager = council.staff["manager"]
    row_id = world.book.add(
        WeightSet,
        drafted_at,
        council_id=council.id,
        purpose=WeightPurpose.PLANNING,
        number=1,
        status=WeightStatus.PUBLISHED,
        values={**values, **points},
        reason=reason,
        starts_on=world.today,
        drafted_by_user_id=manager,
        drafted_at=drafted_at,
        published_by_user_id=manager,
        published_at=published_at,
        version=2,
    )
    moves: list[Move] = [
        (WeightStatus.DRAFT, drafted_at, manager, ""),
        (WeightStatus.PUBLISHED, published_at, manager, reason),
    ]
    world.book.steps("weight_set", council.id, row_id, moves)
    by = (manager, Role.MANAGER.value)
    world.book.audit(council.id, published_at, "matching.publish_weights", "weight_set", row_id, by, why=reason)


def _decided(world: World, council: Council) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return offers that stand, with their referrals, the latest first."""
    referrals = {row["id"]: row for row in world.book.of(Referral) if row["council_id"] == council.id}
    offers = [
        row
        for row in world.book.of(Offer)
        if row["council_id"] == council.id and row["status"] in (OfferStatus.OFFERED, OfferStatus.ACCEPTED)
    ]
    offers.sort(key=lambda row: (row["offered_at"], row["id"]), reverse=True)
    return [(row, referrals[row["referral_id"]]) for row in offers]


def _heard(world: World, council: Council, decided: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """What people said before somebody was asked: on the newest referrals, and wherever one chose a planner."""
    seen = 0
    for offer, referral in decided:
        chosen = referral["chosen_worker_id"]
        if chosen is None and seen >= 1:
            continue
        seen += 1
        said = "I met her at the library and I want her to help me." if chosen else "Somebody who does not rush me."
        heard_at = max(offer["offered_at"] - timedelta(hours=3), referral["received_at"])
        _preference(world, council, referral, heard_at, said, chosen)
    for referral in world.book.of(Referral):
        is_waiting = referral["council_id"] == council.id and referral["status"] is ReferralStatus.RECEIVED
        if is_waiting and referral["chosen_worker_id"] is not None:
            said = "My neighbour had him and was happy."
            _preference(world, council, referral, referral["received_at"], said, referral["chosen_worker_id"])


def _preference(
    world: World, council: Council, referral: dict[str, Any], at: datetime, said: str, worker_id: UUID | None
) -> None:
    world.book.add(
        Preference,
        at,
        council_id=council.id,
        person_id=referral["person_id"],
        referral_id=referral["id"],
        requirement_id=None,
        how=HeardHow.TELEPHONE,
        said=said,
        worker_id=worker_id,
        organisation_id=None,
        heard_at=at,
        heard_by_user_id=council.staff["broker"],
    )


def _contests(world: World, council: Council, decided: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """One contest that waits for its answer and one that was answered, both of accepted offers."""
    accepted = [pair for pair in decided if pair[0]["status"] is OfferStatus.ACCEPTED]
    recent = [pair for pair in accepted if world.now - pair[0]["answered_at"] < timedelta(days=60)] or accepted
    if len(recent) >= 2:
        _contest(world, council, *recent[0], is_open=True)
        _contest(world, council, *recent[1], is_open=False)


def _contest(world: World, council: Council, offer: dict[str, Any], referral: dict[str, Any], *, is_open: bool) -> None:
    soonest = offer["answered_at"] + timedelta(days=1, hours=2)
    # The one that waits was made these days, so that its answer is not overdue.
    made_at = min(max(soonest, world.now - timedelta(days=3)) if is_open else soonest, world.now - timedelta(hours=4))
    answered_at = min(made_at + timedelta(days=4), world.now - timedelta(hours=1))
    manager = council.staff["manager"]
    person = next(client.user_id for client in council.clients if client.id == referral["person_id"])
    answer = (
        "I looked at the shortlist and talked with the planner. Two others stood close, but neither has a free place "
        "this month. The planner will come at a time when your daughter is there. If that does not help, tell us and "
        "we look again."
    )
    status = ContestStatus.OPEN if is_open else ContestStatus.KEPT
    row_id = world.book.add(
        Contest,
        made_at,
        council_id=council.id,
        person_id=referral["person_id"],
        referral_id=referral["id"],
        requirement_id=None,
        offer_id=offer["id"],
        status=status,
        said="I would like somebody who lives nearer. The first visit was cut short because of the way."
        if is_open
        else "I wanted to have my daughter with me and was not asked when she is free.",
        wants="Somebody from our side of the town." if is_open else "",
        made_by_user_id=person,
        made_at=made_at,
        answer_by=local(made_at).date() + timedelta(days=CONTEST_DAYS),
        answer="" if is_open else answer,
        answered_by_user_id=None if is_open else manager,
        answered_at=None if is_open else answered_at,
        version=1 if is_open else 2,
    )
    moves: list[Move] = [(ContestStatus.OPEN, made_at, person, "")]
    if not is_open:
        moves.append((ContestStatus.KEPT, answered_at, manager, ""))
    world.book.steps("contest", council.id, row_id, moves)


def _conflicts(world: World, council: Council) -> None:
    """A planner whose family the person is, and an organisation that sells somebody their care."""
    waiting = [
        row
        for row in world.book.of(Referral)
        if row["council_id"] == council.id and row["status"] is ReferralStatus.RECEIVED
    ]
    helpers = [
        (shop, helper)
        for shop in council.shops
        if ServiceLine.SUPPORT_PLANNING in shop.body.services
        for helper in shop.helpers
    ]
    if not helpers or len(waiting) < 2:
        return
    at = world.at(world.today - timedelta(days=20), 11, 40)
    (shop, _), (_, helper) = helpers[0], helpers[-1]
    parties = (
        (waiting[0], ConflictKind.FAMILY, "The planner is the person’s niece.", helper.id, None),
        (waiting[1], ConflictKind.SELLS_CARE, "It has sold this person cleaning since the spring.", None, shop.id),
    )
    for referral, kind, note, worker_id, organisation_id in parties:
        world.book.add(
            Conflict,
            at,
            council_id=council.id,
            person_id=referral["person_id"],
            worker_id=worker_id,
            organisation_id=organisation_id,
            kind=kind,
            note=note,
            declared_by_user_id=council.staff["broker"],
            declared_at=at,
            ended_at=None,
            ended_by_user_id=None,
            ended_why="",
        )
