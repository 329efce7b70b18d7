"""Makes evidence: papers seen and in date, one that ends soon, one that waits, and a link to the register in review."""

from datetime import timedelta

from marketplace.providers.models import Evidence, EvidenceKind, OrganisationKind, RegulatorLink, RegulatorLocation
from marketplace.providers.states import RegulatorLinkStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, Shop, World

ENDS_SOON_DAYS = 14
ENDS_NEXT_DAYS = 45
"""Days that the insurance of Derby's assistant with an account has left: the first reminder comes after a fortnight."""


def make_evidence(world: World, council: Council) -> None:
    """Keep the evidence of a council's organisations. One insurance ends soon, one check waits for a look."""
    for number, shop in enumerate(council.shops):
        ends_in = ENDS_SOON_DAYS if number == 0 else 60 + 23 * number % 280
        if council.text.slug == "derby" and shop.body.key == council.text.assistant:
            ends_in = ENDS_NEXT_DAYS
        detail = f"Example Mutual, policy EX-{number + 1:04}"
        _paper(world, council, shop, EvidenceKind.LIABILITY_INSURANCE, detail, 500_000_000, ends_in, is_seen=True)
        if shop.body.kind is not OrganisationKind.EQUIPMENT:
            _paper(
                world, council, shop, EvidenceKind.DBS, "Enhanced. Nothing is on it", None, None, is_seen=number != 1
            )
            course = "Safeguarding adults, level 2, council's own course"
            _paper(world, council, shop, EvidenceKind.SAFEGUARDING_TRAINING, course, None, 400, is_seen=True)
    _link(world, council)


def _paper(
    world: World,
    council: Council,
    shop: Shop,
    kind: EvidenceKind,
    detail: str,
    cover_pence: int | None,
    ends_in: int | None,
    *,
    is_seen: bool,
) -> None:
    """Keep one paper; `ends_in` is the days until it no longer counts."""
    ends_on = world.today + timedelta(days=ends_in) if ends_in is not None else None
    issued_on = ends_on - timedelta(days=730 if ends_in and ends_in > 365 else 365) if ends_on else world.starts_on
    given_on = max(issued_on, world.starts_on) if is_seen else world.today - timedelta(days=2)
    given_at = world.at(min(given_on, world.today - timedelta(days=2)), 14)
    world.book.add(
        Evidence,
        given_at,
        organisation_id=shop.id,
        worker_id=shop.helpers[0].id if shop.body.kind is OrganisationKind.SOLE_PA and cover_pence is None else None,
        kind=kind,
        detail=detail,
        cover_pence=cover_pence,
        issued_on=issued_on,
        expires_on=ends_on,
        given_by_user_id=shop.user_id,
        given_at=given_at,
        seen_by_user_id=council.staff["accreditor"] if is_seen else None,
        seen_at=given_at + timedelta(days=1) if is_seen else None,
        refused_because="",
        reminded_days=None,
        version=1,
    )


def _link(world: World, council: Council) -> None:
    """Keep one claim whose name differs from the register's."""
    shop = next((shop for shop in council.shops if shop.body.kind is OrganisationKind.HOME_CARE), None)
    entry = (
        next((row for row in world.book.of(RegulatorLocation) if row["name"] == f"{shop.body.name} (example)"), None)
        if shop
        else None
    )
    if shop is None or entry is None:
        return
    made_at = world.at(world.today - timedelta(days=3), 16)
    rating = entry["rating_overall"]
    link_id = world.book.add(
        RegulatorLink,
        made_at,
        council_id=council.id,
        organisation_id=shop.id,
        provider_id=entry["provider_id"],
        location_id=entry["location_id"],
        status=RegulatorLinkStatus.IN_REVIEW,
        register_name=entry["name"],
        register_status="registered",
        rating=rating,
        rated_on=entry["rated_on"],
        locations=[
            {
                "location_id": entry["location_id"],
                "name": entry["name"],
                "town": entry["town"],
                "rating": rating,
                "rated_on": entry["rated_on"].isoformat() if entry["rated_on"] else None,
            }
        ],
        differences=[f"The name here is “{shop.body.name}”. The register says “{entry['name']}”."],
        read_at=made_at,
        decided_by_user_id=None,
        reason="",
        version=1,
    )
    moves: list[Move] = [(RegulatorLinkStatus.IN_REVIEW.value, made_at, shop.user_id, "")]
    world.book.steps("regulator_link", council.id, link_id, moves)
