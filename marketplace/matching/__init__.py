"""Referrals, candidate rules, scores with reasons, shortlists and offers.

A tour: `ReferralService` records what somebody needs; `ShortlistService` asks the engine who is best placed and stores
what was acted on; `OfferService` offers a referral to one planner, who accepts or declines. `engine` knows no tables.
The repositories answer questions of packages above.

The names are imported when they are first asked for: `marketplace match solve` and the engine's own processes need the
engine alone, and the rest brings the database and the web framework (2.5 seconds).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketplace.matching.repository import OfferRepository, ReferralRepository, ShortlistRepository
    from marketplace.matching.service import OfferService, ReferralService, SelfPlanningService, ShortlistService

__all__ = [
    "OfferRepository",
    "OfferService",
    "ReferralRepository",
    "ReferralService",
    "SelfPlanningService",
    "ShortlistRepository",
    "ShortlistService",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "repository" if name.endswith("Repository") else "service"
    return getattr(import_module(f"{__name__}.{home}"), name)
