"""Frameworks: specifications and their versions, rounds, questions, the engagement log (D7, R29, B19, C1)."""
