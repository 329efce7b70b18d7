"""What providers does after the fact."""

from marketplace.providers.tasks import (
    applications,
    choosing,
    enquiries,
    evaluation,
    evidence_files,
    frameworks,
    index,
    joining,
    listings,
    passports,
    people,
    register,
    standing,
    workforce,
)

__all__ = [
    "applications",
    "choosing",
    "enquiries",
    "evaluation",
    "evidence_files",
    "frameworks",
    "index",
    "joining",
    "listings",
    "passports",
    "people",
    "register",
    "standing",
    "workforce",
]
