"""The risk panel: where the council has one, a plan waits for it; the person has a say; two roles decide."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role, set_setting
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.plans import PlanService
from marketplace.plans.errors import PlanChanged
from marketplace.plans.service.panel import CaseForm, PanelService
from marketplace.plans.states import PanelStatus, PlanStatus
from tests.browser import Browser, count
from tests.factories import Member, make_member
from tests.factories_plans import PlanWorld, make_plan, make_plan_world

Drain = Callable[[], Awaitable[list[tuple[str, str]]]]
FORM = CaseForm(question="Is it safe enough?", risks="Falls", persons_view="I want to stay at home")


async def use_panel(db: AsyncSession, world: PlanWorld) -> None:
    await set_setting(db, None, world.council.id, "plans.risk_panel", True, starts_on=date(2027, 1, 1))


async def test_without_a_panel_nobody_is_asked(db: AsyncSession, world: PlanWorld) -> None:
    plan, _ = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    with pytest.raises(StepRefused):
        await PanelService(db).ask(world.social_worker.principal, plan.id, FORM)
    assert await count(db, "panel_cases") == 0


async def test_a_plan_waits_for_the_panel_and_is_signed_when_it_is_supported(
    db: AsyncSession, world: PlanWorld
) -> None:
    await use_panel(db, world)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    service = PanelService(db)
    case = await service.ask(world.social_worker.principal, plan.id, FORM)
    with pytest.raises(StepRefused):
        await service.ask(world.manager.principal, plan.id, FORM)
    with pytest.raises(StepRefused):
        await PlanService(db).sign_off(world.manager.principal, plan.id, version.version)
    with pytest.raises(InvalidInput):
        await service.put_on_list(world.manager.principal, case.id, date(2027, 3, 2), case.version)
    await service.put_on_list(world.manager.principal, case.id, date(2027, 3, 9), case.version)
    said = {"is_supported": True, "decision": "Yes", "members": "Three", "persons_view": ""}
    with pytest.raises(PlanChanged):
        await service.decide(world.manager.principal, case.id, expected=1, **said)
    with pytest.raises(Forbidden):
        await service.decide(world.social_worker.principal, case.id, expected=case.version, **said)
    other = await make_plan_world(db)
    with pytest.raises(NotFound):
        await service.decide(other.manager.principal, case.id, expected=case.version, **said)
    await service.decide(world.manager.principal, case.id, expected=case.version, **said)
    assert (case.status, case.persons_view) == (PanelStatus.DECIDED, "I want to stay at home")
    await PlanService(db).sign_off(world.social_worker.principal, plan.id, version.version)
    assert version.status is PlanStatus.SIGNED_OFF


async def test_what_the_panel_does_not_support_goes_back_and_nobody_decides_their_own_question(
    db: AsyncSession, world: PlanWorld
) -> None:
    await use_panel(db, world)
    plan, version = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    service = PanelService(db)
    case = await service.ask(world.manager.principal, plan.id, CaseForm(question="?", risks="", persons_view=""))
    said = {"is_supported": False, "decision": "No", "members": "Three"}
    with pytest.raises(Forbidden):
        await service.decide(world.manager.principal, case.id, expected=case.version, persons_view="Hm", **said)
    second = await make_member(db, Role.MANAGER, world.council)
    with pytest.raises(InvalidInput):
        await service.decide(second.principal, case.id, expected=case.version, persons_view="", **said)
    await service.decide(second.principal, case.id, expected=case.version, persons_view="Let me", **said)
    with pytest.raises(StepRefused):
        await PlanService(db).sign_off(world.manager.principal, plan.id, version.version)
    await PlanService(db).return_from_sign_off(world.manager.principal, plan.id, "More help", version.version)


async def test_the_pages_of_the_panel(browser: Browser, db: AsyncSession, world: PlanWorld) -> None:
    await use_panel(db, world)
    plan, _ = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    plan_id = plan.id
    db.expunge_all()
    worker = await browser.signed_in(world.social_worker)
    assert f"/plans/{plan_id}/panel" in (await worker.open(f"/plans/{plan_id}/sign-off")).links()
    page = await worker.open(f"/plans/{plan_id}/panel")
    page = await worker.post(f"/plans/{plan_id}/panel", {"question": "Safe?", "risks": "Falls"}, expect=422)
    assert list(page.errors()) == ["persons_view"]
    form = {"question": "Safe?", "risks": "Falls", "persons_view": "I want it"}
    await worker.post(f"/plans/{plan_id}/panel", form, expect=303)
    assert "The risk panel has this plan" in (await worker.open(f"/plans/{plan_id}/sign-off")).words
    manager = await browser.signed_in(world.manager)
    page = await manager.open("/panel-cases")
    path = next(one for one in page.links() if one.startswith("/panel-cases/"))
    page = await manager.open(path)
    page = await manager.post(path, {"action": "decide", "version": "1"}, expect=422)
    assert set(page.errors()) == {"supports", "decision", "members"}
    done = {"action": "decide", "version": "1", "supports": "yes", "decision": "Fine", "members": "Three of us"}
    await manager.post(path, done, expect=303)
    await manager.post(path, {"action": "list", "version": "2", "panel_on": "2027-03-09"}, expect=409)
    assert "Supported" in (await manager.open("/panel-cases")).words


async def test_whom_a_case_concerns_is_told_of_each_step_and_its_writer_is_not(
    db: AsyncSession, world: PlanWorld, drain: Drain
) -> None:
    await use_panel(db, world)
    plan, _ = await make_plan(db, world, PlanStatus.AWAITING_SIGN_OFF)
    service = PanelService(db)

    async def told() -> Counter[tuple[str, str]]:
        return Counter(await drain())

    def mail(name: str, member: Member) -> tuple[str, str]:
        return name, member.user.email

    case = await service.ask(world.social_worker.principal, plan.id, FORM)
    first = await told()
    assert first[mail("panel_asked", world.manager)] == 1
    assert first[mail("panel_person", world.person_user)] == 1
    assert not first[mail("panel_case_moved", world.social_worker)]
    await service.put_on_list(world.manager.principal, case.id, date(2027, 3, 9), case.version)
    second = await told()
    assert second[mail("panel_case_moved", world.social_worker)] == 1
    assert not second[mail("panel_case_moved", world.manager)]
    assert second[mail("panel_person", world.person_user)] == 2
    await service.decide(
        world.manager.principal,
        case.id,
        is_supported=False,
        decision="Too little help at night",
        members="Three",
        persons_view="",
        expected=case.version,
    )
    third = await told()
    assert third[mail("panel_case_moved", world.social_worker)] == 2
    bodies = (await db.scalars(text("SELECT body FROM messages WHERE template LIKE 'panel%'"))).all()
    # What the panel talked about stays out of e-mails.
    assert not any("at night" in body or FORM.risks in body for body in bodies)
    assert any("did not say yes" in body for body in bodies)
