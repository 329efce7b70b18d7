"""Documents as files: whoever is a side of them may take them away, nobody else; the command writes every one."""

from typing import Any

import pytest
from lxml import etree
from sqlalchemy import select, update

from marketplace.payments.documents.content import DocumentRefused
from marketplace.payments.models import InvoiceLine, PaymentRunLine
from marketplace.payments.service.documents import DocumentFormat, DocumentService
from marketplace.payments.service.runs import PaymentRunService
from marketplace.providers.models import VatCategory
from tests.browser import Browser
from tests.factories_payments import make_money
from tests.payments.test_documents import CAC, CBC


@pytest.mark.parametrize(("file_format", "starts"), [("pdf", b"%PDF"), ("csv", b"document,"), ("ubl", b"<?xml")])
async def test_both_sides_take_a_bill_away(browser: Browser, db: Any, file_format: str, starts: bytes) -> None:
    money = await make_money(db)
    bill = await money.bill(db, 7_500, 45_000)
    bill_id = bill.id
    finance, provider = await browser.signed_in(money.finance), await browser.signed_in(money.provider)
    for_council = await finance.get(f"/documents/{bill_id}/{file_format}")
    own = await provider.get(f"/earnings/documents/{bill_id}/{file_format}")
    assert for_council.response.content.startswith(starts)
    assert own.response.content == for_council.response.content
    assert "SB-000001" in own.response.headers["content-disposition"]


async def test_nobody_else_gets_it(browser: Browser, db: Any) -> None:
    money, other = await make_money(db), await make_money(db)
    bill_id = (await money.bill(db)).id
    stranger, rival = await browser.signed_in(other.finance), await browser.signed_in(other.provider)
    own = await browser.signed_in(money.provider)
    await stranger.get(f"/documents/{bill_id}/pdf", expect=404)
    await rival.get(f"/earnings/documents/{bill_id}/pdf", expect=404)
    await own.get(f"/documents/{bill_id}/pdf", expect=403)
    await own.get(f"/earnings/documents/{bill_id}/doc", expect=404)
    await own.get("/earnings/documents/none/pdf", expect=404)


async def test_a_payment_says_what_it_is_for_once_it_was_released(browser: Browser, db: Any) -> None:
    money = await make_money(db)
    run = await money.run(db)
    line_id = await db.scalar(select(PaymentRunLine.id).where(PaymentRunLine.run_id == run.id))
    run_id = run.id
    provider, finance = await browser.signed_in(money.provider), await browser.signed_in(money.finance)
    checker = money.checker.principal
    await provider.get(f"/earnings/documents/remittances/{line_id}/ubl", expect=404)
    await PaymentRunService(db).release(checker, run_id)
    root = etree.fromstring((await provider.get(f"/earnings/documents/remittances/{line_id}/ubl")).response.content)
    assert root.findtext(f"{CBC}TotalPaymentAmount") == "75.00"
    assert root.findtext(f".//{CAC}InvoiceDocumentReference/{CBC}ID") == "SB-000001"
    words = (await finance.get(f"/documents/remittances/{line_id}/csv")).text
    assert "38290008" not in words
    assert "75.00" in words


async def test_the_sides_stay_as_they_were_when_the_bill_was_made(db: Any) -> None:
    money = await make_money(db)
    bill = await money.bill(db)
    name = money.organisation.name
    money.organisation.name = "Renamed since"
    await db.flush()
    document = await DocumentService(db).of(bill)
    assert document.supplier.name == name


async def test_the_export_gives_every_document_and_says_what_it_cannot_write(db: Any) -> None:
    money = await make_money(db)
    await money.released(db)
    service, council_id = DocumentService(db), money.council.id
    found = [one async for one in service.every(council_id, DocumentFormat.UBL)]
    assert [getattr(one, "name", "") for one in found] == ["SB-000001.xml", "PR-000001-1.xml"]
    assert await service.documents.counts(council_id) == 2
    await db.execute(update(InvoiceLine).values(vat_category=VatCategory.EXEMPT_OTHER))
    again = [one async for one in service.every(council_id, DocumentFormat.UBL)]
    assert isinstance(again[0], DocumentRefused)
    assert len(again) == 2
