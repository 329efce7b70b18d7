"""Requirements for care: writing them, asking providers, ending a round, changing the terms, giving up."""

from marketplace.matching.service.care.requirements.service import RequirementService

__all__ = ["RequirementService"]
