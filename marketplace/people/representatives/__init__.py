"""Who acts for a person: asked by the person or recorded by the council, for what, until when, on what papers.

The person sees everybody who acts for them and ends it with one press; a deputy's or attorney's papers are looked at by
somebody of the council who did not record them. What may be done follows from the scopes alone
(`accounts.permissions.granted`).

`RepresentativeService` asks, changes and ends; `AskedService` is the answer to the link; `CheckingService` is the
council's look at papers.
"""

from marketplace.people.representatives.asked import AskedService
from marketplace.people.representatives.checking import CheckingService
from marketplace.people.representatives.forms import AskForm, ChangeForm
from marketplace.people.representatives.service import MOST, RepresentativeService
from marketplace.people.representatives.words import ASKED_BY_PERSON, KIND_HINTS, KINDS, SCOPES

__all__ = [
    "ASKED_BY_PERSON",
    "KINDS",
    "KIND_HINTS",
    "MOST",
    "SCOPES",
    "AskForm",
    "AskedService",
    "ChangeForm",
    "CheckingService",
    "RepresentativeService",
]
