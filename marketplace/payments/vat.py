"""VAT of bills, in whole pence: which treatment counts, how much VAT is inside an amount, and how lines share it.

Category, reason and evidence are data for each supplier and service (domain.md 4.5); nothing here guesses them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from marketplace.providers.models import ServiceLine, VatCategory

STANDARD_RATE = 2000
"""20 %, in hundredths of a per cent."""
REDUCED_RATE = 500
"""5 %."""

RATES: Mapping[VatCategory, int] = {VatCategory.STANDARD: STANDARD_RATE, VatCategory.REDUCED: REDUCED_RATE}
"""Rate of each category that has one, when a treatment is stated. What was stated then stays with its row."""

CODES: Mapping[VatCategory, str] = {
    VatCategory.NOT_REGISTERED: "O",
    VatCategory.OUTSIDE_SCOPE: "O",
    VatCategory.EXEMPT_WELFARE: "E",
    VatCategory.EXEMPT_OTHER: "E",
    VatCategory.ZERO: "Z",
    VatCategory.REDUCED: "S",
    VatCategory.STANDARD: "S",
}
"""Category code of EN 16931 (UNCL 5305 as Peppol BIS Billing 3 allows it)."""

NOT_SUBJECT = "Not subject to VAT"
"""What a document says for a supplier who is not registered (BR-O-10)."""


class Vat(NamedTuple):
    """How VAT applies to a line."""

    category: VatCategory
    rate: int
    """Hundredths of a per cent: 2000 is 20 %."""
    reason: str
    """What the document says; empty where VAT is charged."""

    @property
    def code(self) -> str:
        """Category code of EN 16931."""
        return CODES[self.category]


NO_VAT = Vat(VatCategory.NOT_REGISTERED, 0, NOT_SUBJECT)
LATE_INTEREST_VAT = Vat(VatCategory.OUTSIDE_SCOPE, 0, "Interest for paying late: outside the scope of VAT")
"""Interest and the fixed sum of a late payment make good a loss: nothing is supplied for them."""


class Treatment(Protocol):
    """A row of `vat_treatments`."""

    @property
    def service_line(self) -> ServiceLine:
        """Which service."""

    @property
    def category(self) -> VatCategory:
        """How VAT applies."""

    @property
    def rate(self) -> int:
        """Hundredths of a per cent."""

    @property
    def reason(self) -> str:
        """What the document says."""

    @property
    def starts_on(self) -> date:
        """First day it counts."""

    @property
    def agreed_at(self) -> datetime | None:
        """When finance looked at it; None: it does not count yet."""


class Registered(Protocol):
    """An organisation, as far as VAT goes."""

    @property
    def vat_number(self) -> str | None:
        """Empty or None: not registered."""


def vat_of(
    treatments: Iterable[Treatment], organisation: Registered, service_line: ServiceLine | None, on: date
) -> Vat | None:
    """Say how VAT applies to a supplier's service on a day.

    Args:
        treatments: The supplier's rows with this council, in any order; only agreed ones count.
        organisation: Not registered without a VAT number.
        service_line: None where nothing says what it was for.
        on: Day of supply.

    Returns:
        The newest agreed treatment that had begun; None when nobody has said it, which a bill must not guess.
    """
    if not organisation.vat_number:
        return NO_VAT
    rows = [
        row
        for row in treatments
        if row.service_line == service_line and row.starts_on <= on and row.agreed_at is not None
    ]
    if not rows:
        return None
    newest = max(rows, key=lambda row: row.starts_on)
    if newest.category is VatCategory.NOT_REGISTERED:
        # Stated before the supplier registered: it no longer fits.
        return None
    return Vat(newest.category, newest.rate, newest.reason)


def vat_inside(gross_pence: int, rate: int) -> int:
    """Return the VAT inside an amount, half a penny rounded up.

    Args:
        gross_pence: With VAT, 0 or more.
        rate: Hundredths of a per cent.
    """
    if gross_pence < 0 or rate < 0:
        raise ValueError("Amounts and rates are 0 or more")
    return (2 * gross_pence * rate + 10_000 + rate) // (2 * (10_000 + rate))


def vat_of_lines(gross_pence: Sequence[int], rate: int) -> list[int]:
    """Share the VAT of a document's lines of one category, so that the lines add up to the rounded sum.

    VAT is rounded once for each document and category (EN 16931), on the sum: each line gets what its amount adds to
    the rounded VAT so far, which is at most a penny off its own share, never negative and never above the line.
    """
    shares, so_far, before = [], 0, 0
    for pence in gross_pence:
        so_far += pence
        upto = vat_inside(so_far, rate)
        shares.append(upto - before)
        before = upto
    return shares


def vat_of_document(lines: Sequence[tuple[int, Vat]]) -> list[int]:
    """Return the VAT inside each line of a document, from (pence with VAT, how VAT applies).

    Lines of one category and rate share one rounding, whatever their order among others.
    """
    shares = [0] * len(lines)
    groups: dict[tuple[str, int], list[int]] = {}
    for place, (_, vat) in enumerate(lines):
        if vat.rate:
            groups.setdefault((vat.code, vat.rate), []).append(place)
    for (_, rate), places in groups.items():
        for place, share in zip(places, vat_of_lines([lines[place][0] for place in places], rate), strict=True):
            shares[place] = share
    return shares


def vat_of_part(vat_pence: int, amount_pence: int, before_pence: int, part_pence: int) -> int:
    """Return the VAT in the next part of a line that is taken back bit by bit: all parts add up to the line's VAT.

    Args:
        vat_pence: Inside the whole line.
        amount_pence: The whole line, 1 or more.
        before_pence: Taken back before.
        part_pence: Taken back now.

    Raises:
        ValueError: More than the line.
    """
    if amount_pence < 1 or min(before_pence, part_pence) < 0 or before_pence + part_pence > amount_pence:
        raise ValueError("The parts of a line are at most the line")

    def upto(pence: int) -> int:
        return (2 * vat_pence * pence + amount_pence) // (2 * amount_pence)

    return upto(before_pence + part_pence) - upto(before_pence)
