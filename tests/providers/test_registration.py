"""The link to the regulator's register: claimed, compared, looked at, read again (V3)."""

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.directory import import_directory
from marketplace.providers.events import EVERYWHERE, DirectoryImported
from marketplace.providers.models import (
    HiddenWhy,
    Organisation,
    OrganisationKind,
    RegulatedBasis,
    RegulatorLink,
    RegulatorProvider,
)
from marketplace.providers.service.registration import is_registered, read_number
from marketplace.providers.states import RegulatorLinkStatus
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import Member, make_council, make_listing, make_member, make_organisation
from tests.factories_join import run_tasks
from tests.factories_market import make_location
from tests.providers.directory_samples import download

PROVIDER_ID = "1-100100100"


class Agency:
    """A home care agency with its people, and its provider and location in the register."""

    def __init__(self, organisation: Organisation, provider: Member, accreditor: Member, location_id: str) -> None:
        self.organisation, self.provider, self.accreditor = organisation, provider, accreditor
        self.organisation_id, self.location_id = organisation.id, location_id


@pytest.fixture
async def agency(db: AsyncSession) -> Agency:
    council = await make_council(db)
    organisation = await make_organisation(
        db, name="Ribble Care Ltd", kind=OrganisationKind.HOME_CARE, postcode="PR1 3AA", home_council_id=council.id
    )
    db.add(
        RegulatorProvider(
            provider_id=PROVIDER_ID, name="Ribble Care Limited", company_number="", updated_at=clock_of(db).now()
        )
    )
    await db.flush()
    location = await make_location(
        db, name="Ribble Care Preston", provider_id=PROVIDER_ID, rating_overall="Good", rated_on=date(2025, 5, 6)
    )
    return Agency(
        organisation,
        await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, email="agency@test.example"),
        await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example"),
        location.location_id,
    )


async def claim(browser: Browser, agency: Agency, number: str, expect: int = 303) -> Any:
    signed_in = await browser.signed_in(agency.provider)
    await signed_in.open("/provider/evidence/registration")
    await signed_in.post("/provider/evidence/registration", {"number": number}, expect=expect)
    return signed_in


async def link_of(db: AsyncSession) -> RegulatorLink:
    return (await db.scalars(select(RegulatorLink).order_by(RegulatorLink.id.desc()).limit(1))).one()


async def linked(
    db: AsyncSession, organisation: Organisation, status: RegulatorLinkStatus, **given: Any
) -> RegulatorLink:
    """A link that stands already."""
    values: dict[str, Any] = {
        "provider_id": PROVIDER_ID,
        "location_id": None,
        "register_name": organisation.name,
        "register_status": "registered",
        "read_at": clock_of(db).now(),
    }
    row = RegulatorLink(
        council_id=organisation.home_council_id, organisation_id=organisation.id, status=status, **{**values, **given}
    )
    db.add(row)
    await db.flush()
    return row


async def test_an_entry_that_agrees_is_linked_with_rating_and_date(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    signed_in = await claim(browser, agency, PROVIDER_ID)
    link = await link_of(db)
    assert link.status is RegulatorLinkStatus.MATCHED
    assert (link.register_name, link.register_status) == ("Ribble Care Limited", "registered")
    assert (link.rating, link.rated_on, len(link.locations)) == ("Good", date(2025, 5, 6), 1)
    assert await is_registered(db, agency.organisation_id)
    page = await signed_in.open("/provider/evidence/registration")
    assert "Good, 6 May 2025" in page.words
    assert "Read on3 March 2027" in page.words
    assert await events(db) == ["RegulatorLinkMade", "RegistrationChanged"]
    assert await count(db, "audit_entries", "action = 'providers.claim_registration'") == 1
    assert await count(db, "steps", "subject_kind = 'regulator_link'") == 1


async def test_a_location_or_the_address_of_its_page_will_do(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    location_id = agency.location_id
    await claim(browser, agency, f"https://www.cqc.org.uk/location/{location_id}")
    link = await link_of(db)
    assert (link.location_id, link.provider_id, link.status) == (
        location_id, PROVIDER_ID, RegulatorLinkStatus.MATCHED,
    )  # fmt: skip


async def test_a_link_can_be_taken_back_and_its_listings_leave_the_market(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    signed_in = await claim(browser, agency, PROVIDER_ID)
    await db.refresh(agency.organisation)
    listing = await make_listing(db, agency.organisation, regulated_basis=RegulatedBasis.REGISTERED)
    page = await signed_in.open("/provider/evidence/registration")
    assert "listings of personal care go off the market" in page.words
    await signed_in.post("/provider/evidence/registration/take-back", {}, expect=303)
    link = await link_of(db)
    await db.refresh(link)
    await db.refresh(listing)
    assert link.status is RegulatorLinkStatus.ENDED
    assert listing.hidden_why is HiddenWhy.REGISTER
    assert not await is_registered(db, agency.organisation_id)
    assert await count(db, "audit_entries", "action = 'providers.take_back_registration'") == 1
    page = await signed_in.open("/provider/evidence/registration")
    assert "Take this link back" not in page.words
    await signed_in.post("/provider/evidence/registration/take-back", {}, expect=404)


async def test_a_missing_rating_is_not_rated(browser: Browser, db: AsyncSession, agency: Agency) -> None:
    await db.execute(text("UPDATE regulator_locations SET rating_overall = '', rated_on = NULL"))
    signed_in = await claim(browser, agency, PROVIDER_ID)
    page = await signed_in.open("/provider/evidence/registration")
    assert "RatingNot rated" in page.words
    assert (await link_of(db)).rating == ""


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("CS2003000123", "Care Inspectorate in Scotland"),
        ("sp2003000123", "Care Inspectorate in Scotland"),
        ("W16/00001234", "Care Inspectorate Wales"),
        ("W1600001234", "Care Inspectorate Wales"),
        ("SIN-00010560", "Care Inspectorate Wales"),
        ("RQIA 020222", "Northern Ireland"),
        ("OSV-0001234", "Ireland (HIQA)"),
        ("07654321", "looks like a company number"),
        ("SC123456", "looks like a company number"),
        ("1122334", "looks like a charity number"),
        ("1234567890", "Did you mean 1-1234567890?"),
        ("1–1234567899", "cannot find this number"),
        ("hello world!", "like 1-1234567890"),
        ("DROP TABLE x;", "like 1-1234567890"),
        ("1" * 60, "like 1-1234567890"),
    ],
)
async def test_a_number_that_is_none_of_the_register_is_named_for_what_it_is(
    browser: Browser, db: AsyncSession, agency: Agency, number: str, words: str
) -> None:
    agency.organisation.company_number, agency.organisation.charity_number = "07654321", "1122334"
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": number}, expect=422)
    assert words in page.errors()["number"]
    assert page.field("number") == number
    assert await count(db, "regulator_links") == 0
    entry = (await db.execute(text("SELECT * FROM audit_entries WHERE action LIKE 'providers.refuse_%'"))).one()
    assert (entry.subject_id, entry.after) == (agency.organisation_id, {"typed": number[:60]})
    assert words in entry.why


async def test_a_dentist_is_told_that_the_number_is_not_of_social_care(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    content = download({"CQC Location ID (for office use only)": "1-7770001", "Service types": "Dentist"})
    await import_directory(db, io.BytesIO(content.encode()))
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": "1-7770001"}, expect=422)
    assert "not for adult social care (Dentist)" in page.errors()["number"]


async def test_a_provider_without_places_of_social_care_is_not_called_closed(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    db.add(RegulatorProvider(provider_id="1-300300300", name="Smile Group", updated_at=clock_of(db).now()))
    await db.flush()
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": "1-300300300"}, expect=422)
    assert "no place of it that gives adult social care" in page.errors()["number"]


async def test_a_closed_location_names_its_successor(browser: Browser, db: AsyncSession, agency: Agency) -> None:
    old = await make_location(db, name="Old Mill", is_registered=False, superseded_by=agency.location_id)
    number = old.location_id
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": number}, expect=422)
    assert (
        f"Old Mill has closed. A newer registration took its place: Ribble Care Preston, Preston ({agency.location_id})"
        in (page.errors()["number"])
    )


async def test_a_closed_provider_names_who_took_its_places_over(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    db.add(RegulatorProvider(provider_id="1-300300300", name="Mill Care", updated_at=clock_of(db).now()))
    await db.flush()
    await make_location(
        db, name="Old Mill", provider_id="1-300300300", is_registered=False, successor_id=agency.location_id
    )
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": "1-300300300"}, expect=422)
    assert f"Ribble Care Limited ({PROVIDER_ID})" in page.errors()["number"]


async def test_a_location_with_a_newer_registration_is_looked_at(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    old = await make_location(db, name="Ribble Care", superseded_by=agency.location_id)
    await claim(browser, agency, old.location_id)
    link = await link_of(db)
    assert link.status is RegulatorLinkStatus.IN_REVIEW
    assert link.differences[-1].startswith("The register has a newer registration of this place: Ribble Care Preston")


@pytest.mark.parametrize("is_location", [True, False])
async def test_either_sort_of_number_will_do_and_the_page_says_which(
    browser: Browser, db: AsyncSession, agency: Agency, is_location: bool
) -> None:
    signed_in = await claim(browser, agency, agency.location_id if is_location else PROVIDER_ID)
    page = await signed_in.open("/provider/evidence/registration")
    if is_location:
        assert "This is the number of a location, Ribble Care Preston." in page.words
        assert f"A location: one place, run by Ribble Care Limited ({PROVIDER_ID})" in page.words
    else:
        assert "This is the number of a provider, Ribble Care Limited, with 1 place." in page.words
        assert "A provider, with all its places" in page.words


@pytest.mark.parametrize(
    ("number", "words"),
    [("1-999", "cannot find this number"), ("' OR 1=1", "like 1-1234567890"), ("", "Enter the number")],
)
async def test_an_unknown_number_is_said_to_be_unknown(
    browser: Browser, db: AsyncSession, agency: Agency, number: str, words: str
) -> None:
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": number}, expect=422)
    assert words in page.errors()["number"]
    assert page.field("number") == number
    assert await count(db, "regulator_links") == 0
    assert await events(db) == []


@pytest.mark.parametrize(
    ("change", "words"), [("is_registered = false", "has closed"), ("is_dormant = true", "is dormant")]
)
async def test_a_closed_or_dormant_entry_is_refused_with_words(
    browser: Browser, db: AsyncSession, agency: Agency, change: str, words: str
) -> None:
    await db.execute(text(f"UPDATE regulator_locations SET {change}"))
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": PROVIDER_ID}, expect=422)
    assert words in page.errors()["number"]
    assert not await is_registered(db, agency.organisation_id)


async def test_what_differs_is_looked_at_and_confirmed_by_the_council(
    browser: Browser, db: AsyncSession, agency: Agency, mailbox: Mailbox
) -> None:
    agency.organisation.name, agency.organisation.postcode = "Calder Care", "PR9 9ZZ"
    council = await browser.signed_in(agency.accreditor)
    signed_in = await claim(browser, agency, PROVIDER_ID)
    link = await link_of(db)
    link_id = link.id
    assert link.status is RegulatorLinkStatus.IN_REVIEW
    assert link.differences == [
        "The name here is “Calder Care”. The register says “Ribble Care Limited”.",
        "The postcode here is PR9 9ZZ. The register has PR1 3AA.",
    ]
    assert not await is_registered(db, agency.organisation_id)
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == "accreditor@test.example"

    queue = await council.open("/regulator-links")
    page = await council.open(queue.link(rf"/regulator-links/{link_id}$"))
    assert "The register says “Ribble Care Limited”" in page.words
    wrong = await council.post(f"/regulator-links/{link_id}", {"decision": "confirm"}, expect=422)
    assert wrong.errors() == {"reason": "Enter the reason"}
    decision = {"decision": "confirm", "reason": "Trading name, certificate seen"}
    await council.post(f"/regulator-links/{link_id}", decision)
    assert await is_registered(db, agency.organisation_id)
    await council.post(f"/regulator-links/{link_id}", decision, expect=409)
    await council.open("/regulator-links?view=all")
    await run_tasks()
    assert mailbox.envelopes[-1].to_address == "agency@test.example"
    assert "confirmed by the council" in (await signed_in.open("/provider/evidence")).words


async def test_a_refused_claim_does_not_count(
    browser: Browser, db: AsyncSession, agency: Agency, mailbox: Mailbox
) -> None:
    agency.organisation.name = "Somebody Else"
    council = await browser.signed_in(agency.accreditor)
    signed_in = await claim(browser, agency, PROVIDER_ID)
    link_id = (await link_of(db)).id
    await council.post(f"/regulator-links/{link_id}", {"decision": "refuse", "reason": "Not their certificate"})
    assert not await is_registered(db, agency.organisation_id)
    assert "Not their certificate" in (await signed_in.open("/provider/evidence/registration")).words


async def test_a_number_that_another_organisation_has_is_refused_with_an_offer_to_join_it(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    holder = (await make_organisation(db, name="Bowland Homes", cqc_provider_id=PROVIDER_ID)).id
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": PROVIDER_ID}, expect=422)
    assert page.errors()["number"].startswith("Bowland Homes is on this site with this number already.")
    assert page.link(rf"/join-requests\?organisation={holder}$")
    refused = await db.scalar(text("SELECT after FROM audit_entries WHERE action LIKE 'providers.refuse_%'"))
    assert refused == {"typed": PROVIDER_ID, "held_by_organisation_id": str(holder)}
    assert await count(db, "regulator_links") == 0
    assert await events(db) == []


async def test_a_link_in_another_council_is_found_too(browser: Browser, db: AsyncSession, agency: Agency) -> None:
    elsewhere = await make_council(db)
    other = await make_organisation(db, name="Bowland Homes", home_council_id=elsewhere.id)
    await linked(db, other, RegulatorLinkStatus.MATCHED, location_id=agency.location_id)
    signed_in = await browser.signed_in(agency.provider)
    page = await signed_in.post("/provider/evidence/registration", {"number": agency.location_id}, expect=422)
    assert "Bowland Homes is on this site" in page.errors()["number"]


@pytest.mark.parametrize("is_same_place", [True, False])
async def test_a_claim_of_another_organisation_that_is_not_sure_goes_to_the_council(
    browser: Browser, db: AsyncSession, agency: Agency, is_same_place: bool
) -> None:
    other = await make_organisation(db, name="Bowland Homes", home_council_id=agency.provider.council.id)
    if is_same_place:
        await linked(db, other, RegulatorLinkStatus.IN_REVIEW, location_id=agency.location_id)
    else:
        # Two organisations here may run two places of one provider.
        await linked(db, other, RegulatorLinkStatus.MATCHED, location_id="1-555")
    await claim(browser, agency, agency.location_id)
    link = await link_of(db)
    assert link.status is RegulatorLinkStatus.IN_REVIEW
    assert link.differences == ["Another organisation here already uses this entry of the register, or its provider."]


async def test_an_organisation_that_was_merged_holds_no_number(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    await make_organisation(db, name="Old copy", cqc_provider_id=PROVIDER_ID, merged_into_id=agency.organisation_id)
    await claim(browser, agency, PROVIDER_ID)
    assert (await link_of(db)).status is RegulatorLinkStatus.MATCHED


async def test_a_wrong_number_does_not_cost_the_link_that_counts(
    browser: Browser, db: AsyncSession, agency: Agency
) -> None:
    other = await make_location(db, name="Elsewhere Care", provider_name="Elsewhere", postcode="DE1 1AA")
    other_id = other.location_id
    signed_in = await claim(browser, agency, PROVIDER_ID)
    page = await signed_in.post("/provider/evidence/registration", {"number": other_id}, expect=422)
    assert "You are linked to Ribble Care Limited" in page.errors()["number"]
    assert (await link_of(db)).status is RegulatorLinkStatus.MATCHED


async def test_another_council_finds_no_link(browser: Browser, db: AsyncSession, agency: Agency) -> None:
    stranger = await browser.signed_in(await make_member(db, Role.ACCREDITOR, await make_council(db)))
    agency.organisation.name = "Somebody Else"
    await claim(browser, agency, PROVIDER_ID)
    link_id = (await link_of(db)).id
    await stranger.get(f"/regulator-links/{link_id}", expect=404)
    await stranger.post(f"/regulator-links/{link_id}", {"decision": "confirm", "reason": "x"}, expect=404)
    assert "Nothing here" in (await stranger.open("/regulator-links")).words


async def imported(db: AsyncSession) -> None:
    """The directory was read in again."""
    publish(db, DirectoryImported(council_id=EVERYWHERE, import_id=new_id()))
    await db.flush()
    await run_tasks()


async def test_a_registration_that_ends_takes_regulated_care_off_the_market_and_back(
    browser: Browser, db: AsyncSession, agency: Agency, mailbox: Mailbox
) -> None:
    broker = await make_member(db, Role.BROKER, agency.provider.council, email="broker@test.example")
    assert broker.user.email == "broker@test.example"
    care = (await make_listing(db, agency.organisation, regulated_basis=RegulatedBasis.REGISTERED)).id
    shop = (await make_listing(db, agency.organisation)).id
    provider = agency.provider
    await claim(browser, agency, PROVIDER_ID)
    await imported(db)
    assert (await link_of(db)).status is RegulatorLinkStatus.MATCHED

    await db.execute(text("UPDATE regulator_locations SET is_registered = false"))
    before = len(mailbox.envelopes)
    await imported(db)
    hidden = {row[0]: row[1] for row in await db.execute(text("SELECT id, hidden_why FROM listings"))}
    assert hidden == {care: "register", shop: None}
    db.expire_all()
    link = await link_of(db)
    assert (link.status, link.register_status) == (RegulatorLinkStatus.ENDED, "closed")
    told = {(item.to_address, item.subject) for item in mailbox.envelopes[before:]}
    assert ("agency@test.example", "Your registration: ended") in told
    assert ("agency@test.example", "Your listings are off the market") in told
    assert "broker@test.example" in {address for address, _ in told}
    assert not await is_registered(db, agency.organisation_id)

    await db.execute(text("UPDATE regulator_locations SET is_registered = true"))
    for row in (provider.user, provider.membership, provider.council):
        await db.refresh(row)
    await claim(browser, agency, PROVIDER_ID)
    assert await count(db, "listings", "hidden_why IS NOT NULL") == 0


async def test_a_new_rating_and_a_new_name_are_read(browser: Browser, db: AsyncSession, agency: Agency) -> None:
    await claim(browser, agency, PROVIDER_ID)
    await db.execute(text("UPDATE regulator_locations SET rating_overall = 'Outstanding', rated_on = '2027-02-01'"))
    await imported(db)
    db.expire_all()
    link = await link_of(db)
    assert (link.status, link.rating, link.rated_on) == (
        RegulatorLinkStatus.MATCHED, "Outstanding", date(2027, 2, 1),
    )  # fmt: skip
    await db.execute(text("UPDATE regulator_providers SET name = 'Bowland Homes Limited'"))
    await db.execute(text("UPDATE regulator_locations SET name = 'Bowland Homes'"))
    await imported(db)
    db.expire_all()
    assert (await link_of(db)).status is RegulatorLinkStatus.IN_REVIEW
    assert await is_registered(db, agency.organisation_id)


async def test_a_number_that_a_council_noted_counts_while_the_register_has_it(db: AsyncSession, agency: Agency) -> None:
    organisation = await make_organisation(db, cqc_provider_id=PROVIDER_ID)
    assert await is_registered(db, organisation.id)
    await db.execute(text("UPDATE regulator_locations SET is_dormant = true"))
    assert not await is_registered(db, organisation.id)


@given(st.text(max_size=250))
def test_whatever_is_typed_is_a_number_or_a_message(typed: str) -> None:
    try:
        read, wrong = read_number({"number": typed}), None
    except InvalidInput as error:
        read, wrong = "", list(error.fields)
    assert wrong == ["number"] or 3 <= len(read) <= 20
