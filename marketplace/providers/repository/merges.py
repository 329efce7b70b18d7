"""What hangs on an organisation, counted before a merge and moved by it. Reads and writes in scope `every`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, column, func, or_, select, table, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council, Membership
from marketplace.providers.models import (
    Accreditation,
    AccreditationStatus,
    Agreement,
    Application,
    Enquiry,
    Evidence,
    JoinRequest,
    JoinRequestStatus,
    Listing,
    ListingDraft,
    MergeStep,
    Organisation,
    OrganisationInvitation,
    PaApproval,
    RegulatorLink,
    Worker,
)
from marketplace.providers.states import (
    AgreementStatus,
    ApplicationStatus,
    DraftStatus,
    EnquiryStatus,
    PaApprovalStatus,
    RegulatorLinkStatus,
)

# These belong to packages that stand above this one. Only counts of them are wanted, so the tables are named without
# their classes.
_BOOKINGS = table("bookings", column("organisation_id"), column("status"), column("starts_at"))
_OFFERS = table("offers", column("organisation_id"), column("status"))
_PLANS = table("plans", column("organisation_id"))
_INVOICES = table("invoices", column("organisation_id"))

OPEN_APPLICATIONS = (
    ApplicationStatus.DRAFT,
    ApplicationStatus.SUBMITTED,
    ApplicationStatus.EVALUATING,
    ApplicationStatus.MODERATED,
)
OPEN_AGREEMENTS = (AgreementStatus.OFFERED, AgreementStatus.PROVIDER_SIGNED, AgreementStatus.SIGNED)
HELD_LINKS = (RegulatorLinkStatus.MATCHED, RegulatorLinkStatus.IN_REVIEW, RegulatorLinkStatus.CONFIRMED)


class MergeRepository:
    """Questions of merging."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def counts(self, organisation_id: UUID, day: date, now: datetime) -> dict[str, int]:
        """Count what hangs on an organisation, in one question."""

        def own(model: Any, *where: Any) -> Select[Any]:
            return select(func.count()).select_from(model).where(model.organisation_id == organisation_id, *where)

        def bare(rows: Any, *where: Any) -> Select[Any]:
            return select(func.count()).select_from(rows).where(rows.c.organisation_id == organisation_id, *where)

        active = or_(Membership.ends_on.is_(None), Membership.ends_on > day)
        people = select(func.count(Membership.user_id.distinct())).where(
            Membership.organisation_id == organisation_id, active
        )
        questions = {
            "people": people,
            "workers": own(Worker, or_(Worker.ends_on.is_(None), Worker.ends_on > day)),
            "listings": own(Listing, Listing.is_published),
            "evidence": own(
                Evidence, Evidence.refused_because == "", or_(Evidence.expires_on.is_(None), Evidence.expires_on > day)
            ),
            "accreditations": own(
                Accreditation, Accreditation.status != AccreditationStatus.REMOVED, Accreditation.live_until > day
            ),
            "applications": own(Application, Application.status.in_(OPEN_APPLICATIONS)),
            "agreements": own(Agreement, Agreement.status.in_(OPEN_AGREEMENTS)),
            "enquiries": own(Enquiry, Enquiry.status.in_([EnquiryStatus.OPEN, EnquiryStatus.ANSWERED])),
            "offers": bare(_OFFERS, _OFFERS.c.status == "offered"),
            "coming": bare(
                _BOOKINGS,
                _BOOKINGS.c.status.in_(["awaiting_payment", "requested", "accepted"]),
                _BOOKINGS.c.starts_at > now,
            ),
            "bookings": bare(_BOOKINGS),
            "plans": bare(_PLANS),
            "invoices": bare(_INVOICES),
        }
        columns = [question.scalar_subquery().label(name) for name, question in questions.items()]
        row = (await self.db.execute(select(*columns))).one()
        return {name: int(value) for name, value in zip(questions, row, strict=True)}

    async def locked(self, ids: Sequence[UUID]) -> dict[UUID, Organisation]:
        """Return organisations, locked in the order of their ids."""
        question = select(Organisation).where(Organisation.id.in_(ids)).order_by(Organisation.id).with_for_update()
        rows = await self.db.scalars(question.execution_options(populate_existing=True))
        return {row.id: row for row in rows}

    async def councils_of(self, organisation: Organisation) -> set[UUID]:
        """Return the councils concerned with an organisation: its home, and those that accredit it."""
        found = set(
            await self.db.scalars(
                select(Accreditation.council_id).where(
                    Accreditation.organisation_id == organisation.id,
                    Accreditation.status != AccreditationStatus.REMOVED,
                )
            )
        )
        if organisation.home_council_id is not None:
            found.add(organisation.home_council_id)
        return found

    async def ever_concerned(self, organisation: Organisation) -> set[UUID]:
        """Return the councils that have or had to do with an organisation: also those whose accreditation ended."""
        question = select(Accreditation.council_id).where(Accreditation.organisation_id == organisation.id)
        found = set(await self.db.scalars(question))
        return found | ({organisation.home_council_id} if organisation.home_council_id is not None else set())

    async def standing(self, organisation_id: UUID, day: date) -> Sequence[Accreditation]:
        """Return accreditations that have days to come, locked."""
        question = (
            select(Accreditation)
            .where(
                Accreditation.organisation_id == organisation_id,
                Accreditation.status != AccreditationStatus.REMOVED,
                Accreditation.live_until > day,
            )
            .order_by(Accreditation.id)
            .with_for_update()
        )
        return (await self.db.scalars(question)).all()

    async def memberships(self, organisation_id: UUID, day: date) -> Sequence[Membership]:
        """Return roles that somebody holds for an organisation on a day or later, locked."""
        question = select(Membership).where(
            Membership.organisation_id == organisation_id, or_(Membership.ends_on.is_(None), Membership.ends_on > day)
        )
        return (await self.db.scalars(question.order_by(Membership.id).with_for_update())).all()

    async def rows(self, model: Any, organisation_id: UUID, *where: Any) -> Sequence[Any]:
        """Return rows of an organisation, locked in the order of their ids."""
        question = select(model).where(model.organisation_id == organisation_id, *where)
        return (await self.db.scalars(question.order_by(model.id).with_for_update())).all()

    async def open_applications(self, organisation_id: UUID) -> Sequence[Application]:
        """Return applications that are not decided."""
        return await self.rows(Application, organisation_id, Application.status.in_(OPEN_APPLICATIONS))

    async def open_agreements(self, organisation_id: UUID) -> Sequence[Agreement]:
        """Return agreements that are offered or count."""
        return await self.rows(Agreement, organisation_id, Agreement.status.in_(OPEN_AGREEMENTS))

    async def open_approvals(self, organisation_id: UUID) -> Sequence[PaApproval]:
        """Return approvals of personal assistants that are asked for or count."""
        live = PaApproval.status.in_([PaApprovalStatus.DRAFT, PaApprovalStatus.APPLIED, PaApprovalStatus.APPROVED])
        return await self.rows(PaApproval, organisation_id, live)

    async def links(self, organisation_id: UUID) -> Sequence[RegulatorLink]:
        """Return links to the regulator's register that are held."""
        return await self.rows(RegulatorLink, organisation_id, RegulatorLink.status.in_(HELD_LINKS))

    async def evidence(self, organisation_id: UUID, day: date) -> Sequence[Evidence]:
        """Return evidence that has days to come and was not refused."""
        return await self.rows(
            Evidence,
            organisation_id,
            Evidence.refused_because == "",
            or_(Evidence.expires_on.is_(None), Evidence.expires_on > day),
        )

    async def listings(self, organisation_id: UUID) -> Sequence[Listing]:
        """Return all listings."""
        return await self.rows(Listing, organisation_id)

    async def move_plain(self, from_id: UUID, into_id: UUID) -> None:
        """Move what only changes hands: workers, requests to join, open invitations."""
        waiting = JoinRequest.status == JoinRequestStatus.WAITING
        is_open = (OrganisationInvitation.accepted_at.is_(None), OrganisationInvitation.revoked_at.is_(None))
        for model, where in ((Worker, ()), (JoinRequest, (waiting,)), (OrganisationInvitation, is_open)):
            await self.db.execute(
                update(model)
                .where(model.organisation_id == from_id, *where)
                .values(organisation_id=into_id)
                .execution_options(synchronize_session="fetch")
            )

    async def move_conversations(self, from_id: UUID, into_id: UUID) -> None:
        """Move what goes with listings: drafts on their way and questions of people."""
        live = ListingDraft.status.in_([DraftStatus.OPEN, DraftStatus.SUBMITTED, DraftStatus.RETURNED])
        for model, where in ((ListingDraft, (live,)), (Enquiry, ())):
            await self.db.execute(
                update(model)
                .where(model.organisation_id == from_id, *where)
                .values(organisation_id=into_id)
                .execution_options(synchronize_session="fetch")
            )

    async def exclude_too(self, from_id: UUID, into_id: UUID) -> None:
        """Leave the new one out wherever somebody did not want the old one for a person."""
        await self.db.execute(
            text(
                "UPDATE referrals SET excluded_organisation_ids = array_append(excluded_organisation_ids, :into) "
                "WHERE :old = ANY (excluded_organisation_ids) AND NOT :into = ANY (excluded_organisation_ids)"
            ),
            {"old": str(from_id), "into": str(into_id)},
        )

    async def step_of(self, organisation_id: UUID) -> MergeStep | None:
        """Return the merge that ended an organisation, as far as this transaction reaches."""
        return (
            await self.db.scalars(select(MergeStep).where(MergeStep.from_organisation_id == organisation_id))
        ).first()

    async def done(self, council_id: UUID) -> list[tuple[MergeStep, str, str]]:
        """Return merges that a council recorded, newest first, with the names of both."""
        old, new = Organisation.__table__.alias("old"), Organisation.__table__.alias("new")
        rows = await self.db.execute(
            select(MergeStep, old.c.name, new.c.name)
            .join(old, old.c.id == MergeStep.from_organisation_id)
            .join(new, new.c.id == MergeStep.into_organisation_id)
            .where(MergeStep.council_id == council_id)
            .order_by(MergeStep.made_at.desc(), MergeStep.id)
            .limit(50)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def council_names(self, ids: set[UUID]) -> list[str]:
        """Return names of councils."""
        return list(await self.db.scalars(select(Council.name).where(Council.id.in_(ids)).order_by(Council.name)))
