"""Questions about plans, their versions and what they hold."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, func, literal, not_, or_, select, tuple_

from marketplace.core.errors import NotFound
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.matching.models import Offer, Referral
from marketplace.matching.states import OfferStatus
from marketplace.people.models import Person
from marketplace.plans.content import ItemContent, PlanContent, split_money
from marketplace.plans.models import Plan, PlanItem, PlanSection, PlanVersion
from marketplace.plans.schemas import Scope
from marketplace.plans.sections import ROWS
from marketplace.plans.states import EDITABLE, SHOWN_TO_PERSON, PlanStatus
from marketplace.providers.models import Organisation, Worker


class PlanDetail(NamedTuple):
    """One version of a plan with all that its pages name."""

    plan: Plan
    version: PlanVersion
    person: Person
    referral: Referral
    planner_name: str
    """Empty where the person writes the plan."""
    organisation_name: str
    items: Sequence[PlanItem]
    sections: Mapping[str, PlanSection]
    """Rows of its sections by key."""

    @property
    def content(self) -> PlanContent:
        """What the version says."""
        held, why_over = split_money(self.version.money)
        return PlanContent(
            about_me=self.version.about_me,
            good_days=self.version.good_days,
            risks=self.version.risks,
            money_held=held,
            why_over=why_over,
            information_given=self.version.information_given,
            visit_minutes=self.version.visit_minutes,
            items=contents(self.items),
            others={key: row.words for key, row in self.sections.items() if key in ROWS and row.words},
        )


def contents(items: Iterable[PlanItem]) -> tuple[ItemContent, ...]:
    """Return stored outcomes as they are typed."""
    return tuple(
        ItemContent(
            row=item.position,
            outcome=item.outcome,
            what=item.what,
            helped_by=item.helped_by,
            weekly_pence=item.weekly_pence,
        )
        for item in items
    )


class PlanLine(NamedTuple):
    """A plan in a list, by its newest version."""

    plan_id: UUID
    person_name: str
    reference: str
    status: PlanStatus
    number: int
    due_on: date
    planner_name: str


class PlanRepository(Repository[Plan]):
    """Plans and their versions."""

    model_type = Plan

    def within(self, scope: Scope) -> Select[Plan]:
        """Start a question that cannot leave a scope."""
        question = select(Plan).where(Plan.council_id.in_(scope.council_ids))
        return question if scope.worker_id is None else question.where(_is_held_by(scope.worker_id))

    async def locked(self, scope: Scope, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        """Return a plan and its newest version, both locked, parent first.

        Raises:
            NotFound: There is none in the scope.
        """
        plan = await self.one(self.within(scope).where(Plan.id == plan_id), locked=True)
        return plan, await self.newest_version(plan.id)

    async def newest_version(self, plan_id: UUID) -> PlanVersion:
        """Return the newest version of a plan, locked."""
        question = select(PlanVersion).where(PlanVersion.plan_id == plan_id).order_by(PlanVersion.number.desc())
        return await self._version(question)

    async def version_of_person(self, council_id: UUID, person_id: UUID, version_id: UUID) -> tuple[Plan, PlanVersion]:
        """Return a version of a person's own plan, locked, parent first.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        inside = select(PlanVersion.plan_id).where(PlanVersion.id == version_id).scalar_subquery()
        plan = await self.one(self.of(council_id).where(Plan.person_id == person_id, Plan.id == inside), locked=True)
        return plan, await self._version(select(PlanVersion).where(PlanVersion.id == version_id))

    async def signed_versions(self, plan_id: UUID) -> Sequence[PlanVersion]:
        """Return the versions of a plan that are signed off, locked, oldest first."""
        question = (
            select(PlanVersion)
            .where(PlanVersion.plan_id == plan_id, PlanVersion.status == PlanStatus.SIGNED_OFF)
            .order_by(PlanVersion.number)
            .with_for_update()
        )
        return (await self.db.scalars(question)).all()

    async def detail(self, scope: Scope, plan_id: UUID) -> PlanDetail:
        """Return the version that a reader sees: a planner the newest, a council the newest that was submitted.

        Raises:
            NotFound: There is none in the scope.
        """
        question = _joined().where(Plan.id == plan_id, Plan.council_id.in_(scope.council_ids))
        if scope.worker_id is not None:
            question = question.where(_is_held_by(scope.worker_id))
        else:
            question = question.order_by(case((PlanVersion.submitted_at.is_(None), 1), else_=0))
        return await self._detail(question.order_by(PlanVersion.number.desc()).limit(1))

    async def detail_of(self, version_id: UUID) -> PlanDetail:
        """Return one version whose reader was let in already."""
        return await self._detail(_joined().where(PlanVersion.id == version_id))

    async def detail_for_person(self, council_id: UUID, person_id: UUID) -> PlanDetail | None:
        """Return the version a person should see: one that waits for them, else the one on its way, else the signed."""
        rank = case({status: place for place, status in enumerate(SHOWN_TO_PERSON)}, value=PlanVersion.status)
        question = (
            _joined()
            .where(
                Plan.council_id == council_id,
                Plan.person_id == person_id,
                PlanVersion.status.in_(SHOWN_TO_PERSON),
            )
            .order_by(rank, PlanVersion.submitted_at.desc())
            .limit(1)
        )
        try:
            return await self._detail(question)
        except NotFound:
            return None

    async def is_being_written(self, council_id: UUID, person_id: UUID) -> bool:
        """Whether a planner or checker works on a version of a person's plan."""
        found = await self.db.scalar(
            select(literal(1))
            .select_from(Plan)
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .where(
                Plan.council_id == council_id,
                Plan.person_id == person_id,
                PlanVersion.status.in_((*EDITABLE, PlanStatus.IN_QUALITY_CHECK)),
            )
            .limit(1)
        )
        return found is not None

    async def unsigned_of_person(self, council_id: UUID, person_id: UUID) -> UUID | None:
        """Return the person's newest plan whose newest version is not signed off."""
        return (
            await self.db.scalars(
                select(Plan.id)
                .join(PlanVersion, PlanVersion.plan_id == Plan.id)
                .where(
                    *_newest_in(Scope((council_id,), None)),
                    Plan.person_id == person_id,
                    PlanVersion.status.not_in((PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)),
                )
                .order_by(Plan.id.desc())
                .limit(1)
            )
        ).first()

    async def lines(
        self, scope: Scope, statuses: Collection[PlanStatus], *, after: tuple[date, UUID] | None, limit: int
    ) -> list[PlanLine]:
        """Return plans whose newest version is in some states, the most urgent first, from a key on."""
        question = (
            select(
                Plan.id,
                Person.given_name,
                Person.family_name,
                Referral.reference,
                PlanVersion.status,
                PlanVersion.number,
                Referral.due_on,
                Worker.name,
            )
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .join(Person, Person.id == Plan.person_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .outerjoin(Worker, Worker.id == Plan.worker_id)
            .where(*_newest_in(scope), PlanVersion.status.in_(statuses))
            .order_by(Referral.due_on, Plan.id)
            .limit(limit)
        )
        if after is not None:
            question = question.where(tuple_(Referral.due_on, Plan.id) > tuple_(literal(after[0]), literal(after[1])))
        rows = await self.db.execute(question)
        return [
            PlanLine(
                plan_id=row[0],
                person_name=f"{row[1]} {row[2]}".strip(),
                reference=row[3],
                status=row[4],
                number=row[5],
                due_on=row[6],
                planner_name=row[7] or "",
            )
            for row in rows
        ]

    async def counts(self, scope: Scope) -> dict[PlanStatus, int]:
        """Count plans by the state of their newest version."""
        rows = await self.db.execute(
            select(PlanVersion.status, func.count())
            .select_from(Plan)
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .where(*_newest_in(scope))
            .group_by(PlanVersion.status)
        )
        return {row[0]: row[1] for row in rows}

    async def items(self, version_id: UUID) -> Sequence[PlanItem]:
        """Return the outcomes of a version in order."""
        question = select(PlanItem).where(PlanItem.plan_version_id == version_id).order_by(PlanItem.position)
        return (await self.db.scalars(question)).all()

    async def replace_items(self, version: PlanVersion, items: Sequence[ItemContent]) -> None:
        """Put new outcomes in the place of a version's old ones.

        Where an outcome, who helps and its cost stay as they were, it keeps the offer its price was taken from and the
        need that it meets; a price typed over an offer's is no longer that offer's.
        """
        before = {(old.outcome, old.helped_by, old.weekly_pence): old for old in await self.items(version.id)}
        needs = {old.outcome: old.need_id for old in before.values()}
        offers = {
            key: {name: getattr(old, name) for name in _OFFER_FACTS} for key, old in before.items() if old.listing_id
        }
        await self.db.execute(delete(PlanItem).where(PlanItem.plan_version_id == version.id))
        self.db.add_all(
            PlanItem(
                council_id=version.council_id,
                plan_version_id=version.id,
                position=position,
                outcome=item.outcome,
                what=item.what,
                helped_by=item.helped_by,
                weekly_pence=item.weekly_pence,
                need_id=needs.get(item.outcome),
                **offers.get((item.outcome, item.helped_by, item.weekly_pence), {}),
            )
            for position, item in enumerate(items, start=1)
        )
        await self.db.flush()

    async def timeline(self, plan_id: UUID) -> Sequence[Row[Step, int]]:
        """Return the steps of all versions of a plan with the number of the version, newest first."""
        question = (
            select(Step, PlanVersion.number)
            .join(PlanVersion, PlanVersion.id == Step.subject_id)
            .where(Step.subject_kind == "plan_version", PlanVersion.plan_id == plan_id)
            .order_by(Step.at.desc(), Step.id.desc())
            .limit(100)
        )
        return (await self.db.execute(question)).all()

    async def by_referral(
        self, council_ids: Collection[UUID], referral_id: UUID, *, locked: bool = False
    ) -> Plan | None:
        """Return the plan of a referral, where there is one yet."""
        question = select(Plan).where(Plan.council_id.in_(council_ids), Plan.referral_id == referral_id)
        return await self.maybe(question, locked=locked)

    async def of_referral(self, scope: Scope, referral_id: UUID) -> Plan | None:
        """Return the plan of a referral as far as a reader's scope reaches."""
        return await self.maybe(self.within(scope).where(Plan.referral_id == referral_id))

    async def accepted_offer(self, council_ids: Collection[UUID], referral_id: UUID) -> Offer | None:
        """Return the offer by which a planner holds a referral now."""
        found: Offer | None = await self.db.scalar(
            select(Offer).where(
                Offer.council_id.in_(council_ids),
                Offer.referral_id == referral_id,
                Offer.status == OfferStatus.ACCEPTED,
            )
        )
        return found

    async def subject(self, council_id: UUID, referral_id: UUID) -> tuple[Referral, Person]:
        """Return a referral and its person.

        Raises:
            NotFound: No such referral in the council.
        """
        question = (
            select(Referral, Person)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.council_id == council_id, Referral.id == referral_id)
        )
        row = (await self.db.execute(question)).first()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def reference(self, council_id: UUID, plan_id: UUID) -> str:
        """Return the referral's reference of a plan: how messages name it."""
        question = (
            select(Referral.reference)
            .join(Plan, Plan.referral_id == Referral.id)
            .where(Plan.council_id == council_id, Plan.id == plan_id)
        )
        return (await self.db.scalars(question)).one()

    async def _version(self, question: Select[PlanVersion]) -> PlanVersion:
        question = question.limit(1).with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).one()

    async def _detail(
        self, question: Select[Plan, PlanVersion, Person, Referral, str | None, str | None]
    ) -> PlanDetail:
        row = (await self.db.execute(question)).first()
        if row is None:
            raise NotFound
        rows = await self.db.scalars(select(PlanSection).where(PlanSection.plan_version_id == row[1].id))
        sections = {section.key: section for section in rows}
        return PlanDetail(
            row[0], row[1], row[2], row[3], row[4] or "", row[5] or "", await self.items(row[1].id), sections
        )


_OFFER_FACTS = ("listing_id", "unit_price_pence", "price_unit", "weekly_quantity", "priced_on", "route")
"""Columns of an outcome that belong to the offer its price was taken from."""


def _joined() -> Select[Plan, PlanVersion, Person, Referral, str | None, str | None]:
    return (
        select(Plan, PlanVersion, Person, Referral, Worker.name, Organisation.name)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .join(Person, Person.id == Plan.person_id)
        .join(Referral, Referral.id == Plan.referral_id)
        .outerjoin(Worker, Worker.id == Plan.worker_id)
        .outerjoin(Organisation, Organisation.id == Plan.organisation_id)
    )


def _newest_in(scope: Scope) -> list[Any]:
    newer = select(func.max(PlanVersion.number)).where(PlanVersion.plan_id == Plan.id).correlate(Plan).scalar_subquery()
    conditions = [Plan.council_id.in_(scope.council_ids), PlanVersion.number == newer]
    return conditions if scope.worker_id is None else [*conditions, _is_held_by(scope.worker_id)]


def _is_held_by(worker_id: UUID) -> ColumnElement[bool]:
    """Condition: the plan is a planner's, who has not handed its referral back: then they read no more of it."""
    mine = and_(
        Offer.council_id == Plan.council_id, Offer.referral_id == Plan.referral_id, Offer.worker_id == worker_id
    )
    given_back = select(Offer.id).where(mine, Offer.handed_back_at.is_not(None)).correlate(Plan).exists()
    held = select(Offer.id).where(mine, Offer.status == OfferStatus.ACCEPTED).correlate(Plan).exists()
    return and_(Plan.worker_id == worker_id, or_(not_(given_back), held))
