"""The proportionate audit (C11): what visits prove is never asked about, and the person sees what finance sees."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.permissions import Role
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.payments.checks import check_payments
from marketplace.payments.errors import AuditClosed
from marketplace.payments.repository.audits import Spend
from marketplace.payments.service.account.spending import SpendingForm, SpendingService
from marketplace.payments.service.money_audit.risk import Facts, reasons_of, sample
from marketplace.payments.service.money_audit.service import CloseForm, MoneyAuditService
from marketplace.payments.states import AuditStatus
from tests.browser import count, events
from tests.factories import make_member
from tests.factories_account import make_approved, make_self_held
from tests.factories_bookings import fund, loose
from tests.files_corpus import phone_photo

FIRST, AFTER = date(2027, 1, 1), date(2027, 3, 4)


def spend(amount: int, proven: int, *, receipts: int = 0, visit: bool = False, number: int = 0) -> Spend:
    one = UUID(int=number) if number else uuid4()
    return Spend(None if visit else one, one if visit else None, FIRST, "Club", "", amount, proven, receipts)


SPENDS = st.lists(
    st.tuples(st.integers(1, 200_000), st.integers(0, 100), st.integers(0, 2), st.booleans()).map(
        lambda given: spend(
            given[0], given[0] if given[3] else given[0] * given[1] // 100, receipts=given[2], visit=given[3]
        )
    ),
    max_size=40,
)


@given(SPENDS, st.integers(0, 100_000), st.integers(0, 15))
def test_only_unproven_or_large_spending_is_sampled_and_never_too_much(spends, threshold, most):
    found = sample(spends, threshold, most)
    assert len(found) <= most
    assert all(one.unproven_pence > 0 or one.amount_pence > threshold for one, _ in found)
    assert all(why for _, why in found)
    candidates = [one for one in spends if one.unproven_pence > 0 or one.amount_pence > threshold]
    assert len(found) == min(most, len(candidates))
    assert [one.id for one, _ in sample(list(reversed(spends)), threshold, most)] == [one.id for one, _ in found]


def test_what_has_no_receipt_is_asked_first_and_the_largest_of_it():
    rows = [
        spend(100, 0, receipts=1, number=1),
        spend(300, 0, number=2),
        spend(900, 400, number=3),
        spend(60_000, 60_000, visit=True, number=4),
        spend(1_600, 1_600, visit=True, number=5),
    ]
    found = sample(rows, 50_000, 10)
    assert [one.id.int for one, _ in found] == [3, 2, 4, 1]
    assert found[0][1] == "Visits prove £4.00 of it; £5.00 is beside visits"
    assert found[2][1] == "It is more than £500.00"


def test_points_follow_the_money_with_reasons():
    rows = [spend(9_000, 9_000, visit=True), spend(1_000, 0)]
    facts = Facts(spends=rows, threshold_pence=50_000, was_checked_before=True)
    assert [(one.code, one.points) for one in reasons_of(facts)] == [("unproven", 2), ("no_receipt", 1)]
    assert "£10.00 of £100.00" in reasons_of(facts)[0].words
    proven = Facts(spends=rows[:1], threshold_pence=50_000, was_checked_before=True)
    assert reasons_of(proven) == []


async def make_case(db, *, balance: int = 300_000):
    """A person with a visit that proves itself and two payments that no visit proves."""
    scene = await make_self_held(db, balance_pence=balance)
    await make_approved(db, scene)
    for pence, payee in ((2_000, "Swim club"), (900, "Garden shop")):
        form = SpendingForm(amount_pence=pence, happened_on=date(2027, 3, 3), payee=payee, what="Things")
        await SpendingService(db).pay(scene.member.principal, scene.council.id, scene.person.id, form)
    finance = await make_member(db, Role.FINANCE, scene.council)
    loose(db, finance.user, finance.membership)
    return scene, finance


async def test_an_audit_from_opening_to_its_letter(browser, db):
    scene, officer = await make_case(db)
    finance, person = await browser.signed_in(officer), await browser.signed_in(scene.member)
    assert scene.person.name in (await finance.open("/money-audits")).words
    await finance.open(f"/money-audits/new?person={scene.person.id}")
    form = {"person": str(scene.person.id)} | {
        f"{name}-{part}": str(getattr(day, part))
        for name, day in (("first_on", FIRST), ("last_on", date(2027, 3, 3)))
        for part in ("day", "month", "year")
    }
    await finance.post("/money-audits/new", form | {"last_on-year": "2028"}, expect=422)
    opened = await finance.post("/money-audits/new", form)
    await finance.post("/money-audits/new", form, expect=422)
    path = opened.location
    own = path.replace("/money-audits", "/money/audits")
    shown, seen = await finance.open(path), await person.open(own)
    for words in (
        "Swim club: Things",
        "Garden shop: Things",
        "Proven by visits",
        "No visit proves it",
        "Why these points",
    ):
        assert words in shown.words
        assert words in seen.words
    assert await count(db, "audit_items") == 2
    await finance.post(path, {"action": "ask"})
    await finance.post(path, {"action": "ask"}, expect=409)
    assert "Please answer by 31 March 2027" in (await person.open("/money")).words
    items = list((await person.open(own)).text.split("/items/")[1:])
    first, second = [text[:36] for text in items]
    await person.post(f"{own}/items/{first}", {f"answer-{first}": ""}, files=[("x", ("", b""))], expect=422)
    bad = [(f"files-{first}", ("r.exe", b"MZ\x90\x00", "image/png"))]
    page = await person.post(f"{own}/items/{first}", {f"answer-{first}": "Lessons"}, files=bad, expect=422)
    assert list(page.errors()) == [f"files-{first}"]
    good = [(f"files-{first}", ("till.jpg", phone_photo(), "image/jpeg"))]
    await person.post(f"{own}/items/{first}", {f"answer-{first}": "Swimming lessons"}, files=good)
    await person.post(f"{own}/items/{second}", {f"answer-{second}": "A plant"})
    assert "MoneyAuditAnswered" in await events(db)
    page = await finance.open(path)
    assert "Swimming lessons" in page.words
    await finance.get(page.link(r"/money-audits/receipts/"))
    await finance.post(path, {"action": f"accept:{first}"})
    await finance.post(path, {"action": f"question:{second}"}, expect=422)
    await finance.post(path, {"action": f"question:{second}", f"decision-{second}": "What was it for?"})
    await person.post(f"{own}/items/{second}", {f"answer-{second}": "Gardening is in my plan"})
    await finance.post(path, {"action": f"accept:{second}"})
    # £2,955.00 is free; 8 weeks of £150 may stay.
    assert "£1,755.00" in (await finance.open(path)).words
    close = {"action": "close", "outcome": "All is well.", "reclaim": "1755.01", "instalments": "3"}
    await finance.post(path, close, expect=422)
    await finance.post(path, close | {"reclaim": "1000"})
    await finance.post(path, close | {"reclaim": "1"}, expect=409)
    for reader, address in ((finance, path), (person, own)):
        words = (await reader.open(address)).words
        for part in ("All is well.", "31 March 2027: £333.34", "28 April 2027: £333.33", "26 May 2027: £333.33"):
            assert part in words
    await person.open("/money/audits")
    assert await count(db, "reviews") == 0
    assert all(fact.ok for fact in await check_payments(db))


async def test_proven_spending_needs_no_question(db):
    scene = await make_self_held(db)
    await make_approved(db, scene)
    officer = await make_member(db, Role.FINANCE, scene.council)
    service = MoneyAuditService(db)
    row = await service.open(officer.principal, scene.person.id, FIRST, AFTER)
    assert (row.spent_pence, row.proven_pence) == (1_600, 1_600)
    assert await count(db, "audit_items") == 0
    with pytest.raises(InvalidInput):
        await service.ask(officer.principal, row.id)
    await service.close(officer.principal, row.id, CloseForm(outcome="Well", reclaim_pence=0, instalments=1))
    assert row.status is AuditStatus.CLOSED


async def test_nobody_else_opens_reads_answers_or_closes(db):
    scene, officer = await make_case(db)
    other, stranger = await make_case(db)
    service = MoneyAuditService(db)
    row = await service.open(officer.principal, scene.person.id, FIRST, AFTER)
    item = (await service.audits.items(row.id))[0]
    closing = CloseForm(outcome="x", reclaim_pence=0, instalments=1)
    with pytest.raises(NotFound):
        await service.open(stranger.principal, scene.person.id, FIRST, AFTER)
    for who in (stranger, other.member):
        with pytest.raises(NotFound):
            await service.view(who.principal, row.id)
    with pytest.raises(NotFound):
        await service.close(stranger.principal, row.id, closing)
    with pytest.raises(Forbidden):
        await service.close(scene.member.principal, row.id, closing)
    with pytest.raises(NotFound):
        await service.answer(other.member.principal, row.id, item.id, "Mine")
    with pytest.raises(Forbidden):
        await service.answer(officer.principal, row.id, item.id, "Mine")
    with pytest.raises(AuditClosed):  # Not sent yet.
        await service.answer(scene.member.principal, row.id, item.id, "Early")
    mine, theirs = await service.view(officer.principal, row.id), await service.view(scene.member.principal, row.id)
    assert mine.spends == theirs.spends
    assert [one.item.id for one in mine.questions] == [one.item.id for one in theirs.questions]


async def test_an_answer_is_given_once_and_a_closed_audit_rests(db):
    scene, officer = await make_case(db)
    service = MoneyAuditService(db)
    row = await service.open(officer.principal, scene.person.id, FIRST, AFTER)
    await service.ask(officer.principal, row.id)
    item = (await service.audits.items(row.id))[0]
    await service.answer(scene.member.principal, row.id, item.id, "Lessons")
    with pytest.raises(StepRefused):
        await service.answer(scene.member.principal, row.id, item.id, "Again")
    await service.close(officer.principal, row.id, CloseForm(outcome="x", reclaim_pence=0, instalments=1))
    with pytest.raises(AuditClosed):
        await service.decide(officer.principal, row.id, item.id, is_accepted=True, words="")
    with pytest.raises(AuditClosed):
        await service.answer(scene.member.principal, row.id, item.id, "Late")


async def test_old_unpaid_visits_and_a_surplus_count(db, clock):
    scene, _officer = await make_case(db)
    clock.move_to(datetime(2027, 4, 7, 9, tzinfo=UTC))
    await fund(db, scene.person, 200_000)
    facts = await MoneyAuditService(db).facts(scene.council.id, scene.person.id, FIRST, date(2027, 4, 8))
    codes = {one.code for one in reasons_of(facts)}
    assert {"unpaid", "surplus", "unproven", "no_receipt", "first"} <= codes
