"""Writing an application: begin it, choose lots, show that one may apply, answer, copy from an earlier round."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused, broken_constraint
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.errors import AnswerChanged, RoundClosed
from marketplace.providers.models import (
    Application,
    ApplicationAnswer,
    ApplicationLot,
    Criterion,
    CriterionKind,
    Framework,
    Lot,
)
from marketplace.providers.repository.applications import ApplicationRepository, EarlierAnswer, RoundFacts
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.applications.carry import carried, newest_by_key, to_carry
from marketplace.providers.service.applications.forms import AnswerForm
from marketplace.providers.service.applications.opened import Opened, is_wanted, open_application
from marketplace.providers.service.frameworks.rounds import takes_applications
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.states import APPLICATION, ApplicationStatus

ANSWERED_BY_TEXT = frozenset({CriterionKind.DECLARATION, CriterionKind.SCORED})
NOT_A_DRAFT = "It has been sent. Take it back first if you want to change it."


class Miss(msgspec.Struct, frozen=True):
    """A question that decides about applying, answered so that one cannot."""

    criterion: Criterion
    lot: Lot | None


class ApplicationService:
    """Writes the applications of the user's own organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.applications = ApplicationRepository(db)
        self.frameworks = FrameworkRepository(db)

    async def begin(self, principal: Principal, round_id: UUID, lot_ids: Iterable[UUID]) -> Application:
        """Begin an application, or return the one that the organisation has in this round.

        Raises:
            NotFound: There is no such round.
            RoundClosed: It takes no applications now.
            InvalidInput: No lot, or one of another round.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        found = await self.applications.in_round(organisation_id, round_id)
        if found is not None:
            return found
        facts = await self.applications.round(round_id)
        if facts is None:
            raise NotFound
        now = self.clock.now()
        if not takes_applications(facts.round, now):
            raise RoundClosed("This round takes no applications now.")
        lots = _chosen(await self.frameworks.lots(facts.round.version_id), lot_ids)
        try:
            async with self.db.begin_nested():
                return await self._add(principal, organisation_id, facts, lots, now)
        except IntegrityError as error:
            found = await self.applications.in_round(organisation_id, round_id)
            if broken_constraint(error) == "uq_applications_round_id_organisation_id" and found is not None:
                return found
            raise

    async def _add(
        self, principal: Principal, organisation_id: UUID, facts: RoundFacts, lots: Sequence[Lot], now: datetime
    ) -> Application:
        council_id = facts.round.council_id
        application = Application(
            id=new_id(),
            council_id=council_id,
            round_id=facts.round.id,
            organisation_id=organisation_id,
            reference=await self.applications.next_reference(council_id, local(now).year),
            status=ApplicationStatus.DRAFT,
            created_by_user_id=principal.user_id,
            created_at=now,
            updated_at=now,
        )
        self.db.add(application)
        await self.db.flush()
        self.db.add_all(
            ApplicationLot(council_id=council_id, application_id=application.id, lot_id=lot.id) for lot in lots
        )
        APPLICATION.begin(self.db, application, by=principal.user_id)
        criteria = await self.frameworks.criteria(facts.round.version_id, [lot.id for lot in lots])
        await self._carry(application, facts.framework, criteria, (), now)
        await self.db.flush()
        self._record(
            principal,
            application,
            "providers.start_application",
            after={
                "round_id": facts.round.id,
                "lots": [lot.code for lot in lots],
                "earlier_id": application.earlier_id,
            },
        )
        return application

    async def _carry(
        self,
        application: Application,
        framework: Framework,
        criteria: Sequence[Criterion],
        answered: Iterable[UUID],
        now: datetime,
    ) -> None:
        """Bring over declarations of earlier rounds. The transaction reaches every council."""
        wanted = to_carry(criteria, answered)
        if not wanted:
            return
        found = await self.applications.earlier_answers(
            application.organisation_id, application.id, [CriterionKind.DECLARATION], {row.key for row in wanted}
        )
        by_key = newest_by_key(found, framework.id, CriterionKind.DECLARATION)
        for criterion in wanted:
            source = by_key.get(criterion.key)
            if source is not None:
                self.db.add(carried(source, criterion, application.id, now))
                if application.earlier_id is None and source.round.framework_id == framework.id:
                    application.earlier_id = source.application.id

    async def set_lots(self, principal: Principal, application_id: UUID, lot_ids: Iterable[UUID]) -> Opened:
        """Choose other lots. Answers about lots that are taken out are kept, and are there when they come back.

        Raises:
            NotFound: Not theirs.
            InvalidInput: No lot.
            StepRefused: It has been sent.
        """
        opened = await self._to_change(principal, application_id)
        lots = _chosen(opened.every_lot, lot_ids)
        before, after = {lot.id for lot in opened.lots}, {lot.id for lot in lots}
        if before != after:
            application, now = opened.application, self.clock.now()
            for row in await self.applications.lots(application.id):
                if row.lot_id not in after:
                    await self.db.delete(row)
            self.db.add_all(
                ApplicationLot(council_id=application.council_id, application_id=application.id, lot_id=lot.id)
                for lot in lots
                if lot.id not in before
            )
            opened.lots = lots
            await reach_every_council(self.db)
            await self._carry(application, opened.facts.framework, opened.criteria, opened.every_answer, now)
            application.updated_at = now
            await self.db.flush()
            self._record(
                principal,
                application,
                "providers.choose_lots",
                before={"lots": [lot.code for lot in opened.every_lot if lot.id in before]},
                after={"lots": [lot.code for lot in lots]},
            )
        return await open_application(self.db, principal, application_id)

    async def check_eligibility(
        self, principal: Principal, application_id: UUID, data: Mapping[str, Any]
    ) -> tuple[Opened, list[Miss]]:
        """Take the answers that decide whether one can apply. Nothing is kept of them unless all are as wanted.

        Returns:
            The application, and what stands in the way; nothing does where the second is empty.

        Raises:
            NotFound: Not theirs.
            InvalidInput: A question without an answer; field names are the ids of the criteria.
            StepRefused: It has been sent.
        """
        opened = await self._to_change(principal, application_id)
        form = FormReader(data)
        asked = opened.of_kind(CriterionKind.ELIGIBILITY)
        choices = {row.id: form.option(str(row.id), "yes or no", ("yes", "no")) for row in asked}
        form.done()
        misses = [Miss(row, opened.lot(row.lot_id)) for row in asked if not is_wanted(row, choices[row.id])]
        if misses:
            return opened, misses
        now = self.clock.now()
        for row in asked:
            await self._keep(principal, opened, row, AnswerForm(choices[row.id], ""), now, is_finished=True)
        return await open_application(self.db, principal, application_id), []

    async def answer(
        self,
        principal: Principal,
        application_id: UUID,
        criterion_id: UUID,
        data: Mapping[str, Any],
        *,
        version: int,
        is_finished: bool,
    ) -> Opened:
        """Take an answer. One that is not finished is kept as it is and counts for nothing yet.

        What was carried over counts from here on, changed or not.

        Args:
            principal: Who answers.
            application_id: Of which application.
            criterion_id: To which question.
            data: The form.
            version: That of the answer the page showed; 0 where there was none.
            is_finished: Hold it against the rules of the question.

        Raises:
            NotFound: Not theirs, or no such question.
            InvalidInput: With all messages.
            AnswerChanged: A colleague saved something else in the meantime. Nothing is overwritten.
            StepRefused: It has been sent.
        """
        opened = await self._to_change(principal, application_id)
        criterion = self.question(opened, criterion_id)
        form = AnswerForm.read(criterion, data, is_finished=is_finished)
        stored = opened.answer(criterion)
        is_same = stored is not None and (stored.choice, stored.words) == (form.choice, form.words)
        if stored is not None and version != stored.version and not is_same:
            raise AnswerChanged
        if not is_finished and is_same:
            # Nothing was written: what is done or waits to be confirmed stays so.
            return opened
        await self._keep(principal, opened, criterion, form, self.clock.now(), is_finished=is_finished)
        return await open_application(self.db, principal, application_id)

    async def copy(self, principal: Principal, application_id: UUID, criterion_id: UUID) -> Opened:
        """Copy the text of an earlier round into a question that has none yet. It counts once it is confirmed.

        Raises:
            NotFound: Not theirs, or there is nothing to copy.
            AnswerChanged: There is a text by now.
            StepRefused: It has been sent.
        """
        opened = await self._to_change(principal, application_id)
        criterion = self.question(opened, criterion_id)
        stored = opened.answer(criterion)
        if stored is not None and stored.words:
            raise AnswerChanged
        source = await self.earlier(principal, opened, criterion)
        if source is None:
            raise NotFound
        now = self.clock.now()
        if stored is None:
            self.db.add(carried(source, criterion, opened.application.id, now))
        else:
            stored.words, stored.carried_from_id = source.answer.words, source.answer.id
            stored.confirmed_at, stored.updated_at = None, now
        opened.application.updated_at = now
        await self.db.flush()
        self._record(
            principal,
            opened.application,
            "providers.copy_answer",
            after={"criterion": criterion.key, "from_application_id": source.application.id},
        )
        return await open_application(self.db, principal, application_id)

    async def earlier(self, principal: Principal, opened: Opened, criterion: Criterion) -> EarlierAnswer | None:
        """Return what an answer was carried over from, or what could be; None where there is nothing."""
        stored = opened.answer(criterion)
        await reach_every_council(self.db)
        if stored is not None and stored.carried_from_id is not None:
            found = (await self.applications.sources([stored])).get(stored.carried_from_id)
        else:
            rows = await self.applications.earlier_answers(
                opened.application.organisation_id, opened.application.id, [criterion.kind], [criterion.key]
            )
            found = newest_by_key(rows, opened.facts.framework.id, criterion.kind).get(criterion.key)
        await reach_council(self.db, principal, opened.application.council_id)
        return found

    @staticmethod
    def question(opened: Opened, criterion_id: UUID) -> Criterion:
        """Return a question of an application that has a page of its own.

        Raises:
            NotFound: It asks nothing like that.
        """
        for row in opened.criteria:
            if row.id == criterion_id and row.kind in ANSWERED_BY_TEXT:
                return row
        raise NotFound

    async def _to_change(self, principal: Principal, application_id: UUID) -> Opened:
        """Return a draft, locked, so that two who save at once save one after the other."""
        opened = await open_application(self.db, principal, application_id, locked=True)
        if not opened.is_draft:
            raise StepRefused(NOT_A_DRAFT)
        return opened

    async def _keep(
        self,
        principal: Principal,
        opened: Opened,
        criterion: Criterion,
        form: AnswerForm,
        now: datetime,
        *,
        is_finished: bool,
    ) -> None:
        application = opened.application
        row = opened.answer(criterion)
        if row is not None and (row.choice, row.words, row.confirmed_at is not None) == (
            form.choice,
            form.words,
            is_finished,
        ):
            return
        before = {"choice": row.choice, "words": len(row.words.split())} if row else None
        if row is None:
            row = ApplicationAnswer(
                id=new_id(),
                council_id=application.council_id,
                application_id=application.id,
                criterion_id=criterion.id,
                updated_at=now,
            )
            self.db.add(row)
        row.choice, row.words = form.choice, form.words
        row.confirmed_at = now if is_finished else None
        row.updated_by_user_id, row.updated_at = principal.user_id, now
        application.updated_at = now
        await self.db.flush()
        self._record(
            principal,
            application,
            "providers.answer_application",
            before=before,
            # The text itself is in the row, and for good in the snapshot once it is sent.
            after={
                "criterion": criterion.key,
                "choice": row.choice,
                "words": len(row.words.split()),
                "is_confirmed": is_finished,
            },
        )

    def _record(
        self,
        principal: Principal,
        application: Application,
        action: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            before=before,
            after=after,
        )


def _chosen(lots: Sequence[Lot], lot_ids: Iterable[UUID]) -> list[Lot]:
    wanted = set(lot_ids)
    if not wanted or wanted - {lot.id for lot in lots}:
        raise InvalidInput({"lots": "Select what you apply for"})
    return [lot for lot in lots if lot.id in wanted]
