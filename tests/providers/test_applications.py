"""Applications: begun, filled in step by step, sent at the right time, by the right people (V1, C1)."""

import hashlib
from datetime import UTC, date, datetime

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.providers.models import (
    Application,
    ApplicationAnswer,
    Organisation,
    OrganisationKind,
    ServiceLine,
)
from marketplace.providers.states import ApplicationStatus
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import Member, make_council, make_member, make_organisation
from tests.factories_applications import (
    ELIGIBLE,
    SCORED,
    TRUE_DECLARATION,
    Offer,
    make_application,
    make_offer,
)
from tests.factories_join import make_evidence, run_tasks

SIGNED = {"name": "Alex Chair", "role": "Chair", "agree": "yes"}
CLOSES = datetime(2027, 3, 31, 11, 0, tzinfo=UTC)
"""Midday in London: the clocks went forward three days before."""


class World(msgspec.Struct):
    """An open round of one council, a group of another with insurance, and who speaks for it."""

    offer: Offer
    organisation: Organisation
    provider: Member
    accreditor: Member


@pytest.fixture
async def world(db: AsyncSession) -> World:
    home = await make_council(db)
    council = await make_council(db, contact_email="care@council.example")
    organisation = await make_organisation(
        db, home_council_id=home.id, kind=OrganisationKind.COMMUNITY, name="Lunch Club"
    )
    await make_evidence(db, organisation, expires_on=date(2028, 3, 1))
    return World(
        await make_offer(db, council),
        organisation,
        await make_member(db, Role.PROVIDER, home, organisation_id=organisation.id, email="group@test.example"),
        await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example"),
    )


async def sign_in(browser: Browser, db: AsyncSession, member: Member) -> Browser:
    """Sign in once more, after pages were opened or the clock was moved."""
    for row in (member.user, member.membership, member.council):
        await db.refresh(row)
    return await browser.signed_in(member)


async def begin(browser: Browser, offer: Offer) -> str:
    """Begin an application for all lots; returns its address."""
    form = {"round": str(offer.round_id), "lots": [str(one) for one in offer.lot_ids]}
    page = await browser.post("/provider/applications", form)
    return "/".join(page.location.split("/")[:4])


async def fill(browser: Browser, path: str, offer: Offer) -> None:
    """Answer everything."""
    keys = offer.ids
    if "works_here" in keys:
        await browser.post(f"{path}/eligibility", {str(keys["works_here"]): "yes"})
    await browser.post(f"{path}/questions/{keys['insolvent']}", {"version": "0", "choice": "no"})
    await browser.post(f"{path}/questions/{keys['outcomes']}", {"version": "0", "words": "We listen and then plan."})


async def send(browser: Browser, path: str, *, expect: int = 303, **given: str):  # type: ignore[no-untyped-def]
    """Sign and send what the check page shows."""
    seen = (await browser.open(f"{path}/check")).field("seen") or ""
    return await browser.post(f"{path}/submit", {"seen": seen, **SIGNED, **given}, expect=expect)


async def test_a_tiny_group_applies_to_another_council_in_a_few_steps(
    browser: Browser, db: AsyncSession, world: World, mailbox: Mailbox
) -> None:
    offer, council_id = world.offer, world.offer.council.id
    provider = await browser.signed_in(world.provider)
    page = await provider.open("/provider/applications")
    assert "Community support: Round 1" in page.words
    page = await provider.open(page.link(r"new\?round="))
    assert "About 5 minutes" in page.words
    assert "Wednesday 31 March 2027 at midday" in page.words
    assert "Counts until 29 February 2028" in page.words
    assert page.field("lots") == str(offer.lot_ids[0]), "the only lot is chosen already"
    page = await provider.post("/provider/applications", {"round": str(offer.round_id), "lots": str(offer.lot_ids[0])})
    assert page.location.endswith("/eligibility")
    path = page.location.removesuffix("/eligibility")
    page = await provider.open(path)
    assert "Cannot start yet" in page.words
    await provider.open(f"{path}/eligibility")
    page = await provider.post(f"{path}/eligibility", {str(offer.ids["works_here"]): "yes"})
    assert page.location == f"{path}/questions/{offer.ids['insolvent']}"
    await provider.open(page.location)
    page = await provider.post(page.location, {"version": "0", "choice": "no", "action": "continue"})
    assert page.location == f"{path}/questions/{offer.ids['outcomes']}", "the papers are there already"
    await provider.open(page.location)
    page = await provider.post(page.location, {"version": "0", "words": "We listen and then plan."})
    assert page.location == f"{path}/check"
    assert "5 of 5 steps are done" in (await provider.open(path)).words, "lots and insurance count, too"
    page = await send(provider, path)
    assert page.location == f"{path}/receipt"
    page = await provider.open(page.location)
    assert "A-2027-0001" in page.words
    assert "You hear by 1 June 2027" in page.words

    row = (await db.scalars(select(Application))).one()
    assert row.status is ApplicationStatus.SUBMITTED
    assert row.council_id == council_id
    assert row.submitted is not None
    assert row.submitted["signed"]["name"] == "Alex Chair"
    assert [(one["key"], one["choice"], one["words"]) for one in row.submitted["answers"]] == [
        ("works_here", "yes", ""),
        ("insolvent", "no", ""),
        ("outcomes", "", "We listen and then plan."),
        ("insured", "", ""),
    ]
    assert [(one["kind"], one["state"]) for one in row.submitted["evidence"]] == [("liability_insurance", "counts")]
    encoded = msgspec.json.encode(row.submitted, order="deterministic")
    assert row.submitted_hash == hashlib.sha256(encoded).digest()
    assert sorted(await events(db)) == ["ApplicationMoved", "PassportShareMoved"]
    steps = (await db.scalars(text("SELECT to_status FROM steps WHERE subject_kind = 'application' ORDER BY id"))).all()
    assert steps == ["draft", "submitted"]
    await provider.open(f"{path}/answers")
    page = await provider.open(path)
    assert "The council tells you by 1 June 2027" in page.words
    await run_tasks(["providers.tell_application_sent"])
    told = (await db.scalars(text("SELECT to_address FROM messages ORDER BY to_address"))).all()
    assert told == ["accreditor@test.example", "group@test.example"]


async def test_a_second_start_leads_to_the_first_application(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    first = await begin(provider, world.offer)
    assert await begin(provider, world.offer) == first
    page = await provider.get(f"/provider/applications/new?round={world.offer.round_id}", expect=303)
    assert page.location == first
    assert await count(db, "applications") == 1


async def test_references_count_up_within_a_council(browser: Browser, db: AsyncSession, world: World) -> None:
    await make_application(db, world.offer, await make_organisation(db), reference="A-2027-0041")
    await make_application(
        db, await make_offer(db, await make_council(db)), world.organisation, reference="A-2027-0099"
    )
    await begin(await browser.signed_in(world.provider), world.offer)
    assert await count(db, "applications", "reference = 'A-2027-0042'") == 1


async def test_a_wrong_answer_on_eligibility_ends_with_the_reason_and_nothing_is_kept(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    key = str(world.offer.ids["works_here"])
    audited = await count(db, "audit_entries")
    page = await provider.post(f"{path}/eligibility", {key: "no"}, expect=200)
    page.check()
    assert page.heading == "You cannot apply yet"
    assert "Apply when you have plans to work here." in page.words
    assert await count(db, "application_answers") == 0
    assert await count(db, "audit_entries") == audited
    page = await provider.post(f"{path}/eligibility", {}, expect=422)
    assert page.errors() == {key: "Select yes or no"}
    page = await provider.get(f"{path}/questions/{world.offer.ids['insolvent']}", expect=303)
    assert page.location == path, "the rest waits until it is clear that one may apply"


async def test_a_lot_that_bars_can_be_taken_out(browser: Browser, db: AsyncSession, world: World) -> None:
    lots = [{}, {"code": "2", "name": "Home care", "service_line": ServiceLine.HOME_CARE}]
    rule = {**ELIGIBLE, "key": "fleet", "question": "Do you have cars?", "lot": "2"}
    offer = await make_offer(db, world.offer.council, lots=lots, criteria=[rule, {**SCORED, "lot": "2"}])
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    page = await provider.post(f"{path}/eligibility", {str(offer.ids["fleet"]): "no"}, expect=200)
    await provider.open(page.link("/lots$"))
    await provider.post(f"{path}/lots", {"lots": str(offer.lot_ids[0])})
    page = await provider.open(path)
    assert "Home care" not in page.words
    page = await provider.post(f"{path}/lots", {}, expect=422)
    assert page.errors() == {"lots": "Select what you apply for"}
    assert await count(db, "application_lots") == 1


async def test_answers_to_a_lot_that_is_taken_out_come_back_with_it(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    lots = [{}, {"code": "2", "name": "Home help"}]
    offer = await make_offer(db, world.offer.council, lots=lots, criteria=[{**SCORED, "lot": "2"}])
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    question = f"{path}/questions/{offer.ids['outcomes']}"
    await provider.post(question, {"version": "0", "words": "Kept."})
    await provider.post(f"{path}/lots", {"lots": str(offer.lot_ids[0])})
    await provider.get(question, expect=404)
    await provider.post(f"{path}/lots", {"lots": [str(one) for one in offer.lot_ids]})
    assert (await provider.open(question)).field("words") == "Kept."


async def test_too_many_words_are_refused_and_what_was_typed_stays(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await provider.post(f"{path}/eligibility", {str(world.offer.ids["works_here"]): "yes"})
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    typed = "one two three four five six seven eight nine ten eleven twelve"
    page = await provider.post(question, {"version": "0", "words": typed}, expect=422)
    assert page.errors() == {"words": "Your answer has 12 words. Take out 2, so that it has 10 or fewer"}
    assert page.field("words") == typed
    assert await count(db, "application_answers") == 1, "the answer on eligibility alone"
    page = await provider.post(question, {"version": "0", "words": ""}, expect=422)
    assert page.errors() == {"words": "Enter your answer"}
    # For later it is kept as it is, and counts for nothing.
    page = await provider.post(question, {"version": "0", "words": typed, "action": "later"})
    assert page.location == path
    page = await provider.open(path)
    assert "In progress" in page.words
    assert "12 of 10 words" in page.words
    page = await provider.open(question)
    assert page.field("words") == typed
    assert "Saved so far: 12 words" in page.words
    page = await provider.open(f"{path}/check")
    assert "Finish “Outcomes”" in page.words
    await provider.post(f"{path}/submit", {"seen": "", **SIGNED}, expect=422)
    assert await count(db, "applications", "status <> 'draft'") == 0


async def test_another_answer_than_the_wanted_one_needs_an_explanation(browser: Browser, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await provider.post(f"{path}/eligibility", {str(world.offer.ids["works_here"]): "yes"})
    question = f"{path}/questions/{world.offer.ids['insolvent']}"
    page = await provider.post(question, {"version": "0", "choice": "yes"}, expect=422)
    assert page.errors() == {"words": "Explain why your answer is yes"}
    page = await provider.post(question, {"version": "0"}, expect=422)
    assert page.errors() == {"choice": "Select yes or no"}
    await provider.post(question, {"version": "0", "choice": "yes", "words": "Once, in 2025. All is paid."})
    assert (await provider.open(question)).field("words") == "Once, in 2025. All is paid."


async def test_two_people_who_edit_one_answer_see_both_texts(browser: Browser, db: AsyncSession, world: World) -> None:
    colleague = await make_member(
        db, Role.PROVIDER, world.provider.council, organisation_id=world.organisation.id, name="Kim Colleague"
    )
    first, second = await browser.signed_in(world.provider), await browser.signed_in(colleague)
    path = await begin(first, world.offer)
    await first.post(f"{path}/eligibility", {str(world.offer.ids["works_here"]): "yes"})
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await second.post(question, {"version": "0", "words": "Theirs."})
    page = await first.post(question, {"version": "0", "words": "Mine."}, expect=409)
    page.check()
    assert "Saved by Kim Colleague" in page.words
    assert "Theirs." in page.words
    assert page.field("words") == "Mine."
    assert (await first.open(question)).field("words") == "Theirs."
    # Somebody who wrote the same has no quarrel; who has seen both may save.
    await first.post(question, {"version": "0", "words": "Theirs."})
    await first.post(question, {"version": page.field("version") or "", "words": "Both."})
    assert (await second.open(question)).field("words") == "Both."


async def test_what_is_missing_is_listed_with_links(browser: Browser, db: AsyncSession, world: World) -> None:
    await db.execute(text("DELETE FROM evidence"))
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    await provider.post(f"{path}/eligibility", {str(world.offer.ids["works_here"]): "yes"})
    page = await provider.open(f"{path}/check")
    assert "Answer “Money troubles”" in page.words
    assert "Public liability insurance: give what you have" in page.words
    assert f"{path}/questions/{world.offer.ids['outcomes']}" in page.links()
    assert page.field("seen") is None, "nothing can be sent yet"
    page = await provider.post(f"{path}/submit", {"seen": "x", **SIGNED}, expect=422)
    assert "This is left before you can send it" in page.words


async def test_a_round_that_is_not_open_cannot_be_started(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock
) -> None:
    clock.move_to(CLOSES)
    provider = await browser.signed_in(world.provider)
    form = {"round": str(world.offer.round_id), "lots": str(world.offer.lot_ids[0])}
    page = await provider.post("/provider/applications", form, expect=409)
    assert "This round has closed" in page.words
    assert await count(db, "applications") == 0
    await provider.open(f"/provider/applications/new?round={world.offer.round_id}")
    assert "No round is open for you" in (await provider.open("/provider/applications")).words


async def test_strangers_find_nothing_and_council_staff_open_no_drafts(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider, staff = await browser.signed_in(world.provider), await browser.signed_in(world.accreditor)
    other = await make_organisation(db)
    stranger = await browser.signed_in(
        await make_member(db, Role.PROVIDER, world.offer.council, organisation_id=other.id)
    )
    path = await begin(provider, world.offer)
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    for address in (path, f"{path}/check", f"{path}/evidence", f"{path}/lots", question, f"{path}/withdraw"):
        await stranger.get(address, expect=404)
    for address in (question, f"{path}/submit", f"{path}/withdraw", f"{path}/take-back", f"{path}/appeal"):
        await stranger.post(address, {"version": "0", "words": "Hello"}, expect=404)
    await staff.get(path, expect=403)
    assert await count(db, "application_answers") == 0
    assert "A-2027-0001" not in (await stranger.open("/provider/applications")).words


async def test_an_assistant_who_works_alone_may_apply(browser: Browser, db: AsyncSession, world: World) -> None:
    alone = await make_organisation(db, kind=OrganisationKind.SOLE_PA)
    assistant = await browser.signed_in(
        await make_member(db, Role.PA, world.provider.council, organisation_id=alone.id)
    )
    await assistant.open(await begin(assistant, world.offer))


async def test_a_lot_for_registered_organisations_says_how_to_mend_it(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    lots = [{"code": "2", "name": "Home care", "needs_registration": True}]
    offer = await make_offer(db, world.offer.council, lots=lots, criteria=[TRUE_DECLARATION])
    provider = await browser.signed_in(world.provider)
    page = await provider.open(f"/provider/applications/new?round={offer.round_id}")
    assert "we know of no registration of yours" in page.words
    path = await begin(provider, offer)
    await provider.post(f"{path}/questions/{offer.ids['insolvent']}", {"version": "0", "choice": "no"})
    page = await provider.open(f"{path}/check")
    assert "Link your registration with the Care Quality Commission (2 Home care)" in page.words
    page = await provider.open(f"{path}/evidence")
    assert page.link("/provider/evidence/registration")
    await provider.post(f"{path}/submit", {"seen": "", **SIGNED}, expect=422)
    assert await count(db, "applications", "status = 'submitted'") == 0


async def test_hostile_forms_are_refused_and_leave_nothing(browser: Browser, db: AsyncSession, world: World) -> None:
    provider = await browser.signed_in(world.provider)
    for bad in ("", "x", "00000000-0000-0000-0000-000000000000"):
        await provider.get(f"/provider/applications/new?round={bad}", expect=404)
        await provider.post("/provider/applications", {"round": bad, "lots": "x"}, expect=404)
    round_id = str(world.offer.round_id)
    page = await provider.post("/provider/applications", {"round": round_id, "lots": "x"}, expect=422)
    assert page.errors() == {"lots": "Select what you apply for"}
    assert await count(db, "applications") == 0
    path = await begin(provider, world.offer)
    await provider.post(f"{path}/eligibility", {str(world.offer.ids["works_here"]): "yes"})
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await provider.post(question, {"version": "0", "words": "x\x00y"}, expect=422)
    await provider.post(question, {"version": "0", "words": "<script>alert(1)</script>"})
    await provider.post(question, {"version": "zero", "words": "x"}, expect=409)
    await provider.post(question, {"version": "9" * 30, "words": "x"}, expect=409)
    assert "<script>alert(1)" not in (await provider.open(f"{path}/check")).text
    for bad in (f"{path}/questions/x", f"{path}/questions/{world.offer.ids['insured']}"):
        await provider.get(bad, expect=404)
    assert (await db.scalars(select(ApplicationAnswer.words).order_by(ApplicationAnswer.id))).all()[-1].startswith("<")
