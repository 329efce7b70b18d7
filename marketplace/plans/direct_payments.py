"""The conditions and terms of a direct payment, in words for the council and for the person (Care Act ss.31, 32)."""

from datetime import date, timedelta

import msgspec

from marketplace.accounts.permissions import NEEDS_PAPERS, RepresentativeKind
from marketplace.core.formats import pounds
from marketplace.people.models import Holding
from marketplace.plans.dates import add_months
from marketplace.plans.models import Frequency, ManagedBy


class Condition(msgspec.Struct, frozen=True):
    """One condition: what the council asks, and what it tells the person."""

    key: str
    title: str
    to_person: str


WITH_CAPACITY: tuple[Condition, ...] = (
    Condition(
        "asked",
        "The person has capacity to ask for a direct payment, and asked; a nominee agrees to receive it",
        "You asked for it. If you chose somebody to receive it, they said yes.",
    ),
    Condition(
        "not_prohibited",
        "Nothing in the regulations keeps the council from paying this person or the nominee",
        "No rule stops the council from paying you.",
    ),
    Condition(
        "can_manage",
        "The person or the nominee can manage the payment, alone or with the help they have",
        "You can look after the money, alone or with help.",
    ),
    Condition(
        "appropriate",
        "A direct payment is an appropriate way to meet these needs",
        "It is a good way to get the support you need.",
    ),
)
"""Section 31: the council must pay where all are met."""
WITHOUT_CAPACITY: tuple[Condition, ...] = (
    Condition(
        "supported",
        "The authorised person asks; where somebody else is authorised under the Mental Capacity Act, they support it",
        "The person who acts for you asked for it.",
    ),
    Condition(
        "not_prohibited",
        "Nothing in the regulations keeps the council from paying for this person or the authorised person",
        "No rule stops the council from paying.",
    ),
    Condition(
        "best_interests",
        "The authorised person will act in the person’s best interests when they arrange the support",
        "The person who acts for you does what is best for you.",
    ),
    Condition(
        "can_manage",
        "The authorised person can manage the payment, alone or with the help they have",
        "They can look after the money, alone or with help.",
    ),
    Condition(
        "appropriate",
        "A direct payment is an appropriate way to meet these needs",
        "It is a good way to get the support you need.",
    ),
)
"""Section 32: five conditions for somebody who lacks capacity to ask."""

TERMS_VERSION = "2027-1"
TERMS: tuple[str, ...] = (
    "The money is for the needs in your plan, and for nothing else.",
    "Keep it apart from your other money, or let the council hold it.",
    "Keep a note of what you pay, and the receipts. The council looks at them at times.",
    "It must not pay your partner, or a close relative in your home, unless the council agreed.",
    "Tell the council when your needs change, when you go to hospital, or when you cannot manage it any more.",
    "You can stop it at any time. The council then arranges your support.",
    "The council stops it when you no longer meet the rules. It tells you why and from when on.",
)
"""What the person agrees to (section 4.2 of the domain notes; regulations 3 and 6 to 8)."""

MANAGED_LABELS = {
    ManagedBy.SELF: "The person, alone or with help",
    ManagedBy.NOMINEE: "A nominee whom the person chose",
    ManagedBy.AUTHORISED: "An authorised person, because the person lacks capacity",
}
HOLDINGS = {
    Holding.COUNCIL_HELD: "The council holds the money and pays what the person approves",
    Holding.OWN_ACCOUNT: "The person’s own bank account",
    Holding.PREPAID_CARD: "A prepaid card",
    Holding.PROVIDER_MANAGED: "An organisation holds it for the person (Individual Service Fund)",
}
HOLDINGS_TO_PERSON = {
    Holding.COUNCIL_HELD: "The council. It pays what you approve",
    Holding.OWN_ACCOUNT: "You, in your own bank account",
    Holding.PREPAID_CARD: "You, on a prepaid card",
}
"""Words for the person; where an organisation holds it, its name is said."""
FREQUENCIES = {
    Frequency.WEEKLY: "Every week",
    Frequency.FOUR_WEEKLY: "Every four weeks",
    Frequency.MONTHLY: "Every month",
    Frequency.ONCE: "Once only",
}
"""What the schedule of a budget can pay. Other rhythms, such as every quarter, it cannot."""
WEEKS = {Frequency.WEEKLY: 1, Frequency.FOUR_WEEKLY: 4}
USUAL_MONTH = timedelta(days=30)
"""What a month counts as while its first day is not known."""


def first_payment(frequency: Frequency, weekly_pence: int, own_pence: int, starts_on: date | None) -> int:
    """Return what the council pays the first time, pence, without what is paid once.

    Args:
        frequency: How often it pays.
        weekly_pence: How much of the budget goes this way, a week.
        own_pence: The person's own share of that, a week.
        starts_on: First day; a month is as long as the one that begins then.
    """
    if frequency is Frequency.ONCE:
        return 0
    if frequency is not Frequency.MONTHLY:
        return (weekly_pence - own_pence) * WEEKS[frequency]
    days = (USUAL_MONTH if starts_on is None else add_months(starts_on, 1) - starts_on).days
    return weekly_pence * days // 7 - own_pence * days // 7


def pays_words(frequency: Frequency, amount_pence: int, once_pence: int) -> str:
    """Say what the council pays and how often: "£461.52 every four weeks, and £300.00 once"."""
    if frequency is Frequency.ONCE:
        return f"{pounds(once_pence)}, once"
    words = f"{pounds(amount_pence)} {FREQUENCIES[frequency].lower()}"
    if frequency is Frequency.MONTHLY:
        words = f"{pounds(amount_pence)} for the first month, then each month by its days"
    return f"{words}, and {pounds(once_pence)} once" if once_pence else words


def conditions_for(has_capacity: bool) -> tuple[Condition, ...]:
    """Return the conditions that count for a person."""
    return WITH_CAPACITY if has_capacity else WITHOUT_CAPACITY


def may_manage(managed_by: ManagedBy, kind: RepresentativeKind) -> bool:
    """Whether somebody who acts for a person as `kind` may receive the payment for them.

    A nominee is the choice of a person with capacity. For a person without, papers show that somebody is authorised.
    """
    if managed_by is ManagedBy.AUTHORISED:
        return kind in NEEDS_PAPERS
    return managed_by is ManagedBy.NOMINEE and kind is not RepresentativeKind.HELPER
