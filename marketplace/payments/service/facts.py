"""What is known about a supplier's visits, agreements, accreditation and VAT: read at once, judged by pure rules."""

from collections.abc import Collection, Iterable
from datetime import date, time
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.money import parse_pounds
from marketplace.payments.line_checks import AskedLine, Earning, KnownVisit, LineChecker, Rules
from marketplace.payments.models import Accrual, AccrualKind, InvoiceLine, VatTreatment
from marketplace.payments.repository.invoice_facts import InvoiceFactRepository, VisitRow
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.service.accruals import rest_of
from marketplace.payments.vat import LATE_INTEREST_VAT, Vat, vat_of
from marketplace.providers.models import Organisation, ServiceLine

LINES_OF_KINDS: dict[AccrualKind, ServiceLine] = {
    AccrualKind.PLAN: ServiceLine.SUPPORT_PLANNING,
    AccrualKind.PLAN_STAGE: ServiceLine.SUPPORT_PLANNING,
    AccrualKind.REVIEW: ServiceLine.SUPPORT_PLANNING,
    AccrualKind.CLAIM: ServiceLine.SUPPORT_PLANNING,
    AccrualKind.MONEY_MANAGEMENT: ServiceLine.MONEY_MANAGEMENT,
}
"""What an earning was for where its row does not say it."""


def service_line_of(row: Accrual) -> ServiceLine | None:
    """Return the service an earning was for; None where nothing says it."""
    return row.service_line or LINES_OF_KINDS.get(row.kind)


def vat_of_earning(treatments: Iterable[VatTreatment], organisation: Organisation, row: Accrual) -> Vat | None:
    """Say how VAT applies to an earning; None when nobody has said it of its service."""
    if row.kind is AccrualKind.INTEREST and organisation.vat_number:
        return LATE_INTEREST_VAT
    return vat_of(treatments, organisation, service_line_of(row), row.earned_on)


def visit_reference(booking_id: UUID) -> str:
    """Write the platform's reference of a visit, "V-1A2B3C4D": both sides can look it up, and it tells nothing."""
    return f"V-{booking_id.hex[-8:].upper()}"


class LineFacts:
    """Facts about one supplier in one council."""

    def __init__(self, db: AsyncSession, council_id: UUID, organisation_id: UUID) -> None:
        self.db = db
        self.council_id, self.organisation_id = council_id, organisation_id
        self.rows = InvoiceFactRepository(db)
        self._vat: tuple[Organisation, list[VatTreatment]] | None = None

    async def checker(self, days: Collection[date], *, locked: bool = False) -> LineChecker:
        """Return a checker that knows the supplier's visits of some days.

        Args:
            days: The days of the lines.
            locked: Hold the earnings until the transaction ends, so that no other bill takes them.
        """
        council_id, organisation_id = self.council_id, self.organisation_id
        day = today(clock_of(self.db))
        visits = await self.rows.visits(council_id, organisation_id, days)
        sources = {source for row in visits for source in (row.id, rest_of(row.id))}
        earnings = await self.rows.visit_earnings(council_id, organisation_id, sources, locked=locked)
        known = [self._known(row, earnings) for row in visits]
        used = {(row.service_line, row.visit_on) for row in visits}
        accredited = await self._accredited(used)
        _, treatments = await self._vat_rows()
        organisation = (await self._vat_rows())[0]
        rules = Rules(
            day,
            await setting(self.db, council_id, "payments.tolerance_minutes", day),
            await setting(self.db, council_id, "payments.tolerance_pence", day),
        )
        return LineChecker(
            rules,
            await self.rows.agreements(council_id, organisation_id),
            known,
            is_accredited=lambda service, on: (service, on) in accredited,
            is_vat_clear=lambda service, on: vat_of(treatments, organisation, service, on) is not None,
        )

    def _known(self, row: VisitRow, earnings: dict[UUID, Accrual]) -> KnownVisit:
        found = [earnings[source] for source in (row.id, rest_of(row.id)) if source in earnings]
        reference = visit_reference(row.id)
        return KnownVisit(
            booking_id=row.id,
            reference=row.reference or reference,
            visit_reference=reference,
            visit_on=row.visit_on,
            starts_local=row.starts_local,
            minutes=row.minutes,
            is_approved=row.is_approved,
            is_off=row.is_off,
            earnings=tuple(
                Earning(each.id, each.amount_pence, each.invoice_id, service_line_of(each) or row.service_line)
                for each in found
            ),
            block=row.block,
        )

    async def _accredited(self, used: Iterable[tuple[ServiceLine, date]]) -> set[tuple[ServiceLine, date]]:
        days: dict[ServiceLine, set[date]] = {}
        for service, on in used:
            days.setdefault(service, set()).add(on)
        repository = VatRepository(self.db)
        found: set[tuple[ServiceLine, date]] = set()
        for service, wanted in days.items():
            counted = await repository.accredited_days(self.organisation_id, self.council_id, service, wanted)
            found |= {(service, on) for on in counted}
        return found

    async def _vat_rows(self) -> tuple[Organisation, list[VatTreatment]]:
        if self._vat is None:
            organisation = await self.db.get_one(Organisation, self.organisation_id)
            rows = await VatRepository(self.db).of_organisations(self.council_id, [self.organisation_id])
            self._vat = organisation, rows.get(self.organisation_id, [])
        return self._vat

    async def vat(self, service: ServiceLine | None, on: date) -> Vat | None:
        """Say how VAT applies to a service on a day; None when nobody has said it."""
        organisation, treatments = await self._vat_rows()
        return vat_of(treatments, organisation, service, on)

    def line_of(self, row: Accrual) -> ServiceLine | None:
        """Return the service an earning was for."""
        return service_line_of(row)


def columns_of(asked: AskedLine) -> dict[str, str]:
    """Write a line as the columns of a file."""
    return {
        "person_reference": asked.reference,
        "visit_date": asked.visit_on.strftime("%d/%m/%Y"),
        "start_time": asked.starts_local.strftime("%H:%M") if asked.starts_local else "",
        "minutes": str(asked.minutes),
        "amount_pounds": f"{asked.pence // 100}.{asked.pence % 100:02}",
        "visit_reference": asked.visit_reference,
    }


def description_of(asked: AskedLine) -> str:
    """Say what a supplier's line is for, as its invoice names it: no person's name."""
    at = f" at {asked.starts_local:%H:%M}" if asked.starts_local else ""
    return f"Visit on {uk_date(asked.visit_on)}{at}, {asked.minutes} minutes, agreement {asked.reference}"


def asked_of(line: InvoiceLine) -> AskedLine:
    """Read what a line of a file asked for, as it was stored or corrected."""
    text = line.asked
    day, month, year = (int(part) for part in str(text["visit_date"]).split("/"))
    start = str(text.get("start_time", ""))
    return AskedLine(
        str(text["person_reference"]),
        date(year, month, day),
        time.fromisoformat(start) if start else None,
        int(text["minutes"]),
        parse_pounds(str(text["amount_pounds"])) or 0,
        str(text.get("visit_reference", "")),
    )
