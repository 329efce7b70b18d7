"""Files with the answers of an application: who adds, opens and removes them, and what is refused."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.ids import new_id
from marketplace.providers.models import Application, ApplicationFile, Evaluation
from marketplace.providers.states import ApplicationStatus, EvaluationStatus
from tests.browser import Browser, Page, count
from tests.factories import Member, make_council, make_member, make_organisation
from tests.factories_applications import SCORED, Offer, make_application, make_offer
from tests.providers.test_applications import begin, send

NOTE = ("files", ("our work.txt", b"A year in pictures, without any", "text/plain"))


class World(msgspec.Struct):
    """A round with one question, and who stands on either side of it."""

    offer: Offer
    provider: Member
    accreditor: Member
    scorer: Member
    stranger: Member


@pytest.fixture
async def world(db: AsyncSession) -> World:
    council = await make_council(db)
    organisation, other = await make_organisation(db), await make_organisation(db)
    return World(
        await make_offer(db, council, criteria=[SCORED]),
        await make_member(db, Role.PROVIDER, await make_council(db), organisation_id=organisation.id),
        await make_member(db, Role.ACCREDITOR, council),
        await make_member(db, Role.BROKER, council),
        await make_member(db, Role.PROVIDER, council, organisation_id=other.id),
    )


async def add(browser: Browser, path: str, *files: Any, expect: int = 303) -> Page:
    return await browser.post(path, {}, expect=expect, files=list(files))


async def test_a_file_goes_with_the_answer_and_into_what_is_sent(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = await begin(provider, world.offer)
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await provider.open(f"{question}/files")
    await add(provider, f"{question}/files", NOTE)
    page = await provider.open(f"{question}/files")
    assert "our work.txt" in page.words
    answer = await provider.get(page.link(r"/files/[0-9a-f-]+$"))
    assert answer.response.content == b"A year in pictures, without any"
    page = await provider.open(question)
    assert "Files: our work.txt" in page.words
    await provider.post(question, {"version": page.field("version") or "", "words": "See the file."})
    await send(provider, path)
    row = (await db.scalars(select(Application))).one()
    assert row.submitted is not None
    files = row.submitted["answers"][0]["files"]
    assert [file["name"] for file in files] == ["our work.txt"]
    await provider.open(f"{path}/answers")
    # What was sent stays as it is.
    await add(provider, f"{question}/files", NOTE, expect=409)
    await provider.post(f"{question}/files/{files[0]['id']}/remove", expect=409)
    assert await count(db, "application_files") == 1


async def test_files_are_taken_back_and_there_are_at_most_five(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = f"{await begin(provider, world.offer)}/questions/{world.offer.ids['outcomes']}/files"
    await add(provider, path, NOTE, NOTE, NOTE, NOTE)
    page = await add(provider, path, NOTE, NOTE, expect=422)
    assert page.errors() == {"files": "There can be 5 files with an answer. There are 4 already"}
    await add(provider, path, NOTE)
    assert "Remove one before you add another" in (await provider.open(path)).words
    file_id = (await db.scalars(select(ApplicationFile.file_id))).first()
    await provider.post(f"{path}/{file_id}/remove")
    assert await count(db, "file_contents") == 4
    await provider.get(f"{path}/{file_id}", expect=404)


async def test_what_is_no_document_is_refused_with_an_audit_row(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider = await browser.signed_in(world.provider)
    path = f"{await begin(provider, world.offer)}/questions/{world.offer.ids['outcomes']}/files"
    page = await add(
        provider, path, ("files", ("plan.pdf", b"MZ\x90\x00 not a document", "application/pdf")), expect=422
    )
    assert "files" in page.errors()
    page = await add(provider, path, expect=422)
    assert page.errors() == {"files": "Choose a file"}
    assert await count(db, "stored_files") == 0
    assert await count(db, "audit_entries", "action = 'providers.refuse_application_file'") == 1


async def test_who_may_open_a_file(browser: Browser, db: AsyncSession, world: World) -> None:
    provider, stranger = await browser.signed_in(world.provider), await browser.signed_in(world.stranger)
    accreditor, scorer = await browser.signed_in(world.accreditor), await browser.signed_in(world.scorer)
    scorer_id, council_id = world.scorer.user.id, world.offer.council.id
    path = await begin(provider, world.offer)
    question = f"{path}/questions/{world.offer.ids['outcomes']}"
    await add(provider, f"{question}/files", NOTE)
    file_id = (await db.scalars(select(ApplicationFile.file_id))).one()
    application = (await db.scalars(select(Application))).one()
    application_id, made_at = application.id, application.created_at
    sent = f"/accreditation/applications/{application_id}/files/{file_id}"
    await stranger.get(f"{question}/files/{file_id}", expect=404)
    await add(stranger, f"{question}/files", NOTE, expect=404)
    await accreditor.get(sent, expect=404)
    await db.refresh(application)
    application.status = ApplicationStatus.EVALUATING
    await db.flush()
    await accreditor.get(sent)
    await scorer.get(sent, expect=404)
    evaluation = Evaluation(
        council_id=council_id,
        application_id=application_id,
        evaluator_user_id=scorer_id,
        status=EvaluationStatus.SCORING,
        assigned_at=made_at,
    )
    db.add(evaluation)
    await scorer.get(sent)
    await db.refresh(evaluation)
    evaluation.status = EvaluationStatus.STOOD_DOWN
    await scorer.get(sent, expect=404)
    actions = (await db.scalars(text("SELECT action FROM audit_entries WHERE action LIKE '%open%file'"))).all()
    assert len(actions) == 2


async def test_who_is_to_score_an_application_declares_their_interests_before_opening_its_files(
    browser: Browser, db: AsyncSession, world: World
) -> None:
    provider, accreditor = await browser.signed_in(world.provider), await browser.signed_in(world.accreditor)
    user_id, council_id = world.accreditor.user.id, world.offer.council.id
    path = await begin(provider, world.offer)
    await add(provider, f"{path}/questions/{world.offer.ids['outcomes']}/files", NOTE)
    file_id = (await db.scalars(select(ApplicationFile.file_id))).one()
    application = (await db.scalars(select(Application))).one()
    application.status, application.submitted_at = ApplicationStatus.EVALUATING, application.created_at
    evaluation = Evaluation(
        id=new_id(),
        council_id=council_id,
        application_id=application.id,
        evaluator_user_id=user_id,
        status=EvaluationStatus.ASSIGNED,
        assigned_at=application.created_at,
    )
    db.add(evaluation)
    await db.flush()
    sent = f"/accreditation/applications/{application.id}/files/{file_id}"
    evaluation_id = evaluation.id
    page = await accreditor.get(sent, expect=303)
    assert page.location == f"/accreditation/scoring/{evaluation_id}"
    page = await accreditor.open(page.location)
    assert "You see it when you have said that you have no interest." in page.words
    assert page.heading == "Do you have an interest in this application?"
    await accreditor.post(f"/accreditation/scoring/{evaluation_id}/interests", {"has_interest": "no"})
    await accreditor.get(sent)
    await db.refresh(evaluation)
    evaluation.status, evaluation.interest = EvaluationStatus.STOOD_DOWN, "My brother runs it."
    await db.flush()
    await accreditor.get(sent, expect=409)


async def test_a_file_of_another_application_is_not_found(browser: Browser, db: AsyncSession, world: World) -> None:
    other = await make_application(db, world.offer, await make_organisation(db), status=ApplicationStatus.SUBMITTED)
    other_id = other.id
    provider, accreditor = await browser.signed_in(world.provider), await browser.signed_in(world.accreditor)
    question = f"{await begin(provider, world.offer)}/questions/{world.offer.ids['outcomes']}/files"
    await add(provider, question, NOTE)
    file_id = (await db.scalars(select(ApplicationFile.file_id))).one()
    await accreditor.get(f"/accreditation/applications/{other_id}/files/{file_id}", expect=404)
    await provider.get(f"{question}/{other_id}", expect=404)
    await provider.get(f"{question}/x", expect=404)
