"""The one way in which an organisation earns something: a row once for one event, and its entry in the ledger."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.database import clock_of
from marketplace.core.outbox import publish
from marketplace.ledger import LedgerRepository, LedgerService, Purpose, credit, debit
from marketplace.payments.events import WorkEarned
from marketplace.payments.models import Accrual, AccrualKind
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.rules import Words
from marketplace.payments.service.teams import team_of
from marketplace.providers.models import ServiceLine

ENTRY_KINDS: dict[AccrualKind, str] = {
    AccrualKind.PLAN: "plan-tariff",
    AccrualKind.PLAN_STAGE: "plan-stage-tariff",
    AccrualKind.REVIEW: "review-tariff",
    AccrualKind.MONEY_MANAGEMENT: "money-management-tariff",
    AccrualKind.CLAIM: "claim-tariff",
    AccrualKind.BLOCK: "block-month",
    AccrualKind.INTEREST: "late-interest",
}
"""The ledger entry of each kind, by the accrual's source. Visits have none of ours: bookings posted them."""


class Earning(msgspec.Struct, frozen=True, kw_only=True):
    """What an event has earned."""

    council_id: UUID
    organisation_id: UUID
    kind: AccrualKind
    source_id: UUID
    """The event: unique together with the kind."""
    amount_pence: int
    """With VAT where the supplier charges it; more than 0."""
    earned_on: date
    description: str
    """What a bill shows: a reference, never a person's name."""
    working: tuple[Words, ...] = ()
    """How it came about; adds up to the amount, or is empty."""
    spend: Purpose = Purpose.PLAN_SPEND
    """The account it is debited to."""
    tariff_id: UUID | None = None
    minutes: int | None = None
    person_id: UUID | None = None
    service_line: ServiceLine | None = None
    team_id: UUID | None = None
    """Whose budget bears it; None: asked of `team_of`."""


async def earn(db: AsyncSession, earning: Earning) -> UUID | None:
    """Note what an event has earned and post it, once, whoever else is at it at the same moment.

    Returns:
        The accrual, or None when the event had earned before.

    Raises:
        ValueError: Nothing was earned, or the working does not add up to it.
    """
    if earning.amount_pence < 1:
        raise ValueError("An earning is worth at least a penny")
    if earning.working and sum(line.pence for line in earning.working) != earning.amount_pence:
        raise ValueError("The working of an earning adds up to it")
    team_id = earning.team_id or await team_of(db, earning.council_id, earning.person_id, earning.earned_on)
    added = await AccrualRepository(db).insert_once(
        council_id=earning.council_id,
        organisation_id=earning.organisation_id,
        kind=earning.kind,
        source_id=earning.source_id,
        tariff_id=earning.tariff_id,
        description=earning.description,
        amount_pence=earning.amount_pence,
        working=[{"words": line.words, "pence": line.pence} for line in earning.working],
        minutes=earning.minutes,
        person_id=earning.person_id,
        service_line=earning.service_line,
        team_id=team_id,
        earned_on=earning.earned_on,
        created_at=clock_of(db).now(),
    )
    if added is None:
        return None
    if earning.kind is not AccrualKind.VISIT:
        pence = earning.amount_pence
        await LedgerService(db).post(
            earning.council_id,
            ENTRY_KINDS[earning.kind],
            earning.source_id,
            [debit(earning.spend, pence), credit(Purpose.ACCRUED, pence, earning.organisation_id)],
            memo=earning.description,
            effective_on=earning.earned_on,
        )
    after: dict[str, Any] = {"amount_pence": earning.amount_pence, "source_id": earning.source_id}
    if earning.tariff_id is not None:
        after |= {"tariff_id": earning.tariff_id, "minutes": earning.minutes}
    audit.record(
        db,
        None,
        f"payments.accrue_{earning.kind}",
        council_id=earning.council_id,
        subject_kind="accrual",
        subject_id=added,
        after=after,
    )
    return added


def announce(db: AsyncSession, earning: Earning, accrual_id: UUID | None) -> bool:
    """Let the organisation hear of what it has earned.

    Returns:
        Whether there is anything: `accrual_id` is None where the event had earned before.
    """
    if accrual_id is None:
        return False
    publish(
        db, WorkEarned(council_id=earning.council_id, accrual_id=accrual_id, organisation_id=earning.organisation_id)
    )
    return True


async def spent_from(db: AsyncSession, accrual: Accrual) -> tuple[Purpose, UUID | None]:
    """Return the account to which an earning was debited, and its owner: where a credit note gives the money back.

    A visit's came out of the person's direct payment; everything else out of the council's spending.

    Raises:
        LookupError: The ledger holds no entry of it.
    """
    found = await LedgerRepository(db).debited(
        accrual.council_id, ENTRY_KINDS.get(accrual.kind), accrual.source_id, accrual.organisation_id
    )
    if found is None and accrual.kind is AccrualKind.VISIT and accrual.person_id is not None:
        # The rest of a part-approved visit has an id of its own; it came from the same direct payment.
        return Purpose.DIRECT_PAYMENT, accrual.person_id
    if found is None:
        raise LookupError(f"No entry of accrual {accrual.id}")
    return found


def reference(row_id: object) -> str:
    """Write a short reference of a row: says nothing about anybody, and both sides can look it up."""
    return f"reference {str(row_id)[-8:].upper()}"
