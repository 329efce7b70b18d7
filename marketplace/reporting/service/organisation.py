"""An organisation's own first page: everything councils ask of it, in one place, with what is to do now."""

from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import plural
from marketplace.providers.models import Organisation, OrganisationKind
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.details import missing_words
from marketplace.providers.service.reach import reach_every_council
from marketplace.reporting.repository.organisation import OrganisationDesk

SOON: Final = timedelta(days=30)


class Part(msgspec.Struct, frozen=True):
    """One part of the organisation's affairs."""

    title: str
    href: str
    words: str
    """How it stands, in a sentence."""
    to_do: str = ""
    """What is to do now; empty where nothing is."""


class OrganisationDeskService:
    """Reads the page."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def page(self, principal: Principal) -> tuple[Organisation, tuple[Part, ...]]:
        """Return the organisation and the parts of the page.

        Raises:
            Forbidden: The role keeps no organisation.
        """
        principal.require(Permission.ORGANISATION_OWN)
        clock = clock_of(self.db)
        day = today(clock)
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        await reach_every_council(self.db)
        found = await OrganisationDesk(self.db).figures(organisation.id, day, day + SOON, clock.now())
        parts = [
            Part(
                "Evidence",
                "/provider/evidence",
                f"{plural(found['counting'], 'piece')} of evidence count today"
                + (f", {found['unseen']} to be seen." if found["unseen"] else "."),
                f"{found['ending']} to renew in 30 days" if found["ending"] else "",
            ),
            Part(
                "Accreditation",
                "/provider/standing",
                f"{plural(found['live'], 'accreditation')} count today.",
                f"{plural(found['replies'], 'decision')} you can reply to" if found["replies"] else "",
            ),
            Part(
                "Applications",
                "/provider/applications",
                f"{plural(found['rounds'], 'round')} open. {plural(found['decided'], 'application')} decided.",
                f"{plural(found['drafts'], 'application')} to finish" if found["drafts"] else "",
            ),
            Part(
                "Agreements",
                "/provider/agreements",
                "What you and councils have signed.",
                f"{plural(found['to_sign'], 'agreement')} to sign" if found["to_sign"] else "",
            ),
            Part("Workers", "/provider/workers", f"{plural(found['workers'], 'worker')} here now."),
            Part(
                "Trust passport",
                "/provider/passport",
                "Your public page of checks is on." if found["public"] else "You have no public page of checks.",
            ),
            Part(
                "Figures for councils",
                "/provider/monitoring",
                "What we counted each quarter, for you to check.",
                f"{plural(found['returns'], 'return')} to check and send" if found["returns"] else "",
            ),
            Part(
                "People who act for you",
                "/provider/people",
                f"{plural(found['people'], 'person', 'people')} can sign in. Invite somebody.",
            ),
            Part(
                "Your details",
                "/provider/details",
                "Name, numbers, address, telephone and website.",
                missing_words(organisation),
            ),
        ]
        if principal.role is Role.PA and organisation.kind is not OrganisationKind.SOLE_PA:
            # One assistant among several: the service's own people keep these.
            parts = [part for part in parts if part.href not in ("/provider/people", "/provider/details")]
        if principal.role is Role.PA or organisation.kind is OrganisationKind.SOLE_PA:
            approval = "Be approved by a council, for a year at a time."
            parts.insert(4, Part("Register of personal assistants", "/provider/pa-approval", approval))
        else:
            words = f"{plural(found['calls'], 'call')} for planners open." if found["calls"] else "No call is open."
            parts.insert(5, Part("Nominate planners", "/provider/nominations", words))
        return organisation, tuple(parts)
