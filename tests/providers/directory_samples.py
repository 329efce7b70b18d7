"""Small files in the layouts of the regulator's directory; every value in them is invented."""

import csv
import io
import json
import random
from typing import Any

_JOINED = (
    "location_id,name,also_known_as,provider_id,provider_name,brand_name,companies_house_number,care_home,"
    "primary_category,service_types,service_types_raw,specialisms,beds,address1,address2,town,county,postcode,"
    "local_authority,region,lat,lon,phone,website,rating_overall,rating_safe,rating_effective,rating_caring,"
    "rating_responsive,rating_well_led,rating_date,last_inspection_date,last_report_date,snapshots,latest_snapshot,"
    "as_of,status,listed_homecare_2024,service_types_basis,lad_code,lad_name,utla_name,postcode_found,coord_source,"
    "local_authority_source,cqc_url,area_group"
)
_DOWNLOAD = (
    "Name,Address 1,Address 2,Town/City,County,Postcode,Phone number,CQC Provider ID (for office use only),"
    "CQC Location ID (for office use only),Website,Local authority,Region,Report publication date,URL,Also known as,"
    "Specialisms/services,Service types,Provider name"
)
_FILTERS = (
    "Location Name,Location ID,Location telephone number,Location Web Address,Location Local Authority,"
    "Location ADASS Region,Primary inspection category,Service Types,Care homes beds,Location HSCA start date,"
    "Location HSCA end date,Dormant,Location Latest Overall Rating,Publication Date,Service users supported,"
    "Location safe rating,Location effective rating,Location caring rating,Location responsive rating,"
    "Location well-led rating,Provider Name,Provider ID,Provider Companies House Number,Brand Name"
)
_RATINGS = (
    "Location ID,Location Name,Care Home?,Location Street Address,Location City,Location Post Code,"
    "Location Local Authority,Service / Population Group,Domain,Latest Rating,Publication Date,URL,Provider ID,"
    "Provider Name"
)
JOINED_COLUMNS = _JOINED.split(",")
DOWNLOAD_COLUMNS = _DOWNLOAD.split(",")
FILTERS_COLUMNS = _FILTERS.split(",")
RATINGS_COLUMNS = _RATINGS.split(",")


def table(columns: list[str], rows: list[dict[str, str]]) -> str:
    """Write rows below a heading; columns that a row does not name stay empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def joined_row(**changes: str) -> dict[str, str]:
    """One row of the joined table."""
    return {
        "location_id": "1-1000000001",
        "name": "Rose Cottage",
        "provider_id": "1-2000000001",
        "provider_name": "Rose Care Ltd",
        "care_home": "Y",
        "service_types": "Care home service without nursing",
        "specialisms": "Dementia",
        "address1": "1 High Street",
        "town": "Preston",
        "postcode": "PR1 2HE",
        "local_authority": "Lancashire",
        "region": "North West",
        "lat": "53.76134",
        "lon": "-2.70738",
        "rating_overall": "Good",
        "as_of": "2026-02",
        "status": "registered",
        **changes,
    }


def joined(*rows: dict[str, str], **changes: str) -> str:
    """The joined table: rows made with `joined_row`, or one row with changes."""
    return table(JOINED_COLUMNS, list(rows) or [joined_row(**changes)])


def download(*rows: dict[str, str]) -> str:
    """The register's search download."""
    plain = {
        "Name": "Care at Home",
        "Postcode": "PR1 2HE",
        "CQC Provider ID (for office use only)": "1-2000000001",
        "CQC Location ID (for office use only)": "1-1000000001",
        "Specialisms/services": "Caring for adults over 65 yrs,Dementia",
        "Service types": "Homecare agencies",
        "Provider name": "Rose Care Ltd",
        "Region": "North West",
    }
    return table(DOWNLOAD_COLUMNS, [plain | row for row in rows])


def filters(*rows: dict[str, str]) -> str:
    """The directory with filters."""
    plain = {
        "Location Name": " Rose Homecare",
        "Location ID": "1-1000000001",
        "Primary inspection category": "Community based adult social care services",
        "Service Types": "Domiciliary care service, Supported living service",
        "Care homes beds": "0",
        "Location Latest Overall Rating": "Good",
        "Service users supported": "Dementia, Sensory impairment",
        "Provider Name": "Rose Care Ltd",
        "Provider ID": "1-2000000001",
    }
    return table(FILTERS_COLUMNS, [plain | row for row in rows])


def ratings_rows(*rows: tuple[str, str, str, str, str, str]) -> str:
    """The directory with ratings: id, care home, group, domain, rating, date of each row."""
    return table(
        RATINGS_COLUMNS,
        [
            {
                "Location ID": location_id,
                "Location Name": "Rose Cottage",
                "Care Home?": care_home,
                "Location Post Code": "PR1 2HE",
                "Service / Population Group": group,
                "Domain": domain,
                "Latest Rating": rating,
                "Publication Date": published,
                "Provider ID": "1-2000000001",
                "Provider Name": "Rose Care Ltd",
            }
            for location_id, care_home, group, domain, rating, published in rows
        ],
    )


QUESTIONS = ("Overall", "Safe", "Effective", "Caring", "Responsive", "Well-led")


def rating_row(location: int = 1, /, **changes: str) -> dict[str, str]:
    """One row of the directory with ratings, as its headings name it; `location` numbers the location."""
    return {
        "Location ID": f"1-100000{location:04}",
        "Location Name": f"Home {location}",
        "Care Home?": "Y",
        "Location Street Address": f"{location} High Street",
        "Location City": "Preston",
        "Location Post Code": "PR1 2HE",
        "Location Local Authority": "Lancashire",
        "Service / Population Group": "Overall",
        "Domain": "Overall",
        "Latest Rating": "Good",
        "Publication Date": "03/27/2024",
        "URL": f"https://www.cqc.org.uk/location/1-100000{location:04}",
        "Provider ID": f"1-200000{location:04}",
        "Provider Name": f"Provider {location} Ltd",
        **changes,
    }


def rated(location: int, /, **changes: str) -> list[dict[str, str]]:
    """The six rows of a location, in the regulator's order."""
    return [rating_row(location, **{"Domain": question, **changes}) for question in QUESTIONS]


def ratings_table(*rows: dict[str, str]) -> str:
    """The directory with ratings, from rows of `rating_row` and `rated`."""
    return table(RATINGS_COLUMNS, list(rows))


def ratings_of_many(locations: int, seed: int = 4) -> str:
    """A directory with ratings whose rows stand in no order at all: six for each location and one repetition in ten."""
    rows = [row for number in range(1, locations + 1) for row in rated(number)]
    rng = random.Random(seed)
    rows += rng.sample(rows, len(rows) // 10)
    rng.shuffle(rows)
    return ratings_table(*rows)


def api_location(**changes: Any) -> str:
    """A location record of the API, as a line."""
    record = {
        "locationId": "1-1000000001",
        "providerId": "1-2000000001",
        "organisationType": "Location",
        "type": "Social Care Org",
        "name": "Rose Cottage",
        "registrationStatus": "Registered",
        "registrationDate": "2010-12-07",
        "careHome": "Y",
        "numberOfBeds": 22,
        "postalAddressLine1": "1 High Street",
        "postalAddressTownCity": "Preston",
        "postalCode": "PR1 2HE",
        "onspdLatitude": 53.76134,
        "onspdLongitude": -2.70738,
        "region": "North West",
        "localAuthority": "Lancashire",
        "inspectionDirectorate": "Adult social care",
        "gacServiceTypes": [{"name": "Residential homes", "description": "Care home service without nursing"}],
        "specialisms": [{"name": "Dementia"}],
        "lastInspection": {"date": "2018-09-11"},
        "currentRatings": {
            "overall": {
                "rating": "Good",
                "reportDate": "2018-10-10",
                "keyQuestionRatings": [{"name": "Well-led", "rating": "Outstanding"}],
            }
        },
        **changes,
    }
    return json.dumps(record) + "\n"


def api_provider(**changes: Any) -> str:
    """A provider record of the API, as a line."""
    record = {
        "providerId": "1-2000000001",
        "organisationType": "Provider",
        "ownershipType": "Organisation",
        "type": "Social Care Org",
        "name": "Rose Care Ltd",
        "registrationStatus": "Registered",
        "companiesHouseNumber": "11708723",
        "inspectionDirectorate": "Adult social care",
        "region": "North West",
        **changes,
    }
    return json.dumps(record) + "\n"
