"""Writes what people of the demo ask providers, and what they say of visits that took place."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, local
from marketplace.providers.models import (
    Enquiry,
    EnquiryKind,
    EnquiryMessage,
    Listing,
    ListingFeedback,
    MeetingPlace,
)
from marketplace.providers.states import EnquiryStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Client, Council, Shop, World

RELATIVE: Final = "A relative or friend"
MOST_FOR_A_LISTING: Final = 3
OLDEST: Final = timedelta(days=80)
NEWEST: Final = timedelta(days=6)

_SAID: Final[tuple[tuple[int, str, bool, str], ...]] = (
    # stars, words, signed with the first name, the provider's reply
    (5, "Always on time, and never in a hurry. We laugh a lot.", True, "Thank you. We enjoy it just as much."),
    (4, "Kind and careful. Once we had to wait, but they rang first.", False, ""),
    (2, "Two visits started late and nobody told us.", True, "We are sorry. We have changed the round."),
    (5, "She listens. I decide what we do and how.", False, ""),
    (3, "The help is fine. I would like the same person each week.", True, "We will try to keep to one person."),
    (5, "I go out again because of these visits.", True, ""),
    (1, "The visit was much shorter than we had agreed.", False, "This must not happen. Please call us."),
    (4, "Good with my dog and good with me.", True, ""),
    (5, "", False, ""),
)
"""What is published in each council, over as many visits."""

_WAITS: Final = (
    (4, "Friendly and patient. The time could be a little longer.", True),
    (1, "Mr Harrop from number 12 said that they are no good.", False),
)
"""What waits for the check; the second names somebody who is not asked."""


def tell_talk(world: World, council: Council) -> None:
    """Keep enquiries and feedback of one council."""
    _tell_feedback(world, council)
    _tell_enquiries(world, council)


# Feedback


def _tell_feedback(world: World, council: Council) -> None:
    visits = _visits(world, council)
    clients = {client.id: client for client in council.clients}
    offices = {shop.id: shop.user_id for shop in council.shops}
    sums: dict[UUID, list[int]] = defaultdict(list)
    said = [(stars, words, named, reply, True) for stars, words, named, reply in _SAID]
    said += [(stars, words, named, "", False) for stars, words, named in _WAITS]
    for visit, (stars, words, named, reply, is_published) in zip(visits, said, strict=False):
        client = clients[visit["person_id"]]
        _say(world, council, visit, client, stars, words, named, reply, is_published, offices[visit["organisation_id"]])
        if is_published:
            sums[visit["listing_id"]].append(stars)
    for listing in world.book.of(Listing):
        stars_of = sums.get(listing["id"], [])
        # Every row names the counts, because the first row of a table decides its columns.
        listing["feedback_count"] = listing.get("feedback_count", 0) + len(stars_of)
        listing["feedback_stars"] = listing.get("feedback_stars", 0) + sum(stars_of)


def _visits(world: World, council: Council) -> list[dict[str, Any]]:
    """Choose confirmed visits of the last weeks: spread over listings and people, those of the sign-ins first."""
    shown = {council.shop(council.text.assistant).id, council.shop(council.text.provider).id}
    star = council.stars["person"].id
    candidates = [
        row
        for row in world.book.of(Booking)
        if row["council_id"] == council.id
        and row["status"] is BookingStatus.APPROVED
        and NEWEST < world.now - row["approved_at"] < OLDEST
        # The visits of the sign-in stay open, so that it has something to say.
        and row["person_id"] != star
    ]
    candidates.sort(key=lambda row: (row["organisation_id"] not in shown, row["starts_at"], str(row["id"])))
    chosen: list[dict[str, Any]] = []
    spoken: set[tuple[UUID, UUID]] = set()
    per_listing: dict[UUID, int] = defaultdict(int)
    for row in candidates:
        pair = (row["person_id"], row["listing_id"])
        if pair not in spoken and per_listing[row["listing_id"]] < MOST_FOR_A_LISTING:
            spoken.add(pair)
            per_listing[row["listing_id"]] += 1
            chosen.append(row)
    return chosen


def _say(
    world: World,
    council: Council,
    visit: dict[str, Any],
    client: Client,
    stars: int,
    words: str,
    named: bool,
    reply: str,
    is_published: bool,
    office: UUID,
) -> None:
    book = world.book
    given_at: datetime = visit["approved_at"] + timedelta(hours=20)
    decided_at, replied_at = given_at + timedelta(days=1), given_at + timedelta(days=2)
    status = FeedbackStatus.PUBLISHED if is_published else FeedbackStatus.WAITING
    signed = client.name.split()[0] if named else RELATIVE if stars == 2 else ""
    checker = council.staff["accreditor"]
    feedback_id = book.add(
        Feedback,
        given_at,
        council_id=council.id,
        booking_id=visit["id"],
        person_id=client.id,
        listing_id=visit["listing_id"],
        organisation_id=visit["organisation_id"],
        worker_id=visit["worker_id"],
        status=status,
        stars=stars,
        words=words,
        signed=signed,
        reason="",
        given_by_user_id=client.user_id,
        given_at=given_at,
        decided_by_user_id=checker if is_published else None,
        decided_at=decided_at if is_published else None,
        reply=reply,
        replied_by_user_id=office if reply else None,
        replied_at=replied_at if reply else None,
        version=1 + is_published + bool(reply),
    )
    moves: list[Move] = [(FeedbackStatus.WAITING, given_at, client.user_id, "")]
    by = (client.user_id, Role.PERSON.value)
    book.audit(council.id, given_at, "quality.give_feedback", "feedback", feedback_id, by, after={"stars": stars})
    if is_published:
        moves.append((FeedbackStatus.PUBLISHED, decided_at, checker, ""))
        by = (checker, Role.ACCREDITOR.value)
        book.audit(council.id, decided_at, "quality.publish_feedback", "feedback", feedback_id, by)
        book.put(
            ListingFeedback,
            feedback_id=feedback_id,
            listing_id=visit["listing_id"],
            stars=stars,
            words=words,
            signed=signed,
            visit_month=visit["visit_on"].replace(day=1),
            reply=reply,
            replied_at=replied_at if reply else None,
            published_at=decided_at,
        )
    book.steps("feedback", council.id, feedback_id, moves)


# Enquiries


def _tell_enquiries(world: World, council: Council) -> None:
    star, represented = council.stars["person"], council.stars["represented"]
    assistant, provider = council.shop(council.text.assistant), council.shop(council.text.provider)
    now = world.now
    _enquiry(
        world,
        council,
        star,
        provider,
        [(EnquiryStatus.OPEN, now - timedelta(hours=26), star.user_id, "")],
        [("Can the same person come each week? New faces make me nervous.", False, "")],
    )
    meet_on = _weekday(world.today + timedelta(days=4))
    meet_at = instant(meet_on, time(14))
    _enquiry(
        world,
        council,
        star,
        assistant,
        [
            (EnquiryStatus.OPEN, now - timedelta(days=3), star.user_id, ""),
            (EnquiryStatus.AGREED, now - timedelta(days=2), assistant.user_id, ""),
        ],
        [("I would like to see if we get on before I book.", False, "")],
        wishes=(meet_at, instant(_weekday(meet_on + timedelta(days=1)), time(10, 30))),
        agreed_at=meet_at,
    )
    _enquiry(
        world,
        council,
        represented,
        provider,
        [
            (EnquiryStatus.OPEN, now - timedelta(days=9), represented.user_id, ""),
            (EnquiryStatus.ANSWERED, now - timedelta(days=8), provider.user_id, ""),
        ],
        [
            ("Do you also help with shopping on Saturdays?", False, ""),
            ("Yes, we do. You can also pay me in cash, without the site.", True, "They ask for cash past the site."),
        ],
    )


def _enquiry(
    world: World,
    council: Council,
    client: Client,
    shop: Shop,
    moves: list[Move],
    written: list[tuple[str, bool, str]],
    *,
    wishes: tuple[datetime, ...] = (),
    agreed_at: datetime | None = None,
) -> None:
    """Keep a conversation: `written` is words, whether the provider wrote them, and why they were reported."""
    book = world.book
    listing_id = shop.listings[0][0]
    listing = next(row for row in book.of(Listing) if row["id"] == listing_id)
    begun_at = moves[0][1]
    enquiry_id = book.add(
        Enquiry,
        begun_at,
        council_id=council.id,
        organisation_id=shop.id,
        listing_id=listing_id,
        worker_id=listing["worker_id"],
        kind=EnquiryKind.MEETING if wishes else EnquiryKind.QUESTION,
        status=moves[-1][0],
        asked_by_user_id=client.user_id,
        person_id=client.id,
        acting_for="",
        shown_as=f"Somebody near {client.spot.town}",
        meeting_place=MeetingPlace.PUBLIC if wishes else None,
        wishes=[local(wish).strftime("%Y-%m-%dT%H:%M") for wish in wishes],
        agreed_at=agreed_at,
        proposed_at=None,
        created_at=begun_at,
        updated_at=moves[-1][1],
        version=len(moves),
    )
    book.steps("enquiry", council.id, enquiry_id, moves)
    by = (client.user_id, Role.PERSON.value)
    book.audit(council.id, begun_at, "providers.ask_provider", "enquiry", enquiry_id, by)
    for number, (words, is_providers, reported_because) in enumerate(written):
        at = moves[min(number, len(moves) - 1)][1]
        book.add(
            EnquiryMessage,
            at,
            council_id=council.id,
            enquiry_id=enquiry_id,
            is_providers=is_providers,
            written_by_user_id=shop.user_id if is_providers else client.user_id,
            words=words,
            written_at=at,
            reported_because=reported_because,
        )


def _weekday(day: date) -> date:
    """Return a day, or the Monday after it where it falls on a weekend."""
    return day + timedelta(days=7 - day.weekday()) if day.weekday() > 4 else day
