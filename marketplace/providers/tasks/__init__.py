"""What providers does after the fact."""

from marketplace.providers.tasks import (
    choosing,
    enquiries,
    evidence_files,
    index,
    joining,
    listings,
    passports,
    people,
    register,
    standing,
)

__all__ = [
    "choosing",
    "enquiries",
    "evidence_files",
    "index",
    "joining",
    "listings",
    "passports",
    "people",
    "register",
    "standing",
]
