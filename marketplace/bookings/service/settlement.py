"""What an approved visit moves: the one place where bookings posts money.

The direct payment is charged whoever holds it; the holding on the visit's day decides who is owed:

- the council holds it: the provider has earned it, and the council's payment runs pay it; an assistant whom the
  person employs gets it as a wage instead, by a timesheet that goes to the payroll (`employment/wages.py`);
- the person holds it (own account, prepaid card): the person owes it, until they record that they paid;
- an organisation manages it: drawn from its fund where it delivers the visit itself, else earned by who does, or a
  wage as above.

A visit by card was paid before it took place and moves nothing here. Where a card paid a part of a visit
(`Booking.top_up_pence`), that money is used first, because it has left the person's bank already.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.repository import BudgetRepository
from marketplace.bookings.repository_employment import EmploymentRepository
from marketplace.core.formats import uk_date, uk_time
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.people.models import DirectPaymentArrangement, Holding

APPROVED = "visit-approved"
"""Kind of the entry of an approval, whole or in part."""
REST = "visit-approved-rest"
"""Kind of the entry of what had been held back of a part-approved visit."""
WAGE_WORDS = "the wage of your assistant, paid through the payroll"


class Settlement(NamedTuple):
    """What approving moved.

    `direct_pence` left the direct payment; `accrued_pence` of that is what the council's payment runs pay.
    """

    direct_pence: int
    accrued_pence: int
    owed_to: Purpose | None
    """The account that was credited; None when nothing moved."""


NOTHING = Settlement(0, 0, None)


async def settle(
    db: AsyncSession, principal: Principal | None, booking: Booking, pence: int, *, kind: str = APPROVED
) -> Settlement:
    """Post what is paid for a visit. Settling the same kind again moves nothing.

    Args:
        db: The transaction in which the person approves; the booking is locked in it.
        principal: Who approved; None for the person's own rule for silence.
        booking: The visit. For `REST`, its `approved_pence` is still what was approved at first.
        pence: What is approved now: 0 up to the price, or up to what had been held back.
        kind: `APPROVED` or `REST`.

    Raises:
        ValueError: A kind this does not know, or less than nothing.
        NotEnoughMoney: The direct payment does not hold it (it was promised, so only a mistake elsewhere brings this).
    """
    if kind not in (APPROVED, REST) or pence < 0:
        raise ValueError(f"Cannot settle {pence} pence as {kind}")
    before = (booking.approved_pence or 0) if kind == REST else 0
    direct = direct_part(booking, before + pence) - direct_part(booking, before)
    if direct <= 0:
        return NOTHING
    arrangement = await BudgetRepository(db).arrangement(booking.council_id, booking.person_id, booking.visit_on)
    owed_to, owner = owed(booking, arrangement)
    if owed_to is Purpose.ACCRUED and await EmploymentRepository(db).is_wage(booking):
        # Earned by the assistant's organisation it would be paid twice: by a payment run and by the payroll.
        owed_to, owner = Purpose.WAGES_DUE, booking.person_id
    words = "Rest of the visit" if kind == REST else "Visit"
    more = f": {WAGE_WORDS}" if owed_to is Purpose.WAGES_DUE else ""
    entry = await LedgerService(db).post(
        booking.council_id,
        kind,
        booking.id,
        [debit(Purpose.DIRECT_PAYMENT, direct, booking.person_id), credit(owed_to, direct, owner)],
        memo=f"{words} on {uk_date(booking.visit_on)} at {uk_time(booking.starts_at)}{more}",
    )
    if entry is None:
        return NOTHING
    audit.record(
        db,
        principal,
        "bookings.settle_visit",
        council_id=booking.council_id,
        subject_kind="booking",
        subject_id=booking.id,
        after={"kind": kind, "direct_pence": direct, "owed_to": owed_to},
    )
    return Settlement(direct, direct if owed_to is Purpose.ACCRUED else 0, owed_to)


def direct_part(booking: Booking, pence: int) -> int:
    """Return what of an amount the direct payment pays; the card's part is used first."""
    return max(0, pence - booking.top_up_pence) if booking.funding is Funding.DIRECT_PAYMENT else 0


def owed(booking: Booking, arrangement: DirectPaymentArrangement | None) -> tuple[Purpose, UUID]:
    """Return to which account a provider's visit goes, and whose it is; without an arrangement the council holds it."""
    holding = arrangement.holding if arrangement else Holding.COUNCIL_HELD
    if holding in (Holding.OWN_ACCOUNT, Holding.PREPAID_CARD):
        return Purpose.PERSON_OWES, booking.person_id
    is_own_fund = arrangement is not None and arrangement.organisation_id == booking.organisation_id
    if holding is Holding.PROVIDER_MANAGED and is_own_fund:
        return Purpose.FUND_DRAWN, booking.organisation_id
    return Purpose.ACCRUED, booking.organisation_id
