"""Figures for Prometheus: requests by route, the outbox's backlog, search and database health."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("marketplace_requests_total", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "marketplace_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
OUTBOX_WAITING = Gauge("marketplace_outbox_waiting", "Outbox messages not yet relayed", registry=REGISTRY)
OUTBOX_OPEN = Gauge("marketplace_outbox_open", "Deliveries not yet handled", registry=REGISTRY)
OUTBOX_PARKED = Gauge("marketplace_outbox_parked", "Deliveries parked after too many failures", registry=REGISTRY)

__all__ = ["CONTENT_TYPE_LATEST", "OUTBOX_OPEN", "OUTBOX_PARKED", "OUTBOX_WAITING", "observe", "render"]


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request. `route` is the template of the address, so that no id becomes a label."""
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(route).observe(seconds)


def render() -> bytes:
    """Return all figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
