"""Questions about limits, asks for more and what a plan may cost."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.repository import Repository
from marketplace.matching.models import Referral
from marketplace.people.models import Budget, BudgetKind, BudgetStatus, DirectPaymentArrangement, FundingRoute, Person
from marketplace.plans.costs import VersionCost
from marketplace.plans.models import ApprovalLimit, AskStatus, Plan, PlanAsk, PlanItem, PlanVersion
from marketplace.plans.states import PlanStatus


class AskLine(NamedTuple):
    """An ask with what a list names of it."""

    ask: PlanAsk
    plan_id: UUID
    person_id: UUID
    person_name: str
    reference: str


class PassedOn(NamedTuple):
    """A plan that somebody passed on because it is beyond their limit."""

    plan_id: UUID
    person_name: str
    reference: str
    at: datetime | None
    by_user_id: UUID | None
    why: str


class LimitRepository(Repository[ApprovalLimit]):
    """A council's dated limits."""

    model_type = ApprovalLimit

    async def all_of(self, council_id: UUID) -> Sequence[ApprovalLimit]:
        """Return every limit of a council, the newest first."""
        question: Select[ApprovalLimit] = self.of(council_id)
        return await self.every(question.order_by(ApprovalLimit.starts_on.desc(), ApprovalLimit.role))

    async def on_day(self, council_id: UUID, role: Role, starts_on: date) -> ApprovalLimit | None:
        """Return the limit of a role that begins on a day, locked."""
        question = self.of(council_id).where(ApprovalLimit.role == role, ApprovalLimit.starts_on == starts_on)
        return await self.maybe(question, locked=True)


class AskRepository(Repository[PlanAsk]):
    """Asks for more than the budget."""

    model_type = PlanAsk

    async def open_of(self, version_id: UUID, *, locked: bool = False) -> PlanAsk | None:
        """Return the ask of a version that waits for its answer."""
        question = select(PlanAsk).where(PlanAsk.plan_version_id == version_id, PlanAsk.status == AskStatus.OPEN)
        return await self.maybe(question, locked=locked)

    async def of_plan(self, plan_id: UUID) -> Sequence[PlanAsk]:
        """Return all asks of a plan, over its versions, the newest first."""
        inside = select(PlanVersion.id).where(PlanVersion.plan_id == plan_id)
        question = select(PlanAsk).where(PlanAsk.plan_version_id.in_(inside))
        return await self.every(question.order_by(PlanAsk.asked_at.desc(), PlanAsk.id.desc()).limit(50))

    async def agreed_of(self, plan_id: UUID) -> PlanAsk | None:
        """Return the newest ask of a plan that was agreed to."""
        inside = select(PlanVersion.id).where(PlanVersion.plan_id == plan_id)
        return await self.maybe(
            select(PlanAsk)
            .where(PlanAsk.plan_version_id.in_(inside), PlanAsk.status == AskStatus.AGREED)
            .order_by(PlanAsk.answered_at.desc(), PlanAsk.id.desc())
        )

    async def line(self, council_id: UUID, ask_id: UUID) -> AskLine:
        """Return one ask with its names.

        Raises:
            NotFound: None of the council.
        """
        ask = await self.find(council_id, ask_id)
        row = (await self.db.execute(_lines(council_id).where(PlanAsk.id == ask.id))).one()
        return _line(row)

    async def lines(
        self, council_id: UUID, *, is_open: bool, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[AskLine]:
        """Return a council's asks from a key on: open ones the oldest first, answered ones the newest first."""
        question, key = _lines(council_id), tuple_(PlanAsk.asked_at, PlanAsk.id)
        if is_open:
            question = question.where(PlanAsk.status == AskStatus.OPEN).order_by(PlanAsk.asked_at, PlanAsk.id)
        else:
            question = question.where(PlanAsk.status != AskStatus.OPEN)
            question = question.order_by(PlanAsk.asked_at.desc(), PlanAsk.id.desc())
        if after is not None:
            place = tuple_(literal(after[0]), literal(after[1]))
            question = question.where(key > place if is_open else key < place)
        return [_line(row) for row in await self.db.execute(question.limit(limit))]


class CostRepository:
    """What a plan may cost."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def indicative(self, council_id: UUID, person_id: UUID) -> Budget | None:
        """Return a person's newest advice on what their support may cost."""
        found: Budget | None = await self.db.scalar(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.status == BudgetStatus.INDICATIVE,
                Budget.kind != BudgetKind.EQUIPMENT,
            )
            .order_by(Budget.created_at.desc(), Budget.id.desc())
            .limit(1)
        )
        return found

    async def advice_and_final(
        self, council_id: UUID, person_id: UUID, on: date
    ) -> tuple[Budget | None, Budget | None]:
        """Return what `indicative` and `final` with `or_later` do, in one question."""
        runs = and_(Budget.status == BudgetStatus.FINAL, or_(Budget.ends_on.is_(None), Budget.ends_on > on))
        question = select(Budget).where(
            Budget.council_id == council_id,
            Budget.person_id == person_id,
            Budget.kind != BudgetKind.EQUIPMENT,
            or_(Budget.status == BudgetStatus.INDICATIVE, runs),
        )
        found = (await self.db.scalars(question)).all()
        advice = [one for one in found if one.status is BudgetStatus.INDICATIVE]
        finals = [one for one in found if one.status is BudgetStatus.FINAL]
        return (
            max(advice, key=lambda one: (one.created_at, one.id), default=None),
            max(finals, key=lambda one: (one.starts_on, one.created_at), default=None),
        )

    async def equipment(self, council_id: UUID, person_id: UUID) -> Budget | None:
        """Return a person's newest advice on equipment, which is paid once."""
        found: Budget | None = await self.db.scalar(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.status == BudgetStatus.INDICATIVE,
                Budget.kind == BudgetKind.EQUIPMENT,
            )
            .order_by(Budget.created_at.desc(), Budget.id.desc())
            .limit(1)
        )
        return found

    async def is_agreed_once(self, advice: Budget) -> bool:
        """Whether the sum of an estimate that is paid once was agreed already."""
        question = select(
            exists().where(
                Budget.indicative_id == advice.id, Budget.status == BudgetStatus.FINAL, Budget.one_off_pence > 0
            )
        )
        return bool(await self.db.scalar(question))

    async def is_held_from(self, budget: Budget) -> bool:
        """Whether it was arranged by a budget's first day who holds its money, so that the schedule pays it."""
        question = select(
            exists().where(
                DirectPaymentArrangement.council_id == budget.council_id,
                DirectPaymentArrangement.person_id == budget.person_id,
                DirectPaymentArrangement.starts_on <= budget.starts_on,
            )
        )
        return bool(await self.db.scalar(question))

    async def final(self, council_id: UUID, person_id: UUID, on: date, *, or_later: bool = False) -> Budget | None:
        """Return the agreed budget that runs on a day; with `or_later` also one that begins after it."""
        begins = literal(value=True) if or_later else Budget.starts_on <= on
        found: Budget | None = await self.db.scalar(
            select(Budget)
            .where(
                Budget.council_id == council_id,
                Budget.person_id == person_id,
                Budget.status == BudgetStatus.FINAL,
                Budget.kind != BudgetKind.EQUIPMENT,
                begins,
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .order_by(Budget.starts_on.desc(), Budget.created_at.desc())
            .limit(1)
        )
        return found

    async def of_versions(self, plan_id: UUID) -> list[VersionCost]:
        """Return what each version of a plan costs the budget: without what the person chose to pay beside it."""
        paid = or_(PlanItem.route.is_(None), PlanItem.route != FundingRoute.SELF_FUNDED)
        cost = func.coalesce(func.sum(PlanItem.weekly_pence).filter(paid), 0)
        rows = await self.db.execute(
            select(PlanVersion.number, PlanVersion.status, PlanVersion.submitted_at, cost)
            .outerjoin(PlanItem, PlanItem.plan_version_id == PlanVersion.id)
            .where(PlanVersion.plan_id == plan_id)
            .group_by(PlanVersion.id)
            .order_by(PlanVersion.number)
        )
        return [VersionCost(row[0], row[1], row[2], int(row[3])) for row in rows]

    async def referred(self, council_id: UUID, referral_id: UUID) -> tuple[int, datetime | None]:
        """Return the budget that a referral was made with, pence a week, and when that was."""
        # A page of the plan has read the referral already: then nothing is asked.
        found = await self.db.get(Referral, referral_id)
        if found is None or found.council_id != council_id:
            return 0, None
        return found.indicative_weekly_pence, found.received_at

    async def passed_on(self, council_id: UUID) -> list[PassedOn]:
        """Return plans that were passed on and still wait for sign-off, the oldest first."""
        rows = await self.db.execute(
            select(
                Plan.id,
                Person.given_name,
                Person.family_name,
                Referral.reference,
                PlanVersion.passed_on_at,
                PlanVersion.passed_on_by_user_id,
                PlanVersion.passed_on_why,
            )
            .join(PlanVersion, PlanVersion.plan_id == Plan.id)
            .join(Person, Person.id == Plan.person_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .where(
                Plan.council_id == council_id,
                PlanVersion.status == PlanStatus.AWAITING_SIGN_OFF,
                PlanVersion.passed_on_at.is_not(None),
            )
            .order_by(PlanVersion.passed_on_at, Plan.id)
            .limit(200)
        )
        return [PassedOn(row[0], f"{row[1]} {row[2]}".strip(), *row[3:]) for row in rows]


def _lines(council_id: UUID) -> Any:
    return (
        select(PlanAsk, Plan.id, Plan.person_id, Person.given_name, Person.family_name, Referral.reference)
        .join(PlanVersion, PlanVersion.id == PlanAsk.plan_version_id)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .join(Person, Person.id == Plan.person_id)
        .join(Referral, Referral.id == Plan.referral_id)
        .where(PlanAsk.council_id == council_id)
    )


def _line(row: Any) -> AskLine:
    return AskLine(row[0], row[1], row[2], f"{row[3]} {row[4]}".strip(), row[5])
