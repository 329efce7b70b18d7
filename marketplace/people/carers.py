"""The first stage of a carer's assessment: by the carer alone, or taken down by staff (R14)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.people.errors import PersonHasDied
from marketplace.people.events import CarerAsked
from marketplace.people.models import Assessment, AssessmentKind
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_assessments import AssessmentRepository
from marketplace.people.repository_budgets import PersonalBudgetRepository
from marketplace.people.states import ASSESSMENT, AssessmentStatus
from marketplace.people.words_assessments import CARER_QUESTIONS


class CarerForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a carer says."""

    answers: dict[str, str]
    in_my_words: str
    cares_for: str = ""
    """Whom they care for: a name where the carer writes, a reference where staff do."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "CarerForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        answers = {
            question["key"]: form.option(
                question["key"], f"an answer for “{question['label']}”", [one["key"] for one in question["answers"]]
            )
            for question in CARER_QUESTIONS
        }
        words = form.text("in_my_words", "what else we should know", required=False, longest=2_000)
        cares_for = form.text("cares_for", "whom they care for", required=False, longest=100)
        form.done()
        return cls(answers=answers, in_my_words=words, cares_for=cares_for)

    @property
    def points(self) -> int:
        """What the answers add up to: how much caring weighs on somebody, worth no money."""
        return sum(
            one["points"]
            for question in CARER_QUESTIONS
            for one in question["answers"]
            if one["key"] == self.answers[question["key"]]
        )


async def cared_for(db: AsyncSession, council_id: UUID, carer_id: UUID, reference: str) -> UUID | None:
    """Return whose record a reference names; None where it is empty.

    Raises:
        InvalidInput: Nobody in the council has it, or it is the carer's own.
    """
    if not reference:
        return None
    found = await PeopleRepository(db).by_reference(council_id, reference)
    if found is None:
        raise InvalidInput({"cares_for": "Nobody has this reference. It looks like P-000123"})
    if found.id == carer_id:
        raise InvalidInput({"cares_for": "This is the carer’s own reference. Enter that of the person they care for"})
    return found.id


class CarerService:
    """The verbs of the first stage."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def record_own(self, principal: Principal, form: CarerForm) -> Assessment:
        """Keep what a carer says of themselves. Whom they care for stays in their words: staff find the record.

        Raises:
            PersonHasDied: The person acted for has died.
        """
        principal.require(Permission.BUDGET_OWN)
        words = "\n".join(filter(None, (f"I care for {form.cares_for}." if form.cares_for else "", form.in_my_words)))
        return await self._record(principal, principal.need_person(), form, words, None)

    async def record(self, principal: Principal, person_id: UUID, form: CarerForm) -> Assessment:
        """Take down what a carer says.

        Raises:
            NotFound: No such person in the council.
            InvalidInput: Nobody else has the reference of whom they care for.
        """
        principal.require(Permission.ASSESS)
        cares_for = await cared_for(self.db, principal.council_id, person_id, form.cares_for)
        return await self._record(principal, person_id, form, form.in_my_words, cares_for)

    async def _record(
        self, principal: Principal, person_id: UUID, form: CarerForm, words: str, cares_for: UUID | None
    ) -> Assessment:
        person = await PersonalBudgetRepository(self.db).hold(principal.council_id, person_id)
        if person.died_on is not None:
            raise PersonHasDied
        now, on = clock_of(self.db).now(), today(clock_of(self.db))
        trigger = int((await setting(self.db, person.council_id, "people.carers", on))["trigger_points"])
        rows = AssessmentRepository(self.db)
        before = await rows.completed(person.council_id, person.id, [AssessmentKind.CARER_STAGE_1], locked=True)
        if before is not None:
            ASSESSMENT.move(self.db, before, AssessmentStatus.SUPERSEDED, by=principal.user_id)
        goes_on = form.points >= trigger
        row = Assessment(
            council_id=person.council_id,
            person_id=person.id,
            cares_for_person_id=cares_for or (before.cares_for_person_id if before is not None else None),
            kind=AssessmentKind.CARER_STAGE_1,
            status=AssessmentStatus.DRAFT,
            answers=dict(form.answers),
            points=form.points,
            is_eligible=goes_on,
            rationale=f"{form.points} points; from {trigger} on the council looks closer.",
            in_my_words=words,
            assessed_by_user_id=principal.user_id,
            held_on=on,
            completed_at=now,
            created_at=now,
        )
        self.db.add(row)
        await self.db.flush()
        ASSESSMENT.begin(self.db, row, by=principal.user_id)
        ASSESSMENT.move(self.db, row, AssessmentStatus.COMPLETED, by=principal.user_id)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "people.record_carer_stage_1",
            council_id=row.council_id,
            subject_kind="assessment",
            subject_id=row.id,
            after={"person_id": str(person.id), "points": form.points, "goes_on": goes_on},
        )
        outbox.publish(
            self.db,
            CarerAsked(council_id=row.council_id, assessment_id=row.id, person_id=person.id, goes_on=goes_on),
        )
        return row
