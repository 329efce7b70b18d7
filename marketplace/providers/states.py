"""Life cycles of the market: a draft of a listing, an enquiry, a link to the regulator's register."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class DraftStatus(StrEnum):
    """Where a draft of a listing is."""

    OPEN = "open"
    SUBMITTED = "submitted"
    """The council's check is waited for."""
    RETURNED = "returned"
    """The council wants something changed and says what."""
    PUBLISHED = "published"
    DISCARDED = "discarded"


DRAFT = Lifecycle(
    "listing_draft",
    "listing_drafts",
    {
        DraftStatus.OPEN: frozenset({DraftStatus.SUBMITTED, DraftStatus.PUBLISHED, DraftStatus.DISCARDED}),
        DraftStatus.SUBMITTED: frozenset({DraftStatus.PUBLISHED, DraftStatus.RETURNED, DraftStatus.OPEN}),
        DraftStatus.RETURNED: frozenset({DraftStatus.SUBMITTED, DraftStatus.PUBLISHED, DraftStatus.DISCARDED}),
        DraftStatus.PUBLISHED: frozenset(),
        DraftStatus.DISCARDED: frozenset(),
    },
)


class EnquiryStatus(StrEnum):
    """Where a question or the request for a first meeting is."""

    OPEN = "open"
    """The provider should answer."""
    ANSWERED = "answered"
    """The provider answered, or proposed another time for a meeting."""
    AGREED = "agreed"
    """A first meeting has its time and place."""
    DECLINED = "declined"
    CANCELLED = "cancelled"
    CLOSED = "closed"


ENQUIRY = Lifecycle(
    "enquiry",
    "enquiries",
    {
        EnquiryStatus.OPEN: frozenset(
            {
                EnquiryStatus.ANSWERED,
                EnquiryStatus.AGREED,
                EnquiryStatus.DECLINED,
                EnquiryStatus.CANCELLED,
                EnquiryStatus.CLOSED,
            }
        ),
        EnquiryStatus.ANSWERED: frozenset(
            {EnquiryStatus.OPEN, EnquiryStatus.AGREED, EnquiryStatus.CANCELLED, EnquiryStatus.CLOSED}
        ),
        EnquiryStatus.AGREED: frozenset({EnquiryStatus.CANCELLED, EnquiryStatus.CLOSED}),
        EnquiryStatus.DECLINED: frozenset(),
        EnquiryStatus.CANCELLED: frozenset(),
        EnquiryStatus.CLOSED: frozenset({EnquiryStatus.OPEN}),
    },
)


class RegulatorLinkStatus(StrEnum):
    """Where a provider's claim to an entry of the regulator's register is."""

    MATCHED = "matched"
    """Name and place agree with the register."""
    IN_REVIEW = "in_review"
    """They differ, so somebody at the council looks."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    ENDED = "ended"
    """The register no longer holds it, or the organisation took it back."""


REGULATOR_LINK = Lifecycle(
    "regulator_link",
    "regulator_links",
    {
        RegulatorLinkStatus.MATCHED: frozenset({RegulatorLinkStatus.ENDED, RegulatorLinkStatus.IN_REVIEW}),
        RegulatorLinkStatus.IN_REVIEW: frozenset(
            {RegulatorLinkStatus.CONFIRMED, RegulatorLinkStatus.REFUSED, RegulatorLinkStatus.ENDED}
        ),
        RegulatorLinkStatus.CONFIRMED: frozenset({RegulatorLinkStatus.ENDED, RegulatorLinkStatus.IN_REVIEW}),
        RegulatorLinkStatus.REFUSED: frozenset(),
        RegulatorLinkStatus.ENDED: frozenset(),
    },
)
