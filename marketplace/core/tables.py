"""All tables: imports each package's models by name so that the metadata is whole.

The names are strings because `core` is below every package; only migrations, checks and tests use this.
"""

from importlib import import_module

from marketplace.core.database import Base

PACKAGES = (
    "core",
    "accounts",
    "messaging",
    "ledger",
    "people",
    "providers",
    "matching",
    "plans",
    "bookings",
    "payments",
    "quality",
)

for _package in PACKAGES:
    import_module(f"marketplace.{_package}.models")

METADATA = Base.metadata
