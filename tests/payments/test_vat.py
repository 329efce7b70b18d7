"""VAT in whole pence: which treatment counts, and no penny lost over a million lines (domain.md 4.5)."""

import random
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.vat import (
    NO_VAT,
    Vat,
    vat_inside,
    vat_of,
    vat_of_document,
    vat_of_lines,
    vat_of_part,
)
from marketplace.providers.models import ServiceLine, VatCategory

STANDARD = Vat(VatCategory.STANDARD, 2_000, "")
REDUCED = Vat(VatCategory.REDUCED, 500, "")
EXEMPT = Vat(VatCategory.EXEMPT_WELFARE, 0, "Exempt: welfare")


class Row(msgspec.Struct):
    """A treatment."""

    service_line: ServiceLine = ServiceLine.HOME_CARE
    category: VatCategory = VatCategory.STANDARD
    rate: int = 2_000
    reason: str = ""
    starts_on: date = date(2027, 1, 1)
    agreed_at: datetime | None = datetime(2027, 1, 1, tzinfo=UTC)


class Supplier(msgspec.Struct):
    """An organisation."""

    vat_number: str | None = "GB123456789"


@pytest.mark.parametrize(
    ("gross", "rate", "vat"),
    [
        (0, 2_000, 0),
        (12_000, 2_000, 2_000),  # £120 holds £20
        (100, 2_000, 17),  # 16.67
        (3, 2_000, 1),  # half a penny goes up
        (2, 2_000, 0),
        (10_500, 500, 500),
        (99_999_999_999, 2_000, 16_666_666_667),
        (7_777, 0, 0),
    ],
)
def test_vat_inside_an_amount_by_hand(gross: int, rate: int, vat: int) -> None:
    assert vat_inside(gross, rate) == vat


def test_a_million_lines_lose_no_penny() -> None:
    draw = random.Random(7)
    amounts = [draw.randrange(0, 20_000) for _ in range(1_000_000)]
    shares = vat_of_lines(amounts, 2_000)
    assert sum(shares) == vat_inside(sum(amounts), 2_000)
    assert all(0 <= share <= pence for share, pence in zip(shares, amounts, strict=True))
    # Each line is within a penny of its own share: the document's rounding never gathers on one line.
    assert max(abs(6 * share - pence) for share, pence in zip(shares, amounts, strict=True)) <= 6


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.sampled_from([STANDARD, REDUCED, EXEMPT, NO_VAT])), min_size=1, max_size=60
    )
)
def test_the_vat_of_a_document_is_rounded_once_for_each_category(lines: list[tuple[int, Vat]]) -> None:
    shares = vat_of_document(lines)
    for vat in (STANDARD, REDUCED):
        mine = [(pence, share) for (pence, each), share in zip(lines, shares, strict=True) if each == vat]
        assert sum(share for _, share in mine) == vat_inside(sum(pence for pence, _ in mine), vat.rate)
    for (pence, vat), share in zip(lines, shares, strict=True):
        assert 0 <= share <= pence
        assert share == 0 or vat.rate


@given(st.integers(1, 10**7), st.data())
def test_parts_taken_back_of_a_line_add_up_to_its_vat(amount: int, data: Any) -> None:
    vat = vat_inside(amount, 2_000)
    before, taken = 0, 0
    while before < amount:
        part = data.draw(st.integers(max(1, (amount - before) // 4), amount - before))
        share = vat_of_part(vat, amount, before, part)
        assert 0 <= share <= part
        before, taken = before + part, taken + share
    assert taken == vat
    with pytest.raises(ValueError, match="at most the line"):
        vat_of_part(vat, amount, before, 1)


def test_only_an_agreed_treatment_of_the_service_that_has_begun_counts() -> None:
    on = date(2027, 2, 1)
    home = ServiceLine.HOME_CARE
    assert vat_of([], Supplier(None), home, on) == NO_VAT
    assert vat_of([Row()], Supplier(""), home, on) == NO_VAT
    assert vat_of([], Supplier(), home, on) is None
    assert vat_of([Row()], Supplier(), None, on) is None
    assert vat_of([Row(agreed_at=None)], Supplier(), home, on) is None
    assert vat_of([Row(starts_on=date(2027, 2, 2))], Supplier(), home, on) is None
    assert vat_of([Row()], Supplier(), ServiceLine.EQUIPMENT, on) is None
    assert vat_of([Row(category=VatCategory.NOT_REGISTERED, rate=0)], Supplier(), home, on) is None
    later = Row(starts_on=date(2027, 1, 15), category=VatCategory.EXEMPT_OTHER, rate=0, reason="Exempt: other")
    found = vat_of([Row(), later], Supplier(), home, on)
    assert found == Vat(VatCategory.EXEMPT_OTHER, 0, "Exempt: other")
    assert found is not None
    assert found.code == "E"
    assert (STANDARD.code, NO_VAT.code) == ("S", "O")
