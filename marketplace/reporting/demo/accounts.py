"""Shows direct-payment accounts in use: who holds the money, a payment that no visit proves, a look at it, a fund.

All of it is done by the product's own services, after the rows of the history are stored.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role, Scope
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.service.account.holding import HoldingForm, HoldingService
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.spending import SpendingForm, SpendingService
from marketplace.payments.service.money_audit.service import MoneyAuditService
from marketplace.people.models import Holding, Person
from marketplace.reporting.demo.world import Council

LOOK_BACK: Final = timedelta(days=180)
PAID: Final = ((2_450, "Green gym", "A month’s pass"), (1_875, "Garden centre", "Pots and seeds for the club"))
HOLDERS: Final = 30


async def act_on_accounts(db: AsyncSession, councils: list[Council]) -> None:
    """In each council one person holds the money themselves and is asked about it, and one fund is held by others."""
    for council in councils:
        finance = await principal_of(db, council, Role.FINANCE)
        helper = await principal_of(db, council, Role.REPRESENTATIVE)
        if finance is None:
            continue
        held_by = helper.person_id if helper else None
        if helper is not None and held_by is not None:
            await _hold_self(db, finance, helper, held_by)
        await _hold_fund(db, finance, held_by)
    await db.flush()
    # Messages about made-up events go nowhere: they are history, as all the others are.
    await db.execute(text("UPDATE outbox_messages SET relayed_at = created_at WHERE relayed_at IS NULL"))


async def _hold_self(db: AsyncSession, finance: Principal, helper: Principal, person_id: UUID) -> None:
    now = today(clock_of(db))
    ids = (finance.council_id, person_id)
    if not await DirectPaymentRepository(db).has_account(*ids, now):
        return
    form = HoldingForm(
        holding=Holding.OWN_ACCOUNT, organisation_id=None, starts_on=now, reason="Her choice at the last review"
    )
    await HoldingService(db).arrange(finance, person_id, form)
    spending = SpendingService(db)
    for pence, payee, what in PAID:
        if await MovementService(db).free(*ids) < pence:
            return
        paid = SpendingForm(amount_pence=pence, happened_on=now, payee=payee, what=what)
        await spending.pay(helper, *ids, paid)
    audits = MoneyAuditService(db)
    look = await audits.open(finance, person_id, now - LOOK_BACK, now + timedelta(days=1))
    await audits.ask(finance, look.id)


async def _hold_fund(db: AsyncSession, finance: Principal, other_than: UUID | None) -> None:
    """Let an accredited organisation hold the money of somebody who does not sign in."""
    now = today(clock_of(db))
    managers = await MoneyRepository(db).fund_managers(finance.council_id, now)
    holders = await DirectPaymentRepository(db).holders(finance.council_id, now, after=None, limit=HOLDERS)
    signed_in = set(await db.scalars(select(Membership.person_id).where(Membership.council_id == finance.council_id)))
    free: list[Person] = [one.person for one in holders if one.person.id not in {*signed_in, other_than}]
    if not managers or not free:
        return
    ours = set(
        await db.scalars(
            select(Membership.organisation_id)
            .join(User, User.id == Membership.user_id)
            .where(User.is_demo, Membership.role == Role.PROVIDER)
        )
    )
    manager = next((one for one in managers if one.id in ours), managers[0])
    form = HoldingForm(
        holding=Holding.PROVIDER_MANAGED,
        organisation_id=manager.id,
        starts_on=now,
        reason="The person wants no money in their own hands",
    )
    await HoldingService(db).arrange(finance, free[0].id, form)


async def principal_of(db: AsyncSession, council: Council, role: Role) -> Principal | None:
    """Return who signs in for a role in a council of the demo, as services see them; None where nobody does."""
    row = (
        await db.execute(
            select(User, Membership)
            .join(Membership, Membership.user_id == User.id)
            .where(User.is_demo, Membership.council_id == council.id, Membership.role == role)
            .order_by(Membership.id)
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    user, membership = row
    return Principal(
        user_id=user.id,
        name=user.name,
        role=role,
        council_id=council.id,
        council_name=council.text.name,
        council_slug=council.text.slug,
        councils=(council.id,),
        person_id=membership.person_id,
        scopes=frozenset({Scope.MONEY}) if role is Role.REPRESENTATIVE else None,
    )
