"""Rows of payments for tests, and the world in which money moves."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import clock_of, scope_to
from marketplace.core.ids import new_id
from marketplace.core.queue import deliver
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.matching.models import Complexity, Referral, ReferralSource, Urgency
from marketplace.matching.states import ReferralStatus
from marketplace.payments.models import (
    Accrual,
    AccrualKind,
    BankAccount,
    Invoice,
    Payable,
    PaymentRun,
    SelfBillingAgreement,
    Tariff,
    TariffBook,
    TariffEvent,
    VatTreatment,
)
from marketplace.payments.repository.tariffs import TariffRepository
from marketplace.payments.schemas import PeriodForm, RunForm
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.states import BookStatus, SelfBillingStatus
from marketplace.plans.events import PlanSignedOff
from marketplace.plans.models import Plan, PlanVersion
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Organisation, ServiceLine, VatCategory
from tests.factories import (
    Member,
    make_accreditation,
    make_council,
    make_member,
    make_organisation,
    make_person,
    make_worker,
)

BANDS = [{"up_to_minutes": 240, "pence": 7_500}, {"up_to_minutes": None, "pence": 10_000}]
"""£75 for up to four hours, £100 for more (L19)."""
FEBRUARY = PeriodForm(date(2027, 2, 1), date(2027, 3, 1))
PAY_ON = date(2027, 3, 8)


async def _saved(db: AsyncSession, row: Any) -> Any:
    db.add(row)
    await db.flush()
    return row


async def make_tariff(db: AsyncSession, council: Council, **given: Any) -> Tariff:
    """The council's tariff since 2026."""
    values = {
        "council_id": council.id,
        "event": TariffEvent.PLAN_COMPLETED,
        "name": "Support plans 2026",
        "bands": BANDS,
        "starts_on": date(2026, 4, 1),
        "source": "Decision of February 2026",
        "set_at": datetime(2026, 2, 1, tzinfo=UTC),
    }
    values = {**values, **given}
    if "book_id" not in values:
        book = await make_tariff_book(
            db, council, name=values["name"], starts_on=values["starts_on"], ends_on=values.get("ends_on")
        )
        values["book_id"] = book.id
    return await _saved(db, Tariff(**values))


async def make_tariff_book(db: AsyncSession, council: Council, **given: Any) -> TariffBook:
    """A published book of the council since 2026."""
    at = datetime(2026, 2, 1, tzinfo=UTC)
    values = {
        "council_id": council.id,
        "number": await TariffRepository(db).last_number(council.id, given.get("framework_id")) + 1,
        "status": BookStatus.PUBLISHED,
        "name": "Support plans 2026",
        "source": "Decision of February 2026",
        "starts_on": date(2026, 4, 1),
        "made_at": at,
        "published_at": at,
    }
    return await _saved(db, TariffBook(**{**values, **given}))


async def make_accrual(db: AsyncSession, council: Council, organisation: Organisation, **given: Any) -> Accrual:
    """A plan completed in February, with its entry in the ledger."""
    values = {
        "council_id": council.id,
        "organisation_id": organisation.id,
        "kind": AccrualKind.PLAN,
        "source_id": new_id(),
        "description": "Support plan completed on 10 February 2027",
        "amount_pence": 7_500,
        "earned_on": date(2027, 2, 10),
        "created_at": clock_of(db).now(),
    }
    is_agreed = given.pop("agreed", True)
    row: Accrual = await _saved(db, Accrual(**{**values, **given}))
    if is_agreed:
        await make_self_billing(db, council, organisation)
    await LedgerService(db).post(
        council.id,
        "plan-tariff",
        row.source_id,
        [debit(Purpose.PLAN_SPEND, row.amount_pence), credit(Purpose.ACCRUED, row.amount_pence, organisation.id)],
    )
    return row


async def make_self_billing(
    db: AsyncSession, council: Council, organisation: Organisation, **given: Any
) -> SelfBillingAgreement:
    """A self-billing agreement that was signed in January and runs for the year; the one that is there stays."""
    found = await db.scalar(
        select(SelfBillingAgreement).where(
            SelfBillingAgreement.council_id == council.id,
            SelfBillingAgreement.organisation_id == organisation.id,
            SelfBillingAgreement.status == SelfBillingStatus.SIGNED,
        )
    )
    if found is not None and not given:
        return found
    at = datetime(2027, 1, 1, tzinfo=UTC)
    values = {
        "council_id": council.id,
        "organisation_id": organisation.id,
        "status": SelfBillingStatus.SIGNED,
        "starts_on": at.date(),
        "ends_on": date(2028, 1, 1),
        "vat_number": organisation.vat_number or "",
        "offered_at": at,
        "signed_name": "Pat Provider",
        "signed_at": at,
    }
    return await _saved(db, SelfBillingAgreement(**{**values, **given}))


async def make_vat(db: AsyncSession, council: Council, organisation: Organisation, **given: Any) -> VatTreatment:
    """Support planning that is exempt, as finance agreed."""
    at = datetime(2026, 4, 1, tzinfo=UTC)
    values = {
        "council_id": council.id,
        "organisation_id": organisation.id,
        "service_line": ServiceLine.SUPPORT_PLANNING,
        "category": VatCategory.EXEMPT_WELFARE,
        "reason": "Exempt: welfare services by a charity (VAT Act 1994, schedule 9, group 7)",
        "evidence": "Entry in the register of charities",
        "starts_on": at.date(),
        "stated_at": at,
        "agreed_at": at,
    }
    return await _saved(db, VatTreatment(**{**values, **given}))


async def make_bank_account(db: AsyncSession, organisation: Organisation, **given: Any) -> BankAccount:
    """Checked details, live since January."""
    values = {
        "organisation_id": organisation.id,
        "account_name": organisation.name,
        "sort_code": "200415",
        "account_number": "38290008",
        "live_from": date(2027, 1, 2),
        "created_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    return await _saved(db, BankAccount(**{**values, **given}))


async def make_paying_account(db: AsyncSession, council: Council, **given: Any) -> BankAccount:
    """The account a council pays from."""
    values = {
        "council_id": council.id,
        "account_name": council.name,
        "sort_code": "309634",
        "account_number": "00012345",
        "service_user_number": "123456",
        "live_from": date(2027, 1, 1),
        "created_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    return await _saved(db, BankAccount(**{**values, **given}))


class Money(msgspec.Struct):
    """A council with its finance team and one organisation that can be paid."""

    council: Council
    finance: Member
    checker: Member
    organisation: Organisation
    provider: Member

    async def bill(self, db: AsyncSession, *amounts: int, approve: bool = True) -> Invoice:
        """One bill of the organisation with a line for each amount."""
        for amount in amounts or (7_500,):
            await make_accrual(db, self.council, self.organisation, amount_pence=amount)
        service = SelfBillService(db)
        bill = (await service.make(self.finance.principal, FEBRUARY))[0]
        return await service.approve(self.finance.principal, bill.id) if approve else bill

    async def run(self, db: AsyncSession, *bills: Invoice) -> PaymentRun:
        """A run that waits for its release."""
        wanted = bills or (await self.bill(db),)
        form = RunForm(PAY_ON, await payables_of(db, *wanted))
        return await PaymentRunService(db).make(self.finance.principal, form)

    async def released(self, db: AsyncSession, *bills: Invoice) -> PaymentRun:
        """A run that was released."""
        run = await self.run(db, *bills)
        return await PaymentRunService(db).release(self.checker.principal, run.id)


async def payables_of(db: AsyncSession, *bills: Invoice) -> tuple[UUID, ...]:
    """What is owed out of bills, wherever it is."""
    rows = await db.scalars(
        select(Payable.id).where(Payable.invoice_id.in_([bill.id for bill in bills])).order_by(Payable.id)
    )
    return tuple(rows)


async def make_money(db: AsyncSession, **given: Any) -> Money:
    """A council, its finance officer and approver, its paying account and an accredited organisation with details."""
    council = given.pop("council", None) or await make_council(db)
    given_agreement = given.pop("agreed", True)
    organisation = await make_organisation(db, **given)
    await make_accreditation(db, organisation, council, ServiceLine.SUPPORT_PLANNING)
    await make_bank_account(db, organisation)
    if organisation.vat_number:
        await make_vat(db, council, organisation)
    if given_agreement:
        await make_self_billing(db, council, organisation)
    await make_paying_account(db, council)
    return Money(
        council,
        await make_member(db, Role.FINANCE, council, name="Fin Maker"),
        await make_member(db, Role.FINANCE_CHECKER, council, name="Chris Checker"),
        organisation,
        await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, name="Pat Provider"),
    )


async def make_signed_plan(
    db: AsyncSession, council: Council, organisation: Organisation, *, minutes: int = 200, completed_on: date
) -> PlanSignedOff:
    """A signed-off plan version in its tables, and the event that told of it."""
    person = await make_person(db, council)
    worker = await make_worker(db, organisation)
    now = clock_of(db).now()
    recorder = await make_member(db, Role.BROKER, council)
    referral = await _saved(
        db,
        Referral(
            council_id=council.id,
            reference=f"R-{person.reference}",
            person_id=person.id,
            status=next(iter(ReferralStatus)),
            source=ReferralSource.FRONTLINE,
            urgency=next(iter(Urgency)),
            complexity=next(iter(Complexity)),
            indicative_weekly_pence=10_000,
            received_at=now,
            due_on=completed_on,
            recorded_by_user_id=recorder.user.id,
        ),
    )
    plan = await _saved(
        db,
        Plan(
            council_id=council.id,
            referral_id=referral.id,
            person_id=person.id,
            organisation_id=organisation.id,
            worker_id=worker.id,
            created_at=now,
        ),
    )
    version = await _saved(
        db,
        PlanVersion(
            council_id=council.id,
            plan_id=plan.id,
            number=1,
            status=PlanStatus.SIGNED_OFF,
            visit_minutes=minutes,
            signed_off_at=datetime(completed_on.year, completed_on.month, completed_on.day, 12, tzinfo=UTC),
            updated_at=now,
        ),
    )
    return PlanSignedOff(
        council_id=council.id,
        plan_id=plan.id,
        plan_version_id=version.id,
        person_id=person.id,
        worker_id=worker.id,
        organisation_id=organisation.id,
        visit_minutes=minutes,
        completed_on=completed_on,
    )


async def balance(db: AsyncSession, council_id: UUID, purpose: Purpose, owner_id: UUID | None = None) -> int:
    """What an account holds by its lines, on the credit side."""
    return int(
        await db.scalar(
            text(
                "SELECT coalesce(sum(CASE l.side WHEN 'credit' THEN l.amount_pence ELSE -l.amount_pence END), 0)"
                " FROM ledger_lines l JOIN ledger_accounts a ON a.id = l.account_id"
                " WHERE a.council_id = :c AND a.purpose = :p AND (CAST(:o AS uuid) IS NULL OR a.owner_id = :o)"
            ),
            {"c": council_id, "p": purpose.value, "o": owner_id},
        )
        or 0
    )


async def reload(db: AsyncSession) -> None:
    """Read again what the session holds: a browser's request lets all of it expire."""
    await db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    for row in list(db.identity_map.values()):
        await db.refresh(row)


async def handled(db: AsyncSession, delivery: outbox.Delivery) -> None:
    """Let a worker handle a message, then reach every council again."""
    await deliver(delivery)
    await scope_to(db, "every")
    # The worker's transaction ended by checking what was deferred; this session is still in the middle of its own.
    await db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
