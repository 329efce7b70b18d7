"""The exchange with the case system: files in, row by row and again; plans and outcomes out; published schemas."""

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountService, set_setting
from marketplace.accounts.models import AuditEntry
from marketplace.accounts.permissions import Role
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.core.textfiles import UnreadableFile
from marketplace.matching.models import Referral
from marketplace.matching.states import ReferralStatus
from marketplace.people.models import Budget, Person, PersonStage
from marketplace.plans import tasks_exchange
from marketplace.plans.exchange_layout import schema
from marketplace.plans.models import ExchangeRun, OutcomeResult, Progress
from marketplace.plans.repository.exchange import ExchangeRepository
from marketplace.plans.service.exchange import ExchangeService
from marketplace.plans.service.exchange_out import ExportService
from marketplace.plans.states import PlanStatus
from tests.browser import Browser, count
from tests.factories import START, Member, make_council, make_member
from tests.factories_brokerage import make_broker, make_postcode
from tests.factories_plans import make_plan, make_plan_world, make_review

assert tasks_exchange
ROW = {
    "person_reference": "CS-1",
    "given_name": "Grace",
    "family_name": "Hopper",
    "born_on": "1946-12-09",
    "postcode": "pr1 2he",
    "needs": ["older", "dementia"],
    "referral_reference": "REF-1",
    "wants": "To see my friends",
    "person_informed": "yes",
    "indicative_weekly_pounds": "150.00",
}


def as_csv(*rows: dict[str, Any]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        cells = [row.get(name, "") for name in names]
        writer.writerow([";".join(cell) if isinstance(cell, list) else cell for cell in cells])
    return out.getvalue().encode()


def as_json(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"referrals": rows}).encode()


async def take(db: AsyncSession, broker: Member, content: bytes) -> Any:
    return await ExchangeService(db).take(broker.principal, "file", content)


async def drain(db: AsyncSession, *, times: int = 2) -> None:
    """Take the files that wait, each message as often as a queue might bring it."""
    await db.flush()
    for delivery in await outbox.relay(db):
        if delivery.task == "plans.take_exchange":
            for _ in range(times):
                await deliver(delivery)
    await scope_to(db, "every")
    assert list(await db.scalars(text("SELECT error FROM outbox_deliveries WHERE error IS NOT NULL"))) == []


def figures(run: Any) -> tuple[int, int, int, int, int]:
    return run.rows, run.created, run.updated, run.unchanged, run.refused


@pytest.mark.parametrize("write", [as_csv, as_json])
async def test_a_file_brings_people_referrals_and_budgets_and_may_be_sent_again(db: AsyncSession, write: Any) -> None:
    await make_postcode(db)
    broker = await make_broker(db)
    other = {**ROW, "person_reference": "CS-2", "referral_reference": "REF-2", "given_name": "Ann"}
    content = write(ROW, other)
    assert figures(await take(db, broker, content)) == (2, 2, 0, 0, 0)
    person = (await db.scalars(select(Person).where(Person.reference == "CS-1"))).one()
    assert (person.name, person.born_on, person.lad_code) == ("Grace Hopper", date(1946, 12, 9), "E07000123")
    referral = (await db.scalars(select(Referral).where(Referral.reference == "REF-1"))).one()
    assert (referral.person_id, referral.status, referral.indicative_weekly_pence) == (
        person.id,
        ReferralStatus.RECEIVED,
        15_000,
    )
    budgets = (await db.scalars(select(Budget).where(Budget.person_id == person.id))).all()
    assert [(row.status, row.weekly_pence) for row in budgets] == [("indicative", 15_000)]
    audits = await count(db, "audit_entries", "action <> 'plans.exchange'")
    assert figures(await take(db, broker, content)) == (2, 0, 0, 2, 0)
    assert await count(db, "audit_entries", "action <> 'plans.exchange'") == audits
    changed = write({**ROW, "wants": "To dance", "indicative_weekly_pounds": "160"}, other)
    assert figures(await take(db, broker, changed)) == (2, 0, 1, 1, 0)
    await db.refresh(referral)
    assert (referral.wants, referral.indicative_weekly_pence) == ("To dance", 16_000)
    assert await count(db, "budgets", "status = 'indicative'") == 2
    assert await count(db, "budgets", "status = 'ended'") == 1
    assert await count(db, "audit_entries", "action = 'people.set_indicative_budget'") == 3
    assert await count(db, "outbox_messages", "event = 'BudgetSet'") == 3
    assert await count(db, "budgets", "variance_reason = '' OR may_change_on IS NULL") == 0
    [entry] = (
        await db.scalars(select(AuditEntry).where(AuditEntry.action == "plans.exchange").order_by(AuditEntry.number))
    ).all()[-1:]
    assert "Hopper" not in str(entry.after)


@pytest.mark.parametrize(
    ("given", "column"),
    [
        ({"person_reference": ""}, "person_reference"),
        ({"referral_reference": ""}, "referral_reference"),
        ({"referral_reference": "R-2027-00009"}, "referral_reference"),
        ({"referral_reference": "x" * 41}, "referral_reference"),
        ({"postcode": "nowhere"}, "postcode"),
        ({"born_on": "31.02.1950"}, "born_on"),
        ({"needs": ["magic"]}, "needs"),
        ({"indicative_weekly_pounds": "-5"}, "indicative_weekly_pounds"),
        ({"indicative_weekly_pounds": ""}, "indicative_weekly_pounds"),
        ({"urgency": "now"}, "urgency"),
        ({"complexity": "complex"}, "complexity_reason"),
        ({"person_informed": "maybe"}, "person_informed"),
        ({"family_name": ""}, "family_name"),
    ],
)
async def test_a_wrong_row_is_refused_with_its_column_and_the_others_are_taken(
    db: AsyncSession, given: dict[str, Any], column: str
) -> None:
    broker = await make_broker(db)
    good = {**ROW, "person_reference": "CS-2", "referral_reference": "REF-2"}
    run = await take(db, broker, as_csv({**ROW, **given}, good))
    assert figures(run) == (2, 1, 0, 0, 1)
    assert column in [item["column"] for item in run.problems]
    assert {item["row"] for item in run.problems} == {1}
    assert await count(db, "people") == 1
    assert await count(db, "referrals") == 1


async def test_twice_in_one_file_somebody_elses_referral_and_one_with_a_planner_are_refused(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await take(db, broker, as_csv(ROW, ROW))
    assert figures(run) == (2, 1, 0, 0, 1)
    assert run.problems[0]["row"] == 2
    run = await take(db, broker, as_csv({**ROW, "person_reference": "CS-9"}))
    assert [item["column"] for item in run.problems] == ["person_reference"]
    referral = (await db.scalars(select(Referral))).one()
    referral.status = ReferralStatus.MATCHED
    await db.flush()
    assert figures(await take(db, broker, as_csv(ROW))) == (1, 0, 0, 1, 0)
    run = await take(db, broker, as_csv({**ROW, "wants": "Something new"}))
    assert [item["column"] for item in run.problems] == ["referral_reference"]
    assert await count(db, "people") == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"{",
        b'{"people": []}',
        b"\x89PNG\r\n\x1a\n0000",
        b"person_reference,referral_reference,needs,needs\n1,2,3,4\n",
    ],
)
async def test_a_file_that_is_none_is_refused_whole(db: AsyncSession, content: bytes) -> None:
    broker = await make_broker(db)
    with pytest.raises(UnreadableFile):
        await take(db, broker, content)
    assert await count(db, "exchange_runs") == 0


async def test_json_of_the_wrong_kind_and_unknown_columns_are_named(db: AsyncSession) -> None:
    broker = await make_broker(db)
    run = await take(db, broker, json.dumps([{**ROW, "needs": "older"}, 7, {**ROW, "shoe_size": "4"}]).encode())
    assert figures(run) == (3, 1, 0, 0, 2)
    assert [(item["row"], item["column"]) for item in run.problems] == [(0, "shoe_size"), (1, ""), (2, "")]


async def test_the_page_takes_a_file_once_and_shows_each_problem(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    staff = await browser.signed_in(await make_broker(db, council))
    social = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER, council))
    stranger = await browser.signed_in(await make_broker(db))
    assert "/exchange" in (await staff.open("/people")).links()
    assert "Nothing was exchanged yet" in (await staff.open("/exchange")).words
    assert set((await staff.post("/exchange", {}, expect=422)).errors()) == {"file"}
    file = {"file": ("in.csv", as_csv(ROW, {**ROW, "needs": "", "referral_reference": "REF-2"}), "text/csv")}
    form = {"form_id": "one-time"}
    sent = await staff.post("/exchange", form, files=file)
    again = await staff.post("/exchange", form, files=file)
    assert again.location == sent.location
    page = await staff.open(sent.location)
    assert "0 of 2 rows are looked at" in page.words
    assert "hx-trigger" in (await staff.get(f"{sent.location}/progress")).text
    await stranger.get(f"{sent.location}/progress", expect=404)
    await drain(db)
    assert "See the report" in (await staff.get(f"{sent.location}/progress")).text
    page = await staff.open(sent.location)
    assert "Refused1" in page.words.replace(" ", "")
    assert "needs" in page.words
    assert "2,needs," in (await staff.get(f"{sent.location}/problems.csv")).text
    assert await count(db, "exchange_runs") == 1
    await stranger.open(sent.location, expect=404)
    await social.open("/exchange", expect=403)
    await social.post("/exchange", {}, expect=403)


async def test_only_plans_in_place_and_results_of_reviews_go_out_as_their_schemas_say(
    browser: Browser, db: AsyncSession
) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema (extra dev) checks the files")
    world = await make_plan_world(db)
    draft = await make_plan_world(db, world.council)
    plan, _ = await make_plan(db, world, PlanStatus.SIGNED_OFF)
    await make_plan(db, draft, PlanStatus.DRAFT)
    review = await make_review(db, plan, date(2027, 1, 1), held_on=date(2027, 2, 1))
    db.add(
        OutcomeResult(
            council_id=world.council.id,
            review_id=review.id,
            position=1,
            outcome="Get to the allotment",
            progress=Progress.PARTLY,
        )
    )
    await db.flush()
    for what in ("plans", "outcomes"):
        content, run = await ExportService(db).give(world.manager.principal, world.council.id, what, "json")
        found = json.loads(content)
        jsonschema.Draft202012Validator.check_schema(schema(what))
        jsonschema.validate(found, schema(what))
        assert len(found[what]) == run.rows == 1
    staff = await browser.signed_in(world.manager)
    file = await staff.post("/exchange/export", {"what": "plans", "format": "csv"}, expect=200)
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["outcome"], row["weekly_pounds"]) for row in rows] == [
        ("Get to the allotment", "0.00"),
        ("Be washed and dressed", "80.00"),
    ]
    wrong = await staff.post("/exchange/export", {"what": "people", "format": "pdf"}, expect=422)
    assert set(wrong.errors()) == {"what", "format"}
    assert await count(db, "exchange_runs", "direction = 'out'") == 3
    shown = await browser.get("/exchange/schema/referrals.json")
    jsonschema.validate({"referrals": [ROW]}, shown.json())
    await browser.get("/exchange/schema/people.json", expect=404)


async def test_commands_run_under_the_name_of_somebody_who_may(db: AsyncSession) -> None:
    broker = await make_broker(db)
    [principal] = await AccountService(db).roles_of(f" {broker.user.email.upper()} ")
    assert (principal.role, principal.council_id) == (Role.BROKER, broker.council.id)
    assert await AccountService(db).roles_of("nobody@test.example") == []


def many(number: int) -> list[dict[str, Any]]:
    return [{**ROW, "person_reference": f"CS-{place}", "referral_reference": f"REF-{place}"} for place in range(number)]


async def test_a_large_file_goes_in_by_itself_with_hostile_rows_and_doubles_named(
    browser: Browser, db: AsyncSession
) -> None:
    await make_postcode(db)
    broker = await make_broker(db)
    rows = many(115)
    rows[3]["wants"] = '=HYPERLINK("http://x","y")'
    rows[7]["wants"] = "x" * 10_000
    rows[8]["referral_reference"] = "REF-\x00"
    rows[60]["family_name"] = "O\u2019Ωmega <script>"
    rows[110] = rows[2]
    staff = await browser.signed_in(broker)
    sent = await staff.post("/exchange", {}, files={"file": ("in.json", as_json(*rows), "application/json")})
    db.expunge_all()
    await drain(db)
    run = (await db.scalars(select(ExchangeRun))).one()
    assert (run.rows, run.done, run.created, run.refused, run.trouble) == (115, 115, 112, 3, "")
    assert run.ended_at is not None
    assert await ExchangeRepository(db).content(run.council_id, run.id) is None
    assert sorted({item["row"] for item in run.problems}) == [8, 9, 111]
    assert await count(db, "referrals") == 112
    assert await count(db, "audit_entries", "action = 'plans.exchange'") == 1
    report = (await staff.get(f"{sent.location}/problems.csv")).text
    assert report.count("\n") == 4
    page = await staff.open("/exchange")
    assert "Not ready" not in page.words
    too_many = as_csv(*[{"person_reference": "a", "referral_reference": "b"}] * 5_001)
    page = await staff.post("/exchange", {}, files={"file": ("in.csv", too_many, "text/csv")}, expect=422)
    assert "5,000 rows or fewer" in page.errors()["file"]
    assert await count(db, "exchange_runs") == 1


async def test_a_file_of_somebody_who_lost_their_role_is_not_taken(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    staff = await browser.signed_in(broker)
    sent = await staff.post("/exchange", {}, files={"file": ("in.csv", as_csv(ROW), "text/csv")})
    await db.execute(text("UPDATE memberships SET role = 'social_worker'"))
    db.expunge_all()
    await drain(db)
    assert await count(db, "people") == 0
    assert await count(db, "exchange_runs", "trouble <> '' AND ended_at IS NOT NULL AND done = 0") == 1
    await db.execute(text("UPDATE memberships SET role = 'broker'"))
    db.expunge_all()
    assert "may not do so any more" in (await staff.open(sent.location)).words


async def test_each_row_asks_few_questions_however_many_there_are(db: AsyncSession) -> None:
    await make_postcode(db)
    broker = await make_broker(db)
    asked = 0

    def note(*_: Any) -> None:
        nonlocal asked
        asked += 1

    connection = (await db.connection()).sync_connection
    event.listen(connection, "before_cursor_execute", note)
    try:
        each = []
        for number in (5, 40):
            content, asked = as_csv(*many(number)), 0
            await take(db, broker, content)
            each.append(asked / number)
        asked = 0
        await take(db, broker, as_csv(*many(40)))
        again = asked / 40
    finally:
        event.remove(connection, "before_cursor_execute", note)
    assert each[1] <= 45, each
    assert again <= 10, again


async def test_where_stages_come_first_a_referral_waits_and_no_estimate_is_set(
    browser: Browser, db: AsyncSession
) -> None:
    await make_postcode(db)
    broker = await make_broker(db)
    council_id, user_id, principal = broker.council.id, broker.user.id, broker.principal
    await set_setting(db, None, council_id, "people.three_stages", True, starts_on=START)
    for created, unchanged in ((1, 0), (0, 1)):
        run = await take(db, broker, as_csv(ROW))
        assert figures(run) == (1, created, 0, unchanged, 0)
        [problem] = run.problems
        assert (problem["row"], problem["column"]) == (1, "indicative_weekly_pounds")
        assert "evidence of stage 1 and 2 is missing, or a manager’s exception" in problem["problem"]
    assert await count(db, "budgets") == 0
    referral = (await db.scalars(select(Referral))).one()
    assert referral.status is ReferralStatus.INCOMPLETE
    assert await count(db, "person_stages") == 0
    person_id, run_id = referral.person_id, run.id
    await db.flush()
    page = await (await browser.signed_in(broker)).open(f"/exchange/{run_id}")
    assert "Taken, waits" in page.words
    db.add(
        PersonStage(
            council_id=council_id,
            person_id=person_id,
            stage=3,
            started_on=date(2027, 3, 1),
            exception_reason="She is dying.",
            exception_by_user_id=user_id,
            started_by_user_id=user_id,
        )
    )
    await db.flush()
    run = await ExchangeService(db).take(principal, "file", as_csv({**ROW, "wants": "To see the sea"}))
    assert (figures(run), run.problems) == ((1, 0, 1, 0, 0), [])
    assert await count(db, "budgets", "status = 'indicative'") == 1
    assert await count(db, "referrals", "status = 'received'") == 1
