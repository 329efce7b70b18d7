"""How the demo's organisations are written down."""

import msgspec

from marketplace.accounts.words import Gender
from marketplace.providers.models import ListingCategory as Kind
from marketplace.providers.models import OrganisationKind, PriceUnit, ServiceLine, WorkerKind

WEEKDAYS = "weekdays"
EARLY_AND_LATE = "early and late"
EVENINGS = "evenings"
WEEKENDS = "weekends"
EVERY_DAY = "every day"


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works for an organisation. Empty texts are worked out from the organisation."""

    name: str
    gender: Gender
    specialisms: tuple[str, ...]
    interests: tuple[str, ...]
    languages: tuple[str, ...] = ()
    """Besides English."""
    fte: int = 100
    district: str = ""
    miles: int = 15
    hours: str = WEEKDAYS
    bio: str = ""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A listing."""

    kind: Kind
    title: str
    summary: str
    body: str
    pence: int
    unit: PriceUnit
    suits: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """Besides English."""
    miles: int = 10
    least: int = 30
    """Shortest visit, minutes."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation with its workers and listings."""

    key: str
    name: str
    kind: OrganisationKind
    district: str
    summary: str
    services: tuple[ServiceLine, ...]
    offers: tuple[Offered, ...]
    hands: tuple[Hand, ...] = ()
    rating: str | None = None
    """The regulator's word where it is registered with the regulator; empty is "not rated"."""
    also_in: tuple[str, ...] = ()
    """Districts beside its own in which it works."""
    accredited_days_left: int | None = None
    """Days until the accreditation ends; below 0 it ended. None: it has most of a year left."""

    @property
    def districts(self) -> tuple[str, ...]:
        """Where it works, its own district first."""
        return (self.district, *self.also_in)

    @property
    def worker_kind(self) -> WorkerKind:
        """What its workers are."""
        if self.kind in (OrganisationKind.SOLE_PA, OrganisationKind.PA_SERVICE):
            return WorkerKind.PA
        return WorkerKind.PLANNER if ServiceLine.SUPPORT_PLANNING in self.services else WorkerKind.CARE_WORKER


F, M, O = Gender.FEMALE, Gender.MALE, Gender.OTHER  # noqa: E741 - read in columns of facts


def planner(
    name: str,
    gender: Gender,
    fte: int,
    district: str,
    specialisms: str,
    interests: str,
    languages: str = "",
    miles: int = 20,
) -> Hand:
    """A support planner, in one line. Lists are words with spaces; languages are separated by commas."""
    return Hand(
        name=name,
        gender=gender,
        fte=fte,
        district=district,
        specialisms=tuple(specialisms.split()),
        interests=tuple(interests.split()),
        languages=tuple(word.strip() for word in languages.split(",") if word.strip()),
        miles=miles,
    )


def carer(
    name: str, gender: Gender, specialisms: str, interests: str, languages: str = "", hours: str = EARLY_AND_LATE
) -> Hand:
    """A care worker or helper, in one line."""
    return Hand(
        name=name,
        gender=gender,
        specialisms=tuple(specialisms.split()),
        interests=tuple(interests.split()),
        languages=tuple(word.strip() for word in languages.split(",") if word.strip()),
        hours=hours,
    )


def planning(title: str, summary: str, body: str, pence: int) -> Offered:
    """The listing of a planning organisation."""
    return Offered(
        kind=Kind.SUPPORT_PLANNING,
        title=title,
        summary=summary,
        body=body,
        pence=pence,
        unit=PriceUnit.PLAN,
        suits=("older", "physical", "learning", "mental_health"),
        miles=25,
    )


def assistant(
    key: str,
    name: str,
    gender: Gender,
    district: str,
    *,
    title: str,
    summary: str,
    body: str,
    pence: int,
    suits: str,
    interests: str,
    languages: str = "",
    hours: str = WEEKDAYS,
    miles: int = 8,
    least: int = 60,
    days_left: int | None = None,
) -> Body:
    """A personal assistant who works alone: an organisation, a worker and a listing in one."""
    spoken = tuple(word.strip() for word in languages.split(",") if word.strip())
    return Body(
        key=key,
        name=f"{name}, personal assistant",
        kind=OrganisationKind.SOLE_PA,
        district=district,
        summary=summary,
        services=(ServiceLine.PERSONAL_ASSISTANCE,),
        offers=(
            Offered(
                kind=Kind.PERSONAL_ASSISTANT,
                title=title,
                summary=summary,
                body=body,
                pence=pence,
                unit=PriceUnit.HOUR,
                suits=tuple(suits.split()),
                interests=tuple(interests.split()),
                languages=spoken,
                miles=miles,
                least=least,
            ),
        ),
        hands=(
            Hand(
                name=name,
                gender=gender,
                specialisms=tuple(suits.split()),
                interests=tuple(interests.split()),
                languages=spoken,
                miles=miles,
                hours=hours,
                bio=body,
            ),
        ),
        accredited_days_left=days_left,
    )


def group(
    key: str,
    name: str,
    district: str,
    summary: str,
    *offers: Offered,
    hands: tuple[Hand, ...] = (),
    days_left: int | None = None,
) -> Body:
    """A community group; one with helpers can be booked."""
    return Body(
        key=key,
        name=name,
        kind=OrganisationKind.COMMUNITY,
        district=district,
        summary=summary,
        services=(ServiceLine.COMMUNITY_SUPPORT,),
        offers=offers,
        hands=hands,
        accredited_days_left=days_left,
    )


def offered(
    kind: Kind,
    title: str,
    summary: str,
    body: str,
    pence: int,
    unit: PriceUnit,
    suits: str = "",
    interests: str = "",
    languages: str = "",
    miles: int = 10,
    least: int = 30,
) -> Offered:
    """A listing, in one call."""
    return Offered(
        kind=kind,
        title=title,
        summary=summary,
        body=body,
        pence=pence,
        unit=unit,
        suits=tuple(suits.split()),
        interests=tuple(interests.split()),
        languages=tuple(word.strip() for word in languages.split(",") if word.strip()),
        miles=miles,
        least=least,
    )
