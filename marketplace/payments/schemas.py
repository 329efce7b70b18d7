"""Forms of payments, and what pages and the command line are shown."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.payments.bacs import bacs_sort_code, bacs_text
from marketplace.payments.bands import MOST_BANDS, BadBands, Band, WageLine, check_bands
from marketplace.payments.returned_files import RETURN_CODES, ReturnedRow

MOST_BILLS = 500
"""Bills that a page offers one by one; a run of everything due may hold more."""

LONGEST_PERIOD_DAYS = 366


class TariffForm(msgspec.Struct, frozen=True):
    """A new tariff for completed plans."""

    name: str
    starts_on: date
    source: str
    bands: tuple[Band, ...]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "TariffForm":
        """Read the form: up to five rows `hours-N`, `pounds-N`; the last one filled in has no hours.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("name", "a name for the tariff", longest=100)
        starts_on = form.day("starts_on", "the first day of the tariff")
        source = form.text("source", "where the tariff was decided", longest=300)
        bands: list[Band] = []
        for row in range(1, MOST_BANDS + 1):
            hours = form.raw(f"hours-{row}")
            if not hours and not form.raw(f"pounds-{row}"):
                continue
            minutes = band_minutes(form, f"hours-{row}", hours) if hours else None
            pence = form.pounds(f"pounds-{row}", f"the fee of band {row}", least=1, most=1_000_000)
            bands.append(Band(minutes, pence or 0))
        if not form.errors:
            try:
                check_bands(bands)
            except BadBands as error:
                form.wrong("pounds-1" if not bands else "hours-1", str(error))
        form.done()
        if starts_on is None:  # a message was noted above
            raise InvalidInput({"starts_on": "Enter the first day of the tariff"})
        return cls(name, starts_on, source, tuple(bands))


def band_minutes(form: FormReader, name: str, text: str) -> int | None:
    """Read the hours of a band, such as 4.5, as minutes; None when they are wrong."""
    try:
        minutes = Decimal(text) * 60
    except InvalidOperation:
        minutes = Decimal("NaN")
    if not minutes.is_finite() or minutes != minutes.to_integral_value() or not 1 <= minutes <= 6000:
        form.wrong(name, "Hours must be a number up to 100, like 3 or 4.5")
        return None
    return int(minutes)


class TariffPreview(msgspec.Struct, frozen=True):
    """What a tariff would have cost for plans of the past, and what it pays an hour."""

    since: date
    until: date
    plans: int
    paid_pence: int
    would_pence: int
    short_plans: int
    """Plans whose recorded time the fee would have paid below the legal wage."""
    longest_minutes: int
    wage_pence: int
    wage_lines: list[WageLine]

    @property
    def difference_pence(self) -> int:
        """How much more it would have cost; negative when less."""
        return self.would_pence - self.paid_pence

    @property
    def has_warning(self) -> bool:
        """Whether the fee can fall below the legal wage for time that is recorded or allowed by a band."""
        return self.short_plans > 0 or any(line.is_short for line in self.wage_lines)


class PeriodForm(msgspec.Struct, frozen=True):
    """Days to make bills for, half-open."""

    starts_on: date
    ends_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any], today: date) -> "PeriodForm":
        """Read the first and the last day.

        Raises:
            InvalidInput: Not dates, the wrong way round, longer than a year or not over.
        """
        form = FormReader(data)
        first = form.day("first_on", "the first day")
        last = form.day("last_on", "the last day")
        if first and last:
            if last < first:
                form.wrong("last_on", "The last day must be the same as or after the first day")
            elif last > today:
                form.wrong("last_on", "The last day must be today or earlier")
            elif (last - first).days >= LONGEST_PERIOD_DAYS:
                form.wrong("first_on", "The days must lie within one year")
        form.done()
        if first is None or last is None:
            raise InvalidInput({"first_on": "Enter the first day"})
        return cls(first, last + timedelta(days=1))


class BillPreview(msgspec.Struct, frozen=True):
    """One bill that would be made, or what an organisation earned that is left out."""

    organisation_id: UUID
    name: str
    has_vat_number: bool
    count: int
    total_pence: int
    left_out: str = ""
    """Why no bill is made of it; empty where one is."""


def read_reason(data: Mapping[str, Any], label: str, name: str = "reason") -> str:
    """Read why something is done.

    Raises:
        InvalidInput: No reason, or too long a one.
    """
    form = FormReader(data)
    reason = form.text(name, label, longest=500)
    form.done()
    return reason


class BankDetailsForm(msgspec.Struct, frozen=True):
    """Where an organisation wants to be paid."""

    account_name: str
    sort_code: str
    account_number: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "BankDetailsForm":
        """Read the form; spaces and hyphens do not matter, short account numbers get their leading zeros.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("account_name", "the name on the account", longest=70)
        if name and not any(sign.isalnum() for sign in bacs_text(name)[:18]):
            form.wrong("account_name", "The name on the account must hold letters or numbers")
        sort_code = bacs_sort_code(form.text("sort_code", "the sort code", longest=20))
        if sort_code and (not _digits(sort_code) or len(sort_code) != 6 or not int(sort_code)):
            form.wrong("sort_code", "The sort code must be 6 numbers, like 20-45-12")
        number = bacs_sort_code(form.text("account_number", "the account number", longest=20))
        if number and (not _digits(number) or not 6 <= len(number) <= 8 or not int(number)):
            form.wrong("account_number", "The account number must be between 6 and 8 numbers")
        form.done()
        return cls(name, sort_code, number.zfill(8))


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


NUMBER_FROM: dict[str, str] = {
    "agreement": "The signed agreement",
    "register": "The regulator’s or charity register",
    "earlier": "A number we called before",
    "directory": "The council’s own supplier records",
}
"""Where a number that finance calls may come from; never the request itself."""


class CallForm(msgspec.Struct, frozen=True):
    """A call about bank details."""

    number_from: str
    spoke_to: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "CallForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        number_from = form.option("number_from", "where the number you called came from", tuple(NUMBER_FROM))
        spoke_to = form.text("spoke_to", "who you spoke to", longest=100)
        form.option("agreed", "whether they read out the same details", ("yes",))
        form.done()
        return cls(number_from, spoke_to)


def read_return(data: Mapping[str, Any], *, is_known: bool) -> ReturnedRow:
    """Read one payment that came back.

    Args:
        data: The form.
        is_known: Whether it was entered beside its payment, so that amount and marks are known.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    returned_on = form.day("returned_on", "the day it came back")
    pence = None if is_known else form.pounds("amount", "the amount", least=1)
    reference = "" if is_known else form.text("reference", "the reference", required=False, longest=50)
    ends = "" if is_known else form.text("account_ends", "the last 4 figures of the account", required=False, longest=4)
    if ends and (len(ends) != 4 or not _digits(ends)):
        form.wrong("account_ends", "Enter the last 4 figures of the account, like 5678")
    if not is_known and not reference and not ends:
        form.wrong("reference", "Enter the reference or the last 4 figures of the account")
    code = form.option("code", "why it came back", tuple(RETURN_CODES))
    note = form.text("note", "a note", required=False, longest=500)
    form.done()
    if returned_on is None:
        raise InvalidInput({"returned_on": "Enter the day it came back"})
    return ReturnedRow(returned_on, pence or 0, reference, ends, code, note)


class RunForm(msgspec.Struct, frozen=True):
    """A payment run to make: of payables that were ticked, or of everything that is due by a day."""

    pay_on: date
    payables: tuple[UUID, ...] = ()
    is_rehearsal: bool = False
    due_until: date | None = None
    """Pay everything that is due by this day, whatever stands in `payables` …"""
    without: frozenset[UUID] = frozenset()
    """… except what is owed to these organisations."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "RunForm":
        """Read the form. Whether the day can be paid on is the service's to say.

        Raises:
            InvalidInput: No day, nothing to pay, too much of it, or something that is no bill.
        """
        form = FormReader(data)
        pay_on = form.day("pay_on", "the day payees get the money")
        is_whole = form.ticked("everything")
        due_until = form.day("due_until", "the day bills are due by") if is_whole else None
        ids = _ids(form, "bills", "Select bills from the list")
        without = _ids(form, "without", "Select organisations from the list")
        if not is_whole and "bills" not in form.errors:
            if not ids:
                form.wrong("bills", "Select at least one bill to pay")
            elif len(ids) > MOST_BILLS:
                form.wrong("bills", f"Select at most {MOST_BILLS} bills, then make another run")
        form.done()
        if pay_on is None:
            raise InvalidInput({"pay_on": "Enter the day payees get the money"})
        return cls(
            pay_on,
            () if is_whole else tuple(dict.fromkeys(ids)),
            form.ticked("is_rehearsal"),
            due_until,
            frozenset(without),
        )


def _ids(form: FormReader, name: str, message: str) -> list[UUID]:
    given = form.data.get(name, [])
    texts = [str(item) for item in (given if isinstance(given, list) else [given]) if str(item)]
    ids = [found for found in map(parse_id, texts) if found is not None]
    if len(ids) != len(texts):
        form.wrong(name, message)
    return ids


class RunWarning(StrEnum):
    """What to look at before a payment leaves."""

    DETAILS_CHANGED = "details_changed"
    NEW_PAYEE = "new_payee"
    SHARED_ACCOUNT = "shared_account"
    MODULUS = "modulus"
    LARGE = "large"
    UNUSUAL = "unusual"
    NOT_ACCREDITED = "not_accredited"
    RETURNED = "returned"
    SET_OFF = "set_off"


WARNING_LABELS: dict[RunWarning, str] = {
    RunWarning.DETAILS_CHANGED: "New bank details",
    RunWarning.NEW_PAYEE: "First payment",
    RunWarning.SHARED_ACCOUNT: "Shared account",
    RunWarning.MODULUS: "Account number",
    RunWarning.LARGE: "Large",
    RunWarning.UNUSUAL: "More than usual",
    RunWarning.NOT_ACCREDITED: "Not accredited",
    RunWarning.RETURNED: "Came back before",
    RunWarning.SET_OFF: "Credit set off",
}


class Warned(msgspec.Struct, frozen=True):
    """A warning about one payment, as it is stored with it."""

    code: RunWarning
    words: str

    @property
    def label(self) -> str:
        """The warning in two words."""
        return WARNING_LABELS[self.code]


class ProposedBill(msgspec.Struct, frozen=True):
    """Something owed out of a bill that a run could pay; negative where a credit note takes back."""

    id: UUID
    """Of the payable."""
    number: str
    due_on: date
    amount_pence: int


class ProposedPayment(msgspec.Struct, frozen=True):
    """What a run would pay one organisation, and what to look at first."""

    organisation_id: UUID
    name: str
    bills: list[ProposedBill]
    total_pence: int
    account: str
    """Sort code and account number, masked; empty without live bank details."""
    warnings: list[Warned]

    @property
    def is_left_out(self) -> bool:
        """Whether it cannot be paid: no bank details, or its credits are as much as its bills."""
        return not self.account or self.total_pence <= 0

    @property
    def why_left_out(self) -> str:
        """Why it cannot be paid, in a sentence."""
        if self.total_pence <= 0:
            return "Its credit notes take back as much as is due. They wait for its next bill."
        return "No bank details that were checked. Ask the organisation to enter them."


class RunProposal(msgspec.Struct, frozen=True):
    """What could be paid now."""

    payments: list[ProposedPayment]
    is_cut: bool
    """Whether more bills are due than can be ticked one by one."""
    is_beyond: bool = False
    """Whether more is due than one run may hold."""

    @property
    def payable(self) -> list[ProposedPayment]:
        """The payments that can be made."""
        return [payment for payment in self.payments if not payment.is_left_out]

    @property
    def total_pence(self) -> int:
        """The sum of what can be paid."""
        return sum(payment.total_pence for payment in self.payable)


class FileFormat(StrEnum):
    """A file of a released run."""

    BACS = "bacs"
    CSV = "csv"


class RunSummary(msgspec.Struct, frozen=True):
    """A payment run as the command line lists it."""

    id: UUID
    council: str
    number: str
    status: str
    pay_on: date
    processing_on: date
    total_pence: int
    lines: int
    is_rehearsal: bool
    made_at: datetime
    released_at: datetime | None
    sha256: str | None


def run_number(number: int) -> str:
    """Write the number of a run: "PR-000012"."""
    return f"PR-{number:06}"
