"""Checks of agreements, visits, refunds, movements and representatives: each is broken on purpose and found."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.checks import representatives_within_their_kind
from marketplace.accounts.permissions import Role
from marketplace.bookings import checks, checks_agreements
from marketplace.bookings.service.agreements.forms import SignForm
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.states import AgreementStatus
from marketplace.ledger import LedgerRepository, Purpose
from marketplace.payments import checks as money_checks
from marketplace.payments import checks_cards
from marketplace.payments.models import MovementKind
from marketplace.payments.service.account.movements import MovementService
from marketplace.web.checks import Check, run_check
from tests.factories import make_member
from tests.factories_account import make_approved
from tests.factories_agreements import make_agreement
from tests.factories_bookings import VISIT_ON, make_scene
from tests.web.test_checks import _broken, db

__all__ = ["db"]


async def _world(db: AsyncSession) -> None:
    """An agreement signed by both, its planned visits, an approved visit, money paid in and a representative."""
    scene = await make_scene(db)
    made = await make_agreement(db, scene, status=AgreementStatus.DRAFT, starts_on=VISIT_ON)
    await db.execute(text("UPDATE support_agreements SET relation = 'none', lives_with = false"))
    service = SupportAgreementService(db)
    for principal in (scene.provider.principal, scene.member.principal):
        view = await service.view(principal, made.agreement.id)
        await service.sign(principal, made.agreement.id, SignForm(name="Ada Example", seen=view.seen))
    await Planner(db).plan(scene.council.id, [scene.person.id])
    await make_approved(db, scene)
    finance = await make_member(db, Role.FINANCE, scene.council)
    await MovementService(db).pay_in(finance.principal, scene.person.id, MovementKind.ONE_OFF, 5_000, "Equipment")
    await make_member(db, Role.REPRESENTATIVE, scene.council, person_id=scene.person.id)
    await LedgerRepository(db).account_ids(scene.council.id, [(Purpose.WAGES_DUE, scene.person.id)])
    await db.flush()
    await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


_PLANNED = "(SELECT id FROM bookings WHERE pattern_id IS NOT NULL ORDER BY starts_at LIMIT 1)"
BREACHES: dict[Check, list[tuple[str, ...]]] = {
    representatives_within_their_kind: [
        ("UPDATE representations SET kind = 'helper', scopes = '{profile,approve}'",),
        ("UPDATE representations SET scopes = '{everything}'",),
        (
            "ALTER TABLE representations DROP CONSTRAINT ck_representations_other_checker",
            "UPDATE representations SET checked_by_user_id = asked_by_user_id",
        ),
        ("UPDATE representations SET membership_id = NULL",),
    ],
    checks_agreements.signed_terms_are_as_signed: [
        ("UPDATE agreement_rates SET price_pence = price_pence + 1 WHERE day_kind = 'any'",),
        ("UPDATE agreement_terms SET notice_days = 27",),
        ("UPDATE visit_patterns SET minutes = 75",),
        ("UPDATE agreement_terms SET sha256 = repeat('0', 64)",),
    ],
    checks_agreements.terms_signed_by_two: [
        ("UPDATE agreement_terms SET person_signed_by_user_id = provider_signed_by_user_id",),
        ("UPDATE agreement_terms SET status = 'lapsed'",),
    ],
    checks_agreements.weekly_visits_follow_agreements: [
        (
            "ALTER TABLE bookings DROP CONSTRAINT uq_bookings_pattern_id_pattern_on",
            "UPDATE bookings SET pattern_on = (SELECT min(pattern_on) FROM bookings) WHERE pattern_id IS NOT NULL",
        ),
        ("UPDATE support_agreements SET ends_on = starts_on + 1, notice_at = created_at",),
        ("UPDATE support_agreements SET starts_on = starts_on + 60",),
    ],
    checks.no_worker_booked_twice: [
        (
            "ALTER TABLE visit_workers DROP CONSTRAINT ex_visit_workers_time",
            "UPDATE visit_workers SET starts_at = (SELECT min(starts_at) FROM visit_workers), "
            "ends_at = (SELECT min(ends_at) FROM visit_workers), "
            "busy_until = (SELECT min(busy_until) FROM visit_workers)",
        ),
    ],
    checks.holds_follow_visits: [
        (f"UPDATE visit_workers SET is_holding = false WHERE booking_id = {_PLANNED}",),
        (f"DELETE FROM visit_workers WHERE booking_id = {_PLANNED}",),
    ],
    checks.commitments_within_budget: [
        (f"UPDATE bookings SET cost_pence = 900000 WHERE id = {_PLANNED}",),
        ("UPDATE ledger_accounts SET balance_pence = 0 WHERE purpose = 'direct_payment'",),
    ],
    checks.approved_visits_paid_once: [
        ("UPDATE bookings SET approved_pence = 100 WHERE status = 'approved'",),
        ("UPDATE bookings SET status = 'claimed' WHERE status = 'approved'",),
        ("UPDATE ledger_entries SET source_id = gen_random_uuid() WHERE kind = 'visit-approved'",),
    ],
    checks.wages_paid_once: [
        ("UPDATE ledger_accounts SET balance_pence = 500 WHERE purpose = 'wages_due'",),
    ],
    money_checks.movements_have_entries: [
        ("UPDATE money_movements SET amount_pence = amount_pence + 1",),
        ("DELETE FROM money_movements",),
        ("UPDATE ledger_entries SET effective_on = effective_on - 400 WHERE kind = 'money-movement'",),
    ],
}  # fmt: skip
CASES = [(check, breach) for check, breaches in BREACHES.items() for breach in breaches]


async def test_every_check_of_visits_holds_on_sound_data(db: AsyncSession) -> None:
    await _world(db)
    for check in BREACHES:
        found = await run_check(db, check)
        assert (found.ok, found.checked > 0) == (True, True), found


@pytest.mark.parametrize(("check", "breach"), CASES, ids=lambda part: getattr(part, "__name__", ""))
async def test_what_is_broken_on_purpose_is_found(db: AsyncSession, check: Check, breach: tuple[str, ...]) -> None:
    await _world(db)
    await _broken(db, *breach)
    found = await run_check(db, check)
    assert not found.ok
    assert found.detail


def test_every_check_of_bookings_and_agreements_is_broken_on_purpose() -> None:
    assert {*checks.CHECKS, *checks_agreements.CHECKS} <= set(BREACHES)
    assert callable(checks_cards.refunds_within_captured), "broken on purpose in tests/payments"
