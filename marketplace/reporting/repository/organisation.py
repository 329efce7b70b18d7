"""Questions asked for an organisation's own first page: what is to do, and what stands."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    Agreement,
    Application,
    Evidence,
    NominationCall,
    Passport,
    Round,
    Worker,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.repository.evidence import has_no_successor
from marketplace.providers.repository.evidence_rules import counts_on
from marketplace.providers.states import AgreementStatus, ApplicationStatus
from marketplace.quality.models import MonitoringReturn
from marketplace.quality.states import ReturnStatus


class OrganisationDesk:
    """Reads in a scope that reaches every council; every question names the organisation."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def figures(self, organisation_id: UUID, day: date, soon: date, now: datetime) -> dict[str, int]:
        """Count what the page speaks of, in one question."""

        def own(model: Any, *where: Any) -> Select[Any]:
            return select(func.count()).select_from(model).where(model.organisation_id == organisation_id, *where)

        questions = {
            "counting": own(Evidence, counts_on(day)),
            "ending": own(Evidence, counts_on(day), Evidence.expires_on <= soon, has_no_successor()),
            "unseen": own(Evidence, Evidence.seen_at.is_(None), Evidence.refused_because == ""),
            "live": own(Accreditation, live_on(day)),
            "replies": own(
                AccreditationAction,
                AccreditationAction.reply_until >= day,
                AccreditationAction.reply == "",
                AccreditationAction.kind.in_(["suspend", "remove"]),
            ),
            "drafts": own(Application, Application.status == ApplicationStatus.DRAFT),
            "decided": own(Application, Application.status.in_([ApplicationStatus.AWARDED, ApplicationStatus.REFUSED])),
            "to_sign": own(Agreement, Agreement.status == AgreementStatus.OFFERED),
            "workers": own(Worker, Worker.starts_on <= day, or_(Worker.ends_on.is_(None), Worker.ends_on > day)),
            "people": own(Membership, or_(Membership.ends_on.is_(None), Membership.ends_on > day)),
            "public": own(Passport, Passport.is_published),
            "returns": own(MonitoringReturn, MonitoringReturn.status.in_([ReturnStatus.OPEN, ReturnStatus.QUERIED])),
            "rounds": select(func.count())
            .select_from(Round)
            .where(Round.opens_at <= now, Round.closes_at > now, Round.cancelled_at.is_(None)),
            "calls": select(func.count())
            .select_from(NominationCall)
            .where(NominationCall.closes_on >= day, NominationCall.decided_at.is_(None)),
        }
        columns = [question.scalar_subquery().label(name) for name, question in questions.items()]
        row = (await self.db.execute(select(*columns))).one()
        return {name: int(value) for name, value in zip(questions, row, strict=True)}
