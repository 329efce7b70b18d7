"""The person, and who is to manage the payment, read what is offered and answer."""

from marketplace.accounts import Permission, Principal, Role
from marketplace.core.errors import NotFound, StepRefused
from marketplace.plans.errors import SetupChanged
from marketplace.plans.models import DirectPaymentSetup, ManagedBy
from marketplace.plans.service.setups.rows import ACCEPTED_MANAGING, DECLINED, DECLINED_MANAGING, SetupRows
from marketplace.plans.states import SetupStatus


class SetupAnswers(SetupRows):
    """The verbs of the person and of who manages the payment for them."""

    async def mine(self, principal: Principal) -> DirectPaymentSetup | None:
        """Return the own set-up as far as it is for the person to see: from the offer on."""
        principal.require(Permission.MONEY_OWN)
        return await self.setups.to_person(principal.council_id, principal.need_person())

    async def is_manager(self, principal: Principal, row: DirectPaymentSetup) -> bool:
        """Whether the reader is the one who is to manage the payment."""
        if principal.role is not Role.REPRESENTATIVE or row.representation_id is None:
            return False
        found = await self.setups.manager(row.council_id, row.representation_id)
        return found is not None and found.user_id == principal.user_id

    async def answer(self, principal: Principal, is_yes: bool, reason: str, expected: int) -> DirectPaymentSetup:
        """Take the answer of the person, or of who is to manage the payment.

        A nominee says yes first, then the person. Where the person lacks capacity, the authorised person's yes counts
        for both. A no takes it back to a draft, and the council is told.

        Raises:
            NotFound: There is none to answer.
            SetupChanged: The page showed another state of it.
            StepRefused: It waits for somebody else's answer.
        """
        principal.require(Permission.MONEY_OWN)
        found = await self.mine(principal)
        if found is None:
            raise NotFound
        row = await self.setups.find(principal.council_id, found.id, locked=True)
        if row.version != expected:
            raise SetupChanged("Load the page again to see what it says now.")
        if row.status is not SetupStatus.OFFERED:
            raise StepRefused("It does not wait for your answer now.")
        manages = await self.is_manager(principal, row)
        if not manages and (principal.role is not Role.PERSON or row.managed_by is ManagedBy.AUTHORISED):
            raise StepRefused("This waits for somebody else’s answer.")
        if not is_yes:
            row.reason, row.manager_accepted_at = reason, None
            if manages:
                row.representation_id = None
            await self.back(principal, row, DECLINED_MANAGING if manages else DECLINED)
            return row
        now = self.clock.now()
        if manages:
            row.manager_accepted_at = now
            if row.managed_by is not ManagedBy.AUTHORISED:
                await self.db.flush()
                self.note(principal, row, ACCEPTED_MANAGING)
                self.tell(principal, row, ACCEPTED_MANAGING)
                return row
        elif row.managed_by is ManagedBy.NOMINEE and row.manager_accepted_at is None:
            raise StepRefused("The person you chose has to say yes first. We tell you when they did.")
        await self.check_manager(row)
        row.agreed_by_user_id, row.agreed_at = principal.user_id, now
        await self.move(principal, row, SetupStatus.AGREED, "plans.agree_setup")
        return row
