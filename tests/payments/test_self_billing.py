"""Self-billing agreements and VAT treatments: no agreement, no self-bill, and nothing earned is lost (V10)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.payments.models import SelfBillingAgreement, VatTreatment
from marketplace.payments.service.self_billing import Footing, SelfBillingService, months_later
from marketplace.payments.service.self_bills import SelfBillService
from marketplace.payments.service.vat import VatForm, VatService
from marketplace.payments.states import SELF_BILLING, SelfBillingStatus
from marketplace.providers.models import ServiceLine, VatCategory
from tests.browser import Browser, count, events
from tests.factories import make_member
from tests.factories_payments import FEBRUARY, Money, make_accrual, make_money, reload

EXEMPT = VatForm(ServiceLine.SUPPORT_PLANNING, VatCategory.EXEMPT_WELFARE, "Exempt", "Charity", date(2027, 1, 1))


async def earned(db: AsyncSession, **given: object) -> Money:
    money = await make_money(db, agreed=False, **given)
    await make_accrual(db, money.council, money.organisation, agreed=False)
    return money


async def footing(db: AsyncSession, money: Money) -> Footing:
    found = await SelfBillingService(db).standings(money.council.id, [money.organisation])
    return found[money.organisation.id].footing


async def test_without_an_agreement_the_supplier_is_asked_and_the_earning_is_kept(db: AsyncSession) -> None:
    money = await earned(db)
    service = SelfBillService(db)
    [row] = await service.preview(money.finance.principal, FEBRUARY)
    assert row.left_out == "There is no signed self-billing agreement"
    for _ in range(2):
        assert await service.make(money.finance.principal, FEBRUARY, 0) == []
    assert await count(db, "invoices") == 0
    assert await count(db, "accruals", "invoice_id IS NULL") == 1
    assert await events(db) == ["SelfBillingOffered"]  # asked once
    offer = await db.scalar(select(SelfBillingAgreement))
    assert offer is not None
    await SelfBillingService(db).sign(money.provider.principal, offer.id, "Pat Provider")
    [bill] = await service.make(money.finance.principal, FEBRUARY, 7_500)
    assert (bill.total_pence, bill.self_billing_agreement_id) == (7_500, offer.id)


async def test_an_agreement_that_ended_or_has_another_vat_number_makes_no_bill(
    db: AsyncSession, clock: FixedClock
) -> None:
    money = await earned(db)
    service = SelfBillingService(db)
    offer = await service.offer(money.finance.principal, money.organisation.id)
    await service.sign(money.provider.principal, offer.id, "Pat Provider")
    assert (offer.starts_on, offer.ends_on) == (date(2027, 3, 3), date(2028, 3, 3))
    assert await footing(db, money) is Footing.LIVE
    money.organisation.vat_number = "GB999999999"
    await db.flush()
    assert await footing(db, money) is Footing.VAT_CHANGED
    assert await service.renew_due() == 1
    assert await count(db, "self_billing_agreements", "status = 'offered'") == 1
    again = await db.scalar(
        select(SelfBillingAgreement).where(SelfBillingAgreement.status == SelfBillingStatus.OFFERED)
    )
    assert again is not None
    await service.sign(money.provider.principal, again.id, "Pat Provider")
    assert (again.vat_number, offer.status, offer.end_reason) == (
        "GB999999999",
        SelfBillingStatus.ENDED,
        "A new agreement took its place",
    )
    clock.advance(timedelta(days=340))
    assert await service.renew_due() == 1
    clock.advance(timedelta(days=30))
    assert await footing(db, money) is Footing.ENDED
    await service.renew_due()
    await db.refresh(again)
    assert again.status is SelfBillingStatus.ENDED
    assert await service.live(money.council.id, money.organisation.id) is None


async def test_either_side_ends_it_once(db: AsyncSession) -> None:
    money = await earned(db)
    service = SelfBillingService(db)
    for who in (money.finance.principal, money.provider.principal):
        offer = await service.offer(money.finance.principal, money.organisation.id)
        await service.sign(money.provider.principal, offer.id, "Pat Provider")
        await service.end(who, offer.id, "We send invoices now")
        assert await footing(db, money) is Footing.ENDED
        with pytest.raises(StepRefused):
            await service.end(who, offer.id, "Again")


async def test_planners_and_strangers_do_not_sign(db: AsyncSession) -> None:
    money, other = await earned(db), await earned(db)
    service = SelfBillingService(db)
    offer = await service.offer(money.finance.principal, money.organisation.id)
    planner = await make_member(db, Role.PLANNER, money.council, organisation_id=money.organisation.id)
    with pytest.raises(Forbidden):
        await service.sign(planner.principal, offer.id, "P")
    with pytest.raises(NotFound):
        await service.sign(other.provider.principal, offer.id, "P")
    with pytest.raises(NotFound):
        await service.end(other.finance.principal, offer.id, "P")
    with pytest.raises(Forbidden):
        await service.offer(money.provider.principal, money.organisation.id)
    assert offer.status is SelfBillingStatus.OFFERED


@pytest.mark.parametrize("now", list(SelfBillingStatus))
@pytest.mark.parametrize("to", list(SelfBillingStatus))
async def test_an_agreement_takes_only_the_steps_of_its_life(
    db: AsyncSession, now: SelfBillingStatus, to: SelfBillingStatus
) -> None:
    row = SelfBillingAgreement(council_id=None, status=now)
    if SELF_BILLING.allows(now, to):
        assert to in SELF_BILLING.steps[now]
        return
    with pytest.raises(StepRefused):
        SELF_BILLING.move(db, row, to, by=None)


def test_months_later_keeps_within_the_month() -> None:
    assert months_later(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert months_later(date(2027, 12, 15), 12) == date(2028, 12, 15)
    assert months_later(date(2028, 2, 29), 12) == date(2029, 2, 28)


async def test_vat_counts_once_a_second_hand_agreed(db: AsyncSession) -> None:
    money, other = await earned(db, vat_number="GB123456789"), await earned(db, vat_number="GB1")
    for row in list(await db.scalars(select(VatTreatment))):
        await db.delete(row)
    await db.flush()
    service, council = VatService(db), money.council.id
    row = await service.state(money.provider.principal, council, EXEMPT)
    with pytest.raises(InvalidInput, match="from that day before"):
        await service.state(money.provider.principal, council, EXEMPT)
    with pytest.raises(NotFound):
        await service.state(other.provider.principal, council, EXEMPT)
    with pytest.raises(NotFound):
        await service.agree(other.finance.principal, row.id, "Seen")
    with pytest.raises(Forbidden):
        await service.agree(money.provider.principal, row.id, "Seen")
    [left] = await SelfBillService(db).preview(money.finance.principal, FEBRUARY)
    assert left.left_out
    await service.agree(money.finance.principal, row.id, "The register of charities")
    assert row.evidence == "Charity\nThe register of charities"
    with pytest.raises(Conflict):
        await service.turn_down(money.finance.principal, row.id, "Late")
    later = await service.state(
        money.provider.principal, council, VatForm(EXEMPT.service_line, VatCategory.STANDARD, "", "", date(2028, 1, 1))
    )
    assert later.rate == 2_000
    await service.turn_down(money.finance.principal, later.id, "No such change")
    assert await count(db, "vat_treatments") == 1


async def test_signing_in_the_browser(browser: Browser, db: AsyncSession) -> None:
    money = await earned(db)
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    organisation_id, council_id = money.organisation.id, money.council.id
    page = await finance.open("/self-billing")
    assert "There is no signed self-billing agreement" in page.words
    await finance.post(f"/self-billing/{organisation_id}/offer", {})
    assert "Asked to sign" in (await finance.open("/self-billing")).words
    await finance.post(f"/self-billing/{council_id}/offer", {}, expect=404)
    page = await provider.open("/provider/self-billing")
    path = page.link(r"^/provider/self-billing/[0-9a-f-]{36}$")
    page = await provider.open(path)
    page = await provider.post(f"{path}/sign", {"signed_name": ""}, expect=422)
    assert set(page.errors()) == {"signed_name", "confirmed"}
    page.check()
    for _ in range(2):
        await provider.post(f"{path}/sign", {"signed_name": "Zoë O’Neil", "confirmed": "yes", "form_id": "one"})
    assert "Zoë O’Neil" in (await provider.open(path)).words
    assert await count(db, "self_billing_agreements", "status = 'signed'") == 1
    assert "makes out your bills" in (await provider.post("/provider/invoices/new", DAYS, expect=409)).words
    await reload(db)
    page = await provider.post(f"{path}/end", {"reason": ""}, expect=422)
    assert set(page.errors()) == {"reason"}
    await provider.post(f"{path}/end", {"reason": "We send invoices"})
    assert await count(db, "self_billing_agreements", "status = 'ended'") == 1


DAYS = {
    "supplier_number": "A-1",
    "first_on-day": "1",
    "first_on-month": "2",
    "first_on-year": "2027",
    "last_on-day": "28",
    "last_on-month": "2",
    "last_on-year": "2027",
}


async def test_vat_in_the_browser(browser: Browser, db: AsyncSession) -> None:
    money = await earned(db, vat_number="GB123456789")
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    await provider.open("/provider/vat")
    page = await provider.post("/provider/vat", {"category": "exempt_welfare"}, expect=422)
    assert {"service_line", "reason", "evidence", "starts_on"} <= set(page.errors())
    page.check()
    form = {
        "service_line": "home_care",
        "category": "exempt_welfare",
        "reason": "Exempt: welfare",
        "evidence": "Registration",
        "starts_on-day": "1",
        "starts_on-month": "1",
        "starts_on-year": "2027",
    }
    await provider.post("/provider/vat", form)
    assert "Waits for finance" in (await provider.open("/provider/vat")).words
    page = await finance.open("/vat-treatments")
    row = await db.scalar(select(VatTreatment.id).where(VatTreatment.service_line == ServiceLine.HOME_CARE))
    page = await finance.post(f"/vat-treatments/{row}", {"outcome": "agree"}, expect=422)
    assert set(page.errors()) == {f"seen-{row}"}
    page.check()
    await finance.post(f"/vat-treatments/{row}", {"outcome": "agree", f"seen-{row}": "Looked at it"})
    assert await count(db, "vat_treatments", "agreed_at IS NOT NULL AND service_line = 'home_care'") == 1
    assert "Looked at it" in (await finance.open("/vat-treatments?show=all")).words
