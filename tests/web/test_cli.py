"""The command line: one clear line on failure, JSON for programs, the same services beside `serve` and without it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from marketplace.web.cli.parser import build_parser, main
from tests.web.processes import ROOT, ended, eventually, processes_naming

COMMANDS = (
    "serve", "web", "worker", "scheduler", "migrate", "demo", "import directory", "import postcodes", "search rebuild",
    "search query", "check", "audit verify", "backup", "restore", "payment-runs", "export payment-run",
    "export documents",
    "match solve",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended_with:
        main([*command.split(), "--help"])
    assert ended_with.value.code == 0
    assert f"marketplace {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["nothing"], ["import"], ["search", "query", "x", "--limit", "0"], ["export", "payment-run", "1"]]
)
def test_wrong_words_end_with_two(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended_with:
        main(words)
    assert ended_with.value.code == 2


def test_every_command_is_listed() -> None:
    words = build_parser().format_help().split()
    assert {"serve", "demo", "import", "export", "ras", "match", "check", "audit", "backup", "restore"} <= set(words)


def test_wrong_settings_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", "many")
    assert main(["check"]) == 1
    assert capsys.readouterr().err == "marketplace: PORT must be a whole number from 1 to 65535\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Installed:
    """An installation in a folder of its own, used through the command line."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MARKETPLACE", "STRIPE"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "MARKETPLACE_DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(free_port()),
        }

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "marketplace.web.cli", *words]

    def run(self, *words: str, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            self.words(*words), env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture
def installed(tmp_path: Path) -> Generator[Installed, None, None]:
    made = Installed(tmp_path / "data")
    yield made
    assert eventually(lambda: not processes_naming(str(made.data_dir)))


POSTCODES = "postcode,lat,lon,lad_code\nPR1 2HE,53.7593,-2.6993,E07000123\nnonsense,1,2,x\n"


@pytest.mark.slow
def test_commands_work_without_serve_and_leave_nothing_running(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "postcodes.csv").write_text(POSTCODES)
    counts = installed.json("import", "postcodes", str(tmp_path / "postcodes.csv"))
    assert (counts["rows"], counts["created"], counts["refused"]) == (2, 1, 1)
    assert processes_naming(str(installed.data_dir)) == []
    invariants = installed.json("check")["invariants"]
    assert len(invariants) > 15
    assert all(set(found) == {"name", "ok", "checked", "detail"} for found in invariants)
    assert installed.json("audit", "verify") == {"ok": True, "councils": []}
    assert installed.json("payment-runs") == {"payment_runs": []}
    missing = installed.run("export", "payment-run", "PR-000001", "--format", "csv", "--out", "x", expect=1)
    assert missing.stderr.count("\n") == 1
    assert "There is no payment run PR-000001" in missing.stderr
    absent = installed.run("import", "directory", str(tmp_path / "absent.csv"), expect=1)
    assert absent.stderr.startswith("marketplace: ")
    installed.run("backup", str(tmp_path / "backup"))
    installed.run("restore", str(tmp_path / "backup"))


def _wait_until_ready(process: "subprocess.Popen[str]", log: Path) -> None:
    assert eventually(lambda: "is ready" in log.read_text() or process.poll() is not None, 120), log.read_text()
    assert process.poll() is None, log.read_text()


def _serve(installed: Installed, log: Path) -> "subprocess.Popen[str]":
    with log.open("w") as said:
        return subprocess.Popen(
            installed.words("serve", "--no-postcodes"), env=installed.environment, stdout=said, stderr=said, text=True
        )


@pytest.mark.slow
def test_serve_runs_everything_beside_other_commands_and_stops_cleanly(installed: Installed, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    with ended(_serve(installed, log)) as process:
        _wait_until_ready(process, log)
        assert json.loads(installed.fetch("/ready"))["status"] == "ready"
        assert f"http://localhost:{installed.port}/sign-in" in log.read_text()
        (tmp_path / "postcodes.csv").write_text(POSTCODES)
        assert installed.json("import", "postcodes", str(tmp_path / "postcodes.csv"))["created"] == 1
        assert "already running" in installed.run("serve", expect=1).stderr
        assert "Stop it first" in installed.run("restore", str(tmp_path / "postcodes.csv"), expect=1).stderr
        installed.environment["MARKETPLACE_DATA_DIR"] = str(tmp_path / "other")
        assert f"Port {installed.port}" in installed.run("serve", expect=1).stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0, log.read_text()


@pytest.mark.slow
def test_a_killed_serve_leaves_nothing_that_keeps_the_next_one_out(installed: Installed, tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        with ended(_serve(installed, tmp_path / attempt)) as process:
            _wait_until_ready(process, tmp_path / attempt)
            process.kill()
