"""Telling people of invitations, requests to join, new names and merges."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository, Role
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import uk_date
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.sending import send_secret
from marketplace.providers.events import InvitationSent, JoinRequestMoved, OrganisationRenamed, OrganisationsMerged
from marketplace.providers.models import JoinRequestStatus
from marketplace.providers.repository.merges import MergeRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.service.invitations import secret_of
from marketplace.providers.service.join_requests import JoinRequestService
from marketplace.providers.service.telling import tell_organisation


@task("providers.send_invitation", on=InvitationSent)
async def send_invitation(message_id: UUID, event: InvitationSent) -> None:
    """Send the link of an invitation. Calls out, so it claims nothing: a message that is sent is left alone."""
    settings = delivery.settings()
    async with transaction(session_maker(), "every") as db:
        row = await PeopleRepository(db).invitation(event.organisation_id, event.invitation_id)
        if row.revoked_at is not None or row.accepted_at is not None or not row.email:
            return
        organisation = await OrganisationRepository(db).find(row.organisation_id)
        names = await AccountRepository(db).names({row.invited_by_user_id})
        to_address = row.email
        context = {
            "organisation": organisation.name,
            "invited_by": names.get(row.invited_by_user_id, ""),
            "until": uk_date(row.expires_at.date()),
        }
    link = f"{settings.public_url}/invitations/{secret_of(settings.secret_key, event.invitation_id, is_letter=False)}"
    await send_secret(event.invitation_id, event.council_id, to_address, "invitation", context, {"link": link})


@task("providers.tell_join_request", on=JoinRequestMoved)
async def tell_join_request(message_id: UUID, event: JoinRequestMoved) -> None:
    """Ask the organisation's people, or the council where it has none; tell who asked what was decided."""
    settings = delivery.settings()
    async with transaction(session_maker(), "every") as db:
        request = await PeopleRepository(db).request(event.request_id)
        organisation = await OrganisationRepository(db).find(request.organisation_id)
        if event.status == JoinRequestStatus.WAITING.value:
            if not await first_time(db, "providers.tell_join_request", message_id):
                return
            if request.status is not JoinRequestStatus.WAITING:
                return  # Somebody decided in the meantime.
            template = "join_request_reminder" if request.reminded_at else "join_request"
            context = {
                "name": request.name,
                "organisation": organisation.name,
                "message": request.message,
                "asked_on": local(request.asked_at).date(),
            }
            if await PeopleRepository(db).has_keeper(organisation.id, today(clock_of(db))):
                link = f"{settings.public_url}/provider/people"
                await tell_organisation(db, organisation.id, template, {**context, "link": link})
                return
            link = f"{settings.public_url}/join-requests"
            await MessagingService(db).tell(event.council_id, template, {**context, "link": link}, role=Role.ACCREDITOR)
            return
        if event.status == JoinRequestStatus.ACCEPTED.value and await first_time(
            db, "providers.tell_join_request", message_id
        ):
            told = {
                "name": request.name,
                "organisation": organisation.name,
                "link": f"{settings.public_url}/provider/people",
            }
            await tell_organisation(db, organisation.id, "join_request_accepted", told)
        answer = {
            "reader_name": request.name,
            "organisation": organisation.name,
            "is_accepted": event.status == JoinRequestStatus.ACCEPTED.value,
            "reason": request.reason,
            "link": f"{settings.public_url}/sign-in",
        }
        to_address = request.email
    # Who was refused has no account, so this goes to the address that was confirmed.
    await send_secret(event.request_id, event.council_id, to_address, "join_request_answered", answer, {})


@every(timedelta(hours=1), "providers.remind_join_requests")
async def remind_join_requests() -> None:
    """Ask those who decide about a request again after three working days; each request is reminded of once."""
    async with transaction(session_maker(), "every") as db:
        await JoinRequestService(db).remind()


@task("providers.tell_renamed", on=OrganisationRenamed)
async def tell_renamed(message_id: UUID, event: OrganisationRenamed) -> None:
    """Tell the accreditors of every council that accredits an organisation that its name changed."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_renamed", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        standing = await MergeRepository(db).standing(organisation.id, today(clock_of(db)))
        context = {
            "organisation": organisation.name,
            "was": event.was,
            "link": f"{delivery.settings().public_url}/organisations/{organisation.id}",
        }
        for council_id in sorted({row.council_id for row in standing}):
            await MessagingService(db).tell(council_id, "organisation_renamed", context, role=Role.ACCREDITOR)


@task("providers.tell_merged", on=OrganisationsMerged)
async def tell_merged(message_id: UUID, event: OrganisationsMerged) -> None:
    """Tell the people of the organisation that stays, and every other council that has to do with one of the two."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_merged", message_id):
            return
        organisations, merges = OrganisationRepository(db), MergeRepository(db)
        old = await organisations.find(event.from_organisation_id)
        new = await organisations.find(event.into_organisation_id)
        step = await merges.step_of(old.id)
        url = delivery.settings().public_url
        context = {"old": old.name, "new": new.name, "reason": step.reason if step else ""}
        await tell_organisation(
            db, new.id, "organisations_merged", {**context, "link": f"{url}/provider/organisation", "is_council": False}
        )
        concerned = await merges.ever_concerned(old) | await merges.ever_concerned(new)
        told = {**context, "link": f"{url}/organisations/{new.id}", "is_council": True}
        for council_id in sorted(concerned - {event.council_id}):
            await MessagingService(db).tell(council_id, "organisations_merged", told, role=Role.ACCREDITOR)
