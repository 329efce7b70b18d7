"""A provider asks for another time; the person says yes or no. Silence changes nothing."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings.errors import NotYet
from marketplace.bookings.events import VisitChangeAnswered, VisitChangeAsked
from marketplace.bookings.models import Booking, ChangeScope, Side, SupportAgreement, VisitPattern, VisitProposal
from marketplace.bookings.repository_visits import ProposalReader, VisitReader
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.moving import Moved
from marketplace.bookings.service.planning.patterns import span_of
from marketplace.bookings.states import VISIT_PROPOSAL, ProposalStatus
from marketplace.core import outbox
from marketplace.core.clock import instant
from marketplace.core.errors import Conflict, InvalidInput, NotFound, PlatformError, broken_constraint

OPEN_ONES = frozenset({"uq_visit_proposals_open_visit", "uq_visit_proposals_open_pattern"})


class Proposals(VisitChanges):
    """The verbs of changes that are asked for."""

    async def ask(
        self,
        principal: Principal,
        agreement_id: UUID,
        scope: ChangeScope,
        wanted: Wanted,
        *,
        visit_id: UUID | None = None,
        pattern_id: UUID | None = None,
        from_on: date | None = None,
        reason: str = "",
    ) -> VisitProposal:
        """Ask the person for another time, for the provider.

        Raises:
            NotFound: The agreement, visit or weekly visit is not theirs.
            NotYet, InvalidInput: As the change itself would.
            Conflict: A change of it waits for an answer already.
        """
        agreement = await self.of_provider(principal, agreement_id, to_change=True)
        visit, pattern = await self._subject(agreement, scope, visit_id, pattern_id)
        shown = await self.shown(agreement, Side.PROVIDER, scope, wanted, visit=visit, pattern=pattern, from_on=from_on)
        row = VisitProposal(
            council_id=agreement.council_id,
            agreement_id=agreement.id,
            scope=scope,
            booking_id=visit.id if visit else None,
            pattern_id=pattern.id if pattern else None,
            from_on=from_on if scope is ChangeScope.FOLLOWING and from_on else shown.first_on,
            wanted=_written(wanted),
            before_pence=shown.before_pence,
            after_pence=shown.after_pence,
            reason=reason,
            status=ProposalStatus.ASKED,
            answer_by=self._answer_by(visit, wanted, shown.first_on),
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
                await self.db.flush()
        except IntegrityError as error:
            if broken_constraint(error) in OPEN_ONES:
                raise Conflict("A change of this visit waits for the person's answer. Take it back first.") from error
            raise
        VISIT_PROPOSAL.begin(self.db, row, by=principal.user_id)
        self._audit(principal, row, "bookings.ask_change")
        outbox.publish(self.db, VisitChangeAsked(**_ids(agreement), proposal_id=row.id))
        return row

    async def accept(self, principal: Principal, proposal_id: UUID) -> Moved:
        """Say yes, for the person: the change counts at once.

        Raises:
            NotFound: It is not theirs.
            NotYet: Its time is over; or as the change itself.
            StepRefused: It was answered before.
        """
        row, agreement = await self._asked(principal, proposal_id)
        self._need_open(row)
        VISIT_PROPOSAL.move(self.db, row, ProposalStatus.ACCEPTED, by=principal.user_id)
        self._answer(principal, row, agreement)
        wanted = read_wanted(row.wanted)
        if row.scope is ChangeScope.ONE and row.booking_id is not None:
            return await self.apply_one(principal, agreement, row.booking_id, wanted, by=Side.PROVIDER)
        if row.pattern_id is None:
            raise NotFound
        return await self.apply_weekly(
            principal, agreement, row.pattern_id, row.scope, wanted, by=Side.PROVIDER, from_on=row.from_on
        )

    async def decline(self, principal: Principal, proposal_id: UUID, words: str = "") -> None:
        """Say no, for the person: everything stays."""
        row, agreement = await self._asked(principal, proposal_id)
        VISIT_PROPOSAL.move(self.db, row, ProposalStatus.DECLINED, by=principal.user_id)
        row.answer = words
        self._answer(principal, row, agreement)

    async def withdraw(self, principal: Principal, proposal_id: UUID) -> None:
        """Take a question back, for the provider."""
        principal.require(Permission.BOOKINGS_ANSWER)
        found = await ProposalReader(self.db).in_councils(principal.councils, proposal_id)
        agreement = await self.of_provider(principal, found.agreement_id, to_change=True)
        row = await ProposalReader(self.db).find(agreement.council_id, proposal_id, locked=True)
        VISIT_PROPOSAL.move(self.db, row, ProposalStatus.WITHDRAWN, by=principal.user_id)
        self._answer(principal, row, agreement)

    async def lapse(self, council_id: UUID, proposal_id: UUID) -> bool:
        """Close a question whose time is over. Returns whether there was one to close."""
        row = await ProposalReader(self.db).find(council_id, proposal_id, locked=True)
        if row.status is not ProposalStatus.ASKED or row.answer_by > self.clock.now():
            return False
        agreement = await self.agreements.find(council_id, row.agreement_id)
        VISIT_PROPOSAL.move(self.db, row, ProposalStatus.LAPSED, by=None)
        self._answer(None, row, agreement)
        return True

    async def is_possible(self, agreement: SupportAgreement, row: VisitProposal) -> str:
        """Say why a proposal could not be accepted any more; "" when it could."""
        try:
            visit, pattern = await self._subject(agreement, row.scope, row.booking_id, row.pattern_id)
            await self.shown(
                agreement,
                Side.PROVIDER,
                row.scope,
                read_wanted(row.wanted),
                visit=visit,
                pattern=pattern,
                from_on=row.from_on,
            )
        except InvalidInput as error:
            return next(iter(error.fields.values()))
        except PlatformError as error:
            return error.detail or error.title
        return ""

    async def _asked(self, principal: Principal, proposal_id: UUID) -> tuple[VisitProposal, SupportAgreement]:
        principal.require(Permission.BOOKINGS_REQUEST)
        found = await ProposalReader(self.db).find(principal.council_id, proposal_id)
        # The agreement is locked first, as everywhere; then the question is read afresh.
        agreement = await self.of_person(principal, found.agreement_id, to_change=True)
        return await ProposalReader(self.db).find(principal.council_id, proposal_id, locked=True), agreement

    async def _subject(
        self, agreement: SupportAgreement, scope: ChangeScope, visit_id: UUID | None, pattern_id: UUID | None
    ) -> tuple[Booking | None, VisitPattern | None]:
        if scope is ChangeScope.ONE:
            if visit_id is None:
                raise NotFound
            visit = await VisitReader(self.db).find(agreement.council_id, visit_id)
            if visit.agreement_id != agreement.id:
                raise NotFound
            return visit, None
        pattern = await self.rows.pattern(agreement.council_id, pattern_id) if pattern_id else None
        if pattern is None or pattern.agreement_id != agreement.id:
            raise NotFound
        return None, pattern

    def _answer_by(self, visit: Booking | None, wanted: Wanted, first_on: date) -> datetime:
        if visit is not None and wanted.visit_on is not None:
            return min(visit.starts_at, span_of(wanted.visit_on, wanted.starts_local, wanted.minutes).starts_at)
        starts = span_of(first_on, wanted.starts_local, wanted.minutes).starts_at
        return max(instant(first_on, time(0)), min(starts, self.clock.now()))

    def _need_open(self, row: VisitProposal) -> None:
        if row.status is ProposalStatus.ASKED and row.answer_by <= self.clock.now():
            raise NotYet("The time to answer is over. Everything stays as it was.")

    def _answer(self, principal: Principal | None, row: VisitProposal, agreement: SupportAgreement) -> None:
        row.answered_at = self.clock.now()
        row.answered_by_user_id = principal.user_id if principal else None
        self._audit(principal, row, "bookings.answer_change")
        outbox.publish(self.db, VisitChangeAnswered(**_ids(agreement), proposal_id=row.id, outcome=row.status.value))

    def _audit(self, principal: Principal | None, row: VisitProposal, action: str) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="visit_proposal",
            subject_id=row.id,
            after={"status": row.status, "scope": row.scope, "wanted": row.wanted, "from_on": row.from_on},
        )


def _written(wanted: Wanted) -> dict[str, Any]:
    return {
        "visit_on": wanted.visit_on.isoformat() if wanted.visit_on else None,
        "weekday": wanted.weekday,
        "starts_local": f"{wanted.starts_local:%H:%M}",
        "minutes": wanted.minutes,
        "every_weeks": wanted.every_weeks,
    }


def read_wanted(stored: dict[str, Any]) -> Wanted:
    """Read what a proposal asks for."""
    return Wanted(
        visit_on=date.fromisoformat(stored["visit_on"]) if stored.get("visit_on") else None,
        weekday=stored.get("weekday"),
        starts_local=time.fromisoformat(stored["starts_local"]),
        minutes=int(stored["minutes"]),
        every_weeks=int(stored.get("every_weeks", 1)),
    )


def _ids(agreement: SupportAgreement) -> dict[str, UUID]:
    return {
        "council_id": agreement.council_id,
        "agreement_id": agreement.id,
        "person_id": agreement.person_id,
        "organisation_id": agreement.organisation_id,
    }
