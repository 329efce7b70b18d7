"""What providers does after the fact."""

from marketplace.providers.tasks import (
    choosing,
    enquiries,
    evaluation,
    index,
    joining,
    listings,
    passports,
)

__all__ = [
    "choosing",
    "enquiries",
    "evaluation",
    "index",
    "joining",
    "listings",
    "passports",
]
