"""Words of assessments and budgets: the outcomes of the law, who meets a need, kinds and states."""

from typing import Any

from marketplace.people.models import AssessmentKind, BudgetKind, BudgetStatus, ChallengeStatus, FundingRoute, MetBy
from marketplace.people.states import AssessmentStatus

ADULT_OUTCOMES: dict[str, str] = {
    "nutrition": "Eating and drinking well",
    "hygiene": "Keeping clean",
    "toilet": "Managing toilet needs",
    "clothing": "Being dressed for the day and the weather",
    "home_safety": "Using the home safely",
    "home": "Keeping the home fit to live in",
    "relationships": "Keeping up with family and friends",
    "work": "Work, training, education or volunteering",
    "community": "Using places and services nearby, such as transport and leisure",
    "child_care": "Caring for a child",
}
"""Care and Support (Eligibility Criteria) Regulations 2014, regulation 2."""

CARER_OUTCOMES: dict[str, str] = {
    "child_care": "Caring for a child",
    "care_for_others": "Caring for somebody else",
    "home": "Keeping the home fit to live in",
    "nutrition": "Eating and drinking well",
    "relationships": "Keeping up with family and friends",
    "work": "Work, training, education or volunteering",
    "community": "Using places and services nearby, such as transport and leisure",
    "recreation": "Time for oneself",
}
"""The same, regulation 3."""

CARE_ACT_OUTCOMES: dict[str, str] = {**ADULT_OUTCOMES, **CARER_OUTCOMES}
"""Every outcome by its key, for pages that read assessments of both kinds."""

CARER_QUESTIONS: list[dict[str, Any]] = [
    {
        "key": "hours",
        "label": "How many hours a week do you care?",
        "answers": [
            {"key": "few", "label": "Less than 10", "points": 0},
            {"key": "some", "label": "10 to 19", "points": 1},
            {"key": "many", "label": "20 to 49", "points": 2},
            {"key": "most", "label": "50 or more", "points": 3},
        ],
    },
    {
        "key": "nights",
        "label": "Do you get up at night to care?",
        "answers": [
            {"key": "no", "label": "No", "points": 0},
            {"key": "some", "label": "Some nights", "points": 1},
            {"key": "most", "label": "Most nights", "points": 2},
        ],
    },
    {
        "key": "health",
        "label": "How does caring affect your health?",
        "answers": [
            {"key": "none", "label": "It does not", "points": 0},
            {"key": "some", "label": "A little: I am often tired", "points": 1},
            {"key": "much", "label": "A lot: I am ill or in pain because of it", "points": 3},
        ],
    },
    {
        "key": "life",
        "label": "Do you have time for work, friends and things you like?",
        "answers": [
            {"key": "yes", "label": "Yes, enough", "points": 0},
            {"key": "some", "label": "Some", "points": 1},
            {"key": "none", "label": "Hardly any", "points": 2},
        ],
    },
    {
        "key": "others",
        "label": "Can somebody else step in when you cannot care?",
        "answers": [
            {"key": "yes", "label": "Yes, always", "points": 0},
            {"key": "some", "label": "Now and then", "points": 1},
            {"key": "no", "label": "No, nobody", "points": 2},
        ],
    },
    {
        "key": "go_on",
        "label": "Can you go on caring?",
        "answers": [
            {"key": "yes", "label": "Yes", "points": 0},
            {"key": "help", "label": "Yes, with some help", "points": 2},
            {"key": "no", "label": "No", "points": 6},
        ],
    },
]
"""The first stage of a carer (R14). Points only decide whether the council looks closer; they are worth no money."""

MET_BY: dict[MetBy, str] = {
    MetBy.COUNCIL: "The council",
    MetBy.INFORMAL: "Family, friends or a carer",
    MetBy.COMMUNITY: "Groups and services nearby",
    MetBy.NOT_ELIGIBLE: "Not eligible: advice only",
}
KINDS: dict[AssessmentKind, str] = {
    AssessmentKind.ADULT: "Needs of an adult",
    AssessmentKind.CARER_STAGE_1: "Carer, stage 1",
    AssessmentKind.CARER_STAGE_2: "Carer, stage 2",
    AssessmentKind.EQUIPMENT: "Equipment only",
}
ASSESSMENT_LABELS: dict[AssessmentStatus, str] = {
    AssessmentStatus.DRAFT: "Being written",
    AssessmentStatus.COMPLETED: "Complete",
    AssessmentStatus.SUPERSEDED: "Replaced",
}
ASSESSMENT_COLOURS: dict[AssessmentStatus, str] = {
    AssessmentStatus.DRAFT: "draft",
    AssessmentStatus.COMPLETED: "completed",
    AssessmentStatus.SUPERSEDED: "ended",
}
BUDGET_KINDS: dict[BudgetKind, str] = {
    BudgetKind.SUPPORT: "Support",
    BudgetKind.CARER: "Carer",
    BudgetKind.EQUIPMENT: "Equipment",
}
BUDGET_LABELS: dict[BudgetStatus, str] = {
    BudgetStatus.INDICATIVE: "First estimate",
    BudgetStatus.FINAL: "Agreed",
    BudgetStatus.ENDED: "Replaced",
}
ROUTES_WORDS: dict[FundingRoute, str] = {
    FundingRoute.DIRECT_PAYMENT: "Direct payment",
    FundingRoute.COUNCIL_MANAGED: "Managed by the council",
    FundingRoute.SELF_FUNDED: "Paid by the person",
}
CHALLENGE_LABELS: dict[ChallengeStatus, str] = {
    ChallengeStatus.OPEN: "Waits for an answer",
    ChallengeStatus.CHANGED: "Changed",
    ChallengeStatus.UPHELD: "Not changed",
    ChallengeStatus.WITHDRAWN: "Taken back",
}
CHALLENGE_COLOURS: dict[ChallengeStatus, str] = {
    ChallengeStatus.OPEN: "open",
    ChallengeStatus.CHANGED: "approved",
    ChallengeStatus.UPHELD: "completed",
    ChallengeStatus.WITHDRAWN: "withdrawn",
}


def outcomes_of(kind: AssessmentKind) -> dict[str, str]:
    """Return the outcomes that the law asks about in a kind of assessment, by key."""
    is_carer = kind in {AssessmentKind.CARER_STAGE_1, AssessmentKind.CARER_STAGE_2}
    return CARER_OUTCOMES if is_carer else ADULT_OUTCOMES
