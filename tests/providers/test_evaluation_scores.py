"""Weighted scores by hand and by property, moderation, pass marks."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import Forbidden, InvalidInput, StepRefused
from marketplace.providers.errors import HasInterest
from marketplace.providers.service.evaluation.forms import InterestForm
from marketplace.providers.service.evaluation.moderation import ModerationService
from marketplace.providers.service.evaluation.rules import lot_result, weighted_percent
from marketplace.providers.service.evaluation.scoring import ScoringService
from marketplace.providers.states import ApplicationStatus
from tests.browser import count, events
from tests.factories_evaluation import (
    assign,
    evaluated,
    make_bench,
    moderated,
    moderation_form,
    score_all,
    scored_of,
)


@pytest.mark.parametrize(
    ("pairs", "percent"),
    [
        ([(5, 60), (5, 40)], 100),
        ([(0, 60), (0, 40)], 0),
        ([(4, 60), (3, 40)], 72),  # 240 + 120 = 360; 360 / 5 = 72
        ([(3, 55), (2, 45)], 51),  # 165 + 90 = 255; 255 / 5 = 51
        ([(3, 33), (4, 33), (2, 34)], 60),  # 99 + 132 + 68 = 299; 299 / 5 = 59.8
        ([(2, 33), (4, 33), (3, 34)], 60),  # 66 + 132 + 102 = 300
        ([(3, 34), (4, 33), (1, 33)], 53),  # 102 + 132 + 33 = 267; 53.4
        ([(1, 33), (4, 34), (3, 33)], 54),  # 33 + 136 + 99 = 268; 53.6
    ],
)
def test_weighted_scores_by_hand(pairs, percent):
    assert weighted_percent(pairs) == percent


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.data())
def test_the_weighted_score_is_rounded_half_up_once(scores, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, 100), min_size=len(scores) - 1, max_size=len(scores) - 1)))
    weights = [end - start for start, end in zip([0, *cuts], [*cuts, 100], strict=True)]
    exact = sum((Decimal(score * weight) for score, weight in zip(scores, weights, strict=True)), Decimal(0)) / 5
    assert weighted_percent(zip(scores, weights, strict=True)) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


async def test_each_lot_counts_its_own_answers_and_those_for_everybody(db):
    bench = await make_bench(db)
    people, plans, money = scored_of(bench)
    agreed = {people.id: 4, plans.id: 3, money.id: 2}
    first, second = (lot_result(lot, bench.criteria, agreed) for lot in bench.lots)
    assert (first.percent, first.is_passed) == (72, True)
    # 4 x 60 + 2 x 40 = 320, so 64 %: above the mark of the lot, below that of the answer.
    assert (second.percent, second.short_of) == (64, ("“Title money” got 2 of 5. It needs 3.",))
    assert lot_result(bench.lots[0], bench.criteria, {people.id: 4}).percent is None


async def test_a_lot_below_its_pass_mark_says_so(db):
    bench = await make_bench(db)
    people, plans, money = scored_of(bench)
    result = lot_result(bench.lots[0], bench.criteria, {people.id: 3, plans.id: 2, money.id: 5})
    assert result.short_of == ("The score is 52%. The pass mark is 60%.",)


async def test_agreed_scores_move_the_application_on_with_the_score_of_each_lot(db):
    bench = await make_bench(db)
    await moderated(db, bench, [4, 3, 5])
    side = await ModerationService(db).side(bench.lead.principal, bench.application.id)
    assert [row.score_percent for row, _ in side.lots] == [72, 88]
    assert bench.application.status is ApplicationStatus.MODERATED
    assert bench.application.moderated_by_user_id == bench.lead.user.id
    assert (await events(db))[-1] == "ApplicationMoved"


async def test_scores_far_apart_need_a_reason_in_the_feedback(db):
    bench = await make_bench(db)
    await evaluated(db, bench, [5, 4, 4], [3, 3, 4])
    people = scored_of(bench)[0]
    service = ModerationService(db)
    assert (await service.side(bench.lead.principal, bench.application.id)).apart == {people.id}
    form = moderation_form(bench, [4, 4, 4], **{f"feedback-{people.id}": "Very good."})
    with pytest.raises(InvalidInput) as refused:
        await service.save(bench.lead.principal, bench.application.id, form, is_final=True)
    assert list(refused.value.fields) == [f"feedback-{people.id}"]
    assert await count(db, "moderated_scores") == 0
    form[f"feedback-{people.id}"] = "You name real people and what changed; you do not yet say how you ask."
    await service.save(bench.lead.principal, bench.application.id, form, is_final=True)
    assert bench.application.status is ApplicationStatus.MODERATED


async def test_moderation_can_be_saved_half_way(db):
    bench = await make_bench(db)
    await evaluated(db, bench)
    people, plans, money = scored_of(bench)
    service = ModerationService(db)
    await service.save(bench.lead.principal, bench.application.id, {f"score-{people.id}": "4"}, is_final=False)
    assert bench.application.status is ApplicationStatus.EVALUATING
    await service.save(bench.lead.principal, bench.application.id, {f"score-{plans.id}": "2"}, is_final=False)
    side = await service.side(bench.lead.principal, bench.application.id)
    assert side.agreed == {plans.id: 2}
    with pytest.raises(InvalidInput) as refused:
        await service.save(bench.lead.principal, bench.application.id, {f"score-{plans.id}": "9"}, is_final=True)
    assert f"score-{money.id}" in refused.value.fields


async def test_agreed_scores_are_closed_until_somebody_takes_them_back_with_a_reason(db):
    bench = await make_bench(db)
    await moderated(db, bench)
    service, lead = ModerationService(db), bench.lead.principal
    with pytest.raises(StepRefused):
        await service.save(lead, bench.application.id, moderation_form(bench, [1, 1, 1]), is_final=True)
    await service.reopen(lead, bench.application.id, "A score was typed wrong")
    assert bench.application.status is ApplicationStatus.EVALUATING
    await service.save(lead, bench.application.id, moderation_form(bench, [3, 3, 3]), is_final=True)
    side = await service.side(lead, bench.application.id)
    assert [row.score_percent for row, _ in side.lots] == [60, 60]


async def test_who_stood_down_over_an_interest_neither_moderates_nor_reads(db):
    bench = await make_bench(db)
    first, second = await assign(db, bench, bench.second, bench.evaluators[0])
    await ScoringService(db).declare(bench.second.principal, first.id, InterestForm("I volunteer there"))
    third = (await assign(db, bench, bench.evaluators[1]))[0]
    await score_all(db, bench, bench.evaluators[0], second, [4, 4, 4])
    await score_all(db, bench, bench.evaluators[1], third, [4, 4, 4])
    with pytest.raises(HasInterest):
        await ModerationService(db).side(bench.second.principal, bench.application.id)
    with pytest.raises(Forbidden):
        await ModerationService(db).side(bench.evaluators[0].principal, bench.application.id)
    side = await ModerationService(db).side(bench.lead.principal, bench.application.id)
    assert [name for _, name in side.evaluators] == ["Una First", "Dee Second"]
