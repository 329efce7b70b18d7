"""The worked examples of "Validating account numbers", the guide of the payment schemes, one by one.

The guide prints these accounts to be tried. Only the rows that they need stand here, written down for this test; an
installation brings the whole tables.
"""

import pytest

from marketplace.payments.modulus import Outcome, Tables, check_account, read_tables

STANDARD = "0 0 0 0 0 0 8 7 6 5 4 3 2 1"
DOUBLES = "2 1 2 1 2 1 2 1 2 1 2 1 2 1"
SEVEN = "0 0 0 0 0 0 0 7 6 5 4 3 2 1"
LONG = "0 0 1 2 5 3 6 4 8 7 10 9 3 1"
NINES = "0 0 7 6 5 8 9 4 5 6 7 8 9 -1"
ROWS = f"""
070116 070116 MOD11 {NINES} 12
070116 070116 MOD10 0 3 2 4 5 8 9 4 5 6 7 8 9 -1 13
074456 074456 MOD11 {NINES} 12
074456 074456 MOD10 0 3 2 4 5 8 9 4 5 6 7 8 9 -1 13
086090 086090 MOD10 0 0 3 7 1 3 7 1 3 7 1 3 7 1 8
089000 089999 MOD10 0 0 0 0 0 0 7 1 3 7 1 3 7 1
102400 107999 MOD11 {STANDARD}
110000 119280 DBLAL 0 0 2 1 2 1 2 1 2 1 2 1 2 1 1
134012 134020 MOD11 0 0 0 7 5 9 8 4 6 3 5 2 0 0 4
180002 180002 MOD11 {STANDARD} 14
200901 201159 MOD11 {SEVEN} 6
200901 201159 DBLAL {DOUBLES} 6
202700 203239 MOD11 {SEVEN} 6
202700 203239 DBLAL {DOUBLES} 6
309001 309633 MOD11 0 0 3 2 9 8 5 7 6 5 4 3 2 1 2
309001 309633 MOD11 0 0 3 2 9 8 1 7 6 5 4 3 2 1 9
771900 772799 MOD11 {LONG} 7
820000 826097 MOD11 0 0 0 0 0 0 0 0 7 3 4 9 2 1
820000 826097 DBLAL {DOUBLES} 3
826919 827999 MOD11 0 0 0 0 0 0 0 0 7 3 4 9 2 1
826919 827999 DBLAL {DOUBLES} 3
870000 872791 MOD11 {LONG} 10
870000 872791 MOD11 0 0 5 10 9 8 0 7 6 5 4 3 2 1 11
938000 938696 MOD11 7 6 5 4 3 2 7 6 5 4 3 2 0 0 5
938000 938696 DBLAL 2 1 2 1 2 1 2 1 2 1 2 1 2 0 5
"""
SUBSTITUTES = "938600 938611"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return read_tables(ROWS, SUBSTITUTES)


@pytest.mark.parametrize(
    ("sort_code", "account"),
    [
        pytest.param("089999", "66374958", id="modulus-10"),
        pytest.param("107999", "88837491", id="modulus-11"),
        pytest.param("202959", "63748472", id="modulus-11-and-double-alternate"),
        pytest.param("871427", "46238510", id="10-and-11-first-alone-passes"),
        pytest.param("872427", "46238510", id="10-and-11-second-alone-passes"),
        pytest.param("871427", "09123496", id="10-account-begins-09-with-9"),
        pytest.param("871427", "99123496", id="10-account-begins-99-with-9"),
        pytest.param("820000", "73688637", id="3-third-figure-6-start-of-range"),
        pytest.param("827999", "73988638", id="3-third-figure-9-end-of-range"),
        pytest.param("827101", "28748352", id="3-both-checks"),
        pytest.param("134020", "63849203", id="4"),
        pytest.param("118765", "64371389", id="1"),
        pytest.param("938611", "07806039", id="5"),
        pytest.param("938600", "42368003", id="5-substituted"),
        pytest.param("938063", "55065200", id="5-rest-of-0-twice"),
        pytest.param("772798", "99345694", id="7"),
        pytest.param("086090", "06774744", id="8"),
        pytest.param("309070", "02355688", id="2-and-9-first-passes"),
        pytest.param("309070", "12345668", id="2-and-9-second-passes-substituted"),
        pytest.param("309070", "12345677", id="2-and-9-first-figure-counts"),
        pytest.param("309070", "99345694", id="2-and-9-seventh-is-9"),
        pytest.param("074456", "12345112", id="12-and-13-first-alone-passes"),
        pytest.param("070116", "34012583", id="12-and-13-both-pass"),
        pytest.param("074456", "11104102", id="12-and-13-second-alone-passes"),
        pytest.param("180002", "00000190", id="14-second-try-passes"),
    ],
)
def test_a_right_account_of_the_guide_passes(sort_code: str, account: str, tables: Tables) -> None:
    assert check_account(sort_code, account, tables) is Outcome.PASSED


@pytest.mark.parametrize(
    ("sort_code", "account"),
    [
        pytest.param("089999", "66374959", id="modulus-10"),
        pytest.param("107999", "88837493", id="modulus-11"),
        pytest.param("203099", "66831036", id="double-alternate-alone-fails"),
        pytest.param("203099", "58716970", id="modulus-11-alone-fails"),
        pytest.param("118765", "64371388", id="1"),
        pytest.param("938063", "15764273", id="5-second-figure-wrong"),
        pytest.param("938063", "15764264", id="5-first-figure-wrong"),
        pytest.param("938063", "15763217", id="5-rest-of-1"),
    ],
)
def test_a_wrong_account_of_the_guide_fails(sort_code: str, account: str, tables: Tables) -> None:
    assert check_account(sort_code, account, tables) is Outcome.FAILED


def test_a_foreign_currency_account_of_the_guide_is_not_checked(tables: Tables) -> None:
    assert check_account("200915", "41011166", tables) is Outcome.UNCHECKED


def test_one_wrong_figure_is_found_where_the_weights_are_no_multiples_of_the_modulus(tables: Tables) -> None:
    right = "88837491"
    for place in range(8):
        for figure in "0123456789":
            other = right[:place] + figure + right[place + 1 :]
            wanted = Outcome.PASSED if other == right else Outcome.FAILED
            assert check_account("107999", other, tables) is wanted
