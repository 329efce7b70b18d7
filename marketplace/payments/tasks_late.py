"""Background work of late payments: the supplier hears what became of a claim."""

from uuid import UUID

from marketplace.accounts import AccountRepository
from marketplace.core import outbox
from marketplace.core.database import session_maker, transaction
from marketplace.messaging import MessagingService
from marketplace.payments.events import LateInterestDecided
from marketplace.payments.repository.lateness import LatenessRepository
from marketplace.payments.repository.self_bills import SelfBillRepository


@outbox.task("payments.tell_late_interest", on=LateInterestDecided)
async def tell_late_interest(message_id: UUID, event: LateInterestDecided) -> None:
    """The organisation hears whether its claim was agreed."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_late_interest", message_id):
            return
        claim = await LatenessRepository(db).find(event.council_id, event.late_interest_id)
        council = await AccountRepository(db).council(event.council_id)
        organisation = await SelfBillRepository(db).organisation(event.organisation_id)
        context = {
            "council_name": council.name if council else "the council",
            "organisation_name": organisation.name,
            "is_agreed": event.is_agreed,
            "reason": claim.reason,
            "total_pence": claim.interest_pence + claim.fixed_pence,
        }
        await MessagingService(db).tell(
            event.council_id, "late_interest_decided", context, organisation_id=event.organisation_id
        )
