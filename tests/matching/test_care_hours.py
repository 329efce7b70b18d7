"""Free hours of care: saying them, copying Monday, what is wrong, what awards take off, how old they are."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import marketplace.matching.tasks_hours  # noqa: F401 - its listener is registered with the import
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Forbidden, InvalidInput
from marketplace.matching.bands import SLOTS
from marketplace.matching.forms_hours import HoursForm, copied, hours_text
from marketplace.matching.repository.hours import CareHoursRepository
from marketplace.matching.service.care import RequirementService
from marketplace.matching.service.care.hours import CareHoursService
from marketplace.providers.models import OrganisationKind, ServiceLine
from tests.browser import Browser, count, events
from tests.factories import Member, make_council, make_member, make_organisation
from tests.factories_brokerage import make_broker
from tests.factories_care import (
    again,
    at_end,
    make_care_provider,
    make_requirement,
    open_requirement,
    send_offer,
)
from tests.matching.test_requirement_awards import award, closed_with, hear, mark
from tests.matching.test_requirement_offers import deliver_all

PAGE = "/provider/care-hours"


def fields(**hours: str) -> dict[str, Any]:
    """The form as a browser sends it: empty but for some slots, such as `slot_0="2.5"`."""
    empty = {f"slot-{number}": "" for number in range(SLOTS)}
    return {"service": "home_care", **empty, **{name.replace("_", "-"): value for name, value in hours.items()}}


def everywhere(quarters: int, **given: int) -> HoursForm:
    """As many quarter hours in every slot; others for some, such as `s5=0`."""
    wanted = [given.get(f"s{number}", quarters) for number in range(SLOTS)]
    return HoursForm(service_line=ServiceLine.HOME_CARE, quarters=tuple(wanted))


async def won(db: AsyncSession, broker: Member) -> Any:
    """A requirement awarded to the one provider that there is."""
    row, offers, members = await closed_with(db, broker, 2_600)
    await mark(db, broker, row, 4)
    await hear(db, broker, row)
    await award(db, broker, row, *offers)
    return row, offers, members


@pytest.mark.parametrize(
    ("typed", "quarters"),
    [("2", 8), ("2.5", 10), ("2,5", 10), ("0.25", 1), (" 4 ", 16), ("", 0), ("0", 0), ("500", 2000)],
)
def test_hours_are_read_as_quarters(typed: str, quarters: int) -> None:
    assert HoursForm.read(fields(slot_3=typed)).quarters[3] == quarters
    assert hours_text(10) == "2.5"
    assert hours_text(8) == "2"


@pytest.mark.parametrize(
    "typed", ["-1", "−2", "two", "2.1", "1e3", "nan", "501", "2h", "0x10", "٣", "99999999999", "1.", ".5."]
)
def test_what_is_no_number_of_quarter_hours_is_refused_by_name_of_the_slot(typed: str) -> None:
    with pytest.raises(InvalidInput) as found:
        HoursForm.read(fields(slot_8=typed))
    assert list(found.value.fields) == ["slot-8"]
    assert found.value.fields["slot-8"].startswith("Tuesday evening")


def test_one_person_alone_has_no_more_hours_than_the_part_of_the_day() -> None:
    with pytest.raises(InvalidInput) as found:
        HoursForm.read(fields(slot_0="25", slot_2="3.25", slot_4="8"), workers=1)
    assert found.value.fields == {
        "slot-0": "Monday morning: there can be 4 hours at most for one person",
        "slot-2": "Monday afternoon: there can be 3 hours at most for one person",
    }
    assert HoursForm.read(fields(slot_0="25")).quarters[0] == 100


def test_monday_is_copied_as_it_was_typed_even_when_it_is_wrong() -> None:
    values = copied({**fields(slot_0="2", slot_1="lots", slot_30="3"), "change": "copy-week"})
    assert values is not None
    assert [values[f"slot-{day * 5}"] for day in range(7)] == ["2", "2", "2", "2", "2", "", "3"]
    assert values["slot-21"] == "lots"
    assert copied(fields()) is None
    assert copied({**fields(), "change": "something"}) is None


async def test_a_provider_says_its_hours_and_sees_them_drawn_with_a_table(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    organisation, provider = await make_care_provider(db, broker.council)
    organisation_id = organisation.id
    staff = await browser.signed_in(provider)
    empty = await staff.open(PAGE)
    assert "You have not said yet" in empty.words
    copied_page = await staff.post(PAGE, {**fields(slot_0="2.5", slot_1="1"), "change": "copy-week"}, expect=200)
    assert "not saved yet" in copied_page.words
    assert (copied_page.field("slot-20"), copied_page.field("slot-25")) == ("2.5", "")
    assert await count(db, "care_hours") == 0
    saved = await staff.post(PAGE, fields(slot_0="2.5", slot_34="6"))
    page = await staff.open(saved.location)
    assert "Saved: 8.5 hours a week are free" in page.words
    assert (page.field("slot-0"), page.field("slot-34"), page.field("slot-1")) == ("2.5", "6", "")
    assert "Figures as a table: Hours free in a week" in page.words
    assert await count(db, "care_hours", f"organisation_id = '{organisation_id}'") == SLOTS
    assert "CareHoursChanged" in await events(db)
    assert await count(db, "audit_entries", "action = 'matching.say_care_hours'") == 1


async def test_wrong_hours_come_back_with_every_message_and_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    staff = await browser.signed_in(provider)
    page = await staff.post(PAGE, fields(slot_0="-1", slot_6="lots", slot_7="2"), expect=422)
    assert set(page.errors()) == {"slot-0", "slot-6"}
    assert (page.field("slot-6"), page.field("slot-7")) == ("lots", "2")
    assert await count(db, "care_hours") == 0
    assert "CareHoursChanged" not in await events(db)


async def test_saying_nothing_free_is_not_the_same_as_not_having_said(db: AsyncSession) -> None:
    broker = await make_broker(db)
    organisation, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    service = RequirementService(db)
    (line,) = (await service.ranked(broker.principal, row)).lines
    assert line.notes == ["Free hours not said"]
    await CareHoursService(db).say(provider.principal, everywhere(0))
    ranked = await service.ranked(broker.principal, row)
    assert (ranked.lines, [item.id for item in ranked.left_out]) == ((), [organisation.id])
    assert "Not enough free hours" in ranked.left_out[0].why


async def test_hours_said_two_weeks_ago_are_marked_as_old(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    hours = CareHoursService(db)
    await hours.say(provider.principal, everywhere(4))
    clock.move_to(clock.now() + timedelta(days=14))
    now = await hours.now_free(provider.principal, ServiceLine.HOME_CARE)
    assert now is not None
    assert not now.is_stale
    clock.move_to(clock.now() + timedelta(seconds=1))
    now = await hours.now_free(provider.principal, ServiceLine.HOME_CARE)
    assert now is not None
    assert now.is_stale
    await again(db, provider)
    page = await (await browser.signed_in(provider)).open(PAGE)
    assert "more than 14 days ago" in page.words


async def test_another_organisation_and_another_role_change_nothing(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    organisation, provider = await make_care_provider(db, broker.council)
    other, other_provider = await make_care_provider(db, broker.council)
    await CareHoursService(db).say(provider.principal, everywhere(4))
    await CareHoursService(db).say(other_provider.principal, everywhere(8))
    mine = await CareHoursRepository(db).said(organisation.id, ServiceLine.HOME_CARE)
    assert {row.free_quarters for row in mine} == {4}
    assert await count(db, "care_hours", f"organisation_id = '{other.id}' AND free_quarters = 8") == SLOTS
    with pytest.raises(Forbidden):
        await CareHoursService(db).say(broker.principal, everywhere(1))
    await again(db, broker)
    await (await browser.signed_in(broker)).post(PAGE, fields(), expect=403)


async def test_awards_after_the_hours_were_said_are_taken_off_and_earlier_ones_are_not(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    broker = await make_broker(db)
    clock.move_to(clock.now() - timedelta(days=7))
    _, (old,), (provider,) = await won(db, broker)
    clock.move_to(clock.now() + timedelta(hours=1))
    hours = CareHoursService(db)
    await hours.say(provider.principal, everywhere(8))
    assert not await hours.take_off_awards(old.organisation_id, ServiceLine.HOME_CARE)
    row = await make_requirement(db, broker)
    clock.move_to(clock.now() + timedelta(hours=1))
    await open_requirement(db, broker, row)
    offer = await send_offer(db, provider, row)
    at_end(db, row)
    await RequirementService(db).close_on_time(row.council_id, row.id)
    await mark(db, broker, row, 4)
    await hear(db, broker, row)
    await award(db, broker, row, offer)
    await deliver_all(db)
    now = await hours.now_free(provider.principal, ServiceLine.HOME_CARE)
    assert now is not None
    # Seven visits of half an hour, each with 15 minutes of travel.
    assert ([now.quarters[day * 5] for day in range(7)], now.awarded) == ([5] * 7, 21)
    assert not await hours.take_off_awards(offer.organisation_id, ServiceLine.HOME_CARE)  # Again changes nothing.
    await again(db, provider)
    page = await (await browser.signed_in(provider)).open(PAGE)
    assert "awarded to you, taken off for you" in page.words
    assert page.field("slot-0") == "1.25"


async def test_a_service_without_an_accreditation_is_not_there(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    staff = await browser.signed_in(provider)
    await staff.get(f"{PAGE}?service=personal_assistance", expect=404)
    await staff.post(PAGE, {**fields(), "service": "equipment"}, expect=404)
    council = await make_council(db)
    organisation = await make_organisation(db, kind=OrganisationKind.COMMUNITY)
    member = await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id)
    page = await (await browser.signed_in(member)).open(PAGE)
    assert "No service is bought from you by the hour" in page.words
