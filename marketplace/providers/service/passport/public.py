"""What a passport page says: only what its organisation publishes, as it stands today."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.clock import local, today
from marketplace.core.database import clock_of, scope_to
from marketplace.providers.models import EVIDENCE_LABELS, SERVICE_LABELS, Evidence, EvidenceKind, Organisation, Passport
from marketplace.providers.repository.passports import PassportRepository
from marketplace.providers.service.organisations import KIND_LABELS

ACCREDITATIONS: Final = "accreditations"
REGISTRATION: Final = "registration"
NUMBERS: Final = "numbers"
PARTS: Final[dict[str, str]] = {
    ACCREDITATIONS: "What councils have accredited you for",
    REGISTRATION: "Registration and rating by the Care Quality Commission",
    NUMBERS: "Charity number and company number",
}
SHOWABLE: Final = tuple(
    kind for kind in EvidenceKind if kind not in {EvidenceKind.REFERENCES, EvidenceKind.RIGHT_TO_WORK}
)
"""References and the right to work concern single people and stay with the council."""
FORMAT: Final = "care-marketplace-passport/1"


class Signed(msgspec.Struct, frozen=True):
    """A council that looked at a piece of evidence itself."""

    council: str
    on: date


class Shown(msgspec.Struct, frozen=True):
    """A kind of evidence on the page."""

    kind: str
    label: str
    last_day: date | None
    """Last day it counts; None where it has no end."""
    signed: tuple[Signed, ...]
    pieces: int
    """How many count: DBS checks of several workers are one line."""


class Accredited(msgspec.Struct, frozen=True):
    """What a council accredits the organisation for."""

    council: str
    service: str
    since: date
    last_day: date


class Registered(msgspec.Struct, frozen=True):
    """The regulator's own words."""

    provider_id: str
    location_id: str
    rating: str
    rated_on: date | None
    read_on: date


class PublicPassport(msgspec.Struct, frozen=True, kw_only=True):
    """The page."""

    organisation_id: UUID
    name: str
    kind: str
    town: str
    is_example: bool
    day: date
    made_at: datetime
    numbers: tuple[tuple[str, str], ...]
    """Pairs of what and which; empty where none is published."""
    accreditations: tuple[Accredited, ...] | None
    """None where it is not published."""
    registration: Registered | None
    shows_registration: bool
    evidence: tuple[Shown, ...]
    missing: tuple[str, ...]
    """Kinds the organisation publishes of which none counts today."""

    def facts(self, address: str) -> dict[str, Any]:
        """Return what is signed: the page as data, with where and when it was made."""
        return {"format": FORMAT, "address": address, **msgspec.to_builtins(self)}


class PassportPages:
    """Reads what a page says."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.passports = PassportRepository(db)

    async def published(self, token: str) -> PublicPassport:
        """Return the page at an address.

        Raises:
            NotFound: Nothing is published there.
        """
        passport, organisation = await self.passports.published(token)
        return await self.page(passport, organisation)

    async def page(self, passport: Passport, organisation: Organisation) -> PublicPassport:
        """Return the page of a passport, published or as a preview for its owner."""
        clock = clock_of(self.db)
        day, shows = today(clock), set(passport.shows)
        accredited = None
        if ACCREDITATIONS in shows:
            accredited = tuple(
                Accredited(
                    council=council.name,
                    service=SERVICE_LABELS[row.service_line],
                    since=row.live_from,
                    last_day=row.live_until - timedelta(days=1),
                )
                for row, council in await self.passports.accreditations(organisation.id, day)
            )
        kinds = [kind for kind in SHOWABLE if kind.value in shows]
        rows = (
            [row for row in await self.passports.counting(organisation.id, day) if row.kind in kinds] if kinds else []
        )
        signatures = await self.passports.countersignatures([row.id for row in rows]) if rows else {}
        evidence = tuple(
            _shown(kind, found, signatures) for kind in kinds if (found := [row for row in rows if row.kind is kind])
        )
        return PublicPassport(
            organisation_id=organisation.id,
            name=organisation.name,
            kind=KIND_LABELS[organisation.kind],
            town=organisation.town,
            is_example=organisation.is_example,
            day=day,
            made_at=clock.now(),
            numbers=_numbers(organisation) if NUMBERS in shows else (),
            accreditations=accredited,
            registration=await self._registration(organisation.id) if REGISTRATION in shows else None,
            shows_registration=REGISTRATION in shows,
            evidence=evidence,
            missing=tuple(EVIDENCE_LABELS[kind] for kind in kinds if all(row.kind is not kind for row in rows)),
        )

    async def _registration(self, organisation_id: UUID) -> Registered | None:
        # Links belong to the council that looks at differences; what the register says is public.
        await scope_to(self.db, "every")
        link = await self.passports.registration(organisation_id)
        if link is None:
            return None
        return Registered(
            provider_id=link.provider_id or "",
            location_id=link.location_id or "",
            rating=link.rating or "Not rated",
            rated_on=link.rated_on,
            read_on=_london_day(link.read_at),
        )


def _shown(kind: EvidenceKind, rows: Sequence[Evidence], signatures: dict[UUID, Any]) -> Shown:
    """Sum up the evidence of one kind: the piece that lasts longest and who signed it; DBS checks by their number."""
    best = rows[0]
    signed: dict[str, date] = {}
    for row in rows if kind is EvidenceKind.DBS else [best]:
        for signature, council in signatures.get(row.id, ()):
            signed.setdefault(council.name, _london_day(signature.signed_at))
    return Shown(
        kind=kind.value,
        label=EVIDENCE_LABELS[kind],
        last_day=best.expires_on - timedelta(days=1) if best.expires_on else None,
        signed=tuple(Signed(name, day) for name, day in signed.items()),
        pieces=len(rows),
    )


def _numbers(organisation: Organisation) -> tuple[tuple[str, str], ...]:
    pairs = (("Charity number", organisation.charity_number), ("Company number", organisation.company_number))
    return tuple((label, number) for label, number in pairs if number)


def _london_day(moment: datetime) -> date:
    return local(moment).date()
