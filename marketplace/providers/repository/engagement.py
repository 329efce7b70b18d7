"""Questions about rounds, the engagement log, and how many organisations there are for a lot (D7)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, union

from marketplace.core.models import PostcodeRow
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Accreditation,
    Application,
    ApplicationLot,
    EngagementEntry,
    EngagementKind,
    Framework,
    FrameworkQuestion,
    FrameworkVersion,
    Lot,
    Organisation,
    OrganisationKind,
    Round,
    ServiceLine,
)
from marketplace.providers.repository.accreditations import live_on
from marketplace.providers.states import ApplicationStatus

PAGE = 30
NOT_SENT = (ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN)


class QuestionRepository(Repository[FrameworkQuestion]):
    """Questions that organisations asked about rounds."""

    model_type = FrameworkQuestion

    async def published(self, round_ids: Iterable[UUID]) -> Sequence[FrameworkQuestion]:
        """Return answered questions of rounds, the newest answer first."""
        return await self.every(
            select(FrameworkQuestion)
            .where(FrameworkQuestion.round_id.in_(list(round_ids)), FrameworkQuestion.published_at.is_not(None))
            .order_by(FrameworkQuestion.published_at.desc(), FrameworkQuestion.id)
            .limit(500)
        )

    async def of_organisation(self, organisation_id: UUID, round_ids: Iterable[UUID]) -> Sequence[FrameworkQuestion]:
        """Return what an organisation asked, the newest first."""
        return await self.every(
            select(FrameworkQuestion)
            .where(
                FrameworkQuestion.organisation_id == organisation_id, FrameworkQuestion.round_id.in_(list(round_ids))
            )
            .order_by(FrameworkQuestion.asked_at.desc())
            .limit(100)
        )

    async def asked_since(self, council_id: UUID, organisation_id: UUID, since: datetime) -> int:
        """Count what an organisation asked a council since an instant."""
        question = self.of(council_id).where(
            FrameworkQuestion.organisation_id == organisation_id, FrameworkQuestion.asked_at > since
        )
        return await self.db.scalar(select(func.count()).select_from(question.subquery())) or 0

    async def page(
        self, council_id: UUID, *, is_answered: bool, after: UUID | None, limit: int = PAGE
    ) -> Sequence[tuple[FrameworkQuestion, Round, Framework]]:
        """Return a page of a council's questions and one more: waiting ones from the oldest, others from the newest."""
        question = (
            select(FrameworkQuestion, Round, Framework)
            .join(Round, Round.id == FrameworkQuestion.round_id)
            .join(Framework, Framework.id == Round.framework_id)
            .where(
                FrameworkQuestion.council_id == council_id,
                FrameworkQuestion.published_at.is_not(None)
                if is_answered
                else FrameworkQuestion.published_at.is_(None),
            )
            .limit(limit + 1)
        )
        # Ids are in the order of asking.
        if is_answered:
            question = question.order_by(FrameworkQuestion.id.desc())
        else:
            question = question.order_by(FrameworkQuestion.id)
        if after is not None:
            question = question.where(FrameworkQuestion.id < after if is_answered else FrameworkQuestion.id > after)
        return [(row[0], row[1], row[2]) for row in await self.db.execute(question)]

    async def waiting(self, council_id: UUID, round_ids: Iterable[UUID] | None = None) -> int:
        """Count questions that wait for an answer."""
        question = self.of(council_id).where(FrameworkQuestion.published_at.is_(None))
        if round_ids is not None:
            question = question.where(FrameworkQuestion.round_id.in_(list(round_ids)))
        return await self.db.scalar(select(func.count()).select_from(question.subquery())) or 0

    async def names(self, organisation_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return names of organisations by id."""
        wanted = list(set(organisation_ids))
        if not wanted:
            return {}
        rows = await self.db.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(wanted)))
        return {row[0]: row[1] for row in rows}


class Standing(NamedTuple):
    """An organisation that counts for a lot, and where it is based."""

    organisation_id: UUID
    kind: OrganisationKind
    lad_code: str
    """District of its base; empty where its postcode is unknown."""


class EngagementRepository(Repository[EngagementEntry]):
    """The engagement log."""

    model_type = EngagementEntry

    async def page(
        self,
        council_id: UUID,
        *,
        framework_id: UUID | None = None,
        kind: EngagementKind | None = None,
        after: tuple[date, UUID] | None = None,
        limit: int = PAGE,
    ) -> Sequence[EngagementEntry]:
        """Return a page of a council's entries and one more, the newest first."""
        question = self.of(council_id)
        if framework_id is not None:
            question = question.where(EngagementEntry.framework_id == framework_id)
        if kind is not None:
            question = question.where(EngagementEntry.kind == kind)
        if after is not None:
            day, entry_id = after
            question = question.where(
                or_(
                    EngagementEntry.held_on < day,
                    and_(EngagementEntry.held_on == day, EngagementEntry.id < entry_id),
                )
            )
        return await self.every(
            question.order_by(EngagementEntry.held_on.desc(), EngagementEntry.id.desc()).limit(limit + 1)
        )

    async def public(self, framework_id: UUID) -> Sequence[EngagementEntry]:
        """Return the entries of a framework that everybody may read, the newest first."""
        return await self.every(
            select(EngagementEntry)
            .where(EngagementEntry.framework_id == framework_id, EngagementEntry.is_public)
            .order_by(EngagementEntry.held_on.desc(), EngagementEntry.id.desc())
            .limit(100)
        )

    async def interest(
        self, framework_id: UUID, organisation_id: UUID, *, locked: bool = False
    ) -> EngagementEntry | None:
        """Return the entry that says which lots an organisation would apply for."""
        question = (
            select(EngagementEntry)
            .where(
                EngagementEntry.framework_id == framework_id,
                EngagementEntry.organisation_id == organisation_id,
                EngagementEntry.kind == EngagementKind.INTEREST,
                EngagementEntry.said == "",
            )
            .order_by(EngagementEntry.id)
        )
        return await self.maybe(question, locked=locked)

    async def ideas_since(self, council_id: UUID, organisation_id: UUID, since: datetime) -> int:
        """Count ideas that an organisation sent a council since an instant."""
        question = self.of(council_id).where(
            EngagementEntry.organisation_id == organisation_id,
            EngagementEntry.said != "",
            EngagementEntry.made_at > since,
        )
        return await self.db.scalar(select(func.count()).select_from(question.subquery())) or 0

    async def accredited(
        self, framework: Framework, services: Iterable[ServiceLine], day: date
    ) -> dict[str, set[Standing]]:
        """Return who is accredited on a day, by the code of the lot.

        Awards made in any round count under the lot's code; those recorded by hand, without a lot, stand under
        "service:" and the service.
        """
        rows = await self.db.execute(
            select(Lot.code, Accreditation.service_line, Organisation.id, Organisation.kind, PostcodeRow.lad_code)
            .select_from(Accreditation)
            .join(Organisation, Organisation.id == Accreditation.organisation_id)
            .outerjoin(PostcodeRow, PostcodeRow.postcode == Organisation.postcode)
            .outerjoin(Lot, Lot.id == Accreditation.lot_id)
            .outerjoin(FrameworkVersion, FrameworkVersion.id == Lot.version_id)
            .where(
                Accreditation.council_id == framework.council_id,
                or_(
                    FrameworkVersion.framework_id == framework.id,
                    and_(Accreditation.lot_id.is_(None), Accreditation.service_line.in_(list(services))),
                ),
                live_on(day),
            )
        )
        found: dict[str, set[Standing]] = {}
        for code, service, organisation_id, kind, lad_code in rows:
            key = code if code is not None else f"service:{ServiceLine(service).value}"
            found.setdefault(key, set()).add(Standing(organisation_id, kind, lad_code or ""))
        return found

    async def interested(self, framework_id: UUID) -> dict[str, set[Standing]]:
        """Return who said that it would apply, by the code of the lot."""
        rows = await self.db.execute(
            select(func.unnest(EngagementEntry.lot_codes), Organisation.id, Organisation.kind, PostcodeRow.lad_code)
            .select_from(EngagementEntry)
            .join(Organisation, Organisation.id == EngagementEntry.organisation_id)
            .outerjoin(PostcodeRow, PostcodeRow.postcode == Organisation.postcode)
            .where(EngagementEntry.framework_id == framework_id, EngagementEntry.kind == EngagementKind.INTEREST)
        )
        return _by_code(rows)

    async def applied(self, framework: Framework) -> dict[str, set[Standing]]:
        """Return who has sent in an application in any round, by the code of the lot."""
        rows = await self.db.execute(
            select(Lot.code, Organisation.id, Organisation.kind, PostcodeRow.lad_code)
            .select_from(ApplicationLot)
            .join(Application, Application.id == ApplicationLot.application_id)
            .join(Round, Round.id == Application.round_id)
            .join(Lot, Lot.id == ApplicationLot.lot_id)
            .join(Organisation, Organisation.id == Application.organisation_id)
            .outerjoin(PostcodeRow, PostcodeRow.postcode == Organisation.postcode)
            .where(
                Application.council_id == framework.council_id,
                Round.framework_id == framework.id,
                Application.status.not_in(NOT_SENT),
            )
        )
        return _by_code(rows)

    async def audience(self, row: Round, services: Iterable[ServiceLine], day: date) -> list[UUID]:
        """Return the organisations that hear of a round: interested, accredited for one of its services, applying."""
        interested = select(EngagementEntry.organisation_id.label("id")).where(
            EngagementEntry.framework_id == row.framework_id,
            EngagementEntry.kind == EngagementKind.INTEREST,
            EngagementEntry.organisation_id.is_not(None),
            # Who took back the only lot it would apply for hears no more; who sent an idea does.
            or_(func.cardinality(EngagementEntry.lot_codes) > 0, EngagementEntry.said != ""),
        )
        accredited = select(Accreditation.organisation_id.label("id")).where(
            Accreditation.council_id == row.council_id,
            Accreditation.service_line.in_(list(services)),
            live_on(day),
        )
        applying = select(Application.organisation_id.label("id")).where(
            Application.round_id == row.id, Application.status != ApplicationStatus.WITHDRAWN
        )
        every = union(interested, accredited, applying).subquery()
        rows = await self.db.scalars(
            select(Organisation.id)
            .where(Organisation.id.in_(select(every.c.id)), Organisation.merged_into_id.is_(None))
            .order_by(Organisation.id)
        )
        return list(rows)

    async def sent(self, round_id: UUID) -> set[UUID]:
        """Return the organisations whose application in a round is sent in."""
        rows = await self.db.scalars(
            select(Application.organisation_id).where(
                Application.round_id == round_id, Application.status.not_in(NOT_SENT)
            )
        )
        return set(rows)


def _by_code(rows: Iterable[Row[str, UUID, OrganisationKind, str | None]]) -> dict[str, set[Standing]]:
    found: dict[str, set[Standing]] = {}
    for code, organisation_id, kind, lad_code in rows:
        found.setdefault(code, set()).add(Standing(organisation_id, kind, lad_code or ""))
    return found
