"""What follows from applications: both sides hear of what was sent, taken back or appealed; drafts are remembered.

What the council decides is told by the tasks beside its decisions.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.providers.events import AppealMoved, ApplicationMoved
from marketplace.providers.models import Application
from marketplace.providers.repository.applications import ApplicationRepository, RoundFacts
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.telling import tell_organisation
from marketplace.providers.states import AppealStatus, ApplicationStatus

REMINDED_BEFORE = timedelta(days=3)
FROM_THE_APPLICANT = {
    ApplicationStatus.SUBMITTED.value: "sent",
    ApplicationStatus.DRAFT.value: "taken_back",
    ApplicationStatus.WITHDRAWN.value: "withdrawn",
}
"""The steps that an applicant takes, and what the message calls them."""


@task("providers.tell_application_sent", on=ApplicationMoved)
async def tell_application_sent(message_id: UUID, event: ApplicationMoved) -> None:
    """Tell both sides that an application was sent, taken back or withdrawn."""
    what = FROM_THE_APPLICANT.get(event.status)
    if what is None:
        return
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_application_sent", message_id):
            return
        found = await _read(db, event.organisation_id, event.application_id)
        if found is None:
            return
        application, facts = found
        context = await _context(db, application, facts) | {"what": what, "is_late": application.is_late}
        path = f"/provider/applications/{application.id}"
        await tell_organisation(
            db, event.organisation_id, "application_sent", context | {"link": f"{site_address()}{path}"}
        )
        context["link"] = f"{site_address()}/accreditation/applications"
        await MessagingService(db).tell(event.council_id, "application_arrived", context, role=Role.ACCREDITOR)


@task("providers.tell_appeal_made", on=AppealMoved)
async def tell_appeal_made(message_id: UUID, event: AppealMoved) -> None:
    """Tell both sides that an applicant appealed."""
    if event.status != AppealStatus.OPEN.value:
        return
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_appeal_made", message_id):
            return
        found = await _read(db, event.organisation_id, event.application_id)
        if found is None:
            return
        context = await _context(db, *found)
        link = f"{site_address()}/provider/applications/{event.application_id}/appeal"
        await tell_organisation(db, event.organisation_id, "appeal_received", context | {"link": link})
        context["link"] = f"{site_address()}/accreditation/appeals/{event.appeal_id}"
        messaging = MessagingService(db)
        for role in (Role.ACCREDITOR, Role.MANAGER):
            await messaging.tell(event.council_id, "appeal_arrived", context, role=role)


@every(timedelta(hours=1), "providers.remind_drafts")
async def remind_drafts() -> None:
    """Remind organisations, once, of drafts whose round closes within three days."""
    async with transaction(session_maker(), "every") as db:
        now = clock_of(db).now()
        for application, facts in await ApplicationRepository(db).to_remind(now, now + REMINDED_BEFORE):
            application.reminded_at = now
            context = await _context(db, application, facts)
            context |= {
                "closes_at": facts.round.closes_at,
                "link": f"{site_address()}/provider/applications/{application.id}",
            }
            await tell_organisation(db, application.organisation_id, "application_reminder", context)


async def _read(db: AsyncSession, organisation_id: UUID, application_id: UUID) -> tuple[Application, RoundFacts] | None:
    applications = ApplicationRepository(db)
    application = await applications.maybe(
        applications.of_applicant(organisation_id).where(Application.id == application_id)
    )
    facts = await applications.round(application.round_id) if application else None
    return (application, facts) if application and facts else None


async def _context(db: AsyncSession, application: Application, facts: RoundFacts) -> dict[str, Any]:
    organisation = await OrganisationRepository(db).find(application.organisation_id)
    return {
        "reference": application.reference,
        "organisation": organisation.name,
        "framework": facts.framework.name,
        "round": facts.round.name,
        "council": facts.council.name,
        "decides_on": facts.round.decides_on,
        "closes_at": facts.round.closes_at,
    }
