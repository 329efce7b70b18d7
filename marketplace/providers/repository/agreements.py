"""Questions about agreements, from the council's side and from the organisation's."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, or_, select

from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Agreement,
    Application,
    Organisation,
    Round,
)
from marketplace.providers.states import AgreementStatus

WAITING = (AgreementStatus.OFFERED, AgreementStatus.PROVIDER_SIGNED)
"""Somebody is still to sign."""


class AgreementRepository(Repository[Agreement]):
    """Agreements between councils and organisations."""

    model_type = Agreement

    async def own(self, organisation_id: UUID, agreement_id: UUID, *, locked: bool = False) -> Agreement:
        """Return an organisation's agreement in whatever council; the transaction must reach that council.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = select(Agreement).where(Agreement.id == agreement_id, Agreement.organisation_id == organisation_id)
        return await self.one(question, locked=locked)

    async def of_organisation(self, organisation_id: UUID) -> Sequence[Agreement]:
        """Return an organisation's agreements in every council, newest first."""
        return await self.every(
            select(Agreement)
            .where(Agreement.organisation_id == organisation_id)
            .order_by(Agreement.created_at.desc(), Agreement.id.desc())
            .limit(200)
        )

    async def of_applications(self, application_ids: Iterable[UUID]) -> dict[UUID, Agreement]:
        """Return the newest agreement of each application that has one."""
        rows = await self.db.scalars(
            select(Agreement)
            .where(Agreement.application_id.in_(list(application_ids)))
            .order_by(Agreement.created_at, Agreement.number)
        )
        return {row.application_id: row for row in rows if row.application_id is not None}

    async def page(
        self, council_id: UUID, status: AgreementStatus | None, after: UUID | None, limit: int
    ) -> Sequence[Row[Agreement, str]]:
        """Return a council's agreements with the organisation's name, newest first."""
        question = (
            select(Agreement, Organisation.name)
            .join(Organisation, Organisation.id == Agreement.organisation_id)
            .where(Agreement.council_id == council_id)
            .order_by(Agreement.id.desc())
            .limit(limit)
        )
        if status is not None:
            question = question.where(Agreement.status == status)
        if after is not None:
            question = question.where(Agreement.id < after)
        return (await self.db.execute(question)).all()

    async def earlier(self, council_id: UUID, organisation_id: UUID, framework_id: UUID) -> Agreement | None:
        """Return an organisation's newest agreement under a framework, locked: the next one takes its reference."""
        return await self.maybe(
            self.of(council_id)
            .join(Application, Application.id == Agreement.application_id)
            .join(Round, Round.id == Application.round_id)
            .where(Agreement.organisation_id == organisation_id, Round.framework_id == framework_id)
            .order_by(Agreement.number.desc(), Agreement.created_at.desc()),
            locked=True,
        )

    async def of_reference(self, agreement: Agreement) -> Sequence[Agreement]:
        """Return all versions of an agreement, the first one first."""
        return await self.every(
            self.of(agreement.council_id).where(Agreement.reference == agreement.reference).order_by(Agreement.number)
        )

    async def to_remind(self, last_day: date) -> Sequence[Agreement]:
        """Return agreements of every council that the organisation is to sign by a day, and was not reminded of."""
        return await self.every(
            select(Agreement)
            .where(
                Agreement.status == AgreementStatus.OFFERED,
                Agreement.sign_by <= last_day,
                Agreement.reminded_at.is_(None),
            )
            .order_by(Agreement.id)
            .limit(500)
            .with_for_update(skip_locked=True)
        )

    async def signed_and_over(self, day: date) -> Sequence[Agreement]:
        """Return signed agreements of every council whose time is over on a day."""
        return await self.every(
            select(Agreement)
            .where(Agreement.status == AgreementStatus.SIGNED, Agreement.ends_on <= day)
            .order_by(Agreement.id)
            .limit(500)
            .with_for_update(skip_locked=True)
        )

    async def taken_over(self, day: date) -> Sequence[Agreement]:
        """Return signed agreements of every council of which a newer version is signed and counts on a day."""
        newer = Agreement.__table__.alias("newer")
        return await self.every(
            select(Agreement)
            .where(
                Agreement.status == AgreementStatus.SIGNED,
                select(newer.c.id)
                .where(
                    newer.c.council_id == Agreement.council_id,
                    newer.c.reference == Agreement.reference,
                    newer.c.number > Agreement.number,
                    newer.c.status == AgreementStatus.SIGNED,
                    newer.c.starts_on <= day,
                )
                .exists(),
            )
            .order_by(Agreement.id)
            .limit(500)
            .with_for_update(skip_locked=True)
        )

    async def accreditations(self, agreement: Agreement) -> Sequence[Accreditation]:
        """Return the accreditations that rest on an agreement, locked."""
        return (
            await self.db.scalars(
                select(Accreditation)
                .where(Accreditation.council_id == agreement.council_id, Accreditation.agreement_id == agreement.id)
                .order_by(Accreditation.id)
                .with_for_update()
            )
        ).all()

    async def lots_awarded(self, council_id: UUID, organisation_id: UUID, day: date) -> set[UUID]:
        """Return the lots for which an organisation holds an accreditation that counts on or after a day."""
        rows = await self.db.scalars(
            select(Accreditation.lot_id).where(
                Accreditation.council_id == council_id,
                Accreditation.organisation_id == organisation_id,
                Accreditation.lot_id.is_not(None),
                Accreditation.status != AccreditationStatus.REMOVED,
                or_(Accreditation.removed_on.is_(None), Accreditation.removed_on > day),
                Accreditation.live_until > day,
            )
        )
        return {lot_id for lot_id in rows if lot_id is not None}
