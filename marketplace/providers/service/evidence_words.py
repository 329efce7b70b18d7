"""What the form asks about each kind of evidence, and for how long councils usually take it."""

from typing import Final

import msgspec

from marketplace.providers.models import EvidenceKind


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of evidence is asked for."""

    label: str
    hint: str = ""
    first: str = "Date on it"
    last: str = "Last day it counts (optional)"
    last_hint: str = "For example, 26 3 2028"


ASKS: Final[dict[EvidenceKind, Ask]] = {
    EvidenceKind.PERSON_CENTRED_TRAINING: Ask(
        label="Course and who ran it",
        hint="Training in person-centred practices: how to plan with a person, not for them",
        last_hint="Many councils ask for it again after 3 years. Leave it empty if the certificate has no end",
    ),
    EvidenceKind.SAFEGUARDING_TRAINING: Ask(
        label="Course and who ran it",
        last_hint="Many councils ask for it again after 3 years. Leave it empty if the certificate has no end",
    ),
    EvidenceKind.CHARITY_REGISTRATION: Ask(
        label="Name and number in the register of charities",
        hint="For example, “Riverside Friends, 1234567”",
        first="Date of registration",
        last_hint="Leave it empty: a registration has no end date",
    ),
    EvidenceKind.COMPANY_REGISTRATION: Ask(
        label="Name and number at Companies House",
        hint="For example, “Riverside Friends CIC, 01234567”",
        first="Date of incorporation",
        last_hint="Leave it empty: a registration has no end date",
    ),
    EvidenceKind.DATA_SECURITY: Ask(
        label="Organisation code and what you reached",
        hint="For example, “A1B2C, Standards Met”. It is on your page of the Data Security and Protection Toolkit",
        first="Date it was published",
        last_hint="It is done anew each year and counts until 30 June of the next",
    ),
    EvidenceKind.SAFEGUARDING_POLICY: Ask(
        label="Name and version of the policy",
        hint="For example, “Safeguarding adults, version 3”",
        first="Date it was agreed",
        last="Day of its next review (optional)",
        last_hint="Most organisations review it each year",
    ),
}
"""Kinds that are not here have questions of their own in the form."""
