"""Background work of the books: commitments follow plans."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.core.schedule import Attempts, every
from marketplace.matching.events import OfferAccepted, OfferHandedBack
from marketplace.payments.repository.commitments import CommitmentRepository
from marketplace.payments.service.books.commitments import CommitmentService
from marketplace.payments.service.books.promises import PromiseService
from marketplace.plans.events import PlanSignedOff


@outbox.task("payments.commit_plan", on=OfferAccepted)
async def commit_plan(message_id: UUID, event: OfferAccepted) -> None:
    """A planner takes a case: its team has promised the price of a plan."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.commit_plan", message_id):
            await CommitmentService(db).commit_plan(event)


@outbox.task("payments.release_handed_back", on=OfferHandedBack)
async def release_handed_back(message_id: UUID, event: OfferHandedBack) -> None:
    """A case that is handed back is promised no longer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.release_handed_back", message_id):
            await CommitmentService(db).release(event.council_id)


@outbox.task("payments.release_signed_off", on=PlanSignedOff)
async def release_signed_off(message_id: UUID, event: PlanSignedOff) -> None:
    """A complete plan is earned: it is promised no longer."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.release_signed_off", message_id):
            await CommitmentService(db).release(event.council_id)


@every(timedelta(days=1), "payments.release_commitments")
async def release_commitments() -> None:
    """Take back what came in or fell away without a message, such as referrals that were closed."""
    async with transaction(session_maker(), "every") as db:
        councils = await CommitmentRepository(db).council_ids()
    for council_id in councils:
        async with transaction(session_maker(), [council_id]) as db:
            await CommitmentService(db).release(council_id)


@every(timedelta(hours=4), "payments.keep_promises")
async def keep_promises() -> None:
    """Bring the commitments for weekly visits, reviews, re-plans and block contracts up to what is promised now."""
    async with transaction(session_maker(), "every") as db:
        councils = [council.id for council in await AccountRepository(db).councils()]
    attempts = Attempts()
    for council_id in councils:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await PromiseService(db).keep(council_id)
    attempts.done()
