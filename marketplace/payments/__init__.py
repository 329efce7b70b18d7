"""Direct-payment accounts, cards, tariffs, self-bills and payment runs."""
