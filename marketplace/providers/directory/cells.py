"""One row's cells, cleaned: every change and every refusal leaves a `RowNote`.

The register writes names in capitals and the registered address with odd commas; that is left as it is.
Cleaned are only things that would break or mislead: control characters, impossible dates, coordinates at sea,
telephone numbers with a digit too many, words that are not ratings.
"""

import re
from datetime import date, datetime
from urllib.parse import urlsplit

from marketplace.core.places.postcodes import is_in_great_britain, normalise
from marketplace.providers.directory import names
from marketplace.providers.directory.records import NoteKind, Rating, RowNote

MAX_NAME = 200
MAX_TEXT = 250
MAX_RATING = 60
MAX_BEDS = 1_000
"""The largest care homes of England have some 250 beds; more than this is a slip."""

# Ids of the regulator ("1-10000792582") or, for bodies of the NHS, its organisation codes ("RW4", "RREU3").
_REGISTER_ID = re.compile(r"1-[0-9]{5,12}|[A-Z0-9]{3,10}")
_COMPANY = re.compile(r"[0-9]{8}|[A-Z]{2}[0-9]{6}|[A-Z]{2}[0-9]{5}[A-Z]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_SPACES = re.compile(r"\s{2,}")
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:[T ].*)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_SLASH_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?")
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE)

_RATINGS = {names.key_of(rating): rating for rating in Rating}
_NO_RATING = frozenset({"", "not rated", "no rating", "n/a", "-", "none"})
_EARLIEST, _LATEST = date(1948, 7, 5), date(2100, 1, 1)


class Cells:
    """Reads the cells of one row and gathers the notes about it."""

    __slots__ = ("location_id", "notes", "row_number")

    def __init__(self, row_number: int, location_id: str | None = None) -> None:
        """Start on row `row_number`."""
        self.row_number = row_number
        self.location_id = location_id
        self.notes: list[RowNote] = []

    def note(self, kind: NoteKind, field: str | None, message: str, value: object = "") -> None:
        """Put a line into the row-level report."""
        text = _CONTROL.sub(" ", str(value))[:200]
        self.notes.append(RowNote(self.row_number, self.location_id, field, kind, message, text))

    def refuse(self, field: str, message: str, value: object) -> None:
        """Leave out one field."""
        self.note(NoteKind.REFUSED, field, message, value)

    def correct(self, field: str, message: str, value: object) -> None:
        """Take one field in another form."""
        self.note(NoteKind.CORRECTED, field, message, value)

    def text(self, field: str, value: str | None, limit: int = MAX_TEXT) -> str | None:
        """Trim; None for an empty cell or "NULL"."""
        if not value:
            return None
        clean = value.strip()
        if not clean or clean == "-" or clean.upper() in ("NULL", "N/A"):
            return None
        if not clean.isprintable():
            clean = _CONTROL.sub(" ", clean.replace("\u00a0", " ")).strip()
            self.correct(field, "Control characters or line breaks were replaced by spaces.", value)
        if "  " in clean:
            clean = _SPACES.sub(" ", clean)
        if len(clean) > limit:
            self.correct(field, f"Cut at {limit} characters.", value)
            clean = clean[:limit].rstrip()
        return clean or None

    def register_id(self, field: str, value: str | None) -> str | None:
        """Read an id of the register; a malformed one is refused."""
        clean = (value or "").strip()
        if not clean:
            return None
        if _REGISTER_ID.fullmatch(clean):
            return clean
        self.refuse(field, "This is not an id of the register.", clean)
        return None

    def postcode(self, value: str | None) -> str | None:
        """Read a postcode; one that cannot be a postcode is refused."""
        clean = (value or "").strip()
        if not clean:
            return None
        postcode = normalise(clean)
        if postcode is None:
            self.refuse("postcode", "This is not a postcode.", clean)
        elif postcode != clean:
            self.correct("postcode", f"Written as {postcode}.", clean)
        return postcode

    def coordinates(self, lat_value: object, lon_value: object) -> tuple[float | None, float | None]:
        """Read degrees; both or neither, and only inside Great Britain."""
        lat_text, lon_text = _plain(lat_value), _plain(lon_value)
        if not lat_text and not lon_text:
            return None, None
        try:
            lat, lon = float(lat_text), float(lon_text)
        except ValueError:
            self.refuse("lat", "The coordinates are not two numbers.", f"{lat_text}, {lon_text}")
            return None, None
        if is_in_great_britain(lat, lon):
            return round(lat, 6), round(lon, 6)
        if is_in_great_britain(lon, lat):
            self.correct("lat", "Latitude and longitude were exchanged.", f"{lat_text}, {lon_text}")
            return round(lon, 6), round(lat, 6)
        self.refuse("lat", "The coordinates lie outside Great Britain.", f"{lat_text}, {lon_text}")
        return None, None

    def day(self, field: str, value: str | None, *, us_order: bool = False) -> date | None:
        """Read a date: ISO (a month alone is its first day), or with slashes, a time of day being ignored.

        Args:
            field: Name for the note.
            value: The cell.
            us_order: Month before day, as in the regulator's spreadsheets. A first number above 12 is refused: where
                one day stands first, others may too, and those below the 13th would be wrong by months.
        """
        clean = (value or "").strip()
        if not clean:
            return None
        if us_order and has_day_first(clean):
            self.refuse(field, "The month comes first in this column, and there is no such month.", clean)
            return None
        try:
            read = _read_day(clean, us_order=us_order)
        except ValueError:
            read = None
        if read is None or not _EARLIEST <= read < _LATEST:
            self.refuse(field, "This is not a date.", clean)
            return None
        return read

    def as_of(self, value: str | None) -> str | None:
        """Read the moment that facts were true: an ISO day, or a month ("2026-02"), which sorts before its days."""
        clean = (value or "").strip()
        if not clean:
            return None
        if _MOMENT.fullmatch(clean) and self.day("as_of", clean):
            return clean
        if not any(note.field == "as_of" for note in self.notes):
            self.refuse("as_of", "This is neither a day nor a month.", clean)
        return None

    def phone(self, value: str | None) -> str | None:
        """Read a UK telephone number to its digits; a number of impossible length is refused."""
        clean = (value or "").strip()
        if not clean:
            return None
        digits = _NOT_A_DIGIT.sub("", clean)
        if digits.startswith("44") and len(digits) in (12, 13):
            digits = "0" + digits[2:].removeprefix("0")
        if digits and not digits.startswith("0") and len(digits) in (9, 10):
            digits = "0" + digits
            self.correct("phone", f"A leading zero was added: {digits}.", clean)
        if len(digits) == 11 and digits.startswith("0"):
            return digits
        # Some area codes keep nine-digit national numbers (016977 2345), and so do 0800 and 0500.
        if len(digits) == 10 and digits.startswith(("01", "0800", "0500")):
            return digits
        problem = "a digit too many" if len(digits) == 12 else f"{len(digits)} digits"
        self.refuse("phone", f"The telephone number has {problem}.", clean)
        return None

    def website(self, value: str | None) -> str | None:
        """Read a web address; without a scheme it gets https, and anything but http(s) is refused."""
        clean = (value or "").strip()
        if not clean:
            return None
        address = clean if "://" in clean else f"https://{clean}"
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            parts, host = None, ""
        usable = parts is not None and parts.scheme.lower() in ("http", "https") and not parts.username
        if not usable or not _HOST.fullmatch(host) or not address.isprintable() or len(address) > MAX_TEXT:
            self.refuse("website", "This is not a web address.", clean)
            return None
        if " " in address or '"' in address or "<" in address:
            self.refuse("website", "This is not a web address.", clean)
            return None
        return address

    def company_number(self, value: str | None) -> str | None:
        """Read a Companies House number: eight characters, leading zeros put back."""
        clean = (value or "").strip().upper().replace(" ", "")
        if not clean:
            return None
        if clean.isascii() and clean.isdigit() and 5 <= len(clean) < 8:
            padded = clean.zfill(8)
            self.correct("company_number", f"Leading zeros were put back: {padded}.", clean)
            return padded
        if _COMPANY.fullmatch(clean):
            return clean
        self.refuse("company_number", "This is not a Companies House number.", clean)
        return None

    def rating(self, field: str, value: str | None) -> Rating | None:
        """Read a rating; None is "not rated", and a word that is no rating is refused."""
        if not value:
            return None
        key = names.key_of(value)
        if key in _NO_RATING:
            return None
        rating = _RATINGS.get(key)
        if rating is None:
            self.refuse(field, "This is not a rating.", value)
        return rating

    def any_rating(self, field: str, value: str | None) -> str | None:
        """Read a rating; None is "not rated", and a word that we do not know is kept as it is, with a note."""
        if not value or names.key_of(value) in _NO_RATING:
            return None
        rating = _RATINGS.get(names.key_of(value))
        if rating is not None:
            return rating.value
        word = self.text(field, value, MAX_RATING)
        if word is not None:
            self.note(NoteKind.KEPT, field, "We do not know this rating; it is kept as it is.", word)
        return word

    def beds(self, value: object) -> int | None:
        """Read a number of beds; 0 means that it is not a care home, so no number."""
        clean = _plain(value)
        if not clean:
            return None
        if not (clean.isascii() and clean.isdigit()) or len(clean) > 6 or int(clean) > MAX_BEDS:
            self.refuse("beds", "This is not a number of beds.", clean)
            return None
        return int(clean) or None

    def service_types(self, wordings: list[str]) -> tuple[str, ...]:
        """Bring service types to register wording; unknown ones are left out."""
        found = set()
        for wording in wordings:
            name = names.service_type(wording)
            if name:
                found.add(name)
            elif wording.strip():
                self.refuse("service_types", "This is not a service type that we know.", wording)
        return tuple(sorted(found))

    def specialisms(self, wordings: list[str]) -> tuple[str, ...]:
        """Bring specialisms to one wording; unknown ones are left out."""
        found = set()
        for wording in wordings:
            name = names.specialism(wording)
            if name:
                found.add(name)
            elif wording.strip():
                self.refuse("specialisms", "This is not a specialism that we know.", wording)
        return tuple(sorted(found))

    def region(self, value: str | None) -> str | None:
        """Read one of the nine regions of England; "Unspecified" is none."""
        clean = self.text("region", value)
        if clean is None or clean.lower() == "unspecified":
            return None
        region = names.region(clean)
        if region is None:
            self.refuse("region", "This is not a region of England.", clean)
        return region

    def council(self, value: str | None) -> str | None:
        """Read the name of a council, in one spelling."""
        clean = self.text("local_authority", value)
        return names.council(clean) if clean and clean.lower() != "unspecified" else None


def has_day_first(text: str) -> bool:
    """Whether a date with slashes cannot have the month first: its first number is none, its second one may be."""
    slashed = _SLASH_DATE.fullmatch(text.strip())
    return slashed is not None and int(slashed[1]) > 12 >= int(slashed[2])


def _plain(value: object) -> str:
    return "" if value is None or isinstance(value, bool) else str(value).strip()


def _read_day(text: str, *, us_order: bool) -> date | None:
    iso = _ISO_DATE.fullmatch(text)
    if iso:
        return date(int(iso[1]), int(iso[2]), int(iso[3] or 1))
    slashed = _SLASH_DATE.fullmatch(text)
    if slashed:
        first, second, year = int(slashed[1]), int(slashed[2]), int(slashed[3])
        month, day = (first, second) if us_order else (second, first)
        return date(year, month, day)
    for style in ("%d %B %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y"):
        try:
            # A calendar day has no zone.
            return datetime.strptime(text, style).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
