"""Questions about providers, one module a noun."""
