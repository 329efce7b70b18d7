"""Bacs Standard 18 direct-credit files, and the days on which Bacs moves money.

One file pays many payees from one account on one processing day. It is a
pure function of its input: the same `BacsFile` gives the same bytes, so a
released payment run can be hashed and rendered again as a marked copy.

The layout is the single-processing-day one: labels of 80 characters, payment
records of 100, each ended by CR LF. Published tables of the codes disagree
with each other, so the positions here follow real sample files.
"""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from typing import Final

import msgspec

from marketplace.core.holidays import SATURDAY, bank_holidays
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell

LABEL_WIDTH: Final = 80
PAYMENT_WIDTH: Final = 100
FIELD_WIDTH: Final = 18
MAX_AMOUNT_PENCE: Final = 99_999_999_999
MAX_CREDITS: Final = 9_999_999
KEPT_AFTER_PROCESSING: Final = timedelta(days=7)

DIRECT_CREDIT: Final = "99"
DEBIT_CONTRA: Final = "17"

_ALLOWED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.&/- ")
# Letters and dashes that Unicode does not take apart into a plain one and a mark.
_FOLDED: Final = str.maketrans(
    {"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "Ħ": "H", "Ŧ": "T", "ı": "I"}
    | dict.fromkeys("‐‑‒–—−", "-")
)


class BacsRefused(ValueError):
    """The file cannot be made; `problems` lists every reason.

    Problems count payments from 1 and never repeat a name or an account, so
    that they may be logged.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class BacsCredit(msgspec.Struct, frozen=True, kw_only=True):
    """One payment to one payee."""

    sort_code: str
    """Six digits; hyphens and spaces between them are ignored."""
    account_number: str
    """Eight digits, leading zeros included."""
    account_name: str
    """Name of the payee's account; cleaned, and cut after 18 characters."""
    amount_pence: int
    """1 to 99,999,999,999."""
    reference: str
    """What the payee sees; cleaned, at most 18 characters (never cut: a cut reference may match two payments)."""


class BacsFile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that stands in one direct-credit file."""

    service_user_number: str
    """Six digits, given to the council by its bank."""
    serial: str
    """Volume serial: six letters or digits, not 000000, not used again within three months."""
    file_number: int
    """1 to 999, counts the files of a day."""
    created_on: date
    """Day the file is made; earlier than `processing_on`."""
    processing_on: date
    """Bacs processing day; payees have the money on the next one at the latest."""
    sort_code: str
    """Of the paying account, six digits."""
    account_number: str
    """Of the paying account, eight digits."""
    account_name: str
    """Of the paying account; also printed beside each payment as the payer."""
    credits: tuple[BacsCredit, ...]
    """The payments, in the order in which they are written."""
    contra_narrative: str = ""
    """What the payer's own statement shows; the account name when empty."""


def render_bacs18(file: BacsFile) -> bytes:
    """Write a direct-credit file for one processing day.

    Args:
        file: The run. Texts are cleaned with `bacs_text`.

    Returns:
        ASCII bytes: VOL1, HDR1, HDR2, UHL1, a record per payment (code 99),
        one contra (code 17) that takes their sum from the paying account,
        EOF1, EOF2, UTL1 with the control totals. Every record ends in CR LF.

    Raises:
        BacsRefused: Anything that the bank would reject, all of it listed.

    Source: Bacs Standard 18, single-processing-day layout, domain.md 4.6.
    """
    _refuse_problems(file)
    user, serial = file.service_user_number, file.serial.upper()
    payer = _field(file.account_name)
    payer_account = bacs_sort_code(file.sort_code) + file.account_number
    total_pence = sum(credit.amount_pence for credit in file.credits)

    file_label = (
        f"A{user}S   {user}{serial}00010001{'':6}{bacs_date(file.created_on)}"
        f"{bacs_date(file.processing_on + KEPT_AFTER_PROCESSING)} 000000"
    )
    layout_label = f"F02000{PAYMENT_WIDTH:05}{'':35}00"
    records = [
        _label(f"VOL1{serial}{'':31}{user}{'':32}1"),
        _label("HDR1" + file_label),
        _label("HDR2" + layout_label),
        _label(f"UHL1{bacs_date(file.processing_on)}999999{'':4}000000001 DAILY  {file.file_number:03}"),
    ]
    records.extend(
        f"{bacs_sort_code(credit.sort_code)}{credit.account_number}0{DIRECT_CREDIT}{payer_account}{'':4}"
        f"{credit.amount_pence:011}{payer}{_field(credit.reference)}{_field(credit.account_name)}"
        for credit in file.credits
    )
    records += [
        f"{payer_account}0{DEBIT_CONTRA}{payer_account}{'':4}{total_pence:011}"
        f"{_field(file.contra_narrative or file.account_name)}{_field('CONTRA')}{payer}",
        _label("EOF1" + file_label),
        _label("EOF2" + layout_label),
        _label(f"UTL1{total_pence:013}{total_pence:013}{1:07}{len(file.credits):07}"),
    ]
    return "".join(record + "\r\n" for record in records).encode("ascii")


def render_payments_csv(file: BacsFile) -> bytes:
    """Write the same payments as CSV, for banks that take no Standard 18.

    Returns:
        ASCII bytes with CR LF: a heading, then a row per payment with sort
        code, account number, account name, pounds with two decimals,
        reference and processing date (YYYY-MM-DD). No cell can start a
        formula in a spreadsheet: the Bacs character set leaves the hyphen as
        the only such sign, and leading ones are dropped.

    Raises:
        BacsRefused: As `render_bacs18`.
    """
    _refuse_problems(file)
    heading: list[Cell] = ["Sort code", "Account number", "Account name", "Amount", "Reference", "Processing date"]
    lines: list[list[Cell]] = [
        [
            bacs_sort_code(credit.sort_code),
            credit.account_number,
            _field(credit.account_name).strip().lstrip("- "),
            pounds_cell(credit.amount_pence),
            _field(credit.reference).strip().lstrip("- "),
            file.processing_on.isoformat(),
        ]
        for credit in file.credits
    ]
    return csv_text([heading, *lines]).encode("ascii")


def bacs_text(text: str) -> str:
    """Turn a text into the Bacs character set, of any length.

    Accents are folded (`é` becomes `E`, `ß` becomes `SS`), typographic dashes
    become hyphens, everything outside `A-Z 0-9 . & / -` and the space becomes
    a space. Spaces at both ends are dropped.
    """
    plain = unicodedata.normalize("NFKD", text).upper().translate(_FOLDED)
    kept = (sign for sign in plain if not unicodedata.combining(sign))
    return "".join(sign if sign in _ALLOWED else " " for sign in kept).strip()


def bacs_sort_code(text: str) -> str:
    """Drop the hyphens and spaces people write into sort codes: `20-45-12` is `204512`."""
    return text.replace("-", "").replace(" ", "")


def bacs_date(day: date) -> str:
    """Write a date as Bacs labels do: a space, two digits of the year, three of the day in it.

    Raises:
        ValueError: Outside the years 2000 to 2099, which two digits cannot tell apart.
    """
    if not 2000 <= day.year <= 2099:
        raise ValueError(f"{day.isoformat()} has no Bacs date")
    return f" {day:%y%j}"


def is_processing_day(day: date) -> bool:
    """Whether Bacs works on this day: not a weekend, not a bank holiday in England.

    The holidays of years that nobody has published yet are computed, so that
    an installation that nobody has updated goes on paying; a one-off holiday
    is then unknown.
    """
    return day.weekday() < SATURDAY and day not in bank_holidays(day.year)


def next_processing_day(day: date) -> date:
    """The first processing day after `day` (never `day` itself)."""
    day += timedelta(days=1)
    while not is_processing_day(day):
        day += timedelta(days=1)
    return day


def _label(text: str) -> str:
    return text.ljust(LABEL_WIDTH)


def _field(text: str) -> str:
    return bacs_text(text)[:FIELD_WIDTH].ljust(FIELD_WIDTH)


def _refuse_problems(file: BacsFile) -> None:
    problems = _file_problems(file)
    for number, credit in enumerate(file.credits, start=1):
        problems.extend(f"payment {number}: {problem}" for problem in _credit_problems(credit))
    if not problems:
        total_pence = sum(credit.amount_pence for credit in file.credits)
        if total_pence > MAX_AMOUNT_PENCE:
            problems.append(f"the payments add up to {total_pence} pence, the contra holds at most {MAX_AMOUNT_PENCE}")
    if problems:
        raise BacsRefused(problems)


def _file_problems(file: BacsFile) -> list[str]:
    problems = []
    if not _is_digits(file.service_user_number, 6) or file.service_user_number == "000000":
        problems.append("the service user number must be six digits")
    if not (len(file.serial) == 6 and file.serial.isascii() and file.serial.isalnum()) or file.serial == "000000":
        problems.append("the serial must be six letters or digits, not 000000")
    if not _is_whole(file.file_number) or not 1 <= file.file_number <= 999:
        problems.append("the file number must be 1 to 999")
    problems.extend(
        f"the year of the {name} must be 2000 to 2099"
        for name, day in (("creation date", file.created_on), ("processing day", file.processing_on))
        if not 2000 <= day.year <= 2099
    )
    if file.created_on >= file.processing_on:
        problems.append("the processing day must be after the day the file is made")
    if not is_processing_day(file.processing_on):
        problems.append(f"{file.processing_on.isoformat()} is not a Bacs processing day")
    problems.extend(f"paying account: {problem}" for problem in _account_problems(file.sort_code, file.account_number))
    problems.extend(f"paying account: {problem}" for problem in _name_problems(file.account_name))
    if not file.credits:
        problems.append("the file has no payments")
    if len(file.credits) > MAX_CREDITS:
        problems.append(f"the file has more than {MAX_CREDITS} payments")
    return problems


def _credit_problems(credit: BacsCredit) -> list[str]:
    problems = _account_problems(credit.sort_code, credit.account_number) + _name_problems(credit.account_name)
    if not _is_whole(credit.amount_pence):
        problems.append("the amount must be whole pence")
    elif not 1 <= credit.amount_pence <= MAX_AMOUNT_PENCE:
        problems.append(f"the amount must be 1 to {MAX_AMOUNT_PENCE} pence")
    reference = bacs_text(credit.reference)
    if not any(sign.isalnum() for sign in reference):
        problems.append("the reference must hold a letter or digit")
    elif len(reference) > FIELD_WIDTH:
        problems.append(f"the reference has {len(reference)} characters, at most {FIELD_WIDTH} fit")
    return problems


def _account_problems(sort_code: str, account_number: str) -> list[str]:
    problems = []
    digits = bacs_sort_code(sort_code)
    if not _is_digits(digits, 6) or digits == "000000":
        problems.append("the sort code must be six digits")
    if not _is_digits(account_number, 8) or account_number == "00000000":
        problems.append("the account number must be eight digits")
    return problems


def _name_problems(name: str) -> list[str]:
    if any(sign.isalnum() for sign in bacs_text(name)[:FIELD_WIDTH]):
        return []
    return ["the account name must hold a letter or digit"]


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)
