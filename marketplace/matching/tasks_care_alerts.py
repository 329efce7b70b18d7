"""Late news about care: looks at awards that have not begun when a provider's standing changes, and every night."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.outbox import task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.matching.events import AlertRaised
from marketplace.matching.repository.alerts import AlertRepository, HeldOfferRepository
from marketplace.matching.repository.care import AwardRepository, RequirementRepository
from marketplace.matching.service.care.alerts import CareAlertService
from marketplace.matching.states import AlertStatus
from marketplace.matching.words_runs import CAUSE_LABELS
from marketplace.messaging import MessagingService
from marketplace.providers.events import AccreditationChanged, StandingChanged


@task("matching.look_at_care_standing", on=StandingChanged)
async def look_at_care_standing(message_id: UUID, event: StandingChanged) -> None:
    """Look at care that an organisation is to begin. Claims nothing: looking twice changes nothing."""
    await _look(event.council_id, event.organisation_id)


@task("matching.look_at_care_accreditation", on=AccreditationChanged)
async def look_at_care_accreditation(message_id: UUID, event: AccreditationChanged) -> None:
    """Look at care that an organisation is to begin after a decision about its accreditation."""
    await _look(event.council_id, event.organisation_id)


@task("matching.tell_broker_of_care_alert", on=AlertRaised)
async def tell_broker_of_care_alert(message_id: UUID, event: AlertRaised) -> None:
    """Tell the broker who awarded the care; every broker when that one has left."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "matching.tell_broker_of_care_alert", message_id):
            return
        alert = await AlertRepository(db).find(event.council_id, event.alert_id)
        if alert.status is not AlertStatus.OPEN or alert.requirement_id is None:
            return
        requirement = await RequirementRepository(db).find(event.council_id, alert.requirement_id)
        awards = await AwardRepository(db).of_requirement(event.council_id, requirement.id)
        user_id = awards[0].awarded_by_user_id if awards else requirement.created_by_user_id
        context = {
            "reference": requirement.reference,
            "cause": CAUSE_LABELS[alert.cause],
            "link": f"{site_address()}/matching/alerts/{alert.id}",
        }
        messages = MessagingService(db)
        told = await messages.tell(event.council_id, "requirement_alert", context, user_id=user_id, role=Role.BROKER)
        if not told:
            await messages.tell(event.council_id, "requirement_alert", context, role=Role.BROKER)


@every(timedelta(days=1), "matching.sweep_care_alerts")
async def sweep_care_alerts() -> None:
    """Look at all care that is to begin, and at every open alert about it: what no event told."""
    async with transaction(session_maker(), "every") as db:
        councils = set(await AwardRepository(db).councils_to_start(today(clock_of(db))))
        councils |= set(await HeldOfferRepository(db).councils())
    for council_id in sorted(councils):
        await _look(council_id)


async def _look(council_id: UUID, organisation_id: UUID | None = None) -> None:
    """Look at requirements, each in its own transaction."""
    async with transaction(session_maker(), [council_id]) as db:
        found = set(await AwardRepository(db).to_start(council_id, today(clock_of(db)), organisation_id))
        if organisation_id is None:
            found |= set(await AlertRepository(db).open_requirements(council_id))
    for requirement_id in sorted(found):
        async with transaction(session_maker(), [council_id]) as db:
            await CareAlertService(db).look(council_id, requirement_id)
