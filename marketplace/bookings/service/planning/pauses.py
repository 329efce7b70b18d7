"""Pauses for hospital or holiday, the end of a weekly visit, and visits that stop for good.

What is owed: the late charge of the terms where a visit is called off too late, and the retainer of the terms on the
first days of a pause; the larger of the two, never both. On a stay in hospital nobody gives notice: the late charge
counts on the day it is told and no longer, so billing stops the next day (K9), but for the retainer.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from marketplace.accounts import Principal, audit
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import AgreementPaused, AgreementResumed, PatternChanged, VisitsStopped
from marketplace.bookings.models import (
    AgreementPause,
    Booking,
    CalledOffBy,
    CallOffReason,
    PauseKind,
    Side,
    SupportAgreement,
)
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.service.agreements.prices import TermsView, owed_if_called_off, retainer_of, terms_on
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.calling_off import NOT_AGREED, CalledOff, call_off, end
from marketplace.bookings.service.planning.patterns import DAY, holds
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.planning.writing import PAUSE_REASON
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import Forbidden, InvalidInput, NotFound

PAUSE_WORDS = {
    PauseKind.HOSPITAL: "A stay in hospital.",
    PauseKind.HOLIDAY: "A holiday.",
    PauseKind.OTHER: "A pause.",
}


class Pauses(AgreementAccess):
    """The verbs of pauses and ends."""

    async def what_is_owed(
        self, agreement: SupportAgreement, kind: PauseKind, starts_on: date, ends_on: date | None
    ) -> CalledOff:
        """Say what a pause would come to for the visits that are written; nothing changes."""
        view = await self.views(agreement)
        visits = await self._visits(agreement, starts_on, ends_on, locked=False)
        owed = [self._owed(view, visit, kind, starts_on) for visit in visits]
        return CalledOff(sum(not one for one in owed), sum(bool(one) for one in owed), sum(owed))

    async def pause(
        self,
        principal: Principal,
        agreement_id: UUID,
        kind: PauseKind,
        starts_on: date,
        ends_on: date | None,
        note: str = "",
    ) -> AgreementPause:
        """Pause the visits of an agreement from a day on; without an end until somebody resumes them.

        The provider may note a stay in hospital; everything else is the person's.

        Raises:
            InvalidInput: In the past, the end before the start, or within another pause.
            Forbidden: A provider may not pause visits for another reason.
        """
        agreement, side = await self.of_side(principal, agreement_id, to_change=True)
        self.need_running(agreement)
        if side is Side.PROVIDER and kind is not PauseKind.HOSPITAL:
            raise Forbidden("Only the person can pause visits for a holiday. You can call off single visits.")
        self._check(starts_on, ends_on)
        for other in (await self.rows.pauses([agreement.id])).get(agreement.id, []):
            is_before = other.ends_on is not None and other.ends_on <= starts_on
            if not is_before and (ends_on is None or other.starts_on < ends_on):
                raise InvalidInput({"starts_on": "Visits pause already on some of these days. Change that pause"})
        row = AgreementPause(
            council_id=agreement.council_id,
            agreement_id=agreement.id,
            kind=kind,
            starts_on=starts_on,
            ends_on=ends_on,
            note=note,
            made_by=side,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        result = await self._call_off(principal, agreement, row, starts_on, ends_on)
        await Planner(self.db).plan(agreement.council_id, [agreement.person_id], only=agreement.id)
        audit.record(
            self.db,
            principal,
            "bookings.pause_visits",
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            after={
                "kind": kind,
                "starts_on": starts_on,
                "ends_on": ends_on,
                "free": result.free,
                "owed_pence": result.owed_pence,
            },
        )
        outbox.publish(
            self.db, AgreementPaused(**_ids(agreement), pause_id=row.id, starts_on=starts_on, ends_on=ends_on)
        )
        return row

    async def resume(self, principal: Principal, agreement_id: UUID, pause_id: UUID, from_on: date) -> None:
        """Change the end of a pause for the person: visits take place from a day on, sooner or later than was said.

        A pause that has not begun is taken back by a day before it.

        Raises:
            NotFound: It is not theirs.
            InvalidInput: The day is in the past, or the pause ends on that day already; or it would run into another.
        """
        agreement = await self.of_person(principal, agreement_id, to_change=True)
        row = await self._pause(agreement, pause_id)
        if from_on < today(self.clock):
            raise InvalidInput({"from_on": "The day must be today or later"})
        if row.ends_on is not None and from_on == row.ends_on:
            raise InvalidInput({"from_on": "The pause ends on that day already. Choose another day"})
        if row.ends_on is not None and from_on > row.ends_on:
            await self._lengthen(principal, agreement, row, row.ends_on, from_on)
            return
        before = {"starts_on": row.starts_on, "ends_on": row.ends_on}
        if from_on <= row.starts_on:
            await self.db.delete(row)
        else:
            row.ends_on = from_on
        reader = VisitReader(self.db)
        kept = reader.called_off(agreement.council_id, agreement.id, row.made_at, from_on, self.clock.now())
        for visit in await reader.locked(kept):
            # What was kept for money takes place after all: planning writes it anew, with its price and worker.
            end(self.db, visit, user_id=principal.user_id, keep_key=False)
        await self.db.flush()
        await Planner(self.db).plan(agreement.council_id, [agreement.person_id], only=agreement.id)
        audit.record(
            self.db,
            principal,
            "bookings.resume_visits",
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            before=before,
            after={"from_on": from_on},
        )
        outbox.publish(self.db, AgreementResumed(**_ids(agreement), pause_id=pause_id, from_on=from_on))

    async def stop_weekly(
        self, principal: Principal, pattern_id: UUID, from_on: date, *, version: int = 0
    ) -> CalledOff:
        """End a weekly visit from a day on, for the person.

        Raises:
            NotFound: It is not theirs.
            InvalidInput: The day is in the past.
            NotYet: It has ended already.
        """
        found = await self.rows.pattern(principal.council_id, pattern_id)
        if found is None:
            raise NotFound
        agreement = await self.of_person(principal, found.agreement_id, to_change=True)
        self.need_running(agreement)
        pattern = await self.rows.pattern(agreement.council_id, pattern_id, locked=True)
        if pattern is None or (pattern.ends_on is not None and pattern.ends_on <= from_on):
            raise NotYet("This weekly visit has ended or was changed already.")
        if version and pattern.version != version:
            raise NotYet("This weekly visit was changed since you opened the page. Open it again.")
        if from_on < today(self.clock):
            raise InvalidInput({"from_on": "The day must be today or later"})
        pattern.ends_on = max(from_on, pattern.starts_on)
        await self.db.flush()
        views = await self.views(agreement)
        reader, now = VisitReader(self.db), self.clock.now()
        question = reader.to_come(agreement.council_id, agreement.id, now).where(
            Booking.pattern_id == pattern_id, Booking.pattern_on >= from_on
        )
        visits = [(visit, _late(views, visit, now)) for visit in await reader.locked(question)]
        visits += await self._retained(agreement, pattern_id, from_on, views)
        result = call_off(
            self.db,
            visits,
            by=CalledOffBy.PERSON,
            user_id=principal.user_id,
            reason=CallOffReason.CHANGED,
            words="The weekly visit ended.",
        )
        audit.record(
            self.db,
            principal,
            "bookings.stop_pattern",
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            after={"from_on": from_on, "free": result.free, "owed_pence": result.owed_pence},
        )
        outbox.publish(self.db, PatternChanged(**_ids(agreement), from_on=from_on, by_side=Side.PERSON.value))
        return result

    async def _lengthen(
        self, principal: Principal, agreement: SupportAgreement, row: AgreementPause, ended: date, ends_on: date
    ) -> None:
        """Let a pause last longer; visits of the days that come to it are called off as those before were."""
        self.need_running(agreement)
        if ended < today(self.clock):
            raise InvalidInput({"from_on": "This pause is over. Begin a new one"})
        for other in (await self.rows.pauses([agreement.id])).get(agreement.id, []):
            if other.id != row.id and other.starts_on < ends_on and (other.ends_on is None or other.ends_on > ended):
                raise InvalidInput({"from_on": "Visits pause already on some of these days. Change that pause"})
        row.ends_on = ends_on
        await self.db.flush()
        result = await self._call_off(principal, agreement, row, ended, ends_on)
        await Planner(self.db).plan(agreement.council_id, [agreement.person_id], only=agreement.id)
        audit.record(
            self.db,
            principal,
            "bookings.lengthen_pause",
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            before={"ends_on": ended},
            after={"ends_on": ends_on, "free": result.free, "owed_pence": result.owed_pence},
        )
        outbox.publish(self.db, AgreementPaused(**_ids(agreement), pause_id=row.id, starts_on=ended, ends_on=ends_on))

    async def _retained(
        self, agreement: SupportAgreement, pattern_id: UUID, from_on: date, views: Sequence[TermsView]
    ) -> list[tuple[Booking, int]]:
        """Return visits that are owed only to keep their place in a pause, and what of that a late end leaves owed.

        Where the weekly visit ends, no place is kept any more.
        """
        now, reader = self.clock.now(), VisitReader(self.db)
        pauses = (await self.rows.pauses([agreement.id])).get(agreement.id, [])
        question = reader.to_come(agreement.council_id, agreement.id, now, also_called_off=True).where(
            Booking.pattern_id == pattern_id,
            Booking.pattern_on >= from_on,
            Booking.called_off_at.in_([row.made_at for row in pauses]),
        )
        return [(visit, min(visit.cost_pence, _late(views, visit, now))) for visit in await reader.locked(question)]

    async def stop_all(
        self, agreement: SupportAgreement, from_on: date, *, by: CalledOffBy, reason: CallOffReason, words: str
    ) -> int:
        """Take away the visits of an agreement from a day on: it ends, and nothing is owed for them.

        Returns how many there were. What is under way or over stays for its approval.
        """
        reader = VisitReader(self.db)
        question = reader.to_come(agreement.council_id, agreement.id, self.clock.now(), also_called_off=True)
        visits = await reader.locked(question.where(Booking.visit_on >= from_on))
        # A visit that was moved beyond the end from a day before it must not come back on that day.
        kept = {row.id for row in visits if row.pattern_on is not None and row.pattern_on < from_on}
        for keep_key in (False, True):
            call_off(
                self.db,
                [(row, 0) for row in visits if (row.id in kept) is keep_key],
                by=by,
                user_id=None,
                reason=reason,
                words=words,
                keep_key=keep_key,
            )
        if visits:
            audit.record(
                self.db,
                None,
                "bookings.stop_visits",
                council_id=agreement.council_id,
                subject_kind="support_agreement",
                subject_id=agreement.id,
                after={"from_on": from_on, "visits": len(visits), "why": reason},
            )
            outbox.publish(
                self.db,
                VisitsStopped(
                    **_ids(agreement), from_on=from_on, visits=len(visits), why=reason.value, by_side=by.value
                ),
            )
        await self.db.flush()
        return len(visits)

    async def _pause(self, agreement: SupportAgreement, pause_id: UUID) -> AgreementPause:
        rows = (await self.rows.pauses([agreement.id])).get(agreement.id, [])
        found = next((row for row in rows if row.id == pause_id), None)
        if found is None:
            raise NotFound
        return found

    def _check(self, starts_on: date, ends_on: date | None) -> None:
        if starts_on < today(self.clock):
            raise InvalidInput({"starts_on": "The first day must be today or later"})
        if ends_on is not None and ends_on <= starts_on:
            raise InvalidInput({"ends_on": "The first day with visits again must be after the first day of the pause"})

    async def _visits(
        self, agreement: SupportAgreement, starts_on: date, ends_on: date | None, *, locked: bool
    ) -> Sequence[Booking]:
        reader = VisitReader(self.db)
        question = reader.to_come(agreement.council_id, agreement.id, self.clock.now())
        question = question.where(Booking.visit_on >= starts_on)
        if ends_on is not None:
            question = question.where(Booking.visit_on < ends_on)
        return await (reader.locked(question) if locked else reader.every(question))

    async def _call_off(
        self,
        principal: Principal,
        agreement: SupportAgreement,
        row: AgreementPause,
        starts_on: date,
        ends_on: date | None,
    ) -> CalledOff:
        views = await self.views(agreement)
        visits = await self._visits(agreement, starts_on, ends_on, locked=True)

        # A visit that was moved into the pause from a day outside it must not come back on that day.
        kept = {visit.id for visit in visits if visit.pattern_on is not None and not holds(row, visit.pattern_on)}
        results = [
            call_off(
                self.db,
                [
                    (visit, self._owed(views, visit, row.kind, row.starts_on))
                    for visit in visits
                    if (visit.id in kept) is keep_key
                ],
                by=CalledOffBy.PERSON if row.made_by is Side.PERSON else CalledOffBy.PROVIDER,
                user_id=principal.user_id,
                reason=PAUSE_REASON[row.kind],
                words=PAUSE_WORDS[row.kind],
                keep_key=keep_key,
                at=row.made_at,
            )
            for keep_key in (False, True)
        ]
        await self.db.flush()
        return CalledOff(*(sum(numbers) for numbers in zip(*results, strict=True)))

    def _owed(self, views: Sequence[TermsView], visit: Booking, kind: PauseKind, starts_on: date) -> int:
        view = terms_on(views, visit.visit_on)
        if view is None or visit.status in NOT_AGREED:
            return 0
        now = self.clock.now()
        is_late_counted = kind is not PauseKind.HOSPITAL or visit.visit_on < today(self.clock) + DAY
        late = owed_if_called_off(view, visit.starts_at, now, visit.cost_pence) if is_late_counted else 0
        return max(late, retainer_of(view, (visit.visit_on - starts_on).days + 1, visit.cost_pence))


def _late(views: Sequence[TermsView], visit: Booking, now: datetime) -> int:
    view = terms_on(views, visit.visit_on)
    if view is None or visit.status in NOT_AGREED:
        return 0
    return owed_if_called_off(view, visit.starts_at, now, visit.cost_pence)


def _ids(agreement: SupportAgreement) -> dict[str, UUID]:
    return {
        "council_id": agreement.council_id,
        "agreement_id": agreement.id,
        "person_id": agreement.person_id,
        "organisation_id": agreement.organisation_id,
    }
