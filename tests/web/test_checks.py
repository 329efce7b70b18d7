"""Each invariant holds on sound data, and its check finds a breach made on purpose.

The database would refuse most of these breaches, so they are made by its superuser with triggers switched off. All of
it happens in one transaction that is rolled back.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from marketplace.accounts import audit
from marketplace.accounts.models import Council
from marketplace.core import outbox
from marketplace.core.clock import FixedClock, SystemClock, today
from marketplace.core.database import APP_ROLE, clock_of, make_engine, scope_to
from marketplace.core.ids import new_id
from marketplace.ledger import LedgerService, Purpose, credit, debit
from marketplace.matching.models import HeardHow, Preference, RequirementAward, RequirementOffer
from marketplace.matching.states import REQUIREMENT_OFFER, RequirementOfferStatus
from marketplace.messaging.events import MessageQueued
from marketplace.providers.models import Accreditation
from marketplace.providers.repository.accreditations import live_on
from marketplace.web import invariants
from marketplace.web.checks import Check, Finding, all_checks, name_of, run_check, run_checks
from tests.factories import make_council
from tests.factories_brokerage import make_broker
from tests.factories_care import make_care_provider, make_requirement
from tests.factories_ops import MONDAY, make_booking, make_offer, take_place
from tests.factories_standing import suspend


@pytest.fixture
async def db(database_url: str, clock: FixedClock) -> AsyncGenerator[AsyncSession, None]:
    """A session of the superuser, who can break what the platform's own role cannot."""
    engine = make_engine(database_url, app_role=False, pool_size=1)
    async with engine.connect() as connection:
        outer = await connection.begin()
        maker = async_sessionmaker(
            bind=connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            info={"clock": clock},
        )
        async with maker() as session:
            await scope_to(session, "every")
            yield session
        await outer.rollback()
    await engine.dispose()


async def _world(db: AsyncSession) -> UUID:
    """A council with money, a visit, an offer and an audit log; returns its id."""
    council = await make_council(db)
    await make_booking(db, council)
    await make_offer(db, council)
    await _award(db, council)
    person = new_id()
    await LedgerService(db).post(
        council.id,
        "test",
        new_id(),
        [debit(Purpose.DIRECT_PAYMENT_SPEND, 5_000), credit(Purpose.DIRECT_PAYMENT, 5_000, person)],
    )
    for number in range(3):
        audit.record(
            db, None, "tests.do", council_id=council.id, subject_kind="lamp", subject_id=new_id(), after={"n": number}
        )
    await db.flush()
    await audit.seal(db, council.id)
    await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    return council.id


async def _award(db: AsyncSession, council: Council) -> None:
    """Care that was awarded after the person was heard."""
    broker = await make_broker(db, council)
    organisation, provider = await make_care_provider(db, council)
    row = await make_requirement(db, broker)
    now = clock_of(db).now()
    shared = {"council_id": council.id, "requirement_id": row.id}
    heard = Preference(
        **shared, person_id=row.person_id, how=HeardHow.TELEPHONE, said="Yes.", heard_at=now,
        heard_by_user_id=broker.user.id,
    )  # fmt: skip
    offer = RequirementOffer(
        **shared, organisation_id=organisation.id, status=RequirementOfferStatus.WON, rate_pence=2_600,
        starts_on=row.starts_on, valid_until=row.latest_start_on, made_by_user_id=provider.user.id, made_at=now,
    )  # fmt: skip
    db.add_all([heard, offer])
    await db.flush()
    REQUIREMENT_OFFER.begin(db, offer, by=provider.user.id)
    db.add(
        RequirementAward(
            **shared,
            offer_id=offer.id,
            organisation_id=organisation.id,
            preference_id=heard.id,
            rate_pence=2_600,
            weekly_pence=9_100,
            starts_on=row.starts_on,
            rank=1,
            awarded_by_user_id=broker.user.id,
            awarded_at=now,
        )
    )
    await db.flush()


async def _awarded_before_accredited(db: AsyncSession, council_id: UUID) -> None:
    await db.execute(
        text("UPDATE accreditations SET live_from = :day WHERE service_line = 'home_care'"), {"day": date(2027, 3, 20)}
    )


async def _awarded_before_heard(db: AsyncSession, council_id: UUID) -> None:
    await db.execute(text("UPDATE requirement_awards SET awarded_at = awarded_at - interval '1 hour'"))


async def _broken(db: AsyncSession, *statements: str) -> None:
    """Do what the database refuses to everybody else."""
    await db.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in statements:
        await db.execute(text(statement))
    await db.execute(text("SET LOCAL session_replication_role = origin"))
    db.expire_all()


async def _unbalance(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "UPDATE ledger_lines SET amount_pence = amount_pence + 1 WHERE side = 'debit'")


async def _one_line(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "DELETE FROM ledger_lines")


async def _false_balance(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "UPDATE ledger_accounts SET balance_pence = balance_pence + 1 WHERE is_tracked")


async def _place_of_a_declined_offer(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "UPDATE offers SET status = 'declined'")


async def _place_beyond_capacity(db: AsyncSession, council_id: UUID) -> None:
    await take_place(db, await make_offer(db), 6)


async def _undeclared_step(db: AsyncSession, council_id: UUID) -> None:
    await _broken(
        db,
        "UPDATE steps SET to_status = 'approved' WHERE subject_kind = 'booking' AND from_status IS NOT NULL",
        "UPDATE steps SET from_status = 'requested' WHERE subject_kind = 'booking' AND from_status IS NOT NULL",
        "UPDATE bookings SET status = 'approved'",
    )


async def _state_without_step(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "UPDATE bookings SET status = 'approved'")


async def _gap_between_steps(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "DELETE FROM steps WHERE subject_kind = 'booking' AND from_status IS NULL")


async def _suspended(db: AsyncSession, council_id: UUID) -> None:
    await suspend(db)


async def _lapsed(db: AsyncSession, council_id: UUID) -> None:
    await _broken(
        db,
        "UPDATE accreditations SET evidence = '{dbs}'",
        "INSERT INTO evidence (id, organisation_id, kind, detail, issued_on, expires_on, given_at, seen_at, "
        "refused_because, version) SELECT gen_random_uuid(), organisation_id, 'dbs', 'Enhanced', DATE '2025-01-01', "
        "DATE '2027-03-03', '2025-01-02', '2025-01-02', '', 1 FROM accreditations",
    )


async def _booked_while_suspended(db: AsyncSession, council_id: UUID) -> None:
    await suspend(db)
    await _broken(db, "UPDATE bookings SET requested_at = requested_at + interval '1 hour'")


async def _over_before_the_visit(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, f"UPDATE accreditations SET live_until = '{MONDAY}'")


async def _wall_down(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY")
    await db.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))


async def _table_without_wall(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "CREATE TABLE notes_of_somebody (council_id uuid)")
    await db.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))


async def _role_above_the_walls(db: AsyncSession, council_id: UUID) -> None:
    """Nothing to break: the superuser itself is not bound."""


async def _changed_entry(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "UPDATE audit_entries SET why = 'something else' WHERE after ->> 'n' = '1'")


async def _removed_entry(db: AsyncSession, council_id: UUID) -> None:
    await _broken(db, "DELETE FROM audit_entries WHERE after ->> 'n' = '1'")


async def _parked(db: AsyncSession, council_id: UUID) -> None:
    message_id = outbox.publish(db, MessageQueued(council_id=council_id, message_id=new_id()))
    await db.flush()
    for _ in range(outbox.PARK_AFTER_ATTEMPTS):
        await db.execute(
            text(
                "INSERT INTO outbox_deliveries (message_id, task, enqueued_at, attempts) "
                "VALUES (:id, 'tests.fail', now(), 0) ON CONFLICT DO NOTHING"
            ),
            {"id": message_id},
        )
        await outbox.note_failure(db, message_id, "tests.fail", "no")


async def _waiting(db: AsyncSession, council_id: UUID) -> None:
    outbox.publish(db, MessageQueued(council_id=council_id, message_id=new_id()))
    await db.flush()
    # The id holds the moment of writing; the clock that the check reads is two hours on.
    db.info["clock"] = FixedClock(SystemClock().now() + timedelta(hours=2))


Break = Callable[[AsyncSession, UUID], Awaitable[None]]
BREACHES: list[tuple[Check, Break]] = [
    (invariants.ledger_entries_balance, _unbalance),
    (invariants.ledger_entries_balance, _one_line),
    (invariants.balances_equal_lines, _false_balance),
    (invariants.no_place_given_twice, _place_of_a_declined_offer),
    (invariants.places_within_capacity, _place_beyond_capacity),
    (invariants.steps_follow_life_cycles, _undeclared_step),
    (invariants.steps_follow_life_cycles, _state_without_step),
    (invariants.steps_follow_life_cycles, _gap_between_steps),
    (invariants.offers_only_to_the_accredited, _suspended),
    (invariants.offers_only_to_the_accredited, _lapsed),
    (invariants.bookings_only_with_the_accredited, _over_before_the_visit),
    (invariants.bookings_only_with_the_accredited, _lapsed),
    (invariants.bookings_only_with_the_accredited, _booked_while_suspended),
    (invariants.awards_only_to_the_accredited, _awarded_before_accredited),
    (invariants.awards_after_a_hearing, _awarded_before_heard),
    (invariants.councils_are_walled_off, _wall_down),
    (invariants.councils_are_walled_off, _table_without_wall),
    (invariants.councils_are_walled_off, _role_above_the_walls),
    (invariants.audit_chains_verify, _changed_entry),
    (invariants.audit_chains_verify, _removed_entry),
    (invariants.outbox_is_handled, _parked),
    (invariants.outbox_is_handled, _waiting),
]


async def test_every_invariant_holds_on_sound_data(db: AsyncSession) -> None:
    await _world(db)
    await db.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))
    findings = [await run_check(db, check) for check in all_checks()]
    assert [finding for finding in findings if not finding.ok] == []
    looked_at = {finding.name: finding.checked for finding in findings}
    assert len(looked_at) == len(findings)
    for check in invariants.CHECKS:
        assert looked_at[name_of(check)] or check is invariants.outbox_is_handled


@pytest.mark.parametrize(("check", "breach"), BREACHES, ids=lambda part: part.__name__.strip("_"))
async def test_a_breach_is_found(db: AsyncSession, check: Check, breach: Break) -> None:
    await breach(db, await _world(db))
    finding = await run_check(db, check)
    assert not finding.ok
    assert finding.checked
    assert finding.detail


def test_every_check_of_ours_is_broken_on_purpose() -> None:
    assert {check for check, _ in BREACHES} == set(invariants.CHECKS)


@pytest.mark.parametrize("starts", [-1, 0, 1])
@pytest.mark.parametrize("ends", [0, 1, 2])
async def test_the_checks_read_accreditations_as_the_rest_of_the_platform_does(
    db: AsyncSession, starts: int, ends: int
) -> None:
    if ends <= starts:
        return  # Such a period cannot be stored.
    booking = await make_booking(db)
    accreditation = (await db.scalars(select(Accreditation))).one()
    accreditation.live_from = booking.visit_on + timedelta(days=starts)
    accreditation.live_until = booking.visit_on + timedelta(days=ends)
    await db.flush()
    finding = await run_check(db, invariants.bookings_only_with_the_accredited)
    on = today(clock_of(db))
    is_live = await db.scalar(select(live_on(booking.visit_on, on)).where(Accreditation.id == accreditation.id))
    assert (finding.ok, finding.checked) == (is_live, 1)


async def test_visits_agreed_before_a_suspension_are_no_breach(db: AsyncSession) -> None:
    booking = await make_booking(db)
    for starts_on in (None, booking.visit_on):
        await suspend(db, starts_on=starts_on)
        assert (await run_check(db, invariants.bookings_only_with_the_accredited)).ok
        await db.execute(text("UPDATE bookings SET requested_at = requested_at + interval '1 minute'"))
        assert not (await run_check(db, invariants.bookings_only_with_the_accredited)).ok
        await db.execute(text("UPDATE bookings SET requested_at = requested_at - interval '1 minute'"))
        await db.execute(text("DELETE FROM accreditation_holds"))


async def test_a_check_that_cannot_run_is_a_breach_and_the_others_go_on(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stumbles(db: AsyncSession) -> Finding:
        raise ValueError("no")

    async def holds(db: AsyncSession) -> tuple[str, bool, int, str]:
        return ("all-is-well", True, 1, "")

    monkeypatch.setattr("marketplace.web.checks.all_checks", lambda: [stumbles, holds])
    maker = async_sessionmaker(bind=await db.connection(), join_transaction_mode="create_savepoint", info=db.info)
    first, second = await run_checks(maker)
    assert (first.name, first.ok) == ("stumbles", False)
    assert second == Finding("holds", True, 1)
