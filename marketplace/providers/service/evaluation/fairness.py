"""Who must keep out of an application, and what is written down when they try."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.audit import record_refusal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.providers.errors import HasInterest, SameHand
from marketplace.providers.models import Application, Evaluation
from marketplace.providers.repository.evaluation import EvaluationRepository
from marketplace.providers.service.evaluation.rules import active, names_list
from marketplace.providers.states import EvaluationStatus

TIED = "You work or have worked for this organisation, so somebody else must do this."
DECLARED = "You have an interest in this application, so somebody else must do this."


class Fairness:
    """Ties between the council's people and an organisation, and the rule of two people."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.evaluations = EvaluationRepository(db)

    async def tied(self, principal: Principal, organisation_id: UUID, user_ids: Collection[UUID]) -> set[UUID]:
        """Return which of some users act or ever acted for an organisation, in whatever council."""
        return {user_id for user_id, _ in await self.ties(principal, {organisation_id}, user_ids)}

    async def ties(
        self, principal: Principal, organisation_ids: Collection[UUID], user_ids: Collection[UUID]
    ) -> set[tuple[UUID, UUID]]:
        """Return who acts or ever acted for which of some organisations, as (user, organisation)."""
        await scope_to(self.db, "every")
        try:
            return await self.evaluations.ever_worked_for(organisation_ids, user_ids)
        finally:
            await scope_to(self.db, principal.councils)

    async def refuse_ties(
        self, principal: Principal, application: Application, evaluations: Sequence[Evaluation], action: str
    ) -> None:
        """Refuse somebody who works or worked for the applicant or declared an interest, and write that down.

        Raises:
            HasInterest: With an audit row of its own that stays.
        """
        why = ""
        if await self.tied(principal, application.organisation_id, {principal.user_id}):
            why = TIED
        elif any(row.evaluator_user_id == principal.user_id and has_declared(row) for row in evaluations):
            why = DECLARED
        if why:
            await self.note(principal, application, action, why)
            raise HasInterest(why)

    async def refuse_own_scores(
        self, principal: Principal, application: Application, evaluations: Sequence[Evaluation]
    ) -> None:
        """Refuse a decision by one of the evaluators, as long as there is anybody else who may decide.

        Raises:
            SameHand: With the names of those who may; an audit row stays.
        """
        why = await self.why_not_decide(principal, application, evaluations)
        if why:
            await self.note(principal, application, "providers.decide_application", why)
            raise SameHand(why)

    async def why_not_decide(
        self, principal: Principal, application: Application, evaluations: Sequence[Evaluation]
    ) -> str:
        """Return why the principal may not decide though the role would allow it; empty when they may."""
        return (await self.why_not_each(principal, [(application, evaluations)]))[application.id]

    async def why_not_each(
        self, principal: Principal, cases: Sequence[tuple[Application, Sequence[Evaluation]]]
    ) -> dict[UUID, str]:
        """Return, by application, why the principal may not decide; empty texts where they may.

        Who scored an application decides about it only where nobody else could.
        """
        council_id, day = principal.council_id, today(clock_of(self.db))
        holders = await self.evaluations.holders(council_id, Permission.APPLICATIONS_DECIDE, day)
        organisations = {application.organisation_id for application, _ in cases}
        ties = await self.ties(principal, organisations, {*holders, principal.user_id})
        found = {}
        for application, evaluations in cases:
            out = {user_id for user_id, organisation_id in ties if organisation_id == application.organisation_id}
            declared = {row.evaluator_user_id for row in evaluations if has_declared(row)}
            scorers = {row.evaluator_user_id for row in active(evaluations)}
            others = [
                name
                for user_id, name in holders.items()
                if user_id not in out | declared | scorers | {principal.user_id}
            ]
            if principal.user_id in out:
                why = TIED
            elif principal.user_id in declared:
                why = DECLARED
            elif principal.user_id in scorers and others:
                why = f"You scored this application, so somebody else decides: {names_list(others)}."
            else:
                why = ""
            found[application.id] = why
        return found

    async def note(
        self, principal: Principal, application: Application, action: str, why: str, detail: str = ""
    ) -> None:
        """Write down that something was refused; the row stays though the request is undone."""
        await record_refusal(
            principal,
            action,
            council_id=application.council_id,
            subject_kind="application",
            subject_id=application.id,
            why=why,
            detail={"refused": True, **({"now": detail} if detail else {})},
        )


def has_declared(evaluation: Evaluation) -> bool:
    """Whether an evaluator stood down over an interest."""
    return evaluation.status is EvaluationStatus.STOOD_DOWN and bool(evaluation.interest)
