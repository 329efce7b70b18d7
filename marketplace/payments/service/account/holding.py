"""Who holds a direct payment: the council, the person (own account or prepaid card) or an organisation for them."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import uk_date
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.events import HoldingSet
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.people.models import DirectPaymentArrangement, Holding

FURTHEST_AHEAD = timedelta(days=366)

HOLDING_LABELS = {
    Holding.COUNCIL_HELD: "The council holds the money and pays what the person approves",
    Holding.OWN_ACCOUNT: "The person’s own bank account",
    Holding.PREPAID_CARD: "A prepaid card",
    Holding.PROVIDER_MANAGED: "An organisation holds it for the person (Individual Service Fund)",
}
SELF_HELD = frozenset({Holding.OWN_ACCOUNT, Holding.PREPAID_CARD})
"""Where the person pays and writes it down."""


class HoldingForm(msgspec.Struct, frozen=True, kw_only=True):
    """How a direct payment is to be held from a day on."""

    holding: Holding
    organisation_id: UUID | None
    starts_on: date
    reason: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """How a direct payment is held on a day."""

    holding: Holding
    organisation_id: UUID | None
    since: date | None
    """None: nobody arranged anything, so the council holds it and pays in by hand."""

    @property
    def is_self_held(self) -> bool:
        """Whether the person pays from it and writes it down."""
        return self.holding in SELF_HELD


class HoldingService:
    """Sets and answers how direct payments are held."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = MoneyRepository(db)

    async def on(self, council_id: UUID, person_id: UUID, day: date) -> Held:
        """Return how a direct payment is held on a day."""
        for row in await self.money.arrangements(council_id, person_id):
            if row.starts_on <= day and (row.ends_on is None or day < row.ends_on):
                return Held(holding=row.holding, organisation_id=row.organisation_id, since=row.starts_on)
        return Held(holding=Holding.COUNCIL_HELD, organisation_id=None, since=None)

    async def arrange(self, principal: Principal, person_id: UUID, form: HoldingForm) -> DirectPaymentArrangement:
        """Set who holds a direct payment from a day on; what was arranged before ends the day before.

        From the first arrangement on, the council's share is paid in by the budget's schedule.

        Raises:
            NotFound: No direct payment of this council.
            InvalidInput: A day gone by or before what is arranged already, or an organisation that may not hold funds.
        """
        principal.require(Permission.BUDGETS_SET)
        council_id, now = principal.council_id, today(self.clock)
        accounts = DirectPaymentRepository(self.db)
        if await accounts.person(council_id, person_id) is None:
            raise NotFound
        if not await accounts.has_account(council_id, person_id, now):
            raise NotFound
        # The account's lock keeps two people from arranging it at once.
        await LedgerService(self.db).locked_balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
        rows = await self.money.arrangements(council_id, person_id)
        await self._check(council_id, form, rows[0] if rows else None, now)
        newest = rows[0] if rows else None
        if newest is not None and _says(newest, form):
            return newest  # A second tab: nobody is told twice.
        before = {"holding": newest.holding, "starts_on": newest.starts_on} if newest else None
        organisation_id = form.organisation_id if form.holding is Holding.PROVIDER_MANAGED else None
        if newest is not None and newest.starts_on == form.starts_on:
            newest.holding, newest.organisation_id = form.holding, organisation_id
            newest.reason, newest.set_by_user_id, newest.set_at = form.reason, principal.user_id, self.clock.now()
            row = newest
        else:
            if newest is not None:
                newest.ends_on = form.starts_on
            row = DirectPaymentArrangement(
                council_id=council_id,
                person_id=person_id,
                holding=form.holding,
                organisation_id=organisation_id,
                starts_on=form.starts_on,
                reason=form.reason,
                set_by_user_id=principal.user_id,
                set_at=self.clock.now(),
            )
            self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "payments.arrange_holding",
            council_id=council_id,
            subject_kind="person",
            subject_id=person_id,
            before=before,
            after={"holding": form.holding, "organisation_id": organisation_id, "starts_on": form.starts_on},
            why=form.reason,
        )
        outbox.publish(
            self.db,
            HoldingSet(
                council_id=council_id,
                person_id=person_id,
                organisation_id=organisation_id,
                holding=form.holding.value,
                starts_on=form.starts_on,
            ),
        )
        return row

    async def _check(
        self, council_id: UUID, form: HoldingForm, newest: DirectPaymentArrangement | None, now: date
    ) -> None:
        if form.starts_on < now:
            raise InvalidInput({"starts_on": "The first day must be today or later: money of days gone by has moved"})
        if form.starts_on > now + FURTHEST_AHEAD:
            raise InvalidInput({"starts_on": "The first day must be within a year"})
        if newest is not None and form.starts_on < newest.starts_on:
            planned = uk_date(newest.starts_on)
            raise InvalidInput(
                {"starts_on": f"A change on {planned} is arranged already. Choose that day or a later one"}
            )
        if form.holding is Holding.PROVIDER_MANAGED:
            managers = await self.money.fund_managers(council_id, now)
            if form.organisation_id not in {one.id for one in managers}:
                raise InvalidInput({"organisation_id": "Select the organisation that is to hold the money"})


def _says(row: DirectPaymentArrangement, form: HoldingForm) -> bool:
    """Whether a row arranges just what is asked for."""
    organisation_id = form.organisation_id if form.holding is Holding.PROVIDER_MANAGED else None
    return (row.holding, row.organisation_id, row.starts_on, row.reason) == (
        form.holding,
        organisation_id,
        form.starts_on,
        form.reason,
    )
