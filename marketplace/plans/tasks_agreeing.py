"""What follows from asks, from plans passed on, and from the way to a direct payment: telling those concerned."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService
from marketplace.people.events import DeathUndone, PersonDied, RepresentationMoved
from marketplace.people.models import Person
from marketplace.plans.direct_payments import pays_words
from marketplace.plans.events import EarlyStartMoved, PanelCaseMoved, PlanAskMoved, PlanPassedOn, SetupMoved
from marketplace.plans.models import AskStatus, DirectPaymentSetup, EarlyStart, PanelCase, Plan, PlanAsk
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.panel import PanelRepository
from marketplace.plans.repository.setups import EarlyStartRepository, SetupRepository
from marketplace.plans.service.early_starts import EarlyStartService
from marketplace.plans.service.setups import SetupPayments
from marketplace.plans.service.setups.rows import ACCEPTED_MANAGING, DECLINED, DECLINED_MANAGING
from marketplace.plans.states import PanelStatus, SetupStatus

FURTHEST_ALERT = timedelta(days=90)
"""No council is told earlier of a deadline than this."""


@task("plans.tell_ask", on=PlanAskMoved)
async def tell_ask(message_id: UUID, event: PlanAskMoved) -> None:
    """Tell managers of an ask; tell the person and the planner of the answer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_ask", message_id):
            return
        ask = await db.get_one(PlanAsk, event.ask_id)
        if ask.status.value != event.status:
            return  # It has gone on since; that step is told.
        council_id, messages = event.council_id, MessagingService(db)
        context = {
            "reference": await PlanRepository(db).reference(council_id, event.plan_id),
            "asked_pence": ask.asked_weekly_pence,
            "budget_pence": ask.budget_weekly_pence,
            "agreed_pence": ask.agreed_weekly_pence,
            "answer": ask.answer,
        }
        if ask.status is AskStatus.OPEN:
            await messages.tell(council_id, "plan_ask", context, role=Role.MANAGER)
        elif ask.status in (AskStatus.AGREED, AskStatus.REFUSED):
            await messages.tell(council_id, "plan_ask_answered", context, person_id=event.person_id)
            plan = await db.get_one(Plan, event.plan_id)
            if plan.worker_id is not None:
                await messages.tell(council_id, "plan_ask_answered", context, worker_id=plan.worker_id)


@task("plans.tell_passed_on", on=PlanPassedOn)
async def tell_passed_on(message_id: UUID, event: PlanPassedOn) -> None:
    """Tell managers that a plan waits for them."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_passed_on", message_id):
            context = {"reference": await PlanRepository(db).reference(event.council_id, event.plan_id)}
            await MessagingService(db).tell(event.council_id, "plan_passed_on", context, role=Role.MANAGER)


@task("plans.tell_panel_case", on=PanelCaseMoved)
async def tell_panel_case(message_id: UUID, event: PanelCaseMoved) -> None:
    """Tell whom a case of the panel concerns: who asked, the social workers of the plan, and the person, plainly.

    Managers hear of a new case, because they take it to the panel. The step's own writer is told nothing.
    """
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_panel_case", message_id):
            return
        case = await db.get_one(PanelCase, event.case_id)
        if case.status.value != event.status:
            return  # It has gone on since; that step is told.
        messages, council_id = MessagingService(db), event.council_id
        reference = await PlanRepository(db).reference(council_id, event.plan_id)
        context = {
            "reference": reference,
            "status": case.status.value,
            "panel_on": case.panel_on,
            "is_supported": case.is_supported,
        }
        if case.status is PanelStatus.ASKED:
            await messages.tell(council_id, "panel_asked", context, role=Role.MANAGER)
        else:
            recorded_by = await PanelRepository(db).social_worker(council_id, event.plan_id)
            for user_id in {case.asked_by_user_id, recorded_by} - {None, event.by_user_id}:
                await messages.tell(council_id, "panel_case_moved", context, user_id=user_id)
        await messages.tell(council_id, "panel_person", context, person_id=event.person_id)


TOLD_OF_SETUP = {
    SetupStatus.OFFERED: "direct_payment_offered",
    SetupStatus.STARTED: "direct_payment_started",
    SetupStatus.REFUSED: "direct_payment_refused",
    SetupStatus.STOPPED: "direct_payment_stopped",
}
"""What the person, and who acts for them, is told."""


@task("plans.tell_setup", on=SetupMoved)
async def tell_setup(message_id: UUID, event: SetupMoved) -> None:
    """Tell the person what the council decided, and the council what the person answered."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_setup", message_id):
            return
        row = await db.get_one(DirectPaymentSetup, event.setup_id)
        if row.status.value != event.status:
            return  # It has gone on since; that step is told.
        messages, context = MessagingService(db), await _setup_context(db, row)
        if event.action == ACCEPTED_MANAGING:
            await messages.tell(event.council_id, "direct_payment_manager_yes", context, person_id=event.person_id)
            return
        if row.status is SetupStatus.DRAFT and event.action != DECLINED:
            # Somebody who said no themselves knows it.
            context = {**context, "manager_declined": event.action == DECLINED_MANAGING}
            await messages.tell(event.council_id, "direct_payment_taken_back", context, person_id=event.person_id)
        if row.status is SetupStatus.DRAFT and event.action not in (DECLINED, DECLINED_MANAGING):
            return
        if template := TOLD_OF_SETUP.get(row.status):
            await messages.tell(event.council_id, template, context, person_id=event.person_id)
        elif row.decided_by_user_id is not None and row.decided_by_user_id != event.by_user_id:
            template = "direct_payment_agreed" if row.status is SetupStatus.AGREED else "direct_payment_declined"
            await messages.tell(event.council_id, template, context, user_id=row.decided_by_user_id)


@task("plans.watch_setup_manager", on=RepresentationMoved)
async def watch_setup_manager(message_id: UUID, event: RepresentationMoved) -> None:
    """Tell the council when somebody who manages a direct payment acts for the person no longer: a condition fails."""
    over = (RepresentationStatus.REVOKED, RepresentationStatus.ENDED, RepresentationStatus.REFUSED)
    if event.status not in {one.value for one in over}:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.watch_setup_manager", message_id):
            return
        row = await SetupRepository(db).managed_by(event.representation_id)
        if row is None:
            return
        context = await _setup_context(db, row)
        for role in (Role.SOCIAL_WORKER, Role.MANAGER):
            await MessagingService(db).tell(event.council_id, "direct_payment_manager_gone", context, role=role)


@task("plans.close_setups_for_death", on=PersonDied)
async def close_setups_for_death(message_id: UUID, event: PersonDied) -> None:
    """Close the way to a direct payment, or stop it, and end the watch of its sign-off."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.close_setups_for_death", message_id):
            await SetupPayments(db).close_for_death(event.council_id, event.person_id)


@task("plans.undo_setups_for_death", on=DeathUndone)
async def undo_setups_for_death(message_id: UUID, event: DeathUndone) -> None:
    """Open again what a death recorded by mistake had closed."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.undo_setups_for_death", message_id):
            await SetupPayments(db).undo_death(event.council_id, event.person_id)


@task("plans.tell_early_start", on=EarlyStartMoved)
async def tell_early_start(message_id: UUID, event: EarlyStartMoved) -> None:
    """Tell the person by when the plan is to be signed, when the day was put off."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_early_start", message_id) and event.what == "extended":
            row = await db.get_one(EarlyStart, event.early_start_id)
            context = {"sign_off_by": row.sign_off_by, "reason": row.extended_reason}
            await MessagingService(db).tell(
                event.council_id, "early_start_extended", context, person_id=event.person_id
            )


@every(timedelta(days=1), "plans.watch_early_starts")
async def watch_early_starts() -> None:
    """Tell everybody concerned of deadlines of early starts: 14 and 3 days before, and on the day (P6).

    What went out is noted on the row in the same transaction, so a second run repeats nothing, and a day on which
    nothing ran loses nothing: the alert comes on the next.
    """
    async with transaction(session_maker(), "every") as db:
        found = await EarlyStartRepository(db).due(today(clock_of(db)) + FURTHEST_ALERT)
    attempts = Attempts()
    for council_id, row_id in found:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await _alert(db, council_id, row_id)
    attempts.done()


async def _alert(db: AsyncSession, council_id: UUID, row_id: UUID) -> None:
    left = await EarlyStartService(db).alert(row_id, council_id)
    if left is None:
        return
    row = await db.get_one(EarlyStart, row_id)
    person = await db.get_one(Person, row.person_id)
    context = {"sign_off_by": row.sign_off_by, "left": left, "reference": person.reference}
    messages = MessagingService(db)
    await messages.tell(council_id, "early_start_due_person", context, person_id=row.person_id)
    await messages.tell(council_id, "early_start_due", context, user_id=row.agreed_by_user_id)
    await messages.tell(council_id, "early_start_due", context, role=Role.MANAGER)


async def _setup_context(db: AsyncSession, row: DirectPaymentSetup) -> dict[str, object]:
    person = await db.get_one(Person, row.person_id)
    return {
        "reference": person.reference,
        "pays": pays_words(row.frequency, row.amount_pence, row.once_pence),
        "starts_on": row.starts_on,
        "reason": row.reason,
    }
