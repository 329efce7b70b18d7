"""Questions about workers' photos: whose faces stand beside visits, and who may look."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.models import Booking, SupportAgreement, VisitWorker
from marketplace.bookings.states import AgreementStatus, BookingStatus
from marketplace.providers.models import Accreditation, Organisation, Worker

CONFIRMED = (
    BookingStatus.ACCEPTED,
    BookingStatus.IN_PROGRESS,
    BookingStatus.CLAIMED,
    BookingStatus.APPROVED,
    BookingStatus.PART_APPROVED,
    BookingStatus.DISPUTED,
)
"""States of a visit for which the provider said who comes."""
MET = (AgreementStatus.AGREED, AgreementStatus.ENDED)


class PhotoRepository:
    """Reads photos and what entitles somebody to see one."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def worker(self, worker_id: UUID) -> Worker | None:
        """Return a worker of any organisation: `may_see` comes before anything of them is told."""
        return await self.db.get(Worker, worker_id)

    async def faces(self, bookings: Iterable[Booking]) -> dict[UUID, list[Worker]]:
        """Return who comes to confirmed visits, the first worker first: `faces[booking_id]`."""
        ids = [one.id for one in bookings if one.status in CONFIRMED]
        found: dict[UUID, list[Worker]] = {}
        if not ids:
            return found
        question = (
            select(VisitWorker.booking_id, Worker)
            .join(Worker, Worker.id == VisitWorker.worker_id)
            .where(VisitWorker.booking_id.in_(ids))
            .order_by(VisitWorker.booking_id, VisitWorker.position)
        )
        for booking_id, worker in await self.db.execute(question):
            found.setdefault(booking_id, []).append(worker)
        return found

    async def knows(self, council_id: UUID, person_id: UUID, worker_id: UUID) -> bool:
        """Whether a person has a confirmed visit or an agreement with a worker."""
        visit = exists().where(
            VisitWorker.worker_id == worker_id,
            Booking.id == VisitWorker.booking_id,
            Booking.council_id == council_id,
            Booking.person_id == person_id,
            Booking.status.in_(CONFIRMED),
        )
        agreement = exists().where(
            SupportAgreement.council_id == council_id,
            SupportAgreement.person_id == person_id,
            SupportAgreement.worker_id == worker_id,
            SupportAgreement.status.in_(MET),
        )
        return bool(await self.db.scalar(select(or_(visit, agreement))))

    async def serves(self, councils: Collection[UUID], organisation_id: UUID) -> bool:
        """Whether an organisation is one of these councils': its home, accredited there, or with visits there."""
        wanted: Sequence[UUID] = list(councils)
        home = exists().where(Organisation.id == organisation_id, Organisation.home_council_id.in_(wanted))
        accredited = exists().where(
            Accreditation.organisation_id == organisation_id, Accreditation.council_id.in_(wanted)
        )
        visits = exists().where(and_(Booking.organisation_id == organisation_id, Booking.council_id.in_(wanted)))
        return bool(await self.db.scalar(select(or_(home, accredited, visits))))
