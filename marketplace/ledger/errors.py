"""What can go wrong in the ledger."""

from marketplace.core.errors import Conflict


class NotEnoughMoney(Conflict):
    """The account would fall below what it may hold."""

    code = "not-enough-money"
    title = "There is not enough money in the account"


class Unbalanced(ValueError):
    """A bug: lines that do not sum to nothing were about to be posted."""
