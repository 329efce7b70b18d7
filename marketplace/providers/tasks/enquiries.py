"""Enquiries: telling the other side, and the council of what was reported."""

from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.events import (
    EnquiryChanged,
    EnquiryReported,
)
from marketplace.providers.service.enquiry_news import tell_other_side

# Enquiries: both sides hear that something is new and read it on the site. What was written never goes by e-mail.


@task("providers.tell_enquiry", on=EnquiryChanged)
async def tell_enquiry(message_id: UUID, event: EnquiryChanged) -> None:
    """Tell the other side of an enquiry that something is new."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.tell_enquiry", message_id):
            await tell_other_side(db, event, delivery.settings().public_url)


@task("providers.tell_reported", on=EnquiryReported)
async def tell_reported(message_id: UUID, event: EnquiryReported) -> None:
    """Tell the council's brokers that a message was reported."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.tell_reported", message_id):
            link = f"{delivery.settings().public_url}/reported-enquiries/{event.enquiry_id}"
            await MessagingService(db).tell(event.council_id, "enquiry_reported", {"link": link}, role=Role.BROKER)
