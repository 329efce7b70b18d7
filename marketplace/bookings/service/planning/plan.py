"""Writing the visits of weekly patterns, some weeks ahead: the same visits in any order of runs, each of them once.

A run looks at every day from today to the horizon and writes what is not there, so a run that was missed, stopped half
way or done twice changes nothing. What is there is recognised by (pattern_id, pattern_on), which the database holds
unique. All questions are asked for a batch of people at once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit, setting
from marketplace.bookings.calendar import Span
from marketplace.bookings.events import VisitsNotPlanned
from marketplace.bookings.models import AgreementPause, Booking, Funding, SupportAgreement, VisitPattern
from marketplace.bookings.policies import service_of
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.repository_planning import AgreementReader, PlanningRepository, VisitKey
from marketplace.bookings.service.agreements.prices import TermsView, rate_of, retainer_of, terms_on, visit_price
from marketplace.bookings.service.employment.family import FamilyService
from marketplace.bookings.service.planning.diary import Diary, Places
from marketplace.bookings.service.planning.forecast import Forecast
from marketplace.bookings.service.planning.patterns import days_of, holds, span_of
from marketplace.bookings.service.planning.writing import VisitWriter
from marketplace.bookings.service.purse import purses_of
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.providers.models import Listing

NO_MONEY, NOT_ACCREDITED, BUDGET_ENDED, FULL = "no_money", "not_accredited", "budget_ended", "activity_full"
NOT_ALLOWED = "not_allowed"


class Wish(msgspec.Struct):
    """A visit that a pattern asks for and that is not written yet."""

    agreement: SupportAgreement
    pattern: VisitPattern
    day: date
    visit: Span
    rate_pence: int
    cost_pence: int
    pause: AgreementPause | None
    """The pause it falls into; it is written only because its place is kept for money."""
    travel_minutes: int = 0


class Planned(msgspec.Struct):
    """What a run did."""

    written: int = 0
    without_worker: int = 0
    stopped: dict[UUID, tuple[date, str]] = {}
    """Agreements with days that could not be planned: the first of them, and why."""

    def add(self, other: "Planned") -> None:
        """Count another run in."""
        self.written += other.written
        self.without_worker += other.without_worker
        self.stopped = {**self.stopped, **other.stopped}


async def views_of(rows: PlanningRepository, agreement_ids: Sequence[UUID]) -> dict[UUID, list[TermsView]]:
    """Return the agreed terms by agreement, ready to price with."""
    terms, rates = await rows.terms(agreement_ids)
    found: dict[UUID, list[TermsView]] = {}
    for row in terms:
        found.setdefault(row.agreement_id, []).append(
            TermsView.of(row, [one for one in rates if one.terms_id == row.id])
        )
    return found


class Planner:
    """Plans the visits of a council's people within the caller's transaction."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.agreements = AgreementReader(db)
        self.rows = PlanningRepository(db)

    async def plan(self, council_id: UUID, person_ids: Sequence[UUID], *, only: UUID | None = None) -> Planned:
        """Write the missing visits of people's running agreements (or of one), up to `bookings.planned_weeks` ahead.

        Each visit is priced by the terms of its day. One that the direct payment does not reach is not written, nor is
        any later one of that agreement; one on a day for which the organisation is not accredited is left out. Both are
        told once (`VisitsNotPlanned`) and written by a later run when the reason is gone. Somebody who is not free is
        left out of a visit, never the visit.
        """
        now, first = self.clock.now(), today(self.clock)
        weeks = int(await setting(self.db, council_id, "bookings.planned_weeks", first))
        until = first + timedelta(weeks=weeks)
        agreements = list(await self.agreements.of_people(council_id, person_ids, first, only=only))
        if not agreements:
            return Planned()
        ids = [row.id for row in agreements]
        patterns = await self.rows.patterns(ids, first, until)
        wishes = self._wishes(
            agreements,
            patterns,
            views=await views_of(self.rows, ids),
            pauses=await self.rows.pauses(ids, first),
            deaths=await self.rows.deaths(person_ids),
            written=await self.rows.keys([row.id for row in patterns], first),
            first=first,
            until=until,
            now=now,
        )
        listings = await self.rows.listings(row.listing_id for row in agreements)
        result = Planned(stopped={})
        if wishes:
            travel = int(await setting(self.db, council_id, "bookings.travel_minutes", first))
            _set_travel(wishes, travel)
            diary = await self._diary(wishes)
            chosen = await self._affordable(council_id, wishes, listings, result)
            writer = VisitWriter(self.db, diary, await self._places(chosen, listings))
            written = await writer.write(chosen, listings, now)
            for agreement_id, day in writer.full.items():
                result.stopped.setdefault(agreement_id, (day, FULL))
            result.written, result.without_worker = len(written), writer.without_worker
            self._note(council_id, agreements, written)
        for agreement in agreements:
            day, why = result.stopped.get(agreement.id, (until, ""))
            if why and why != agreement.not_planned_why:
                self._tell(agreement, day, why)
            await self.rows.note_planned(agreement, until, why)
        return result

    def _wishes(
        self,
        agreements: Sequence[SupportAgreement],
        patterns: Sequence[VisitPattern],
        *,
        views: Mapping[UUID, Sequence[TermsView]],
        pauses: Mapping[UUID, Sequence[AgreementPause]],
        deaths: Mapping[UUID, date],
        written: set[VisitKey],
        first: date,
        until: date,
        now: datetime,
    ) -> list[Wish]:
        """Return the visits that are missing, by start."""
        by_id = {row.id: row for row in agreements}
        found = []
        for pattern in patterns:
            agreement = by_id[pattern.agreement_id]
            ends = [until, agreement.ends_on or until, deaths.get(agreement.person_id, until)]
            for day in days_of(pattern, max(first, agreement.starts_on), min(ends)):
                if VisitKey(pattern.id, day) in written:
                    continue
                visit = span_of(day, pattern.starts_local, pattern.minutes)
                view = terms_on(views.get(agreement.id, ()), day)
                if visit.starts_at <= now or view is None:
                    continue
                cost = visit_price(view, day, pattern.minutes, pattern.workers_needed, pattern.is_sleep_in)
                pause = next((row for row in pauses.get(agreement.id, ()) if holds(row, day)), None)
                if pause is not None:
                    cost = retainer_of(view, (day - pause.starts_on).days + 1, cost)
                    if not cost:
                        continue
                rate = rate_of(view, day, pattern.is_sleep_in)
                found.append(Wish(agreement, pattern, day, visit, rate, cost, pause))
        return sorted(found, key=lambda wish: (wish.visit.starts_at, wish.pattern.id))

    async def _diary(self, wishes: Sequence[Wish]) -> Diary:
        """Hold the workers concerned and read their time, over all councils."""
        wanted = {one for wish in wishes for one in (wish.pattern.worker_id, wish.pattern.second_worker_id) if one}
        if not wanted:
            return Diary({})
        workers = await self.rows.hold_workers(wanted)
        ends = max(wish.visit.ends_at for wish in wishes) + timedelta(hours=2)
        return Diary(await OfferRepository(self.db).calendars(workers, wishes[0].visit.starts_at, ends))

    async def _places(self, wishes: Sequence[Wish], listings: Mapping[UUID, Listing]) -> Places:
        limited = {wish.agreement.listing_id for wish in wishes if wish.pattern.workers_needed == 0} & {
            row.id for row in listings.values() if row.session_places
        }
        if not limited:
            return Places([])
        ends = max(wish.visit.ends_at for wish in wishes)
        return Places(await self.rows.places(limited, wishes[0].visit.starts_at, ends))

    async def _affordable(
        self, council_id: UUID, wishes: Sequence[Wish], listings: Mapping[UUID, Listing], result: Planned
    ) -> list[Wish]:
        """Return the visits that may be promised, the earliest first; note in the result what stops the others."""
        paid = [wish for wish in wishes if wish.agreement.funding is Funding.DIRECT_PAYMENT]
        services = {row.id: service_of(row.category).value for row in listings.values()}

        def key(wish: Wish) -> tuple[UUID, str, date]:
            return (wish.agreement.organisation_id, services[wish.agreement.listing_id], wish.day)

        accredited = await self.rows.accredited(council_id, map(key, paid), today(self.clock))
        agreements = {wish.agreement.id: wish.agreement for wish in paid}
        blocked = await FamilyService(self.db).blocked(list(agreements.values()))
        people = sorted({wish.agreement.person_id for wish in paid})
        purses = await purses_of(self.db, council_id, people, locked=True) if people else {}
        forecasts = {person_id: Forecast(purse) for person_id, purse in purses.items()}
        chosen, out_of_money = [], set()
        for wish in wishes:
            agreement = wish.agreement
            if agreement.funding is not Funding.DIRECT_PAYMENT:
                chosen.append(wish)
                continue
            forecast = forecasts.get(agreement.person_id)
            why = ""
            if agreement.id in out_of_money:
                continue
            if forecast is None or (forecast.ends_on is not None and wish.day >= forecast.ends_on):
                why = BUDGET_ENDED
            elif agreement.id in blocked:
                why = NOT_ALLOWED
            elif key(wish) not in accredited:
                why = NOT_ACCREDITED
            elif wish.cost_pence > forecast.free_on(wish.day):
                why = NO_MONEY
                out_of_money.add(agreement.id)
            if why:
                result.stopped.setdefault(agreement.id, (wish.day, why))
                continue
            if forecast is not None and wish.cost_pence:
                forecast.promise(wish.day, wish.cost_pence)
            chosen.append(wish)
        return chosen

    def _note(self, council_id: UUID, agreements: Sequence[SupportAgreement], written: Sequence[Booking]) -> None:
        """Leave one audit row an agreement, however many visits."""
        for agreement in agreements:
            mine = [row.visit_on for row in written if row.agreement_id == agreement.id]
            if mine:
                audit.record(
                    self.db,
                    None,
                    "bookings.plan_visits",
                    council_id=council_id,
                    subject_kind="support_agreement",
                    subject_id=agreement.id,
                    after={"visits": len(mine), "first": min(mine), "last": max(mine)},
                )

    def _tell(self, agreement: SupportAgreement, day: date, why: str) -> None:
        outbox.publish(
            self.db,
            VisitsNotPlanned(
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                person_id=agreement.person_id,
                organisation_id=agreement.organisation_id,
                from_on=day,
                why=why,
            ),
        )


def _set_travel(wishes: Sequence[Wish], minutes: int) -> None:
    """Set the way to the next visit; none where the worker stays with the same person."""
    for wish in wishes:
        if wish.pattern.worker_id is None:
            continue
        until = wish.visit.ends_at + timedelta(minutes=minutes)
        stays = any(
            other.agreement.person_id == wish.agreement.person_id
            and other.pattern.worker_id == wish.pattern.worker_id
            and wish.visit.ends_at <= other.visit.starts_at < until
            for other in wishes
        )
        wish.travel_minutes = 0 if stays else minutes
