"""Asking the council for more money: the team's managers read it, and it stays in the audit log."""

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.core.errors import NotFound
from marketplace.messaging import MessagingService
from marketplace.payments.repository.direct_payments import DirectPaymentRepository


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """How much more is needed, how often, and why."""

    amount_pence: int
    is_weekly: bool
    reason: str


class AskService:
    """Passes requests for more money on."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def ask(self, principal: Principal, form: AskForm) -> int:
        """Send a request to the council's managers. Returns how many read it.

        Nothing of the person's budget changes: a manager decides (P5).
        """
        principal.require(Permission.MONEY_OWN)
        person_id, council_id = principal.need_person(), principal.council_id
        person = await DirectPaymentRepository(self.db).person(council_id, person_id)
        if person is None:
            raise NotFound
        audit.record(
            self.db,
            principal,
            "payments.ask_for_more",
            council_id=council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"amount_pence": form.amount_pence, "is_weekly": form.is_weekly},
            why=form.reason,
        )
        context: dict[str, Any] = {
            "reference": person.reference,
            "amount_pence": form.amount_pence,
            "is_weekly": form.is_weekly,
            "reason": form.reason,
            "asked_by": principal.name,
            "acting_for": principal.acting_for or "",
        }
        return await MessagingService(self.db).tell(council_id, "more_money_asked", context, role=Role.MANAGER)
