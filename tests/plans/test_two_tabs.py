"""Forms of plans, shares, moves and set-ups that are clicked twice, sent from two tabs, or sent with other content."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.plans.sections import print_of
from marketplace.plans.service.moving import MoveService
from marketplace.plans.states import PlanStatus
from tests.browser import Browser
from tests.factories import make_council
from tests.factories_faces import make_share, make_support
from tests.factories_own_plans import make_own_plan
from tests.factories_plans import make_plan, make_plan_world
from tests.factories_setups import make_indicative
from tests.two_tabs import Prepare, Try, sent_again


async def share_a_plan(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    organisation, _ = await make_support(db, world)
    form = {"sections": ["about_me"], "last_on": "2027-04-01"}
    effect = ("plan_shares", "true")
    return Try(world.person_user, f"/my-shares/new/{organisation.id}", form, effect, {"last_on": "2027-04-02"}, tab=303)


async def end_a_share(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    organisation, _ = await make_support(db, world)
    share = await make_share(db, world, organisation)
    effect = ("plan_shares", "ended_at IS NOT NULL")
    return Try(world.person_user, f"/my-shares/{share.id}/end", {"version": "1"}, effect)


async def sign_off(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    form = {"decision": "sign_off", "version": str(version.version), "variance_reason": "As planned."}
    effect = ("plan_versions", "status = 'signed_off'")
    path = f"/plans/{plan.id}/sign-off"
    db.expunge_all()
    return Try(world.social_worker, path, form, effect)


async def write_a_section(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    await make_own_plan(db, world)
    form = {"words": "I like the sea.", "seen": print_of("")}
    effect = ("plan_versions", "about_me = 'I like the sea.'")
    db.expunge_all()
    return Try(world.person_user, "/my-plan/write/about_me", form, effect, tab=303, is_same=True)


async def begin_a_setup(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    await make_indicative(db, world)
    path, effect = f"/direct-payment-setups/for/{world.person.id}", ("direct_payment_setups", "true")
    db.expunge_all()
    return Try(world.social_worker, path, {}, effect, tab=303, is_same=True)


async def record_a_move(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    to = str((await make_council(db)).id)
    path, effect = f"/people/{world.person.id}/move", ("council_moves", "true")
    db.expunge_all()
    return Try(world.social_worker, path, {"moves_on": "2027-04-01", "to": to}, effect, {"moves_on": "2027-05-01"})


async def answer_a_move(db: AsyncSession, clock: Any) -> Try:
    world = await make_plan_world(db)
    data = {"moves_on": "2027-04-01", "to": "elsewhere", "to_name": "Rutland"}
    await MoveService(db).record(world.social_worker.principal, world.person.id, data)
    form = {"consent": "yes", "shared": ["plan"], "support": "goes_on", "version": "1"}
    effect = ("council_moves", "consent <> 'asked'")
    db.expunge_all()
    return Try(world.person_user, "/my-move", form, effect, {"support": "ends"})


@pytest.mark.parametrize(
    "prepare",
    [share_a_plan, end_a_share, sign_off, write_a_section, begin_a_setup, record_a_move, answer_a_move],
    ids=lambda one: one.__name__,
)
async def test_a_form_counts_once_however_often_it_is_sent(
    browser: Browser, db: AsyncSession, clock: Any, prepare: Prepare
) -> None:
    await sent_again(browser, db, await prepare(db, clock))
