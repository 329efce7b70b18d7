"""Background work of points and budgets: telling the other role, the monthly look at what it costs, and reminders."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import uk_date, uk_month
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService, delivery
from marketplace.people.models import Protection
from marketplace.people.ras.events import RasAlarmRaised, RasProposed, RasPublished
from marketplace.people.ras.preview import value_words
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.watching import ALARM_WORDS, WatchService
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_budgets import ProtectionRepository
from marketplace.people.states import RasStatus

TOLD = (Role.MANAGER, Role.FINANCE)
"""Who hears of alarms, and may decide about what is protected."""
REMINDED: Final = "people.remind_protection"


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


@every(timedelta(hours=6), "people.remind_protections")
async def remind_protections() -> None:
    """Remind who looks after a protection when its day has come; once for each day that is set (R5).

    The audit row written with the message is also what keeps a second run, or one after a crash, from repeating it.
    """
    async with transaction(session_maker(), "every") as db:
        found = await ProtectionRepository(db).to_remind(today(clock_of(db)), REMINDED)
    attempts = Attempts()
    for council_id, protection_id in found:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await _remind(db, council_id, protection_id)
    attempts.done()


async def _remind(db: AsyncSession, council_id: UUID, protection_id: UUID) -> None:
    """Write the reminder, if it is still due. Where nobody could be told, the next run tries again."""
    rows = ProtectionRepository(db)
    row = await rows.find(council_id, protection_id, locked=True)
    is_over = row.ended_on is not None or row.review_on > today(clock_of(db))
    if is_over or await rows.is_marked(row, REMINDED):
        return
    person = await PeopleRepository(db).find(council_id, row.person_id)
    context = {
        "reference": person.reference,
        "review_on": uk_date(row.review_on),
        "link": f"{delivery.settings().public_url}/ras/protections/{row.id}",
    }
    if person.died_on is None and await _tell_holder(db, row, context):
        after = {"review_on": row.review_on.isoformat()}
        audit.record(
            db, None, REMINDED, council_id=council_id, subject_kind="protection", subject_id=row.id, after=after
        )


async def _tell_holder(db: AsyncSession, row: Protection, context: dict[str, str]) -> bool:
    """Tell who decided last, or who agreed it, if they may still decide; else managers, else finance."""
    holders = [user_id for user_id in (row.changed_by_user_id, row.agreed_by_user_id) if user_id is not None]
    for user_id in (*holders, None):
        for role in TOLD:
            told = await MessagingService(db).tell(
                row.council_id, "protection_due", context, user_id=user_id, role=role
            )
            if told:
                return True
    return False
