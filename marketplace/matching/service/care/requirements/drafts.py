"""Writing a requirement: the draft, its visits, and the words that providers will see."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.matching.errors_care import NotYet, RequirementNotOpen
from marketplace.matching.forms_care import RequirementForm, VisitLine
from marketplace.matching.models import Requirement, RequirementRoute, RequirementVisit
from marketplace.matching.packs_care import identifiers, may_show, outward_of
from marketplace.matching.service.care.requirements.steps import RequirementSteps
from marketplace.matching.states import REQUIREMENT, RequirementStatus

_FIELDS = tuple(name for name in RequirementForm.__struct_fields__ if name not in ("visits", "version"))


class RequirementDrafts(RequirementSteps):
    """Verbs before anybody is asked."""

    async def record(self, principal: Principal, person_id: UUID, form: RequirementForm) -> Requirement:
        """Write a draft. Nobody outside the council sees it before it is opened.

        Raises:
            NotFound: The person is not one of the council's.
        """
        principal.require(Permission.REQUIREMENTS_WRITE)
        person = await self.people.find(principal.council_id, person_id)
        row = Requirement(
            council_id=principal.council_id,
            person_id=person.id,
            reference=await self.requirements.next_reference(principal.council_id, today(self.clock).year),
            status=RequirementStatus.DRAFT,
            route=RequirementRoute.LOT,
            outward=outward_of(person),
            agreed_ceiling_pence=form.ceiling_weekly_pence,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
            **_values(form),
        )
        self.db.add(row)
        await self.db.flush()
        self._write_visits(row, form.visits)
        await self.db.flush()
        REQUIREMENT.begin(self.db, row, by=principal.user_id)
        self._note(principal, "matching.record_requirement", row)
        return row

    async def update(self, principal: Principal, requirement_id: UUID, form: RequirementForm) -> Requirement:
        """Change a draft. What a broker said about its words counts no longer when they change.

        Raises:
            RequirementChanged: Somebody else saved it since the form was drawn.
            RequirementNotOpen: Providers have seen it: the terms alone may change, between two rounds.
        """
        row = await self._locked(principal, requirement_id, form.version)
        if row.status is not RequirementStatus.DRAFT:
            raise RequirementNotOpen("Providers have seen it, so its words and visits stay as they are.")
        person = await self.people.find(principal.council_id, row.person_id)
        changed = {name: value for name, value in _values(form).items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        if changed.keys() & {"summary", "outcomes"}:
            row.checked_text = False
        row.agreed_ceiling_pence = form.ceiling_weekly_pence
        row.outward = outward_of(person)
        before = await self.requirements.visits(row.council_id, row.id)
        if [_line(visit) for visit in before] != form.visits:
            for visit in before:
                await self.db.delete(visit)
            await self.db.flush()
            self._write_visits(row, form.visits)
            changed["visits"] = len(form.visits)
        # The version goes on even when only visits changed, so that two brokers notice each other.
        flag_modified(row, "closed_reason")
        await self.db.flush()
        if changed:
            # Names of fields only: what they say is about a person, and the log outlives erasure.
            self._note(principal, "matching.update_requirement", row, after={"changed": sorted(changed)})
        return row

    async def confirm_text(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """Record that a broker looked at the warnings and says that the text names nobody (K4).

        Raises:
            NotYet: It holds something that must go, such as a telephone number.
        """
        row = await self._locked(principal, requirement_id, version)
        person = await self.people.find(row.council_id, row.person_id)
        warnings = identifiers(row, person)
        if not may_show(warnings, is_checked=True):
            raise NotYet("Take out what must go first: it tells who the person is.")
        row.checked_text = True
        await self.db.flush()
        kinds = sorted({item.kind for items in warnings.values() for item in items})
        self._note(principal, "matching.confirm_requirement_text", row, after={"kinds": kinds})
        return row

    def _write_visits(self, row: Requirement, lines: Sequence[VisitLine]) -> None:
        for line in lines:
            self.db.add(
                RequirementVisit(
                    council_id=row.council_id,
                    requirement_id=row.id,
                    weekday=line.weekday,
                    starts_local=line.starts_local,
                    minutes=line.minutes,
                    workers=line.workers,
                )
            )


def _values(form: RequirementForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in _FIELDS}


def _line(visit: RequirementVisit) -> VisitLine:
    return VisitLine(
        weekday=visit.weekday, starts_local=visit.starts_local, minutes=visit.minutes, workers=visit.workers
    )
