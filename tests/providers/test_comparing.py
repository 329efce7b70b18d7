"""Offers side by side: public, without a cookie, in a fixed number of questions."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import InvalidInput
from marketplace.providers.models import (
    CapacityKind,
    DayKind,
    Evidence,
    EvidenceKind,
    HiddenWhy,
    ListingCategory,
    ListingHours,
    ListingRate,
    PriceUnit,
    ServiceLine,
    WorkerKind,
)
from marketplace.providers.service.comparing import read_found_id, read_found_ids
from marketplace.providers.service.times import hours_lines
from marketplace.providers.service.words import stars_words
from tests.browser import Browser
from tests.factories import make_accreditation, make_council, make_listing, make_organisation, make_worker
from tests.factories_market import make_location


@pytest.fixture
async def offers(db: Any) -> list[str]:
    """An assistant with everything known, a free club, and an agency of the register."""
    council = await make_council(db, short_name="Ribbleshire")
    organisation = await make_organisation(db, name="Kestrel Support")
    await make_accreditation(db, organisation, council, ServiceLine.PERSONAL_ASSISTANCE)
    worker = await make_worker(db, organisation, kind=WorkerKind.PA)
    assistant = await make_listing(
        db,
        organisation,
        worker_id=worker.id,
        title="Company on match days",
        languages=["English", "Polish"],
        suits=["learning"],
        feedback_count=2,
        feedback_stars=9,
        capacity_kind=CapacityKind.HOURS,
        capacity_free=6,
        capacity_said_at=datetime(2027, 3, 1, 9, tzinfo=UTC),
    )
    for kind, seen in ((EvidenceKind.LIABILITY_INSURANCE, True), (EvidenceKind.REFERENCES, False)):
        db.add(
            Evidence(
                organisation_id=organisation.id,
                kind=kind,
                issued_on=date(2027, 1, 1),
                expires_on=date(2028, 1, 1),
                given_at=datetime(2027, 1, 1, tzinfo=UTC),
                seen_at=datetime(2027, 1, 2, tzinfo=UTC) if seen else None,
            )
        )
    for day_kind, pence, starts_on in (
        (DayKind.SATURDAY, 2_000, date(2027, 1, 1)),
        (DayKind.SUNDAY, 2_100, date(2027, 4, 1)),
    ):
        db.add(ListingRate(listing_id=assistant.id, day_kind=day_kind, price_pence=pence, starts_on=starts_on))
    club = await make_listing(
        db,
        await make_organisation(db, name="Winckley Green Gym"),
        category=ListingCategory.GARDENING,
        title="Green gym",
        price_pence=0,
        price_unit=PriceUnit.FREE,
        takes_bookings=False,
    )
    db.add(ListingHours(listing_id=club.id, weekday=1, starts_local=time(10), ends_local=time(12)))
    agency = await make_location(db, name="Ribble Home Care", rated_on=date(2026, 5, 4))
    await db.flush()
    return [str(assistant.id), str(club.id), f"cqc-{agency.location_id}"]


def cells(page: Any) -> dict[str, list[str]]:
    """Rows of the table: what each offer says, by heading."""
    found = {}
    for row in page.tree.iter("tr"):
        texts = [" ".join(" ".join(cell.itertext()).split()) for cell in row]
        found[texts[0]] = texts[1:]
    return found


async def test_facts_are_rows_and_offers_are_columns(browser: Browser, offers: list[str]) -> None:
    page = await browser.open(f"/market/compare?ids={','.join(offers)}")
    rows = cells(page)
    assert rows["Fact"] == ["Company on match days Kestrel Support", "Green gym Winckley Green Gym",
                            "Ribble Home Care Ribble Care Limited"]  # fmt: skip
    assert rows["Price"] == ["£16.00 an hour Saturday: £20.00 an hour", "Free", "Price on request"]
    assert rows["When"] == ["Monday to Friday, 9am to 5pm", "Tuesday, 10am to midday", "Ask the provider"]
    assert rows["Languages"][0] == "English, Polish"
    assert rows["Accredited by"] == ["Ribbleshire", "No council at the moment", "Not known from the register"]
    assert rows["Regulator’s rating"][2] == "Good, 4 May 2026"
    assert rows["Insurance and checks"][0] == "Public liability insurance, until 31 December 2027"
    assert rows["Feedback after visits"] == ["4.5 out of 5 from 2 visits", "None yet", "None here"]
    assert rows["Room now"] == ["6 hours a week free, said on 1 March 2027", "Not said", "Ask the provider"]
    assert f"/enquiries/new?listing={offers[0]}&kind=question" in page.links()
    assert f"/bookings/new?listing={offers[1]}" not in page.links()


async def test_it_needs_no_account_and_sets_no_cookie(browser: Browser, offers: list[str]) -> None:
    page = await browser.open(f"/market/compare?ids={offers[0]}&ids={offers[1]}")
    assert "set-cookie" not in page.response.headers
    assert page.link(r"^/shortlists/add") == f"/shortlists/add?found={offers[0]}&found={offers[1]}"
    assert f"/market/compare?ids={offers[1]}" in page.links()


async def test_it_reads_the_rows_in_a_fixed_number_of_questions(browser: Browser, offers: list[str]) -> None:
    await browser.open(f"/market/compare?ids={offers[0]},{offers[2]}")
    few = browser.queries
    await browser.open(f"/market/compare?ids={','.join(offers)}")
    assert browser.queries == few <= 12


async def test_hidden_and_unknown_offers_are_said_in_words(browser: Browser, db: Any, offers: list[str]) -> None:
    hidden = await make_listing(db, await make_organisation(db), title="Kept back", hidden_why=HiddenWhy.STALE)
    page = await browser.open(f"/market/compare?ids={offers[1]},{hidden.id},{uuid4()}")
    assert "2 offers you chose are no longer on the market" in page.words
    assert "Kept back" not in page.text


async def test_of_more_than_four_the_first_four_are_shown(browser: Browser, db: Any, offers: list[str]) -> None:
    organisation = await make_organisation(db)
    more = [str((await make_listing(db, organisation, title=f"Extra {number}")).id) for number in range(3)]
    page = await browser.open(f"/market/compare?ids={','.join(offers + more)}")
    assert "up to four at a time" in page.words
    assert "2 others are not shown" in page.words
    assert "Extra 0" in page.words
    assert "Extra 1" not in page.words


@pytest.mark.parametrize("ids", ["nonsense", "cqc-", "cqc-a%20b", "1;DROP", "cqc-" + "9" * 41, "%F0%9F%92%A9"])
async def test_an_id_that_is_none_is_refused_in_words(browser: Browser, ids: str) -> None:
    page = await browser.open(f"/market/compare?ids={ids}", expect=422)
    assert "not an offer" in page.words


async def test_without_offers_it_says_how_to_begin(browser: Browser) -> None:
    assert "Nothing to compare yet" in (await browser.open("/market/compare")).words


def test_ids_are_read_once_in_one_writing() -> None:
    listing = uuid4()
    assert read_found_ids([f"{listing},cqc-1-23", str(listing).upper()]) == [str(listing), "cqc-1-23"]
    with pytest.raises(InvalidInput):
        read_found_ids([",".join(str(uuid4()) for _ in range(51))])


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_none(text: str) -> None:
    found = read_found_id(text)
    assert found is None or read_found_id(found) == found


@given(count=st.integers(1, 500), data=st.data())
def test_feedback_stays_between_one_and_five(count: int, data: st.DataObject) -> None:
    stars = data.draw(st.integers(count, 5 * count))
    shown = float(stars_words(count, stars).split(" ")[0])
    assert abs(shown - stars / count) <= 0.05 + 1e-9


def test_hours_of_a_week_are_written_shortly() -> None:
    rows = [
        ListingHours(weekday=day, starts_local=starts, ends_local=ends)
        for day, starts, ends in (
            (0, time(9), time(12)), (0, time(13), time(17)), (1, time(9), time(12)), (1, time(13), time(17)),
            (3, time(9), time(10)), (5, time(9), time(10)), (6, time(9), time(10)),
        )
    ]  # fmt: skip
    assert hours_lines(rows) == (
        "Monday and Tuesday, 9am to midday and 1pm to 5pm",
        "Thursday, 9am to 10am",
        "Saturday and Sunday, 9am to 10am",
    )


async def test_the_usual_week_is_priced_at_the_rate_that_counts_now(
    browser: Browser, db: Any, offers: list[str]
) -> None:
    rate = ListingRate(day_kind=DayKind.ANY, price_pence=1_750, starts_on=date(2027, 2, 1))
    rate.listing_id = UUID(offers[0])
    db.add(rate)
    rows = cells(await browser.open(f"/market/compare?ids={offers[0]}"))
    assert rows["Price"] == ["£17.50 an hour Saturday: £20.00 an hour"]
    assert rows["Cost in a usual week"] == ["£122.50 a week for 7 hours"]
