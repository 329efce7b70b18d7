"""Rows for tests of enquiries and feedback."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import clock_of
from marketplace.providers.models import Enquiry, EnquiryKind, EnquiryMessage, MeetingPlace
from marketplace.providers.states import ENQUIRY, EnquiryStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FEEDBACK, FeedbackStatus
from tests.factories_bookings import Scene, loose


async def make_enquiry(
    db: AsyncSession,
    scene: Scene,
    status: EnquiryStatus = EnquiryStatus.OPEN,
    *,
    kind: EnquiryKind = EnquiryKind.QUESTION,
    words: str = "Do you like walking in the hills?",
    **given: Any,
) -> Enquiry:
    """A question about the scene's listing; a meeting is wished for on 8 March at 2pm, by phone."""
    now = clock_of(db).now()
    is_meeting = kind is EnquiryKind.MEETING
    values: dict[str, Any] = {
        "council_id": scene.council.id,
        "organisation_id": scene.organisation.id,
        "listing_id": scene.listing.id,
        "worker_id": scene.listing.worker_id,
        "kind": kind,
        "status": status,
        "asked_by_user_id": scene.member.user.id,
        "person_id": scene.person.id,
        "shown_as": "Somebody near Preston",
        "meeting_place": MeetingPlace.PHONE if is_meeting else None,
        "wishes": ["2027-03-08T14:00"] if is_meeting else [],
        "created_at": now,
        "updated_at": now,
    }
    if is_meeting and status is EnquiryStatus.AGREED:
        values["agreed_at"] = now + timedelta(days=5)
    if is_meeting and status is EnquiryStatus.ANSWERED:
        values["proposed_at"] = now + timedelta(days=6)
    enquiry = Enquiry(**{**values, **given})
    db.add(enquiry)
    await db.flush()
    ENQUIRY.begin(db, enquiry, by=scene.member.user.id)
    message = await make_message(db, scene, enquiry, words)
    loose(db, enquiry, message)
    return enquiry


async def make_message(
    db: AsyncSession, scene: Scene, enquiry: Enquiry, words: str, *, is_providers: bool = False, **given: Any
) -> EnquiryMessage:
    """A message in a thread."""
    member = scene.provider if is_providers else scene.member
    message = EnquiryMessage(
        **{
            "council_id": enquiry.council_id,
            "enquiry_id": enquiry.id,
            "is_providers": is_providers,
            "written_by_user_id": member.user.id,
            "words": words,
            "written_at": clock_of(db).now(),
            **given,
        }
    )
    db.add(message)
    await db.flush()
    loose(db, message)
    return message


async def make_feedback(
    db: AsyncSession, scene: Scene, booking: Any, status: FeedbackStatus = FeedbackStatus.WAITING, **given: Any
) -> Feedback:
    """What the scene's person says of a visit. A published one is not on the listing's page: the service does that."""
    feedback = Feedback(
        **{
            "council_id": scene.council.id,
            "booking_id": booking.id,
            "person_id": scene.person.id,
            "listing_id": scene.listing.id,
            "organisation_id": scene.organisation.id,
            "worker_id": scene.worker.id,
            "status": status,
            "stars": 4,
            "words": "On time and kind.",
            "given_by_user_id": scene.member.user.id,
            "given_at": clock_of(db).now(),
            **given,
        }
    )
    db.add(feedback)
    await db.flush()
    FEEDBACK.begin(db, feedback, by=scene.member.user.id)
    await db.flush()
    loose(db, feedback)
    return feedback
