"""Questions about applications as a council works on them: queues, evaluators, scores, steps, appeals."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, tuple_

from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import GRANTS, Permission
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Appeal,
    Application,
    ApplicationLot,
    Evaluation,
    EvaluationScore,
    Framework,
    FrameworkVersion,
    Lot,
    ModeratedScore,
    Organisation,
    Round,
    Worker,
)
from marketplace.providers.states import AppealStatus, ApplicationStatus

PAGE = 25
"""Rows of a page of the list."""
MOST_EXPORTED = 5_000


class Wanted(NamedTuple):
    """Which applications a list shows; what is None does not matter."""

    round_id: UUID | None = None
    status: ApplicationStatus | None = None
    lot_id: UUID | None = None
    is_late: bool | None = None


class DeskRepository(Repository[Application]):
    """Applications that were sent in. Drafts are the applicant's own and stay out of every question here."""

    model_type = Application

    def sent(self, council_id: UUID) -> Select[Application]:
        """Start a question about applications that were sent in to a council."""
        return self.of(council_id).where(
            Application.submitted_at.is_not(None), Application.status != ApplicationStatus.DRAFT
        )

    async def find_sent(self, council_id: UUID, application_id: UUID, *, locked: bool = False) -> Application:
        """Return one application that was sent in.

        Raises:
            NotFound: There is none, it is another council's, or it is still a draft.
        """
        return await self.one(self.sent(council_id).where(Application.id == application_id), locked=locked)

    async def page(
        self, council_id: UUID, wanted: Wanted, *, after: tuple[datetime, UUID] | None = None, limit: int = PAGE + 1
    ) -> Sequence[Row[Application, Organisation, Round]]:
        """Return applications with organisation and round, the newest first, one more than a page holds."""
        question = (
            select(Application, Organisation, Round)
            .join(Organisation, Organisation.id == Application.organisation_id)
            .join(Round, Round.id == Application.round_id)
            .where(*self._conditions(council_id, wanted))
            .order_by(Application.submitted_at.desc(), Application.id.desc())
            .limit(limit)
        )
        if after is not None:
            question = question.where(tuple_(Application.submitted_at, Application.id) < after)
        return (await self.db.execute(question)).all()

    async def counts(self, council_id: UUID, wanted: Wanted) -> dict[ApplicationStatus, int]:
        """Count applications by where they are; the wanted status itself does not limit the counts."""
        rows = await self.db.execute(
            select(Application.status, func.count())
            .where(*self._conditions(council_id, wanted._replace(status=None)))
            .group_by(Application.status)
        )
        return {row.status: row[1] for row in rows}

    def _conditions(self, council_id: UUID, wanted: Wanted) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [
            Application.council_id == council_id,
            Application.submitted_at.is_not(None),
            Application.status != ApplicationStatus.DRAFT,
        ]
        if wanted.round_id is not None:
            conditions.append(Application.round_id == wanted.round_id)
        if wanted.status is not None:
            conditions.append(Application.status == wanted.status)
        if wanted.is_late is not None:
            conditions.append(Application.is_late.is_(wanted.is_late))
        if wanted.lot_id is not None:
            conditions.append(
                Application.id.in_(
                    select(ApplicationLot.application_id).where(
                        ApplicationLot.council_id == council_id, ApplicationLot.lot_id == wanted.lot_id
                    )
                )
            )
        return conditions

    async def rounds(self, council_id: UUID) -> Sequence[Row[Round, Framework]]:
        """Return a council's rounds that applications came in for, the newest first."""
        return (
            await self.db.execute(
                select(Round, Framework)
                .join(Framework, Framework.id == Round.framework_id)
                .where(
                    Round.council_id == council_id,
                    Round.id.in_(
                        select(Application.round_id).where(
                            Application.council_id == council_id, Application.submitted_at.is_not(None)
                        )
                    ),
                )
                .order_by(Round.closes_at.desc(), Round.id.desc())
                .limit(60)
            )
        ).all()

    async def lots_applied_for(self, council_id: UUID, round_id: UUID | None) -> Sequence[Row[Lot, int]]:
        """Return the lots that applications in a council, or in one round, are for, with their version's number."""
        applied = (
            select(ApplicationLot.lot_id)
            .join(Application, Application.id == ApplicationLot.application_id)
            .where(ApplicationLot.council_id == council_id, Application.submitted_at.is_not(None))
        )
        if round_id is not None:
            applied = applied.where(Application.round_id == round_id)
        return (
            await self.db.execute(
                select(Lot, FrameworkVersion.number)
                .join(FrameworkVersion, FrameworkVersion.id == Lot.version_id)
                .where(Lot.id.in_(applied))
                .order_by(Lot.code, FrameworkVersion.number.desc(), Lot.id)
                .limit(100)
            )
        ).all()

    async def organisation(self, organisation_id: UUID) -> Organisation:
        """Return the organisation that applies."""
        return (await self.db.scalars(select(Organisation).where(Organisation.id == organisation_id))).one()

    async def round_of(self, application: Application) -> tuple[Round, FrameworkVersion, Framework]:
        """Return the round of an application with the version and framework it runs under."""
        row = (
            await self.db.execute(
                select(Round, FrameworkVersion, Framework)
                .join(FrameworkVersion, FrameworkVersion.id == Round.version_id)
                .join(Framework, Framework.id == Round.framework_id)
                .where(Round.id == application.round_id)
            )
        ).one()
        return row[0], row[1], row[2]

    async def lots(self, application_ids: Iterable[UUID]) -> dict[UUID, list[tuple[ApplicationLot, Lot]]]:
        """Return what each application is for, in the order of the specification."""
        found: dict[UUID, list[tuple[ApplicationLot, Lot]]] = {}
        rows = await self.db.execute(
            select(ApplicationLot, Lot)
            .join(Lot, Lot.id == ApplicationLot.lot_id)
            .where(ApplicationLot.application_id.in_(list(application_ids)))
            .order_by(Lot.position, Lot.code, Lot.id)
        )
        for row, lot in rows:
            found.setdefault(row.application_id, []).append((row, lot))
        return found

    async def lots_by_id(self, lot_ids: Iterable[UUID]) -> Sequence[Lot]:
        """Return lots by their ids, in the order of the specification."""
        return (
            await self.db.scalars(select(Lot).where(Lot.id.in_(list(lot_ids))).order_by(Lot.position, Lot.code, Lot.id))
        ).all()

    async def steps(self, council_id: UUID, subjects: Iterable[tuple[str, UUID]]) -> Sequence[Step]:
        """Return the steps of some rows, given as (kind, id), oldest first."""
        return (
            await self.db.scalars(
                select(Step)
                .where(
                    Step.council_id == council_id,
                    tuple_(Step.subject_kind, Step.subject_id).in_(list(subjects)),
                )
                .order_by(Step.at, Step.id)
            )
        ).all()

    async def moderated(self, application_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, ModeratedScore]]:
        """Return what was agreed on: `moderated[application_id][criterion_id]`."""
        found: dict[UUID, dict[UUID, ModeratedScore]] = {}
        rows = await self.db.scalars(
            select(ModeratedScore).where(ModeratedScore.application_id.in_(list(application_ids)))
        )
        for row in rows:
            found.setdefault(row.application_id, {})[row.criterion_id] = row
        return found


class EvaluationRepository(Repository[Evaluation]):
    """Evaluators and their scores, and who may be one."""

    model_type = Evaluation

    async def of_applications(self, application_ids: Iterable[UUID]) -> dict[UUID, list[tuple[Evaluation, str]]]:
        """Return the evaluations of applications, each with the evaluator's name, in the order they were asked."""
        found: dict[UUID, list[tuple[Evaluation, str]]] = {}
        rows = await self.db.execute(
            select(Evaluation, User.name)
            .join(User, User.id == Evaluation.evaluator_user_id)
            .where(Evaluation.application_id.in_(list(application_ids)))
            .order_by(Evaluation.assigned_at, Evaluation.id)
        )
        for row, name in rows:
            found.setdefault(row.application_id, []).append((row, name))
        return found

    async def of_application(self, application: Application) -> Sequence[Evaluation]:
        """Return the evaluations of one application, in the order they were asked."""
        return await self.every(
            self.of(application.council_id)
            .where(Evaluation.application_id == application.id)
            .order_by(Evaluation.assigned_at, Evaluation.id)
        )

    async def own(self, council_id: UUID, user_id: UUID) -> Sequence[Row[Evaluation, Application, str, Round]]:
        """Return what a user was asked to score, with application, organisation's name and round, newest first."""
        return (
            await self.db.execute(
                select(Evaluation, Application, Organisation.name, Round)
                .join(Application, Application.id == Evaluation.application_id)
                .join(Organisation, Organisation.id == Application.organisation_id)
                .join(Round, Round.id == Application.round_id)
                .where(Evaluation.council_id == council_id, Evaluation.evaluator_user_id == user_id)
                .order_by(Evaluation.assigned_at.desc(), Evaluation.id.desc())
                .limit(200)
            )
        ).all()

    async def scores(self, evaluation_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, EvaluationScore]]:
        """Return scores: `scores[evaluation_id][criterion_id]`. The caller sees to it that they may be seen."""
        found: dict[UUID, dict[UUID, EvaluationScore]] = {}
        rows = await self.db.scalars(
            select(EvaluationScore).where(EvaluationScore.evaluation_id.in_(list(evaluation_ids)))
        )
        for row in rows:
            found.setdefault(row.evaluation_id, {})[row.criterion_id] = row
        return found

    async def score_counts(self, evaluation_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Count the scores of evaluations."""
        rows = await self.db.execute(
            select(EvaluationScore.evaluation_id, func.count())
            .where(EvaluationScore.evaluation_id.in_(list(evaluation_ids)))
            .group_by(EvaluationScore.evaluation_id)
        )
        return {row.evaluation_id: row[1] for row in rows}

    async def holders(self, council_id: UUID, permission: Permission, on: date) -> dict[UUID, str]:
        """Return the council's people who hold a permission on a day: name by id, in the order of names."""
        roles = [role for role, granted in GRANTS.items() if permission in granted]
        rows = await self.db.execute(
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.council_id == council_id,
                Membership.role.in_(roles),
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
            .distinct()
            .order_by(User.name, User.id)
        )
        return {row.id: row.name for row in rows}

    async def ever_worked_for(
        self, organisation_ids: Collection[UUID], user_ids: Collection[UUID]
    ) -> set[tuple[UUID, UUID]]:
        """Return who of some users acts or ever acted for which of some organisations, as (user, organisation).

        The transaction must reach every council: a membership is seen in its own council alone.
        """
        organisations = list(organisation_ids)
        rows = await self.db.execute(
            select(Membership.user_id, Membership.organisation_id, Worker.organisation_id)
            .outerjoin(Worker, Worker.id == Membership.worker_id)
            .where(
                Membership.user_id.in_(list(user_ids)),
                or_(Membership.organisation_id.in_(organisations), Worker.organisation_id.in_(organisations)),
            )
        )
        return {
            (row[0], organisation_id)
            for row in rows
            for organisation_id in (row[1], row[2])
            if organisation_id is not None and organisation_id in organisation_ids
        }


class AppealRepository(Repository[Appeal]):
    """Appeals against decisions."""

    model_type = Appeal

    async def of_applications(self, application_ids: Iterable[UUID]) -> dict[UUID, Appeal]:
        """Return the appeal of each application that has one."""
        rows = await self.db.scalars(select(Appeal).where(Appeal.application_id.in_(list(application_ids))))
        return {row.application_id: row for row in rows}

    async def page(
        self, council_id: UUID, *, only_open: bool, limit: int = 100
    ) -> Sequence[Row[Appeal, Application, str]]:
        """Return appeals with application and organisation's name; open ones first, the longest waiting first."""
        question = (
            select(Appeal, Application, Organisation.name)
            .join(Application, Application.id == Appeal.application_id)
            .join(Organisation, Organisation.id == Application.organisation_id)
            .where(Appeal.council_id == council_id)
        )
        if only_open:
            question = question.where(Appeal.status == AppealStatus.OPEN).order_by(Appeal.made_at, Appeal.id)
        else:
            question = question.order_by(Appeal.made_at.desc(), Appeal.id.desc())
        return (await self.db.execute(question.limit(limit))).all()
