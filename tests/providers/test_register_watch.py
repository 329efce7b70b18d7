"""After an import: links are read again, changes are noted for the councils concerned and told once."""

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.outbox import publish
from marketplace.providers.directory import import_directory
from marketplace.providers.events import EVERYWHERE, DirectoryImported
from marketplace.providers.models import (
    HiddenWhy,
    Organisation,
    OrganisationKind,
    RegulatedBasis,
    RegulatorLink,
    ServiceLine,
)
from marketplace.providers.repository.registration import RegulatorLinkRepository
from marketplace.providers.service.register_changes import compare
from marketplace.providers.service.register_entries import read_entry
from marketplace.providers.service.register_watch import RegisterWatch
from marketplace.providers.service.registration import is_registered
from marketplace.providers.states import RegulatorLinkStatus
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation
from tests.factories_join import run_tasks
from tests.providers.directory_samples import joined, joined_row, rating_row, ratings_table

PROVIDER_ID = "1-2000000001"


async def load(db: AsyncSession, content: str, *, is_complete: bool = False) -> None:
    """Read a file of the register in and do what follows."""
    counts = await import_directory(db, io.BytesIO(content.encode()), is_complete=is_complete)
    publish(db, DirectoryImported(council_id=EVERYWHERE, import_id=counts.import_id))
    await db.flush()
    await run_tasks()
    db.expire_all()


def places(*numbers: int, **changes: str) -> list[dict[str, str]]:
    return [
        joined_row(
            **{
                "location_id": f"1-100000{n:04}",
                "name": f"Rose {n}",
                "care_home": "N",
                "rating_date": "2025-05-06",
                "service_types": "Domiciliary care service",
                **changes,
            }
        )
        for n in numbers
    ]


class Agency:
    """An organisation that is linked to a provider with two places."""

    def __init__(self, organisation_id: UUID, home_id: UUID) -> None:
        self.organisation_id, self.home_id = organisation_id, home_id


@pytest.fixture
async def agency(db: AsyncSession) -> Agency:
    await load(db, joined(*places(1, 2)))
    home = await make_council(db)
    organisation = await make_organisation(
        db, name="Rose Care", kind=OrganisationKind.HOME_CARE, postcode="PR1 2HE", home_council_id=home.id,
        cqc_provider_id=PROVIDER_ID,
    )  # fmt: skip
    await make_member(db, Role.PROVIDER, home, organisation_id=organisation.id, email="rose@test.example")
    await make_member(db, Role.ACCREDITOR, home, email="home@test.example")
    made = Agency(organisation.id, home.id)
    # The number was noted by the council; the first reading makes the link.
    await load(db, joined(*places(1, 2)))
    return made


async def link_of(db: AsyncSession) -> RegulatorLink:
    return (await db.scalars(select(RegulatorLink))).one()


def subjects(mailbox: Mailbox) -> list[tuple[str, str]]:
    return [(item.to_address, item.subject) for item in mailbox.envelopes]


async def changed(db: AsyncSession) -> list[tuple[str, Any, Any]]:
    rows = await db.execute(
        text("SELECT action, before, after FROM audit_entries WHERE subject_kind = 'register_change' ORDER BY number")
    )
    return [(row.action.rpartition("_")[2], row.before, row.after) for row in rows]


async def test_a_number_that_a_council_noted_becomes_a_link(db: AsyncSession, agency: Agency, mailbox: Mailbox) -> None:
    link = await link_of(db)
    assert (link.status, link.provider_id, link.location_id) == (RegulatorLinkStatus.MATCHED, PROVIDER_ID, None)
    assert [place["name"] for place in link.locations] == ["Rose 1", "Rose 2"]
    assert await count(db, "audit_entries", "action = 'providers.note_registration'") == 1
    assert await is_registered(db, agency.organisation_id)
    assert not mailbox.envelopes


async def test_the_same_file_again_changes_and_tells_nothing(
    db: AsyncSession, agency: Agency, mailbox: Mailbox, clock: FixedClock
) -> None:
    before = await events(db)
    clock.move_to(clock.now().replace(day=9))
    await load(db, joined(*places(1, 2)))
    link = await link_of(db)
    # It says on which day it was compared, although nothing was written.
    assert link.read_at == clock.now()
    assert await changed(db) == []
    assert [name for name in await events(db) if name not in before] == []
    assert not mailbox.envelopes


async def test_a_new_rating_is_noted_with_both_dates(db: AsyncSession, agency: Agency) -> None:
    await load(db, joined(*places(2, rating_overall="Inadequate", rating_date="2027-02-01")))
    ((what, before, after),) = await changed(db)
    assert (what, before) == ("rating", {"rating": "Good", "rated_on": "2025-05-06"})
    assert (after["rating"], after["rated_on"], after["about"]) == ("Inadequate", "2027-02-01", "Rose 2")
    assert (await link_of(db)).status is RegulatorLinkStatus.MATCHED


async def test_a_rating_of_the_ratings_layout_is_noted_too(db: AsyncSession, agency: Agency) -> None:
    row = rating_row(**{"Latest Rating": "Outstanding", "Location Name": "Rose 1", "Provider ID": PROVIDER_ID})
    await load(db, ratings_table({**row, "Provider Name": "Rose Care Ltd", "Care Home?": "N"}))
    ((what, before, after),) = await changed(db)
    assert (what, before["rating"], after["rating"], after["rated_on"]) == (
        "rating",
        "Good",
        "Outstanding",
        "2024-03-27",
    )


async def test_a_place_that_closes_leaves_the_provider_registered(db: AsyncSession, agency: Agency) -> None:
    await load(db, joined(*places(2, status="closed"), *places(3)))
    assert [(what, after["about"], after["status"]) for what, _, after in await changed(db)] == [
        ("place", "Rose 3", "registered"),
        ("place", "Rose 2", "closed"),
    ]
    assert await is_registered(db, agency.organisation_id)


@pytest.mark.parametrize("how", ["closed", "absent", "dormant"])
async def test_a_registration_that_ends_is_told_once_to_each_council_concerned(
    db: AsyncSession, agency: Agency, mailbox: Mailbox, how: str
) -> None:
    organisation = await db.get_one(Organisation, agency.organisation_id)
    accredits = await make_council(db)
    await make_accreditation(db, organisation, accredits, ServiceLine.HOME_CARE)
    await make_member(db, Role.ACCREDITOR, accredits, email="accredits@test.example")
    stranger = await make_council(db)
    await make_member(db, Role.ACCREDITOR, stranger, email="stranger@test.example")
    listing = (await make_listing(db, organisation, regulated_basis=RegulatedBasis.REGISTERED)).id

    if how == "closed":
        end = joined(*places(1, 2, status="closed"))
        await load(db, end)
    elif how == "absent":
        end = joined(joined_row(location_id="1-1000000009", name="Other", provider_id="1-2000000009"))
        await load(db, end, is_complete=True)
    else:
        await db.execute(text("UPDATE regulator_locations SET is_dormant = true"))
        end = joined(joined_row(location_id="1-1000000009", name="Other", provider_id="1-2000000009"))
        await load(db, end)

    link = await link_of(db)
    assert (link.status, link.register_status) == (
        RegulatorLinkStatus.ENDED, "dormant" if how == "dormant" else "closed",
    )  # fmt: skip
    hidden = await db.scalar(text("SELECT hidden_why FROM listings WHERE id = :id"), {"id": listing})
    assert hidden == HiddenWhy.REGISTER
    assert not await is_registered(db, agency.organisation_id)
    told = subjects(mailbox)
    lost = "Rose Care: no longer registered"
    assert told.count(("home@test.example", lost)) == told.count(("accredits@test.example", lost)) == 1
    assert told.count(("rose@test.example", "Your registration: ended")) == 1
    assert not any(address == "stranger@test.example" for address, _ in told)
    assert (await events(db)).count("RegistrationChanged") == 2
    await load(db, end, is_complete=how == "absent")
    assert subjects(mailbox) == told


async def test_the_successor_is_named_when_a_registration_ends(
    db: AsyncSession, agency: Agency, mailbox: Mailbox
) -> None:
    taken_over = joined_row(
        location_id="1-1000000008", name="Rose 1", provider_id="1-2000000008", provider_name="Thorn Care Ltd",
        as_of="2026-03",
    )  # fmt: skip
    await load(db, joined(*places(1, 2, status="closed", as_of="2026-03"), taken_over))
    link = await link_of(db)
    assert "A newer registration took its place: Thorn Care Ltd (1-2000000008)" in link.reason
    ((_, _, after),) = [row for row in await changed(db) if row[0] == "registration"]
    assert after["successors"] == ["Thorn Care Ltd (1-2000000008)"]


async def test_only_entries_that_were_written_are_read_again(
    db: AsyncSession, agency: Agency, clock: FixedClock
) -> None:
    clock.move_to(clock.now().replace(day=9))
    links = RegulatorLinkRepository(db)
    await links.mark_read(clock.now())
    assert len(await links.held()) == 1
    assert await links.held(only_changed=True) == []
    await db.execute(text("UPDATE regulator_locations SET updated_at = :now"), {"now": clock.now()})
    assert len(await links.held(only_changed=True)) == 1


async def test_an_entry_that_is_gone_counts_as_closed(db: AsyncSession, agency: Agency) -> None:
    await db.execute(text("DELETE FROM regulator_locations"))
    await scope_to(db, "every")
    assert await RegisterWatch(db).read_again() == 1


async def test_comparing_an_entry_with_itself_finds_nothing(db: AsyncSession, agency: Agency) -> None:
    links = RegulatorLinkRepository(db)
    assert compare(await link_of(db), await read_entry(links, PROVIDER_ID)) == []


# --- the page


async def test_accreditors_see_what_the_last_import_changed(
    browser: Browser, db: AsyncSession, agency: Agency, clock: FixedClock
) -> None:
    home = await db.get_one(Council, agency.home_id)
    member = await make_member(db, Role.ACCREDITOR, home, email="second@test.example")
    signed_in = await browser.signed_in(member)
    assert "No changes" in (await signed_in.open("/regulator-links/changes")).words
    await load(db, joined(*places(1, rating_overall="", rating_date=""), *places(2, status="closed")))
    page = await signed_in.open("/regulator-links/changes")
    assert "Good, 6 May 2025" in page.words
    assert "Not rated" in page.words
    assert "Closed" in page.words
    assert "Rose 1, 1-1000000001" in page.words

    clock.advance(timedelta(minutes=10))
    await load(db, joined(joined_row(location_id="1-1000000009", name="Other", provider_id="1-2000000009")))
    assert "No changes" in (await signed_in.open("/regulator-links/changes")).words
    assert "Rose 1, 1-1000000001" in (await signed_in.open("/regulator-links/changes?view=all")).words
    assert (await signed_in.open("/regulator-links")).link(r"/regulator-links/changes$")
    await signed_in.get("/regulator-links/changes?view=x", expect=400)


async def test_changes_are_paged_and_another_council_sees_none(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    rating = {"rating_overall": "Outstanding", "rating_date": "2027-01-01"}
    home = await db.get_one(Council, agency.home_id)
    ours = await make_member(db, Role.ACCREDITOR, home, email="second@test.example")
    theirs = await make_member(db, Role.ACCREDITOR, await make_council(db), email="third@test.example")
    stranger, signed_in = await browser.signed_in(theirs), await browser.signed_in(ours)
    await load(db, joined(*places(*range(3, 70))))
    assert "No changes" in (await stranger.open("/regulator-links/changes?view=all")).words
    page = await signed_in.open("/regulator-links/changes")
    following = await signed_in.open(page.link(r"/regulator-links/changes\?before="))
    assert "Rose 3, 1-1000000003" in page.words + following.words
    assert len(await changed(db)) == 67
    await load(db, joined(*places(1, **rating)))
    assert "Outstanding, 1 January 2027" in (await signed_in.open("/regulator-links/changes")).words


async def test_who_looks_at_no_evidence_sees_no_changes(browser: Browser, db: AsyncSession) -> None:
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, await make_council(db)))
    await finance.get("/regulator-links/changes", expect=403)
