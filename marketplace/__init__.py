"""Care marketplace and brokerage platform for English councils."""
