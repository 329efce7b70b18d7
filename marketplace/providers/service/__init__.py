"""The verbs of providers, one module a noun."""
