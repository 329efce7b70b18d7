"""Pricing by bands, uplifts, VAT and stages: hand-computed pence, and sums that always add up."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.ids import new_id
from marketplace.payments.bands import Band
from marketplace.payments.rules import (
    BadRule,
    Circumstance,
    Month,
    Price,
    Stage,
    StageAt,
    Uplift,
    block_month,
    check_stages,
    check_uplifts,
    month_source,
    months_after,
    months_between,
    part_of_month,
    stage_source,
)

LANCASHIRE = (Band(240, 7_500), Band(300, 8_500), Band(None, 10_000))
HALF_HALF = (Stage(StageAt.SUBMITTED, 30), Stage(StageAt.SIGNED_OFF, 50), Stage(StageAt.IMPLEMENTED, 20))
COMPLEX, RURAL, VERY_RURAL = Circumstance.COMPLEX, Circumstance.RURAL, Circumstance.VERY_RURAL
UPLIFTS = (Uplift(COMPLEX, 25), Uplift(RURAL, 10), Uplift(VERY_RURAL, 15))


@pytest.mark.parametrize(
    ("minutes", "pence"), [(0, 7_500), (240, 7_500), (241, 8_500), (300, 8_500), (301, 10_000), (6_000, 10_000)]
)
def test_the_first_band_whose_limit_is_not_passed_gives_the_fee(minutes: int, pence: int) -> None:
    assert Price(bands=LANCASHIRE).amount(minutes) == pence


@pytest.mark.parametrize(
    ("circumstances", "pence"),
    [
        ((), 7_500),
        ((COMPLEX,), 9_375),
        ((RURAL,), 8_250),
        ((COMPLEX, RURAL), 10_125),
        ((VERY_RURAL,), 8_625),
        ((RURAL, VERY_RURAL), 8_625),
    ],
)
def test_uplifts_are_per_cent_of_the_fee_and_never_of_each_other(
    circumstances: tuple[Circumstance, ...], pence: int
) -> None:
    assert Price(bands=LANCASHIRE, uplifts=UPLIFTS).amount(240, circumstances) == pence


def test_a_very_rural_place_has_the_rural_uplift_where_there_is_no_other() -> None:
    price = Price(bands=LANCASHIRE, uplifts=(Uplift(RURAL, 10),))
    assert price.amount(240, (VERY_RURAL,)) == 8_250


def test_vat_comes_on_top_of_fee_and_uplifts_only_where_the_book_and_the_supplier_say_so() -> None:
    price = Price(bands=(Band(None, 45_000),), uplifts=(Uplift(COMPLEX, 10),), vat_on_top=True)
    assert [(line.words, line.pence) for line in price.working(0, (COMPLEX,), 2_000)] == [
        ("Fee", 45_000),
        ("Complex case: 10% more", 4_500),
        ("VAT at 20%", 9_900),
    ]
    assert price.amount(0, (COMPLEX,)) == 49_500
    assert Price(bands=(Band(None, 45_000),)).amount(0, (), 2_000) == 45_000


def test_stages_share_a_fee_and_keep_the_odd_penny() -> None:
    price = Price(bands=LANCASHIRE, stages=HALF_HALF)
    assert price.shares(10_001) == {
        StageAt.SUBMITTED: 3_000,
        StageAt.SIGNED_OFF: 5_001,
        StageAt.IMPLEMENTED: 2_000,
    }
    assert [price.earned_by(10_001, at) for at in StageAt] == [3_000, 8_001, 10_001]
    assert [Price(bands=LANCASHIRE).earned_by(7_500, at) for at in StageAt] == [0, 7_500, 7_500]


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ((Stage(StageAt.SUBMITTED, 50), Stage(StageAt.SIGNED_OFF, 40)), "add up to 100"),
        ((Stage(StageAt.SUBMITTED, 50), Stage(StageAt.IMPLEMENTED, 50)), "when the plan is signed off"),
        ((Stage(StageAt.SIGNED_OFF, 50), Stage(StageAt.SIGNED_OFF, 50)), "once"),
        ((Stage(StageAt.SUBMITTED, 0), Stage(StageAt.SIGNED_OFF, 100)), "between 1 and 100"),
    ],
)
def test_stages_that_are_not_whole_are_refused(stages: tuple[Stage, ...], words: str) -> None:
    with pytest.raises(BadRule, match=words):
        check_stages(stages)


def test_one_stage_at_sign_off_is_no_stage() -> None:
    assert check_stages((Stage(StageAt.SIGNED_OFF, 100),)) == ()


@pytest.mark.parametrize("uplifts", [(Uplift(COMPLEX, 0),), (Uplift(COMPLEX, 201),), (Uplift(RURAL, 5),) * 2])
def test_uplifts_out_of_bounds_are_refused(uplifts: tuple[Uplift, ...]) -> None:
    with pytest.raises(BadRule):
        check_uplifts(uplifts)


def test_a_stored_rule_is_read_as_it_prices() -> None:
    price = Price.read(
        [{"up_to_minutes": 240, "pence": 7_500}, {"up_to_minutes": None, "pence": 10_000}],
        [{"at": "submitted", "percent": 40}, {"at": "signed_off", "percent": 60}],
        [{"if": "complex", "percent": 20}],
    )
    assert price.amount(300, (COMPLEX,)) == 12_000
    assert price.shares(12_000) == {StageAt.SUBMITTED: 4_800, StageAt.SIGNED_OFF: 7_200}


_bands = st.lists(st.integers(1, 6_000), max_size=4, unique=True).flatmap(
    lambda limits: st.lists(st.integers(1, 1_000_000), min_size=len(limits) + 1, max_size=len(limits) + 1).map(
        lambda fees: tuple(Band(limit, fee) for limit, fee in zip([*sorted(limits), None], fees, strict=True))
    )
)
_stages = st.one_of(
    st.just(()),
    st.integers(1, 99).map(lambda one: (Stage(StageAt.SUBMITTED, one), Stage(StageAt.SIGNED_OFF, 100 - one))),
    st.tuples(st.integers(1, 49), st.integers(1, 50)).map(
        lambda two: (
            Stage(StageAt.SUBMITTED, two[0]),
            Stage(StageAt.SIGNED_OFF, two[1]),
            Stage(StageAt.IMPLEMENTED, 100 - sum(two)),
        )
    ),
)
_uplifts = st.dictionaries(st.sampled_from(list(Circumstance)), st.integers(1, 200)).map(
    lambda wanted: tuple(Uplift(one, percent) for one, percent in wanted.items())
)


@given(
    _bands,
    _stages,
    _uplifts,
    st.integers(0, 10_000),
    st.frozensets(st.sampled_from(list(Circumstance))),
    st.sampled_from([0, 500, 2_000]),
)
def test_working_and_stages_add_up_to_the_penny(
    bands: tuple[Band, ...],
    stages: tuple[Stage, ...],
    uplifts: tuple[Uplift, ...],
    minutes: int,
    circumstances: frozenset[Circumstance],
    vat_rate: int,
) -> None:
    price = Price(bands=bands, stages=stages, uplifts=uplifts, vat_on_top=True)
    total = price.amount(minutes, circumstances, vat_rate)
    assert sum(line.pence for line in price.working(minutes, circumstances, vat_rate)) == total
    assert sum(price.shares(total).values()) == total
    assert price.earned_by(total, StageAt.IMPLEMENTED) == total
    steps = [price.earned_by(total, at) for at in StageAt]
    assert steps == sorted(steps)
    assert total >= next(band.pence for band in bands if band.up_to_minutes is None or minutes <= band.up_to_minutes)


@given(st.integers(1, 10_000_000), st.dates(date(2024, 1, 1), date(2030, 1, 1)), st.integers(1, 1_500))
def test_the_months_of_a_block_contract_add_up_to_its_price(weekly_pence: int, starts_on: date, days: int) -> None:
    ends_on = starts_on + timedelta(days=days)
    months = months_between(starts_on, ends_on, date(2040, 1, 1))
    assert sum(month.ran for month in months) == days
    paid = sum(block_month(weekly_pence, starts_on, month) for month in months)
    assert abs(paid - weekly_pence * days / 7) <= 0.5
    assert days % 7 or paid == weekly_pence * days // 7


def test_months_count_once_they_are_over_and_parts_by_their_days() -> None:
    months = months_between(date(2027, 1, 16), date(2027, 3, 11), date(2027, 4, 1))
    assert [(month.first, month.ran, month.days) for month in months] == [
        (date(2027, 1, 1), 16, 31),
        (date(2027, 2, 1), 28, 28),
        (date(2027, 3, 1), 10, 31),
    ]
    assert [part_of_month(2_800, month) for month in months] == [1_445, 2_800, 903]
    assert months_between(date(2027, 1, 16), None, date(2027, 2, 28)) == [
        Month(date(2027, 1, 1), date(2027, 1, 16), date(2027, 2, 1), 31)
    ]
    assert months_between(date(2027, 2, 1), None, date(2027, 2, 28)) == []


def test_months_after_keep_the_day_or_the_last_of_the_month() -> None:
    assert months_after(date(2027, 3, 15), 12) == date(2028, 3, 15)
    assert months_after(date(2028, 2, 29), 12) == date(2029, 2, 28)
    assert months_after(date(2027, 10, 31), 4) == date(2028, 2, 29)


def test_derived_ids_are_the_same_every_time_and_differ_by_part() -> None:
    row = new_id()
    assert stage_source(row, StageAt.SIGNED_OFF) == stage_source(row, "signed_off")
    assert len({stage_source(row, at) for at in StageAt} | {month_source(row, date(2027, 1, 9))}) == 4
    assert month_source(row, date(2027, 1, 9)) == month_source(row, date(2027, 1, 1))
