"""The only place where pence move: accounts, entries, lines and balances."""

from marketplace.ledger.errors import NotEnoughMoney
from marketplace.ledger.models import DEBIT_NORMAL, Purpose, Side
from marketplace.ledger.repository import LedgerRepository
from marketplace.ledger.service import LedgerService, Line, Posting, credit, debit

__all__ = [
    "DEBIT_NORMAL",
    "LedgerRepository",
    "LedgerService",
    "Line",
    "NotEnoughMoney",
    "Posting",
    "Purpose",
    "Side",
    "credit",
    "debit",
]
