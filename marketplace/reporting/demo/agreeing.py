"""What people and the council decide about budgets and plans: charges, challenges, carers, own plans, panel, asks.

One or two of each, where the council's case study speaks of it, and never about those behind the sign-ins: their
stories are for whoever tries the demo.
"""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.law import LawBook
from marketplace.core.clock import local
from marketplace.people.charges_rules import Means
from marketplace.people.models import (
    AssessmentKind,
    Budget,
    BudgetChallenge,
    BudgetKind,
    BudgetStatus,
    ChallengeStatus,
    FundingRoute,
)
from marketplace.plans.models import (
    AskStatus,
    ExchangeRun,
    PanelCase,
    Plan,
    PlanAsk,
    PlanShowcase,
    PlanVersion,
)
from marketplace.plans.states import PanelStatus, PlanStatus
from marketplace.reporting.demo.assessed import Assessed
from marketplace.reporting.demo.budget_rows import add_assessment, add_budget, add_charge, add_needs, make_person
from marketplace.reporting.demo.own_plans import make_own_plan, quiet
from marketplace.reporting.demo.world import Client, Council, World

LEFT_TO_LIVE_ON: Final = 22_870
"""A made-up minimum income of the charges, pence a week."""


def make_agreeing(world: World, council: Council, law: LawBook, assessed: list[Assessed]) -> None:
    """Tell what the council of a case study has to show."""
    if council.text.slug == "lancashire":
        _charged(world, council, law)
        _panel(world, council)
        _ask(world, council)
        _showcase(world, council)
        _exchange(world, council)
    elif council.text.slug == "doncaster":
        _charged(world, council, law)
        make_own_plan(world, council)
    elif assessed:
        _challenged(world, council, assessed)
        _carer_and_equipment(world, council, assessed)


def _charged(world: World, council: Council, law: LawBook) -> None:
    """Give two agreed budgets the assessment, estimate and charge they came from, and one estimate a challenge."""
    managed = [client for client in quiet(council) if client.route is FundingRoute.COUNCIL_MANAGED]
    rows = {row["person_id"]: row for row in world.book.of(Budget) if row["council_id"] == council.id}
    # A charge comes to what they pay already, and never to nothing.
    paying = [client for client in managed if client.own_weekly_pence]
    for client in [one for one in paying if one.is_final][:2]:
        row = rows[client.id]
        day = row["starts_on"] - timedelta(days=21)
        assessment_id = add_assessment(world, council, client.id, day, AssessmentKind.ADULT)
        add_needs(world, council, assessment_id, day, ("washing", "safe", "people"))
        charge_id = _charge(world, council, law, client, row["starts_on"])
        estimate = row["weekly_pence"] + 900
        advice_id = add_budget(
            world,
            council,
            client.id,
            day,
            BudgetStatus.INDICATIVE,
            estimate,
            own_weekly_pence=min(client.own_weekly_pence, estimate),
            assessment_id=assessment_id,
            variance_reason="Worked out from the hours of support that the assessment names.",
        )
        world.book.afterwards(
            Budget,
            row["id"],
            assessment_id=assessment_id,
            indicative_id=advice_id,
            financial_assessment_id=charge_id,
            variance_reason="The lunch club costs less than a visit at noon.",
        )
    waiting = next((client for client in managed if not client.is_final), None)
    if waiting is not None:
        words = "You counted one visit a day. I need help in the morning and at night."
        _challenge(world, council, waiting.id, waiting.user_id, rows[waiting.id]["id"], 6, words)


def _charge(world: World, council: Council, law: LawBook, client: Client, day: date) -> UUID:
    means = Means(
        capital_pence=900_000,
        income_weekly_pence=LEFT_TO_LIVE_ON + 1_000 + client.own_weekly_pence,
        expenses_weekly_pence=1_000,
        protected_weekly_pence=LEFT_TO_LIVE_ON,
    )
    return add_charge(world, council, law, client.id, day, means)[0]


def _challenge(
    world: World,
    council: Council,
    person_id: UUID,
    user_id: UUID,
    budget_id: UUID,
    days_ago: int,
    words: str,
    answer: str = "",
) -> None:
    """Keep a challenge: open, or answered a week later with the sum kept."""
    at = world.now - timedelta(days=days_ago)
    answered_at = at + timedelta(days=7) if answer else None
    manager = council.staff["manager"]
    row_id = world.book.add(
        BudgetChallenge,
        at,
        council_id=council.id,
        person_id=person_id,
        budget_id=budget_id,
        status=ChallengeStatus.UPHELD if answer else ChallengeStatus.OPEN,
        words=words,
        asked_by_user_id=user_id,
        asked_at=at,
        answer_by=local(at).date() + timedelta(days=28),
        answer=answer,
        answered_by_user_id=manager if answer else None,
        answered_at=answered_at,
        version=2 if answer else 1,
    )
    by = (user_id, "person")
    world.book.audit(council.id, at, "people.challenge_budget", "budget_challenge", row_id, by)


def _challenged(world: World, council: Council, assessed: list[Assessed]) -> None:
    """Let two of those with points ask about their sums."""
    new, old = assessed[1], next(one for one in assessed[8:] if one.final_weekly_pence is None)
    words = "The points say I wash on my own. I have not been able to since the spring."
    _challenge(world, council, new.person_id, new.user_id, new.budget_id, 2, words)
    words = "My sister gets more than I do."
    answer = "The points count what each of you needs. We went through your answers with you and they are right."
    _challenge(world, council, old.person_id, old.user_id, old.budget_id, 20, words, answer)


def _carer_and_equipment(world: World, council: Council, assessed: list[Assessed]) -> None:
    """Add a carer in two stages, with a budget of their own, and somebody who needs aids alone (R14, R15)."""
    number = 901 + len(assessed)
    rng = world.book.rng
    day = world.today - timedelta(days=33)
    carer_id, _, _ = make_person(world, council, rng, number, day - timedelta(days=20))
    answers = {"hours": "many", "nights": "some", "health": "some", "life": "none", "others": "some", "go_on": "help"}
    own: dict[str, Any] = {
        "cares_for_person_id": assessed[5].person_id,
        "in_my_words": "I love my brother. I have not slept through since May.",
        "agreed_outcomes": "One evening a week for myself",
    }
    first = day - timedelta(days=14)
    add_assessment(
        world, council, carer_id, first, AssessmentKind.CARER_STAGE_1, **own, answers=answers, points=9, rationale=""
    )
    second = add_assessment(world, council, carer_id, day, AssessmentKind.CARER_STAGE_2, **own)
    add_needs(world, council, second, day, ("people", "day"))
    add_budget(
        world,
        council,
        carer_id,
        day,
        BudgetStatus.INDICATIVE,
        2_500,
        kind=BudgetKind.CARER,
        assessment_id=second,
        variance_reason="An evening class and somebody who sits with the brother.",
    )
    day = world.today - timedelta(days=17)
    person_id, _, _ = make_person(world, council, rng, number + 1, day - timedelta(days=8))
    aids = add_assessment(
        world, council, person_id, day, AssessmentKind.EQUIPMENT, agreed_outcomes="Get in and out of the bath alone"
    )
    add_needs(world, council, aids, day, ("washing", "safe"))
    add_budget(
        world,
        council,
        person_id,
        day,
        BudgetStatus.INDICATIVE,
        0,
        kind=BudgetKind.EQUIPMENT,
        one_off_pence=18_500,
        assessment_id=aids,
        variance_reason="A bath board, two grab rails and the work to put them up.",
    )


def _versions(world: World, council: Council, *states: PlanStatus) -> list[tuple[dict[str, Any], Client]]:
    """Return versions in some states, with their people: none of the sign-ins' people or planner."""
    people = {client.id: client for client in quiet(council)}
    lead = council.lead_planner.id
    plans = {
        row["id"]: people[row["person_id"]]
        for row in world.book.of(Plan)
        if row["person_id"] in people and row["worker_id"] != lead
    }
    return [
        (row, plans[row["plan_id"]])
        for row in world.book.of(PlanVersion)
        if row["status"] in states and row["plan_id"] in plans
    ]


def _panel(world: World, council: Council) -> None:
    """Take one plan to the panel, and remember what it said of another."""
    asker, manager = council.recorders[0], council.staff["manager"]
    waiting = _versions(world, council, PlanStatus.AWAITING_SIGN_OFF)[:1]
    done = _versions(world, council, PlanStatus.SIGNED_OFF)[:1]
    for (version, _), decided in [(found, False) for found in waiting] + [(found, True) for found in done]:
        at = version["agreed_at"] + timedelta(minutes=10)
        over_at = at + timedelta(minutes=30)
        status = PanelStatus.DECIDED if decided else PanelStatus.LISTED
        row_id = world.book.add(
            PanelCase,
            at,
            council_id=council.id,
            plan_version_id=version["id"],
            status=status,
            question="May the person go on cooking alone with gas?",
            risks="The pan was left on the fire twice this winter.",
            persons_view="Cooking is what I get up for. I want a timer, not a microwave.",
            asked_by_user_id=asker,
            asked_at=at,
            panel_on=over_at.date() if decided else world.today + timedelta(days=9),
            members="Team manager, occupational therapist, fire service" if decided else "",
            is_supported=True if decided else None,
            decision="A gas stop with a timer is fitted first. Then yes." if decided else "",
            decided_by_user_id=manager if decided else None,
            decided_at=over_at if decided else None,
            version=3 if decided else 2,
        )
        moves = [(PanelStatus.ASKED, at, asker, ""), (PanelStatus.LISTED, at + timedelta(minutes=5), manager, "")]
        if decided:
            moves.append((PanelStatus.DECIDED, over_at, manager, ""))
        world.book.steps("panel_case", council.id, row_id, [(str(to), when, by, why) for to, when, by, why in moves])


def _ask(world: World, council: Council) -> None:
    """Ask for more for a plan that is being written, and agree to more for one that is in place."""
    manager = council.staff["manager"]
    for (version, client), agreed in [
        *((found, False) for found in _versions(world, council, PlanStatus.DRAFT, PlanStatus.RETURNED)[:1]),
        *((found, True) for found in _versions(world, council, PlanStatus.SIGNED_OFF)[1:2]),
    ]:
        at = version["updated_at"] if not agreed else version["submitted_at"]
        answered_at = at + timedelta(hours=1)
        world.book.add(
            PlanAsk,
            at,
            council_id=council.id,
            plan_version_id=version["id"],
            status=AskStatus.AGREED if agreed else AskStatus.OPEN,
            budget_weekly_pence=client.weekly_pence or 12_000,
            asked_weekly_pence=(client.weekly_pence or 12_000) + 3_500,
            reason="Two people are needed to lift safely in the evening.",
            asked_by_user_id=client.user_id,
            asked_at=at,
            answer="Agreed for three months, until the hoist is in." if agreed else "",
            agreed_weekly_pence=(client.weekly_pence or 12_000) + 2_500 if agreed else None,
            answered_by_user_id=manager if agreed else None,
            answered_at=answered_at if agreed else None,
            version=2 if agreed else 1,
        )


def _showcase(world: World, council: Council) -> None:
    """Show a plan of last month, and ask somebody whether theirs may be shown."""
    found = _versions(world, council, PlanStatus.SIGNED_OFF)[2:4]
    checker, manager = council.staff["quality"], council.staff["manager"]
    last = (world.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    texts = (
        ("A shed, a kettle and four friends", "He had stopped going out. Now a men’s shed meets in his own garage."),
        ("Singing on Tuesdays", "She wanted to sing again. A neighbour drives her to the choir, and stays for tea."),
    )
    for place, ((version, client), (title, story)) in enumerate(zip(found, texts, strict=False)):
        at = version["signed_off_at"] + timedelta(minutes=10)
        shown = place == 0
        world.book.add(
            PlanShowcase,
            at,
            council_id=council.id,
            plan_version_id=version["id"],
            month=last if shown else world.today.replace(day=1),
            title=title,
            story=story,
            why="It began with what the person is good at, and cost less than the visits before.",
            nominated_by_user_id=checker,
            nominated_at=at,
            consent_given=True if shown else None,
            consent_by_user_id=client.user_id if shown else None,
            consent_at=at + timedelta(minutes=20) if shown else None,
            published_at=at + timedelta(minutes=40) if shown else None,
            published_by_user_id=manager if shown else None,
            withdrawn_at=None,
            version=3 if shown else 1,
        )


def _exchange(world: World, council: Council) -> None:
    """Remember a file that came from the case system, with two rows that could not be used."""
    at = world.at(world.today - timedelta(days=8), 8)
    world.book.add(
        ExchangeRun,
        at,
        council_id=council.id,
        direction="in",
        what="referrals",
        format="csv",
        file_name="referrals-week.csv",
        sha256="",
        rows=14,
        created=0,
        updated=0,
        unchanged=12,
        refused=2,
        done=14,
        trouble="",
        problems=[
            {"row": 5, "column": "postcode", "problem": "This is no postcode"},
            {"row": 11, "column": "born_on", "problem": "Write the day like 1948-05-23"},
        ],
        started_by_user_id=council.staff["broker"],
        started_at=at,
        ended_at=at + timedelta(seconds=2),
    )
