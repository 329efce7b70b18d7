"""The ready reckoner: for everybody, without an account, and nothing is kept (T12)."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from tests.browser import Browser, count
from tests.factories import make_council
from tests.factories_ras import make_ras_version


async def test_a_visitor_sees_what_points_come_to_and_nothing_is_kept(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db, slug="pointshire", name="Pointshire Council")
    await make_ras_version(db, council)
    index = await browser.open("/ready-reckoner")
    assert "Pointshire Council" in index.words
    path = index.link("/ready-reckoner/.+")
    form = await browser.open(path)
    assert "Washing and dressing" in form.words
    tables = ("audit_entries", "idempotency_keys", "outbox_messages", "assessments", "budgets")
    before = {table: await count(db, table) for table in tables}
    page = await browser.post(path, {"answer-washing": "much", "answer-people": "rarely"}, expect=200)
    page.check()
    for words in ("£115.38 a week", "£6,000.00 a year", "60 points", "£100.00"):
        assert words in page.words, words
    assert {table: await count(db, table) for table in before} == before
    assert page.response.headers["cache-control"] == "private, no-store"


async def test_missing_and_strange_answers_are_named_and_the_others_kept(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db, slug="pointshire")
    await make_ras_version(db, council)
    wrong = {"answer-washing": "<script>", "answer-extra": "x"}
    page = await browser.post("/ready-reckoner/pointshire", wrong, expect=422)
    assert set(page.errors()) == {"answer-washing", "answer-people"}
    page = await browser.post("/ready-reckoner/pointshire", {"answer-washing": "some"}, expect=422)
    assert page.errors() == {"answer-people": "Select an answer for “Seeing people”"}


async def test_a_council_without_a_version_in_force_is_not_there(browser: Browser, db: AsyncSession) -> None:
    later = await make_council(db, slug="later")
    await make_ras_version(db, later, starts_on=date(2027, 4, 1))
    await make_council(db, slug="never")
    assert "No council shows this yet" in (await browser.open("/ready-reckoner")).words
    for slug in ("later", "never", "nowhere"):
        await browser.get(f"/ready-reckoner/{slug}", expect=404)
        await browser.post(f"/ready-reckoner/{slug}", {}, expect=404)
