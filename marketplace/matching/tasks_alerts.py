"""Late news: looks at what planners hold when something changes, and every night at everything."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import AlertRaised, OfferDeclined, OfferHandedBack, OfferLapsed, OfferWithdrawn
from marketplace.matching.models import RematchAlert, RematchCause
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.repository.alerts import AlertRepository, HeldOfferRepository
from marketplace.matching.service.alerts import AlertService
from marketplace.matching.states import AlertStatus, ReferralStatus
from marketplace.matching.words_runs import CAUSE_LABELS
from marketplace.messaging import MessagingService
from marketplace.providers.events import AccreditationChanged, StandingChanged, WorkerTimeChanged
from marketplace.providers.repository.planners import PlannerRepository

BATCH = 50
"""Offers looked at in one transaction."""
SOMEBODY = "The planner"


@task("matching.look_at_worker", on=WorkerTimeChanged)
async def look_at_worker(message_id: UUID, event: WorkerTimeChanged) -> None:
    """Look at what a worker holds, in every council. Claims nothing: looking twice changes nothing."""
    async with transaction(session_maker(), "every") as db:
        councils = await HeldOfferRepository(db).councils_of_worker(event.worker_id)
    for council_id in councils:
        await _look(council_id, worker_id=event.worker_id)


@task("matching.look_at_accreditation", on=AccreditationChanged)
async def look_at_accreditation(message_id: UUID, event: AccreditationChanged) -> None:
    """Look at what an organisation's planners hold after a decision about its accreditation."""
    await _look(event.council_id, organisation_id=event.organisation_id)


@task("matching.look_at_standing", on=StandingChanged)
async def look_at_standing(message_id: UUID, event: StandingChanged) -> None:
    """Look at what an organisation's planners hold after evidence or a registration ended or came back."""
    await _look(event.council_id, organisation_id=event.organisation_id)


@task("matching.propose_after_decline", on=OfferDeclined)
async def propose_after_decline(message_id: UUID, event: OfferDeclined) -> None:
    """Say who is best placed after a no."""
    await _ended("matching.propose_after_decline", message_id, event, RematchCause.DECLINED, "said no")


@task("matching.propose_after_lapse", on=OfferLapsed)
async def propose_after_lapse(message_id: UUID, event: OfferLapsed) -> None:
    """Say who is best placed after nobody answered."""
    await _ended("matching.propose_after_lapse", message_id, event, RematchCause.DECLINED, "did not answer in time")


@task("matching.propose_after_withdrawal", on=OfferWithdrawn)
async def propose_after_withdrawal(message_id: UUID, event: OfferWithdrawn) -> None:
    """Say who is best placed after an offer was taken back."""
    await _ended(
        "matching.propose_after_withdrawal", message_id, event, RematchCause.DECLINED, "no longer has the offer"
    )


@task("matching.propose_after_hand_back", on=OfferHandedBack)
async def propose_after_hand_back(message_id: UUID, event: OfferHandedBack) -> None:
    """Say who is best placed after an accepted referral came back."""
    await _ended("matching.propose_after_hand_back", message_id, event, RematchCause.HANDED_BACK, "no longer plans")


@task("matching.tell_person_of_hand_back", on=OfferHandedBack)
async def tell_person_of_hand_back(message_id: UUID, event: OfferHandedBack) -> None:
    """Tell the person, and who acts for them, that the council looks for somebody else.

    Who took the plan into their own hands knows, and nobody is looked for.
    """
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_person_of_hand_back", message_id):
            referral = await ReferralRepository(db).find(event.council_id, event.referral_id)
            if referral.status is ReferralStatus.SELF_PLANNED:
                return
            context = {"planner_name": await _planner_name(db, event.worker_id), "link": f"{site_address()}/my-plan"}
            await MessagingService(db).tell(event.council_id, "planner_handed_back", context, person_id=event.person_id)


@task("matching.tell_broker_of_alert", on=AlertRaised)
async def tell_broker_of_alert(message_id: UUID, event: AlertRaised) -> None:
    """Tell the broker who decided; every broker when that one has left."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "matching.tell_broker_of_alert", message_id):
            return
        alert = await AlertRepository(db).find(event.council_id, event.alert_id)
        if alert.status is not AlertStatus.OPEN or alert.referral_id is None or alert.offer_id is None:
            return
        if alert.cause is RematchCause.DECLINED:
            return  # The broker hears of the no itself, and its message leads to the same place.
        await _tell_broker(db, alert)


@every(timedelta(days=1), "matching.sweep_alerts")
async def sweep_alerts() -> None:
    """Look at everything that planners hold, and at every open alert: what no event told."""
    async with transaction(session_maker(), "every") as db:
        councils = await HeldOfferRepository(db).councils()
    for council_id in councils:
        await _look(council_id)
        after: UUID | None = None
        while True:
            async with transaction(session_maker(), [council_id]) as db:
                found = await AlertRepository(db).open_ids(council_id, after, BATCH)
                for referral_id in found:
                    await AlertService(db).let_go(council_id, referral_id)
            if len(found) < BATCH:
                break
            after = found[-1]


async def _look(council_id: UUID, *, worker_id: UUID | None = None, organisation_id: UUID | None = None) -> None:
    """Look at held offers, some in a transaction at a time."""
    after: UUID | None = None
    while True:
        async with transaction(session_maker(), [council_id]) as db:
            rows = await HeldOfferRepository(db).held(
                council_id, worker_id=worker_id, organisation_id=organisation_id, after=after, limit=BATCH
            )
            await AlertService(db).look(council_id, rows)
        if len(rows) < BATCH:
            return
        after = rows[-1][0].id


async def _ended(
    name: str,
    message_id: UUID,
    event: OfferDeclined | OfferLapsed | OfferWithdrawn | OfferHandedBack,
    cause: RematchCause,
    said: str,
) -> None:
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, name, message_id):
            offer = await OfferRepository(db).find(event.council_id, event.offer_id)
            why = offer.hand_back_reason or offer.decline_reason
            detail = f"{await _planner_name(db, event.worker_id)} {said}{': ' if why else ''}{why}".rstrip(".") + "."
            await AlertService(db).note_ended(event.council_id, event.offer_id, cause, detail)


async def _planner_name(db: AsyncSession, worker_id: UUID) -> str:
    row = (await PlannerRepository(db).with_organisation([worker_id])).get(worker_id)
    return row[0].name if row is not None else SOMEBODY


async def _tell_broker(db: AsyncSession, alert: RematchAlert) -> None:
    if alert.referral_id is None or alert.offer_id is None:
        return
    offer = await OfferRepository(db).find(alert.council_id, alert.offer_id)
    referral = await ReferralRepository(db).find(alert.council_id, alert.referral_id)
    context = {
        "reference": referral.reference,
        "cause": CAUSE_LABELS[alert.cause],
        "link": f"{site_address()}/matching/alerts/{alert.id}",
    }
    messages = MessagingService(db)
    told = await messages.tell(
        alert.council_id, "rematch_alert", context, user_id=offer.decided_by_user_id, role=Role.BROKER
    )
    if not told:
        await messages.tell(alert.council_id, "rematch_alert", context, role=Role.BROKER)
