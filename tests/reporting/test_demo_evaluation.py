"""The demo of evaluation: something to do for everybody who judges applications, and for the provider who signs."""

import re

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import scope_to
from marketplace.providers.models import Agreement, Application
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.service.agreement_words import are_terms_true
from marketplace.providers.service.evaluation.desk import is_snapshot_true
from tests.browser import Browser
from tests.reporting.conftest import Loaded
from tests.reporting.test_home import member


async def test_lancashire_has_one_of_each_state(demo: Loaded, db: AsyncSession) -> None:
    await scope_to(db, "every")
    rows = await db.execute(
        text(
            "SELECT DISTINCT a.status FROM applications a JOIN councils c ON c.id = a.council_id"
            " WHERE c.slug = 'lancashire'"
        )
    )
    assert {row.status for row in rows} == {"draft", "submitted", "evaluating", "moderated", "awarded", "refused"}
    agreements = set(await db.scalars(text("SELECT DISTINCT status FROM agreements")))
    assert {"offered", "provider_signed", "replaced"} <= agreements
    assert set(await db.scalars(text("SELECT DISTINCT status FROM evaluations"))) == {"scoring", "submitted"}
    assert set(await db.scalars(text("SELECT DISTINCT status FROM appeals"))) == {"open"}


async def test_snapshots_and_terms_have_their_hashes(demo: Loaded, db: AsyncSession) -> None:
    await scope_to(db, "every")
    applications = (await db.scalars(select(Application).where(Application.submitted_at.is_not(None)))).all()
    assert len(applications) >= 10
    assert all(is_snapshot_true(row) for row in applications)
    agreements = (await db.scalars(select(Agreement))).all()
    assert agreements
    assert all(are_terms_true(row) for row in agreements)
    found = await AgreementRepository(db).of_applications([row.id for row in applications])
    assert found


async def test_the_provider_with_an_account_has_an_agreement_to_sign(demo: Loaded, db: AsyncSession) -> None:
    await scope_to(db, "every")
    waiting = await db.scalar(
        text(
            "SELECT count(*) FROM agreements a JOIN memberships m ON m.organisation_id = a.organisation_id"
            " JOIN users u ON u.id = m.user_id WHERE u.email = 'provider@lancashire.example' AND a.status = 'offered'"
        )
    )
    assert waiting == 1


async def test_every_evaluator_may_score_and_has_no_tie(demo: Loaded, db: AsyncSession) -> None:
    await scope_to(db, "every")
    tied = await db.scalar(
        text(
            "SELECT count(*) FROM evaluations e JOIN applications a ON a.id = e.application_id"
            " JOIN memberships m ON m.user_id = e.evaluator_user_id AND m.organisation_id = a.organisation_id"
        )
    )
    assert tied == 0


async def test_every_page_of_it_opens_for_those_who_use_it(demo: Loaded, browser: Browser, db: AsyncSession) -> None:
    lead = await browser.signed_in(await member(db, "accreditor@lancashire.example"))
    page = await lead.open("/accreditation/applications")
    shown = {link for link in page.links() if re.fullmatch(r"/accreditation/applications/[0-9a-f-]{36}", link)}
    assert len(shown) >= 5
    onward: set[str] = set()
    for link in sorted(shown):
        page = await lead.open(link)
        onward |= {address for address in page.links() if address.startswith((link, "/accreditation/a"))}
    for address in sorted(onward - shown):
        if "/files/" not in address:
            await lead.open(address)
    assert any(address.endswith("/decision") for address in onward)
    broker = await browser.signed_in(await member(db, "broker@lancashire.example"))
    page = await broker.open("/accreditation/scoring")
    page = await broker.open(page.link(r"/accreditation/scoring/.+"))
    assert "You have scored 1 of" in page.words
    await broker.open(page.link("/criteria/"))
    provider = await browser.signed_in(await member(db, "provider@lancashire.example"))
    page = await provider.open("/provider/agreements")
    page = await provider.open(page.link(r"/provider/agreements/.+"))
    assert "Sign for your organisation" in page.words
