"""The risk panel: an optional route for plans whose risks somebody wants to weigh with others (domain.md 3.18)."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput, StepRefused, broken_constraint
from marketplace.core.outbox import publish
from marketplace.plans.errors import PlanChanged
from marketplace.plans.events import PanelCaseMoved
from marketplace.plans.models import PanelCase
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.panel import OPEN, PanelRepository
from marketplace.plans.schemas import Scope
from marketplace.plans.states import PANEL, PanelStatus, PlanStatus


class CaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the panel is asked, the risks, and what the person says about them."""

    question: str
    risks: str
    persons_view: str


class PanelService:
    """The verbs of the risk panel."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.cases = PanelRepository(db)

    async def is_used(self, council_id: UUID) -> bool:
        """Whether the council takes plans to a panel."""
        return bool(await setting(self.db, council_id, "plans.risk_panel", today(self.clock)))

    async def ask(self, principal: Principal, plan_id: UUID, form: CaseForm) -> PanelCase:
        """Take a plan that waits for sign-off to the panel; it is not signed before the panel has decided.

        Raises:
            NotFound: No such plan in the council.
            StepRefused: The council has no panel, the plan does not wait for sign-off, or a case is open.
        """
        principal.require(Permission.PLANS_SIGN_OFF)
        if not await self.is_used(principal.council_id):
            raise StepRefused("This council has no risk panel.")
        plan, version = await PlanRepository(self.db).locked(Scope((principal.council_id,), None), plan_id)
        if version.status is not PlanStatus.AWAITING_SIGN_OFF:
            raise StepRefused("This plan does not wait for sign-off now.")
        case = PanelCase(
            council_id=plan.council_id,
            plan_version_id=version.id,
            status=PanelStatus.ASKED,
            question=form.question,
            risks=form.risks,
            persons_view=form.persons_view,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(case)
        except IntegrityError as error:
            if broken_constraint(error) != "uq_panel_cases_open":
                raise
            raise StepRefused("The panel has been asked about this plan already.") from error
        PANEL.begin(self.db, case, by=principal.user_id)
        await self._note(principal, case, "plans.ask_panel")
        return case

    async def put_on_list(self, principal: Principal, case_id: UUID, panel_on: date, expected: int) -> None:
        """Say on which day the panel looks at a case.

        Raises:
            InvalidInput: A day gone by.
        """
        case = await self._locked(principal, case_id, expected)
        if panel_on < today(self.clock):
            raise InvalidInput({"panel_on": "The day of the panel must be today or later"})
        case.panel_on = panel_on
        PANEL.move(self.db, case, PanelStatus.LISTED, by=principal.user_id)
        await self.db.flush()
        await self._note(principal, case, "plans.list_panel_case", after={"panel_on": panel_on})

    async def decide(
        self,
        principal: Principal,
        case_id: UUID,
        *,
        is_supported: bool,
        decision: str,
        members: str,
        persons_view: str,
        expected: int,
    ) -> None:
        """Record what the panel decided. It never decides without what the person says.

        Raises:
            Forbidden: Nobody decides what they asked themselves.
            InvalidInput: Nothing of the person's view.
        """
        case = await self._locked(principal, case_id, expected)
        if case.asked_by_user_id == principal.user_id:
            raise Forbidden("You asked the panel, so somebody else records what it decided.")
        if not (persons_view or case.persons_view):
            raise InvalidInput({"persons_view": "Write what the person says about the risk"})
        case.is_supported, case.decision, case.members = is_supported, decision, members
        case.persons_view = persons_view or case.persons_view
        case.decided_by_user_id, case.decided_at = principal.user_id, self.clock.now()
        PANEL.move(self.db, case, PanelStatus.DECIDED, by=principal.user_id)
        await self.db.flush()
        await self._note(principal, case, "plans.decide_panel_case", after={"is_supported": is_supported})

    async def withdraw(self, principal: Principal, case_id: UUID, expected: int) -> None:
        """Take a case off the panel's list."""
        case = await self._locked(principal, case_id, expected)
        PANEL.move(self.db, case, PanelStatus.WITHDRAWN, by=principal.user_id)
        await self.db.flush()
        await self._note(principal, case, "plans.withdraw_panel_case")

    async def require_done(self, version_id: UUID) -> None:
        """Refuse a sign-off while the panel has a plan, or when it did not support it.

        Raises:
            StepRefused: See above.
        """
        case = await self.cases.newest_of(version_id)
        if case is None:
            return
        if case.status in OPEN:
            raise StepRefused("The risk panel has this plan. It can be signed off when the panel has decided.")
        if not case.is_supported:
            raise StepRefused("The risk panel did not support this plan. Send it back with what has to change.")

    async def _locked(self, principal: Principal, case_id: UUID, expected: int) -> PanelCase:
        principal.require(Permission.ASKS_DECIDE)
        case = await self.cases.find(principal.council_id, case_id, locked=True)
        if case.version != expected:
            raise PlanChanged("Load the page again to see what it says now.")
        return case

    async def _note(self, principal: Principal, case: PanelCase, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=case.council_id,
            subject_kind="panel_case",
            subject_id=case.id,
            **given,
        )
        _, plan_id, person = await self.cases.line(case.council_id, case.id)
        publish(
            self.db,
            PanelCaseMoved(
                council_id=case.council_id,
                case_id=case.id,
                plan_id=plan_id,
                person_id=person.id,
                status=case.status.value,
                by_user_id=principal.user_id,
            ),
        )
