"""Telling people what happened to an offer, and ending offers that nobody answered.

Messages hold a reference and a link: what a referral says stays behind the sign-in.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import OfferAccepted, OfferDeclined, OfferLapsed, OfferMade, OfferWithdrawn
from marketplace.matching.models import Offer
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.service import OfferService
from marketplace.messaging import MessagingService
from marketplace.providers.events import AccreditationChanged, StandingChanged
from marketplace.providers.repository.planners import PlannerRepository

LAPSE_BATCH = 200


@task("matching.tell_planner_of_offer", on=OfferMade)
async def tell_planner_of_offer(message_id: UUID, event: OfferMade) -> None:
    """Ask the planner for an answer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_planner_of_offer", message_id):
            await _tell_planner(db, "offer_made", await OfferRepository(db).find(event.council_id, event.offer_id))


@task("matching.tell_planner_of_withdrawal", on=OfferWithdrawn)
async def tell_planner_of_withdrawal(message_id: UUID, event: OfferWithdrawn) -> None:
    """Tell the planner that there is nothing to answer any more."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_planner_of_withdrawal", message_id):
            await _tell_planner(db, "offer_withdrawn", await OfferRepository(db).find(event.council_id, event.offer_id))


@task("matching.tell_broker_of_acceptance", on=OfferAccepted)
async def tell_broker_of_acceptance(message_id: UUID, event: OfferAccepted) -> None:
    """Tell the broker that a planner was found."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_broker_of_acceptance", message_id):
            await _tell_broker(db, "offer_accepted", event.council_id, event.offer_id)


@task("matching.tell_person_of_planner", on=OfferAccepted)
async def tell_person_of_planner(message_id: UUID, event: OfferAccepted) -> None:
    """Tell the person, and who acts for them, who will plan with them."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_person_of_planner", message_id):
            worker, organisation = (await PlannerRepository(db).with_organisation([event.worker_id]))[event.worker_id]
            context = {"planner_name": worker.name, "organisation_name": organisation.name, "link": _link("/my-plan")}
            await MessagingService(db).tell(event.council_id, "planner_found", context, person_id=event.person_id)


@task("matching.tell_broker_of_decline", on=OfferDeclined)
async def tell_broker_of_decline(message_id: UUID, event: OfferDeclined) -> None:
    """Tell the broker that the referral is back in the queue."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_broker_of_decline", message_id):
            await _tell_broker(db, "offer_declined", event.council_id, event.offer_id)


@task("matching.tell_broker_of_lapse", on=OfferLapsed)
async def tell_broker_of_lapse(message_id: UUID, event: OfferLapsed) -> None:
    """Tell the broker that nobody answered in time."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_broker_of_lapse", message_id):
            await _tell_broker(db, "offer_lapsed", event.council_id, event.offer_id)


@task("matching.withdraw_unaccredited", on=AccreditationChanged)
async def withdraw_unaccredited(message_id: UUID, event: AccreditationChanged) -> None:
    """Take back open offers after a decision of the council about an accreditation."""
    await _withdraw_stopped(event.council_id, event.organisation_id)


@task("matching.withdraw_standing", on=StandingChanged)
async def withdraw_standing(message_id: UUID, event: StandingChanged) -> None:
    """Take back open offers after evidence or a registration ended."""
    await _withdraw_stopped(event.council_id, event.organisation_id)


async def _withdraw_stopped(council_id: UUID, organisation_id: UUID) -> None:
    """Take back each offer in its own transaction. Claims nothing: an offer is taken back once."""
    async with transaction(session_maker(), [council_id]) as db:
        found = await OfferRepository(db).stopped(council_id, organisation_id, today(clock_of(db)))
    for offer_id in found:
        async with transaction(session_maker(), [council_id]) as db:
            if await OfferService(db).withdraw_stopped(council_id, offer_id):
                await _tell_broker(db, "offer_stopped", council_id, offer_id)


@every(timedelta(minutes=5), "matching.lapse_offers")
async def lapse_offers() -> None:
    """End offers that nobody answered in time, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        late = await OfferRepository(db).overdue(clock_of(db).now(), LAPSE_BATCH)
    for council_id, offer_id in late:
        async with transaction(session_maker(), [council_id]) as db:
            await OfferService(db).lapse(council_id, offer_id)


async def _tell_planner(db: AsyncSession, template: str, offer: Offer) -> None:
    referral = await ReferralRepository(db).find(offer.council_id, offer.referral_id)
    context = {
        "reference": referral.reference,
        "answer_by": offer.answer_by,
        "link": _link(f"/offers/{offer.id}"),
    }
    await MessagingService(db).tell(offer.council_id, template, context, worker_id=offer.worker_id)


async def _tell_broker(db: AsyncSession, template: str, council_id: UUID, offer_id: UUID) -> None:
    """Tell the broker who decided; every broker when that one has left."""
    offer = await OfferRepository(db).find(council_id, offer_id)
    referral = await ReferralRepository(db).find(council_id, offer.referral_id)
    context: Mapping[str, Any] = {"reference": referral.reference, "link": _link(f"/referrals/{referral.id}")}
    messages = MessagingService(db)
    told = await messages.tell(council_id, template, context, user_id=offer.decided_by_user_id, role=Role.BROKER)
    if not told:
        await messages.tell(council_id, template, context, role=Role.BROKER)


def _link(path: str) -> str:
    return f"{site_address()}{path}"
