"""What a provider may know of a requirement: little before it has won, what the work needs afterwards (K4, V7)."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, INTERESTS, NEEDS, SKILLS
from marketplace.core.places import Postcode
from marketplace.matching.anonymity import Identifier, scan, without_identity
from marketplace.matching.care.week import GridRow, grid, hours_words, visit_words
from marketplace.matching.models import Requirement, RequirementVisit
from marketplace.matching.words import URGENCY_LABELS
from marketplace.matching.words_care import CARE_SERVICES, GENDER_RULE_LABELS
from marketplace.people.models import Person

FIELDS = {"summary": "Summary of the needs", "outcomes": "What should be different"}
"""Free text that providers read."""


class AnonymousRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement without who it is about: all that a provider sees before it has won."""

    reference: str
    service: str
    urgency: str
    area: str
    """First half of the postcode, such as "PR1"."""
    needs: list[str]
    summary: str
    outcomes: str
    skills: list[str]
    gender: str
    language: str
    interests: list[str]
    hours: str
    visits: list[str]
    week: list[GridRow]
    starts_on: date
    latest_start_on: date
    may_share: bool
    most_providers: int
    answer_by: datetime | None


class CarePack(msgspec.Struct, frozen=True, kw_only=True):
    """Who the person is, for the organisation that has won."""

    name: str
    address: str
    phone: str
    email: str
    born_on: date | None
    communication: list[str]
    appreciated: str
    important_to_me: str
    how_to_support_me: str


def anonymous(requirement: Requirement, visits: Sequence[RequirementVisit], person: Person) -> AnonymousRequirement:
    """Return what a provider sees. What we know of the person is left out even where a broker overlooked it."""
    return AnonymousRequirement(
        reference=requirement.reference,
        service=CARE_SERVICES.get(requirement.service_line, requirement.service_line.value),
        urgency=URGENCY_LABELS[requirement.urgency],
        area=requirement.outward,
        needs=[NEEDS.get(code, code) for code in requirement.needs],
        summary=_safe(requirement.summary, requirement, person),
        outcomes=_safe(requirement.outcomes, requirement, person),
        skills=[SKILLS.get(code, code) for code in requirement.required_skills],
        gender=GENDER_RULE_LABELS.get(requirement.required_gender or "", ""),
        language=requirement.essential_language or "",
        interests=[INTERESTS.get(code, code) for code in requirement.interests],
        hours=hours_words(visits),
        visits=[visit_words(visit) for visit in visits],
        week=grid(visits),
        starts_on=requirement.starts_on,
        latest_start_on=requirement.latest_start_on,
        may_share=requirement.split_agreed and requirement.most_providers > 1,
        most_providers=requirement.most_providers,
        answer_by=requirement.answer_by,
    )


def care_pack(person: Person) -> CarePack:
    """Return what the organisation that has won sees."""
    return CarePack(
        name=person.name,
        address=", ".join(part for part in (person.address_line, person.town, person.postcode) if part),
        phone=person.phone,
        email=person.email,
        born_on=person.born_on,
        communication=[COMMUNICATION_NEEDS.get(code, code) for code in person.communication_needs],
        appreciated=person.appreciated,
        important_to_me=person.important_to_me,
        how_to_support_me=person.how_to_support_me,
    )


def without_who(text: str, person: Person) -> str:
    """Return what a broker wrote for a provider, without who it is about."""
    return without_identity(
        text,
        names=[person.given_name, person.family_name],
        places=[person.address_line, person.town, person.postcode, person.phone, person.email, person.reference],
        born_on=person.born_on,
    )


def outward_of(person: Person) -> str:
    """Return the first half of a person's postcode."""
    postcode = Postcode.parse(person.postcode)
    return postcode.outward if postcode else ""


def identifiers(requirement: Requirement, person: Person) -> dict[str, list[Identifier]]:
    """Return by field what the free text of a requirement may betray (K4); fields without a warning are left out."""
    found = {
        name: scan(
            getattr(requirement, name),
            names=[person.given_name, person.family_name],
            places=[person.address_line, person.town, person.postcode],
            numbers=[number for number in (person.phone, person.email, person.reference) if number],
            born_on=person.born_on,
        )
        for name in FIELDS
    }
    return {name: items for name, items in found.items() if items}


def may_show(warnings: dict[str, list[Identifier]], *, is_checked: bool) -> bool:
    """Whether a text may go out: nothing that is certain, and for the rest a broker's word that it names nobody."""
    everything = [item for items in warnings.values() for item in items]
    return not everything or (is_checked and not any(item.is_certain for item in everything))


def _safe(text: str, requirement: Requirement, person: Person) -> str:
    """Leave out what identifies the person: names and places, too, unless a broker said they name nobody here."""
    names = [] if requirement.checked_text else [person.given_name, person.family_name]
    places = [person.postcode, person.phone, person.email, person.reference]
    places += [] if requirement.checked_text else [person.address_line, person.town]
    return without_identity(text, names=names, places=places, born_on=person.born_on)
