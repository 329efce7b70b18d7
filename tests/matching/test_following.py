"""How often proposals are followed."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.matching.service.following import Decision, by_broker, by_month, reasons, tally, warnings
from tests.browser import Browser
from tests.factories import make_member
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner

ANNE, BEN = UUID(int=1), UUID(int=2)


def decision(month: int, by: UUID = ANNE, *, is_followed: bool = True, reason: str = "") -> Decision:
    """One decision on the first of a month."""
    at = datetime(2027, month, 1, 12, tzinfo=UTC)
    return Decision(at=at, by_user_id=by, is_followed=is_followed, reason=reason, reference="R", rank=1)


def test_shares_are_whole_per_cent_and_none_without_decisions() -> None:
    assert tally("", []).changed_percent is None
    assert tally("", [decision(1), decision(1), decision(1, is_followed=False)]).changed_percent == 33
    assert tally("", [decision(1), decision(1, is_followed=False)]).words == "50 %"


def test_months_without_decisions_stand_between_others() -> None:
    months = by_month([decision(5), decision(3)])
    assert [(one.label, one.decisions) for _, one in months] == [("March 2027", 1), ("April 2027", 0), ("May 2027", 1)]
    assert by_month([]) == []


def test_brokers_and_reasons_stand_by_number() -> None:
    rows = [decision(1, BEN), decision(1), decision(2), decision(2, is_followed=False, reason="Knows them")]
    rows += [decision(2, is_followed=False, reason="Knows them"), decision(2, is_followed=False)]
    assert [(user_id, one.decisions) for user_id, one in by_broker(rows)] == [(ANNE, 5), (BEN, 1)]
    assert reasons(rows) == [("Knows them", 2), ("No reason recorded", 1)]


def test_never_changing_anything_is_a_warning_and_so_is_half() -> None:
    assert "too few" in warnings(tally("", [decision(1)]))[0]
    assert "nobody looks at them" in warnings(tally("", [decision(1)] * 20))[0]
    half = [decision(1)] * 10 + [decision(1, is_followed=False)] * 10
    assert "Half of the proposals" in warnings(tally("", half))[0]
    assert warnings(tally("", [decision(1)] * 19 + [decision(1, is_followed=False)])) == []


async def test_the_page_and_the_file_show_a_councils_own_decisions(browser: Browser, db: AsyncSession) -> None:
    broker, abroad = await make_broker(db), await make_broker(db)
    first, _ = await make_planner(db, broker.council, specialisms=["older"])
    second, _ = await make_planner(db, broker.council)
    for worker in (first, second, first):
        referral, person = await make_case(db, broker)
        await make_offer(db, broker, referral, person, worker)
    await db.execute(text("UPDATE offers SET override_reason = '=1+1' WHERE rank > 1"))
    staff, foreign = await browser.signed_in(broker), await browser.signed_in(abroad)
    social = await browser.signed_in(await make_member(db, Role.SOCIAL_WORKER))
    page = await staff.open("/matching/decisions")
    for words in ("March 2027", "Bo Broker", "33 %", "Changed or rejected", "0 % changed is not a goal"):
        assert words in page.words, words
    file = await staff.get("/matching/decisions.csv")
    assert file.text.count("\r\n") == 4
    assert ",=1+1" not in file.text
    assert "No decisions yet" in (await foreign.open("/matching/decisions")).words
    await social.get("/matching/decisions", expect=403)
