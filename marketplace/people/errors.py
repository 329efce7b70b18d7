"""What can go wrong with a person's record."""

from marketplace.core.errors import Conflict


class RecordChanged(Conflict):
    """Two people had the record open; the other one saved first."""

    code = "record-changed"
    title = "Somebody else has changed this record"
