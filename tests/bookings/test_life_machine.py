"""Visits and their money under anything people do, in any order, beside a plain auditor's book.

The real services work on a real database; after every step the auditor compares visits, balances, promises and who is
held. At the end of each run every check of `marketplace check` that concerns them is asked.

What is tried is the same on every machine. To try something else, and more of it:

    LIFE_SEED=7 LIFE_RUNS=200 python -m pytest tests/bookings/test_life_machine.py
"""

import asyncio
import os
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from marketplace.bookings.checks import CHECKS as BOOKING_CHECKS
from marketplace.bookings.errors import NotEnoughLeft
from marketplace.bookings.models import CalledOffBy, CallOffReason, ChangeScope, PauseKind, RecordKind
from marketplace.bookings.repository_planning import AgreementReader
from marketplace.bookings.schemas import BookingForm
from marketplace.bookings.service import BookingService
from marketplace.bookings.service.agreements.forms import EndForm, SignForm
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.approval import ApprovalService
from marketplace.bookings.service.planning.change import VisitChanges, Wanted
from marketplace.bookings.service.planning.death import stop_for_death
from marketplace.bookings.service.planning.one_offs import Extra, OneOffs
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.plan import Planner
from marketplace.bookings.service.records import RecordService
from marketplace.bookings.service.workers import CrewService
from marketplace.core import ids
from marketplace.core.clock import today
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, PlatformError
from marketplace.payments.checks import CHECKS as MONEY_CHECKS
from marketplace.payments.checks_cards import cards_equal_ledger, refunds_within_captured
from marketplace.payments.models import MovementKind
from marketplace.payments.service.account.holding import HoldingForm, HoldingService
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.shares import ShareService
from marketplace.payments.service.account.spending import RefundForm, SpendingForm, SpendingService
from marketplace.payments.service.card_gateway import use_gateway
from marketplace.payments.service.card_refunds import RefundService
from marketplace.payments.service.cards import CardService, Facts
from marketplace.payments.stripe_shapes import StripeRefund
from marketplace.people.models import Holding
from marketplace.web.invariants import balances_equal_lines, ledger_entries_balance, steps_follow_life_cycles
from tests.bookings.life_auditor import SETTLING, TO_COME, UNDER_WAY, Auditor, Visit
from tests.bookings.life_world import CountedIds, World, open_book, open_world, read
from tests.conftest import NOW, admin, clone_database

RUNS, STEPS, SEED = 52, 46, 1
CHECKS = (
    *BOOKING_CHECKS, *MONEY_CHECKS, cards_equal_ledger, refunds_within_captured, balances_equal_lines,
    ledger_entries_balance, steps_follow_life_cycles,
)  # fmt: skip
number = st.integers(0, 999)
tried: list[int] = []
"""One for each step, over all runs."""
done: list[str] = []
"""What was taken of it: a step that is never possible would prove nothing."""


class Life(RuleBasedStateMachine):
    """One run."""

    runner: asyncio.Runner
    world: World
    ids: CountedIds
    first_id: int
    """How many ids the world took: each run goes on from there."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint: Any = None
        self.book: Auditor
        self.cards: list[tuple[Any, Any, str, int, int]] = [
            (payment, visit, "open", pence, 0) for payment, visit, pence in self.world.cards
        ]
        """(payment, visit, state, pence, given back)."""
        self.paid: list[tuple[Any, Any, int, int, bool]] = []
        """Movements that stand: (id, person, pence off what is owed, pence onto the account, is of finance)."""
        self.pauses: list[tuple[Any, Any]] = []

    # What every step does

    @initialize()
    def begin(self) -> None:
        self.world.clock.move_to(NOW)
        self.ids.made = self.first_id
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        self.savepoint = await self.world.connection.begin_nested()
        self.db = self.world.maker()
        await scope_to(self.db, "every")
        # What a savepoint inside this one sets outlives its release, and would then be restored by the rollback of the
        # run: the next run would begin with constraints that are checked at once.
        await self.db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        self.book = await open_book(self.world, self.db)

    @invariant()
    def count(self) -> None:
        tried.append(1)

    def teardown(self) -> None:
        self.runner.run(self._end())

    async def _end(self) -> None:
        if self.savepoint is None:
            return
        try:
            await scope_to(self.db, "every")
            for check in CHECKS:
                found = await check(self.db)
                assert found.ok, found
        finally:
            await self.db.close()
            await self.savepoint.rollback()

    def act(self, work: Any, *, expected: dict[Any, str] | None = None, loose: Any = None, replaced: Any = None) -> Any:
        """Do one thing, and compare; returns its result, or the refusal."""
        return self.runner.run(self._act(work, expected or {}, loose, replaced))

    async def _act(self, work: Any, expected: dict[Any, str], loose: Any, replaced: Any) -> Any:
        try:
            async with self.db.begin_nested():
                result = await work(self.db)
                await self.db.flush()
                await self.db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        except PlatformError as error:
            result = error
        await self.db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        self.db.expunge_all()
        # What was refused was rolled back to where it stood; the next step that is taken would show a trace.
        if not isinstance(result, PlatformError):
            self.rows = await read(self.db)
            self.book.take(self.rows[0], expected=expected, loose=loose, replaced=replaced, now=self.world.clock.now())
        return result

    def settle(self, name: str, result: Any) -> bool:
        """Compare the books after a step; returns whether it was taken."""
        taken = not isinstance(result, PlatformError)
        if taken:
            self.book.check(self.rows[1], self.rows[2])
            done.append(name)
        return taken

    def pick(self, n: int, *statuses: str, agreed: bool = False) -> Visit | None:
        """Choose a visit, mostly one that the step is for; the earliest are the likeliest."""
        every = sorted(self.book.visits.values(), key=lambda one: (one.starts_at, one.id.int))
        fit = [one for one in every if one.status in statuses and (one.agreement_id or not agreed)]
        found = fit if fit and n % 7 else every
        return found[n // 7 % min(len(found), 6)] if found else None

    def over(self, n: int, *statuses: str) -> Visit | None:
        """Choose a visit whose time is over, when there is one."""
        ended = [one for one in self.book.visits.values() if one.status in statuses and one.ends_at <= self.now]
        ended.sort(key=lambda one: (one.starts_at, one.id.int))
        return ended[n // 7 % len(ended)] if ended and n % 7 else self.pick(n, *statuses)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def person(self, visit: Visit) -> Any:
        """Who a visit is for, as a principal."""
        scene = next(one for one in self.world.people if one.person.id == visit.person_id)
        return scene.member.principal

    def provider(self, visit: Visit) -> Any:
        """Who answers for a visit."""
        office = self.world.office
        is_office = visit.organisation_id == office.scene.organisation.id
        return (office.manager if is_office else self.world.people[0].provider).principal

    def finance(self, person_id: Any) -> Any:
        """Finance of a person's council."""
        return self.world.finance[1 if person_id == self.world.people[2].person.id else 0].principal

    def step(self, name: str, visit: Visit, to: str, work: Any, *, allowed: bool) -> Any:
        """A step of one visit whose outcome the auditor foresees."""
        result = self.act(work, expected={visit.id: to})
        assert isinstance(result, PlatformError) is not allowed, (name, visit, result)
        return result

    # The request and its answer

    @rule(n=number, who=st.integers(0, 2), day=st.integers(0, 12), at=st.integers(0, 20), how=st.integers(0, 5))
    def ask(self, n: int, who: int, day: int, at: int, how: int) -> None:
        scene = self.world.people[who]
        listing = self.world.people[2 if who == 2 else 0].listing
        minutes = 15 * (2 + n % 7)
        on = today(self.world.clock) + timedelta(days=day)
        funding = ("direct_payment", "direct_payment", "direct_payment", "top_up", "top_up", "card")[how]
        form = BookingForm.read(
            scene.form(on=on, starts_local=f"{9 + at // 4:02}:{at % 4 * 15:02}", minutes=minutes, funding=funding),
            listing.id,
            30,
        )
        free = self.book.free(scene.person.id)

        async def work(db: Any) -> Any:
            booking = await BookingService(db).request(scene.member.principal, form)
            payment = None
            if booking.status == "awaiting_payment":
                payment = await CardService(db).open_payment(scene.member.principal, booking)
            return booking.id, payment and (payment.id, payment.amount_pence)

        result = self.act(work, loose=scene.person.id)
        if self.settle(f"ask by {funding}", result):
            booking_id, payment = result
            visit = self.book.visits[booking_id]
            assert visit.cost_pence == 1_600 * minutes // 60
            card = visit.cost_pence if visit.funding == "card" else visit.top_up_pence
            assert (visit.status == "awaiting_payment") == bool(card)
            if visit.funding == "direct_payment":
                assert visit.cost_pence - visit.top_up_pence <= free
            if payment:
                assert payment[1] == card
                self.cards.append((payment[0], booking_id, "open", card, 0))
        elif isinstance(result, NotEnoughLeft):
            assert 1_600 * minutes // 60 > free

    @rule(n=number)
    def accept(self, n: int) -> None:
        visit = self.pick(n, "requested")
        if visit is not None:
            allowed = visit.status == "requested" and self.now < visit.starts_at
            result = self.step(
                "accept", visit, "accepted",
                lambda db: BookingService(db).accept(self.provider(visit), visit.id), allowed=allowed,
            )  # fmt: skip
            self.settle("accept", result)

    @rule(n=number)
    def decline(self, n: int) -> None:
        visit = self.pick(n, "requested")
        if visit is not None:
            result = self.step(
                "decline", visit, "declined",
                lambda db: BookingService(db).decline(self.provider(visit), visit.id, "No"),
                allowed=visit.status == "requested",
            )  # fmt: skip
            self.settle("decline", result)

    @rule(n=number)
    def cancel(self, n: int) -> None:
        visit = self.pick(n, "requested", "accepted", "awaiting_payment", "planned")
        if visit is None:
            return
        is_early = self.now <= visit.starts_at - timedelta(hours=24)
        agreed = visit.status == "accepted" or (visit.status == "planned" and visit.agreement_id is not None)
        is_owed = agreed and not is_early and visit.funding == "direct_payment"
        is_open = visit.agreement_id is None or visit.called_off_at is None
        allowed = visit.status in ("requested", "awaiting_payment") or (
            agreed and is_open and self.now < visit.starts_at
        )
        result = self.step(
            "cancel", visit, visit.status if is_owed else "cancelled",
            lambda db: BookingService(db).cancel(self.person(visit), visit.id, "No"), allowed=allowed,
        )  # fmt: skip
        self.settle("cancel late" if is_owed else "cancel", result)

    @rule(n=number)
    def let_go(self, n: int) -> None:
        visit = self.pick(n, "accepted", "disputed")
        if visit is not None:
            # Who waits for a card payment is nothing that a provider sees.
            allowed = visit.status in ("planned", "accepted", "disputed")
            result = self.step(
                "let go", visit, "cancelled",
                lambda db: BookingService(db).let_go(self.provider(visit), visit.id, "Ill"), allowed=allowed,
            )  # fmt: skip
            self.settle("let go", result)

    # Agreements and their weekly visits

    @rule()
    def agree(self) -> None:
        scene, offered = self.world.people[1], self.world.offered.agreement

        async def work(db: Any) -> None:
            service = SupportAgreementService(db)
            view = await service.view(scene.member.principal, offered.id)
            await service.sign(scene.member.principal, offered.id, SignForm(name="Ada Example", seen=view.seen))
            await Planner(db).plan(scene.council.id, [scene.person.id], only=offered.id)

        self.settle("agree", self.act(work, loose=offered.id))

    @rule(who=st.integers(1, 2))
    def plan(self, who: int) -> None:
        scene = self.world.people[who]
        result = self.act(lambda db: Planner(db).plan(scene.council.id, [scene.person.id]), loose=scene.person.id)
        self.settle("plan", result)
        again = self.act(lambda db: Planner(db).plan(scene.council.id, [scene.person.id]))
        assert self.settle("plan again", again)
        assert again.written == 0

    @rule(n=number, days=st.integers(0, 9), at=st.integers(7, 19), minutes=st.sampled_from((30, 60, 75, 240)))
    def move_one(self, n: int, days: int, at: int, minutes: int) -> None:
        visit = self.pick(n, "planned", "accepted", agreed=True)
        if visit is None or visit.agreement_id is None:
            return
        wanted = Wanted(visit_on=visit.visit_on + timedelta(days=days), starts_local=time(at), minutes=minutes)
        result = self.act(
            lambda db: VisitChanges(db).change_one(self.person(visit), visit.id, wanted), loose=visit.agreement_id
        )
        if self.settle("move one", result):
            found = self.book.visits[visit.id]
            assert found.cost_pence == self.book.usual_price(found.visit_on, minutes, found.workers_needed)

    @rule(n=number, weekday=st.integers(0, 6), at=st.integers(7, 19), minutes=st.sampled_from((30, 60, 240)))
    def move_following(self, n: int, weekday: int, at: int, minutes: int) -> None:
        visit = self.pick(n, "planned", agreed=True)
        if visit is None or visit.pattern_id is None:
            return
        wanted = Wanted(weekday=weekday, starts_local=time(at), minutes=minutes)
        scope = ChangeScope.FOLLOWING
        result = self.act(
            lambda db: VisitChanges(db).change_weekly(
                self.person(visit), visit.pattern_id, scope, wanted, from_on=visit.visit_on
            ),
            loose=visit.agreement_id,
            replaced=visit.pattern_id,
        )
        self.settle("move following", result)

    @rule(n=number, days=st.integers(0, 8))
    def stop_weekly(self, n: int, days: int) -> None:
        visit = self.pick(n, "planned", agreed=True)
        if visit is None or visit.pattern_id is None or n % 3:
            return
        result = self.act(
            lambda db: Pauses(db).stop_weekly(
                self.person(visit), visit.pattern_id, today(self.world.clock) + timedelta(days=days)
            ),
            loose=visit.agreement_id,
        )
        self.settle("stop weekly", result)

    @rule(n=number, start=st.integers(0, 9), length=st.integers(1, 20), kind=st.sampled_from(tuple(PauseKind)))
    def pause(self, n: int, start: int, length: int, kind: PauseKind) -> None:
        agreement_id, principal = self._agreement(n)
        first = today(self.world.clock) + timedelta(days=start)
        until = first + timedelta(days=length) if n % 3 else None

        async def work(db: Any) -> Any:
            return (await Pauses(db).pause(principal, agreement_id, kind, first, until)).id

        result = self.act(work, loose=agreement_id)
        if self.settle("pause", result):
            self.pauses.append((agreement_id, result))

    @precondition(lambda self: self.pauses)
    @rule(n=number, days=st.integers(0, 9))
    def resume(self, n: int, days: int) -> None:
        agreement_id, pause_id = self.pauses[n % len(self.pauses)]
        _, principal = self._agreement(0 if agreement_id == self.world.office.made.agreement.id else 1)
        result = self.act(
            lambda db: Pauses(db).resume(
                principal, agreement_id, pause_id, today(self.world.clock) + timedelta(days=days)
            ),
            loose=agreement_id,
        )
        self.settle("resume", result)

    @rule(n=number, day=st.integers(0, 9), at=st.integers(8, 16))
    def one_more(self, n: int, day: int, at: int) -> None:
        agreement_id, principal = self._agreement(n)
        extra = Extra(visit_on=today(self.world.clock) + timedelta(days=day), starts_local=time(at), minutes=60)
        result = self.act(lambda db: OneOffs(db).request(principal, agreement_id, extra), loose=agreement_id)
        self.settle("one more", result)

    @rule(n=number, days=st.integers(25, 45))
    def end_agreement(self, n: int, days: int) -> None:
        if n % 4:
            return
        agreement_id, principal = self._agreement(n // 4)
        last_on = today(self.world.clock) + timedelta(days=days)

        async def work(db: Any) -> None:
            await SupportAgreementService(db).give_notice(principal, agreement_id, EndForm(last_on=last_on, reason=""))
            agreement = await AgreementReader(db).find(principal.council_id, agreement_id, locked=True)
            await Pauses(db).stop_all(
                agreement, last_on + timedelta(days=1), by=CalledOffBy.PERSON,
                reason=CallOffReason.AGREEMENT_ENDED, words="The agreement ends.",
            )  # fmt: skip

        result = self.act(work, loose=agreement_id)
        if self.settle("end agreement", result):
            late = [one for one in self.book.visits.values() if one.agreement_id == agreement_id]
            assert not [one for one in late if one.visit_on > last_on and one.status in TO_COME]

    @rule(n=number)
    def die(self, n: int) -> None:
        scene = self.world.people[n % 3]
        account, died_on = self.book.accounts[scene.person.id], today(self.world.clock)
        if n % 12 or account.died_on:
            return

        async def work(db: Any) -> None:
            await db.execute(
                text("UPDATE people SET died_on = :day WHERE id = :id"), {"day": died_on, "id": scene.person.id}
            )
            await stop_for_death(db, scene.council.id, scene.person.id, died_on)

        result = self.act(work, loose=scene.person.id)
        account.died_on = died_on
        assert self.settle("die", result)
        theirs = [one for one in self.book.visits.values() if one.person_id == scene.person.id]
        assert not [one for one in theirs if one.starts_at > self.now and one.status in TO_COME]

    def _agreement(self, n: int) -> tuple[Any, Any]:
        if n % 2:
            return self.world.offered.agreement.id, self.world.people[1].member.principal
        return self.world.office.made.agreement.id, self.world.people[2].member.principal

    # The day

    @rule(n=number)
    def confirm_worker(self, n: int) -> None:
        visit = self.pick(n, "planned")
        if visit is None:
            return
        workers = [one.id for one in self.world.office.workers]
        crew = [self.world.people[0].worker.id]
        if visit.organisation_id == self.world.office.scene.organisation.id:
            crew = (workers if n % 2 else workers[::-1])[: visit.workers_needed]
        expected = "accepted" if visit.status == "planned" else visit.status
        result = self.act(
            lambda db: CrewService(db).confirm(self.provider(visit), visit.id, crew), expected={visit.id: expected}
        )
        self.settle("confirm worker", result)

    @rule(n=number)
    def fall_out(self, n: int) -> None:
        visit = self.pick(n, "accepted")
        if visit is None or n % 2:
            return
        is_office = visit.organisation_id == self.world.office.scene.organisation.id
        result = self.act(
            lambda db: CrewService(db).fall_out(self.provider(visit), visit.id, "Ill"),
            expected={visit.id: "planned" if is_office else "cancelled"},
            loose=None,
        )
        self.settle("fall out", result)

    @rule(n=number, minutes=st.integers(-20, 40))
    def start(self, n: int, minutes: int) -> None:
        self._press(n, RecordKind.START, minutes, "planned", "accepted")

    @rule(n=number, minutes=st.integers(5, 200))
    def finish(self, n: int, minutes: int) -> None:
        self._press(n, RecordKind.FINISH, minutes, "in_progress")

    def _press(self, n: int, kind: RecordKind, minutes: int, *statuses: str) -> None:
        begun = [one for one in self.book.visits.values() if one.status in statuses and one.starts_at <= self.now]
        begun.sort(key=lambda one: (one.starts_at, one.id.int))
        visit = begun[n % len(begun)] if begun else self.pick(n, *statuses)
        if visit is None:
            return
        at = min(self.now, visit.starts_at + timedelta(minutes=minutes))
        key = uuid4()

        async def work(db: Any) -> Any:
            taken = await RecordService(db).record(self.provider(visit), visit.id, kind, client_key=key, happened_at=at)
            assert not await RecordService(db).record(
                self.provider(visit), visit.id, kind, client_key=key, happened_at=at
            )
            return taken

        result = self.act(work, expected={visit.id: ""})
        if self.settle(f"press {kind.value}", result):
            found = self.book.visits[visit.id]
            assert found.cost_pence == visit.cost_pence
            if found.claimed_pence is not None and found.agreement_id is None:
                assert found.claimed_pence == visit.cost_pence

    @rule(n=number)
    def claim(self, n: int) -> None:
        begun = [one for one in self.book.visits.values() if one.status in UNDER_WAY and one.starts_at <= self.now]
        visit = begun[n % len(begun)] if begun and n % 7 else self.pick(n, *UNDER_WAY)
        if visit is not None:
            allowed = visit.status in UNDER_WAY and self.now >= visit.starts_at
            result = self.step(
                "claim", visit, "claimed",
                lambda db: BookingService(db).claim(self.provider(visit), visit.id), allowed=allowed,
            )  # fmt: skip
            self.settle("claim", result)

    @rule(n=number)
    def approve(self, n: int) -> None:
        visit = self.over(n, *SETTLING, "part_approved")
        if visit is None:
            return
        is_rest = visit.status == "part_approved"
        more = max(0, visit.asked - visit.cost_pence)
        pence = min(visit.asked, visit.cost_pence) if is_rest or visit.funding == "card" else visit.asked
        if is_rest:
            more = self.book.direct(visit, pence) - self.book.direct(visit, visit.approved_pence or 0)
            # The platform holds the whole rest to what is free; a card's part only makes that stricter.
            more = pence - (visit.approved_pence or 0) if visit.funding == "direct_payment" else 0
        allowed = is_rest or (visit.status in SETTLING and self.now >= visit.ends_at)
        if allowed and more and visit.funding == "direct_payment":
            allowed = more <= self.book.free(visit.person_id)
        result = self.act(
            lambda db: BookingService(db).approve(self.person(visit), visit.id), expected={visit.id: "approved"}
        )
        assert isinstance(result, PlatformError) is not allowed, (visit, result)
        if allowed:
            self.book.pay_visit(visit, pence)
        self.settle("approve rest" if is_rest else "approve", result)

    @rule(n=number, percent=st.integers(0, 110))
    def approve_part(self, n: int, percent: int) -> None:
        visit = self.over(n, *SETTLING)
        if visit is None:
            return
        most = min(visit.asked, visit.cost_pence)
        pence = most * percent // 100
        allowed = visit.status in SETTLING and self.now >= visit.ends_at and 0 < pence < most
        result = self.step(
            "approve part", visit, "part_approved",
            lambda db: ApprovalService(db).approve_part(self.person(visit), visit.id, pence, "Short"), allowed=allowed,
        )  # fmt: skip
        if allowed:
            self.book.pay_visit(visit, pence)
        self.settle("approve part", result)

    @rule(n=number)
    def dispute(self, n: int) -> None:
        visit = self.over(n, *SETTLING)
        if visit is not None and n % 2:
            allowed = visit.status in SETTLING - {"disputed"} and self.now >= visit.ends_at
            result = self.step(
                "dispute", visit, "disputed",
                lambda db: BookingService(db).dispute(self.person(visit), visit.id, "Wrong"), allowed=allowed,
            )  # fmt: skip
            self.settle("dispute", result)

    @rule(n=number)
    def nobody_came(self, n: int) -> None:
        visit = self.over(n, "planned", "accepted", "claimed")
        if visit is not None and n % 2:
            result = self.act(
                lambda db: ApprovalService(db).say_nobody_came(self.person(visit), visit.id, "Nobody"),
                expected={visit.id: "no_show"},
            )
            self.settle("nobody came", result)

    @rule(n=number)
    def contest(self, n: int) -> None:
        visit = self.pick(n, "no_show")
        if visit is not None:
            free = self.book.free(visit.person_id)
            allowed = (
                visit.status == "no_show"
                and visit.funding == "direct_payment"
                and not visit.top_up_pence
                and visit.cost_pence <= free
            )
            result = self.act(
                lambda db: ApprovalService(db).contest(self.provider(visit), visit.id, "They came"),
                expected={visit.id: "disputed"},
            )
            assert isinstance(result, PlatformError) is not allowed, (visit, result)
            self.settle("contest", result)

    # Cards

    @precondition(lambda self: self.cards)
    @rule(n=number)
    def card_is_paid(self, n: int) -> None:
        payment_id, booking_id, state, pence, back = self.cards[n % len(self.cards)]
        visit = self.book.visits[booking_id]
        waits = visit.status == "awaiting_payment" and state in ("open", "expired")
        result = self.act(
            lambda db: CardService(db).settle(payment_id, Facts(is_paid=True, intent_id=f"pi_{payment_id}")),
            expected={booking_id: "requested"} if waits else {},
        )
        if state in ("open", "expired"):
            self.cards[n % len(self.cards)] = (payment_id, booking_id, "paid" if waits else "back", pence, back)
            self.book.earn("card_received", visit.organisation_id, pence)
        self.settle(f"card paid ({state})", result)

    @precondition(lambda self: self.cards)
    @rule(n=number)
    def card_page_closes(self, n: int) -> None:
        payment_id, booking_id, state, pence, back = self.cards[n % len(self.cards)]
        ends = state == "open" and self.book.visits[booking_id].status == "awaiting_payment"
        result = self.act(
            lambda db: CardService(db).settle(payment_id, Facts(is_closed=True)),
            expected={booking_id: "cancelled"} if ends else {},
        )
        if state == "open":
            self.cards[n % len(self.cards)] = (payment_id, booking_id, "expired", pence, back)
        self.settle(f"card closed ({state})", result)

    @precondition(lambda self: any(one[2] == "paid" for one in self.cards))
    @rule(n=number, percent=st.integers(1, 100))
    def refund(self, n: int, percent: int) -> None:
        places = [place for place, one in enumerate(self.cards) if one[2] == "paid"]
        at = places[n % len(places)]
        payment_id, booking_id, _, pence, back = self.cards[at]
        visit, amount = self.book.visits[booking_id], max(1, (pence - back) * percent // 100)
        if amount > pence - back:
            return
        ends = amount + back == pence and visit.status in TO_COME and self.now < visit.ends_at

        async def work(db: Any) -> None:
            row = await RefundService(db).ask(self.provider(visit), payment_id, amount, "Sorry")
            fact = StripeRefund(id=f"re_{row.id}", status="succeeded", amount_pence=amount, our_id=str(row.id))
            for _ in range(2):
                await CardService(db).settle(payment_id, Facts(refunds=(fact,)))

        result = self.act(work, expected={booking_id: "cancelled"} if ends else {})
        assert not isinstance(result, PlatformError), result
        self.book.earn("card_received", visit.organisation_id, -amount)
        self.cards[at] = (payment_id, booking_id, "paid" if amount + back < pence else "refunded", pence, back + amount)
        self.settle("refund", result)

    # The account

    @rule(who=st.integers(0, 2), pence=st.integers(1, 9_000), kind=st.sampled_from(("contribution", "one_off")))
    def pay_in(self, who: int, pence: int, kind: str) -> None:
        person_id = self.world.people[who].person.id

        async def work(db: Any) -> Any:
            row = await MovementService(db).pay_in(
                self.finance(person_id), person_id, MovementKind(kind), pence, "Paid in"
            )
            return row.id

        result = self.act(work)
        assert not isinstance(result, PlatformError)
        self.book.accounts[person_id].balance += pence
        self.paid.append((result, person_id, 0, pence, True))
        self.settle("pay in", result)

    @rule(who=st.integers(0, 2), pence=st.integers(1, 9_000))
    def take_surplus(self, who: int, pence: int) -> None:
        person_id = self.world.people[who].person.id
        allowed = pence <= self.book.free(person_id)

        async def work(db: Any) -> Any:
            return (await MovementService(db).reclaim(self.finance(person_id), person_id, pence, "Surplus")).id

        result = self.act(work)
        assert isinstance(result, PlatformError) is not allowed, result
        if allowed:
            self.book.accounts[person_id].balance -= pence
            self.paid.append((result, person_id, 0, -pence, True))
        self.settle("take surplus", result)

    @rule(who=st.integers(0, 2), n=number, beside=st.integers(0, 900))
    def record_payment(self, who: int, n: int, beside: int) -> None:
        scene = self.world.people[who]
        person_id, principal, on = scene.person.id, scene.member.principal, today(self.world.clock)
        account = self.book.accounts[person_id]
        allowed = account.holding_on(on)[0] in ("own_account", "prepaid_card")
        beside = beside if n % 2 else 0

        async def work(db: Any) -> Any:
            service = SpendingService(db)
            owed = (await service.owed(principal))[: 1 + n % 3]
            pence = sum(one.left_pence for one in owed)
            form = SpendingForm(
                amount_pence=pence + beside, happened_on=on, payee="Payee", what="Taxi" if beside else "",
                visits=tuple(one.booking_id for one in owed), is_another=True,
            )  # fmt: skip
            if not form.amount_pence:
                raise InvalidInput({"amount": "Nothing"})
            row = await service.pay(principal, scene.council.id, person_id, form)
            return row.id, pence

        free = self.book.free(person_id)
        result = self.act(work)
        if isinstance(result, PlatformError):
            assert not allowed or not account.owes or beside > free or not beside, result
        else:
            assert allowed
            assert beside <= free
            account.owes -= result[1]
            account.balance -= beside
            self.paid.append((result[0], person_id, -result[1], -beside, False))
        self.settle("record payment", result)

    @rule(who=st.integers(0, 2), pence=st.integers(1, 900))
    def money_back(self, who: int, pence: int) -> None:
        scene = self.world.people[who]
        form = RefundForm(
            amount_pence=pence, happened_on=today(self.world.clock), payee="Payee", what="Returned", is_another=True
        )

        async def work(db: Any) -> Any:
            row = await SpendingService(db).give_back(scene.member.principal, scene.council.id, scene.person.id, form)
            return row.id

        result = self.act(work)
        if not isinstance(result, PlatformError):
            self.book.accounts[scene.person.id].balance += pence
            self.paid.append((result, scene.person.id, 0, pence, False))
        self.settle("money back", result)

    @precondition(lambda self: self.paid)
    @rule(n=number)
    def take_back(self, n: int) -> None:
        movement_id, person_id, owed, pence, _ = self.paid[n % len(self.paid)]
        account = self.book.accounts[person_id]
        allowed = pence <= self.book.free(person_id)
        result = self.act(lambda db: MovementService(db).correct(self.finance(person_id), movement_id, "Wrong"))
        if isinstance(result, PlatformError):
            assert not allowed, result
        else:
            assert allowed
            account.owes -= owed
            account.balance -= pence
            del self.paid[n % len(self.paid)]
        self.settle("take back", result)

    @rule(who=st.integers(0, 2), how=st.sampled_from(tuple(Holding)), days=st.integers(0, 3))
    def change_holding(self, who: int, how: Holding, days: int) -> None:
        scene, on = self.world.people[who], today(self.world.clock) + timedelta(days=days)
        organisation_id = self.world.office.scene.organisation.id if how is Holding.PROVIDER_MANAGED else None
        form = HoldingForm(holding=how, organisation_id=organisation_id, starts_on=on, reason="Asked")
        person_id = scene.person.id
        result = self.act(lambda db: HoldingService(db).arrange(self.finance(person_id), person_id, form))
        if self.settle(f"hold {how.value}", result):
            self.book.accounts[person_id].holdings.append((on, how.value, organisation_id))

    # Time

    @rule(hours=st.sampled_from((1, 3, 20, 30, 80)))
    def time_passes(self, hours: int) -> None:
        self._later(self.now + timedelta(hours=hours))

    @rule(n=number)
    def the_next_visit_ends(self, n: int) -> None:
        waiting = [one.ends_at for one in self.book.visits.values() if one.status in TO_COME and one.ends_at > self.now]
        if waiting:
            self._later(min(waiting) - timedelta(minutes=0 if n % 3 else 20))

    def _later(self, at: datetime) -> None:
        if at <= self.now:
            return
        self.world.clock.move_to(at)
        unanswered = {
            one.id: "cancelled"
            for one in self.book.visits.values()
            if one.status == "requested" and one.starts_at <= at
        }

        async def work(db: Any) -> None:
            for booking_id in unanswered:
                await BookingService(db).close_unanswered(booking_id)
            for council_id in {scene.council.id for scene in self.world.people}:
                await ShareService(db).pay_all(council_id)
            for made in (self.world.office.made, self.world.offered):
                await SupportAgreementService(db).end(made.agreement.id)

        self.book.days_pass(today(self.world.clock))
        result = self.act(work, expected=unanswered)
        assert self.settle("time passes", result)


def test_visits_and_money_agree_with_a_plain_auditor(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Hypothesis also draws numbers that stand in the code, of whichever modules other tests happened to load.
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_args, **_options: None)
    Life.ids = CountedIds()
    monkeypatch.setattr(ids, "uuid7", Life.ids)
    runs = int(os.environ.get("LIFE_RUNS", RUNS))
    name = f"life_{worker_id}"
    tried.clear()
    done.clear()
    with asyncio.Runner() as runner:
        url = runner.run(clone_database(name))
        use_gateway(object())  # type: ignore[arg-type]
        try:
            Life.runner, Life.world = runner, runner.run(open_world(url))
            Life.first_id = Life.ids.made
            try:
                run_state_machine_as_test(
                    seed(int(os.environ.get("LIFE_SEED", SEED)))(Life),
                    settings=settings(max_examples=runs, stateful_step_count=STEPS, phases=[Phase.generate]),
                )
            finally:
                runner.run(Life.world.close())
        finally:
            use_gateway(None)
            runner.run(admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    assert len(tried) >= 2_000
    assert len(set(done)) >= 32, sorted(set(done))
