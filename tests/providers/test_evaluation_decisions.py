"""Decisions: by lot, by a second person, once, alone or together."""

import asyncio

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.core.database import make_engine, make_session_maker, transaction, use_session_maker
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.providers.errors import AlreadyDecided, SameHand
from marketplace.providers.models import LotOutcome
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.repository.evaluation import DeskRepository
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.service.evaluation.forms import BulkForm, RefusalForm
from marketplace.providers.service.evaluation.moderation import ModerationService
from marketplace.providers.states import ApplicationStatus
from tests.browser import count, events
from tests.conftest import admin, clone_database
from tests.factories import make_member, make_organisation
from tests.factories_evaluation import (
    assign,
    awarded,
    decision,
    make_application,
    make_bench,
    moderated,
    moderation_form,
    refusals,
    score_all,
)

AWARDED, REFUSED = LotOutcome.AWARDED, LotOutcome.REFUSED


async def test_one_lot_is_awarded_and_the_other_refused_with_its_reason(db):
    bench = await make_bench(db)
    await moderated(db, bench)
    await DecisionService(db).decide(bench.lead.principal, bench.application.id, decision(bench, AWARDED, REFUSED))
    assert bench.application.status is ApplicationStatus.AWARDED
    assert bench.application.decided_by_user_id == bench.lead.user.id
    lots = (await DeskRepository(db).lots([bench.application.id]))[bench.application.id]
    assert [(row.outcome, row.score_percent, row.reason) for row, _ in lots] == [
        (AWARDED, 80, ""),
        (REFUSED, 80, "It is not enough."),
    ]
    agreement = (await AgreementRepository(db).of_applications([bench.application.id]))[bench.application.id]
    assert agreement.lot_ids == {"lots": [str(bench.lots[0].id)]}
    assert (await events(db))[-2:] == ["ApplicationMoved", "AgreementMoved"]
    assert await count(db, "accreditations") == 0  # Nothing counts before both have signed.


async def test_a_lot_below_its_pass_mark_cannot_be_awarded_and_nothing_is_kept(db):
    bench = await make_bench(db)
    await moderated(db, bench, [4, 4, 2])
    with pytest.raises(InvalidInput) as refused:
        async with db.begin_nested():
            await DecisionService(db).decide(
                bench.lead.principal, bench.application.id, decision(bench, AWARDED, AWARDED)
            )
    assert "It needs 3" in refused.value.fields[f"outcome-{bench.lots[1].id}"]
    assert await count(db, "application_lots", "outcome IS NOT NULL") == 0
    assert await count(db, "agreements") == 0
    assert bench.application.status is ApplicationStatus.MODERATED


async def test_an_evaluator_does_not_decide_while_somebody_else_can(db):
    bench = await make_bench(db)
    rows = await assign(db, bench, bench.second, bench.evaluators[0])
    for member, row in zip((bench.second, bench.evaluators[0]), rows, strict=True):
        await score_all(db, bench, member, row, [4, 4, 4])
    await ModerationService(db).save(
        bench.lead.principal, bench.application.id, moderation_form(bench, [4, 4, 4]), is_final=True
    )
    service = DecisionService(db)
    with pytest.raises(SameHand) as refused:
        await service.decide(bench.second.principal, bench.application.id, decision(bench, AWARDED, AWARDED))
    assert "Lee Lead" in str(refused.value)
    assert [action for action, _ in await refusals(db)] == ["providers.decide_application"]
    await db.execute(text("UPDATE memberships SET ends_on = starts_on + 1 WHERE role = 'accreditor'"))
    await service.decide(bench.second.principal, bench.application.id, decision(bench, AWARDED, AWARDED))
    assert bench.application.status is ApplicationStatus.AWARDED


async def test_the_second_decision_gets_a_clear_message_and_an_audit_row(db):
    bench = await make_bench(db)
    await awarded(db, bench)
    with pytest.raises(AlreadyDecided) as refused:
        await DecisionService(db).decide(
            bench.second.principal, bench.application.id, decision(bench, REFUSED, REFUSED)
        )
    assert "Somebody else awarded it in the meantime" in str(refused.value)
    assert bench.application.decided_by_user_id == bench.lead.user.id
    assert [action for action, _ in await refusals(db)] == ["providers.decide_application"]


async def test_a_decision_on_scores_that_changed_since_the_page_was_opened_is_refused(db):
    bench = await make_bench(db)
    await moderated(db, bench)
    seen = bench.application.version
    service, lead = ModerationService(db), bench.lead.principal
    await service.reopen(lead, bench.application.id, "Typed wrong")
    await service.save(lead, bench.application.id, moderation_form(bench, [5, 5, 5]), is_final=True)
    with pytest.raises(AlreadyDecided):
        await DecisionService(db).decide(
            bench.second.principal, bench.application.id, decision(bench, REFUSED, REFUSED, version=seen)
        )
    assert bench.application.status is ApplicationStatus.MODERATED


async def test_a_late_application_is_refused_without_scoring(db):
    bench = await make_bench(db, is_late=True, late_reason="The internet was down")
    form = RefusalForm("late", "The round closed a day before and our rule allows illness only.", None)
    await DecisionService(db).refuse_unscored(bench.lead.principal, bench.application.id, form)
    assert bench.application.status is ApplicationStatus.REFUSED
    lots = (await DeskRepository(db).lots([bench.application.id]))[bench.application.id]
    assert all(row.outcome is REFUSED and "came late" in row.reason for row, _ in lots)
    assert await count(db, "evaluations") == 0


async def test_only_a_late_application_is_refused_for_being_late(db):
    bench = await make_bench(db)
    with pytest.raises(InvalidInput):
        await DecisionService(db).refuse_unscored(
            bench.lead.principal, bench.application.id, RefusalForm("late", "Too late", None)
        )
    await assign(db, bench)
    with pytest.raises(AlreadyDecided):
        await DecisionService(db).refuse_unscored(
            bench.lead.principal, bench.application.id, RefusalForm("ineligible", "Not registered", None)
        )


async def test_a_round_is_decided_together_by_its_pass_marks(db):
    bench = await make_bench(db)
    await moderated(db, bench, [4, 4, 2])
    weak = await make_organisation(db, name="Weak Answers")
    application = await make_application(db, bench.round, weak, bench.lots[:1], bench.criteria)
    first_application, bench.application = bench.application, application
    await moderated(db, bench, [2, 3, 0])
    service = DecisionService(db)
    proposals = await service.proposals(bench.lead.principal, bench.round.id)
    form = BulkForm({item.application.id: item.application.version for item in proposals}, "Thank you all.")
    decided = await service.decide_together(bench.lead.principal, bench.round.id, form)
    assert (decided.done, decided.left) == (2, 0)
    lots = await DeskRepository(db).lots([first_application.id, application.id])
    assert [row.outcome for row, _ in lots[first_application.id]] == [AWARDED, REFUSED]
    assert [row.reason for row, _ in lots[application.id]] == ["The score is 48%. The pass mark is 60%."]
    assert application.status is ApplicationStatus.REFUSED
    assert await count(db, "agreements") == 1


async def test_deciding_together_leaves_what_somebody_else_decided(db):
    bench = await make_bench(db)
    await moderated(db, bench)
    seen = bench.application.version
    service = DecisionService(db)
    await service.decide(bench.second.principal, bench.application.id, decision(bench, REFUSED, REFUSED))
    decided = await service.decide_together(
        bench.lead.principal, bench.round.id, BulkForm({bench.application.id: seen}, "")
    )
    assert (decided.done, decided.left) == (0, 1)
    assert bench.application.status is ApplicationStatus.REFUSED
    assert len(await refusals(db)) == 1


async def test_another_council_decides_nothing(db):
    bench = await make_bench(db)
    stranger = (await make_member(db, Role.ACCREDITOR)).principal
    await moderated(db, bench)
    service = DecisionService(db)
    with pytest.raises(NotFound):
        await service.decide(stranger, bench.application.id, decision(bench, AWARDED, AWARDED))
    with pytest.raises(NotFound):
        await service.proposals(stranger, bench.round.id)


@pytest.fixture
async def own_maker(worker_id, clock, maker):
    name = f"decide_{worker_id}"
    engine = make_engine(await clone_database(name), pool_size=6)
    own = make_session_maker(engine, clock)
    use_session_maker(own)
    yield own
    use_session_maker(maker)
    await engine.dispose()
    await admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_of_two_who_decide_at_once_the_second_is_told_and_written_down(own_maker):
    async with transaction(own_maker, "every") as db:
        bench = await make_bench(db)
        await moderated(db, bench)
    seen = bench.application.version

    async def decide(member, outcome):
        try:
            async with transaction(own_maker, [bench.council.id]) as db:
                await DecisionService(db).decide(
                    member.principal, bench.application.id, decision(bench, outcome, outcome, version=seen)
                )
                await asyncio.sleep(0.05)  # The other one waits for the lock meanwhile.
                return "decided"
        except AlreadyDecided as error:
            return str(error)

    answers = await asyncio.gather(decide(bench.lead, AWARDED), decide(bench.second, REFUSED))
    assert sorted(answer == "decided" for answer in answers) == [False, True]
    assert any("in the meantime" in answer for answer in answers)
    async with transaction(own_maker, "every") as db:
        assert await count(db, "steps", "subject_kind = 'application' AND from_status = 'moderated'") == 1
        assert await count(db, "audit_entries", "action = 'providers.decide_application'") == 2
        assert len(await refusals(db)) == 1
