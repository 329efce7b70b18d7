"""The three councils of the demo, configured as the case studies describe them, and who works there."""

from typing import Any

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.payments.models import TariffEvent
from marketplace.reporting.demo.content import derby, doncaster, lancashire, lancashire_local
from marketplace.reporting.demo.content.shapes import Body
from marketplace.reporting.demo.spots import District


class TariffText(msgspec.Struct, frozen=True):
    """A rule of the council's price list: event, name, bands as (up to minutes, pence), source."""

    event: TariffEvent
    name: str
    bands: tuple[tuple[int | None, int], ...]
    source: str
    once_months: int | None = None


class Volume(msgspec.Struct, frozen=True):
    """How much history a council has."""

    people: int
    referrals: int
    visitors: int
    """People whose direct payment buys regular visits."""


class CouncilText(msgspec.Struct, frozen=True):
    """A council: names, places, settings, tariffs, people at work."""

    slug: str
    name: str
    short_name: str
    lead_body: str
    theme: str
    phone: str
    dialling: str
    """Start of telephone numbers that Ofcom keeps for drama; three digits follow."""
    districts: tuple[District, ...]
    weights: tuple[int, ...]
    """How many of the people live in each district, by share."""
    settings: dict[str, tuple[Any, str]]
    """Value and source by key."""
    tariffs: tuple[TariffText, ...]
    staff: dict[str, tuple[str, Role]]
    """Name and role by the first part of the sign-in's address."""
    teams: tuple[str, ...]
    """Further social workers, who record referrals and sign plans off."""
    bodies: tuple[Body, ...]
    lead_planner: tuple[str, str]
    """Organisation's key and planner's name behind `planner@`."""
    provider: str
    assistant: str
    volume: Volume
    service_user_number: str


def _staff(*names: str) -> dict[str, tuple[str, Role]]:
    roles = (
        ("worker", Role.SOCIAL_WORKER),
        ("broker", Role.BROKER),
        ("quality", Role.QUALITY_CHECKER),
        ("accreditor", Role.ACCREDITOR),
        ("finance", Role.FINANCE),
        ("finance-checker", Role.FINANCE_CHECKER),
        ("manager", Role.MANAGER),
        ("admin", Role.ADMIN),
    )
    return {key: (name, role) for (key, role), name in zip(roles, names, strict=True)}


LANCASHIRE = CouncilText(
    slug="lancashire",
    name="Lancashire County Council (example)",
    short_name="Lancashire",
    lead_body="Redrose Support CIC",
    theme="plum",
    phone="01632 960100",
    dialling="01632 960",
    districts=(
        District("E07000117", "Burnley", "BB11"),
        District("E07000118", "Chorley", "PR7"),
        District("E07000119", "Lytham St Annes", "FY8"),
        District("E07000120", "Accrington", "BB5"),
        District("E07000121", "Lancaster", "LA1"),
        District("E07000122", "Nelson", "BB9"),
        District("E07000123", "Preston", "PR1"),
        District("E07000124", "Clitheroe", "BB7"),
        District("E07000125", "Rawtenstall", "BB4"),
        District("E07000126", "Leyland", "PR25"),
        District("E07000127", "Ormskirk", "L39"),
        District("E07000128", "Fleetwood", "FY7"),
    ),
    weights=(9, 10, 7, 8, 11, 8, 16, 5, 6, 9, 8, 9),
    settings={
        "plans.first_review_days": ({"from": 42, "due": 56, "until": 84}, "Lancashire case study: 6 to 12 weeks"),
        "matching.retain_complex": (True, "Lancashire case study: complex cases stay with a council worker"),
        "matching.plan_days": ({"crisis": 7, "urgent": 14, "standard": 28}, "Local agreement with the lead body"),
        "people.three_stages": (True, "Lancashire case study: stages 1 and 2 come first, with evidence"),
        "matching.plans_per_week": (5, "Lancashire case study: five plans a week for full time"),
        "plans.risk_panel": (True, "Lancashire case study: risks are weighed by several people"),
    },
    tariffs=(
        TariffText(
            TariffEvent.PLAN_COMPLETED,
            "Completed support plan",
            ((240, 7_500), (300, 8_500), (None, 10_000)),
            "Lancashire case study: £75 to £100 a completed plan, visits of 3 to 6 hours",
        ),
    ),
    staff=_staff(
        "Janet Ridehalgh",
        "Callum Brierley",
        "Maureen Tattersall",
        "Devika Rane",
        "Stuart Holden",
        "Patricia Nutter",
        "Graham Entwistle",
        "Bryony Kay",
    ),
    teams=("Oliver Pickup", "Farzana Malik", "Sheila Crook", "Tom Isherwood"),
    bodies=lancashire.BODIES + lancashire_local.BODIES,
    lead_planner=("redrose", "Nadia Farrow"),
    provider="brightwater",
    assistant="pa-rosie",
    volume=Volume(people=136, referrals=128, visitors=44),
    service_user_number="960001",
)

DONCASTER = CouncilText(
    slug="doncaster",
    name="City of Doncaster Council (example)",
    short_name="Doncaster",
    lead_body="",
    theme="forest",
    phone="01632 960200",
    dialling="01632 960",
    districts=(District("E08000017", "Doncaster", "DN1"),),
    weights=(1,),
    settings={
        "plans.first_review_days": ({"from": 28, "due": 42, "until": 56}, "Doncaster case study: review at 6 weeks"),
        "matching.retain_complex": (False, "Doncaster case study: the person chooses the planner"),
        "matching.plan_days": ({"crisis": 5, "urgent": 14, "standard": 35}, "Local practice"),
        "payments.terms_days": (30, "Public contract terms"),
        "plans.early_start": ({"allowed": True, "days": 42}, "Doncaster case study: the payment may start first"),
    },
    tariffs=(
        TariffText(
            TariffEvent.PLAN_COMPLETED,
            "Support plan and help to put it in place",
            ((None, 45_000),),
            "Doncaster case study: £450 for plan and implementation",
        ),
        TariffText(
            TariffEvent.REVIEW_HELD,
            "Yearly review and changes",
            ((None, 20_000),),
            "Doncaster case study: £200 a year at review",
            once_months=12,
        ),
        TariffText(
            TariffEvent.MONEY_MANAGEMENT_MONTH,
            "Money management only, a month",
            ((None, 2_800),),
            "Priced apart from planning; the case study names no figure",
        ),
    ),
    staff=_staff(
        "Alison Royds",
        "Kieran Stubbs",
        "Valerie Cusworth",
        "Femi Adeyo",
        "Denise Marsden",
        "Howard Lister",
        "Rebecca Thirlwell",
        "Jamie Osgood",
    ),
    teams=("Craig Beevers", "Nighat Sarwar"),
    bodies=doncaster.BODIES,
    lead_planner=("keel", "Lorna Beck"),
    provider="don-valley",
    assistant="pa-kath",
    volume=Volume(people=36, referrals=34, visitors=13),
    service_user_number="960002",
)

DERBY = CouncilText(
    slug="derby",
    name="Derby City Council (example)",
    short_name="Derby",
    lead_body="",
    theme="indigo",
    phone="01632 960300",
    dialling="01632 960",
    districts=(District("E06000015", "Derby", "DE1"),),
    weights=(1,),
    settings={
        "plans.first_review_days": ({"from": 42, "due": 49, "until": 56}, "National guidance: 6 to 8 weeks"),
        "matching.offer_hours": (72, "Local practice: small organisations need longer"),
        "matching.plan_days": ({"crisis": 7, "urgent": 21, "standard": 42}, "Local practice"),
        "bookings.free_cancellation_hours": (48, "Agreed with the PA register"),
    },
    tariffs=(
        TariffText(
            TariffEvent.PLAN_COMPLETED,
            "Support plan",
            ((300, 18_000), (None, 22_000)),
            "Made up for the example: the 2009 report names no price",
        ),
    ),
    staff=_staff(
        "Winifred Sallis",
        "Parminder Deol",
        "Isaac Benbow",
        "Ruth Keeling",
        "Malcolm Orme",
        "Tamsin Glover",
        "Beverley Cope",
        "Nikhil Varma",
    ),
    teams=("Joel Hardwick", "Sunita Bains"),
    bodies=derby.BODIES,
    lead_planner=("compass-row", "Verity Sandham"),
    provider="peartree",
    assistant="pa-tariq",
    volume=Volume(people=34, referrals=32, visitors=13),
    service_user_number="960003",
)

COUNCILS = (LANCASHIRE, DONCASTER, DERBY)
