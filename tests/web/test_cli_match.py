"""`marketplace match solve` from the outside: a process, a file, an answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marketplace.web.cli.parser import main
from tests.web.processes import ROOT

LISTED: dict[str, Any] = {
    "format": "marketplace-match/1",
    "cases": [{"id": f"c{at}", "tier": at % 2} for at in range(8)],
    "candidates": [{"id": f"p{at}", "capacity": [2, 9]} for at in range(3)],
    "pairs": [
        {"case": f"c{case}", "candidate": f"p{at}", "score": (case * at) % 3, "uses": [1, 1]}
        for case in range(8)
        for at in range(3)
    ],
}  # fmt: skip


def run(*words: str, given: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command where nothing else is set up."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "marketplace.web.cli", "match", "solve", *words],
        input=given,
        capture_output=True,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        timeout=60,
        check=False,
    )


def test_the_same_answer_in_every_process_and_for_every_order_of_rows() -> None:
    turned = LISTED | {name: LISTED[name][::-1] for name in ("cases", "candidates", "pairs")}
    one = run("-", given=json.dumps(LISTED).encode(), PYTHONHASHSEED="1")
    other = run("-", given=json.dumps(turned).encode(), PYTHONHASHSEED="2")
    assert one.returncode == other.returncode == 0
    assert one.stderr == b""
    answer, again = json.loads(one.stdout), json.loads(other.stdout)
    assert answer | {"seconds": 0} == again | {"seconds": 0}
    assert answer["status"] == "optimal"
    assert answer["assigned"] == 6
    assert answer["bound"] == answer["score"]
    assert answer["gap"] == 0
    assert set(answer["assignments"]) | set(answer["unassigned"]) == {f"c{at}" for at in range(8)}
    assert {row["reason"] for row in answer["unassigned"].values()} == {"full-better-total"}


def test_the_answer_goes_to_a_file_and_the_figures_to_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.json").write_text(json.dumps(LISTED))
    words = ["match", "solve", str(tmp_path / "in.json"), "--output", str(tmp_path / "out.json")]
    assert main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["assigned"] == 6
    assert "assignments" not in figures
    assert len(json.loads((tmp_path / "out.json").read_bytes())["assignments"]) == 6
    assert main([*words, "--time-limit", "5"]) == 0
    assert "assigned          6" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json", "out.json"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"format": 1}', "format: expected text, got a whole number"),
        (b"{", "the input is not JSON: input data was truncated"),
        (b"", "the input is empty"),
    ],
)
def test_a_wrong_input_is_a_line_and_exit_code_two(
    content: bytes, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.json"
    path.write_bytes(content)
    assert main(["match", "solve", str(path), "--output", str(tmp_path / "out.json")]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"marketplace: {path}: {line}\n"
    assert captured.out == ""
    assert not (tmp_path / "out.json").exists()


def test_an_input_that_is_not_there_is_a_line_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, why in ((tmp_path / "none.json", "No such file or directory"), (tmp_path, "Is a directory")):
        assert main(["match", "solve", str(path)]) == 2
        assert capsys.readouterr().err == f"marketplace: {path}: {why}\n"


def test_an_output_that_cannot_be_written_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.json").write_text(json.dumps(LISTED))
    output = tmp_path / "none" / "out.json"
    assert main(["match", "solve", str(tmp_path / "in.json"), "--output", str(output)]) == 1
    assert capsys.readouterr().err == f"marketplace: {output}: there is no folder {output.parent}\n"


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_limit_is_a_number_of_seconds(limit: str) -> None:
    with pytest.raises(SystemExit) as ended_with:
        main(["match", "solve", "-", "--time-limit", limit])
    assert ended_with.value.code == 2
