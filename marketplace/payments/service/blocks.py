"""Which visits draw on hours that were bought ahead (C12, R27): counted in a block contract or paid singly, never both.

A visit is counted when all of this holds, else it is paid singly:

- its organisation and its service are those of a contract, and its day lies inside it;
- the council arranges it: it holds the money and would pay the organisation itself. Somebody who holds their own direct
  payment, or has a fund managed, may buy from the same organisation. That is their purchase, paid from their money, and
  takes nothing out of the block; nor does what a card pays, whole or in part, or the wage of an employed assistant;
- the week still has the minutes for the whole of it. Weeks begin on the weekday of the contract's first day, and of
  two contracts for a day the one that began first is asked first. What is beyond the hours bought is bought singly.

A counted visit still uses up the person's budget at its agreed price. The organisation is not owed it, because the
block's months pay it: what approving had credited to it goes to the council's spending on blocks instead, where what
stays is the cost of hours that nobody used.
"""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.bookings.models import Funding
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.books_rules import contract_week
from marketplace.payments.models import AccrualKind, BlockContract
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.blocks import BlockUseRepository
from marketplace.providers.models import ServiceLine

IN_BLOCK = "visit-in-block"
"""Kind of the entry that takes a counted visit off what the organisation is owed."""
IN_BLOCK_REST = "visit-in-block-rest"
"""The same of what had been held back of it at first."""


class BlockService:
    """Counts approved visits in block contracts."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.blocks = BlockUseRepository(db)
        self.accruals = AccrualRepository(db)

    async def count_in(
        self,
        council_id: UUID,
        booking_id: UUID,
        organisation_id: UUID,
        service_line: ServiceLine,
        visit_on: date,
        pence: int,
        *,
        is_rest: bool,
    ) -> BlockContract | None:
        """Count an approved visit that the council would pay, where a contract has room for it.

        Args:
            council_id: The council.
            booking_id: The visit.
            organisation_id: Who made it.
            service_line: What it was for.
            visit_on: Its day.
            pence: What approving credited to the organisation; more than 0.
            is_rest: What had been held back of it at first: it goes where the first part went.

        Returns:
            The contract, or None when the visit is paid singly.
        """
        visit = await self.blocks.booking(council_id, booking_id)
        if visit is None or visit.top_up_pence or visit.funding is not Funding.DIRECT_PAYMENT:
            return None
        if await self.accruals.has(AccrualKind.VISIT, booking_id):
            return None
        contract = None
        if visit.block_contract_id is not None:
            contract = await self.blocks.find(council_id, visit.block_contract_id)
        else:
            for each in await self.blocks.covering(council_id, organisation_id, service_line, visit_on):
                if await self._has_room(each, visit_on, visit.minutes):
                    contract = each
                    break
        if contract is None:
            return None
        posted = await LedgerService(self.db).post(
            council_id,
            IN_BLOCK_REST if is_rest else IN_BLOCK,
            booking_id,
            [debit(Purpose.ACCRUED, pence, organisation_id), credit(Purpose.BLOCK_SPEND, pence)],
            memo=f"Counted in the block contract {contract.name}",
        )
        if posted is not None:
            await self.blocks.count_in(council_id, booking_id, contract.id)
            audit.record(
                self.db,
                None,
                "payments.count_in_block",
                council_id=council_id,
                subject_kind="booking",
                subject_id=booking_id,
                after={"block_contract_id": contract.id, "pence": pence},
            )
        return contract

    async def _has_room(self, contract: BlockContract, visit_on: date, minutes: int) -> bool:
        starts_on, ends_on, bought = contract_week(
            contract.weekly_minutes, contract.starts_on, contract.ends_on, visit_on
        )
        return await self.blocks.counted_minutes(contract, starts_on, ends_on) + minutes <= bought
