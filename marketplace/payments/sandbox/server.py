"""Serves the sandbox until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

from marketplace.payments.sandbox.app import create_sandbox
from marketplace.payments.sandbox.config import SandboxConfig, SandboxRefused, config_from_environment

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8420


def run(host: str, port: int, config: SandboxConfig) -> None:
    """Serve until SIGTERM or SIGINT, in this process and with no child.

    End the process with `os._exit` afterwards, as `__main__.py` does and says why.

    Args:
        host: Address to bind; a loopback one is the caller's duty.
        port: Port to bind.
        config: See `SandboxConfig`.

    Raises:
        SandboxRefused: A live key or a configuration that cannot work.
    """
    asyncio.run(_serve(host, port, config))


def main() -> int:
    """Serve as the `SANDBOX_*` variables say; 2 when the sandbox refuses to start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Addresses of payment pages are secrets, and httpx logs every address at this level.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    host = os.environ.get("SANDBOX_HOST") or DEFAULT_HOST
    try:
        port = int(os.environ.get("SANDBOX_PORT") or DEFAULT_PORT)
    except ValueError:
        sys.stderr.write("SANDBOX_PORT must be a number.\n")
        return 2
    try:
        run(host, port, config_from_environment(os.environ, host=host, port=port))
    except SandboxRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0


async def _serve(host: str, port: int, config: SandboxConfig) -> None:
    app = create_sandbox(config)
    server = Server(app, address=host, port=port, interface=Interfaces.ASGI, websockets=False, log_access=False)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
