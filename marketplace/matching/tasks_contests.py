"""Telling people about decisions on who plans with them, and reminding the council of answers it owes."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import ContestAnswered, ContestMade, DecisionTold, OfferMade
from marketplace.matching.models import Contest
from marketplace.matching.repository import ContestRepository, OfferRepository, ReferralRepository
from marketplace.matching.repository.care import RequirementRepository
from marketplace.messaging import MessagingService

LATE_BATCH = 200


@task("matching.tell_person_of_decision", on=OfferMade)
async def tell_person_of_decision(message_id: UUID, event: OfferMade) -> None:
    """Tell the person, and who acts for them, that somebody was asked, who decided and how to contest it."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "matching.tell_person_of_decision", message_id):
            return
        offer = await OfferRepository(db).find(event.council_id, event.offer_id)
        referral = await ReferralRepository(db).find(event.council_id, offer.referral_id)
        council = await AccountRepository(db).council(event.council_id)
        context = {"council_name": council.name if council else "The council", "link": _link("/my-match")}
        await MessagingService(db).tell(event.council_id, "decision_told", context, person_id=referral.person_id)
        outbox.publish(
            db,
            DecisionTold(
                council_id=event.council_id, referral_id=referral.id, offer_id=offer.id, person_id=referral.person_id
            ),
        )


@task("matching.tell_council_of_contest", on=ContestMade)
async def tell_council_of_contest(message_id: UUID, event: ContestMade) -> None:
    """Ask for an answer: managers, and brokers other than who decided."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_council_of_contest", message_id):
            await _ask(db, await ContestRepository(db).find(event.council_id, event.contest_id), is_late=False)


@task("matching.tell_person_of_answer", on=ContestAnswered)
async def tell_person_of_answer(message_id: UUID, event: ContestAnswered) -> None:
    """Tell the person that the answer is there."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "matching.tell_person_of_answer", message_id):
            context = {"link": _link("/my-match")}
            await MessagingService(db).tell(event.council_id, "contest_answered", context, person_id=event.person_id)


@every(timedelta(days=1), "matching.remind_of_contests")
async def remind_of_contests() -> None:
    """Remind managers once a day of contests whose day of answer has passed."""
    async with transaction(session_maker(), "every") as db:
        late = [(row.council_id, row.id) for row in await ContestRepository(db).late(today(clock_of(db)), LATE_BATCH)]
    for council_id, contest_id in late:
        async with transaction(session_maker(), [council_id]) as db:
            await _ask(db, await ContestRepository(db).find(council_id, contest_id), is_late=True)


async def _ask(db: AsyncSession, contest: Contest, *, is_late: bool) -> None:
    referral = (
        await ReferralRepository(db).find(contest.council_id, contest.referral_id) if contest.referral_id else None
    )
    requirement = (
        await RequirementRepository(db).find(contest.council_id, contest.requirement_id)
        if contest.requirement_id
        else None
    )
    context = {
        "reference": referral.reference if referral else requirement.reference if requirement else "",
        "is_care": requirement is not None,
        "answer_by": contest.answer_by,
        "is_late": is_late,
        "link": _link(f"/contests/{contest.id}"),
    }
    messages = MessagingService(db)
    told = await messages.tell(contest.council_id, "contest_made", context, role=Role.MANAGER)
    if not told:
        await messages.tell(contest.council_id, "contest_made", context, role=Role.BROKER)


def _link(path: str) -> str:
    return f"{site_address()}{path}"
