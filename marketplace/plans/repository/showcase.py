"""Questions about plans of the month."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, or_, select

from marketplace.accounts.models import Council, Representation
from marketplace.core.repository import Repository
from marketplace.people.models import Person, ProfileEntry, ProfileTool
from marketplace.plans.anonymous import names_in_entry
from marketplace.plans.models import Plan, PlanShowcase, PlanVersion
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Organisation, Worker


class PublicStory(NamedTuple):
    """What everybody may read of a plan of the month: no id of anything."""

    month: date
    title: str
    story: str
    why: str
    council_name: str


class ShowcaseRepository(Repository[PlanShowcase]):
    """Stories of a council."""

    model_type = PlanShowcase

    async def recent(self, council_id: UUID, *, after: tuple[date, UUID] | None, limit: int) -> Sequence[PlanShowcase]:
        """Return a council's stories, the newest month first, from a key on."""
        question = self.of(council_id).order_by(PlanShowcase.month.desc(), PlanShowcase.id.desc()).limit(limit)
        if after is not None:
            day, row_id = after
            question = question.where(
                or_(PlanShowcase.month < day, (PlanShowcase.month == day) & (PlanShowcase.id < row_id))
            )
        return await self.every(question)

    async def public(self, *, before: date | None, limit: int) -> list[PublicStory]:
        """Return published stories of all councils, the newest month first. Needs a transaction for every council."""
        question = (
            select(PlanShowcase.month, PlanShowcase.title, PlanShowcase.story, PlanShowcase.why, Council.name)
            .join(Council, Council.id == PlanShowcase.council_id)
            .where(PlanShowcase.published_at.is_not(None), PlanShowcase.withdrawn_at.is_(None))
            .order_by(PlanShowcase.month.desc(), Council.name)
            .limit(limit)
        )
        if before is not None:
            question = question.where(PlanShowcase.month < before)
        return [PublicStory(*row) for row in await self.db.execute(question)]

    async def of_person(self, council_id: UUID, person_id: UUID) -> PlanShowcase | None:
        """Return the newest story about a person's plan that is not withdrawn."""
        return await self.maybe(
            self._of_person(council_id, person_id)
            .where(PlanShowcase.withdrawn_at.is_(None))
            .order_by(PlanShowcase.nominated_at.desc(), PlanShowcase.id.desc())
        )

    async def one_of_person(self, council_id: UUID, person_id: UUID, story_id: UUID) -> PlanShowcase:
        """Return a story about a person's own plan, locked.

        Raises:
            NotFound: There is none, or it is about somebody else.
        """
        return await self.one(self._of_person(council_id, person_id).where(PlanShowcase.id == story_id), locked=True)

    async def open_of_person(self, council_id: UUID, person_id: UUID) -> Sequence[PlanShowcase]:
        """Return the stories about a person that are not withdrawn, locked."""
        question = self._of_person(council_id, person_id).where(PlanShowcase.withdrawn_at.is_(None))
        return await self.every(question.order_by(PlanShowcase.id).with_for_update())

    async def signed(self, council_id: UUID, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        """Return a plan, locked, and its version in place.

        Raises:
            NotFound: There is none in the council, or nothing of it is signed off.
        """
        plans: Repository[Plan] = _Plans(self.db)
        plan = await plans.find(council_id, plan_id, locked=True)
        versions: Repository[PlanVersion] = _Versions(self.db)
        version = await versions.one(
            versions.of(council_id)
            .where(PlanVersion.plan_id == plan.id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .order_by(PlanVersion.number.desc())
        )
        return plan, version

    async def plan_of(self, council_id: UUID, story: PlanShowcase) -> Plan:
        """Return the plan that a story is about."""
        inside = select(PlanVersion.plan_id).where(PlanVersion.id == story.plan_version_id).scalar_subquery()
        plans: Repository[Plan] = _Plans(self.db)
        return await plans.one(plans.of(council_id).where(Plan.id == inside))

    async def has_open(self, council_id: UUID, plan_id: UUID) -> bool:
        """Whether a story about a plan is under way or published: not withdrawn, and not refused by the person."""
        inside = select(PlanVersion.id).where(PlanVersion.plan_id == plan_id)
        question = self.of(council_id).where(
            PlanShowcase.plan_version_id.in_(inside),
            PlanShowcase.withdrawn_at.is_(None),
            PlanShowcase.consent_given.is_distinct_from(False),
        )
        return await self.maybe(question) is not None

    async def known_of(self, council_id: UUID, plan: Plan) -> list[str]:
        """Return what is known of a person and those around them that would tell who a story is about."""
        person = (
            await self.db.scalars(select(Person).where(Person.council_id == council_id, Person.id == plan.person_id))
        ).one()
        known = [
            person.given_name,
            person.family_name,
            person.reference,
            person.address_line,
            person.town,
            person.postcode,
            person.phone,
            person.email,
        ]
        entries = select(ProfileEntry.words).where(
            ProfileEntry.council_id == council_id,
            ProfileEntry.person_id == person.id,
            ProfileEntry.tool == ProfileTool.PEOPLE,
        )
        for words in await self.db.scalars(entries):
            known.extend(names_in_entry(words))
        others: list[Select[str]] = [
            select(Representation.name).where(
                Representation.council_id == council_id, Representation.person_id == person.id
            ),
            select(Worker.name).where(Worker.id == plan.worker_id),
            select(Organisation.name).where(Organisation.id == plan.organisation_id),
        ]
        for question in others:
            known.extend(await self.db.scalars(question))
        return [item for item in known if item.strip()]

    def _of_person(self, council_id: UUID, person_id: UUID) -> Select[PlanShowcase]:
        inside = (
            select(PlanVersion.id)
            .join(Plan, Plan.id == PlanVersion.plan_id)
            .where(Plan.council_id == council_id, Plan.person_id == person_id)
        )
        return self.of(council_id).where(PlanShowcase.plan_version_id.in_(inside))


class _Plans(Repository[Plan]):
    model_type = Plan


class _Versions(Repository[PlanVersion]):
    model_type = PlanVersion
