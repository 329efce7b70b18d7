"""The case timeline: contact, stages, assessment, budget, plan, support and reviews in one line (L1, B24)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import instant, local, today
from marketplace.core.database import clock_of
from marketplace.core.formats import pounds, uk_date, uk_datetime
from marketplace.matching.models import Offer, Referral
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.people import PeopleRepository, may_plan_long_term, note_view
from marketplace.people.models import (
    Assessment,
    AssessmentKind,
    Budget,
    BudgetStatus,
    FrontDoorContact,
    Person,
    PersonStage,
)
from marketplace.people.repository_contacts import ContactRepository
from marketplace.people.repository_stages import CrisisRepository, StageRepository
from marketplace.people.states import AssessmentStatus
from marketplace.people.words import OUTCOMES, STAGES, TOPICS
from marketplace.plans.models import Plan, PlannedBy, PlanVersion, Review, ReviewKind
from marketplace.plans.repository.moving import IncomingRepository, MoveRepository
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.reporting.repository.timeline import TimelineRepository

ASSESSMENTS: dict[AssessmentKind, str] = {
    AssessmentKind.ADULT: "Assessment",
    AssessmentKind.CARER_STAGE_1: "Carer’s first assessment",
    AssessmentKind.CARER_STAGE_2: "Carer’s full assessment",
    AssessmentKind.EQUIPMENT: "Assessment for equipment",
}
REVIEWS: dict[ReviewKind, str] = {
    ReviewKind.WELFARE_CHECK: "First review",
    ReviewKind.ANNUAL: "Yearly review",
    ReviewKind.DIRECT_PAYMENT: "Review of the direct payment",
    ReviewKind.UNSCHEDULED: "Extra review",
}
PLAN_STEPS: dict[str, str] = {
    PlanStatus.IN_QUALITY_CHECK: "Plan sent to the council",
    PlanStatus.RETURNED: "Plan sent back with questions",
    PlanStatus.AWAITING_AGREEMENT: "Plan passed the council’s check",
    PlanStatus.AWAITING_SIGN_OFF: "Plan agreed",
    PlanStatus.SIGNED_OFF: "Plan signed off",
}


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as the timeline shows it."""

    at: str
    """ISO 8601, for machines and for the order."""
    when: str
    title: str
    by: str = ""
    text: str = ""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What comes next, who does it, and by which day."""

    what: str
    who: str
    by_day: date | None = None
    is_late: bool = False


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A person's case in one line."""

    person: Person
    next: list[Next]
    moments: list[Moment]
    """The latest first."""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a case."""

    contacts: Sequence[FrontDoorContact]
    stages: Sequence[PersonStage]
    assessments: Sequence[Assessment]
    budgets: Sequence[Budget]
    referrals: Sequence[Referral]
    offers: Sequence[Row[Offer, str, str]]
    versions: Sequence[Row[PlanVersion, Plan, str | None]]
    reviews: Sequence[Review]


class TimelineService:
    """Case timelines. Complaints are no part of them: they never decide what somebody gets."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.rows = TimelineRepository(db)

    async def own(self, principal: Principal) -> Timeline:
        """Return one's own timeline, or that of the person acted for.

        Raises:
            Forbidden: The person did not give a representative their plan.
            NotFound: The reader is no person.
        """
        principal.require(Permission.PLAN_OWN)
        person = await PeopleRepository(self.db).find(principal.council_id, principal.need_person())
        await note_view(self.db, principal, person.id, "timeline")
        return await self._timeline(principal.council_id, person, is_own=True)

    async def of_person(self, principal: Principal, person_id: UUID) -> Timeline:
        """Return somebody's timeline for council staff; who read it is noted for the person.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.PEOPLE_READ)
        person = await PeopleRepository(self.db).find(principal.council_id, person_id)
        await note_view(self.db, principal, person.id, "timeline")
        return await self._timeline(principal.council_id, person, is_own=False)

    async def _timeline(self, council_id: UUID, person: Person, *, is_own: bool) -> Timeline:
        case = _Case(
            contacts=await ContactRepository(self.db).of_person(council_id, person.id),
            stages=await StageRepository(self.db).of_person(council_id, person.id),
            assessments=await self.rows.assessments(council_id, person.id),
            budgets=await self.rows.budgets(council_id, person.id),
            referrals=await self.rows.referrals(council_id, person.id),
            offers=await self.rows.offers(council_id, person.id),
            versions=await self.rows.versions(council_id, person.id),
            reviews=await self.rows.reviews(council_id, person.id),
        )
        moments = [*_early(case, is_own), *_planning(case, is_own), *_reviews(case, is_own)]
        numbers = {row[0].id: row[0].number for row in case.versions}
        for step in await self.rows.steps(council_id, "plan_version", list(numbers)):
            if step.to_status in PLAN_STEPS:
                text = f"Version {numbers[step.subject_id]}" if numbers[step.subject_id] > 1 else ""
                moments.append(_at(step.at, PLAN_STEPS[step.to_status], text=text))
        moments += await self._moves(council_id, person.id, is_own)
        first, last, number = await self.rows.visits(council_id, person.id)
        if first is not None:
            moments.append(_at(first, "First visit"))
        if last is not None and number > 1:
            moments.append(_at(last, "Last visit so far", text=f"{number} visits in all"))
        if not is_own:
            for crisis in await CrisisRepository(self.db).of_person(council_id, person.id):
                if crisis.ended_on is not None:
                    moments.append(_on(crisis.ended_on, "Crisis ended"))
                moments.append(_on(crisis.started_on, "Crisis began"))
        waits = None if is_own else await may_plan_long_term(self.db, council_id, person.id)
        on = today(clock_of(self.db))
        return Timeline(
            person=person,
            next=[] if person.died_on else _next(case, person, is_own, waits, on),
            moments=sorted(moments, key=lambda moment: moment.at, reverse=True),
        )

    async def _moves(self, council_id: UUID, person_id: UUID, is_own: bool) -> list[Moment]:
        """Moves away to another council, and the case with which somebody came from one."""
        found = []
        for move in await MoveRepository(self.db).of_person(council_id, person_id):
            text = f"On {uk_date(move.moves_on)}"
            found.append(_at(move.recorded_at, "Move to another council written down", text=text))
            if move.answered_at is not None:
                who = "You said" if is_own else "The person said"
                word = "yes" if move.consent == "yes" else "no"
                found.append(_at(move.answered_at, f"{who} {word} to passing things on"))
            if move.cancelled_at is not None:
                found.append(_at(move.cancelled_at, "Move called off"))
        came = await IncomingRepository(self.db).of_person(council_id, person_id)
        return found + [_at(case.received_at, f"Passed on by {case.from_name}") for case in came]


def _at(at: datetime, title: str, *, by: str = "", text: str = "") -> Moment:
    return Moment(at=at.isoformat(), when=uk_datetime(at), title=title, by=by, text=text)


def _on(day: date, title: str, *, by: str = "", text: str = "", at: datetime | None = None) -> Moment:
    return Moment(at=(at or instant(day, time(0))).isoformat(), when=uk_date(day), title=title, by=by, text=text)


def _made_on(stage: PersonStage) -> datetime | None:
    """Return when a stage was written down, by its id, where that was on its first day: it follows the contact."""
    made_at = datetime.fromtimestamp((stage.id.int >> 80) / 1000, UTC)
    return made_at if local(made_at).date() == stage.started_on else None


def _early(case: _Case, is_own: bool) -> Iterator[Moment]:
    for contact in case.contacts:
        passed = f" to {contact.passed_to}" if contact.passed_to else ""
        title = "You asked the council for help" if is_own else "Contact at the front door"
        yield _at(contact.taken_at, title, text=f"{TOPICS[contact.topic]}. {OUTCOMES[contact.outcome]}{passed}.")
    for stage in case.stages:
        yield _on(stage.started_on, f"Stage {stage.stage}: {STAGES[stage.stage].lower()}", at=_made_on(stage))
    for assessment in case.assessments:
        if assessment.completed_at is not None:
            yield _at(assessment.completed_at, f"{ASSESSMENTS[assessment.kind]} done")
    for budget in case.budgets:
        titles = {BudgetStatus.INDICATIVE: "First idea of the budget", BudgetStatus.FINAL: "Budget agreed"}
        title = titles.get(budget.status, "Budget, ended by now")
        text = f"{pounds(budget.weekly_pence)} a week" if budget.weekly_pence else ""
        if budget.one_off_pence:
            text = f"{text}, {pounds(budget.one_off_pence)} once".lstrip(", ")
        yield _at(budget.created_at, title, text=text)


def _planning(case: _Case, is_own: bool) -> Iterator[Moment]:
    for referral in case.referrals:
        if referral.status is ReferralStatus.SELF_PLANNED:
            yield _at(referral.received_at, "You began to plan" if is_own else "The person plans for themselves")
        else:
            title = "The council asked for a plan with you" if is_own else f"Referral {referral.reference}"
            yield _at(referral.received_at, title)
    for offer, worker, organisation in case.offers:
        by = f"{worker}, {organisation}"
        # Whom a planner's refusal is about is no business of theirs; the person hears who comes.
        if not is_own:
            yield _at(offer.offered_at, "Offered to a planner", by=by)
        if offer.answered_at is not None and (offer.status is OfferStatus.ACCEPTED or not is_own):
            title = "A planner said yes" if offer.status is OfferStatus.ACCEPTED else f"Offer {offer.status.value}"
            yield _at(offer.answered_at, title, by=by)


def _reviews(case: _Case, is_own: bool) -> Iterator[Moment]:
    for review in case.reviews:
        name = REVIEWS[review.kind]
        if review.held_on is not None:
            yield _on(review.held_on, f"{name} held")
        if review.person_signed_at is not None:
            yield _at(review.person_signed_at, f"{name} signed by {'you' if is_own else 'the person'}")
        if review.signed_at is not None:
            yield _at(review.signed_at, f"{name} signed for the council")


def _next(case: _Case, person: Person, is_own: bool, waits: str | None, on: date) -> list[Next]:
    """Say what comes next: the step the case is at, then the next review."""
    you = "You" if is_own else person.name
    steps: Sequence[Callable[[], Next | None]] = (
        lambda: _next_of_plan(case, you),
        lambda: _next_of_referral(case, you, waits),
        lambda: _next_of_assessment(case),
        lambda: _next_of_contact(case),
    )
    found = [step for step in (ask() for ask in steps) if step is not None][:1]
    found += [
        *(
            Next(what=f"Sign the {REVIEWS[row.kind].lower()}", who=you)
            for row in case.reviews
            if row.status is ReviewStatus.HELD and row.person_signed_at is None
        ),
        *(
            Next(
                what=f"{REVIEWS[row.kind]}{' (booked)' if row.booked_on else ''}",
                who="The council" if row.responsible == "council" else "Your planner" if is_own else "The planner",
                by_day=row.booked_on or row.due_on,
            )
            for row in sorted(case.reviews, key=lambda row: row.due_on)
            if row.status in (ReviewStatus.DUE, ReviewStatus.BOOKED)
        ),
    ]
    return [_marked(step, on) for step in found]


def _marked(step: Next, on: date) -> Next:
    is_late = step.by_day is not None and step.by_day < on
    return Next(what=step.what, who=step.who, by_day=step.by_day, is_late=is_late)


def _next_of_plan(case: _Case, you: str) -> Next | None:
    due = {row.id: row.due_on for row in case.referrals}
    for version, plan, planner in case.versions:
        writer = you if plan.planned_by is PlannedBy.PERSON else planner or "The planner"
        by_day = due.get(plan.referral_id)
        steps: dict[PlanStatus, tuple[str, str]] = {
            PlanStatus.DRAFT: ("Write the plan", writer),
            PlanStatus.RETURNED: ("Put the plan right", writer),
            PlanStatus.IN_QUALITY_CHECK: ("Check the plan", "The council"),
            PlanStatus.AWAITING_AGREEMENT: ("Read the plan and say if it is right", you),
            PlanStatus.AWAITING_SIGN_OFF: ("Sign the plan off", "The council"),
        }
        if version.status in steps:
            what, who = steps[version.status]
            # A plan that is in place has kept its day; the day is not that of its later versions.
            return Next(what=what, who=who, by_day=by_day if version.number == 1 else None)
    return None


def _next_of_referral(case: _Case, you: str, waits: str | None) -> Next | None:
    planned = {plan.referral_id for _, plan, _ in case.versions}
    for referral in case.referrals:
        if referral.id in planned:
            continue
        open_offer = next(
            (row for row in case.offers if row[0].referral_id == referral.id and row[0].status is OfferStatus.OFFERED),
            None,
        )
        if open_offer is not None:
            offer, _, organisation = open_offer
            return Next(what="A planner answers", who=organisation, by_day=offer.answer_by.date())
        steps: dict[ReferralStatus, tuple[str, str]] = {
            ReferralStatus.RECEIVED: ("Find a planner", "The council"),
            ReferralStatus.INCOMPLETE: (waits or "Find out what is missing for the plan", "The council"),
            ReferralStatus.RETAINED: ("Plan with a council worker", "The council"),
            ReferralStatus.SELF_PLANNED: ("Write the plan", you),
            ReferralStatus.MATCHED: ("Begin the plan", "The planner"),
        }
        if referral.status in steps:
            what, who = steps[referral.status]
            return Next(what=what, who=who, by_day=referral.due_on)
    return None


def _next_of_assessment(case: _Case) -> Next | None:
    if any(row.status is AssessmentStatus.DRAFT for row in case.assessments):
        return Next(what="Finish the assessment", who="The council")
    return None


def _next_of_contact(case: _Case) -> Next | None:
    later: list[Any] = [*case.assessments, *case.referrals, *case.stages]
    if case.contacts and case.contacts[0].passed_to and not later:
        return Next(what="Call back", who=case.contacts[0].passed_to)
    return None
