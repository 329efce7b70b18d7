"""Facts of the exchange with the case system."""

from uuid import UUID

from marketplace.core.events import Event


class ExchangeAsked(Event, frozen=True, kw_only=True):
    """A file was handed over: its rows wait to be taken."""

    run_id: UUID
