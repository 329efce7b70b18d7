"""Numbers of documents without gaps."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.payments.models import NumberSeries

SELF_BILLS = "self_bill"
SELF_BILL_CREDITS = "self_bill_credit"
PROVIDER_INVOICES = "provider_invoice"
CREDIT_NOTES = "credit_note"
PAYMENT_RUNS = "payment_run"


async def take_numbers(db: AsyncSession, council_id: UUID, series: str, count: int) -> range:
    """Take the next `count` numbers of a council's series; none with 0, which only holds the series.

    The series' row stays locked until the transaction ends: whoever comes second waits, and a rollback gives the
    numbers back, so that there is never a gap.
    """
    last = await db.scalar(
        insert(NumberSeries)
        .values(council_id=council_id, series=series, last=count)
        .on_conflict_do_update(index_elements=["council_id", "series"], set_={"last": NumberSeries.last + count})
        .returning(NumberSeries.last)
    )
    end = int(last or 0)
    return range(end - count + 1, end + 1)
