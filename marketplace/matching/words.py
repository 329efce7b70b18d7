"""How matching writes its states and codes for people."""

from datetime import date

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, SKILLS, Gender
from marketplace.core.formats import uk_date
from marketplace.matching.engine import Part, Rule
from marketplace.matching.models import Complexity, ConflictKind, HeardHow, ReferralSource, Urgency, WeightPurpose
from marketplace.matching.states import ContestStatus, OfferStatus, ReferralStatus
from marketplace.providers.models import ServiceLine

URGENCY_LABELS: dict[Urgency, str] = {
    Urgency.CRISIS: "Crisis",
    Urgency.URGENT: "Urgent",
    Urgency.STANDARD: "Standard",
}
COMPLEXITY_LABELS: dict[Complexity, str] = {
    Complexity.STANDARD: "A planner of the network can do this",
    Complexity.COMPLEX: "Very complex: it needs a council worker",
}
SOURCE_LABELS: dict[ReferralSource, str] = {
    ReferralSource.FRONTLINE: "Adult social care team",
    ReferralSource.ACTIVE_INTERVENTION: "Active intervention and safeguarding team",
    ReferralSource.REABLEMENT: "Reablement team",
    ReferralSource.SELF: "The person, or somebody for them",
}
STATUS_LABELS: dict[ReferralStatus, str] = {
    ReferralStatus.RECEIVED: "Waiting",
    ReferralStatus.INCOMPLETE: "Incomplete",
    ReferralStatus.RETAINED: "Kept by the council",
    ReferralStatus.SELF_PLANNED: "Planned by the person",
    ReferralStatus.OFFERED: "With a planner",
    ReferralStatus.MATCHED: "Planned",
    ReferralStatus.CLOSED: "Closed",
}
OFFER_LABELS: dict[OfferStatus, str] = {
    OfferStatus.OFFERED: "Waiting for an answer",
    OfferStatus.ACCEPTED: "Accepted",
    OfferStatus.DECLINED: "Declined",
    OfferStatus.WITHDRAWN: "Taken back",
    OfferStatus.LAPSED: "Not answered in time",
}
HEARD_LABELS: dict[HeardHow, str] = {
    HeardHow.ONLINE: "They wrote it here",
    HeardHow.TELEPHONE: "On the telephone",
    HeardHow.IN_PERSON: "In person",
    HeardHow.REPRESENTATIVE: "Through somebody who speaks for them",
    HeardHow.ADVOCATE: "Through an advocate",
}
CONFLICT_LABELS: dict[ConflictKind, str] = {
    ConflictKind.SELLS_CARE: "Sells the person’s care",
    ConflictKind.FAMILY: "Family or close friend",
    ConflictKind.EVALUATOR: "Decides about the person’s money or assessment",
    ConflictKind.OTHER: "Something else",
}
CONTEST_LABELS: dict[ContestStatus, str] = {
    ContestStatus.OPEN: "Waits for an answer",
    ContestStatus.UPHELD: "Decided again",
    ContestStatus.KEPT: "Decision stands",
    ContestStatus.WITHDRAWN: "Taken back by the person",
}
PURPOSE_LABELS: dict[WeightPurpose, str] = {
    WeightPurpose.PLANNING: "Finding a support planner",
    WeightPurpose.CARE: "Finding care by the hour",
    WeightPurpose.OFFERS: "Comparing offers of providers",
}
DECLINE_REASONS: dict[str, str] = {
    "no_time": "I have no time that week",
    "too_far": "It is too far",
    "not_my_skills": "I do not have the right skills",
    "conflict": "I have a conflict of interest",
    "other": "Something else",
}
PART_LABELS: dict[Part, str] = {
    Part.DISTANCE: "Distance",
    Part.SPECIALISM: "Experience with these needs",
    Part.INTERESTS: "Shared interests",
    Part.LANGUAGE: "Language the person also speaks",
    Part.CONTINUITY: "Somebody they know",
    Part.QUALITY: "Quality",
    Part.PRICE: "Price",
    Part.WAITING: "How soon",
    Part.SPARE_CAPACITY: "Spare places",
    Part.FAIR_SPREAD: "Fair spread of work",
    Part.URGENCY: "How soon, in an urgent case",
    Part.ORGANISATION_SPREAD: "Fair spread between organisations",
}
RULE_LABELS: dict[Rule, str] = {
    Rule.ACCREDITED_SERVICE: "Not accredited for support planning",
    Rule.ACCREDITED_COUNCIL: "Not accredited for this council, or not for long enough",
    Rule.WITHIN_AREA: "Too far away",
    Rule.WORKER_GENDER: "Not the gender the person asked for",
    Rule.ESSENTIAL_LANGUAGE: "Does not speak the essential language",
    Rule.REQUIRED_SKILL: "Does not have a required skill",
    Rule.NO_CONFLICT: "Conflict of interest",
    Rule.NOT_EXCLUDED: "Not wanted, or has said no",
    Rule.PERSONS_CHOICE: "The person has chosen somebody else",
    Rule.HAS_CAPACITY: "No free place soon enough",
    Rule.WITHIN_TRAVEL_TIME: "Too long on the way",
    Rule.REQUIRED_EQUIPMENT: "Does not have the equipment that is needed",
    Rule.HAS_PLACE: "Not enough places left",
    Rule.HAS_HOURS: "Not free at the times that are needed",
    Rule.COMPLEX_STAYS: "Stays with the council's own team",
}

FUNNEL_WORDS: dict[Rule, str] = {
    Rule.ACCREDITED_SERVICE: "not accredited for support planning",
    Rule.ACCREDITED_COUNCIL: "not accredited here, or not for long enough",
    Rule.WITHIN_AREA: "too far",
    Rule.WORKER_GENDER: "not the gender asked for",
    Rule.ESSENTIAL_LANGUAGE: "without the essential language",
    Rule.REQUIRED_SKILL: "without a required skill",
    Rule.NO_CONFLICT: "with a conflict of interest",
    Rule.NOT_EXCLUDED: "not wanted, or said no",
    Rule.PERSONS_CHOICE: "not the person’s choice",
    Rule.HAS_CAPACITY: "without a free place soon enough",
    Rule.WITHIN_TRAVEL_TIME: "too long on the way",
    Rule.REQUIRED_EQUIPMENT: "without the equipment",
    Rule.HAS_PLACE: "without enough places",
    Rule.HAS_HOURS: "not free at the times",
    Rule.COMPLEX_STAYS: "outside the council’s own team",
}
"""How the funnel counts who fell out at a rule: "40 too far"."""
PART_REASONS: dict[Part, str] = {
    Part.DISTANCE: "How far the planner has to travel. Next door brings all points, and they fall with every mile.",
    Part.SPECIALISM: "How many of the person’s needs the planner has worked with before.",
    Part.INTERESTS: "What both like to do, where both have said so.",
    Part.LANGUAGE: "A language besides English that the person speaks.",
    Part.CONTINUITY: "The planner has worked with the person before.",
    Part.QUALITY: "What people said after their plans. Who has no ratings yet counts as average.",
    Part.PRICE: "How much of the budget the price leaves. It never decides alone.",
    Part.WAITING: "How soon the planner has a free place.",
    Part.SPARE_CAPACITY: "How much of the planner’s week is still free.",
    Part.FAIR_SPREAD: "How few people the planner works with now, so that the work is spread.",
    Part.URGENCY: "A free place soon, for people in a crisis.",
    Part.ORGANISATION_SPREAD: "How small a share of the work the planner’s organisation has now.",
}
"""What each part of the score looks at, for everybody."""

_NEED_PHRASES = {
    "older": "needs of later life",
    "dementia": "dementia",
    "physical": "a physical disability",
    "learning": "a learning disability",
    "autism": "autism",
    "mental_health": "mental health needs",
    "sight": "sight loss",
    "hearing": "hearing loss",
    "brain_injury": "a brain injury",
    "long_term": "a long-term illness",
    "substance": "alcohol or drug problems",
    "carer": "caring responsibilities",
}
"""Needs as they stand after "people with"."""


def version_words(version: str) -> str:
    """Write a version of weights for people: "version 2 of 1 March 2027"; the platform's own: "the usual ones of …"."""
    day, _, name = version.partition("/")
    number = name.rpartition("-")[2]
    try:
        since = uk_date(date.fromisoformat(day))
    except ValueError:
        return f"version {version}"
    return f"version {number} of {since}" if number.isdigit() else f"the usual ones of {since}"


def skill_code(code: str) -> str:
    """Return the code of a skill as the engine knows it: some skills have the code of an interest."""
    return f"skill:{code}"


def engine_labels(council_id: str, council_name: str) -> dict[str, str]:
    """Words for the codes that a ranking's reasons mention."""
    return {
        **{code: _NEED_PHRASES.get(code, label.lower()) for code, label in NEEDS.items()},
        **{code: label.lower() for code, label in INTERESTS.items()},
        **{skill_code(code): label[0].lower() + label[1:] for code, label in SKILLS.items()},
        **{gender.value: label.lower() for gender, label in GENDER_LABELS.items() if gender is not Gender.NOT_SAID},
        ServiceLine.SUPPORT_PLANNING.value: "support planning",
        council_id: council_name,
    }
