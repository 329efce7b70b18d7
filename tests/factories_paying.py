"""Councils beside the demo for the journeys of payment: finance teams, suppliers, what was earned and delivered."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking, Funding, Side, SupportAgreement
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.core import outbox
from marketplace.core.clock import instant, today
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import Accrual, AccrualKind, Invoice, PaymentRun
from marketplace.payments.schemas import FileFormat, PeriodForm, RunForm
from marketplace.payments.service.run_files import earliest_pay_on
from marketplace.payments.service.run_submission import RunSubmissionService
from marketplace.payments.service.runs import PaymentRunService
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.people.models import Person
from marketplace.providers.models import ListingCategory, Organisation, ServiceLine
from tests.factories import (
    Member,
    make_accreditation,
    make_council,
    make_listing,
    make_organisation,
    make_person,
)
from tests.factories_bookings import fund
from tests.factories_payments import (
    make_bank_account,
    make_paying_account,
    make_self_billing,
    make_signed_plan,
    make_vat,
)

LONG_AGO = timedelta(days=300)
EARLIEST_HOUR, VISITS_A_DAY, VISIT_MINUTES = 8, 20, 30
VISIT_PENCE = 900


class Town(msgspec.Struct, frozen=True):
    """A council that only one journey uses, with its finance team."""

    council: Council
    finance: Member
    checker: Member
    password_hash: str

    @property
    def council_id(self) -> UUID:
        """Its id."""
        return self.council.id


class Supplier(msgspec.Struct, frozen=True):
    """An organisation that the council pays, and who signs in for it."""

    organisation: Organisation
    member: Member

    @property
    def name(self) -> str:
        """As pages show it."""
        return self.organisation.name

    @property
    def email(self) -> str:
        """Address of its sign-in."""
        return self.member.user.email


class Round(msgspec.Struct, frozen=True):
    """Visits of half an hour at £9 that a person approved, twenty a day."""

    reference: str
    """Of the agreement, as files name the person."""
    days: list[date]
    """Day of each visit, oldest first."""
    starts: list[time]


async def found_town(db: AsyncSession, slug: str, name: str) -> Town:
    """Add a council whose finance team may sign in with the demo's password as `finance@SLUG.example`."""
    council = await make_council(db, slug=slug, name=name, short_name=name)
    await make_paying_account(
        db,
        council,
        live_from=today(clock_of(db)) - LONG_AGO,
        created_at=clock_of(db).now() - LONG_AGO,
    )
    password_hash = str(await db.scalar(select(User.password_hash).where(User.is_demo).limit(1)))
    members = [
        await _member(db, council, password_hash, f"{part}@{slug}.example", role)
        for part, role in (("finance", Role.FINANCE), ("finance-checker", Role.FINANCE_CHECKER))
    ]
    return Town(council, members[0], members[1], password_hash)


async def add_supplier(
    db: AsyncSession,
    town: Town,
    part: str,
    name: str,
    *,
    agreed: bool = True,
    has_account: bool = True,
    service: ServiceLine = ServiceLine.SUPPORT_PLANNING,
    **given: Any,
) -> Supplier:
    """Add an accredited organisation; its sign-in is `PART@SLUG.example`."""
    since = today(clock_of(db)) - LONG_AGO
    organisation = await make_organisation(db, name=name, **given)
    decided_at = clock_of(db).now() - LONG_AGO
    until = since + timedelta(days=1_000)
    await make_accreditation(
        db, organisation, town.council, service, live_from=since, live_until=until, decided_at=decided_at
    )
    if has_account:
        number = f"{40_000_000 + int(organisation.id.hex[-6:], 16) % 9_000_000}"
        await make_bank_account(db, organisation, account_number=number, live_from=since, created_at=decided_at)
    if organisation.vat_number:
        await make_vat(db, town.council, organisation, starts_on=since, service_line=service)
    if agreed:
        await make_agreement(db, town, organisation)
    email = f"{part}@{town.council.slug}.example"
    member = await _member(db, town.council, town.password_hash, email, Role.PROVIDER, organisation_id=organisation.id)
    return Supplier(organisation, member)


async def make_agreement(db: AsyncSession, town: Town, organisation: Organisation, **given: Any) -> None:
    """A self-billing agreement that was signed a while ago and still counts unless told otherwise."""
    since = today(clock_of(db)) - timedelta(days=200)
    values = {
        "starts_on": since,
        "ends_on": since + timedelta(days=365),
        "offered_at": instant(since, time(9)),
        "signed_at": instant(since, time(9)),
    }
    await make_self_billing(db, town.council, organisation, **{**values, **given})


async def earn(db: AsyncSession, town: Town, supplier: Supplier, pence: int, on: date, words: str = "") -> Accrual:
    """A completed plan that earned its tariff."""
    row = Accrual(
        id=new_id(),
        council_id=town.council_id,
        organisation_id=supplier.organisation.id,
        kind=AccrualKind.PLAN,
        source_id=new_id(),
        description=words or f"Support plan completed on {on.day} {on:%B %Y}",
        amount_pence=pence,
        service_line=ServiceLine.SUPPORT_PLANNING,
        earned_on=on,
        created_at=clock_of(db).now(),
    )
    db.add(row)
    await db.flush()
    lines = [debit(Purpose.PLAN_SPEND, pence), credit(Purpose.ACCRUED, pence, supplier.organisation.id)]
    await LedgerService(db).post(town.council_id, "plan-tariff", row.source_id, lines)
    return row


async def bill(db: AsyncSession, town: Town, *, approve: bool = True) -> list[Invoice]:
    """Make out what was earned until today."""
    day = today(clock_of(db))
    service, who = SelfBillService(db), town.finance.principal
    bills = await service.make(who, PeriodForm(day - LONG_AGO, day + timedelta(days=1)))
    return [await service.approve(who, row.id) for row in bills] if approve else list(bills)


async def pay_everything(db: AsyncSession, town: Town, clock: Any) -> PaymentRun:
    """Make a run of what is due in the next months, release it, give it to the bank, and let the bank process it."""
    day = today(clock)
    runs = PaymentRunService(db)
    form = RunForm(earliest_pay_on(day), due_until=day + timedelta(days=60))
    run = await runs.make(town.finance.principal, form)
    await runs.release(town.checker.principal, run.id)
    after = RunSubmissionService(db)
    await after.export(town.finance.principal, run.id, FileFormat.BACS, "")
    await after.submit(town.finance.principal, run.id, "BANK-1")
    clock.move_to(instant(run.pay_on, time(9)))
    return await after.confirm(town.finance.principal, run.id, run.total_pence)


async def deliver_visits(db: AsyncSession, town: Town, supplier: Supplier, count: int) -> Round:
    """Visits of the last days under one agreement, each approved and earned."""
    day = today(clock_of(db))
    person = await make_person(db, town.council)
    broker = await _member(db, town.council, town.password_hash, f"broker@{town.council.slug}.example", Role.BROKER)
    listing = await make_listing(db, supplier.organisation, category=ListingCategory.HOME_CARE)
    agreement = SupportAgreement(
        id=new_id(),
        council_id=town.council_id,
        reference=f"SA-{int(new_id().hex[-5:], 16) % 90000 + 10000}",
        person_id=person.id,
        organisation_id=supplier.organisation.id,
        listing_id=listing.id,
        funding=Funding.DIRECT_PAYMENT,
        status=AgreementStatus.AGREED,
        written_by=Side.PROVIDER,
        starts_on=day - LONG_AGO,
        created_by_user_id=broker.user.id,
        created_at=clock_of(db).now() - LONG_AGO,
    )
    db.add(agreement)
    await db.flush()
    first = day - timedelta(days=1 + count // VISITS_A_DAY)
    days = [first + timedelta(days=place // VISITS_A_DAY) for place in range(count)]
    starts = [
        time(EARLIEST_HOUR + place % VISITS_A_DAY * VISIT_MINUTES // 60, place % VISITS_A_DAY * VISIT_MINUTES % 60)
        for place in range(count)
    ]
    bookings = [_visit(town, supplier, person, agreement, broker, on, at) for on, at in zip(days, starts, strict=True)]
    await db.execute(insert(Booking), bookings)
    await _approve(db, town, supplier, person, bookings)
    return Round(agreement.reference, days, starts)


def _visit(
    town: Town, supplier: Supplier, person: Person, agreement: SupportAgreement, by: Member, on: date, at: time
) -> dict[str, Any]:
    starts: datetime = instant(on, at)
    return {
        "id": new_id(),
        "council_id": town.council_id,
        "person_id": person.id,
        "listing_id": agreement.listing_id,
        "organisation_id": supplier.organisation.id,
        "agreement_id": agreement.id,
        "workers_needed": 0,
        "status": BookingStatus.APPROVED,
        "funding": Funding.DIRECT_PAYMENT,
        "visit_on": on,
        "starts_local": at,
        "starts_at": starts,
        "ends_at": starts + timedelta(minutes=VISIT_MINUTES),
        "minutes": VISIT_MINUTES,
        "rate_pence": VISIT_PENCE * 2,
        "cost_pence": VISIT_PENCE,
        "requested_at": starts,
        "requested_by_user_id": by.user.id,
    }


async def _approve(
    db: AsyncSession, town: Town, supplier: Supplier, person: Person, bookings: list[dict[str, Any]]
) -> None:
    accruals = [
        {
            "id": new_id(),
            "council_id": town.council_id,
            "organisation_id": supplier.organisation.id,
            "kind": AccrualKind.VISIT,
            "source_id": row["id"],
            "description": f"Visit on {row['visit_on'].day} {row['visit_on']:%B %Y}",
            "amount_pence": row["cost_pence"],
            "person_id": person.id,
            "service_line": ServiceLine.HOME_CARE,
            "earned_on": row["visit_on"],
            "created_at": clock_of(db).now(),
            "working": [],
        }
        for row in bookings
    ]
    await db.execute(insert(Accrual), accruals)
    await fund(db, person, sum(row["amount_pence"] for row in accruals))
    for row in accruals:
        pence, owner = row["amount_pence"], supplier.organisation.id
        lines = [debit(Purpose.DIRECT_PAYMENT, pence, person.id), credit(Purpose.ACCRUED, pence, owner)]
        await LedgerService(db).post(town.council_id, "visit-approved", row["source_id"], lines)


async def change_vat_number(db: AsyncSession, supplier: Supplier, number: str) -> None:
    """Another VAT number, as after a change of the business."""
    values = {"number": number, "id": supplier.organisation.id}
    await db.execute(text("UPDATE organisations SET vat_number = :number WHERE id = :id"), values)


async def finish_plan(db: AsyncSession, planner: str, *, minutes: int) -> None:
    """Another plan of a planner's organisation that is signed off today; the site hears of it as of any."""
    found = select(Membership).join(User, User.id == Membership.user_id).where(User.email == planner)
    membership = (await db.scalars(found)).one()
    council = await db.get_one(Council, membership.council_id)
    organisation = await db.get_one(Organisation, membership.organisation_id)
    day = today(clock_of(db))
    outbox.publish(db, await make_signed_plan(db, council, organisation, minutes=minutes, completed_on=day))


async def _member(
    db: AsyncSession, council: Council, password_hash: str, email: str, role: Role, **given: Any
) -> Member:
    name = email.partition("@")[0].replace("-", " ").capitalize()
    user = User(email=email, name=name, created_at=clock_of(db).now(), password_hash=password_hash)
    db.add(user)
    await db.flush()
    starts_on = today(clock_of(db)) - timedelta(days=30)
    membership = Membership(user_id=user.id, council_id=council.id, role=role, starts_on=starts_on, **given)
    db.add(membership)
    await db.flush()
    return Member(user, membership, council)
