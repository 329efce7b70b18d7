"""Questions about what runs by the month: money management, block contracts; and about what is given in kind."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select

from marketplace.core.repository import Repository
from marketplace.payments.models import (
    Accrual,
    AccrualKind,
    BlockContract,
    BudgetTeam,
    MoneyManagement,
    ResourceContribution,
)
from marketplace.people.models import Person
from marketplace.providers.models import Organisation, ServiceLine
from marketplace.providers.repository.accreditations import is_accredited

MOST = 200


class MoneyManagementRepository(Repository[MoneyManagement]):
    """Who manages whose money."""

    model_type = MoneyManagement

    async def listed(self, council_id: UUID, today: date) -> list[tuple[MoneyManagement, str, str, str]]:
        """Return (arrangement, person's name, reference, organisation) of those that run or ended within a year."""
        rows = await self.db.execute(
            select(
                MoneyManagement,
                func.trim(Person.given_name + " " + Person.family_name),
                Person.reference,
                Organisation.name,
            )
            .join(Person, Person.id == MoneyManagement.person_id)
            .join(Organisation, Organisation.id == MoneyManagement.organisation_id)
            .where(
                MoneyManagement.council_id == council_id,
                or_(
                    MoneyManagement.ends_on.is_(None),
                    MoneyManagement.ends_on > today.replace(year=today.year - 1, day=1),
                ),
            )
            .order_by(MoneyManagement.ends_on.is_not(None), MoneyManagement.starts_on.desc(), MoneyManagement.id)
            .limit(MOST)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[MoneyManagement]:
        """Return a person's arrangements, locked, the latest first."""
        return await self.every(
            self.of(council_id)
            .where(MoneyManagement.person_id == person_id)
            .order_by(MoneyManagement.starts_on.desc())
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def running(self, council_id: UUID) -> Sequence[MoneyManagement]:
        """Return every arrangement of a council: months that were not paid for want of a price are tried again."""
        return await self.every(self.of(council_id).order_by(MoneyManagement.id))

    async def person(self, council_id: UUID, reference: str) -> Person | None:
        """Return a council's person by the number they quote."""
        found: Person | None = await self.db.scalar(
            select(Person).where(Person.council_id == council_id, func.upper(Person.reference) == reference.upper())
        )
        return found

    async def died_on(self, council_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, date]:
        """Return when people died, those who did."""
        rows = await self.db.execute(
            select(Person.id, Person.died_on).where(
                Person.council_id == council_id, Person.id.in_(person_ids), Person.died_on.is_not(None)
            )
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}

    async def organisations(self, council_id: UUID, service: ServiceLine, day: date) -> list[tuple[UUID, str]]:
        """Return the organisations that are accredited for a service on a day, by name."""
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name)
            .where(is_accredited(Organisation.id, council_id, service, day))
            .order_by(Organisation.name, Organisation.id)
            .limit(MOST)
        )
        return [(row[0], row[1]) for row in rows]

    async def earned_sources(self, kind: AccrualKind, council_id: UUID) -> set[UUID]:
        """Return the sources that have earned of a kind."""
        rows = await self.db.scalars(
            select(Accrual.source_id).where(Accrual.council_id == council_id, Accrual.kind == kind)
        )
        return set(rows)


class BlockRepository(Repository[BlockContract]):
    """Hours bought in advance."""

    model_type = BlockContract

    async def listed(self, council_id: UUID) -> list[tuple[BlockContract, str]]:
        """Return (contract, organisation) of a council, the latest first."""
        rows = await self.db.execute(
            select(BlockContract, Organisation.name)
            .join(Organisation, Organisation.id == BlockContract.organisation_id)
            .where(BlockContract.council_id == council_id)
            .order_by(BlockContract.starts_on.desc(), BlockContract.id)
            .limit(MOST)
        )
        return [(row[0], row[1]) for row in rows]

    async def teams(self, council_id: UUID) -> list[tuple[UUID, str]]:
        """Return a council's open budget teams by name."""
        rows = await self.db.execute(
            select(BudgetTeam.id, BudgetTeam.name)
            .where(BudgetTeam.council_id == council_id, BudgetTeam.closed_on.is_(None))
            .order_by(BudgetTeam.name)
            .limit(MOST)
        )
        return [(row[0], row[1]) for row in rows]

    async def all_organisations(self, council_id: UUID, day: date) -> list[tuple[UUID, str]]:
        """Return the organisations that are accredited for anything on a day, by name."""
        found: dict[UUID, str] = {}
        for service in ServiceLine:
            found |= dict(await MoneyManagementRepository(self.db).organisations(council_id, service, day))
        return sorted(found.items(), key=lambda item: item[1])

    async def paid(self, council_id: UUID) -> dict[str, Any]:
        """Return what blocks have earned, by source."""
        rows = await self.db.execute(
            select(Accrual.source_id, Accrual.amount_pence).where(
                Accrual.council_id == council_id, Accrual.kind == AccrualKind.BLOCK
            )
        )
        return {str(row[0]): int(row[1]) for row in rows}


class ContributionRepository(Repository[ResourceContribution]):
    """What is given without a bill."""

    model_type = ResourceContribution

    async def listed(self, council_id: UUID) -> list[tuple[ResourceContribution, str | None]]:
        """Return (contribution, organisation; None: the council), the latest first."""
        rows = await self.db.execute(
            select(ResourceContribution, Organisation.name)
            .outerjoin(Organisation, Organisation.id == ResourceContribution.organisation_id)
            .where(ResourceContribution.council_id == council_id)
            .order_by(ResourceContribution.starts_on.desc(), ResourceContribution.id)
            .limit(MOST)
        )
        return [(row[0], row[1]) for row in rows]
