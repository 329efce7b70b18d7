"""Looking at a file before it is kept: opened in a process of its own, then shown to the virus scanner.

Holds no transaction: call it before the one that keeps the file.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
import structlog

from marketplace.core.errors import Unavailable
from marketplace.core.files.inspection import refuse_size
from marketplace.core.files.kinds import LIMITS, CleanFile, FileRefused, GivenFile, Limits, damaged, too_complex
from marketplace.core.files.names import clean_name
from marketplace.core.files.scanner import Verdict, scanner
from marketplace.core.files.sniffing import family_of, infected, refuse_test_virus
from marketplace.core.files.worker import Answer, Question

log = structlog.get_logger(__name__)

SECONDS: Final = 30
"""Longest look at one file. The largest picture we take needs about five."""
WAIT_SECONDS: Final = 60
"""Longest wait, with those that came before."""
AT_ONCE: Final = 2
"""Files opened at once by a process of the site: more would only share the processors and take their memory twice."""

_ROOT: Final = Path(__file__).resolve().parents[3]
_pool: Final = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="files")


class CheckedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that passed, and what the scanner said. A waiting one is kept and opened by nobody."""

    clean: CleanFile
    is_scanned: bool


async def check(name: str, content: bytes, limits: Limits = LIMITS) -> CheckedFile:
    """Look at a file, clean it and have it scanned.

    Args:
        name: As sent.
        content: The whole file.
        limits: How much is opened at most.

    Raises:
        FileRefused: It is not taken; the message says why and what to do.
        Unavailable: Too many others wait for the same.
    """
    refuse_size(content, limits)
    refuse_test_virus(content)
    family_of(content)  # What is refused by its first bytes needs no process.
    clean = await _inspected(name, content, limits)
    verdict = await scanner().scan(clean.content)
    if verdict is Verdict.INFECTED:
        raise infected()
    return CheckedFile(clean=clean, is_scanned=verdict is Verdict.CLEAN)


async def check_all(given: Sequence[GivenFile], *, field: str, most: int = 5) -> list[CheckedFile]:
    """Look at the files of one field, one after the other.

    Args:
        given: As they arrived.
        field: Where to show what is wrong.
        most: How many there may be.

    Raises:
        FileRefused: The first that is not taken, with its name where there are several.
        Unavailable: Too many others wait for the same.
    """
    if len(given) > most:
        raise FileRefused("number", f"Choose {most} files or fewer", field)
    checked: list[CheckedFile] = []
    for file in given:
        try:
            checked.append(await check(file.name, file.content))
        except FileRefused as error:
            named = f"“{clean_name(file.name, None)}”: {error.message}" if len(given) > 1 else error.message
            raise FileRefused(error.reason, named, field) from error
    return checked


async def _inspected(name: str, content: bytes, limits: Limits) -> CleanFile:
    question = msgspec.msgpack.encode(Question(name, content, limits))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await asyncio.get_running_loop().run_in_executor(_pool, _ask, question)
    except TimeoutError as error:
        raise Unavailable("Many files are being sent at the moment. Try again in a few minutes.") from error
    if answer.clean is None:
        raise FileRefused(answer.reason, answer.message)
    return answer.clean


def _ask(question: bytes) -> Answer:
    """Run the process. Its environment has nothing of ours but where the code is."""
    environment = {"PYTHONPATH": str(_ROOT), "PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    if "SYSTEMROOT" in os.environ:
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "marketplace.core.files.worker"],
            input=question,
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _refusal(too_complex("file"))
    except OSError as error:
        raise Unavailable("Files cannot be taken at the moment. Try again in a few minutes.") from error
    if done.returncode == 0:
        try:
            return msgspec.msgpack.decode(done.stdout, type=Answer)
        except msgspec.MsgspecError:
            log.warning("file-process-answer", size=len(done.stdout))
            return _refusal(damaged("file"))
    # The last line of a trace names the error; a signal (memory, time) leaves none.
    last = done.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]
    log.warning("file-process-ended", returncode=done.returncode, error=last.split(":")[0][:80])
    is_bound = done.returncode < 0 or "MemoryError" in last
    return _refusal(too_complex("file") if is_bound else damaged("file"))


def _refusal(error: FileRefused) -> Answer:
    return Answer(reason=error.reason, message=error.message)
