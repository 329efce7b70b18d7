"""Evaluators, interests, independent scores."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.permissions import Role
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.providers.errors import HasInterest, ScoresUnseen
from marketplace.providers.service.evaluation.assigning import AssigningService
from marketplace.providers.service.evaluation.desk import DeskService
from marketplace.providers.service.evaluation.forms import ChooseForm, InterestForm, ScoreForm
from marketplace.providers.service.evaluation.moderation import ModerationService
from marketplace.providers.service.evaluation.scoring import ScoringService
from marketplace.providers.states import ApplicationStatus, EvaluationStatus
from tests.browser import count, events
from tests.factories import make_council, make_member, make_worker
from tests.factories_evaluation import assign, evaluated, make_bench, refusals, score_all, scored_of, told


async def test_choosing_two_evaluators_starts_the_evaluation_and_asks_both(db):
    bench = await make_bench(db)
    rows = await assign(db, bench)
    assert [row.status for row in rows] == [EvaluationStatus.ASSIGNED, EvaluationStatus.ASSIGNED]
    assert bench.application.status is ApplicationStatus.EVALUATING
    assert (await events(db)).count("EvaluatorAsked") == 2
    assert await count(db, "audit_entries", "action = 'providers.choose_evaluators'") == 1


async def test_fewer_evaluators_than_the_council_wants_are_refused(db):
    bench = await make_bench(db)
    with pytest.raises(InvalidInput):
        await assign(db, bench, bench.evaluators[0])
    assert await count(db, "evaluations") == 0
    assert bench.application.status is ApplicationStatus.SUBMITTED


@pytest.mark.parametrize("past", [False, True])
async def test_somebody_who_works_or_worked_for_the_applicant_is_refused_with_an_audit_row(db, past):
    bench = await make_bench(db)
    other_council = await make_council(db)
    tied = bench.evaluators[0]
    role = {"organisation_id": bench.organisation.id}
    if past:
        worker = await make_worker(db, bench.organisation)
        role = {"worker_id": worker.id}
    member = await make_member(db, Role.PLANNER, other_council, **role)
    await db.execute(
        text("UPDATE memberships SET user_id = :user WHERE id = :id"),
        {"user": tied.user.id, "id": member.membership.id},
    )
    if past:
        await db.execute(
            text("UPDATE memberships SET ends_on = starts_on + 1 WHERE id = :id"), {"id": member.membership.id}
        )
    await scope_to(db, [bench.council.id])
    with pytest.raises(InvalidInput) as refused:
        await assign(db, bench)
    assert "Una First works or has worked for this organisation" in refused.value.fields["evaluators"]
    await scope_to(db, "every")
    assert await refusals(db) == [
        ("providers.choose_evaluators", "Works or has worked for the organisation: Una First")
    ]
    assert await count(db, "evaluations") == 0


async def test_a_lead_who_worked_for_the_applicant_keeps_out(db):
    bench = await make_bench(db)
    member = await make_member(db, Role.PROVIDER, bench.council, organisation_id=bench.organisation.id)
    await db.execute(
        text("UPDATE memberships SET user_id = :user WHERE id = :id"),
        {"user": bench.lead.user.id, "id": member.membership.id},
    )
    with pytest.raises(HasInterest):
        await assign(db, bench)
    assert [action for action, _ in await refusals(db)] == ["providers.choose_evaluators"]


async def test_only_people_of_the_council_who_may_score_can_be_asked(db):
    bench = await make_bench(db)
    finance = await make_member(db, Role.FINANCE, bench.council)
    stranger = await make_member(db, Role.BROKER)
    for wrong in (finance, stranger):
        with pytest.raises(InvalidInput):
            await assign(db, bench, bench.evaluators[0], wrong)
    broker = bench.evaluators[0].principal
    with pytest.raises(Forbidden):
        await AssigningService(db).choose(broker, bench.application.id, ChooseForm((broker.user_id,)))


async def test_the_application_stays_closed_until_interests_are_declared(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    service = ScoringService(db)
    sheet = await service.sheet(bench.evaluators[0].principal, first.id)
    assert sheet.criteria == []
    with pytest.raises(StepRefused):
        await service.score(
            bench.evaluators[0].principal, first.id, scored_of(bench)[0].id, ScoreForm(3, "Good enough")
        )
    await service.declare(bench.evaluators[0].principal, first.id, InterestForm(""))
    sheet = await service.sheet(bench.evaluators[0].principal, first.id)
    assert [criterion.key for criterion in sheet.criteria] == ["people", "plans", "money"]


async def test_a_declared_interest_stands_the_evaluator_down_and_the_lead_chooses_another(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    await ScoringService(db).declare(bench.evaluators[0].principal, first.id, InterestForm("My sister is on its board"))
    assert first.status is EvaluationStatus.STOOD_DOWN
    assert (await events(db))[-1] == "EvaluatorStoodDown"
    assert ("evaluator_stood_down", bench.lead.user.email) in await told(db)
    whole = await DeskService(db).show(bench.lead.principal, bench.application.id)
    assert (whole.who, whole.what) == ("The council", "Choose another evaluator")
    with pytest.raises(InvalidInput):  # Nobody is asked twice.
        await assign(db, bench, bench.evaluators[0])
    await assign(db, bench, bench.second)
    whole = await DeskService(db).show(bench.lead.principal, bench.application.id)
    assert whole.missing_evaluators == 0


async def test_who_says_no_interest_but_has_worked_there_is_refused(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    member = await make_member(db, Role.PROVIDER, bench.council, organisation_id=bench.organisation.id)
    await db.execute(
        text("UPDATE memberships SET user_id = :user WHERE id = :id"),
        {"user": bench.evaluators[0].user.id, "id": member.membership.id},
    )
    with pytest.raises(HasInterest):
        await ScoringService(db).declare(bench.evaluators[0].principal, first.id, InterestForm(""))
    assert first.status is EvaluationStatus.ASSIGNED
    assert [action for action, _ in await refusals(db)] == ["providers.declare_interest"]


async def test_nobody_sees_another_s_scores_before_all_are_sent(db):
    bench = await make_bench(db)
    first, second = await assign(db, bench)
    await score_all(db, bench, bench.evaluators[0], first, [5, 4, 3])
    service = ScoringService(db)
    await service.declare(bench.evaluators[1].principal, second.id, InterestForm(""))
    with pytest.raises(NotFound):
        await service.sheet(bench.evaluators[1].principal, first.id)
    assert (await service.sheet(bench.evaluators[1].principal, second.id)).scores == {}
    with pytest.raises(ScoresUnseen):
        await ModerationService(db).side(bench.lead.principal, bench.application.id)
    whole = await DeskService(db).show(bench.second.principal, bench.application.id)
    assert whole.moderated == {}
    assert not whole.are_all_sent
    assert "EvaluationsComplete" not in await events(db)


async def test_the_last_one_who_sends_completes_the_evaluation_once(db):
    bench = await make_bench(db)
    await evaluated(db, bench)
    assert (await events(db)).count("EvaluationsComplete") == 1
    side = await ModerationService(db).side(bench.lead.principal, bench.application.id)
    assert [name for _, name in side.evaluators] == ["Una First", "Dee Second"]


async def test_sent_scores_never_change_not_even_in_the_database(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    member = bench.evaluators[0]
    await score_all(db, bench, member, first, [5, 4, 3])
    service = ScoringService(db)
    with pytest.raises(StepRefused):
        await service.score(member.principal, first.id, scored_of(bench)[0].id, ScoreForm(1, "Changed my mind"))
    with pytest.raises(StepRefused):
        await service.send(member.principal, first.id)
    with pytest.raises(StepRefused):
        await service.declare(member.principal, first.id, InterestForm("Late"))
    with pytest.raises(IntegrityError):
        async with db.begin_nested():
            await db.execute(text("UPDATE evaluation_scores SET score = 1"))
    assert await count(db, "evaluation_scores", "score = 5") == 1


async def test_scores_are_sent_only_when_every_answer_has_one(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    service, member = ScoringService(db), bench.evaluators[0]
    await service.declare(member.principal, first.id, InterestForm(""))
    following = await service.score(member.principal, first.id, scored_of(bench)[0].id, ScoreForm(3, "Fine"))
    assert following == scored_of(bench)[1].id
    with pytest.raises(InvalidInput) as refused:
        await service.send(member.principal, first.id)
    assert "Title plans" in refused.value.fields["form"]
    assert first.status is EvaluationStatus.SCORING


async def test_a_score_may_be_changed_until_it_is_sent(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    service, member = ScoringService(db), bench.evaluators[0]
    await service.declare(member.principal, first.id, InterestForm(""))
    for score in (2, 4):
        await service.score(member.principal, first.id, scored_of(bench)[0].id, ScoreForm(score, "Looked again"))
    assert await count(db, "evaluation_scores") == 1
    assert await count(db, "evaluation_scores", "score = 4") == 1


async def test_an_evaluator_can_be_taken_off_with_a_reason_until_scores_are_agreed(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    await AssigningService(db).take_off(bench.lead.principal, bench.application.id, first.id, "Is ill")
    assert first.status is EvaluationStatus.STOOD_DOWN
    assert await count(db, "audit_entries", "action = 'providers.take_off_evaluator' AND why = 'Is ill'") == 1


async def test_another_council_finds_nothing(db):
    bench = await make_bench(db)
    stranger = (await make_member(db, Role.ACCREDITOR)).principal
    first, _ = await assign(db, bench)
    with pytest.raises(NotFound):
        await DeskService(db).show(stranger, bench.application.id)
    with pytest.raises(NotFound):
        await ModerationService(db).side(stranger, bench.application.id)
    with pytest.raises(NotFound):
        await AssigningService(db).choose(stranger, bench.application.id, ChooseForm((stranger.user_id,)))
    with pytest.raises(NotFound):
        await ScoringService(db).sheet(stranger, first.id)


async def test_a_draft_is_the_applicant_s_alone(db):
    bench = await make_bench(db)
    lead, application_id = bench.lead.principal, bench.application.id
    await db.execute(text("UPDATE applications SET status = 'draft', version = version + 1"))
    db.expire_all()
    with pytest.raises(NotFound):
        await DeskService(db).show(lead, application_id)


async def test_the_audit_log_tells_nobody_what_another_gave(db):
    bench = await make_bench(db)
    first, _ = await assign(db, bench)
    await score_all(db, bench, bench.evaluators[0], first, [5, 4, 3])
    assert await count(db, "audit_entries", "action = 'providers.score_answer'") == 3
    assert await count(db, "audit_entries", "action = 'providers.send_scores' AND after ? 'print'") == 1
    assert await count(db, "audit_entries", "after::text LIKE '%gives%' OR after ? 'score'") == 0
