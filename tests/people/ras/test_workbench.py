"""The workbench in the browser: a draft, its points and sample, proposing, publishing by another role (C4)."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.people.states import RasStatus
from tests.browser import Browser, Page, count, events
from tests.factories import Member, make_council, make_member
from tests.factories_ras import DOMAINS, make_ras_version

WORKED = "case,washing,people,previous_annual,age_band,care_group\n" + "".join(
    f"c{at},{'40,0' if at % 2 else '25,20'},4200,{'18-64' if at % 4 else '65 and over'},physical\n" for at in range(200)
)
SETTINGS = {
    "title": "Points from April",
    "budget": "10,000,000",
    "people": "2,000",
    "slice": "15",
    "slice_order": "first",
    "weeks": "52",
    "note": "",
}
DAY = {"starts_on-day": "1", "starts_on-month": "4", "starts_on-year": "2027"}


async def send(browser: Browser, path: str, content: str | bytes, expect: int = 303, **form: Any) -> Page:
    return await browser.post(path, form, expect=expect, files=[("sample", ("sample.csv", content, "text/csv"))])


async def two(db: AsyncSession) -> tuple[Member, Member]:
    manager = await make_member(db, Role.MANAGER, name="Mo Manager")
    return manager, await make_member(db, Role.FINANCE, manager.council, name="Fi Finance")


async def state(db: AsyncSession, version_id: Any) -> Any:
    question = text("SELECT * FROM ras_versions WHERE id = CAST(:id AS uuid)")
    return (await db.execute(question, {"id": str(version_id)})).one()


async def test_a_version_goes_from_a_first_draft_to_published_and_repeats_to_the_penny(
    browser: Browser, db: AsyncSession
) -> None:
    manager, finance = await two(db)
    at_work, in_finance = await browser.signed_in(manager), await browser.signed_in(finance)
    assert "No version is in force" in (await at_work.open("/ras")).words
    path = (await at_work.post("/ras/new")).location
    wanted = path.removeprefix("/ras/")
    first = await at_work.open(path)
    assert "Upload a sample of cases." in first.words
    refused = await at_work.post(f"{path}/propose", {"version": (await state(db, wanted)).version}, expect=422)
    assert "Enter the budget of a year." in refused.words

    form = await at_work.open(f"{path}/settings")
    await at_work.post(f"{path}/settings", {**SETTINGS, "version": form.field("version")})
    for key in [one["key"] for one in (await state(db, wanted)).domains][2:]:
        await at_work.post(f"{path}/domains/{key}", {"remove": "yes", "version": (await state(db, wanted)).version})
    for key, words in (("washing", "Washing"), ("eating", "People")):
        form = await at_work.open(f"{path}/domains/{key}")
        changed = {"label": words, "help": "", "place": "1", "version": form.field("version")}
        answers = {"answer_1": "On my own", "points_1": "0", "answer_2": "With help", "points_2": "40"}
        await at_work.post(f"{path}/domains/{key}", {**changed, **answers})
    sample = await at_work.open(f"{path}/sample")
    assert "case,eating,washing,previous_annual" in (await at_work.get(f"{path}/template.csv")).text
    await send(at_work, f"{path}/sample", WORKED.replace("people", "eating"), version=sample.field("version"))

    shown = await at_work.open(path)
    for words in ("£100.00", "42.5000", "£8,500,000.00", "£1,500,000.00", "200 anonymous cases", "65 and over"):
        assert words in shown.words, words
    tried = await at_work.open(f"{path}?mean=46")
    for words in ("£9,200,000.00", "£700,000.00", "46.7 per cent"):
        assert words in tried.words, words
    await at_work.open(f"{path}?mean=lots", expect=422)
    await at_work.post(f"{path}/propose", {"version": (await state(db, wanted)).version})
    version = (await state(db, wanted)).version
    await at_work.post(f"{path}/publish", {**DAY, "version": version}, expect=403)

    assert "Publish this version" in (await in_finance.open(path)).words
    late = {**DAY, "starts_on-year": "2026", "version": version}
    assert "today or later" in (await in_finance.post(f"{path}/publish", late, expect=422)).words
    await in_finance.post(f"{path}/publish", {**DAY, "version": version})
    row = await state(db, wanted)
    assert (row.status, len(row.fingerprint)) == ("published", 64)
    assert row.point_value_pence == 10_000
    again = await in_finance.open(f"{path}/rerun")
    assert "everything is the same, to the penny" in again.words
    assert row.fingerprint in again.words
    assert {"RasProposed", "RasPublished"} <= set(await events(db))
    for action in ("draft_ras", "change_ras", "change_ras_domains", "load_ras_sample", "propose_ras", "publish_ras"):
        assert await count(db, "audit_entries", f"action = 'people.{action}'"), action
    assert "c0,45,4500.00,86.54,4200.00,0.00" in (await in_finance.get(f"{path}/cases.csv")).text


async def test_the_next_version_ends_the_one_before_and_begins_as_its_copy(browser: Browser, db: AsyncSession) -> None:
    manager, finance = await two(db)
    old = (await make_ras_version(db, manager.council)).id
    at_work, in_finance = await browser.signed_in(manager), await browser.signed_in(finance)
    path = (await at_work.post("/ras/new", {"from": str(old)})).location
    wanted = path.removeprefix("/ras/")
    assert await count(db, "ras_cases", f"ras_version_id = '{wanted}'") == 200
    row = await state(db, wanted)
    assert (row.number, row.point_value_pence) == (2, 10_000)
    await at_work.post(f"{path}/propose", {"version": row.version})
    version = (await state(db, wanted)).version
    early = {"starts_on-day": "3", "starts_on-month": "3", "starts_on-year": "2027"}
    await in_finance.post(f"{path}/publish", {**early, "version": version})
    assert str((await state(db, old)).ends_on) == "2027-03-03"
    assert "until before 3 March 2027" in (await in_finance.open("/ras")).words


async def test_a_sample_with_wrong_rows_changes_nothing_and_names_each(browser: Browser, db: AsyncSession) -> None:
    manager, _ = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.DRAFT)
    path, version, wanted = f"/ras/{row.id}/sample", str(row.version), row.id
    at_work = await browser.signed_in(manager)
    for content, words in (
        (WORKED.replace("c3,40", "c3,-40").replace("c5,40,0", "c5,,0"), "“washing” has points below 0."),
        ("case,washing\nc1,5\n", "The file has no column for “Seeing people”"),
        ("case,washing,people\nc1,0,0\n", "All cases of the sample have 0 points"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        ("case,washing,people\n" + "".join(f"c{at},1,1\n" for at in range(5_001)), "more than 5,000 cases"),
    ):
        page = await send(at_work, path, content, 422, version=version)
        assert words in page.words, words
    assert "Choose the file" in (await at_work.post(path, {"version": version}, expect=422)).words
    assert await count(db, "ras_cases", f"ras_version_id = '{wanted}'") == 200
    assert (await state(db, wanted)).point_value_pence == 10_000


async def test_one_case_is_taken_and_cannot_be_proposed(browser: Browser, db: AsyncSession) -> None:
    manager, _ = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.DRAFT)
    path, version, wanted = f"/ras/{row.id}", str(row.version), row.id
    at_work = await browser.signed_in(manager)
    await send(at_work, f"{path}/sample", "case,washing,people\nc1,20,5\n", version=version)
    assert "The sample has 1 case." in (await at_work.open(path)).words
    await at_work.post(f"{path}/propose", {"version": (await state(db, wanted)).version}, expect=422)
    assert (await state(db, wanted)).status == "draft"
    assert await events(db) == []


async def test_a_sample_of_answers_follows_the_points(browser: Browser, db: AsyncSession) -> None:
    manager, _ = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.DRAFT)
    path, version, wanted = f"/ras/{row.id}", str(row.version), row.id
    at_work = await browser.signed_in(manager)
    rows = "".join(f"c{at},{'much' if at % 2 else 'some'},rarely\n" for at in range(40))
    await send(at_work, f"{path}/sample", f"case,washing,people\n{rows}", version=version)
    assert (await state(db, wanted)).mean_points == 50
    answers = {}
    for number, answer in enumerate(DOMAINS[0]["answers"], start=1):
        answers |= {f"answer_{number}": answer["label"], f"key_{number}": answer["key"]}
    form = {"label": "Washing", "help": "", "place": "1", **answers}
    points = {"points_1": "0", "points_2": "10", "points_3": "50"}
    await at_work.post(f"{path}/domains/washing", {**form, **points, "version": (await state(db, wanted)).version})
    assert (await state(db, wanted)).mean_points == 50
    points["points_3"] = "70"
    await at_work.post(f"{path}/domains/washing", {**form, **points, "version": (await state(db, wanted)).version})
    assert (await state(db, wanted)).mean_points == 60
    # An answer that cases gave cannot go.
    form["answer_3"] = points["points_3"] = ""
    lost = {**form, **points, "version": (await state(db, wanted)).version}
    page = await at_work.post(f"{path}/domains/washing", lost, expect=422)
    assert "20 cases of the sample gave an answer that is no longer here" in page.words


async def test_wrong_settings_and_domains_keep_what_was_typed(browser: Browser, db: AsyncSession) -> None:
    manager, _ = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.DRAFT)
    path, version = f"/ras/{row.id}", row.version
    at_work = await browser.signed_in(manager)
    wrong = {"budget": "a lot", "people": "0", "slice": "100", "slice_order": "never", "weeks": "", "version": version}
    page = await at_work.post(f"{path}/settings", wrong, expect=422)
    assert set(page.errors()) == {"title", "budget", "people", "slice", "slice_order", "weeks"}
    assert page.field("budget") == "a lot"
    wrong = {"label": "Seeing people", "place": "1", "answer_1": "A", "points_1": "-4", "version": version}
    page = await at_work.post(f"{path}/domains/washing", wrong, expect=422)
    assert {"points_1", "answer_1"} <= set(page.errors())
    right = {**wrong, "points_1": "0", "answer_2": "B", "points_2": "3"}
    page = await at_work.post(f"{path}/domains/washing", right, expect=422)
    assert page.errors()["label"] == "Another domain has this name"
    await at_work.post(f"{path}/domains/gone", right, expect=404)
    assert (await at_work.open(f"{path}/domains/new")).heading == "Add a domain"


async def test_two_who_change_one_draft_are_told(browser: Browser, db: AsyncSession) -> None:
    manager, _ = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.DRAFT)
    path, version, wanted = f"/ras/{row.id}", row.version, row.id
    at_work = await browser.signed_in(manager)
    await at_work.post(f"{path}/settings", {**SETTINGS, "version": version})
    page = await at_work.post(f"{path}/settings", {**SETTINGS, "title": "Other", "version": version}, expect=409)
    assert "Somebody else has changed this version" in page.words
    assert (await state(db, wanted)).title == "Points from April"


async def test_nobody_publishes_what_they_made_or_proposed(browser: Browser, db: AsyncSession) -> None:
    _, finance = await two(db)
    row = await make_ras_version(
        db, finance.council, status=RasStatus.PROPOSED, proposed_by_user_id=finance.user.id, starts_on=None
    )
    path, version, wanted = f"/ras/{row.id}", row.version, row.id
    in_finance = await browser.signed_in(finance)
    assert "somebody else must publish it" in (await in_finance.open(path)).words
    page = await in_finance.post(f"{path}/publish", {**DAY, "version": version}, expect=409)
    assert "Somebody else must publish" in page.words
    assert (await state(db, wanted)).status == "proposed"
    assert await events(db) == []


async def test_a_proposal_goes_back_and_a_draft_is_given_up_with_a_reason(browser: Browser, db: AsyncSession) -> None:
    manager, finance = await two(db)
    row = await make_ras_version(db, manager.council, status=RasStatus.PROPOSED, starts_on=None)
    path, version, wanted = f"/ras/{row.id}", row.version, row.id
    at_work, in_finance = await browser.signed_in(manager), await browser.signed_in(finance)
    await in_finance.post(f"{path}/send-back", {"reason": "", "version": version}, expect=422)
    await in_finance.post(f"{path}/send-back", {"reason": "The budget is last year's", "version": version})
    assert (await state(db, wanted)).status == "draft"
    await at_work.post(f"{path}/withdraw", {"reason": "No longer needed", "version": (await state(db, wanted)).version})
    assert (await state(db, wanted)).status == "withdrawn"
    assert "Given up" in (await at_work.open(path)).words
    await at_work.post(f"{path}/settings", {**SETTINGS, "version": (await state(db, wanted)).version}, expect=409)
    for form in ("settings", "sample", "domains/washing"):
        assert "can no longer be changed" in (await at_work.open(f"{path}/{form}", expect=409)).words


async def test_another_council_and_other_roles_see_nothing(browser: Browser, db: AsyncSession) -> None:
    row = await make_ras_version(db, await make_council(db))
    wanted = row.id
    stranger = await browser.signed_in(await make_member(db, Role.MANAGER))
    for path in ("", "/settings", "/sample", "/domains/washing", "/cases.csv", "/rerun", "/template.csv"):
        await stranger.get(f"/ras/{wanted}{path}", expect=404)
    for path in ("/settings", "/domains/washing", "/propose", "/send-back", "/withdraw"):
        await stranger.post(f"/ras/{wanted}{path}", {}, expect=404)
    await send(stranger, f"/ras/{wanted}/sample", WORKED, 404, version="1")
    await stranger.get("/ras/nonsense", expect=404)
    await (await browser.signed_in(await make_member(db, Role.BROKER))).get("/ras", expect=403)
