"""Questions about payments that came back."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from uuid import UUID

from sqlalchemy import Row, func, select

from marketplace.core.clock import instant
from marketplace.core.repository import Repository
from marketplace.payments.models import PaymentRun, PaymentRunLine, ReturnedItem
from marketplace.payments.returned_files import ReturnedRow
from marketplace.payments.states import RELEASED_RUNS
from marketplace.providers.models import Organisation

MOST_CANDIDATES = 20
ONE_DAY = timedelta(days=1)


class ReturnedItemRepository(Repository[ReturnedItem]):
    """Returned items, matched or not."""

    model_type = ReturnedItem

    async def hold(self, council_id: UUID) -> None:
        """Let nobody else enter returned payments of a council until the transaction ends."""
        await self.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtext("payments.returned"), func.hashtext(str(council_id))))
        )

    async def listed(
        self, council_id: UUID, *, is_waiting: bool, before: UUID | None, limit: int
    ) -> Sequence[Row[ReturnedItem, PaymentRunLine | None, PaymentRun | None, str | None]]:
        """Return items with their line, run and payee, newest first: those that wait for somebody, or the others."""
        waits = ReturnedItem.line_id.is_(None) & ReturnedItem.settled_at.is_(None)
        question = (
            select(ReturnedItem, PaymentRunLine, PaymentRun, Organisation.name)
            .outerjoin(PaymentRunLine, PaymentRunLine.id == ReturnedItem.line_id)
            .outerjoin(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
            .outerjoin(Organisation, Organisation.id == PaymentRunLine.organisation_id)
            .where(ReturnedItem.council_id == council_id, waits if is_waiting else ~waits)
        )
        if before is not None:
            question = question.where(ReturnedItem.id < before)
        return (await self.db.execute(question.order_by(ReturnedItem.id.desc()).limit(limit))).all()

    async def waiting_count(self, council_id: UUID) -> int:
        """Return how many items nobody could match or has dealt with."""
        found = await self.db.scalar(
            select(func.count())
            .select_from(ReturnedItem)
            .where(
                ReturnedItem.council_id == council_id,
                ReturnedItem.line_id.is_(None),
                ReturnedItem.settled_at.is_(None),
            )
        )
        return int(found or 0)

    async def is_known(self, council_id: UUID, row: ReturnedRow) -> bool:
        """Whether the same item was entered before: a bank's list that is read twice acts once."""
        found = await self.db.scalar(
            select(ReturnedItem.id)
            .where(
                ReturnedItem.council_id == council_id,
                ReturnedItem.returned_on == row.returned_on,
                ReturnedItem.amount_pence == row.amount_pence,
                ReturnedItem.reference == row.reference,
                ReturnedItem.account_ends == row.account_ends,
            )
            .limit(1)
        )
        return found is not None

    async def candidates(
        self, council_id: UUID, amount_pence: int, returned_on: date
    ) -> Sequence[Row[PaymentRunLine, PaymentRun, str]]:
        """Return payments of an amount that left by a day and have not come back, newest first, with run and payee."""
        return (
            await self.db.execute(
                select(PaymentRunLine, PaymentRun, Organisation.name)
                .join(PaymentRun, PaymentRun.id == PaymentRunLine.run_id)
                .join(Organisation, Organisation.id == PaymentRunLine.organisation_id)
                .where(
                    PaymentRunLine.council_id == council_id,
                    PaymentRunLine.amount_pence == amount_pence,
                    PaymentRunLine.returned_on.is_(None),
                    PaymentRun.status.in_(RELEASED_RUNS),
                    PaymentRun.released_at < instant(returned_on + ONE_DAY, time(0)),
                )
                .order_by(PaymentRunLine.id.desc())
                .limit(MOST_CANDIDATES)
            )
        ).all()
