"""A stand-in for the Stripe endpoints that the platform calls.

The real SDK talks to it over HTTP, a browser pays on its hosted test-card
page, and it posts signed events back: so a demo takes a payment end to end
without an account at Stripe, and tests can have duplicates, delays and
failures on demand. No money moves. It refuses to run beside a live key.

Tour: `api.py` answers `/v1/` (authentication, idempotency, faults, the table
of endpoints); `checkout.py`, `refunds.py` and `resources.py` do the work;
`objects.py` and `accounts.py` build Stripe's shapes; `pages.py` serves the
payment page; `webhooks.py` signs and delivers; `control.py` takes faults;
`state.py` and `store.py` keep it all, in one process.

Start it with `python -m marketplace.payments.sandbox` and the variables
`SANDBOX_HOST`, `SANDBOX_PORT`, `SANDBOX_PUBLIC_URL`, `SANDBOX_API_KEY`,
`SANDBOX_WEBHOOK_URL`, `SANDBOX_WEBHOOK_SECRET`, `SANDBOX_STATE_FILE`.
"""

from marketplace.payments.sandbox.app import create_sandbox
from marketplace.payments.sandbox.config import DEFAULT_API_KEY, SandboxConfig, SandboxRefused
from marketplace.payments.sandbox.faults import CallFault, DeliveryFault, FaultPlan

__all__ = [
    "DEFAULT_API_KEY",
    "CallFault",
    "DeliveryFault",
    "FaultPlan",
    "SandboxConfig",
    "SandboxRefused",
    "create_sandbox",
]
