"""What can go wrong on the way from a requirement for care to its award."""

from marketplace.core.errors import Conflict


class RequirementChanged(Conflict):
    """Somebody else changed the requirement since the form was drawn."""

    code = "requirement-changed"
    title = "Somebody else has changed this requirement"


class RequirementNotOpen(Conflict):
    """Offers are not wanted, or not any more."""

    code = "requirement-not-open"
    title = "This requirement is not open for offers"


class OfferTooLate(Conflict):
    """The time for offers has ended."""

    code = "care-offer-too-late"
    title = "The time for offers has ended"


class NotYet(Conflict):
    """A step before it is missing."""

    code = "requirement-not-ready"
    title = "Something has to come first"


class CareNotAccredited(Conflict):
    """The organisation may not deliver the service for this council on the day (invariant 6)."""

    code = "care-not-accredited"
    title = "This organisation is not accredited on the first day"


class AwardRefused(Conflict):
    """The offers cannot be awarded together, or not at this price."""

    code = "award-refused"
    title = "This cannot be awarded"


class AwardOver(Conflict):
    """The award is no longer in force."""

    code = "award-over"
    title = "This award has been taken back already"
