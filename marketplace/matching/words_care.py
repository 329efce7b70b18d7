"""How requirements for care, their offers and unmet need are written for people."""

from marketplace.accounts.words import GENDER_LABELS, Gender
from marketplace.matching.models import HeardHow, RequirementRoute, UnmetReason
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.providers.models import SERVICE_LABELS, ServiceLine

REQUIREMENT_LABELS: dict[RequirementStatus, str] = {
    RequirementStatus.DRAFT: "Draft",
    RequirementStatus.OPEN: "Open for offers",
    RequirementStatus.CLOSED: "Offers to compare",
    RequirementStatus.AWARDED: "Awarded",
    RequirementStatus.NO_OFFERS: "Not met yet",
    RequirementStatus.WITHDRAWN: "Withdrawn",
}
REQUIREMENT_COLOURS: dict[RequirementStatus, str] = {
    RequirementStatus.DRAFT: "draft",
    RequirementStatus.OPEN: "open",
    RequirementStatus.CLOSED: "due",
    RequirementStatus.AWARDED: "approved",
    RequirementStatus.NO_OFFERS: "missed",
    RequirementStatus.WITHDRAWN: "withdrawn",
}
"""State names of the filter `status_tag`, for their colour."""
REQUIREMENT_OFFER_LABELS: dict[RequirementOfferStatus, str] = {
    RequirementOfferStatus.DRAFT: "Not sent",
    RequirementOfferStatus.SUBMITTED: "Sent",
    RequirementOfferStatus.SHORTLISTED: "Compared",
    RequirementOfferStatus.WON: "Won",
    RequirementOfferStatus.LOST: "Not chosen",
    RequirementOfferStatus.WITHDRAWN: "Withdrawn",
}
REQUIREMENT_OFFER_COLOURS: dict[RequirementOfferStatus, str] = {
    RequirementOfferStatus.SUBMITTED: "submitted",
    RequirementOfferStatus.SHORTLISTED: "in_review",
    RequirementOfferStatus.WON: "accepted",
}
ROUTE_LABELS: dict[RequirementRoute, str] = {
    RequirementRoute.FIRST: "The best placed, alone",
    RequirementRoute.SEVERAL: "Several that you choose",
    RequirementRoute.LOT: "Everybody who is accredited and covers the place",
}
ROUTE_HINTS: dict[RequirementRoute, str] = {
    RequirementRoute.FIRST: "The next is asked when the first says no or does not answer, once you confirm",
    RequirementRoute.SEVERAL: "From the ranking. Those you leave out are not told",
    RequirementRoute.LOT: "As a notice without who it is about",
}
UNMET_LABELS: dict[UnmetReason, str] = {
    UnmetReason.NO_OFFERS: "Nobody offered, no reason known",
    UnmetReason.TOO_FAR: "Too far for providers",
    UnmetReason.NO_HOURS: "No free hours at these times",
    UnmetReason.NO_SKILL: "Nobody with the skill",
    UnmetReason.NO_LANGUAGE: "Nobody with the language",
    UnmetReason.NO_GENDER: "Nobody of the gender asked for",
    UnmetReason.PRICE: "Not at this price",
    UnmetReason.PERSON_DECLINED: "The person said no to what was offered",
}
HEARD_LABELS: dict[HeardHow, str] = {
    HeardHow.ONLINE: "Online",
    HeardHow.TELEPHONE: "By telephone",
    HeardHow.IN_PERSON: "In person",
    HeardHow.REPRESENTATIVE: "Through who acts for them",
    HeardHow.ADVOCATE: "Through an advocate",
}
CARE_SERVICES: dict[ServiceLine, str] = {
    line: SERVICE_LABELS[line]
    for line in (ServiceLine.HOME_CARE, ServiceLine.PERSONAL_ASSISTANCE, ServiceLine.COMMUNITY_SUPPORT)
}
"""Services that are bought as visits of a week."""
GENDER_RULE_LABELS: dict[str, str] = {gender.value: GENDER_LABELS[gender] for gender in (Gender.FEMALE, Gender.MALE)}
CARE_DECLINE_REASONS: dict[str, UnmetReason | None] = {
    "no_hours": UnmetReason.NO_HOURS,
    "too_far": UnmetReason.TOO_FAR,
    "no_skill": UnmetReason.NO_SKILL,
    "no_language": UnmetReason.NO_LANGUAGE,
    "no_gender": UnmetReason.NO_GENDER,
    "price": UnmetReason.PRICE,
    "other": None,
}
"""Why a provider says no, and what that says about unmet need."""
CARE_DECLINE_LABELS: dict[str, str] = {
    "no_hours": "We have no free hours at these times",
    "too_far": "It is too far for us",
    "no_skill": "We do not have the skills",
    "no_language": "Nobody of us speaks the language",
    "no_gender": "We have nobody of the gender asked for",
    "price": "It cannot be done for this money",
    "other": "Something else",
}
