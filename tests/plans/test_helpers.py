"""Helpers with somebody's own plan: asked section by section, by a link, for a time."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.outbox import publish
from marketplace.core.settings import Settings
from marketplace.people.events import PersonDied
from marketplace.plans import tasks_own  # noqa: F401 - its tasks listen
from marketplace.plans.errors import PlanNotEditable
from marketplace.plans.models import HelperKind, PlanHelper
from marketplace.plans.routes.writing import HELPER_NAMES, read_typed
from marketplace.plans.sections import print_of
from marketplace.plans.service.helpers import MAILS_A_DAY, MOST_OPEN, HelperForm, HelperService, helper_secret
from marketplace.plans.service.own import OwnPlanService
from tests.browser import Browser, count, events
from tests.factories import make_person_member
from tests.factories_own_plans import make_own_plan, words
from tests.factories_plans import PlanWorld

KEY = "k" * 40
EMPTY = print_of("")
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]


def asked(**given: Any) -> HelperForm:
    values: dict[str, Any] = {
        "name": "Sue",
        "kind": HelperKind.FAMILY,
        "email": "",
        "sections": ["week", "risks"],
        "days": 28,
    }
    return HelperForm(**{**values, **given})


async def helper_of(db: AsyncSession, world: PlanWorld, **given: Any) -> tuple[PlanHelper, str, Any]:
    plan, version, _ = await make_own_plan(db, world)
    row = await HelperService(db).ask(world.person_user.principal, plan.id, asked(**given), KEY)
    return row, helper_secret(KEY, row.id), (plan, version)


async def test_a_helper_sees_and_writes_only_their_sections(db: AsyncSession, world: PlanWorld) -> None:
    row, secret, (_, version) = await helper_of(db, world)
    service = HelperService(db)
    page = await service.open(secret)
    assert (page.keys, page.closed) == (["week", "risks"], "")
    written = await service.write(secret, words("risks", "She may fall"), EMPTY)
    assert written is not None
    assert (written.author, written.edited_by_helper_id, written.edited_by_user_id) == ("Sue", row.id, None)
    with pytest.raises(NotFound):
        await service.write(secret, words("about_me", "x"), EMPTY)
    await scope_to(db, "every")
    await db.refresh(version)
    assert (version.risks, version.about_me) == ("She may fall", "")


async def test_the_secret_is_stored_nowhere(db: AsyncSession, world: PlanWorld) -> None:
    _, secret, _ = await helper_of(db, world, email="sue@home.example")
    stored = (await db.scalars(text("SELECT row_to_json(plan_helpers)::text FROM plan_helpers"))).all()
    queued = (await db.scalars(text("SELECT row_to_json(outbox_messages)::text FROM outbox_messages"))).all()
    assert not [one for one in (*stored, *queued) if secret in one or secret[32:] in one]


@pytest.mark.parametrize("end", ["ended", "expired", "wrong", "short"])
async def test_a_link_that_does_not_work_opens_nothing(
    db: AsyncSession, clock: FixedClock, world: PlanWorld, end: str
) -> None:
    row, secret, (plan, _) = await helper_of(db, world, days=1)
    service = HelperService(db)
    if end == "ended":
        await service.end(world.person_user.principal, plan.id, row.id)
        await service.end(world.person_user.principal, plan.id, row.id)
    elif end == "expired":
        row.invited_at -= timedelta(days=2)
        row.expires_at -= timedelta(days=1)
        await db.flush()
    elif end == "wrong":
        secret = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    else:
        secret = "x"
    with pytest.raises(NotFound):
        await service.open(secret)
    with pytest.raises(NotFound):
        await service.write(secret, words("risks", "late"), EMPTY)
    await scope_to(db, "every")
    assert await count(db, "plan_sections") == 0


async def test_a_shared_plan_is_closed_for_helpers_until_it_comes_back(db: AsyncSession, world: PlanWorld) -> None:
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    service = HelperService(db)
    row = await service.ask(world.person_user.principal, plan.id, asked(), KEY)
    await OwnPlanService(db).share(world.person_user.principal, plan.id, version.version)
    secret = helper_secret(KEY, row.id)
    assert "shared with the council" in (await service.open(secret)).closed
    with pytest.raises(PlanNotEditable):
        await service.write(secret, words("week", "x"), EMPTY)
    await scope_to(db, "every")
    with pytest.raises(PlanNotEditable):
        await service.ask(world.person_user.principal, plan.id, asked(), KEY)


async def test_only_the_person_asks_and_ends(db: AsyncSession, world: PlanWorld) -> None:
    row, _, (plan, _) = await helper_of(db, world)
    _, stranger = await make_person_member(db, world.council)
    with pytest.raises(NotFound):
        await HelperService(db).ask(stranger.principal, plan.id, asked(), KEY)
    with pytest.raises(NotFound):
        await HelperService(db).end(stranger.principal, plan.id, row.id)
    with pytest.raises(NotFound):
        await HelperService(db).of_plan(stranger.principal, plan.id, KEY)
    assert row.ended_at is None


async def test_links_are_not_made_without_end(db: AsyncSession, world: PlanWorld) -> None:
    plan, _, _ = await make_own_plan(db, world)
    service, me = HelperService(db), world.person_user.principal
    rows = [await service.ask(me, plan.id, asked(email="sue@home.example"), KEY) for _ in range(MOST_OPEN)]
    with pytest.raises(InvalidInput) as refused:
        await service.ask(me, plan.id, asked(), KEY)
    assert list(refused.value.fields) == ["name"]
    await service.end(me, plan.id, rows[0].id)
    assert MAILS_A_DAY == MOST_OPEN
    with pytest.raises(InvalidInput) as refused:
        await service.ask(me, plan.id, asked(email="sue@home.example"), KEY)
    assert list(refused.value.fields) == ["email"]
    await service.ask(me, plan.id, asked(), KEY)


async def test_the_person_and_a_helper_lose_nothing_and_both_are_told(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    _, secret, (plan, _) = await helper_of(db, world, email="sue@home.example")
    me = world.person_user
    await HelperService(db).write(secret, words("week", "Monday: swim"), EMPTY)
    await scope_to(db, "every")
    row = await OwnPlanService(db).write(
        me.principal, plan.id, words("week", "Friday: club"), print_of("Monday: swim"), "mine"
    )
    assert row is not None
    assert [(one["words"], one["author"]) for one in row.earlier] == [("Monday: swim", "Sue")]
    assert ("plan_section_clash", "sue@home.example") in await drain()


async def test_a_death_ends_all_help(db: AsyncSession, world: PlanWorld, drain: Drain) -> None:
    row, _, (_, version) = await helper_of(db, world)
    publish(db, PersonDied(council_id=world.council.id, person_id=world.person.id, died_on=version.updated_at.date()))
    await drain()
    await db.refresh(row)
    assert row.ended_at is not None


async def test_the_person_asks_and_ends_on_their_page(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await make_own_plan(db, world)
    db.expunge_all()
    me = await browser.signed_in(world.person_user)
    page = await me.open("/my-plan/write/helpers")
    assert page.field("days") == "28"
    refused = await me.post("/my-plan/write/helpers", {"name": "Sue", "days": "500"}, expect=422)
    assert {"kind", "sections", "days"} <= set(refused.errors())
    assert refused.field("name") == "Sue"
    form = {"name": "Sue", "kind": "family", "sections": ["week", "risks"], "days": "14"}
    await me.post("/my-plan/write/helpers", form)
    page = await me.open("/my-plan/write/helpers")
    assert "My week, How I stay safe" in page.words
    assert "/help-with-plan/" in page.text
    helper_id = (await db.scalars(text("SELECT id FROM plan_helpers"))).one()
    await me.post(f"/my-plan/write/helpers/{helper_id}/end", {})
    assert "You ended this help" in (await me.open("/my-plan/write/helpers")).words
    assert "/help-with-plan/" not in (await me.open("/my-plan/write/helpers")).text
    await me.post(f"/my-plan/write/helpers/{world.person.id}/end", {}, expect=404)


async def test_a_helper_writes_with_the_link_alone(
    browser: Browser, db: AsyncSession, world: PlanWorld, settings: Settings
) -> None:
    plan, _, _ = await make_own_plan(db, world)
    row = await HelperService(db).ask(world.person_user.principal, plan.id, asked(), settings.secret_key)
    path = f"/help-with-plan/{helper_secret(settings.secret_key, row.id)}"
    helper_id = row.id
    db.expunge_all()
    page = await browser.open(path)
    assert "My week" in page.words
    assert "About me" not in page.words
    assert world.person.family_name not in page.words
    section = await browser.open(f"{path}/week")
    await browser.open(f"{path}/about_me", expect=404)
    wrong = await browser.post(f"{path}/week", {"seen": section.field("seen"), "words": "a" * 4_001}, expect=422)
    assert wrong.errors()
    saved = await browser.post(f"{path}/week", {"seen": section.field("seen"), "words": "Monday: swim"})
    assert saved.location == path
    clash = await browser.post(f"{path}/week", {"seen": print_of(""), "words": "Friday"}, expect=409)
    assert "Monday: swim" in clash.words
    await scope_to(db, "every")
    await db.execute(text("UPDATE plan_helpers SET ended_at = invited_at WHERE id = :id"), {"id": helper_id})
    gone = await browser.post(f"{path}/week", {"seen": print_of(""), "words": "My last words"}, expect=404)
    assert "My last words" in gone.words
    assert "This link does not work" in gone.words


async def test_a_link_is_sent_once_by_email(db: AsyncSession, world: PlanWorld) -> None:
    await helper_of(db, world, email="sue@home.example")
    assert await events(db) == ["PlanHelperAsked"]


def test_messages_call_an_outcome_what_the_helper_s_page_calls_it() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_typed("outcomes", {"outcome-2": "a" * 501, "weekly-2": "lots"}, names=HELPER_NAMES)
    assert refused.value.fields == {
        "outcome-2": "What they want in number 2 must be 500 characters or fewer",
        "weekly-2": "What number 2 costs a week must be an amount in pounds, like 75 or 75.50",
    }
