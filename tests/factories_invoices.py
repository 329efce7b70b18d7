"""A supplier that sends its own invoices: an agreement with a person, visits that were approved, files of them."""

from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking, Funding, Side, SupportAgreement
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.core.clock import instant
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.payments.models import Accrual, AccrualKind
from marketplace.payments.service.invoice_files import COLUMNS
from marketplace.people.models import Person
from marketplace.providers.models import Listing, ListingCategory, ServiceLine
from tests.factories import Member, make_accreditation, make_listing, make_member, make_person
from tests.factories_bookings import fund
from tests.factories_payments import Money, make_money

VISIT_ON = date(2027, 2, 10)


class Supply(msgspec.Struct):
    """A home care organisation that signed no self-billing agreement, and a person it supports."""

    money: Money
    person: Person
    agreement: SupportAgreement
    listing: Listing
    requester: Member

    @property
    def provider(self) -> Member:
        """Who sends invoices."""
        return self.money.provider

    @property
    def finance(self) -> Member:
        """Who approves them."""
        return self.money.finance

    def booking(self, **given: Any) -> dict[str, Any]:
        """An approved visit of an hour at £18, as a row."""
        on: date = given.get("visit_on", VISIT_ON)
        at: time = given.get("starts_local", time(9))
        minutes: int = given.get("minutes", 60)
        pence: int = given.get("cost_pence", 1_800)
        starts: datetime = instant(on, at)
        return {
            "id": new_id(),
            "council_id": self.money.council.id,
            "person_id": self.person.id,
            "listing_id": self.listing.id,
            "organisation_id": self.money.organisation.id,
            "agreement_id": self.agreement.id,
            "workers_needed": 0,
            "status": BookingStatus.APPROVED,
            "funding": Funding.DIRECT_PAYMENT,
            "visit_on": on,
            "starts_local": at,
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=minutes),
            "minutes": minutes,
            "rate_pence": pence,
            "cost_pence": pence,
            "requested_at": starts,
            "requested_by_user_id": self.requester.user.id,
            **given,
        }

    async def visit(self, db: AsyncSession, *, earns: bool = True, **given: Any) -> Accrual | None:
        """One visit; approved and earned unless told otherwise."""
        found = await self.visits(db, [given], earns=earns)
        return found[0] if found else None

    async def visits(self, db: AsyncSession, rows: list[dict[str, Any]], *, earns: bool = True) -> list[Accrual]:
        """Many visits at once, each with its earning and all with one entry in the ledger for each earning."""
        bookings = [self.booking(**row) for row in rows]
        await db.execute(insert(Booking), bookings)
        return await self.earn(db, bookings) if earns else []

    async def earn(self, db: AsyncSession, bookings: list[dict[str, Any]]) -> list[Accrual]:
        """What visits earn once they are approved."""
        council, owner = self.money.council.id, self.money.organisation.id
        accruals = [
            Accrual(
                id=new_id(),
                council_id=council,
                organisation_id=owner,
                kind=AccrualKind.VISIT,
                source_id=row["id"],
                description=f"Visit on {row['visit_on']:%d %B %Y}",
                amount_pence=row["cost_pence"],
                person_id=self.person.id,
                service_line=ServiceLine.HOME_CARE,
                earned_on=row["visit_on"],
                created_at=clock_of(db).now(),
            )
            for row in bookings
        ]
        db.add_all(accruals)
        await db.flush()
        await fund(db, self.person, sum(row.amount_pence for row in accruals))
        few = len(accruals) <= 20
        for row in accruals if few else []:
            await LedgerService(db).post(
                council,
                "visit-approved",
                row.source_id,
                [
                    debit(Purpose.DIRECT_PAYMENT, row.amount_pence, self.person.id),
                    credit(Purpose.ACCRUED, row.amount_pence, owner),
                ],
            )
        if not few:
            whole = sum(row.amount_pence for row in accruals)
            lines = [debit(Purpose.DIRECT_PAYMENT, whole, self.person.id), credit(Purpose.ACCRUED, whole, owner)]
            await LedgerService(db).post(council, "visits-approved", new_id(), lines)
        return accruals


async def make_supply(db: AsyncSession, money: Money | None = None, **given: Any) -> Supply:
    """A supplier, its person and their agreement."""
    money = money or await make_money(db, agreed=False, **given)
    await make_accreditation(db, money.organisation, money.council, ServiceLine.HOME_CARE)
    person = await make_person(db, money.council)
    requester = await make_member(db, Role.BROKER, money.council)
    listing = await make_listing(db, money.organisation, category=ListingCategory.HOME_CARE)
    agreement = SupportAgreement(
        id=new_id(),
        council_id=money.council.id,
        reference=f"SA-{int(new_id().hex[-5:], 16) % 90000 + 10000}",
        person_id=person.id,
        organisation_id=money.organisation.id,
        listing_id=listing.id,
        funding=Funding.DIRECT_PAYMENT,
        status=AgreementStatus.AGREED,
        written_by=Side.PROVIDER,
        starts_on=date(2027, 1, 1),
        created_by_user_id=requester.user.id,
        created_at=clock_of(db).now(),
    )
    db.add(agreement)
    await db.flush()
    return Supply(money, person, agreement, listing, requester)


def row_of(supply: Supply, **given: Any) -> list[str]:
    """A row of a file for the usual visit."""
    values = {
        "invoice_number": "INV-1",
        "person_reference": supply.agreement.reference,
        "visit_date": "10/02/2027",
        "start_time": "09:00",
        "minutes": "60",
        "amount_pounds": "18.00",
    }
    values |= {name: str(value) for name, value in given.items()}
    return [values.get(name, "") for name in (*COLUMNS, "visit_reference")]


def file_of(*rows: list[str], encoding: str = "utf-8") -> bytes:
    """A file with our headings."""
    heading = [*COLUMNS, "visit_reference"]
    return "\r\n".join(",".join(row) for row in [heading, *rows]).encode(encoding) + b"\r\n"
