"""Dated settings of a council: what the case studies disagree on is configuration, never a constant."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.accounts.models import CouncilSetting
from marketplace.accounts.principal import Principal
from marketplace.core.database import clock_of

DEFAULTS: Mapping[str, Any] = {
    # Days in which a plan is due, by urgency (L7 gives no number).
    "matching.plan_days": {"crisis": 7, "urgent": 14, "standard": 28},
    # Working hours a planner has to answer an offer.
    "matching.offer_hours": 48,
    # Plans a full-time planner completes in a week (L20).
    "matching.plans_per_week": 5,
    # How far ahead a place may be, in weeks.
    "matching.horizon_weeks": 6,
    # Whether complex cases stay with the council (L4).
    "matching.retain_complex": True,
    # Published weights of the score; empty means the engine's own (matching.md 3.1).
    "matching.weights": {},
    # Roads against straight lines, by kind of district; "default" for districts that are not named.
    "matching.road_factor": {"default": 1.3},
    # Longest journey of a planner to a person, in minutes; None has no limit.
    "matching.most_travel_minutes": None,
    # Whether an organisation that sells home care may plan for people: "no", "not_for_own_customers", "yes".
    "matching.planner_sells_care": "not_for_own_customers",
    # Days in which a contest is answered.
    "matching.contest_days": 10,
    # Largest share of the placed referrals that one organisation should get, in per cent; None has no cap.
    "matching.share_cap_percent": None,
    # Places a week kept free for people in crisis, in per cent of the week's places.
    "matching.crisis_reserve_percent": 0,
    # Working hours in which providers answer a requirement, by urgency.
    "matching.requirement_hours": {"crisis": 8, "urgent": 24, "standard": 72},
    # What an hour of care costs on top of the wage, in per cent: National Insurance, pension, holiday, training.
    "matching.employer_cost_percent": 31,
    # Paid travel and waiting per visit, in minutes (part of the least lawful price).
    "matching.travel_minutes_per_visit": 12,
    # Up to how many pence above the ceiling a broker may raise it; more needs a manager.
    "matching.raise_limit_pence": 5_000,
    # Window of the first review after the plan is in place, in days (L15: 6-12 weeks; D4: 6 weeks; national: 6-8).
    "plans.first_review_days": {"from": 42, "due": 56, "until": 84},
    # Warn when a first review is booked after this day (domain.md 4.1).
    "plans.review_warning_day": 56,
    # Who holds annual reviews: "planner" or "council" (L18).
    "plans.annual_reviews_by": "planner",
    # Months within which a direct payment is looked at: first after its start, then at most apart (domain.md 4.2).
    "plans.direct_payment_review_months": {"first": 6, "then": 12},
    # Days a helper may work on a plan unless the person says otherwise.
    "plans.helper_days": 28,
    # Days an organisation may read what was shared with it unless the person says otherwise.
    "plans.share_days": 84,
    # Whether a direct payment may start before the sign-off, and within how many days the plan is then signed (D4).
    "plans.early_start": {"allowed": False, "days": 42},
    # Days before that deadline on which everybody concerned is told (P6).
    "plans.early_start_alert_days": [14, 3, 0],
    # Whether plans may go to a risk panel.
    "plans.risk_panel": False,
    # Share of contacts that the front door should resolve, in per cent (T9: 60 to 70; the flow picture says 80).
    "people.first_contact_percent": 65,
    # Who hears of people who ask online for a call: the team's shared address and its name. Empty: every social worker,
    # and "Front door".
    "people.first_contact": {"address": "", "team": ""},
    # Weeks in which another contact about the same is a repeat (B21).
    "people.repeat_weeks": 12,
    # Whether stages 1 and 2 come before long-term support, with evidence or a recorded exception (B1). One council
    # works so; switched on for another, it holds everybody whose stages nobody wrote down yet.
    "people.three_stages": False,
    # Working days in which a challenge to a budget is answered.
    "people.challenge_days": 20,
    # When the monthly look at the resource allocation system raises an alarm, in per cent (domain.md 4.7).
    "people.ras_alarms": {"committed": 100, "protection": 40, "variance": 10},
    # Months until a protected sum is looked at again (R5).
    "people.protection_review_months": 12,
    # From how many points on a carer's first stage leads to a second, and what every carer is told of (R14).
    "people.carers": {
        "trigger_points": 6,
        "offers": [
            "A plan for emergencies: who steps in when you cannot care",
            "Alarms and sensors at home, free for a time",
            "A card that says you are a carer",
        ],
    },
    # Criteria of the quality and creativity check (L14).
    "plans.quality_criteria": [
        "The plan is in the person's own words",
        "Each outcome says what will change",
        "Community and family help was looked at first",
        "Risks are named with what will be done",
        "The budget covers the plan",
    ],
    # Days from issue to payment (domain.md 4.6).
    "payments.terms_days": 30,
    # Least wage for an hour that prices are held against, in pence, where the council asks for more than the law; None:
    # the law's, from the book of `accounts.law` (domain.md 4.4).
    "payments.legal_wage_pence": None,
    # A payment to one payee above this is marked in the proposal of a payment run.
    "payments.large_payment_pence": 500_000,
    # Whole days that checked bank details wait before they are paid to, and whether finance must have called back.
    "payments.cooling_off_days": 3,
    "payments.call_back": True,
    # What a supplier's line may differ from the approved visit: minutes, and pence.
    "payments.tolerance_minutes": 5,
    "payments.tolerance_pence": 0,
    # Working days in which finance answers a supplier's question.
    "payments.answer_days": 5,
    # What documents show as the buyer's reference where a bill has none of its own (Peppol R003).
    "payments.buyer_reference": "ADULT-SOCIAL-CARE",
    # The council as documents of finance name it; its VAT number with or without GB.
    "payments.council_details": {"address_line": "", "town": "", "postcode": "", "vat_number": ""},
    # Months for which a self-billing agreement is offered.
    "payments.self_billing_months": 12,
    # Most payments in one run, and days around due dates that a proposal looks ahead.
    "payments.run_lines": 10_000,
    "payments.run_ahead_days": 7,
    # Whether the first review, some weeks after the plan, counts as a review that the tariff pays (domain.md 4.8).
    "payments.first_review_earns": False,
    # Postcode areas (first halves) in which a tariff's uplift for rural and very rural places applies.
    "payments.rural_areas": {"rural": [], "very_rural": []},
    # First day of the council's financial year, month and day.
    "payments.year_starts": "04-01",
    # Hours before a visit until which cancelling costs nothing.
    "bookings.free_cancellation_hours": 24,
    # Weeks ahead for which the visits of an agreement are written.
    "bookings.planned_weeks": 8,
    # Minutes a worker is held after a visit, to get to the next person.
    "bookings.travel_minutes": 10,
    # Minutes after the start without a word from the worker on which a visit counts as late, and as missed.
    "bookings.late_minutes": 15,
    "bookings.missed_minutes": 60,
    # Hours before a visit on which the person is told that nobody is confirmed yet.
    "bookings.no_worker_hours": 24,
    # Days of a person's silence after which they are reminded of a visit to approve.
    "bookings.remind_days": 3,
    # Weeks of the budget that people may keep in the account before a surplus is talked about (domain.md 4.2).
    "payments.surplus_weeks": 8,
    # Payments recorded by people above this are looked at even when a visit proves them.
    "payments.audit_threshold_pence": 50_000,
    # At most this many items of an account are asked about in one audit.
    "payments.audit_sample": 10,
    # Days in which a person is to answer them (domain.md 4.2).
    "payments.audit_answer_days": 28,
    # Card refunds above this need a second person.
    "payments.refund_limit_pence": 10_000,
    # Weeks between two payments of the council's share.
    "payments.pay_every_weeks": 4,
    # Days before a document of an employer ends on which the person is warned.
    "bookings.duty_warning_days": [30, 14, 3],
    # What a company needs on top of the least lawful cost to run its service, in per cent; below it a price is thin.
    "bookings.running_cost_percent": 15,
    # Which drafts the council checks before they are on the market: "first" (an organisation's new listings; changes
    # go live at once), "always", "never".
    "providers.listing_check": "first",
    # Days after which a provider is asked whether a listing is still right, and after which it is hidden.
    "providers.stale_days": {"remind": 90, "hide": 120},
    # Days before evidence ends on which its owner is reminded (V4).
    "providers.evidence_reminder_days": [30, 14, 0],
    # Evaluators who score an application, each for themselves (C1).
    "providers.evaluators": 2,
    # Scores of one answer this far apart must be talked over with a reason when they are moderated.
    "providers.scores_apart": 2,
    # Days in which an applicant may appeal, from the day of the decision (V5).
    "providers.appeal_days": 20,
    # Days in which a provider may reply to a suspension or removal (C2).
    "providers.reply_days": 10,
    # Days in which an offered agreement is to be signed.
    "providers.signing_days": 30,
    # Trading that the usual route to a personal assistant's approval asks for, in months (domain.md 4.3).
    "providers.pa_trading_months": 6,
    # Days before a personal assistant's year ends on which they are reminded.
    "providers.pa_reminder_days": [60, 30, 14],
    # Days after the end of a quarter on which monitoring returns are due (B16).
    "quality.return_days": 30,
    # A search with fewer results than this counts as unmet need.
    "providers.few_results": 3,
    # Whether feedback is looked at before it is published.
    "quality.check_feedback": True,
    # Counts from 1 up to below this are shown as "fewer than" it.
    "reporting.least_shown": 5,
}


async def setting(db: AsyncSession, council_id: UUID, key: str, on: date) -> Any:
    """Return a setting as it stands on a day: the council's newest row up to that day, else the default.

    Raises:
        KeyError: No such setting.
    """
    row = await db.scalar(
        select(CouncilSetting)
        .where(CouncilSetting.council_id == council_id, CouncilSetting.key == key, CouncilSetting.starts_on <= on)
        .order_by(CouncilSetting.starts_on.desc())
        .limit(1)
    )
    return row.value["value"] if row else DEFAULTS[key]


async def setting_by_day(db: AsyncSession, council_id: UUID, key: str) -> Callable[[date], Any]:
    """Return what a setting is on each day: for rules that keep to the day on which something began.

    Raises:
        KeyError: No such setting.
    """
    usual = DEFAULTS[key]
    rows = await db.scalars(
        select(CouncilSetting)
        .where(CouncilSetting.council_id == council_id, CouncilSetting.key == key)
        .order_by(CouncilSetting.starts_on.desc())
    )
    known = [(row.starts_on, row.value["value"]) for row in rows]

    def on(day: date) -> Any:
        return next((value for starts_on, value in known if starts_on <= day), usual)

    return on


async def setting_days(db: AsyncSession, council_id: UUID, key: str) -> list[date]:
    """Return the days from which a council's values of a setting count, the earliest first."""
    rows = await db.scalars(
        select(CouncilSetting.starts_on)
        .where(CouncilSetting.council_id == council_id, CouncilSetting.key == key)
        .order_by(CouncilSetting.starts_on)
    )
    return list(rows)


async def settings_of(db: AsyncSession, council_id: UUID, on: date) -> dict[str, Any]:
    """Return all settings of a council on a day."""
    rows = await db.scalars(
        select(CouncilSetting)
        .where(CouncilSetting.council_id == council_id, CouncilSetting.starts_on <= on)
        .order_by(CouncilSetting.starts_on)
    )
    return {**DEFAULTS, **{row.key: row.value["value"] for row in rows}}


async def set_setting(
    db: AsyncSession,
    principal: Principal | None,
    council_id: UUID,
    key: str,
    value: Any,
    *,
    starts_on: date,
    source: str = "",
) -> None:
    """Set a council's setting from a day on; the earlier value keeps its days."""
    if key not in DEFAULTS:
        raise KeyError(key)
    row = CouncilSetting(
        council_id=council_id,
        key=key,
        value={"value": value},
        starts_on=starts_on,
        source=source,
        set_by_user_id=principal.user_id if principal else None,
        set_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    audit.record(
        db,
        principal,
        "accounts.set_setting",
        council_id=council_id,
        subject_kind="council_setting",
        subject_id=row.id,
        after={"key": key, "value": value, "starts_on": starts_on},
        why=source,
    )
