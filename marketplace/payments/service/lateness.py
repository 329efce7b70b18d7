"""Late payments: what suppliers claim, what finance decides, the six-monthly figures, partners down the line."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.accounts.law import law
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import last_day, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments.events import LateInterestDecided
from marketplace.payments.late import LateDebt, Notice, Payment, late_debt, notice, rate_day
from marketplace.payments.models import AccrualKind, LateInterest, OnwardPayment, Payable
from marketplace.payments.repository.lateness import LatenessRepository
from marketplace.payments.service.earning import Earning, earn
from marketplace.payments.states import LATE_INTEREST, InterestStatus

MOST_ROWS = 200
REFERENCE_RATE = "late_reference_rate"


class LateRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something an organisation was paid late or waits for."""

    payable: Payable
    number: str
    council_name: str
    paid_on: date | None
    owed: LateDebt | None
    """On top, up to the day of payment or today."""
    claim: LateInterest | None


class OnwardForm(msgspec.Struct, frozen=True):
    """A partner's invoice that a lead body has to pay."""

    partner_name: str
    reference: str
    amount_pence: int
    received_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any], on: date) -> "OnwardForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        partner = form.text("partner_name", "the partner's name", longest=200)
        reference = form.text("reference", "the number of its invoice", longest=60)
        pence = form.pounds("amount", "the amount", least=1, most=100_000_000)
        received_on = form.day("received_on", "the day you got the invoice")
        if received_on and received_on > on:
            form.wrong("received_on", "The day you got the invoice must be today or earlier")
        form.done()
        if received_on is None or pence is None:
            raise InvalidInput({"amount": "Enter the amount"})
        return cls(partner, reference, pence, received_on)


class LatenessService:
    """The verbs of late payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = LatenessRepository(db)

    async def own(self, principal: Principal) -> list[LateRow]:
        """Return what the reader's organisation was paid late or waits for, and what that owes on top."""
        principal.require(Permission.EARNINGS_OWN)
        now = today(self.clock)
        found = await self.rows.own_late(principal.need_organisation(), principal.councils, now, MOST_ROWS)
        rates = {day: await law(self.db, REFERENCE_RATE, day) for day in {_half_year(row[0]) for row in found}}
        return [
            LateRow(
                payable=payable,
                number=number or "",
                council_name=council,
                paid_on=paid_on,
                owed=late_debt(payable.amount_pence, payable.due_on, paid_on or now, rates[_half_year(payable)]),
                claim=claim,
            )
            for payable, number, paid_on, claim, council in found
        ]

    async def claim(self, principal: Principal, payable_id: UUID) -> LateInterest:
        """Claim interest and compensation on something that was paid late. Claiming it again does nothing.

        Raises:
            Forbidden: The role may not.
            NotFound: It is not owed to the reader's organisation.
            Conflict: It was paid in time, or is not paid yet.
        """
        principal.require(Permission.EARNINGS_OWN)
        row = await self.rows.own_payable(principal.need_organisation(), principal.councils, payable_id)
        if row is None:
            raise NotFound
        payable, paid_on = row
        before = await self.rows.claimed(payable.id)
        if before is not None:
            return before
        now = today(self.clock)
        if paid_on is None or paid_on > now:
            raise Conflict("You can claim interest once the money has come: until then it grows by the day.")
        rate = await law(self.db, REFERENCE_RATE, _half_year(payable))
        owed = late_debt(payable.amount_pence, payable.due_on, paid_on, rate)
        if owed is None:
            raise Conflict("This was paid in time, so nothing is owed on top.")
        claim = LateInterest(
            id=new_id(),
            council_id=payable.council_id,
            organisation_id=payable.organisation_id,
            payable_id=payable.id,
            status=InterestStatus.CLAIMED,
            debt_pence=owed.debt_pence,
            from_on=owed.from_on,
            until_on=owed.until_on,
            rate=owed.rate,
            interest_pence=owed.interest_pence,
            fixed_pence=owed.fixed_pence,
            claimed_by_user_id=principal.user_id,
            claimed_at=self.clock.now(),
        )
        self.db.add(claim)
        await self.db.flush()
        LATE_INTEREST.begin(self.db, claim, by=principal.user_id)
        self._record(principal, "payments.claim_late_interest", claim)
        await self.db.flush()
        return claim

    async def decide(self, principal: Principal, claim_id: UUID, *, is_agreed: bool, reason: str = "") -> LateInterest:
        """Agree to a claim, which earns it, or refuse it with a reason. Deciding the same again does nothing.

        Raises:
            Forbidden: Not finance, or the one who claimed it.
            NotFound: No such claim in the council.
            InvalidInput: A refusal without a reason.
            StepRefused: It was decided the other way.
        """
        principal.require(Permission.INVOICES_APPROVE)
        claim = await self.rows.find(principal.council_id, claim_id, locked=True)
        wanted = InterestStatus.AGREED if is_agreed else InterestStatus.REFUSED
        if claim.status is wanted:
            return claim
        if not is_agreed and not reason:
            raise InvalidInput({"reason": "Enter why you refuse it. The organisation reads this"})
        LATE_INTEREST.move(self.db, claim, wanted, by=principal.user_id, why=reason)
        claim.decided_by_user_id, claim.decided_at, claim.reason = principal.user_id, self.clock.now(), reason
        await self.db.flush()
        if is_agreed:
            await earn(
                self.db,
                Earning(
                    council_id=claim.council_id,
                    organisation_id=claim.organisation_id,
                    kind=AccrualKind.INTEREST,
                    source_id=claim.id,
                    amount_pence=claim.interest_pence + claim.fixed_pence,
                    earned_on=today(self.clock),
                    description=f"Interest for paying late, {uk_date(claim.from_on)} to {last_day(claim.until_on)}",
                    spend=Purpose.INTEREST_SPEND,
                ),
            )
        self._record(principal, f"payments.{wanted.value}_late_interest", claim, why=reason)
        outbox.publish(
            self.db,
            LateInterestDecided(
                council_id=claim.council_id,
                late_interest_id=claim.id,
                organisation_id=claim.organisation_id,
                is_agreed=is_agreed,
            ),
        )
        await self.db.flush()
        return claim

    async def claims(self, principal: Principal, status: InterestStatus) -> Sequence[Any]:
        """Return (claim, organisation, bill number) of a state, oldest first."""
        principal.require(Permission.INVOICES_READ)
        return await self.rows.claims(principal.council_id, status, MOST_ROWS)

    async def notice(self, principal: Principal, starts_on: date, until_on: date) -> Notice:
        """Return the payment compliance figures of a period.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.INVOICES_READ)
        rows = await self.rows.of_period(principal.council_id, starts_on, until_on)
        return notice(
            (
                Payment(pence=row[0], received_on=row[1], due_on=row[2], paid_on=row[3], had_dispute=row[4])
                for row in rows
            ),
            until_on,
        )

    async def record_onward(self, principal: Principal, form: OnwardForm) -> OnwardPayment:
        """Note a partner's invoice; it is due 30 days after the lead body got it, as the council's payments are.

        Raises:
            Forbidden: The role may not.
            InvalidInput: The same invoice of the same partner stands there already.
        """
        principal.require(Permission.EARNINGS_OWN)
        terms: int = await setting(self.db, principal.council_id, "payments.terms_days", today(self.clock))
        row = OnwardPayment(
            id=new_id(),
            council_id=principal.council_id,
            organisation_id=principal.need_organisation(),
            partner_name=form.partner_name,
            reference=form.reference,
            amount_pence=form.amount_pence,
            received_on=form.received_on,
            due_on=form.received_on + timedelta(days=terms),
            recorded_by_user_id=principal.user_id,
            recorded_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            raise InvalidInput({"reference": "You have entered this invoice of this partner already"}) from error
        self._record_onward(principal, "payments.record_onward", row)
        return row

    async def own_onward(self, principal: Principal, onward_id: UUID) -> OnwardPayment:
        """Return a partner's invoice of the reader's organisation, locked.

        Raises:
            NotFound: Not the reader's organisation's.
        """
        principal.require(Permission.EARNINGS_OWN)
        row = await self.rows.own_onward(principal.need_organisation(), principal.councils, onward_id)
        if row is None:
            raise NotFound
        return row

    async def onward_paid(self, principal: Principal, onward_id: UUID, paid_on: date) -> OnwardPayment:
        """Note that a partner was paid. Saying it again does nothing.

        Raises:
            NotFound: Not the reader's organisation's.
            InvalidInput: A day before the invoice or in the future.
        """
        row = await self.own_onward(principal, onward_id)
        if row.paid_on is not None:
            return row
        if not row.received_on <= paid_on <= today(self.clock):
            raise InvalidInput({f"paid_on-{row.id}": "The day must lie between the invoice and today"})
        row.paid_on = paid_on
        self._record_onward(principal, "payments.pay_onward", row)
        await self.db.flush()
        return row

    def _record(self, principal: Principal, action: str, claim: LateInterest, why: str = "") -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=claim.council_id,
            subject_kind="late_interest",
            subject_id=claim.id,
            after={"interest_pence": claim.interest_pence, "fixed_pence": claim.fixed_pence, "status": claim.status},
            why=why,
        )

    def _record_onward(self, principal: Principal, action: str, row: OnwardPayment) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="onward_payment",
            subject_id=row.id,
            after={"amount_pence": row.amount_pence, "due_on": row.due_on, "paid_on": row.paid_on},
        )


def _half_year(payable: Payable) -> date:
    return rate_day(payable.due_on + timedelta(days=1))
