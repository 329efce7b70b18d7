"""One's own budget (P4): what the page says, challenging it, the council's answer, a carer's first stage."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role, Scope
from marketplace.core.database import scope_to
from marketplace.people.budget_parts import split_anew
from marketplace.people.budgets import BudgetService, Part, Working
from marketplace.people.challenges import ChallengeService, working_days_on
from marketplace.people.models import Budget, FundingRoute, Person
from marketplace.people.words_assessments import CARER_QUESTIONS
from tests.browser import Browser, count, events
from tests.factories import Member, make_budget, make_council, make_member, make_person_member
from tests.factories_budgets import make_assessment, make_charge
from tests.factories_care import again
from tests.factories_ras import make_ras_version
from tests.people.test_budget_messages import told

TODAY = date(2027, 3, 3)
HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7*7 }} ’ Ω"


async def start(db: AsyncSession, **given: Any) -> tuple[Person, Member, Member, Budget]:
    """The worked example: 60 points, £115.38 a week, of which £20 are the person's own."""
    manager = await make_member(db, Role.MANAGER)
    worker = await make_member(db, Role.SOCIAL_WORKER, manager.council)
    person, member = await make_person_member(db, manager.council)
    version = await make_ras_version(db, manager.council)
    await make_charge(db, person, manager)
    working = Working(points=60, version=version, annual_pence=600_000, weekly_pence=11_538, **given)
    budget = await BudgetService(db).set_indicative(worker.principal, person.id, 11_538, working=working)
    return person, member, manager, budget


async def test_the_page_says_what_it_is_how_it_came_about_and_who_pays(browser: Browser, db: AsyncSession) -> None:
    _person, member, _manager, _budget = await start(db)
    page = await (await browser.signed_in(member)).open("/my-budget")
    for words in (
        "£115.38 a week",
        "This is a first estimate",
        "by 26 May 2027",
        "60 points",
        "worth £100.00 a year",
        "£6,000.00 a year",
        "divide a year by 52 weeks",
        "The council pays: £95.38",
        "You pay: £20.00",
        "The most you pay is £20.00 a week",
        "What it does not cover",
        "the first 6 weeks are free",
        "Tell us what is not right",
        "within 20 working days",
    ):
        assert words in page.words, words


async def test_what_is_protected_agreed_and_mixed_is_shown(browser: Browser, db: AsyncSession) -> None:
    person, member, manager, _budget = await start(db, previous_weekly_pence=15_000)
    someone = await browser.signed_in(member)
    page = await someone.open("/my-budget")
    assert "£150.00 a week" in page.words
    assert "we add £34.62 a week. We look at this part again by 3 March 2028" in page.words
    await again(db, person, manager, member)
    parts = [
        Part(route=FundingRoute.DIRECT_PAYMENT, weekly_pence=10_000, what_for="Mornings"),
        Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=4_000, what_for=HOSTILE),
    ]
    await BudgetService(db).make_final(manager.principal, person.id, 14_000, parts, "The gym is free.", TODAY)
    page = await someone.open("/my-budget")
    for words in ("This is agreed", "£140.00 a week", "The gym is free.", "Mornings", "Your budget for a week"):
        assert words in page.words, words
    assert "£34.62" not in page.words


async def test_without_a_budget_the_page_says_what_comes_first(browser: Browser, db: AsyncSession) -> None:
    _person, member = await make_person_member(db, await make_council(db))
    someone = await browser.signed_in(member)
    assert "You have no budget yet" in (await someone.open("/my-budget")).words
    await someone.open("/my-budget/assessment", expect=404)


async def test_the_person_reads_their_assessment(browser: Browser, db: AsyncSession) -> None:
    person, member = await make_person_member(db, await make_council(db))
    await make_assessment(db, person)
    page = await (await browser.signed_in(member)).open("/my-budget/assessment")
    for words in ("You can get support", "Two outcomes cannot", "My sister comes.", "See friends on Saturdays"):
        assert words in page.words, words


async def test_a_challenge_is_answered_by_somebody_else(browser: Browser, db: AsyncSession) -> None:
    _person, member, manager, budget = await start(db)
    budget_id = budget.id
    someone = await browser.signed_in(member)
    path = f"/my-budget/{budget_id}/challenge"
    await someone.open(path)
    page = await someone.post(path, {"words": " "}, expect=422)
    assert set(page.errors()) == {"words"}
    await again(db, member)
    someone = await browser.signed_in(member)
    await someone.post(path, {"words": HOSTILE})
    assert await count(db, "budget_challenges", "status = 'open' AND answer_by = '2027-04-02'") == 1
    await someone.post(path, {"words": "Again."}, expect=409)
    await again(db, member, manager)
    someone = await browser.signed_in(member)
    page = await someone.open("/my-budget")
    assert "You get an answer by 2 April 2027" in page.words
    await again(db, member, manager)
    staff = await browser.signed_in(manager)
    address = (await staff.open("/budget-challenges")).link(r"/budget-challenges/[0-9a-f-]{36}")
    assert "<script>" in (await staff.open(address)).words
    page = await staff.post(
        address, {"outcome": "changed", "weekly": "115.38", "answer": "", "version": "1"}, expect=422
    )
    assert set(page.errors()) == {"answer"}
    await staff.post(
        address, {"outcome": "changed", "weekly": "130", "answer": "Nights were left out.", "version": "1"}
    )
    assert await count(db, "budgets", "status = 'indicative' AND weekly_pence = 13000 AND own_weekly_pence = 2000") == 1
    assert await count(db, "budgets", f"status = 'ended' AND id = '{budget_id}'") == 1
    await staff.post(address, {"outcome": "upheld", "answer": "No.", "version": "1"}, expect=409)
    await again(db, member, manager)
    page = await (await browser.signed_in(member)).open("/my-budget")
    assert "Nights were left out." in page.words
    assert "£130.00 a week" in page.words
    assert await count(db, "audit_entries", "concat(before, after, why) LIKE '%Nights%'") == 0
    assert (await events(db)).count("BudgetChallenged") == 2


async def test_who_set_the_sum_does_not_answer_and_a_challenge_can_be_taken_back(
    browser: Browser, db: AsyncSession
) -> None:
    person, member, manager, _budget = await start(db)
    own = await BudgetService(db).set_indicative(manager.principal, person.id, 12_000, reason="By hand.")
    own_id = own.id
    someone = await browser.signed_in(member)
    await someone.post(f"/my-budget/{own_id}/challenge", {"words": "Too little."})
    challenge = await db.scalar(text("SELECT id FROM budget_challenges"))
    await again(db, manager)
    staff = await browser.signed_in(manager)
    form = {"outcome": "upheld", "answer": "It stays.", "version": "1"}
    page = await staff.post(f"/budget-challenges/{challenge}", form, expect=422)
    assert "Somebody else answers" in page.errors()["answer"]
    await again(db, member)
    someone = await browser.signed_in(member)
    await someone.post(f"/my-budget/challenges/{challenge}/withdraw", {})
    assert await count(db, "budget_challenges", "status = 'withdrawn'") == 1


async def test_strangers_and_helpers_without_the_money_see_nothing(browser: Browser, db: AsyncSession) -> None:
    person, _member, manager, budget = await start(db)
    budget_id, council = budget.id, manager.council
    _other, other = await make_person_member(db, council, given_name="Other")
    helper = await make_member(
        db, Role.REPRESENTATIVE, council, person_id=person.id, acting_for_name="Ada", scopes=(Scope.TALK,)
    )
    worker = await make_member(db, Role.SOCIAL_WORKER, council)
    stranger = await browser.signed_in(other)
    await stranger.open(f"/my-budget/{budget_id}/challenge", expect=404)
    await again(db, other, helper, worker)
    await (await browser.signed_in(other)).post(f"/my-budget/{budget_id}/challenge", {"words": "x"}, expect=404)
    await again(db, other, helper, worker)
    await (await browser.signed_in(helper)).open("/my-budget", expect=403)
    await again(db, worker)
    await (await browser.signed_in(worker)).open("/budget-challenges", expect=403)
    assert await count(db, "budget_challenges") == 0


async def test_a_carer_answers_and_the_second_stage_ends_with_a_break(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    person, member = await make_person_member(db, council)
    person_id, worker = person.id, await make_member(db, Role.SOCIAL_WORKER, council)
    someone = await browser.signed_in(member)
    await someone.open("/my-budget/carer")
    page = await someone.post("/my-budget/carer", {"hours": "few", "nights": "nonsense"}, expect=422)
    assert set(page.errors()) == {question["key"] for question in CARER_QUESTIONS} - {"hours"}
    await again(db, member)
    someone = await browser.signed_in(member)
    heavy = {question["key"]: question["answers"][-1]["key"] for question in CARER_QUESTIONS}
    await someone.post("/my-budget/carer", {**heavy, "in_my_words": "I am tired."})
    assert await count(db, "assessments", "kind = 'carer_stage_1' AND status = 'completed' AND is_eligible") == 1
    assert "A social worker looks at it with you" in (await someone.open("/my-budget")).words
    await again(db, worker)
    staff = await browser.signed_in(worker)
    here = (await staff.post(f"/people/{person_id}/assessments", {"kind": "carer_stage_2"})).location
    assert "I am tired." in (await staff.open(here)).words
    light = {question["key"]: question["answers"][0]["key"] for question in CARER_QUESTIONS}
    await staff.open(f"/people/{person_id}/assessments/carer")
    await staff.post(f"/people/{person_id}/assessments/carer", light)
    assert await count(db, "assessments", "kind = 'carer_stage_1' AND status = 'completed' AND NOT is_eligible") == 1
    assert await count(db, "assessments", "kind = 'carer_stage_1' AND status = 'superseded'") == 1
    assert (await events(db)) == ["CarerAsked", "CarerAsked"]


async def test_staff_see_the_working_and_set_a_sum_by_hand(browser: Browser, db: AsyncSession) -> None:
    person, _member, manager, _budget = await start(db)
    path = f"/people/{person.id}/budgets"
    staff = await browser.signed_in(manager)
    page = await staff.open(path)
    assert "60, version 1: £6,000.00 a year, £115.38 a week" in page.words
    form = {"kind": "carer", "weekly": "0", "one_off": "300", "route": "direct_payment", "reason": "A break."}
    page = await staff.post(path, {**form, "weekly": "x", "reason": ""}, expect=422)
    assert set(page.errors()) == {"weekly", "reason"}
    await again(db, manager)
    await (await browser.signed_in(manager)).post(path, form)
    assert await count(db, "budgets", "kind = 'carer' AND one_off_pence = 30000") == 1


def test_an_answer_is_due_after_working_days() -> None:
    # Good Friday and Easter Monday of 2027 are 26 and 29 March.
    assert working_days_on(date(2027, 3, 25), 1) == date(2027, 3, 30)
    assert working_days_on(date(2027, 3, 3), 20) == date(2027, 4, 2)
    assert working_days_on(date(2027, 3, 3), 0) == date(2027, 3, 3)


async def mixed(db: AsyncSession) -> tuple[Member, Member, str]:
    """An agreed budget of £140 in two parts, paid every four weeks until the end of the year, and challenged."""
    person, member, manager, _ = await start(db)
    signer = await make_member(db, Role.MANAGER, manager.council)
    parts = [
        Part(route=FundingRoute.DIRECT_PAYMENT, weekly_pence=10_000, what_for="Mornings"),
        Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=4_000, what_for="Day centre"),
    ]
    budget = await BudgetService(db).make_final(signer.principal, person.id, 14_000, parts, "As planned.", TODAY)
    budget.ends_on = date(2027, 12, 31)
    await db.flush()
    row = await ChallengeService(db).ask(member.principal, budget.id, "Too little.")
    await again(db, person, member, manager)
    return member, manager, f"/budget-challenges/{row.id}"


async def held(db: AsyncSession) -> list[tuple[str, int]]:
    """The parts of the newest agreed budget."""
    rows = await db.execute(
        text(
            "SELECT p.route, p.weekly_pence FROM budget_parts p JOIN budgets b ON b.id = p.budget_id"
            " WHERE b.id = (SELECT id FROM budgets WHERE status = 'final' ORDER BY created_at DESC, id DESC LIMIT 1)"
            " ORDER BY position"
        )
    )
    return [(route, pence) for route, pence in rows]


async def test_a_challenge_that_changes_a_mixed_budget_keeps_its_parts(browser: Browser, db: AsyncSession) -> None:
    member, manager, path = await mixed(db)
    staff = await browser.signed_in(manager)
    page = await staff.open(path)
    assert "Mornings" in page.words
    assert "share the new sum as before" in page.words
    answer = {"outcome": "changed", "weekly": "150.01", "answer": "Nights were left out.", "version": "1"}
    await staff.post(path, answer)
    await scope_to(db, "every")
    assert await held(db) == [("direct_payment", 10_715), ("council_managed", 4_286)]
    ends = "status = 'final' AND weekly_pence = 15001 AND route = 'direct_payment' AND direct_weekly_pence = 10715"
    assert await count(db, "budgets", f"{ends} AND ends_on = '2027-12-31'") == 1
    await told(db)
    [said] = (await db.scalars(text("SELECT body FROM messages WHERE template = 'budget_challenge_answered'"))).all()
    assert "held in 2 parts" in said
    assert "- £107.15 a week, direct payment" in said
    await again(db, member)
    page = await (await browser.signed_in(member)).open("/my-budget")
    assert "Nights were left out." in page.words


async def test_whoever_answers_may_share_the_new_sum_out_and_it_must_add_up(browser: Browser, db: AsyncSession) -> None:
    _member, manager, path = await mixed(db)
    staff = await browser.signed_in(manager)
    answer = {"outcome": "changed", "weekly": "150", "answer": "Nights.", "version": "1", "part-1": "100"}
    page = await staff.post(path, answer, expect=422)
    assert set(page.errors()) == {"part-2"}
    page = await staff.post(path, answer | {"part-2": "49.99"}, expect=422)
    assert page.errors() == {"part-1": "The parts must add up to £150.00"}
    assert page.field("part-2") == "49.99"
    await staff.post(path, answer | {"part-2": "50"})
    assert await held(db) == [("direct_payment", 10_000), ("council_managed", 5_000)]


@given(st.lists(st.integers(0, 2_000_000), min_size=1, max_size=8), st.integers(0, 2_000_000))
def test_a_new_sum_is_shared_in_whole_pence_that_add_up(amounts: list[int], weekly_pence: int) -> None:
    parts = [Part(route=FundingRoute.COUNCIL_MANAGED, weekly_pence=amount) for amount in amounts]
    shared = [part.weekly_pence for part in split_anew(parts, weekly_pence)]
    assert sum(shared) == weekly_pence
    whole = sum(amounts)
    for was, now in zip(amounts, shared, strict=True):
        assert now >= 0
        assert not whole or abs(now * whole - weekly_pence * was) < whole


async def test_a_budget_that_says_what_somebody_pays_does_not_say_that_they_pay_nothing_yet(
    browser: Browser, db: AsyncSession
) -> None:
    manager = await make_member(db, Role.MANAGER)
    person, member = await make_person_member(db, manager.council)
    budget_id = (await make_budget(db, person, weekly_pence=18_500, own_weekly_pence=1_250)).id
    visitor = await browser.signed_in(member)
    page = await visitor.open("/my-budget")
    assert "You pay: £12.50" in page.words
    assert "You pay nothing" not in page.words
    budget = await db.get_one(Budget, budget_id)
    budget.own_weekly_pence = 0
    await db.flush()
    assert "You pay nothing until it has told you" in (await visitor.open("/my-budget")).words
