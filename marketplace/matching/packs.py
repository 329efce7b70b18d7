"""What a planner may know of a referral: little before accepting, what planning needs afterwards (V7)."""

from datetime import date

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, NEEDS
from marketplace.core.places import Postcode, distance_metres
from marketplace.matching.anonymity import without_identity
from marketplace.matching.engine.words import miles_text
from marketplace.matching.models import Referral
from marketplace.matching.words import URGENCY_LABELS
from marketplace.people.models import Person
from marketplace.providers.models import Worker

ROAD_FACTOR = 1.3
"""Roads against straight lines, as in the ranking."""


class AnonymousPack(msgspec.Struct, frozen=True, kw_only=True):
    """A referral without who it is about."""

    reference: str
    area: str
    """First half of the postcode, such as "PR1"."""
    distance: str
    needs: list[str]
    urgency: str
    wants: str
    weekly_pence: int
    language: str
    due_on: date


class FullPack(msgspec.Struct, frozen=True, kw_only=True):
    """Who the person is and how to begin, for the planner who accepted."""

    name: str
    address: str
    phone: str
    email: str
    born_on: date | None
    communication: list[str]
    wants: str
    interim_plan: str
    appreciated: str
    important_to_me: str
    how_to_support_me: str


def anonymous_pack(referral: Referral, person: Person, worker: Worker | None) -> AnonymousPack:
    """Return what a planner sees before accepting. Without a planner the distance is empty."""
    postcode = Postcode.parse(person.postcode)
    return AnonymousPack(
        reference=referral.reference,
        area=postcode.outward if postcode else "",
        distance=_distance(person, worker) if worker else "",
        needs=[NEEDS.get(code, code) for code in referral.needs],
        urgency=URGENCY_LABELS[referral.urgency],
        wants=safe_text(referral.wants, person),
        weekly_pence=referral.indicative_weekly_pence,
        language=referral.essential_language or "",
        due_on=referral.due_on,
    )


def full_pack(referral: Referral, person: Person) -> FullPack:
    """Return what the planner who accepted sees."""
    needs = dict.fromkeys([*referral.communication_needs, *person.communication_needs])
    return FullPack(
        name=person.name,
        address=", ".join(part for part in (person.address_line, person.town, person.postcode) if part),
        phone=person.phone,
        email=person.email,
        born_on=person.born_on,
        communication=[COMMUNICATION_NEEDS.get(code, code) for code in needs],
        wants=referral.wants,
        interim_plan=referral.interim_plan,
        appreciated=person.appreciated,
        important_to_me=person.important_to_me,
        how_to_support_me=person.how_to_support_me,
    )


def safe_text(text: str, person: Person) -> str:
    """Return a text about a person with what identifies them left out."""
    return without_identity(
        text,
        names=[person.given_name, person.family_name],
        places=[person.address_line, person.town, person.postcode, person.phone, person.email, person.reference],
        born_on=person.born_on,
    )


def _distance(person: Person, worker: Worker) -> str:
    """Write a distance in whole miles: an exact one would point at a house."""
    places = (person.lat, person.lon, worker.lat, worker.lon)
    lat, lon, base_lat, base_lon = places
    if lat is None or lon is None or base_lat is None or base_lon is None:
        return "Not known"
    miles = miles_text(distance_metres(lat, lon, base_lat, base_lon) * ROAD_FACTOR)
    return f"{'Less than a mile' if miles.startswith('less') else f'About {miles}'} from your base"
