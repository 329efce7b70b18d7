"""Weekly visits of an agreement: what is planned, changes, one visit more, pauses; for the person and the provider."""

from marketplace.bookings.routes.patterns.changes import AgreementChanges, ClientChanges
from marketplace.bookings.routes.patterns.extra import AgreementExtra
from marketplace.bookings.routes.patterns.overview import AgreementOverview, ClientOverview
from marketplace.bookings.routes.patterns.pauses import AgreementPauses, ClientPauses
from marketplace.bookings.routes.patterns.weekly import AgreementWeekly

HANDLERS = [
    AgreementOverview,
    ClientOverview,
    AgreementChanges,
    ClientChanges,
    AgreementWeekly,
    AgreementExtra,
    AgreementPauses,
    ClientPauses,
]
