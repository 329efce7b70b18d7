"""Requests for more money: who answers, what is told to whom, and that nothing moves by itself."""

from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.payments import tasks_money  # noqa: F401 - who is told is registered there
from tests.browser import count
from tests.factories import make_member
from tests.factories_bookings import loose, make_scene
from tests.payments.card_world import run_tasks


async def test_a_manager_answers_a_request_once_and_person_and_finance_hear_of_it(browser, db):
    scene = await make_scene(db)
    manager, finance = [await make_member(db, role, scene.council) for role in (Role.MANAGER, Role.FINANCE)]
    loose(db, manager.user, manager.membership, finance.user, finance.membership)
    person = await browser.signed_in(scene.member)
    await person.open("/money/ask")
    for amount in ("14.50", "20", "30"):
        await person.post("/money/ask", {"amount": amount, "often": "weekly", "reason": "I need help at night"})
    refused = await person.post("/money/ask", {"amount": "9", "often": "once", "reason": "More"}, expect=422)
    assert "3 of your requests wait for an answer" in refused.words
    office = await browser.signed_in(manager)
    assert "3 requests for more money" in (await office.open("/home")).words
    page = await office.open("/money-requests")
    path = page.link(r"^/money-requests/.")
    page = await office.open(path)
    for words in ("£14.50 more each week", "£150.00 a week", "£164.50 a week", "I need help at night"):
        assert words in page.words, words
    nothing = await office.post(path, {"answer": ""}, expect=422)
    assert {"decision", "answer"} <= set(nothing.errors())
    await office.post(path, {"decision": "agree", "answer": "From 1 April, with your new plan."})
    await office.post(path, {"decision": "refuse", "answer": "No."}, expect=409)
    assert await count(db, "money_asks", "status = 'agreed' AND answer LIKE 'From 1 April%'") == 1
    assert await count(db, "audit_entries", "action = 'payments.answer_money_ask'") == 1
    await run_tasks(db)
    assert await count(db, "messages", "template = 'more_money_answered' AND body LIKE '%says yes%'") == 1
    told = f"template = 'more_money_agreed' AND user_id = '{finance.user.id}' AND body LIKE '%£14.50 more a week%'"
    assert await count(db, "messages", told) == 1
    assert "From 1 April, with your new plan." in (await person.open("/money/ask")).words
    assert "Agreed" in (await office.open("/money-requests")).words
    assert await count(db, "budgets", "weekly_pence <> 15000") == 0, "an answer moves no money"


async def test_who_asked_does_not_answer_and_other_councils_see_no_request(browser, db):
    scene, other = await make_scene(db), await make_scene(db)
    manager, stranger = [await make_member(db, Role.MANAGER, one.council) for one in (scene, other)]
    loose(db, manager.user, manager.membership, stranger.user, stranger.membership)
    person = await browser.signed_in(scene.member)
    await person.open("/money/ask")
    await person.post("/money/ask", {"amount": "5", "often": "once", "reason": "A taxi"})
    asked = await db.scalar(text("SELECT id FROM money_asks"))
    answer = {"decision": "agree", "answer": "Yes."}
    elsewhere = await browser.signed_in(stranger)
    await elsewhere.open("/money-requests")
    await elsewhere.get(f"/money-requests/{asked}", expect=404)
    await elsewhere.post(f"/money-requests/{asked}", answer, expect=404)
    await db.execute(text("UPDATE money_asks SET asked_by_user_id = :u"), {"u": manager.user.id})
    office = await browser.signed_in(manager)
    page = await office.open(f"/money-requests/{asked}")
    assert "somebody else answers" in page.words
    await office.post(f"/money-requests/{asked}", answer, expect=409)
    assert await count(db, "money_asks", "status = 'waiting'") == 1
