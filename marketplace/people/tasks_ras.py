"""Background work of points and budgets: telling the other role, and the monthly look at what it costs."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.formats import uk_month
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.people.ras.events import RasAlarmRaised, RasProposed, RasPublished
from marketplace.people.ras.preview import value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.watching import ALARM_WORDS, WatchService
from marketplace.people.states import RasStatus

TOLD = (Role.MANAGER, Role.FINANCE)


@task("people.tell_ras_proposed", on=RasProposed)
async def tell_ras_proposed(message_id: UUID, event: RasProposed) -> None:
    """Finance hears that a version waits."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_ras_proposed", message_id):
            return
        row = await RasRepository(db).find(event.council_id, event.ras_version_id)
        if row.status is not RasStatus.PROPOSED:
            return  # It was taken back or published since.
        context = {
            "number": row.number,
            "title": row.title,
            "value": value_words(row.point_value_pence),
            "link": f"{delivery.settings().public_url}/ras/{row.id}",
        }
        await MessagingService(db).tell(event.council_id, "ras_proposed", context, role=Role.FINANCE)


@task("people.tell_ras_published", on=RasPublished)
async def tell_ras_published(message_id: UUID, event: RasPublished) -> None:
    """Managers and social workers hear what counts, and from when."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_ras_published", message_id):
            return
        row = await RasRepository(db).find(event.council_id, event.ras_version_id)
        context = {
            "number": row.number,
            "title": row.title,
            "starts_on": row.starts_on,
            "value": value_words(row.point_value_pence),
            "link": f"{delivery.settings().public_url}/ready-reckoner",
        }
        for role in (Role.MANAGER, Role.SOCIAL_WORKER):
            await MessagingService(db).tell(event.council_id, "ras_published", context, role=role)


@task("people.tell_ras_alarm", on=RasAlarmRaised)
async def tell_ras_alarm(message_id: UUID, event: RasAlarmRaised) -> None:
    """Managers and finance hear what went beyond its limit (R27)."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "people.tell_ras_alarm", message_id):
            return
        month, row = await RasRepository(db).month(event.council_id, event.ras_month_id)
        context = {
            "number": row.number,
            "month": uk_month(month.month),
            "alarms": [ALARM_WORDS[key] for key in month.alarms],
            "people": month.people,
            "indicative_pence": month.indicative_annual_pence,
            "allocatable_pence": row.allocatable_pence,
            "protection_pence": row.protection_pence,
            "link": f"{delivery.settings().public_url}/ras/watch?version={row.id}",
        }
        for role in TOLD:
            await MessagingService(db).tell(event.council_id, "ras_alarm", context, role=role)


@every(timedelta(hours=12), "people.watch_ras")
async def watch_ras() -> None:
    """Put the last whole month on record, each council in its own transaction. What is on record stays as it is."""
    async with transaction(session_maker(), "every") as db:
        councils = await RasRepository(db).councils_with_published()
    attempts = Attempts()
    for council_id in councils:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await WatchService(db).note_month(council_id)
    attempts.done()
