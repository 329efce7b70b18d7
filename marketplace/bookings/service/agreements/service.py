"""Everything that may be done with an agreement."""

from marketplace.bookings.service.agreements.ending import EndingSteps


class SupportAgreementService(EndingSteps):
    """Agreements between people and who supports them.

    `start`, `draft`, `redraft` write one; `sign`, `decline`, `withdraw`, `lapse` answer it; `offer_change` offers new
    terms; `give_notice`, `end` end it; `view`, `effect` read it. Every verb that moves one locks the agreement first.
    """
