"""Search over listings: documents in, ids out. Knows no table and nothing of the marketplace."""
