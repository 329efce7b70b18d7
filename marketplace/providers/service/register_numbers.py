"""Numbers that people type for their registration: read, and told apart from numbers of other registers.

The Care Quality Commission registers care in England only (domain.md 4.3). A number of another nation's regulator, or
one of Companies House, gets an answer that says what it is.
"""

import re
from typing import Any, Final

from marketplace.core.forms import FormReader

EXAMPLE: Final = "1-1234567890"
UNKNOWN: Final = (
    "We cannot find this number in the register. Check it on your certificate: it looks like 1-1234567890. "
    "A new registration can take some weeks to reach us"
)
NOT_A_NUMBER: Final = f"Enter the number from your certificate, like {EXAMPLE}"

_ENGLAND: Final = (
    "The Care Quality Commission registers care in England, and its numbers look like 1-1234567890. "
    "Give that number if you also work in England"
)
FOREIGN: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"(CS|SP)[ -]?\d{4,12}"),
        f"This looks like a number of the Care Inspectorate in Scotland. {_ENGLAND}",
    ),
    (
        re.compile(r"(CIW[ /-]?\w*|W\d{2}[ /-]?\d{3,10}|W\d{5,12}|SIN[ -]?\d{4,10})"),
        f"This looks like a number of Care Inspectorate Wales. {_ENGLAND}",
    ),
    (
        re.compile(r"RQIA[ :/-]*\w*"),
        f"This looks like a number of the regulator in Northern Ireland (RQIA). {_ENGLAND}",
    ),
    (
        re.compile(r"(HIQA[ :/-]*\w*|OSV[ -]?\d{3,9})"),
        f"This looks like a number of the regulator in Ireland (HIQA). {_ENGLAND}",
    ),
)
COMPANY: Final = f"This looks like a company number. We need the number of your registration for care, like {EXAMPLE}"
CHARITY: Final = f"This looks like a charity number. We need the number of your registration for care, like {EXAMPLE}"
WITHOUT_ITS_START: Final = (
    "We cannot find this number. Most numbers of the register start with “1-”. Did you mean {number}?"
)

_IN_ADDRESS: Final = re.compile(r"(?:location|provider)s?/([A-Za-z0-9-]{3,20})")
_NUMBER: Final = re.compile(r"^[A-Z0-9-]{3,20}$")
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_COMPANY_NUMBER: Final = re.compile(r"(\d{8}|(SC|NI|OC|SO|NC|CE|CS|RS|IP|SP)\d{6})")


def read_number(data: dict[str, Any]) -> str:
    """Read the number of a provider or location, or the address of its page on the regulator's site.

    Raises:
        InvalidInput: On the field `number`; a number of another nation's regulator is named as one.
    """
    form = FormReader(data)
    text = form.text("number", "the number from your certificate", longest=200)
    found = _IN_ADDRESS.search(text)
    typed = (found.group(1) if found else text).upper().translate(_DASHES).strip()
    number = typed.replace(" ", "")
    if text:
        foreign = foreign_words(typed)
        if foreign:
            form.wrong("number", foreign)
        elif not _NUMBER.match(number):
            form.wrong("number", NOT_A_NUMBER)
    form.done()
    return number


def foreign_words(typed: str) -> str:
    """Say of which other nation's regulator a number is; empty when it may be one of England's.

    Codes of the NHS ("RW4", "RREU3") are short and have no such form.
    """
    return next((words for form, words in FOREIGN if form.fullmatch(typed.strip().upper())), "")


def unknown_words(number: str, *, company_number: str | None, charity_number: str | None) -> str:
    """Say what a number may be that the register does not have."""
    if charity_number and number == charity_number.upper():
        return CHARITY
    if _COMPANY_NUMBER.fullmatch(number) or (company_number and number == company_number.upper()):
        return COMPANY
    if number.isdigit() and len(number) >= 9:
        return WITHOUT_ITS_START.format(number=f"1-{number}")
    return UNKNOWN
