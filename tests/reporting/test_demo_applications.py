"""The demo's applications: one in each state in every council, and a provider whose earlier answers come along."""

import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.browser import Browser, count
from tests.reporting.conftest import Loaded
from tests.reporting.test_home import member

STATES = """
    SELECT c.slug, array_agg(a.status ORDER BY a.id) FROM applications a JOIN councils c ON c.id = a.council_id
    GROUP BY c.slug ORDER BY c.slug
"""
STAR = """
    SELECT a.status, a.earlier_id IS NOT NULL, count(n.carried_from_id) FILTER (WHERE n.confirmed_at IS NULL)
    FROM applications a JOIN memberships m ON m.organisation_id = a.organisation_id JOIN users u ON u.id = m.user_id
    LEFT JOIN application_answers n ON n.application_id = a.id
    WHERE u.email = 'provider@lancashire.example' GROUP BY a.id ORDER BY a.id
"""
CHANGED = """
    SELECT count(*) FROM application_answers n JOIN application_answers e ON e.id = n.carried_from_id
    JOIN criteria now ON now.id = n.criterion_id JOIN criteria old ON old.id = e.criterion_id
    WHERE now.question <> old.question
"""


async def test_every_council_has_an_application_in_each_state(demo: Loaded, db: AsyncSession) -> None:
    rows = {row[0]: set(row[1]) for row in (await db.execute(text(STATES))).all()}
    assert set(rows) == {"derby", "doncaster", "lancashire"}
    for states in rows.values():
        assert states >= {"awarded", "draft", "refused", "submitted"}
    assert await count(db, "appeals", "status = 'open'") == 3
    assert await count(db, "application_lots", "outcome = 'refused'") >= 3


async def test_the_provider_with_an_account_finds_earlier_answers_to_confirm(demo: Loaded, db: AsyncSession) -> None:
    awarded, draft = (await db.execute(text(STAR))).all()
    assert (awarded[0], draft[0], draft[1]) == ("awarded", "draft", True)
    assert draft[2] > 0
    assert await db.scalar(text(CHANGED)) > 0, "some question was changed since"


async def test_its_pages_open(demo: Loaded, browser: Browser, db: AsyncSession) -> None:
    provider = await browser.signed_in(await member(db, "provider@lancashire.example"))
    page = await provider.open("/provider/applications")
    for path in sorted({link for link in page.links() if re.search(r"/provider/applications/[0-9a-f-]{36}$", link)}):
        await provider.open(path)
        if (await provider.get(f"{path}/check", expect=None)).status == 200:
            for step in ("check", "evidence", "lots", "eligibility"):
                await provider.open(f"{path}/{step}")
            shown = await provider.open(path)
            for question in {link for link in shown.links() if "/questions/" in link}:
                await provider.open(question)
        else:
            await provider.open(f"{path}/answers")
    for link in {link for link in page.links() if "new?round=" in link}:
        await provider.open(link)
