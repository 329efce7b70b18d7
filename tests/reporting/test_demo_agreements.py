"""The demo's agreements: somebody to look at in every sign-in, signed as the platform would."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.bookings.models import SupportAgreement
from marketplace.bookings.repository_agreements import SupportAgreementRepository
from marketplace.bookings.service.agreements.fingerprint import terms_print
from marketplace.bookings.service.agreements.views import AgreementReader
from marketplace.core.clock import FixedClock, today
from marketplace.core.database import make_session_maker, transaction
from tests.conftest import NOW
from tests.reporting.conftest import Loaded


async def test_each_council_has_one_that_runs_one_with_a_rise_and_one_that_waits(
    demo: Loaded, engine: AsyncEngine
) -> None:
    async with transaction(make_session_maker(engine, FixedClock(NOW)), "every") as db:
        rows = await db.execute(text("SELECT council_id, status, count(*) FROM support_agreements GROUP BY 1, 2"))
        assert sorted((status, number) for _, status, number in rows) == [("agreed", 2)] * 3 + [("offered", 1)] * 3
        rises = "SELECT count(*) FROM agreement_terms WHERE status = 'offered' AND number = 2 AND weekly_before_pence"
        assert await db.scalar(text(f"{rises} < weekly_pence")) == 3


async def test_what_was_signed_is_what_stands_there(demo: Loaded, engine: AsyncEngine) -> None:
    clock = FixedClock(NOW)
    async with transaction(make_session_maker(engine, clock), "every") as db:
        agreements = SupportAgreementRepository(db)
        for agreement in await agreements.get_many():
            assert isinstance(agreement, SupportAgreement)
            patterns = await agreements.patterns([agreement.id], today(clock))
            for view in await AgreementReader(db).views_of(await agreements.terms([agreement.id])):
                assert view.terms.sha256 == terms_print(agreement, view, patterns)
                assert view.terms.working["words"]
