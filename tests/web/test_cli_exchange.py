"""`marketplace import referrals`, `export plans` and `export outcomes` against a database of their own, end to end."""

import asyncio
import csv
import io
import json
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from marketplace.core.clock import FixedClock
from marketplace.core.database import SessionMaker, make_engine, make_session_maker, transaction
from marketplace.plans.states import PlanStatus
from tests.conftest import NOW, admin, clone_database
from tests.factories_brokerage import make_broker, make_postcode
from tests.factories_plans import PlanWorld, make_plan, make_plan_world
from tests.plans.test_exchange import ROW, as_csv, as_json
from tests.web.processes import ROOT

FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module")
async def own_maker(worker_id: str) -> AsyncIterator[SessionMaker]:
    name = f"cli_exchange_{worker_id}"
    url = await clone_database(name)
    engine = make_engine(url, pool_size=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        patch.setenv("REDIS_URL", "redis://127.0.0.1:1")
        yield make_session_maker(engine, FixedClock(NOW))
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def world(own_maker: SessionMaker) -> PlanWorld:
    async with transaction(own_maker, "every") as db:
        found = await make_plan_world(db)
        await make_broker(db, found.council)
        # Commands go by the clock of the machine, which is before the day of the tests.
        await db.execute(text("UPDATE memberships SET starts_on = '2026-01-01'"))
        if not await db.scalar(text("SELECT count(*) FROM postcodes")):
            await make_postcode(db)
        return found


async def run(words: list[str]) -> tuple[int, str, str]:
    """Run a command as a process of its own: it has an event loop and connections of its own."""
    command = [sys.executable, "-m", "marketplace.web.cli", *words]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, cwd=ROOT)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def one(maker: SessionMaker, question: str) -> Any:
    async with transaction(maker, "every") as db:
        return await db.scalar(text(question))


def taking(world: PlanWorld, file: Path, *more: str) -> list[str]:
    who = ["--council", world.council.slug, "--as", world.manager.user.email]
    return ["import", "referrals", str(file), *who, "--json", *more]


@pytest.mark.parametrize("write", [as_csv, as_json])
async def test_a_file_is_taken_with_hostile_rows_named_in_the_report(
    own_maker: SessionMaker,
    world: PlanWorld,
    tmp_path: Path,
    write: Callable[..., bytes],
) -> None:
    tail = write.__name__

    def row(number: int, **given: Any) -> dict[str, Any]:
        names = {"person_reference": f"{tail}-{number}", "referral_reference": f"REF-{tail}-{number}"}
        return {**ROW, **names, **given}

    rows = [
        row(1, wants=FORMULA),
        row(2, family_name="O’Ωmega <script>alert(1)</script>"),
        row(2),
        row(3, wants="x" * 10_000),
        row(4, postcode=FORMULA),
        row(5, indicative_weekly_pounds="1e9"),
    ]
    file, report = tmp_path / "in", tmp_path / "report.csv"
    file.write_bytes(write(*rows))
    code, out, err = await run(taking(world, file, "--report", str(report)))
    assert (code, err) == (0, "")
    found = json.loads(out)
    figures = [found[name] for name in ("rows", "created", "updated", "unchanged", "refused")]
    assert figures == [6, 2, 0, 0, 4]
    with report.open(newline="") as lines:
        told = {(line["row"], line["column"]) for line in csv.DictReader(lines)}
    assert told == {("3", "referral_reference"), ("4", "wants"), ("5", "postcode"), ("6", "indicative_weekly_pounds")}
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    mine = f"council_id = '{world.council.id}'"
    assert await one(own_maker, f"SELECT count(*) FROM budgets WHERE {mine} AND status = 'indicative'") == 2
    assert await one(own_maker, f"SELECT wants FROM referrals WHERE reference = 'REF-{tail}-1'") == FORMULA
    _code, out, _err = await run(taking(world, file))
    again = json.loads(out)
    assert (again["created"], again["unchanged"], again["refused"]) == (0, 2, 4)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
async def test_other_encodings_of_a_spreadsheet_are_read_or_refused_in_words(
    own_maker: SessionMaker, world: PlanWorld, tmp_path: Path, encoding: str
) -> None:
    reference = f"ENC-{encoding}"
    row = {**ROW, "person_reference": reference, "referral_reference": reference, "family_name": "Núñez"}
    file = tmp_path / "in.csv"
    file.write_bytes(as_csv(row).decode().encode(encoding))
    code, _out, err = await run(taking(world, file))
    name = await one(own_maker, f"SELECT family_name FROM people WHERE reference = '{reference}'")
    if code:
        assert err.startswith("marketplace: ")
        assert err.count("\n") == 1
        assert name is None
    else:
        assert name == "Núñez"


async def test_what_cannot_be_taken_is_one_line(own_maker: SessionMaker, world: PlanWorld, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(as_csv(ROW))
    nowhere = ["import", "referrals", str(file), "--council", "atlantis", "--as", world.manager.user.email]
    worker = ["import", "referrals", str(file), "--council", world.council.slug, "--as", world.social_worker.user.email]
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n0000")
    out = tmp_path / "out.csv"
    export = ["export", "plans", "--council", "atlantis", "--format", "csv", "--out", str(out)]
    for words in (nowhere, worker, taking(world, picture), export):
        code, said, err = await run(words)
        assert (code, said) == (1, ""), words
        assert err.startswith("marketplace: "), err
        assert err.count("\n") == 1, err
    assert not out.exists()
    assert await one(own_maker, f"SELECT count(*) FROM exchange_runs WHERE council_id = '{world.council.id}'") == 0


async def test_plans_and_outcomes_go_out_of_one_council_and_formulas_stay_words(
    own_maker: SessionMaker, world: PlanWorld, tmp_path: Path
) -> None:
    async with transaction(own_maker, "every") as db:
        plan, _version = await make_plan(db, world, PlanStatus.SIGNED_OFF)
        other = await make_plan_world(db)
        await make_plan(db, other, PlanStatus.SIGNED_OFF)
        await db.execute(
            text("UPDATE plan_items SET outcome = :words WHERE council_id = :council AND position = 1"),
            {"words": FORMULA, "council": world.council.id},
        )
        plan_id = str(plan.id)
    for what in ("plans", "outcomes"):
        for kind in ("csv", "json"):
            out = tmp_path / f"{what}.{kind}"
            words = ["export", what, "--council", world.council.slug, "--format", kind, "--out", str(out)]
            code, _out, _err = await run(words)
            assert code == 0
    given = json.loads((tmp_path / "plans.json").read_bytes())["plans"]
    assert [row["plan_id"] for row in given] == [plan_id]
    assert given[0]["items"][0]["outcome"] == FORMULA
    lines = list(csv.DictReader(io.StringIO((tmp_path / "plans.csv").read_text())))
    assert lines[0]["outcome"] == f"'{FORMULA}"
    assert json.loads((tmp_path / "outcomes.json").read_bytes()) == {"outcomes": []}
    runs = f"exchange_runs WHERE council_id = '{world.council.id}' AND direction = 'out'"
    assert await one(own_maker, f"SELECT count(*) FROM {runs} AND started_by_user_id IS NULL") == 4
