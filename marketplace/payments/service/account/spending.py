"""What people pay themselves from their own account or card, and organisations from a fund that they manage.

Payments are matched to approved visits, which prove them; the rest is other spending and leaves the direct payment.
"""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import pounds, uk_date
from marketplace.ledger import LedgerRepository, Line, Purpose, credit, debit
from marketplace.payments.models import Match, MoneyMovement, MovementKind, MovementVisit
from marketplace.payments.repository.money import OwedVisit
from marketplace.payments.service.account.holding import Held, HoldingService
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.rules import share_out
from marketplace.people.models import Holding

OLDEST = timedelta(days=366)


class SpendingForm(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was made."""

    amount_pence: int
    happened_on: date
    payee: str
    what: str
    visits: tuple[UUID, ...] = ()
    is_another: bool = False
    """The same sum to the same payee on the same day is meant to stand twice."""


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came back from a payee."""

    amount_pence: int
    happened_on: date
    payee: str
    what: str
    is_another: bool = False
    """Said when the same amount came back from the same payee on the same day before."""


class SpendingService(MovementService):
    """The verbs of who holds the money for themselves or for somebody."""

    async def may_record(self, principal: Principal, council_id: UUID, person_id: UUID, day: date) -> Held:
        """Return how the money is held on a day when this user may write down payments from it.

        Raises:
            NotFound: It is not theirs to write.
            InvalidInput: The council held it that day.
        """
        held = await HoldingService(self.db).on(council_id, person_id, day)
        if principal.may(Permission.MONEY_OWN):
            if (principal.council_id, principal.need_person()) != (council_id, person_id):
                raise NotFound
            if not held.is_self_held:
                message = f"You did not hold the money yourself on {uk_date(day)}, so there is nothing to record"
                raise InvalidInput({"happened_on": message})
            return held
        principal.require(Permission.FUNDS_OWN)
        if council_id not in principal.councils:
            raise NotFound
        if held.holding is not Holding.PROVIDER_MANAGED:
            raise NotFound
        if held.organisation_id != principal.need_organisation():
            raise NotFound
        return held

    async def owed(self, principal: Principal) -> list[OwedVisit]:
        """Return the person's approved visits that are not recorded as paid."""
        principal.require(Permission.MONEY_OWN)
        return await self.money.owed_visits(principal.council_id, principal.need_person())

    async def pay(self, principal: Principal, council_id: UUID, person_id: UUID, form: SpendingForm) -> MoneyMovement:
        """Write down a payment. It pays the visits chosen, the oldest first; what is left of it is other spending.

        Raises:
            NotFound: Not theirs.
            InvalidInput: What is wrong, by field: a visit that is paid already, more than the account held, the same
                payment again.
        """
        self._check_day(form.happened_on)
        held = await self.may_record(principal, council_id, person_id, form.happened_on)
        await self.hold(council_id, person_id)
        parts, rest, counts_from = await self._parts(council_id, person_id, form)
        await self._need_new(council_id, person_id, MovementKind.PAYMENT, form)
        if rest and not form.what:
            raise InvalidInput({"what": f"Enter what the {pounds(rest)} beside visits was for"})
        await self._check_rest(council_id, person_id, rest, counts_from)
        movement = self._row(
            principal, council_id, person_id, MovementKind.PAYMENT, form.amount_pence, form.happened_on
        )
        movement.payee, movement.what = form.payee, form.what
        movement.organisation_id = held.organisation_id
        movement.match = Match.UNMATCHED if not parts else Match.PARTLY if rest else Match.MATCHED
        lines = []
        if matched := form.amount_pence - rest:
            lines.append(debit(Purpose.PERSON_OWES, matched, person_id))
        if rest:
            lines.append(debit(Purpose.DIRECT_PAYMENT, rest, person_id))
        lines.append(_paid_to(held, form.amount_pence, is_out=True))
        await self.write(principal, movement, lines, "payments.record_payment", effective_on=counts_from)
        for booking_id, pence in parts:
            self.db.add(
                MovementVisit(council_id=council_id, movement_id=movement.id, booking_id=booking_id, amount_pence=pence)
            )
        await self.db.flush()
        return movement

    async def give_back(
        self, principal: Principal, council_id: UUID, person_id: UUID, form: RefundForm
    ) -> MoneyMovement:
        """Write down money that came back from a payee. It is free to spend again.

        Raises:
            NotFound: Not theirs.
            InvalidInput: More than was ever recorded as paid, a day that makes no sense, or the same again.
        """
        self._check_day(form.happened_on)
        held = await self.may_record(principal, council_id, person_id, form.happened_on)
        await self.hold(council_id, person_id)
        await self._need_new(council_id, person_id, MovementKind.REFUND, form)
        most = await self.money.net_paid(council_id, person_id)
        if form.amount_pence > most:
            raise InvalidInput({"amount": f"You recorded {pounds(most)} as paid, so no more than that can come back"})
        movement = self._row(principal, council_id, person_id, MovementKind.REFUND, form.amount_pence, form.happened_on)
        movement.payee, movement.what = form.payee, form.what
        movement.organisation_id = held.organisation_id
        lines = [
            _paid_to(held, form.amount_pence, is_out=False),
            credit(Purpose.DIRECT_PAYMENT, form.amount_pence, person_id),
        ]
        return await self.write(principal, movement, lines, "payments.record_refund")

    async def _need_new(
        self, council_id: UUID, person_id: UUID, kind: MovementKind, form: SpendingForm | RefundForm
    ) -> None:
        """Ask once more before the same amount of the same payee and day is written down a second time."""
        if form.is_another:
            return
        facts = (form.amount_pence, form.happened_on, form.payee)
        if await self.money.is_recorded(council_id, person_id, kind, *facts):
            way = "to" if kind is MovementKind.PAYMENT else "from"
            said = f"{pounds(form.amount_pence)} {way} {form.payee} on {uk_date(form.happened_on)}"
            message = f"{said} is recorded already. Tick the box if this is another payment"
            raise InvalidInput({"is_another": message})

    def _check_day(self, day: date) -> None:
        now = today(self.clock)
        if day > now:
            raise InvalidInput({"happened_on": "The date must be today or in the past"})
        if day < now - OLDEST:
            raise InvalidInput(
                {"happened_on": "The date must be within the last year. Ask the council about older ones"}
            )

    async def _parts(
        self, council_id: UUID, person_id: UUID, form: SpendingForm
    ) -> tuple[list[tuple[UUID, int]], int, date]:
        """Return what each visit gets, what is left, and the day from which the payment counts in the book.

        Who pays at the door and approves later paid before anything was owed: it counts from the approval on.
        """
        chosen = set(form.visits)
        visits = [one for one in await self.money.owed_visits(council_id, person_id) if one.booking_id in chosen]
        if len(visits) < len(chosen):
            message = "One of these visits is recorded as paid already. Choose from the list again"
            raise InvalidInput({"visits": message})
        parts, rest = share_out(form.amount_pence, [(one.booking_id, one.left_pence) for one in visits])
        if len(parts) < len(chosen):
            message = f"{pounds(form.amount_pence)} does not reach all of these visits. Choose fewer of them"
            raise InvalidInput({"visits": message})
        return parts, rest, max([form.happened_on, *(one.approved_on for one in visits)])

    async def _check_rest(self, council_id: UUID, person_id: UUID, rest: int, day: date) -> None:
        if not rest:
            return
        free = await self.free(council_id, person_id)
        if rest > free:
            message = (
                f"{pounds(rest)} of this is beside visits, and {pounds(free)} is free. The rest is promised for "
                "visits. Record only what the direct payment paid, or ask the council for more"
            )
            raise InvalidInput({"amount": message})
        account = await LedgerRepository(self.db).account(council_id, Purpose.DIRECT_PAYMENT, person_id)
        lowest = await self.money.lowest_from(account.id, day)
        if rest > lowest:
            raise InvalidInput(
                {"happened_on": f"The account held {pounds(max(0, lowest))} from {uk_date(day)} on. Check the date"}
            )


def _paid_to(held: Held, pence: int, *, is_out: bool) -> Line:
    side = credit if is_out else debit
    if held.holding is Holding.PROVIDER_MANAGED:
        return side(Purpose.FUND_DRAWN, pence, held.organisation_id)
    return side(Purpose.PERSON_PAID, pence)
