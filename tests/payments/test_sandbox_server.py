"""The sandbox as a supervisor runs it: a process of its own, on the loopback network."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from marketplace.payments.sandbox import DEFAULT_API_KEY
from marketplace.payments.stripe_gateway import StripeGateway

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    # The SDK hands its encoded body to httpx under the older name.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
SECRET = "whsec_of_the_process"
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def anyio_backend():
    return "asyncio"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(port, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SANDBOX_", "STRIPE_"))}
    settings = {"SANDBOX_HOST": "127.0.0.1", "SANDBOX_PORT": str(port), "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [sys.executable, "-m", "marketplace.payments.sandbox"],
        env=inherited | settings | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(10)
    finally:
        process.kill()
        process.stderr.close()


async def until_ready(process, port):
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                return await client.get(f"http://127.0.0.1:{port}/sandbox/health")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise AssertionError(f"the sandbox did not start: {process.stderr.read().decode()[-2000:]}")


async def test_a_process_takes_a_payment_delivers_it_and_remembers_it(tmp_path):
    arrived = asyncio.Queue()

    async def take(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await arrived.put((body, headers["stripe-signature"]))

    receiver = await asyncio.start_server(take, "127.0.0.1", 0)
    port = free_port()
    environment = {
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/webhooks/stripe",
        "SANDBOX_WEBHOOK_SECRET": SECRET,
        "SANDBOX_STATE_FILE": str(tmp_path / "sandbox.db"),
    }
    gateway = StripeGateway(DEFAULT_API_KEY, f"http://127.0.0.1:{port}", SECRET)
    process = start(port, **environment)
    try:
        await until_ready(process, port)
        session = await gateway.create_checkout(
            attempt_id="a-1",
            amount_pence=1_250,
            description="Visit",
            success_url="http://127.0.0.1/done",
            cancel_url="http://127.0.0.1/cancelled",
            customer_email="payer@example.com",
            connected_account=None,
            expires_at=None,
            metadata={},
        )
        card = {"name": "Pat", "number": "4242424242424242", "expiry": "12/34", "cvc": "123"}
        async with httpx.AsyncClient(trust_env=False) as browser:
            assert (await browser.post(session.url, data=card)).status_code == 303
        kinds = []
        while "checkout.session.completed" not in kinds:
            body, signature = await asyncio.wait_for(arrived.get(), 10)
            kinds.append(gateway.parse_event(body, signature, datetime.now(UTC)).kind)
    finally:
        code = stop(process)
    assert code == 0

    process = start(port, **environment)
    try:
        await until_ready(process, port)
        assert (await gateway.get_checkout(session.id, None)).payment_status == "paid"
    finally:
        stop(process)
        await gateway.close()
        receiver.close()
        await receiver.wait_closed()
    assert arrived.empty()


def test_a_process_beside_a_live_key_does_not_start():
    process = start(free_port(), STRIPE_SECRET_KEY="sk_live_0123456789")
    try:
        assert process.wait(30) == 2
        told = process.stderr.read().decode()
    finally:
        process.kill()
        process.stderr.close()
    assert "does not run where a live Stripe key is set" in told
    assert "0123456789" not in told
