"""Agreements between a person and who supports them: drafting, signing, changing and ending.

`prices` says what a visit costs under agreed terms; everybody who prices a visit of an agreement asks it.
"""
