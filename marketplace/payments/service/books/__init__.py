"""A council's books: budget teams, cost codes, what teams spend, block contracts, year-end, journals, commitments."""
