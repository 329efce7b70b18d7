"""The index follows the rows: changes, suspensions, imports, dates that come."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from marketplace.core.database import scope_to
from marketplace.core.errors import Unavailable
from marketplace.core.models import PostcodeRow
from marketplace.providers.events import (
    EVERYWHERE,
    AccreditationChanged,
    DirectoryImported,
    ListingChanged,
    SearchIndexLost,
    StandingChanged,
)
from marketplace.providers.models import AccreditationStatus, EvidenceKind, ListingCategory, ServiceLine
from marketplace.providers.service.market_index import rebuild_index, use_search
from marketplace.providers.tasks.index import (
    index_accreditation,
    index_directory,
    index_listing,
    restore_index,
    turn_accreditations,
)
from marketplace.providers.tasks.standing import index_standing, watch_standing
from search import AsyncSearch, ListingQuery
from tests.factories import make_accreditation, make_council, make_listing, make_organisation
from tests.factories_market import make_location, open_index
from tests.factories_standing import make_evidence, suspend


@pytest.fixture
def index(tmp_path: Path) -> Any:
    """The index of this process."""
    search = open_index(tmp_path)
    use_search(search)
    yield search
    use_search(None)


async def found(index: AsyncSearch, text: str = "") -> list[str]:
    """Ids that a question finds."""
    return sorted(hit.id for hit in (await index.search(ListingQuery(text=text, per_page=100))).hits)


async def test_a_rebuild_streams_listings_and_the_register(db: Any, maker: Any, index: AsyncSearch) -> None:
    listing = await make_listing(db, await make_organisation(db))
    await make_listing(db, await make_organisation(db), is_published=False)
    location = await make_location(db)
    await db.flush()
    assert await rebuild_index(index.backend, maker) == 2
    assert await found(index) == sorted([str(listing.id), f"cqc-{location.location_id}"])


async def test_a_changed_listing_is_found_anew_and_an_unpublished_one_no_more(
    db: Any, maker: Any, index: AsyncSearch
) -> None:
    listing = await make_listing(db, await make_organisation(db), title="Chess evenings")
    await db.flush()
    await rebuild_index(index.backend, maker)
    listing.title = "Draughts evenings"
    await db.flush()
    event = ListingChanged(council_id=EVERYWHERE, listing_id=listing.id)
    await index_listing(uuid4(), event)
    assert await found(index, "draughts") == [str(listing.id)]
    listing.is_published = False
    await db.flush()
    for _ in range(2):
        await index_listing(uuid4(), event)
    assert await found(index) == []


async def test_a_listing_stands_for_its_register_entry(db: Any, maker: Any, index: AsyncSearch) -> None:
    location = await make_location(db)
    listing = await make_listing(
        db, await make_organisation(db), category=ListingCategory.HOME_CARE,
        regulator_location_id=location.location_id, is_published=False,
    )  # fmt: skip
    await db.flush()
    await rebuild_index(index.backend, maker)
    assert await found(index) == [f"cqc-{location.location_id}"]
    listing.is_published = True
    await db.flush()
    event = ListingChanged(council_id=EVERYWHERE, listing_id=listing.id)
    await index_listing(uuid4(), event)
    assert await found(index) == [str(listing.id)]
    listing.is_published = False
    await db.flush()
    await index_listing(uuid4(), event)
    assert await found(index) == [f"cqc-{location.location_id}"]


async def test_suspension_takes_the_listings_out_and_a_date_that_comes_does_too(
    db: Any, maker: Any, index: AsyncSearch, clock: Any
) -> None:
    organisation, council = await make_organisation(db), await make_council(db)
    row = await make_accreditation(db, organisation, council, ServiceLine.PERSONAL_ASSISTANCE)
    listing = await make_listing(db, organisation)
    await db.flush()
    await rebuild_index(index.backend, maker)
    # All sessions of a test share one transaction, and a task limits it to no council.
    await scope_to(db, "every")
    by_council = ListingQuery(filters={"councils": [str(council.id)]})
    assert (await index.search(by_council)).total == 1
    await suspend(db, row)
    event = AccreditationChanged(
        council_id=council.id, organisation_id=organisation.id, accreditation_id=row.id,
        service_line="personal_assistance", status="suspended",
    )  # fmt: skip
    await index_accreditation(uuid4(), event)
    await scope_to(db, "every")
    assert await found(index) == []
    row.status = AccreditationStatus.LIVE
    await db.execute(text("UPDATE accreditation_holds SET ends_on = starts_on, ended_at = made_at"))
    await db.flush()
    await index_accreditation(uuid4(), event)
    await scope_to(db, "every")
    assert await found(index) == [str(listing.id)]
    row.live_until = (clock.now() + timedelta(days=1)).date()
    await db.flush()
    clock.advance(timedelta(days=1))
    await turn_accreditations()
    assert (await index.search(by_council)).total == 0


async def test_evidence_that_ends_takes_an_offer_from_what_a_council_accredits_but_not_off_the_market(
    db: Any, maker: Any, index: AsyncSearch, clock: Any
) -> None:
    organisation, council = await make_organisation(db), await make_council(db)
    row = await make_accreditation(db, organisation, council, ServiceLine.PERSONAL_ASSISTANCE, evidence=["dbs"])
    listing = await make_listing(db, organisation)
    ends_on = (clock.now() + timedelta(days=1)).date()
    await make_evidence(db, organisation, EvidenceKind.DBS, expires_on=ends_on)
    await watch_standing()
    await rebuild_index(index.backend, maker)
    await scope_to(db, "every")
    by_council = ListingQuery(filters={"councils": [str(council.id)]})
    assert (await index.search(by_council)).total == 1
    clock.advance(timedelta(days=1))
    await watch_standing()
    event = StandingChanged(
        council_id=council.id, accreditation_id=row.id, organisation_id=organisation.id, counts=False, why="x"
    )
    await index_standing(uuid4(), event)
    await scope_to(db, "every")
    assert (await index.search(by_council)).total == 0
    assert await found(index) == [str(listing.id)]


async def test_an_import_and_a_lost_index_make_it_anew(db: Any, maker: Any, index: AsyncSearch) -> None:
    location = await make_location(db)
    await db.flush()
    await restore_index(uuid4(), SearchIndexLost(council_id=EVERYWHERE))
    assert await found(index) == [f"cqc-{location.location_id}"]
    await make_location(db)
    await db.flush()
    await restore_index(uuid4(), SearchIndexLost(council_id=EVERYWHERE))
    assert len(await found(index)) == 1, "a healthy index is left alone"
    await index_directory(uuid4(), DirectoryImported(council_id=EVERYWHERE, import_id=uuid4()))
    assert len(await found(index)) == 2


async def test_without_an_open_index_a_task_fails_and_is_tried_again(db: Any) -> None:
    use_search(None)
    with pytest.raises(Unavailable):
        await index_listing(uuid4(), ListingChanged(council_id=EVERYWHERE, listing_id=uuid4()))


async def test_an_outward_code_is_the_middle_of_its_postcodes(db: Any) -> None:
    from marketplace.providers.repository.places import PlaceRepository

    db.add_all(
        [
            PostcodeRow(postcode="LA9 1AA", lat=54.0, lon=-2.0, lad_code="E1"),
            PostcodeRow(postcode="LA9 9ZZ", lat=55.0, lon=-3.0, lad_code="E1"),
            PostcodeRow(postcode="LA91 1AA", lat=0.0, lon=0.0, lad_code="E1"),
        ]
    )
    await db.flush()
    assert await PlaceRepository(db).outward("LA9") == (54.5, -2.5)
    assert await PlaceRepository(db).outward("LA8") is None
