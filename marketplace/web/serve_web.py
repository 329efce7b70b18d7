"""The web server as a process of its own: `python -m marketplace.web.serve_web --port 8000`.

Granian's Python interface is used, not its command: this way each worker process first arranges to end with the main
one. Measured: without that, `kill -9` of granian's main process leaves its workers running on the port for ever.
"""

import argparse
import errno
import importlib
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

from marketplace.web.embedded.process import exit_when_orphaned

DEFAULT_APP = "marketplace.web.app:create_app"
WORKER_STOP_SECONDS = 10
EXIT_CANNOT_LISTEN = 2


def load_application(target: str) -> Any:
    """Build the ASGI application in a worker process.

    Args:
        target: `module:factory`; the factory takes no arguments.
    """
    # The fork copied the main process's handlers, which would swallow a SIGTERM that arrives during the imports below.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    exit_when_orphaned()
    module, _, name = target.partition(":")
    factory: Callable[[], Any] = getattr(importlib.import_module(module), name)
    return factory()


def check_address(host: str, port: int) -> str | None:
    """Why the server could not listen there, or None. Granian itself would share a port with a running instance."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program. Set PORT to a free one."
        return f"Cannot listen on {host} port {port}: {error.strerror or error}."
    return None


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Exits with 2 when the address cannot be used."""
    parser = argparse.ArgumentParser(prog="serve_web", description="Serve the web application.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--app", default=DEFAULT_APP, help="MODULE:FACTORY of an ASGI application")
    parser.add_argument("--log-level", default="warning", choices=[level.value for level in LogLevels])
    options = parser.parse_args(arguments)

    problem = check_address(options.host, options.port)
    if problem is not None:
        print(problem, file=sys.stderr)  # noqa: T201
        return EXIT_CANNOT_LISTEN

    server = Server(
        options.app,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=max(1, options.workers),
        loop=Loops.auto,
        http=HTTPModes.auto,
        websockets=False,
        log_level=LogLevels(options.log_level),
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_STOP_SECONDS,
    )
    server.serve(target_loader=partial(load_application, options.app), wrap_loader=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
