"""Between two rounds: other terms, a higher ceiling, or giving the requirement up."""

from uuid import UUID

from marketplace.accounts import Permission, Principal, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import Forbidden, InvalidInput
from marketplace.core.formats import pounds
from marketplace.matching.errors_care import RequirementNotOpen
from marketplace.matching.events import RequirementWithdrawn
from marketplace.matching.forms_care import TermsForm
from marketplace.matching.models import Requirement
from marketplace.matching.service.care.requirements.steps import RequirementSteps, state_words
from marketplace.matching.states import REQUIREMENT, RequirementStatus


class RequirementChanges(RequirementSteps):
    """Verbs that change what is asked for."""

    async def change_terms(self, principal: Principal, requirement_id: UUID, form: TermsForm) -> Requirement:
        """Widen, share, raise or move the days before providers are asked again (K6).

        A broker may raise the ceiling up to the council's limit above what was agreed; more needs somebody who may
        raise it. While offers are compared the ceiling alone may change.

        Raises:
            Forbidden: Not the role.
            InvalidInput: More than a broker may raise.
            RequirementChanged: Somebody else saved it since the form was drawn.
            RequirementNotOpen: Providers are being asked, or it is over.
        """
        may_write = principal.may(Permission.REQUIREMENTS_WRITE)
        if not may_write:
            principal.require(Permission.CEILING_RAISE)
        row = await self.locked_as_shown(principal, requirement_id, form.version)
        if row.status not in (RequirementStatus.NO_OFFERS, RequirementStatus.CLOSED):
            raise RequirementNotOpen(state_words(row))
        wanted = {
            name: getattr(form, name) for name in TermsForm.__struct_fields__ if name not in ("reason", "version")
        }
        before = {name: getattr(row, name) for name in wanted}
        changed = {name: value for name, value in wanted.items() if before[name] != value}
        compares = row.status is RequirementStatus.CLOSED and await self.offers.count_live(row.council_id, row.id)
        if compares and changed.keys() - {"ceiling_weekly_pence"}:
            raise RequirementNotOpen("While offers are compared, only the ceiling may change.")
        if not may_write and changed.keys() - {"ceiling_weekly_pence"}:
            raise Forbidden("Your role may change the ceiling alone.")
        await self._check_ceiling(principal, row, form.ceiling_weekly_pence)
        for name, value in changed.items():
            setattr(row, name, value)
        await self.db.flush()
        if changed:
            self._note(
                principal,
                "matching.change_requirement_terms",
                row,
                before={name: before[name] for name in changed},
                after=changed,
                why=form.reason,
            )
        return row

    async def withdraw(self, principal: Principal, requirement_id: UUID, version: int, why: str) -> Requirement:
        """Give a requirement up: the care is not wanted any more. Whoever was asked or offered is told."""
        row = await self._locked(principal, requirement_id, version)
        before = row.status
        await self._end_offers(row, principal.user_id, "The council no longer needs this care")
        REQUIREMENT.move(self.db, row, RequirementStatus.WITHDRAWN, by=principal.user_id, why=why)
        row.closed_reason = why
        await self.db.flush()
        self._note(principal, "matching.withdraw_requirement", row, before={"status": before}, why=why)
        outbox.publish(self.db, RequirementWithdrawn(council_id=row.council_id, requirement_id=row.id))
        return row

    async def _check_ceiling(self, principal: Principal, row: Requirement, pence: int) -> None:
        if pence == row.ceiling_weekly_pence:
            return
        if principal.may(Permission.CEILING_RAISE):
            row.agreed_ceiling_pence = pence
            return
        limit = int(await setting(self.db, row.council_id, "matching.raise_limit_pence", today(self.clock)))
        if pence > row.agreed_ceiling_pence + limit:
            most = pounds(row.agreed_ceiling_pence + limit)
            message = f"You may raise the ceiling to {most} a week. More needs a manager who may raise it"
            raise InvalidInput({"ceiling_weekly_pence": message})
