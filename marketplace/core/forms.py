"""Reading forms: every field is read, every message collected, what was typed is kept."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import date, time
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from marketplace.core.errors import InvalidInput
from marketplace.core.ids import parse_id
from marketplace.core.money import LARGEST_PENCE, Pence, parse_pounds
from marketplace.core.places.postcodes import Postcode

K = TypeVar("K", bound=StrEnum)

_EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$")
_TIME = re.compile(r"^(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?$", re.IGNORECASE | re.ASCII)
_NAMED_TIMES = {"midday": time(12), "noon": time(12), "midnight": time(0)}


class FormReader:
    """Collects fields and what is wrong with them.

    Use the methods for each field, then `done()`. Methods return a usable value even when the field is wrong, so that
    reading goes on and one answer holds every message. `label` is the field's name in mid-sentence: "the postcode".
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.errors: dict[str, str] = {}

    def wrong(self, name: str, message: str) -> None:
        """Note what is wrong with a field; the first message stays."""
        self.errors.setdefault(name, message)

    def done(self) -> None:
        """Finish reading.

        Raises:
            InvalidInput: With every message, by field.
        """
        if self.errors:
            raise InvalidInput(self.errors)

    def raw(self, name: str) -> str:
        """Return what was typed, trimmed, in one Unicode form; the last one when a field came twice."""
        value = self.data.get(name, "")
        if isinstance(value, list):
            value = value[-1] if value else ""
        text = value if isinstance(value, str) else str(value) if value is not None else ""
        return unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()

    def text(self, name: str, label: str, *, required: bool = True, longest: int = 200) -> str:
        """Read a text of at most `longest` characters."""
        value = self.raw(name)
        if "\x00" in value or any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value):
            self.wrong(name, f"{_sentence(label)} must not hold control characters")
            return ""
        if not value and required:
            self.wrong(name, f"Enter {label}")
        elif len(value) > longest:
            self.wrong(name, f"{_sentence(label)} must be {longest:,} characters or fewer")
        return value

    def choice(self, name: str, label: str, kind: type[K], *, required: bool = True) -> K | None:
        """Read one member of an enumeration."""
        value = self.raw(name)
        if not value:
            if required:
                self.wrong(name, f"Select {label}")
            return None
        try:
            return kind(value)
        except ValueError:
            self.wrong(name, f"Select {label} from the list")
            return None

    def option(self, name: str, label: str, options: Collection[str], *, required: bool = True) -> str:
        """Read one of some given texts."""
        value = self.raw(name)
        if not value:
            if required:
                self.wrong(name, f"Select {label}")
        elif value not in options:
            self.wrong(name, f"Select {label} from the list")
            return ""
        return value

    def options(self, name: str, label: str, options: Collection[str], *, required: bool = False) -> list[str]:
        """Read any number of some given texts, in the order of `options`."""
        value = self.data.get(name, [])
        given = {str(item) for item in (value if isinstance(value, list) else [value]) if str(item)}
        if given - set(options):
            self.wrong(name, f"Select {label} from the list")
        if required and not given:
            self.wrong(name, f"Select {label}")
        return [option for option in options if option in given]

    def ticked(self, name: str) -> bool:
        """Whether a single checkbox was ticked."""
        return self.raw(name) in {"yes", "on", "true", "1"}

    def number(self, name: str, label: str, *, least: int, most: int, required: bool = True) -> int:
        """Read a whole number within bounds; `least` when it is wrong or absent."""
        value = self.raw(name).replace(",", "")
        if not value:
            if required:
                self.wrong(name, f"Enter {label}")
            return least
        if not value.isascii() or not value.lstrip("-").isdecimal() or len(value) > 12:
            self.wrong(name, f"{_sentence(label)} must be a whole number, like {least + 1}")
            return least
        number = int(value)
        if not least <= number <= most:
            self.wrong(name, f"{_sentence(label)} must be between {least:,} and {most:,}")
            return least
        return number

    def pounds(
        self, name: str, label: str, *, least: int = 0, most: int = LARGEST_PENCE, required: bool = True
    ) -> Pence | None:
        """Read an amount of money; bounds are pence."""
        value = self.raw(name)
        if not value:
            if required:
                self.wrong(name, f"Enter {label}, like 75.50")
            return None
        amount = parse_pounds(value)
        if amount is None:
            self.wrong(name, f"{_sentence(label)} must be an amount in pounds, like 75 or 75.50")
            return None
        if amount < least:
            self.wrong(name, f"{_sentence(label)} must be £{least / 100:,.2f} or more")
        elif amount > most:
            self.wrong(name, f"{_sentence(label)} must be £{most / 100:,.2f} or less")
        return amount

    def day(self, name: str, label: str, *, required: bool = True) -> date | None:
        """Read a date from three fields (`name-day`, `name-month`, `name-year`) or one ISO field (`name`)."""
        whole = self.raw(name)
        parts = [self.raw(f"{name}-{part}") for part in ("day", "month", "year")]
        if whole and not any(parts):
            parts = list(reversed(whole.split("-")))
        if not any(parts):
            if required:
                self.wrong(name, f"Enter {label}, like 27 3 2027")
            return None
        for part, word in zip(parts, ("day", "month", "year"), strict=False):
            if not part:
                self.wrong(name, f"{_sentence(label)} must include a {word}")
                return None
        if len(parts) == 3 and all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in parts):
            try:
                day = date(int(parts[2]), int(parts[1]), int(parts[0]))
            except ValueError:
                day = None
            if day is not None and 1900 <= day.year <= 2200:
                return day
        self.wrong(name, f"{_sentence(label)} must be a real date, like 27 3 2027")
        return None

    def clock_time(self, name: str, label: str, *, required: bool = True) -> time | None:
        """Read a time of day as people type it: 8:30, 08.30, 8am, 5:15pm, 17:15, midday."""
        value = self.raw(name)
        if not value:
            if required:
                self.wrong(name, f"Enter {label}, like 8:30am")
            return None
        # Pages write the two so (`formats.uk_time`), and people type what they read.
        if value.lower() in _NAMED_TIMES:
            return _NAMED_TIMES[value.lower()]
        match = _TIME.match(value)
        if match:
            hour, minute, half = int(match.group(1)), int(match.group(2) or 0), (match.group(3) or "").lower()
            if half and not 1 <= hour <= 12:
                hour = 99
            elif half:
                hour = hour % 12 + (12 if half == "pm" else 0)
            if hour <= 23 and minute <= 59 and (half or match.group(2)):
                return time(hour, minute)
        self.wrong(name, f"{_sentence(label)} must be a time, like 8:30am or 17:15")
        return None

    def postcode(self, name: str, label: str, *, required: bool = True) -> str:
        """Read a UK postcode; returns it in its usual writing, "PR1 2HE"."""
        value = self.raw(name)
        if not value:
            if required:
                self.wrong(name, f"Enter {label}")
            return ""
        postcode = Postcode.parse(value)
        if postcode is None:
            self.wrong(name, f"{_sentence(label)} must be a full UK postcode, like PR1 2HE")
            return ""
        return str(postcode)

    def email(self, name: str, label: str, *, required: bool = True) -> str:
        """Read an e-mail address; lower case."""
        value = self.text(name, label, required=required, longest=254).lower()
        if value and not _EMAIL.match(value):
            self.wrong(name, f"{_sentence(label)} must be in the right format, like name@example.com")
        return value

    def id(self, name: str, label: str, *, required: bool = True) -> UUID | None:
        """Read the id of a row that was chosen from a list."""
        value = self.raw(name)
        found = parse_id(value)
        if found is None and (value or required):
            self.wrong(name, f"Select {label}")
        return found


def _sentence(label: str) -> str:
    """Write a label as the start of a sentence."""
    return label[:1].upper() + label[1:]
