"""Facts that providers publishes."""

from typing import Final
from uuid import UUID

from marketplace.core.events import Event

EVERYWHERE: Final = UUID(int=0)
"""The `council_id` of a fact that concerns the whole installation: organisations, listings and the register are shared
by all councils, so such a fact has no council of its own."""


class ListingChanged(Event, frozen=True, kw_only=True):
    """A listing was written, changed, published or taken down."""

    listing_id: UUID


class AccreditationChanged(Event, frozen=True, kw_only=True):
    """A council accredited an organisation for a service, or suspended, reinstated, removed or extended that."""

    organisation_id: UUID
    accreditation_id: UUID
    service_line: str
    status: str


class DirectoryImported(Event, frozen=True, kw_only=True):
    """A file of the regulator's directory was read in. `council_id` is `EVERYWHERE`."""

    import_id: UUID


class SearchIndexLost(Event, frozen=True, kw_only=True):
    """A search found no usable index. `council_id` is `EVERYWHERE`."""
