"""Life cycle of somebody's acting for a person."""

from enum import StrEnum

from marketplace.core.states import Lifecycle


class RepresentationStatus(StrEnum):
    """Where it stands between a person and who acts for them."""

    INVITED = "invited"
    """Asked by the person; the other has not answered."""
    TO_CHECK = "to_check"
    """The council looks at the papers."""
    LIVE = "live"
    DECLINED = "declined"
    REFUSED = "refused"
    """By the council, with a reason."""
    REVOKED = "revoked"
    """Ended by the person, at once."""
    ENDED = "ended"
    """Its last day is over, the representative gave it up, or the council ended it."""


REPRESENTATION = Lifecycle(
    "representation",
    "representations",
    {
        RepresentationStatus.INVITED: frozenset(
            {
                RepresentationStatus.TO_CHECK,
                RepresentationStatus.LIVE,
                RepresentationStatus.DECLINED,
                RepresentationStatus.REVOKED,
                RepresentationStatus.ENDED,
            }
        ),
        RepresentationStatus.TO_CHECK: frozenset(
            {
                RepresentationStatus.LIVE,
                RepresentationStatus.REFUSED,
                RepresentationStatus.REVOKED,
                RepresentationStatus.ENDED,
            }
        ),
        RepresentationStatus.LIVE: frozenset({RepresentationStatus.REVOKED, RepresentationStatus.ENDED}),
        RepresentationStatus.DECLINED: frozenset(),
        RepresentationStatus.REFUSED: frozenset(),
        RepresentationStatus.REVOKED: frozenset(),
        RepresentationStatus.ENDED: frozenset(),
    },
)
