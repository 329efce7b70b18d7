"""Ending: notice by either side with the days of the terms, and the end when the last day is over."""

from datetime import date, timedelta
from uuid import UUID

from marketplace.accounts import Principal
from marketplace.bookings.errors import NotOpen
from marketplace.bookings.events import AgreementEnded, AgreementEnding
from marketplace.bookings.models import Side, SupportAgreement
from marketplace.bookings.repository_planning import AgreementReader as PlannedAgreements
from marketplace.bookings.service.agreements.changing import ChangingSteps
from marketplace.bookings.service.agreements.forms import EndForm
from marketplace.bookings.service.agreements.prices import terms_on
from marketplace.bookings.service.agreements.signing import Held
from marketplace.bookings.states import AGREEMENT_TERMS, SUPPORT_AGREEMENT, AgreementStatus, TermsStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import plural, uk_date

MOVED = "The person moves to another council."


class EndingSteps(ChangingSteps):
    """The verbs of ending."""

    async def give_notice(self, principal: Principal, agreement_id: UUID, form: EndForm) -> SupportAgreement:
        """Set the last day of an agreement that runs. Visits after it are not planned any more.

        Raises:
            NotFound: Not theirs.
            NotOpen: It does not run, or ends by that day anyway.
            InvalidInput: The last day is nearer than the notice of the terms.
        """
        held = await self._hold(principal, agreement_id)
        agreement, day = held.agreement, today(self.clock)
        if agreement.status is not AgreementStatus.AGREED:
            raise NotOpen("It does not run (any more), so there is nothing to end.")
        counting = terms_on(held.views, max(day, agreement.starts_on)) or held.last
        earliest = day + timedelta(days=counting.terms.notice_days)
        if form.last_on < earliest:
            notice = plural(counting.terms.notice_days, "day")
            raise InvalidInput(
                {"last_on": f"You agreed {notice} of notice, so the last day is {uk_date(earliest)} at the earliest"}
            )
        ends_on = form.last_on + timedelta(days=1)
        if agreement.ends_on is not None and agreement.ends_on <= ends_on:
            raise NotOpen(f"It ends on {uk_date(agreement.ends_on - timedelta(days=1))} already.")
        before = agreement.ends_on
        # One that is ended before its first day never runs; the row keeps a period of at least a day.
        never_began = ends_on <= agreement.starts_on
        agreement.ends_on = max(ends_on, agreement.starts_on + timedelta(days=1))
        agreement.end_reason, agreement.notice_by, agreement.notice_at = form.reason, held.side, self.clock.now()
        self._drop_later_terms(held, principal.user_id)
        await self.db.flush()
        self._note(
            principal, agreement, "bookings.end_agreement", why=form.reason, before=before, by_side=held.side.value
        )
        self._ending(agreement, agreement.starts_on if never_began else ends_on, held.side.value)
        if never_began:
            self._end(agreement, principal.user_id)
            await self.db.flush()
        return agreement

    async def end_for_move(self, council_id: UUID, person_id: UUID, moves_on: date) -> int:
        """End what runs for somebody who moves away and wants it to end: on the day, or after the notice agreed.

        Drafts are withdrawn with it. What ends earlier anyway keeps its day. Doing it twice changes nothing.

        Args:
            council_id: The council that is left.
            person_id: Who moves, and decided that support ends.
            moves_on: First day in the new place; nothing takes place from then on unless notice runs longer.

        Returns:
            How many agreements got another last day or were withdrawn.
        """
        changed, day = 0, today(self.clock)
        for agreement in await PlannedAgreements(self.db).open_of(council_id, person_id):
            if agreement.status is not AgreementStatus.AGREED:
                SUPPORT_AGREEMENT.move(self.db, agreement, AgreementStatus.WITHDRAWN, by=None)
                changed += 1
                continue
            row, views = await self._read(agreement)
            held = Held(row, Side.PERSON, views)
            counting = terms_on(views, max(day, agreement.starts_on)) or held.last
            earliest = day + timedelta(days=counting.terms.notice_days + 1)
            ends_on = max(moves_on, earliest, agreement.starts_on + timedelta(days=1))
            if agreement.ends_on is not None and agreement.ends_on <= ends_on:
                continue
            before = agreement.ends_on
            agreement.ends_on, agreement.end_reason = ends_on, MOVED
            agreement.notice_by, agreement.notice_at = Side.PERSON, self.clock.now()
            self._drop_later_terms(held, None)
            await self.db.flush()
            self._note(None, agreement, "bookings.end_for_move", why=MOVED, before=before, by_side=Side.PERSON.value)
            self._ending(agreement, ends_on, Side.PERSON.value)
            changed += 1
        await self.db.flush()
        return changed

    async def end(self, agreement_id: UUID) -> bool:
        """End an agreement whose last day is over. Returns whether there was one. The platform does this daily."""
        agreement = await self.agreements.locked(agreement_id)
        if agreement is None or agreement.status is not AgreementStatus.AGREED:
            return False
        if agreement.ends_on is None or agreement.ends_on > today(self.clock):
            return False
        row, views = await self._read(agreement)
        self._drop_later_terms(Held(row, agreement.written_by, views), None)
        self._end(agreement, None)
        await self.db.flush()
        self._note(None, agreement, "bookings.close_agreement")
        return True

    def _end(self, agreement: SupportAgreement, by: UUID | None) -> None:
        SUPPORT_AGREEMENT.move(self.db, agreement, AgreementStatus.ENDED, by=by)
        outbox.publish(self.db, AgreementEnded(**ids_of(agreement)))

    def _ending(self, agreement: SupportAgreement, ends_on: date, by_side: str) -> None:
        outbox.publish(self.db, AgreementEnding(**ids_of(agreement), ends_on=ends_on, by_side=by_side))

    def _drop_later_terms(self, held: Held, by: UUID | None) -> None:
        """Take back an offer of terms that would begin after the end."""
        ends_on = held.agreement.ends_on
        for view in held.views:
            terms = view.terms
            if terms.status is TermsStatus.OFFERED and ends_on is not None and terms.starts_on >= ends_on:
                AGREEMENT_TERMS.move(self.db, terms, TermsStatus.WITHDRAWN, by=by)


def ids_of(agreement: SupportAgreement) -> dict[str, UUID]:
    """Return what every event about an agreement says."""
    return {
        "council_id": agreement.council_id,
        "agreement_id": agreement.id,
        "person_id": agreement.person_id,
        "organisation_id": agreement.organisation_id,
    }
