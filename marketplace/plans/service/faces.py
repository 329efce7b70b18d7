"""Reading a plan: which version somebody may read, what stands in it, and what the law still wants."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.people.views import note_view
from marketplace.plans import policies
from marketplace.plans.models import Plan, PlanVersion
from marketplace.plans.repository.faces import FaceRepository, FaceSource
from marketplace.plans.section25 import Finding, Links, PlanFacts, Reader, validate
from marketplace.plans.sections import KEYS
from marketplace.plans.states import EDITABLE
from marketplace.plans.summary import facts_of

_PLANNER_FIELDS = {"outcomes": "outcome-1", "money": "money_held"}
"""Where the planner's form has a section under another name."""


class VersionPair(NamedTuple):
    """Two versions to compare, the earlier one first, and all that may be chosen."""

    old: FaceSource
    new: FaceSource
    choices: Sequence[PlanVersion]


class FaceService:
    """What somebody reads of a plan."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.faces = FaceRepository(db)

    async def for_staff(self, principal: Principal, plan_id: UUID) -> FaceSource:
        """Return the newest version that a planner or somebody of the council may read, and note who read it.

        Raises:
            NotFound: The plan is out of reach, or nothing of it was submitted yet (P3).
        """
        plan, versions = await self._staff_versions(principal, plan_id)
        await note_view(self.db, principal, plan.person_id, "plan")
        return await self.faces.source(plan, versions[0])

    async def for_person(self, principal: Principal) -> FaceSource | None:
        """Return what a person reads of their own plan; None when there is nothing to read yet."""
        principal.require(Permission.PLANS_AGREE)
        person_id = principal.need_person()
        found = await self.faces.own_version(principal.council_id, person_id)
        if found is None:
            return None
        await note_view(self.db, principal, person_id, "plan")
        return await self.faces.source(*found)

    async def staff_pair(self, principal: Principal, plan_id: UUID, old: int | None, new: int | None) -> VersionPair:
        """Return two versions that a planner or somebody of the council may read; the newest two unless told.

        Raises:
            NotFound: The plan or a version is out of reach.
        """
        plan, versions = await self._staff_versions(principal, plan_id)
        pair = await self._pair(plan, versions, old, new)
        await note_view(self.db, principal, plan.person_id, "plan")
        return pair

    async def person_pair(self, principal: Principal, old: int | None, new: int | None) -> VersionPair | None:
        """Return two versions of a person's own plan; None when there is none.

        Raises:
            NotFound: A version is not theirs to read.
        """
        principal.require(Permission.PLANS_AGREE)
        person_id = principal.need_person()
        found = await self.faces.own_version(principal.council_id, person_id)
        if found is None:
            return None
        pair = await self._pair(found[0], await self.faces.own_versions(found[0]), old, new)
        await note_view(self.db, principal, person_id, "plan")
        return pair

    async def facts(self, source: FaceSource) -> PlanFacts:
        """Return what is known of a plan for the summary and the validator."""
        plan = source.plan
        return facts_of(
            source,
            await self.faces.assessment(plan.council_id, plan.person_id),
            await self.faces.money(plan.council_id, plan.person_id, today(clock_of(self.db))),
            await self.faces.next_review_on(plan.id),
        )

    async def _staff_versions(self, principal: Principal, plan_id: UUID) -> tuple[Plan, Sequence[PlanVersion]]:
        plan = await self.faces.staff_plan(policies.plans_scope(principal), plan_id)
        versions = await self.faces.versions(plan.id, submitted_only=not policies.is_planner(principal, plan))
        if not versions:
            raise NotFound
        return plan, versions

    async def _pair(self, plan: Plan, versions: Sequence[PlanVersion], old: int | None, new: int | None) -> VersionPair:
        by_number = {version.number: version for version in versions}
        later = versions[0].number if new is None else new
        earlier = max((number for number in by_number if number < later), default=later) if old is None else old
        if later not in by_number or earlier not in by_number:
            raise NotFound
        first, second = sorted((earlier, later))
        older = await self.faces.source(plan, by_number[first])
        newer = older if first == second else await self.faces.source(plan, by_number[second])
        return VersionPair(older, newer, versions)


def staff_findings(principal: Principal, source: FaceSource, facts: PlanFacts) -> tuple[Finding, ...]:
    """Check a plan for somebody of the council or its planner: each link leads where they put it right themselves.

    What is not theirs to write leads to the plan, where it is sent back or talked about.
    """
    plan, person_id = source.plan, source.plan.person_id
    page = f"/plans/{plan.id}"
    if policies.may_write(principal, plan, source.version):
        section = {key: f"{page}#{_PLANNER_FIELDS.get(key, key)}" for key in KEYS}
    elif policies.may_sign_off(principal, source.version):
        section = dict.fromkeys(KEYS, f"{page}/sign-off#decision")
    elif policies.may_check(principal, source.version):
        section = dict.fromkeys(KEYS, f"{page}/check#decision")
    else:
        section = dict.fromkeys(KEYS, page)
    record = f"/people/{person_id}"
    reads_people = principal.may(Permission.PEOPLE_READ)
    links = Links(
        reader=Reader.STAFF,
        section=section,
        assessment=f"{record}/assessments" if principal.may(Permission.ASSESS) else section["needs"],
        budget=f"{record}/budgets" if reads_people else section["money"],
        charges=f"{record}/charges" if reads_people else section["money"],
        payment="/direct-payment-setups" if principal.may(Permission.SETUPS_DECIDE) else section["money"],
        agreement=page,
    )
    return validate(facts, links)


def own_findings(source: FaceSource, facts: PlanFacts) -> tuple[Finding, ...]:
    """Check a plan for the person: they write their own, and ask about the rest."""
    writes = source.is_own and source.version.status in EDITABLE
    section = {key: f"/my-plan/write/{key}" if writes else "/my-plan" for key in KEYS}
    links = Links(
        reader=Reader.PERSON,
        section=section,
        assessment="/my-timeline",
        budget="/my-budget",
        charges="/my-budget",
        payment="/money/set-up",
        agreement="/my-plan",
    )
    return validate(facts, links)
