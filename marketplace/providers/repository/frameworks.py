"""Questions about frameworks, their versions, lots, criteria and rounds.

Everybody may read what is published. What is not, and every change, starts from a council.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.providers.models import Criterion, Framework, FrameworkVersion, Lot, Round
from marketplace.providers.states import FrameworkVersionStatus

MOST_ROUNDS = 300


class FrameworkRepository(Repository[Framework]):
    """Frameworks with what belongs to them."""

    model_type = Framework

    def __init__(self, db: AsyncSession) -> None:
        super().__init__(db)
        self.versions = VersionRepository(db)
        self.rounds = RoundRepository(db)

    async def version(self, version_id: UUID) -> FrameworkVersion:
        """Return a version of any council, published or not. The caller says who may see a draft.

        Raises:
            NotFound: There is none.
        """
        return await self.versions.one(select(FrameworkVersion).where(FrameworkVersion.id == version_id))

    async def framework(self, framework_id: UUID) -> Framework:
        """Return a framework of any council.

        Raises:
            NotFound: There is none.
        """
        return await self.one(select(Framework).where(Framework.id == framework_id))

    async def round(self, round_id: UUID) -> Round:
        """Return a round of any council.

        Raises:
            NotFound: There is none.
        """
        return await self.rounds.one(select(Round).where(Round.id == round_id))

    async def lots(self, version_id: UUID) -> Sequence[Lot]:
        """Return the lots of a version in their order."""
        question = select(Lot).where(Lot.version_id == version_id).order_by(Lot.position, Lot.code)
        return (await self.db.scalars(question)).all()

    async def criteria(self, version_id: UUID, lot_ids: Iterable[UUID] | None = None) -> Sequence[Criterion]:
        """Return the criteria of a version in their order.

        Args:
            version_id: The version.
            lot_ids: Only those asked of everybody or of applicants for these lots; None returns all.
        """
        question = select(Criterion).where(Criterion.version_id == version_id)
        if lot_ids is not None:
            question = question.where(or_(Criterion.lot_id.is_(None), Criterion.lot_id.in_(list(lot_ids))))
        return (await self.db.scalars(question.order_by(Criterion.position, Criterion.key))).all()

    async def criterion_keys(self, framework_id: UUID) -> set[str]:
        """Return every key that a version of a framework has used: a new question never takes an old one's."""
        rows = await self.db.scalars(
            select(Criterion.key)
            .join(FrameworkVersion, FrameworkVersion.id == Criterion.version_id)
            .where(FrameworkVersion.framework_id == framework_id)
            .distinct()
        )
        return set(rows)

    async def public(self, council_slug: str, slug: str) -> tuple[Framework, Council]:
        """Return a framework by its address, with its council.

        Raises:
            NotFound: There is none.
        """
        row = (
            await self.db.execute(
                select(Framework, Council)
                .join(Council, Council.id == Framework.council_id)
                .where(Council.slug == council_slug, Framework.slug == slug)
            )
        ).first()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def council(self, council_id: UUID) -> Council:
        """Return a council.

        Raises:
            NotFound: There is none.
        """
        found = await self.db.get(Council, council_id)
        if found is None:
            raise NotFound
        return found

    async def public_rounds(self, closed_since: datetime) -> Sequence[tuple[Round, Framework, Council]]:
        """Return the rounds of all councils that are coming, open or closed since an instant, the soonest first."""
        rows = await self.db.execute(
            select(Round, Framework, Council)
            .join(Framework, Framework.id == Round.framework_id)
            .join(Council, Council.id == Round.council_id)
            .where(Round.closes_at > closed_since)
            .order_by(Round.closes_at, Round.id)
            .limit(MOST_ROUNDS)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def lots_of(self, version_ids: Iterable[UUID]) -> dict[UUID, list[Lot]]:
        """Return the lots of several versions by version, in their order."""
        found: dict[UUID, list[Lot]] = {}
        rows = await self.db.scalars(
            select(Lot).where(Lot.version_id.in_(list(version_ids))).order_by(Lot.position, Lot.code)
        )
        for lot in rows:
            found.setdefault(lot.version_id, []).append(lot)
        return found

    async def slug_exists(self, council_id: UUID, slug: str) -> bool:
        """Whether a council has a framework at this address."""
        return await self.maybe(self.of(council_id).where(Framework.slug == slug)) is not None

    async def own(self, council_id: UUID) -> Sequence[Framework]:
        """Return a council's frameworks by name."""
        return await self.every(self.of(council_id).order_by(Framework.name, Framework.id))


class VersionRepository(Repository[FrameworkVersion]):
    """Versions of specifications."""

    model_type = FrameworkVersion

    async def of_framework(self, framework_id: UUID) -> Sequence[FrameworkVersion]:
        """Return the versions of a framework, the newest first."""
        return await self.every(
            select(FrameworkVersion)
            .where(FrameworkVersion.framework_id == framework_id)
            .order_by(FrameworkVersion.number.desc())
        )

    async def of_council(self, council_id: UUID) -> Sequence[FrameworkVersion]:
        """Return the versions of a council's frameworks, the newest first."""
        return await self.every(self.of(council_id).order_by(FrameworkVersion.number.desc()))

    async def published(self, framework_id: UUID) -> Sequence[FrameworkVersion]:
        """Return the versions that were published, the newest first."""
        rows = await self.of_framework(framework_id)
        return [row for row in rows if row.status is not FrameworkVersionStatus.DRAFT and row.published_at is not None]

    async def next_number(self, framework_id: UUID) -> int:
        """Return the number of the next version."""
        highest = await self.db.scalar(
            select(func.max(FrameworkVersion.number)).where(FrameworkVersion.framework_id == framework_id)
        )
        return (highest or 0) + 1


class RoundRepository(Repository[Round]):
    """Rounds."""

    model_type = Round

    async def of_framework(self, framework_id: UUID) -> Sequence[Round]:
        """Return the rounds of a framework, the one that closes last first."""
        return await self.every(
            select(Round).where(Round.framework_id == framework_id).order_by(Round.closes_at.desc(), Round.id)
        )

    async def of_council(self, council_id: UUID) -> Sequence[Round]:
        """Return the rounds of a council, the one that closes last first."""
        return await self.every(self.of(council_id).order_by(Round.closes_at.desc(), Round.id).limit(MOST_ROUNDS))

    async def to_announce(self, now: datetime, closing_before: datetime) -> Sequence[Round]:
        """Return rounds of all councils that are open and whose opening or closing was not told yet, locked."""
        return (
            await self.db.scalars(
                select(Round)
                .where(
                    Round.cancelled_at.is_(None),
                    Round.opens_at <= now,
                    Round.closes_at > now,
                    or_(
                        Round.told_open_at.is_(None),
                        Round.told_closing_at.is_(None) & (Round.closes_at <= closing_before),
                    ),
                )
                .order_by(Round.id)
                .with_for_update(skip_locked=True)
                .execution_options(populate_existing=True)
            )
        ).all()
