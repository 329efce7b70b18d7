"""Life cycles of referrals and offers."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class ReferralStatus(StrEnum):
    """Where a referral is (domain.md part 5)."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    RETAINED = "retained"
    """Too complex for the network: a council worker keeps it (L4)."""
    SELF_PLANNED = "self_planned"
    """The person writes the plan, with the help they choose; a planner may take over at any time (L10)."""
    OFFERED = "offered"
    MATCHED = "matched"
    CLOSED = "closed"


REFERRAL = Lifecycle(
    "referral",
    "referrals",
    {
        ReferralStatus.RECEIVED: frozenset(
            {
                ReferralStatus.INCOMPLETE,
                ReferralStatus.RETAINED,
                ReferralStatus.SELF_PLANNED,
                ReferralStatus.OFFERED,
                ReferralStatus.CLOSED,
            }
        ),
        ReferralStatus.SELF_PLANNED: frozenset({ReferralStatus.RECEIVED, ReferralStatus.CLOSED}),
        ReferralStatus.INCOMPLETE: frozenset({ReferralStatus.RECEIVED, ReferralStatus.CLOSED}),
        ReferralStatus.RETAINED: frozenset({ReferralStatus.RECEIVED, ReferralStatus.CLOSED}),
        ReferralStatus.OFFERED: frozenset({ReferralStatus.MATCHED, ReferralStatus.RECEIVED, ReferralStatus.CLOSED}),
        ReferralStatus.MATCHED: frozenset({ReferralStatus.RECEIVED, ReferralStatus.CLOSED}),
        ReferralStatus.CLOSED: frozenset(),
    },
)


class OfferStatus(StrEnum):
    """Where an offer to one planner is."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


OFFER = Lifecycle(
    "offer",
    "offers",
    {
        OfferStatus.OFFERED: frozenset(
            {OfferStatus.ACCEPTED, OfferStatus.DECLINED, OfferStatus.WITHDRAWN, OfferStatus.LAPSED}
        ),
        OfferStatus.ACCEPTED: frozenset({OfferStatus.WITHDRAWN}),
        OfferStatus.DECLINED: frozenset(),
        OfferStatus.WITHDRAWN: frozenset(),
        OfferStatus.LAPSED: frozenset(),
    },
)


class WeightStatus(StrEnum):
    """Where a version of weights is."""

    DRAFT = "draft"
    PUBLISHED = "published"


WEIGHT_SET = Lifecycle(
    "weight_set",
    "weight_sets",
    {
        WeightStatus.DRAFT: frozenset({WeightStatus.PUBLISHED}),
        WeightStatus.PUBLISHED: frozenset(),
    },
)


class RunStatus(StrEnum):
    """Where a waiting-list run is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUN = Lifecycle(
    "assignment_run",
    "assignment_runs",
    {
        RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
        RunStatus.RUNNING: frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED}),
        RunStatus.DONE: frozenset(),
        RunStatus.FAILED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
    },
)


class ProposalStatus(StrEnum):
    """What a person made of a proposal."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    """A broker confirmed it: the planner has the offer."""
    CHANGED = "changed"
    """The referral was offered to somebody else."""
    REJECTED = "rejected"
    OUTDATED = "outdated"
    """The referral, the planner or the place changed before anybody decided, or a newer run took over."""


PROPOSAL = Lifecycle(
    "proposal",
    "proposals",
    {
        ProposalStatus.PROPOSED: frozenset(
            {
                ProposalStatus.ACCEPTED,
                ProposalStatus.CHANGED,
                ProposalStatus.REJECTED,
                ProposalStatus.OUTDATED,
            }
        ),
        ProposalStatus.ACCEPTED: frozenset(),
        ProposalStatus.CHANGED: frozenset(),
        ProposalStatus.REJECTED: frozenset(),
        ProposalStatus.OUTDATED: frozenset(),
    },
)


class ContestStatus(StrEnum):
    """Where a person's contest is."""

    OPEN = "open"
    UPHELD = "upheld"
    """The decision is taken again."""
    KEPT = "kept"
    """The decision stands, with reasons."""
    WITHDRAWN = "withdrawn"


CONTEST = Lifecycle(
    "contest",
    "contests",
    {
        ContestStatus.OPEN: frozenset({ContestStatus.UPHELD, ContestStatus.KEPT, ContestStatus.WITHDRAWN}),
        ContestStatus.UPHELD: frozenset(),
        ContestStatus.KEPT: frozenset(),
        ContestStatus.WITHDRAWN: frozenset(),
    },
)


class AlertStatus(StrEnum):
    """Whether late news was dealt with."""

    OPEN = "open"
    HANDLED = "handled"
    GONE = "gone"
    """It ended by itself: the place came back, the referral closed."""


ALERT = Lifecycle(
    "rematch_alert",
    "rematch_alerts",
    {
        AlertStatus.OPEN: frozenset({AlertStatus.HANDLED, AlertStatus.GONE}),
        AlertStatus.HANDLED: frozenset(),
        AlertStatus.GONE: frozenset(),
    },
)


class RequirementStatus(StrEnum):
    """Where a requirement for care is (domain.md part 5)."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    """The clock has ended and there are offers to compare."""
    AWARDED = "awarded"
    NO_OFFERS = "no_offers"
    WITHDRAWN = "withdrawn"


REQUIREMENT = Lifecycle(
    "requirement",
    "requirements",
    {
        RequirementStatus.DRAFT: frozenset({RequirementStatus.OPEN, RequirementStatus.WITHDRAWN}),
        RequirementStatus.OPEN: frozenset(
            {RequirementStatus.CLOSED, RequirementStatus.NO_OFFERS, RequirementStatus.WITHDRAWN}
        ),
        RequirementStatus.CLOSED: frozenset(
            {
                RequirementStatus.AWARDED,
                RequirementStatus.OPEN,
                RequirementStatus.NO_OFFERS,
                RequirementStatus.WITHDRAWN,
            }
        ),
        RequirementStatus.NO_OFFERS: frozenset({RequirementStatus.OPEN, RequirementStatus.WITHDRAWN}),
        RequirementStatus.AWARDED: frozenset({RequirementStatus.CLOSED, RequirementStatus.OPEN}),
        RequirementStatus.WITHDRAWN: frozenset(),
    },
)


class RequirementOfferStatus(StrEnum):
    """Where a provider's offer for a requirement is (domain.md part 5)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SHORTLISTED = "shortlisted"
    WON = "won"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


REQUIREMENT_OFFER = Lifecycle(
    "requirement_offer",
    "requirement_offers",
    {
        RequirementOfferStatus.DRAFT: frozenset({RequirementOfferStatus.SUBMITTED, RequirementOfferStatus.WITHDRAWN}),
        RequirementOfferStatus.SUBMITTED: frozenset(
            {
                RequirementOfferStatus.SHORTLISTED,
                RequirementOfferStatus.WON,
                RequirementOfferStatus.LOST,
                RequirementOfferStatus.WITHDRAWN,
            }
        ),
        RequirementOfferStatus.SHORTLISTED: frozenset(
            {RequirementOfferStatus.WON, RequirementOfferStatus.LOST, RequirementOfferStatus.WITHDRAWN}
        ),
        RequirementOfferStatus.WON: frozenset({RequirementOfferStatus.LOST, RequirementOfferStatus.WITHDRAWN}),
        # When the winner falls through, an offer that is still valid stands again.
        RequirementOfferStatus.LOST: frozenset({RequirementOfferStatus.SHORTLISTED}),
        RequirementOfferStatus.WITHDRAWN: frozenset(),
    },
)
