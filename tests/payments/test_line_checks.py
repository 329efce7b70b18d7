"""Checks of lines by themselves: one reason, the first that applies; what one line took the next cannot have."""

from datetime import date, time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.line_checks import (
    AskedLine,
    Earning,
    KnownAgreement,
    KnownVisit,
    LineChecker,
    Rules,
)
from marketplace.payments.states import HoldReason
from marketplace.providers.models import ServiceLine

DAY = date(2027, 2, 10)
RULES = Rules(today=date(2027, 3, 3), tolerance_minutes=5, tolerance_pence=10)
AGREEMENT = KnownAgreement("SA-00012", date(2027, 1, 1), None, is_signed=True)


def uid(number: int) -> UUID:
    return UUID(int=number)


def visit(number: int, at: time = time(9), *pence: int, billed: bool = False, **given: object) -> KnownVisit:
    earnings = tuple(
        Earning(uid(1_000 * number + place), amount, uid(9) if billed else None, ServiceLine.HOME_CARE)
        for place, amount in enumerate(pence)
    )
    values = {"is_approved": bool(pence), "is_off": False, "minutes": 60, **given}
    return KnownVisit(uid(number), "SA-00012", f"V-{number}", DAY, at, earnings=earnings, **values)  # type: ignore[arg-type]


def line(at: time | None = time(9), pence: int = 1_800, **given: object) -> AskedLine:
    values = {"reference": "SA-00012", "visit_on": DAY, "minutes": 60, "visit_reference": "", **given}
    return AskedLine(starts_local=at, pence=pence, **values)  # type: ignore[arg-type]


def checker(*visits: KnownVisit, **given: object) -> LineChecker:
    return LineChecker(RULES, [AGREEMENT], visits, **given)  # type: ignore[arg-type]


def test_the_nearest_visit_within_the_hour_is_the_one_that_is_meant() -> None:
    check = checker(visit(1, time(9), 1_800), visit(2, time(10), 1_800), visit(3, time(18), 1_800))
    assert check.judge(line(time(9, 40))).booking_id == uid(2)
    assert check.judge(line(time(8))).booking_id == uid(1)
    assert check.judge(line(time(16, 59))).reason is HoldReason.NO_VISIT
    assert check.judge(line(time(18, 10))).booking_id == uid(3)


def test_without_a_time_only_a_single_visit_of_the_day_is_meant() -> None:
    assert checker(visit(1, time(9), 1_800)).judge(line(None)).reason is None
    assert checker(visit(1, time(9), 1_800), visit(2, time(18), 1_800)).judge(line(None)).reason is HoldReason.NO_VISIT


def test_a_reference_of_another_day_is_not_guessed_at() -> None:
    check = checker(visit(1, time(9), 1_800))
    assert check.judge(line(visit_reference="v-1")).reason is None
    assert check.judge(line(visit_reference="V-2")).reason is HoldReason.NO_VISIT


def test_within_the_tolerance_no_more_is_paid_than_was_approved() -> None:
    judged = checker(visit(1, time(9), 1_800)).judge(line(pence=1_810, minutes=65))
    assert (judged.reason, judged.amount_pence) == (None, 1_800)
    assert checker(visit(1, time(9), 1_800)).judge(line(pence=1_811)).reason is HoldReason.PRICE_ABOVE
    assert checker(visit(1, time(9), 1_800)).judge(line(minutes=66)).reason is HoldReason.TIME_ABOVE


def test_the_rest_of_a_part_approved_visit_is_another_line() -> None:
    check = checker(visit(1, time(9), 1_500, 300))
    assert check.judge(line(pence=300)).amount_pence == 300
    assert check.judge(line(pence=1_500)).amount_pence == 1_500
    assert check.judge(line(pence=1_500)).reason is HoldReason.DUPLICATE


def test_a_held_line_keeps_what_it_asks_for() -> None:
    judged = checker(visit(1, time(9), 1_800)).judge(line(pence=5_000))
    assert (judged.reason, judged.amount_pence, judged.accrual_id) == (HoldReason.PRICE_ABOVE, 5_000, uid(1_000))


@pytest.mark.parametrize(
    ("known", "asked", "reason"),
    [
        (visit(1, time(9), 1_800), {"reference": "SA-9"}, HoldReason.WRONG_PERSON),
        (visit(1, time(9), 1_800), {"visit_on": date(2026, 12, 31)}, HoldReason.NO_AGREEMENT),
        (visit(1, time(9), 1_800), {"visit_on": date(2027, 3, 4)}, HoldReason.FUTURE),
        (visit(1, time(9), 1_800, billed=True), {}, HoldReason.DUPLICATE),
        (visit(1, time(9)), {}, HoldReason.NOT_APPROVED),
        (visit(1, time(9), is_off=True), {}, HoldReason.NO_VISIT),
        (visit(1, time(9), is_approved=True), {}, HoldReason.NO_AGREEMENT),
    ],
)
def test_reasons(known: KnownVisit, asked: dict[str, object], reason: HoldReason) -> None:
    judged = checker(known).judge(line(**asked))  # type: ignore[arg-type]
    assert (judged.reason, judged.accrual_id) == (reason, None)
    assert judged.words


def test_accreditation_and_vat_hold_a_line_that_fits_otherwise() -> None:
    known = visit(1, time(9), 1_800)
    judged = checker(known, is_accredited=lambda service, on: False).judge(line())
    assert (judged.reason, judged.accrual_id) == (HoldReason.NOT_ACCREDITED, uid(1_000))
    assert checker(known, is_vat_clear=lambda service, on: False).judge(line()).reason is HoldReason.VAT_UNCLEAR


@given(
    st.lists(st.tuples(st.integers(0, 1_439), st.integers(1, 4_000), st.integers(1, 1_440)), min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 1_439), st.integers(1, 4_000)), max_size=20, unique_by=lambda item: item[0]),
)
def test_whatever_is_asked_no_earning_is_taken_twice_nor_paid_above(
    asked: list[tuple[int, int, int]], known: list[tuple[int, int]]
) -> None:
    visits = [visit(number + 1, time(at // 60, at % 60), pence) for number, (at, pence) in enumerate(known)]
    earned = {each.accrual_id: each.pence for row in visits for each in row.earnings}
    check = checker(*visits)
    taken = []
    for at, pence, minutes in asked:
        judged = check.judge(line(time(at // 60, at % 60), pence, minutes=minutes))
        if judged.accrual_id is not None:
            taken.append(judged.accrual_id)
        if judged.reason is None:
            assert judged.accrual_id is not None
            assert judged.amount_pence <= min(pence, earned[judged.accrual_id])
        else:
            assert judged.amount_pence == pence
    assert len(taken) == len(set(taken))
