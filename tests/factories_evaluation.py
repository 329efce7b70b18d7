"""Rows for tests of evaluation: a framework with lots and criteria, a round, applications, people who judge them."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from itertools import count as counter
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of, scope_to
from marketplace.core.outbox import LISTENERS, relay
from marketplace.providers import events as facts
from marketplace.providers import tasks as tasks
from marketplace.providers.models import (
    Agreement,
    Application,
    ApplicationLot,
    Criterion,
    CriterionKind,
    Evaluation,
    Framework,
    FrameworkVersion,
    LateRule,
    Lot,
    LotOutcome,
    Organisation,
    Round,
    ServiceLine,
)
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.repository.evaluation import EvaluationRepository
from marketplace.providers.service.evaluation.assigning import AssigningService
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.service.evaluation.forms import (
    ChooseForm,
    DecisionForm,
    InterestForm,
    LotDecision,
    ScoreForm,
)
from marketplace.providers.service.evaluation.moderation import ModerationService
from marketplace.providers.service.evaluation.scoring import ScoringService
from marketplace.providers.states import (
    APPLICATION,
    FRAMEWORK_VERSION,
    ApplicationStatus,
    FrameworkVersionStatus,
)
from tests.factories import Member, make_council, make_member, make_organisation

_number = counter(1)
TASKS = (
    "ask_evaluator",
    "tell_evaluator_stood_down",
    "tell_evaluations_complete",
    "tell_application_decided",
    "tell_appeal_decided",
    "tell_agreement_moved",
)
OPENED = datetime(2027, 1, 11, 9, tzinfo=UTC)
CLOSED = datetime(2027, 2, 26, 12, tzinfo=UTC)


class Bench(msgspec.Struct, kw_only=True):
    """A council with a round, an application in it, and the people who judge it."""

    council: Council
    framework: Framework
    version: FrameworkVersion
    lots: list[Lot]
    criteria: list[Criterion]
    round: Round
    lead: Member
    """An accreditor: chooses evaluators, moderates, decides."""
    second: Member
    """A manager: decides, signs, and has no part so far."""
    evaluators: list[Member]
    """Two brokers."""
    organisation: Organisation
    provider: Member
    application: Application


async def make_specification(
    db: AsyncSession, council: Council, **given: Any
) -> tuple[Framework, FrameworkVersion, list[Lot], list[Criterion]]:
    """A published specification of two lots: planning (two answers of 60 and 40 %) and money (60 and its own 40 %)."""
    now = clock_of(db).now()
    n = next(_number)
    framework = Framework(council_id=council.id, slug=f"framework-{n}", name="Support planning", created_at=OPENED)
    db.add(framework)
    await db.flush()
    version = FrameworkVersion(
        council_id=council.id,
        framework_id=framework.id,
        number=1,
        status=FrameworkVersionStatus.DRAFT,
        specification="What we want.",
        agreement_terms="## Duties\n{organisation} does for {council} what it promised.\n- Fairly\n- On time",
        created_at=OPENED,
    )
    db.add(version)
    await db.flush()
    lots = [
        Lot(
            council_id=council.id,
            version_id=version.id,
            code=code,
            name=name,
            service_line=line,
            evidence=evidence,
            agreement_months=months,
            pass_percent=60,
            position=position,
        )
        for position, (code, name, line, evidence, months) in enumerate(
            [
                ("1a", "Planning", ServiceLine.SUPPORT_PLANNING, ["liability_insurance"], 36),
                ("1b", "Money", ServiceLine.MONEY_MANAGEMENT, [], 24),
            ]
        )
    ]
    db.add_all(lots)
    await db.flush()
    plans = [
        ("eligible", CriterionKind.ELIGIBILITY, None, "Are you registered?", 0, 0),
        ("honest", CriterionKind.DECLARATION, None, "Do you declare that all this is true?", 0, 0),
        ("people", CriterionKind.SCORED, None, "How do you put people first?", 60, 0),
        ("plans", CriterionKind.SCORED, lots[0].id, "How do you write plans?", 40, 2),
        ("money", CriterionKind.SCORED, lots[1].id, "How do you keep accounts?", 40, 3),
    ]
    criteria = [
        Criterion(
            council_id=council.id,
            version_id=version.id,
            lot_id=lot_id,
            key=key,
            kind=kind,
            title=f"Title {key}",
            question=question,
            weight_percent=weight,
            pass_score=least,
            position=position,
        )
        for position, (key, kind, lot_id, question, weight, least) in enumerate(plans)
    ]
    db.add_all(criteria)
    await db.flush()
    version.published_at = now
    FRAMEWORK_VERSION.move(db, version, FrameworkVersionStatus.PUBLISHED, by=None)
    await db.flush()
    return framework, version, lots, criteria


async def make_round(db: AsyncSession, framework: Framework, version: FrameworkVersion, **given: Any) -> Round:
    """A round that closed on 26 February 2027 and whose agreements start on 1 April 2027."""
    values = {
        "council_id": framework.council_id,
        "framework_id": framework.id,
        "version_id": version.id,
        "name": f"Spring {next(_number)}",
        "opens_at": OPENED,
        "questions_until": OPENED + timedelta(days=14),
        "closes_at": CLOSED,
        "late_rule": LateRule.ACCEPT_WITH_REASON,
        "late_until": CLOSED + timedelta(days=7),
        "decides_on": date(2027, 3, 19),
        "starts_on": date(2027, 4, 1),
        "created_at": OPENED,
    }
    row = Round(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


async def make_application(
    db: AsyncSession,
    round_: Round,
    organisation: Organisation,
    lots: list[Lot],
    criteria: list[Criterion],
    **given: Any,
) -> Application:
    """An application that was sent in, with its snapshot."""
    wanted = {lot.id for lot in lots}
    snapshot = {
        "organisation": {"id": str(organisation.id), "name": organisation.name},
        "round": {"id": str(round_.id), "name": round_.name},
        "lots": [{"id": str(lot.id), "code": lot.code, "name": lot.name} for lot in lots],
        "answers": [
            {
                "criterion_id": str(row.id),
                "key": row.key,
                "kind": row.kind.value,
                "lot_id": str(row.lot_id) if row.lot_id else None,
                "title": row.title,
                "question": row.question,
                "choice": "yes" if row.kind in (CriterionKind.ELIGIBILITY, CriterionKind.DECLARATION) else "",
                "words": f"Our answer about {row.key}." if row.kind is CriterionKind.SCORED else "",
                "carried": row.kind is CriterionKind.DECLARATION,
                "changed": row.kind is CriterionKind.DECLARATION,
                "files": [{"id": str(row.id), "name": "policy.pdf"}] if row.key == "people" else [],
            }
            for row in criteria
            if row.lot_id is None or row.lot_id in wanted
        ],
        "evidence": [
            {
                "id": str(round_.id),
                "kind": "liability_insurance",
                "label": "Public liability insurance",
                "detail": "Example Mutual",
                "issued_on": "2026-09-01",
                "expires_on": "2027-09-01",
                "state": "live",
            }
        ],
    }
    at = datetime(2027, 2, 24, 15, tzinfo=UTC)
    values = {
        "council_id": round_.council_id,
        "round_id": round_.id,
        "organisation_id": organisation.id,
        "reference": f"A-2027-{next(_number):04}",
        "status": ApplicationStatus.DRAFT,
        "submitted": snapshot,
        "submitted_hash": hashlib.sha256(msgspec.json.encode(snapshot, order="deterministic")).digest(),
        "submitted_at": at,
        "created_at": at,
        "updated_at": at,
    }
    row = Application(**{**values, **given})
    db.add(row)
    await db.flush()
    APPLICATION.begin(db, row, by=None)
    APPLICATION.move(db, row, ApplicationStatus.SUBMITTED, by=None)
    db.add_all(ApplicationLot(council_id=row.council_id, application_id=row.id, lot_id=lot.id) for lot in lots)
    await db.flush()
    return row


async def make_bench(db: AsyncSession, *, lots: int = 2, **given: Any) -> Bench:
    """A council with a published specification, a closed round and one application for its first lots."""
    council = given.pop("council", None) or await make_council(db)
    framework, version, all_lots, criteria = await make_specification(db, council)
    round_ = await make_round(db, framework, version, **given.pop("round_given", {}))
    organisation = await make_organisation(db, name=f"Example Planners {next(_number)}")
    bench = Bench(
        council=council,
        framework=framework,
        version=version,
        lots=all_lots,
        criteria=criteria,
        round=round_,
        lead=await make_member(db, Role.ACCREDITOR, council, name="Lee Lead"),
        second=await make_member(db, Role.MANAGER, council, name="Mo Manager"),
        evaluators=[
            await make_member(db, Role.BROKER, council, name="Una First"),
            await make_member(db, Role.BROKER, council, name="Dee Second"),
        ],
        organisation=organisation,
        provider=await make_member(db, Role.PROVIDER, council, name="Pat Provider", organisation_id=organisation.id),
        application=await make_application(db, round_, organisation, all_lots[:lots], criteria, **given),
    )
    await db.flush()
    return bench


def scored_of(bench: Bench) -> list[Criterion]:
    """The criteria that are scored, in their order."""
    return [row for row in bench.criteria if row.kind is CriterionKind.SCORED]


async def assign(db: AsyncSession, bench: Bench, *members: Member) -> list[Evaluation]:
    """Ask evaluators, the two brokers unless told otherwise."""
    chosen = members or tuple(bench.evaluators)
    form = ChooseForm(tuple(member.user.id for member in chosen))
    await AssigningService(db).choose(bench.lead.principal, bench.application.id, form)
    rows = await EvaluationRepository(db).of_application(bench.application)
    by_user = {row.evaluator_user_id: row for row in rows}
    return [by_user[member.user.id] for member in chosen]


async def score_all(db: AsyncSession, bench: Bench, member: Member, evaluation: Evaluation, scores: list[int]) -> None:
    """Declare no interest, score every answer and send."""
    service = ScoringService(db)
    await service.declare(member.principal, evaluation.id, InterestForm(""))
    sheet = await service.sheet(member.principal, evaluation.id)
    for criterion, score in zip(sheet.criteria, scores, strict=False):
        await service.score(
            member.principal, evaluation.id, criterion.id, ScoreForm(score, f"{member.user.name} gives {score}")
        )
    await service.send(member.principal, evaluation.id)


def moderation_form(bench: Bench, scores: list[int], **given: Any) -> dict[str, Any]:
    """The form of moderation with a score for each answer."""
    form: dict[str, Any] = {"then": "finish"}
    for criterion, score in zip(scored_of(bench), scores, strict=False):
        form[f"score-{criterion.id}"] = str(score)
        form[f"feedback-{criterion.id}"] = "You say well what you do, and we would like to read how you know."
    return {**form, **given}


async def evaluated(
    db: AsyncSession, bench: Bench, first: list[int] | None = None, second: list[int] | None = None
) -> None:
    """Both evaluators have sent their scores."""
    rows = await assign(db, bench)
    for member, row, scores in zip(bench.evaluators, rows, (first or [4, 4, 4], second or [4, 4, 4]), strict=True):
        await score_all(db, bench, member, row, scores)


async def moderated(db: AsyncSession, bench: Bench, scores: list[int] | None = None) -> None:
    """The scores are agreed."""
    await evaluated(db, bench)
    await ModerationService(db).save(
        bench.lead.principal, bench.application.id, moderation_form(bench, scores or [4, 4, 4]), is_final=True
    )


def decision(bench: Bench, *outcomes: LotOutcome, version: int | None = None) -> DecisionForm:
    """A decision about the lots in their order."""
    lots = {
        lot.id: LotDecision(outcome, "" if outcome is LotOutcome.AWARDED else "It is not enough.")
        for lot, outcome in zip(bench.lots, outcomes, strict=False)
    }
    return DecisionForm(lots, "Thank you for applying.", version)


async def awarded(db: AsyncSession, bench: Bench) -> Agreement:
    """Both lots are awarded by the lead and the agreement is offered."""
    await moderated(db, bench)
    await DecisionService(db).decide(
        bench.lead.principal, bench.application.id, decision(bench, LotOutcome.AWARDED, LotOutcome.AWARDED)
    )
    return (await AgreementRepository(db).of_applications([bench.application.id]))[bench.application.id]


async def refusals(db: AsyncSession) -> list[tuple[str, str]]:
    """Audit rows of what was refused, as (action, why), oldest first."""
    rows = await db.execute(
        text("SELECT action, why FROM audit_entries WHERE after->>'refused' = 'true' ORDER BY number")
    )
    return [(row.action, row.why) for row in rows]


async def told(db: AsyncSession) -> list[tuple[str, str]]:
    """Run what evaluation does after the fact; returns the messages so far as (template, address), oldest first."""
    await scope_to(db, "every")
    await db.flush()
    for delivery in await relay(db):
        if delivery.task in {f"providers.{name}" for name in TASKS}:
            event = msgspec.convert(delivery.body, getattr(facts, delivery.event))
            await LISTENERS[delivery.task].function(delivery.message_id, event)
    await scope_to(db, "every")
    rows = await db.execute(text("SELECT template, to_address FROM messages ORDER BY created_at, id"))
    return [(row.template, row.to_address) for row in rows]
