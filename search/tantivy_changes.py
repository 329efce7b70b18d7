"""The changes of a generation on disk: a line for each write, each with the number of the row after it."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from search.tantivy_sets import Change


class Line(msgspec.Struct, array_like=True):
    """One line."""

    next_row: int
    change: Change


def changes_after(folder: Path, read_bytes: int) -> tuple[list[Change], int]:
    """Read the changes behind those read already.

    Returns:
        The changes, and how many bytes of the file are read now: a line still being written is left for later.
    """
    with (folder / "changes").open("rb") as file:
        file.seek(read_bytes)
        new = file.read()
    whole = new[: new.rfind(b"\n") + 1]
    lines = [msgspec.json.decode(line, type=Line) for line in whole.splitlines()]
    return [line.change for line in lines], read_bytes + len(whole)


def append_changes(folder: Path, changes: Sequence[Change], next_row: int) -> None:
    """Write changes behind the others. The last line names the next free row."""
    content = b"".join(msgspec.json.encode(Line(next_row, change)) + b"\n" for change in changes)
    with (folder / "changes").open("ab") as file:
        file.write(content)


def next_row(folder: Path, built_rows: int) -> int:
    """Number of the next row of a generation; what a dying process wrote of a line is cut off.

    Args:
        built_rows: Rows of the generation when it was built.
    """
    path = folder / "changes"
    size = path.stat().st_size
    with path.open("rb+") as file:
        last = b""
        block = 1 << 16
        while size:
            file.seek(max(0, size - block))
            tail = file.read(min(block, size))
            end = tail.rfind(b"\n")
            begin = tail.rfind(b"\n", 0, end)
            if end >= 0 and (begin >= 0 or len(tail) == size):
                last = tail[begin + 1 : end]
                file.truncate(size - len(tail) + end + 1)
                break
            if len(tail) == size:
                file.truncate(0)
                break
            block *= 4
    return msgspec.json.decode(last, type=Line).next_row if last else built_rows


def lines_of(path: Path) -> list[bytes]:
    """Lines of a file, none when it does not exist."""
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step, so that nobody sees half of it."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
