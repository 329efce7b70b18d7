"""Questions about applications, as the organisation that applies asks them.

An organisation may apply to every council of the installation, so its own questions start from the organisation and
not from a council. Whoever asks them has opened the wall for it (see `service.reach`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Select, and_, cast, func, or_, select, text

from marketplace.accounts.models import Council, User
from marketplace.core.errors import NotFound
from marketplace.core.models import StoredFile
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    Agreement,
    Appeal,
    Application,
    ApplicationAnswer,
    ApplicationFile,
    ApplicationLot,
    Criterion,
    CriterionKind,
    Evaluation,
    Framework,
    Lot,
    ModeratedScore,
    Organisation,
    Round,
)
from marketplace.providers.states import ApplicationStatus

MOST_LISTED = 200
"""Applications and rounds on one page; an organisation with more has other means."""


class RoundFacts(NamedTuple):
    """A round with what it belongs to."""

    round: Round
    framework: Framework
    council: Council


class EarlierAnswer(NamedTuple):
    """An answer of an earlier application, with what was asked then and where."""

    answer: ApplicationAnswer
    criterion: Criterion
    application: Application
    round: Round
    council: Council


class ApplicationRepository(Repository[Application]):
    """Applications with their lots, answers and what was decided about them."""

    model_type = Application

    def of_applicant(self, organisation_id: UUID) -> Select[Application]:
        """Start a question that cannot leave an organisation."""
        return select(Application).where(Application.organisation_id == organisation_id)

    async def own(
        self, organisation_id: UUID, application_id: UUID, *, locked: bool = False
    ) -> tuple[Application, RoundFacts, Organisation]:
        """Return an application of an organisation with its round and the organisation, in one question.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = (
            select(Application, Round, Framework, Council, Organisation)
            .join(Round, Round.id == Application.round_id)
            .join(Framework, Framework.id == Round.framework_id)
            .join(Council, Council.id == Application.council_id)
            .join(Organisation, Organisation.id == Application.organisation_id)
            .where(Application.id == application_id, Application.organisation_id == organisation_id)
        )
        if locked:
            question = question.with_for_update(of=Application).execution_options(populate_existing=True)
        row = (await self.db.execute(question)).first()
        if row is None:
            raise NotFound
        return row[0], RoundFacts(row[1], row[2], row[3]), row[4]

    async def in_round(self, organisation_id: UUID, round_id: UUID) -> Application | None:
        """Return an organisation's application in a round."""
        return await self.maybe(self.of_applicant(organisation_id).where(Application.round_id == round_id))

    async def of_organisation(self, organisation_id: UUID) -> Sequence[tuple[Application, RoundFacts]]:
        """Return an organisation's applications to all councils, the newest first."""
        rows = await self.db.execute(
            select(Application, Round, Framework, Council)
            .join(Round, Round.id == Application.round_id)
            .join(Framework, Framework.id == Round.framework_id)
            .join(Council, Council.id == Application.council_id)
            .where(Application.organisation_id == organisation_id)
            .order_by(Application.created_at.desc(), Application.id.desc())
            .limit(MOST_LISTED)
        )
        return [(row[0], RoundFacts(row[1], row[2], row[3])) for row in rows]

    async def rounds(self, now: datetime) -> Sequence[RoundFacts]:
        """Return the rounds of all councils that are to come, open or still taken late; the soonest to close first."""
        rows = await self.db.execute(
            select(Round, Framework, Council)
            .join(Framework, Framework.id == Round.framework_id)
            .join(Council, Council.id == Round.council_id)
            .where(Round.cancelled_at.is_(None), func.coalesce(Round.late_until, Round.closes_at) > now)
            .order_by(Round.closes_at, Round.id)
            .limit(MOST_LISTED)
        )
        return [RoundFacts(*row) for row in rows]

    async def round(self, round_id: UUID) -> RoundFacts | None:
        """Return a round with its framework and council."""
        row = (
            await self.db.execute(
                select(Round, Framework, Council)
                .join(Framework, Framework.id == Round.framework_id)
                .join(Council, Council.id == Round.council_id)
                .where(Round.id == round_id)
            )
        ).first()
        return RoundFacts(*row) if row else None

    async def later_rounds(self, framework_id: UUID, round_id: UUID, now: datetime) -> Sequence[Round]:
        """Return the other rounds of a framework that are open or to come, the next first."""
        return (
            await self.db.scalars(
                select(Round)
                .where(
                    Round.framework_id == framework_id,
                    Round.id != round_id,
                    Round.cancelled_at.is_(None),
                    Round.closes_at > now,
                )
                .order_by(Round.opens_at, Round.id)
                .limit(5)
            )
        ).all()

    async def lot_names(self, application_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
        """Return the codes and names of the lots of some applications, by application."""
        rows = await self.db.execute(
            select(ApplicationLot.application_id, Lot.code, Lot.name)
            .join(Lot, Lot.id == ApplicationLot.lot_id)
            .where(ApplicationLot.application_id.in_(list(application_ids)))
            .order_by(Lot.position, Lot.code)
        )
        names: dict[UUID, list[str]] = {}
        for application_id, code, name in rows:
            names.setdefault(application_id, []).append(f"{code} {name}")
        return names

    async def lots_of_version(self, version_id: UUID, application_id: UUID) -> list[tuple[Lot, bool]]:
        """Return the lots of a version in their order, each with whether an application is for it."""
        rows = await self.db.execute(
            select(Lot, ApplicationLot.id)
            .outerjoin(
                ApplicationLot, and_(ApplicationLot.lot_id == Lot.id, ApplicationLot.application_id == application_id)
            )
            .where(Lot.version_id == version_id)
            .order_by(Lot.position, Lot.code)
        )
        return [(row[0], row[1] is not None) for row in rows]

    async def lots(self, application_id: UUID) -> Sequence[ApplicationLot]:
        """Return the rows of the lots that an application is for."""
        return (
            await self.db.scalars(select(ApplicationLot).where(ApplicationLot.application_id == application_id))
        ).all()

    async def answers(self, application_id: UUID, *, locked: bool = False) -> Sequence[ApplicationAnswer]:
        """Return all answers of an application, those to lots that were taken out, too."""
        question = select(ApplicationAnswer).where(ApplicationAnswer.application_id == application_id)
        if locked:
            question = question.with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(question)).all()

    async def earlier_answers(
        self, organisation_id: UUID, application_id: UUID, kinds: Iterable[CriterionKind], keys: Iterable[str]
    ) -> Sequence[EarlierAnswer]:
        """Return what an organisation answered before to questions with some keys, the newest application first.

        Answers that were themselves carried over and never confirmed are left out: their own source is found instead.
        """
        rows = await self.db.execute(
            select(ApplicationAnswer, Criterion, Application, Round, Council)
            .join(Criterion, Criterion.id == ApplicationAnswer.criterion_id)
            .join(Application, Application.id == ApplicationAnswer.application_id)
            .join(Round, Round.id == Application.round_id)
            .join(Council, Council.id == Application.council_id)
            .where(
                Application.organisation_id == organisation_id,
                Application.id != application_id,
                Criterion.kind.in_(list(kinds)),
                Criterion.key.in_(list(keys)),
                or_(ApplicationAnswer.confirmed_at.is_not(None), ApplicationAnswer.carried_from_id.is_(None)),
            )
            .order_by(Application.created_at.desc(), Application.id.desc(), ApplicationAnswer.id)
            .limit(2_000)
        )
        return [EarlierAnswer(*row) for row in rows]

    async def sources(self, answers: Iterable[ApplicationAnswer]) -> dict[UUID, EarlierAnswer]:
        """Return what carried answers began as, by the id of the earlier answer."""
        ids = {answer.carried_from_id for answer in answers if answer.carried_from_id is not None}
        if not ids:
            return {}
        rows = await self.db.execute(
            select(ApplicationAnswer, Criterion, Application, Round, Council)
            .join(Criterion, Criterion.id == ApplicationAnswer.criterion_id)
            .join(Application, Application.id == ApplicationAnswer.application_id)
            .join(Round, Round.id == Application.round_id)
            .join(Council, Council.id == Application.council_id)
            .where(ApplicationAnswer.id.in_(ids))
        )
        return {row[0].id: EarlierAnswer(*row) for row in rows}

    async def scores(self, application_id: UUID) -> dict[UUID, ModeratedScore]:
        """Return what the evaluators agreed on, by criterion."""
        rows = await self.db.scalars(select(ModeratedScore).where(ModeratedScore.application_id == application_id))
        return {row.criterion_id: row for row in rows}

    async def appeal(self, application_id: UUID) -> Appeal | None:
        """Return the appeal about an application."""
        return (await self.db.scalars(select(Appeal).where(Appeal.application_id == application_id))).first()

    async def agreement_id(self, application_id: UUID) -> UUID | None:
        """Return the newest agreement that came of an application."""
        found: UUID | None = await self.db.scalar(
            select(Agreement.id)
            .where(Agreement.application_id == application_id)
            .order_by(Agreement.number.desc(), Agreement.id.desc())
            .limit(1)
        )
        return found

    async def user_name(self, user_id: UUID | None) -> str:
        """Return what somebody is called; empty for nobody."""
        return await self.db.scalar(select(User.name).where(User.id == user_id)) or "" if user_id else ""

    async def next_reference(self, council_id: UUID, year: int) -> str:
        """Return the next reference of a council, "A-2027-0014". Others that ask at the same moment wait."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('application-reference'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        start = f"A-{year}-"
        last = await self.db.scalar(
            select(func.max(cast(func.substr(Application.reference, len(start) + 1), Integer))).where(
                Application.council_id == council_id, Application.reference.regexp_match(f"^{start}[0-9]{{1,9}}$")
            )
        )
        return f"{start}{(last or 0) + 1:04}"

    async def to_remind(self, now: datetime, closing_before: datetime) -> Sequence[tuple[Application, RoundFacts]]:
        """Return drafts of all councils whose round closes soon and whose people were not reminded, locked."""
        rows = await self.db.execute(
            select(Application, Round, Framework, Council)
            .join(Round, Round.id == Application.round_id)
            .join(Framework, Framework.id == Round.framework_id)
            .join(Council, Council.id == Application.council_id)
            .where(
                Application.status == ApplicationStatus.DRAFT,
                Application.reminded_at.is_(None),
                Round.cancelled_at.is_(None),
                Round.opens_at <= now,
                Round.closes_at > now,
                Round.closes_at <= closing_before,
            )
            .order_by(Application.id)
            .limit(500)
            .with_for_update(of=Application, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return [(row[0], RoundFacts(row[1], row[2], row[3])) for row in rows]

    async def files(self, application_id: UUID) -> dict[UUID, list[StoredFile]]:
        """Return the files of an application that are there, the oldest first, by answer, without their content."""
        rows = await self.db.execute(
            select(ApplicationFile.answer_id, StoredFile)
            .join(StoredFile, StoredFile.id == ApplicationFile.file_id)
            .join(ApplicationAnswer, ApplicationAnswer.id == ApplicationFile.answer_id)
            .where(ApplicationAnswer.application_id == application_id, StoredFile.removed_at.is_(None))
            .order_by(StoredFile.stored_at, StoredFile.id)
        )
        found: dict[UUID, list[StoredFile]] = {}
        for answer_id, row in rows:
            found.setdefault(answer_id, []).append(row)
        return found

    async def evaluation_of(self, application_id: UUID, user_id: UUID) -> Evaluation | None:
        """Return what somebody was asked to score of an application, if anything."""
        return await self.db.scalar(
            select(Evaluation).where(
                Evaluation.application_id == application_id, Evaluation.evaluator_user_id == user_id
            )
        )
