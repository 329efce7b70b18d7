"""Every verb of a broker for a requirement, in one place."""

from marketplace.matching.service.care.requirements.drafts import RequirementDrafts
from marketplace.matching.service.care.requirements.rounds import RequirementRounds
from marketplace.matching.service.care.requirements.terms import RequirementChanges


class RequirementService(RequirementDrafts, RequirementRounds, RequirementChanges):
    """Requirements of a council, from the draft to the end of a round."""
