"""How runs over the waiting list, their proposals and late news are written for people."""

from marketplace.matching.models import RematchCause
from marketplace.matching.states import AlertStatus, ProposalStatus, RunStatus

RUN_LABELS: dict[RunStatus, str] = {
    RunStatus.QUEUED: "Waiting to start",
    RunStatus.RUNNING: "Being worked out",
    RunStatus.DONE: "Ready",
    RunStatus.FAILED: "Did not work",
    RunStatus.CANCELLED: "Stopped",
}
PROPOSAL_LABELS: dict[ProposalStatus, str] = {
    ProposalStatus.PROPOSED: "To decide",
    ProposalStatus.ACCEPTED: "Confirmed",
    ProposalStatus.CHANGED: "Given to somebody else",
    ProposalStatus.REJECTED: "Rejected",
    ProposalStatus.OUTDATED: "Out of date",
}
CAUSE_LABELS: dict[RematchCause, str] = {
    RematchCause.CAPACITY: "Fewer places than given away",
    RematchCause.ABSENCE: "Planner away",
    RematchCause.LEFT: "Planner leaves",
    RematchCause.STANDING: "Organisation may not take new work",
    RematchCause.HANDED_BACK: "Handed back",
    RematchCause.DECLINED: "Offer ended without a yes",
}
ALERT_LABELS: dict[AlertStatus, str] = {
    AlertStatus.OPEN: "To do",
    AlertStatus.HANDLED: "Dealt with",
    AlertStatus.GONE: "No longer needed",
}
PRACTICE_LABELS: dict[str, str] = {
    "proposal": "This proposal",
    "rotation": "In turn",
    "nearest": "The nearest",
    "best_first": "Best for each in turn",
}
"""Ways of handing out a waiting list, ours and today's."""
PRACTICE_HINTS: dict[str, str] = {
    "rotation": "each referral, by urgency and date, goes to the next organisation in turn that can take it",
    "nearest": "each referral, by urgency and date, goes to the nearest planner with a place",
    "best_first": "each referral, by urgency and date, goes to the planner who fits it best and has a place",
}
