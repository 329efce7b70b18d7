"""Facts that bookings publishes."""

from datetime import date, datetime
from uuid import UUID

from marketplace.core.events import Event


class BookingEvent(Event, frozen=True, kw_only=True):
    """Something happened to a booking."""

    booking_id: UUID
    person_id: UUID
    organisation_id: UUID
    worker_id: UUID | None = None


class BookingRequested(BookingEvent, frozen=True, kw_only=True):
    """A person asked for a visit; its money is there or promised."""


class BookingAccepted(BookingEvent, frozen=True, kw_only=True):
    """The provider said yes."""


class BookingDeclined(BookingEvent, frozen=True, kw_only=True):
    """The provider said no. A card payment is given back."""


class BookingCancelled(BookingEvent, frozen=True, kw_only=True):
    """A visit will not take place. A card payment is given back as the terms say."""

    refund_pence: int


class BookingCalledOff(BookingEvent, frozen=True, kw_only=True):
    """A person said too late that they do not want a visit. It is owed unless the provider lets it go."""


class BookingClaimed(BookingEvent, frozen=True, kw_only=True):
    """The provider says that the visit took place."""


class BookingDisputed(BookingEvent, frozen=True, kw_only=True):
    """The person says that something was wrong with the visit."""


class BookingApproved(BookingEvent, frozen=True, kw_only=True):
    """The person confirmed that the visit took place. This is what the provider earns."""

    cost_pence: int
    """What is paid: less than the price where a part was approved."""
    funding: str
    visit_on: date
    accrued_pence: int | None = None
    """What of it the council's payment runs pay; None in messages from before: all of a direct payment's."""


class BookingRestApproved(BookingEvent, frozen=True, kw_only=True):
    """What had been held back of a part-approved visit is paid after all."""

    pence: int
    funding: str
    visit_on: date
    accrued_pence: int
    """What of it the council's payment runs pay."""


class BookingNotHeld(BookingEvent, frozen=True, kw_only=True):
    """Nobody came. No money moves."""


class BookingFunded(BookingEvent, frozen=True, kw_only=True):
    """A visit inside an agreement is paid for by card and planned: it needs no further answer."""


class TopUpLowered(BookingEvent, frozen=True, kw_only=True):
    """A visit became cheaper than what a card had paid of it. The excess goes back to the card."""

    keep_pence: int
    """What of the card payment stays with the provider."""


class VisitStarted(BookingEvent, frozen=True, kw_only=True):
    """The worker is there."""

    at: datetime


class WorkerConfirmed(BookingEvent, frozen=True, kw_only=True):
    """The provider said who comes."""

    is_substitute: bool
    """Somebody else than had been said before."""


class WorkerFellOut(BookingEvent, frozen=True, kw_only=True):
    """Who was to come can't. For a personal assistant the person chooses a replacement themselves (P9)."""

    why: str = ""


class VisitAlertRaised(BookingEvent, frozen=True, kw_only=True):
    """A visit is late, missed, or has nobody: the person and whom they chose are told."""

    kind: str


class AgreementEvent(Event, frozen=True, kw_only=True):
    """Something happened to an agreement between a person and who supports them."""

    agreement_id: UUID
    person_id: UUID
    organisation_id: UUID


class AgreementOffered(AgreementEvent, frozen=True, kw_only=True):
    """One side signed a new agreement, or new terms of one, and asks the other."""

    terms_id: UUID
    by_side: str
    is_change: bool
    """New terms of an agreement that runs."""


class AgreementAnswered(AgreementEvent, frozen=True, kw_only=True):
    """The other side signed or declined; or the answer day went by."""

    terms_id: UUID
    outcome: str
    """A member of `TermsStatus`."""


class AgreementEnding(AgreementEvent, frozen=True, kw_only=True):
    """One side gave notice, or the platform had to: the last day is set."""

    ends_on: date
    by_side: str
    """ "person", "provider" or "platform"."""


class AgreementEnded(AgreementEvent, frozen=True, kw_only=True):
    """Its last day is over."""


class PatternChanged(AgreementEvent, frozen=True, kw_only=True):
    """The weekly visits of an agreement changed from a day on; the other side is told."""

    from_on: date
    by_side: str


class AgreementPaused(AgreementEvent, frozen=True, kw_only=True):
    """Visits pause from a day on."""

    pause_id: UUID
    starts_on: date
    ends_on: date | None


class AgreementResumed(AgreementEvent, frozen=True, kw_only=True):
    """Visits take place again from a day on."""

    pause_id: UUID
    from_on: date


class VisitsNotPlanned(AgreementEvent, frozen=True, kw_only=True):
    """Visits of the pattern from a day on could not be written: the money or the accreditation does not reach."""

    from_on: date
    why: str
    """Code, as in `SupportAgreement.not_planned_why`."""


class VisitMoved(BookingEvent, frozen=True, kw_only=True):
    """One visit goes to another time; the other side is told."""

    by_side: str
    from_at: datetime


class VisitChangeAsked(AgreementEvent, frozen=True, kw_only=True):
    """The provider asks for another time; the person answers."""

    proposal_id: UUID


class VisitChangeAnswered(AgreementEvent, frozen=True, kw_only=True):
    """The person answered, the provider took it back, or the time to answer went by."""

    proposal_id: UUID
    outcome: str
    """A member of `ProposalStatus`."""


class VisitsStopped(AgreementEvent, frozen=True, kw_only=True):
    """Visits to come were taken away: the agreement ends, the person died, or the money does not reach for them."""

    from_on: date
    visits: int
    why: str
    """Code, a member of `CallOffReason`."""
    by_side: str
    """ "person", "provider" or "platform"."""
