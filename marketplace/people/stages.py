"""The three stages and times of crisis: what comes before long-term support (B1, B2)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.people.errors import InCrisisAlready, NotInCrisis, RecordChanged
from marketplace.people.models import Crisis, Person, PersonStage
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_stages import CrisisRepository, StageRepository
from marketplace.people.stages_forms import CrisisChange, CrisisForm, StageForm
from marketplace.people.views import note_view

LONG_TERM = 3


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody stands."""

    person: Person
    stages: Sequence[PersonStage]
    current: PersonStage | None
    crises: Sequence[Crisis]
    crisis: Crisis | None
    missing: list[int]
    """Earlier stages without evidence."""
    blocked: str | None
    """Why nothing long-term may be planned."""


async def need_free_way(db: AsyncSession, council_id: UUID, person_id: UUID, field: str) -> None:
    """See that long-term support may be planned for somebody, before a form that gives it is taken.

    Args:
        db: A session that reaches the council.
        council_id: Whose person.
        person_id: For whom.
        field: The field of the form that the reason is shown beside.

    Raises:
        InvalidInput: It has to wait; what was typed stays in the form.
    """
    waits = await may_plan_long_term(db, council_id, person_id)
    if waits is not None:
        raise InvalidInput({field: waits})


async def is_in_crisis(db: AsyncSession, council_id: UUID, person_id: UUID) -> bool:
    """Whether it is a crisis that long-term planning waits for: people are told in other words than of stages."""
    crisis = await CrisisRepository(db).open_of(council_id, person_id)
    return crisis is not None and not crisis.override_reason


async def may_plan_long_term(db: AsyncSession, council_id: UUID, person_id: UUID) -> str | None:
    """Say why no long-term support may be planned for somebody; None: it may.

    Nothing long-term is planned in a crisis, unless a manager let it (B2). Where the council works in three stages
    (setting `people.three_stages`), the person is in the third, which needs evidence of the first two or a recorded
    exception (B1).
    """
    crisis = await CrisisRepository(db).open_of(council_id, person_id)
    if crisis is not None and not crisis.override_reason:
        return "The person is in a crisis. Make safe first, then plan for the long term, or ask a manager"
    if not await setting(db, council_id, "people.three_stages", today(clock_of(db))):
        return None
    stages = await StageRepository(db).of_person(council_id, person_id)
    if any(row.stage == LONG_TERM and row.ended_on is None for row in stages):
        return None
    if missing := missing_evidence(stages):
        listed = " and ".join(str(number) for number in missing)
        return f"Stage 3 has not begun: evidence of stage {listed} is missing, or a manager’s exception"
    return "Stage 3 has not begun: record it on the person’s stages"


def missing_evidence(stages: Sequence[PersonStage]) -> list[int]:
    """Return the stages before long-term support for which nobody wrote down what was tried and what came of it."""
    with_evidence = {row.stage for row in stages if row.tried and row.result}
    return [number for number in (1, 2) if number not in with_evidence]


def stamp(row: PersonStage | Crisis | None) -> str:
    """Return what a form carries of the row it was drawn from: another row may have the same version."""
    return f"{row.id}-{row.version}" if row is not None else ""


class StageService:
    """Stages and crises of people of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.people = PeopleRepository(db)
        self.stages = StageRepository(db)
        self.crises = CrisisRepository(db)

    async def read(self, principal: Principal, person_id: UUID) -> Stages:
        """Return where somebody stands; who read it is noted for the person.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.CONTACTS_TAKE)
        person = await self.people.find(principal.council_id, person_id)
        await note_view(self.db, principal, person.id, "stages")
        rows = await self.stages.of_person(principal.council_id, person.id)
        crises = await self.crises.of_person(principal.council_id, person.id)
        return Stages(
            person=person,
            stages=rows,
            current=_current(rows),
            crises=crises,
            crisis=next((row for row in crises if row.ended_on is None), None),
            missing=missing_evidence(rows),
            blocked=await may_plan_long_term(self.db, principal.council_id, person.id),
        )

    async def begin(self, principal: Principal, person_id: UUID, form: StageForm) -> PersonStage:
        """Lead somebody into a stage; what was tried in the one that ends is kept with it.

        Raises:
            NotFound: There is none in the council.
            RecordChanged: Somebody else changed the stage since the form was drawn.
            InvalidInput: The same stage, before the one it follows, or stage 3 without evidence of the first two and
                without an exception by somebody who may make one.
        """
        principal.require(Permission.CONTACTS_TAKE)
        # The person is locked: two stages that begin at once would both find none open.
        person = await self.people.find(principal.council_id, person_id, locked=True)
        rows = await self.stages.of_person(principal.council_id, person.id)
        current = _current(rows)
        if stamp(current) != form.stamp:
            raise RecordChanged("Open the stages again, look at what has changed, then make your change.")
        self._fits(current, form)
        if current is not None:
            current.ended_on = form.started_on
            current.tried, current.result = form.tried or current.tried, form.result or current.result
        missing = missing_evidence(rows) if form.stage == LONG_TERM else []
        if missing:
            self._needs_exception(principal, missing, form)
        await self.db.flush()
        row = PersonStage(
            council_id=person.council_id,
            person_id=person.id,
            stage=form.stage,
            started_on=form.started_on,
            exception_reason=form.exception_reason if missing else "",
            exception_by_user_id=principal.user_id if missing else None,
            started_by_user_id=principal.user_id,
        )
        self.db.add(row)
        await self.db.flush()
        after = {"stage": row.stage, "is_exception": bool(missing), "missing": missing}
        before = {"stage": current.stage} if current else None
        self._note(principal, "people.begin_stage", person, before=before, after=after)
        return row

    async def begin_crisis(self, principal: Principal, person_id: UUID, form: CrisisForm) -> Crisis:
        """Record that somebody is in a crisis: nothing long-term is planned until it ends.

        Raises:
            NotFound: There is none in the council.
            InCrisisAlready: Somebody recorded it before.
        """
        principal.require(Permission.CONTACTS_TAKE)
        person = await self.people.find(principal.council_id, person_id, locked=True)
        if await self.crises.open_of(principal.council_id, person.id) is not None:
            raise InCrisisAlready("Look at what is recorded.")
        row = Crisis(
            council_id=person.council_id,
            person_id=person.id,
            reason=form.reason,
            started_on=today(clock_of(self.db)),
            look_again_on=form.look_again_on,
            started_by_user_id=principal.user_id,
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "people.begin_crisis", person, after={"look_again_on": row.look_again_on})
        return row

    async def end_crisis(self, principal: Principal, person_id: UUID, form: CrisisChange) -> Crisis:
        """Record that a crisis is over.

        Raises:
            NotFound: The person is none of the council's.
            NotInCrisis: It has ended already.
            RecordChanged: Somebody else changed it since the form was drawn.
        """
        principal.require(Permission.CONTACTS_TAKE)
        person, row = await self._open(principal, person_id, form.stamp)
        row.ended_on, row.ended_by_user_id = today(clock_of(self.db)), principal.user_id
        await self.db.flush()
        self._note(principal, "people.end_crisis", person, after={"ended_on": row.ended_on})
        return row

    async def allow_planning(self, principal: Principal, person_id: UUID, form: CrisisChange) -> Crisis:
        """Let long-term planning begin in a crisis, with a reason (B2: the exception).

        Raises:
            Forbidden: Only those who may make exceptions.
            NotFound: The person is none of the council's.
            NotInCrisis: It has ended.
            RecordChanged: Somebody else changed it since the form was drawn.
        """
        principal.require(Permission.STAGES_EXCEPT)
        person, row = await self._open(principal, person_id, form.stamp)
        row.override_reason, row.override_by_user_id = form.reason, principal.user_id
        await self.db.flush()
        self._note(principal, "people.allow_planning_in_crisis", person, after={"is_override": True})
        return row

    async def _open(self, principal: Principal, person_id: UUID, shown: str) -> tuple[Person, Crisis]:
        person = await self.people.find(principal.council_id, person_id, locked=True)
        row = await self.crises.open_of(principal.council_id, person.id, locked=True)
        if row is None:
            raise NotInCrisis("It has ended, or was never recorded.")
        if stamp(row) != shown:
            raise RecordChanged("Open the stages again, look at what has changed, then make your change.")
        return person, row

    @staticmethod
    def _fits(current: PersonStage | None, form: StageForm) -> None:
        if current is None:
            return
        if current.stage == form.stage:
            raise InvalidInput({"stage": "This is the stage the person is in"})
        if form.started_on < current.started_on:
            raise InvalidInput({"started_on": "It must begin after the stage before it"})

    @staticmethod
    def _needs_exception(principal: Principal, missing: list[int], form: StageForm) -> None:
        listed = " and ".join(str(number) for number in missing)
        if not principal.may(Permission.STAGES_EXCEPT):
            words = f"Write down what was tried in stage {listed}, or ask a manager for an exception"
            raise InvalidInput({"tried": words})
        if not form.exception_reason:
            words = f"Evidence of stage {listed} is missing. Write down why stage 3 begins without it"
            raise InvalidInput({"exception_reason": words})

    def _note(self, principal: Principal, action: str, person: Person, **more: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=person.council_id,
            subject_kind="person",
            subject_id=person.id,
            **more,
        )


def _current(rows: Sequence[PersonStage]) -> PersonStage | None:
    return next((row for row in rows if row.ended_on is None), None)
