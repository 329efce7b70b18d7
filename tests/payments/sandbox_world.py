"""A sandbox, the real SDK in front of it, a payer's browser, and a receiver of its events, all in this process."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import stripe

from marketplace.payments.sandbox import DEFAULT_API_KEY, SandboxConfig, create_sandbox
from marketplace.payments.stripe_gateway import CheckoutSession, StripeEvent, StripeGateway

SECRET = "whsec_test_of_the_sandbox"
PUBLIC_URL = "http://sandbox.example"
SUCCESS_URL = "http://market.example/payments/done?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://market.example/payments/cancelled"

PAYS = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
NO_FUNDS = "4000 0000 0000 9995"
ASKS = "4000 0025 0000 3155"


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Receiver:
    """Takes events as an ASGI application; answers `answers` first, then 200."""

    answers: list[int] = field(default_factory=list)
    taken: list[tuple[bytes, str]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        signature = dict(scope["headers"])[b"stripe-signature"].decode()
        status = self.answers.pop(0) if self.answers else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        async with self.arrived:
            self.taken.append((body, signature))
            self.arrived.notify_all()

    @property
    def kinds(self) -> list[str]:
        """Types of all events that came, in the order of arrival."""
        return [json.loads(body)["type"] for body, _ in self.taken]

    async def until(self, count: int) -> list[str]:
        """Wait for so many events in all."""
        async with self.arrived, asyncio.timeout(5):
            await self.arrived.wait_for(lambda: len(self.taken) >= count)
        return self.kinds


class World:
    """Everything a payment needs."""

    def __init__(self, **config: Any) -> None:
        self.clock = MovableClock()
        self.receiver = Receiver()
        settings = {
            "public_base_url": PUBLIC_URL,
            "webhook_url": "http://market.example/webhooks/stripe",
            "webhook_secret": SECRET,
            "retry_seconds": (0.01, 0.01),
        }
        self.app = create_sandbox(
            SandboxConfig(**(settings | config)),
            clock=self.clock,
            webhook_transport=httpx.ASGITransport(self.receiver),
        )
        self.api = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {DEFAULT_API_KEY}"},
        )
        self.gateway = self.gateway_with()

    def gateway_with(
        self, key: str = DEFAULT_API_KEY, *, app: Any = None, total_seconds: float = 5, secret: str = SECRET
    ) -> StripeGateway:
        """The real gateway and SDK, with this process instead of the network."""
        client = stripe.HTTPXClient(verify_ssl_certs=False)
        client._client_async = httpx.AsyncClient(transport=httpx.ASGITransport(app or self.app))
        return StripeGateway(key, "http://127.0.0.1", secret, http_client=client, total_seconds=total_seconds)

    async def checkout(self, **changes: Any) -> CheckoutSession:
        """Open a payment page; `changes` replace what a test cares about."""
        wanted = {
            "attempt_id": "attempt-1",
            "amount_pence": 4_500,
            "description": "Support planning, 2 hours",
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "customer_email": "payer@example.com",
            "connected_account": None,
            "expires_at": None,
            "metadata": {"booking_id": "b-1"},
        }
        return await self.gateway.create_checkout(**(wanted | changes))

    async def type_card(self, session: CheckoutSession, number: str, **changes: str) -> httpx.Response:
        """Fill in the payment page and send it."""
        assert session.url is not None
        fields = {"name": "Pat Payer", "number": number, "expiry": "12/34", "cvc": "123"}
        return await self.api.post(session.url.removeprefix(PUBLIC_URL), data=fields | changes)

    async def paid(self, **changes: Any) -> CheckoutSession:
        """A session that has been paid."""
        session = await self.checkout(**changes)
        answer = await self.type_card(session, PAYS)
        assert answer.status_code == 303
        return await self.gateway.get_checkout(session.id, changes.get("connected_account"))

    async def faults(self, **plan: list[dict[str, Any]]) -> None:
        """Order faults."""
        answer = await self.api.post("/sandbox/faults", json=plan)
        assert answer.status_code == 200, answer.text

    def event(self, number: int, **changes: Any) -> StripeEvent:
        """Verify and read an event that came."""
        body, signature = self.receiver.taken[number]
        return self.gateway.parse_event(
            changes.get("body", body), changes.get("signature", signature), changes.get("now", self.clock.now)
        )

    async def charged(self, account: str | None = None) -> int:
        """Pence that all cards together have been charged."""
        headers = {"Stripe-Account": account} if account else {}
        answer = await self.api.get("/v1/charges", params={"limit": 100}, headers=headers)
        return sum(charge["amount_captured"] - charge["amount_refunded"] for charge in answer.json()["data"])


@asynccontextmanager
async def open_world(**config: Any) -> AsyncGenerator[World]:
    """A world while its sandbox's background work runs."""
    world = World(**config)
    async with world.app.lifespan():
        yield world
    await world.api.aclose()
    await world.gateway.close()


def visible_text(page: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
