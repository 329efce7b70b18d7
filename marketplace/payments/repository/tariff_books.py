"""Questions about tariff books, and about the past that a draft is priced on."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select

from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.repository import Repository
from marketplace.matching.models import Complexity, Referral
from marketplace.payments.models import (
    Accrual,
    AccrualKind,
    MoneyManagement,
    Tariff,
    TariffBook,
    TariffClaim,
    TariffEvent,
)
from marketplace.payments.repository.earning_facts import Case, cases
from marketplace.payments.repository.tariffs import covers
from marketplace.payments.states import BookStatus, ClaimStatus
from marketplace.people.models import Person
from marketplace.plans.models import Plan, PlanVersion, Review, ReviewKind
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.providers.models import Accreditation, Framework, FrameworkVersion, Lot, Worker
from marketplace.providers.repository.accreditations import in_period

MOST_BOOKS = 100


class HeldReview(NamedTuple):
    """A review that was held."""

    review_id: UUID
    plan_id: UUID
    person_id: UUID
    organisation_id: UUID
    kind: ReviewKind
    held_on: date


class TariffBookRepository(Repository[TariffBook]):
    """Books of tariffs."""

    model_type = TariffBook

    async def newest(self, council_id: UUID) -> Sequence[tuple[TariffBook, str | None]]:
        """Return a council's books with their framework's name: drafts first, then by first day, the latest first."""
        rows = await self.db.execute(
            select(TariffBook, Framework.name)
            .outerjoin(Framework, Framework.id == TariffBook.framework_id)
            .where(TariffBook.council_id == council_id)
            .order_by(TariffBook.status, TariffBook.starts_on.desc(), TariffBook.id.desc())
            .limit(MOST_BOOKS)
        )
        return [(row[0], row[1]) for row in rows]

    async def rules(self, book_ids: Iterable[UUID]) -> dict[UUID, list[Tariff]]:
        """Return the rules of books by book, in the order of events."""
        found: dict[UUID, list[Tariff]] = {}
        order = list(TariffEvent)
        rows = await self.db.scalars(select(Tariff).where(Tariff.book_id.in_(list(book_ids))))
        for row in sorted(rows, key=lambda one: order.index(one.event)):
            found.setdefault(row.book_id, []).append(row)
        return found

    async def rule(self, book_id: UUID, event: TariffEvent) -> Tariff | None:
        """Return a book's rule for an event."""
        rule: Tariff | None = await self.db.scalar(
            select(Tariff).where(Tariff.book_id == book_id, Tariff.event == event)
        )
        return rule

    async def latest(self, council_id: UUID, framework_id: UUID | None) -> TariffBook | None:
        """Return the published book of a framework that starts last, in the past or to come."""
        return await self.maybe(
            self.of(council_id)
            .where(
                TariffBook.framework_id.is_not_distinct_from(framework_id),
                TariffBook.status == BookStatus.PUBLISHED,
            )
            .order_by(TariffBook.starts_on.desc(), TariffBook.number.desc())
        )

    async def ending(self, council_id: UUID, framework_id: UUID | None, day: date) -> Sequence[TariffBook]:
        """Return the published books of a framework that would end on a day, locked, in one order."""
        return await self.every(
            self.of(council_id)
            .where(
                TariffBook.framework_id.is_not_distinct_from(framework_id),
                TariffBook.status == BookStatus.PUBLISHED,
                or_(TariffBook.ends_on.is_(None), TariffBook.ends_on > day),
            )
            .order_by(TariffBook.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def current_rules(self, council_id: UUID, framework_id: UUID | None, day: date) -> list[Tariff]:
        """Return the rules that count on a day for a framework, one an event, the newest of each."""
        rows = await self.db.scalars(
            select(Tariff)
            .join(TariffBook, TariffBook.id == Tariff.book_id)
            .where(
                Tariff.council_id == council_id,
                TariffBook.framework_id.is_not_distinct_from(framework_id),
                TariffBook.status == BookStatus.PUBLISHED,
                covers(Tariff, day),
            )
            .order_by(Tariff.starts_on, Tariff.id)
        )
        by_event = {row.event: row for row in rows}
        return [by_event[event] for event in TariffEvent if event in by_event]

    async def earning_organisations(self, council_id: UUID, framework_id: UUID | None, since: date) -> list[UUID]:
        """Return the organisations that earned by tariff since a day; of a framework, those accredited under it."""
        rows = await self.db.scalars(
            select(Accrual.organisation_id)
            .where(Accrual.council_id == council_id, Accrual.earned_on >= since, Accrual.tariff_id.is_not(None))
            .distinct()
        )
        found = sorted(rows)
        if framework_id is None:
            return found
        under = await self.frameworks_of(council_id, today(clock_of(self.db)))
        return [one for one in found if under.get(one) == framework_id]

    async def frameworks(self, council_id: UUID) -> Sequence[Framework]:
        """Return a council's frameworks by name."""
        return (
            await self.db.scalars(
                select(Framework).where(Framework.council_id == council_id).order_by(Framework.name).limit(MOST_BOOKS)
            )
        ).all()

    async def framework_name(self, council_id: UUID, framework_id: UUID | None) -> str | None:
        """Return a framework's name; None for the council's own book or a stranger's framework."""
        found: str | None = await self.db.scalar(
            select(Framework.name).where(Framework.council_id == council_id, Framework.id == framework_id)
        )
        return found

    async def frameworks_of(self, council_id: UUID, day: date) -> dict[UUID, UUID]:
        """Return the framework of each organisation that is accredited under one on a day."""
        rows = await self.db.execute(
            select(Accreditation.organisation_id, FrameworkVersion.framework_id)
            .join(Lot, Lot.id == Accreditation.lot_id)
            .join(FrameworkVersion, FrameworkVersion.id == Lot.version_id)
            .where(Accreditation.council_id == council_id, in_period(day))
            .order_by(Accreditation.live_from, Accreditation.id)
        )
        return {row[0]: row[1] for row in rows}

    async def with_own_book(self, council_id: UUID, day: date) -> set[UUID]:
        """Return the frameworks that have a published book of their own on a day."""
        rows = await self.db.scalars(
            select(TariffBook.framework_id).where(
                TariffBook.council_id == council_id,
                TariffBook.framework_id.is_not(None),
                TariffBook.status == BookStatus.PUBLISHED,
                covers(TariffBook, day),
            )
        )
        return {row for row in rows if row is not None}

    async def completed(self, council_id: UUID, since: Any, until: Any) -> list[tuple[Case, Any]]:
        """Return the plan versions that were signed off between two instants, and when."""
        rows = await self.db.execute(
            cases()
            .add_columns(PlanVersion.signed_off_at)
            .where(
                Plan.council_id == council_id,
                PlanVersion.signed_off_at >= since,
                PlanVersion.signed_off_at < until,
                PlanVersion.status.in_((PlanStatus.SIGNED_OFF, PlanStatus.SUPERSEDED)),
            )
        )
        return [(Case._make((*row[:7], row[7] is Complexity.COMPLEX, row[8] or "")), row[9]) for row in rows]

    async def held_reviews(self, council_id: UUID, since: date, until: date) -> list[HeldReview]:
        """Return the reviews that were held in [since, until) and signed by both sides, oldest first."""
        rows = await self.db.execute(
            select(Review.id, Review.plan_id, Review.person_id, Worker.organisation_id, Review.kind, Review.held_on)
            .join(Worker, Worker.id == Review.facilitator_id)
            .where(
                Review.council_id == council_id,
                Review.status == ReviewStatus.SIGNED,
                Review.held_on >= since,
                Review.held_on < until,
            )
            .order_by(Review.held_on, Review.id)
        )
        return [HeldReview._make(row) for row in rows]

    async def arrangements(self, council_id: UUID, since: date, until: date) -> Sequence[MoneyManagement]:
        """Return the money management that ran in [since, until)."""
        return (
            await self.db.scalars(
                select(MoneyManagement).where(
                    MoneyManagement.council_id == council_id,
                    MoneyManagement.starts_on < until,
                    or_(MoneyManagement.ends_on.is_(None), MoneyManagement.ends_on > since),
                )
            )
        ).all()

    async def agreed_claims(self, council_id: UUID, since: date, until: date) -> list[tuple[Any, ...]]:
        """Return (id, event, organisation, plan, minutes, complexity, postcode) of claims agreed for [since, until)."""
        rows = await self.db.execute(
            select(
                TariffClaim.id,
                TariffClaim.event,
                TariffClaim.organisation_id,
                TariffClaim.plan_id,
                TariffClaim.minutes,
                Referral.complexity,
                Person.postcode,
            )
            .join(Plan, Plan.id == TariffClaim.plan_id)
            .join(Referral, Referral.id == Plan.referral_id)
            .join(Person, Person.id == Plan.person_id)
            .where(
                TariffClaim.council_id == council_id,
                TariffClaim.status == ClaimStatus.AGREED,
                TariffClaim.happened_on >= since,
                TariffClaim.happened_on < until,
            )
        )
        return [tuple(row) for row in rows]

    async def paid(self, council_id: UUID, since: date, until: date) -> dict[UUID, int]:
        """Return what each event has earned in [since, until) by its source, visits and blocks left out."""
        rows = await self.db.execute(
            select(Accrual.source_id, func.sum(Accrual.amount_pence))
            .where(
                Accrual.council_id == council_id,
                Accrual.earned_on >= since,
                Accrual.earned_on < until,
                Accrual.kind.in_(
                    (
                        AccrualKind.PLAN,
                        AccrualKind.PLAN_STAGE,
                        AccrualKind.REVIEW,
                        AccrualKind.MONEY_MANAGEMENT,
                        AccrualKind.CLAIM,
                    )
                ),
            )
            .group_by(Accrual.source_id)
        )
        return {row[0]: int(row[1]) for row in rows}
