"""Questions about direct payments and cards."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from marketplace.payments.models import CardRefund, DirectPaymentAudit, MoneyAsk, ReconciliationDifference
from marketplace.payments.states import AskStatus, AuditStatus, RefundStatus


def audits(status: AuditStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count looks at direct payments that are in a state."""
    return select(func.count()).select_from(DirectPaymentAudit).where(DirectPaymentAudit.status == status, *conditions)


def money_asks(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count requests for more money that wait for somebody else than who asked."""
    return (
        select(func.count())
        .select_from(MoneyAsk)
        .where(
            MoneyAsk.council_id == council_id,
            MoneyAsk.status == AskStatus.WAITING,
            MoneyAsk.asked_by_user_id != user_id,
        )
    )


def refunds_to_agree(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count card refunds that wait for somebody else than who asked for them."""
    return (
        select(func.count())
        .select_from(CardRefund)
        .where(
            CardRefund.council_id == council_id,
            CardRefund.status == RefundStatus.WAITING,
            CardRefund.asked_by_user_id.is_distinct_from(user_id),
        )
    )


def card_differences(council_id: UUID) -> Select[Any]:
    """Count open differences between the ledger and Stripe."""
    return (
        select(func.count())
        .select_from(ReconciliationDifference)
        .where(ReconciliationDifference.council_id == council_id, ReconciliationDifference.settled_at.is_(None))
    )
