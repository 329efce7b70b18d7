"""Telling providers, brokers and people what happened to a requirement for care; ending rounds on time.

Messages hold a reference, a district and a link: what a requirement says stays behind the sign-in.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import (
    RequirementAwarded,
    RequirementAwardTakenBack,
    RequirementClosed,
    RequirementOpened,
    RequirementWithdrawn,
)
from marketplace.matching.models import Requirement
from marketplace.matching.repository.care import (
    AwardRepository,
    CareOfferRepository,
    InvitationRepository,
    RequirementRepository,
)
from marketplace.matching.service.care import RequirementService
from marketplace.matching.states import RequirementOfferStatus
from marketplace.messaging import MessagingService
from marketplace.providers.repository.care import CareFacts
from marketplace.providers.service.telling import tell_organisation

log = structlog.get_logger(__name__)
BATCH = 200
REMIND_BEFORE = timedelta(hours=4)
"""How long before the clock ends those who have not answered are reminded."""


@task("matching.tell_providers_of_requirement", on=RequirementOpened)
async def tell_providers_of_requirement(message_id: UUID, event: RequirementOpened) -> None:
    """Ask who was chosen for an offer."""
    async with transaction(session_maker(), "every") as db:
        if not await outbox.first_time(db, "matching.tell_providers_of_requirement", message_id):
            return
        row = await RequirementRepository(db).find(event.council_id, event.requirement_id)
        if row.round != event.round:
            return  # A later round has begun, which tells its own.
        asked = await InvitationRepository(db).of_requirement(event.council_id, row.id)
        ids = [item[0].organisation_id for item in asked if item[0].round == event.round]
        await _tell_each(db, row, ids, "requirement_invited")


@task("matching.tell_of_closed_requirement", on=RequirementClosed)
async def tell_of_closed_requirement(message_id: UUID, event: RequirementClosed) -> None:
    """Tell the broker that a round ended, and those whose offers were not chosen."""
    async with transaction(session_maker(), "every") as db:
        if not await outbox.first_time(db, "matching.tell_of_closed_requirement", message_id):
            return
        row = await RequirementRepository(db).find(event.council_id, event.requirement_id)
        if event.status == "awarded":
            offers = await CareOfferRepository(db).of_requirement(event.council_id, row.id, live=False)
            opened = row.opened_at
            lost = [
                offer.organisation_id
                for offer in offers
                if offer.status is RequirementOfferStatus.LOST
                and opened is not None
                and offer.submitted_at is not None
                and offer.submitted_at >= opened
            ]
            await _tell_each(db, row, lost, "requirement_lost")
            return
        template = "requirement_no_offers" if event.status == "no_offers" else "requirement_closed"
        await _tell_broker(db, template, row)


@task("matching.tell_of_withdrawn_requirement", on=RequirementWithdrawn)
async def tell_of_withdrawn_requirement(message_id: UUID, event: RequirementWithdrawn) -> None:
    """Tell everybody who was asked in the last round and did not say no."""
    async with transaction(session_maker(), "every") as db:
        if await outbox.first_time(db, "matching.tell_of_withdrawn_requirement", message_id):
            row = await RequirementRepository(db).find(event.council_id, event.requirement_id)
            asked = await InvitationRepository(db).of_requirement(event.council_id, row.id)
            ids = [
                item[0].organisation_id for item in asked if item[0].round == row.round and item[0].declined_at is None
            ]
            await _tell_each(db, row, ids, "requirement_withdrawn")


@task("matching.tell_winner_of_requirement", on=RequirementAwarded)
async def tell_winner_of_requirement(message_id: UUID, event: RequirementAwarded) -> None:
    """Tell the provider that it has won; who the person is stands behind the sign-in."""
    async with transaction(session_maker(), "every") as db:
        if await outbox.first_time(db, "matching.tell_winner_of_requirement", message_id):
            row = await RequirementRepository(db).find(event.council_id, event.requirement_id)
            award = await AwardRepository(db).find(event.council_id, event.award_id)
            if award.taken_back_at is None:
                await _tell_each(db, row, [event.organisation_id], "requirement_won")


@task("matching.tell_person_of_award", on=RequirementAwarded)
async def tell_person_of_award(message_id: UUID, event: RequirementAwarded) -> None:
    """Tell the person who will come, who decided, and that they can say what they think (UK GDPR 22A-22D)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_person_of_award", message_id):
            award = await AwardRepository(db).find(event.council_id, event.award_id)
            if award.taken_back_at is not None:
                return  # They are told of that instead.
            names = await CareFacts(db).names([event.organisation_id])
            people = await AccountRepository(db).names({award.awarded_by_user_id})
            council = await AccountRepository(db).council(event.council_id)
            context = {
                "organisation_name": names.get(event.organisation_id, ""),
                "starts_on": award.starts_on,
                "decided_by": people.get(award.awarded_by_user_id, "a broker"),
                "council_name": council.name if council else "",
                "link": f"{site_address()}/my-match",
            }
            await MessagingService(db).tell(
                event.council_id, "requirement_awarded_person", context, person_id=event.person_id
            )


@task("matching.tell_providers_of_award_taken_back", on=RequirementAwardTakenBack)
async def tell_providers_of_award_taken_back(message_id: UUID, event: RequirementAwardTakenBack) -> None:
    """Tell who had won, and those whose offers stand again."""
    async with transaction(session_maker(), "every") as db:
        if not await outbox.first_time(db, "matching.tell_providers_of_award_taken_back", message_id):
            return
        row = await RequirementRepository(db).find(event.council_id, event.requirement_id)
        await _tell_each(db, row, [event.organisation_id], "requirement_taken_back")
        if event.others_stand:
            offers = await CareOfferRepository(db).of_requirement(event.council_id, row.id)
            ids = [offer.organisation_id for offer in offers if offer.status is RequirementOfferStatus.SHORTLISTED]
            await _tell_each(db, row, ids, "requirement_stands_again")


@task("matching.tell_person_of_award_taken_back", on=RequirementAwardTakenBack)
async def tell_person_of_award_taken_back(message_id: UUID, event: RequirementAwardTakenBack) -> None:
    """Tell the person who decided that the provider does not come, and that they are heard again."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_person_of_award_taken_back", message_id):
            award = await AwardRepository(db).find(event.council_id, event.award_id)
            names = await CareFacts(db).names([event.organisation_id])
            by = award.taken_back_by_user_id
            people = await AccountRepository(db).names({by} if by else set())
            council = await AccountRepository(db).council(event.council_id)
            context = {
                "organisation_name": names.get(event.organisation_id, "The provider"),
                "decided_by": people.get(by, "a broker") if by else "a broker",
                "council_name": council.name if council else "",
                "link": f"{site_address()}/my-match",
            }
            await MessagingService(db).tell(
                event.council_id, "requirement_taken_back_person", context, person_id=event.person_id
            )


@every(timedelta(minutes=1), "matching.close_requirements")
async def close_requirements() -> None:
    """End rounds whose clock has ended, each in its own transaction."""
    async with transaction(session_maker(), "every") as db:
        ended = await RequirementRepository(db).ended(clock_of(db).now(), BATCH)
    for council_id, requirement_id in ended:
        try:
            async with transaction(session_maker(), [council_id]) as db:
                await RequirementService(db).close_on_time(council_id, requirement_id)
        except Exception:
            # The others end on time all the same; this one is tried again in a minute.
            log.exception("requirement-not-closed", requirement_id=str(requirement_id))


@every(timedelta(minutes=15), "matching.remind_of_requirements")
async def remind_of_requirements() -> None:
    """Remind those who have not answered shortly before the clock ends, once a round."""
    async with transaction(session_maker(), "every") as db:
        now = clock_of(db).now()
        waiting = await InvitationRepository(db).to_remind(now, now + REMIND_BEFORE, BATCH)
    for council_id, invitation_id in waiting:
        async with transaction(session_maker(), "every") as db:
            item = await InvitationRepository(db).find(council_id, invitation_id, locked=True)
            if item.reminded_at is None and item.declined_at is None:
                item.reminded_at = clock_of(db).now()
                row = await RequirementRepository(db).find(council_id, item.requirement_id)
                await _tell_each(db, row, [item.organisation_id], "requirement_reminder")


async def _tell_each(db: AsyncSession, row: Requirement, organisation_ids: Iterable[UUID], template: str) -> None:
    council = await AccountRepository(db).council(row.council_id)
    context: dict[str, Any] = {
        "reference": row.reference,
        "area": row.outward,
        "council_name": council.name if council else "",
        "answer_by": row.answer_by,
        "link": f"{site_address()}/provider/requirements/{row.id}",
    }
    for organisation_id in organisation_ids:
        await tell_organisation(db, organisation_id, template, context)


async def _tell_broker(db: AsyncSession, template: str, row: Requirement) -> None:
    """Tell the broker who wrote it; every broker when that one has left."""
    context = {"reference": row.reference, "link": f"{site_address()}/requirements/{row.id}"}
    messages = MessagingService(db)
    if not await messages.tell(row.council_id, template, context, user_id=row.created_by_user_id, role=Role.BROKER):
        await messages.tell(row.council_id, template, context, role=Role.BROKER)
