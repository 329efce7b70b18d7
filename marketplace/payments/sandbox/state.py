"""Everything one running sandbox holds, and how a fact becomes an event."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from marketplace.payments.sandbox.accounts import platform_account
from marketplace.payments.sandbox.config import SandboxConfig
from marketplace.payments.sandbox.faults import FaultPlan
from marketplace.payments.sandbox.objects import PLATFORM_ACCOUNT, new_event
from marketplace.payments.sandbox.store import Entry, Json, Store
from marketplace.payments.sandbox.webhooks import Deliveries


@dataclass(frozen=True)
class Call:
    """One API call, as far as objects and events want to know it."""

    account: str = ""
    """Connected account that the call acts for; empty for the platform itself."""
    params: Json = field(default_factory=dict)
    request_id: str | None = None
    """None for what happens on a page or by the clock."""
    idempotency_key: str | None = None


class Sandbox:
    """Objects, faults, deliveries and the clock of one sandbox."""

    def __init__(
        self,
        config: SandboxConfig,
        clock: Callable[[], datetime],
        webhook_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.faults = FaultPlan()
        self.store = Store(config.state_file)
        self.deliveries = Deliveries(config, self.store, self.faults, self.now_seconds, webhook_transport)
        self.keys_in_use: set[tuple[str, str]] = set()
        if self.store.anyones("account", PLATFORM_ACCOUNT) is None:
            self.store.add(platform_account(self.now_seconds()), "")
            self.store.commit()

    def now_seconds(self) -> int:
        """Seconds since 1970, as Stripe writes instants."""
        return int(self.clock().timestamp())

    def publish(self, kind: str, entry: Entry, call: Call, *, before: Json | None = None) -> None:
        """Record what happened to an object and tell the platform.

        Args:
            kind: Type of the event.
            entry: The object as it is now; the event keeps a copy.
            call: What made it happen.
            before: Fields as they were, for a change.
        """
        body = new_event(
            created=self.now_seconds(),
            kind=kind,
            body=copy.deepcopy(entry.body),
            before=before,
            account=entry.account,
            request={"id": call.request_id, "idempotency_key": call.idempotency_key},
            pending=int(self.deliveries.is_wanted),
        )
        self.deliveries.queue(self.store.add(body, entry.account))
