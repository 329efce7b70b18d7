"""Who may offer help with washing, dressing and the like: the rule in one pure function (domain.md 4.3, V2).

Source: Health and Social Care Act 2008 (Regulated Activities) Regulations 2014, schedule 1, paragraphs 1 and 3, and the
regulator's guidance on its scope. The words are ours, for the pages; they are no legal advice.
"""

from typing import Final

import msgspec

from marketplace.providers.models import ListingCategory, OrganisationKind, RegulatedBasis

PERSONAL_CARE: Final = "help with washing, dressing, eating, going to the toilet or taking medicine"
"""What "personal care" means, as a form asks for it."""

ALWAYS_REGULATED: Final = frozenset(
    {ListingCategory.HOME_CARE, ListingCategory.CARE_HOME, ListingCategory.OTHER_REGULATED}
)
"""Categories under which people expect a registered service, whatever a listing says of personal care."""

STATUS_TEST: Final = (
    "The person, or somebody who may by law act for them, hires you. They agree the work with you, not with a company",
    "The person decides what you do, when and how",
    "The person pays you, or a payroll service pays you in their name",
    "No agency stands between you: nobody else sends you, manages you or sends somebody in your place",
)
"""What has to be true for an individual to be directly engaged. All four must be confirmed."""


INTRODUCTIONS: Final = (
    "An agency that only introduces workers does not have to register, as long as it has no ongoing role: each person "
    "hires, pays and directs the worker themselves. It is an ongoing role to set rotas, to send somebody in a worker’s "
    "place, to check on the work, or to use what people say about a worker to direct their care. If you only introduce "
    "workers, answer No, and say in your listing that people hire the worker themselves."
)
"""For bodies that introduce workers (domain.md 4.3)."""

COMPANY: Final = (
    "This is a regulated activity. A limited company that supplies a worker must be registered with the Care Quality "
    "Commission, also where you are its only worker. You can offer this help without registering only if each person "
    "hires you yourself, not your company. Give us your registration number under Evidence, or take this help out of "
    "your listing."
)


class Verdict(msgspec.Struct, frozen=True):
    """Whether an offer may be made, by what right, and what to say to its provider."""

    allowed: bool
    basis: RegulatedBasis
    """Meaningful where it is allowed; where it is not, what the offer would need to be."""
    words: str


_REGISTERED: Final = (
    "This is a regulated activity. You are registered with the Care Quality Commission, so you can offer it. "
    "Your listing shows your registration and your rating."
)
_NOT_REGULATED: Final = (
    "This is not a regulated activity, so you do not need to register with the Care Quality Commission. "
    f"You cannot give {PERSONAL_CARE} under this listing."
)
DIRECT: Final = (
    "You can offer this without registering with the Care Quality Commission, because each person hires you and "
    "directs your work themselves. This is only true while the person, or somebody who may act for them by law, hires "
    "and pays you, decides what you do and when, and no agency stands between you. People can read your reviews here, "
    "but this site does not manage your work. If any of this changes, tell the council at once."
)
"""What an individual reads who passed the test, before the listing is published."""

DIRECT_FOR_PEOPLE: Final = (
    "You hire this person yourself. They are not registered with the Care Quality Commission and do not have to be, "
    "as long as you, or somebody who may by law act for you, hire and pay them and decide what they do and when, with "
    "no agency in between. Reviews here are for your information. This site does not manage their work."
)
"""What people read on the page of such an offer."""
_BETWEEN: Final = (
    f"This is a regulated activity. You can offer {PERSONAL_CARE} without registering with the Care Quality "
    "Commission only if each person hires you, pays you and directs your work, with no agency in between. You told us "
    "that this is not so. Take this help out of your listing, or register first."
)
_SUPPLIES: Final = (
    "This is a regulated activity. An organisation that sends workers must be registered with the Care Quality "
    f"Commission before it offers {PERSONAL_CARE}. This is so for companies, charities, community groups and council "
    "services, and also where the workers are self-employed. Give us your registration number under Evidence, or take "
    "this help out of your listing."
)
_CATEGORY: Final = (
    "This sort of service is a regulated activity. Only an organisation that is registered with the Care Quality "
    "Commission can offer it. Give us your registration number under Evidence, or choose another sort of service, "
    "such as a community group, shopping or help at home without personal care."
)
_CATEGORY_ALONE: Final = (
    "This sort of service is a regulated activity of registered organisations. If people hire you themselves, choose "
    "“Personal assistant” instead."
)


def regulated_rule(
    category: ListingCategory,
    offers_personal_care: bool,
    organisation_kind: OrganisationKind,
    is_registered: bool,
    is_directly_engaged: bool,
    *,
    is_company: bool = False,
) -> Verdict:
    """Judge an offer by the rule on regulated care.

    Args:
        category: What is offered.
        offers_personal_care: Whether the offer includes washing, dressing, eating, toilet or medicine.
        organisation_kind: What sort of body offers it; only a sole personal assistant can be directly engaged.
        is_registered: Whether it is tied to a live entry of the register (`registration.is_registered`).
        is_directly_engaged: Whether all of `STATUS_TEST` was confirmed. Counts for a sole personal assistant alone: a
            limited company that supplies workers is not exempt.
        is_company: Whether the body has a company number: a sole assistant who works through a company of their own is
            supplied by it.

    Source: domain.md 4.3; V2.
    """
    if category in ALWAYS_REGULATED and not is_registered:
        words = _CATEGORY_ALONE if organisation_kind is OrganisationKind.SOLE_PA else _CATEGORY
        return Verdict(False, RegulatedBasis.REGISTERED, words)
    if not offers_personal_care and category not in ALWAYS_REGULATED:
        return Verdict(True, RegulatedBasis.NOT_REGULATED, _NOT_REGULATED)
    if is_registered:
        return Verdict(True, RegulatedBasis.REGISTERED, _REGISTERED)
    if organisation_kind is not OrganisationKind.SOLE_PA:
        return Verdict(False, RegulatedBasis.REGISTERED, _SUPPLIES)
    if is_company:
        return Verdict(False, RegulatedBasis.REGISTERED, COMPANY)
    if not is_directly_engaged:
        return Verdict(False, RegulatedBasis.DIRECTLY_ENGAGED, _BETWEEN)
    return Verdict(True, RegulatedBasis.DIRECTLY_ENGAGED, DIRECT)
