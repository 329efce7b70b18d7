"""Appeals: decided by somebody who had no part, once; upheld brings a new decision, what is awarded stays."""

import pytest
from sqlalchemy import text

from marketplace.accounts.permissions import Role
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, NotFound
from marketplace.providers.errors import AlreadyDecided, SameHand
from marketplace.providers.models import Appeal, LotOutcome
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.repository.evaluation import DeskRepository
from marketplace.providers.service.evaluation.appeals import AppealService
from marketplace.providers.service.evaluation.assigning import AssigningService
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.service.evaluation.forms import AppealForm, ChooseForm, RefusalForm
from marketplace.providers.service.evaluation.moderation import ModerationService
from marketplace.providers.states import APPEAL, AppealStatus, ApplicationStatus
from tests.browser import count, events
from tests.factories import make_member
from tests.factories_evaluation import decision, make_bench, moderated, refusals, told

UPHELD, DISMISSED = AppealForm(True, "The feedback names the wrong answer."), AppealForm(False, "The score is right.")


async def make_appeal(db, bench) -> Appeal:
    row = Appeal(
        council_id=bench.council.id,
        application_id=bench.application.id,
        status=AppealStatus.OPEN,
        grounds="You did not read our second page.",
        made_by_user_id=bench.provider.user.id,
        made_at=db.info["clock"].now(),
    )
    db.add(row)
    await db.flush()
    APPEAL.begin(db, row, by=bench.provider.user.id)
    await db.flush()
    return row


async def refused_bench(db, *outcomes):
    bench = await make_bench(db)
    await moderated(db, bench)
    await DecisionService(db).decide(
        bench.lead.principal,
        bench.application.id,
        decision(bench, *(outcomes or (LotOutcome.REFUSED, LotOutcome.REFUSED))),
    )
    return bench, await make_appeal(db, bench)


async def test_an_upheld_appeal_brings_a_new_decision_and_keeps_what_was_awarded(db):
    bench, appeal = await refused_bench(db, LotOutcome.AWARDED, LotOutcome.REFUSED)
    await AppealService(db).decide(bench.second.principal, appeal.id, UPHELD)
    assert appeal.status is AppealStatus.UPHELD
    assert bench.application.status is ApplicationStatus.MODERATED
    assert (await events(db))[-2:] == ["AppealMoved", "ApplicationMoved"]
    lots = (await DeskRepository(db).lots([bench.application.id]))[bench.application.id]
    assert [row.outcome for row, _ in lots] == [LotOutcome.AWARDED, LotOutcome.REFUSED]
    # A refusal of everything in the new decision does not touch the lot that was awarded.
    await DecisionService(db).decide(
        bench.second.principal, bench.application.id, decision(bench, LotOutcome.REFUSED, LotOutcome.REFUSED)
    )
    assert [row.outcome for row, _ in lots] == [LotOutcome.AWARDED, LotOutcome.REFUSED]
    assert bench.application.status is ApplicationStatus.AWARDED
    assert await count(db, "agreements") == 1


async def test_a_new_award_after_an_appeal_offers_the_next_version_of_the_agreement(db):
    bench, appeal = await refused_bench(db, LotOutcome.AWARDED, LotOutcome.REFUSED)
    await AppealService(db).decide(bench.second.principal, appeal.id, UPHELD)
    await DecisionService(db).decide(
        bench.second.principal, bench.application.id, decision(bench, LotOutcome.AWARDED, LotOutcome.AWARDED)
    )
    newest = (await AgreementRepository(db).of_applications([bench.application.id]))[bench.application.id]
    assert newest.number == 2
    assert newest.lot_ids == {"lots": [str(lot.id) for lot in bench.lots]}
    assert await count(db, "agreements", "status = 'replaced'") == 1


async def test_a_dismissed_appeal_leaves_the_decision(db):
    bench, appeal = await refused_bench(db)
    await AppealService(db).decide(bench.second.principal, appeal.id, DISMISSED)
    assert appeal.status is AppealStatus.DISMISSED
    assert (appeal.decision, appeal.decided_by_user_id) == ("The score is right.", bench.second.user.id)
    assert bench.application.status is ApplicationStatus.REFUSED
    assert await count(db, "audit_entries", "action = 'providers.decide_appeal'") == 1


async def test_who_had_a_part_in_the_decision_is_refused_with_an_audit_row(db):
    bench, appeal = await refused_bench(db)
    with pytest.raises(SameHand):
        await AppealService(db).decide(bench.lead.principal, appeal.id, UPHELD)
    assert [action for action, _ in await refusals(db)] == ["providers.decide_appeal"]
    assert appeal.status is AppealStatus.OPEN
    with pytest.raises(Forbidden):
        await AppealService(db).decide(bench.evaluators[0].principal, appeal.id, UPHELD)


async def test_an_appeal_is_decided_once(db):
    bench, appeal = await refused_bench(db)
    third = await make_member(db, Role.MANAGER, bench.council)
    await AppealService(db).decide(bench.second.principal, appeal.id, DISMISSED)
    with pytest.raises(AlreadyDecided):
        await AppealService(db).decide(third.principal, appeal.id, UPHELD)
    assert bench.application.status is ApplicationStatus.REFUSED
    assert len(await refusals(db)) == 1


async def test_an_application_refused_unscored_can_be_scored_after_an_upheld_appeal(db):
    bench = await make_bench(db)
    await DecisionService(db).refuse_unscored(
        bench.lead.principal, bench.application.id, RefusalForm("ineligible", "Not registered", None)
    )
    appeal = await make_appeal(db, bench)
    await AppealService(db).decide(bench.second.principal, appeal.id, UPHELD)
    await ModerationService(db).reopen(bench.second.principal, bench.application.id, "It is to be scored")
    await AssigningService(db).choose(
        bench.second.principal,
        bench.application.id,
        ChooseForm(tuple(member.user.id for member in bench.evaluators)),
    )
    assert bench.application.status is ApplicationStatus.EVALUATING
    assert await count(db, "evaluations") == 2


async def test_another_council_finds_no_appeal(db):
    _, appeal = await refused_bench(db)
    await scope_to(db, "every")
    stranger = (await make_member(db, Role.MANAGER)).principal
    with pytest.raises(NotFound):
        await AppealService(db).decide(stranger, appeal.id, UPHELD)
    with pytest.raises(NotFound):
        await AppealService(db).find(stranger, appeal.id)


async def test_the_organisation_is_told_the_reasons(db):
    bench, appeal = await refused_bench(db)
    await AppealService(db).decide(bench.second.principal, appeal.id, DISMISSED)
    messages = await told(db)
    assert ("application_decided", bench.provider.user.email) in messages
    assert ("appeal_decided", bench.provider.user.email) in messages
    body = await db.scalar(text("SELECT body FROM messages WHERE template = 'appeal_decided'"))
    assert "The score is right." in body
