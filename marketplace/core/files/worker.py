"""The process in which one file is opened: `python -m marketplace.core.files.worker`, file in, answer out.

It has no secrets in its environment, holds one file, and ends when that is done or its share of memory or time is
used up: a flaw in a decoder, or a file made to eat memory, harms this process alone.
"""

import sys
from contextlib import suppress

import msgspec

from marketplace.core.files.inspection import inspect
from marketplace.core.files.kinds import CleanFile, FileRefused, Limits

MEMORY_BYTES = 1_200_000_000
"""A picture of 40 megapixels takes about 600 MB while it is turned and written."""
CPU_SECONDS = 25


class Question(msgspec.Struct):
    """A file to look at."""

    name: str
    content: bytes
    limits: Limits


class Answer(msgspec.Struct):
    """What became of it: a clean file, or why not."""

    clean: CleanFile | None = None
    reason: str = ""
    message: str = ""


def main() -> None:
    """Read the question from standard input and write the answer to standard output."""
    limit_self()
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    try:
        answer = Answer(clean=inspect(question.name, question.content, question.limits))
    except FileRefused as error:
        answer = Answer(reason=error.reason, message=error.message)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def limit_self() -> None:
    """Take no more memory and time than one file may need, and write nothing to disk."""
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        # macOS does not know all of them; the parent's own limit on time holds everywhere.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
