"""Questions asked of evidence: what counts on a day, whose listings lack cover, what waits for a council."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Membership
from marketplace.core.errors import NotFound
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Countersignature,
    Evidence,
    HiddenWhy,
    Listing,
    Organisation,
    PassportShare,
    Worker,
)
from marketplace.providers.repository.accreditations import stands_on
from marketplace.providers.repository.evidence_rules import counts_on as counts_on
from marketplace.providers.repository.evidence_rules import lacks_cover as lacks_cover
from marketplace.providers.repository.evidence_rules import needs_cover
from marketplace.providers.states import PassportShareStatus

PAGE = 50


def concerns(council_id: UUID) -> ColumnElement[bool]:
    """Condition: a council looks at an organisation's evidence.

    The organisation shares it with the council; or nothing was said about that, and the council is its home or has
    accredited it. Where the organisation took the sharing back, the council keeps what it noted and sees nothing new.
    """
    share = and_(PassportShare.organisation_id == Organisation.id, PassportShare.council_id == council_id)
    return or_(
        exists().where(share, PassportShare.status == PassportShareStatus.SHARED),
        and_(
            not_(exists().where(share)),
            or_(
                Organisation.home_council_id == council_id,
                exists().where(
                    Accreditation.organisation_id == Organisation.id,
                    Accreditation.council_id == council_id,
                    Accreditation.status != AccreditationStatus.REMOVED,
                ),
            ),
        ),
    )


class EvidenceRepository:
    """Reads evidence. Its rows belong to no council: each question names the organisation or the council that asks."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of_organisation(self, organisation_id: UUID, worker_id: UUID | None = None) -> Sequence[Evidence]:
        """Return an organisation's evidence, the newest first; with a worker only theirs and what is for all."""
        question = select(Evidence).where(Evidence.organisation_id == organisation_id)
        if worker_id is not None:
            question = question.where(or_(Evidence.worker_id.is_(None), Evidence.worker_id == worker_id))
        return (await self.db.scalars(question.order_by(Evidence.id.desc()).limit(300))).all()

    async def waiting(self, council_id: UUID, after: UUID | None) -> Sequence[tuple[Evidence, Organisation]]:
        """Return evidence that nobody looked at, the oldest first, one more than a page."""
        question = (
            select(Evidence, Organisation)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(Evidence.seen_at.is_(None), Evidence.refused_because == "", concerns(council_id))
            .order_by(Evidence.id)
            .limit(PAGE + 1)
        )
        if after is not None:
            question = question.where(Evidence.id > after)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def ending(self, council_id: UUID, day: date, until: date) -> Sequence[tuple[Evidence, Organisation]]:
        """Return evidence that counts and ends up to a day (included), and has no successor yet; the soonest first."""
        question = (
            select(Evidence, Organisation)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(counts_on(day), Evidence.expires_on <= until, has_no_successor(), concerns(council_id))
            .order_by(Evidence.expires_on, Organisation.name, Evidence.id)
            .limit(100)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def find(self, council_id: UUID, evidence_id: UUID, *, locked: bool = False) -> tuple[Evidence, Organisation]:
        """Return a piece of evidence that a council may look at.

        Raises:
            NotFound: There is none, or the organisation is no concern of this council.
        """
        question = (
            select(Evidence, Organisation)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(Evidence.id == evidence_id, concerns(council_id))
        )
        if locked:
            question = question.with_for_update(of=Evidence).execution_options(populate_existing=True)
        found = (await self.db.execute(question)).first()
        if found is None:
            raise NotFound
        return found[0], found[1]

    async def shared(self, council_id: UUID, organisation_id: UUID) -> Organisation:
        """Return an organisation whose evidence a council may look at.

        Raises:
            NotFound: There is none, or it is no concern of this council.
        """
        question = select(Organisation).where(Organisation.id == organisation_id, concerns(council_id))
        found = (await self.db.scalars(question)).first()
        if found is None:
            raise NotFound
        return found

    async def to_remind(self, until: date) -> Sequence[tuple[Evidence, Organisation]]:
        """Return evidence that ended or ends up to a day, whose last reminder is not sent, locked."""
        question = (
            select(Evidence, Organisation)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(
                Evidence.seen_at.is_not(None),
                Evidence.refused_because == "",
                Evidence.expires_on <= until,
                or_(Evidence.reminded_days.is_(None), Evidence.reminded_days > 0),
                has_no_successor(),
            )
            .order_by(Evidence.expires_on, Evidence.id)
            .limit(10_000)
            .with_for_update(of=Evidence, skip_locked=True)
        )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def ended(self, organisation_id: UUID, day: date) -> Sequence[Evidence]:
        """Return evidence that ended on a day with nothing newer: the organisation gets a message of that day's end."""
        question = (
            select(Evidence)
            .where(
                Evidence.organisation_id == organisation_id,
                Evidence.seen_at.is_not(None),
                Evidence.refused_because == "",
                Evidence.expires_on == day,
                has_no_successor(),
            )
            .order_by(Evidence.id)
        )
        return (await self.db.scalars(question)).all()

    async def is_uncovered(self, organisation_id: UUID, day: date) -> bool:
        """Whether an organisation falls under the rule on insurance and has none on a day."""
        return bool(await self.db.scalar(select(lacks_cover(organisation_id, day))))

    async def out_of_line(self, day: date) -> Sequence[UUID]:
        """Return organisations with a listing that is shown without cover, or hidden with it."""
        lacks = lacks_cover(Listing.organisation_id, day)
        question = (
            select(Listing.organisation_id)
            .where(
                or_(
                    and_(Listing.hidden_why.is_(None), needs_cover(), lacks),
                    and_(Listing.hidden_why == HiddenWhy.EVIDENCE, or_(not_(needs_cover()), not_(lacks))),
                )
            )
            .distinct()
            .order_by(Listing.organisation_id)
        )
        return (await self.db.scalars(question)).all()

    async def listings(self, organisation_id: UUID) -> Sequence[Listing]:
        """Return all listings of an organisation, locked, by id."""
        question = (
            select(Listing)
            .where(Listing.organisation_id == organisation_id)
            .order_by(Listing.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question)).all()

    async def organisation_of_listing(self, listing_id: UUID) -> UUID | None:
        """Return whose a listing is."""
        found: UUID | None = await self.db.scalar(select(Listing.organisation_id).where(Listing.id == listing_id))
        return found

    async def councils_concerned(self, organisation_id: UUID, day: date) -> list[UUID]:
        """Return the councils to tell about an organisation: of its base, and those that accredit it; by id."""
        home = select(Organisation.home_council_id).where(
            Organisation.id == organisation_id, Organisation.home_council_id.is_not(None)
        )
        accrediting = select(Accreditation.council_id).where(
            Accreditation.organisation_id == organisation_id, stands_on(day)
        )
        return sorted(await self.db.scalars(home.union(accrediting)))

    async def councils_of_people(self, organisation_id: UUID) -> list[UUID]:
        """Return the councils in which somebody acts for an organisation, by id. Needs a scope that reaches them."""
        question = select(Membership.council_id).where(Membership.organisation_id == organisation_id).distinct()
        return sorted(await self.db.scalars(question))

    async def withdraw_signature(
        self, council_id: UUID, evidence_id: UUID, *, by_user_id: UUID, at: datetime, reason: str
    ) -> None:
        """Take back a council's countersignature under a piece of evidence, where it has one."""
        await self.db.execute(
            update(Countersignature)
            .where(
                Countersignature.council_id == council_id,
                Countersignature.evidence_id == evidence_id,
                Countersignature.withdrawn_at.is_(None),
            )
            .values(withdrawn_by_user_id=by_user_id, withdrawn_at=at, reason=reason)
        )

    async def worker(self, organisation_id: UUID, worker_id: UUID) -> Worker | None:
        """Return a worker of an organisation."""
        question = select(Worker).where(Worker.organisation_id == organisation_id, Worker.id == worker_id)
        return (await self.db.scalars(question)).first()

    async def worker_names(self, worker_ids: set[UUID]) -> dict[UUID, str]:
        """Return names of workers by id."""
        rows = await self.db.execute(select(Worker.id, Worker.name).where(Worker.id.in_(worker_ids)))
        return {row.id: row.name for row in rows}


def has_no_successor() -> ColumnElement[bool]:
    """Condition: no evidence of the same kind for the same body or worker was seen that lasts longer."""
    newer = aliased(Evidence)
    return not_(
        exists().where(
            newer.organisation_id == Evidence.organisation_id,
            newer.kind == Evidence.kind,
            func.coalesce(newer.worker_id, newer.organisation_id)
            == func.coalesce(Evidence.worker_id, Evidence.organisation_id),
            newer.seen_at.is_not(None),
            newer.refused_because == "",
            or_(newer.expires_on.is_(None), newer.expires_on > Evidence.expires_on),
        )
    )
