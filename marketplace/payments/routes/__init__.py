"""Pages of payments."""

from typing import Any

from marketplace.payments.routes import cards, direct_payments

ROUTES: list[Any] = [
    *cards.ROUTES,
    *direct_payments.ROUTES,
]
"""Direct-payment accounts, cards, tariffs, self-bills and payment runs."""
