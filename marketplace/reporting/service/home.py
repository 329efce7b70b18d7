"""Dashboards: what needs each role now, in a handful of questions."""

from collections.abc import Awaitable, Callable
from datetime import time, timedelta

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, setting
from marketplace.bookings import purse_of
from marketplace.bookings.models import Booking, Side, SupportAgreement, VisitWorker
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, today, week_start
from marketplace.core.database import clock_of
from marketplace.core.formats import plural, pounds, uk_date, uk_datetime, uk_month, uk_short_date
from marketplace.matching.models import Offer, Referral, Urgency
from marketplace.matching.states import ReferralStatus
from marketplace.payments.models import DirectPaymentAudit
from marketplace.payments.states import AuditStatus, InvoiceStatus
from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Accreditation, AccreditationStatus, ListingDraft
from marketplace.providers.states import DraftStatus
from marketplace.quality.models import Feedback
from marketplace.quality.states import FeedbackStatus
from marketplace.reporting.repository import home as ask
from marketplace.reporting.repository.home import HomeRepository
from marketplace.reporting.schemas import Chart, Home, Need

WEEKS_SHOWN = 8
MONTHS_SHOWN = 6
EXPIRY_NOTICE = timedelta(days=30)
REVIEWS_AHEAD = timedelta(days=28)
ALERTS_SHOWN = timedelta(days=7)
"""How long after a visit an alert that nobody settled stays on the dashboard."""
TO_APPROVE = (
    BookingStatus.PLANNED,
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
)
"""States in which a visit whose time is over waits for the person."""
FEEDBACK_TO_CHECK = (
    "piece of feedback|pieces of feedback",
    "to check",
    "/feedback-checks",
    "It is published when you have read it.",
    False,
)
"""The council's look at feedback, after how many there are."""
FINANCE = ("Finance: what waits, what is due and what was spent", "/finance")
"""Leads finance from its first page to its workspace."""
TO_SCORE = ("application", "to score", "/accreditation/scoring", "You were asked to look at it.", False)
"""What an evaluator has to do, after how many there are."""


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


class HomeService:
    """The dashboard of whoever is signed in."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.today = today(self.clock)
        self.home = HomeRepository(db)

    async def of(self, principal: Principal) -> Home:
        """Return the dashboard of a role."""
        principal.require(Permission.DASHBOARD)
        views: dict[Role, Callable[[Principal], Awaitable[Home]]] = {
            Role.PERSON: self._person,
            Role.REPRESENTATIVE: self._person,
            Role.PLANNER: self._planner,
            Role.PROVIDER: self._provider,
            Role.PA: self._provider,
            Role.CARE_WORKER: self._care_worker,
            Role.SOCIAL_WORKER: self._social_worker,
            Role.BROKER: self._broker,
            Role.QUALITY_CHECKER: self._quality,
            Role.ACCREDITOR: self._accreditor,
            Role.FINANCE: self._finance,
            Role.FINANCE_CHECKER: self._finance_checker,
            Role.MANAGER: self._manager,
            Role.ADMIN: self._admin,
        }
        return await views[principal.role](principal)

    async def _person(self, principal: Principal) -> Home:
        council_id, person_id, now = principal.council_id, principal.need_person(), self.clock.now()
        own = (Booking.council_id == council_id, Booking.person_id == person_id)
        over = (Booking.status.in_(TO_APPROVE), Booking.ends_at <= now)
        found = await self.home.figures(
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
        visit = await self.home.next_visit(council_id, person_id, now)
        figures = []
        if visit is not None:
            figures.append(("Next visit", uk_datetime(visit.starts_at), ""))
        purse = await purse_of(self.db, council_id, person_id)
        if purse is not None:
            note = f"{pounds(purse.promised_pence)} is promised"
            figures.append(("Money left to book with", pounds(purse.free_pence), note))
        needs = _needs(
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

    async def _planner(self, principal: Principal) -> Home:
        worker_id, now = principal.worker_id, self.clock.now()
        worker = await self.home.worker(worker_id) if worker_id else None
        if worker is None:
            return Home()
        monday = week_start(self.today)
        mine = (Plan.worker_id == worker.id, PlanVersion.council_id.in_(principal.councils))
        facilitates = Review.facilitator_id == worker.id
        found = await self.home.figures(
            {
                "offers": ask.open_offers(Offer.worker_id == worker.id, Offer.answer_by > now),
                "drafts": ask.plans(PlanStatus.DRAFT, *mine),
                "returned": ask.plans(PlanStatus.RETURNED, *mine),
                "checking": ask.plans(PlanStatus.IN_QUALITY_CHECK, *mine),
                "overdue": ask.overdue_reviews(self.today, facilitates),
                "to_book": ask.reviews_to_book(self.today, self.today + REVIEWS_AHEAD, facilitates),
                "to_sign": ask.reviews_to_sign(facilitates, Review.signed_at.is_(None)),
                "taken": ask.places_taken(worker.id, monday),
            }
        )
        per_week: int = await setting(self.db, principal.council_id, "matching.plans_per_week", self.today)
        places = worker.fte_percent * int(per_week) // 100
        needs = _needs(
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

    async def _provider(self, principal: Principal) -> Home:
        organisation_id, now = principal.need_organisation(), self.clock.now()
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
        found = await self.home.figures(
            {
                "requests": ask.bookings(*own, Booking.status == BookingStatus.REQUESTED),
                "over": ask.bookings(*own, agreed, Booking.ends_at <= now),
                "disputed": ask.bookings(*own, Booking.status == BookingStatus.DISPUTED),
                "today": ask.bookings(*own, agreed, Booking.visit_on == self.today),
                "week": ask.bookings(
                    *own, agreed, Booking.visit_on >= self.today, Booking.visit_on < self.today + timedelta(days=7)
                ),
                "earned": ask.earned(principal.councils, organisation_id, self.today.replace(day=1)),
                "asked": ask.open_enquiries(principal.councils, organisation_id, worker_id),
                "returned": ask.drafts(DraftStatus.RETURNED, *written),
                "confirm": ask.listings_to_confirm(organisation_id, worker_id),
                "renew": ask.evidence_to_renew(organisation_id, worker_id, self.today, self.today + EXPIRY_NOTICE),
                "uncovered": ask.lacking_cover(organisation_id, self.today),
                "begun": ask.listings_begun(organisation_id, worker_id),
                "unmanned": ask.bookings(
                    *ours,
                    Booking.status == BookingStatus.PLANNED,
                    Booking.called_off_at.is_(None),
                    Booking.workers_needed > 0,
                    Booking.starts_at > now,
                    Booking.visit_on < self.today + timedelta(days=7),
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
        needs = _needs(
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

    async def _care_worker(self, principal: Principal) -> Home:
        own: list[ColumnElement[bool]] = [
            VisitWorker.worker_id == principal.worker_id,
            VisitWorker.is_holding.is_(True),
        ]
        found = await self.home.figures(
            {
                "today": ask.held_visits(*own, Booking.visit_on == self.today),
                "week": ask.held_visits(
                    *own, Booking.visit_on >= self.today, Booking.visit_on < self.today + timedelta(days=7)
                ),
            }
        )
        figures = (("Visits today", str(found["today"]), f"{found['week']} in the next seven days"),)
        return Home(figures=figures, links=(("Visits today", "/today"), ("Change my availability", "/availability")))

    async def _social_worker(self, principal: Principal) -> Home:
        council_id = principal.council_id
        found = await self.home.figures(
            {
                "sign_off": ask.plans(PlanStatus.AWAITING_SIGN_OFF, PlanVersion.council_id == council_id),
                "papers": ask.papers_to_check(council_id, principal.user_id),
                "incomplete": ask.referrals(council_id, Referral.status == ReferralStatus.INCOMPLETE),
                "retained": ask.referrals(council_id, Referral.status == ReferralStatus.RETAINED),
                "overdue": ask.overdue_reviews(self.today, Review.council_id == council_id),
            }
        )
        needs = _needs(
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

    async def _broker(self, principal: Principal) -> Home:
        council_id = principal.council_id
        found = await self.home.figures(
            {
                "score": ask.to_score(principal.user_id),
                "crisis": ask.waiting_referrals(council_id, Urgency.CRISIS),
                "urgent": ask.waiting_referrals(council_id, Urgency.URGENT),
                "standard": ask.waiting_referrals(council_id, Urgency.STANDARD),
                "overdue": ask.overdue_referrals(council_id, self.today),
                "incomplete": ask.referrals(council_id, Referral.status == ReferralStatus.INCOMPLETE),
                "retained": ask.referrals(council_id, Referral.status == ReferralStatus.RETAINED),
                "offers": ask.open_offers(Offer.council_id == council_id),
                "reported": ask.reported_enquiries(council_id),
            }
        )
        needs = _needs(
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
        return Home(needs=needs, figures=figures, charts=(await self._by_week(principal),))

    async def _quality(self, principal: Principal) -> Home:
        ours = PlanVersion.council_id == principal.council_id
        found = await self.home.figures(
            {
                "score": ask.to_score(principal.user_id),
                "check": ask.plans(PlanStatus.IN_QUALITY_CHECK, ours),
                "returned": ask.plans(PlanStatus.RETURNED, ours),
                "overdue": ask.overdue_reviews(self.today, Review.council_id == principal.council_id),
            }
        )
        needs = _needs(
            (found["check"], "plan", "to check", "/plans", "Is it in the person's own words? Does it add up?", True),
            (found["overdue"], "review", "overdue", "/reviews", "", False),
            (found["score"], *TO_SCORE),
        )
        return Home(needs=needs, figures=(("Plans with their planners to change", str(found["returned"]), ""),))

    async def _accreditor(self, principal: Principal) -> Home:
        council_id, now = principal.council_id, self.today
        found = await self.home.figures(
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
        needs = _needs(
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

    async def _finance(self, principal: Principal) -> Home:
        council_id = principal.council_id
        found = await self.home.figures(
            {
                "issued": ask.self_bills_to_approve(council_id),
                "invoices": ask.invoices_to_approve(council_id),
                "held": ask.bills(council_id, InvoiceStatus.HELD),
                "ready": ask.ready_to_pay(council_id),
                "ready_pence": ask.ready_to_pay_pence(council_id),
                "unbilled": ask.unbilled_pence(council_id),
                "bank": ask.bank_details_to_check(council_id, principal.user_id),
                "differences": ask.card_differences(council_id),
                "answered": ask.audits(AuditStatus.ANSWERED, DirectPaymentAudit.council_id == council_id),
            }
        )
        needs = _needs(
            (
                *(found["differences"], "difference", "between the ledger and Stripe", "/card-reconciliation"),
                *("Say what each one was.", True),
            ),
            (
                *(found["answered"], "direct payment", "with answers to look at", "/money-audits"),
                *("The person answered your questions.", False),
            ),
            (found["issued"], "self-bill", "to approve", "/self-bills?status=issued", "", True),
            (found["invoices"], "supplier’s bill", "to approve", "/invoices?status=issued", "", True),
            (found["ready"], "bill", "ready to pay", "/payment-runs", pounds(found["ready_pence"]), False),
            (found["held"], "bill", "on hold", "/invoices?status=held", "Waiting for an answer.", False),
            (found["bank"], "bank account", "to check", "/bank-details-to-check", "Entered by an organisation.", False),
        )
        figures = (("Earned and not billed yet", pounds(found["unbilled"]), ""),)
        chart = await self._by_month(principal)
        return Home(needs=needs, figures=figures, charts=(chart,), links=(FINANCE, ("Self-bills", "/self-bills")))

    async def _finance_checker(self, principal: Principal) -> Home:
        council_id, user_id = principal.council_id, principal.user_id
        found = await self.home.figures(
            {
                "runs": ask.runs_to_release(council_id, user_id),
                "bank": ask.bank_details_to_check(council_id, user_id),
                "release_pence": ask.runs_to_release_pence(council_id, user_id),
                "refunds": ask.refunds_to_agree(council_id, user_id),
                "differences": ask.card_differences(council_id),
            }
        )
        needs = _needs(
            (found["refunds"], "card refund", "to agree", "/refunds-to-agree", "Somebody else asked for it.", True),
            (
                *(found["differences"], "difference", "between the ledger and Stripe", "/card-reconciliation"),
                *("Say what each one was.", False),
            ),
            (found["runs"], "payment run", "to release", "/payment-runs", pounds(found["release_pence"]), True),
            (found["bank"], "bank account", "to check", "/bank-details-to-check", "Entered by an organisation.", False),
        )
        return Home(needs=needs, links=(FINANCE, ("Self-bills", "/self-bills")))

    async def _manager(self, principal: Principal) -> Home:
        council_id = principal.council_id
        found = await self.home.figures(
            {
                "score": ask.to_score(principal.user_id),
                "sign_off": ask.plans(PlanStatus.AWAITING_SIGN_OFF, PlanVersion.council_id == council_id),
                "check": ask.plans(PlanStatus.IN_QUALITY_CHECK, PlanVersion.council_id == council_id),
                "reviews": ask.overdue_reviews(self.today, Review.council_id == council_id),
                "referrals": ask.overdue_referrals(council_id, self.today),
                "crisis": ask.waiting_referrals(council_id, Urgency.CRISIS),
                "waiting": ask.referrals(council_id, Referral.status == ReferralStatus.RECEIVED),
                "feedback": ask.feedback(FeedbackStatus.WAITING, Feedback.council_id == council_id),
                "family": ask.family_exceptions(council_id, principal.user_id),
                "asks": ask.money_asks(council_id, principal.user_id),
            }
        )
        needs = _needs(
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
        charts = (await self._by_week(principal), await self._by_month(principal))
        return Home(needs=needs, figures=figures, charts=charts)

    async def _admin(self, principal: Principal) -> Home:
        council_id, day = principal.council_id, self.today
        found = await self.home.figures(
            {
                "parked": ask.parked(),
                "users": ask.users(council_id, day),
                "changes": ask.changes(council_id, instant(day - timedelta(days=7), time(0))),
            }
        )
        needs = _needs(
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

    async def _by_week(self, principal: Principal) -> Chart:
        first = week_start(self.today) - timedelta(weeks=WEEKS_SHOWN - 1)
        found = await self.home.referrals_by_week(principal.council_id, first)
        mondays = [first + timedelta(weeks=week) for week in range(WEEKS_SHOWN)]
        rows = tuple((uk_short_date(monday), found.get(monday, 0), str(found.get(monday, 0))) for monday in mondays)
        total = sum(row[1] for row in rows)
        return Chart(
            "referrals-by-week",
            "Referrals by week",
            f"{plural(total, 'referral')} in the {WEEKS_SHOWN} weeks from {uk_date(first)}.",
            rows,
            "Week from",
            "Referrals",
        )

    async def _by_month(self, principal: Principal) -> Chart:
        months = [self.today.replace(day=1)]
        while len(months) < MONTHS_SHOWN:
            months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
        found = await self.home.plan_spend_by_month(principal.council_id, months[0])
        rows = tuple((uk_month(month), found.get(month, 0), pounds(found.get(month, 0))) for month in months)
        total = sum(row[1] for row in rows)
        return Chart(
            "plan-spend-by-month",
            "Spent on support plans by month",
            f"{pounds(total)} from {uk_month(months[0])} to {uk_month(months[-1])}.",
            rows,
            "Month",
            "Earned by planners",
        )


def _needs(*found: tuple[int, str, str, str, str, bool]) -> tuple[Need, ...]:
    """Put what was found into words, leaving out what there is none of.

    Each is number, noun (with its plural after a bar where an s does not make it), what, where, note, urgent.
    """
    return tuple(
        Need(f"{plural(number, *noun.split('|'))} {what}", href, note, is_urgent)
        for number, noun, what, href, note, is_urgent in found
        if number
    )
