"""Council staff write and publish specifications; everybody reads them."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from marketplace.core.errors import broken_constraint
from marketplace.providers.errors import VersionPublished
from marketplace.providers.models import CriterionKind, FrameworkVersion
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.service.frameworks.versions import VersionService, published_stays
from marketplace.providers.states import FrameworkVersionStatus
from tests.browser import Browser, count
from tests.factories import make_council
from tests.factories_frameworks import (
    make_criterion,
    make_framework,
    make_lot,
    make_officer,
    make_published,
    make_version,
    publish_version,
)

LOT = {
    "code": "1a",
    "name": "Short term care at home",
    "description": "Care for some weeks.",
    "service_line": "home_care",
    "evidence": ["liability_insurance", "dbs"],
    "needs_registration": "yes",
    "agreement_months": "48",
    "pass_percent": "60",
}
SCORED = {
    "kind": "scored",
    "lot_id": "all",
    "title": "Keeping people safe",
    "question": "How do you keep people safe?",
    "help": "Say what you do when something goes wrong.",
    "longest_words": "400",
    "weight_percent": "60",
    "pass_score": "2",
}


async def test_an_officer_writes_and_publishes_a_specification(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    reader = await browser.signed_in(officer)
    assert "No framework yet" in (await reader.open("/accreditation/frameworks")).words
    await reader.open("/accreditation/frameworks/new")
    form = {"name": "Care at home", "summary": "Care that people choose."}
    version_path = (await reader.post("/accreditation/frameworks", form)).location
    page = await reader.open(version_path)
    assert "Write the specification" in page.words
    assert f"{version_path}/publish" not in page.links()
    text_page = await reader.open(f"{version_path}/text")
    texts = {
        "specification": "## What we want\n\nGood care.\n\n- Kind\n- On time",
        "agreement_terms": "We pay in 30 days.",
        "version": text_page.field("version"),
    }
    await reader.post(f"{version_path}/text", texts)
    await reader.open(f"{version_path}/lots/new")
    await reader.post(f"{version_path}/lots", LOT)
    for kind in ("eligibility", "declaration", "scored", "evidence"):
        await reader.open(f"{version_path}/criteria/new?kind={kind}")
    await reader.post(f"{version_path}/criteria", SCORED)
    page = await reader.open(version_path)
    assert "The weights add up to 60%: 40% too little." in page.words
    refused = await reader.post(f"{version_path}/publish", {"seen": "x"}, expect=409)
    assert refused.title.startswith("This version is not ready to publish")
    second = {**SCORED, "title": "Working together", "weight_percent": "40", "pass_score": "0"}
    await reader.post(f"{version_path}/criteria", second)
    eligibility = {
        "kind": "eligibility",
        "lot_id": "all",
        "title": "Registered",
        "question": "Are you registered?",
        "wanted_answer": "yes",
        "help": "The law asks for it.",
    }
    await reader.post(f"{version_path}/criteria", eligibility)
    for kind in ("liability_insurance", "dbs"):
        evidence = {"kind": "evidence", "lot_id": "all", "title": kind, "question": "Show it", "evidence_kind": kind}
        await reader.post(f"{version_path}/criteria", evidence)
    page = await reader.open(version_path)
    assert "The weights add up to 100%." in page.words
    preview = await reader.open(f"{version_path}/preview")
    assert "Only your council sees it" in preview.words
    assert "Lot 1a: Short term care at home" in preview.words
    ask = await reader.open(f"{version_path}/publish")
    await reader.post(f"{version_path}/publish", {"seen": ask.field("seen")})
    page = await reader.open(version_path)
    assert "It never changes" in page.words
    assert await count(db, "audit_entries", "action = 'providers.publish_version' AND after ? 'content_hash'") == 1
    assert await count(db, "steps", "subject_kind = 'framework_version' AND to_status = 'published'") == 1
    public = await browser.open(f"/frameworks/{officer.council.slug}/care-at-home")
    assert "What we want" in public.words
    assert "You must be registered with the Care Quality Commission" in public.words
    assert public.link(r"^#spec-1$")


async def test_what_is_published_is_what_was_shown(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    reader = await browser.signed_in(officer)
    ask = await reader.open(f"/accreditation/versions/{version.id}/publish")
    await make_criterion(db, version, kind=CriterionKind.DECLARATION, weight_percent=0, wanted_answer="yes")
    page = await reader.post(f"/accreditation/versions/{version.id}/publish", {"seen": ask.field("seen")}, expect=409)
    assert page.title.startswith("Somebody else saved this")
    assert await count(db, "framework_versions", "status = 'published'") == 0


async def test_publishing_twice_publishes_once(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    reader = await browser.signed_in(officer)
    ask = await reader.open(f"/accreditation/versions/{version.id}/publish")
    form = {"seen": ask.field("seen"), "form_id": "one-press"}
    first = await reader.post(f"/accreditation/versions/{version.id}/publish", form)
    second = await reader.post(f"/accreditation/versions/{version.id}/publish", form)
    assert first.location == second.location
    assert await count(db, "steps", "to_status = 'published'") == 1
    later = await reader.post(f"/accreditation/versions/{version.id}/publish", {"seen": ask.field("seen")}, expect=409)
    assert later.title.startswith("This version is published and cannot be changed")


async def test_a_new_lot_sent_twice_is_added_once(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    reader = await browser.signed_in(officer)
    form = {**LOT, "form_id": "one-lot"}
    for _ in range(2):
        await reader.post(f"/accreditation/versions/{version.id}/lots", form)
    assert await count(db, "lots", "code = '1a'") == 1


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("lots", "UPDATE lots SET name = 'Other' WHERE version_id = :id"),
        ("lots", "DELETE FROM lots WHERE version_id = :id"),
        ("criteria", "UPDATE criteria SET weight_percent = 1 WHERE version_id = :id"),
        ("criteria", "DELETE FROM criteria WHERE version_id = :id"),
        ("framework_versions", "UPDATE framework_versions SET specification = 'Other' WHERE id = :id"),
        ("framework_versions", "UPDATE framework_versions SET agreement_terms = 'Other' WHERE id = :id"),
        ("framework_versions", "UPDATE framework_versions SET content_hash = NULL WHERE id = :id"),
    ],
)
async def test_the_database_refuses_to_change_a_published_version(db: Any, table: str, statement: str) -> None:
    _, version = await make_published(db, await make_council(db))
    with pytest.raises(IntegrityError) as caught:
        async with db.begin_nested():
            await db.execute(text(statement), {"id": version.id})
    assert broken_constraint(caught.value) == f"published_{table}"


async def test_a_lot_cannot_be_added_to_a_published_version(db: Any) -> None:
    _, version = await make_published(db, await make_council(db))
    with pytest.raises(VersionPublished):
        async with db.begin_nested(), published_stays(db):
            await make_lot(db, version, code="2")


async def test_changing_a_published_version_gets_a_clear_page(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    _, version = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    lot_id = (await FrameworkRepository(db).lots(version.id))[0].id
    base = f"/accreditation/versions/{version.id}"
    for path, form in [
        (f"{base}/lots", LOT),
        (f"{base}/lots/{lot_id}", LOT),
        (f"{base}/lots/{lot_id}/remove", {}),
        (f"{base}/criteria", SCORED),
        (f"{base}/text", {"specification": "New", "version": "1"}),
        (f"{base}/discard", {}),
    ]:
        page = await reader.post(path, form, expect=409)
        assert page.title.startswith("This version is published and cannot be changed")
        assert "Make the next version instead" in page.words
    assert (await reader.get(f"{base}/text", expect=409)).status == 409


async def test_the_next_version_keeps_codes_and_keys(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework = await make_framework(db, officer.council)
    draft = await make_version(db, framework)
    lot_id = (await FrameworkRepository(db).lots(draft.id))[0].id
    await make_criterion(db, draft, key="own", lot_id=lot_id, kind=CriterionKind.DECLARATION, weight_percent=0)
    first = await publish_version(db, draft)
    reader = await browser.signed_in(officer)
    path = (await reader.post(f"/accreditation/frameworks/{framework.id}/versions")).location
    again = (await reader.post(f"/accreditation/frameworks/{framework.id}/versions")).location
    assert path == again
    page = await reader.open(path)
    assert "Say what is new" in page.words
    repository = FrameworkRepository(db)
    second = next(row for row in await repository.versions.of_framework(framework.id) if row.number == 2)
    keys = [[one.key for one in await repository.criteria(row.id)] for row in (first, second)]
    assert keys[0] == keys[1]
    own = next(one for one in await repository.criteria(second.id) if one.key == "own")
    assert own.lot_id in {row.id for row in await repository.lots(second.id)}
    assert own.lot_id != lot_id
    texts = {"specification": second.specification, "agreement_terms": "Now 20 days.", "version": str(second.version)}
    await reader.post(f"{path}/text", {**texts, "changes": "We pay sooner."})
    await reader.post(f"{path}/criteria", {**SCORED, "weight_percent": "1"})
    differences = await reader.open(f"{path}/differences?against={first.id}")
    assert "Compared with version 1" in differences.words
    assert "New Scored question: Keeping people safe" in differences.words
    assert "Gone: Both sides keep their word." in differences.words
    assert "New: Now 20 days." in differences.words
    assert "3 paragraphs as before" in differences.words


async def test_two_officers_on_one_draft_see_each_other(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    colleague = await make_officer(db, officer.council)
    version = await make_version(db, await make_framework(db, officer.council))
    one, two = await browser.signed_in(officer), await browser.signed_in(colleague)
    path = f"/accreditation/versions/{version.id}/text"
    opened = [await reader.open(path) for reader in (one, two)]
    first = {"specification": "Hers", "agreement_terms": "T", "version": opened[0].field("version")}
    await one.post(path, first)
    second = {"specification": "His", "agreement_terms": "T", "version": opened[1].field("version")}
    page = await two.post(path, second, expect=409)
    page.check()
    assert page.field("specification") == "His"
    assert "What your colleague saved" in page.words
    assert "Hers" in page.words
    assert (await db.get(FrameworkVersion, version.id)).specification == "Hers"
    await two.post(path, {**second, "version": page.field("version")})
    assert (await db.get(FrameworkVersion, version.id)).specification == "His"


async def test_two_officers_on_one_lot_see_each_other_and_on_two_lots_do_not_meet(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    other = await make_lot(db, version, code="2", name="Money", position=2)
    reader = await browser.signed_in(officer)
    lot_id = (await FrameworkRepository(db).lots(version.id))[0].id
    base = f"/accreditation/versions/{version.id}/lots"
    pages = {row_id: await reader.open(f"{base}/{row_id}") for row_id in (lot_id, other.id)}
    await reader.post(f"{base}/{lot_id}", {**LOT, "code": "1", "seen": pages[lot_id].field("seen")})
    await reader.post(f"{base}/{other.id}", {**LOT, "code": "2", "seen": pages[other.id].field("seen")})
    late = await reader.post(
        f"{base}/{lot_id}", {**LOT, "name": "Mine", "seen": pages[lot_id].field("seen")}, expect=409
    )
    late.check()
    assert "What your colleague saved" in late.words
    assert late.field("name") == "Mine"
    taken = {**LOT, "code": "2", "seen": (await reader.open(f"{base}/{lot_id}")).field("seen")}
    wrong = await reader.post(f"{base}/{lot_id}", taken, expect=422)
    assert wrong.errors() == {"code": "There is a lot 2 already"}


async def test_lots_and_criteria_are_moved_and_removed(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    second = await make_lot(db, version, code="2", name="Money", position=2)
    third = await make_lot(db, version, code="3", name="More", position=3)
    own = await make_criterion(db, version, lot_id=second.id, title="Own")
    extra = await make_criterion(db, version, title="Last")
    reader = await browser.signed_in(officer)
    base = f"/accreditation/versions/{version.id}"
    repository = FrameworkRepository(db)

    async def codes() -> list[str]:
        return [lot.code for lot in await repository.lots(version.id)]

    await reader.post(f"{base}/lots/{third.id}/move", {"to": "up"})
    assert await codes() == ["1", "3", "2"]
    await reader.post(f"{base}/lots/{second.id}/move", {"to": "down"})
    assert await codes() == ["1", "3", "2"]
    await reader.post(f"{base}/criteria/{extra.id}/move", {"to": "up"})
    assert next(one.title for one in await repository.criteria(version.id) if one.lot_id is None) == "Last"
    ask = await reader.open(f"{base}/lots/{second.id}/remove")
    assert "Own" in ask.words
    await reader.post(f"{base}/lots/{second.id}/remove")
    assert await codes() == ["1", "3"]
    assert await count(db, "criteria", f"id = '{own.id}'") == 0
    await reader.open(f"{base}/criteria/{extra.id}/remove")
    await reader.post(f"{base}/criteria/{extra.id}/remove")
    assert await count(db, "criteria", f"version_id = '{version.id}'") == 1


async def test_a_removed_questions_key_is_never_used_again(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework = await make_framework(db, officer.council)
    draft = await make_version(db, framework)
    await make_criterion(db, draft, key="keeping-people-safe", weight_percent=0, kind=CriterionKind.DECLARATION)
    await publish_version(db, draft)
    reader = await browser.signed_in(officer)
    path = (await reader.post(f"/accreditation/frameworks/{framework.id}/versions")).location
    second = path.rsplit("/", 1)[1]
    criteria = await FrameworkRepository(db).criteria(UUID(second))
    old_id = next(one.id for one in criteria if one.key == "keeping-people-safe")
    await reader.post(f"{path}/criteria/{old_id}/remove")
    await reader.post(f"{path}/criteria", SCORED)
    assert await count(db, "criteria", "key = 'keeping-people-safe-2'") == 1


@pytest.mark.parametrize(
    ("path", "form", "field"),
    [
        ("/lots", {**LOT, "code": "lot one!"}, "code"),
        ("/lots", {**LOT, "name": "x" * 10_000}, "name"),
        ("/lots", {**LOT, "service_line": "gardening"}, "service_line"),
        ("/lots", {**LOT, "evidence": ["a_horse"]}, "evidence"),
        ("/lots", {**LOT, "agreement_months": "0"}, "agreement_months"),
        ("/lots", {**LOT, "pass_percent": "101"}, "pass_percent"),
        ("/lots", {**LOT, "district_codes": ["E99999999"]}, "district_codes"),
        ("/criteria", {**SCORED, "weight_percent": "0"}, "weight_percent"),
        ("/criteria", {**SCORED, "weight_percent": "half"}, "weight_percent"),
        ("/criteria", {**SCORED, "pass_score": "6"}, "pass_score"),
        ("/criteria", {**SCORED, "longest_words": "100000"}, "longest_words"),
        ("/criteria", {**SCORED, "question": "x" * 10_000}, "question"),
        ("/criteria", {**SCORED, "lot_id": "a-lot"}, "lot_id"),
        ("/criteria", {**SCORED, "kind": "eligibility", "help": ""}, "help"),
        ("/criteria", {**SCORED, "kind": "eligibility"}, "wanted_answer"),
        ("/criteria", {**SCORED, "kind": "evidence"}, "evidence_kind"),
        ("/text", {"specification": "x" * 60_001, "version": "1"}, "specification"),
        ("/text", {"specification": "a\x07b", "version": "1"}, "specification"),
    ],
)
async def test_wrong_input_is_refused_and_kept(
    browser: Browser, db: Any, path: str, form: dict[str, Any], field: str
) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    reader = await browser.signed_in(officer)
    page = await reader.post(f"/accreditation/versions/{version.id}{path}", form, expect=422)
    assert field in page.errors()
    assert await count(db, "lots") == 1
    assert await count(db, "criteria") == 1


async def test_an_unknown_kind_of_criterion_is_no_page(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    version = await make_version(db, await make_framework(db, officer.council))
    reader = await browser.signed_in(officer)
    await reader.get(f"/accreditation/versions/{version.id}/criteria/new?kind=magic", expect=404)
    await reader.get(f"/accreditation/versions/{version.id}/criteria/new", expect=404)


async def test_scripts_are_shown_as_text(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    evil = "<script>alert(1)</script>"
    framework = await make_framework(db, officer.council, name=f"F {evil}", summary=evil)
    specification = f"## {evil}\n\n{evil}\n\n- {evil}"
    version = await make_version(db, framework, specification=specification, agreement_terms=evil)
    await make_criterion(db, version, title=evil, question=evil, help=evil, weight_percent=0, position=0)
    await make_lot(db, version, code="2", name=evil, description=evil)
    await publish_version(db, version)
    page = await browser.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    assert "<script>alert" not in page.text
    assert evil in page.words
    reader = await browser.signed_in(officer)
    for path in (f"versions/{version.id}", f"versions/{version.id}/preview", "frameworks"):
        assert "<script>alert" not in (await reader.open(f"/accreditation/{path}")).text


async def test_another_council_sees_nothing_to_edit_but_the_public_pages(browser: Browser, db: Any) -> None:
    officer, stranger = await make_officer(db), await make_officer(db)
    framework, version = await make_published(db, officer.council)
    draft = await make_version(db, framework, number=2)
    lot_id = (await FrameworkRepository(db).lots(draft.id))[0].id
    reader = await browser.signed_in(stranger)
    for path in (
        f"frameworks/{framework.id}",
        f"frameworks/{framework.id}/edit",
        f"frameworks/{framework.id}/rounds/new",
        f"versions/{version.id}",
        f"versions/{version.id}/preview",
        f"versions/{draft.id}/text",
        f"versions/{draft.id}/lots/{lot_id}",
        f"versions/{draft.id}/publish",
        f"versions/{draft.id}/differences",
        f"engagement/sufficiency?framework={framework.id}",
    ):
        await reader.get(f"/accreditation/{path}", expect=404)
    await reader.post(f"/accreditation/versions/{draft.id}/lots", LOT, expect=404)
    await reader.post(f"/accreditation/frameworks/{framework.id}/versions", expect=404)
    await reader.open(f"/frameworks/{officer.council.slug}/{framework.slug}")
    base = f"/frameworks/{officer.council.slug}/{framework.slug}"
    await reader.open(f"{base}/versions/1")
    await reader.get(f"{base}/versions/2", expect=404)
    await reader.get(f"{base}/versions/1/changes", expect=404)


async def test_a_framework_without_a_published_version_has_no_public_page(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework = await make_framework(db, officer.council)
    await make_version(db, framework)
    await browser.get(f"/frameworks/{officer.council.slug}/{framework.slug}", expect=404)
    await browser.get(f"/frameworks/{officer.council.slug}/nothing", expect=404)


async def test_older_versions_and_their_changes_are_public(browser: Browser, db: Any) -> None:
    council = (await make_officer(db)).council
    framework, _ = await make_published(db, council)
    second = await make_version(db, framework, number=2, changes="Shorter.", specification="Support with a plan.")
    await publish_version(db, second)
    base = f"/frameworks/{council.slug}/{framework.slug}"
    page = await browser.open(base)
    assert page.link(rf"^{base}/versions/1$")
    assert "Shorter." in page.words
    changes = await browser.open(page.link(r"/versions/2/changes$"))
    assert "Gone: ## What it is" in changes.words
    assert "There is a newer one" in (await browser.open(f"{base}/versions/1")).words


async def test_a_draft_is_thrown_away_and_its_number_stays_taken(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, _ = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    path = (await reader.post(f"/accreditation/frameworks/{framework.id}/versions")).location
    await reader.open(f"{path}/discard")
    await reader.post(f"{path}/discard")
    assert await count(db, "framework_versions", "status = 'withdrawn' AND number = 2") == 1
    path = (await reader.post(f"/accreditation/frameworks/{framework.id}/versions")).location
    assert "Version 3" in (await reader.open(path)).title


async def test_the_hash_changes_with_anything_that_was_published(db: Any) -> None:
    version = await make_version(db, await make_framework(db, await make_council(db)))
    service = VersionService(db)
    lots, criteria = await service.content(version)
    before = content_hash(version, lots, criteria)
    assert content_hash(version, list(reversed(lots)), list(reversed(criteria))) == before
    criteria[0].weight_percent = 99
    assert content_hash(version, lots, criteria) != before
    criteria[0].weight_percent = 100
    lots[0].pass_percent = 61
    assert content_hash(version, lots, criteria) != before
    lots[0].pass_percent = 60
    version.agreement_terms += "."
    assert content_hash(version, lots, criteria) != before


async def test_a_framework_is_renamed_and_closed(browser: Browser, db: Any) -> None:
    officer = await make_officer(db)
    framework, version = await make_published(db, officer.council)
    reader = await browser.signed_in(officer)
    await reader.open(f"/accreditation/frameworks/{framework.id}/edit")
    await reader.post(f"/accreditation/frameworks/{framework.id}/edit", {"name": "New name", "summary": "S"})
    wrong = await reader.post(
        f"/accreditation/frameworks/{framework.id}/edit", {"name": "x" * 10_000, "summary": ""}, expect=422
    )
    assert set(wrong.errors()) == {"name", "summary"}
    await reader.post(f"/accreditation/frameworks/{framework.id}/close", {"closed": "yes"})
    page = await reader.open(f"/accreditation/frameworks/{framework.id}")
    assert "there are no further rounds" in page.words
    assert version.status is FrameworkVersionStatus.PUBLISHED
    await reader.post(f"/accreditation/frameworks/{framework.id}/close", {"closed": "no"})
    assert await count(db, "frameworks", "closed_at IS NULL AND name = 'New name'") == 1


async def test_two_frameworks_of_one_name_have_two_addresses(browser: Browser, db: Any) -> None:
    reader = await browser.signed_in(await make_officer(db))
    for _ in range(2):
        await reader.post("/accreditation/frameworks", {"name": "Day support!", "summary": "S"})
    assert await count(db, "frameworks", "slug IN ('day-support', 'day-support-2')") == 2
