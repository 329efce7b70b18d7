"""Money of wages: what approved visits put among the wages due is taken off when a timesheet goes to the payroll.

The direct payment was charged at the approval. What a timesheet holds beyond approved visits (days entered by hand,
holiday pay, the employer's own costs) is paid and recorded by whoever holds the direct payment.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.bookings.models import Employment, Timesheet
from marketplace.bookings.repository_employment import TimesheetRepository
from marketplace.core.formats import date_range
from marketplace.ledger import LedgerService, Purpose, credit, debit

WAGES_SENT = "wages-sent"
"""Kind of the entry of a timesheet that was sent."""


async def settle_wages(db: AsyncSession, principal: Principal, employment: Employment, sheet: Timesheet) -> int:
    """Take the wages of a sent timesheet off what is due. Settling it again moves nothing.

    The rest of a visit that was approved after its timesheet had gone is taken off with the next one.

    Args:
        db: The transaction in which the timesheet is sent; the job is locked in it.
        principal: The person.
        employment: The job.
        sheet: Its timesheet, sent.

    Returns:
        Pence taken off; 0 where the person holds the direct payment, because they owe the wage themselves.
    """
    due = await TimesheetRepository(db).wages_to_send(employment.id)
    if due <= 0:
        return 0
    entry = await LedgerService(db).post(
        sheet.council_id,
        WAGES_SENT,
        sheet.id,
        [debit(Purpose.WAGES_DUE, due, employment.person_id), credit(Purpose.WAGES_SENT, due)],
        memo=f"Wages of your assistant for {date_range(sheet.starts_on, sheet.ends_on)}, sent to the payroll",
    )
    if entry is None:
        return 0
    audit.record(
        db,
        principal,
        "bookings.send_wages",
        council_id=sheet.council_id,
        subject_kind="timesheet",
        subject_id=sheet.id,
        after={"wages_pence": due},
    )
    return due
