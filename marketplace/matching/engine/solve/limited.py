"""Runs the flow in a process of its own when there is a time limit: its solver cannot be told to stop, a process can.

The process reads `problem.npz` in a folder and writes `answer.npz`. The answer is checked again by whoever asked.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from marketplace.matching.engine.solve.certificate import Certificate, Places, check
from marketplace.matching.engine.solve.flow import FlowFailed, FlowProblem, FlowResult, make_worth

_SECONDS_BETWEEN_LOOKS = 0.02
_PROBLEM, _ANSWER = "problem.npz", "answer.npz"


def solve_flow_until(
    problem: FlowProblem, deadline: float, meanwhile: Callable[[], None], tick: Callable[[float], None]
) -> FlowResult | None:
    """`solve_flow`, given up at a moment of `time.monotonic`.

    Args:
        problem: What to solve.
        deadline: When to give up.
        meanwhile: Called once, after the other process has started.
        tick: Told now and then the share of the time that has gone.

    Returns:
        None if the time was too short.

    Raises:
        FlowFailed: The other process broke down.
    """
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="marketplace-match-") as folder:
        values = {field.name: getattr(problem, field.name) for field in fields(problem)}
        np.savez(Path(folder) / _PROBLEM, **{name: value for name, value in values.items() if value is not None})
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, and a folder made here
            [sys.executable, "-c", f"from {__name__} import main; main({folder!r})"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        try:
            meanwhile()
            while process.poll() is None:
                now = time.monotonic()
                if now >= deadline:
                    return None
                tick((now - begin) / max(1e-9, deadline - begin))
                time.sleep(min(_SECONDS_BETWEEN_LOOKS, deadline - now))
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise FlowFailed(f"The process of the flow solver ended with {process.returncode}.")
        return _read_answer(problem, Path(folder) / _ANSWER)


def _read_answer(problem: FlowProblem, path: Path) -> FlowResult:
    with np.load(path, allow_pickle=False) as answer:
        proof = Certificate(answer["price"], answer["group_price"], answer["gain"])
        assignment = answer["assignment"]
    worth = make_worth(problem.tiers, len(problem.capacity), problem.score)
    places = Places.of(problem.capacity, len(problem.tiers), problem.group, problem.group_capacity)
    worths = worth.of(problem.pair_case, problem.score)
    check(proof, assignment, worths, problem.pair_case, problem.pair_candidate, places)
    own = assignment[problem.pair_case] == problem.pair_candidate
    return FlowResult(assignment, proof.gain, proof.price, int(problem.score[own].sum()), worth, proof)


def main(place: str) -> None:
    """Solve the problem of a folder."""
    folder = Path(place)
    with np.load(folder / _PROBLEM, allow_pickle=False) as arrays:
        problem = FlowProblem(**{name: arrays[name] for name in arrays.files})
    result = problem.solve()
    np.savez(
        folder / _ANSWER,
        assignment=result.assignment,
        gain=result.proof.gain,
        price=result.proof.price,
        group_price=result.proof.group_price,
    )
