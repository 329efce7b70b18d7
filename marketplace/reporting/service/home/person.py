"""The dashboard of a person and of who acts for them."""

from marketplace.accounts import Permission, Principal
from marketplace.bookings import purse_of
from marketplace.bookings.models import Booking, Side, SupportAgreement
from marketplace.bookings.states import BookingStatus
from marketplace.core.formats import pounds, uk_datetime
from marketplace.payments.models import DirectPaymentAudit
from marketplace.payments.states import AuditStatus
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus
from marketplace.reporting.repository import home as ask
from marketplace.reporting.schemas import Home
from marketplace.reporting.service.home.desk import ALERTS_SHOWN, Desk, need_list

TO_APPROVE = (
    BookingStatus.PLANNED,
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
)
"""States in which a visit whose time is over waits for the person."""
_BEHIND = {
    "/my-plan": Permission.PLANS_AGREE,
    "/my-budget": Permission.BUDGET_OWN,
    "/bookings": Permission.BOOKINGS_OWN,
    "/agreements": Permission.BOOKINGS_OWN,
    "/calendar": Permission.BOOKINGS_OWN,
    "/representatives": Permission.REPRESENTATIVES_OWN,
    "/my-reviews": Permission.PLANS_AGREE,
    "/money": Permission.MONEY_OWN,
    "/money/audits": Permission.MONEY_OWN,
}
"""What a person's links ask of whoever acts for them."""


async def person_home(desk: Desk, principal: Principal) -> Home:
    """Return what a person, or who acts for them, has to do."""
    council_id, person_id, now = principal.council_id, principal.need_person(), desk.clock.now()
    own = (Booking.council_id == council_id, Booking.person_id == person_id)
    over = (Booking.status.in_(TO_APPROVE), Booking.ends_at <= now)
    found = await desk.home.figures(
        {
            "agree": ask.plans(
                PlanStatus.AWAITING_AGREEMENT,
                PlanVersion.council_id == council_id,
                Plan.person_id == person_id,
            ),
            "sign": ask.reviews_to_sign(
                Review.council_id == council_id, Review.person_id == person_id, Review.person_signed_at.is_(None)
            ),
            "approve": ask.bookings(*own, *over),
            "asked": ask.bookings(*own, Booking.status == BookingStatus.REQUESTED),
            "terms": ask.terms_to_answer(
                Side.PROVIDER, SupportAgreement.council_id == council_id, SupportAgreement.person_id == person_id
            ),
            "alerts": ask.open_alerts(*own, Booking.starts_at > now - ALERTS_SHOWN),
            "audits": ask.audits(
                AuditStatus.ASKED,
                DirectPaymentAudit.council_id == council_id,
                DirectPaymentAudit.person_id == person_id,
            ),
        }
    )
    visit = await desk.home.next_visit(council_id, person_id, now)
    figures = []
    if visit is not None:
        figures.append(("Next visit", uk_datetime(visit.starts_at), ""))
    purse = await purse_of(desk.db, council_id, person_id)
    if purse is not None:
        note = f"{pounds(purse.promised_pence)} is promised"
        figures.append(("Money left to book with", pounds(purse.free_pence), note))
    needs = need_list(
        (found["agree"], "plan", "to read and agree", "/my-plan", "Say yes, or say what should change.", False),
        (found["sign"], "review", "to read and sign", "/my-reviews", "Say if it is right.", False),
        (found["approve"], "visit", "to approve", "/bookings", "Say that it took place, or what was wrong.", False),
        (
            found["alerts"],
            "visit",
            "where something went wrong",
            "/bookings",
            "Late, missed or nobody named.",
            True,
        ),
        (found["terms"], "agreement", "to answer", "/agreements", "Read it, then sign or say no.", False),
        (found["audits"], "question sheet", "about your money", "/money/audits", "The council asks.", False),
        (found["asked"], "request", "waiting for an answer", "/bookings", "The provider has been asked.", False),
    )
    links = (
        ("Find support", "/market"),
        ("My calendar", "/calendar"),
        ("My agreements", "/agreements"),
        ("My bookings", "/bookings"),
        ("My money", "/money"),
        ("My plan", "/my-plan"),
        ("My budget", "/my-budget"),
        ("People who act for me", "/representatives"),
    )
    # Who acts for somebody is led only to what that person gave them.
    closed = {address for address, permission in _BEHIND.items() if not principal.may(permission)}
    return Home(
        needs=tuple(need for need in needs if need.href not in closed),
        figures=tuple(figures) if principal.may(Permission.BOOKINGS_OWN) else (),
        links=tuple(link for link in links if link[1] not in closed),
        all_done="There is nothing you have to do.",
    )
