"""Life cycles of referrals and offers."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class ReferralStatus(StrEnum):
    """Where a referral is (domain.md part 5)."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    RETAINED = "retained"
    """Too complex for the network: a council worker keeps it (L4)."""
    OFFERED = "offered"
    MATCHED = "matched"
    CLOSED = "closed"


REFERRAL = Lifecycle(
    "referral",
    "referrals",
    {
        ReferralStatus.RECEIVED: frozenset(
            {ReferralStatus.INCOMPLETE, ReferralStatus.RETAINED, ReferralStatus.OFFERED, ReferralStatus.CLOSED}
        ),
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
