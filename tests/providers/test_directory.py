"""Every layout of the regulator's directory, in small samples made by hand."""

import gzip
import io
import json
import lzma
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.textfiles import UnreadableFile
from marketplace.providers.directory import (
    Layout,
    NoteKind,
    Rating,
    RegisterLocation,
    RegisterProvider,
    RegisterStatus,
    RowNote,
    WrongLayout,
    read_directory,
)
from tests.providers.directory_samples import api_location, api_provider, download, filters, joined, ratings_rows

Item = RegisterLocation | RegisterProvider | RowNote


def read(content: bytes | str, format: str = "auto") -> list[Item]:
    return list(read_directory(io.BytesIO(content.encode() if isinstance(content, str) else content), format))


def locations(items: list[Item]) -> list[RegisterLocation]:
    return [item for item in items if isinstance(item, RegisterLocation)]


def notes(items: list[Item]) -> list[tuple[str, str | None, str]]:
    return [(item.kind.value, item.field, item.value) for item in items if isinstance(item, RowNote)]


def one(items: list[Item]) -> RegisterLocation:
    (location,) = locations(items)
    return location


# --- the joined table


def test_a_row_of_the_joined_table_is_read_whole() -> None:
    items = read(
        joined(
            name=" ROSE  COTTAGE ", service_types="Care home service with nursing|Long-term conditions",
            specialisms="Sensory impairments|Learning Disabilities or autistic spectrum disorder|Dementia",
            beds="24", phone="01772 123456", website="www.rosecottage.example", rating_overall="Requires Improvement",
            rating_safe="Good", rating_date="2024-05-06", last_inspection_date="2024-03-02", as_of="2026-02",
            brand_name="BRAND Roses", companies_house_number="1234567", postcode="pr12he", lad_code="E07000123",
        )
    )  # fmt: skip
    location = one(items)
    assert location.name == "ROSE COTTAGE"
    assert location.service_types == ("Care home service with nursing", "Long term conditions services")
    assert location.specialisms == ("Dementia", "Learning disabilities", "Sensory impairment")
    assert (location.is_care_home, location.beds) == (True, 24)
    assert (location.phone, location.website) == ("01772123456", "https://www.rosecottage.example")
    assert location.ratings is not None
    assert (location.ratings.overall, location.ratings.safe) == (Rating.REQUIRES_IMPROVEMENT, Rating.GOOD)
    assert location.ratings.published_on == date(2024, 5, 6)
    assert location.last_inspection_on == date(2024, 3, 2)
    assert (location.brand_name, location.company_number) == ("Roses", "01234567")
    assert (location.postcode, location.lat, location.lon) == ("PR1 2HE", 53.76134, -2.70738)
    assert (location.status, location.as_of) == (RegisterStatus.REGISTERED, "2026-02")
    assert location.url == "https://www.cqc.org.uk/location/1-1000000001"
    assert location.source_layout is Layout.JOINED
    assert notes(items) == [("corrected", "company_number", "1234567"), ("corrected", "postcode", "pr12he")]


def test_a_missing_rating_is_not_rated_and_words_stay_words() -> None:
    for words, rating in {
        "": None,
        "Not rated": None,
        "Inspected but not rated": Rating.INSPECTED_NOT_RATED,
        "Insufficient evidence to rate": Rating.INSUFFICIENT_EVIDENCE,
        "No published rating": Rating.NO_PUBLISHED_RATING,
    }.items():
        ratings = one(read(joined(rating_overall=words))).ratings
        assert ratings is not None
        assert ratings.overall is rating


def test_a_closed_location_is_closed() -> None:
    assert one(read(joined(status="closed"))).status is RegisterStatus.CLOSED


def test_unknown_kind_and_beds_are_unknown_rather_than_zero() -> None:
    location = one(read(joined(care_home="", service_types="", specialisms="", beds="")))
    assert (location.is_care_home, location.service_types, location.specialisms, location.beds) == (None, (), (), None)
    assert one(read(joined(care_home="N", beds="0"))).beds is None


def test_fields_that_would_mislead_are_refused_and_the_row_stays() -> None:
    items = read(
        joined(
            phone="016295318110", lat="5.1", lon="-2.7", beds="many", website="javascript:alert(1)", postcode="NOWHERE",
            rating_overall="Splendid", rating_date="2024-13-40",
            service_types="Rocket service|Domiciliary care service",
            provider_id="'; drop table", companies_house_number="nonsense!", region="Narnia",
        )
    )  # fmt: skip
    location = one(items)
    assert location.service_types == ("Domiciliary care service",)
    for field in ("phone", "lat", "lon", "beds", "website", "postcode", "provider_id", "company_number", "region"):
        assert getattr(location, field) is None, field
    assert {field for kind, field, _ in notes(items) if kind == "refused"} == {
        "phone", "lat", "beds", "website", "postcode", "rating_overall", "rating_date", "service_types",
        "provider_id", "company_number", "region",
    }  # fmt: skip


def test_exchanged_coordinates_are_put_right_with_a_note() -> None:
    items = read(joined(lat="-2.70738", lon="53.76134"))
    location = one(items)
    assert (location.lat, location.lon) == (53.76134, -2.70738)
    assert notes(items) == [("corrected", "lat", "-2.70738, 53.76134")]


@pytest.mark.parametrize(
    "change", [{"location_id": ""}, {"location_id": "1-2"}, {"location_id": "x'"}, {"name": "  "}, {"status": "open"}]
)
def test_rows_without_identity_are_refused_whole(change: dict[str, str]) -> None:
    items = read(joined(**change))
    assert not locations(items)
    ((kind, field, _),) = notes(items)
    assert (kind, field) == ("refused", None)


def test_organisation_codes_of_the_nhs_are_ids_too() -> None:
    assert one(read(joined(location_id="RREU3", provider_id="RRE"))).provider_id == "RRE"


def test_repeated_rows_come_once() -> None:
    heading, row = joined(specialisms="Dementia").splitlines()
    _, again = joined(specialisms="Eating disorders").splitlines()
    _, other = joined(location_id="1-1000000002").splitlines()
    items = read("\n".join((heading, row, again, other, again)))
    assert [location.location_id for location in locations(items)] == ["1-1000000001", "1-1000000002"]
    assert locations(items)[0].specialisms == ("Dementia", "Eating disorders")
    assert [item.kind for item in items if isinstance(item, RowNote)] == [NoteKind.SKIPPED] * 2


# --- the search download


def test_the_search_download_gives_social_care_locations_and_providers() -> None:
    items = read(
        download(
            {"Name": " Care at Home", "Service types": "Homecare agencies,Supported living"},
            {"Name": "Surgery", "CQC Location ID (for office use only)": "1-1000000002",
             "Service types": "Doctors/GPs,Doctors/GPs"},
            {"Name": "A Group", "CQC Location ID (for office use only)": "", "Service types": "Organisation",
             "Specialisms/services": "Treatment of disease, disorder or injury,Personal care"},
            {"Name": "Dental Group", "CQC Location ID (for office use only)": "",
             "CQC Provider ID (for office use only)": "1-2000000009", "Service types": "Partnership",
             "Specialisms/services": "Treatment of disease, disorder or injury,Surgical procedures"},
        )
    )  # fmt: skip
    location = one(items)
    assert location.name == "Care at Home"
    assert location.service_types == ("Domiciliary care service", "Supported living service")
    assert (location.is_care_home, location.ratings, location.as_of) == (False, None, None)
    (provider,) = [item for item in items if isinstance(item, RegisterProvider)]
    assert (provider.name, provider.ownership) == ("A Group", "Organisation")
    assert [kind for kind, _, _ in notes(items)] == ["skipped", "skipped"]


def test_service_types_with_a_comma_in_their_name_stay_whole() -> None:
    mental = (
        "Hospital services for people with mental health needs, learning disabilities and problems with substance "
        "misuse"
    )
    assert one(read(download({"Service types": f"{mental},Homecare agencies"}))).service_types == (
        "Domiciliary care service", mental,
    )  # fmt: skip


# --- the directory with filters


def test_the_directory_with_filters_reads_us_dates_and_brands() -> None:
    items = read(
        filters(
            {"Publication Date": "12/25/2024 12:00:00 AM", "Location HSCA start date": "2011-02-01",
             "Location ADASS Region": "Greater London (ADASS Region)", "Brand Name": "BRAND Voyage", "Dormant": "Y"},
        )
    )  # fmt: skip
    location = one(items)
    assert location.ratings is not None
    assert location.ratings.published_on == date(2024, 12, 25)
    assert (location.registered_on, location.is_dormant) == (date(2011, 2, 1), True)
    assert (location.region, location.brand_name) == ("London", "Voyage")
    assert location.postcode is None
    assert location.status is RegisterStatus.REGISTERED


def test_a_publication_date_that_repeats_the_registration_is_no_date_of_a_rating() -> None:
    row = {"Publication Date": "2/1/2011 12:00:00 AM", "Location HSCA start date": "2011-02-01"}
    ratings = one(read(filters(row))).ratings
    assert ratings is not None
    assert (ratings.overall, ratings.published_on) == (Rating.GOOD, None)


def test_an_end_date_closes() -> None:
    location = one(read(filters({"Location HSCA end date": "2024-06-30"})))
    assert (location.status, location.closed_on) == (RegisterStatus.CLOSED, date(2024, 6, 30))


def test_other_inspection_categories_are_skipped() -> None:
    row = {"Primary inspection category": "Independent consulting doctors", "Service Types": "Mobile doctors service"}
    items = read(filters(row))
    assert not locations(items)
    assert notes(items) == [("skipped", None, "Independent consulting doctors")]


# --- the directory with ratings


def test_rows_of_the_ratings_layout_become_one_location() -> None:
    items = read(
        ratings_rows(
            ("1-1000000001", "Y", "Overall", "Overall", "Good", "03/27/2024"),
            ("1-1000000001", "Y", "Overall", "Safe", "Requires improvement", "03/27/2024"),
            ("1-1000000002", "N", "Overall", "Overall", "Outstanding", "01/02/2023"),
            ("1-1000000001", "Y", "Overall", "Well-led", "Good", "03/27/2024"),
            ("1-1000000001", "Y", "Overall", "Well-led", "Inadequate", "01/05/2019"),
            ("1-1000000003", "N", "Older people", "Safe", "Good", "01/05/2019"),
        )
    )
    first, second, third = locations(items)
    assert first.ratings is not None
    assert (first.ratings.overall, first.ratings.safe, first.ratings.well_led, first.ratings.caring) == (
        Rating.GOOD, Rating.REQUIRES_IMPROVEMENT, Rating.GOOD, None,
    )  # fmt: skip
    assert first.ratings.published_on == date(2024, 3, 27)
    assert (first.is_care_home, first.may_create, first.status) == (True, True, None)
    # Rated, not a care home, no category: it may be a surgery, so it only updates what is known.
    assert (second.location_id, second.may_create) == ("1-1000000002", False)
    assert third.ratings is not None
    assert (third.ratings.overall, third.ratings.safe, third.may_create) == (None, None, False)
    assert third.ratings.groups == {"Older people": {"safe": {"rating": "Good", "published_on": "2019-01-05"}}}
    assert [(kind, field) for kind, field, _ in notes(items)] == [("skipped", "rating")]


# --- API records


def test_api_locations_are_read_registered_or_not() -> None:
    closed = api_location(
        locationId="1-1000000002", registrationStatus="Deregistered", deregistrationDate="2021-12-20",
        relationships=[{"type": "HSCA Successor", "relatedLocationId": "1-1000000003"}],
    )  # fmt: skip
    first, second = locations(read(api_location() + closed))
    assert first.ratings is not None
    assert (first.ratings.overall, first.ratings.well_led) == (Rating.GOOD, Rating.OUTSTANDING)
    assert first.ratings.published_on == date(2018, 10, 10)
    assert (first.status, first.beds, first.is_care_home) == (RegisterStatus.REGISTERED, 22, True)
    assert first.service_types == ("Care home service without nursing",)
    assert (second.status, second.closed_on) == (RegisterStatus.CLOSED, date(2021, 12, 20))
    assert second.succeeded_by == "1-1000000003"


def test_api_providers_are_read() -> None:
    items = read(api_provider())
    (provider,) = items
    assert isinstance(provider, RegisterProvider)
    assert (provider.name, provider.company_number, provider.ownership) == ("Rose Care Ltd", "11708723", "Organisation")


def test_api_records_of_other_kinds_and_broken_lines_are_left_out() -> None:
    dentist = api_location(
        locationId="1-1000000002", type="Primary Dental Care", inspectionDirectorate="Primary medical services",
        gacServiceTypes=[{"name": "Dentist", "description": "Dental service"}],
    )  # fmt: skip
    broken = '{"locationId": "1-1000000003", \n' + "[]\n" + '{"other": 1}\n' + "[" * 5000 + "\n"
    odd = api_location(
        locationId="1-1000000004", numberOfBeds={"a": 1}, specialisms="Dementia", currentRatings=[], lastInspection=7,
        onspdLatitude="x", mainPhoneNumber=None, relationships=[None],
    )  # fmt: skip
    items = read(api_location() + dentist + broken + odd)
    assert [location.location_id for location in locations(items)] == ["1-1000000001", "1-1000000004"]
    assert [kind for kind, field, _ in notes(items) if field is None] == ["skipped"] + ["refused"] * 4


# --- layouts told apart


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_packing_and_a_byte_order_mark_do_not_matter(pack: Any) -> None:
    reading = read_directory(io.BytesIO(pack(b"\xef\xbb\xbf" + joined().encode())))
    assert reading.layout is Layout.JOINED
    assert len(list(reading)) == 1
    assert (reading.rows_read, reading.fraction) == (1, 1.0)


def test_a_title_above_the_heading_is_passed_over() -> None:
    assert len(locations(read("Directory of places,,\nDownloaded today,,\n" + filters({})))) == 1


def test_headings_match_without_regard_to_case_and_order() -> None:
    rows = [line.split(",") for line in joined().splitlines()]
    turned = "\n".join(",".join(reversed(row)) for row in rows).replace("location_id", "Location_ID ")
    assert one(read(turned)).location_id == "1-1000000001"


def test_cp1252_names_are_read() -> None:
    assert one(read(joined(name="St Mary’s – Café").encode("cp1252"))).name == "St Mary’s – Café"


def test_a_wrong_layout_says_which_columns_were_expected() -> None:
    with pytest.raises(WrongLayout, match=r"Expected columns are: .*location_id"):
        read("postcode,lat,lon\nPR1 2HE,53,-2\n")
    with pytest.raises(WrongLayout, match=r"looks like the 47-column joined table.*missing: status"):
        read(joined().replace(",status", ",state", 1))
    with pytest.raises(WrongLayout, match="directory with filters"):
        read(joined(), format="filters")
    with pytest.raises(WrongLayout, match="Known are: auto, joined"):
        read(joined(), format="excel")
    with pytest.raises(WrongLayout, match="locationId"):
        read(json.dumps({"some": "thing"}))
    with pytest.raises(WrongLayout, match="2 times"):
        read(joined().replace("also_known_as", "name", 1))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
        (gzip.compress(joined().encode())[:-9], "damaged"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, word: str) -> None:
    with pytest.raises(UnreadableFile, match=word):
        read(content)


def test_hostile_rows_cost_themselves_alone() -> None:
    heading, row = joined().splitlines()
    good = row.replace("1-1000000001", "1-1000000002")
    hostile = [
        row + ",more,cells",
        "only,three,cells",
        row.replace("Rose Cottage", "Rose\x00Cottage"),
        row.replace("Rose Cottage", '"Rose Cottage'),
        ",".join(["=cmd|' /C calc'!A0"] * len(heading.split(","))),
    ]
    items = read("\n".join([heading, *hostile, good]))
    assert [location.location_id for location in locations(items)] == ["1-1000000002"]
    assert [kind for kind, field, _ in notes(items) if field is None] == ["refused"] * 5


def test_control_characters_never_reach_a_name() -> None:
    items = read(joined(name="Rose\u202eCottage\x07 \u200bHouse", town="Leyland\u2028"))
    assert one(items).name == "Rose Cottage House"
    assert one(items).town == "Leyland"


SAMPLES = [
    joined().encode(), download({}, {}).encode(), filters({}, {}).encode(), api_location().encode() * 2,
    ratings_rows(("1-1000000001", "Y", "Overall", "Overall", "Good", "03/27/2024")).encode(),
    gzip.compress(joined().encode()),
]  # fmt: skip


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=300, deadline=None)
def test_damage_anywhere_gives_rows_notes_or_one_clear_error(sample: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(sample)))
    cut = data.draw(st.integers(0, 30))
    damaged = sample[:start] + data.draw(st.binary(max_size=40)) + sample[start + cut :]
    try:
        items = read(damaged)
    except UnreadableFile:
        return
    assert all("\x00" not in repr(item) for item in items)
