"""Applications over the years: what is carried over, evidence for the round's days, outcomes and appeals (V5, D9)."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.providers.models import (
    Appeal,
    Application,
    ApplicationAnswer,
    ApplicationLot,
    EvidenceKind,
    LotOutcome,
    ModeratedScore,
    Organisation,
)
from marketplace.providers.service.applications.carry import differences
from marketplace.providers.states import AppealStatus, ApplicationStatus
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import Member, make_council, make_member, make_organisation
from tests.factories_applications import (
    INSURED,
    SCORED,
    TRUE_DECLARATION,
    Offer,
    close_round,
    make_application,
    make_offer,
)
from tests.factories_join import make_evidence, run_tasks
from tests.providers.test_applications import SIGNED, begin, send, sign_in

OLD = {**TRUE_DECLARATION, "question": "Has your organisation been insolvent in the last 2 years?"}


class World(msgspec.Struct):
    """A council whose framework had a round in the past and has one now; an organisation that was there both times."""

    then: Offer
    now: Offer
    organisation: Organisation
    provider: Member
    accreditor: Member


@pytest.fixture
async def world(db: AsyncSession) -> World:
    council = await make_council(db)
    organisation = await make_organisation(db, home_council_id=council.id, name="Lunch Club")
    then = await make_offer(db, council, criteria=[OLD, SCORED])
    await close_round(db, then, days_ago=300)
    now = await make_offer(db, council, criteria=[TRUE_DECLARATION, SCORED], framework=then.framework, number=2)
    return World(
        then,
        now,
        organisation,
        await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id, email="group@test.example"),
        await make_member(db, Role.ACCREDITOR, council, email="accreditor@test.example"),
    )


async def earlier(db: AsyncSession, world: World, **given: object) -> Application:
    """An application of the round before, awarded."""
    long_ago = datetime(2026, 4, 1, tzinfo=UTC)
    values = {
        "answers": {"insolvent": ("yes", "In 2024, all is paid."), "outcomes": ("", "We listen.")},
        "status": ApplicationStatus.AWARDED,
        "created_at": long_ago,
        "submitted_at": long_ago,
    }
    return await make_application(db, world.then, world.organisation, **{**values, **given})  # type: ignore[arg-type]


async def test_declarations_come_over_with_changed_words_marked_and_count_once_confirmed(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    before = await earlier(db, world)
    before_id = before.id
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.now)
    page = await provider.open(path)
    assert "Changed: read again" in page.words
    assert "To confirm" not in page.words
    assert "In 1 the question has changed since you answered it: read it again." in page.words
    row = (await db.scalars(select(Application).where(Application.id != before_id))).one()
    assert row.earlier_id == before_id
    question = f"{path}/questions/{world.now.ids['insolvent']}"
    page = await provider.open(question)
    assert "The question has changed since then" in page.words
    assert "New words are marked like this. Words that were taken out are struck through." in page.words
    assert '<del class="cm-old-words"><span class="govuk-visually-hidden"> (taken out: </span>2' in page.text
    assert '<ins class="cm-new-words"><span class="govuk-visually-hidden"> (new: </span>3' in page.text
    assert "In 2024, all is paid." in page.words
    # Nobody sends an old answer to a new question unread: neither is ticked, and there is one way on.
    assert "checked" not in page.text
    assert page.text.count("govuk-button--secondary") + 1 == page.text.count('class="govuk-button') - page.text.count(
        "govuk-button-group"
    )
    assert "Read the changed question and answer it" in (await provider.open(f"{path}/check")).words
    outcomes = f"{path}/questions/{world.now.ids['outcomes']}"
    await provider.post(outcomes, {"version": "0", "words": "We listen and plan."})
    await provider.post(f"{path}/submit", {"seen": "", **SIGNED}, expect=422)
    version = page.field("version") or ""
    same = {"choice": "yes", "words": "In 2024, all is paid."}
    await provider.post(question, {"version": "99", **same, "words": "In 2023.", "action": "continue"}, expect=409)
    await provider.post(question, {"version": version, **same, "action": "continue"})
    await send(provider, path)
    await db.refresh(row)
    assert row.submitted is not None
    carried = row.submitted["answers"][0]
    assert (carried["choice"], carried["words"]) == ("yes", "In 2024, all is paid.")
    assert (carried["carried"], carried["changed"]) == (True, False)


async def test_a_carried_answer_may_be_changed(browser: Browser, db: AsyncSession, world: World) -> None:
    await earlier(db, world)
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.now)
    question = f"{path}/questions/{world.now.ids['insolvent']}"
    version = (await provider.open(question)).field("version") or ""
    # Looking at it and coming back later confirms nothing.
    same = {"version": version, "choice": "yes", "words": "In 2024, all is paid."}
    await provider.post(question, {**same, "action": "later"})
    assert "Changed: read again" in (await provider.open(path)).words
    await provider.post(question, {"version": version, "choice": "no", "action": "continue"})
    assert "Changed: read again" not in (await provider.open(path)).words
    await provider.post(f"{path}/questions/{world.now.ids['outcomes']}", {"version": "0", "words": "Well."})
    await send(provider, path)
    row = (await db.scalars(select(Application).where(Application.status == ApplicationStatus.SUBMITTED))).one()
    assert row.submitted is not None
    assert (row.submitted["answers"][0]["carried"], row.submitted["answers"][0]["changed"]) == (True, True)


async def test_an_answer_that_now_needs_an_explanation_cannot_just_be_confirmed(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    offer = await make_offer(
        db,
        world.now.council,
        criteria=[{**OLD, "wanted_answer": "yes"}],
        framework=world.now.framework,
        number=3,
    )
    await earlier(db, world, answers={"insolvent": ("no", "")})
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    question = f"{path}/questions/{offer.ids['insolvent']}"
    page = await provider.open(question)
    assert "Then “no” needed no explanation. Now it is “yes”." in page.words
    version = page.field("version") or ""
    page = await provider.post(question, {"version": version, "choice": "no", "action": "continue"}, expect=422)
    assert page.errors() == {"words": "Explain why your answer is no"}
    assert await count(db, "application_answers", "confirmed_at IS NULL") == 1


async def test_declarations_with_the_same_key_come_from_other_councils_and_the_own_framework_goes_first(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    other = await make_offer(
        db,
        await make_council(db, short_name="Elsewhere"),
        criteria=[OLD, {**TRUE_DECLARATION, "key": "offences", "title": "Offences"}],
    )
    recent = datetime(2027, 1, 1, tzinfo=UTC)
    answers = {"insolvent": ("yes", "Theirs."), "offences": ("yes", "A parking fine.")}
    await make_application(db, other, world.organisation, answers=answers, created_at=recent)
    await earlier(db, world)
    offer = await make_offer(
        db,
        world.now.council,
        criteria=[TRUE_DECLARATION, {**TRUE_DECLARATION, "key": "offences", "title": "Offences"}],
        framework=world.now.framework,
        number=3,
    )
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    page = await provider.open(f"{path}/questions/{offer.ids['insolvent']}")
    assert "In 2024, all is paid." in page.words
    page = await provider.open(f"{path}/questions/{offer.ids['offences']}")
    assert "A parking fine." in page.words
    assert "Elsewhere" in page.words


async def test_nothing_comes_from_other_organisations(browser: Browser, db: AsyncSession, world: World) -> None:
    await make_application(db, world.then, await make_organisation(db), answers={"insolvent": ("yes", "Their secret.")})
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.now)
    assert await count(db, "application_answers", "carried_from_id IS NOT NULL") == 0
    for key in ("insolvent", "outcomes"):
        assert "secret" not in (await provider.open(f"{path}/questions/{world.now.ids[key]}")).words


async def test_a_scored_answer_is_copied_only_when_asked_and_marked(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    await earlier(db, world)
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.now)
    question = f"{path}/questions/{world.now.ids['outcomes']}"
    page = await provider.open(question)
    assert page.field("words") == ""
    assert "You answered a question like this in Round 1" in page.words
    page = await provider.post(question, {"version": "0", "action": "copy"})
    assert page.location == question
    page = await provider.open(question)
    assert page.field("words") == "We listen."
    assert "It counts when you save it." in page.words
    assert "To confirm" in (await provider.open(path)).words
    await provider.post(question, {"version": "1", "action": "copy"}, expect=409)
    await provider.post(question, {"version": page.field("version") or "", "words": "We listen.", "action": "continue"})
    page = await provider.open(f"{path}/check")
    assert "From an earlier round" in page.words
    row = (await db.scalars(select(ApplicationAnswer).where(ApplicationAnswer.words == "We listen."))).all()
    assert [one.carried_from_id is not None for one in sorted(row, key=lambda one: one.id)] == [False, True]


@given(st.text(alphabet="ab .,\n", max_size=40), st.text(alphabet="ab .,\n", max_size=40))
def test_the_parts_of_a_comparison_make_up_both_wordings(before: str, after: str) -> None:
    parts = differences(before, after)
    assert "".join(part.text for part in parts if part.kind != "in") == before
    assert "".join(part.text for part in parts if part.kind != "out") == after
    assert all(part.kind == "same" for part in parts) == (before == after)


@pytest.mark.parametrize(
    ("given", "words", "may_send"),
    [
        ({"expires_on": date(2028, 9, 1)}, "Counts until 31 August 2028", True),
        ({"expires_on": date(2027, 9, 1)}, "Ends after 31 August 2027, before the agreements start", True),
        ({"expires_on": date(2027, 3, 3)}, "it ended after 2 March 2027. Give the one that counts now", False),
        ({"seen_at": None, "expires_on": date(2028, 9, 1)}, "Waiting for a council to see it", True),
        ({"refused_because": "Not yours"}, "a council did not accept it", False),
        ({"kind": EvidenceKind.DBS}, "Public liability insurance: give what you have", False),
    ],
)
async def test_evidence_is_held_against_the_days_of_the_round(
    browser: Browser, db: AsyncSession, world: World, given: dict[str, object], words: str, may_send: bool
) -> None:
    offer = await make_offer(db, world.now.council, criteria=[INSURED], number=5)
    await make_evidence(db, world.organisation, **given)
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    await provider.open(f"{path}/evidence")
    page = await provider.open(f"{path}/check")
    assert words in page.words
    if may_send:
        await send(provider, path)
    else:
        await provider.post(f"{path}/submit", {"seen": "", **SIGNED}, expect=422)
    assert await count(db, "applications", "status = 'submitted'") == may_send


async def test_a_newer_paper_takes_the_place_of_one_that_ended(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    offer = await make_offer(db, world.now.council, criteria=[], lots=[{"evidence": ["liability_insurance"]}], number=5)
    await make_evidence(db, world.organisation, expires_on=date(2027, 2, 1))
    await make_evidence(db, world.organisation, expires_on=date(2028, 9, 1), detail="The new one")
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, offer)
    page = await provider.open(f"{path}/evidence")
    assert page.words.index("The new one") < page.words.index("Ended after")
    await send(provider, path)
    row = (await db.scalars(select(Application))).one()
    assert row.submitted is not None
    assert [paper["detail"] for paper in row.submitted["evidence"]] == ["The new one"]


async def refused(db: AsyncSession, world: World, decided_at: datetime) -> Application:
    """An application of the earlier round that was refused, with reasons."""
    application = await earlier(
        db, world, status=ApplicationStatus.REFUSED, decided_at=decided_at, feedback="A good start.", submitted={}
    )
    lot = (await db.scalars(select(ApplicationLot).where(ApplicationLot.application_id == application.id))).one()
    lot.outcome, lot.score_percent, lot.reason = LotOutcome.REFUSED, 40, "The score is too low."
    db.add(
        ModeratedScore(
            council_id=application.council_id,
            application_id=application.id,
            criterion_id=world.then.criteria["outcomes"].id,
            score=1,
            feedback="No example of a person.",
            moderated_by_user_id=world.accreditor.user.id,
            updated_at=decided_at,
        )
    )
    await db.flush()
    return application


async def test_a_refusal_shows_reasons_and_the_way_on(browser: Browser, db: AsyncSession, world: World) -> None:
    application = await refused(db, world, datetime(2027, 3, 1, 10, tzinfo=UTC))
    path = f"/provider/applications/{application.id}"
    provider = await browser.signed_in(world.provider)
    page = await provider.open(path)
    for words in (
        "Not awarded",
        "40%. 60% is needed",
        "The score is too low.",
        "Outcomes: 1 of 5",
        "At least 2 of 5 is needed for an answer marked “Too low”",
        "No example of a person.",
        "A good start.",
        "until 21 March 2027",
    ):
        assert words in page.words
    assert page.words.count("2 of 5 is needed") == 1
    page = await provider.open(page.link(r"new\?round="))
    assert "Round 2" in page.words


async def test_scores_stay_with_the_council_until_it_has_decided(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    application = await refused(db, world, datetime(2027, 3, 1, 10, tzinfo=UTC))
    application.status, application.decided_at = ApplicationStatus.MODERATED, None
    path = f"/provider/applications/{application.id}"
    page = await (await browser.signed_in(world.provider)).open(path)
    assert "Being looked at" in page.words
    assert "No example" not in page.words
    assert "40%" not in page.words


async def test_an_appeal_is_made_once_and_both_sides_hear(
    browser: Browser, db: AsyncSession, world: World, mailbox: Mailbox
) -> None:
    application = await refused(db, world, datetime(2027, 3, 1, 10, tzinfo=UTC))
    path = f"/provider/applications/{application.id}"
    provider = await browser.signed_in(world.provider)
    await provider.open(f"{path}/appeal")
    page = await provider.post(f"{path}/appeal", {"grounds": ""}, expect=422)
    assert page.errors() == {"grounds": "Enter why you think the decision is wrong"}
    assert await count(db, "appeals") == 0
    await provider.post(f"{path}/appeal", {"grounds": "Page two names a person."})
    row = (await db.scalars(select(Appeal))).one()
    assert (row.status, row.grounds) == (AppealStatus.OPEN, "Page two names a person.")
    assert "You appealed" in (await provider.open(path)).words
    assert "Page two names a person." in (await provider.open(f"{path}/appeal")).words
    await provider.post(f"{path}/appeal", {"grounds": "And again."}, expect=409)
    assert await events(db) == ["AppealMoved"]
    await run_tasks(["providers.tell_appeal_made"])
    assert await count(db, "messages") == 2


async def test_the_last_day_for_an_appeal_counts_and_the_next_does_not(
    browser: Browser, db: AsyncSession, world: World, clock: FixedClock
) -> None:
    # Half past midnight in London on 2 March; the twenty days are counted from there.
    application = await refused(db, world, datetime(2027, 3, 1, 23, 30, tzinfo=UTC) + timedelta(hours=1))
    path = f"/provider/applications/{application.id}"
    clock.move_to(datetime(2027, 3, 23, 0, 1, tzinfo=UTC))
    provider = await sign_in(browser, db, world.provider)
    assert "The time for an appeal ended on 22 March 2027" in (await provider.open(path)).words
    await provider.post(f"{path}/appeal", {"grounds": "Too late."}, expect=409)
    assert await count(db, "appeals") == 0
    clock.move_to(datetime(2027, 3, 22, 23, 59, tzinfo=UTC))
    await provider.post(f"{path}/appeal", {"grounds": "Just in time."})


async def test_what_was_awarded_cannot_be_appealed(browser: Browser, db: AsyncSession, world: World) -> None:
    application = await earlier(db, world, decided_at=datetime(2027, 3, 1, tzinfo=UTC))
    path = f"/provider/applications/{application.id}"
    provider = await browser.signed_in(world.provider)
    await provider.get(f"{path}/appeal", expect=303)
    await provider.post(f"{path}/appeal", {"grounds": "More."}, expect=409)
    await provider.post(f"{path}/withdraw", {}, expect=409)
    assert await count(db, "appeals") == 0
