"""Life cycles of providers: drafts of listings, enquiries, register links, specifications, applications, agreements."""

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


class AccreditationStatus(StrEnum):
    """How an accreditation stands at present; whether it counts on a day follows from dates, holds and evidence."""

    LIVE = "live"
    SUSPENDED = "suspended"
    REMOVED = "removed"


ACCREDITATION = Lifecycle(
    "accreditation",
    "accreditations",
    {
        AccreditationStatus.LIVE: frozenset({AccreditationStatus.SUSPENDED, AccreditationStatus.REMOVED}),
        AccreditationStatus.SUSPENDED: frozenset({AccreditationStatus.LIVE, AccreditationStatus.REMOVED}),
        AccreditationStatus.REMOVED: frozenset(),
    },
)


class FrameworkVersionStatus(StrEnum):
    """Where a version of a specification is."""

    DRAFT = "draft"
    PUBLISHED = "published"
    """It can no longer be changed; rounds use it."""
    WITHDRAWN = "withdrawn"


FRAMEWORK_VERSION = Lifecycle(
    "framework_version",
    "framework_versions",
    {
        FrameworkVersionStatus.DRAFT: frozenset({FrameworkVersionStatus.PUBLISHED, FrameworkVersionStatus.WITHDRAWN}),
        FrameworkVersionStatus.PUBLISHED: frozenset({FrameworkVersionStatus.WITHDRAWN}),
        FrameworkVersionStatus.WITHDRAWN: frozenset(),
    },
)


class ApplicationStatus(StrEnum):
    """Where an application is."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    """Evaluators are chosen."""
    EVALUATING = "evaluating"
    MODERATED = "moderated"
    """The evaluators agreed; the decision is waited for."""
    AWARDED = "awarded"
    """At least one lot was awarded."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


APPLICATION = Lifecycle(
    "application",
    "applications",
    {
        ApplicationStatus.DRAFT: frozenset({ApplicationStatus.SUBMITTED, ApplicationStatus.WITHDRAWN}),
        # Until the round closes an applicant may take it back, change it and send it again.
        ApplicationStatus.SUBMITTED: frozenset(
            {
                ApplicationStatus.DRAFT,
                ApplicationStatus.EVALUATING,
                ApplicationStatus.WITHDRAWN,
                ApplicationStatus.REFUSED,
            }
        ),
        ApplicationStatus.EVALUATING: frozenset({ApplicationStatus.MODERATED, ApplicationStatus.WITHDRAWN}),
        ApplicationStatus.MODERATED: frozenset(
            {
                ApplicationStatus.EVALUATING,
                ApplicationStatus.AWARDED,
                ApplicationStatus.REFUSED,
                ApplicationStatus.WITHDRAWN,
            }
        ),
        ApplicationStatus.AWARDED: frozenset({ApplicationStatus.MODERATED}),
        # An appeal that is upheld sends it back to the moderators.
        ApplicationStatus.REFUSED: frozenset({ApplicationStatus.MODERATED}),
        ApplicationStatus.WITHDRAWN: frozenset(),
    },
)


class EvaluationStatus(StrEnum):
    """Where one evaluator's part is."""

    ASSIGNED = "assigned"
    """Interests are to be declared first."""
    SCORING = "scoring"
    SUBMITTED = "submitted"
    STOOD_DOWN = "stood_down"
    """There is a conflict of interest, or somebody else took over."""


EVALUATION = Lifecycle(
    "evaluation",
    "evaluations",
    {
        EvaluationStatus.ASSIGNED: frozenset({EvaluationStatus.SCORING, EvaluationStatus.STOOD_DOWN}),
        EvaluationStatus.SCORING: frozenset({EvaluationStatus.SUBMITTED, EvaluationStatus.STOOD_DOWN}),
        EvaluationStatus.SUBMITTED: frozenset({EvaluationStatus.STOOD_DOWN}),
        EvaluationStatus.STOOD_DOWN: frozenset(),
    },
)


class AppealStatus(StrEnum):
    """What became of an appeal."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


APPEAL = Lifecycle(
    "appeal",
    "appeals",
    {
        AppealStatus.OPEN: frozenset({AppealStatus.UPHELD, AppealStatus.DISMISSED}),
        AppealStatus.UPHELD: frozenset(),
        AppealStatus.DISMISSED: frozenset(),
    },
)


class AgreementStatus(StrEnum):
    """Where an agreement is."""

    OFFERED = "offered"
    """The organisation is to sign."""
    PROVIDER_SIGNED = "provider_signed"
    SIGNED = "signed"
    """Both signed; it counts from its first day."""
    DECLINED = "declined"
    REPLACED = "replaced"
    """A newer version took its place."""
    ENDED = "ended"


AGREEMENT = Lifecycle(
    "agreement",
    "agreements",
    {
        AgreementStatus.OFFERED: frozenset(
            {AgreementStatus.PROVIDER_SIGNED, AgreementStatus.DECLINED, AgreementStatus.REPLACED}
        ),
        AgreementStatus.PROVIDER_SIGNED: frozenset(
            {AgreementStatus.SIGNED, AgreementStatus.DECLINED, AgreementStatus.REPLACED}
        ),
        AgreementStatus.SIGNED: frozenset({AgreementStatus.REPLACED, AgreementStatus.ENDED}),
        AgreementStatus.DECLINED: frozenset(),
        AgreementStatus.REPLACED: frozenset(),
        AgreementStatus.ENDED: frozenset(),
    },
)


class PassportShareStatus(StrEnum):
    """Whether a council may use an organisation's evidence."""

    SHARED = "shared"
    REVOKED = "revoked"


PASSPORT_SHARE = Lifecycle(
    "passport_share",
    "passport_shares",
    {
        PassportShareStatus.SHARED: frozenset({PassportShareStatus.REVOKED}),
        PassportShareStatus.REVOKED: frozenset({PassportShareStatus.SHARED}),
    },
)


class PaApprovalStatus(StrEnum):
    """Where a personal assistant's approval is."""

    DRAFT = "draft"
    """Being filled in; the council sees nothing yet."""
    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """The year is over and it was not renewed."""
    RENEWED = "renewed"
    """The year is over and the next one follows it."""
    REMOVED = "removed"


PA_APPROVAL = Lifecycle(
    "pa_approval",
    "pa_approvals",
    {
        PaApprovalStatus.DRAFT: frozenset({PaApprovalStatus.APPLIED, PaApprovalStatus.WITHDRAWN}),
        # Until the council decides, it may be taken back, changed and sent again.
        PaApprovalStatus.APPLIED: frozenset(
            {
                PaApprovalStatus.DRAFT,
                PaApprovalStatus.APPROVED,
                PaApprovalStatus.REFUSED,
                PaApprovalStatus.WITHDRAWN,
            }
        ),
        PaApprovalStatus.APPROVED: frozenset(
            {PaApprovalStatus.LAPSED, PaApprovalStatus.RENEWED, PaApprovalStatus.REMOVED}
        ),
        PaApprovalStatus.REFUSED: frozenset(),
        PaApprovalStatus.WITHDRAWN: frozenset(),
        PaApprovalStatus.LAPSED: frozenset(),
        PaApprovalStatus.RENEWED: frozenset(),
        PaApprovalStatus.REMOVED: frozenset(),
    },
)
