"""What is earned by the month: money management (D12) and block contracts (C12); and what is given in kind (B18)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import uk_date, uk_month
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments.models import (
    AccrualKind,
    BlockContract,
    ContributionKind,
    MoneyManagement,
    ResourceContribution,
    TariffEvent,
)
from marketplace.payments.repository.months import BlockRepository, ContributionRepository, MoneyManagementRepository
from marketplace.payments.rules import Month, Words, block_month, month_source, months_between, part_of_month
from marketplace.payments.service.accruals import priced
from marketplace.payments.service.earning import Earning, announce, earn, reference
from marketplace.providers.models import ServiceLine
from marketplace.providers.repository.accreditations import AccreditationRepository

OLDEST_START = timedelta(days=366)


class BlockTerms(msgspec.Struct, frozen=True):
    """What a block contract says."""

    name: str
    organisation_id: UUID
    service_line: ServiceLine
    team_id: UUID | None
    weekly_minutes: int
    weekly_pence: int
    starts_on: date
    ends_on: date


class Contribution(msgspec.Struct, frozen=True):
    """Something given without a bill."""

    kind: ContributionKind
    what: str
    value_pence: int
    organisation_id: UUID | None
    starts_on: date
    ends_on: date


class MonthService:
    """The verbs of what runs by the month."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.managed = MoneyManagementRepository(db)
        self.blocks = BlockRepository(db)

    async def arrange(
        self, principal: Principal, person_reference: str, organisation_id: UUID, starts_on: date
    ) -> MoneyManagement:
        """Arrange that an organisation manages a person's money from a day on; an earlier arrangement must have ended.

        Raises:
            InvalidInput: A stranger, an organisation that is not accredited for it, days that overlap.
        """
        principal.require(Permission.BUDGETS_SET)
        council_id, now = principal.council_id, today(self.clock)
        person = await self.managed.person(council_id, person_reference)
        if person is None:
            raise InvalidInput({"person": "Nobody has this number. Check it and enter it again"})
        if starts_on < now - OLDEST_START:
            raise InvalidInput({"starts_on": "The first day must not be more than a year ago"})
        # Both days count: who starts later must be sound today, too.
        if not await AccreditationRepository(self.db).is_live(
            organisation_id, council_id, ServiceLine.MONEY_MANAGEMENT, max(starts_on, now), now
        ):
            raise InvalidInput({"organisation": "This organisation is not accredited for money management then"})
        for row in await self.managed.of_person(council_id, person.id):
            if row.ends_on is None:
                raise InvalidInput({"person": "An organisation manages this person’s money already. End that first"})
            if row.ends_on > starts_on:
                raise InvalidInput({"starts_on": f"The first day must be {uk_date(row.ends_on)} or later"})
        if person.died_on is not None and person.died_on <= starts_on:
            raise InvalidInput({"starts_on": "The first day must be before the person died"})
        row = MoneyManagement(
            id=new_id(),
            council_id=council_id,
            person_id=person.id,
            organisation_id=organisation_id,
            starts_on=starts_on,
            arranged_by_user_id=principal.user_id,
            arranged_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        self._record(
            principal, "payments.arrange_money_management", "money_management", row.id, {"starts_on": starts_on}
        )
        return row

    async def end(self, principal: Principal, arrangement_id: UUID, ends_on: date, reason: str) -> MoneyManagement:
        """End an arrangement. `ends_on` is the first day on which it no longer runs.

        Raises:
            InvalidInput: A day within months that were earned: only a credit note takes those back.
        """
        principal.require(Permission.BUDGETS_SET)
        row = await self.managed.find(principal.council_id, arrangement_id, locked=True)
        if row.ends_on is not None:
            raise InvalidInput({"ends_on": f"It ended on {uk_date(row.ends_on)} already"})
        if ends_on <= row.starts_on:
            raise InvalidInput({"ends_on": f"The day must be after {uk_date(row.starts_on)}"})
        earned = await self.managed.earned_sources(AccrualKind.MONEY_MANAGEMENT, row.council_id)
        for month in months_between(row.starts_on, None, today(self.clock)):
            if month_source(row.id, month.first) in earned and ends_on < month.ends_on:
                words = f"{uk_month(month.first)} is earned. The day must be {uk_date(month.ends_on)} or later"
                raise InvalidInput({"ends_on": words})
        row.ends_on, row.end_reason = ends_on, reason
        await self.db.flush()
        self._record(
            principal, "payments.end_money_management", "money_management", row.id, {"ends_on": ends_on}, reason
        )
        return row

    async def enter_block(self, principal: Principal, terms: BlockTerms) -> BlockContract:
        """Enter a block contract: each month of it earns its part of the weekly price.

        Raises:
            InvalidInput: The organisation is not accredited for the service when it begins.
        """
        principal.require(Permission.BOOKS_KEEP)
        now = today(self.clock)
        if terms.ends_on <= terms.starts_on:
            raise InvalidInput({"ends_on": "The last day must be after the first day"})
        if terms.starts_on < now - OLDEST_START:
            raise InvalidInput({"starts_on": "The first day must not be more than a year ago"})
        if not await AccreditationRepository(self.db).is_live(
            terms.organisation_id, principal.council_id, terms.service_line, max(terms.starts_on, now), now
        ):
            raise InvalidInput({"organisation": "This organisation is not accredited for the service then"})
        if terms.team_id and terms.team_id not in dict(await self.blocks.teams(principal.council_id)):
            raise NotFound
        row = BlockContract(
            id=new_id(),
            council_id=principal.council_id,
            **msgspec.structs.asdict(terms),
            entered_by_user_id=principal.user_id,
            entered_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        after = {"weekly_pence": row.weekly_pence, "starts_on": row.starts_on, "ends_on": row.ends_on}
        self._record(principal, "payments.enter_block", "block_contract", row.id, after)
        return row

    async def contribute(self, principal: Principal, form: Contribution) -> ResourceContribution:
        """Record something given without a bill: reported at its value, never paid."""
        principal.require(Permission.BOOKS_KEEP)
        if form.ends_on <= form.starts_on:
            raise InvalidInput({"ends_on": "The last day must be after the first day"})
        row = ResourceContribution(
            id=new_id(),
            council_id=principal.council_id,
            **msgspec.structs.asdict(form),
            recorded_by_user_id=principal.user_id,
            recorded_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        after = {"kind": row.kind, "value_pence": row.value_pence}
        self._record(principal, "payments.record_contribution", "resource_contribution", row.id, after)
        return row

    async def accrue_months(self, council_id: UUID) -> int:
        """Note every month that is over and has not earned yet. Harmless when repeated.

        A month without a price waits: once a book covers it, it is earned. A person's death ends their months.

        Returns:
            How many months earned.
        """
        return await self._managed_months(council_id) + await self._block_months(council_id)

    async def _managed_months(self, council_id: UUID) -> int:
        before, count = today(self.clock), 0
        rows = await self.managed.running(council_id)
        earned = await self.managed.earned_sources(AccrualKind.MONEY_MANAGEMENT, council_id)
        died = await self.managed.died_on(council_id, [row.person_id for row in rows])
        for row in rows:
            ended = [day for day in (row.ends_on, died.get(row.person_id)) if day is not None]
            for month in months_between(row.starts_on, min(ended, default=None), before):
                if month_source(row.id, month.first) not in earned:
                    count += await self._managed_month(row, month)
        return count

    async def _managed_month(self, row: MoneyManagement, month: Month) -> bool:
        last_day = month.ends_on - timedelta(days=1)
        found = await priced(self.db, row.council_id, row.organisation_id, TariffEvent.MONEY_MANAGEMENT_MONTH, last_day)
        if found is None:
            return False
        pence = part_of_month(found.pence, month)
        if pence < 1:
            return False
        words = f"Money management, {uk_month(month.first)}"
        lines = found.lines
        if month.ran < month.days:
            lines = (*lines, Words(f"{month.ran} of {month.days} days", pence - found.pence))
        earning = Earning(
            council_id=row.council_id,
            organisation_id=row.organisation_id,
            kind=AccrualKind.MONEY_MANAGEMENT,
            source_id=month_source(row.id, month.first),
            description=f"{words}, {reference(row.id)}",
            amount_pence=pence,
            working=lines,
            tariff_id=found.tariff.id,
            person_id=row.person_id,
            service_line=ServiceLine.MONEY_MANAGEMENT,
            earned_on=last_day,
        )
        return announce(self.db, earning, await earn(self.db, earning))

    async def _block_months(self, council_id: UUID) -> int:
        before, count = today(self.clock), 0
        earned = await self.managed.earned_sources(AccrualKind.BLOCK, council_id)
        for row, _ in await self.blocks.listed(council_id):
            for month in months_between(row.starts_on, row.ends_on, before):
                source_id = month_source(row.id, month.first)
                pence = block_month(row.weekly_pence, row.starts_on, month)
                if source_id in earned or pence < 1:
                    continue
                added = await earn(
                    self.db,
                    Earning(
                        council_id=council_id,
                        organisation_id=row.organisation_id,
                        kind=AccrualKind.BLOCK,
                        source_id=source_id,
                        description=f"Block contract, {uk_month(month.first)}, {reference(row.id)}",
                        amount_pence=pence,
                        working=(Words(f"{month.ran} days of a week’s price", pence),),
                        spend=Purpose.BLOCK_SPEND,
                        service_line=row.service_line,
                        team_id=row.team_id,
                        earned_on=month.ends_on - timedelta(days=1),
                    ),
                )
                count += added is not None
        return count

    def _record(
        self,
        principal: Principal,
        action: str,
        kind: str,
        row_id: UUID,
        after: Mapping[str, Any],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind=kind,
            subject_id=row_id,
            after=dict(after),
            why=why,
        )


async def contributions_of(db: AsyncSession, principal: Principal) -> list[tuple[ResourceContribution, str | None]]:
    """Return what is given without a bill, the latest first."""
    principal.require(Permission.BOOKS_READ)
    return await ContributionRepository(db).listed(principal.council_id)
