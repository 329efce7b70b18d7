"""Facts about files."""

from typing import Final
from uuid import UUID

from marketplace.core.events import Event

NO_COUNCIL: Final = UUID(int=0)
"""A file belongs to no council; whoever links to it knows more."""


class FileInfected(Event, frozen=True, kw_only=True):
    """The scanner found a virus in a file that had waited for it. Its content is deleted. `council_id` says nothing."""

    file_id: UUID
