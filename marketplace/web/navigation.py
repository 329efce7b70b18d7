"""The menu of each role: its tasks, in the order people do them."""

from functools import lru_cache

from marketplace.accounts import Permission, Principal, Role
from marketplace.accounts.permissions import Scope, granted

PUBLIC = (("Find support", "/market"), ("How it works", "/how-it-works"), ("For providers", "/join"))

TASKS: tuple[tuple[Permission, str, str], ...] = (
    (Permission.REFERRALS_READ, "Referrals", "/referrals"),
    (Permission.MATCH_READ, "Matching", "/matching"),
    (Permission.REQUIREMENTS_READ, "Care", "/requirements"),
    (Permission.PEOPLE_READ, "People", "/people"),
    (Permission.OFFERS_ANSWER, "Offers", "/offers"),
    (Permission.PLANS_WRITE, "Plans", "/plans"),
    (Permission.PLANS_READ, "Plans", "/plans"),
    (Permission.PROFILE_OWN, "My profile", "/profile"),
    (Permission.PLANS_AGREE, "My plan", "/my-plan"),
    (Permission.CONTESTS_OWN, "My match", "/my-match"),
    (Permission.REVIEWS_READ, "Reviews", "/reviews"),
    (Permission.SETUPS_DECIDE, "Direct payments to set up", "/direct-payment-setups"),
    (Permission.SAVED_OWN, "Shortlists", "/shortlists"),
    (Permission.ENQUIRIES_OWN, "Questions", "/enquiries"),
    (Permission.BOOKINGS_OWN, "My bookings", "/bookings"),
    (Permission.MONEY_OWN, "My money", "/money"),
    # A provider's day: answer visits and questions, keep times and listings right, then papers and money.
    (Permission.BOOKINGS_ANSWER, "Bookings", "/provider/bookings"),
    (Permission.VISITS_DELIVER, "Today", "/today"),
    (Permission.ENQUIRIES_ANSWER, "Questions", "/provider/enquiries"),
    (Permission.REQUIREMENTS_ANSWER, "Requests", "/provider/requirements"),
    (Permission.CAPACITY_OWN, "Availability", "/availability"),
    (Permission.ORGANISATION_OWN, "Listings", "/provider/listings"),
    (Permission.FEEDBACK_REPLY, "Feedback", "/provider/feedback"),
    (Permission.ORGANISATION_OWN, "Organisation", "/provider/organisation"),
    (Permission.EARNINGS_OWN, "Earnings", "/earnings"),
    # An accreditor's: what waits for a look comes before what is looked up.
    (Permission.APPLICATIONS_READ, "Accreditation", "/accreditation"),
    (Permission.APPLICATIONS_SCORE, "Scoring", "/accreditation/scoring"),
    (Permission.LISTINGS_CHECK, "Listing checks", "/listing-checks"),
    (Permission.EVIDENCE_SEE, "Evidence", "/evidence"),
    (Permission.FEEDBACK_CHECK, "Feedback", "/feedback-checks"),
    (Permission.ENQUIRIES_READ, "Reported messages", "/reported-enquiries"),
    (Permission.CHOICES_RECORD, "Fair choice records", "/choice-records"),
    (Permission.ORGANISATIONS_READ, "Organisations", "/organisations"),
    (Permission.SYNONYMS_EDIT, "Search words", "/search-words"),
    (Permission.DEMAND_READ, "Unmet need", "/unmet-need"),
    (Permission.INVOICES_READ, "Finance", "/finance"),
    (Permission.INVOICES_READ, "Self-bills", "/self-bills"),
    (Permission.INVOICES_READ, "Payment runs", "/payment-runs"),
    (Permission.BOOKS_READ, "Books", "/books"),
    (Permission.EXCEPTIONS_DECIDE, "Paid relatives", "/family-exceptions"),
    (Permission.MONEY_ASKS_ANSWER, "Money requests", "/money-requests"),
    (Permission.BUDGETS_SET, "Direct payments", "/direct-payments"),
    (Permission.TARIFFS_READ, "Tariffs", "/tariffs"),
    (Permission.RAS_READ, "Points and budgets", "/ras"),
    (Permission.CLAIMS_DECIDE, "Claims", "/tariff-claims"),
    (Permission.CHALLENGES_ANSWER, "Budget challenges", "/budget-challenges"),
    (Permission.CHARGES_DECIDE, "Charges", "/charges"),
    (Permission.SETTINGS_READ, "Council settings", "/settings"),
    (Permission.AUDIT_READ, "Audit log", "/audit"),
    (Permission.OPERATIONS_READ, "Operations", "/operations"),
)
UNDER = {
    "/bookings": ("/agreements", "/calendar", "/back-ups", "/alert-contacts", "/approval-rule", "/activities"),
    "/provider/bookings": ("/shared-plans", "/provider/clients", "/provider/calendar", "/today", "/alerts"),
    "/evidence": ("/regulator-links",),
    "/accreditation": ("/monitoring", "/join-requests", "/organisations/enter", "/organisations/merges"),
    "/organisations": ("/accreditations",),
    "/matching": ("/contests",),
    "/direct-payments": ("/money-audits",),
    "/plans": ("/plan-of-the-month", "/plan-asks", "/approval-limits", "/panel-cases", "/early-starts"),
    "/finance": ("/payment-queries",),
    "/earnings": (
        "/provider/funds",
        "/provider/cards",
        "/provider/invoices",
        "/provider/self-billing",
        "/provider/vat",
    ),
    "/self-bills": ("/invoices", "/held-lines", "/self-billing", "/vat-treatments"),
    "/people": ("/contacts", "/exchange", "/incoming-cases", "/representations", "/employer-help", "/to-send"),
    "/my-plan": ("/my-shares", "/my-timeline", "/my-reviews", "/my-move"),
    "/profile": ("/representatives", "/acting", "/contact"),
    "/money": ("/employer", "/my-budget"),
    "/availability": ("/provider/care-hours",),
    "/payment-runs": (
        "/returned-payments",
        "/payment-compliance",
        "/late-interest",
        "/refunds",
        "/refunds-to-agree",
        "/card-reconciliation",
    ),
    "/books": ("/budget-teams", "/block-contracts", "/cost-codes"),
    "/enquiries": ("/talk",),
    "/provider/enquiries": ("/provider/talk",),
    "/reported-enquiries": ("/reported-talk",),
    "/provider/organisation": (
        "/provider/evidence",
        "/provider/standing",
        "/provider/applications",
        "/provider/agreements",
        "/provider/workers",
        "/provider/nominations",
        "/provider/pa-approval",
        "/provider/passport",
        "/provider/monitoring",
        "/provider/people",
        "/provider/details",
    ),
}
"""Pages elsewhere that belong to an entry: links to the regulator's register are evidence, too."""
SELDOM = {
    "/reported-enquiries": "Threads that one side reported",
    "/direct-payment-setups": "Conditions, terms and start of direct payments; payments before the sign-off",
    "/choice-records": "Result lists kept as evidence of fair choice",
    "/search-words": "Words that mean the same, for the search",
    "/unmet-need": "What people looked for and did not find",
    "/finance": "What waits, what is owed and what was spent",
    "/self-bills": "What providers are paid for, approved before each run",
    "/family-exceptions": "Whether a direct payment may pay a relative in the same home",
    "/money-requests": "People who ask for more in their direct payment",
    "/payment-runs": "Payments that go to the bank together",
    "/books": "What teams spend, block contracts, journals for the finance system",
    "/tariffs": "Rates and limits of the council",
    "/ras": "What points are worth, and whether it is affordable",
    "/tariff-claims": "Work that suppliers claim beside plans and visits",
    "/budget-challenges": "People who say that their budget is not right",
    "/charges": "What people pay towards their support",
    "/settings": "Times, limits and rules that the council decides for itself",
    "/audit": "Who did what and when",
}
"""Entries that stand on a page of their own, each with a hint, where the menu would need a second line."""
RATHER_SELDOM = {
    "/accreditation/scoring": "Applications that you score",
    "/provider/feedback": "What people said, and your replies",
    "/shortlists": "Offers kept and shared",
    "/organisations": "Who is accredited, and for what",
}
"""These follow them there, one after the other, until the rest fits."""
HINTS = SELDOM | RATHER_SELDOM
MORE = ("More", "/more")
WIDTH_PX = 1100
"""Room for the menu on a screen of 1,280 pixels: the page's width in app.scss."""
LETTER_PX = 9.5
"""A letter in the menu takes 9.0 to 9.4 pixels on average, measured in Chromium; the entry in bold takes more."""
GAP_PX = 30
CHOOSING = (Permission.SAVED_OWN, Permission.CHOICES_RECORD)
"""Who looks for support, for themselves or others, finds the search first in the menu; others find it last."""


def entries(principal: Principal) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the menu of somebody as (text, address), and what did not fit on its line and stands on `/more`."""
    return _menu(principal.role, principal.scopes)


@lru_cache(maxsize=256)
def _menu(role: Role, scopes: frozenset[Scope] | None) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    may = granted(role, scopes)
    search = ("Find support", "/market")
    is_choosing = not may.isdisjoint(CHOOSING)
    items = [("Home", "/home"), search] if is_choosing else [("Home", "/home")]
    for permission, text, address in TASKS:
        # Who sees all of accreditation finds what they score there.
        is_inside = any(address.startswith(f"{other}/") or address in UNDER.get(other, ()) for _, other in items)
        if permission in may and not is_inside and all(address != other for _, other in items):
            items.append((text, address))
    if not is_choosing:
        items.append(search)
    if width_px(items) <= WIDTH_PX:
        return items, []
    folded = list(SELDOM)
    following = iter(RATHER_SELDOM)
    while True:
        kept = [*(item for item in items if item[1] not in folded), MORE]
        if width_px(kept) <= WIDTH_PX or (more := next(following, None)) is None:
            return kept, [item for item in items if item[1] in folded]
        folded.append(more)


def width_px(items: list[tuple[str, str]]) -> float:
    """Estimate how wide a menu is."""
    return sum(len(text) * LETTER_PX for text, _ in items) + GAP_PX * (len(items) - 1)


def navigation(principal: Principal | None, path: str) -> list[tuple[str, str, bool]]:
    """Return menu items as (text, address, whether the page belongs to it)."""
    above = _above(path)
    if principal is None:
        return [(text, address, _belongs(above, address)) for text, address in PUBLIC]
    items, folded = entries(principal)
    is_folded = any(_belongs(above, address) for _, address in folded)
    return [(text, address, _belongs(above, address) or (address == MORE[1] and is_folded)) for text, address in items]


INNER: dict[str, frozenset[str]] = {
    one: frozenset(key for key, others in UNDER.items() if one in others) for others in UNDER.values() for one in others
}
"""Entries that a page elsewhere belongs to, by its address."""


def _above(path: str) -> frozenset[str]:
    """Return a path and every path above it: "/a/b/c" gives "/a/b/c", "/a/b", "/a"."""
    ends = [place for place, letter in enumerate(path) if letter == "/" and place]
    return frozenset((path, *(path[:end] for end in ends)))


def _belongs(above: frozenset[str], address: str) -> bool:
    if address in INNER:
        return address in above  # An entry of its own for those who have no other.
    inside = [one for one in above if one in INNER]
    if any(INNER[one] - {address} for one in inside):
        return False  # It belongs to another entry, though its address begins as this one's.
    return address in above or any(address in INNER[one] for one in inside)
