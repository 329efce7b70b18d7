"""HiGHS for small and medium problems, through scipy; larger ones in a child process that can be ended.

HiGHS has been seen to pass its time limit (matching.md 11.2), so the child is killed soon after it. This file is also
the child's program: run by path, it imports nothing of the package, reads a problem from standard input and writes the
answer to standard output. Whole numbers go in, whole numbers come out; the caller checks what it gets.
"""

import io
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

IN_PROCESS_PAIRS = 600
"""Below this many pairs a solve takes milliseconds and a child would take longer to start."""
GRACE_SECONDS = 0.4
START_SECONDS = 1.0
"""A child on a busy machine needs about this to import NumPy and SciPy."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Maximise `objective @ x` over 0/1 `x`, one column per pair."""

    objective: Ints
    rows: Ints
    """Row, column and coefficient of each entry, sorted in any way."""
    columns: Ints
    values: Ints
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came back. `taken` is None when no answer was found; `bound` holds for every answer, None when unknown."""

    proven: bool
    taken: NDArray[np.bool_] | None
    bound: int | None
    infeasible: bool = False


def maximise(model: Model, seconds: float, in_process: bool | None = None) -> Answer:
    """Solve; at most about `seconds` long. Large problems leave the process unless `in_process` says otherwise."""
    count = len(model.objective)
    if in_process if in_process is not None else count <= IN_PROCESS_PAIRS:
        return _answer(*run(model, seconds), count)
    if seconds < START_SECONDS + 0.5:
        return Answer(proven=False, taken=None, bound=None)
    stream = io.BytesIO()
    np.savez(
        stream, objective=model.objective, rows=model.rows, columns=model.columns, values=model.values,
        low=model.low, high=model.high, seconds=np.float64(seconds - START_SECONDS),
    )  # fmt: skip
    begin = time.monotonic()
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-I", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        output, _ = child.communicate(stream.getvalue(), timeout=max(0.1, seconds + GRACE_SECONDS))
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return Answer(proven=False, taken=None, bound=None)
    except BaseException:
        child.kill()
        child.communicate()
        raise
    if child.returncode != 0 or time.monotonic() - begin > seconds + 2 * GRACE_SECONDS:
        return Answer(proven=False, taken=None, bound=None)
    with np.load(io.BytesIO(output)) as read:
        return _answer(int(read["status"]), read["x"], float(read["bound"]), count)


def run(model: Model, seconds: float) -> tuple[int, NDArray[np.float64], float]:
    """Let HiGHS solve it here: status (0 is optimal), x (empty when none was found), bound (nan when unknown)."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    count = len(model.objective)
    matrix = csr_array((model.values.astype(np.float64), (model.rows, model.columns)), shape=(len(model.low), count))
    found = milp(
        -model.objective.astype(np.float64),
        integrality=np.ones(count),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, model.low, model.high),
        options={"time_limit": max(0.05, seconds), "mip_rel_gap": 0.0},
    )
    bound = found.mip_dual_bound
    if found.status == 0 and bound is None:
        bound = found.fun  # Presolve left nothing to search.
    return (
        int(found.status),
        np.zeros(0) if found.x is None else np.asarray(found.x, np.float64),
        float("nan") if bound is None or not np.isfinite(bound) else -float(bound),
    )


def _answer(status: int, x: NDArray[np.float64], bound: float, count: int) -> Answer:
    taken = x > 0.5 if len(x) == count else None
    # The optimum is whole: what lies a rounding error above a whole number proves that number.
    whole = None if np.isnan(bound) else int(np.floor(bound + 1e-6 * max(1.0, abs(bound) * 1e-3)))
    return Answer(proven=status == 0 and taken is not None, taken=taken, bound=whole, infeasible=status == 2)


def _child() -> None:
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as read:
        model = Model(**{name: read[name] for name in ("objective", "rows", "columns", "values", "low", "high")})
        seconds = float(read["seconds"])
    status, x, bound = run(model, seconds)
    stream = io.BytesIO()
    np.savez(stream, status=np.int64(status), x=x, bound=np.float64(bound))
    sys.stdout.buffer.write(stream.getvalue())


if __name__ == "__main__":
    _child()
