"""Questions about runs over the waiting list, what they propose, and pins and vetoes."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.matching.models import (
    AssignmentRule,
    AssignmentRun,
    AssignmentRunFile,
    Proposal,
    Referral,
    RuleKind,
    Urgency,
)
from marketplace.matching.states import ProposalStatus, ReferralStatus, RunStatus
from marketplace.people.models import Person
from marketplace.providers.models import Organisation, Worker

UNDER_WAY = (RunStatus.QUEUED, RunStatus.RUNNING)


class RunRepository(Repository[AssignmentRun]):
    """Runs of a council."""

    model_type = AssignmentRun

    async def latest(self, council_id: UUID, *, after: UUID | None = None, limit: int = 25) -> Sequence[AssignmentRun]:
        """Return runs, newest first, from after one of them on."""
        question = self.of(council_id)
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(tuple_(AssignmentRun.asked_at, AssignmentRun.id) < (last.asked_at, last.id))
        return await self.every(question.order_by(AssignmentRun.asked_at.desc(), AssignmentRun.id.desc()).limit(limit))

    async def under_way(self, council_id: UUID) -> AssignmentRun | None:
        """Return the council's run that is not done yet. Serialises those who ask: one run at a time."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('assignment-run'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        return await self.maybe(self.of(council_id).where(AssignmentRun.status.in_(UNDER_WAY)))

    async def next_reference(self, council_id: UUID, year: int) -> str:
        """Return the next reference of a council's year, "M-2027-00004". Call it after `under_way`, which locks."""
        last = await self.db.scalar(
            select(func.max(AssignmentRun.reference)).where(
                AssignmentRun.council_id == council_id, AssignmentRun.reference.regexp_match(f"^M-{year}-[0-9]{{5}}$")
            )
        )
        return f"M-{year}-{int(last[-5:]) + 1 if last else 1:05}"

    async def successor(self, council_id: UUID, run_id: UUID) -> AssignmentRun | None:
        """Return the newest run that was asked to take a run's place and did not come to nothing."""
        question = self.of(council_id).where(
            AssignmentRun.replaces_run_id == run_id,
            AssignmentRun.status.not_in((RunStatus.FAILED, RunStatus.CANCELLED)),
        )
        return await self.maybe(question.order_by(AssignmentRun.asked_at.desc()))

    async def silent(self, before: datetime, limit: int = 50) -> Sequence[Row[UUID, UUID]]:
        """Return council and id of runs whose worker has shown no sign of life since."""
        rows = await self.db.execute(
            select(AssignmentRun.council_id, AssignmentRun.id)
            .where(AssignmentRun.status == RunStatus.RUNNING, AssignmentRun.beat_at < before)
            .limit(limit)
        )
        return rows.all()

    async def beat(
        self, council_id: UUID, run_id: UUID, tries: int, *, at: datetime, stage: str, done: int, total: int
    ) -> bool | None:
        """Note a sign of life and how far a run is.

        Returns:
            Whether somebody asked to stop it; None when the run is no longer this worker's.
        """
        row = (
            await self.db.execute(
                update(AssignmentRun)
                .where(
                    AssignmentRun.council_id == council_id,
                    AssignmentRun.id == run_id,
                    AssignmentRun.status == RunStatus.RUNNING,
                    AssignmentRun.tries == tries,
                )
                .values(beat_at=at, stage=stage, progress_done=done, progress_total=total)
                .returning(AssignmentRun.cancel_asked_at)
                .execution_options(synchronize_session=False)
            )
        ).first()
        return None if row is None else row[0] is not None

    async def file_of(self, council_id: UUID, run_id: UUID) -> AssignmentRunFile | None:
        """Return a run's stored inputs and certificate."""
        found: AssignmentRunFile | None = await self.db.scalar(
            select(AssignmentRunFile).where(
                AssignmentRunFile.council_id == council_id, AssignmentRunFile.run_id == run_id
            )
        )
        return found

    async def waiting(
        self, council_id: UUID, *, districts: Collection[str] = (), urgencies: Collection[str] = ()
    ) -> Sequence[Row[Referral, Person]]:
        """Return every referral that waits for a planner, with its person, in the order in which they came.

        Args:
            council_id: Whose.
            districts: Codes; empty is everywhere.
            urgencies: Values of `Urgency`; empty is all.
        """
        question = (
            select(Referral, Person)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.council_id == council_id, Referral.status == ReferralStatus.RECEIVED)
            .order_by(Referral.received_at, Referral.id)
        )
        if districts:
            question = question.where(Person.lad_code.in_(list(districts)))
        if urgencies:
            question = question.where(Referral.urgency.in_([Urgency(item) for item in urgencies]))
        return (await self.db.execute(question)).all()

    async def waiting_by_district(self, council_id: UUID) -> dict[str, int]:
        """Return how many referrals wait, by district code ("" where it is not known)."""
        rows = await self.db.execute(
            select(Person.lad_code, func.count())
            .select_from(Referral)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.council_id == council_id, Referral.status == ReferralStatus.RECEIVED)
            .group_by(Person.lad_code)
        )
        return {str(code): number for code, number in rows}


class ProposalRepository(Repository[Proposal]):
    """What runs propose."""

    model_type = Proposal

    async def of_run(
        self,
        council_id: UUID,
        run_id: UUID,
        *,
        urgency: Urgency | None = None,
        organisation_id: UUID | None = None,
        status: ProposalStatus | None = None,
        is_placed: bool | None = None,
        after: UUID | None = None,
        limit: int = 25,
    ) -> Sequence[Row[Proposal, Referral, Person, Worker | None, Organisation | None]]:
        """Return a run's proposals in the order in which they were stored: the most urgent first, then by fit."""
        question = (
            select(Proposal, Referral, Person, Worker, Organisation)
            .join(Referral, Referral.id == Proposal.referral_id)
            .join(Person, Person.id == Referral.person_id)
            .outerjoin(Worker, Worker.id == Proposal.worker_id)
            .outerjoin(Organisation, Organisation.id == Worker.organisation_id)
            .where(Proposal.council_id == council_id, Proposal.run_id == run_id)
            .order_by(Proposal.id)
            .limit(limit)
        )
        if urgency is not None:
            question = question.where(Referral.urgency == urgency)
        if organisation_id is not None:
            question = question.where(Organisation.id == organisation_id)
        if status is not None:
            question = question.where(Proposal.status == status)
        if is_placed is not None:
            question = question.where(Proposal.worker_id.is_not(None) if is_placed else Proposal.worker_id.is_(None))
        if after is not None:
            question = question.where(Proposal.id > after)
        return (await self.db.execute(question)).all()

    async def with_run(self, council_id: UUID, run_id: UUID, proposal_id: UUID) -> tuple[AssignmentRun, Proposal]:
        """Return a run and one of its proposals.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        row = (
            await self.db.execute(
                select(AssignmentRun, Proposal)
                .join(Proposal, Proposal.run_id == AssignmentRun.id)
                .where(AssignmentRun.council_id == council_id, AssignmentRun.id == run_id, Proposal.id == proposal_id)
            )
        ).first()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def organisations_of(self, council_id: UUID, run_id: UUID) -> Sequence[Row[UUID, str, int]]:
        """Return id, name and number of proposals of each organisation of a run, by name."""
        rows = await self.db.execute(
            select(Organisation.id, Organisation.name, func.count())
            .select_from(Proposal)
            .join(Worker, Worker.id == Proposal.worker_id)
            .join(Organisation, Organisation.id == Worker.organisation_id)
            .where(Proposal.council_id == council_id, Proposal.run_id == run_id)
            .group_by(Organisation.id, Organisation.name)
            .order_by(Organisation.name, Organisation.id)
        )
        return rows.all()

    async def counts(self, council_id: UUID, run_id: UUID) -> dict[tuple[ProposalStatus, bool], int]:
        """Return how many proposals there are by state and by whether they name a planner."""
        rows = await self.db.execute(
            select(Proposal.status, Proposal.worker_id.is_not(None), func.count())
            .where(Proposal.council_id == council_id, Proposal.run_id == run_id)
            .group_by(Proposal.status, Proposal.worker_id.is_not(None))
        )
        return {(row[0], row[1]): row[2] for row in rows}

    async def open_ids(self, council_id: UUID, run_id: UUID, limit: int) -> Sequence[UUID]:
        """Return the first proposals of a run that name a planner and that nobody has decided about."""
        return (
            await self.db.scalars(
                select(Proposal.id)
                .where(
                    Proposal.council_id == council_id,
                    Proposal.run_id == run_id,
                    Proposal.status == ProposalStatus.PROPOSED,
                    Proposal.worker_id.is_not(None),
                )
                .order_by(Proposal.id)
                .limit(limit)
            )
        ).all()

    async def open_of_referral(self, council_id: UUID, referral_id: UUID) -> Sequence[Proposal]:
        """Return the proposals for a referral that nobody has decided about, locked."""
        question = self.of(council_id).where(
            Proposal.referral_id == referral_id, Proposal.status == ProposalStatus.PROPOSED
        )
        return await self.every(
            question.order_by(Proposal.id).with_for_update().execution_options(populate_existing=True)
        )

    async def open_for(self, council_id: UUID, referral_ids: Collection[UUID]) -> Sequence[Proposal]:
        """Return the open proposals for some referrals, locked."""
        question = self.of(council_id).where(
            Proposal.referral_id.in_(list(referral_ids)), Proposal.status == ProposalStatus.PROPOSED
        )
        return await self.every(
            question.order_by(Proposal.id).with_for_update().execution_options(populate_existing=True)
        )

    async def open_of_run(self, council_id: UUID, run_id: UUID) -> Sequence[Proposal]:
        """Return the proposals of a run that nobody has decided about, locked."""
        question = self.of(council_id).where(Proposal.run_id == run_id, Proposal.status == ProposalStatus.PROPOSED)
        return await self.every(
            question.order_by(Proposal.id).with_for_update().execution_options(populate_existing=True)
        )

    async def stale(self, limit: int = 500) -> Sequence[Row[UUID, UUID]]:
        """Return council and referral of open proposals whose referral waits no longer."""
        rows = await self.db.execute(
            select(Proposal.council_id, Proposal.referral_id)
            .join(Referral, Referral.id == Proposal.referral_id)
            .where(Proposal.status == ProposalStatus.PROPOSED, Referral.status != ReferralStatus.RECEIVED)
            .distinct()
            .limit(limit)
        )
        return rows.all()

    async def decided(
        self, council_id: UUID, run_id: UUID, user_id: UUID, since: datetime, limit: int = 200
    ) -> Sequence[Row[Proposal, Referral, Person, Worker | None]]:
        """Return what a user decided in a run since a moment."""
        rows = await self.db.execute(
            select(Proposal, Referral, Person, Worker)
            .join(Referral, Referral.id == Proposal.referral_id)
            .join(Person, Person.id == Referral.person_id)
            .outerjoin(Worker, Worker.id == Proposal.worker_id)
            .where(
                Proposal.council_id == council_id,
                Proposal.run_id == run_id,
                Proposal.decided_by_user_id == user_id,
                Proposal.decided_at >= since,
            )
            .order_by(Proposal.id)
            .limit(limit)
        )
        return rows.all()

    async def latest_of_referral(self, council_id: UUID, referral_id: UUID) -> Proposal | None:
        """Return the newest proposal for a referral, whatever became of it."""
        question = self.of(council_id).where(Proposal.referral_id == referral_id)
        return await self.maybe(question.order_by(Proposal.id.desc()))


class RuleRepository(Repository[AssignmentRule]):
    """Pins and vetoes of runs."""

    model_type = AssignmentRule

    async def of_run(self, council_id: UUID, run_id: UUID) -> Sequence[AssignmentRule]:
        """Return a run's pins and vetoes in the order in which they were made."""
        question = self.of(council_id).where(AssignmentRule.run_id == run_id)
        return await self.every(question.order_by(AssignmentRule.made_at, AssignmentRule.id).limit(5_000))

    async def of_pair(
        self, council_id: UUID, run_id: UUID, referral_id: UUID, worker_id: UUID
    ) -> Iterable[AssignmentRule]:
        """Return what must give way to a new rule for a pair: the pair's own, and the referral's other pin."""
        question = self.of(council_id).where(
            AssignmentRule.run_id == run_id,
            AssignmentRule.referral_id == referral_id,
            or_(
                AssignmentRule.worker_id == worker_id,
                and_(AssignmentRule.kind == RuleKind.PIN, AssignmentRule.worker_id != worker_id),
            ),
        )
        return await self.every(question)


async def note_planned(db: AsyncSession, council_id: UUID, referral_id: UUID, at: datetime) -> None:
    """Note that the first plan of a referral is signed off; `plans` says so when it happens.

    One statement past the row's version: it is no change that anybody's form could clash with.
    """
    await db.execute(
        update(Referral)
        .where(Referral.council_id == council_id, Referral.id == referral_id, Referral.planned_at.is_(None))
        .values(planned_at=at)
        .execution_options(synchronize_session=False)
    )
