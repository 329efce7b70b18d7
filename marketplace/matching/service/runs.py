"""Asking for a proposal for the whole waiting list, stopping one, and asking again."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.matching.errors import RunNotDone, RunOver, RunReplaced, RunUnderWay
from marketplace.matching.events import RunAsked, RunFinished, RunRepeatAsked
from marketplace.matching.forms_runs import RunForm
from marketplace.matching.models import AssignmentRule, AssignmentRun
from marketplace.matching.repository.runs import RuleRepository, RunRepository
from marketplace.matching.states import RUN, RunStatus
from marketplace.matching.words_runs import RUN_LABELS


class RunService:
    """Runs over a council's waiting list. They propose; a named person decides about each line."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.runs = RunRepository(db)
        self.rules = RuleRepository(db)

    async def ask(self, principal: Principal, form: RunForm) -> AssignmentRun:
        """Ask for a proposal. It is worked out by a background job.

        Raises:
            RunUnderWay: The council has another one that is not done yet.
        """
        return await self._ask(principal, form.scope(), None)

    async def again(self, principal: Principal, run_id: UUID) -> AssignmentRun:
        """Ask for a proposal that takes a run's place: same scope and salt, with its pins and vetoes.

        Raises:
            NotFound: The run is another council's.
            RunNotDone: The run is still being worked out.
            RunReplaced: Another has taken its place already.
            RunUnderWay: The council has another one that is not done yet.
        """
        principal.require(Permission.MATCH_RUNS)
        before = await self.runs.find(principal.council_id, run_id, locked=True)
        if before.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            raise RunNotDone("It is still being worked out. Wait until it is done, or stop it.")
        newer = await self.runs.successor(principal.council_id, before.id)
        if newer is not None:
            raise RunReplaced(f"Proposal {newer.reference} has taken its place. Look there.")
        run = await self._ask(principal, before.scope, before)
        for rule in await self.rules.of_run(principal.council_id, before.id):
            self.db.add(
                AssignmentRule(
                    id=new_id(),
                    council_id=run.council_id,
                    run_id=run.id,
                    referral_id=rule.referral_id,
                    worker_id=rule.worker_id,
                    kind=rule.kind,
                    why=rule.why,
                    made_by_user_id=rule.made_by_user_id,
                    made_at=rule.made_at,
                )
            )
        await self.db.flush()
        return run

    async def cancel(self, principal: Principal, run_id: UUID) -> AssignmentRun:
        """Stop a run. One that waits stops at once, one that is being worked out within seconds.

        Raises:
            NotFound: The run is another council's.
            RunOver: It has ended already.
        """
        principal.require(Permission.MATCH_RUNS)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        if run.status not in (RunStatus.QUEUED, RunStatus.RUNNING):
            raise RunOver(f"Its state is now: {RUN_LABELS[run.status].lower()}.")
        now = self.clock.now()
        if run.cancel_asked_at is None:
            run.cancel_asked_at = now
            self._note(principal, "matching.cancel_run", run)
        if run.status is RunStatus.QUEUED:
            RUN.move(self.db, run, RunStatus.CANCELLED, by=principal.user_id)
            run.finished_at = now
            outbox.publish(self.db, RunFinished(council_id=run.council_id, run_id=run.id, status=run.status.value))
        await self.db.flush()
        return run

    async def ask_repeat(self, principal: Principal, run_id: UUID) -> None:
        """Ask to have a run worked out once more from its stored inputs, to see that the answer is the same.

        Raises:
            NotFound: The run is another council's.
            RunNotDone: It has no stored inputs.
        """
        principal.require(Permission.MATCH_READ)
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        if run.status is not RunStatus.DONE or await self.runs.file_of(principal.council_id, run.id) is None:
            raise RunNotDone("Only a finished proposal can be worked out again from its stored inputs.")
        run.figures = {**run.figures, "repeat": {"asked_at": self.clock.now().isoformat(), "by": principal.name}}
        self._note(principal, "matching.repeat_run", run)
        await self.db.flush()
        outbox.publish(self.db, RunRepeatAsked(council_id=run.council_id, run_id=run.id))

    async def _ask(self, principal: Principal, scope: dict[str, Any], before: AssignmentRun | None) -> AssignmentRun:
        principal.require(Permission.MATCH_RUNS)
        council_id, now = principal.council_id, self.clock.now()
        other = await self.runs.under_way(council_id)
        if other is not None:
            raise RunUnderWay(
                f"Proposal {other.reference} is being worked out. Wait until it is done, or stop it. Then ask again."
            )
        reference = await self.runs.next_reference(council_id, today(self.clock).year)
        run = AssignmentRun(
            id=new_id(),
            council_id=council_id,
            reference=reference,
            status=RunStatus.QUEUED,
            scope=scope,
            # A new one for each list, so that nobody is favoured for ever; kept when pins and vetoes are tried, so that
            # only they make a difference.
            salt=before.salt if before is not None else reference,
            replaces_run_id=before.id if before is not None else None,
            asked_by_user_id=principal.user_id,
            asked_at=now,
            stage="Waiting for a free worker",
        )
        self.db.add(run)
        await self.db.flush()
        RUN.begin(self.db, run, by=principal.user_id)
        self._note(principal, "matching.ask_run", run, after={"scope": scope, "replaces_run_id": run.replaces_run_id})
        outbox.publish(self.db, RunAsked(council_id=council_id, run_id=run.id))
        return run

    def _note(self, principal: Principal, action: str, run: AssignmentRun, after: dict[str, Any] | None = None) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=run.council_id,
            subject_kind="assignment_run",
            subject_id=run.id,
            after={"status": run.status, **(after or {})},
        )


def need_done(run: AssignmentRun) -> None:
    """Refuse to act on a run without a result.

    Raises:
        RunNotDone: It is not finished, or came to nothing.
    """
    if run.status is not RunStatus.DONE:
        raise RunNotDone(f"Its state is now: {RUN_LABELS[run.status].lower()}.")
