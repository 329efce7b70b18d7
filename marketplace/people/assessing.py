"""Writing assessments and completing them: what was found becomes a budget (R1, R2, R14, R15; domain.md 4.1)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.people.budgets import BudgetService, Working
from marketplace.people.carers import cared_for
from marketplace.people.errors import AssessmentClosed, AssessmentOpen, PersonHasDied, RecordChanged
from marketplace.people.forms_assessments import AnswersForm, AwardForm, DecisionForm, NeedForm
from marketplace.people.models import AssessedNeed, Assessment, AssessmentKind, Budget, BudgetKind, RasVersion
from marketplace.people.ras import RasRepository, current_version, indicative, points_of
from marketplace.people.repository_assessments import AssessmentRepository
from marketplace.people.stages import need_free_way
from marketplace.people.states import ASSESSMENT, AssessmentStatus

MOST_NEEDS = 40
ELIGIBLE_OUTCOMES = {AssessmentKind.ADULT: 2, AssessmentKind.CARER_STAGE_2: 1}
"""How many outcomes somebody must be unable to achieve (Eligibility Criteria Regulations 2014, regulations 2 and 3)."""
AWARDED = {AssessmentKind.CARER_STAGE_2: BudgetKind.CARER, AssessmentKind.EQUIPMENT: BudgetKind.EQUIPMENT}
"""Kinds that end with a sum set by hand; an adult's comes from the points."""


class AssessmentService:
    """The verbs of assessments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = AssessmentRepository(db)
        self.budgets = BudgetService(db)

    async def begin(self, principal: Principal, person_id: UUID, kind: AssessmentKind) -> Assessment:
        """Begin an assessment. An adult's is asked with the points that count on the day.

        Raises:
            NotFound: No such person in the council.
            PersonHasDied: Nothing new is assessed.
            AssessmentOpen: One of the kind is being written.
            InvalidInput: A carer's second stage without a first.
        """
        principal.require(Permission.ASSESS)
        person = await self.budgets.budgets.hold(principal.council_id, person_id)
        if person.died_on is not None:
            raise PersonHasDied
        if kind is AssessmentKind.CARER_STAGE_1:
            raise InvalidInput({"kind": "The first stage of a carer has a form of its own"})
        if await self.rows.draft(person.council_id, person.id, kind) is not None:
            raise AssessmentOpen("Go on with the one that was begun.")
        stage_1 = None
        if kind is AssessmentKind.CARER_STAGE_2:
            stage_1 = await self.rows.completed(person.council_id, person.id, [AssessmentKind.CARER_STAGE_1])
            if stage_1 is None:
                raise InvalidInput({"kind": "A carer’s first stage comes before the second"})
        on = today(clock_of(self.db))
        version = await current_version(self.db, person.council_id, on) if kind is AssessmentKind.ADULT else None
        row = Assessment(
            council_id=person.council_id,
            person_id=person.id,
            cares_for_person_id=stage_1.cares_for_person_id if stage_1 else None,
            kind=kind,
            status=AssessmentStatus.DRAFT,
            ras_version_id=version.id if version else None,
            answers={},
            in_my_words=stage_1.in_my_words if stage_1 else "",
            assessed_by_user_id=principal.user_id,
            created_at=clock_of(self.db).now(),
        )
        self.db.add(row)
        await self.db.flush()
        ASSESSMENT.begin(self.db, row, by=principal.user_id)
        self._note(principal, "people.begin_assessment", row, {"kind": kind.value, "person_id": str(person.id)})
        return row

    async def save_answers(
        self, principal: Principal, person_id: UUID, assessment_id: UUID, form: AnswersForm
    ) -> Assessment:
        """Keep chosen answers; those left open may be given later.

        Raises:
            NotFound: No such assessment of the person, or it has no points.
            AssessmentClosed: It is complete.
            RecordChanged: Somebody else saved it since the form was drawn.
            InvalidInput: Answers of another version.
        """
        row = await self._open(principal, person_id, assessment_id, form.version)
        version = await self.version_of(row)
        if version is None:
            raise NotFound
        row.points = points_of(version, form.answers, partial=True)
        row.answers = dict(form.answers)
        await self._saved(principal, "people.answer_assessment", row, {"answers": len(form.answers)})
        return row

    async def save_need(
        self, principal: Principal, person_id: UUID, assessment_id: UUID, form: NeedForm, need_id: UUID | None = None
    ) -> AssessedNeed:
        """Add a need, or change one. Raises as `save_answers`."""
        row = await self._open(principal, person_id, assessment_id, form.version)
        needs = await self.rows.needs(row)
        values = {name: getattr(form, name) for name in form.__struct_fields__ if name != "version"}
        if need_id is None:
            if len(needs) >= MOST_NEEDS:
                raise InvalidInput({"words": f"An assessment holds {MOST_NEEDS} needs at most. Join some of them"})
            need = AssessedNeed(
                council_id=row.council_id,
                assessment_id=row.id,
                position=await self.rows.last_position(row) + 1,
                **values,
            )
            self.db.add(need)
        else:
            need = _one(needs, need_id)
            for name, value in values.items():
                setattr(need, name, value)
        await self._saved(principal, "people.write_need", row, {"outcome": form.outcome, "met_by": form.met_by.value})
        return need

    async def remove_need(
        self, principal: Principal, person_id: UUID, assessment_id: UUID, need_id: UUID, version: int
    ) -> None:
        """Take a need out of an unfinished assessment. Raises as `save_answers`."""
        row = await self._open(principal, person_id, assessment_id, version)
        need = _one(await self.rows.needs(row), need_id)
        await self.db.delete(need)
        await self._saved(principal, "people.remove_need", row, {"outcome": need.outcome})

    async def save_decision(
        self, principal: Principal, person_id: UUID, assessment_id: UUID, form: DecisionForm
    ) -> Assessment:
        """Keep what was said and decided so far. Raises as `save_answers`, and where nobody has the reference of whom a
        carer cares for."""
        row = await self._open(principal, person_id, assessment_id, form.version)
        if row.kind is AssessmentKind.CARER_STAGE_2:
            row.cares_for_person_id = await cared_for(self.db, row.council_id, row.person_id, form.cares_for)
        for name in form.__struct_fields__:
            if name not in ("version", "cares_for"):
                setattr(row, name, getattr(form, name))
        await self._saved(principal, "people.write_assessment", row, {"is_eligible": form.is_eligible})
        return row

    async def complete(
        self, principal: Principal, person_id: UUID, assessment_id: UUID, form: AwardForm
    ) -> Budget | None:
        """Complete an assessment. It takes the place of the one before, and becomes an indicative budget.

        An adult's budget comes from the points and, where support cost more before, what is protected; a carer's or an
        equipment budget is the sum given. Nobody who is not eligible gets one, and a budget that is agreed already
        is left as it is: changing that is a decision of its own.

        Returns:
            The budget; None where none follows: not eligible, no sum given, or the council has published no points.

        Raises:
            InvalidInput: What is missing, in words; also why long-term support has to wait (B1, B2).
        """
        row = await self._open(principal, person_id, assessment_id, form.version)
        needs = await self.rows.needs(row)
        version = await self.version_of(row)
        missing = what_is_missing(row, needs, version)
        if missing:
            raise InvalidInput({key: words for key, words, _part in missing})
        if gives_long_term_budget(row, version):
            await need_free_way(self.db, row.council_id, row.person_id, "stages")
        if row.kind is AssessmentKind.EQUIPMENT and row.is_eligible and not (form.one_off_pence or form.weekly_pence):
            raise InvalidInput({"one_off": "Enter what the equipment costs, like 75.50"})
        before = await self.rows.completed(row.council_id, row.person_id, [row.kind], locked=True)
        if before is not None:
            ASSESSMENT.move(self.db, before, AssessmentStatus.SUPERSEDED, by=principal.user_id)
        row.completed_at = clock_of(self.db).now()
        row.points = points_of(version, row.answers) if version else None
        ASSESSMENT.move(self.db, row, AssessmentStatus.COMPLETED, by=principal.user_id)
        await self.db.flush()
        after = {"points": row.points, "is_eligible": row.is_eligible, "needs": len(needs)}
        self._note(principal, "people.complete_assessment", row, after)
        return await self._budget(principal, row, version, form) if row.is_eligible else None

    async def version_of(self, row: Assessment) -> RasVersion | None:
        """Return the version whose questions an assessment asks; None where it asks none."""
        if row.ras_version_id is None:
            return None
        return await RasRepository(self.db).find(row.council_id, row.ras_version_id)

    async def _budget(
        self, principal: Principal, row: Assessment, version: RasVersion | None, form: AwardForm
    ) -> Budget | None:
        kind = AWARDED.get(row.kind, BudgetKind.SUPPORT)
        if kind is not BudgetKind.SUPPORT:
            if not (form.weekly_pence or form.one_off_pence):
                return None
            return await self.budgets.set_indicative(
                principal,
                row.person_id,
                form.weekly_pence,
                kind=kind,
                one_off_pence=form.one_off_pence,
                assessment=row,
                reason=form.reason,
            )
        if version is None or row.points is None:
            return None
        annual, weekly = indicative(version, row.points)
        working = Working(
            points=row.points,
            version=version,
            annual_pence=annual,
            weekly_pence=weekly,
            previous_weekly_pence=row.previous_weekly_pence,
        )
        return await self.budgets.set_indicative(
            principal, row.person_id, weekly, kind=kind, working=working, assessment=row
        )

    async def _open(self, principal: Principal, person_id: UUID, assessment_id: UUID, version: int) -> Assessment:
        principal.require(Permission.ASSESS)
        person = await self.budgets.budgets.hold(principal.council_id, person_id)
        row = await self.rows.in_person(principal.council_id, person.id, assessment_id, locked=True)
        if row.status is not AssessmentStatus.DRAFT:
            raise AssessmentClosed("Begin a new one to change what it says.")
        if person.died_on is not None:
            raise PersonHasDied
        if row.version != version:
            raise RecordChanged("Open the assessment again, look at what has changed, then make your change.")
        return row

    async def _saved(self, principal: Principal, action: str, row: Assessment, after: dict[str, Any]) -> None:
        # A changed need is a changed assessment: whoever has an older page open is told.
        flag_modified(row, "answers")
        await self.db.flush()
        self._note(principal, action, row, after)

    def _note(self, principal: Principal, action: str, row: Assessment, after: dict[str, Any]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="assessment",
            subject_id=row.id,
            after=after,
        )


def gives_long_term_budget(row: Assessment, version: RasVersion | None) -> bool:
    """Whether completing it would give an adult a budget by the points.

    A carer's help and equipment never wait for stages: they belong to the first two.
    """
    return row.kind is AssessmentKind.ADULT and bool(row.is_eligible) and version is not None


def what_is_missing(
    row: Assessment, needs: Sequence[AssessedNeed], version: RasVersion | None
) -> list[tuple[str, str, str]]:
    """Return what an assessment lacks to be complete, as (key, words, part of the page to go to).

    The rules on eligibility are the law's: an adult must be unable to achieve two outcomes or more, a carer one, and
    the decision says why (B26; Care Act s.13). Somebody with substantial difficulty is supported by somebody (s.67).
    """
    found = [
        (f"answer-{domain['key']}", f"Select an answer for “{domain['label']}”", "answers")
        for domain in (version.domains if version else ())
        if domain["key"] not in row.answers
    ]
    if not needs:
        found.append(("needs", "Write down at least one need", "needs/new"))
    if row.held_on is None:
        found.append(("held_on", "Enter the day of the assessment", "decision"))
    if not row.in_my_words.strip() and row.kind is not AssessmentKind.EQUIPMENT:
        found.append(("in_my_words", "Write down what the person says", "decision"))
    if not row.agreed_outcomes.strip():
        found.append(("agreed_outcomes", "Write down what should change, as agreed", "decision"))
    if row.has_substantial_difficulty and not row.supported_by.strip():
        found.append(("supported_by", "Write down who supports the person to take part", "decision"))
    if row.is_eligible is None:
        found.append(("is_eligible", "Select whether the person is eligible", "decision"))
    if not row.rationale.strip():
        found.append(("rationale", "Write down why this was decided", "decision"))
    least = ELIGIBLE_OUTCOMES.get(row.kind, 0)
    eligible = {need.outcome for need in needs if need.is_eligible}
    if row.is_eligible and needs and len(eligible) < least:
        words = "two outcomes or more" if least > 1 else "one outcome or more"
        found.append(("is_eligible", f"Somebody is eligible who cannot achieve {words}. Look at the needs", "decision"))
    if row.is_eligible is False and len(eligible) >= max(least, 1):
        words = "The needs say eligible and the decision says not. Put one of them right"
        found.append(("is_eligible", words, "decision"))
    return found


def _one(needs: Sequence[AssessedNeed], need_id: UUID) -> AssessedNeed:
    found = next((need for need in needs if need.id == need_id), None)
    if found is None:
        raise NotFound
    return found
