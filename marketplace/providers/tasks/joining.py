"""Joining, evidence, cover and links to the register."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import AccountRepository, Role
from marketplace.accounts.service import link_secret
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.sending import send_secret
from marketplace.providers.events import (
    CoverChanged,
    EvidenceDecided,
    EvidenceEnding,
    JoiningSubmitted,
    ListingChanged,
    OrganisationJoined,
    RegulatorLinkDecided,
    RegulatorLinkMade,
)
from marketplace.providers.models import Evidence, EvidenceKind, HiddenWhy
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.joining import JoiningRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import RegulatorLinkRepository
from marketplace.providers.service.cover import CoverService
from marketplace.providers.service.evidence import EVIDENCE_LABELS, EvidenceService
from marketplace.providers.service.joining import LINK_PURPOSE, JoiningService
from marketplace.providers.service.joining_answers import is_asking
from marketplace.providers.service.organisations import KIND_LABELS
from marketplace.providers.service.recognising import Recognising
from marketplace.providers.service.standing.own import stopped_by
from marketplace.providers.service.telling import tell_organisation
from marketplace.providers.states import RegulatorLinkStatus


@task("providers.send_join_link", on=JoiningSubmitted)
async def send_join_link(message_id: UUID, event: JoiningSubmitted) -> None:
    """Send the link that confirms an e-mail address, or say that it has an account. Calls out, so it claims nothing."""
    settings = delivery.settings()
    async with transaction(session_maker(), "every") as db:
        joining = await JoiningRepository(db).locked(event.joining_id)
        if joining is None or joining.confirmed_at is not None:
            return
        to_address = joining.email
        is_known = await AccountRepository(db).is_known(to_address)
        name = str(joining.answers.get("contact_name") or joining.answers["name"])
        asks = is_asking(joining.answers)
        organisation = (await Recognising(db).here(joining)).organisation.name if asks else ""
    if asks:
        # Also where the address has an account: the request is then for that account.
        link = f"{settings.public_url}/join/confirm/{link_secret(settings.secret_key, LINK_PURPOSE, event.joining_id)}"
        context = {"reader_name": name, "organisation": organisation}
        await send_secret(event.joining_id, event.council_id, to_address, "join_ask_confirm", context, {"link": link})
    elif is_known:
        link = f"{settings.public_url}/sign-in"
        await send_secret(event.joining_id, event.council_id, to_address, "join_known", {}, {"link": link})
    else:
        link = f"{settings.public_url}/join/confirm/{link_secret(settings.secret_key, LINK_PURPOSE, event.joining_id)}"
        context = {"reader_name": name}
        await send_secret(event.joining_id, event.council_id, to_address, "join_confirm", context, {"link": link})


@task("providers.tell_joined", on=OrganisationJoined)
async def tell_joined(message_id: UUID, event: OrganisationJoined) -> None:
    """Tell the council's accreditors that somebody registered."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "providers.tell_joined", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        context = {
            "organisation": organisation.name,
            "kind": KIND_LABELS[organisation.kind].lower(),
            "town": organisation.town,
            "link": f"{delivery.settings().public_url}/organisations/{organisation.id}",
        }
        await MessagingService(db).tell(event.council_id, "organisation_joined", context, role=Role.ACCREDITOR)


@every(timedelta(hours=6), "providers.forget_joinings")
async def forget_joinings() -> None:
    """Delete registrations that nobody confirmed within seven days."""
    async with transaction(session_maker(), "every") as db:
        await JoiningService(db).forget_old()


@task("providers.keep_cover", on=ListingChanged)
async def keep_cover(message_id: UUID, event: ListingChanged) -> None:
    """Hide a listing that comes onto the market without the insurance it needs. Doing it twice changes nothing."""
    async with transaction(session_maker(), "every") as db:
        organisation_id = await EvidenceRepository(db).organisation_of_listing(event.listing_id)
        if organisation_id is not None:
            await CoverService(db).apply_insurance(organisation_id)


@task("providers.tell_evidence_ending", on=EvidenceEnding)
async def tell_evidence_ending(message_id: UUID, event: EvidenceEnding) -> None:
    """Remind an organisation that a paper ends, or say that it has ended."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_evidence_ending", message_id):
            return
        row = await db.get(Evidence, event.evidence_id)
        if row is None or row.expires_on is None:
            return
        context = {
            "evidence": EVIDENCE_LABELS[row.kind],
            "days_left": event.days_left,
            "last_day": row.expires_on - timedelta(days=1),
            "is_insurance": row.kind is EvidenceKind.LIABILITY_INSURANCE,
            "accreditations": await stopped_by(db, row),
            "link": f"{delivery.settings().public_url}/provider/evidence",
        }
        await tell_organisation(db, event.organisation_id, "evidence_ending", context)


@task("providers.tell_evidence_decided", on=EvidenceDecided)
async def tell_evidence_decided(message_id: UUID, event: EvidenceDecided) -> None:
    """Tell an organisation that the council saw a paper, or why it does not count."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_evidence_decided", message_id):
            return
        row = await db.get(Evidence, event.evidence_id)
        if row is None:
            return
        context = {
            "evidence": EVIDENCE_LABELS[row.kind],
            "is_seen": event.is_seen,
            "reason": row.refused_because,
            "link": f"{delivery.settings().public_url}/provider/evidence",
        }
        await tell_organisation(db, event.organisation_id, "evidence_decided", context)


@task("providers.tell_cover_changed", on=CoverChanged)
async def tell_cover_changed(message_id: UUID, event: CoverChanged) -> None:
    """Tell an organisation that its listings left the market or came back. Bookings tells the others.

    Where its insurance ended today, the message of that end says so already.
    """
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_cover_changed", message_id):
            return
        if event.is_hidden and event.why == HiddenWhy.EVIDENCE.value:
            ended = await EvidenceRepository(db).ended(event.organisation_id, today(clock_of(db)))
            if any(paper.kind is EvidenceKind.LIABILITY_INSURANCE for paper in ended):
                return
        context = {
            "is_hidden": event.is_hidden,
            "why": event.why,
            "link": f"{delivery.settings().public_url}/provider/evidence",
        }
        await tell_organisation(db, event.organisation_id, "listings_hidden", context)


@task("providers.tell_link_made", on=RegulatorLinkMade)
async def tell_link_made(message_id: UUID, event: RegulatorLinkMade) -> None:
    """Ask the council's accreditors to look at a link whose facts differ."""
    if event.status != RegulatorLinkStatus.IN_REVIEW.value:
        return
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "providers.tell_link_made", message_id):
            return
        organisation = await OrganisationRepository(db).find(event.organisation_id)
        context = {
            "organisation": organisation.name,
            "link": f"{delivery.settings().public_url}/regulator-links/{event.link_id}",
        }
        await MessagingService(db).tell(event.council_id, "regulator_link_review", context, role=Role.ACCREDITOR)


@task("providers.tell_link_decided", on=RegulatorLinkDecided)
async def tell_link_decided(message_id: UUID, event: RegulatorLinkDecided) -> None:
    """Tell an organisation what became of its link to the register."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_link_decided", message_id):
            return
        link = await RegulatorLinkRepository(db).find(event.council_id, event.link_id)
        context = {
            "words": event.status.replace("_", " "),
            "reason": link.reason,
            "link": f"{delivery.settings().public_url}/provider/evidence/registration",
        }
        await tell_organisation(db, event.organisation_id, "regulator_link_decided", context)


@every(timedelta(hours=1), "providers.watch_evidence")
async def watch_evidence() -> None:
    """Send reminders that are due and bring listings in line with today's evidence; each reminder goes out once."""
    async with transaction(session_maker(), "every") as db:
        await EvidenceService(db).watch()
