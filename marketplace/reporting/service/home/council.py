"""Dashboards of the council's staff, from social worker to administrator; finance has its own."""

from datetime import time, timedelta

from marketplace.accounts import Principal
from marketplace.core.clock import instant
from marketplace.matching.models import Offer, Referral, Urgency
from marketplace.matching.states import ReferralStatus
from marketplace.plans.models import PlanVersion, Review
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Accreditation, AccreditationStatus, ListingDraft
from marketplace.providers.states import DraftStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus
from marketplace.reporting.repository import home as ask
from marketplace.reporting.schemas import Home
from marketplace.reporting.service.home.charts import by_month, by_week
from marketplace.reporting.service.home.desk import EXPIRY_NOTICE, Desk, need_list

FEEDBACK_TO_CHECK = (
    "piece of feedback|pieces of feedback",
    "to check",
    "/feedback-checks",
    "It is published when you have read it.",
    False,
)
"""The council's look at feedback, after how many there are."""
TO_SCORE = ("application", "to score", "/accreditation/scoring", "You were asked to look at it.", False)
"""What an evaluator has to do, after how many there are."""


async def social_worker_home(desk: Desk, principal: Principal) -> Home:
    """Return what a social worker has to do."""
    council_id = principal.council_id
    found = await desk.home.figures(
        {
            "sign_off": ask.plans(PlanStatus.AWAITING_SIGN_OFF, PlanVersion.council_id == council_id),
            "papers": ask.papers_to_check(council_id, principal.user_id),
            "incomplete": ask.referrals(council_id, Referral.status == ReferralStatus.INCOMPLETE),
            "retained": ask.referrals(council_id, Referral.status == ReferralStatus.RETAINED),
            "overdue": ask.overdue_reviews(desk.today, Review.council_id == council_id),
        }
    )
    needs = need_list(
        (found["sign_off"], "plan", "to sign off", "/plans", "Checked, and agreed by the person.", True),
        (
            *(found["papers"], "representative", "to check", "/representations"),
            *("They can do nothing until somebody has seen their papers.", False),
        ),
        (found["incomplete"], "referral", "to complete", "/referrals", "No planner can be asked before.", False),
        (found["retained"], "complex case", "kept by the council", "/referrals", "", False),
        (found["overdue"], "review", "overdue", "/reviews", "Talk to the planner.", False),
    )
    return Home(needs=needs, links=(("Look for a person", "/people"),))


async def broker_home(desk: Desk, principal: Principal) -> Home:
    """Return what a broker has to do."""
    council_id = principal.council_id
    found = await desk.home.figures(
        {
            "score": ask.to_score(principal.user_id),
            "crisis": ask.waiting_referrals(council_id, Urgency.CRISIS),
            "urgent": ask.waiting_referrals(council_id, Urgency.URGENT),
            "standard": ask.waiting_referrals(council_id, Urgency.STANDARD),
            "overdue": ask.overdue_referrals(council_id, desk.today),
            "incomplete": ask.referrals(council_id, Referral.status == ReferralStatus.INCOMPLETE),
            "retained": ask.referrals(council_id, Referral.status == ReferralStatus.RETAINED),
            "offers": ask.open_offers(Offer.council_id == council_id),
            "reported": ask.reported_enquiries(council_id),
        }
    )
    needs = need_list(
        (found["crisis"], "crisis referral", "waiting", "/referrals", "Find a planner today.", True),
        (found["overdue"], "referral", "overdue", "/referrals", "The plan was due and nobody has it.", True),
        (
            *(found["reported"], "conversation", "reported", "/reported-enquiries"),
            *("Somebody says that a message is not right.", True),
        ),
        (found["urgent"], "urgent referral", "waiting", "/referrals", "", False),
        (found["standard"], "standard referral", "waiting", "/referrals", "", False),
        (found["incomplete"], "referral", "incomplete", "/referrals", "Ask the team that sent it.", False),
        (found["score"], *TO_SCORE),
    )
    figures = (
        ("Offers waiting for an answer", str(found["offers"]), ""),
        ("Complex cases kept by the council", str(found["retained"]), ""),
    )
    return Home(needs=needs, figures=figures, charts=(await by_week(desk, principal),))


async def quality_home(desk: Desk, principal: Principal) -> Home:
    """Return what somebody who checks plans has to do."""
    ours = PlanVersion.council_id == principal.council_id
    found = await desk.home.figures(
        {
            "score": ask.to_score(principal.user_id),
            "check": ask.plans(PlanStatus.IN_QUALITY_CHECK, ours),
            "returned": ask.plans(PlanStatus.RETURNED, ours),
            "overdue": ask.overdue_reviews(desk.today, Review.council_id == principal.council_id),
        }
    )
    needs = need_list(
        (found["check"], "plan", "to check", "/plans", "Is it in the person's own words? Does it add up?", True),
        (found["overdue"], "review", "overdue", "/reviews", "", False),
        (found["score"], *TO_SCORE),
    )
    return Home(needs=needs, figures=(("Plans with their planners to change", str(found["returned"]), ""),))


async def accreditor_home(desk: Desk, principal: Principal) -> Home:
    """Return what somebody who accredits has to do."""
    council_id, now = principal.council_id, desk.today
    found = await desk.home.figures(
        {
            "score": ask.to_score(principal.user_id),
            "soon": ask.accreditations(council_id, *ask.ending(now + timedelta(days=1), now + EXPIRY_NOTICE)),
            "ended": ask.accreditations(council_id, *ask.ending(now - EXPIRY_NOTICE, now + timedelta(days=1))),
            "suspended": ask.accreditations(council_id, Accreditation.status == AccreditationStatus.SUSPENDED),
            "live": ask.accreditations(
                council_id, Accreditation.status == AccreditationStatus.LIVE, Accreditation.live_until > now
            ),
            "drafts": ask.drafts(DraftStatus.SUBMITTED, ListingDraft.council_id == council_id),
            "evidence": ask.evidence_to_see(council_id),
            "links": ask.links_to_decide(council_id),
            "feedback": ask.feedback(FeedbackStatus.WAITING, Feedback.council_id == council_id),
        }
    )
    needs = need_list(
        (found["drafts"], "listing", "to check", "/listing-checks", "Nobody sees it before you look.", True),
        (found["evidence"], "paper", "to see", "/evidence", "Insurance, checks and training.", False),
        (found["links"], "register link", "to decide", "/regulator-links", "Name or place differ.", False),
        (found["feedback"], *FEEDBACK_TO_CHECK),
        (found["ended"], "accreditation", "ended in the last 30 days", "/organisations", "No new work.", True),
        (found["soon"], "accreditation", "ending in the next 30 days", "/organisations", "", False),
        (found["suspended"], "accreditation", "suspended", "/organisations", "", False),
        (found["score"], *TO_SCORE),
    )
    links = (("All of accreditation: rounds, applications, evidence that ends", "/accreditation"),)
    return Home(needs=needs, figures=(("Live accreditations", str(found["live"]), ""),), links=links)


async def manager_home(desk: Desk, principal: Principal) -> Home:
    """Return what a manager has to know."""
    council_id = principal.council_id
    found = await desk.home.figures(
        {
            "score": ask.to_score(principal.user_id),
            "sign_off": ask.plans(PlanStatus.AWAITING_SIGN_OFF, PlanVersion.council_id == council_id),
            "check": ask.plans(PlanStatus.IN_QUALITY_CHECK, PlanVersion.council_id == council_id),
            "reviews": ask.overdue_reviews(desk.today, Review.council_id == council_id),
            "referrals": ask.overdue_referrals(council_id, desk.today),
            "crisis": ask.waiting_referrals(council_id, Urgency.CRISIS),
            "waiting": ask.referrals(council_id, Referral.status == ReferralStatus.RECEIVED),
            "feedback": ask.feedback(FeedbackStatus.WAITING, Feedback.council_id == council_id),
            "family": ask.family_exceptions(council_id, principal.user_id),
            "asks": ask.money_asks(council_id, principal.user_id),
        }
    )
    needs = need_list(
        (found["crisis"], "crisis referral", "waiting", "/referrals", "", True),
        (
            *(found["family"], "paid relative", "to decide", "/family-exceptions"),
            *("The law allows it only where the council agrees.", False),
        ),
        (
            *(found["asks"], "request", "for more money", "/money-requests"),
            *("A person waits for the answer.", False),
        ),
        (found["sign_off"], "plan", "to sign off", "/plans", "Checked, and agreed by the person.", True),
        (found["reviews"], "review", "overdue", "/reviews", "The time to hold it is over.", True),
        (found["referrals"], "referral", "overdue", "/referrals", "The plan was due and nobody has it.", True),
        (found["check"], "plan", "being checked", "/plans", "", False),
        (found["feedback"], *FEEDBACK_TO_CHECK),
        (found["score"], *TO_SCORE),
    )
    figures = (("Referrals waiting for a planner", str(found["waiting"]), ""),)
    charts = (await by_week(desk, principal), await by_month(desk, principal))
    return Home(needs=needs, figures=figures, charts=charts)


async def admin_home(desk: Desk, principal: Principal) -> Home:
    """Return what an administrator has to do."""
    council_id, day = principal.council_id, desk.today
    found = await desk.home.figures(
        {
            "parked": ask.parked(),
            "users": ask.users(council_id, day),
            "changes": ask.changes(council_id, instant(day - timedelta(days=7), time(0))),
        }
    )
    needs = need_list(
        (found["parked"], "background task", "given up", "/operations", "Look at the error and try again.", True),
    )
    figures = (
        ("Users with a role", f"{found['users']:,}", ""),
        ("Changes in the last seven days", f"{found['changes']:,}", ""),
    )
    return Home(
        needs=needs,
        figures=figures,
        links=(("Council settings", "/settings"), ("Audit log", "/audit"), ("Operations", "/operations")),
    )
