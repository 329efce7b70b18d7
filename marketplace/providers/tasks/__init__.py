"""What providers does after the fact."""

from marketplace.providers.tasks import (
    choosing,
    enquiries,
    evidence_files,
    frameworks,
    index,
    joining,
    listings,
    passports,
)

__all__ = [
    "choosing",
    "enquiries",
    "evidence_files",
    "frameworks",
    "index",
    "joining",
    "listings",
    "passports",
]
