"""Providers and workers keep their time true."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.providers.models import WorkerKind
from tests.browser import Browser, count, events
from tests.factories import make_listing, make_member, make_organisation, make_worker

HOURS = {f"day{day}": "" for day in range(7)} | {"radius_miles": "10"}


@pytest.fixture
async def pa(db: Any) -> dict[str, Any]:
    """A personal assistant with a listing."""
    organisation = await make_organisation(db)
    worker = await make_worker(db, organisation, kind=WorkerKind.PA)
    listing = await make_listing(db, organisation, worker_id=worker.id, title="Out and about")
    member = await make_member(db, Role.PA, organisation_id=organisation.id, worker_id=worker.id)
    return {"member": member, "worker_id": worker.id, "listing_id": listing.id, "organisation": organisation}


async def test_usual_hours_are_written_as_people_say_them(browser: Browser, db: Any, pa: Any) -> None:
    reader = await browser.signed_in(pa["member"])
    page = await reader.open("/availability")
    assert page.field("day0") == "9am to 5pm"
    assert page.link(r"^/provider/listings$")
    form = {**HOURS, "day0": "9am to midday, 2pm to 6:30pm", "day5": "10:00-14:00"}
    await reader.post(f"/availability/{pa['worker_id']}/hours", form)
    page = await reader.open("/availability")
    assert page.field("day0") == "9am to midday, 2pm to 6:30pm"
    assert page.field("day5") == "10am to 2pm"
    assert page.field("day1") == ""
    assert page.field("radius_miles") == "10"
    assert await events(db) == ["ListingChanged"]
    assert await count(db, "audit_entries", "action = 'providers.set_hours'") == 1


@pytest.mark.parametrize(
    "typed", ["all day", "9am", "5pm to 9am", "9am to 1pm, midday to 5pm", "9am to 25pm", "9am to 5pm to 6pm"]
)
async def test_wrong_hours_are_refused_and_kept(browser: Browser, db: Any, pa: Any, typed: str) -> None:
    reader = await browser.signed_in(pa["member"])
    form = {**HOURS, "day3": typed}
    page = await reader.post(f"/availability/{pa['worker_id']}/hours", form, expect=422)
    assert "day3" in page.errors()
    assert page.field("day3") == typed
    assert await count(db, "worker_hours") == 5


async def test_days_away_are_added_once_and_taken_back(browser: Browser, db: Any, pa: Any) -> None:
    reader = await browser.signed_in(pa["member"])
    form = {
        "first_day-day": "1", "first_day-month": "6", "first_day-year": "2027",
        "last_away-day": "7", "last_away-month": "6", "last_away-year": "2027",
    }  # fmt: skip
    address = f"/availability/{pa['worker_id']}/absences"
    await reader.post(address, form)
    page = await reader.open("/availability")
    assert "1 June 2027 to 7 June 2027" in page.words
    again = await reader.post(address, form, expect=422)
    assert "first_day" in again.errors()
    past = await reader.post(address, {**form, "first_day-year": "2020", "last_away-year": "2020"}, expect=422)
    assert "last_away" in past.errors()
    row = (await db.execute(text("SELECT id FROM worker_absences"))).scalar_one()
    await reader.post(f"{address}/{row}/remove")
    assert await count(db, "worker_absences") == 0


async def test_a_provider_sets_the_time_of_its_own_workers_only(browser: Browser, db: Any, pa: Any) -> None:
    provider = await make_member(db, Role.PROVIDER, organisation_id=pa["organisation"].id)
    stranger = await make_worker(db, await make_organisation(db))
    stranger_id = stranger.id
    reader = await browser.signed_in(provider)
    assistant = await browser.signed_in(pa["member"])
    page = await reader.open("/availability")
    assert page.link(rf"/availability/{pa['worker_id']}")
    await reader.open(f"/availability/{pa['worker_id']}")
    done = await reader.post(f"/availability/{pa['worker_id']}/hours", {**HOURS, "day6": "8am to 8pm"})
    assert done.location == f"/availability/{pa['worker_id']}"
    await reader.get(f"/availability/{stranger_id}", expect=404)
    await reader.post(f"/availability/{stranger_id}/hours", HOURS, expect=404)
    await assistant.get(f"/availability/{stranger_id}", expect=404)


async def test_a_planner_sees_the_share_of_full_time(browser: Browser, db: Any) -> None:
    organisation = await make_organisation(db)
    worker = await make_worker(
        db, organisation, fte_percent=60, hours=[(0, time(9), time(17))], starts_on=date(2027, 1, 1)
    )
    planner = await make_member(db, Role.PLANNER, organisation_id=organisation.id, worker_id=worker.id)
    reader = await browser.signed_in(planner)
    page = await reader.open("/availability")
    assert "You work 60% of full time" in page.words
    assert "/provider/listings" not in page.text
