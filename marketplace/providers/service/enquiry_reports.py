"""What the council does with reported messages: read the thread with a reason, and say what was done."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.providers.models import Enquiry
from marketplace.providers.repository.enquiries import EnquiryView
from marketplace.providers.service.enquiries import EnquirySteps

OPEN_FOR: Final = timedelta(hours=1)
"""How long a reason opens a thread for who gave it."""
OPENED: Final = "providers.read_enquiry"


class EnquiryReportService(EnquirySteps):
    """The council's side. A thread that nobody reported cannot be reached at all."""

    def reported(self, principal: Principal) -> Select[Enquiry]:
        """Start a question about the reported threads of the own council."""
        principal.require(Permission.ENQUIRIES_READ)
        return self.enquiries.reported(principal.council_id)

    async def find(self, principal: Principal, enquiry_id: UUID) -> EnquiryView:
        """Return a reported thread without what was written.

        Raises:
            NotFound: Nobody reported it, or it is another council's.
        """
        view = await self.enquiries.view(self.reported(principal).where(Enquiry.id == enquiry_id))
        if view is None:
            raise NotFound
        return view

    async def is_open(self, principal: Principal, enquiry_id: UUID) -> bool:
        """Whether this reader gave a reason within the last hour."""
        since = self.clock.now() - OPEN_FOR
        return await self.enquiries.has_opened(principal.council_id, principal.user_id, enquiry_id, OPENED, since)

    async def open(self, principal: Principal, enquiry_id: UUID, why: str) -> None:
        """Give the reason for reading a thread; the audit log keeps it.

        Raises:
            NotFound: Nobody reported it.
        """
        view = await self.find(principal, enquiry_id)
        self._audit(principal, view.enquiry, OPENED, why=why)

    async def settle(self, principal: Principal, enquiry_id: UUID, done: str) -> None:
        """Say what was done about the reported messages; they leave the list and may be reported anew.

        Raises:
            NotFound: Nobody reported it, or this reader has not opened it.
        """
        enquiry = await self._locked(self.reported(principal), enquiry_id)
        if not await self.is_open(principal, enquiry_id):
            raise NotFound
        messages = (await self.enquiries.reports([enquiry.id])).get(enquiry.id, [])
        for message in messages:
            message.reported_because = ""
        self._audit(
            principal,
            enquiry,
            "providers.settle_report",
            before={"message_ids": [message.id for message in messages]},
            why=done,
        )
