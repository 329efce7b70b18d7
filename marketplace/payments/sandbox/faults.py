"""Faults on demand: what goes wrong with the next calls and deliveries."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from marketplace.payments.sandbox.errors import ApiError

Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]

REORDER_SPACING_SECONDS = 0.05


class CallFault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the next API calls."""

    action: Literal["fail", "hang"]
    """`fail` answers `status`; `hang` waits `seconds` and then answers as usual."""
    count: Count = 1
    """How many calls it hits."""
    path: str = ""
    """Only calls whose path starts so, like `/v1/refunds`."""
    stage: Literal["before", "after"] = "before"
    """`after` does the work first: the caller does not learn that it was done."""
    status: Literal[409, 429, 500, 502, 503] = 500
    seconds: Seconds = 30
    stored: bool = False
    """The failure (before the work) is replayed for every further call with its idempotency key."""

    def error(self) -> ApiError:
        """The answer of a failing call."""
        if self.status == 429:
            return ApiError(429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
        if self.status == 409:
            return ApiError(409, "invalid_request_error", "This object cannot be accessed now.", code="lock_timeout")
        return ApiError(self.status, "api_error", "An unknown error occurred.", kept=self.stored)


class DeliveryFault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the next events on their way out."""

    action: Literal["delay", "duplicate", "reorder", "drop"]
    """`drop` loses the event for good; it stays visible under `/v1/events`."""
    count: Count = 1
    """How many events it hits; for `reorder`, how many arrive in reversed order."""
    kind: str = ""
    """Only events of this type."""
    seconds: Seconds = 0
    """Length of a delay; for `reorder`, the pause between two events."""
    copies: Count = 2
    """How often a duplicated event is sent in all."""

    def due_after_seconds(self) -> list[float]:
        """When the event in hand is sent, from now; nothing for a dropped one."""
        match self.action:
            case "drop":
                return []
            case "delay":
                return [self.seconds]
            case "duplicate":
                return [self.seconds * copy for copy in range(self.copies)]
            case "reorder":
                # The first of them waits longest: events of one payment leave together and so arrive reversed.
                return [(self.seconds or REORDER_SPACING_SECONDS) * self.count]


class FaultPlan(msgspec.Struct, forbid_unknown_fields=True):
    """All faults that are still to come, in order."""

    calls: list[CallFault] = []
    deliveries: list[DeliveryFault] = []

    def add(self, more: FaultPlan) -> None:
        """Queue further faults behind those that are there."""
        self.calls.extend(more.calls)
        self.deliveries.extend(more.deliveries)

    def next_call(self, path: str) -> CallFault | None:
        """Use up the first fault that fits this call."""
        for fault in self.calls:
            if path.startswith(fault.path):
                used = msgspec.structs.replace(fault)
                fault.count -= 1
                if fault.count == 0:
                    self.calls.remove(fault)
                return used
        return None

    def next_delivery(self, kind: str) -> DeliveryFault | None:
        """Use up the first fault that fits this event; its `count` is what was left before."""
        for fault in self.deliveries:
            if fault.kind in {"", kind}:
                used = msgspec.structs.replace(fault)
                fault.count -= 1
                if fault.count == 0:
                    self.deliveries.remove(fault)
                return used
        return None
