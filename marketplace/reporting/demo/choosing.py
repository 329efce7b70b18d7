"""Writes what people of the demo have saved: a shortlist that is shared, two saved searches, a fair choice record."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from marketplace.core.formats import miles
from marketplace.core.places import distance_metres
from marketplace.providers.models import (
    CATEGORY_LABELS,
    ChoiceRecord,
    PriceUnit,
    SavedList,
    SavedListComment,
    SavedListItem,
    SavedListShare,
    SavedSearch,
)
from marketplace.providers.service.choice_records import content_hash
from marketplace.providers.service.list_shares import share_token, token_hash
from marketplace.providers.service.saved_searches import NOT_ASKED
from marketplace.providers.service.words import price_parts
from marketplace.reporting.demo.content.shapes import Offered
from marketplace.reporting.demo.world import Council, Shop, World

Found = tuple[UUID, Offered, Shop]

_NOTES = ("Kind on the phone. Ask about Saturdays.", "Near the bus stop.", "")
_KEPT = 8


def tell_choosing(world: World, council: Council, secret_key: str) -> None:
    """Keep what the person and the broker of the sign-ins have saved.

    Args:
        world: Where it is kept.
        council: Whose people they are.
        secret_key: The installation's, from which the shared link follows. Without it nobody knows that link.
    """
    found: list[Found] = [
        (listing_id, offered, shop) for shop in council.shops for listing_id, offered in shop.listings
    ]
    _shortlist(world, council, found[:3], secret_key)
    _searches(world, council)
    _record(world, council, found)


def _shortlist(world: World, council: Council, found: list[Found], secret_key: str) -> None:
    star = council.stars["person"]
    at = world.now - timedelta(days=6)
    list_id = world.book.add(
        SavedList,
        at,
        council_id=council.id,
        owner_user_id=star.user_id,
        name="Help in the week",
        note="I want somebody who does not hurry.",
        created_at=at,
        updated_at=at + timedelta(minutes=20),
        version=1,
    )
    for number, ((listing_id, offered, _), note) in enumerate(zip(found, _NOTES, strict=False)):
        added_at = at + timedelta(minutes=5 * number)
        world.book.add(
            SavedListItem,
            added_at,
            council_id=council.id,
            list_id=list_id,
            found_id=str(listing_id),
            name=offered.title,
            note=note,
            added_by="",
            added_at=added_at,
        )
    shared_at = at + timedelta(hours=1)
    share_id = world.book.id(shared_at)
    world.book.put(
        SavedListShare,
        id=share_id,
        council_id=council.id,
        list_id=list_id,
        shared_with="My sister",
        email="",
        may_comment=True,
        shows_notes=True,
        token_hash=token_hash(share_token(secret_key, share_id)),
        expires_on=world.today + timedelta(days=24),
        created_at=shared_at,
        revoked_at=None,
        last_opened_at=shared_at + timedelta(hours=5),
    )
    written_at = shared_at + timedelta(hours=5, minutes=4)
    world.book.add(
        SavedListComment,
        written_at,
        council_id=council.id,
        list_id=list_id,
        found_id=str(found[0][0]),
        written_by="Jo",
        words="I like the first one. Shall we meet them together?",
        written_at=written_at,
    )


def _searches(world: World, council: Council) -> None:
    star = council.stars["person"]
    searches = (("Football near me", "football", 1, 9), ("A garden group", "gardening", 7, 20))
    for name, words, every_days, days_ago in searches:
        at = world.now - timedelta(days=days_ago)
        world.book.add(
            SavedSearch,
            at,
            council_id=council.id,
            owner_user_id=star.user_id,
            name=name,
            question={"q": [words], "postcode": [star.spot.outward], "radius_miles": ["10"]},
            is_telling=True,
            every_days=every_days,
            # Asked first when the index is there; until then nothing counts as new.
            seen_ids=[NOT_ASKED],
            new_ids=[],
            next_run_at=world.now,
            created_at=at,
            version=1,
        )


def _record(world: World, council: Council, found: list[Found]) -> None:
    star = council.stars["person"]
    near = sorted(
        (round(distance_metres(star.spot.lat, star.spot.lon, shop.spot.lat, shop.spot.lon)), offered.title, listing_id)
        for listing_id, offered, shop in found
        if offered.kind.value == "personal_assistant"
    )[:_KEPT]
    by_id = {listing_id: (offered, shop) for listing_id, offered, shop in found}
    results: list[dict[str, Any]] = []
    for position, (metres, _, listing_id) in enumerate(near, start=1):
        offered, shop = by_id[listing_id]
        amount, unit = price_parts(offered.pence, offered.unit)
        results.append(
            {
                "position": position,
                "id": str(listing_id),
                "name": offered.title,
                "provider": shop.body.name,
                "category": CATEGORY_LABELS[offered.kind],
                "price": f"{amount} {unit}".strip(),
                "price_pence": 0 if offered.unit is PriceUnit.FREE else offered.pence,
                "price_unit": offered.unit.value,
                "distance_metres": metres,
                "away": f"{miles(metres)} away",
                "rating": "",
                "accredited_by": [council.text.short_name],
                "why": f"{miles(metres)} away",
            }
        )
    at = world.now - timedelta(days=12)
    row = ChoiceRecord(
        id=world.book.id(at),
        council_id=council.id,
        reference=f"EXAMPLE-{at.year}-014",
        purpose="A personal assistant for weekday mornings, close to home so that the same person can come every day.",
        question={"category": ["personal_assistant"], "postcode": [star.spot.outward], "radius_miles": ["25"]},
        results=results,
        total=len(results),
        engine="tantivy",
        made_by_user_id=council.staff["broker"],
        made_at=at,
    )
    row.content_hash = content_hash(row)
    world.book.put(ChoiceRecord, **row.to_dict())
