"""Fair choice records: kept as found, locked, checked by their hash."""

import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of, scope_to
from marketplace.core.ids import new_id
from marketplace.providers.models import ChoiceRecord
from marketplace.providers.service.choice_records import content_hash, holds_nhs_number
from tests.browser import Browser, count
from tests.factories import Member, make_council, make_listing, make_member, make_organisation
from tests.factories_market import make_location, make_postcode, open_index, searching

QUESTION = {"postcode": "PR1 2HE", "radius_miles": "25"}
FORM = {"question": urlencode(QUESTION), "reference": "R-2027-0153", "purpose": "Help on weekday mornings"}


@pytest.fixture
async def broker(db: Any) -> Member:
    """A broker."""
    await make_postcode(db)
    return await make_member(db, Role.BROKER, await make_council(db), name="Bea Broker")


@pytest.fixture
async def desk(browser: Browser, db: Any, broker: Member, maker: Any, settings: Any, tmp_path: Path) -> Browser:
    """The broker's browser, on a market with an assistant and an agency."""
    organisation = await make_organisation(db, name="=Kestrel Support")
    await make_listing(db, organisation, title="Company on match days", price_pence=1_840)
    await make_location(db, name="Ribble Home Care")
    site = await searching(browser, maker, settings, open_index(tmp_path))
    await scope_to(db, "every")
    return await site.signed_in(broker)


async def test_every_result_is_kept_in_order_with_why(desk: Browser, db: Any) -> None:
    page = await desk.open(f"/choice-records/new?{urlencode(QUESTION)}")
    assert "2, all of them are kept" in page.words
    assert page.field("question") == FORM["question"]
    address = (await desk.post("/choice-records", FORM)).location
    page = await desk.open(address)
    for words in ("R-2027-0153", "Help on weekday mornings", "Bea Broker", "near PR1 2HE (25 miles)", "tantivy",
                  "£18.40 an hour", "Good", "Wednesday 3 March 2027 at 10am",
                  "The record and its hash agree"):  # fmt: skip
        assert words in page.words
    row = await db.scalar(select(ChoiceRecord))
    assert [result["position"] for result in row.results] == [1, 2]
    assert {result["name"] for result in row.results} == {"Company on match days", "Ribble Home Care"}
    assert all("under 1 mile away" in result["why"] for result in row.results)
    assert (row.total, row.engine) == (2, "tantivy")
    assert row.question == {"postcode": ["PR1 2HE"], "radius_miles": ["25"]}


async def test_while_there_is_no_index_the_record_says_so(browser: Browser, db: Any, broker: Member) -> None:
    await make_listing(db, await make_organisation(db), title="Company on match days")
    desk = await browser.signed_in(broker)
    await desk.post("/choice-records", FORM)
    assert await db.scalar(select(ChoiceRecord.engine)) == "postgresql"


async def test_sent_twice_it_is_kept_once(desk: Browser, db: Any) -> None:
    form = {**FORM, "form_id": "d" * 32}
    assert (await desk.post("/choice-records", form)).location == (await desk.post("/choice-records", form)).location
    assert await count(db, "choice_records") == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reference": ""}, "reference"),
        ({"reference": "Margaret Hughes"}, "reference"),
        ({"reference": "m.hughes@example.com"}, "reference"),
        ({"reference": "943 476 5919"}, "reference"),
        ({"purpose": "For NHS 9434765919, mornings"}, "purpose"),
        ({"purpose": "Ask margaret@example.com"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "x" * 501}, "purpose"),
    ],
)
async def test_a_record_is_of_a_case_not_of_a_person(desk: Browser, db: Any, given: dict[str, str], field: str) -> None:
    page = await desk.post("/choice-records", {**FORM, **given}, expect=422)
    assert field in page.errors()
    assert [await count(db, table) for table in ("choice_records", "idempotency_keys")] == [0, 0]
    assert await count(db, "audit_entries", "action LIKE 'providers.%'") == 0


async def test_a_question_the_market_refuses_is_refused(desk: Browser, db: Any) -> None:
    await desk.get("/choice-records/new?radius_miles=0", expect=422)
    await desk.post("/choice-records", {**FORM, "question": "radius_miles=0"}, expect=422)
    assert await count(db, "choice_records") == 0


async def test_the_database_lets_nobody_change_or_delete_a_record(desk: Browser, db: Any) -> None:
    await desk.post("/choice-records", FORM)
    for statement in (
        "UPDATE choice_records SET purpose = 'another'",
        "DELETE FROM choice_records",
        "TRUNCATE choice_records",
    ):
        with pytest.raises(DBAPIError):
            async with db.begin_nested():
                await db.execute(text(statement))
    assert await count(db, "choice_records", "purpose = 'Help on weekday mornings'") == 1


async def test_a_record_that_was_changed_is_found_out(desk: Browser, db: Any, broker: Member) -> None:
    row = ChoiceRecord(
        id=new_id(), council_id=broker.council.id, reference="R-1", purpose="Mornings", question={}, results=[],
        total=0, engine="tantivy", made_by_user_id=broker.user.id, made_at=clock_of(db).now(),
    )  # fmt: skip
    row.content_hash = content_hash(row)
    row.total = 1
    row_id = row.id
    db.add(row)
    page = await desk.open(f"/choice-records/{row_id}")
    assert "does not agree with its own hash" in page.words


async def test_a_print_is_checked_by_its_hash(desk: Browser, db: Any) -> None:
    address = (await desk.post("/choice-records", FORM)).location
    digits = (await db.scalar(select(ChoiceRecord.content_hash))).hex()
    shown = " ".join(digits[at : at + 8] for at in range(0, 64, 8))
    assert shown in (await desk.open(address)).words
    assert "is the hash of this record" in (await desk.open(f"{address}?{urlencode({'hash': shown})}")).words
    for wrong in (digits[:-1], "é" * 64, "0" * 64):
        assert "is not the hash of this record" in (await desk.open(f"{address}?{urlencode({'hash': wrong})}")).words


async def test_the_results_download_without_formulas(desk: Browser, db: Any) -> None:
    address = (await desk.post("/choice-records", FORM)).location
    page = await desk.get(f"{address}/results.csv")
    assert page.response.headers["content-disposition"].startswith('attachment; filename="choice-record-2027-03-03-')
    rows = list(csv.DictReader(io.StringIO(page.response.content.decode("utf-8-sig"))))
    assert [row["Position"] for row in rows] == ["1", "2"]
    assert {row["Provider"] for row in rows} == {"'=Kestrel Support", "Ribble Care Limited"}


async def test_records_are_the_councils_own(browser: Browser, desk: Browser, db: Any, broker: Member) -> None:
    colleague = await browser.signed_in(await make_member(db, Role.MANAGER, broker.council))
    stranger = await browser.signed_in(await make_member(db, Role.BROKER))
    address = (await desk.post("/choice-records", FORM)).location
    assert "R-2027-0153" in (await colleague.open("/choice-records")).words
    await colleague.open(address)
    assert "No records yet" in (await stranger.open("/choice-records")).words
    for path in ("", "/results.csv"):
        await stranger.get(address + path, expect=404)


async def test_records_are_paged_by_key(desk: Browser, db: Any, broker: Member) -> None:
    for number in range(31):
        row = ChoiceRecord(
            id=new_id(), council_id=broker.council.id, reference=f"R-{number}", purpose="Mornings", question={},
            results=[], total=0, engine="tantivy", made_by_user_id=broker.user.id, made_at=clock_of(db).now(),
        )  # fmt: skip
        row.content_hash = content_hash(row)
        db.add(row)
    page = await desk.open("/choice-records")
    assert "R-30," in page.words
    assert "R-0," not in page.words
    page = await desk.open(page.link("before="))
    assert "R-0," in page.words
    assert "R-1," not in page.words
    for wrong in ("x", "9" * 30 + "_" + str(new_id()), "1_x", "-1_" + str(new_id())):
        await desk.get(f"/choice-records?before={wrong}", expect=400)


def test_nhs_numbers_are_known_by_their_check_digit() -> None:
    assert holds_nhs_number("9434765919")
    assert holds_nhs_number("see 943-476-5919.")
    assert not holds_nhs_number("9434765918")
    assert not holds_nhs_number("R-20270153")
    assert not holds_nhs_number("12345678901")
