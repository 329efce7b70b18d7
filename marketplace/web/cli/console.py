"""What commands say: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

Progress = Callable[[float, int], None]
"""Takes the share done (0 to 1) and the rows so far."""


class CommandFailed(Exception):
    """A command cannot do what it was asked to; the message is one line for the operator."""


def say(text: str) -> None:
    """Tell the operator something that is not the result."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a result for programs: JSON, indented, ids and days as text."""
    print(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False), flush=True)


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print a result for people: a name and a figure on each line."""
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        words = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        print(f"{name.replace('_', ' '):<{width}}  {words}", flush=True)


@contextmanager
def progress(label: str, of: str = "rows") -> Generator[Progress, None, None]:
    """Show a bar while something long goes on, and how many `of` it are done. Without a terminal nothing is shown."""
    if not sys.stderr.isatty():
        yield lambda share, rows: None
        return
    from tqdm import tqdm

    with tqdm(total=100, desc=label, unit="%", bar_format="{desc} {percentage:3.0f}% {bar} {postfix}") as bar:

        def show(share: float, rows: int) -> None:
            bar.n = round(100 * min(1.0, share), 1)
            bar.set_postfix_str(f"{rows:,} {of}", refresh=True)

        yield show
