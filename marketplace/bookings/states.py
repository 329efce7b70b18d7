"""Life cycles of visits, of agreements between a person and who supports them, and of what hangs on them."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class BookingStatus(StrEnum):
    """Where a booked visit is."""

    AWAITING_PAYMENT = "awaiting_payment"
    """Money by card is needed first; the slot is held."""
    REQUESTED = "requested"
    PLANNED = "planned"
    """Agreed by an agreement's weekly pattern; who comes is not confirmed yet."""
    ACCEPTED = "accepted"
    """Confirmed: the provider said who comes."""
    IN_PROGRESS = "in_progress"
    """The worker said that they are there."""
    CLAIMED = "claimed"
    """The provider says the visit took place."""
    APPROVED = "approved"
    PART_APPROVED = "part_approved"
    """The person agreed to pay a part of it."""
    DISPUTED = "disputed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    """Nobody came."""


HOLDING = frozenset(
    {
        BookingStatus.AWAITING_PAYMENT,
        BookingStatus.REQUESTED,
        BookingStatus.PLANNED,
        BookingStatus.ACCEPTED,
        BookingStatus.IN_PROGRESS,
        BookingStatus.CLAIMED,
        BookingStatus.APPROVED,
        BookingStatus.PART_APPROVED,
        BookingStatus.DISPUTED,
    }
)
"""States in which the worker's time is taken; the trigger `keep_visit_holds` (migration 0011) has the same list."""

COMMITTED = frozenset(
    {
        BookingStatus.REQUESTED,
        BookingStatus.PLANNED,
        BookingStatus.ACCEPTED,
        BookingStatus.IN_PROGRESS,
        BookingStatus.CLAIMED,
        BookingStatus.DISPUTED,
    }
)
"""States in which the money is promised but not yet moved. While a visit awaits a top-up by card, the part of the
direct payment is promised, too (`bookings.repository` counts it)."""

TO_COME = frozenset({BookingStatus.REQUESTED, BookingStatus.PLANNED, BookingStatus.ACCEPTED})
"""States of a visit that has not begun."""

SETTLED = frozenset({BookingStatus.APPROVED, BookingStatus.PART_APPROVED})
"""States in which the person said what is paid."""

BOOKING = Lifecycle(
    "booking",
    "bookings",
    {
        BookingStatus.AWAITING_PAYMENT: frozenset(
            {BookingStatus.REQUESTED, BookingStatus.PLANNED, BookingStatus.CANCELLED}
        ),
        BookingStatus.REQUESTED: frozenset({BookingStatus.ACCEPTED, BookingStatus.DECLINED, BookingStatus.CANCELLED}),
        BookingStatus.PLANNED: frozenset(
            {
                BookingStatus.ACCEPTED,
                BookingStatus.IN_PROGRESS,
                BookingStatus.CLAIMED,
                BookingStatus.APPROVED,
                BookingStatus.PART_APPROVED,
                BookingStatus.DISPUTED,
                BookingStatus.CANCELLED,
                BookingStatus.NO_SHOW,
            }
        ),
        BookingStatus.ACCEPTED: frozenset(
            {
                # The worker who was to come can't: the visit waits for another again.
                BookingStatus.PLANNED,
                BookingStatus.IN_PROGRESS,
                BookingStatus.CLAIMED,
                BookingStatus.APPROVED,
                BookingStatus.PART_APPROVED,
                BookingStatus.DISPUTED,
                BookingStatus.CANCELLED,
                BookingStatus.NO_SHOW,
            }
        ),
        BookingStatus.IN_PROGRESS: frozenset(
            {BookingStatus.CLAIMED, BookingStatus.APPROVED, BookingStatus.PART_APPROVED, BookingStatus.DISPUTED}
        ),
        BookingStatus.CLAIMED: frozenset(
            {
                BookingStatus.APPROVED,
                BookingStatus.PART_APPROVED,
                BookingStatus.DISPUTED,
                BookingStatus.NO_SHOW,
            }
        ),
        BookingStatus.APPROVED: frozenset(),
        # What was held back at first may be agreed later.
        BookingStatus.PART_APPROVED: frozenset({BookingStatus.APPROVED}),
        BookingStatus.DISPUTED: frozenset(
            {
                BookingStatus.APPROVED,
                BookingStatus.PART_APPROVED,
                BookingStatus.CANCELLED,
                BookingStatus.NO_SHOW,
            }
        ),
        BookingStatus.DECLINED: frozenset(),
        BookingStatus.CANCELLED: frozenset(),
        # The provider says that somebody did come.
        BookingStatus.NO_SHOW: frozenset({BookingStatus.DISPUTED}),
    },
)


class AgreementStatus(StrEnum):
    """Where an agreement between a person and who supports them is."""

    DRAFT = "draft"
    """One side writes it; the other has not seen it."""
    OFFERED = "offered"
    """Signed by the side that wrote it; the other answers."""
    AGREED = "agreed"
    ENDED = "ended"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


SUPPORT_AGREEMENT = Lifecycle(
    "support_agreement",
    "support_agreements",
    {
        AgreementStatus.DRAFT: frozenset({AgreementStatus.OFFERED, AgreementStatus.WITHDRAWN}),
        AgreementStatus.OFFERED: frozenset(
            {AgreementStatus.AGREED, AgreementStatus.DECLINED, AgreementStatus.WITHDRAWN}
        ),
        # A notice sets the last day; the state changes when that day is over.
        AgreementStatus.AGREED: frozenset({AgreementStatus.ENDED}),
        AgreementStatus.ENDED: frozenset(),
        AgreementStatus.DECLINED: frozenset(),
        AgreementStatus.WITHDRAWN: frozenset(),
    },
)


class TermsStatus(StrEnum):
    """Where one version of an agreement's terms is."""

    DRAFT = "draft"
    OFFERED = "offered"
    AGREED = "agreed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Its answer day went by: the old terms go on."""


AGREEMENT_TERMS = Lifecycle(
    "agreement_terms",
    "agreement_terms",
    {
        TermsStatus.DRAFT: frozenset({TermsStatus.OFFERED, TermsStatus.WITHDRAWN}),
        TermsStatus.OFFERED: frozenset(
            {TermsStatus.AGREED, TermsStatus.DECLINED, TermsStatus.WITHDRAWN, TermsStatus.LAPSED}
        ),
        TermsStatus.AGREED: frozenset(),
        TermsStatus.DECLINED: frozenset(),
        TermsStatus.WITHDRAWN: frozenset(),
        TermsStatus.LAPSED: frozenset(),
    },
)


class EmploymentStatus(StrEnum):
    """Where it stands between a person and the personal assistant they take on."""

    PREPARING = "preparing"
    RUNNING = "running"
    ENDED = "ended"


EMPLOYMENT = Lifecycle(
    "employment",
    "employments",
    {
        EmploymentStatus.PREPARING: frozenset({EmploymentStatus.RUNNING, EmploymentStatus.ENDED}),
        EmploymentStatus.RUNNING: frozenset({EmploymentStatus.ENDED}),
        EmploymentStatus.ENDED: frozenset(),
    },
)


class ExceptionStatus(StrEnum):
    """Whether a relative in the same home may be paid (regulation 3; domain.md 4.2)."""

    ASKED = "asked"
    ALLOWED = "allowed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


FAMILY_EXCEPTION = Lifecycle(
    "family_exception",
    "family_exceptions",
    {
        ExceptionStatus.ASKED: frozenset({ExceptionStatus.ALLOWED, ExceptionStatus.REFUSED, ExceptionStatus.WITHDRAWN}),
        # The council may take it back, from a day on, with a reason.
        ExceptionStatus.ALLOWED: frozenset({ExceptionStatus.REFUSED}),
        ExceptionStatus.REFUSED: frozenset(),
        ExceptionStatus.WITHDRAWN: frozenset(),
    },
)


class ProposalStatus(StrEnum):
    """Where a change of visits is that the provider asked for."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Nobody answered in time: everything stays as it was."""


VISIT_PROPOSAL = Lifecycle(
    "visit_proposal",
    "visit_proposals",
    {
        ProposalStatus.ASKED: frozenset(
            {
                ProposalStatus.ACCEPTED,
                ProposalStatus.DECLINED,
                ProposalStatus.WITHDRAWN,
                ProposalStatus.LAPSED,
            }
        ),
        ProposalStatus.ACCEPTED: frozenset(),
        ProposalStatus.DECLINED: frozenset(),
        ProposalStatus.WITHDRAWN: frozenset(),
        ProposalStatus.LAPSED: frozenset(),
    },
)
