"""The plan, its quality check and sign-off, and its reviews."""
