"""Whether an account number can belong to a sort code: the modulus check of British banks.

The weights and the list of substituted sort codes are published by the payment schemes under a licence, so they are no
part of this project. An installation that holds them names their folder in `MODULUS_TABLES`; without it, or where a
sort code stands in no row, nothing is checked and nothing is claimed.

Source: "Validating account numbers" of the payment schemes: modulus 10, modulus 11, double alternate, exceptions 1-14.

The guide's worked examples, one or more of each exception, are run one by one in the tests with the few rows
that they need. Public implementations differ in exception 6 (some count a first figure of 9, too) and in 14; there the
guide is followed.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

WEIGHTS_FILE: Final = "valacdos.txt"
SUBSTITUTES_FILE: Final = "scsubtab.txt"
POSITIONS: Final = 14
"""Six figures of the sort code and eight of the account: u v w x y z a b c d e f g h."""

_B, _G = 7, 12
"""Places of the second and the seventh figure of the account."""
_EXCEPTION_2_WEIGHTS: Final = {
    True: (0, 0, 1, 2, 5, 3, 6, 4, 8, 7, 10, 9, 3, 1),
    False: (0, 0, 0, 0, 0, 0, 0, 0, 8, 7, 10, 9, 3, 1),
}
"""Weights of exception 2 where the first figure of the account is not 0: whether the seventh is other than 9."""
_TRIED_AGAIN_AS: Final = "309634"
"""The sort code under which exception 9 tries again."""
_TRIED_FOR_5: Final = 1
_NO_CHECK_3: Final = frozenset({6, 9})
_LAST_14: Final = frozenset({0, 1, 9})


class Outcome(StrEnum):
    """What a check said."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"
    """No tables, or no rule for the sort code: the bank may still know the account."""


OUTCOME_WORDS: Final[Mapping[Outcome, str]] = {
    Outcome.PASSED: "The account number fits the sort code",
    Outcome.FAILED: "The account number does not fit the sort code",
    Outcome.UNCHECKED: "The account number could not be checked against the sort code",
}


class BadTables(ValueError):
    """The tables cannot be read; the message names the file and the line."""


class Rule(msgspec.Struct, frozen=True):
    """One row of the table of weights."""

    first: str
    last: str
    """Sort codes it is for, both included."""
    method: str
    """MOD10, MOD11 or DBLAL."""
    weights: tuple[int, ...]
    exception: int
    """0: none."""


class Tables(msgspec.Struct, frozen=True):
    """The rules by sort code, and what some sort codes are read as (exception 5)."""

    rules: tuple[Rule, ...] = ()
    substitutes: Mapping[str, str] = {}

    def rules_of(self, sort_code: str) -> list[Rule]:
        """Return the one or two rules of a sort code, in their order."""
        return [rule for rule in self.rules if rule.first <= sort_code <= rule.last][:2]


def check_account(sort_code: str, account_number: str, tables: Tables) -> Outcome:
    """Check an account number against its sort code.

    Args:
        sort_code: Six digits.
        account_number: Eight digits.
        tables: The rules; without any nothing is checked.
    """
    rules = tables.rules_of(sort_code)
    if not rules:
        return Outcome.UNCHECKED
    first, second = rules[0], rules[1] if len(rules) == 2 else None
    if first.exception == 6 and _is_foreign(account_number):
        return Outcome.UNCHECKED
    passed = _passes(first, sort_code, account_number, tables)
    if second is None:
        return _outcome(passed or _passes_another_way(first, sort_code, account_number, tables))
    if (first.exception, second.exception) in {(2, 9), (10, 11), (12, 13)}:
        # One of the two is enough; exception 9 reads the account as one of another branch.
        branch = _TRIED_AGAIN_AS if second.exception == 9 else sort_code
        return _outcome(passed or _passes(second, branch, account_number, tables))
    if second.exception == 3 and int(account_number[2]) in _NO_CHECK_3:
        return _outcome(passed)
    return _outcome(passed and _passes(second, sort_code, account_number, tables))


def _outcome(passed: bool) -> Outcome:
    return Outcome.PASSED if passed else Outcome.FAILED


def _is_foreign(account: str) -> bool:
    """Exception 6: a foreign-currency account, which no rule covers."""
    return account[0] in "45678" and account[6] == account[7]


def _passes(rule: Rule, sort_code: str, account: str, tables: Tables) -> bool:
    weights = list(rule.weights)
    if rule.exception == 5:
        sort_code = tables.substitutes.get(sort_code, sort_code)
    elif rule.exception == 8:
        sort_code = "090126"
    elif _ignores_branch(rule, account):
        weights[: _B + 1] = [0] * (_B + 1)
    elif rule.exception == 2 and account[0] != "0":
        weights = list(_EXCEPTION_2_WEIGHTS[account[6] != "9"])
    figures = [int(figure) for figure in sort_code + account]
    if rule.method == "DBLAL":
        total = sum(
            sum(divmod(figure * weight, 10)) if figure * weight < 100 else _digits(figure * weight)
            for figure, weight in zip(figures, weights, strict=True)
        )
        total += 27 if rule.exception == 1 else 0
        rest = total % 10
    else:
        total = sum(figure * weight for figure, weight in zip(figures, weights, strict=True))
        rest = total % (10 if rule.method == "MOD10" else 11)
    if rule.exception == 4:
        return rest == int(account[6:])
    if rule.exception == 5:
        return _fits_5(rule, rest, account)
    return rest == 0


def _ignores_branch(rule: Rule, account: str) -> bool:
    """Exceptions 7 and 10: the sort code and the first two figures of some accounts do not count."""
    if account[_G - 6] != "9":
        return False
    return rule.exception == 7 or (rule.exception == 10 and account[:2] in {"09", "99"})


def _fits_5(rule: Rule, rest: int, account: str) -> bool:
    """Exception 5: the rest is compared with a check figure of the account, the seventh or the eighth."""
    if rule.method == "MOD11":
        check = int(account[6])
        if rest == 0:
            return check == 0
        return rest != _TRIED_FOR_5 and 11 - rest == check
    check = int(account[7])
    return check == 0 if rest == 0 else 10 - rest == check


def _passes_another_way(rule: Rule, sort_code: str, account: str, tables: Tables) -> bool:
    """Exception 14: an account that fails may be one of seven figures, moved one place to the right."""
    if rule.exception != 14 or int(account[7]) not in _LAST_14:
        return False
    return _passes(rule, sort_code, "0" + account[:7], tables)


def _digits(number: int) -> int:
    return sum(int(figure) for figure in str(number))


def read_tables(weights: str, substitutes: str = "") -> Tables:
    """Read the two published files.

    Raises:
        BadTables: A line that does not fit.
    """
    rules = []
    for number, line in enumerate(weights.splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        is_whole = len(parts) in (3 + POSITIONS, 4 + POSITIONS) and parts[2] in {"MOD10", "MOD11", "DBLAL"}
        if not is_whole or not all(_is_sort_code(part) for part in parts[:2]):
            raise BadTables(f"{WEIGHTS_FILE}, line {number}: not two sort codes, a method and {POSITIONS} weights")
        try:
            figures = [int(part) for part in parts[3:]]
        except ValueError as error:
            raise BadTables(f"{WEIGHTS_FILE}, line {number}: a weight is no number") from error
        rules.append(
            Rule(
                parts[0],
                parts[1],
                parts[2],
                tuple(figures[:POSITIONS]),
                figures[POSITIONS] if len(figures) > POSITIONS else 0,
            )
        )
    pairs: dict[str, str] = {}
    for number, line in enumerate(substitutes.splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or not all(_is_sort_code(part) for part in parts):
            raise BadTables(f"{SUBSTITUTES_FILE}, line {number}: not two sort codes")
        pairs[parts[0]] = parts[1]
    return Tables(tuple(rules), pairs)


def _is_sort_code(text: str) -> bool:
    return len(text) == 6 and text.isascii() and text.isdecimal()


@lru_cache(maxsize=4)
def tables_of(folder: str | None) -> Tables:
    """Return the tables of an installation, read once in a process; empty ones where no folder is named.

    Raises:
        BadTables: A file is missing or does not fit: better no start than checks that check nothing.
    """
    if not folder:
        return Tables()
    texts: list[str] = []
    for name in (WEIGHTS_FILE, SUBSTITUTES_FILE):
        try:
            texts.append((Path(folder) / name).read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadTables(f"MODULUS_TABLES: {name} cannot be read") from error
    return read_tables(*texts)


def failures(accounts: Sequence[tuple[str, str]], tables: Tables) -> set[int]:
    """Return the places of those (sort code, account number) that fail."""
    return {
        place
        for place, (sort_code, number) in enumerate(accounts)
        if check_account(sort_code, number, tables) is Outcome.FAILED
    }
