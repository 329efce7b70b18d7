"""Dashboards: one for each role, with what waits and links that lead there."""

from typing import Any

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership, User
from marketplace.core.database import clock_of
from marketplace.core.formats import plural
from marketplace.core.ids import new_id
from marketplace.payments.models import Invoice, InvoiceKind
from marketplace.payments.states import InvoiceStatus
from marketplace.providers.models import HiddenWhy, Joining, Listing, ListingDraft
from marketplace.providers.states import DraftStatus
from tests.browser import Browser, Page, count
from tests.factories import Member, make_organisation
from tests.reporting.conftest import Loaded

ROLES = (
    *(
        "person",
        "representative",
        "selffunder",
        "planner",
        "provider",
        "pa",
        "careworker",
        "worker",
        "broker",
        "quality",
    ),
    *("accreditor", "finance", "finance-checker", "manager", "admin"),
)


WAITING = {
    "broker": [
        "4 crisis referrals waiting",
        "urgent",
        "overdue",
        "Offers waiting for an answer",
        "Referrals by week",
        "reported",
    ],
    "planner": ["to answer", "sent back to you", "to write", "overdue", "Free places this week"],
    "person": ["1 plan to read and agree", "to approve", "waiting for an answer", "Money left to book with"],
    "careworker": ["Visits today", "in the next seven days"],
    "provider": ["to answer", "from people", "Visits today", "Earned this month", "without your reply"],
    "pa": ["to answer", "Visits today"],
    "worker": ["to sign off", "to complete"],
    "quality": ["to check"],
    "manager": ["to sign off", "overdue", "Spent on support plans by month", "feedback to check"],
    "finance": ["to approve", "ready to pay", "on hold", "Spent on support plans by month"],
    "finance-checker": ["1 payment run to release", "1 card refund to agree"],
    "accreditor": [
        *("ended in the last 30 days", "ending in the next 30 days", "1 listing to check", "to see", "to decide"),
        "pieces of feedback to check",
    ],
    "admin": ["Users with a role", "Changes in the last seven days"],
}
"""What somebody in Lancashire finds on their dashboard."""


async def member(db: AsyncSession, email: str) -> Member:
    """Return somebody of the demo."""
    row: Any = (
        await db.execute(
            select(User, Membership, Council)
            .join(Membership, Membership.user_id == User.id)
            .join(Council, Council.id == Membership.council_id)
            .where(User.email == email)
        )
    ).one()
    return Member(row[0], row[1], row[2])


async def home(browser: Browser, db: AsyncSession, email: str) -> Page:
    """Open somebody's dashboard."""
    signed_in = await browser.signed_in(await member(db, email))
    return await signed_in.open("/home")


@pytest.mark.parametrize("council", ["lancashire", "doncaster", "derby"])
async def test_each_role_has_a_dashboard(demo: Loaded, browser: Browser, db: AsyncSession, council: str) -> None:
    for role in ROLES:
        page = await home(browser, db, f"{role}@{council}.example")
        assert page.heading == "What needs you now"
        assert council.capitalize() in page.words
        for phrase in WAITING.get(role, []) if council == "lancashire" else []:
            assert phrase in page.words, f"{role}: {phrase}"


async def test_a_provider_reads_which_listings_to_confirm_and_which_came_back(
    demo: Loaded, browser: Browser, db: AsyncSession
) -> None:
    provider = await member(db, "provider@lancashire.example")
    own = Listing.organisation_id == provider.membership.organisation_id
    shown = list(await db.scalars(select(Listing).where(own, Listing.is_published).order_by(Listing.id)))
    draft = (await db.scalars(select(ListingDraft).where(ListingDraft.status == DraftStatus.SUBMITTED))).first()
    assert draft is not None
    draft.organisation_id, draft.status = shown[0].organisation_id, DraftStatus.RETURNED
    shown[0].reminded_at = clock_of(db).now()
    shown[1].hidden_why = HiddenWhy.STALE
    shown[2].hidden_why = HiddenWhy.COUNCIL
    await db.flush()
    page = await home(browser, db, "provider@lancashire.example")
    assert "2 listings to confirm" in page.words
    assert "1 listing sent back by the council" in page.words


async def test_a_new_provider_is_led_to_insurance_and_a_first_listing(
    demo: Loaded, browser: Browser, db: AsyncSession
) -> None:
    provider = await member(db, "provider@lancashire.example")
    organisation = await make_organisation(db, name="Leyland Walking Group")
    now = clock_of(db).now()
    db.add(Joining(id=new_id(), organisation_id=organisation.id, created_at=now, updated_at=now))
    provider.membership.organisation_id = organisation.id
    await db.flush()
    page = await home(browser, db, "provider@lancashire.example")
    assert "Show your insurance" in page.words
    assert "Write your first listing" in page.words
    assert "Nothing is waiting" not in page.words


async def test_all_sign_ins_are_reported(demo: Loaded) -> None:
    emails = {sign_in.email for sign_in in demo.report.sign_ins}
    assert emails == {f"{role}@{slug}.example" for role in ROLES for slug in ("lancashire", "doncaster", "derby")}


async def test_the_next_visit_of_the_person_is_shown(demo: Loaded, browser: Browser, db: AsyncSession) -> None:
    assert "Next visit" in (await home(browser, db, "person@lancashire.example")).words


async def test_a_self_funder_sees_no_direct_payment(demo: Loaded, browser: Browser, db: AsyncSession) -> None:
    page = await home(browser, db, "selffunder@lancashire.example")
    assert "Money left" not in page.words
    assert "There is nothing you have to do" in page.words


async def test_the_representative_sees_for_whom_they_act(demo: Loaded, browser: Browser, db: AsyncSession) -> None:
    name = (await member(db, "representative@lancashire.example")).membership.acting_for_name
    page = await home(browser, db, "representative@lancashire.example")
    assert name
    assert name in page.text


async def test_a_visitor_is_sent_to_sign_in(demo: Loaded, browser: Browser) -> None:
    page = await browser.get("/home", expect=303)
    assert page.location.startswith("/sign-in")


async def test_finance_counts_what_waits_for_it_and_the_links_show_just_that(
    demo: Loaded, browser: Browser, db: AsyncSession
) -> None:
    """Suppliers' own invoices are no self-bills, credits are taken off, and whoever releases sees only that sum."""
    who = await member(db, "finance@lancashire.example")
    finance, council_id = await browser.signed_in(who), who.council.id
    of = f"council_id = '{council_id}'"
    of_council = select(Invoice).where(Invoice.council_id == council_id, Invoice.status == InvoiceStatus.ISSUED)
    bill = (await db.scalars(of_council.limit(1))).one()
    values = {column.key: getattr(bill, column.key) for column in inspect(Invoice).column_attrs}
    number = {"id": new_id(), "number": "PI-000901", "kind": InvoiceKind.PROVIDER_INVOICE, "supplier_number": "901"}
    db.add(Invoice(**{**values, **number, "self_billing_agreement_id": None}))
    await db.flush()
    own = await count(db, "invoices", f"{of} AND status = 'issued' AND kind IN ('self_bill', 'self_bill_credit')")
    theirs = await count(db, "invoices", f"{of} AND status = 'issued' AND kind IN ('provider_invoice', 'credit_note')")
    page = await finance.open("/home")
    assert f"{plural(own, 'self-bill')} to approve" in page.words
    assert f"{plural(theirs, 'supplier’s bill')} to approve" in page.words
    assert page.link(r"^/self-bills\?status=issued$")
    assert page.link(r"^/invoices\?status=issued$")
    owed = await count(db, "payables", f"{of} AND status = 'open' AND amount_pence > 0")
    assert f"{plural(owed, 'bill')} ready to pay" in page.words
