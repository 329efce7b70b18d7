"""Telling people about nominations and approvals, and what the calendar does to approvals."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.providers.events import NominationMoved, PaApprovalMoved
from marketplace.providers.models import ActionKind, NominationStatus, PaApproval
from marketplace.providers.repository.nominations import NominationRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.pa_register import PaRegisterRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.service.telling import tell_organisation
from marketplace.providers.service.workforce.pa_register import PaWatch, last_day
from marketplace.providers.states import PaApprovalStatus

_OWN_STEPS = frozenset({PaApprovalStatus.APPLIED.value, PaApprovalStatus.WITHDRAWN.value})
"""Steps of the assistant: the council is told. All others are told to the assistant."""


@task("providers.tell_nomination", on=NominationMoved)
async def tell_nomination(message_id: UUID, event: NominationMoved) -> None:
    """Tell the council of a new nomination, and an organisation what was decided about its own."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_nomination", message_id):
            return
        nominations = NominationRepository(db)
        row = await nominations.nomination(event.nomination_id, council_id=event.council_id)
        call = await nominations.call(row.call_id)
        workers = await WorkforceRepository(db).by_id([row.worker_id])
        organisation = await OrganisationRepository(db).find(row.organisation_id)
        council = await AccountRepository(db).council(row.council_id)
        context = {
            "worker": workers[row.worker_id].name,
            "organisation": organisation.name,
            "council": council.name if council else "",
            "title": call.title,
            "status": event.status,
            "reason": row.reason,
        }
        base = delivery.settings().public_url
        if event.status in (NominationStatus.NOMINATED.value, NominationStatus.WITHDRAWN.value):
            context["link"] = f"{base}/accreditation/nominations/{call.id}"
            await MessagingService(db).tell(event.council_id, "nomination_made", context, role=Role.ACCREDITOR)
        else:
            context["link"] = f"{base}/provider/nominations"
            await tell_organisation(db, row.organisation_id, "nomination_decided", context)


@task("providers.tell_pa_approval", on=PaApprovalMoved)
async def tell_pa_approval(message_id: UUID, event: PaApprovalMoved) -> None:
    """Tell the council of an application, and an assistant what became of theirs or that the year ends."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_pa_approval", message_id):
            return
        row = await PaRegisterRepository(db).own(event.organisation_id, event.approval_id)
        if event.status == PaApprovalStatus.REMOVED.value and await _is_told_of_removal(db, row):
            return
        organisation = await OrganisationRepository(db).find(row.organisation_id)
        council = await AccountRepository(db).council(row.council_id)
        context = {
            "organisation": organisation.name,
            "council": council.name if council else "",
            "status": event.status,
            "is_renewal": row.renews_id is not None,
            "reason": row.reason,
            "approved_from": row.approved_from,
            "last_day": last_day(row),
        }
        base = delivery.settings().public_url
        if event.status in _OWN_STEPS:
            context["link"] = f"{base}/accreditation/pa-register/{row.id}"
            await MessagingService(db).tell(event.council_id, "pa_application", context, role=Role.ACCREDITOR)
        else:
            context["link"] = f"{base}/provider/pa-approval/{row.id}"
            await tell_organisation(db, row.organisation_id, "pa_approval", context)


async def _is_told_of_removal(db: AsyncSession, row: PaApproval) -> bool:
    """Whether the accreditation was removed with the approval: that message has the reason and the days to reply."""
    if row.accreditation_id is None:
        return False
    last = await StandingRepository(db).last_action(row.accreditation_id)
    return last is not None and last[0].kind is ActionKind.REMOVE


@every(timedelta(hours=1), "providers.watch_pa_approvals")
async def watch_pa_approvals() -> None:
    """End approvals whose year is over and send reminders that are due; each goes out once."""
    async with transaction(session_maker(), "every") as db:
        await PaWatch(db).run()
