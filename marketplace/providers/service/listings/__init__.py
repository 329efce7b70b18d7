"""Listings as their providers and councils handle them: the builder, checks, room, versions, staleness."""

from marketplace.providers.service.listings.checks import CheckService
from marketplace.providers.service.listings.drafts import DraftService, OpenDraft
from marketplace.providers.service.listings.own import ListingService

__all__ = ["CheckService", "DraftService", "ListingService", "OpenDraft"]
