"""The ranking that a requirement was opened with is kept and can be worked out again."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.matching.repository import FactRepository
from tests.browser import Browser, count
from tests.factories_brokerage import make_broker, make_case
from tests.factories_care import again, make_care_provider, make_requirement, open_requirement
from tests.matching.test_requirement_taken_back import awarded, take_back


async def test_the_ranking_of_a_round_is_repeated_from_its_inputs(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council, name="Near Care")
    await make_care_provider(db, broker.council, name="Far Care", radius_metres=1, lat=51.5, lon=-0.1)
    row = await make_requirement(db, broker)
    path = f"/requirements/{row.id}/ranking"
    staff = await browser.signed_in(broker)
    await staff.open(path, expect=404)
    await again(db, broker, row)
    await open_requirement(db, broker, row)
    await db.execute(text("UPDATE listings SET price_pence = 9900"))  # What is true today changes nothing.
    page = await staff.open(path)
    assert "Worked out again: same result" in page.words
    assert "1. Near Care" in page.words
    changed = "UPDATE requirements SET ranking = jsonb_set(ranking, '{result,entries,0,total}', '1')"
    await db.execute(text(changed))
    assert "Worked out again: another result" in (await staff.open(path)).words


async def test_an_award_that_was_taken_back_is_no_conflict_with_planning(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row, made, _, _ = await awarded(db, broker, 2_500)
    referral, _ = await make_case(db, broker)
    referral.person_id = row.person_id
    await db.flush()
    facts = FactRepository(db)

    async def sellers() -> list[str]:
        return [found[0] for found in await facts.of_referrals(row.council_id, [referral.id]) if found[0] == "seller"]

    assert await sellers() == ["seller"]
    await take_back(db, broker, row, made)
    assert await sellers() == []
    assert await count(db, "requirement_awards") == 1
