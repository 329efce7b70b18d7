"""Kinds of acting for somebody and what may be done for them, in words."""

from typing import Final

from marketplace.accounts.permissions import RepresentativeKind, Scope

KINDS: Final = {
    RepresentativeKind.HELPER: "Helper",
    RepresentativeKind.NOMINATED: "Nominated person",
    RepresentativeKind.AUTHORISED: "Authorised person",
    RepresentativeKind.ATTORNEY: "Attorney",
    RepresentativeKind.DEPUTY: "Deputy",
}
KIND_HINTS: Final = {
    RepresentativeKind.HELPER: "Looks, searches and writes for you. You decide.",
    RepresentativeKind.NOMINATED: "Books, approves and manages the direct payment for you, because you asked them to.",
    RepresentativeKind.AUTHORISED: "Manages the direct payment of somebody who cannot decide this themselves.",
    RepresentativeKind.ATTORNEY: "Has a registered lasting power of attorney.",
    RepresentativeKind.DEPUTY: "Was appointed by the Court of Protection.",
}
SCOPES: Final = {
    Scope.PROFILE: "See and write the one page profile",
    Scope.CHOOSE: "Search, keep shortlists and ask questions",
    Scope.TALK: "Write with providers",
    Scope.PLAN: "See the plan and agree it",
    Scope.BOOK: "Agree, book, change and cancel visits",
    Scope.APPROVE: "Approve visits, so that they are paid",
    Scope.MONEY: "See the money, record payments and pay",
    Scope.EMPLOY: "Look after the duties of an employer",
}
ASKED_BY_PERSON: Final = (RepresentativeKind.HELPER, RepresentativeKind.NOMINATED, RepresentativeKind.ATTORNEY)
"""Kinds that a person asks for themselves; the others are for people who cannot."""
