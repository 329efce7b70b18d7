"""Rows of matching: referrals and offers, weights, waiting-list runs, decisions, requirements for care."""

from marketplace.matching.models.care import (
    CareHours,
    OfferedVisit,
    Requirement,
    RequirementAward,
    RequirementInvitation,
    RequirementOffer,
    RequirementRoute,
    RequirementVisit,
    UnmetReason,
    UnmetRequirement,
)
from marketplace.matching.models.decisions import (
    Conflict,
    ConflictKind,
    Contest,
    HeardHow,
    Preference,
    RematchAlert,
    RematchCause,
)
from marketplace.matching.models.referrals import (
    CapacityReservation,
    Complexity,
    Offer,
    Referral,
    ReferralSource,
    Shortlist,
    Urgency,
)
from marketplace.matching.models.runs import (
    AssignmentRule,
    AssignmentRun,
    AssignmentRunFile,
    Proposal,
    RuleKind,
)
from marketplace.matching.models.weights import WeightPurpose, WeightSet

__all__ = [
    "AssignmentRule",
    "AssignmentRun",
    "AssignmentRunFile",
    "CapacityReservation",
    "CareHours",
    "Complexity",
    "Conflict",
    "ConflictKind",
    "Contest",
    "HeardHow",
    "Offer",
    "OfferedVisit",
    "Preference",
    "Proposal",
    "Referral",
    "ReferralSource",
    "RematchAlert",
    "RematchCause",
    "Requirement",
    "RequirementAward",
    "RequirementInvitation",
    "RequirementOffer",
    "RequirementRoute",
    "RequirementVisit",
    "RuleKind",
    "Shortlist",
    "UnmetReason",
    "UnmetRequirement",
    "Urgency",
    "WeightPurpose",
    "WeightSet",
]
