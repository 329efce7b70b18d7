"""What can go wrong when a provider joins."""

from marketplace.core.errors import NotFound, PlatformError


class OutsideCouncils(PlatformError):
    """The base is in a district that no council of this installation serves. The join pages answer it themselves."""

    code = "outside-councils"
    title = "We do not cover this place yet"


class JoinLinkDead(NotFound):
    """A link to confirm a registration that was used, is too old or never was."""

    code = "join-link-dead"
    title = "This link no longer works"
