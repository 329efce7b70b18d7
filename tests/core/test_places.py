"""Postcodes as people type them, the National Grid, distances and towns."""

import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.places import (
    TOWNS,
    Postcode,
    distance_metres,
    find_town,
    grid_to_lat_lon,
    is_in_great_britain,
    normalise,
    packaged_postcodes,
    parse_outward,
    read_postcodes,
)
from marketplace.core.textfiles import UnreadableFile
from tests.shared_data import shared_file


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("PR1 2HE", "PR1 2HE"),
        ("pr12he", "PR1 2HE"),
        (" pr1-2he. ", "PR1 2HE"),
        ("PR1 2 HE", "PR1 2HE"),
        ("PR1 OAA", "PR1 0AA"),
        ("sw1a1aa", "SW1A 1AA"),
        ("W1A 0AX", "W1A 0AX"),
        ("M1 1AE", "M1 1AE"),
        ("B33 8TH", "B33 8TH"),
        ("DN55 1PT", "DN55 1PT"),
        ("EC1A 1BB", "EC1A 1BB"),
    ],
)
def test_a_postcode_is_read_as_people_type_it(typed: str, printed: str) -> None:
    postcode = Postcode.parse(typed)
    assert postcode is not None
    assert postcode.text == str(postcode) == normalise(typed) == printed


@pytest.mark.parametrize(
    "typed", ["", "Preston", "PR1", "PR1 2H", "PR1 22E", "QQ1 1AA", "PP1 2AB", "PR1 2HC", "1PR 2HE", "P" * 500, "١٢٣٤٥"]
)
def test_what_is_no_postcode_is_not_guessed(typed: str) -> None:
    assert Postcode.parse(typed) is None
    assert normalise(typed) is None


def test_a_postcode_knows_its_parts() -> None:
    postcode = Postcode("SW1A", "1AA")
    assert (postcode.area, postcode.sector, postcode.compact) == ("SW", "SW1A 1", "SW1A1AA")


def test_northern_ireland_and_the_islands_are_told_apart() -> None:
    belfast, douglas = Postcode.parse("BT1 1AA"), Postcode.parse("IM1 1AA")
    assert belfast is not None
    assert douglas is not None
    assert (belfast.is_northern_ireland, belfast.is_crown_dependency) == (True, False)
    assert (douglas.is_northern_ireland, douglas.is_crown_dependency) == (False, True)


def test_the_first_half_alone_is_read() -> None:
    assert (parse_outward("pr1"), parse_outward("sw1a"), parse_outward("preston")) == ("PR1", "SW1A", None)


@given(st.text(max_size=30))
def test_any_text_is_a_postcode_or_none(typed: str) -> None:
    printed = normalise(typed)
    if printed is not None:
        assert normalise(printed) == printed
        assert normalise(printed.replace(" ", "").lower()) == printed


def test_the_grid_agrees_with_the_worked_example_of_ordnance_survey() -> None:
    # Caister water tower, E 651409.903 N 313177.270; the guide's answer on WGS 84 differs by the shift's accuracy.
    lats, lons = grid_to_lat_lon(np.array([651409.903, np.nan]), np.array([313177.270, 1.0]))
    assert distance_metres(lats[0], lons[0], 52.657977, 1.716038) < 5
    assert np.isnan(lats[1])


def test_distances_are_metres_along_the_surface() -> None:
    assert distance_metres(53.759, -2.699, 53.759, -2.699) == 0
    # Preston to Manchester, about 27 miles as the crow flies.
    assert distance_metres(53.759, -2.699, 53.480, -2.242) == pytest.approx(43_300, abs=500)
    assert distance_metres(0, 0, 0, 180) == pytest.approx(20_015_115, abs=10)


def test_towns_are_found_however_they_are_written() -> None:
    for typed in ("Preston", "preston", "Preston, Lancashire", " PRESTON "):
        town = find_town(typed)
        assert town is not None
        assert town.name == "Preston"
    names = {
        typed: find_town(typed)
        for typed in ("Saint Helens", "Kings Lynn", "poulton le fylde", "Hull", "Burton-on-Trent")
    }
    assert [town.name if town else None for town in names.values()] == [
        "St Helens", "King's Lynn", "Poulton-le-Fylde", "Hull", "Burton upon Trent",
    ]  # fmt: skip
    assert find_town("Atlantis") is None
    assert find_town("x" * 1000) is None


def test_every_town_lies_in_great_britain() -> None:
    assert len({town.name for town in TOWNS}) == len(TOWNS) > 200
    assert all(is_in_great_britain(town.lat, town.lon) for town in TOWNS)


def test_a_table_with_degrees_is_read() -> None:
    (batch,) = read_postcodes(io.BytesIO(b"postcode,lat,lon,lad_code\nPR1 2HE,53.76134,-2.70738,E07000123\n"))
    assert list(batch.records()) == [("PR1 2HE", 53.76134, -2.70738, "E07000123")]


def test_a_table_on_the_grid_is_read_under_the_names_of_the_ons() -> None:
    content = gzip.compress(b"pcds,oseast1m,osnrth1m,lad25cd\nPR1 2HE,353474,429539,E07000123\n")
    (batch,) = read_postcodes(io.BytesIO(content))
    ((postcode, lat, lon, lad_code),) = batch.records()
    assert (postcode, lad_code) == ("PR1 2HE", "E07000123")
    assert distance_metres(lat, lon, 53.7601, -2.7072) < 20


def test_rows_that_are_no_postcodes_are_named_and_others_left_out() -> None:
    content = (
        b"postcode,lat,lon,lad_code\nnonsense,53,-2,E07000123\nPR1 2HE,5,-2,E07000123\nPR1 2HF,53.7,here,E07000123\n"
        b"BT1 1AA,54.6,-5.9,N09000003\nPR1 2HG,99.999999,0,E07000123\nPR1 2HH,,,E07000123\nPR1 2HJ,53.7,-2.7,odd\nPR1\n"
    )
    (batch,) = read_postcodes(io.BytesIO(content))
    assert list(batch.records()) == [("PR1 2HJ", 53.7, -2.7, "")]
    assert sorted((number, message) for number, message, _ in batch.bad_rows) == [
        (1, "This is not a postcode."),
        (2, "The coordinates lie outside Great Britain."),
        (3, "The coordinates are not numbers."),
        (8, "The row has 1 columns, the heading has 4."),
    ]
    assert batch.left_out == {"northern ireland": 1, "no grid reference": 2}
    assert batch.rows == 8


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"name,town\nx,y\n", "expected the columns postcode"),
        (b"postcode,lat,lon,lad_code\n", "no usable postcode"),
        (b"\x89PNG\r\n", "PNG"),
    ],
)
def test_what_is_no_postcode_table_is_refused(content: bytes, word: str) -> None:
    with pytest.raises(UnreadableFile, match=word):
        list(read_postcodes(io.BytesIO(content)))


@pytest.mark.slow
def test_the_packaged_directory_holds_great_britain() -> None:
    wanted = {"PR1 2HE", "SW1A 1AA", "ZE1 0AA"}
    found: dict[str, tuple[float, float, str]] = {}
    rows = count = 0
    for batch in packaged_postcodes():
        rows += batch.rows
        count += len(batch.postcodes)
        assert len(batch.lats) == len(batch.lons) == len(batch.lad_codes) == len(batch.postcodes)
        assert np.all((batch.lats > 49.8) & (batch.lats < 60.95))
        if wanted & set(batch.postcodes):
            found |= {record[0]: record[1:] for record in batch.records() if record[0] in wanted}
    assert 2_500_000 < count < rows
    assert found["PR1 2HE"] == (53.76134, -2.70738, "E07000123")
    assert distance_metres(*found["SW1A 1AA"][:2], 51.5010, -0.1416) < 100
    assert set(found) == wanted


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_table_is_read_whole() -> None:
    counts = [
        (batch.rows, len(batch.postcodes)) for batch in read_postcodes(shared_file("geo/postcodes_gb_live.csv.xz"))
    ]
    assert sum(rows for rows, _ in counts) == sum(taken for _, taken in counts) == 1_739_248
