"""What the pages of assessments show: the list, one assessment with what it lacks, and its forms."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.core.errors import NotFound
from marketplace.core.web import FormData, typed
from marketplace.people.assessing import AWARDED, AssessmentService, gives_long_term_budget, what_is_missing
from marketplace.people.models import Assessment, AssessmentKind, Person
from marketplace.people.ras import points_of
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_assessments import AssessmentRepository
from marketplace.people.stages import may_plan_long_term
from marketplace.people.states import AssessmentStatus
from marketplace.people.words_assessments import (
    ASSESSMENT_COLOURS,
    ASSESSMENT_LABELS,
    CARE_ACT_OUTCOMES,
    CARER_QUESTIONS,
    KINDS,
    MET_BY,
    outcomes_of,
)

STARTED_HERE = (AssessmentKind.ADULT, AssessmentKind.CARER_STAGE_2, AssessmentKind.EQUIPMENT)
STATES = {key.value: (ASSESSMENT_COLOURS[key], words) for key, words in ASSESSMENT_LABELS.items()}


async def assessment_facts(db: AsyncSession, row: Assessment) -> dict[str, Any]:
    """Return an assessment's needs and chosen answers as templates show them: `needs`, `answers`, `points`."""
    version = await AssessmentService(db).version_of(row)
    domains: list[dict[str, Any]] = version.domains if version else []
    if row.kind is AssessmentKind.CARER_STAGE_1:
        domains = CARER_QUESTIONS
    return {
        "needs": [
            {
                "id": need.id,
                "outcome": CARE_ACT_OUTCOMES.get(need.outcome, need.outcome),
                "words": need.words,
                "is_eligible": need.is_eligible,
                "met_by": MET_BY[need.met_by],
                "how": need.how,
            }
            for need in await AssessmentRepository(db).needs(row)
        ],
        "answers": [(domain["label"], _chosen(domain, row.answers)) for domain in domains],
        "points": points_of(version, row.answers, partial=True) if version else row.points,
        "ras": version,
    }


async def cared_for_by(db: AsyncSession, row: Assessment) -> Person | None:
    """Return whom a carer cares for, where it is written down."""
    if row.cares_for_person_id is None:
        return None
    return await PeopleRepository(db).find(row.council_id, row.cares_for_person_id)


async def index_page(
    db: AsyncSession, principal: Principal, person: Person, values: FormData, errors: dict[str, str]
) -> Template:
    """Return the list of a person's assessments, with the form that begins one."""
    rows = await AssessmentRepository(db).of_person(principal.council_id, person.id)
    context = {
        "person": person,
        "rows": rows,
        "carers": await AssessmentRepository(db).carers_of(principal.council_id, person.id),
        "kinds": KINDS,
        "states": STATES,
        "startable": [(kind.value, KINDS[kind]) for kind in STARTED_HERE],
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/assessments/index.html", context=context, status_code=422 if errors else 200)


async def assessment_page(
    db: AsyncSession, person: Person, row: Assessment, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    """Return the page of one assessment; while it is written it says what is missing."""
    facts = await assessment_facts(db, row)
    is_draft = row.status is AssessmentStatus.DRAFT
    needs = await AssessmentRepository(db).needs(row)
    missing = what_is_missing(row, needs, facts["ras"]) if is_draft else []
    if is_draft and gives_long_term_budget(row, facts["ras"]):
        waits = await may_plan_long_term(db, row.council_id, person.id)
        missing += [("stages", waits, "")] if waits else []
    users = {row.assessed_by_user_id} - {None}
    names = await AccountRepository(db).names({user for user in users if user is not None})
    context = {
        "person": person,
        "row": row,
        "kind": KINDS[row.kind],
        "state": STATES[row.status.value],
        "is_draft": is_draft,
        "missing": missing,
        "cared_for": await cared_for_by(db, row),
        "has_award": row.kind in AWARDED,
        "by": names.get(row.assessed_by_user_id, "") if row.assessed_by_user_id else "",
        "values": typed(dict(values)),
        "errors": errors,
        **facts,
    }
    return Template("people/assessments/show.html", context=context, status_code=422 if errors else 200)


async def answers_page(
    db: AsyncSession, person: Person, row: Assessment, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    """Return the questions of the points.

    Raises:
        NotFound: Nothing is asked for points here.
    """
    version = await AssessmentService(db).version_of(row)
    if version is None:
        raise NotFound
    context = {
        "person": person,
        "row": row,
        "domains": [
            {
                "name": f"answer-{domain['key']}",
                "label": domain["label"],
                "help": domain.get("help", ""),
                "options": [(answer["key"], answer["label"]) for answer in domain["answers"]],
            }
            for domain in version.domains
        ],
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/assessments/answers.html", context=context, status_code=422 if errors else 200)


def need_page(
    person: Person, row: Assessment, need_id: UUID | None, values: Mapping[str, Any], errors: dict[str, str]
) -> Template:
    """Return the form of a need; `need_id` None for one more."""
    context = {
        "person": person,
        "row": row,
        "need_id": need_id,
        "outcomes": list(outcomes_of(row.kind).items()),
        "met_by": [(key.value, words) for key, words in MET_BY.items()],
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/assessments/need.html", context=context, status_code=422 if errors else 200)


def decision_page(person: Person, row: Assessment, values: Mapping[str, Any], errors: dict[str, str]) -> Template:
    """Return the form of what was said and decided."""
    context = {
        "person": person,
        "row": row,
        "is_adult": row.kind is AssessmentKind.ADULT,
        "values": typed(dict(values)),
        "errors": errors,
    }
    return Template("people/assessments/decision.html", context=context, status_code=422 if errors else 200)


def _chosen(domain: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
    chosen = answers.get(domain["key"])
    return next((answer["label"] for answer in domain["answers"] if answer["key"] == chosen), "Not answered yet")
