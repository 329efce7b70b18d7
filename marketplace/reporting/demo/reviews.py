"""Tells the persons' side of reviews: who comes, what they say beforehand, how far they got; one that was asked for."""

from datetime import timedelta

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import Role
from marketplace.plans.models import (
    AskedBy,
    NoteKind,
    OutcomeResult,
    PlanItem,
    PlanVersion,
    Progress,
    Review,
    ReviewInvite,
    ReviewKind,
    ReviewNote,
)
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.reporting.demo.world import Council, World

GUESTS = (("My sister", "sister"), ("Our neighbour", "neighbour and friend"))
SAID = (
    (NoteKind.WORKING, "The walks on Tuesdays. I know more people now", "Me"),
    (NoteKind.NOT_WORKING, "Mornings are still a rush", "My sister"),
    (NoteKind.WISH, "To try the choir in the library", "Me"),
)
PROGRESS = (Progress.PARTLY, Progress.REACHED, Progress.NOT_YET)
PREPARED = 3
"""Booked reviews of a council that the person has prepared."""


def tell_reviews(world: World, council: Council) -> None:
    """Add what people did for their reviews, from the rows that the history of plans left."""
    book = world.book
    mine = [row for row in book.of(Review) if row["council_id"] == council.id]
    users = {
        row["person_id"]: row["user_id"]
        for row in book.of(Membership)
        if row["council_id"] == council.id and row["role"] == Role.PERSON
    }
    at = world.now - timedelta(days=1)
    booked = [row for row in mine if row["status"] == ReviewStatus.BOOKED and row["created_at"] < at]
    for row in booked[:PREPARED]:
        user_id = users.get(row["person_id"])
        key = {"council_id": council.id, "review_id": row["id"]}
        for name, relation in GUESTS:
            book.add(
                ReviewInvite, at, **key, name=name, relation=relation, email="", told_on=None, came=None, created_at=at
            )
        for kind, words, by_name in SAID:
            book.add(ReviewNote, at, **key, kind=kind, words=words, by_name=by_name, by_user_id=user_id, written_at=at)
        row["self_review_at"], row["booked_at_time"], row["place"] = at, "10:30", "At home"
    for row in [row for row in mine if row["held_on"] is not None]:
        version = next(
            one["id"]
            for one in book.of(PlanVersion)
            if one["plan_id"] == row["plan_id"] and one["status"] in (PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)
        )
        for item in [one for one in book.of(PlanItem) if one["plan_version_id"] == version]:
            book.add(
                OutcomeResult,
                row["created_at"],
                council_id=council.id,
                review_id=row["id"],
                position=item["position"],
                outcome=item["outcome"],
                progress=PROGRESS[item["position"] % len(PROGRESS)],
                words="",
            )
    _ask(world, council, mine)


def _ask(world: World, council: Council, mine: list[dict[str, object]]) -> None:
    """Add a review that a relative asked for and that nobody holds yet, of a plan whose first review is signed."""
    like = next((row for row in mine if row["status"] == ReviewStatus.SIGNED), None)
    if like is None:
        return
    at = world.now - timedelta(days=2)
    last = world.today + timedelta(days=26)
    new = {
        **like,
        "id": world.book.id(at),
        "kind": ReviewKind.UNSCHEDULED,
        "status": ReviewStatus.DUE,
        "facilitator_id": None,
        "facilitator_reason": "The planner works elsewhere for a while",
        "window_starts_on": world.today - timedelta(days=2),
        "due_on": last,
        "window_ends_on": last,
        "reason": "My father fell twice this month. He needs somebody in the evenings.",
        "asked_by": AskedBy.FAMILY,
        "created_at": at,
    }
    for name in ("booked_on", "held_on", "outcome", "person_signed_at", "person_signed_by_user_id", "signed_at"):
        new[name] = None
    new |= {"signed_by_user_id": None, "working": "", "not_working": ""}
    world.book.put(Review, **new)
    world.book.steps("review", council.id, world.book.of(Review)[-1]["id"], [(ReviewStatus.DUE, at, None, "Asked for")])
