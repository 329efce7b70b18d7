"""The process that owns one embedded server, for as long as somebody holds a lease on it.

    python -m marketplace.web.embedded.keeper postgres DATA_DIR [--fast-and-unsafe]

`lease.py` starts it; nobody else needs to. Every user of the server holds `leases.lock` shared. The keeper asks for
the same lock alone, and gets it when the last user is gone, whether that one finished or was killed: then it stops the
server and ends. While it holds the lock nobody can take a new lease, so nobody is handed a server that is going away.

A server that crashes is started again. A keeper that is killed takes its server along (death signal on Linux), and the
next one stops whatever is left.
"""

import argparse
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

from marketplace.web.embedded.errors import ServiceError
from marketplace.web.embedded.process import FileLock
from marketplace.web.embedded.services import READY, SERVICES, Service

TICK_SECONDS = 0.1
GRACE_SECONDS = 30.0  # After SIGTERM: the time users get to finish before the server is stopped under them.
MOST_RESTARTS_A_MINUTE = 5


class Keeper:
    """Starts the server, watches it, stops it after its last user."""

    def __init__(self, service: Service) -> None:
        """The service is not running yet."""
        self._service = service
        self._leases = FileLock(service.home / "leases.lock")
        self._stop_at: float | None = None
        self._restarts: deque[float] = deque()

    def ask_to_stop(self, *_: object) -> None:
        """Stop when the users are gone, at the latest after the grace period (handler of SIGTERM)."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + GRACE_SECONDS

    def keep(self) -> None:
        """Watch the running server until nobody uses it, then stop it."""
        try:
            while not self._leases.try_acquire():
                if self._stop_at is not None and time.monotonic() > self._stop_at:
                    break
                if not self._service.is_running:
                    self._start_again()
                time.sleep(TICK_SECONDS)
            self._service.stop()
        finally:
            self._leases.release()

    def _start_again(self) -> None:
        now = time.monotonic()
        while self._restarts and self._restarts[0] < now - 60:
            self._restarts.popleft()
        if len(self._restarts) >= MOST_RESTARTS_A_MINUTE:
            raise ServiceError(f"The server ended {len(self._restarts) + 1} times within a minute.")
        self._restarts.append(now)
        print("The server ended by itself and is started again.", file=sys.stderr, flush=True)  # noqa: T201
        self._service.start()


def main(arguments: list[str]) -> int:
    """Keep one service. The first line on standard output says `ready URL` or why it is not."""
    parser = argparse.ArgumentParser(prog="keeper", description="Own one embedded server while it is used.")
    parser.add_argument("service", choices=sorted(SERVICES))
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--fast-and-unsafe", action="store_true", help="no safety against a crash of the machine")
    options = parser.parse_args(arguments)

    service = SERVICES[options.service](options.data_dir, not options.fast_and_unsafe)
    keeper = Keeper(service)
    signal.signal(signal.SIGTERM, keeper.ask_to_stop)
    for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(signum, signal.SIG_IGN)

    own = FileLock(service.home / "keeper.lock")
    try:
        own.acquire(10.0)
        service.start()
    except (ServiceError, OSError) as error:
        _say(str(error))
        return 1
    _say(f"{READY} {service.url()}")
    try:
        keeper.keep()
    except ServiceError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201
        service.stop()
        return 1
    finally:
        own.release()
    return 0


def _say(text: str) -> None:
    """Tell the process that started us, then close the pipe to it."""
    try:
        os.write(1, f"{text}\n".encode())
    except OSError:
        return  # It is gone; whether anyone else needs the server the lock will tell.
    finally:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
