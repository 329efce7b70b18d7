"""The demo: loaded once, consistent to the penny, and nobody in it is real."""

import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from marketplace.core.clock import FixedClock
from marketplace.core.database import make_session_maker, transaction
from marketplace.core.tables import METADATA
from marketplace.matching.engine import CandidateTable, load_inputs, rank
from marketplace.matching.models import Shortlist
from marketplace.payments.schemas import FileFormat
from marketplace.payments.service.run_files import RunFiles
from marketplace.reporting.demo import load_demo
from marketplace.web.checks import run_checks
from tests.browser import count
from tests.conftest import NOW
from tests.reporting.conftest import Loaded

DRAMA = re.compile(r"01632 960\d{3}|07700 900\d{3}|020 7946 0\d{3}")
"""Numbers that Ofcom keeps free for films and books."""


async def values(db: AsyncSession, question: str) -> list[str]:
    """Return the first column of a question's answer."""
    return [str(value) for value in (await db.scalars(text(question))).all()]


async def test_it_fills_three_councils_with_people_providers_and_history(demo: Loaded, db: AsyncSession) -> None:
    assert demo.report.created
    assert await values(db, "SELECT slug FROM councils ORDER BY slug") == ["derby", "doncaster", "lancashire"]
    assert 55 <= await count(db, "organisations", "is_example") <= 90
    assert await count(db, "listings", "is_published") >= 90
    assert 38 <= await count(db, "workers", "kind = 'planner'") <= 48
    assert await count(db, "people", "is_example") >= 195
    assert await count(db, "referrals") >= 180
    assert await count(db, "bookings") >= 1_000


async def test_every_state_of_every_life_cycle_that_people_work_on_is_there(demo: Loaded, db: AsyncSession) -> None:
    wanted = {
        "referrals": {"received", "incomplete", "retained", "offered", "matched", "closed", "self_planned"},
        "offers": {"offered", "accepted", "declined"},
        "plan_versions": {
            *("draft", "in_quality_check", "returned", "awaiting_agreement"),
            *("awaiting_sign_off", "signed_off", "superseded"),
        },
        "reviews": {"due", "booked", "held", "signed", "cancelled"},
        "bookings": {
            *("requested", "planned", "accepted", "claimed", "approved", "part_approved"),
            *("disputed", "declined", "cancelled"),
        },
        "invoices": {"issued", "held", "approved", "in_run", "paid"},
        "payables": {"open", "in_run", "paid"},
        "payment_runs": {"made", "confirmed"},
    }
    for table, states in wanted.items():
        assert set(await values(db, f"SELECT DISTINCT status FROM {table}")) == states, table


async def test_every_invariant_of_the_platform_holds(demo: Loaded, engine: AsyncEngine) -> None:
    findings = await run_checks(make_session_maker(engine, FixedClock(NOW)))
    assert [f"{finding.name}: {finding.detail}" for finding in findings if not finding.ok] == []


async def test_promises_never_exceed_what_a_direct_payment_holds(demo: Loaded, db: AsyncSession) -> None:
    # Weekly visits are planned ahead of the money that comes in until then: the invariants look at those by day.
    over = """
        SELECT b.person_id FROM bookings b
        LEFT JOIN ledger_accounts a ON a.owner_id = b.person_id AND a.purpose = 'direct_payment'
        WHERE b.status IN ('requested', 'accepted', 'claimed', 'disputed')
        AND b.agreement_id IS NULL AND b.funding = 'direct_payment'
        GROUP BY b.person_id, a.balance_pence HAVING sum(b.cost_pence) > coalesce(a.balance_pence, 0)
    """
    assert await values(db, over) == []


async def test_bills_add_up_and_runs_render_to_the_file_that_was_released(demo: Loaded, db: AsyncSession) -> None:
    unlike = """
        SELECT i.number FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id
        GROUP BY i.id HAVING i.total_pence <> sum(l.amount_pence)
    """
    assert await values(db, unlike) == []
    released = (await db.scalars(text("SELECT id FROM payment_runs WHERE status = 'confirmed'"))).all()
    assert released
    for run_id in released:
        assert await RunFiles(db).file_bytes(run_id, FileFormat.BACS)
    assert await values(db, "SELECT count(*) FROM returned_items WHERE line_id IS NOT NULL") == ["3"]


async def test_stored_shortlists_rank_the_same_again(demo: Loaded, db: AsyncSession) -> None:
    rows = (await db.scalars(Shortlist.__table__.select().with_only_columns(Shortlist.id).limit(5))).all()
    for row_id in rows:
        stored = await db.get_one(Shortlist, row_id)
        inputs = load_inputs(stored.inputs)
        table = CandidateTable.from_candidates(inputs.candidates)
        again = rank(inputs.case, table, inputs.weights, salt=inputs.salt)
        assert again.fingerprint == stored.fingerprint
        assert [entry.id for entry in again.entries] == [line["id"] for line in stored.ranking["result"]["entries"]]


async def test_nothing_looks_like_a_real_person(demo: Loaded, db: AsyncSession) -> None:
    for table, column in (
        *(("users", "email"), ("people", "email"), ("organisations", "email"), ("councils", "contact_email")),
        ("messages", "to_address"),
    ):
        for address in await values(db, f"SELECT {column} FROM {table} WHERE {column} <> ''"):
            assert address.endswith(".example"), f"{table}: {address}"
    for table, column in (("people", "phone"), ("organisations", "phone"), ("councils", "contact_phone")):
        for number in await values(db, f"SELECT {column} FROM {table} WHERE {column} <> ''"):
            assert DRAMA.fullmatch(number), f"{table}: {number}"
    assert await count(db, "organisations", "charity_number IS NOT NULL OR company_number IS NOT NULL") == 0
    assert await count(db, "organisations", "NOT is_example") == 0
    assert await count(db, "regulator_locations", "NOT is_example OR location_id NOT LIKE 'DEMO-%'") == 0
    assert await count(db, "regulator_locations", "rating_overall = ''") == 2


async def test_texts_of_listings_are_all_different(demo: Loaded, db: AsyncSession) -> None:
    for column in ("title", "summary", "body"):
        texts = await values(db, f"SELECT {column} FROM listings")
        assert len(texts) == len(set(texts)), column


async def test_loading_again_changes_nothing(demo: Loaded, engine: AsyncEngine, db: AsyncSession) -> None:
    tables = sorted(METADATA.tables)
    before = {table: await count(db, table) for table in tables}
    report = await load_demo(make_session_maker(engine, FixedClock(NOW)), FixedClock(NOW))
    assert not report.created
    assert report.sign_ins == demo.report.sign_ins
    async with transaction(make_session_maker(engine), "every") as fresh:
        assert {table: await count(fresh, table) for table in tables} == before


async def test_people_ask_providers_and_say_how_visits_were(demo: Loaded, db: AsyncSession) -> None:
    assert await count(db, "feedback", "status = 'published'") >= 25
    assert await count(db, "feedback", "status = 'waiting'") == 6
    assert set(await values(db, "SELECT DISTINCT stars FROM listing_feedback")) == {"1", "2", "3", "4", "5"}
    assert await count(db, "listing_feedback", "reply <> ''") >= 10
    assert await count(db, "listings", "feedback_count > 0") >= 9
    assert await count(db, "enquiries", "status = 'open'") == 3
    assert await count(db, "enquiries", "status = 'agreed' AND agreed_at > created_at") == 3
    assert await count(db, "enquiry_messages", "reported_because <> ''") == 3


async def test_every_page_of_budgets_and_plans_has_something_to_show(demo: Loaded, db: AsyncSession) -> None:
    assert set(await values(db, "SELECT DISTINCT kind FROM assessments")) == {
        *("adult", "carer_stage_1", "carer_stage_2", "equipment")
    }
    for table, condition in {
        "financial_assessments": "contribution_weekly_pence > 0",
        "budgets": "status = 'final' AND indicative_id IS NOT NULL AND variance_reason <> ''",
        "budget_challenges": "status = 'open'",
        "early_starts": "ended_at IS NULL",
        "panel_cases": "status = 'listed'",
        "plan_asks": "status = 'open'",
        "plan_showcases": "published_at IS NOT NULL",
        "exchange_runs": "refused > 0",
        "approval_limits": "weekly_pence > 0",
        "direct_payment_setups": "status = 'offered' AND amount_pence > 0",
        "council_moves": "consent = 'asked'",
        "incoming_cases": "started_at IS NULL AND extract -> 'plan' -> 'items' <> '[]'",
    }.items():
        assert await count(db, table, condition) >= 1, table
    told = "SELECT count(*) FROM plans p JOIN users u ON u.is_demo JOIN memberships m ON m.user_id = u.id"
    own = "m.person_id = p.person_id AND p.planned_by = 'person'"
    assert await values(db, f"{told} WHERE {own}") == ["0"], "whoever signs in begins their own plan themselves"


async def test_where_stages_come_first_whoever_waits_or_is_planned_for_has_their_evidence(
    demo: Loaded, db: AsyncSession
) -> None:
    question = text(
        """
        SELECT r.status = 'incomplete' AS is_held, count(*) AS referrals, count(s.id) AS in_stage_3
        FROM referrals r JOIN councils c ON c.id = r.council_id
        LEFT JOIN person_stages s ON s.person_id = r.person_id AND s.stage = 3 AND s.ended_on IS NULL
        WHERE c.slug = 'lancashire' GROUP BY 1
        """
    )
    found = {row.is_held: (row.referrals, row.in_stage_3) for row in await db.execute(question)}
    assert found[False][0] == found[False][1] > 0
    assert found[True][0] > found[True][1]
