"""Pages of suppliers' invoices and of finance: the whole way of a file, with and without mistakes (C6, V12)."""

import re
from datetime import date, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.payments import tasks_invoices  # noqa: F401 - registers the tasks
from marketplace.payments.models import InvoiceLine
from marketplace.payments.service.invoices import InvoiceService
from tests.browser import Browser, Page, count
from tests.factories import make_member
from tests.factories_invoices import file_of, make_supply, row_of
from tests.factories_payments import FEBRUARY, handled
from tests.payments.test_self_billing import DAYS

ROWS = {"visit_on": date(2027, 2, 11)}


async def upload(browser: Browser, body: bytes, name: str = "visits.csv", expect: int = 303, **form: str) -> Page:
    """Send a file as a browser does."""
    token = {"form_id": form.pop("form_id", name), **form}
    return await browser.post("/provider/invoices/upload", token, files={"file": (name, body)}, expect=expect)


async def test_a_file_from_upload_to_approval(browser: Browser, db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}, ROWS])
    body = file_of(
        row_of(supply, invoice_number="Zoë-1"),
        row_of(supply, invoice_number="Zoë-1", start_time="18:00", amount_pounds="25.00"),
        row_of(supply, invoice_number="Zoë-1", minutes="-60"),
        encoding="cp1252",
    )
    provider, finance = await browser.signed_in(supply.provider), await browser.signed_in(supply.finance)
    council_id = supply.money.council.id
    page = await provider.open("/provider/invoices")
    assert "No invoices yet" in page.words
    page = await provider.open(page.link("upload$"))
    template = await provider.get(page.link("template"))
    assert template.text.lstrip("\ufeff").startswith("invoice_number,person_reference,visit_date")
    assert len(template.text.splitlines()) == 4
    page = await upload(provider, b"", expect=422)
    assert "Choose a file" in page.errors()["file"]
    page = await upload(provider, b"a,b\n1,2", name="bad.csv", expect=422)
    assert "no column for" in page.errors()["file"]
    page.check()
    for _ in range(2):
        path = (await upload(provider, body)).location
    assert await count(db, "invoice_batches") == 1
    page = await provider.open(path)
    assert "The price is above what was agreed" in page.words
    assert "Minutes must be a whole number from 1 to 1440" in page.words
    assert "Files you have not sent yet" in (await provider.open("/provider/invoices")).words
    for _ in range(2):
        assert (await provider.post(f"{path}/send", {"form_id": "send"})).location == "/provider/invoices"
    assert await count(db, "invoices", "number = 'PI-000001'") == 1
    page = await provider.open("/provider/invoices")
    assert "Zoë-1" in page.words
    own = page.link(r"^/provider/invoices/[0-9a-f-]{36}$")
    page = await provider.open(own)
    assert page.heading == "Invoice Zoë-1"
    line = page.link(r"/provider/invoices/lines/")

    page = await finance.open("/invoices")
    assert "PI-000001" in page.words
    path = page.link(r"^/invoices/[0-9a-f-]{36}$")
    page = await finance.open(path)
    await finance.open(f"{path}?only=held")
    page = await finance.open("/held-lines")
    assert "1 line" in page.words
    held = page.link(r"^/held-lines/[0-9a-f-]{36}$")
    await finance.open(held)
    page = await finance.post(held, {"outcome": "refuse"}, expect=422)
    assert set(page.errors()) == {"words"}
    page.check()
    await finance.post(f"{path}/approve", {})
    assert await count(db, "payables", "amount_pence = 1800") == 1

    page = await provider.open(line)
    assert page.field("amount_pounds") == "25.00"
    correct = {"person_reference": "", "minutes": "x", "amount_pounds": "-1"}
    page = await provider.post(f"{line}/correct", correct, expect=422)
    assert {"person_reference", "minutes", "amount_pounds", "visit_date", "start_time"} == set(page.errors())
    page.check()
    page = await provider.post(f"{line}/answer", {"answer": ""}, expect=422)
    assert set(page.errors()) == {"answer"}
    await provider.post(f"{line}/answer", {"answer": "Two workers came"})
    assert "Two workers came" in (await finance.open(held)).words
    assert "Answered" in (await finance.open("/held-lines")).words
    await finance.post(held, {"outcome": "agree", "words": "As approved"})
    assert await count(db, "payables", "amount_pence = 1800") == 2
    assert "no longer on hold" in (await provider.open(line)).words
    assert "No line is on hold" in (await finance.open("/held-lines")).words

    messages = [item for item in await outbox.relay(db) if item.task.startswith("payments.tell")]
    for message in [*messages, *messages]:
        await handled(db, message)
    # The receipt, finance's notice and the end of the hold; the hold itself had ended before anybody was told.
    assert await count(db, "messages", f"council_id = '{council_id}'") == 3


async def test_an_invoice_of_what_was_approved_in_the_browser(browser: Browser, db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    await supply.visit(db, earns=False, visit_on=date(2027, 2, 12), status="claimed")
    provider = await browser.signed_in(supply.provider)
    page = await provider.open("/provider/invoices/new")
    page = await provider.post(
        "/provider/invoices/new", {**DAYS, "supplier_number": "", "first_on-day": ""}, expect=422
    )
    assert set(page.errors()) == {"supplier_number", "first_on"}
    page.check()
    page = await provider.post("/provider/invoices/new", DAYS, expect=200)
    page.check()
    assert "£36.00" in page.words
    assert "Delivered and not approved yet" in page.words
    page = await provider.post("/provider/invoices", {**DAYS, "expected_pence": "1"}, expect=422)
    assert "changed since you looked" in page.errors()["first_on"]
    form = {**DAYS, "expected_pence": "3600", "form_id": "once"}
    paths = {(await provider.post("/provider/invoices", form)).location for _ in range(2)}
    assert len(paths) == 1
    assert await count(db, "invoices") == 1
    [path] = paths
    page = await provider.open(path)
    page = await provider.open(page.link("/credit$"))
    page = await provider.post(f"{path}/credit", {}, expect=422)
    assert {"supplier_number", "reason", "lines"} == set(page.errors())
    page.check()
    form = {"supplier_number": "C-1", "reason": "Sent twice", "pounds-1": "18.01"}
    page = await provider.post(f"{path}/credit", form, expect=422)
    assert "At most £18.00" in page.errors()["pounds-1"]
    note = (await provider.post(f"{path}/credit", {**form, "pounds-1": "18.00"})).location
    assert "Takes back" in (await provider.open(note)).words


async def test_lines_are_held_in_two_clicks_and_bills_taken_back(browser: Browser, db: AsyncSession) -> None:
    supply = await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    council = supply.money.council.id
    invoice = await InvoiceService(db).send_delivered(supply.provider.principal, council, FEBRUARY, "A-1")
    finance = await browser.signed_in(supply.finance)
    path = f"/invoices/{invoice.id}"
    page = await finance.open(path)
    page = await finance.post(f"{path}/hold-lines", {}, expect=422)
    assert set(page.errors()) == {"lines", "reason_code"}
    page.check()
    lines = [str(row) for row in await db.scalars(select(InvoiceLine.id).order_by(InvoiceLine.position))]
    form = {"lines": lines[:1], "reason_code": "queried", "words": ""}
    page = await finance.post(f"{path}/hold-lines", form, expect=422)
    assert set(page.errors()) == {"words"}
    await finance.post(f"{path}/hold-lines", {**form, "words": "Which visit is this?"})
    assert await count(db, "invoice_lines", "status = 'held'") == 1
    assert "Which visit is this?" in (await finance.open("/held-lines?reason=queried")).words
    assert "No line is on hold for this reason" in (await finance.open("/held-lines?reason=future")).words
    page = await finance.post(f"{path}/refuse", {"reason": ""}, expect=422)
    assert set(page.errors()) == {"reason"}
    await finance.post(f"{path}/refuse", {"reason": "Made out to another council"})
    assert "Refused" in (await finance.open(path)).words
    assert await count(db, "accruals", "invoice_id IS NULL") == 2
    await finance.post(f"{path}/approve", {}, expect=409)


async def test_lists_are_paged_and_searched(browser: Browser, db: AsyncSession) -> None:
    supply = await make_supply(db)
    days = [date(2027, 1, 4) + timedelta(days=number) for number in range(55)]
    await supply.visits(db, [{"visit_on": day} for day in days])
    body = file_of(
        *(row_of(supply, invoice_number=f"N-{n:02}", visit_date=f"{day:%d/%m/%Y}") for n, day in enumerate(days))
    )
    bad = file_of(*(row_of(supply, invoice_number="X", person_reference=f"SA-9{n:04}") for n in range(60)))
    service, principal = InvoiceService(db), supply.provider.principal
    for content in (body, bad):
        batch = await service.check_file(principal, supply.money.council.id, "x.csv", content)
        if content == body:
            await service.send_file(principal, batch.id)
    batch_id = batch.id
    provider, finance = await browser.signed_in(supply.provider), await browser.signed_in(supply.finance)
    for browser_of, path in ((finance, "/invoices"), (provider, "/provider/invoices")):
        first = await browser_of.open(path)
        second = await browser_of.open(first.link("before="))
        seen = [set(re.findall(r"N-\d\d", page.words)) for page in (first, second)]
        assert (len(seen[0]), len(seen[1]), seen[0] & seen[1]) == (50, 5, set())
    assert "N-07" in (await finance.open("/invoices?q=n-07&kind=provider_invoice&status=issued")).words
    assert "No bill fits" in (await finance.open("/invoices?q=7_")).words
    await finance.get("/invoices?before=2027-01-01.x", expect=400)
    await finance.get("/held-lines?after=x~y", expect=400)
    first = await provider.open(f"/provider/invoices/files/{batch_id}")
    second = await provider.open(first.link("after="))
    assert "SA-90055" in second.words
    assert "SA-90000" not in second.words
    await provider.get(f"/provider/invoices/files/{batch_id}?after=x", expect=400)
    await provider.post(f"/provider/invoices/files/{batch_id}/send", {})
    first = await finance.open("/held-lines")
    assert "60 lines" in first.words
    await finance.open(first.link("after="))


async def test_pages_stay_with_who_may_see_them(browser: Browser, db: AsyncSession) -> None:
    supply, other = await make_supply(db), await make_supply(db)
    await supply.visits(db, [{}, {"starts_local": time(18)}])
    body = file_of(row_of(supply), row_of(supply, start_time="18:00", minutes=120))
    service = InvoiceService(db)
    batch = await service.check_file(supply.provider.principal, supply.money.council.id, "x.csv", body)
    [invoice] = await service.send_file(supply.provider.principal, batch.id)
    invoice_id, batch_id = invoice.id, batch.id
    line_id = await db.scalar(select(InvoiceLine.id).where(InvoiceLine.status == "held"))
    manager = await make_member(db, Role.MANAGER, supply.money.council)
    members = {
        "stranger": other.finance,
        "rival": other.provider,
        "own": supply.provider,
        "manager": manager,
        "person": await make_member(db, Role.PERSON, supply.money.council),
    }
    browsers = {name: await browser.signed_in(member) for name, member in members.items()}
    for path in (f"/invoices/{invoice_id}", f"/held-lines/{line_id}"):
        await browsers["stranger"].get(path, expect=404)
        await browsers["own"].get(path, expect=403)
        await browsers["person"].get(path, expect=403)
        await browsers["manager"].open(path)
    for step in ("approve", "hold-lines", "refuse", "credit"):
        form = {"reason": "x", "lines": str(line_id), "reason_code": "queried", "words": "x", "whole": "yes"}
        await browsers["stranger"].post(f"/invoices/{invoice_id}/{step}", form, expect=404)
        await browsers["manager"].post(f"/invoices/{invoice_id}/{step}", form, expect=403)
    for path in (
        f"/provider/invoices/{invoice_id}",
        f"/provider/invoices/{invoice_id}/credit",
        f"/provider/invoices/files/{batch_id}",
        f"/provider/invoices/lines/{line_id}",
    ):
        await browsers["rival"].get(path, expect=404)
        await browsers["person"].get(path, expect=403)
        await browsers["own"].open(path)
    await browsers["rival"].post(f"/provider/invoices/lines/{line_id}/answer", {"answer": "x"}, expect=404)
    await browsers["rival"].post(f"/provider/invoices/files/{batch_id}/drop", {}, expect=404)
    assert await count(db, "invoices", "status = 'issued'") == 1
