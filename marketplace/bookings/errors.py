"""What can go wrong with a booking."""

from datetime import date

from marketplace.core.errors import Conflict, InvalidInput


class SlotTaken(Conflict):
    """Somebody else got the worker's time first."""

    code = "slot-taken"
    title = "This visit time has just been taken"


class NotBookable(Conflict):
    """The listing is not booked by the visit on this site."""

    code = "not-bookable"
    title = "You cannot book this here"


class NotYet(Conflict):
    """The step has its time, and it has not come or is over."""

    code = "not-yet"
    title = "It is not the time for this"


class NotEnoughLeft(InvalidInput):
    """The direct payment does not cover the visit once all promises are kept (P11).

    `short_pence` is what is missing; `affordable_minutes` the longest visit that fits, 0 when none does or when the
    price does not follow the length. `enough_from` is the day on which money to come makes it enough,
    None when no day does; `coming_pence` what comes in then.
    """

    code = "not-enough-left"

    def __init__(
        self,
        fields: dict[str, str],
        *,
        short_pence: int,
        affordable_minutes: int,
        enough_from: date | None = None,
        coming_pence: int = 0,
    ) -> None:
        super().__init__(fields)
        self.short_pence = short_pence
        self.affordable_minutes = affordable_minutes
        self.enough_from = enough_from
        self.coming_pence = coming_pence


class TakesNoNewVisits(Conflict):
    """The organisation may not take on new visits, so a request cannot be accepted any more."""

    code = "takes-no-new-visits"
    title = "This visit can no longer be accepted"


class TermsChanged(Conflict):
    """What is signed is not what was read: a draft or the weekly visits were changed meanwhile."""

    code = "terms-changed"
    title = "This agreement has changed since you read it"


class NotOpen(Conflict):
    """There is nothing to answer any more: it was signed, declined, taken back or has lapsed in the meantime."""

    code = "not-open"
    title = "This has been answered already"


class PaidRelative(Conflict):
    """A relative in the same home may be paid from a direct payment only where the council allows it.

    Source: regulation 3 of the Care and Support (Direct Payments) Regulations 2014.
    """

    code = "paid-relative"
    # The same words for both sides: who is related to whom is the person's to tell.
    title = "The council has to allow this first"

    def __init__(self, detail: str = "", *, ask_at: str = "", is_asked: bool = False) -> None:
        super().__init__(detail)
        self.ask_at = ask_at
        """Path of the page on which the person asks the council, or sees what they asked."""
        self.is_asked = is_asked
        """Whether the question is open already."""


class FamilyRule(Conflict):
    """A direct payment must not pay this relative without the council's leave (regulation 3)."""

    code = "family-rule"
    title = "The council has to agree first"

    def __init__(self) -> None:
        super().__init__(
            "A direct payment cannot pay a partner, or a close relative who lives with the person, unless the council "
            "agrees. You can ask the council on the page of this assistant."
        )


class NotYours(Conflict):
    """Somebody else has to take this step."""

    code = "not-yours"
    title = "Somebody else decides about this"


class CancelTermsChanged(Conflict):
    """The free time ran out while the page was open, or another tab was faster."""

    code = "cancel-terms-changed"
    title = "What cancelling costs has changed"
