"""The council's first page of accreditation: what waits, what ends, who is where."""

from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.providers.models import EvidenceKind, OrganisationKind, ServiceLine
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation, make_worker
from tests.factories_bookings import loose
from tests.factories_join import make_evidence, run_tasks


@pytest.fixture
async def desk(db: AsyncSession, browser: Browser) -> tuple[Browser, str, str]:
    """An accreditor, a piece of evidence that ends on 20 March, and one of an organisation of another council."""
    council, other = await make_council(db), await make_council(db)
    club = await make_organisation(
        db, home_council_id=council.id, name="Lunch Club", kind=OrganisationKind.COMMUNITY, postcode="PR1 2HE"
    )
    await make_member(db, Role.PROVIDER, council, organisation_id=club.id, email="club@test.example")
    await make_accreditation(db, club, council, ServiceLine.COMMUNITY_SUPPORT)
    await make_worker(db, club)
    await make_listing(db, club)
    ends = await make_evidence(db, club, expires_on=date(2027, 3, 20))
    await make_evidence(db, club, kind=EvidenceKind.SAFEGUARDING_TRAINING, seen_at=None, expires_on=None)
    stranger = await make_organisation(db, home_council_id=other.id, name="Far Away")
    far = await make_evidence(db, stranger, expires_on=date(2027, 3, 21))
    accreditor = await browser.signed_in(await make_member(db, Role.ACCREDITOR, council, email="a@test.example"))
    loose(db, ends, far)
    return accreditor, str(ends.id), str(far.id)


async def test_the_page_says_what_waits_what_ends_and_who_is_where(desk: tuple[Browser, str, str]) -> None:
    page = await desk[0].open("/accreditation")

    assert "1 piece of evidence to look at" in page.words
    assert "Lunch Club: Public liability insurance, last day 19 March 2027" in page.words
    assert "Far Away" not in page.words
    assert "Community support" in page.words
    assert "They have 1 planner and 0 other workers today" in page.words


async def test_several_are_reminded_at_once_and_none_where_one_is_not_ours(
    desk: tuple[Browser, str, str], db: AsyncSession, mailbox: Mailbox
) -> None:
    accreditor, ours, theirs = desk

    nothing = await accreditor.post("/accreditation/reminders", {}, expect=422)
    assert nothing.errors() == {"evidence": "Choose at least one piece of evidence"}
    await accreditor.post("/accreditation/reminders", {"evidence": [ours, theirs]}, expect=404)
    assert await count(db, "audit_entries", "action = 'providers.remind_of_evidence'") == 0
    await accreditor.post("/accreditation/reminders", {"evidence": [ours, "nonsense"]}, expect=400)

    await accreditor.post("/accreditation/reminders", {"evidence": [ours]}, expect=303)
    await run_tasks({"providers.tell_evidence_ending", "messaging.deliver"})
    assert [mail.to_address for mail in mailbox.envelopes] == ["club@test.example"]
    assert "19 March 2027" in mailbox.envelopes[0].body


async def test_the_table_of_evidence_is_the_councils_own(desk: tuple[Browser, str, str]) -> None:
    text = (await desk[0].client.get("/accreditation/evidence.csv")).text

    assert text.splitlines()[0] == "Organisation,Evidence,What it is,From,Last day,State,First seen"
    assert text.count("Lunch Club") == 2
    assert "Far Away" not in text
    assert "2027-03-19" in text


async def test_a_council_with_nothing_gets_a_page_that_helps(db: AsyncSession, browser: Browser) -> None:
    accreditor = await browser.signed_in(await make_member(db, Role.ACCREDITOR))

    words = (await accreditor.open("/accreditation")).words

    assert "Nothing waits for your council today" in words
    assert "Your council accredits nobody today" in words
