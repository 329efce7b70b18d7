"""Life cycles of assessments and of versions of the resource allocation system."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class AssessmentStatus(StrEnum):
    """Where an assessment is."""

    DRAFT = "draft"
    COMPLETED = "completed"
    SUPERSEDED = "superseded"
    """A newer one of the same kind stands in its place."""


ASSESSMENT = Lifecycle(
    "assessment",
    "assessments",
    {
        AssessmentStatus.DRAFT: frozenset({AssessmentStatus.COMPLETED}),
        AssessmentStatus.COMPLETED: frozenset({AssessmentStatus.SUPERSEDED}),
        AssessmentStatus.SUPERSEDED: frozenset(),
    },
)


class RasStatus(StrEnum):
    """Where a version of the resource allocation system is."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    """By one role, for another to publish (C4)."""
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    """Never used."""


RAS = Lifecycle(
    "ras_version",
    "ras_versions",
    {
        RasStatus.DRAFT: frozenset({RasStatus.PROPOSED, RasStatus.WITHDRAWN}),
        RasStatus.PROPOSED: frozenset({RasStatus.DRAFT, RasStatus.PUBLISHED, RasStatus.WITHDRAWN}),
        RasStatus.PUBLISHED: frozenset(),
        RasStatus.WITHDRAWN: frozenset(),
    },
)
