"""Every setting with what it is, who feels it, and what it may be: the pages and their checks come from this table."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from marketplace.accounts.council_settings.kinds import (
    Choice,
    DaysBefore,
    Factors,
    Kind,
    Lines,
    Parts,
    Pounds,
    Text,
    Whole,
    YesNo,
    rising,
)
from marketplace.accounts.permissions import Permission


class Entry(NamedTuple):
    """A setting as its page explains it."""

    name: str
    """Begins a sentence without an article, and reads well after "the"."""
    about: str
    """What it does and who feels it."""
    kind: Kind


class OwnPage(NamedTuple):
    """A setting that a page of its own changes."""

    name: str
    about: str
    address: str
    permission: Permission
    """Who may open it."""


def days(least: int, most: int) -> Whole:
    """A number of days."""
    return Whole(least, most, "day")


PERCENT = Whole(0, 100, "%")
URGENCIES: Final = ("crisis", "urgent", "standard")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def by_urgency(most: int, one: str, words: str) -> Parts:
    """A time for each urgency; what is more urgent takes no longer."""
    labels = ("the time in a crisis", "the time when it is urgent", "the usual time")
    parts = {key: (label, Whole(1, most, one)) for key, label in zip(URGENCIES, labels, strict=True)}
    return Parts(parts, rising(*URGENCIES, words=words))


GROUPS: Final[Mapping[str, Mapping[str, Entry | OwnPage]]] = {
    "Referrals and matching": {
        "matching.plan_days": Entry(
            "Time to complete a plan",
            "From the referral to a finished plan, by urgency. Referrals that come in later are due by it.",
            by_urgency(180, "day", "What is more urgent must not take longer"),
        ),
        "matching.offer_hours": Entry(
            "Time to answer an offer",
            "Working hours that a planner has to say yes or no. Then the referral goes to the next one.",
            Whole(1, 240, "working hour"),
        ),
        "matching.plans_per_week": Entry(
            "Plans that a full-time planner completes in a week",
            "How many places a full-time planner has each week. Part-time planners have their share of it.",
            Whole(1, 20, "plan"),
        ),
        "matching.horizon_weeks": Entry(
            "Weeks ahead in which a place may be",
            "Matching looks for a planner’s free place no further ahead than this.",
            Whole(1, 26, "week"),
        ),
        "matching.retain_complex": Entry(
            "Rule that the council plans complex cases itself",
            "With “yes”, complex cases are kept by the council’s own workers and are not offered to planners.",
            YesNo(),
        ),
        "matching.weights": OwnPage(
            "Weights of the score",
            "What counts how much when planners are ranked.",
            "/matching/weights",
            Permission.MATCH_READ,
        ),
        "matching.road_factor": Entry(
            "Factor of roads against straight lines",
            "Travel is worked out from the straight line between two postcodes, times this factor.",
            Factors(),
        ),
        "matching.most_travel_minutes": Entry(
            "Longest journey of a planner",
            "Planners further away than this are not ranked.",
            Whole(5, 300, "minute", none_words="No limit"),
        ),
        "matching.planner_sells_care": Entry(
            "Rule for planners whose organisation sells home care",
            "Whether they may plan for people. Who plans should have nothing to gain from what is planned.",
            Choice(
                {
                    "no": "They may not plan for anybody",
                    "not_for_own_customers": "They may plan, but not for people who buy care from them",
                    "yes": "They may plan for anybody",
                }
            ),
        ),
        "matching.contest_days": Entry(
            "Time to answer a person who contests a match",
            "Who thinks that a match is not right gets an answer within this time.",
            days(1, 60),
        ),
        "matching.share_cap_percent": Entry(
            "Largest share of one organisation",
            "Proposals for the waiting list give one organisation no more than this share of the placed referrals.",
            Whole(1, 100, "%", none_words="No cap"),
        ),
        "matching.crisis_reserve_percent": Entry(
            "Share of places kept free for a crisis",
            "Of the week’s places, in proposals for the waiting list.",
            PERCENT,
        ),
        "matching.requirement_hours": Entry(
            "Time to answer a request for care",
            "Working hours that providers have to say what they can offer, by urgency.",
            by_urgency(240, "working hour", "What is more urgent must not take longer"),
        ),
        "matching.employer_cost_percent": Entry(
            "Cost of an hour on top of the wage",
            "National Insurance, pension, holiday and training. It is part of the lowest lawful price of care.",
            PERCENT,
        ),
        "matching.travel_minutes_per_visit": Entry(
            "Paid travel and waiting for each visit",
            "Part of the lowest lawful price of care.",
            Whole(0, 120, "minute"),
        ),
        "matching.raise_limit_pence": Entry(
            "Amount by which a broker may raise a ceiling",
            "A broker may raise what a request may cost a week by this much. More needs a manager.",
            Pounds(most=1_000_000),
        ),
    },
    "Plans and reviews": {
        "plans.first_review_days": Entry(
            "Time of the first review",
            "Counted from the day on which the plan is in place.",
            Parts(
                {
                    "from": ("the first day", days(7, 365)),
                    "due": ("the day it is due", days(7, 365)),
                    "until": ("the last day", days(7, 365)),
                },
                rising("from", "due", "until", words="The days must follow one another"),
            ),
        ),
        "plans.review_warning_day": Entry(
            "Day after which a first review counts as late",
            "Who books a first review for a later day is told of it. National guidance says six to eight weeks.",
            days(7, 365),
        ),
        "plans.annual_reviews_by": Entry(
            "Organiser of yearly reviews",
            "Who holds the reviews after the first one.",
            Choice({"planner": "The person’s planner", "council": "The council"}),
        ),
        "plans.direct_payment_review_months": Entry(
            "Time between looks at a direct payment",
            "The law asks for a first look within six months and then one a year.",
            Parts(
                {
                    "first": ("the months to the first look", Whole(1, 6, "month")),
                    "then": ("the months to each look after that", Whole(1, 12, "month")),
                }
            ),
        ),
        "plans.helper_days": Entry(
            "Time for which a helper may work on a plan", "Unless the person chooses another time.", days(1, 365)
        ),
        "plans.share_days": Entry(
            "Time for which an organisation may read what was shared with it",
            "Unless the person chooses another time.",
            days(1, 365),
        ),
        "plans.early_start": Entry(
            "Start of a direct payment before the sign-off",
            "Whether a payment may start before the plan is signed off, and by when it is then signed.",
            Parts(
                {
                    "allowed": ("whether a payment may start early", YesNo()),
                    "days": ("the days until the plan is signed off", days(7, 120)),
                }
            ),
        ),
        "plans.early_start_alert_days": Entry(
            "Reminders before that deadline",
            "The person, the planner and the manager are told on these days before the plan must be signed off.",
            DaysBefore(most=120),
        ),
        "plans.risk_panel": Entry(
            "Use of a risk panel", "With “yes”, a plan with risks may go to several people who weigh them.", YesNo()
        ),
        "plans.quality_criteria": Entry(
            "Questions of the quality check",
            "A plan passes when its checker says yes to each. Checks that are done keep their questions.",
            Lines(15),
        ),
    },
    "People and budgets": {
        "people.first_contact_percent": Entry(
            "Share of contacts that the front door should resolve",
            "The target beside the council’s real figure.",
            PERCENT,
        ),
        "people.first_contact": Entry(
            "Team that calls back",
            "Who hears of people who ask online for a call. Without an address, every social worker does.",
            Parts(
                {
                    "address": ("the team’s e-mail address", Text("email")),
                    "team": ("the team’s name", Text(longest=60)),
                }
            ),
        ),
        "people.repeat_weeks": Entry(
            "Time in which another contact is a repeat",
            "Another contact about the same within this time counts as a repeat in the figures.",
            Whole(1, 52, "week"),
        ),
        "people.three_stages": Entry(
            "Rule of the three stages",
            "With “yes”, help to help oneself and short-term support come before long-term support. "
            "It then holds everybody whose stages nobody has written down yet.",
            YesNo(),
        ),
        "people.challenge_days": Entry(
            "Time to answer a challenge to a budget",
            "Who says that a budget is not right gets an answer within this time. Their page tells them.",
            Whole(1, 60, "working day"),
        ),
        "people.ras_alarms": Entry(
            "Alarms of points and budgets",
            "When the monthly look raises an alarm.",
            Parts(
                {
                    "committed": ("the share of the money that is committed", Whole(1, 200, "%")),
                    "protection": ("the share of the protection pot that is used", Whole(1, 200, "%")),
                    "variance": ("the difference between advised and final budgets", Whole(1, 200, "%")),
                }
            ),
        ),
        "people.protection_review_months": Entry(
            "Time until a protected sum is looked at again",
            "From the day on which it was protected.",
            Whole(1, 36, "month"),
        ),
        "people.carers": Entry(
            "Support for carers",
            "When a carer’s first stage leads to a second, and what every carer is told of.",
            Parts(
                {
                    "trigger_points": ("the points from which there is a second stage", Whole(1, 100, "point")),
                    "offers": ("the offers to every carer", Lines(10)),
                }
            ),
        ),
    },
    "Payments": {
        "payments.terms_days": Entry(
            "Time to pay a bill",
            "From its day to the payment. Public bodies pay within 30 days. Bills that are there keep their day.",
            days(1, 30),
        ),
        "payments.pay_every_weeks": Entry(
            "Weeks between two payments of a direct payment",
            "For budgets that begin from that day on and have no rhythm of their own.",
            Whole(1, 13, "week"),
        ),
        "payments.surplus_weeks": Entry(
            "Weeks of the budget that people may keep",
            "More than this in the account is talked about with the person.",
            Whole(1, 52, "week"),
        ),
        "payments.audit_threshold_pence": Entry(
            "Payment that is always looked at",
            "A payment above it is asked about in an audit, even when a visit proves it.",
            Pounds(),
        ),
        "payments.audit_sample": Entry(
            "Items that one audit asks about", "At most this many of an account.", Whole(1, 50, "item")
        ),
        "payments.audit_answer_days": Entry(
            "Time for a person to answer an audit", "From the day on which they are asked.", days(7, 90)
        ),
        "payments.refund_limit_pence": Entry(
            "Card refund that needs a second person", "Refunds above it wait for another person’s yes.", Pounds()
        ),
        "payments.large_payment_pence": Entry(
            "Payment that is marked in a payment run", "To one payee, above this amount.", Pounds()
        ),
        "payments.run_lines": Entry("Payments in one run", "At most this many.", Whole(1, 10_000, "payment")),
        "payments.run_ahead_days": Entry(
            "Days ahead that a payment run looks", "It proposes what is due up to then.", days(0, 60)
        ),
        "payments.cooling_off_days": Entry(
            "Wait of new bank details",
            "Whole days between the check of new bank details and the first payment to them.",
            days(0, 30),
        ),
        "payments.call_back": Entry(
            "Call about new bank details",
            "With “yes”, finance calls a number it knew before. Without a call, false details are paid more easily.",
            YesNo(),
        ),
        "payments.tolerance_minutes": Entry(
            "Difference in minutes that is let pass",
            "Between a supplier’s line and the approved visit.",
            Whole(0, 60, "minute"),
        ),
        "payments.tolerance_pence": Entry(
            "Difference in money that is let pass",
            "Between a supplier’s line and the approved visit.",
            Pounds(most=10_000),
        ),
        "payments.answer_days": Entry(
            "Time to answer a supplier’s question",
            "Finance answers what suppliers ask about bills and payments within this time.",
            Whole(1, 30, "working day"),
        ),
        "payments.buyer_reference": Entry(
            "Buyer’s reference", "Stands on bills that have none of their own.", Text(longest=50, required=True)
        ),
        "payments.council_details": Entry(
            "Council’s details on bills",
            "How documents of finance name the council.",
            Parts(
                {
                    "address_line": ("the address", Text(longest=100)),
                    "town": ("the town", Text(longest=60)),
                    "postcode": ("the postcode", Text("postcode")),
                    "vat_number": ("the VAT number", Text("vat")),
                }
            ),
        ),
        "payments.self_billing_months": Entry(
            "Length of a self-billing agreement",
            "Agreements that are offered later run so long.",
            Whole(1, 60, "month"),
        ),
        "payments.first_review_earns": Entry(
            "Payment for the first review",
            "With “yes”, the review some weeks after the plan is paid as one. With “no”, the plan’s price holds it.",
            YesNo(),
        ),
        "payments.rural_areas": OwnPage(
            "Rural areas",
            "Where a price list pays more for rural places.",
            "/tariffs/rural-areas",
            Permission.TARIFFS_READ,
        ),
        "payments.year_starts": Entry(
            "First day of the financial year",
            "Books, promises and reports count by it.",
            Choice({f"{month:02d}-01": f"1 {name}" for month, name in enumerate(MONTHS, start=1)}),
        ),
        "payments.legal_wage_pence": Entry(
            "Lowest wage that prices are held against",
            "An hourly wage above the law’s, where the council asks for more.",
            Pounds(least=100, most=10_000, none_words="the law’s own"),
        ),
    },
    "Bookings and visits": {
        "bookings.free_cancellation_hours": Entry(
            "Time until which cancelling is free",
            "Who cancels a visit later pays as the terms say.",
            Whole(0, 336, "hour"),
        ),
        "bookings.planned_weeks": Entry(
            "Weeks ahead for which visits are planned",
            "An agreement’s visits stand in the calendar so far ahead.",
            Whole(2, 26, "week"),
        ),
        "bookings.travel_minutes": Entry(
            "Time that a worker needs to get to the next visit",
            "Nobody can book a worker in it. Visits that are planned keep theirs.",
            Whole(0, 120, "minute"),
        ),
        "bookings.late_minutes": Entry(
            "Time after which a visit counts as late",
            "Minutes after the start without a word from the worker. The person and who they chose are told.",
            Whole(1, 240, "minute"),
        ),
        "bookings.missed_minutes": Entry(
            "Time after which a visit counts as missed",
            "Minutes after the start without a word from the worker.",
            Whole(1, 480, "minute"),
        ),
        "bookings.no_worker_hours": Entry(
            "Time before a visit at which the person hears that nobody is confirmed",
            "They can then ask somebody on their own list.",
            Whole(1, 168, "hour"),
        ),
        "bookings.remind_days": Entry(
            "Time until a person is reminded to approve a visit", "From the visit on.", days(1, 28)
        ),
        "bookings.duty_warning_days": Entry(
            "Reminders before an employer’s document ends",
            "The person who employs is told on these days.",
            DaysBefore(),
        ),
        "bookings.running_cost_percent": Entry(
            "Cost of running a service",
            "What a company needs on top of the lowest lawful cost. A price below it is marked as thin.",
            PERCENT,
        ),
    },
    "Market and providers": {
        "providers.listing_check": Entry(
            "Check of listings",
            "Which drafts the council looks at before they are on the market.",
            Choice({"first": "New listings (changes go live at once)", "always": "All of them", "never": "None"}),
        ),
        "providers.stale_days": Entry(
            "Age at which a listing is stale",
            "The provider is asked whether it is still right. Then it is hidden.",
            Parts(
                {
                    "remind": ("the days until the provider is asked", days(7, 730)),
                    "hide": ("the days until it is hidden", days(8, 730)),
                },
                rising("remind", "hide", words="It must be hidden later than the provider is asked"),
            ),
        ),
        "providers.evidence_reminder_days": Entry(
            "Reminders before evidence ends", "Its owner is told on these days.", DaysBefore()
        ),
        "providers.evaluators": Entry(
            "People who score an application", "Each for themselves.", Whole(1, 9, "person", "people")
        ),
        "providers.scores_apart": Entry(
            "Difference of scores that must be talked over", "Between two who score one answer.", Whole(1, 10, "point")
        ),
        "providers.appeal_days": Entry("Time to appeal", "From the day of the decision.", days(1, 90)),
        "providers.reply_days": Entry(
            "Time to reply to a suspension or removal", "For the provider, before it counts.", days(1, 90)
        ),
        "providers.signing_days": Entry("Time to sign an agreement", "From the day of the offer.", days(1, 180)),
        "providers.pa_trading_months": Entry(
            "Trading that a personal assistant needs for the usual approval",
            "Who has worked for less time takes the starter route.",
            Whole(0, 60, "month"),
        ),
        "providers.pa_reminder_days": Entry(
            "Reminders before a personal assistant’s year ends", "They are told on these days.", DaysBefore()
        ),
        "providers.few_results": Entry(
            "Number of results that are too few",
            "A search with fewer counts as unmet need. It is counted without personal data.",
            Whole(1, 20, "result"),
        ),
    },
    "Quality and figures": {
        "quality.return_days": Entry("Time for monitoring returns", "From the end of a quarter.", days(1, 90)),
        "quality.check_feedback": Entry(
            "Look at feedback before it is published",
            "With “yes”, somebody of the council reads it first.",
            YesNo(),
        ),
        "reporting.least_shown": Entry(
            "Smallest number that figures show",
            "Numbers below it are shown as “fewer than”, so that nobody can be known by them.",
            Whole(3, 50),
        ),
    },
}

ENTRIES: Final[Mapping[str, Entry | OwnPage]] = {
    key: entry for group in GROUPS.values() for key, entry in group.items()
}

BELOW: Final = (("bookings.late_minutes", "bookings.missed_minutes", "A visit is late before it counts as missed"),)
"""Settings of which the first stays below the second, and what is said when it would not."""


def words_of(key: str, value: Any) -> str:
    """Put the value of a setting into words."""
    entry = ENTRIES[key]
    return "" if isinstance(entry, OwnPage) else entry.kind.words(value)
