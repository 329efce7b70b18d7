"""Questions about rounds, expressions of interest, the engagement log, and whether there are enough organisations."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.models import OutboxMessage, PostcodeRow
from marketplace.messaging.models import Message
from marketplace.providers.events import FrameworkQuestionChanged
from marketplace.providers.models import (
    Accreditation,
    Application,
    ApplicationLot,
    EngagementEntry,
    FrameworkQuestion,
    OrganisationKind,
    ServiceLine,
)
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.questions import MOST_A_DAY, names_in
from marketplace.providers.service.frameworks.sufficiency import SufficiencyService
from marketplace.providers.states import ApplicationStatus
from marketplace.providers.tasks.frameworks import tell_framework_question
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_member, make_organisation, make_person_member
from tests.factories_frameworks import (
    make_applicant,
    make_framework,
    make_interest,
    make_lot,
    make_officer,
    make_published,
    make_round,
    make_version,
)


async def _deliver(db: Any) -> None:
    """Hand the newest question's event to its task."""
    message = (await db.scalars(select(OutboxMessage).order_by(OutboxMessage.number.desc()))).first()
    await tell_framework_question(message.id, FrameworkQuestionChanged(**message.body))


async def test_a_question_is_answered_for_everybody_without_who_asked(
    browser: Browser, db: Any, clock: FixedClock
) -> None:
    officer = await make_officer(db, email="officer@test.example")
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    _, member = await make_applicant(db, name="Sunny Corner CIC")
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    provider = await browser.signed_in(member)
    page = await provider.open(base)
    assert "Nobody but the council sees who asked" in page.words
    form = {"round_id": str(row.id), "question": "May Sunny Corner CIC share a van?", "form_id": "one-press"}
    for _ in range(2):
        assert (await provider.post(f"{base}/questions", form)).location == f"{base}#questions"
    assert await count(db, "framework_questions") == 1
    waiting = await provider.open(base)
    assert "the council has not answered yet" in waiting.words
    assert "Sunny Corner" not in (await browser.open(base)).words
    await _deliver(db)
    reader = await browser.signed_in(officer)
    listed = await reader.open("/accreditation/questions")
    assert "Sunny Corner CIC" in listed.words
    path = listed.link(r"^/accreditation/questions/[0-9a-f-]{36}$")
    opened = await reader.open(path)
    answer = {"seen": opened.field("seen"), "answer": "Yes, they may.", "published_question": form["question"]}
    wrong = await reader.post(path, answer, expect=422)
    assert wrong.errors() == {"published_question": "Take out “Sunny Corner CIC”: it says who asked"}
    answer["published_question"] = "May we share a van?"
    await reader.post(path, answer)
    public = await browser.open(base)
    assert "May we share a van? Yes, they may." in public.words
    assert "Sunny Corner" not in public.text
    await _deliver(db)
    told = {message.subject: message.to_address for message in (await db.scalars(select(Message))).all()}
    assert told == {
        f"{framework.name}: an organisation asks a question": "officer@test.example",
        f"{framework.name}: your question is answered": member.user.email,
    }
    late = await reader.post(path, {**answer, "answer": "No."}, expect=409)
    late.check()
    assert "What your colleague published" in late.words
    assert late.field("answer") == "No."
    await reader.post(path, {**answer, "answer": "No.", "seen": late.field("seen")})
    assert await count(db, "framework_questions", "answer = 'No.'") == 1
    assert await count(db, "audit_entries", "action = 'providers.answer_framework_question'") == 2
    assert "Answered" not in (await reader.open("/accreditation/questions")).words
    assert "May we share a van?" in (await reader.open("/accreditation/questions?view=answered")).words


async def test_after_the_last_day_questions_are_refused_clearly(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    _, member = await make_applicant(db)
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    clock.move_to(row.questions_until)
    provider = await browser.signed_in(member)
    page = await provider.open(base)
    assert "Questions closed on Friday 16 April 2027 at 5pm." in page.words
    assert page.field("question") is None
    refused = await provider.post(f"{base}/questions", {"round_id": str(row.id), "question": "Late?"}, expect=409)
    assert refused.title.startswith("Questions about this round have closed")
    assert await count(db, "framework_questions") == 0
    assert await events(db) == []


@pytest.mark.parametrize("words", ["", "x" * 10_000, "a\x07b"])
async def test_a_wrong_question_is_refused_and_kept(browser: Browser, db: Any, words: str) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    _, member = await make_applicant(db)
    provider = await browser.signed_in(member)
    path = f"/frameworks/{officer.council.slug}/{framework.slug}/questions"
    page = await provider.post(path, {"round_id": str(row.id), "question": words}, expect=422)
    assert "question" in page.errors()
    await provider.post(path, {"round_id": "nothing", "question": "Hello"}, expect=404)
    _, other = await make_published(db, officer.council)
    elsewhere = await make_round(db, other)
    await provider.post(path, {"round_id": str(elsewhere.id), "question": "Hello"}, expect=404)
    assert await count(db, "framework_questions") == 0


async def test_with_two_rounds_the_round_is_chosen(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    first, _ = await make_round(db, version), await make_round(db, version)
    _, member = await make_applicant(db)
    provider = await browser.signed_in(member)
    path = f"/frameworks/{officer.council.slug}/{framework.slug}"
    await provider.open(path)
    page = await provider.post(f"{path}/questions", {"question": "Which?"}, expect=422)
    assert page.errors() == {"round_id": "Select the round"}
    await provider.post(f"{path}/questions", {"question": "Which?", "round_id": str(first.id)})


async def test_one_organisation_cannot_flood_a_council(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    organisation, member = await make_applicant(db)
    for _ in range(MOST_A_DAY):
        db.add(
            FrameworkQuestion(
                council_id=officer.council.id,
                round_id=row.id,
                organisation_id=organisation.id,
                question="Why?",
                asked_at=clock.now() - timedelta(hours=1),
            )
        )
    await db.flush()
    provider = await browser.signed_in(member)
    form = {"round_id": str(row.id), "question": "Once more?"}
    path = f"/frameworks/{officer.council.slug}/{framework.slug}/questions"
    page = await provider.post(path, form, expect=429)
    assert "Ask again tomorrow" in page.words
    assert await count(db, "framework_questions") == MOST_A_DAY


async def test_visitors_and_others_learn_how_to_take_part(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    visitor = await browser.open(base)
    assert visitor.link(rf"^/sign-in\?next={base}$")
    assert "/join" in visitor.links()
    sent = await browser.post(f"{base}/questions", {"round_id": str(row.id), "question": "Me?"})
    assert sent.location.startswith("/sign-in?next=")
    _, person = await make_person_member(db, await make_council(db))
    other = await browser.signed_in(person)
    await other.open(base)
    await other.post(f"{base}/questions", {"round_id": str(row.id), "question": "Me?"}, expect=403)
    await other.post(f"{base}/interest", {"lot": "1", "would_apply": "yes"}, expect=403)


async def test_another_council_cannot_read_who_asked(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer, stranger = await make_officer(db), await make_officer(db)
    _, version = await make_published(db, officer.council)
    row = await make_round(db, version)
    organisation = await make_organisation(db, name="Secret Asker")
    question = FrameworkQuestion(
        council_id=officer.council.id,
        round_id=row.id,
        organisation_id=organisation.id,
        question="=HYPERLINK(1)",
        asked_at=clock.now(),
    )
    db.add(question)
    await db.flush()
    question_id = question.id
    reader = await browser.signed_in(stranger)
    await reader.get(f"/accreditation/questions/{question_id}", expect=404)
    form = {"seen": "new", "answer": "A", "published_question": "Q"}
    await reader.post(f"/accreditation/questions/{question_id}", form, expect=404)
    assert "Secret Asker" not in (await reader.open("/accreditation/questions")).words
    assert "Secret Asker" not in (await reader.get("/accreditation/questions/all.csv")).text
    own = (await (await browser.signed_in(officer)).get("/accreditation/questions/all.csv")).text
    assert "Secret Asker" in own
    assert "'=HYPERLINK(1)" in own


def test_what_gives_an_organisation_away_is_found() -> None:
    from marketplace.providers.models import Organisation

    body = Organisation(
        name="Sunny Corner", website="https://www.sunny.example/", email="hi@sunny.example", phone="01632 960 111"
    )
    assert names_in("We at SUNNY  corner ask", body) == ["Sunny Corner"]
    assert names_in("Call 01632-960111", body) == ["01632 960 111"]
    assert names_in("See sunny.example", body) == ["https://www.sunny.example/"]
    assert names_in("May we ask?", body) == []
    assert names_in("Anything", None) == []
    assert names_in("Anything", Organisation(name="Z", website="", email="", phone="")) == []


async def test_an_organisation_says_which_lot_it_would_apply_for(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, _ = await make_published(db, officer.council)
    organisation, member = await make_applicant(db, name="Keen Group")
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    provider = await browser.signed_in(member)
    assert "We would apply for this lot" in (await provider.open(base)).words
    for _ in range(2):
        await provider.post(f"{base}/interest", {"lot": "1", "would_apply": "yes"})
    assert await count(db, "engagement_entries", "lot_codes = '{1}' AND kind = 'interest' AND NOT is_public") == 1
    assert "We would not apply after all" in (await provider.open(base)).words
    await provider.post(f"{base}/interest", {"lot": "9", "would_apply": "yes"}, expect=404)
    assert "Keen Group" not in (await browser.open(base)).text
    reader = await browser.signed_in(officer)
    log = await reader.open("/accreditation/engagement")
    assert "Keen Group" in log.words
    await provider.post(f"{base}/interest", {"lot": "1", "would_apply": "no"})
    await provider.post(f"{base}/interest", {"lot": "1", "would_apply": "no"})
    assert await count(db, "engagement_entries", "lot_codes = '{}'") == 1
    assert await count(db, "audit_entries", "action = 'providers.express_interest'") == 2
    assert organisation.name == "Keen Group"


async def test_an_idea_stays_with_the_council_which_says_what_it_did(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, _ = await make_published(db, officer.council)
    _, member = await make_applicant(db, name="Park Friends")
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    provider = await browser.signed_in(member)
    wrong = await provider.post(f"{base}/ideas", {"idea": ""}, expect=422)
    assert wrong.errors() == {"idea": "Enter your idea"}
    await provider.post(f"{base}/ideas", {"idea": "Park Friends would run a café <b>in the park</b>"})
    reader = await browser.signed_in(officer)
    log = await reader.open("/accreditation/engagement?kind=interest")
    path = log.link(r"^/accreditation/engagement/[0-9a-f-]{36}$")
    page = await reader.open(path)
    assert "café <b>in the park</b>" in page.words
    form = {"title": "A café in a park", "is_public": "yes", "version": page.field("version")}
    assert "done" in (await reader.post(path, {**form, "done": ""}, expect=422)).errors()
    await reader.post(path, {**form, "done": "We added a lot for it."})
    public = await browser.open(base)
    assert "A café in a park" in public.words
    assert "We added a lot for it." in public.words
    assert "Park Friends" not in public.text
    stale = await reader.post(path, {**form, "done": "Other"}, expect=409)
    stale.check()
    assert await count(db, "engagement_entries", "done = 'We added a lot for it.'") == 1


ENTRY = {
    "kind": "market_event",
    "held_on-day": "2",
    "held_on-month": "2",
    "held_on-year": "2027",
    "title": "At the library",
    "said": "Payment is too slow.",
    "done": "We pay in 30 days.",
    "people": "12",
    "organisations": "7",
    "lot_codes": "1a, 1b",
    "is_public": "yes",
    "version": "0",
}


async def test_events_stand_in_the_log_and_in_public(browser: Browser, db: Any) -> None:
    officer, stranger = await make_officer(db), await make_officer(db)
    framework, _ = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    await reader.open(f"/accreditation/engagement/new?framework={framework.id}")
    form = {**ENTRY, "framework_id": str(framework.id)}
    await reader.post("/accreditation/engagement", form)
    log = await reader.open("/accreditation/engagement")
    assert "At the library" in log.words
    assert "12 people, 7 organisations" in log.words
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    assert "You said Payment is too slow.We did We pay in 30 days." in (await browser.open(base)).words
    path = log.link(r"^/accreditation/engagement/[0-9a-f-]{36}$")
    opened = await reader.open(path)
    changed = {**form, "version": opened.field("version"), "is_public": ""}
    await reader.post(path, changed)
    assert "Payment is too slow" not in (await browser.open(base)).words
    stale = await reader.post(path, {**changed, "said": "Mine"}, expect=409)
    stale.check()
    assert stale.field("said") == "Mine"
    other = await browser.signed_in(stranger)
    await other.get(path, expect=404)
    await other.post(path, changed, expect=404)
    wrong = await other.post("/accreditation/engagement", form, expect=422)
    assert "framework_id" in wrong.errors()
    csv = (await reader.get("/accreditation/engagement/log.csv")).text
    assert "2 February 2027,Market event" in csv
    assert "At the library" not in (await other.get("/accreditation/engagement/log.csv")).text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "interest"}, "kind"),
        ({"kind": "party"}, "kind"),
        ({"held_on-year": "2028"}, "held_on"),
        ({"title": "x" * 10_000}, "title"),
        ({"people": "-1"}, "people"),
        ({"organisations": "many"}, "organisations"),
        ({"said": ""}, "said"),
        ({"said": "x" * 10_000}, "said"),
    ],
)
async def test_a_wrong_entry_is_refused(browser: Browser, db: Any, change: dict[str, str], field: str) -> None:
    reader = await browser.signed_in(await make_officer(db))
    page = await reader.post("/accreditation/engagement", {**ENTRY, **change}, expect=422)
    assert field in page.errors()
    assert await count(db, "engagement_entries") == 0


async def test_the_log_is_paged_and_filtered(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    framework, _ = await make_published(db, officer.council)
    for number in range(35):
        db.add(
            EngagementEntry(
                council_id=officer.council.id,
                framework_id=framework.id if number % 2 else None,
                kind="consultation",
                held_on=date(2027, 1, 1) + timedelta(days=number // 2),
                title=f"Talk {number}",
                made_at=clock.now(),
            )
        )
    await db.flush()
    reader = await browser.signed_in(officer)
    first = await reader.open("/accreditation/engagement")
    second = await reader.open(first.link(r"after="))
    shown = [word for page in (first, second) for word in page.words.split("Talk ")[1:]]
    assert len(shown) == 35 * 1
    some = await reader.open(f"/accreditation/engagement?framework={framework.id}&kind=consultation")
    assert len(some.words.split("Talk ")) - 1 == 17
    for wrong in ("after=yesterday", "after=2027-01-01_x", "kind=party"):
        await reader.get(f"/accreditation/engagement?{wrong}", expect=400)
    await reader.get("/accreditation/questions?view=secret", expect=400)


async def test_a_framework_that_is_being_written_shows_what_was_said(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework = await make_framework(db, officer.council)
    await make_version(db, framework)
    _, member = await make_applicant(db)
    provider = await browser.signed_in(member)
    ideas = f"/frameworks/{officer.council.slug}/{framework.slug}/ideas"
    await provider.post(ideas, {"idea": "Not known yet"}, expect=404)
    reader = await browser.signed_in(officer)
    await reader.post("/accreditation/engagement", {**ENTRY, "framework_id": str(framework.id)})
    page = await browser.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    assert "The specification is being written" in page.words
    assert "Payment is too slow." in page.words
    assert "Support with a plan" not in page.words
    await provider.post(ideas, {"idea": "A market stall"})
    assert await count(db, "engagement_entries", "said = 'A market stall'") == 1


async def test_enough_and_a_range_are_counted_by_lot(browser: Browser, db: Any, clock: FixedClock) -> None:
    officer = await make_officer(db)
    council = officer.council
    framework = await make_framework(db, council)
    draft = await make_version(db, framework)
    await make_lot(db, draft, code="2", name="Money", service_line=ServiceLine.MONEY_MANAGEMENT, position=2)
    version = draft
    lots = {lot.code: lot.id for lot in await FrameworkRepository(db).lots(version.id)}
    db.add(PostcodeRow(postcode="PR1 2HE", lat=53.7, lon=-2.7, lad_code="E07000123"))
    row = await make_round(db, version)
    kinds = [OrganisationKind.THIRD_SECTOR, OrganisationKind.COMMUNITY, OrganisationKind.THIRD_SECTOR]
    holders = [await make_organisation(db, kind=kind) for kind in kinds]
    for number, holder in enumerate(holders):
        given = {"lot_id": lots["1"]} if number else {}
        await make_accreditation(db, holder, council, ServiceLine.SUPPORT_PLANNING, **given)
    ended = await make_organisation(db)
    await make_accreditation(
        db, ended, council, ServiceLine.SUPPORT_PLANNING, lot_id=lots["1"], live_until=date(2027, 3, 1)
    )
    elsewhere = await make_organisation(db)
    await make_accreditation(db, elsewhere, await make_council(db), ServiceLine.SUPPORT_PLANNING)
    keen = await make_organisation(db, postcode="ZZ1 1ZZ")
    await make_interest(db, framework, keen.id, "1", "2")
    await make_interest(db, framework, holders[0].id, "1")
    for number, (body, status) in enumerate(((keen, ApplicationStatus.SUBMITTED), (ended, ApplicationStatus.DRAFT))):
        application = Application(
            council_id=council.id,
            round_id=row.id,
            organisation_id=body.id,
            reference=f"A-{number}",
            status=status,
            created_at=clock.now(),
            updated_at=clock.now(),
        )
        db.add(application)
        await db.flush()
        db.add(ApplicationLot(council_id=council.id, application_id=application.id, lot_id=lots["2"]))
    await db.flush()
    figures = await SufficiencyService(db).of(
        framework, list(await FrameworkRepository(db).lots(version.id)), ["E07000123"], date(2027, 3, 3)
    )
    one, two = figures
    assert (one.accredited, one.interested, one.applied) == (3, 1, 0)
    assert one.words == "Enough, and a range"
    assert one.kinds == (("Third-sector organisation", 2, 1), ("Community group", 1, 0))
    assert one.districts == (("Preston", 3, 0), ("Elsewhere or not known", 0, 1))
    assert (two.accredited, two.interested, two.applied) == (0, 1, 1)
    assert two.words == "None yet"
    reader = await browser.signed_in(officer)
    page = await reader.open(f"/accreditation/engagement/sufficiency?framework={framework.id}")
    assert "Enough, and a range" in page.words
    assert await count(db, Accreditation.__tablename__) == 5


async def test_planners_and_staff_without_the_right_do_not_reach_the_log(browser: Browser, db: Any) -> None:
    for role in (Role.MANAGER, Role.BROKER, Role.ADMIN):
        reader = await browser.signed_in(await make_member(db, role))
        for path in ("frameworks", "questions", "engagement", "engagement/sufficiency", "engagement/log.csv"):
            await reader.get(f"/accreditation/{path}", expect=403)
