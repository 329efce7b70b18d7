"""Late news: who may not hold what was given to them, and who is best placed instead. A broker decides."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.core.formats import plural, uk_date
from marketplace.core.ids import new_id
from marketplace.matching.errors import CannotRank
from marketplace.matching.events import AlertRaised
from marketplace.matching.models import Offer, Referral, RematchAlert, RematchCause
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.repository.alerts import AlertRepository, HeldOfferRepository
from marketplace.matching.service.shortlists import ShortlistService
from marketplace.matching.states import ALERT, AlertStatus, ReferralStatus
from marketplace.people import PeopleRepository
from marketplace.providers.models import Worker, WorkerAbsence
from marketplace.providers.repository.planners import PlannerRepository
from marketplace.providers.service.planners import PlannerService, full_places, places_in_week

WEEK = timedelta(days=7)
KEPT_FOR = timedelta(days=28)
"""A broker who keeps a planner in spite of a cause is not asked again for this long."""
ENDED_CAUSES = frozenset({RematchCause.DECLINED, RematchCause.HANDED_BACK})
"""The offer is over and the referral waits again; the others are about an offer that is still held."""


class Trouble(msgspec.Struct, frozen=True):
    """Why a held offer may not hold, in words about the planner or organisation and not about the person."""

    cause: RematchCause
    detail: str


Held = Row[Offer, Referral, date | None, int | None]


class AlertService:
    """Raises alerts and lets them go. The platform's own work: deciding is `service.acting`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.alerts = AlertRepository(db)
        self.held = HeldOfferRepository(db)

    async def look(self, council_id: UUID, rows: Sequence[Held]) -> int:
        """Look at held offers: raise what is new, let go what has ended. Returns how many alerts were raised."""
        if not rows:
            return 0
        troubles = await self.troubles(council_id, rows)
        raised = 0
        for offer, referral, _, _ in rows:
            found = troubles[offer.id]
            raised += await self._align(council_id, referral, offer, found)
        await self.db.flush()
        return raised

    async def troubles(self, council_id: UUID, rows: Sequence[Held]) -> dict[UUID, list[Trouble]]:
        """Say for each offer why it may not hold as things stand now."""
        on = today(self.clock)
        workers = await PlannerRepository(self.db).with_organisation({row[0].worker_id for row in rows})
        weeks = [row[2] for row in rows if row[2] is not None]
        until = max([*weeks, week_start(on)]) + WEEK
        absences = await PlannerRepository(self.db).absences(list(workers), min([*weeks, on]), until)
        per_week = int(await setting(self.db, council_id, "matching.plans_per_week", on))
        stopped: dict[UUID, str | None] = {}
        found = {}
        for offer, _, week_on, place in rows:
            worker, organisation = workers[offer.worker_id]
            if organisation.id not in stopped:
                stopped[organisation.id] = await PlannerService(self.db).why_not_accredited(
                    organisation.id, council_id, on
                )
            troubles = []
            why = stopped[organisation.id]
            if why is not None:
                troubles.append(Trouble(RematchCause.STANDING, f"{organisation.name} {why}."))
            troubles.extend(_time_troubles(worker, absences.get(worker.id, []), week_on, place, per_week, on))
            found[offer.id] = troubles
        return found

    async def note_ended(self, council_id: UUID, offer_id: UUID, cause: RematchCause, detail: str) -> bool:
        """Raise an alert because an offer ended without a yes, or after it. Returns whether one was raised.

        Nothing is raised when the referral has gone on already: offered again, closed, kept by the council.
        """
        offer = await OfferRepository(self.db).find(council_id, offer_id)
        referral = await ReferralRepository(self.db).find(council_id, offer.referral_id, locked=True)
        for older in await self.alerts.open_of(council_id, referral.id):
            if older.cause not in ENDED_CAUSES or older.offer_id != offer.id:
                self._go(older, "The offer has ended")
        await self.db.flush()
        if referral.status is not ReferralStatus.RECEIVED:
            return False
        return await self._raise(council_id, referral, offer, Trouble(cause, detail))

    async def let_go(self, council_id: UUID, referral_id: UUID) -> None:
        """Let alerts go whose referral needs nobody any more, or whose offer is over."""
        referral = await ReferralRepository(self.db).find(council_id, referral_id, locked=True)
        for alert in await self.alerts.open_of(council_id, referral_id):
            waits = referral.status is ReferralStatus.RECEIVED
            is_held = referral.status in (ReferralStatus.OFFERED, ReferralStatus.MATCHED)
            if alert.cause in ENDED_CAUSES and not waits:
                self._go(alert, "The referral no longer waits")
            elif alert.cause not in ENDED_CAUSES and (not is_held or referral.planned_at is not None):
                self._go(alert, "The plan is finished or the offer is over")
        await self.db.flush()

    async def best_instead(self, referral: Referral, without: Iterable[UUID]) -> tuple[UUID, int] | None:
        """Return who is best placed now besides some planners, with their points; None when nobody is."""
        council = await AccountRepository(self.db).council(referral.council_id)
        person = await PeopleRepository(self.db).find(referral.council_id, referral.person_id)
        try:
            made = await ShortlistService(self.db).rank(referral, person, council.name if council else "")
        except CannotRank:
            return None
        left_out = {str(worker_id) for worker_id in without}
        entry = next((entry for entry in made.ranking.entries if entry.id not in left_out), None)
        return (UUID(entry.id), entry.total) if entry is not None else None

    async def _align(self, council_id: UUID, referral: Referral, offer: Offer, found: Sequence[Trouble]) -> int:
        """Make the open alerts of a held offer agree with what is found."""
        causes = {trouble.cause for trouble in found}
        known = set()
        for alert in await self.alerts.open_of(council_id, referral.id):
            if alert.cause in ENDED_CAUSES or alert.offer_id != offer.id or alert.cause not in causes:
                self._go(alert, "The cause has ended")
            else:
                known.add(alert.cause)
        await self.db.flush()
        raised = 0
        for trouble in found:
            if trouble.cause in known:
                continue
            if await self.alerts.is_settled(offer.id, trouble.cause, self.clock.now() - KEPT_FOR):
                continue
            raised += await self._raise(council_id, referral, offer, trouble)
        return raised

    async def _raise(self, council_id: UUID, referral: Referral, offer: Offer, trouble: Trouble) -> bool:
        best = await self.best_instead(referral, [offer.worker_id])
        alert = RematchAlert(
            id=new_id(),
            council_id=council_id,
            referral_id=referral.id,
            offer_id=offer.id,
            cause=trouble.cause,
            detail=trouble.detail,
            status=AlertStatus.OPEN,
            proposed_worker_id=best[0] if best else None,
            proposed_score=best[1] if best else None,
            noticed_at=self.clock.now(),
        )
        self.db.add(alert)
        await self.db.flush()
        ALERT.begin(self.db, alert, by=None, why=trouble.detail)
        audit.record(
            self.db,
            None,
            "matching.raise_alert",
            council_id=council_id,
            subject_kind="rematch_alert",
            subject_id=alert.id,
            after={"referral_id": referral.id, "cause": trouble.cause, "proposed": alert.proposed_worker_id},
        )
        outbox.publish(self.db, AlertRaised(council_id=council_id, alert_id=alert.id))
        return True

    def _go(self, alert: RematchAlert, why: str) -> None:
        ALERT.move(self.db, alert, AlertStatus.GONE, by=None, why=why)
        alert.handled_at = self.clock.now()
        alert.handled_how = why


def _time_troubles(
    worker: Worker,
    absences: Sequence[WorkerAbsence],
    week_on: date | None,
    place: int | None,
    per_week: int,
    on: date,
) -> list[Trouble]:
    """Say why a planner has no time for a place that they hold: gone, away, or fewer places than given away."""
    if worker.ends_on is not None and worker.ends_on <= max(week_on or on, on):
        return [
            Trouble(RematchCause.LEFT, f"{worker.name}’s last day is {uk_date(worker.ends_on - timedelta(days=1))}.")
        ]
    if week_on is None or place is None or week_on + WEEK <= on:
        return []  # The week has passed: the visit is behind them, what is left is writing.
    whole = full_places(worker.fte_percent, per_week)
    here = places_in_week(worker, week_on, whole, absences)
    if place <= here:
        return []
    away = [item for item in absences if item.starts_on < week_on + WEEK and item.ends_on > week_on]
    if away and place <= places_in_week(worker, week_on, whole, []):
        first, last = away[0].starts_on, away[0].ends_on - timedelta(days=1)
        said = f"on {uk_date(first)}" if first == last else f"from {uk_date(first)} to {uk_date(last)}"
        return [Trouble(RematchCause.ABSENCE, f"{worker.name} is away {said}.")]
    return [
        Trouble(
            RematchCause.CAPACITY,
            f"{worker.name} has {plural(here, 'place')} in the week of {uk_date(week_on)} and more are given away.",
        )
    ]
