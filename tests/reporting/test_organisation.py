"""An organisation's own first page."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.providers.models import OrganisationKind, ServiceLine
from tests.browser import Browser
from tests.factories import make_accreditation, make_council, make_member, make_organisation, make_worker
from tests.factories_join import make_evidence


async def test_the_page_counts_what_stands_and_says_what_is_to_do(db: AsyncSession, browser: Browser) -> None:
    home, other = await make_council(db), await make_council(db)
    club = await make_organisation(db, home_council_id=home.id, name="Lunch Club", kind=OrganisationKind.COMMUNITY)
    await make_accreditation(db, club, home, ServiceLine.COMMUNITY_SUPPORT)
    await make_accreditation(db, club, other, ServiceLine.COMMUNITY_SUPPORT)
    await make_evidence(db, club, expires_on=date(2027, 3, 20))
    await make_worker(db, club)
    await make_evidence(db, await make_organisation(db), expires_on=date(2027, 3, 20))
    provider = await browser.signed_in(await make_member(db, Role.PROVIDER, home, organisation_id=club.id))

    page = await provider.open("/provider/organisation")

    assert page.heading == "Lunch Club"
    assert "2 accreditations count today" in page.words
    assert "1 to renew in 30 days" in page.words
    assert "1 worker here now" in page.words
    assert "Nominate planners" in page.words


async def test_somebody_who_works_alone_finds_the_register_of_assistants(db: AsyncSession, browser: Browser) -> None:
    council = await make_council(db)
    alone = await make_organisation(db, home_council_id=council.id, kind=OrganisationKind.SOLE_PA)
    worker = await make_worker(db, alone)
    member = await make_member(db, Role.PA, council, organisation_id=alone.id, worker_id=worker.id)

    words = (await (await browser.signed_in(member)).open("/provider/organisation")).words

    assert "Register of personal assistants" in words
    assert "Nominate planners" not in words
