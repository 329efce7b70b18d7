"""Processes that end with their parent, file locks that end with their process, and waiting with a deadline."""

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from marketplace.web.embedded.errors import ServiceError

POLL_SECONDS = 0.02
IS_LINUX = sys.platform == "linux"  # A name of its own, so that the type checker reads both branches.

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _load_prctl() -> Callable[..., int] | None:
    """Bind prctl before any fork: looking it up between fork and exec could meet a lock held by a lost thread."""
    if not IS_LINUX:
        return None
    function: Any = ctypes.CDLL(None).prctl
    function.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
    function.restype = ctypes.c_int
    bound: Callable[..., int] = function
    return bound


_prctl = _load_prctl()


def ends_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """Make a `preexec_fn`: the kernel sends `signum` to the child when its parent ends, even by kill -9.

    Linux ties this to the parent THREAD: start such children from the main thread, or from one that lives as long.
    Other systems have no such thing and get None; there `exit_when_orphaned` has to do.
    """
    prctl = _prctl
    if prctl is None:
        return None
    parent = os.getpid()

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # The parent was already gone: no signal will come.
            os._exit(1)

    return before_exec


def exit_when_orphaned(grace_seconds: float = 10.0, poll_seconds: float = 0.5) -> None:
    """End this process soon after its parent: SIGTERM first, after the grace period at once.

    Call it early in a child that must not outlive its parent. It covers what the death signal cannot: systems other
    than Linux, a parent that ended before this call, and a handler of SIGTERM that never finishes.
    """
    parent = os.getppid()
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        os._exit(1)

    threading.Thread(target=watch, name="orphan-watch", daemon=True).start()


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists, whoever owns it. A dead child that nobody collected counts as gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    with contextlib.suppress(OSError):
        # The state follows the name, which is in brackets and may itself hold brackets.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    return True


def wait_until(condition: Callable[[], bool], deadline_seconds: float) -> bool:
    """Ask until it is true or the time is over; returns the last answer."""
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tail(path: Path, characters: int = 2000) -> str:
    """The end of a log file, for an error message; empty when there is none."""
    try:
        return path.read_text(errors="replace")[-characters:].strip()
    except OSError:
        return ""


class FileLock:
    """An advisory lock on a file (flock), which the kernel frees when the process ends, however it ends.

    The file itself stays: removing it would let two processes lock two files of one name. The data directory has to
    be on a local disk, since network file systems treat flock in ways of their own.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; its folder must exist when the lock is taken."""
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if that is possible now; several may share it, only one may have it alone."""
        if self._descriptor is not None:
            raise RuntimeError(f"{self.path} is already locked by this object")
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def acquire(self, deadline_seconds: float, *, shared: bool = False) -> None:
        """Take the lock, waiting for it.

        Raises:
            ServiceError: Another process kept it for the whole time.
        """
        if not wait_until(lambda: self.try_acquire(shared=shared), deadline_seconds):
            raise ServiceError(f"Another process kept {self.path} locked for {deadline_seconds:g} seconds.")

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_free(self) -> bool:
        """Whether nobody holds the lock alone.

        Asked by sharing it for a moment: two askers must not take each other for its holder.
        """
        probe = FileLock(self.path)
        free = probe.try_acquire(shared=True)
        probe.release()
        return free
