"""The life of a plan through its service: every state and verb, once, by the right people, leaving a trail."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, Role, set_setting
from marketplace.bookings import tasks_shares
from marketplace.core import outbox
from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, PlatformError
from marketplace.core.queue import deliver
from marketplace.matching.events import OfferAccepted
from marketplace.matching.states import OfferStatus
from marketplace.plans import PlanRepository, PlanService
from marketplace.plans.content import PlanContent
from marketplace.plans.errors import CheckerIsSubmitter, PlanChanged
from marketplace.plans.models import Plan, PlanVersion, ReviewKind
from marketplace.plans.policies import plans_scope
from marketplace.plans.repository import ReviewRepository
from marketplace.plans.schemas import CheckForm, Scope
from marketplace.plans.states import PlanStatus, ReviewStatus
from tests.browser import count, events
from tests.factories import make_member, make_organisation, make_person, make_worker
from tests.factories_faces import make_share
from tests.factories_plans import (
    PlanWorld,
    full_content,
    make_accepted_offer,
    make_plan,
    make_plan_referral,
    make_plan_world,
    make_planner,
    make_review,
    make_version,
)

assert tasks_shares
Drain = Callable[[], Awaitable[list[tuple[str, str]]]]
PASSED = {"The plan is in the person's own words": "yes"}


async def act(db: AsyncSession, world: PlanWorld, verb: str, plan: Plan, version: PlanVersion, **given: Any) -> None:
    """Do one verb as the right person unless told otherwise."""
    service, expected = PlanService(db), given.get("expected", version.version)
    who: Principal = (
        given.get("who")
        or {
            "save": world.planner,
            "submit": world.planner,
            "start_version": world.planner,
            "pass": world.checker,
            "return": world.checker,
            "agree": world.person_user,
            "change": world.person_user,
            "sign_off": world.social_worker,
            "refuse": world.social_worker,
        }[verb].principal
    )
    async with db.begin_nested():
        if verb == "save":
            await service.save(who, plan.id, full_content(), expected)
        elif verb == "submit":
            await service.submit(who, plan.id, given.get("content") or full_content(), expected)
        elif verb == "start_version":
            await service.start_version(who, plan.id, "Needs have changed")
        elif verb == "pass":
            await service.check(who, plan.id, CheckForm(True, PASSED, "", expected))
        elif verb == "return":
            await service.check(who, plan.id, CheckForm(False, {}, "Say more on risks", expected))
        elif verb == "agree":
            await service.agree(who, version.id, expected)
        elif verb == "change":
            await service.ask_for_change(who, version.id, "I want mornings", expected)
        elif verb == "sign_off":
            await service.sign_off(who, plan.id, expected)
        else:
            await service.return_from_sign_off(who, plan.id, "Too dear", expected)


S = PlanStatus
ALLOWED: dict[tuple[PlanStatus, str], tuple[PlanStatus, list[str]]] = {
    (S.DRAFT, "save"): (S.DRAFT, []),
    (S.RETURNED, "save"): (S.RETURNED, []),
    (S.DRAFT, "submit"): (S.IN_QUALITY_CHECK, ["PlanSubmitted", "PlanSubmittedForCheck"]),
    (S.RETURNED, "submit"): (S.IN_QUALITY_CHECK, ["PlanSubmitted"]),
    (S.IN_QUALITY_CHECK, "pass"): (S.AWAITING_AGREEMENT, ["PlanReadyToAgree"]),
    (S.IN_QUALITY_CHECK, "return"): (S.RETURNED, ["PlanReturned"]),
    (S.AWAITING_AGREEMENT, "agree"): (S.AWAITING_SIGN_OFF, []),
    (S.AWAITING_AGREEMENT, "change"): (S.RETURNED, ["PlanReturned"]),
    (S.AWAITING_SIGN_OFF, "sign_off"): (S.SIGNED_OFF, ["BudgetSet", "PlanInPlace", "PlanSignedOff"]),
    (S.AWAITING_SIGN_OFF, "refuse"): (S.RETURNED, ["PlanReturned"]),
    (S.SIGNED_OFF, "start_version"): (S.SIGNED_OFF, []),
}
VERBS = ("save", "submit", "start_version", "pass", "return", "agree", "change", "sign_off", "refuse")


async def trail(db: AsyncSession) -> tuple[int, ...]:
    tables = ("plan_versions", "plan_items", "steps", "audit_entries", "outbox_messages", "reviews", "messages")
    return tuple([await count(db, table) for table in tables])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", list(PlanStatus))
async def test_each_state_takes_only_its_own_verbs(
    db: AsyncSession, world: PlanWorld, status: PlanStatus, verb: str
) -> None:
    plan, version = await make_plan(db, world, status)
    before = await trail(db)
    if (status, verb) in ALLOWED:
        to, published = ALLOWED[(status, verb)]
        await act(db, world, verb, plan, version)
        await db.refresh(version)
        assert version.status is to
        assert await events(db) == published
        assert await count(db, "audit_entries", "subject_kind = 'plan_version' AND action LIKE 'plans.%'") >= 1
        return
    with pytest.raises(PlatformError) as refused:
        await act(db, world, verb, plan, version)
    assert refused.value.status in (404, 409)
    await db.refresh(version)
    assert version.status is status
    assert await trail(db) == before


RIGHT_ROLES = {
    "save": {Role.PLANNER},
    "submit": {Role.PLANNER},
    "start_version": {Role.PLANNER},
    "pass": {Role.QUALITY_CHECKER, Role.MANAGER},
    "return": {Role.QUALITY_CHECKER, Role.MANAGER},
    "agree": {Role.PERSON, Role.REPRESENTATIVE},
    "change": {Role.PERSON, Role.REPRESENTATIVE},
    "sign_off": {Role.SOCIAL_WORKER, Role.MANAGER},
    "refuse": {Role.SOCIAL_WORKER, Role.MANAGER},
}
STATE_OF = {verb: status for status, verb in ALLOWED if status is not S.RETURNED}


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_is_for_its_roles_only(db: AsyncSession, world: PlanWorld, verb: str) -> None:
    plan, version = await make_plan(db, world, STATE_OF[verb])
    for role in Role:
        member = await make_member(
            db,
            role,
            world.council,
            person_id=world.person.id,
            worker_id=world.worker.id,
            organisation_id=world.organisation.id,
        )
        before = await trail(db)
        outer = await db.begin_nested()
        if role in RIGHT_ROLES[verb]:
            await act(db, world, verb, plan, version, who=member.principal)
        else:
            with pytest.raises(Forbidden):
                await act(db, world, verb, plan, version, who=member.principal)
            assert await trail(db) == before
        await outer.rollback()
        await db.refresh(version)


@pytest.mark.parametrize("verb", VERBS)
async def test_strangers_find_nothing(db: AsyncSession, world: PlanWorld, verb: str) -> None:
    plan, version = await make_plan(db, world, STATE_OF[verb])
    elsewhere = await make_plan_world(db)
    colleague = await make_worker(db, world.organisation)
    neighbour = await make_person(db, world.council)
    strangers = {
        "elsewhere": {
            "save": elsewhere.planner,
            "submit": elsewhere.planner,
            "start_version": elsewhere.planner,
            "pass": elsewhere.checker,
            "return": elsewhere.checker,
            "agree": elsewhere.person_user,
            "change": elsewhere.representative,
            "sign_off": elsewhere.social_worker,
            "refuse": elsewhere.manager,
        }[verb]
    }
    if RIGHT_ROLES[verb] == {Role.PLANNER}:
        strangers["colleague"] = await make_planner(db, world.council, colleague)
        strangers["unlinked"] = await make_member(db, Role.PLANNER, world.council)
    if Role.PERSON in RIGHT_ROLES[verb]:
        strangers["neighbour"] = await make_member(db, Role.PERSON, world.council, person_id=neighbour.id)
    before = await trail(db)
    for stranger in strangers.values():
        with pytest.raises(NotFound):
            await act(db, world, verb, plan, version, who=stranger.principal)
    assert await trail(db) == before


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "start_version"])
async def test_a_page_that_shows_an_old_state_decides_nothing(db: AsyncSession, world: PlanWorld, verb: str) -> None:
    plan, version = await make_plan(db, world, STATE_OF[verb])
    before = await trail(db)
    with pytest.raises(PlanChanged):
        await act(db, world, verb, plan, version, expected=version.version + 1)
    assert await trail(db) == before


async def test_saving_only_outcomes_moves_the_version_within_one_tick_of_the_clock(
    db: AsyncSession, world: PlanWorld
) -> None:
    plan, version = await make_plan(db, world)
    seen = version.version
    await PlanService(db).save(world.planner.principal, plan.id, full_content(items=()), seen)
    assert version.version == seen + 1
    assert await count(db, "plan_items") == 0
    with pytest.raises(PlanChanged):
        await PlanService(db).save(world.planner.principal, plan.id, full_content(), seen)


async def test_a_refused_submission_names_what_is_missing_and_saves_nothing(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, content=PlanContent(about_me="As it was"))
    before = await trail(db)
    with pytest.raises(InvalidInput) as refused:
        await act(db, world, "submit", plan, version, content=full_content(risks="", visit_minutes=0))
    assert set(refused.value.fields) == {"risks", "visit_hours"}
    await db.refresh(version)
    assert version.about_me == "As it was"
    assert await trail(db) == before


async def test_the_checker_is_never_who_submitted(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.IN_QUALITY_CHECK)
    both = msgspec.structs.replace(world.checker.principal, user_id=world.planner.user.id)
    with pytest.raises(CheckerIsSubmitter, match="another quality checker"):
        await act(db, world, "pass", plan, version, who=both)
    with pytest.raises(IntegrityError, match="other_checker"):
        async with db.begin_nested():
            await db.execute(text("UPDATE plan_versions SET checked_by_user_id = submitted_by_user_id"))


async def test_a_second_round_starts_without_the_answers_of_the_first(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.IN_QUALITY_CHECK)
    await act(db, world, "return", plan, version)
    assert version.checked_by_user_id == world.checker.user.id
    assert version.comments == "Say more on risks"
    await act(db, world, "submit", plan, version)
    assert (version.checks, version.checked_by_user_id, version.agreed_by_user_id) == ({}, None, None)
    await act(db, world, "pass", plan, version)
    assert version.checks == PASSED


async def test_an_accepted_offer_starts_the_plan_once(db: AsyncSession, world: PlanWorld, drain: Drain) -> None:
    referral = await make_plan_referral(db, world)
    offer = await make_accepted_offer(db, world, referral)
    event = OfferAccepted(
        council_id=world.council.id,
        offer_id=offer.id,
        referral_id=referral.id,
        person_id=world.person.id,
        worker_id=world.worker.id,
        organisation_id=world.organisation.id,
    )
    outbox.publish(db, event)
    outbox.publish(db, event)
    await drain()
    assert await count(db, "plans") == 1
    [version] = (await db.execute(text("SELECT status, number, about_me FROM plan_versions"))).all()
    assert tuple(version) == (
        "draft",
        1,
        "What people like about me:\nMy laugh\n\nWhat is important to me:\nMy garden\n\n"
        "How to support me well:\nSpeak slowly",
    )
    assert await count(db, "steps", "subject_kind = 'plan_version' AND from_status IS NULL") == 1


async def test_a_message_handled_twice_starts_one_plan(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world)
    offer = await make_accepted_offer(db, world, referral)
    event = OfferAccepted(
        council_id=world.council.id,
        offer_id=offer.id,
        referral_id=referral.id,
        person_id=world.person.id,
        worker_id=world.worker.id,
        organisation_id=world.organisation.id,
    )
    outbox.publish(db, event)
    await db.flush()
    delivery = next(item for item in await outbox.relay(db) if item.task == "plans.start_plan")
    await db.flush()
    await deliver(delivery)
    await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "plans") == 1
    assert await count(db, "audit_entries", "action = 'plans.start_plan'") == 1


async def test_the_planner_need_not_wait_for_the_worker(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world)
    service = PlanService(db)
    with pytest.raises(NotFound):
        await service.open_for_referral(world.planner.principal, referral.id)
    await make_accepted_offer(db, world, referral)
    with pytest.raises(NotFound):
        await service.open_for_referral(world.manager.principal, referral.id)
    plan_id = await service.open_for_referral(world.planner.principal, referral.id)
    assert await service.open_for_referral(world.planner.principal, referral.id) == plan_id
    assert await service.open_for_referral(world.manager.principal, referral.id) == plan_id
    assert await count(db, "plans") == 1
    colleague = await make_planner(db, world.council, await make_worker(db, world.organisation))
    for stranger in (colleague, (await make_plan_world(db)).manager):
        with pytest.raises(NotFound):
            await service.open_for_referral(stranger.principal, referral.id)
    with pytest.raises(Forbidden):
        await service.open_for_referral(world.person_user.principal, referral.id)


async def test_an_unfinished_plan_moves_to_the_planner_who_holds_the_referral_now(
    db: AsyncSession, world: PlanWorld
) -> None:
    referral = await make_plan_referral(db, world)
    first = await make_accepted_offer(db, world, referral)
    service = PlanService(db)
    plan = await service.ensure((world.council.id,), referral.id, None)
    assert plan is not None
    first.status = OfferStatus.WITHDRAWN
    await db.flush()
    other = await make_worker(db, world.organisation)
    await make_accepted_offer(db, world, referral, other)
    again = await service.ensure((world.council.id,), referral.id, None)
    assert again is plan
    assert plan.worker_id == other.id
    assert await count(db, "audit_entries", "action = 'plans.hand_over_plan'") == 1
    assert "PlannerLeft" not in await events(db)


async def test_the_share_with_a_planner_organisation_ends_when_the_plan_goes_to_another(
    db: AsyncSession, world: PlanWorld
) -> None:
    await make_share(db, world, world.organisation)
    referral = await make_plan_referral(db, world)
    first = await make_accepted_offer(db, world, referral)
    plan = await PlanService(db).ensure((world.council.id,), referral.id, None)
    assert plan is not None
    first.status = OfferStatus.WITHDRAWN
    await db.flush()
    other = await make_worker(db, await make_organisation(db))
    await make_accepted_offer(db, world, referral, other)
    await PlanService(db).ensure((world.council.id,), referral.id, None)
    assert plan.organisation_id == other.organisation_id
    for delivery in await outbox.relay(db):
        if delivery.task == "bookings.end_planner_share":
            await deliver(delivery)
            await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "plan_shares", "end_reason = 'Their work for you ended'") == 1
    assert (await events(db)).count("PlanShareEnded") == 1


async def test_who_handed_a_referral_back_reads_no_more_of_its_plan(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world)
    offer = await make_accepted_offer(db, world, referral)
    service = PlanService(db)
    plan_id = await service.open_for_referral(world.planner.principal, referral.id)
    offer.status, offer.handed_back_at = OfferStatus.WITHDRAWN, clock_of(db).now()
    await db.flush()
    scope = plans_scope(world.planner.principal)
    with pytest.raises(NotFound):
        await service.open_for_referral(world.planner.principal, referral.id)
    with pytest.raises(NotFound):
        await PlanRepository(db).detail(scope, plan_id)
    with pytest.raises(NotFound):
        await PlanRepository(db).locked(scope, plan_id)
    assert await service.open_for_referral(world.manager.principal, referral.id) == plan_id
    await make_accepted_offer(db, world, referral)
    assert await service.open_for_referral(world.planner.principal, referral.id) == plan_id


async def test_a_sign_off_sets_times_reviews_and_one_event(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    seen = version.version
    await act(db, world, "sign_off", plan, version)
    assert version.signed_off_at == clock.now()
    assert version.signed_off_by_user_id == world.social_worker.user.id
    with pytest.raises(Conflict):
        await act(db, world, "sign_off", plan, version, expected=seen)
    body = await db.scalar(text("SELECT body FROM outbox_messages WHERE event = 'PlanSignedOff'"))
    assert body["completed_on"] == "2027-03-03"
    assert body["visit_minutes"] == 270
    assert body["worker_id"] == str(world.worker.id)
    reviews = {review.kind: review for review in await ReviewRepository(db).of_plan(plan.id)}
    first, annual = reviews[ReviewKind.WELFARE_CHECK], reviews[ReviewKind.ANNUAL]
    assert (first.window_starts_on, first.due_on, first.window_ends_on) == (
        date(2027, 4, 14),
        date(2027, 4, 28),
        date(2027, 5, 26),
    )
    assert annual.due_on == annual.window_ends_on == date(2028, 3, 3)
    assert {first.facilitator_id, annual.facilitator_id} == {plan.worker_id}


async def test_the_day_of_a_sign_off_is_the_day_in_london(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    clock.move_to(clock.now().replace(month=6, day=30, hour=23, minute=30))
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await act(db, world, "sign_off", plan, version)
    reviews = await ReviewRepository(db).of_plan(plan.id)
    assert {review.plan_in_place_on for review in reviews} == {date(2027, 7, 1)}


async def test_the_council_sets_the_window_of_the_first_review(db: AsyncSession, world: PlanWorld) -> None:
    await set_setting(
        db,
        None,
        world.council.id,
        "plans.first_review_days",
        {"from": 35, "due": 42, "until": 42},
        starts_on=date(2027, 1, 1),
    )
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await act(db, world, "sign_off", plan, version)
    first = (await ReviewRepository(db).of_plan(plan.id))[0]
    assert (first.window_starts_on, first.window_ends_on) == (date(2027, 4, 7), date(2027, 4, 14))


async def test_a_changed_plan_replaces_the_signed_one_and_gets_its_own_reviews(
    db: AsyncSession, world: PlanWorld, clock: FixedClock
) -> None:
    plan, signed = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    old = await make_review(db, plan, date(2027, 1, 6))
    await act(db, world, "start_version", plan, signed)
    with pytest.raises(Conflict, match="already on its way"):
        await act(db, world, "start_version", plan, signed)
    _, second = await PlanRepository(db).locked(Scope((world.council.id,), None), plan.id)
    assert (second.number, second.status, second.about_me) == (2, PlanStatus.DRAFT, signed.about_me)
    assert len(await PlanRepository(db).items(second.id)) == 2
    for verb in ("submit", "pass", "agree", "sign_off"):
        await act(db, world, verb, plan, second)
    await db.refresh(signed)
    assert (signed.status, second.status) == (PlanStatus.SUPERSEDED, PlanStatus.SIGNED_OFF)
    assert (await events(db)).count("PlanSignedOff") == 1
    await db.refresh(old)
    assert old.status is ReviewStatus.CANCELLED
    states = [(review.kind, review.status) for review in await ReviewRepository(db).of_plan(plan.id)]
    assert states.count((ReviewKind.WELFARE_CHECK, ReviewStatus.DUE)) == 1
    assert states.count((ReviewKind.ANNUAL, ReviewStatus.DUE)) == 1


async def test_two_versions_signed_on_one_day_share_their_reviews(db: AsyncSession, world: PlanWorld) -> None:
    plan, first = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    await act(db, world, "sign_off", plan, first)
    second = await make_version(db, world, plan, 2, PlanStatus.AWAITING_SIGN_OFF)
    await act(db, world, "sign_off", plan, second)
    assert await count(db, "reviews", "status = 'due'") == 2
    assert await count(db, "reviews") == 2


async def test_a_representative_is_recorded_with_both_names(db: AsyncSession, world: PlanWorld) -> None:
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_AGREEMENT)
    await act(db, world, "agree", plan, version, who=world.representative.principal)
    row = (
        await db.execute(
            text("SELECT user_id, role, on_behalf_of FROM audit_entries WHERE action = 'plans.agree_plan'")
        )
    ).one()
    assert tuple(row) == (world.representative.user.id, "representative", world.person.id)
    assert version.agreed_by_user_id == world.representative.user.id


async def test_those_concerned_are_told_and_nobody_else(
    db: AsyncSession, world: PlanWorld, drain: Drain, clock: FixedClock
) -> None:
    plan, version = await make_plan(db, world)
    second_checker = await make_member(db, Role.QUALITY_CHECKER, world.council)
    await make_plan_world(db)
    emails = {name: getattr(world, name).user.email for name in ("planner", "checker", "person_user", "representative")}
    told = 0

    async def after(verb: str) -> list[tuple[str, str]]:
        nonlocal told
        await act(db, world, verb, plan, version)
        clock.advance(timedelta(minutes=1))
        queued = await drain()
        new, told = queued[told:], len(queued)
        return sorted(new)

    checkers = sorted(("plan_submitted", email) for email in (emails["checker"], second_checker.user.email))
    asked = sorted(("plan_ready_to_agree", emails[name]) for name in ("person_user", "representative"))
    returned = [("plan_returned", emails["planner"])]
    assert await after("submit") == checkers
    assert await after("return") == returned
    assert await after("submit") == checkers
    assert await after("pass") == asked
    assert await after("change") == returned
    assert await after("submit") == checkers
    assert await after("pass") == asked
    assert await after("agree") == []
    assert await after("sign_off") == sorted(
        [
            ("plan_signed_off", emails["person_user"]),
            ("plan_signed_off", emails["representative"]),
            ("plan_signed_off_planner", emails["planner"]),
        ]
    )
    bodies = (await db.scalars(text("SELECT subject || body FROM messages"))).all()
    assert not [body for body in bodies if "Example" in body.replace("Ada Example,", "")]
