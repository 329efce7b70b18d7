"""Where a new organisation is: the council of its postcode, the point, the nearest town."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.accounts.models import Council
from marketplace.core.errors import InvalidInput
from marketplace.core.ids import new_id
from marketplace.core.places import TOWNS, Postcode, distance_metres
from marketplace.providers.errors import OutsideCouncils
from marketplace.providers.models import Organisation, OrganisationKind
from marketplace.providers.repository.places import PlaceRepository, Point
from marketplace.providers.service.joining_answers import is_alone


async def place_of(db: AsyncSession, text: str) -> tuple[Council, Point]:
    """Return the council of a postcode's district, and the postcode's point.

    Raises:
        InvalidInput: The postcode is not in use, or not one of Great Britain.
        OutsideCouncils: No council here serves it.
    """
    postcode = Postcode.parse(text)
    found = await PlaceRepository(db).postcode(postcode) if postcode else None
    if found is None:
        raise InvalidInput({"postcode": "We cannot find this postcode. Check it. If it is new, use one close by"})
    point, lad_code = found
    council = await AccountRepository(db).council_of_district(lad_code)
    if council is None:
        raise OutsideCouncils
    return council, point


def new_organisation(
    answers: Mapping[str, Any], email: str, council_id: UUID, point: Point, now: datetime
) -> Organisation:
    """Return the row of an organisation made of answers; its number at the regulator is claimed and looked at later."""
    # The base of somebody who works alone is their home: it stays with the worker, which no page shows.
    alone = is_alone(answers)
    return Organisation(
        id=new_id(),
        name=answers["name"],
        kind=OrganisationKind(answers["kind"]),
        charity_number=answers.get("charity_number") or None,
        company_number=answers.get("company_number") or None,
        town=nearest_town(point),
        postcode="" if alone else answers["postcode"],
        phone=answers.get("phone", ""),
        email=email,
        home_council_id=council_id,
        safeguarding_name=answers.get("safeguarding_name", ""),
        safeguarding_contact=answers.get("safeguarding_contact", ""),
        created_at=now,
    )


def nearest_town(point: Point) -> str:
    """Return the town of the gazetteer that is nearest to a point."""
    return min(TOWNS, key=lambda town: distance_metres(point[0], point[1], town.lat, town.lon)).name
