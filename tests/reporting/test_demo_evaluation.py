"""The demo of evaluation: something to do for everybody who judges applications, and for the provider who signs."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.database import scope_to
from marketplace.providers.models import Agreement, Application
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.service.agreement_words import are_terms_true
from marketplace.providers.service.evaluation.desk import is_snapshot_true
from tests.reporting.conftest import Loaded


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
