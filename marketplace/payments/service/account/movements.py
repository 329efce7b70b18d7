"""Everything that moves a direct payment and is no visit: one row, one ledger entry, one audit row."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.bookings import BookingRepository, purse_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.core.formats import pounds
from marketplace.core.money import Pence
from marketplace.ledger import LedgerRepository, LedgerService, Line, Purpose, Side, credit, debit
from marketplace.ledger.models import LedgerAccount
from marketplace.payments.errors import TakenBackAlready
from marketplace.payments.models import Match, MoneyMovement, MovementKind
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.repository.money import ENTRY, MoneyRepository

LARGEST_PENCE = 10_000_000
"""£100,000 in one go: more is a slip of the pen."""

LABELS = {
    MovementKind.COUNCIL_SHARE: "Paid in by the council",
    MovementKind.CONTRIBUTION: "Own contribution paid in",
    MovementKind.ONE_OFF: "One-off payment by the council",
    MovementKind.PAYMENT: "Paid out",
    MovementKind.REFUND: "Money back",
    MovementKind.RECLAIM: "Paid back to the council",
    MovementKind.CORRECTION: "Correction",
}
PAID_IN = frozenset({MovementKind.COUNCIL_SHARE, MovementKind.CONTRIBUTION, MovementKind.ONE_OFF})


class MovementService:
    """The verbs of an account's book. Each holds the account until the transaction ends."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = MoneyRepository(db)
        self.ledger = LedgerService(db)

    async def pay_in(
        self, principal: Principal, person_id: UUID, kind: MovementKind, amount_pence: int, reason: str
    ) -> MoneyMovement:
        """Note that money was paid into a direct payment. The council's bank moves it; we keep the book.

        Args:
            principal: Finance of the person's council.
            person_id: Whose account.
            kind: The council's share, the person's contribution or a one-off payment.
            amount_pence: 1 or more.
            reason: What it is for, as the person reads it: "Four weeks from 1 March".

        Raises:
            NotFound: No person of this council with a direct payment.
            ValueError: No money at all, or another kind.
        """
        principal.require(Permission.BUDGETS_SET)
        if amount_pence < 1 or kind not in PAID_IN:
            raise ValueError("Money paid in is a penny or more, of a kind that is paid in")
        await self.hold(principal.council_id, person_id)
        movement = self._row(principal, principal.council_id, person_id, kind, amount_pence, today(self.clock))
        movement.what = reason
        source = Purpose.CONTRIBUTIONS if kind is MovementKind.CONTRIBUTION else Purpose.DIRECT_PAYMENT_SPEND
        lines = [debit(source, amount_pence), credit(Purpose.DIRECT_PAYMENT, amount_pence, person_id)]
        return await self.write(principal, movement, lines, "payments.fund_direct_payment", why=reason)

    async def reclaim(self, principal: Principal, person_id: UUID, amount_pence: int, reason: str) -> MoneyMovement:
        """Take back what the council asked for, such as an instalment of a surplus. Promised money stays.

        Raises:
            NotFound: No person of this council with a direct payment.
            InvalidInput: More than is free.
        """
        principal.require(Permission.BUDGETS_SET)
        council_id = principal.council_id
        await self.hold(council_id, person_id)
        free = await self.free(council_id, person_id)
        if amount_pence > free:
            raise InvalidInput({"amount": f"{pounds(free)} is free. The rest is promised for visits"})
        movement = self._row(principal, council_id, person_id, MovementKind.RECLAIM, amount_pence, today(self.clock))
        movement.what = reason
        lines = [
            debit(Purpose.DIRECT_PAYMENT, amount_pence, person_id),
            credit(Purpose.DIRECT_PAYMENT_SPEND, amount_pence),
        ]
        return await self.write(principal, movement, lines, "payments.reclaim_money", why=reason)

    async def correct(self, principal: Principal, movement_id: UUID, reason: str) -> MoneyMovement:
        """Take a movement back by its mirror image. Nothing is edited; both stay in the book.

        Finance takes back anything; people what they themselves may record: payments and refunds of their account.

        Raises:
            NotFound: Not theirs.
            TakenBackAlready: It was taken back before, or is itself a correction.
            InvalidInput: The money that came in by it is promised or spent.
        """
        original = await self._own(principal, movement_id)
        council_id, person_id = original.council_id, original.person_id
        await self.hold(council_id, person_id)
        if original.kind is MovementKind.CORRECTION or await self.money.reversals([original.id]):
            raise TakenBackAlready("This was taken back before.")
        entry_id = await LedgerRepository(self.db).has_entry(ENTRY, original.id)
        if entry_id is None:
            raise RuntimeError(f"Movement {original.id} has no entry")
        lines = await self._mirrored(entry_id)
        loss = sum(
            line.amount_pence if line.side is Side.DEBIT else -line.amount_pence
            for line in lines
            if line.purpose is Purpose.DIRECT_PAYMENT
        )
        free = await self.free(council_id, person_id)
        if loss > free:
            raise InvalidInput(
                {"reason": f"Only {pounds(free)} is free: the rest of this money is spent or promised for visits"}
            )
        movement = self._row(
            principal, council_id, person_id, MovementKind.CORRECTION, original.amount_pence, today(self.clock)
        )
        movement.is_in = not original.is_in
        movement.what, movement.organisation_id = reason, original.organisation_id
        movement.reverses_id = original.id
        return await self.write(
            principal, movement, lines, "payments.correct_movement", why=reason, reverses_id=entry_id
        )

    async def hold(self, council_id: UUID, person_id: UUID) -> int:
        """Lock a person's account and return its balance.

        Raises:
            NotFound: The council has no such person with a direct payment.
        """
        accounts = DirectPaymentRepository(self.db)
        if await accounts.person(council_id, person_id) is None or not await accounts.has_account(
            council_id, person_id, today(self.clock)
        ):
            raise NotFound
        return await self.ledger.locked_balance(council_id, Purpose.DIRECT_PAYMENT, person_id)

    async def free(self, council_id: UUID, person_id: UUID) -> int:
        """Return what may leave the account today without breaking a promise. Call it with the account held."""
        purse = await purse_of(self.db, council_id, person_id)
        if purse is not None:
            return purse.free_pence
        balance = await self.ledger.balance(council_id, Purpose.DIRECT_PAYMENT, person_id)
        promised = await BookingRepository(self.db).promises(council_id, person_id)
        return max(0, balance - sum(pence for _, pence in promised))

    async def write(
        self,
        principal: Principal | None,
        movement: MoneyMovement,
        lines: list[Line],
        action: str,
        *,
        why: str = "",
        reverses_id: UUID | None = None,
        effective_on: date | None = None,
    ) -> MoneyMovement:
        """Store a movement with its entry and audit row. The entry counts from the day it happened unless given.

        Raises:
            TakenBackAlready: Somebody else took the same movement back in this moment.
        """
        try:
            async with self.db.begin_nested():
                self.db.add(movement)
        except IntegrityError as error:
            if broken_constraint(error) == "uq_money_movements_reverses_id":
                raise TakenBackAlready("This was taken back before.") from error
            raise
        await self.ledger.post(
            movement.council_id,
            ENTRY,
            movement.id,
            lines,
            memo=LABELS[movement.kind],
            effective_on=effective_on or movement.happened_on,
            reverses_id=reverses_id,
        )
        audit.record(
            self.db,
            principal,
            action,
            council_id=movement.council_id,
            subject_kind="person",
            subject_id=movement.person_id,
            after=_facts(movement),
            why=why,
        )
        return movement

    def _row(
        self,
        principal: Principal,
        council_id: UUID,
        person_id: UUID,
        kind: MovementKind,
        amount_pence: int,
        happened_on: date,
    ) -> MoneyMovement:
        return new_movement(council_id, person_id, kind, amount_pence, happened_on, principal.user_id, self.clock.now())

    async def _own(self, principal: Principal, movement_id: UUID) -> MoneyMovement:
        if principal.may(Permission.BUDGETS_SET):
            return await self.money.find(principal.council_id, movement_id)
        own = (MovementKind.PAYMENT, MovementKind.REFUND)
        if principal.may(Permission.MONEY_OWN):
            question = self.money.of_person(principal.council_id, principal.need_person())
            question = question.where(MoneyMovement.organisation_id.is_(None))
        else:
            principal.require(Permission.FUNDS_OWN)
            question = self.money.of_organisation(principal.councils, principal.need_organisation())
        return await self.money.one(question.where(MoneyMovement.id == movement_id, MoneyMovement.kind.in_(own)))

    async def _mirrored(self, entry_id: UUID) -> list[Line]:
        lines = []
        for row in await LedgerRepository(self.db).lines_of(entry_id):
            account = await self.db.get_one(LedgerAccount, row.account_id)
            side = Side.CREDIT if row.side is Side.DEBIT else Side.DEBIT
            lines.append(Line(side, account.purpose, account.owner_id, Pence(row.amount_pence)))
        return lines


def new_movement(
    council_id: UUID,
    person_id: UUID,
    kind: MovementKind,
    amount_pence: int,
    happened_on: date,
    user_id: UUID | None,
    now: Any,
) -> MoneyMovement:
    """Return a movement that is not stored yet; in or out as its kind says."""
    return MoneyMovement(
        council_id=council_id,
        person_id=person_id,
        kind=kind,
        is_in=kind in PAID_IN or kind is MovementKind.REFUND,
        amount_pence=amount_pence,
        happened_on=happened_on,
        payee="",
        what="",
        match=Match.NOT_NEEDED,
        recorded_by_user_id=user_id,
        recorded_at=now,
    )


def _facts(movement: MoneyMovement) -> dict[str, Any]:
    return {
        "movement_id": movement.id,
        "kind": movement.kind,
        "is_in": movement.is_in,
        "amount_pence": movement.amount_pence,
        "happened_on": movement.happened_on,
        "match": movement.match,
        "reverses_id": movement.reverses_id,
    }
