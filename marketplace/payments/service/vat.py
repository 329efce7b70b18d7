"""How VAT applies to a supplier's services: stated by the supplier, agreed by finance (domain.md 4.5)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, broken_constraint
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.payments.models import VatTreatment
from marketplace.payments.repository.series import SELF_BILLS, take_numbers
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.service.vat_corrections import TakenBack, VatCorrectionService
from marketplace.payments.vat import RATES
from marketplace.providers.models import Organisation, ServiceLine, VatCategory

NEEDS_REASON = frozenset(
    {VatCategory.EXEMPT_WELFARE, VatCategory.EXEMPT_OTHER, VatCategory.ZERO, VatCategory.OUTSIDE_SCOPE}
)
"""Categories for which a document must say why no VAT is charged (BR-E-10, BR-O-10)."""


WAITS = "You stated this service from that day before. Choose another day"


class VatForm(msgspec.Struct, frozen=True):
    """How VAT applies to a service, as its supplier says."""

    service_line: ServiceLine
    category: VatCategory
    reason: str
    evidence: str
    starts_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "VatForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        service = form.choice("service_line", "the service", ServiceLine)
        category = form.choice("category", "how VAT applies", VatCategory)
        reason = form.text("reason", "why no VAT is charged", required=category in NEEDS_REASON, longest=300)
        evidence = form.text("evidence", "what shows this", required=category in NEEDS_REASON, longest=500)
        starts_on = form.day("starts_on", "the day from which it counts")
        if category is VatCategory.NOT_REGISTERED:
            form.wrong("category", "You gave us a VAT number, so say how VAT applies to this service")
        form.done()
        if service is None or category is None or starts_on is None:
            raise InvalidInput({"service_line": "Select the service"})
        return cls(service, category, reason, evidence, starts_on)


class VatService:
    """States and agrees VAT treatments. Only agreed ones count on bills."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = VatRepository(db)

    async def state(self, principal: Principal, council_id: UUID, form: VatForm) -> VatTreatment:
        """State how VAT applies to a service of the reader's organisation, for a council to look at.

        A second statement from the same day corrects the agreed one: it says what shows that, and takes its place
        once finance agrees.

        Raises:
            Forbidden: The role may not.
            NotFound: A council the reader does not work for.
            InvalidInput: What counts from that day already says the same or waits for a look, or a correction without
                evidence.
            Conflict: The organisation has no VAT number, so there is nothing to state.
        """
        principal.require(Permission.BANK_DETAILS_OWN)
        organisation_id = principal.need_organisation()
        if council_id not in principal.councils:
            raise NotFound
        organisation = await self.db.get_one(Organisation, organisation_id)
        if not organisation.vat_number:
            raise Conflict("Your organisation has no VAT number here, so your bills show no VAT.")
        before = await self.rows.standing(council_id, organisation_id, form.service_line, form.starts_on)
        if before is not None:
            _check_correction(before, form)
        row = VatTreatment(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            service_line=form.service_line,
            category=form.category,
            rate=RATES.get(form.category, 0),
            reason=form.reason,
            evidence=form.evidence,
            starts_on=form.starts_on,
            corrects_id=before.id if before else None,
            stated_by_user_id=principal.user_id,
            stated_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
                await self.db.flush()
        except IntegrityError as error:
            if (broken_constraint(error) or "").startswith("uq_vat_treatments"):
                raise InvalidInput({"starts_on": WAITS}) from error
            raise
        self._record(principal, "payments.state_vat", row, "")
        await self.db.flush()
        return row

    async def agree(self, principal: Principal, row_id: UUID, seen: str) -> VatTreatment:
        """Agree to what a supplier stated, after looking at the evidence. Agreeing again does nothing.

        Where it corrects another, that one counts no longer, and what self-bills said under it is taken back and may
        be billed again.

        Args:
            principal: Somebody of finance, other than who stated it.
            row_id: The statement.
            seen: What was looked at.

        Raises:
            Forbidden: The role may not, or the same hand stated it.
            NotFound: Another council's.
        """
        principal.require(Permission.INVOICES_APPROVE)
        # The series comes first: no self-bill is made in the meantime with what was stated before.
        await take_numbers(self.db, principal.council_id, SELF_BILLS, 0)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.agreed_at is not None:
            return row
        if row.stated_by_user_id == principal.user_id:
            raise Forbidden("You stated this yourself. Somebody else must look at it.")
        row.agreed_by_user_id, row.agreed_at = principal.user_id, self.clock.now()
        row.evidence = f"{row.evidence}\n{seen}".strip()
        self._record(principal, "payments.agree_vat", row, seen)
        await self.db.flush()
        if row.corrects_id is not None:
            await self._put_in_place(principal, row.corrects_id, seen)
        return row

    async def _put_in_place(self, principal: Principal, wrong_id: UUID, seen: str) -> None:
        wrong = await self.rows.find(principal.council_id, wrong_id, locked=True)
        wrong.corrected_at = self.clock.now()
        await self.db.flush()
        taken = await VatCorrectionService(self.db).take_back(principal, wrong)
        self._record(principal, "payments.correct_vat", wrong, seen, taken)
        await self.db.flush()

    async def turn_down(self, principal: Principal, row_id: UUID, reason: str) -> None:
        """Take a statement away that does not hold; the audit log keeps it.

        Raises:
            Conflict: It was agreed: state another from a later day.
        """
        principal.require(Permission.INVOICES_APPROVE)
        row = await self.rows.find(principal.council_id, row_id, locked=True)
        if row.agreed_at is not None:
            raise Conflict(
                "It was agreed and may stand on bills. The supplier states another, from the same day if wrong."
            )
        self._record(principal, "payments.turn_down_vat", row, reason)
        await self.db.delete(row)
        await self.db.flush()

    def _record(
        self, principal: Principal, action: str, row: VatTreatment, why: str, taken: TakenBack | None = None
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="vat_treatment",
            subject_id=row.id,
            after={
                "organisation_id": row.organisation_id,
                "service_line": row.service_line,
                "category": row.category,
                "rate": row.rate,
                "starts_on": row.starts_on,
                **({"corrects_id": row.corrects_id} if row.corrects_id else {}),
                **({"credited": taken._asdict()} if taken else {}),
            },
            why=why,
        )


def _check_correction(before: VatTreatment, form: VatForm) -> None:
    """Refuse a correction of something nobody agreed to, without a difference, or without evidence.

    Raises:
        InvalidInput: With the field.
    """
    if before.agreed_at is None:
        raise InvalidInput({"starts_on": WAITS})
    if (before.category, before.rate, before.reason) == (form.category, RATES.get(form.category, 0), form.reason):
        raise InvalidInput({"category": "This already counts from that day. Change what was wrong"})
    if not form.evidence:
        raise InvalidInput({"evidence": "Enter what shows that what you stated from that day before was wrong"})
