"""Council staff find organisations, add them and decide about their accreditation."""

from datetime import date, timedelta
from typing import Any

import pytest

from marketplace.accounts.permissions import Role
from marketplace.providers.models import ServiceLine
from marketplace.providers.repository.accreditations import AccreditationRepository
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation, make_worker

TODAY = date(2027, 3, 3)


@pytest.fixture
async def accreditor(db: Any) -> Any:
    """An accreditor of a council."""
    return await make_member(db, Role.ACCREDITOR)


@pytest.fixture
async def office(browser: Browser, accreditor: Any) -> Browser:
    """The accreditor's browser."""
    return await browser.signed_in(accreditor)


def period(first: date, last: date, **more: str) -> dict[str, str]:
    """Fields of a period."""
    return {
        "live_from-day": str(first.day), "live_from-month": str(first.month), "live_from-year": str(first.year),
        "last_day-day": str(last.day), "last_day-month": str(last.month), "last_day-year": str(last.year), **more,
    }  # fmt: skip


async def test_the_list_is_searched_paged_and_shows_what_expires_first(
    office: Browser, db: Any, accreditor: Any
) -> None:
    for n in range(35):
        await make_organisation(db, name=f"Aspen Circle {n:02}")
    soon = await make_organisation(db, name="Willow Advice", charity_number="7654321")
    await make_accreditation(
        db, soon, accreditor.council, ServiceLine.MONEY_MANAGEMENT, live_until=TODAY + timedelta(days=10)
    )
    page = await office.open("/organisations")
    assert "Willow Advice : Money management. Expires after 12 March 2027, in 10 days" in page.words.replace(
        "Willow Advice:", "Willow Advice :"
    )
    assert "Aspen Circle 29" in page.words
    assert "Aspen Circle 30" not in page.words
    more = await office.open(page.link(r"after="))
    assert "Aspen Circle 30" in more.words
    found = await office.open("/organisations?q=7654321")
    assert "Willow Advice" in found.words
    assert "Aspen" not in found.words
    nothing = await office.open("/organisations?q=100%25_of%5C")
    assert "No organisation found" in nothing.words


async def test_an_organisation_shows_everything_known(office: Browser, db: Any, accreditor: Any) -> None:
    organisation = await make_organisation(db, charity_number="1234567")
    await make_accreditation(db, organisation, accreditor.council, ServiceLine.SUPPORT_PLANNING)
    other = await make_council(db)
    other_name = other.name
    await make_accreditation(db, organisation, other, ServiceLine.HOME_CARE)
    for _ in range(3):
        await make_worker(db, organisation)
    await make_listing(db, organisation, title="Planning with you")
    page = await office.open(f"/organisations/{organisation.id}")
    for words in ("1234567", "Support planning", "Live until 30 December 2028", other_name, "Planning with you"):
        assert words in page.words, words
    assert "3 planners" in page.words
    assert "0 open offers" not in page.words


async def test_accrediting_makes_it_live_and_is_recorded(office: Browser, db: Any, accreditor: Any) -> None:
    organisation_id = (await make_organisation(db)).id
    council_id = accreditor.council.id
    form = period(TODAY, date(2029, 3, 2), service_line="support_planning", reason="Evidence seen on 1 March")
    await office.open(f"/organisations/{organisation_id}/accreditations/new")
    await office.post(f"/organisations/{organisation_id}/accreditations", form)
    accreditations = AccreditationRepository(db)
    assert await accreditations.is_live(organisation_id, council_id, ServiceLine.SUPPORT_PLANNING, TODAY)
    assert await accreditations.is_live(organisation_id, council_id, ServiceLine.SUPPORT_PLANNING, date(2029, 3, 2))
    assert not await accreditations.is_live(organisation_id, council_id, ServiceLine.SUPPORT_PLANNING, date(2029, 3, 3))
    assert await count(db, "audit_entries", "action = 'providers.accredit_organisation' AND why LIKE 'Evidence%'") == 1
    assert await events(db) == ["AccreditationChanged", "AccreditationActed"]
    again = await office.post(f"/organisations/{organisation_id}/accreditations", form, expect=422)
    assert "There is already an accreditation for support planning" in again.words
    assert again.field("reason") == "Evidence seen on 1 March"
    assert await count(db, "accreditations") == 1


async def test_a_double_click_accredits_once(office: Browser, db: Any) -> None:
    organisation_id = (await make_organisation(db)).id
    form = period(TODAY, date(2029, 3, 2), service_line="equipment", reason="Seen", form_id="one-form")
    for _ in range(2):
        await office.post(f"/organisations/{organisation_id}/accreditations", form)
    assert await count(db, "accreditations") == 1


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (period(TODAY, date(2029, 3, 2), service_line="support_planning"), "reason"),
        (period(TODAY, TODAY - timedelta(days=1), service_line="support_planning", reason="x"), "last_day"),
        (period(TODAY, date(2099, 1, 1), service_line="support_planning", reason="x"), "last_day"),
        (period(TODAY, date(2029, 3, 2), service_line="wizardry", reason="x"), "service_line"),
        ({"service_line": "support_planning", "reason": "x", "last_day": "2029-03-02"}, "live_from"),
    ],
)
async def test_a_wrong_accreditation_is_refused_with_the_field(
    office: Browser, db: Any, form: dict[str, str], field: str
) -> None:
    organisation_id = (await make_organisation(db)).id
    page = await office.post(f"/organisations/{organisation_id}/accreditations", form, expect=422)
    assert field in page.errors()
    assert await count(db, "accreditations") == 0
    assert await events(db) == []


async def test_an_accreditation_is_suspended_reinstated_extended_and_removed(
    office: Browser, db: Any, accreditor: Any
) -> None:
    organisation = await make_organisation(db)
    row = await make_accreditation(db, organisation, accreditor.council, ServiceLine.HOME_CARE)
    address, council_id, organisation_id = f"/accreditations/{row.id}", accreditor.council.id, organisation.id
    page = await office.open(address)
    assert "Nothing rests on it now: suspending or removing it affects no planner, offer or visit." in page.words

    async def is_live(day: date = TODAY) -> bool:
        return await AccreditationRepository(db).is_live(organisation_id, council_id, ServiceLine.HOME_CARE, day)

    no_reason = await office.post(address, {"decision": "suspend"}, expect=422)
    assert no_reason.errors() == {"reason": "Enter the reason"}
    assert await is_live()
    await office.post(address, {"decision": "suspend", "reason": "Concern about visits"})
    assert not await is_live()
    await office.post(address, {"decision": "extend", "reason": "x", "last_day": "2030-01-01"}, expect=409)
    await office.post(address, {"decision": "reinstate", "reason": "Put right"})
    assert await is_live()
    earlier = await office.post(address, {"decision": "extend", "reason": "x", "last_day": "2027-06-01"}, expect=422)
    assert "last_day" in earlier.errors()
    assert not await is_live(date(2029, 6, 1))
    await office.post(address, {"decision": "extend", "reason": "Renewed", "last_day": "2029-12-31"})
    assert await is_live(date(2029, 12, 31))
    await office.post(address, {"decision": "remove", "reason": "Closed down"})
    assert not await is_live()
    await office.post(address, {"decision": "reinstate", "reason": "x"}, expect=409)
    assert await count(db, "audit_entries", "subject_kind = 'accreditation'") == 4
    assert await events(db) == ["AccreditationChanged", "AccreditationActed"] * 4
    assert "removed for good" in (await office.open(address)).words


async def test_another_councils_accreditation_cannot_be_reached(office: Browser, db: Any) -> None:
    row = await make_accreditation(db, await make_organisation(db), await make_council(db), ServiceLine.HOME_CARE)
    row_id = row.id
    await office.get(f"/accreditations/{row_id}", expect=404)
    await office.post(f"/accreditations/{row_id}", {"decision": "remove", "reason": "x"}, expect=404)
    assert await count(db, "accreditations", "status = 'live'") == 1


async def test_a_new_organisation_is_added_once_and_known_numbers_are_refused_in_words(
    office: Browser, db: Any
) -> None:
    await make_organisation(db, name="First Here", charity_number="1112223", company_number="01234567")
    await office.open("/organisations/new")
    form = {"name": "Second", "kind": "community", "town": "Preston", "charity_number": "111 2223"}
    page = await office.post("/organisations", form, expect=422)
    assert page.errors() == {"charity_number": "First Here already has this charity number"}
    assert page.field("name") == "Second"
    done = await office.post("/organisations", {**form, "charity_number": "1112224"})
    assert "Accredit for a service" in (await office.open(done.location)).words
    assert await count(db, "audit_entries", "action = 'providers.add_organisation'") == 1
    empty = await office.post("/organisations", {"website": "javascript:alert(1)", "postcode": "nowhere"}, expect=422)
    assert set(empty.errors()) == {"name", "kind", "town", "website", "postcode"}


@pytest.mark.parametrize(
    ("role", "read", "decide"),
    [(Role.BROKER, 200, 403), (Role.FINANCE, 200, 403), (Role.PLANNER, 403, 403), (Role.PERSON, 403, 403)],
)
async def test_who_may_read_and_who_may_decide(browser: Browser, db: Any, role: Role, read: int, decide: int) -> None:
    organisation_id = (await make_organisation(db)).id
    member = await make_member(db, role)
    reader = await browser.signed_in(member)
    await reader.get("/organisations", expect=read)
    await reader.get(f"/organisations/{organisation_id}", expect=read)
    await reader.get("/organisations/new", expect=decide)
    await reader.post(f"/organisations/{organisation_id}/accreditations", {}, expect=decide)
    await browser.get("/organisations", expect=303)


async def test_a_suspended_organisation_leaves_the_market(
    office: Browser, browser: Browser, db: Any, accreditor: Any
) -> None:
    organisation = await make_organisation(db)
    row = await make_accreditation(db, organisation, accreditor.council, ServiceLine.PERSONAL_ASSISTANCE)
    listing = await make_listing(db, organisation)
    row_id, listing_id = row.id, listing.id
    await browser.get(f"/market/{listing_id}")
    await office.post(f"/accreditations/{row_id}", {"decision": "suspend", "reason": "Safeguarding"})
    await browser.get(f"/market/{listing_id}", expect=404)
    await office.post(f"/accreditations/{row_id}", {"decision": "reinstate", "reason": "Put right"})
    await browser.get(f"/market/{listing_id}")
