"""Signs events and posts them until they are taken."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress

import httpx

from marketplace.payments.sandbox.config import SandboxConfig
from marketplace.payments.sandbox.faults import FaultPlan
from marketplace.payments.sandbox.store import Entry, Store

logger = logging.getLogger("marketplace.payments.sandbox")


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over time, full stop and body."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + payload, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class Deliveries:
    """Events on their way to the platform, each with a time when it is due.

    An event that is refused or not answered comes back after the next of
    `retry_seconds`. What was not delivered when the sandbox stopped is sent
    again when it starts.
    """

    def __init__(
        self,
        config: SandboxConfig,
        store: Store,
        faults: FaultPlan,
        now_seconds: Callable[[], int],
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self._config = config
        self._store = store
        self._faults = faults
        self._now_seconds = now_seconds
        self._transport = transport
        self._waiting: list[tuple[float, int, int, Entry]] = []
        self._counter = 0
        self._wake = asyncio.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether there is anyone to send events to."""
        return self._config.webhook_url is not None

    def queue(self, event: Entry) -> None:
        """Send an event soon, or as the next fault says."""
        if not self.is_wanted:
            return
        fault = self._faults.next_delivery(event.body["type"])
        due_after = [0.0] if fault is None else fault.due_after_seconds()
        if not due_after:
            event.body["pending_webhooks"] = 0
            self._store.touch(event)
        for seconds in due_after:
            self._push(event, seconds, attempt=0)

    def resume(self) -> None:
        """Queue what an earlier run did not deliver, oldest first."""
        for event in reversed(list(self._store.each("event"))):
            if event.body["pending_webhooks"] and self.is_wanted:
                self._push(event, 0, attempt=0)

    def waiting(self) -> list[dict[str, object]]:
        """Events that are not delivered yet, next one first."""
        now = asyncio.get_running_loop().time()
        return [
            {"event": event.id, "type": event.body["type"], "attempt": attempt, "due_in_seconds": round(due - now, 3)}
            for due, _, attempt, event in sorted(self._waiting, key=lambda item: item[:2])
        ]

    async def run(self) -> None:
        """Deliver for ever."""
        timeout = httpx.Timeout(self._config.webhook_timeout_seconds)
        # The receiver is on this machine: proxies from the environment would not reach it.
        async with httpx.AsyncClient(transport=self._transport, timeout=timeout, trust_env=False) as client:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._seconds_to_next())
                self._wake.clear()
                while self._waiting and self._seconds_to_next() == 0:
                    _, _, attempt, event = heapq.heappop(self._waiting)
                    await self._deliver(client, event, attempt)

    def _push(self, event: Entry, seconds: float, attempt: int) -> None:
        self._counter += 1
        due = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._waiting, (due, self._counter, attempt, event))
        self._wake.set()

    def _seconds_to_next(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0][0] - asyncio.get_running_loop().time())

    async def _deliver(self, client: httpx.AsyncClient, event: Entry, attempt: int) -> None:
        payload = json.dumps(event.body | {"pending_webhooks": 1}, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(payload, self._config.webhook_secret, self._now_seconds()),
            "User-Agent": "Stripe/1.0 (sandbox)",
        }
        try:
            answer = await client.post(self._config.webhook_url or "", content=payload, headers=headers)
            outcome = str(answer.status_code)
            taken = answer.is_success
        except httpx.HTTPError as error:
            outcome, taken = type(error).__name__, False
        if taken:
            event.body["pending_webhooks"] = 0
            self._store.touch(event)
            self._store.commit()
            return
        logger.warning("event %s (%s) was not taken: %s", event.id, event.body["type"], outcome)
        if attempt < len(self._config.retry_seconds):
            self._push(event, self._config.retry_seconds[attempt], attempt + 1)
