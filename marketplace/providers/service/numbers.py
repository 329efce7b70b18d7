"""Numbers by which a body is known to a register: read as people type them, wrong and foreign ones named as such.

Sources: Charity Commission for England and Wales (six or seven digits, a linked charity with "-n"), Companies House
(eight characters), Care Quality Commission ("1-" and digits). Whether a number is really theirs is for the council to
look at; here only its form counts, and that nobody else has it.
"""

import re
import unicodedata
from typing import Final

from marketplace.core.forms import FormReader

CHARITY_HINT: Final = "6 or 7 digits, for example 1234567"
COMPANY_HINT: Final = "8 characters, for example 01234567"
CQC_HINT: Final = "For example, 1-101234567"

NUMBER_LABELS: Final = {
    "charity_number": "charity number",
    "company_number": "company number",
    "cqc_provider_id": "Care Quality Commission number",
}
"""By column of an organisation."""

_CHARITY = re.compile(r"^\d{6,7}(-\d{1,3})?$")
_COMPANY = re.compile(
    r"^(\d{8}|(OC|LP|SO|SL|NC|NL|SC|NI|CE|CS|RS|RC|GE|GS|FC|AC|SA|ZC|IC|SI|NP|NO|NR|NZ|IP|SP|SR)\d{6}|"
    r"(IP|SP|RS|NP|NO)\d{5}[RS]|R0\d{6})$"
)
_CQC = re.compile(r"^1-\d{6,12}$")
_SCOTTISH_CHARITY = re.compile(r"^SCO?\d{5,6}$")
_NORTHERN_CHARITY = re.compile(r"^(NIC?\d{5,6})$")
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_LEGAL_WORDS: Final = frozenset({"ltd", "limited", "cic", "cio", "plc", "llp", "uk", "the"})
"""Words that tell nothing about who a body is."""


def tidy(text: str) -> str:
    """Bring a typed number to the form in which numbers are kept: capitals, no spaces, plain dashes."""
    return re.sub(r"\s", "", text).upper().translate(_DASHES).removeprefix("NO.").lstrip("#")


def read_charity(form: FormReader, name: str = "charity_number") -> str | None:
    """Read an optional charity number of England and Wales."""
    number = tidy(form.text(name, "the charity number", required=False, longest=40))
    if not number or name in form.errors:
        return None
    if _CHARITY.match(number):
        return number
    if _SCOTTISH_CHARITY.match(number):
        words = "This looks like a Scottish charity number. One of England and Wales has 6 or 7 digits, like 1234567"
    elif _NORTHERN_CHARITY.match(number):
        words = "This looks like a charity number of Northern Ireland. One of England and Wales has 6 or 7 digits"
    elif number.isdigit() and len(number) == 8:
        words = "This looks like a company number. A charity number has 6 or 7 digits, like 1234567"
    else:
        words = "A charity number has 6 or 7 digits, like 1234567, or 1234567-1 for a branch"
    form.wrong(name, f"{words}. Leave it empty if you have none")
    return None


def read_company(form: FormReader, name: str = "company_number") -> str | None:
    """Read an optional company number of Companies House."""
    number = tidy(form.text(name, "the company number", required=False, longest=40))
    if not number or name in form.errors:
        return None
    if _COMPANY.match(number):
        return number
    words = "A company number has 8 characters, like 01234567 or CE012345"
    if number.isdigit() and len(number) == 7:
        words += ". If yours has 7 digits, put a 0 in front"
    form.wrong(name, f"{words}. Leave it empty if you have none")
    return None


def read_cqc(form: FormReader, name: str = "cqc_number") -> str | None:
    """Read an optional number of the Care Quality Commission's register."""
    number = tidy(form.text(name, "the Care Quality Commission number", required=False, longest=40))
    if not number or name in form.errors:
        return None
    if _CQC.match(number):
        return number
    words = "A Care Quality Commission number looks like 1-101234567"
    if re.match(r"^\d{7,12}$", number):
        words += ". It starts with “1-”"
    elif re.match(r"^(CS|SP|W\d|RQIA|CIW|SIN|OSV)", number):
        words = (
            "This looks like a number of another nation’s regulator. The Care Quality Commission’s, for England, "
            "looks like 1-101234567"
        )
    form.wrong(name, f"{words}. Leave it empty if you have none")
    return None


def name_key(name: str) -> str:
    """Bring a name to the form in which two are compared: no case, accents, marks, spaces, nor "Ltd" and the like."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    letters = re.sub(r"[’'`.]", "", letters)
    words = re.sub(r"[^a-z0-9]+", " ", letters).split()
    kept = [word for word in words if word not in _LEGAL_WORDS]
    return "".join(kept or words)
