"""Pins and vetoes: what a broker settles by hand before a proposal is worked out again."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.ids import new_id
from marketplace.matching.errors import BreaksRule, ReferralNotOpen, RunReplaced
from marketplace.matching.forms_runs import RuleForm
from marketplace.matching.models import AssignmentRule, AssignmentRun, Referral, RuleKind
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.repository.runs import ProposalRepository, RuleRepository, RunRepository
from marketplace.matching.service.runs import need_done
from marketplace.matching.service.shortlists import Shortlisted, ShortlistService
from marketplace.matching.states import ReferralStatus
from marketplace.matching.words import STATUS_LABELS
from marketplace.people import PeopleRepository

NOT_OF_COUNCIL = "They are not a planner of an organisation that this council has accredited"


class RunRules:
    """Pins and vetoes of runs."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rules = RuleRepository(db)
        self.runs = RunRepository(db)

    async def add(self, principal: Principal, run_id: UUID, proposal_id: UUID, form: RuleForm) -> AssignmentRule:
        """Keep a planner for a referral, or keep one away from it, the next time the run is worked out.

        A referral has one pin at most; a new rule takes the place of an earlier one for the same planner.

        Raises:
            NotFound: Not of this run, or another council's.
            RunNotDone, RunReplaced: There is nothing to work out again.
            ReferralNotOpen: The referral no longer waits.
            BreaksRule: A pin that no run could follow.
        """
        principal.require(Permission.MATCH_RUNS)
        run = await self._latest(principal, run_id)
        proposal = await ProposalRepository(self.db).find(principal.council_id, proposal_id)
        if proposal.run_id != run.id:
            raise NotFound
        referral = await ReferralRepository(self.db).find(principal.council_id, proposal.referral_id)
        if referral.status is not ReferralStatus.RECEIVED:
            raise ReferralNotOpen(f"Its state is now: {STATUS_LABELS[referral.status].lower()}.")
        if form.kind is RuleKind.PIN:
            await self._refuse_rule_breaker(principal, referral, form.worker_id)
        for older in await self.rules.of_pair(principal.council_id, run.id, referral.id, form.worker_id):
            if form.kind is RuleKind.PIN or older.worker_id == form.worker_id:
                await self.db.delete(older)
        await self.db.flush()
        rule = AssignmentRule(
            id=new_id(),
            council_id=principal.council_id,
            run_id=run.id,
            referral_id=referral.id,
            worker_id=form.worker_id,
            kind=form.kind,
            why=form.why,
            made_by_user_id=principal.user_id,
            made_at=clock_of(self.db).now(),
        )
        self.db.add(rule)
        await self.db.flush()
        self._note(principal, f"matching.{form.kind.value}_planner", rule, form.why)
        return rule

    async def remove(self, principal: Principal, run_id: UUID, rule_id: UUID) -> None:
        """Take a pin or veto back.

        Raises:
            NotFound: Not of this run, or another council's.
            RunNotDone, RunReplaced: There is nothing to work out again.
        """
        principal.require(Permission.MATCH_RUNS)
        run = await self._latest(principal, run_id)
        rule = await self.rules.find(principal.council_id, rule_id, locked=True)
        if rule.run_id != run.id:
            raise NotFound
        self._note(principal, "matching.remove_rule", rule, rule.why)
        await self.db.delete(rule)
        await self.db.flush()

    async def shortlist(self, principal: Principal, referral: Referral) -> Shortlisted:
        """Rank the planners for a referral as things stand now."""
        person = await PeopleRepository(self.db).find(principal.council_id, referral.person_id)
        return await ShortlistService(self.db).rank(referral, person, principal.council_name)

    async def _latest(self, principal: Principal, run_id: UUID) -> AssignmentRun:
        run = await self.runs.find(principal.council_id, run_id, locked=True)
        need_done(run)
        newer = await self.runs.successor(principal.council_id, run.id)
        if newer is not None:
            raise RunReplaced(f"Proposal {newer.reference} has taken its place. Look there.")
        return run

    async def _refuse_rule_breaker(self, principal: Principal, referral: Referral, worker_id: UUID) -> None:
        made = await self.shortlist(principal, referral)
        if made.standing(worker_id) is None:
            left_out = made.why_left_out(worker_id)
            reasons: Sequence[str] = left_out.reasons if left_out is not None else (NOT_OF_COUNCIL,)
            raise BreaksRule(f"{'; '.join(reasons)}. Choose somebody else, or change what stands in the way.")

    def _note(self, principal: Principal, action: str, rule: AssignmentRule, why: str) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=rule.council_id,
            subject_kind="assignment_run",
            subject_id=rule.run_id,
            after={"referral_id": rule.referral_id, "worker_id": rule.worker_id, "kind": rule.kind},
            why=why,
        )
