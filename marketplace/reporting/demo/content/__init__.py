"""Texts and facts of the demo, all made up: organisations, people, plans. Nothing here is read from real records."""
