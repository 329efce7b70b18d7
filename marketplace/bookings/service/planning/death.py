"""A person has died: what is to come stops, and what was delivered is paid."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.bookings.events import VisitsStopped
from marketplace.bookings.models import Booking, CalledOffBy, CallOffReason, SupportAgreement
from marketplace.bookings.repository_planning import AgreementReader
from marketplace.bookings.repository_visits import FeedReader, VisitReader
from marketplace.bookings.service.planning.calling_off import call_off
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import SUPPORT_AGREEMENT, AgreementStatus
from marketplace.core import outbox
from marketplace.core.database import clock_of

DIED = "The person has died."


async def stop_for_death(db: AsyncSession, council_id: UUID, person_id: UUID, died_on: date) -> int:
    """End everything of a person that has not taken place. Returns how many visits were taken away.

    Nothing is owed for visits after the day of death, whatever notice the terms ask for, nor to keep a place. Visits up
    to that day and those that a provider claims stay as they are, to be looked at by who acts for the person. Doing it
    twice changes nothing.
    """
    clock = clock_of(db)
    reader = VisitReader(db)
    visits = await reader.locked(reader.of_the_dead(council_id, person_id, died_on, clock.now()))
    call_off(
        db,
        [(visit, 0) for visit in visits],
        by=CalledOffBy.PLATFORM,
        user_id=None,
        reason=CallOffReason.DIED,
        words=DIED,
    )
    agreements = AgreementReader(db)
    open_ones = await agreements.open_of(council_id, person_id)
    for agreement in open_ones:
        mine = [row for row in visits if row.agreement_id == agreement.id]
        _end(db, agreement, died_on)
        if mine or agreement.status is AgreementStatus.AGREED:
            _tell(db, agreement, died_on, mine)
    await FeedReader(db).end_of_person(council_id, person_id, clock.now())
    if visits or open_ones:
        audit.record(
            db,
            None,
            "bookings.stop_for_death",
            council_id=council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"visits": len(visits), "agreements": len(open_ones)},
        )
    await db.flush()
    return len(visits)


async def restore_after_mistake(db: AsyncSession, council_id: UUID, person_id: UUID) -> list[SupportAgreement]:
    """Let agreements go on that a death had ended by mistake, where nobody has changed their end since.

    Weekly visits are planned anew, with their price and whoever is free by now. One-off visits, drafts and calendar
    addresses stay ended: nobody can know whether they are still wanted. Doing it twice changes nothing.

    Returns:
        The agreements that go on.
    """
    found = [
        row
        for row in await AgreementReader(db).open_of(council_id, person_id)
        if row.status is AgreementStatus.AGREED and row.end_reason == DIED
    ]
    for agreement in found:
        agreement.ends_on, agreement.end_before_death_on = agreement.end_before_death_on, None
        agreement.end_reason = ""
        if agreement.notice_by is None:
            agreement.notice_at = None
        audit.record(
            db,
            None,
            "bookings.restore_after_mistake",
            council_id=council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            after={"ends_on": agreement.ends_on},
        )
    await db.flush()
    if found:
        await Planner(db).plan(council_id, [person_id])
    return found


def _end(db: AsyncSession, agreement: SupportAgreement, died_on: date) -> None:
    if agreement.status is not AgreementStatus.AGREED:
        SUPPORT_AGREEMENT.move(db, agreement, AgreementStatus.WITHDRAWN, by=None)
        return
    last = max(died_on, agreement.starts_on) + timedelta(days=1)
    if agreement.ends_on is None or agreement.ends_on > last:
        agreement.end_before_death_on, agreement.ends_on, agreement.end_reason = agreement.ends_on, last, DIED
        agreement.notice_at = agreement.notice_at or clock_of(db).now()


def _tell(db: AsyncSession, agreement: SupportAgreement, died_on: date, visits: list[Booking]) -> None:
    outbox.publish(
        db,
        VisitsStopped(
            council_id=agreement.council_id,
            agreement_id=agreement.id,
            person_id=agreement.person_id,
            organisation_id=agreement.organisation_id,
            from_on=died_on,
            visits=len(visits),
            why=CallOffReason.DIED.value,
            by_side=CalledOffBy.PLATFORM.value,
        ),
    )
