"""Questions asked of passports: an organisation's own, those shared with a council, what councils countersigned."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.providers.models import (
    Accreditation,
    Countersignature,
    Evidence,
    Organisation,
    Passport,
    PassportShare,
    RegulatorLink,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence_rules import counts_on
from marketplace.providers.repository.registration import LIVE
from marketplace.providers.states import PassportShareStatus

PAGE = 30


class PassportRepository:
    """Reads passports, shares and countersignatures."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of(self, organisation_id: UUID, *, locked: bool = False) -> Passport | None:
        """Return an organisation's passport."""
        question = select(Passport).where(Passport.organisation_id == organisation_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).first()

    async def published(self, token: str) -> tuple[Passport, Organisation]:
        """Return the passport that is published at an address.

        Raises:
            NotFound: There is none, or it is not published any more.
        """
        question = (
            select(Passport, Organisation)
            .join(Organisation, Organisation.id == Passport.organisation_id)
            .where(Passport.token == token, Passport.is_published)
        )
        found = (await self.db.execute(question)).first()
        if found is None:
            raise NotFound
        return found[0], found[1]

    async def shares(self, organisation_id: UUID) -> dict[UUID, PassportShare]:
        """Return an organisation's shares by council, as far as this transaction reaches."""
        rows = await self.db.scalars(select(PassportShare).where(PassportShare.organisation_id == organisation_id))
        return {row.council_id: row for row in rows}

    async def share(self, organisation_id: UUID, council_id: UUID) -> PassportShare | None:
        """Return the share with one council, locked."""
        question = (
            select(PassportShare)
            .where(PassportShare.organisation_id == organisation_id, PassportShare.council_id == council_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question)).first()

    async def shared_with(
        self, council_id: UUID, day: date, after: tuple[str, UUID] | None
    ) -> Sequence[tuple[Organisation, PassportShare, int, int]]:
        """Return who shares with a council, by name, one more than a page.

        Returns:
            Organisation, share, pieces of evidence that count on the day, and how many of those the council signed.
        """
        counting = select(func.count(Evidence.id)).where(Evidence.organisation_id == Organisation.id, counts_on(day))
        signed = counting.where(
            exists().where(
                Countersignature.evidence_id == Evidence.id,
                Countersignature.council_id == council_id,
                Countersignature.withdrawn_at.is_(None),
            )
        )
        question = (
            select(
                Organisation,
                PassportShare,
                counting.correlate(Organisation).scalar_subquery(),
                signed.correlate(Organisation).scalar_subquery(),
            )
            .join(PassportShare, PassportShare.organisation_id == Organisation.id)
            .where(PassportShare.council_id == council_id, PassportShare.status == PassportShareStatus.SHARED)
            .order_by(Organisation.name, Organisation.id)
            .limit(PAGE + 1)
        )
        if after is not None:
            name, last_id = after
            question = question.where(
                (Organisation.name > name) | ((Organisation.name == name) & (Organisation.id > last_id))
            )
        return [(row[0], row[1], row[2], row[3]) for row in await self.db.execute(question)]

    async def countersignatures(
        self, evidence_ids: Sequence[UUID]
    ) -> dict[UUID, list[tuple[Countersignature, Council]]]:
        """Return who signed which evidence and did not take it back, by evidence, the oldest first."""
        found: dict[UUID, list[tuple[Countersignature, Council]]] = {}
        question = (
            select(Countersignature, Council)
            .join(Council, Council.id == Countersignature.council_id)
            .where(Countersignature.evidence_id.in_(evidence_ids), Countersignature.withdrawn_at.is_(None))
            .order_by(Countersignature.signed_at, Countersignature.id)
        )
        for row in await self.db.execute(question):
            found.setdefault(row[0].evidence_id, []).append((row[0], row[1]))
        return found

    async def countersignature(self, council_id: UUID, evidence_id: UUID) -> Countersignature | None:
        """Return a council's own signature under a piece of evidence, unless it took it back."""
        question = select(Countersignature).where(
            Countersignature.council_id == council_id,
            Countersignature.evidence_id == evidence_id,
            Countersignature.withdrawn_at.is_(None),
        )
        return (await self.db.scalars(question)).first()

    async def counting(self, organisation_id: UUID, day: date) -> Sequence[Evidence]:
        """Return an organisation's evidence that counts on a day: by kind, what lasts longest first."""
        question = (
            select(Evidence)
            .where(Evidence.organisation_id == organisation_id, counts_on(day))
            .order_by(Evidence.kind, Evidence.expires_on.desc().nulls_first(), Evidence.id)
        )
        return (await self.db.scalars(question)).all()

    async def accreditations(self, organisation_id: UUID, day: date) -> Sequence[tuple[Accreditation, Council]]:
        """Return what an organisation is accredited for on a day, by council and service."""
        question = (
            select(Accreditation, Council)
            .join(Council, Council.id == Accreditation.council_id)
            .where(Accreditation.organisation_id == organisation_id, live_on(day))
            .order_by(Council.name, Accreditation.service_line, Accreditation.id)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def registration(self, organisation_id: UUID) -> RegulatorLink | None:
        """Return the link to the regulator's register that counts. Needs a scope that reaches its council."""
        question = (
            select(RegulatorLink)
            .where(RegulatorLink.organisation_id == organisation_id, RegulatorLink.status.in_(LIVE))
            .order_by(RegulatorLink.id.desc())
            .limit(1)
        )
        return (await self.db.scalars(question)).first()
