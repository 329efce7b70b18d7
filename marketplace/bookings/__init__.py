"""Visits agreed between a person and a provider, from request to approval."""
