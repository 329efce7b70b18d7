"""Dashboards of those who plan and deliver: planners, providers and care workers."""

from datetime import timedelta

from sqlalchemy import ColumnElement

from marketplace.accounts import Principal, Role, setting
from marketplace.bookings.models import Booking, Side, SupportAgreement, VisitWorker
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import week_start
from marketplace.core.formats import pounds
from marketplace.matching.models import Offer
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import ListingDraft
from marketplace.providers.states import DraftStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus
from marketplace.reporting.repository import home as ask
from marketplace.reporting.schemas import Home, Need
from marketplace.reporting.service.home.desk import ALERTS_SHOWN, EXPIRY_NOTICE, Desk, need_list

REVIEWS_AHEAD = timedelta(days=28)


async def planner_home(desk: Desk, principal: Principal) -> Home:
    """Return what a planner has to do."""
    worker_id, now = principal.worker_id, desk.clock.now()
    worker = await desk.home.worker(worker_id) if worker_id else None
    if worker is None:
        return Home()
    monday = week_start(desk.today)
    mine = (Plan.worker_id == worker.id, PlanVersion.council_id.in_(principal.councils))
    facilitates = Review.facilitator_id == worker.id
    found = await desk.home.figures(
        {
            "offers": ask.open_offers(Offer.worker_id == worker.id, Offer.answer_by > now),
            "drafts": ask.plans(PlanStatus.DRAFT, *mine),
            "returned": ask.plans(PlanStatus.RETURNED, *mine),
            "checking": ask.plans(PlanStatus.IN_QUALITY_CHECK, *mine),
            "overdue": ask.overdue_reviews(desk.today, facilitates),
            "to_book": ask.reviews_to_book(desk.today, desk.today + REVIEWS_AHEAD, facilitates),
            "to_sign": ask.reviews_to_sign(facilitates, Review.signed_at.is_(None)),
            "taken": ask.places_taken(worker.id, monday),
        }
    )
    per_week: int = await setting(desk.db, principal.council_id, "matching.plans_per_week", desk.today)
    places = worker.fte_percent * int(per_week) // 100
    needs = need_list(
        (found["offers"], "offer", "to answer", "/offers", "Each has a time by which to answer.", True),
        (found["returned"], "plan", "sent back to you", "/plans", "The comments say what to change.", True),
        (found["overdue"], "review", "overdue", "/reviews", "The time to hold it is over.", True),
        (found["drafts"], "plan", "to write", "/plans", "", False),
        (found["to_sign"], "review", "to sign", "/reviews?show=held", "They are written down.", False),
        (found["to_book"], "review", "to book", "/reviews", "Due in the next four weeks.", False),
    )
    figures = (
        ("Free places this week", str(max(0, places - found["taken"])), f"of {places}"),
        ("Plans being checked", str(found["checking"]), ""),
    )
    links = (("Change my availability", "/availability"), ("See my earnings", "/earnings"))
    return Home(needs=needs, figures=figures, links=links)


async def provider_home(desk: Desk, principal: Principal) -> Home:
    """Return what a provider, or who works alone, has to do."""
    organisation_id, now = principal.need_organisation(), desk.clock.now()
    own = [Booking.organisation_id == organisation_id, Booking.council_id.in_(principal.councils)]
    # Whoever works alone is asked about every visit; nobody is named for some of them yet.
    ours = list(own)
    if principal.worker_id:
        own.append(Booking.worker_id == principal.worker_id)
    worker_id = principal.worker_id
    said = [Feedback.council_id.in_(principal.councils), Feedback.organisation_id == organisation_id]
    written: list[ColumnElement[bool]] = [ListingDraft.organisation_id == organisation_id]
    if worker_id:
        said.append(Feedback.worker_id == worker_id)
        written.append(ListingDraft.content["worker"].astext == str(worker_id))
    agreed = Booking.status == BookingStatus.ACCEPTED
    found = await desk.home.figures(
        {
            "requests": ask.bookings(*own, Booking.status == BookingStatus.REQUESTED),
            "over": ask.bookings(*own, agreed, Booking.ends_at <= now),
            "disputed": ask.bookings(*own, Booking.status == BookingStatus.DISPUTED),
            "today": ask.bookings(*own, agreed, Booking.visit_on == desk.today),
            "week": ask.bookings(
                *own, agreed, Booking.visit_on >= desk.today, Booking.visit_on < desk.today + timedelta(days=7)
            ),
            "earned": ask.earned(principal.councils, organisation_id, desk.today.replace(day=1)),
            "asked": ask.open_enquiries(principal.councils, organisation_id, worker_id),
            "returned": ask.drafts(DraftStatus.RETURNED, *written),
            "confirm": ask.listings_to_confirm(organisation_id, worker_id),
            "renew": ask.evidence_to_renew(organisation_id, worker_id, desk.today, desk.today + EXPIRY_NOTICE),
            "uncovered": ask.lacking_cover(organisation_id, desk.today),
            "begun": ask.listings_begun(organisation_id, worker_id),
            "unmanned": ask.bookings(
                *ours,
                Booking.status == BookingStatus.PLANNED,
                Booking.called_off_at.is_(None),
                Booking.workers_needed > 0,
                Booking.starts_at > now,
                Booking.visit_on < desk.today + timedelta(days=7),
            ),
            "alerts": ask.open_alerts(*ours, Booking.starts_at > now - ALERTS_SHOWN),
            "terms": ask.terms_to_answer(
                Side.PERSON,
                SupportAgreement.organisation_id == organisation_id,
                SupportAgreement.council_id.in_(principal.councils),
            ),
            "unanswered": ask.feedback(FeedbackStatus.PUBLISHED, Feedback.reply == "", *said),
            "said": ask.feedback(FeedbackStatus.PUBLISHED, *said),
        }
    )
    where = "/provider/bookings"
    needs = need_list(
        (found["requests"], "request", "to answer", where, "Somebody waits to hear from you.", True),
        (found["asked"], "question", "from people", "/provider/enquiries", "They wait for your answer.", True),
        (found["alerts"], "alert", "about a visit", "/alerts", "Late, missed or nobody named.", True),
        (
            *(found["unmanned"], "visit", "in the next seven days to confirm", "/provider/bookings/week"),
            *("Say who comes. The person is told.", True),
        ),
        (found["terms"], "agreement", "to answer", "/provider/clients", "Read it, then sign or say no.", False),
        (found["disputed"], "visit", "with a question", where, "The person says that something was wrong.", True),
        (found["over"], "visit", "to mark as delivered", where, "You are paid once the person approves.", False),
        (
            *(found["returned"], "listing", "sent back by the council", "/provider/listings"),
            *("Read what to change, then send it again.", False),
        ),
        (
            *(found["confirm"], "listing", "to confirm", "/provider/listings"),
            *("Say that it is still right, or people stop seeing it.", False),
        ),
        (
            *(found["renew"], "paper", "to renew", "/provider/evidence"),
            *("Its last day is in the next 30 days.", False),
        ),
    )
    first = []
    if found["uncovered"]:
        note = "People find you once your council has seen it."
        first.append(Need("Show your insurance", "/provider/evidence", note, True))
    if not found["begun"]:
        note = "Say what you offer, for whom and at what price. It takes about 15 minutes."
        first.append(Need("Write your first listing", "/provider/listings/new", note, False))
    figures = (
        ("Visits today", str(found["today"]), f"{found['week']} in the next seven days"),
        ("Earned this month", pounds(found["earned"]), "From direct payments and plans"),
        ("Feedback on your visits", str(found["said"]), f"{found['unanswered']} without your reply"),
    )
    links = (
        *([("Visits today", "/today")] if principal.role is Role.PA else []),
        *([("Say how much room you have", "/provider/listings/room")] if found["begun"] else []),
        ("Add a listing", "/provider/listings/new"),
        ("Change availability", "/availability"),
        ("Read your feedback", "/provider/feedback"),
        ("See earnings", "/earnings"),
    )
    return Home(needs=(*first, *needs), figures=figures, links=links)


async def care_worker_home(desk: Desk, principal: Principal) -> Home:
    """Return the visits of a care worker."""
    own: list[ColumnElement[bool]] = [
        VisitWorker.worker_id == principal.worker_id,
        VisitWorker.is_holding.is_(True),
    ]
    found = await desk.home.figures(
        {
            "today": ask.held_visits(*own, Booking.visit_on == desk.today),
            "week": ask.held_visits(
                *own, Booking.visit_on >= desk.today, Booking.visit_on < desk.today + timedelta(days=7)
            ),
        }
    )
    figures = (("Visits today", str(found["today"]), f"{found['week']} in the next seven days"),)
    return Home(figures=figures, links=(("Visits today", "/today"), ("Change my availability", "/availability")))
