"""`match solve`: the best assignment for a file, with a proof. It needs no database, no settings and no services."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from marketplace.matching.engine.solve import Instance, InvalidInstance, Solution, read_instance
from marketplace.matching.engine.solve import solve as solve_instance
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, progress, say

EXIT_BAD_INPUT = 2
LEAST_SECONDS = 0.02
"""What the solver is given at least, however long reading took."""


def solve(options: argparse.Namespace) -> int:
    """Read, solve, write. Exit code 2 when the input is wrong, with a line that says what and where."""
    # The limit counts from the start of the process, as far as its own work tells.
    began = time.monotonic() - time.process_time()
    output = None if options.output in (None, "-") else Path(options.output)
    if output is not None and not output.parent.is_dir():
        raise CommandFailed(f"{output}: there is no folder {output.parent}")
    try:
        instance = read_instance(_content(options.input))
        with progress("Solving", "pairs") as show:
            left = None if options.time_limit is None else options.time_limit - (time.monotonic() - began)
            solution = solve_instance(
                instance,
                time_limit=None if left is None else max(LEAST_SECONDS, left),
                progress=lambda share, what: show(share, instance.pairs),
            )
            show(1.0, instance.pairs)
    except InvalidInstance as error:
        say(f"marketplace: {_name(options.input)}: {error}")
        return EXIT_BAD_INPUT
    except OSError as error:
        if error.filename != options.input:
            raise
        say(f"marketplace: {options.input}: {error.strerror}")
        return EXIT_BAD_INPUT
    except MemoryError as error:
        raise CommandFailed("The instance needs more memory than there is.") from error
    answer = answer_of(instance, solution)
    if output is None:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(answer), indent=1) + b"\n")
        sys.stdout.buffer.flush()
        return 0
    _write(output, msgspec.json.encode(answer) + b"\n")
    figures = {name: value for name, value in answer.items() if name not in ("assignments", "unassigned")}
    if options.json:
        print_json(figures)
    else:
        print_figures({**figures, "unassigned": len(answer["unassigned"])})
    return 0


def answer_of(instance: Instance, solution: Solution) -> dict[str, Any]:
    """The answer as design.md section 5 describes it, cases in the order of their ids."""
    pairs = zip(instance.case_ids, solution.assignment.tolist(), strict=True)
    return {
        "status": solution.status,
        "assigned": solution.assigned,
        "score": solution.score,
        "bound": solution.bound,
        "gap": solution.gap,
        "seconds": round(solution.seconds, 4),
        "assigned_by_tier": {str(tier): count for tier, count in solution.assigned_by_tier.items()},
        **_most_placed(solution),
        "assignments": {case: instance.candidate_ids[at] for case, at in pairs if at >= 0},
        "unassigned": {
            instance.case_ids[case]: {"reason": reason.code, "detail": reason.detail}
            for case, reason in sorted(solution.reasons.items())
        },
    }


def _most_placed(solution: Solution) -> dict[str, Any]:
    """How many of each tier could be placed at most, where the method says so beside its own count."""
    bounds: dict[int, int] = getattr(solution, "placed_bounds", {})
    return {"most_by_tier": {str(tier): most for tier, most in bounds.items()}} if bounds else {}


def _content(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _name(name: str) -> str:
    return "standard input" if name == "-" else name


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. What is no file (a pipe, a device) is written to as it is."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
