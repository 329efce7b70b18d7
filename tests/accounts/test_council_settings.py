"""What a council decides for itself: every setting has its words and its checks; changes are dated and never lost."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting, setting
from marketplace.accounts.council_settings import DEFAULTS
from marketplace.accounts.council_settings.service import (
    VALUE,
    CouncilSettingsService,
    SettingChanged,
    SettingForm,
    label_of,
)
from marketplace.accounts.council_settings.table import ENTRIES, Entry, OwnPage
from marketplace.accounts.models import CouncilSetting
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.clock import FixedClock, instant
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.messaging import tasks  # noqa: F401 - its tasks wait for events
from marketplace.reporting.demo.content.councils import COUNCILS
from tests.browser import Browser, count
from tests.conftest import NOW, Mailbox
from tests.factories import Member, make_council, make_member
from tests.factories_payments import handled

TODAY = NOW.date()
SOURCES = Path(__file__).resolve().parents[2] / "marketplace"
FORMS = [key for key, entry in ENTRIES.items() if isinstance(entry, Entry)]


def on(day: date) -> dict[str, str]:
    return {"starts_on-day": str(day.day), "starts_on-month": str(day.month), "starts_on-year": str(day.year)}


def typed(key: str, value: Any, day: date = TODAY, why: str = "Cabinet, 2 March") -> dict[str, str]:
    """What somebody types to give a setting a value from a day on."""
    entry = ENTRIES[key]
    assert isinstance(entry, Entry)
    return {**entry.kind.typed(VALUE, value), **on(day), "why": why}


def form(key: str, value: Any, day: date = TODAY) -> SettingForm:
    return SettingForm.read(typed(key, value, day), key, TODAY)


async def mark_of(db: AsyncSession, member: Member, key: str) -> str:
    return (await CouncilSettingsService(db).found(member.principal, key)).mark


async def change(db: AsyncSession, member: Member, key: str, value: Any, day: date = TODAY) -> None:
    mark = await mark_of(db, member, key)
    await CouncilSettingsService(db).change(member.principal, key, form(key, value, day), mark)


def test_every_setting_is_in_the_table_and_the_table_names_no_other() -> None:
    assert set(ENTRIES) == set(DEFAULTS)
    names = [entry.name for entry in ENTRIES.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("key", FORMS)
def test_what_every_council_begins_with_can_be_typed_and_reads_as_words(key: str) -> None:
    entry = ENTRIES[key]
    assert isinstance(entry, Entry)
    demo = [council.settings[key][0] for council in COUNCILS if key in council.settings]
    for value in (DEFAULTS[key], *demo):
        reader = FormReader(entry.kind.typed(VALUE, value))
        assert entry.kind.read(reader, VALUE, label_of(entry)) == value
        assert reader.errors == {}
        assert entry.kind.words(value)
    names = [field.name for field in entry.kind.fields(VALUE, entry.name)]
    assert set(entry.kind.typed(VALUE, DEFAULTS[key])) == set(names)


def test_every_setting_is_read_somewhere() -> None:
    code = "\n".join(
        path.read_text()
        for path in SOURCES.rglob("*.py")
        if "council_settings" not in path.parts and "demo" not in path.parts
    )
    assert [key for key in DEFAULTS if f'"{key}"' not in code and f"'{key}'" not in code] == []


@pytest.mark.parametrize(
    ("key", "wrong", "field", "words"),
    [
        (
            "matching.offer_hours",
            {"value": "two"},
            "value",
            "The time to answer an offer must be a whole number, like 2",
        ),
        ("matching.offer_hours", {"value": "0"}, "value", "The time to answer an offer must be between 1 and 240"),
        ("matching.offer_hours", {"value": ""}, "value", "Enter the time to answer an offer"),
        ("matching.raise_limit_pence", {"value": "a lot"}, "value", "must be an amount in pounds"),
        ("matching.plan_days", {"value-urgent": "3"}, "value-urgent", "What is more urgent must not take longer"),
        ("plans.first_review_days", {"value-until": "50"}, "value-until", "The days must follow one another"),
        ("providers.stale_days", {"value-hide": "30"}, "value-hide", "It must be hidden later than"),
        ("plans.risk_panel", {"value": "perhaps"}, "value", "Select yes or no from the list"),
        ("plans.annual_reviews_by", {"value": ""}, "value", "Select the organiser of yearly reviews"),
        ("bookings.duty_warning_days", {"value": "30, soon"}, "value", "must be whole numbers with commas"),
        ("bookings.duty_warning_days", {"value": "4000"}, "value", "must be 365 or fewer each"),
        ("plans.quality_criteria", {"value": "Same\nSame"}, "value", "must all be different"),
        ("plans.quality_criteria", {"value": "x" * 151}, "value", "Each line must be 150 characters or fewer"),
        ("payments.council_details", {"value-vat_number": "GB12"}, "value-vat_number", "nine or twelve digits"),
        ("payments.council_details", {"value-postcode": "Derby"}, "value-postcode", "must be a full UK postcode"),
        ("people.first_contact", {"value-address": "front door"}, "value-address", "must be in the right format"),
        ("matching.road_factor", {"value": "13"}, "value", "A factor must be a number from 1 to 3, like 1.3"),
        ("matching.road_factor", {"value-others": "Fylde 1.5"}, "value-others", "Enter a district’s code and a factor"),
        ("payments.terms_days", {"value": "45"}, "value", "must be between 1 and 30"),
        (
            "payments.terms_days",
            on(TODAY - timedelta(days=1)),
            "starts_on",
            "The first day must be 3 March 2027 or later",
        ),
        ("payments.terms_days", {"why": ""}, "why", "Enter why it changes"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(key: str, wrong: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        SettingForm.read({**typed(key, DEFAULTS[key]), **wrong}, key, TODAY)
    assert words in refused.value.fields[field]


def test_odd_writing_is_taken_as_it_is_meant() -> None:
    written = typed("bookings.duty_warning_days", []) | {"value": " 3,30 ; 14, 30"}
    assert SettingForm.read(written, "bookings.duty_warning_days", TODAY).value == [30, 14, 3]
    written = typed("matching.most_travel_minutes", None)
    assert SettingForm.read(written, "matching.most_travel_minutes", TODAY).value is None
    written = typed("matching.road_factor", {"default": 1.4, "E07000124": 1.5})
    assert SettingForm.read(written, "matching.road_factor", TODAY).value == {"default": 1.4, "E07000124": 1.5}
    written = typed("payments.council_details", DEFAULTS["payments.council_details"])
    written["value-vat_number"] = "gb 123 4567 89"
    assert SettingForm.read(written, "payments.council_details", TODAY).value["vat_number"] == "GB123456789"


async def test_a_value_counts_from_its_day_and_the_days_before_keep_theirs(db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    other = await make_member(db, Role.ADMIN)
    key, council_id = "payments.terms_days", admin.council.id
    later = TODAY + timedelta(days=30)
    await change(db, admin, key, 20, later)
    assert [await setting(db, council_id, key, day) for day in (TODAY, later)] == [30, 20]
    assert await setting(db, other.council.id, key, later) == 30
    found = await CouncilSettingsService(db).found(admin.principal, key)
    assert (found.value, found.since, len(found.rows)) == (30, None, 1)
    # Decided again for the same day: the new value takes its place, and the log holds both.
    await change(db, admin, key, 14, later)
    assert await setting(db, council_id, key, later) == 14
    logged = (await db.execute(text("SELECT before, after, why FROM audit_entries ORDER BY number DESC LIMIT 1"))).one()
    assert (logged.before["value"], logged.after["value"], logged.why) == (20, 14, "Cabinet, 2 March")
    # What begins today may be put right today.
    await change(db, admin, key, 28)
    await change(db, admin, key, 21)
    assert [await setting(db, council_id, key, day) for day in (TODAY - timedelta(days=1), TODAY, later)] == [
        30,
        21,
        14,
    ]


async def test_a_later_change_may_be_taken_back_but_not_one_that_counts(db: AsyncSession, clock: FixedClock) -> None:
    admin = await make_member(db, Role.ADMIN)
    key = "plans.risk_panel"
    await change(db, admin, key, value=True, day=TODAY + timedelta(days=5))
    service = CouncilSettingsService(db)
    found = await service.found(admin.principal, key)
    stranger = await make_member(db, Role.ADMIN)
    with pytest.raises(NotFound):
        await service.withdraw(stranger.principal, key, found.rows[0].id, await mark_of(db, stranger, key))
    assert await service.withdraw(admin.principal, key, found.rows[0].id, found.mark) == TODAY + timedelta(days=5)
    assert await count(db, "council_settings") == 0
    assert (await db.scalar(text("SELECT action FROM audit_entries ORDER BY number DESC LIMIT 1"))) == (
        "accounts.withdraw_setting"
    )
    await change(db, admin, key, value=True, day=TODAY + timedelta(days=1))
    found = await service.found(admin.principal, key)
    clock.move_to(instant(TODAY + timedelta(days=1), NOW.time()))
    with pytest.raises(SettingChanged):
        await CouncilSettingsService(db).withdraw(admin.principal, key, found.rows[0].id, found.mark)


async def test_who_saves_on_top_of_a_change_that_they_have_not_seen_is_told(
    db: AsyncSession, clock: FixedClock
) -> None:
    admin = await make_member(db, Role.ADMIN)
    key = "bookings.remind_days"
    seen = await mark_of(db, admin, key)
    await change(db, admin, key, 5)
    with pytest.raises(SettingChanged):
        await CouncilSettingsService(db).change(admin.principal, key, form(key, 7), seen)
    seen = await mark_of(db, admin, key)
    clock.move_to(NOW + timedelta(minutes=1))
    await change(db, admin, key, 6)
    with pytest.raises(SettingChanged):
        await CouncilSettingsService(db).change(admin.principal, key, form(key, 7), seen)
    assert await setting(db, admin.council.id, key, TODAY) == 6


@pytest.mark.parametrize(("key", "roles"), [("payments.call_back", 2), ("plans.risk_panel", 1)])
async def test_those_who_watch_hear_of_a_change(db: AsyncSession, mailbox: Mailbox, key: str, roles: int) -> None:
    admin = await make_member(db, Role.ADMIN, name="Ada Admin")
    for role in (Role.MANAGER, Role.FINANCE_CHECKER, Role.FINANCE, Role.SOCIAL_WORKER):
        await make_member(db, role, admin.council)
    await make_member(db, Role.MANAGER)
    await change(db, admin, key, not DEFAULTS[key], TODAY + timedelta(days=2))
    found = await CouncilSettingsService(db).found(admin.principal, key)
    await CouncilSettingsService(db).withdraw(admin.principal, key, found.rows[0].id, found.mark)
    await db.flush()
    for item in await outbox.relay(db):
        await handled(db, item)
        await handled(db, item)
    bodies = list(await db.scalars(text("SELECT body FROM messages WHERE template = 'setting_decided' ORDER BY body")))
    assert len(bodies) == 2 * roles
    words = ("Yes", "No") if DEFAULTS[key] else ("No", "Yes")
    first = next(body for body in bodies if "Why: Cabinet, 2 March" in body)
    assert f"It was: {words[0]}\nIt is: {words[1]}" in first
    assert "From: 5 March 2027" in first
    assert "Ada Admin has changed" in first
    back = next(body for body in bodies if "Why: The change was taken back" in body)
    assert f"It was: {words[1]}\nIt is: {words[0]}" in back


async def test_a_change_that_changes_nothing_is_refused(db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    with pytest.raises(InvalidInput, match="It is so on 3 March 2027 already"):
        await change(db, admin, "plans.helper_days", DEFAULTS["plans.helper_days"])
    assert await count(db, "council_settings") == 0


async def test_a_visit_is_late_before_it_is_missed_on_every_day(db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    await change(db, admin, "bookings.missed_minutes", 30, TODAY + timedelta(days=10))
    with pytest.raises(InvalidInput, match=r"is late before .* 30 minutes on 13 March 2027"):
        await change(db, admin, "bookings.late_minutes", 45)
    await change(db, admin, "bookings.late_minutes", 20)
    with pytest.raises(InvalidInput, match="is late before"):
        await change(db, admin, "bookings.missed_minutes", 20)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_but_an_administrator_changes_a_setting(db: AsyncSession, role: Role) -> None:
    member = await make_member(db, role)
    service = CouncilSettingsService(db)
    with pytest.raises(Forbidden):
        await service.change(member.principal, "plans.helper_days", form("plans.helper_days", 9), "0-")
    with pytest.raises(Forbidden):
        await service.withdraw(member.principal, "plans.helper_days", UUID(int=1), "0-")
    if role is not Role.MANAGER:
        with pytest.raises(Forbidden):
            await service.overview(member.principal)


async def test_the_list_shows_what_counts_and_what_comes(browser: Browser, db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    council_id = admin.council.id
    await set_setting(db, None, council_id, "payments.terms_days", 20, starts_on=date(2026, 4, 1))
    await set_setting(db, None, council_id, "payments.terms_days", 10, starts_on=date(2028, 4, 1))
    await set_setting(db, None, (await make_council(db)).id, "plans.helper_days", 99, starts_on=date(2026, 4, 1))
    page = await browser.signed_in(admin)
    found = await page.open("/settings")
    assert "20 days" in found.words
    assert "From 1 April 2028: 10 days" in found.words
    assert "99 days" not in found.words
    assert "/tariffs/rural-areas" in found.links()
    assert "/matching/weights" not in found.links()
    for key in FORMS:
        assert f"/settings/{key}" in found.links()
    found = await page.open("/settings?q=terms+nothing")
    assert "No setting found" in found.words
    found = await page.open("/settings?q=PUBLIC%20bodies")
    assert "1 setting with “PUBLIC bodies”" in found.words
    await page.get("/settings/matching.weights", expect=404)
    await page.get("/settings/plans.unknown", expect=404)
    await page.post("/settings/plans.unknown", expect=404)


@pytest.mark.parametrize("key", FORMS)
async def test_each_setting_has_a_page_that_takes_its_own_value_from_tomorrow(
    browser: Browser, db: AsyncSession, key: str
) -> None:
    """The page takes a value beside the usual one; what is decided for tomorrow is taken back there, too."""
    admin = await make_member(db, Role.ADMIN)
    council_id = admin.council.id
    page = await browser.signed_in(admin)
    shown = await page.open(f"/settings/{key}")
    entry = ENTRIES[key]
    assert isinstance(entry, Entry)
    value = another(key)
    sent = typed(key, value, TODAY + timedelta(days=1)) | {"mark": shown.field("mark") or ""}
    await page.post(f"/settings/{key}", sent)
    shown = await page.open(f"/settings/{key}")
    assert entry.kind.words(value).split("; ")[0].split(": ")[-1] in shown.words
    assert await setting(db, council_id, key, TODAY + timedelta(days=1)) == value
    row = re.search(r'name="row" value="([^"]+)"', shown.text)
    assert row is not None
    await page.post(f"/settings/{key}/withdraw", {"row": row.group(1), "mark": shown.field("mark") or ""})
    assert await count(db, "council_settings") == 0


def another(key: str) -> Any:
    """Return a value beside the usual one."""
    value = DEFAULTS[key]
    special = {
        "matching.planner_sells_care": "no",
        "matching.most_travel_minutes": 45,
        "matching.share_cap_percent": 40,
        "matching.road_factor": {"default": 1.5, "E07000124": 1.7},
        "payments.legal_wage_pence": 1_400,
        "payments.terms_days": 28,
        "payments.run_lines": 900,
        "payments.year_starts": "01-01",
        "payments.buyer_reference": "CARE-2",
        "payments.council_details": {
            "address_line": "Town Hall", "town": "Derby", "postcode": "DE1 2FS", "vat_number": "GB123456789",
        },
        "people.first_contact": {"address": "door@council.example", "team": "Front door"},
        "people.carers": {"trigger_points": 7, "offers": ["A sitting service"]},
        "plans.annual_reviews_by": "council",
        "plans.direct_payment_review_months": {"first": 5, "then": 12},
        "plans.early_start": {"allowed": True, "days": 42},
        "plans.first_review_days": {"from": 40, "due": 56, "until": 84},
        "providers.listing_check": "always",
    }  # fmt: skip
    if key in special:
        return special[key]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        last = list(value)[-1]
        return {**value, last: value[last] + 1}
    assert isinstance(value, list)
    return [*value[:-1], "Another question"] if isinstance(value[0], str) else [*value[:-1], 1]


async def test_wrong_values_are_shown_again_with_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    page = await browser.signed_in(admin)
    key = "plans.first_review_days"
    sent = typed(key, DEFAULTS[key]) | {"value-until": "12", "why": "", "mark": "0-"}
    shown = await page.post(f"/settings/{key}", sent, expect=422)
    assert set(shown.errors()) == {"value-until", "why"}
    shown = await page.post(f"/settings/{key}", {**sent, "why": "Test"}, expect=422)
    assert shown.errors() == {"value-until": "The days must follow one another"}
    assert shown.field("value-until") == "12"
    assert await count(db, "council_settings") == 0


async def test_two_tabs_and_a_double_click(browser: Browser, db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    page = await browser.signed_in(admin)
    key = "plans.helper_days"
    sent = typed(key, 40) | {"mark": "0-", "form_id": "1" * 32}
    await page.post(f"/settings/{key}", sent)
    await page.post(f"/settings/{key}", sent)
    assert await count(db, "council_settings") == 1
    shown = await page.post(f"/settings/{key}", typed(key, 50) | {"mark": "0-"}, expect=409)
    assert "Somebody else changed this setting" in shown.words
    assert (shown.field("value"), shown.field("mark") != "0-") == ("50", True)
    assert "40 days" in shown.words
    await page.post(f"/settings/{key}", typed(key, 50) | {"mark": shown.field("mark") or ""})
    row = (await db.scalars(text("SELECT value ->> 'value' FROM council_settings"))).one()
    assert row == "50"


async def test_a_manager_reads_and_has_no_form(browser: Browser, db: AsyncSession) -> None:
    manager = await make_member(db, Role.MANAGER)
    page = await browser.signed_in(manager)
    shown = await page.open("/settings/plans.early_start")
    assert "Save the change" not in shown.text
    assert "/approval-limits" in (await page.open("/settings")).links()
    await page.post("/settings/plans.early_start", {"mark": "0-"}, expect=403)


async def test_the_list_takes_as_many_queries_with_a_long_history(browser: Browser, db: AsyncSession) -> None:
    admin = await make_member(db, Role.ADMIN)
    council_id = admin.council.id
    page = await browser.signed_in(admin)
    await page.open("/settings")
    before = page.queries
    for key in FORMS:
        for year in range(5):
            value = {"value": DEFAULTS[key]}
            db.add(
                CouncilSetting(
                    council_id=council_id, key=key, value=value, starts_on=date(2020 + year, 1, 1), set_at=NOW
                )
            )
    await db.flush()
    await page.open("/settings")
    assert page.queries == before


def test_settings_with_a_page_of_their_own_are_few() -> None:
    assert [key for key, entry in ENTRIES.items() if isinstance(entry, OwnPage)] == [
        "matching.weights",
        "payments.rural_areas",
    ]
