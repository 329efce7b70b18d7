"""Questions asked of the register of personal assistants that a council approves (R24)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Council
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Evidence,
    EvidenceKind,
    Listing,
    Organisation,
    PaApproval,
    PaReference,
    StatusTest,
    Worker,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence_rules import counts_for, end_of
from marketplace.providers.states import PaApprovalStatus

PAGE: Final = 25
OPEN: Final = (PaApprovalStatus.DRAFT, PaApprovalStatus.APPLIED)
VIEWS: Final[dict[str, tuple[PaApprovalStatus, ...]]] = {
    "waiting": (PaApprovalStatus.APPLIED,),
    "approved": (PaApprovalStatus.APPROVED,),
    "ended": (PaApprovalStatus.LAPSED, PaApprovalStatus.REMOVED, PaApprovalStatus.REFUSED),
}
"""Lists of the council: what waits, who is approved, who no longer is."""


class PublicEntry(NamedTuple):
    """A line of the public register."""

    approval_id: UUID
    organisation_id: UUID
    name: str
    town: str
    approved_from: date
    approved_until: date
    """First day on which it no longer counts."""
    council: str


class PaRegisterRepository(Repository[PaApproval]):
    """Approvals. Anybody may read that there is one; references belong to the council alone."""

    model_type = PaApproval

    # The assistant

    async def of_worker(self, organisation_id: UUID) -> Sequence[tuple[PaApproval, Council]]:
        """Return an organisation's approvals by all councils, the newest first."""
        rows = await self.db.execute(
            select(PaApproval, Council)
            .join(Council, Council.id == PaApproval.council_id)
            .where(PaApproval.organisation_id == organisation_id)
            .order_by(PaApproval.started_at.desc(), PaApproval.id.desc())
            .limit(100)
        )
        return [(row[0], row[1]) for row in rows]

    async def own(self, organisation_id: UUID, approval_id: UUID, *, locked: bool = False) -> PaApproval:
        """Return an organisation's approval.

        Raises:
            NotFound: There is none.
        """
        question = select(PaApproval).where(PaApproval.organisation_id == organisation_id, PaApproval.id == approval_id)
        return await self.one(question, locked=locked)

    async def open_of(self, council_id: UUID, worker_id: UUID) -> PaApproval | None:
        """Return the application that a worker fills in or has sent to a council."""
        return await self.maybe(
            self.of(council_id).where(PaApproval.worker_id == worker_id, PaApproval.status.in_(OPEN))
        )

    async def latest_approved(self, council_id: UUID, worker_id: UUID) -> PaApproval | None:
        """Return a worker's approval by a council that runs longest and was not taken away."""
        return await self.maybe(
            self.of(council_id)
            .where(PaApproval.worker_id == worker_id, PaApproval.status == PaApprovalStatus.APPROVED)
            .order_by(PaApproval.approved_until.desc(), PaApproval.id.desc())
        )

    async def status_test(self, organisation_id: UUID, worker_id: UUID) -> StatusTest | None:
        """Return the newest result of the employment status check."""
        return (
            await self.db.scalars(
                select(StatusTest)
                .where(
                    StatusTest.organisation_id == organisation_id,
                    or_(StatusTest.worker_id == worker_id, StatusTest.worker_id.is_(None)),
                )
                .order_by(StatusTest.taken_on.desc(), StatusTest.id.desc())
                .limit(1)
            )
        ).first()

    async def references(self, approval_id: UUID) -> Sequence[PaReference]:
        """Return the references of an approval, in the order they were given."""
        return (
            await self.db.scalars(
                select(PaReference).where(PaReference.approval_id == approval_id).order_by(PaReference.id).limit(20)
            )
        ).all()

    async def reference(self, approval_id: UUID, reference_id: UUID) -> PaReference:
        """Return one reference, locked.

        Raises:
            NotFound: There is none.
        """
        found = (
            await self.db.scalars(
                select(PaReference)
                .where(PaReference.approval_id == approval_id, PaReference.id == reference_id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).first()
        if found is None:
            raise NotFound
        return found

    async def kinds_that_count(
        self, council_id: UUID, organisation_id: UUID, on: date, known: date
    ) -> set[EvidenceKind]:
        """Return kinds of evidence of which a piece counts on a day for a council, by what is known on another."""
        rows = await self.db.scalars(
            select(Evidence.kind)
            .where(Evidence.organisation_id == organisation_id, counts_for(council_id, True, on, end_of(known)))
            .distinct()
        )
        return set(rows)

    # The council

    async def page(
        self, council_id: UUID, view: str, after: UUID | None
    ) -> Sequence[tuple[PaApproval, Organisation, Worker]]:
        """Return one of the council's lists, in the order of their making, one more than a page."""
        question = (
            select(PaApproval, Organisation, Worker)
            .join(Organisation, Organisation.id == PaApproval.organisation_id)
            .join(Worker, Worker.id == PaApproval.worker_id)
            .where(PaApproval.council_id == council_id, PaApproval.status.in_(VIEWS[view]))
            .order_by(PaApproval.id)
            .limit(PAGE + 1)
        )
        if after is not None:
            question = question.where(PaApproval.id > after)
        return [(row[0], row[1], row[2]) for row in await self.db.execute(question)]

    async def counts(self, council_id: UUID) -> dict[str, int]:
        """Return how many stand on each list."""
        rows = await self.db.execute(
            select(PaApproval.status, func.count())
            .where(PaApproval.council_id == council_id)
            .group_by(PaApproval.status)
        )
        by_status = {row[0]: int(row[1]) for row in rows}
        return {view: sum(by_status.get(status, 0) for status in statuses) for view, statuses in VIEWS.items()}

    async def successors(self, approval_id: UUID) -> Sequence[PaApproval]:
        """Return approved renewals of an approval, locked."""
        return (
            await self.db.scalars(
                select(PaApproval)
                .where(PaApproval.renews_id == approval_id, PaApproval.status == PaApprovalStatus.APPROVED)
                .order_by(PaApproval.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).all()

    async def counting(self, approval_ids: Iterable[UUID], day: date) -> set[UUID]:
        """Return approvals whose accreditation counts on a day."""
        return set(
            await self.db.scalars(
                select(PaApproval.id)
                .join(Accreditation, Accreditation.id == PaApproval.accreditation_id)
                .where(PaApproval.id.in_(list(approval_ids)), live_on(day))
            )
        )

    # The calendar

    async def ended(self, day: date) -> Sequence[tuple[PaApproval, bool]]:
        """Return approvals whose year is over, locked, with whether an approved one follows on."""
        later = aliased(PaApproval)
        follows = exists().where(
            later.renews_id == PaApproval.id,
            later.status == PaApprovalStatus.APPROVED,
            later.approved_from <= PaApproval.approved_until,
        )
        rows = await self.db.execute(
            select(PaApproval, follows)
            .where(PaApproval.status == PaApprovalStatus.APPROVED, PaApproval.approved_until <= day)
            .order_by(PaApproval.approved_until, PaApproval.id)
            .limit(500)
            .with_for_update(of=PaApproval, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return [(row[0], bool(row[1])) for row in rows]

    async def of_accreditation(self, accreditation_id: UUID) -> PaApproval | None:
        """Return the approval that an accreditation was made by; None where a council accredited without one."""
        return await self.db.scalar(select(PaApproval).where(PaApproval.accreditation_id == accreditation_id))

    async def taken_away(self) -> Sequence[tuple[PaApproval, Accreditation]]:
        """Return approvals whose accreditation the council removed by itself, locked."""
        rows = await self.db.execute(
            select(PaApproval, Accreditation)
            .join(Accreditation, Accreditation.id == PaApproval.accreditation_id)
            .where(
                PaApproval.status == PaApprovalStatus.APPROVED,
                Accreditation.status == AccreditationStatus.REMOVED,
            )
            .order_by(PaApproval.id)
            .limit(500)
            .with_for_update(of=PaApproval, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return [(row[0], row[1]) for row in rows]

    async def ending(self, day: date, ahead: timedelta) -> Sequence[PaApproval]:
        """Return approvals that end within some days and that nobody has asked to renew, locked."""
        later = aliased(PaApproval)
        is_renewed = exists().where(
            later.renews_id == PaApproval.id,
            later.status.in_([PaApprovalStatus.APPLIED, PaApprovalStatus.APPROVED]),
        )
        rows = await self.db.scalars(
            select(PaApproval)
            .where(
                PaApproval.status == PaApprovalStatus.APPROVED,
                PaApproval.approved_until > day,
                PaApproval.approved_until <= day + ahead,
                ~is_renewed,
            )
            .order_by(PaApproval.approved_until, PaApproval.id)
            .limit(500)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    # Everybody

    async def public_page(
        self, day: date, *, council_id: UUID | None, words: str, after: tuple[str, UUID] | None
    ) -> list[PublicEntry]:
        """Return who is approved and counts on a day, by name, one more than a page."""
        town = func.coalesce(func.nullif(Organisation.town, ""), Worker.town)
        question = (
            select(
                PaApproval.id,
                Organisation.id,
                Organisation.name,
                town,
                PaApproval.approved_from,
                PaApproval.approved_until,
                Council.name,
            )
            .join(Organisation, Organisation.id == PaApproval.organisation_id)
            .join(Worker, Worker.id == PaApproval.worker_id)
            .join(Council, Council.id == PaApproval.council_id)
            .join(Accreditation, Accreditation.id == PaApproval.accreditation_id)
            .where(
                PaApproval.status == PaApprovalStatus.APPROVED,
                PaApproval.approved_from <= day,
                PaApproval.approved_until > day,
                live_on(day),
            )
            .order_by(Organisation.name, PaApproval.id)
            .limit(PAGE + 1)
        )
        if council_id is not None:
            question = question.where(PaApproval.council_id == council_id)
        for word in words.split()[:6]:
            question = question.where(
                or_(
                    Organisation.name.icontains(word, autoescape=True),
                    town.icontains(word, autoescape=True),
                )
            )
        if after is not None:
            question = question.where(tuple_(Organisation.name, PaApproval.id) > after)
        return [PublicEntry(*row) for row in await self.db.execute(question)]

    async def listings(self, organisation_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return a listing on the market for each organisation that has one."""
        rows = await self.db.execute(
            select(Listing.organisation_id, Listing.id)
            .where(
                Listing.organisation_id.in_(list(organisation_ids)),
                and_(Listing.is_published, Listing.hidden_why.is_(None)),
            )
            .order_by(Listing.id.desc())
        )
        return {row[0]: row[1] for row in rows}
