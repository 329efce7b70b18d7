"""Publishes trust passports, shares them with other councils, and lets councils countersign what they have seen."""

import base64
from datetime import timedelta

from marketplace.providers.models import Countersignature, Evidence, EvidenceKind, Passport, PassportShare
from marketplace.providers.states import PassportShareStatus
from marketplace.reporting.demo.world import Council, World

SHOWN = ["accreditations", "numbers", EvidenceKind.LIABILITY_INSURANCE.value, EvidenceKind.SAFEGUARDING_TRAINING.value]
PUBLISHED = 3
"""Organisations of each council whose page is public."""


def make_passports(world: World, councils: list[Council]) -> None:
    """Countersign for the council of each organisation; publish some pages; share one set with the next council."""
    of_shop = {shop.id: council for council in councils for shop in council.shops}
    for row in list(world.book.of(Evidence)):
        council = of_shop.get(row["organisation_id"])
        if council is None or row["seen_at"] is None or row["refused_because"]:
            continue
        world.book.add(
            Countersignature,
            row["seen_at"],
            council_id=council.id,
            evidence_id=row["id"],
            signed_by_user_id=row["seen_by_user_id"],
            signed_at=row["seen_at"],
            withdrawn_by_user_id=None,
            withdrawn_at=None,
            reason="",
        )
    for number, council in enumerate(councils):
        for shop in council.shops[:PUBLISHED]:
            at = world.now - timedelta(days=40)
            world.book.add(
                Passport,
                at,
                organisation_id=shop.id,
                token=base64.urlsafe_b64encode(world.book.id(at).bytes).rstrip(b"=").decode(),
                is_published=True,
                shows=SHOWN,
                updated_by_user_id=shop.user_id,
                updated_at=at,
                version=1,
            )
        _share(world, council, councils[(number + 1) % len(councils)])


def _share(world: World, owner: Council, reader: Council) -> None:
    """Let the next council use the evidence of the first organisation."""
    shop, at = owner.shops[0], world.now - timedelta(days=12)
    share_id = world.book.add(
        PassportShare,
        at,
        council_id=reader.id,
        organisation_id=shop.id,
        status=PassportShareStatus.SHARED,
        shared_by_user_id=shop.user_id,
        shared_at=at,
        revoked_by_user_id=None,
        revoked_at=None,
        version=1,
    )
    world.book.steps("passport_share", reader.id, share_id, [(PassportShareStatus.SHARED.value, at, shop.user_id, "")])
