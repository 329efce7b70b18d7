"""The demo's waiting lists: worth working out in each council, with a run that is decided in part, and late news."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.run_engine import read_answer, work_out
from tests.browser import count
from tests.reporting.conftest import Loaded


async def test_each_council_has_a_waiting_list(demo: Loaded, db: AsyncSession) -> None:
    rows = await db.execute(
        text(
            "SELECT c.slug, count(*), count(DISTINCT p.lad_code), count(DISTINCT r.urgency) FROM referrals r "
            "JOIN councils c ON c.id = r.council_id JOIN people p ON p.id = r.person_id "
            "WHERE r.status = 'received' GROUP BY c.slug ORDER BY c.slug"
        )
    )
    found = {slug: (waiting, districts, urgencies) for slug, waiting, districts, urgencies in rows}
    assert found["lancashire"][0] >= 50
    assert found["lancashire"][1] >= 6
    assert found["doncaster"][0] >= 22
    assert found["derby"][0] >= 22
    assert all(item[2] == 3 for item in found.values())


async def test_lancashire_has_a_proven_run_with_decisions(demo: Loaded, db: AsyncSession) -> None:
    run = (await db.execute(text("SELECT * FROM assignment_runs"))).one()
    assert run.status == "done"
    assert run.is_optimal
    assert 0.6 * run.cases <= run.placed < run.cases
    practices = run.figures["practices"]
    assert practices["proposal"]["total"] > 1.2 * practices["rotation"]["total"]
    assert practices["proposal"]["total"] > practices["best_first"]["total"]
    assert await count(db, "proposals", "status = 'accepted'") == 6
    assert await count(db, "proposals", "status = 'rejected'") == 2
    assert await count(db, "proposals", "status = 'proposed' AND worker_id IS NULL") >= 3
    assert await count(db, "rematch_alerts", "status = 'open'") >= 3
    assert await count(db, "outbox_messages", "relayed_at IS NULL") == 0


async def test_the_stored_inputs_of_the_run_give_the_same_answer(demo: Loaded, db: AsyncSession) -> None:
    stored = (await db.execute(text("SELECT inputs FROM assignment_run_files"))).scalar_one()
    run = (await db.execute(text("SELECT * FROM assignment_runs"))).one()
    assert read_answer(work_out(stored, lambda _: None)).result_fingerprint == run.result_fingerprint
