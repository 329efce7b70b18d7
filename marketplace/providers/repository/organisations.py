"""Questions asked of organisations by council staff."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.providers.models import Accreditation, Listing, Organisation, Worker
from marketplace.providers.repository.accreditations import live_on, stands_on

PAGE = 30


class OrganisationRepository:
    """Reads and finds organisations. They are shared by all councils; accreditations shown are one council's."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def find(self, organisation_id: UUID) -> Organisation:
        """Return an organisation.

        Raises:
            NotFound: There is none.
        """
        found = await self.db.get(Organisation, organisation_id)
        if found is None:
            raise NotFound
        return found

    async def page(self, words: str, after: tuple[str, UUID] | None) -> Sequence[Organisation]:
        """Return one organisation more than a page, by name, after a key."""
        question = select(Organisation).order_by(Organisation.name, Organisation.id).limit(PAGE + 1)
        for word in words.split()[:10]:
            like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            question = question.where(
                or_(
                    Organisation.name.ilike(like, escape="\\"),
                    Organisation.town.ilike(like, escape="\\"),
                    Organisation.charity_number == word,
                    Organisation.company_number == word,
                    Organisation.cqc_provider_id == word,
                )
            )
        if after is not None:
            question = question.where(tuple_(Organisation.name, Organisation.id) > after)
        return (await self.db.scalars(question)).all()

    async def accreditations(
        self, council_id: UUID, organisation_ids: Sequence[UUID]
    ) -> dict[UUID, list[Accreditation]]:
        """Return a council's accreditations by organisation, the newest period first."""
        found: dict[UUID, list[Accreditation]] = {}
        rows = await self.db.scalars(
            select(Accreditation)
            .where(Accreditation.council_id == council_id, Accreditation.organisation_id.in_(organisation_ids))
            .order_by(Accreditation.live_until.desc(), Accreditation.id)
        )
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found

    async def elsewhere(self, council_id: UUID, organisation_id: UUID, day: date) -> Sequence[Accreditation]:
        """Return an organisation's live accreditations by other councils: the register is public."""
        return (
            await self.db.scalars(
                select(Accreditation)
                .where(
                    Accreditation.organisation_id == organisation_id,
                    Accreditation.council_id != council_id,
                    live_on(day),
                )
                .order_by(Accreditation.service_line)
            )
        ).all()

    async def expiring(self, council_id: UUID, day: date, until: date) -> Sequence[tuple[Accreditation, Organisation]]:
        """Return a council's live accreditations that end by a day, the soonest first."""
        rows = await self.db.execute(
            select(Accreditation, Organisation)
            .join(Organisation, Organisation.id == Accreditation.organisation_id)
            .where(Accreditation.council_id == council_id, stands_on(day), Accreditation.live_until <= until)
            .order_by(Accreditation.live_until, Organisation.name)
            .limit(50)
        )
        return [(row[0], row[1]) for row in rows]

    async def accreditation(self, council_id: UUID, accreditation_id: UUID, *, locked: bool = False) -> Accreditation:
        """Return a council's accreditation.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        question = select(Accreditation).where(
            Accreditation.council_id == council_id, Accreditation.id == accreditation_id
        )
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def overlapping(self, wanted: Accreditation) -> Accreditation | None:
        """Return an accreditation that shares a day with this one, removed ones left out.

        For a lot: one for the same lot. Without a lot: any for the same service, whatever it rests on.
        """
        same = (
            Accreditation.service_line == wanted.service_line
            if wanted.lot_id is None
            else Accreditation.lot_id == wanted.lot_id
        )
        return (
            await self.db.scalars(
                select(Accreditation)
                .where(
                    Accreditation.council_id == wanted.council_id,
                    Accreditation.organisation_id == wanted.organisation_id,
                    same,
                    Accreditation.id != wanted.id,
                    or_(Accreditation.removed_on.is_(None), Accreditation.removed_on > wanted.live_from),
                    Accreditation.live_from < wanted.live_until,
                    Accreditation.live_until > wanted.live_from,
                )
                .limit(1)
            )
        ).first()

    async def lock(self, organisation_id: UUID) -> Organisation:
        """Lock an organisation's row, so that two decisions about it come one after the other.

        Raises:
            NotFound: There is none.
        """
        found = (
            await self.db.scalars(select(Organisation).where(Organisation.id == organisation_id).with_for_update())
        ).first()
        if found is None:
            raise NotFound
        return found

    async def same_number(self, field: str, number: str) -> Organisation | None:
        """Return the organisation that has a charity, company or register number (`field` is its column)."""
        return (
            await self.db.scalars(select(Organisation).where(getattr(Organisation, field) == number).limit(1))
        ).first()

    async def workers(self, organisation_id: UUID) -> Sequence[Worker]:
        """Return the workers of an organisation by name."""
        return (
            await self.db.scalars(
                select(Worker).where(Worker.organisation_id == organisation_id).order_by(Worker.name).limit(200)
            )
        ).all()

    async def listings(self, organisation_id: UUID) -> Sequence[Listing]:
        """Return the listings of an organisation by title."""
        return (
            await self.db.scalars(
                select(Listing).where(Listing.organisation_id == organisation_id).order_by(Listing.title).limit(200)
            )
        ).all()
