"""Questions asked for the council's view of accreditation: what waits, what ends, which rounds run, who is where."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.models import PostcodeRow
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    Agreement,
    Appeal,
    Application,
    Evidence,
    Framework,
    FrameworkQuestion,
    JoinRequest,
    JoinRequestStatus,
    Listing,
    ListingDraft,
    Nomination,
    NominationStatus,
    Organisation,
    PaApproval,
    RegulatorLink,
    Round,
    ServiceLine,
    Worker,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence import concerns, has_no_successor
from marketplace.providers.repository.evidence_rules import counts_on
from marketplace.providers.states import (
    AgreementStatus,
    AppealStatus,
    ApplicationStatus,
    DraftStatus,
    PaApprovalStatus,
    RegulatorLinkStatus,
)
from marketplace.quality.models import Feedback, MonitoringReturn
from marketplace.quality.states import FeedbackStatus, ReturnStatus

EVIDENCE_PAGE = 50


def _count(model: Any, *where: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(model).where(*where)


class AccreditationDesk:
    """Reads what stands on an accreditor's desk. Every question names the council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def waiting(self, council_id: UUID) -> dict[str, int]:
        """Count what waits for somebody at the council, by kind, in one question."""
        concern = select(Organisation.id).where(concerns(council_id))
        questions = {
            "evidence": _count(
                Evidence,
                Evidence.seen_at.is_(None),
                Evidence.refused_because == "",
                Evidence.organisation_id.in_(concern),
            ),
            "links": _count(
                RegulatorLink,
                RegulatorLink.council_id == council_id,
                RegulatorLink.status == RegulatorLinkStatus.IN_REVIEW,
            ),
            "drafts": _count(
                ListingDraft, ListingDraft.council_id == council_id, ListingDraft.status == DraftStatus.SUBMITTED
            ),
            "submitted": self._applications(council_id, ApplicationStatus.SUBMITTED),
            "evaluating": self._applications(council_id, ApplicationStatus.EVALUATING),
            "moderated": self._applications(council_id, ApplicationStatus.MODERATED),
            "agreements": _count(
                Agreement, Agreement.council_id == council_id, Agreement.status == AgreementStatus.PROVIDER_SIGNED
            ),
            "appeals": _count(Appeal, Appeal.council_id == council_id, Appeal.status == AppealStatus.OPEN),
            "questions": _count(
                FrameworkQuestion,
                FrameworkQuestion.council_id == council_id,
                FrameworkQuestion.published_at.is_(None),
            ),
            "assistants": _count(
                PaApproval, PaApproval.council_id == council_id, PaApproval.status == PaApprovalStatus.APPLIED
            ),
            "nominations": _count(
                Nomination, Nomination.council_id == council_id, Nomination.status == NominationStatus.NOMINATED
            ),
            "joining": _count(
                JoinRequest, JoinRequest.council_id == council_id, JoinRequest.status == JoinRequestStatus.WAITING
            ),
            "returns": _count(
                MonitoringReturn,
                MonitoringReturn.council_id == council_id,
                MonitoringReturn.status == ReturnStatus.SENT,
            ),
            "feedback": _count(Feedback, Feedback.council_id == council_id, Feedback.status == FeedbackStatus.WAITING),
        }
        columns = [question.scalar_subquery().label(name) for name, question in questions.items()]
        row = (await self.db.execute(select(*columns))).one()
        return {name: int(value) for name, value in zip(questions, row, strict=True)}

    async def replies(self, council_id: UUID) -> Sequence[tuple[str, UUID, datetime]]:
        """Return who replied to a decision and has no answer, the oldest first: name, accreditation, when."""
        question = (
            select(Organisation.name, AccreditationAction.accreditation_id, AccreditationAction.replied_at)
            .join(Organisation, Organisation.id == AccreditationAction.organisation_id)
            .where(
                AccreditationAction.council_id == council_id,
                AccreditationAction.replied_at.is_not(None),
                AccreditationAction.answered_at.is_(None),
            )
            .order_by(AccreditationAction.replied_at, AccreditationAction.id)
            .limit(50)
        )
        return [(row[0], row[1], row[2]) for row in await self.db.execute(question) if row[2] is not None]

    async def ending(self, council_id: UUID, day: date, windows: Sequence[date]) -> tuple[int, ...]:
        """Count evidence that counts today and ends before each of some days, in turn, without a successor."""
        marks = [day, *windows]
        columns = [
            func.count().filter(Evidence.expires_on > start, Evidence.expires_on <= until)
            for start, until in pairwise(marks)
        ]
        question = (
            select(*columns)
            .select_from(Evidence)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(counts_on(day), Evidence.expires_on <= marks[-1], has_no_successor(), concerns(council_id))
        )
        return tuple(int(value) for value in (await self.db.execute(question)).one())

    async def evidence(
        self, council_id: UUID, after: tuple[str, UUID] | None, limit: int = EVIDENCE_PAGE
    ) -> Sequence[tuple[Evidence, Organisation]]:
        """Return all evidence of the organisations a council looks after, by organisation, one more than a page."""
        question = (
            select(Evidence, Organisation)
            .join(Organisation, Organisation.id == Evidence.organisation_id)
            .where(concerns(council_id))
            .order_by(Organisation.name, Evidence.id)
            .limit(limit + 1)
        )
        if after is not None:
            name, last_id = after
            question = question.where(
                or_(Organisation.name > name, (Organisation.name == name) & (Evidence.id > last_id))
            )
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def rounds(self, council_id: UUID, since: datetime) -> Sequence[tuple[Round, Framework, int, int]]:
        """Return rounds that close after an instant, the soonest first, with how many drafts and how many sent in."""
        sent = (
            select(func.count())
            .select_from(Application)
            .where(
                Application.round_id == Round.id,
                Application.status.not_in([ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN]),
            )
        )
        drafts = (
            select(func.count())
            .select_from(Application)
            .where(Application.round_id == Round.id, Application.status == ApplicationStatus.DRAFT)
        )
        question = (
            select(
                Round,
                Framework,
                drafts.correlate(Round).scalar_subquery(),
                sent.correlate(Round).scalar_subquery(),
            )
            .join(Framework, Framework.id == Round.framework_id)
            .where(Round.council_id == council_id, Round.closes_at > since, Round.cancelled_at.is_(None))
            .order_by(Round.closes_at, Round.id)
            .limit(20)
        )
        return [(row[0], row[1], int(row[2]), int(row[3])) for row in await self.db.execute(question)]

    async def market(self, council_id: UUID, day: date) -> Sequence[tuple[ServiceLine, str, int, int]]:
        """Count organisations accredited on a day, and those of them on the market, by service and district of base."""
        on_market = (
            select(Listing.id)
            .where(Listing.organisation_id == Organisation.id, Listing.is_published, Listing.hidden_why.is_(None))
            .exists()
        )
        area = func.coalesce(PostcodeRow.lad_code, "").label("area")
        question = (
            select(
                Accreditation.service_line,
                area,
                func.count(Organisation.id.distinct()),
                func.count(case((on_market, Organisation.id)).distinct()),
            )
            .join(Organisation, Organisation.id == Accreditation.organisation_id)
            .outerjoin(PostcodeRow, PostcodeRow.postcode == Organisation.postcode)
            .where(Accreditation.council_id == council_id, live_on(day))
            .group_by(Accreditation.service_line, text("area"))
        )
        return [(row[0], row[1], int(row[2]), int(row[3])) for row in await self.db.execute(question)]

    async def workforce(self, council_id: UUID, day: date) -> tuple[int, int]:
        """Count planners and other workers, who are there on a day, of organisations accredited on it."""
        accredited = select(Accreditation.organisation_id).where(Accreditation.council_id == council_id, live_on(day))
        question = select(
            func.count().filter(Worker.kind == "planner"), func.count().filter(Worker.kind != "planner")
        ).where(
            Worker.organisation_id.in_(accredited),
            Worker.starts_on <= day,
            or_(Worker.ends_on.is_(None), Worker.ends_on > day),
        )
        row = (await self.db.execute(question)).one()
        return int(row[0]), int(row[1])

    @staticmethod
    def _applications(council_id: UUID, status: ApplicationStatus) -> Select[Any]:
        return _count(Application, Application.council_id == council_id, Application.status == status)
