"""Agreements between a person and who supports them: drafting, signing, changing and ending.

`service.SupportAgreementService` holds the verbs, one file a noun: `drafts`, `signing`, `changing`, `ending`, `views`.
`prices` says what a visit costs under agreed terms; everybody who prices a visit of an agreement asks it. `week` adds
up a usual week and compares it with the budget, `pattern_form` reads the weekly visits, `fingerprint` makes the print
that is signed, `rules` hold an agreement to accreditation, money and the family rule, `fair` keeps the price working.
"""
