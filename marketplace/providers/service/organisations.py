"""What council staff do with organisations: add one, and accredit it for a service by hand."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.formats import plural, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Organisation,
    OrganisationKind,
    ServiceLine,
)
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.standing.explain import Reason, in_words
from marketplace.providers.service.standing.service import LONGEST_PERIOD, StandingService

SOON: Final = timedelta(days=30)

KIND_LABELS: Final[dict[OrganisationKind, str]] = {
    OrganisationKind.THIRD_SECTOR: "Third-sector organisation",
    OrganisationKind.HOME_CARE: "Home care provider",
    OrganisationKind.PA_SERVICE: "Personal assistant service",
    OrganisationKind.SOLE_PA: "Personal assistant, working alone",
    OrganisationKind.COMMUNITY: "Community group",
    OrganisationKind.EQUIPMENT: "Equipment supplier",
    OrganisationKind.COUNCIL: "Council service",
}

NUMBERS: Final = (
    ("charity_number", "charity number"),
    ("company_number", "company number"),
    ("cqc_provider_id", "Care Quality Commission provider number"),
)


class OrganisationForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new organisation."""

    name: str
    kind: OrganisationKind
    summary: str
    charity_number: str | None
    company_number: str | None
    cqc_provider_id: str | None
    town: str
    postcode: str
    phone: str
    email: str
    website: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "OrganisationForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("name", "the name of the organisation", longest=150)
        kind = form.choice("kind", "what sort of organisation it is", OrganisationKind)
        summary = form.text("summary", "what it does", required=False, longest=1_000)
        numbers = {
            field: form.text(field, f"the {label}", required=False, longest=20).upper().replace(" ", "") or None
            for field, label in NUMBERS
        }
        website = form.text("website", "the website", required=False, longest=200)
        if website and not website.startswith(("https://", "http://")):
            form.wrong("website", "The website must start with https://")
        found = cls(
            name=name,
            kind=kind or OrganisationKind.COMMUNITY,
            summary=summary,
            charity_number=numbers["charity_number"],
            company_number=numbers["company_number"],
            cqc_provider_id=numbers["cqc_provider_id"],
            town=form.text("town", "the town", longest=60),
            postcode=form.postcode("postcode", "the postcode", required=False),
            phone=form.text("phone", "the phone number", required=False, longest=30),
            email=form.email("email", "the email address", required=False),
            website=website,
        )
        form.done()
        return found


class AccreditForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new accreditation."""

    service_line: ServiceLine
    live_from: date
    live_until: date
    """First day on which it no longer counts."""
    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "AccreditForm":
        """Read the form; it asks for the last day that counts.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        service = form.choice("service_line", "the service", ServiceLine)
        starts = form.day("live_from", "the first day")
        last = form.day("last_day", "the last day")
        reason = form.text("reason", "what the decision rests on", longest=1_000)
        if starts and last and last < starts:
            form.wrong("last_day", "The last day must be the same as or after the first day")
        elif starts and last and last - starts > LONGEST_PERIOD:
            form.wrong("last_day", "The last day must be within 10 years of the first day")
        form.done()
        if service is None or starts is None or last is None:
            raise AssertionError("done() refuses a form without these")
        return cls(service_line=service, live_from=starts, live_until=last + timedelta(days=1), reason=reason)


def state_words(row: Accreditation, day: date, reasons: Sequence[Reason] = ()) -> tuple[str, str]:
    """Say how an accreditation stands today: a state for the coloured tag, and its words.

    Args:
        row: The accreditation.
        day: Today.
        reasons: What keeps it from counting, from `standing.explain`.
    """
    if row.status is not AccreditationStatus.LIVE:
        return row.status.value, "Suspended" if row.status is AccreditationStatus.SUSPENDED else "Removed"
    last = uk_date(row.live_until - timedelta(days=1))
    if row.live_until <= day:
        return "expired", f"Expired after {last}"
    if row.live_from > day:
        return "scheduled", f"Starts on {uk_date(row.live_from)}"
    if reasons:
        return "lapsed", f"Does not count: {in_words(reasons)}"
    if row.live_until - day <= SOON:
        return "due", f"Expires after {last}, in {plural((row.live_until - day).days, 'day')}"
    return "live", f"Live until {last}"


class OrganisationService:
    """Writes organisations and accreditations, for council staff."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.organisations = OrganisationRepository(db)

    async def add(self, principal: Principal, form: OrganisationForm) -> Organisation:
        """Add an organisation.

        Raises:
            InvalidInput: A number belongs to an organisation that is here already.
        """
        principal.require(Permission.ACCREDITATION_DECIDE)
        await self._refuse_known_numbers(form)
        organisation = Organisation(id=new_id(), **msgspec.structs.asdict(form), created_at=clock_of(self.db).now())
        try:
            async with self.db.begin_nested():
                self.db.add(organisation)
        except IntegrityError as error:
            # Somebody added it in the same moment: the constraint's name ends in the column's.
            broken = broken_constraint(error) or ""
            for field, label in NUMBERS:
                if broken == f"uq_organisations_{field}":
                    message = f"Another organisation already has this {label}"
                    raise InvalidInput({field: message}) from error
            raise
        audit.record(
            self.db,
            principal,
            "providers.add_organisation",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=organisation.id,
            after=msgspec.structs.asdict(form),
        )
        return organisation

    async def accredit(self, principal: Principal, organisation_id: UUID, form: AccreditForm) -> Accreditation:
        """Accredit an organisation for a service.

        Raises:
            NotFound: No such organisation.
            InvalidInput: The period meets one that exists.
        """
        principal.require(Permission.ACCREDITATION_DECIDE)
        return await StandingService(self.db).award(
            principal,
            organisation_id=organisation_id,
            lot=None,
            service_line=form.service_line,
            live_from=form.live_from,
            live_until=form.live_until,
            reason=form.reason,
        )

    async def expiring(self, principal: Principal) -> Sequence[tuple[Accreditation, Organisation]]:
        """Return the council's accreditations that end within 30 days."""
        principal.require(Permission.ORGANISATIONS_READ)
        day = today(clock_of(self.db))
        return await self.organisations.expiring(principal.council_id, day, day + SOON)

    async def _refuse_known_numbers(self, form: OrganisationForm) -> None:
        wrong = {}
        for field, label in NUMBERS:
            number = getattr(form, field)
            other = await self.organisations.same_number(field, number) if number else None
            if other is not None:
                wrong[field] = f"{other.name} already has this {label}"
        if wrong:
            raise InvalidInput(wrong)
