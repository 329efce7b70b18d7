"""Commitments: a plan that a planner takes on is promised by its team until it is earned or falls away."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from marketplace.ledger import LedgerService, Purpose
from marketplace.matching.events import OfferAccepted
from marketplace.matching.models import Offer, Referral
from marketplace.payments.checks_books import commitments_are_never_negative
from marketplace.payments.repository.books import BooksRepository
from marketplace.payments.service.books.commitments import CommitmentService
from marketplace.payments.tasks_books import release_commitments
from tests.browser import count
from tests.conftest import NOW
from tests.factories_ops import make_offer
from tests.factories_payments import make_money, make_tariff
from tests.payments.test_books import make_team


async def accepted(db: Any, **team: Any) -> tuple[OfferAccepted, UUID]:
    """An offer that a planner has accepted, in a council that pays £75 or £100, and its default team."""
    money = await make_money(db)
    await make_tariff(db, money.council)
    named = await make_team(db, money, "North", **{"is_default": True, **team})
    offer: Offer = await make_offer(db, money.council)
    await db.execute(text("UPDATE offers SET status = 'accepted' WHERE id = :id"), {"id": offer.id})
    referral = await db.get_one(Referral, offer.referral_id)
    event = OfferAccepted(
        council_id=money.council.id,
        offer_id=offer.id,
        referral_id=referral.id,
        person_id=referral.person_id,
        worker_id=offer.worker_id,
        organisation_id=offer.organisation_id,
    )
    return event, named.id


async def committed(db: Any, event: OfferAccepted) -> dict[UUID | None, int]:
    found = await BooksRepository(db).committed(event.council_id, NOW.date())
    return {team_id: sum(promised.values()) for team_id, promised in found.items()}


async def test_a_plan_taken_on_is_committed_once_at_its_highest_price(db: Any) -> None:
    event, team_id = await accepted(db)
    service = CommitmentService(db)
    assert await service.commit_plan(event)
    assert not await service.commit_plan(event)
    assert await committed(db, event) == {team_id: 10_000}
    assert await service.release(event.council_id) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE offers SET status = 'withdrawn' WHERE id = :offer",
        "UPDATE referrals SET status = 'closed' WHERE id = :referral",
    ],
)
async def test_what_falls_away_is_released_once(db: Any, change: str) -> None:
    event, team_id = await accepted(db)
    service = CommitmentService(db)
    await service.commit_plan(event)
    values = {"offer": event.offer_id, "referral": event.referral_id}
    await db.execute(text(change), {name: value for name, value in values.items() if f":{name}" in change})
    assert await service.release(event.council_id) == 1
    assert await service.release(event.council_id) == 0
    assert await committed(db, event) == {team_id: 0}
    assert await count(db, "ledger_entries", "kind = 'commitment-released'") == 1
    assert (await commitments_are_never_negative(db)).ok


async def test_a_message_that_comes_after_the_case_was_handed_back_commits_nothing(db: Any) -> None:
    event, _ = await accepted(db)
    await db.execute(text("UPDATE offers SET status = 'withdrawn'"))
    assert not await CommitmentService(db).commit_plan(event)
    assert await committed(db, event) == {}


async def test_a_council_without_a_tariff_commits_nothing(db: Any) -> None:
    event, _ = await accepted(db)
    await db.execute(text("UPDATE tariff_books SET ends_on = '2027-01-01'"))
    await db.execute(text("UPDATE tariffs SET ends_on = '2027-01-01'"))
    assert not await CommitmentService(db).commit_plan(event)


async def test_commitments_leave_suppliers_accounts_alone(db: Any) -> None:
    event, _ = await accepted(db)
    await CommitmentService(db).commit_plan(event)
    assert await LedgerService(db).balance(event.council_id, Purpose.ACCRUED, event.organisation_id) == 0


@pytest.mark.usefixtures("maker")
async def test_the_daily_job_finds_what_no_message_told_of(db: Any) -> None:
    event, team_id = await accepted(db)
    await CommitmentService(db).commit_plan(event)
    await db.execute(text("UPDATE referrals SET status = 'closed'"))
    await release_commitments()
    await release_commitments()
    assert await committed(db, event) == {team_id: 0}
