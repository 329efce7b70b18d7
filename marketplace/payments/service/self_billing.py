"""Self-billing agreements: offered by the council, signed by the supplier, for a time and one VAT number (V10)."""

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import last_day
from marketplace.core.ids import new_id
from marketplace.payments.events import SelfBillingOffered
from marketplace.payments.models import SelfBillingAgreement
from marketplace.payments.repository.supply import SelfBillingRepository
from marketplace.payments.states import SELF_BILLING, SelfBillingStatus
from marketplace.providers.models import Organisation

RENEW_DAYS = 30
"""An agreement that ends within so many days is offered anew."""
MOST_AT_ONCE = 500

REPLACED = "A new agreement took its place"


class Footing(StrEnum):
    """Where a supplier and a council stand."""

    LIVE = "live"
    NEVER = "never"
    ENDED = "ended"
    VAT_CHANGED = "vat_changed"


FOOTING_WORDS: dict[Footing, str] = {
    Footing.LIVE: "Agreed",
    Footing.NEVER: "There is no signed self-billing agreement",
    Footing.ENDED: "The self-billing agreement has ended",
    Footing.VAT_CHANGED: "The VAT number changed, so a new agreement is needed",
}


class Standing(NamedTuple):
    """Where a supplier and a council stand, and the agreement that says so."""

    footing: Footing
    agreement: SelfBillingAgreement | None
    offer: SelfBillingAgreement | None
    """Waits for the supplier's signature."""


class SelfBillingService:
    """Offers, signs and ends agreements. Without a live one no self-bill is made, and what was earned is kept."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.agreements = SelfBillingRepository(db)

    async def standings(self, council_id: UUID, organisations: Collection[Organisation]) -> dict[UUID, Standing]:
        """Return where a council stands with some suppliers today, by supplier."""
        rows = await self.agreements.of_organisations(council_id, [row.id for row in organisations])
        day = today(self.clock)
        return {row.id: standing_of(rows.get(row.id, []), row.vat_number or "", day) for row in organisations}

    async def live(self, council_id: UUID, organisation_id: UUID) -> SelfBillingAgreement | None:
        """Return the agreement under which a council may make out a supplier's bills today."""
        organisation = await self.db.get_one(Organisation, organisation_id)
        standing = (await self.standings(council_id, [organisation]))[organisation_id]
        return standing.agreement if standing.footing is Footing.LIVE else None

    async def makers(self, principal: Principal) -> set[UUID]:
        """Return those of the reader's councils that make out the bills of its organisation today."""
        organisation = await self.db.get_one(Organisation, principal.need_organisation())
        rows: dict[UUID, list[SelfBillingAgreement]] = {}
        for row, _ in await self.agreements.of_supplier(organisation.id, principal.councils):
            rows.setdefault(row.council_id, []).append(row)
        vat_number, day = organisation.vat_number or "", today(self.clock)
        return {key for key, mine in rows.items() if standing_of(mine, vat_number, day).footing is Footing.LIVE}

    async def offer(self, principal: Principal, organisation_id: UUID) -> SelfBillingAgreement:
        """Ask a supplier to sign. Asking again returns the offer that waits.

        Raises:
            Forbidden: The role may not.
            NotFound: The supplier has nothing to do with the council.
        """
        principal.require(Permission.INVOICES_APPROVE)
        return await self.invite(
            principal.council_id, organisation_id, "The council asks you to agree to self-billing", principal
        )

    async def invite(
        self, council_id: UUID, organisation_id: UUID, why: str, principal: Principal | None = None
    ) -> SelfBillingAgreement:
        """Offer an agreement unless one waits for the supplier's signature already.

        Args:
            council_id: Who makes out the bills.
            organisation_id: Whose.
            why: What the supplier reads.
            principal: Somebody of finance; None for the platform.
        """
        rows = await self.agreements.of_organisations(council_id, [organisation_id])
        for row in rows.get(organisation_id, []):
            if row.status is SelfBillingStatus.OFFERED:
                return row
        day = today(self.clock)
        organisation = await self.db.get_one(Organisation, organisation_id)
        by = principal.user_id if principal else None
        row = SelfBillingAgreement(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            status=SelfBillingStatus.OFFERED,
            starts_on=day,
            ends_on=await self._end(council_id, day),
            vat_number=organisation.vat_number or "",
            offered_by_user_id=by,
            offered_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        SELF_BILLING.begin(self.db, row, by=by, why=why)
        self._record(principal, "payments.offer_self_billing", row, why)
        outbox.publish(
            self.db,
            SelfBillingOffered(council_id=council_id, agreement_id=row.id, organisation_id=organisation_id, why=why),
        )
        await self.db.flush()
        return row

    async def sign(self, principal: Principal, agreement_id: UUID, name: str) -> SelfBillingAgreement:
        """Sign an offer for the reader's organisation: it counts from today, for the VAT number of today.

        Signing again does nothing. An older agreement ends.

        Raises:
            Forbidden: The role may not bind the organisation.
            NotFound: Not the organisation's offer.
            StepRefused: It ended.
        """
        principal.require(Permission.BANK_DETAILS_OWN)
        organisation_id = principal.need_organisation()
        row = await self.agreements.own(organisation_id, principal.councils, agreement_id, locked=True)
        if row.status is SelfBillingStatus.SIGNED:
            return row
        organisation = await self.db.get_one(Organisation, organisation_id)
        day = today(self.clock)
        for other in (await self.agreements.of_organisations(row.council_id, [organisation_id]))[organisation_id]:
            if other.status is SelfBillingStatus.SIGNED:
                self._end_now(principal, other, REPLACED)
        ends_on = await self._end(row.council_id, day)
        SELF_BILLING.move(self.db, row, SelfBillingStatus.SIGNED, by=principal.user_id)
        row.starts_on, row.ends_on = day, ends_on
        row.vat_number = organisation.vat_number or ""
        row.signed_name, row.signed_by_user_id, row.signed_at = name, principal.user_id, self.clock.now()
        self._record(principal, "payments.sign_self_billing", row, "")
        await self.db.flush()
        return row

    async def end(self, principal: Principal, agreement_id: UUID, reason: str) -> SelfBillingAgreement:
        """End a signed agreement from today, by either side.

        Raises:
            Forbidden: The role may not.
            NotFound: Neither the reader's council's nor the reader's organisation's.
            StepRefused: It is not signed.
        """
        if principal.organisation_id is not None:
            principal.require(Permission.BANK_DETAILS_OWN)
            row = await self.agreements.own(principal.organisation_id, principal.councils, agreement_id, locked=True)
        else:
            principal.require(Permission.INVOICES_APPROVE)
            row = await self.agreements.find(principal.council_id, agreement_id, locked=True)
        self._end_now(principal, row, reason)
        await self.db.flush()
        return row

    async def renew_due(self) -> int:
        """End agreements whose time is over, and offer new ones where they end soon or the VAT number changed.

        Returns:
            How many were looked at.
        """
        day = today(self.clock)
        rows = await self.agreements.needing_renewal(day + timedelta(days=RENEW_DAYS), MOST_AT_ONCE)
        for row, vat_number in rows:
            has_changed = row.vat_number != (vat_number or "")
            why = (
                "Your VAT number changed: the law asks for a new agreement"
                if has_changed
                else f"Your self-billing agreement ends on {last_day(row.ends_on)}"
            )
            await self.invite(row.council_id, row.organisation_id, why)
            if row.ends_on <= day:
                self._end_now(None, row, "Its time was over")
        await self.db.flush()
        return len(rows)

    def _end_now(self, principal: Principal | None, row: SelfBillingAgreement, reason: str) -> None:
        by = principal.user_id if principal else None
        SELF_BILLING.move(self.db, row, SelfBillingStatus.ENDED, by=by, why=reason)
        row.ended_on, row.end_reason = today(self.clock), reason
        self._record(principal, "payments.end_self_billing", row, reason)

    async def _end(self, council_id: UUID, day: date) -> date:
        months: int = await setting(self.db, council_id, "payments.self_billing_months", day)
        return months_later(day, months)

    def _record(self, principal: Principal | None, action: str, row: SelfBillingAgreement, why: str) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="self_billing_agreement",
            subject_id=row.id,
            after={"status": row.status, "starts_on": row.starts_on, "ends_on": row.ends_on},
            why=why,
        )


def standing_of(rows: Collection[SelfBillingAgreement], vat_number: str, day: date) -> Standing:
    """Say where a supplier and a council stand on a day, from its agreements, newest first."""
    offer = next((row for row in rows if row.status is SelfBillingStatus.OFFERED), None)
    signed = [row for row in rows if row.status is SelfBillingStatus.SIGNED]
    current = next((row for row in signed if row.starts_on <= day < row.ends_on), None)
    if current is not None:
        is_same = current.vat_number == vat_number
        return Standing(Footing.LIVE if is_same else Footing.VAT_CHANGED, current, offer)
    past = next((row for row in rows if row.status is not SelfBillingStatus.OFFERED), None)
    return Standing(Footing.ENDED if past else Footing.NEVER, past, offer)


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of that month."""
    if months < 1:
        raise ValueError("At least one month")
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    following = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def check_signature(name: str, is_confirmed: bool) -> None:
    """Refuse a signature without a name or without the declaration.

    Raises:
        InvalidInput: With all messages.
    """
    wrong: dict[str, str] = {}
    if not name.strip():
        wrong["signed_name"] = "Enter your full name"
    if not is_confirmed:
        wrong["confirmed"] = "Confirm that you agree and may sign for your organisation"
    if wrong:
        raise InvalidInput(wrong)
