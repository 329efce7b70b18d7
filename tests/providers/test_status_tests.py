"""Results of the employment status check: kept by whoever wants to, and seen by nobody else (domain.md 4.3)."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.ids import new_id
from marketplace.providers.models import OrganisationKind, WorkerKind
from tests.browser import Browser, count
from tests.factories import Member, make_council, make_member, make_organisation, make_worker

PATH = "/provider/evidence/status-tests"
GOOD = {
    "outcome": "self_employed",
    "reference": "CEST-2027-001",
    "taken_on-day": "1",
    "taken_on-month": "3",
    "taken_on-year": "2027",
}


class Assistant:
    """A personal assistant who works alone, signed in."""

    def __init__(self, member: Member, organisation_id: Any, worker_id: Any) -> None:
        self.member, self.organisation_id, self.worker_id = member, organisation_id, worker_id


@pytest.fixture
async def assistant(db: AsyncSession) -> Assistant:
    council = await make_council(db)
    organisation = await make_organisation(db, kind=OrganisationKind.SOLE_PA, home_council_id=council.id)
    worker = await make_worker(db, organisation, kind=WorkerKind.PA)
    member = await make_member(db, Role.PA, council, organisation_id=organisation.id, worker_id=worker.id)
    return Assistant(member, organisation.id, worker.id)


async def test_a_result_is_kept_shown_and_removed(browser: Browser, db: AsyncSession, assistant: Assistant) -> None:
    signed_in = await browser.signed_in(assistant.member)
    page = await signed_in.open(PATH)
    assert "You keep none" in page.words
    assert "no agency stands between you" in page.words.lower()
    await signed_in.post(PATH, GOOD, expect=303)
    page = await signed_in.open(PATH)
    assert "Self-employed for tax purposes" in page.words
    assert "CEST-2027-001" in page.words
    row = (await db.execute(text("SELECT * FROM status_tests"))).one()
    assert (row.organisation_id, row.worker_id, row.outcome) == (
        assistant.organisation_id, assistant.worker_id, "self_employed",
    )  # fmt: skip
    assert await count(db, "audit_entries", "action = 'providers.keep_status_test'") == 1
    await signed_in.post(f"{PATH}/{row.id}/remove", {}, expect=303)
    assert await count(db, "status_tests") == 0
    assert await count(db, "audit_entries", "action = 'providers.remove_status_test'") == 1
    await signed_in.post(f"{PATH}/{row.id}/remove", {}, expect=404)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"outcome": ""}, "outcome", "what the tool said"),
        ({"outcome": "rich"}, "outcome", "what the tool said"),
        ({"reference": " "}, "reference", "Enter the reference"),
        ({"reference": "x" * 101}, "reference", "100 characters"),
        ({"taken_on-year": "2028"}, "taken_on", "today or in the past"),
        ({"taken_on-year": "2016"}, "taken_on", "after 1 March 2017"),
        ({"taken_on-month": "13"}, "taken_on", "real"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_kept(
    browser: Browser, db: AsyncSession, assistant: Assistant, change: dict[str, str], field: str, words: str
) -> None:
    signed_in = await browser.signed_in(assistant.member)
    page = await signed_in.post(PATH, {**GOOD, **change}, expect=422)
    assert words in page.errors()[field]
    assert await count(db, "status_tests") == 0


async def test_another_organisations_result_is_out_of_reach(
    browser: Browser, db: AsyncSession, assistant: Assistant
) -> None:
    await (await browser.signed_in(assistant.member)).post(PATH, GOOD, expect=303)
    test_id = (await db.execute(text("SELECT id FROM status_tests"))).scalar_one()
    other = await make_organisation(db)
    stranger = await make_member(db, Role.PROVIDER, await make_council(db), organisation_id=other.id)
    signed_in = await browser.signed_in(stranger)
    assert "CEST-2027-001" not in (await signed_in.open(PATH)).words
    await signed_in.post(f"{PATH}/{test_id}/remove", {}, expect=404)
    await signed_in.post(f"{PATH}/nonsense/remove", {}, expect=404)
    assert await count(db, "status_tests") == 1


async def test_a_service_says_whom_a_result_is_about(browser: Browser, db: AsyncSession) -> None:
    council = await make_council(db)
    service = await make_organisation(db, kind=OrganisationKind.PA_SERVICE)
    worker = await make_worker(db, service, kind=WorkerKind.PA, name="Alex Example")
    worker_id = str(worker.id)
    signed_in = await browser.signed_in(await make_member(db, Role.PROVIDER, council, organisation_id=service.id))
    await signed_in.post(PATH, {**GOOD, "worker_id": worker_id}, expect=303)
    assert "Alex Example" in (await signed_in.open(PATH)).words
    await signed_in.post(PATH, {**GOOD, "worker_id": str(new_id())}, expect=404)
    assert (await signed_in.open("/provider/evidence")).link(rf"^{PATH}$")


async def test_who_keeps_no_organisation_has_no_page(browser: Browser, db: AsyncSession) -> None:
    broker = await browser.signed_in(await make_member(db, Role.BROKER, await make_council(db)))
    await broker.get(PATH, expect=403)
