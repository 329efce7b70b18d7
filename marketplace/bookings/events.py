"""Facts that bookings publishes."""

from datetime import date
from uuid import UUID

from marketplace.core.events import Event


class BookingEvent(Event, frozen=True, kw_only=True):
    """Something happened to a booking."""

    booking_id: UUID
    person_id: UUID
    organisation_id: UUID
    worker_id: UUID


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
    funding: str
    visit_on: date
