"""An account that a person holds themselves: payments, visits, refunds, corrections, the book's invariants."""

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.ledger import LedgerService, Purpose
from marketplace.payments.checks import check_payments
from marketplace.payments.errors import TakenBackAlready
from marketplace.payments.models import Match, MovementKind
from marketplace.payments.repository.money import MoneyRepository
from marketplace.payments.service.account.movements import MovementService
from marketplace.payments.service.account.spending import RefundForm, SpendingForm, SpendingService
from marketplace.payments.service.direct_payments import DirectPaymentService
from marketplace.people.models import Holding
from tests.browser import count
from tests.factories import make_member
from tests.factories_account import make_approved, make_self_held
from tests.factories_bookings import loose, make_booking, make_scene
from tests.factories_day import hold_payment

TODAY = date(2027, 3, 3)


def spending(pence: int, *, visits=(), on: date = TODAY, payee: str = "Swim club", what: str = "", another=False):
    return SpendingForm(
        amount_pence=pence, happened_on=on, payee=payee, what=what, visits=tuple(visits), is_another=another
    )


async def balances(db, scene) -> tuple[int, int]:
    ledger = LedgerService(db)
    held = await ledger.balance(scene.council.id, Purpose.DIRECT_PAYMENT, scene.person.id)
    return held, await ledger.balance(scene.council.id, Purpose.PERSON_OWES, scene.person.id)


async def all_facts_hold(db) -> None:
    wrong = [fact for fact in await check_payments(db) if not fact.ok]
    assert not wrong, wrong


async def test_a_payment_for_visits_is_proven_and_leaves_nothing_owed(db):
    scene = await make_self_held(db)
    visits = [await make_approved(db, scene, on=date(2027, 3, day)) for day in (1, 2)]
    assert await balances(db, scene) == (26_800, 3_200)
    pay = SpendingService(db)
    form = spending(3_200, visits=[visit.id for visit in visits])
    movement = await pay.pay(scene.member.principal, scene.council.id, scene.person.id, form)
    assert movement.match is Match.MATCHED
    assert await balances(db, scene) == (26_800, 0)
    assert await pay.owed(scene.member.principal) == []
    await all_facts_hold(db)


async def test_what_is_beside_visits_leaves_the_account_and_is_marked(db):
    scene = await make_self_held(db, Holding.PREPAID_CARD)
    visit = await make_approved(db, scene)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    with pytest.raises(InvalidInput) as refused:
        await pay.pay(scene.member.principal, *ids, spending(2_000, visits=[visit.id]))
    assert "£4.00 beside visits" in refused.value.fields["what"]
    partly = await pay.pay(scene.member.principal, *ids, spending(2_000, visits=[visit.id], what="Lunch"))
    alone = await pay.pay(scene.member.principal, *ids, spending(750, what="Entry"))
    assert (partly.match, alone.match) == (Match.PARTLY, Match.UNMATCHED)
    assert await balances(db, scene) == (30_000 - 1_600 - 400 - 750, 0)
    await all_facts_hold(db)


async def test_part_of_a_visit_may_be_paid_and_the_rest_stays_owed(db):
    scene = await make_self_held(db)
    visit = await make_approved(db, scene)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    await pay.pay(scene.member.principal, *ids, spending(1_000, visits=[visit.id]))
    assert [one.left_pence for one in await pay.owed(scene.member.principal)] == [600]
    await pay.pay(scene.member.principal, *ids, spending(600, visits=[visit.id]))
    assert await balances(db, scene) == (28_400, 0)
    await all_facts_hold(db)


async def test_the_same_payment_in_two_tabs_is_recorded_once(browser, db):
    scene = await make_self_held(db)
    visit = await make_approved(db, scene)
    person = await browser.signed_in(scene.member)
    form = {
        "amount": "16",
        "happened_on-day": "3",
        "happened_on-month": "3",
        "happened_on-year": "2027",
        "payee": "Pat Helper",
        "visits": str(visit.id),
        "what": "",
    }
    page = await person.open(f"/money/payments/new?visit={visit.id}")
    assert "£16.00" in page.words
    first = await person.post("/money/payments/new", form | {"form_id": "tab-one"})
    again = await person.post("/money/payments/new", form | {"form_id": "tab-one"})
    assert first.location == again.location
    other = await person.post("/money/payments/new", form | {"form_id": "tab-two"}, expect=422)
    assert "recorded as paid already" in other.errors()["visits"]
    loose_form = form | {"visits": "", "what": "Entry"}
    await person.post("/money/payments/new", loose_form | {"form_id": "three"}, expect=422)
    await person.post("/money/payments/new", loose_form | {"form_id": "four", "is_another": "yes"})
    assert await count(db, "money_movements") == 2
    page = await person.open(first.location)
    assert "Proven by visits" in page.words
    assert "1 March 2027" in page.words
    page = await person.open("/money/payments")
    assert "Every visit that you approved is written down as paid" in page.words
    await person.open("/money")
    await all_facts_hold(db)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "300.01", "what": "Boat"}, "amount"),
        ({"happened_on-day": "4"}, "happened_on-day"),
        ({"happened_on-year": "2025"}, "happened_on-day"),
        ({"happened_on-month": "13"}, "happened_on-day"),
        ({"payee": ""}, "payee"),
        ({"what": ""}, "what"),
        ({"visits": "x"}, "visits"),
        ({"visits": str(uuid4())}, "visits"),
    ],
)
async def test_a_wrong_payment_is_refused_and_leaves_nothing(browser, db, given, field):
    scene = await make_self_held(db)
    form = {
        "amount": "5",
        "happened_on-day": "3",
        "happened_on-month": "3",
        "happened_on-year": "2027",
        "payee": "Club",
        "what": "Entry",
    }
    page = await (await browser.signed_in(scene.member)).post("/money/payments/new", form | given, expect=422)
    assert [name.split("-")[0] for name in page.errors()] == [field.split("-")[0]]
    assert await count(db, "money_movements") == 0
    assert await balances(db, scene) == (30_000, 0)


async def test_promised_money_is_not_spent_on_other_things(db):
    scene = await make_self_held(db)
    await make_booking(db, scene, BookingStatus.ACCEPTED, cost_pence=29_000)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    with pytest.raises(InvalidInput):
        await pay.pay(scene.member.principal, *ids, spending(1_001, what="Entry"))
    await pay.pay(scene.member.principal, *ids, spending(1_000, what="Entry"))
    assert await balances(db, scene) == (29_000, 0)


async def test_a_payment_cannot_stand_on_a_day_on_which_the_account_was_empty(db, clock):
    scene = await make_self_held(db)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    with pytest.raises(InvalidInput) as refused:
        await pay.pay(scene.member.principal, *ids, spending(500, on=date(2027, 3, 2), what="Entry"))
    assert "happened_on" in refused.value.fields


async def test_who_does_not_hold_the_money_records_nothing(db):
    scene = await make_scene(db)
    other = await make_self_held(db)
    finance = await make_member(db, Role.FINANCE, scene.council)
    pay = SpendingService(db)
    form = spending(500, what="Entry")
    with pytest.raises(InvalidInput):  # The council holds it.
        await pay.pay(scene.member.principal, scene.council.id, scene.person.id, form)
    with pytest.raises(NotFound):
        await pay.pay(scene.member.principal, other.council.id, other.person.id, form)
    with pytest.raises(Forbidden):
        await pay.pay(finance.principal, scene.council.id, scene.person.id, form)
    with pytest.raises(NotFound):  # A provider that manages nothing.
        await pay.pay(
            (await make_member(db, Role.PROVIDER, other.council, organisation_id=other.organisation.id)).principal,
            other.council.id,
            other.person.id,
            form,
        )
    assert await count(db, "money_movements") == 0


async def test_money_back_is_free_again_and_never_more_than_was_paid(db):
    scene = await make_self_held(db)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    back = RefundForm(amount_pence=500, happened_on=TODAY, payee="Swim club", what="Class cancelled")
    with pytest.raises(InvalidInput):
        await pay.give_back(scene.member.principal, *ids, back)
    await pay.pay(scene.member.principal, *ids, spending(500, what="Class"))
    await pay.give_back(scene.member.principal, *ids, back)
    assert await balances(db, scene) == (30_000, 0)
    with pytest.raises(InvalidInput):
        await pay.give_back(scene.member.principal, *ids, back)
    await all_facts_hold(db)


async def test_a_movement_is_taken_back_once_and_both_lines_stay(db):
    scene = await make_self_held(db)
    visit = await make_approved(db, scene)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    wrong = await pay.pay(scene.member.principal, *ids, spending(2_000, visits=[visit.id], what="Lunch"))
    fixed = await pay.correct(scene.member.principal, wrong.id, "Wrong amount")
    assert (fixed.kind, fixed.is_in, fixed.amount_pence) == (MovementKind.CORRECTION, True, 2_000)
    assert await balances(db, scene) == (28_400, 1_600)
    for movement_id, who in ((wrong.id, scene.member), (fixed.id, await make_member(db, Role.FINANCE, scene.council))):
        with pytest.raises((TakenBackAlready, NotFound)):
            await pay.correct(who.principal, movement_id, "Again")
    # The visit is to pay again.
    await pay.pay(scene.member.principal, *ids, spending(1_600, visits=[visit.id]))
    assert await balances(db, scene) == (28_400, 0)
    statement = await DirectPaymentService(db).statement(scene.council.id, scene.person.id, TODAY)
    assert [line.change_pence for line in statement.lines] == [30_000, -1_600, -400, 400]
    assert [line.change_pence for line in statement.owed_lines] == [1_600, -1_600, 1_600, -1_600]
    assert (statement.closing_pence, statement.owed_closing_pence) == (28_400, 0)
    await all_facts_hold(db)


async def test_finance_takes_back_what_was_paid_in_unless_it_is_promised(db):
    scene = await make_scene(db, balance_pence=0)
    finance = await make_member(db, Role.FINANCE, scene.council)
    service = MovementService(db)
    paid = await service.pay_in(finance.principal, scene.person.id, MovementKind.ONE_OFF, 5_000, "A hoist")
    await make_booking(db, scene, BookingStatus.ACCEPTED, cost_pence=1_000)
    with pytest.raises(InvalidInput):
        await service.correct(finance.principal, paid.id, "Wrong person")
    with pytest.raises(NotFound):
        await service.correct(scene.member.principal, paid.id, "Mine")
    with pytest.raises(InvalidInput):
        await service.reclaim(finance.principal, scene.person.id, 4_001, "Surplus")
    await service.reclaim(finance.principal, scene.person.id, 4_000, "Surplus")
    assert await balances(db, scene) == (1_000, 0)
    await all_facts_hold(db)


async def test_another_council_sees_no_payment(browser, db):
    scene, other = await make_self_held(db), await make_self_held(db)
    movement = await SpendingService(db).pay(
        scene.member.principal, scene.council.id, scene.person.id, spending(500, what="Entry")
    )
    loose(db, movement)
    stranger = await browser.signed_in(other.member)
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, other.council))
    await stranger.open(f"/money/payments/{movement.id}", expect=404)
    await stranger.post(f"/money/payments/{movement.id}/undo", {"reason": "No"}, expect=404)
    await finance.open(f"/direct-payments/{scene.person.id}/payments/{movement.id}", expect=404)
    await finance.open(f"/direct-payments/{other.person.id}/payments/{movement.id}", expect=404)
    for path in ("payments", "holding", "reclaim", "statement.csv", "statement.pdf"):
        await finance.get(f"/direct-payments/{scene.person.id}/{path}", expect=404)


async def test_pages_of_finance_show_who_holds_it_and_take_back(browser, db):
    scene = await make_self_held(db)
    movement = await SpendingService(db).pay(
        scene.member.principal, scene.council.id, scene.person.id, spending(500, what="Entry")
    )
    loose(db, movement)
    finance = await browser.signed_in(await make_member(db, Role.FINANCE, scene.council))
    base = f"/direct-payments/{scene.person.id}"
    assert "own bank account" in (await finance.open(base)).words
    assert "Paid to Swim club: Entry" in (await finance.open(f"{base}/payments")).words
    await finance.open(f"{base}/payments/{movement.id}")
    await finance.post(f"{base}/payments/{movement.id}/undo", {"reason": ""}, expect=422)
    await finance.post(f"{base}/payments/{movement.id}/undo", {"reason": "Not for support"})
    await finance.post(f"{base}/payments/{movement.id}/undo", {"reason": "Once more"}, expect=409)
    assert "Taken back" in (await finance.open(f"{base}/payments")).words
    await finance.open(f"{base}/reclaim")
    await finance.post(f"{base}/reclaim", {"amount": "400", "reason": "Surplus"}, expect=422)
    await finance.post(f"{base}/reclaim", {"amount": "10", "reason": "Surplus, first part"})
    assert await balances(db, scene) == (29_000, 0)


async def test_asking_for_more_reaches_the_manager_and_changes_nothing(browser, db):
    scene = await make_scene(db)
    manager = await make_member(db, Role.MANAGER, scene.council)
    loose(db, manager.user, manager.membership)
    person = await browser.signed_in(scene.member)
    page = await person.open("/money/ask?short=1450")
    assert page.field("amount") == "14.50"
    await person.post("/money/ask", {"amount": "14.50", "often": "weekly", "reason": ""}, expect=422)
    await person.post("/money/ask", {"amount": "14.50", "often": "weekly", "reason": "I need help at night now"})
    assert await count(db, "messages", f"user_id = '{manager.user.id}' AND body LIKE '%£14.50 more a week%'") == 1
    assert await count(db, "audit_entries", "action = 'payments.ask_for_more'") == 1
    assert await count(db, "budgets", "weekly_pence <> 15000") == 0
    assert "Waits for an answer" in (await person.open("/money/ask")).words


async def test_a_visit_too_dear_leads_to_every_choice(browser, db):
    scene = await make_scene(db, balance_pence=1_500)
    await hold_payment(db, scene, Holding.COUNCIL_HELD)
    person = await browser.signed_in(scene.member)
    page = await person.post("/bookings/new", scene.form(funding="direct_payment"), expect=422)
    for words in ("shorter visit", "or later, when", "costs less or is free", "ask the council for more"):
        assert words in page.words, words
    assert page.link(r"/money/ask\?short=100")


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["in", "visit", "pay", "other", "back", "undo", "reclaim"]),
        st.integers(1, 9_000),
        st.integers(0, 30),
    ),
    max_size=14,
)


@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(EVENTS)
async def test_the_balance_is_the_sum_of_movements_and_visits_in_any_order(db, events):
    scene = await make_self_held(db)
    finance = await make_member(db, Role.FINANCE, scene.council)
    pay, ids = SpendingService(db), (scene.council.id, scene.person.id)
    held, owed, visits, done = 30_000, 0, 0, []
    for kind, pence, number in events:
        day = TODAY - timedelta(days=number % 3)
        try:
            async with db.begin_nested():
                if kind == "in":
                    done.append(
                        (await pay.pay_in(finance.principal, ids[1], MovementKind.ONE_OFF, pence, "x"), pence, 0)
                    )
                    held += pence
                elif kind == "visit" and pence <= held:
                    start = time(6 + visits % 12, 0)
                    await make_approved(db, scene, on=TODAY - timedelta(days=visits // 12), at=start, cost_pence=pence)
                    held, owed, visits = held - pence, owed + pence, visits + 1
                elif kind in ("pay", "other"):
                    open_visits = await MoneyRepository(db).owed_visits(*ids)
                    chosen = open_visits[: 1 + number % 2] if kind == "pay" else []
                    form = spending(
                        pence, visits=[one.booking_id for one in chosen], on=day, what="Other", another=True
                    )
                    movement = await pay.pay(scene.member.principal, *ids, form)
                    matched = min(pence, sum(one.left_pence for one in chosen))
                    held, owed = held - (pence - matched), owed - matched
                    done.append((movement, -(pence - matched), -matched))
                elif kind == "back":
                    form = RefundForm(amount_pence=pence, happened_on=TODAY, payee="Club", what="Back")
                    done.append((await pay.give_back(scene.member.principal, *ids, form), pence, 0))
                    held += pence
                elif kind == "undo" and done:
                    movement, change, change_owed = done[number % len(done)]
                    await pay.correct(finance.principal, movement.id, "Wrong")
                    held, owed = held - change, owed - change_owed
                elif kind == "reclaim":
                    done.append((await pay.reclaim(finance.principal, ids[1], pence, "Surplus"), -pence, 0))
                    held -= pence
        except (InvalidInput, TakenBackAlready):
            pass
        assert (held, owed) == await balances(db, scene)
        assert min(held, owed) >= 0
    await all_facts_hold(db)
    service = DirectPaymentService(db)
    february = await service.statement(*ids, date(2027, 2, 1))
    march = await service.statement(*ids, date(2027, 3, 1))
    assert february.closing_pence == march.opening_pence
    assert march.closing_pence == held
    assert march.owed_closing_pence == owed
    for statement in (february, march):
        total = sum(line.change_pence for line in statement.lines)
        assert statement.opening_pence + total == statement.closing_pence
        assert all(line.balance_pence >= 0 for line in statement.owed_lines)
