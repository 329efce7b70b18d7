"""Solves an instance with several capacities in a process of its own: for callers that must stay small and answer soon.

The solver brings libraries of some hundred megabytes, and HiGHS may take longer than it was told; a process can be
ended. In and out go arrays in one `npz` on the standard streams, never a file.
"""

import asyncio
import io
import os
import sys
from typing import Final

import msgspec
import numpy as np

from marketplace.matching.engine.solve.instance import Instance

START_SECONDS: Final = 8.0
"""What the process gets to start and load its libraries on a busy machine, beside the time of the search."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller needs of a solution."""

    is_proven: bool
    assignment: list[int]
    """`assignment[case]`, a candidate or -1."""
    score: int
    gap: float
    """As in `hours`: the share by which the best answer may be better."""
    most_placed: int
    """No answer places more cases than this."""
    seconds: float


async def solve_apart(instance: Instance, *, time_limit: float, salt: str = "") -> Answer | None:
    """Solve an instance in another process. None when it did not answer in time or broke down.

    Args:
        instance: What to solve.
        time_limit: Seconds of the search itself.
        salt: Of the tie costs.
    """
    held = io.BytesIO()
    np.savez(
        held,
        tiers=instance.tiers,
        capacity=instance.capacity,
        pair_case=instance.pair_case,
        pair_candidate=instance.pair_candidate,
        score=instance.score,
        uses=instance.uses,
        ids=np.frombuffer(msgspec.json.encode((instance.case_ids, instance.candidate_ids, salt)), np.uint8),
        time_limit=np.array(time_limit),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"from {__name__} import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
    )
    try:
        async with asyncio.timeout(time_limit + START_SECONDS):
            try:
                out, _ = await process.communicate(held.getvalue())
            except RuntimeError:
                # The process was gone before it was told anything; uvloop says so in this way.
                out = b""
                await process.wait()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return None if process.returncode else msgspec.json.decode(out, type=Answer)


def main() -> None:
    """Read an instance from the standard input, write the answer to the standard output."""
    from marketplace.matching.engine.solve.hours import solve_hours

    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as arrays:
        cases, candidates, salt = msgspec.json.decode(arrays["ids"].tobytes())
        instance = Instance(
            case_ids=tuple(cases),
            tiers=arrays["tiers"],
            candidate_ids=tuple(candidates),
            capacity=arrays["capacity"],
            groups=(None,) * len(candidates),
            pair_case=arrays["pair_case"],
            pair_candidate=arrays["pair_candidate"],
            score=arrays["score"],
            uses=arrays["uses"],
        )
        time_limit = float(arrays["time_limit"])
    found = solve_hours(instance, time_limit=time_limit, salt=salt)
    is_proven = found.status == "optimal"
    most = found.assigned if is_proven else min(len(cases), sum(found.placed_bounds.values()))
    answer = Answer(
        is_proven=is_proven,
        assignment=found.assignment.tolist(),
        score=found.score,
        gap=found.gap,
        most_placed=max(found.assigned, most),
        seconds=found.seconds,
    )
    sys.stdout.buffer.write(msgspec.json.encode(answer))
