"""Questions about what is earned, billed, paid in runs, and to whose account."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import aliased

from marketplace.payments.models import SELF_BILLED, Accrual, BankAccount, Invoice, Payable, PaymentRun
from marketplace.payments.states import InvoiceStatus, PayableStatus, RunStatus
from marketplace.providers.models import Accreditation


def earned(councils: Sequence[UUID], organisation_id: UUID, since: date) -> Select[Any]:
    """Sum what an organisation has earned since a day, pence."""
    return select(func.sum(Accrual.amount_pence)).where(
        Accrual.council_id.in_(councils), Accrual.organisation_id == organisation_id, Accrual.earned_on >= since
    )


def bills(council_id: UUID, status: InvoiceStatus, *extra: ColumnElement[bool]) -> Select[Any]:
    """Count bills of all kinds in a state, or of those that `extra` keeps."""
    wanted = (Invoice.council_id == council_id, Invoice.status == status, *extra)
    return select(func.count()).select_from(Invoice).where(*wanted)


def self_bills_to_approve(council_id: UUID) -> Select[Any]:
    """Count self-bills that wait for an approval, as the workspace of finance does."""
    return bills(council_id, InvoiceStatus.ISSUED, Invoice.kind.in_(SELF_BILLED))


def invoices_to_approve(council_id: UUID) -> Select[Any]:
    """Count suppliers' own invoices and credit notes that wait for an approval."""
    return bills(council_id, InvoiceStatus.ISSUED, Invoice.kind.not_in(SELF_BILLED))


def ready_to_pay(council_id: UUID) -> Select[Any]:
    """Count bills of which something is owed and in no run; credit notes are taken off and not counted."""
    return select(func.count(Payable.invoice_id.distinct())).where(
        Payable.council_id == council_id, Payable.status == PayableStatus.OPEN, Payable.amount_pence > 0
    )


def ready_to_pay_pence(council_id: UUID) -> Select[Any]:
    """Sum what is owed and in no run, pence: credit notes are taken off."""
    return select(func.sum(Payable.amount_pence)).where(
        Payable.council_id == council_id, Payable.status == PayableStatus.OPEN
    )


def unbilled_pence(council_id: UUID) -> Select[Any]:
    """Sum what was earned and is on no self-bill yet, pence."""
    return select(func.sum(Accrual.amount_pence)).where(Accrual.council_id == council_id, Accrual.invoice_id.is_(None))


def runs_to_release(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count payment runs that somebody else made and nobody has released."""
    return select(func.count()).select_from(PaymentRun).where(*_to_release(council_id, user_id))


def runs_to_release_pence(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Sum the payment runs that somebody else made and nobody has released, pence."""
    return select(func.sum(PaymentRun.total_pence)).where(*_to_release(council_id, user_id))


def _to_release(council_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        PaymentRun.council_id == council_id,
        PaymentRun.status == RunStatus.MADE,
        PaymentRun.is_rehearsal.is_(False),
        PaymentRun.made_by_user_id != user_id,
    )


def bank_details_to_check(council_id: UUID, user_id: UUID) -> Select[Any]:
    """Count the council's organisations whose newest bank details wait for this person.

    Nobody checked them, and somebody else entered them and made the call about them.
    """
    later = aliased(BankAccount)
    is_replaced = exists(
        select(later.id).where(later.organisation_id == BankAccount.organisation_id, later.id > BankAccount.id)
    )
    return (
        select(func.count(func.distinct(BankAccount.organisation_id)))
        .join(Accreditation, Accreditation.organisation_id == BankAccount.organisation_id)
        .where(
            Accreditation.council_id == council_id,
            BankAccount.checked_by_user_id.is_(None),
            BankAccount.live_from.is_(None),
            BankAccount.entered_by_user_id != user_id,
            BankAccount.called_by_user_id.is_distinct_from(user_id),
            ~is_replaced,
        )
    )
