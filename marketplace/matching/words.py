"""How matching writes its states and codes for people."""

from marketplace.accounts.words import GENDER_LABELS, INTERESTS, NEEDS, SKILLS, Gender
from marketplace.matching.engine import Part, Rule
from marketplace.matching.models import Complexity, ReferralSource, Urgency
from marketplace.matching.states import OfferStatus, ReferralStatus
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
