"""The modulus check with tables made up here: the real ones are under a licence and no part of the project."""

from pathlib import Path

import pytest

from marketplace.payments.modulus import BadTables, Outcome, Tables, check_account, failures, read_tables, tables_of

ALL_ONES = "0 0 0 0 0 0 1 1 1 1 1 1 1 1"
DOUBLES = "2 1 2 1 2 1 2 1 2 1 2 1 2 1"
ELEVENS = "0 0 0 0 0 0 8 7 6 5 4 3 2 1"


def outcome(number: str, *lines: str, substitutes: str = "") -> Outcome:
    return check_account("100000", number, read_tables("\n".join(lines), substitutes))


def test_without_a_rule_nothing_is_claimed() -> None:
    assert check_account("100000", "12345678", Tables()) is Outcome.UNCHECKED
    assert outcome("12345678", f"200000 299999 MOD10 {ALL_ONES}") is Outcome.UNCHECKED


@pytest.mark.parametrize(
    ("method", "weights", "good", "bad"),
    [
        ("MOD10", ALL_ONES, "00000019", "00000018"),
        # 8 x 1 + 1 x 3 = 11.
        ("MOD11", ELEVENS, "10000003", "10000004"),
        # 2 of the sort code, 9 x 2 = 18 as 1 + 8, and 9 x 1: 20.
        ("DBLAL", DOUBLES, "90000009", "90000008"),
    ],
)
def test_the_three_methods_tell_right_from_wrong(method: str, weights: str, good: str, bad: str) -> None:
    assert outcome(good, f"100000 100000 {method} {weights}") is Outcome.PASSED
    assert outcome(bad, f"100000 100000 {method} {weights}") is Outcome.FAILED


def test_of_two_rules_both_must_pass() -> None:
    both = (f"100000 100000 MOD10 {ALL_ONES}", f"100000 100000 MOD11 {ELEVENS}")
    assert outcome("00000000", *both) is Outcome.PASSED
    assert outcome("00000028", *both) is Outcome.FAILED


def test_exception_1_adds_27() -> None:
    line = f"100000 100000 DBLAL {DOUBLES} 1"
    # 2 of the sort code, 1 x 2 and 9: 13 and 27 are 40.
    assert outcome("10000009", line) is Outcome.PASSED
    assert outcome("10000006", line) is Outcome.FAILED


def test_exception_3_leaves_the_second_check_out_for_some_accounts() -> None:
    lines = (f"100000 100000 MOD10 {ALL_ONES}", f"100000 100000 DBLAL {DOUBLES} 3")
    assert outcome("00600004", *lines) is Outcome.PASSED
    assert outcome("00500005", *lines) is Outcome.FAILED


def test_exception_4_compares_the_rest_with_two_figures() -> None:
    line = "100000 100000 MOD11 0 0 0 0 0 0 1 0 0 0 0 0 0 0 4"
    assert outcome("70000007", line) is Outcome.PASSED
    assert outcome("70000008", line) is Outcome.FAILED


def test_exception_5_reads_some_sort_codes_as_others() -> None:
    lines = ("100000 100001 MOD11 1 0 0 0 0 0 1 0 0 0 0 0 0 0 5", "100000 100001 DBLAL 0 0 0 0 0 0 1 0 0 0 0 0 0 0 5")
    # 1 + 4 = 5 wants 11 - 5 = 6 as the seventh figure; 4 wants 10 - 4 = 6 as the eighth.
    assert outcome("40000066", *lines) is Outcome.PASSED
    assert outcome("40000065", *lines) is Outcome.FAILED
    assert outcome("40000066", *lines, substitutes="100000 200000") is Outcome.FAILED
    assert outcome("40000056", *lines, substitutes="100000 200000") is Outcome.PASSED
    # A rest of 1 never fits.
    assert outcome("00000000", *lines) is Outcome.FAILED


def test_exception_6_leaves_foreign_currency_accounts_unchecked() -> None:
    lines = (f"100000 100000 MOD10 {ALL_ONES} 6", f"100000 100000 DBLAL {DOUBLES} 6")
    assert outcome("41234577", *lines) is Outcome.UNCHECKED
    assert outcome("31234577", *lines) is Outcome.FAILED


def test_exceptions_7_and_10_leave_the_branch_out() -> None:
    weights = "1 0 0 0 0 0 0 0 1 0 0 0 1 0"
    # The third figure of the account and the seventh count; 1 of the sort code only without the exception.
    assert outcome("00100090", f"100000 100000 MOD10 {weights} 7") is Outcome.PASSED
    assert outcome("00100080", f"100000 100000 MOD10 {weights} 7") is Outcome.PASSED
    assert outcome("00200090", f"100000 100000 MOD10 {weights} 7") is Outcome.FAILED
    pair = (f"100000 100000 MOD10 {weights} 10", "100000 100000 MOD11 1 0 0 0 0 0 0 0 0 0 0 0 0 0 11")
    assert outcome("09100090", *pair) is Outcome.PASSED
    assert outcome("10100090", *pair) is Outcome.FAILED


def test_exception_8_takes_another_sort_code() -> None:
    line = "100000 100000 MOD10 0 1 0 0 0 0 0 0 0 0 0 0 0 1 8"
    assert outcome("00000001", line) is Outcome.PASSED
    assert outcome("00000000", line) is Outcome.FAILED


def test_exceptions_2_and_9_are_two_ways_of_which_one_is_enough() -> None:
    pair = (f"100000 100000 MOD11 {ELEVENS} 2", "100000 100000 MOD11 1 0 0 0 0 0 0 0 0 0 0 0 0 1 9")
    # Read as 309634: 3 + 8 = 11.
    assert outcome("00000008", *pair) is Outcome.PASSED
    # Weights of an account that does not begin with 0. The sort code adds 2 x 0; 2 x 6 + 10 = 22, with the sort code 0.
    assert outcome("20001000", *pair) is Outcome.PASSED
    assert outcome("20001001", *pair) is Outcome.FAILED
    # The seventh figure is 9: the account's own weights 8 7 10 9 3 1 alone.
    assert outcome("10100091", *pair) is Outcome.FAILED
    assert outcome("10000296", *pair) is Outcome.FAILED
    assert outcome("10001097", *pair) is Outcome.PASSED


def test_exceptions_12_and_13_need_one_of_two() -> None:
    pair = (f"100000 100000 MOD10 {ALL_ONES} 12", f"100000 100000 MOD11 {ELEVENS} 13")
    assert outcome("00000019", *pair) is Outcome.PASSED
    assert outcome("10000003", *pair) is Outcome.PASSED
    assert outcome("10000004", *pair) is Outcome.FAILED


def test_exception_14_tries_seven_figures_moved_by_one() -> None:
    line = f"100000 100000 MOD11 {ELEVENS} 14"
    # Moved by one it is 01001000: 7 + 4 = 11.
    assert outcome("10010000", line) is Outcome.PASSED
    assert outcome("10010002", line) is Outcome.FAILED
    assert outcome("10020000", line) is Outcome.FAILED


@pytest.mark.parametrize(
    ("weights", "substitutes"),
    [("100000 100000 MOD12 " + ALL_ONES, ""), ("100000 MOD10 " + ALL_ONES, ""), ("100000 100000 MOD10 1 2", ""),
     ("100000 100000 MOD10 " + ALL_ONES.replace("1", "x", 1), ""), ("", "100000"), ("", "10000 200000")],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused_by_file_and_line(weights: str, substitutes: str) -> None:
    with pytest.raises(BadTables, match="line 1"):
        read_tables(weights, substitutes)


def test_a_folder_without_its_files_is_no_check_and_says_so(tmp_path: Path) -> None:
    assert tables_of(None) == Tables()
    with pytest.raises(BadTables, match="valacdos"):
        tables_of(str(tmp_path))


def test_failures_are_named_by_place() -> None:
    tables = read_tables(f"100000 100000 MOD10 {ALL_ONES}")
    accounts = [("100000", "00000019"), ("100000", "00000018"), ("999999", "00000018")]
    assert failures(accounts, tables) == {1}
