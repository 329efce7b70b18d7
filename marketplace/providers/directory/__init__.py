"""The regulator's directory: every published layout read into plain facts, and imported as a set.

`read_directory` streams locations, providers and row notes from a file and touches no database;
`import_directory` merges them into `regulator_locations` and `regulator_providers` in one transaction.
"""

from marketplace.providers.directory.errors import WrongLayout
from marketplace.providers.directory.importer import DirectoryCounts, import_directory, place_key
from marketplace.providers.directory.names import public_name
from marketplace.providers.directory.reader import DirectoryReading, read_directory
from marketplace.providers.directory.records import (
    Layout,
    NoteKind,
    Rating,
    Ratings,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
    RowNote,
)

__all__ = [
    "DirectoryCounts",
    "DirectoryReading",
    "Layout",
    "NoteKind",
    "Rating",
    "Ratings",
    "RegisterLocation",
    "RegisterProvider",
    "RegisterStatus",
    "RowNote",
    "WrongLayout",
    "import_directory",
    "place_key",
    "public_name",
    "read_directory",
]
