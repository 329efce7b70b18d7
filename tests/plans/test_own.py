"""Writing one's own plan: started, filled in, written, shared, handed over and taken back; the service."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.matching.errors import AlreadyPlanned, ReferralNotOpen
from marketplace.matching.service.referrals import missing_points
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.people.models import BudgetStatus, ProfileTool
from marketplace.plans.content import ItemContent, PlanContent
from marketplace.plans.errors import PlanChanged, PlanNotEditable, SectionClash
from marketplace.plans.models import HelpKind, Plan, PlannedBy, PlanVersion
from marketplace.plans.own import Typed, joined, missing
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.sections import SectionRepository
from marketplace.plans.schemas import CheckForm
from marketplace.plans.sections import outcomes_text, print_of
from marketplace.plans.service import PlanService
from marketplace.plans.service.approval import ApprovalService
from marketplace.plans.service.own import OwnPlanService
from marketplace.plans.states import PlanStatus
from tests.browser import count, events
from tests.factories import make_budget, make_person_member
from tests.factories_budgets import fall_into_crisis, make_assessment
from tests.factories_own_plans import SWIM, make_own_plan, words
from tests.factories_plans import PlanWorld, make_accepted_offer, make_plan, make_plan_referral, make_version
from tests.factories_profile import make_entry

EMPTY = print_of("")


async def newest(db: AsyncSession, plan: Plan) -> PlanVersion:
    return await PlanRepository(db).newest_version(plan.id)


async def test_a_plan_starts_with_what_the_person_said_before(db: AsyncSession, world: PlanWorld) -> None:
    await make_entry(db, world.person, ProfileTool.GOOD_DAYS, "The sun shines")
    await make_entry(db, world.person, ProfileTool.GOOD_DAYS, "My secret", is_private=True)
    await make_budget(db, world.person, weekly_pence=11_538)
    plan = await OwnPlanService(db).start(world.person_user.principal)
    version = await newest(db, plan)
    assert (plan.planned_by, plan.worker_id) == (PlannedBy.PERSON, None)
    assert "My garden" in version.about_me
    assert "The sun shines" in version.good_days
    assert "My secret" not in version.good_days
    rows = await SectionRepository(db).rows(version.id)
    assert {key: row.source for key, row in rows.items()} == {"about_me": "profile", "good_days": "profile"}
    referral, _ = await PlanRepository(db).subject(plan.council_id, plan.referral_id)
    assert (referral.status, referral.indicative_weekly_pence) == (ReferralStatus.SELF_PLANNED, 11_538)
    assert await events(db) == []


async def test_a_plan_starts_with_what_the_assessment_found(db: AsyncSession, world: PlanWorld) -> None:
    await make_assessment(db, world.person)
    plan = await OwnPlanService(db).start(world.person_user.principal)
    detail = await PlanRepository(db).detail_of((await newest(db, plan)).id)
    assert "I want to see my friends again." in detail.content.others["needs"]
    assert "I need help with buttons. (family or friends help with this)" in detail.content.others["needs"]
    assert [item.outcome for item in detail.content.items] == ["Be ready by nine", "See friends on Saturdays"]
    assert {key: row.source for key, row in detail.sections.items() if key != "about_me"} == {
        "needs": "assessment",
        "outcomes": "assessment",
    }
    gaps = [(one.address, one.advice) for one in missing(detail.content, 0) if one.key == "outcomes"]
    assert gaps[0] == ("outcomes#what-1", "Say what will happen in number 1: Be ready by nine")
    assert [address for address, _ in gaps[1:]] == ["outcomes#helped_by-1", "outcomes#what-2", "outcomes#helped_by-2"]


async def test_a_planners_plan_starts_with_the_same_words(db: AsyncSession, world: PlanWorld) -> None:
    await make_assessment(db, world.person)
    referral = await make_plan_referral(db, world)
    await make_accepted_offer(db, world, referral)
    plan = await PlanService(db).ensure((world.council.id,), referral.id, None)
    assert plan is not None
    detail = await PlanRepository(db).detail_of((await newest(db, plan)).id)
    assert "My garden" in detail.content.about_me
    assert "I need help to wash." in detail.content.others["needs"]


async def test_starting_twice_is_one_plan(db: AsyncSession, world: PlanWorld) -> None:
    first = await OwnPlanService(db).start(world.person_user.principal)
    again = await OwnPlanService(db).start(world.representative.principal)
    assert first.id == again.id
    assert await count(db, "referrals") == 1


@pytest.mark.parametrize("status", [ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE])
async def test_a_referral_that_waits_becomes_the_persons_own(
    db: AsyncSession, world: PlanWorld, status: ReferralStatus
) -> None:
    referral = await make_plan_referral(db, world, status=status)
    plan = await OwnPlanService(db).start(world.person_user.principal)
    assert plan.referral_id == referral.id
    assert referral.status is ReferralStatus.SELF_PLANNED


@pytest.mark.parametrize("status", [ReferralStatus.RETAINED, ReferralStatus.OFFERED, ReferralStatus.MATCHED])
async def test_what_others_have_in_hand_is_not_taken_by_starting(
    db: AsyncSession, world: PlanWorld, status: ReferralStatus
) -> None:
    referral = await make_plan_referral(db, world, status=status)
    with pytest.raises(ReferralNotOpen):
        await OwnPlanService(db).start(world.person_user.principal)
    assert referral.status is status
    assert await count(db, "plans") == 0


async def test_a_section_is_written_and_its_source_forgotten(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    plan = await service.start(me)
    before = (await newest(db, plan)).about_me
    row = await service.write(me, plan.id, words("about_me", "I am Ada"), print_of(before))
    assert row is not None
    assert (row.source, row.author, row.edited_by_user_id) == ("", me.name, me.user_id)
    assert (await newest(db, plan)).about_me == "I am Ada"
    await service.write(me, plan.id, Typed(key="outcomes", items=(SWIM,)), EMPTY)
    assert [item.outcome for item in await PlanRepository(db).items((await newest(db, plan)).id)] == ["Swim on Mondays"]
    said = (await db.scalars(text("SELECT after::text FROM audit_entries WHERE action = 'plans.write_section'"))).all()
    assert len(said) == 2
    assert not any("Ada" in one or "Swim" in one for one in said)


async def test_two_people_in_one_section_lose_nothing(db: AsyncSession, world: PlanWorld) -> None:
    service = OwnPlanService(db)
    me, relative = world.person_user.principal, world.representative.principal
    plan, version, _ = await make_own_plan(db, world)
    await service.write(me, plan.id, words("week", "Monday: swim"), EMPTY)
    with pytest.raises(SectionClash) as clash:
        await service.write(relative, plan.id, words("week", "Friday: club"), EMPTY)
    assert (clash.value.saved, clash.value.author) == ("Monday: swim", me.name)
    rows = SectionRepository(db)
    assert (await rows.rows(version.id))["week"].words == "Monday: swim"

    seen = print_of("Monday: swim")
    row = await service.write(relative, plan.id, words("week", "Friday: club"), seen, "both")
    assert row is not None
    assert row.words == "Monday: swim\n\nFriday: club"
    assert [(one["words"], one["author"], one["clash"]) for one in row.earlier] == [("Monday: swim", me.name, True)]
    assert await events(db) == ["SectionWrittenTwice"]


@pytest.mark.parametrize(("keep", "stands", "aside"), [("mine", "B", "A"), ("theirs", "A", "B")])
async def test_the_words_that_lose_are_kept(
    db: AsyncSession, world: PlanWorld, keep: str, stands: str, aside: str
) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    plan, version, _ = await make_own_plan(db, world)
    await service.write(world.representative.principal, plan.id, words("choices", "A"), EMPTY)
    await service.write(me, plan.id, words("choices", "B"), print_of("A"), keep)
    row = (await SectionRepository(db).rows(version.id))["choices"]
    assert (row.words, row.earlier[0]["words"]) == (stands, aside)


async def test_two_people_in_different_sections_do_not_meet(db: AsyncSession, world: PlanWorld) -> None:
    service = OwnPlanService(db)
    plan, version, _ = await make_own_plan(db, world)
    await service.write(world.person_user.principal, plan.id, words("risks", "I may fall"), EMPTY)
    await service.write(world.representative.principal, plan.id, words("about_me", "Ada"), EMPTY)
    await db.refresh(version)
    assert (version.risks, version.about_me) == ("I may fall", "Ada")


def test_outcomes_are_joined_without_doubles() -> None:
    other = ItemContent(row=1, outcome="See friends", what="A bus pass", helped_by=HelpKind.MYSELF)
    both = joined(Typed(key="outcomes", items=(SWIM,)), Typed(key="outcomes", items=(other, SWIM)))
    assert [(item.row, item.outcome) for item in both.items] == [(1, "Swim on Mondays"), (2, "See friends")]


def test_both_parts_about_money_are_joined_each() -> None:
    both = joined(words("money", "I do it"), words("money", "My son\n\nWhy the plan costs more than the budget: Two"))
    assert both.words == "I do it\n\nMy son\n\nWhy the plan costs more than the budget: Two"


async def test_words_that_are_too_long_together_are_not_cut(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    plan, version, _ = await make_own_plan(db, world)
    await service.write(me, plan.id, words("week", "a" * 3_000), EMPTY)
    with pytest.raises(InvalidInput) as refused:
        await service.write(me, plan.id, words("week", "b" * 3_000), print_of("a" * 3_000), "both")
    assert list(refused.value.fields) == ["keep"]
    assert (await SectionRepository(db).rows(version.id))["week"].words == "a" * 3_000


def test_what_is_missing_is_said_in_plain_words() -> None:
    empty = {one.key: one.advice for one in missing(PlanContent(), 0)}
    assert list(empty) == ["about_me", "outcomes", "risks", "money"]
    assert empty["outcomes"] == "Add at least one thing that you want"
    costly = ItemContent(row=1, outcome="Swim", what="A lift", helped_by=HelpKind.PA, weekly_pence=20_000)
    full = PlanContent(about_me="a", risks="r", money_held="m", items=(costly,))
    assert [one.address for one in missing(full, 10_000)] == ["money#why_over"]
    assert missing(full, 0) == (), "without a known sum no reason is asked for"


async def test_sharing_sends_the_plan_to_its_check(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    await service.share(me, plan.id, version.version)
    assert (version.status, version.submitted_by_user_id) == (PlanStatus.IN_QUALITY_CHECK, me.user_id)
    assert await events(db) == ["PlanSubmitted"]
    with pytest.raises(PlanNotEditable):
        await service.write(me, plan.id, words("risks", "Other"), print_of(version.risks))
    with pytest.raises(PlanNotEditable):
        await service.share(me, plan.id, version.version)


async def test_an_unfinished_plan_is_not_shared(db: AsyncSession, world: PlanWorld) -> None:
    plan, version, _ = await make_own_plan(db, world)
    with pytest.raises(InvalidInput) as refused:
        await OwnPlanService(db).share(world.person_user.principal, plan.id, version.version)
    assert list(refused.value.fields) == ["about_me", "outcomes", "risks", "money"]
    assert version.status is PlanStatus.DRAFT
    assert await events(db) == []


async def test_nothing_is_shared_that_the_person_has_not_seen(db: AsyncSession, world: PlanWorld) -> None:
    service = OwnPlanService(db)
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    shown = version.version
    await service.write(world.representative.principal, plan.id, words("week", "Monday"), EMPTY)
    with pytest.raises(PlanChanged):
        await service.share(world.person_user.principal, plan.id, shown)


async def test_an_own_plan_goes_through_check_agreement_and_sign_off(db: AsyncSession, world: PlanWorld) -> None:
    me, plans = world.person_user.principal, PlanService(db)
    plan, version, referral = await make_own_plan(db, world, is_full=True)
    await OwnPlanService(db).share(me, plan.id, version.version)
    criteria = await plans.criteria(world.council.id)
    await plans.check(
        world.checker.principal, plan.id, CheckForm(True, dict.fromkeys(criteria, "yes"), "", version.version)
    )
    await plans.agree(me, version.id, version.version)
    await plans.sign_off(world.social_worker.principal, plan.id, version.version)
    assert version.status is PlanStatus.SIGNED_OFF
    await db.refresh(referral)
    assert referral.planned_at is not None
    published = await events(db)
    assert "PlanInPlace" in published
    assert "PlanSignedOff" not in published, "nobody earns a tariff for a plan that the person wrote"
    await OwnPlanService(db).change(me, plan.id, "I moved")
    newer = await newest(db, plan)
    assert (newer.number, newer.about_me) == (2, version.about_me)
    with pytest.raises(Conflict):
        await OwnPlanService(db).change(me, plan.id, "Again")
    with pytest.raises(AlreadyPlanned):
        await OwnPlanService(db).hand_over(me, plan.id, "Help")


async def test_in_a_crisis_no_planner_is_looked_for(db: AsyncSession, world: PlanWorld, clock: FixedClock) -> None:
    plan, _, referral = await make_own_plan(db, world)
    await fall_into_crisis(db, world.person, world.social_worker, clock)
    await OwnPlanService(db).hand_over(world.person_user.principal, plan.id, "Help")
    assert missing_points(referral, world.person) == []
    assert referral.status is ReferralStatus.INCOMPLETE


async def test_a_planner_goes_on_with_what_was_written(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    plan, version, referral = await make_own_plan(db, world)
    await service.write(me, plan.id, words("week", "Monday: swim"), EMPTY)
    await service.hand_over(me, plan.id, "To get out more")
    assert referral.status in (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE)
    assert referral.wants == "To get out more"
    await service.write(me, plan.id, words("choices", "I decide"), EMPTY)
    with pytest.raises(PlanNotEditable):
        await service.share(me, plan.id, version.version)

    referral.status = ReferralStatus.MATCHED
    offer = await make_accepted_offer(db, world, referral)
    await PlanService(db).ensure((world.council.id,), referral.id, None)
    assert (plan.planned_by, plan.worker_id) == (PlannedBy.PLANNER, offer.worker_id)
    detail = await PlanRepository(db).detail_of(version.id)
    assert detail.content.others == {"week": "Monday: swim", "choices": "I decide"}
    with pytest.raises(PlanNotEditable):
        await service.write(me, plan.id, words("week", "Tuesday"), print_of("Monday: swim"))


async def test_a_plan_is_taken_back_from_its_planner_who_reads_no_more(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world)
    offer = await make_accepted_offer(db, world, referral)
    plan, version = await make_plan(db, world, referral=referral)
    await OwnPlanService(db).take_back(world.person_user.principal, plan.id, "I want to try")
    assert (plan.planned_by, plan.worker_id, plan.organisation_id) == (PlannedBy.PERSON, None, None)
    assert referral.status is ReferralStatus.SELF_PLANNED
    assert offer.handed_back_at is not None
    assert version.about_me == "I am Ada and I love my garden."
    assert await events(db) == ["OfferHandedBack", "PlannerLeft", "PlanTakenBack"]
    with pytest.raises(NotFound):
        await PlanService(db).save(world.planner.principal, plan.id, PlanContent(), version.version)


async def test_after_a_planner_left_the_person_goes_on(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world, status=ReferralStatus.RECEIVED)
    plan, version = await make_plan(db, world, referral=referral)
    assert (await OwnPlanService(db).start(world.person_user.principal)).id == plan.id
    assert (plan.planned_by, plan.worker_id) == (PlannedBy.PERSON, None)
    await OwnPlanService(db).write(world.person_user.principal, plan.id, words("risks", "New"), print_of(version.risks))
    assert version.risks == "New"


async def test_a_signed_plan_is_not_taken_back(db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    with pytest.raises(PlanNotEditable):
        await OwnPlanService(db).take_back(world.person_user.principal, plan.id, "Mine")


async def test_a_planners_signed_plan_goes_on_as_the_persons_own(db: AsyncSession, world: PlanWorld) -> None:
    now = clock_of(db).now()
    referral = await make_plan_referral(db, world, planned_at=now)
    offer = await make_accepted_offer(db, world, referral)
    plan, signed = await make_plan(db, world, PlanStatus.SIGNED_OFF, referral=referral)
    service, me = OwnPlanService(db), world.person_user.principal
    await service.change(me, plan.id, "I know now how it works")
    version = await newest(db, plan)
    assert (version.number, version.status, version.about_me) == (2, PlanStatus.DRAFT, signed.about_me)
    assert signed.status is PlanStatus.SIGNED_OFF
    assert (plan.planned_by, plan.worker_id) == (PlannedBy.PERSON, None)
    assert referral.status is ReferralStatus.SELF_PLANNED
    assert (offer.status, offer.hand_back_reason) == (OfferStatus.WITHDRAWN, "I know now how it works")
    # Nobody looks for another planner: only the one who wrote it hears of it.
    assert await events(db) == ["PlannerLeft", "PlanTakenBack"]
    assert await PlanService(db).ensure((world.council.id,), referral.id, None) is None
    await service.write(me, plan.id, words("risks", "Mine"), print_of(version.risks))
    with pytest.raises(NotFound):
        await PlanService(db).start_version(world.planner.principal, plan.id, "Mine, too")


async def test_a_version_that_a_planner_has_begun_is_taken_over_as_it_is(db: AsyncSession, world: PlanWorld) -> None:
    referral = await make_plan_referral(db, world, planned_at=clock_of(db).now())
    await make_accepted_offer(db, world, referral)
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF, referral=referral)
    await PlanService(db).start_version(world.planner.principal, plan.id, "More hours")
    begun = await newest(db, plan)
    await OwnPlanService(db).change(world.person_user.principal, plan.id, "I go on")
    assert (await newest(db, plan)).id == begun.id
    assert plan.planned_by is PlannedBy.PERSON


async def test_what_the_council_reads_or_keeps_is_not_taken_over(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    first, _ = await make_plan(db, world)
    with pytest.raises(PlanNotEditable):
        await service.change(me, first.id, "It was never signed")
    referral = await make_plan_referral(db, world, planned_at=clock_of(db).now())
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF, referral=referral)
    await make_version(db, world, plan, 2, PlanStatus.IN_QUALITY_CHECK)
    with pytest.raises(Conflict):
        await service.change(me, plan.id, "Mine")
    kept = await make_plan_referral(db, world, status=ReferralStatus.RETAINED, planned_at=clock_of(db).now())
    of_council, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF, referral=kept)
    with pytest.raises(ReferralNotOpen):
        await service.change(me, of_council.id, "Mine")
    assert {first.planned_by, plan.planned_by, of_council.planned_by} == {PlannedBy.PLANNER}
    assert await events(db) == []


async def test_the_budget_of_today_counts_and_not_the_one_of_the_referral(db: AsyncSession, world: PlanWorld) -> None:
    service, me = OwnPlanService(db), world.person_user.principal
    costly = msgspec.structs.replace(SWIM, helped_by=HelpKind.PA, weekly_pence=13_000)
    plan, version, _ = await make_own_plan(db, world, is_full=True, indicative_weekly_pence=20_000)
    await service.write(me, plan.id, Typed(key="outcomes", items=(costly,)), print_of(outcomes_text([SWIM])))
    await make_budget(db, world.person, weekly_pence=11_538, status=BudgetStatus.INDICATIVE)
    with pytest.raises(InvalidInput) as refused:
        await service.share(me, plan.id, (await newest(db, plan)).version)
    assert refused.value.fields == {"money": "Your plan costs more than your budget. Say why you need more"}
    assert version.submitted_at is None


@pytest.mark.parametrize("what", ["died", "closed"])
async def test_a_plan_of_somebody_who_died_or_moved_is_kept_and_closed(
    db: AsyncSession, world: PlanWorld, what: str
) -> None:
    service, relative = OwnPlanService(db), world.representative.principal
    plan, version, referral = await make_own_plan(db, world, is_full=True)
    if what == "died":
        world.person.died_on = version.updated_at.date()
    else:
        referral.status = ReferralStatus.CLOSED
    await db.flush()
    with pytest.raises(PlanNotEditable):
        await service.write(relative, plan.id, words("week", "Monday"), EMPTY)
    with pytest.raises(PlanNotEditable):
        await service.share(relative, plan.id, version.version)
    with pytest.raises(PlanNotEditable):
        await service.take_back(relative, plan.id, "Mine")
    assert version.about_me
    assert await events(db) == []


async def test_a_stranger_finds_no_plan(db: AsyncSession, world: PlanWorld) -> None:
    plan, version, _ = await make_own_plan(db, world, is_full=True)
    _, stranger = await make_person_member(db, world.council)
    service: Any = OwnPlanService(db)
    for act in (
        service.write(stranger.principal, plan.id, words("week", "x"), EMPTY),
        service.share(stranger.principal, plan.id, version.version),
        service.hand_over(stranger.principal, plan.id, "x"),
        service.take_back(stranger.principal, plan.id, "x"),
        service.change(stranger.principal, plan.id, "x"),
    ):
        with pytest.raises(NotFound):
            await act


async def test_the_next_version_may_cost_what_was_made_final(db: AsyncSession, world: PlanWorld) -> None:
    now = clock_of(db).now()
    plan, _, _ = await make_own_plan(db, world, indicative_weekly_pence=20_000)
    approval = ApprovalService(db)
    assert await approval.budget_of(plan) == (20_000, None)
    await make_budget(db, world.person, weekly_pence=11_538, status=BudgetStatus.INDICATIVE)
    assert await approval.budget_of(plan) == (11_538, None)
    await make_budget(db, world.person, weekly_pence=13_000, created_at=now + timedelta(minutes=1))
    assert await approval.budget_of(plan) == (13_000, None)
    # Worked out anew after that, the new advice counts: more has to be asked for again.
    await make_budget(
        db,
        world.person,
        weekly_pence=12_000,
        status=BudgetStatus.INDICATIVE,
        created_at=now + timedelta(minutes=2),
    )
    assert await approval.budget_of(plan) == (12_000, None)
