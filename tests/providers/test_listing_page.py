"""The page of one offer: what it says, what it never says, what stands beside it, and where it leads."""

import json
import re
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.permissions import Role
from marketplace.core.ids import new_id
from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    EvidenceKind,
    HiddenWhy,
    Listing,
    ListingCategory,
    ListingFeedback,
    OrganisationKind,
    PriceUnit,
    RegulatorLocation,
    ServiceLine,
    VatCategory,
    WorkerKind,
)
from marketplace.providers.service.listing_facts import as_of_words
from marketplace.providers.service.social import json_ld
from tests.browser import Browser, count
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_market import make_location, open_index, searching
from tests.factories_open import make_evidence, make_hours, make_rate

HOME = (53.75934, -2.69931)
"""Where the assistant of these tests lives, to the house."""


@pytest.fixture
async def club(db: Any) -> dict[str, Any]:
    """A community club with everything that a page may show."""
    organisation = await make_organisation(
        db, name="Winckley Green Gym", kind=OrganisationKind.COMMUNITY, summary="Gardening together since 1998.",
        phone="01772 000111", email="hello@green.example", website="https://green.example",
        address_line="3 Example Yard", charity_number="1234567",
    )  # fmt: skip
    council = await make_council(db, name="Ribbleshire County Council")
    await make_accreditation(db, organisation, council, ServiceLine.COMMUNITY_SUPPORT)
    listing = await make_listing(
        db, organisation, category=ListingCategory.COMMUNITY, title="Green gym", price_pence=850,
        price_unit=PriceUnit.SESSION, usual_tenths=15, suits=["older", "dementia"], interests=["gardening"],
        vat_category=VatCategory.EXEMPT_WELFARE, vat_reason="A charity’s welfare services.",
        concessions=["carer_free"], concession_note="Half price in August.", access_note="Step-free, quiet room.",
        capacity_kind=CapacityKind.PLACES, capacity_free=3, capacity_said_at=datetime(2027, 3, 1, 9, tzinfo=UTC),
        district_codes=["E07000126", "E07000123"], takes_bookings=False,
    )  # fmt: skip
    await make_rate(db, listing, DayKind.SATURDAY, 1_000)
    await make_rate(db, listing, DayKind.BANK_HOLIDAY, 1_700, ends_on=date(2027, 6, 1))
    await make_rate(db, listing, DayKind.ANY, 900, starts_on=date(2027, 4, 1))
    await make_hours(db, listing, (5, time(10), time(12, 30)), (1, time(14), time(16)))
    await make_evidence(db, organisation, EvidenceKind.LIABILITY_INSURANCE, cover_pence=500_000_000)
    return {"listing": listing, "organisation": organisation, "path": f"/market/{listing.id}", "id": listing.id}


@pytest.fixture
async def assistant(db: Any) -> dict[str, Any]:
    """A personal assistant who works alone, with a home and a number that nobody may see."""
    organisation = await make_organisation(
        db, name="Kestrel, personal assistant", kind=OrganisationKind.SOLE_PA, phone="07700 900123",
        email="kestrel@home.example", website="https://kestrel.example", address_line="12 Secret Lane",
        postcode="PR1 2HE",
    )  # fmt: skip
    worker = await make_worker(db, organisation, kind=WorkerKind.PA, name="Dana Kestrel", lat=HOME[0], lon=HOME[1])
    listing = await make_listing(
        db, organisation, worker_id=worker.id, title="Company on match days", lat=HOME[0], lon=HOME[1],
        suits=["learning"],
    )  # fmt: skip
    seen = datetime(2027, 2, 1, 12, tzinfo=UTC)
    await make_evidence(
        db, organisation, EvidenceKind.DBS, worker_id=worker.id, detail="Enhanced 00112233", seen_at=seen
    )
    await make_evidence(db, organisation, EvidenceKind.RIGHT_TO_WORK, worker_id=worker.id, expires_on=date(2027, 9, 30))
    return {
        "listing": listing,
        "organisation": organisation,
        "worker": worker,
        "path": f"/market/{listing.id}",
        "id": listing.id,
    }


async def test_the_page_says_what_for_whom_when_where_and_at_what_price(browser: Browser, club: dict[str, Any]) -> None:
    page = await browser.open(club["path"])
    for words in (
        "£8.50", "a session",
        "Usual cost: £12.75 a week for 1.5 sessions",
        "VAT: Exempt: welfare services. A charity’s welfare services.",
        "Older people, Dementia",
        "all of Preston, South Ribble",
        "3 places free, said on 1 March 2027",
        "Step-free, quiet room.",
        "A carer or PA comes in free", "Half price in August.",
        "Saturday £10.00 a session Now",
        "Bank holiday £17.00 a session Now, until 31 May 2027",
        "Every day £9.00 a session From 1 April 2027",
        "Saturday 10am to 12:30pm", "Tuesday 2pm to 4pm", "Sunday Closed",
        "A community group", "Charity number 1234567",
        "Ribbleshire County Council Community support 1 January 2027 30 December 2028",
        "Public liability insurance Until 31 December 2027",
        "not inspected or rated by the Care Quality Commission",
        "01772 000111", "hello@green.example",
    ):  # fmt: skip
        assert words in page.words, words
    assert page.link(r"^https://green\.example$")
    assert page.link(r"^tel:01772000111$")
    assert "Policy 12345" not in page.text
    assert "5,000,000" not in page.text


async def test_the_page_leads_on_to_saving_comparing_asking_meeting_and_sharing(
    browser: Browser, club: dict[str, Any]
) -> None:
    listing_id = club["id"]
    page = await browser.open(club["path"])
    for address in (
        f"/shortlists/add?found={listing_id}",
        f"/market/compare?ids={listing_id}",
        f"/enquiries/new?listing={listing_id}&kind=question",
        f"/enquiries/new?listing={listing_id}&kind=meeting",
    ):
        assert address in page.links(), address
    letter = unquote(page.link("^mailto:\\?"))
    assert f"/market/{listing_id}" in letter
    assert letter.startswith("mailto:?subject=Green gym")
    # Without scripts the copy and print buttons do nothing, so they are hidden.
    assert re.search(r'data-copy="[^"]+" hidden', page.text)


async def test_one_person_is_reached_through_the_site_alone(browser: Browser, assistant: dict[str, Any]) -> None:
    page = await browser.open(assistant["path"])
    for secret in (
        "07700", "kestrel@home", "kestrel.example", "Secret Lane", "PR1 2HE", "53.759", "2.6993", "Dana",
        "Enhanced 00112233", "Right to work", "30 September 2027", "29 September 2027",
    ):  # fmt: skip
        assert secret not in page.text, secret
    assert "DBS check Seen on 1 February 2027" in page.words
    assert "We do not show the address or phone number of one person." in page.words
    assert "One person who works for themselves" in page.words


async def test_checks_count_only_when_seen_in_date_and_not_refused(
    browser: Browser, db: Any, club: dict[str, Any]
) -> None:
    organisation = club["organisation"]
    other = await make_worker(db, organisation)
    await make_evidence(db, organisation, EvidenceKind.EMPLOYER_INSURANCE, seen_at=None, seen_by_user_id=None)
    await make_evidence(db, organisation, EvidenceKind.CARE_TRAINING, expires_on=date(2027, 3, 3))
    await make_evidence(db, organisation, EvidenceKind.SAFEGUARDING_TRAINING, refused_because="Not readable")
    await make_evidence(db, organisation, EvidenceKind.DBS, worker_id=other.id)
    await make_evidence(db, organisation, EvidenceKind.LIABILITY_INSURANCE, expires_on=date(2029, 1, 1))
    page = await browser.open(club["path"])
    assert "Public liability insurance Until 31 December 2028" in page.words
    assert page.words.count("Public liability insurance") == 1
    for absent in ("Employers’ liability", "Care training", "Safeguarding", "DBS"):
        assert absent not in page.words, absent


async def test_the_regulators_rating_is_dated_and_linked(browser: Browser, db: Any) -> None:
    place = await make_location(db, rated_on=date(2025, 3, 3), url="https://www.cqc.org.uk/location/1-9")
    organisation = await make_organisation(db, kind=OrganisationKind.HOME_CARE)
    listing = await make_listing(
        db, organisation, category=ListingCategory.HOME_CARE, regulator_location_id=place.location_id
    )
    location_id = place.location_id
    page = await browser.open(f"/market/{listing.id}")
    assert "Good, 3 March 2025" in page.words
    assert page.link(rf"^/market/register/{location_id}$")
    assert page.link(r"^https://www\.cqc\.org\.uk/")


async def test_a_nationwide_offer_has_words_and_no_map(browser: Browser, db: Any) -> None:
    listing = await make_listing(db, await make_organisation(db), is_nationwide=True)
    page = await browser.open(f"/market/{listing.id}")
    assert "Anywhere in England, by phone, online or post" in page.words
    assert '<svg class="cm-map__svg"' not in page.text


@pytest.mark.parametrize("with_index", [True, False])
async def test_similar_offers_and_cheaper_or_free_ones_stand_beside(
    browser: Browser, db: Any, maker: Any, settings: Any, tmp_path: Any, assistant: dict[str, Any], with_index: bool
) -> None:
    organisation = await make_organisation(db, name="Neighbours")
    near = {"suits": ["learning"]}
    alike = await make_listing(db, organisation, title="Dearer company", price_pence=2_000, **near)
    cheaper = await make_listing(db, organisation, title="Cheaper company", price_pence=1_200, **near)
    free = await make_listing(
        db, organisation, title="Free walks", category=ListingCategory.COMMUNITY, price_pence=0,
        price_unit=PriceUnit.FREE, **near,
    )  # fmt: skip
    await make_listing(db, organisation, title="Far away", lat=51.5, lon=-0.12)
    await make_listing(db, organisation, title="Not shown", is_published=False)
    ids = [str(row.id) for row in (alike, cheaper, free)]
    reader = browser
    if with_index:
        reader = await searching(browser, maker, settings, open_index(tmp_path))
    page = await reader.open(assistant["path"])
    first, _, second = page.words.partition("Cheaper or free alternatives")[2].partition("Similar offers near it")
    for words in ("Cheaper company", "costs less", "Free walks", "free · also for: learning disability"):
        assert words in first, words
    assert "Dearer company" in second
    assert "Cheaper company" not in second
    for absent in ("Far away", "Not shown"):
        assert absent not in page.words
    assert page.link(rf"^/market/compare\?ids={assistant['id']},{ids[0]}$")


async def test_regulated_care_always_has_other_support_beside_it(browser: Browser, db: Any) -> None:
    agency = await make_organisation(db, kind=OrganisationKind.HOME_CARE)
    care = await make_listing(db, agency, category=ListingCategory.HOME_CARE, price_pence=2_500)
    await make_listing(db, agency, category=ListingCategory.CARE_HOME, title="A care home", price_pence=100)
    # Dearer by the session, for other people: still no regulated care, so it is shown.
    await make_listing(
        db, await make_organisation(db), category=ListingCategory.DAY_OPPORTUNITY, title="Day club",
        price_unit=PriceUnit.SESSION, price_pence=4_000,
    )  # fmt: skip
    place = await make_location(db)
    for path in (f"/market/{care.id}", f"/market/register/{place.location_id}"):
        page = await browser.open(path)
        beside = page.words.partition("Support that is not regulated care")[2]
        assert "Day club" in beside, path
        assert "A care home" not in beside, path


async def test_the_register_page_can_be_saved_compared_and_shared(browser: Browser, db: Any) -> None:
    place = await make_location(db, name="Ribble Care")
    other = await make_location(db, name="Calder Care", lat=53.77)
    found, other_id = f"cqc-{place.location_id}", other.location_id
    del other_id
    page = await browser.open(f"/market/register/{place.location_id}")
    assert f"/shortlists/add?found={found}" in page.links()
    assert page.link(r"^/market/compare\?ids=cqc-")
    assert page.link("^mailto:")
    assert '<link rel="canonical"' in page.text


async def test_key_questions_have_their_dates_and_what_is_absent_is_not_rated(browser: Browser, db: Any) -> None:
    place = await make_location(
        db,
        ratings={
            "safe": "Requires improvement",
            "caring": "Outstanding",
            "dates": {"safe": "2026-11-05"},
            "groups": {"Supported living": {"overall": {"rating": "Good", "published_on": "2025-01-02"}}},
        },
        rated_on=date(2026, 11, 5),
    )
    page = await browser.open(f"/market/register/{place.location_id}")
    assert "Regulator’s rating: Good, 5 November 2026" in page.words
    for words in ("Safe Requires improvement, 5 November 2026", "Caring Outstanding", "Effective Not rated"):
        assert words in page.words
    assert "Supported living Overall Good, 2 January 2025" in page.words


async def test_a_place_without_key_questions_shows_no_table_of_them(browser: Browser, db: Any) -> None:
    place = await make_location(db, rating_overall="", ratings={})
    page = await browser.open(f"/market/register/{place.location_id}")
    assert "Regulator’s rating: Not rated" in page.words
    assert "The five questions" not in page.words


@pytest.mark.parametrize("state", ["unpublished", "stale", "council"])
async def test_an_offer_off_the_market_leads_to_others_and_says_no_more(
    browser: Browser, db: Any, assistant: dict[str, Any], state: str
) -> None:
    listing: Listing = assistant["listing"]
    if state == "unpublished":
        listing.is_published = False
    else:
        listing.hidden_why = HiddenWhy(state)
        listing.hidden_reason = "A worrying phone call"
    await make_listing(db, await make_organisation(db), title="Another companion")
    page = await browser.open(assistant["path"], expect=404)
    assert page.heading == "This offer is not on the market now"
    assert "Another companion" in page.words
    for secret in ("Company on match days", "Kestrel", "worrying", "stale"):
        assert secret not in page.text
    assert 'content="noindex"' in page.text


async def test_the_number_of_questions_does_not_grow(browser: Browser, db: Any, club: dict[str, Any]) -> None:
    await browser.open(club["path"])
    few = browser.queries
    organisation, listing = club["organisation"], club["listing"]
    await db.refresh(organisation)
    await db.refresh(listing)
    for number in range(8):
        await make_listing(db, organisation, category=ListingCategory.COMMUNITY, title=f"Club {number}")
        await make_listing(db, organisation, price_unit=PriceUnit.FREE, price_pence=0, title=f"Free {number}")
        await make_rate(db, listing, DayKind.SUNDAY, 900 + number, starts_on=date(2027, 5, 1 + number))
        await make_evidence(db, organisation, EvidenceKind.CARE_TRAINING)
    await browser.open(club["path"])
    assert browser.queries <= few + 1  # one more: the offers beside it are read


async def test_machines_read_the_same_facts(browser: Browser, club: dict[str, Any]) -> None:
    club["listing"].title = "Green gym </script><script>alert(1)</script> & <b>more</b>"
    club["listing"].feedback_count, club["listing"].feedback_stars = 4, 18
    page = await browser.open(club["path"])
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page.text)
    assert block is not None
    facts = json.loads(block.group(1))
    assert facts["@type"] == "Service"
    assert facts["name"].startswith("Green gym </script>")
    assert facts["provider"] == {
        "@type": "Organization", "name": "Winckley Green Gym", "telephone": "01772 000111",
        "email": "hello@green.example", "url": "https://green.example",
    }  # fmt: skip
    assert facts["offers"]["price"] == "8.50"
    assert facts["aggregateRating"]["ratingValue"] == 4.5
    assert "<script>alert" not in page.text
    address = f"http://testserver/market/{club['id']}"
    assert f'<link rel="canonical" href="{address}">' in page.text
    assert f'<meta property="og:url" content="{address}">' in page.text
    assert '<meta property="og:image" content="http://testserver/social-preview.png">' in page.text
    assert 'content="noindex"' not in page.text


async def test_one_person_stands_in_search_engines_only_with_consent(
    browser: Browser, assistant: dict[str, Any]
) -> None:
    assert assistant["listing"].is_open_data is False
    page = await browser.open(assistant["path"])
    assert 'content="noindex"' in page.text
    assert "ld+json" not in page.text
    assistant["listing"].is_open_data = True
    page = await browser.open(assistant["path"])
    assert 'content="noindex"' not in page.text
    assert '"provider":{"@type":"Person","name":"Kestrel, personal assistant"}' in page.text


@pytest.mark.parametrize(
    ("said", "words"),
    [("2027-02", "February 2027"), ("2027-02-01", "1 February 2027"), ("Made up", ""), ("", ""), (None, "")],
)
def test_the_register_says_when_its_facts_were_true(said: str | None, words: str) -> None:
    assert as_of_words(RegulatorLocation(as_of=said)) == words


@given(text=st.text())
def test_no_text_can_end_the_script_element(text: str) -> None:
    written = json_ld({"name": text.encode("utf-8", "replace").decode()})
    assert not set(written) & {"<", ">", "\u2028", "\u2029"}
    assert json.loads(written) == {"name": text.encode("utf-8", "replace").decode()}


async def test_each_look_is_counted_but_not_the_organisations_own(
    browser: Browser, db: Any, club: dict[str, Any]
) -> None:
    own = await make_member(db, Role.PROVIDER, organisation_id=club["organisation"].id)
    person = await make_member(db, Role.PROVIDER, organisation_id=(await make_organisation(db)).id)
    readers = [browser, await browser.signed_in(person), await browser.signed_in(own)]
    for reader in readers:
        await reader.open(club["path"])
    assert await count(db, "listing_days", "views = 2 AND questions = 0") == 1


async def test_feedback_good_and_bad_stands_on_the_page_with_the_reply(
    browser: Browser, db: Any, club: dict[str, Any]
) -> None:
    for number, (stars, reply) in enumerate([(5, ""), (1, "We are sorry and have changed the time.")] + [(4, "")] * 10):
        db.add(
            ListingFeedback(
                feedback_id=new_id(), listing_id=club["id"], stars=stars, words=f"Words {number}.", signed="Margaret",
                visit_month=date(2027, 1, 1), reply=reply, published_at=datetime(2027, 2, 20 - number, tzinfo=UTC),
            )
        )  # fmt: skip
    page = await browser.open(club["path"])
    for words in ("1 star: very poor", "5 stars: very good", "We are sorry and have changed the time.", "Words 9."):
        assert words in page.words, words
    assert "Words 11." not in page.words
    older = await browser.open(page.link(r"\?feedback=2").partition("#")[0])
    assert "Words 11." in older.words
    for odd in ("0", "-1", "x", "%D9%A3", "9" * 50):
        await browser.open(f"{club['path']}?feedback={odd}", expect=400)
