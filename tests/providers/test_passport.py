"""The trust passport: what is public, who may use the evidence, whose signature stands under it."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.providers.models import EvidenceKind, Organisation, OrganisationKind, ServiceLine
from marketplace.providers.service.passport.signing import BrokenSeal, Seal
from tests.browser import Browser, count
from tests.conftest import Mailbox
from tests.factories import make_accreditation, make_council, make_member, make_organisation, make_worker
from tests.factories_join import make_evidence, run_tasks

SHOWS_INSURANCE = {"published": "yes", "shows": ["accreditations", "liability_insurance"]}


class World(msgspec.Struct):
    """A group at home in one council, and the accreditor of another one."""

    organisation: Organisation
    id: UUID
    home_council: Council
    home_id: UUID
    other_id: UUID
    provider: Browser
    """Somebody of the group."""
    home: Browser
    other: Browser


@pytest.fixture
async def world(db: AsyncSession, browser: Browser) -> World:
    home, other = await make_council(db, name="Home Council"), await make_council(db, name="Other Council")
    organisation = await make_organisation(
        db, home_council_id=home.id, kind=OrganisationKind.COMMUNITY, name="Lunch Club", charity_number="1098765"
    )
    people = (
        await make_member(db, Role.PROVIDER, home, organisation_id=organisation.id, email="club@test.example"),
        await make_member(db, Role.ACCREDITOR, home, email="home@test.example"),
        await make_member(db, Role.ACCREDITOR, other, email="other@test.example"),
    )
    browsers = [await browser.signed_in(person) for person in people]
    return World(organisation, organisation.id, home, home.id, other.id, *browsers)


async def publish(world: World, **changes: object) -> str:
    """Publish the page; returns its path."""
    await world.provider.post("/provider/passport", {**SHOWS_INSURANCE, **changes}, expect=303)
    address = (await world.provider.open("/provider/passport")).link(r"/passport/[\w-]{20,}$")
    return "/" + address.split("/", 3)[3]


def test_a_seal_is_good_until_one_letter_changes_and_with_no_other_secret() -> None:
    seal = Seal("a secret of the installation")
    text = seal.sign({"name": "Lunch Club"})

    assert seal.check(f"  {text[:20]}\n{text[20:]} ") == {"name": "Lunch Club"}
    assert Seal("a secret of the installation").check(text) == {"name": "Lunch Club"}
    for wrong in (
        text[:-2] + ("AA" if text[-2:] != "AA" else "BB"),
        "",
        "a.b.c",
        "é",
        text * 300,
        "eyJhbGciOiJub25lIn0.e30.",
    ):
        with pytest.raises(BrokenSeal):
            seal.check(wrong)
    with pytest.raises(BrokenSeal):
        Seal("another secret").check(text)


async def test_the_page_shows_only_what_is_published_and_only_what_counts_today(
    browser: Browser, db: AsyncSession, clock: FixedClock, world: World
) -> None:
    await make_evidence(db, world.organisation, expires_on=date(2027, 6, 1))
    await make_evidence(db, world.organisation, kind=EvidenceKind.SAFEGUARDING_TRAINING, detail="Course of Sam Secret")
    path = await publish(world)

    page = await browser.open(path)

    assert "31 May 2027" in page.words
    assert "Public liability insurance" in page.words
    assert "Safeguarding training" not in page.words
    assert "1098765" not in page.words  # numbers were not chosen
    assert "Sam Secret" not in page.text
    assert "Example Mutual" not in page.text  # details stay with councils
    clock.move_to(datetime(2027, 6, 1, 9, tzinfo=UTC))
    assert "Nothing that counts today" in (await browser.open(path)).words


async def test_the_seal_of_a_page_can_be_checked_by_anybody(browser: Browser, db: AsyncSession, world: World) -> None:
    await make_evidence(db, world.organisation)
    path = await publish(world)
    seal = (await browser.client.get(f"{path}/seal")).text

    await browser.open("/passport/check")  # a visitor without a session yet
    good = await browser.post("/passport/check", {"seal": seal}, expect=200)
    bad = await browser.post("/passport/check", {"seal": seal.replace(".", "x", 1)}, expect=422)

    assert "The seal is good" in good.words
    assert "Lunch Club" in good.words
    assert bad.errors() == {"seal": "This seal was not made here, or it was changed"}
    keys = (await browser.client.get("/passport/keys")).json()["keys"]
    assert [key["alg"] for key in keys] == ["Ed25519"]
    assert "d" not in keys[0]


async def test_a_page_taken_down_or_moved_is_gone_at_its_old_address(browser: Browser, world: World) -> None:
    path = await publish(world)
    await world.provider.post("/provider/passport/address", {}, expect=303)

    assert (await browser.client.get(path)).status_code == 404
    moved = "/" + (await world.provider.open("/provider/passport")).link(r"/passport/[\w-]{20,}$").split("/", 3)[3]
    assert moved != path
    await world.provider.post("/provider/passport", {"published": "no", "shows": ["numbers"]}, expect=303)
    assert (await browser.client.get(moved)).status_code == 404


async def test_publishing_nothing_is_refused_and_what_was_chosen_is_kept(browser: Browser, world: World) -> None:

    page = await world.provider.post("/provider/passport", {"published": "yes"}, expect=422)

    assert page.errors() == {"shows": "Choose at least one thing that the page shows"}
    assert page.field("published") == "yes"


async def test_a_council_sees_evidence_once_it_is_shared_and_nothing_new_when_it_is_taken_back(
    browser: Browser, db: AsyncSession, mailbox: Mailbox, world: World
) -> None:
    evidence_id = (await make_evidence(db, world.organisation)).id
    page = f"/accreditation/passports/{world.id}"
    assert (await world.other.client.get(page)).status_code == 404
    assert (await world.other.client.get(f"/evidence/{evidence_id}")).status_code == 404

    council = f"/provider/passport/councils/{world.other_id}"
    assert "Share your evidence with Other Council?" in (await world.provider.open(council)).words
    await world.provider.post(council, {"do": "share"}, expect=303)
    await run_tasks({"providers.tell_passport_share", "messaging.deliver"})
    assert "Public liability insurance" in (await world.other.open(page)).words
    assert "Lunch Club" in (await world.other.open("/accreditation/passports")).words
    assert [(mail.to_address, mail.subject) for mail in mailbox.envelopes] == [
        ("other@test.example", "Lunch Club shares its evidence with you")
    ]

    await world.provider.post(council, {"do": "revoke"}, expect=303)
    assert (await world.other.client.get(page)).status_code == 404


async def test_the_home_council_can_be_shut_out_too(browser: Browser, db: AsyncSession, world: World) -> None:
    evidence_id = (await make_evidence(db, world.organisation)).id
    await world.home.open(f"/evidence/{evidence_id}")

    await world.provider.post(f"/provider/passport/councils/{world.home_id}", {"do": "revoke"}, expect=303)

    assert (await world.home.client.get(f"/evidence/{evidence_id}")).status_code == 404


async def test_each_council_countersigns_its_own_and_may_take_it_back(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    evidence_id = (await make_evidence(db, world.organisation)).id
    path = await publish(world)
    await world.provider.post(f"/provider/passport/councils/{world.other_id}", {"do": "share"}, expect=303)
    page = f"/accreditation/passports/{world.id}"

    await world.other.post(f"{page}/{evidence_id}", {"do": "sign"}, expect=303)
    again = await world.other.post(f"{page}/{evidence_id}", {"do": "sign"}, expect=409)

    assert "countersigned this already" in again.words
    assert "Other Council, 3 March 2027" in (await world.other.open(path)).words
    empty = await world.other.post(f"{page}/{evidence_id}", {"do": "withdraw", "reason": ""}, expect=422)
    assert list(empty.errors()) == [f"reason-{evidence_id}"]
    await world.other.post(
        f"{page}/{evidence_id}", {"do": "withdraw", "reason": "The policy was cancelled"}, expect=303
    )
    assert "Other Council" not in (await world.other.open(path)).words
    assert await count(db, "countersignatures", "withdrawn_at IS NOT NULL AND reason = 'The policy was cancelled'") == 1
    assert await count(db, "audit_entries", "action = 'providers.countersign_evidence'") == 1


async def test_evidence_that_has_ended_cannot_be_countersigned(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    evidence_id = (await make_evidence(db, world.organisation, expires_on=date(2027, 3, 3))).id
    await world.provider.post(f"/provider/passport/councils/{world.other_id}", {"do": "share"}, expect=303)

    await world.other.post(f"/accreditation/passports/{world.id}/{evidence_id}", {"do": "sign"}, expect=409)

    assert await count(db, "countersignatures", "true") == 0


async def test_accreditations_on_the_page_are_those_that_count_today(
    browser: Browser, db: AsyncSession, clock: FixedClock, world: World
) -> None:
    await make_accreditation(
        db,
        world.organisation,
        world.home_council,
        ServiceLine.COMMUNITY_SUPPORT,
        live_from=date(2027, 1, 1),
        live_until=date(2027, 4, 1),
    )
    path = await publish(world)

    words = (await browser.open(path)).words
    assert all(word in words for word in ("Home Council", "Community support", "31 March 2027"))
    clock.advance(timedelta(days=29))
    assert "No council here accredits it today" in (await browser.open(path)).words


async def test_a_worker_of_somebody_else_or_a_stranger_changes_nothing(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    stranger = await make_organisation(db)
    worker = await make_worker(db, stranger)
    person = await browser.signed_in(
        await make_member(
            db,
            Role.PROVIDER,
            world.home_council,
            organisation_id=stranger.id,
            worker_id=worker.id,
            email="x@test.example",
        )
    )

    await person.post("/provider/passport", SHOWS_INSURANCE, expect=303)

    assert await count(db, "passports", f"organisation_id = '{world.id}'") == 0
    unknown = "/provider/passport/councils/018f0000-0000-7000-8000-000000000000"
    assert (await person.client.get(unknown)).status_code == 404
    await person.post(unknown, {"do": "share"}, expect=404)
    await person.post(f"/provider/passport/councils/{world.other_id}", {"do": "nonsense"}, expect=400)
