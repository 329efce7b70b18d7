"""Where things are: postcodes, the National Grid, towns, distances.

`Postcode.parse` reads what people type, `distance_metres` measures, `find_town` knows the larger towns without
any data, `packaged_postcodes` and `read_postcodes` stream whole directories into the table `postcodes`.
"""

from marketplace.core.places.districts import DISTRICT_NAMES
from marketplace.core.places.grid import ACCURACY_METRES, grid_to_lat_lon
from marketplace.core.places.importer import PostcodeCounts, import_postcodes
from marketplace.core.places.postcodes import (
    METRES_PER_MILE,
    Postcode,
    distance_metres,
    is_in_great_britain,
    normalise,
    parse_outward,
)
from marketplace.core.places.reader import PostcodeBatch, packaged_postcodes, read_postcodes
from marketplace.core.places.towns import TOWNS, Town, find_town, name_key

__all__ = [
    "ACCURACY_METRES",
    "DISTRICT_NAMES",
    "METRES_PER_MILE",
    "TOWNS",
    "Postcode",
    "PostcodeBatch",
    "PostcodeCounts",
    "Town",
    "distance_metres",
    "find_town",
    "grid_to_lat_lon",
    "import_postcodes",
    "is_in_great_britain",
    "name_key",
    "normalise",
    "packaged_postcodes",
    "parse_outward",
    "read_postcodes",
]
