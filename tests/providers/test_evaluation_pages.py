"""Pages of evaluation, walked in a browser without JavaScript."""

import csv
import io
import re

from marketplace.accounts.permissions import Role
from marketplace.core.database import scope_to
from marketplace.providers.models import LotOutcome
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.service.evaluation.moderation import ModerationService
from tests.browser import count
from tests.factories import make_member, make_organisation
from tests.factories_evaluation import (
    assign,
    awarded,
    decision,
    evaluated,
    make_application,
    make_bench,
    moderated,
    moderation_form,
    score_all,
    scored_of,
)
from tests.providers.test_appeals import make_appeal

ALL = "/accreditation/applications"


async def settle(db):
    """Write what a test holds and let go of it: a request forgets the values of what the session still holds."""
    await db.flush()
    db.expunge_all()
    await scope_to(db, "every")


async def test_from_the_list_to_an_accredited_organisation(browser, db):
    bench = await make_bench(db)
    await settle(db)
    one = f"{ALL}/{bench.application.id}"
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(ALL)
    assert bench.organisation.name in page.words
    assert "Choose evaluators" in page.words
    page = await lead.open(one)
    assert bench.application.submitted_hash.hex() in page.words
    assert "Changed since the last round" in page.words
    assert "Public liability insurance" in page.words
    assert "31 August 2027" in page.words
    assert "policy.pdf" in page.words
    assert page.link("/files/").startswith(f"{one}/files/")

    page = await lead.open(f"{one}/evaluators")
    assert "Una First" in page.words
    assert "Pat Provider" not in page.words
    page = await lead.post(f"{one}/evaluators", {"evaluators": str(bench.evaluators[0].user.id)}, expect=422)
    assert "Select at least 2" in page.errors()["evaluators"]
    chosen = [str(member.user.id) for member in bench.evaluators]
    await lead.post(f"{one}/evaluators", {"evaluators": chosen})

    for member in bench.evaluators:
        person = await browser.signed_in(member)
        page = await person.open("/accreditation/scoring")
        sheet = page.link(r"/accreditation/scoring/.+")
        page = await person.open(sheet)
        assert page.heading == "Do you have an interest in this application?"
        assert "Our answer about" not in page.words
        page = await person.post(f"{sheet}/interests", {}, expect=422)
        assert "has_interest" in page.errors()
        page = await person.post(f"{sheet}/interests", {"has_interest": "yes"}, expect=422)
        assert page.errors()["interest"] == "Enter what your interest is"
        await person.post(f"{sheet}/interests", {"has_interest": "no"})
        page = await person.open(sheet)
        assert "You have scored 0 of 3 answers" in page.words
        step = page.link(r"/criteria/")
        page = await person.open(step)
        assert "Our answer about people." in page.words
        page = await person.post(step, {"score": "4"}, expect=422)
        assert page.errors() == {"comment": "Enter a comment that says why"}
        assert page.field("score") == "4"
        for _ in range(3):
            page = await person.post(step, {"score": "4", "comment": "Clear, with examples"})
            step = page.location
        assert step == sheet
        await person.post(f"{sheet}/send", {})
        page = await person.open(sheet)
        assert "They can no longer be changed" in page.words
        await person.open(page.link(r"/criteria/"))

    page = await lead.open(f"{one}/moderation")
    assert "Una First: 4 – Good" in page.words
    page = await lead.post(f"{one}/moderation", {"then": "finish"}, expect=422)
    assert len(page.errors()) == 6
    page = await lead.post(f"{one}/moderation", moderation_form(bench, [4, 4, 4]))
    assert page.location == one
    page = await lead.open(f"{one}/decision")
    assert "Weighted score 80%." in page.words
    version = page.field("version")
    form = {"version": version, "feedback": "Well done."}
    for lot in bench.lots:
        form[f"outcome-{lot.id}"] = "awarded"
    await lead.post(f"{one}/decision", form)
    page = await lead.open(one)
    assert "Next: sign the agreement." in page.words
    await lead.open(f"{one}/moderation")
    council_side = page.link(r"/accreditation/agreements/.+")

    provider = await browser.signed_in(bench.provider)
    page = await provider.open("/provider/agreements")
    own_side = page.link(r"/provider/agreements/.+")
    page = await provider.open(own_side)
    assert "Lot 1a: Planning, for 36 months" in page.words
    page = await provider.post(own_side, {"name": "Pat Provider", "role": ""}, expect=422)
    assert set(page.errors()) == {"role", "agrees"}
    assert page.field("name") == "Pat Provider"
    signature = {"name": "Pat Provider", "role": "Director", "agrees": "yes", "terms": page.field("terms")}
    await provider.post(own_side, signature)
    page = await provider.open(own_side)
    assert "You have signed. The council signs next." in page.words

    page = await lead.open(council_side)
    assert "You decided about this application, so somebody else signs" in page.words
    await lead.post(council_side, signature, expect=409)
    second = await browser.signed_in(bench.second)
    await second.open(council_side)
    await second.post(council_side, {**signature, "name": "Mo Manager", "role": "Head of service"})
    page = await second.open(council_side)
    assert "Mo Manager, Head of service" in page.words
    assert await count(db, "accreditations", "agreement_id IS NOT NULL") == 2
    page = await second.open("/accreditation/agreements?status=signed")
    assert bench.organisation.name in page.words


async def test_a_decision_sent_twice_is_taken_once(browser, db):
    bench = await make_bench(db)
    await moderated(db, bench)
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    form = {"form_id": "the-same", "version": str(bench.application.version)}
    for lot in bench.lots:
        form[f"outcome-{lot.id}"] = "awarded"
    first = await lead.post(f"{ALL}/{bench.application.id}/decision", form)
    second = await lead.post(f"{ALL}/{bench.application.id}/decision", form)
    assert first.location == second.location
    assert await count(db, "agreements") == 1
    other = await browser.signed_in(bench.second)
    page = await other.post(f"{ALL}/{bench.application.id}/decision", {**form, "form_id": "another"}, expect=409)
    assert page.title.startswith("Somebody else has decided this already")
    assert await count(db, "agreements") == 1


async def test_who_is_to_score_declares_before_the_application_opens(browser, db):
    bench = await make_bench(db)
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    one = f"{ALL}/{bench.application.id}"
    await lead.post(f"{one}/evaluators", {"evaluators": [str(bench.second.user.id), str(bench.lead.user.id)]})
    page = await lead.get(one, expect=303)
    assert page.location.startswith("/accreditation/scoring/")
    await lead.post(f"{page.location}/interests", {"has_interest": "yes", "interest": "A cousin runs it"})
    page = await lead.open(page.location)
    assert page.heading == "You no longer score this application"
    await lead.get(one, expect=409)
    second = await browser.signed_in(bench.second)
    await second.get(f"{ALL}/{bench.application.id}/moderation", expect=409)
    page = await second.open(f"{one}/evaluators")
    assert "A cousin runs it" in page.words


async def test_a_score_outside_the_range_or_of_another_round_is_refused(browser, db):
    bench = await make_bench(db)
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    await lead.post(
        f"{ALL}/{bench.application.id}/evaluators", {"evaluators": [str(item.user.id) for item in bench.evaluators]}
    )
    person = await browser.signed_in(bench.evaluators[0])
    sheet = (await person.open("/accreditation/scoring")).link(r"/accreditation/scoring/.+")
    await person.post(f"{sheet}/interests", {"has_interest": "no"})
    step = f"{sheet}/criteria/{scored_of(bench)[0].id}"
    for score in ("6", "-1", "4.5", "five", ""):
        page = await person.post(step, {"score": score, "comment": "Because"}, expect=422)
        assert "score" in page.errors()
    await person.post(step, {"score": "4", "comment": "x" * 4001}, expect=422)
    await person.post(f"{sheet}/criteria/{bench.criteria[0].id}", {"score": "4", "comment": "No"}, expect=404)
    other = await browser.signed_in(bench.evaluators[1])
    await other.get(sheet, expect=404)
    await other.get(step, expect=404)
    assert await count(db, "evaluation_scores") == 0


async def test_the_list_is_filtered_counted_paged_and_downloaded(browser, db):
    bench = await make_bench(db, is_late=True)
    stranger = await make_member(db, Role.ACCREDITOR)
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(f"{ALL}?late=yes&round={bench.round.id}&lot={bench.lots[1].id}&status=submitted")
    assert bench.organisation.name in page.words
    page = await lead.open(f"{ALL}?late=no")
    assert "No application fits this filter." in page.words
    for wrong in ("status=nonsense", "round=1", "lot=x", "late=perhaps", "after=zzz"):
        await lead.get(f"{ALL}?{wrong}", expect=400)
    answer = await lead.get(f"{ALL}/export.csv?late=yes")
    rows = list(csv.DictReader(io.StringIO(answer.response.content.decode("utf-8-sig"))))
    assert [row["Lot"] for row in rows] == ["1a", "1b"]
    assert rows[0]["Next step"] == "Choose evaluators"
    other = await browser.signed_in(stranger)
    page = await other.open(ALL)
    assert "No applications yet" in page.words
    await other.get(f"{ALL}/{bench.application.id}", expect=404)


async def test_a_long_list_goes_on_by_key(browser, db):
    bench = await make_bench(db)
    for number in range(30):
        organisation = await make_organisation(db, name=f"Group {number}")
        await make_application(db, bench.round, organisation, bench.lots, bench.criteria, reference=f"A-Group {number}")
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(ALL)
    shown = re.findall(r"A-Group \d+", page.words)
    page = await lead.open(page.link("after="))
    more = re.findall(r"A-Group \d+", page.words)
    assert len(set(shown) | set(more)) == 30
    assert not set(shown) & set(more)


async def test_a_late_application_is_refused_on_its_page(browser, db):
    bench = await make_bench(db, is_late=True, late_reason="A flood")
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    one = f"{ALL}/{bench.application.id}"
    page = await lead.open(f"{one}/refusal")
    assert "A flood" in page.words
    page = await lead.post(f"{one}/refusal", {"ground": "nonsense"}, expect=422)
    assert set(page.errors()) == {"ground", "reason"}
    await lead.post(f"{one}/refusal", {"ground": "late", "reason": "The round had closed", "version": "1"}, expect=409)
    await lead.post(
        f"{one}/refusal",
        {"ground": "late", "reason": "The round had closed", "version": str(bench.application.version)},
    )
    page = await lead.open(one)
    assert "It came late and the reason is not accepted. The round had closed" in page.words


async def test_several_are_decided_on_one_page(browser, db):
    bench = await make_bench(db)
    await moderated(db, bench, [4, 4, 2])
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(f"{ALL}?round={bench.round.id}")
    page = await lead.open(page.link("/accreditation/decisions"))
    assert "Lot 1a, 80% (pass mark 60%): award." in page.words
    assert "Lot 1b, 64% (pass mark 60%): refuse." in page.words
    path = f"/accreditation/decisions/{bench.round.id}"
    page = await lead.post(path, {}, expect=422)
    assert page.errors() == {"application": "Select at least one application"}
    await lead.post(path, {"application": "x:y"}, expect=422)
    await lead.post(path, {"application": f"{bench.application.id}:{bench.application.version}"})
    assert await count(db, "applications", "status = 'awarded'") == 1
    page = await lead.open(f"/accreditation/decisions?round={bench.round.id}")
    assert "Nothing to decide" in page.words


async def test_an_appeal_is_read_by_all_and_decided_by_somebody_new(browser, db):
    bench = await make_bench(db)
    await moderated(db, bench)
    await DecisionService(db).decide(
        bench.lead.principal, bench.application.id, decision(bench, LotOutcome.REFUSED, LotOutcome.REFUSED)
    )
    await scope_to(db, "every")
    appeal = await make_appeal(db, bench)
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    page = await lead.open("/accreditation/appeals")
    path = page.link(r"/accreditation/appeals/.+")
    page = await lead.open(path)
    assert "You had a part in this decision" in page.words
    assert "What do you decide?" not in page.words
    await lead.post(path, {"outcome": "upheld", "decision": "Yes"}, expect=409)
    second = await browser.signed_in(bench.second)
    page = await second.open(path)
    page = await second.post(path, {"outcome": "upheld"}, expect=422)
    assert page.errors() == {"decision": "Enter the reasons"}
    await second.post(path, {"outcome": "upheld", "decision": "The second page was not read"})
    page = await second.open(path)
    assert "The second page was not read" in page.words
    assert await count(db, "appeals", f"id = '{appeal.id}' AND status = 'upheld'") == 1
    await second.open(f"{ALL}/{bench.application.id}/decision")


async def test_the_organisation_declines_with_a_reason(browser, db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    await scope_to(db, "every")
    other = await make_bench(db)
    await settle(db)
    provider = await browser.signed_in(bench.provider)
    path = f"/provider/agreements/{row.id}"
    page = await provider.post(f"{path}/decline", {"reason": ""}, expect=422)
    assert "reason" in page.errors()
    await provider.post(f"{path}/decline", {"reason": "We have no staff"})
    page = await provider.open(path)
    assert "You declined: We have no staff" in page.words
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(f"/accreditation/agreements/{row.id}")
    assert "The organisation declined: We have no staff" in page.words
    page = await lead.post(f"/accreditation/agreements/{row.id}/next", {})
    page = await lead.open(page.location)
    assert "Version 2 (this one)" in page.words
    stranger = await browser.signed_in(other.provider)
    await stranger.get(path, expect=404)


async def test_far_apart_scores_are_marked_and_saved_half_way(browser, db):
    bench = await make_bench(db)
    await evaluated(db, bench, [5, 4, 4], [1, 4, 4])
    await settle(db)
    lead = await browser.signed_in(bench.lead)
    path = f"{ALL}/{bench.application.id}/moderation"
    page = await lead.open(path)
    assert "4 apart" in page.words
    people = scored_of(bench)[0]
    await lead.post(path, {"then": "save", f"score-{people.id}": "3"})
    page = await lead.open(path)
    assert page.field(f"score-{people.id}") == "3"


async def test_who_scored_finds_the_names_of_those_who_decide_on_the_page_of_several(browser, db):
    bench = await make_bench(db)
    for number in range(5):
        rows = await assign(db, bench, bench.second, bench.evaluators[0])
        for member, row in zip((bench.second, bench.evaluators[0]), rows, strict=True):
            await score_all(db, bench, member, row, [4, 4, 4])
        await ModerationService(db).save(
            bench.lead.principal, bench.application.id, moderation_form(bench, [4, 4, 4]), is_final=True
        )
        organisation = await make_organisation(db, name=f"Neighbour {number}")
        scored_by_second = bench.application.id
        bench.application = await make_application(db, bench.round, organisation, bench.lots, bench.criteria)
    await settle(db)
    second = await browser.signed_in(bench.second)
    page = await second.open(f"/accreditation/decisions?round={bench.round.id}")
    assert page.words.count("You scored this application, so somebody else decides: Lee Lead.") == 5
    page = await second.open(f"{ALL}/{scored_by_second}/decision")
    assert "You scored this application" in page.words
    assert "Your decision" not in page.words
    lead = await browser.signed_in(bench.lead)
    page = await lead.open(f"/accreditation/decisions?round={bench.round.id}")
    assert page.words.count("Lot 1a, 80%") == 5
