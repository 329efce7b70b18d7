"""What either side of an enquiry is told by e-mail: that something is new, and where to read it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.messaging import MessagingService
from marketplace.providers.events import EnquiryChanged
from marketplace.providers.models import Enquiry, EnquiryKind
from marketplace.providers.repository.enquiries import EnquiryRepository, EnquiryView
from marketplace.providers.service.enquiry_forms import PLACE_LABELS
from marketplace.providers.states import EnquiryStatus


async def tell_other_side(db: AsyncSession, event: EnquiryChanged, public_url: str) -> None:
    """Tell the provider, or the person and who acts for them. The transaction reaches the council.

    Raises:
        LookupError: The enquiry is gone.
    """
    enquiries, messages = EnquiryRepository(db), MessagingService(db)
    view = await enquiries.view(enquiries.of(event.council_id).where(Enquiry.id == event.enquiry_id))
    if view is None:
        raise LookupError(f"Enquiry {event.enquiry_id} is gone")
    enquiry = view.enquiry
    context = _context(view, event.status)
    if not event.for_provider:
        context["link"] = f"{public_url}/enquiries/{enquiry.id}"
        await messages.tell(enquiry.council_id, "enquiry_person", context, person_id=enquiry.person_id)
        return
    context["link"] = f"{public_url}/provider/enquiries/{enquiry.id}"
    organisation_id = enquiry.organisation_id
    await messages.tell(
        enquiry.council_id, "enquiry_provider", context, organisation_id=organisation_id, role=Role.PROVIDER
    )
    if enquiry.worker_id is not None:
        await messages.tell(enquiry.council_id, "enquiry_provider", context, worker_id=enquiry.worker_id, role=Role.PA)


def _context(view: EnquiryView, status: str) -> dict[str, Any]:
    enquiry = view.enquiry
    is_agreed = status == EnquiryStatus.AGREED and enquiry.agreed_at is not None
    return {
        "listing": view.listing.title,
        "organisation": view.organisation.name,
        "status": status,
        "is_meeting": enquiry.kind is EnquiryKind.MEETING,
        "agreed_at": enquiry.agreed_at if is_agreed else None,
        "place": PLACE_LABELS[enquiry.meeting_place] if enquiry.meeting_place else "",
    }
